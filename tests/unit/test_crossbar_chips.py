"""Chips of crossbar cores: what their descriptions hold, and every refusal."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import energy, report
from emulator.chip.board import shared_links
from emulator.chip.events import EVENTS
from emulator.chip.spec import ChipSpec
from emulator.testing.small_run import small_program, small_record

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
    assert "no limit" not in text  # what it has no limit of, it does not have


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


# Merolla et al. 2014, Cassidy et al. 2013
PUBLISHED = {
    "mesh.width": 64,
    "mesh.height": 64,
    "mesh.routing": "xy",
    "cores.per_tile": 1,
    "cores.model": "truenorth",
    "domain": "fixed",
    "tick_ps": 10**9,
    "barrier_ps": None,
    "limits.compartments": 256,
    "limits.axons_in": 256,
    "limits.delay_ticks": 15,
    "arithmetic.variant": "chip",
    "arithmetic.neuron_reset_type": 0,
}


def test_truenorth_has_the_published_numbers() -> None:
    chip = em.load_chip("truenorth")
    values = {parameter.path: parameter.value for parameter in chip.parameters()}
    assert {path: values[path] for path in PUBLISHED} == PUBLISHED
    assert chip.real_chip and chip.n_cores * chip.limits.compartments == 2**20
    ranc = chip.replace({"arithmetic.variant": "ranc", "arithmetic.neuron_reset_type": 1})
    assert ranc.arithmetic.neuron_reset_type == 1


def test_a_core_with_every_synapse_at_work_is_done_within_its_tick() -> None:
    chip = em.load_chip("truenorth")
    latency = chip.latency_ps
    updates = 256 * (latency.update_active + latency.spike + latency.send)
    synapses = 256 * (latency.receive + 256 * latency.synaptic_op_dense)
    assert chip.tick_ps is not None and updates + synapses < chip.tick_ps


def test_the_board_is_sixteen_chips_whose_rows_leave_by_two_links_a_side() -> None:
    board, chip = em.load_chip("ns16e"), em.load_chip("truenorth")
    assert (board.n_chips, board.n_cores, board.chip_size) == (16, 65_536, (64, 64))
    one = board.to_dict() | {key: chip.to_dict()[key] for key in ("name", "description")}
    one["mesh"] |= {"width": 64, "height": 64, "chip": None}
    one["energy_pj"]["hop_chip"] = 0.0
    assert ChipSpec.from_dict(one) == chip
    east_of_chip = np.arange(64) * 256 + 63  # tiles of the eastern side of the first chip
    leaves_by = shared_links(board)[east_of_chip, 0]
    assert len(np.unique(leaves_by)) == 2 and len(np.unique(leaves_by[:32])) == 1


def second_of(chip: ChipSpec, rate_hz: int, n_synapses: int) -> energy.Ledger:
    """A second of a full chip in which every neuron fires at a rate, its spikes reach so many synapses each,
    and targets are drawn uniformly: counts worked out here, without a run."""
    width, height, n_ticks = chip.mesh.width, chip.mesh.height, 1000
    n_neurons = chip.n_cores * chip.limits.compartments
    n_spikes = n_neurons * rate_hz
    hops = {
        axis: n_spikes * np.abs(np.arange(n)[:, None] - np.arange(n)).mean()
        for axis, n in (("ew", width), ("ns", height))
    }
    counts = {
        "spikes": n_spikes,
        "transmitted": n_spikes,
        "inject": n_spikes,
        "eject": n_spikes,
        "axon_in": n_spikes,
        "synaptic_ops_dense": n_spikes * n_synapses,
        **{f"hop_{side}": hops["ew"] / 2 for side in "ew"},
        **{f"hop_{side}": hops["ns"] / 2 for side in "ns"},
        "update_active": n_neurons * n_ticks,
        "barrier": n_ticks,
    }
    whole = np.array([int(counts.get(event, 0)) for event in EVENTS])
    by_tick = np.diff(np.arange(n_ticks + 1)[:, None] * whole // n_ticks, axis=0)
    program = small_program()
    record = dataclasses.replace(small_record(program, timed=False), n_ticks=n_ticks, counts_by_tick=by_tick)
    return energy.price(record, chip, dataclasses.replace(program, chip=chip))


def within_10_percent(value: float, published: float) -> bool:
    return abs(value / published - 1) <= 0.1


def test_energy_comes_to_the_three_published_totals_of_the_chip() -> None:
    chip = em.load_chip("truenorth")
    real_time, busiest = second_of(chip, 20, 128), second_of(chip, 200, 256)
    assert within_10_percent(real_time.total_j, 0.065)  # W: the run is a second long
    for ledger, gsops_per_watt in ((real_time, 46), (busiest, 400)):
        assert within_10_percent(ledger.counts["synaptic_ops"] / ledger.total_j / 1e9, gsops_per_watt)


def test_energy_without_activity_is_the_constant_part_of_the_fit() -> None:
    chip = em.load_chip("truenorth")
    idle = second_of(chip, 0, 0)
    assert 0.054 <= idle.total_j <= 0.057
    assert idle.static_j == pytest.approx(chip.static_power_mw / 1000)
    # of the board sixteen times as much: as many neurons, as many chips at rest
    assert second_of(em.load_chip("ns16e"), 0, 0).total_aj == 16 * idle.total_aj
