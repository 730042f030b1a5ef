"""Chips of crossbar cores: what their descriptions hold, and every refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

import emulator as em
from emulator import report
from emulator.chip.spec import ChipSpec

LISTS_ONLY = (
    "synapse_memory_bits",
    "delay_slots",
    "compartment_configs",
    "threshold_configs",
    "refractory_ticks",
)
CROSSBARS = {
    "cores.model": "truenorth",
    "domain": "fixed",
    "tick_ps": 1000,
    "barrier_ps": None,
    "synapse_format": None,
    "limits": dict.fromkeys(LISTS_ONLY),
}


@pytest.fixture
def crossbars(tiny: ChipSpec) -> ChipSpec:
    return tiny.replace(CROSSBARS)


def test_a_description_from_before_there_were_crossbars_is_a_chip_with_a_barrier(tiny: ChipSpec) -> None:
    old = tiny.to_dict()
    del old["tick_ps"], old["cores"]["model"]
    del old["arithmetic"]["variant"], old["arithmetic"]["neuron_reset_type"]
    assert ChipSpec.from_dict(old) == tiny
    assert (tiny.domain, tiny.tick_ps, tiny.cores.model) == ("barrier", None, "cuba")


def test_a_chip_of_crossbars_survives_plain_tables(crossbars: ChipSpec) -> None:
    data = crossbars.to_dict()
    assert (data["barrier_ps"], data["synapse_format"], data["tick_ps"]) == (None, None, 1000)
    assert ChipSpec.from_dict(json.loads(json.dumps(data))) == crossbars
    # what is null may be left out
    assert ChipSpec.from_dict({key: value for key, value in data.items() if value is not None}) == crossbars


def test_a_chip_of_crossbars_becomes_one_of_lists_again_by_replace(
    tiny: ChipSpec, crossbars: ChipSpec
) -> None:
    changes = {
        "cores.model": "cuba",
        "domain": "barrier",
        "tick_ps": None,
        **{f"barrier_ps.{n}": ps for n, ps in tiny.barrier_ps.items()},
        "synapse_format": tiny.synapse_format,
        "limits": tiny.limits,
    }
    assert crossbars.replace(changes) == tiny


def test_a_chip_with_a_clock_has_no_barrier(crossbars: ChipSpec) -> None:
    assert crossbars.barrier_of(1) == crossbars.barrier_of(4) == 0


def test_the_variant_of_a_simulator_is_one_key_away(crossbars: ChipSpec) -> None:
    ranc = crossbars.replace({"arithmetic.variant": "ranc"})
    assert (ranc.arithmetic.variant, ranc.arithmetic.neuron_reset_type) == ("ranc", 0)
    assert ranc.replace({"arithmetic.neuron_reset_type": 1}).arithmetic.neuron_reset_type == 1
    assert ranc.replace({"arithmetic.variant": "chip"}) == crossbars


def test_a_chip_of_crossbars_is_explained_value_by_value(crossbars: ChipSpec) -> None:
    shown = {parameter.path: parameter.value for parameter in crossbars.parameters()}
    assert (shown["tick_ps"], shown["barrier_ps"], shown["synapse_format"]) == (1000, None, None)
    text = report.chip_text(crossbars)
    for words in ("tick_ps", "1,000", "truenorth", "duration of a tick in domain fixed"):
        assert words in text, words


LOSSY = [{"x": 0, "y": 0, "side": "E", "probability": 0.5}]
MALFORMED: list[tuple[dict[str, Any], str]] = [
    (
        {"arithmetic.overflow": "lava"},
        r"arithmetic\.overflow: 'lava', cores\.model 'truenorth' saturates: take 'chip'",
    ),
    (
        {"arithmetic.neuron_reset_type": 1},
        r"arithmetic\.neuron_reset_type: 1, arithmetic\.variant is 'chip': take 0, or arithmetic\.variant 'r",
    ),
    ({"arithmetic.neuron_reset_type": 2}, r"arithmetic\.neuron_reset_type: 2, must be at most 1"),
    (
        {"synapse_format": em.load_chip("tiny").synapse_format},
        r"synapse_format: given, cores\.model 'truenorth' has crossbars, not lists: set it to null",
    ),
    (
        {"limits.compartments": 257},
        r"limits\.compartments: 257, cores\.model 'truenorth' has at most 256: give 1\.\.256",
    ),
    ({"limits.axons_in": 257}, r"limits\.axons_in: 257, cores\.model 'truenorth' has at most 256"),
    ({"limits.axons_in": None}, r"limits\.axons_in: null, cores\.model 'truenorth' has at most 256: give"),
    ({"limits.delay_ticks": 16}, r"limits\.delay_ticks: 16, cores\.model 'truenorth' has at most 15: give"),
    ({"limits.delay_ticks": None}, r"limits\.delay_ticks: null, cores\.model 'truenorth' has at most 15"),
    *(
        (
            {f"limits.{key}": 8},
            rf"limits\.{key}: 8, cores\.model 'truenorth' has nothing it could limit: set it to null",
        )
        for key in LISTS_ONLY
    ),
    (
        {"mesh.multicast": "tree"},
        r"mesh\.multicast: 'tree', a neuron of cores\.model 'truenorth' has one target: take mesh\.multic",
    ),
    (
        {"mesh.faults": {"lossy": LOSSY}},
        r"mesh\.faults\.lossy: 1 links, cores\.model 'truenorth' loses no packets: take them out",
    ),
]


@pytest.mark.parametrize(("changes", "words"), MALFORMED, ids=[str(changes)[:60] for changes, _ in MALFORMED])
def test_a_malformed_chip_of_crossbars_is_refused(
    crossbars: ChipSpec, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(em.SpecError, match=words) as caught:
        crossbars.replace(changes)
    assert len(caught.value.problems) == 1


def test_all_that_keeps_a_chip_from_having_crossbars_is_told_at_once(tiny: ChipSpec) -> None:
    with pytest.raises(em.SpecError) as caught:
        tiny.replace({"cores.model": "truenorth", "arithmetic.overflow": "strict", "limits.axons_in": 300})
    assert len(caught.value.problems) == 1 + 1 + 1 + len(LISTS_ONLY)


def test_dead_cores_and_links_are_allowed(crossbars: ChipSpec) -> None:
    dead = {"policy": "drop", "links": [{"x": 0, "y": 0, "side": "E"}], "cores": [1]}
    assert crossbars.replace({"mesh.faults": dead}).mesh.faults is not None
