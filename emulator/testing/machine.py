"""ChipMachine: a chip in use, in any order of what people do to it. A Hypothesis state machine to subclass.

    class TestMyChip(ChipMachine.TestCase): ...

    class MyMachine(ChipMachine):
        chip = "my_chip.yaml"
        engine = my_engine          # (image, stimulus, chip) -> Record; see `Subject`

    TestMyMachine = MyMachine.TestCase

Rules and invariants of your own join those of `ChipMachine`; what the last step did is `self.last`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.faults import usable_cores
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.chip.state import state_tables
from emulator.engine import Result
from emulator.formats import load_chip
from emulator.program import Program
from emulator.record import State, first_difference
from emulator.testing.fitting import edges, mappings
from emulator.testing.subject import REFERENCE, Subject, compiled
from emulator.testing.trials import Trial, trials

MAX_STEP = 4  # ticks
IDLE_TICKS = 20  # after which a chip that goes on by itself is let go
AHEAD = 3  # ticks that input is given for at most


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A loaded chip and its state."""

    program: Program
    state: State | None  # None: as loaded


class ChipMachine(RuleBasedStateMachine):
    """A part of `chip` with a network that fits it.

    Rules: configure, load, inject, step, run until idle, read and write state, snapshot, restore, reset,
    remap, fail a link or a core. Invariants: no packet is lost on the way, no FIFO holds more than its depth,
    states are within their registers, energy never falls, and each step is that of the reference engine.
    """

    chip: ClassVar[ChipSpec | str] = "tiny"
    engine: ClassVar[str | Callable[..., Any]] = "native"

    snapshots = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        # not self.engine, which would make a method of a function
        self.subject = Subject(inspect.getattr_static(type(self), "engine"))
        self.state: State | None = None  # None: as loaded
        self.last: Result | None = None  # of the last step
        self.difference: str | None = None  # of the last step from the reference's
        self.energy_aj = 0  # since the machine was made
        self.energy_before_aj = 0
        self.input: dict[str, NDArray[np.bool_]] = {}  # of the ticks to come [AHEAD, n]

    @initialize(data=st.data())
    def configure(self, data: st.DataObject) -> None:
        """A part of the chip, a network, and a place for each of its neurons."""
        chip = load_chip(self.chip) if isinstance(self.chip, str) else self.chip
        self.trial: Trial = data.draw(trials(chip, "silent"))
        self._load(compiled(self.trial))

    @rule()
    def load(self) -> None:
        """The compiler's program again: places and faults are those of the last change."""
        self._load(compiled(replace(self.trial, chip=self.program.chip)))

    @rule(data=st.data())
    def inject(self, data: st.DataObject) -> None:
        """A spike of the host in one of the ticks to come."""
        if not self.input:
            return
        name = data.draw(st.sampled_from(sorted(self.input)))
        raster = self.input[name]
        tick, index = data.draw(st.integers(0, AHEAD - 1)), data.draw(st.integers(0, raster.shape[1] - 1))
        raster[tick, index] = True

    @rule(n_ticks=st.integers(1, MAX_STEP))
    def step(self, n_ticks: int) -> None:
        """Some ticks."""
        self._run(n_ticks)

    @rule()
    def run_until_idle(self) -> None:
        """Ticks until nothing spikes and nothing is due any more, or so many that it never may."""
        for _ in range(IDLE_TICKS):
            self._run(1)
            self.states_are_within_their_registers()  # else the next run is refused, in other words
            assert self.last is not None
            quiet = self.last.counts["packets"] == 0 and not self.last.state.pending.any()
            if quiet and not any(raster.any() for raster in self.input.values()):
                return

    @rule()
    def read_state(self) -> None:
        """Reading changes nothing: a run of no ticks returns the state that it was given."""
        if self.state is None:
            return
        same = self.subject.run(self.program, self._trial(0), state=self.state).result.state
        for name in ("u", "v", "refractory", "pending"):
            given, read = getattr(self.state, name), getattr(same, name)
            assert np.array_equal(given, read), f"state.{name} read as {read.tolist()}, is {given.tolist()}"

    @rule(data=st.data())
    def write_state(self, data: st.DataObject) -> None:
        """One compartment's voltage, often at the end of its register."""
        self._run(0)
        assert self.state is not None
        image, chip = self.program.image, self.program.chip
        table = state_tables(image, chip)["v"]
        low, high = max(table.low, -(2**23) + 1), min(table.high, 2**23 - 1)
        slot = data.draw(st.integers(0, image.n_slots - 1))
        if isinstance(image, Image):
            low, high = self._clips(image, slot, low, high)
        v = self.state.v.copy()
        v[0, slot] = data.draw(st.one_of(st.integers(low, high), edges(low, high)))
        self.state = replace(self.state, v=v)

    @rule(target=snapshots)
    def snapshot(self) -> Snapshot:
        return Snapshot(self.program, self.state)

    @rule(taken=snapshots)
    def restore(self, taken: Snapshot) -> None:
        self.program, self.state = taken.program, taken.state

    @rule()
    def reset(self) -> None:
        """The state of the image."""
        self._load(self.program)

    @precondition(lambda self: isinstance(self.program.image, Image))
    @rule(data=st.data())
    def remap(self, data: st.DataObject) -> None:
        """Other cores for the neurons, which keep their state."""
        self._move(self.program.chip, data.draw(mappings(self.program.chip, self.trial.network)))

    @precondition(lambda self: isinstance(self.program.image, Image) and self.program.chip.n_tiles > 1)
    @rule(data=st.data())
    def fail_link(self, data: st.DataObject) -> None:
        """A link dies; what cannot go another way is dropped from now on."""
        chip = self.program.chip
        grid = chip.grid
        links = [
            {"x": tile % chip.mesh.width, "y": tile // chip.mesh.width, "side": side}
            for tile in range(chip.n_tiles)
            for number, side in enumerate(DIRECTIONS)
            if grid.has_neighbour(tile, number)
        ]
        faults = _faults(chip)
        alive = [link for link in links if link not in faults["links"]]
        if alive:
            faults["links"].append(data.draw(st.sampled_from(alive)))
            self._move(chip.replace({"mesh.faults": faults}), self.trial.mapping)

    @precondition(lambda self: isinstance(self.program.image, Image))
    @rule(data=st.data())
    def fail_core(self, data: st.DataObject) -> None:
        """A core dies, and its neurons move with their state."""
        chip = self.program.chip
        usable = np.flatnonzero(usable_cores(chip)).tolist()
        n_taken = len(np.unique(np.concatenate(list(self.trial.mapping.values()))))
        if len(usable) <= n_taken:
            return
        faults = _faults(chip)
        faults["cores"].append(data.draw(st.sampled_from(usable)))
        worse = chip.replace({"mesh.faults": faults})
        self._move(worse, data.draw(mappings(worse, self.trial.network)))

    @invariant()
    def packets_are_conserved(self) -> None:
        if self.last is None:
            return
        counts = self.last.counts
        ended = counts["eject"] + counts["host_out"] + counts["dropped"] + counts["lost"]
        if self.program.chip.mesh.multicast == "none":
            assert counts["packets"] == ended, f"{counts['packets']} packets sent, {ended} came to an end"

    @invariant()
    def fifos_keep_their_depth(self) -> None:
        if self.last is None or self.last.record.timing is None:
            return
        mesh, timed = self.last.program.chip.mesh, self.last.record.timing
        assert timed.occupancy_max.max(initial=0) <= mesh.fifo_depth, "a FIFO held more than its depth"
        assert timed.intake_max.max(initial=0) <= mesh.intake_depth, "an intake held more than its depth"

    @invariant()
    def states_are_within_their_registers(self) -> None:
        if self.state is None:
            return
        for name, table in state_tables(self.program.image, self.program.chip).items():
            array = getattr(self.state, name)
            if array.size:
                low, high = int(array.min()), int(array.max())
                inside = table.low <= low and high <= table.high
                assert inside, f"state.{name} is {low}..{high}, its register holds {table.low}..{table.high}"

    @invariant()
    def energy_never_falls(self) -> None:
        assert self.energy_aj >= self.energy_before_aj, f"{self.energy_before_aj} aJ fell to {self.energy_aj}"

    @invariant()
    def steps_are_the_reference_s(self) -> None:
        assert self.difference is None, f"reference != {self.subject.name}: {self.difference}"

    def _load(self, program: Program) -> None:
        self.program = program
        self.state = None
        sources = [part for part in program.symbols.sources if part.generator is None]
        self.input = {part.name: np.zeros((AHEAD, part.n), dtype=np.bool_) for part in sources}

    def _trial(self, n_ticks: int) -> Trial:
        """The next ticks, with the input that is given for them."""
        stimulus = {}
        for name, raster in self.input.items():
            wanted = np.zeros((n_ticks, raster.shape[1]), dtype=np.bool_)
            wanted[:AHEAD] = raster[:n_ticks]
            stimulus[name] = wanted
        return replace(self.trial, n_ticks=n_ticks, stimulus=stimulus, chip=self.program.chip)

    def _run(self, n_ticks: int) -> None:
        trial = self._trial(n_ticks)
        answer = self.subject.run(self.program, trial, state=self.state)
        expected = REFERENCE.run(self.program, trial, state=self.state)
        self.last = answer.result
        self.difference = first_difference(expected.record, answer.record)
        self.state = answer.record.state
        for name, raster in self.input.items():
            later = np.zeros_like(raster)
            later[: max(AHEAD - n_ticks, 0)] = raster[n_ticks:]
            self.input[name] = later
        self.energy_before_aj = self.energy_aj
        self.energy_aj += self.last.energy.total_aj

    def _move(self, chip: ChipSpec, mapping: dict[str, NDArray[np.int64]]) -> None:
        """The network on other cores or another chip, its state with it."""
        before, state = self.program, self.state
        self.trial = replace(self.trial, chip=chip, mapping=mapping)
        self.program = compiled(self.trial)
        self.last = None
        if state is not None:
            self.state = moved(state, before, self.program)

    @staticmethod
    def _clips(image: Image, slot: int, low: int, high: int) -> tuple[int, int]:
        """What the compartment's configuration lets v be."""
        config = int(image.slot_config[slot])
        return max(low, int(image.config_vmin[config])), min(high, int(image.config_vmax[config]))


def moved(state: State, before: Program, after: Program) -> State:
    """The state of a network's neurons in the places that another program of it gives them."""
    new, old = before.image.n_slots, after.image.n_slots
    assert new == old, "programs of two networks"
    place = np.zeros(new, dtype=np.int64)  # old slot -> new slot
    for part in before.symbols.populations:
        place[part.address] = after.symbols.part(part.name, "population").address
    pending = state.pending.reshape(*state.pending.shape[:2], -1, new)
    return replace(
        state,
        image_digest=after.image.digest,
        u=_permuted(state.u, place),
        v=_permuted(state.v, place),
        refractory=_permuted(state.refractory, place),
        pending=_permuted(pending, place).reshape(state.pending.shape),
    )


def _permuted(array: NDArray[Any], place: NDArray[np.int64]) -> NDArray[Any]:
    out = np.empty_like(array)
    out[..., place] = array
    return out


def _faults(chip: ChipSpec) -> dict[str, Any]:
    """The faults of a chip as a table that takes more, with what has no way dropped."""
    faults = chip.mesh.faults
    if faults is None:
        return {"policy": "drop", "links": [], "routers": [], "cores": [], "lossy": []}
    given: dict[str, Any] = faults.model_dump()
    return {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()} | {
        "policy": "drop"
    }
