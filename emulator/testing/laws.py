"""The laws by name: what each says, what it is tried on, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.testing import mapper_laws, mesh_laws, run_laws
from emulator.testing.capacity import limit_trials
from emulator.testing.subject import Subject
from emulator.testing.trials import (
    crowded_trials,
    cuts,
    lone_packets,
    mesh_changes,
    mesh_trials,
    other_places,
    trials,
    varied,
)

LISTS = "cuba"  # cores with lists of synapses


@dataclass(frozen=True)
class Law:
    """A property that every chip and engine must have."""

    name: str
    check: Callable[[Subject, Any], None]  # raises LawBroken
    trials: Callable[[ChipSpec], st.SearchStrategy[Any]]
    ours_only: bool = False  # asks for more than an image can be run with
    model: str | None = None  # of cores; None: any
    of_mappers: bool = False  # about who puts a network onto a chip

    @property
    def about(self) -> str:
        """What it says, in a sentence or two."""
        return " ".join((self.check.__doc__ or "").split())

    def not_asked(self, chip: ChipSpec, subject: Subject) -> str | None:
        """Why the law has nothing to say of these; None: it has."""
        if self.model is not None and chip.cores.model != self.model:
            return f"is about cores of model {self.model!r}"
        if self.of_mappers and subject.mapper is None and not subject.is_ours:
            return "is about mappers, not engines: put one of your own in place of ours"
        if self.ours_only and not subject.is_ours:
            return "is about packets without cores, or options, that an engine of your own is not asked for"
        return None


def _own_spikes(chip: ChipSpec) -> st.SearchStrategy[Any]:
    return varied(trials(chip, generated=True), cuts)


def _samples(chip: ChipSpec) -> st.SearchStrategy[Any]:
    return varied(trials(chip), lambda _: st.integers(1, 3).map(lambda n: {"samples": n}))


def _threads(chip: ChipSpec) -> st.SearchStrategy[Any]:
    return varied(trials(chip), lambda _: st.integers(2, 4).map(lambda n: {"threads": n}))


_LAWS = (
    Law("twin", run_laws.twin, trials),
    Law("mesh_twin", mesh_laws.mesh_twin, mesh_trials, ours_only=True),
    Law("deadlock", mesh_laws.deadlock, crowded_trials, ours_only=True),
    Law("drain", mesh_laws.mesh_drain, mesh_trials, ours_only=True),
    Law("shallow", run_laws.drain, trials),
    Law("conservation", run_laws.conservation, trials),
    Law("fifos", run_laws.fifos, trials),
    Law("timing", run_laws.timing, lambda chip: varied(trials(chip), mesh_changes)),
    Law("zero_load", mesh_laws.zero_load, lone_packets, ours_only=True),
    Law("capacity", mesh_laws.capacity, limit_trials, ours_only=True),
    Law("energy", run_laws.energy, trials),
    Law("silence", run_laws.silence, trials),
    Law("split", run_laws.split, lambda chip: varied(trials(chip), cuts)),
    Law("placement", run_laws.placement, lambda chip: varied(trials(chip), other_places), model=LISTS),
    Law("legal", mapper_laws.legal, trials, model=LISTS, of_mappers=True),
    Law("faithful", mapper_laws.faithful, trials, model=LISTS, of_mappers=True),
    Law("same_spikes", mapper_laws.same_spikes, trials, model=LISTS, of_mappers=True),
    Law("sources", run_laws.sources, _own_spikes, ours_only=True, model=LISTS),
    Law("batch", run_laws.batch, _samples, ours_only=True),
    Law("threads", run_laws.threads, _threads, ours_only=True),
)
LAWS: dict[str, Law] = {law.name: law for law in _LAWS}


def chosen_laws(names: list[str] | None, of_mappers: bool = False) -> list[Law]:
    """Laws by name, in the order of LAWS; None: all, or, of_mappers, those about mappers. Raises
    SimulationError naming what there is."""
    if names is None:
        return [law for law in LAWS.values() if law.of_mappers or not of_mappers]
    unknown = [name for name in names if name not in LAWS]
    if unknown or not names:
        listed = ", ".join(map(repr, unknown)) or "''"
        raise SimulationError(f"law {listed}: choose from {', '.join(LAWS)}")
    return [law for law in LAWS.values() if law.name in names]
