"""Laws of mappers: they hold of ours and of a plain one, and find the mistake that each is about."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import emulator as em
from emulator.testing import LAWS, Subject, chosen_laws, verdict_of
from emulator.testing.mapper import mapped
from emulator.testing.run_laws import LawBroken

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import broken_mapper

LONG = settings().max_examples > 1000  # the nightly profile
FEW = 100 if LONG else 4
Mapper = Callable[[em.Network, em.ChipSpec], Any]


def lively(network: em.Network, chip: em.ChipSpec) -> em.Program:
    """Lowers every threshold by one."""
    program = em.compile(network, chip, effort="fast")
    lower = np.maximum(program.image.vth_mant.astype(np.int64) - 1, 0)
    return replace(program, image=replace(program.image, vth_mant=lower))


def onto_one_core(network: em.Network, chip: em.ChipSpec) -> dict[str, np.ndarray]:
    return {population.name: np.zeros(population.n, dtype=int) for population in network.populations}


@pytest.mark.parametrize("law", ["legal", "faithful", "same_spikes"])
@pytest.mark.parametrize("mapper", [None, broken_mapper.in_order])
def test_a_law_holds_of_mappers_that_are_right(law: str, mapper: Mapper | None) -> None:
    verdict = verdict_of(LAWS[law], em.load_chip("loihi"), Subject("native", mapper), FEW)
    assert (verdict.outcome, verdict.message) == ("holds", None)


@pytest.mark.parametrize(
    ("law", "mapper", "words", "n_neurons"),
    [
        (
            "legal",
            broken_mapper.from_behind,
            "the network fits, but: .*core id 4 of neuron 0 outside 0..3",
            1,
        ),
        ("legal", onto_one_core, "the network fits, but: .*pin some elsewhere", 2),
        (
            "faithful",
            broken_mapper.pruned,
            "the image has synapse .*mantissa 0.*, the network .*mantissa -?[123]",
            1,
        ),
        ("same_spikes", lively, "on cores drawn at random, .* as mapped", 1),
    ],
)
def test_the_mistake_of_a_mapper_is_found_and_made_small(
    law: str, mapper: Mapper, words: str, n_neurons: int
) -> None:
    chip = em.load_chip("loihi")
    if mapper is onto_one_core:
        chip = chip.replace({"limits.compartments": 1})
    shrink = LONG or law == "legal"  # the others take a while
    verdict = verdict_of(LAWS[law], chip, Subject("native", mapper), 6000, shrink=shrink)
    assert verdict.outcome == "broken" and verdict.trial is not None
    with pytest.raises(LawBroken, match=words):
        raise LawBroken(verdict.message)
    assert not shrink or (verdict.trial.size["neuron"], verdict.trial.size["tile"]) == (n_neurons, 1)


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (
            None,
            em.SimulationError,
            "returned NoneType, expected a Program, or cores as {population: integers",
        ),
        ({}, LawBroken, "population 'p' is placed nowhere"),
        ({"p": [0.0, 1.0]}, LawBroken, r"population 'p': cores float64\[2\], expected integers \[2\]"),
        ({"p": [0]}, LawBroken, r"population 'p': cores int64\[1\], expected integers \[2\]"),
        ({"p": [0, 1], "q": [0]}, LawBroken, "cores for 'q': no such population, there are p"),
    ],
)
def test_what_is_no_mapping_is_told(returned: Any, error: type[Exception], words: str) -> None:
    network = em.Network("n")
    network.add_population("p", 2, em.LoihiCuba())
    with pytest.raises(error, match=words):
        mapped(network, em.load_chip("tiny"), lambda network, chip: returned)


def test_a_program_for_another_chip_is_told() -> None:
    network = em.Network("n")
    network.add_population("p", 2, em.LoihiCuba())
    other = em.compile(network, em.load_chip("loihi"))
    with pytest.raises(LawBroken, match="the program is for chip 'loihi', asked for 'tiny'"):
        mapped(network, em.load_chip("tiny"), lambda network, chip: other)


def test_the_laws_of_mappers_are_asked_for_together() -> None:
    assert [law.name for law in chosen_laws(None, of_mappers=True)] == ["legal", "faithful", "same_spikes"]
    assert LAWS["legal"].not_asked(em.load_chip("truenorth"), Subject()) == "is about cores of model 'cuba'"
    assert LAWS["legal"].not_asked(em.load_chip("tiny"), Subject(print)) == (
        "is about mappers, not engines: put one of your own in place of ours"
    )
