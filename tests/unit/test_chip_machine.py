"""ChipMachine: our engine survives any order of use, and what is wrong shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import emulator as em
from emulator.engine import native
from emulator.record import Record
from emulator.testing import ChipMachine
from emulator.testing.machine import moved

EXAMPLES = max(4, settings().max_examples // 60)


def play(machine: type[ChipMachine], examples: int = EXAMPLES) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=10,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", ["tiny", "truenorth"])
def test_any_order_of_use_leaves_a_sound_chip(name: str) -> None:
    class Machine(ChipMachine):
        chip = name

    play(Machine)


def forgets_state(image: Any, stimulus: Any, chip: Any) -> Record:
    return native.run(image, chip, replace(stimulus, state=None))


def overfills(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    assert record.timing is not None
    filling = record.timing.occupancy_max + chip.mesh.fifo_depth
    return replace(record, timing=replace(record.timing, occupancy_max=filling))


def swallows(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    return replace(record, counts_by_tick=record.counts_by_tick * 0 + 1)


def leaves_its_register(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    return replace(record, state=replace(record.state, v=record.state.v + 2**24))


def gives_energy_back(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    return replace(record, counts_by_tick=-1000 * abs(record.counts_by_tick))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (forgets_state, "reference != |state.* read as"),
        (overfills, "held more than its depth"),
        (swallows, "packets sent, .* came to an end"),
        (leaves_its_register, "its register holds|read as"),
        (gives_energy_back, "aJ fell to"),
    ],
)
def test_what_is_wrong_shows(wrong: Any, words: str) -> None:
    class Machine(ChipMachine):
        engine = wrong

    class Heir(Machine):
        """A machine of a machine, as users write them."""

    for rule in ("steps_are_the_reference_s", "packets_are_conserved"):
        if wrong in (overfills, leaves_its_register, gives_energy_back) or rule.startswith("steps"):
            setattr(Heir, rule, lambda self: None) if wrong is not forgets_state else None
    with pytest.raises(AssertionError, match=words):
        play(Heir, 100)


def test_neurons_take_their_state_to_other_cores(tiny: em.ChipSpec) -> None:
    network = em.Network("n")
    source = network.add_source("in", 1)
    pop = network.add_population("p", 3, em.LoihiCuba(du=100, vth_mant=500, bias_mant=[1, 20, 300]))
    network.connect(source, pop, np.array([[100, 50, 20]]), delay_ticks=3)
    here, there = (
        em.compile(network, tiny, mapping={"p": np.array(cores)}) for cores in ([0, 1, 2], [5, 5, 0])
    )
    raster = np.ones((20, 1), dtype=bool)
    whole = em.run(here, 20, {"in": raster})
    first = em.run(here, 7, {"in": raster[:7]})
    rest = em.run(there, 13, {"in": raster[7:]}, state=moved(first.state, here, there))
    after = rest.spikes("p") + np.array([7, 0])
    assert len(after) and np.array_equal(np.concatenate([first.spikes("p"), after]), whole.spikes("p"))
