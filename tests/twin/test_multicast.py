"""Multicast trees: instants by hand on the reference, counts alike in both engines, with and without timing.

Chip: inject 2, hop 3 (both ways), eject 3, cycle 1, credit 2 ps; one core per tile of a 3 x 3 mesh, tile id =
core id; send 1 ps, and nothing else takes any time. The host port is at tile 0.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import emulator as em
from emulator.testing import Case, cases, first_difference

MESH = {
    "mesh.width": 3,
    "mesh.height": 3,
    "cores.per_tile": 1,
    "mesh.inject_ps": 2,
    "mesh.hop_ps": {"ew": 3, "ns": 3},
    "mesh.eject_ps": 3,
    "mesh.cycle_ps": 1,
    "mesh.credit_ps": 2,
    "mesh.fifo_depth": 4,
    "mesh.multicast": "tree",
    "barrier_ps": {1: 0},
}
COSTS = ("update_inactive", "update_active", "spike", "receive", "synaptic_op_dense", "synaptic_op_sparse")


def chip_of(tiny: em.ChipSpec, **mesh: Any) -> em.ChipSpec:
    changes = {**MESH, **{f"latency_ps.{key}": 0 for key in COSTS}, "latency_ps.send": 1}
    return tiny.replace({**changes, **{f"mesh.{key}": value for key, value in mesh.items()}})


def star(chip: em.ChipSpec, targets: list[int], to_host: bool = False) -> em.Program:
    """A neuron on core 4, in the middle, fires in the first tick and reaches one on each target core."""
    network = em.Network("star")
    hub = network.add_population(
        "hub", 1, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1, refractory=15), to_host=to_host
    )
    leaves = network.add_population("leaf", len(targets), em.LoihiCuba())
    network.connect(hub, leaves, np.ones((1, len(targets))), synapse=em.LoihiSynapse())
    return em.compile(network, chip, mapping={"hub": [4], "leaf": targets})


def test_one_packet_is_copied_where_its_ways_part(tiny: em.ChipSpec) -> None:
    # From (1, 1) to (2, 2), (2, 0), (2, 1) and (0, 2): east once, west once, then north and south of each.
    chip = chip_of(tiny)
    result = em.run(star(chip, [8, 2, 5, 6]), 1, engine="reference")
    assert (result.counts["inject"], result.counts["eject"]) == (1, 4)
    assert [result.counts[f"hop_{side}"] for side in "ewns"] == [1, 1, 2, 1]
    # sent at 1, granted both ways at 3; copied on at 6, ejected beyond at 9, there at 12
    assert result.tick_ps.tolist() == [1 + 2 + 3 + 3 + 3]
    unicast = em.run(star(chip_of(tiny, multicast="none"), [8, 2, 5, 6]), 1, engine="reference")
    assert unicast.counts["inject"] == 4
    assert [unicast.counts[f"hop_{side}"] for side in "ewns"] == [3, 1, 2, 1]


def test_the_fifo_recovers_from_the_last_branch_only(tiny: em.ChipSpec) -> None:
    """Three spikes, sent at 1, 2 and 3, of which the last goes north only. Links east leave the chip and
    recover in 20 ps, all else in 10."""
    network = em.Network("three")
    hub = network.add_population("hub", 3, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1))
    leaf = network.add_population("leaf", 2, em.LoihiCuba())
    triplets = em.Triplets([0, 0, 1, 1, 2], [0, 1, 0, 1, 0], [1] * 5, 1)
    network.connect(hub, leaf, triplets, synapse=em.LoihiSynapse())
    border = {"width": 1, "height": 3, "link": {"hop_ps": {"ew": 3, "ns": 3}, "cycle_ps": 20}}
    mapping = {"hub": [4, 4, 4], "leaf": [7, 5]}
    chip = chip_of(tiny, chip=border, cycle_ps=10)
    result = em.run(em.compile(network, chip, mapping=mapping), 1, engine="reference")
    # The first leaves by both branches at 3; the second north at 13 and east at 23; the third at 23 + 10.
    assert result.tick_ps.tolist() == [33 + 3 + 3]
    assert result.record.link_counts[4].tolist() == [2, 0, 3, 0]
    # With one slot in the local FIFO, the second is pushed at 3 + 2; the third, sent at 6, at 23 + 2.
    shallow = em.compile(network, chip.replace({"mesh.fifo_depth": 1}), mapping=mapping)
    result = em.run(shallow, 1, engine="reference")
    assert result.record.timing is not None
    assert result.record.timing.stall_ps[0] == (5 - 2) + (25 - 6)


def test_a_branch_to_another_chip_waits_for_the_link_of_all_rows(tiny: em.ChipSpec) -> None:
    """Tiles 4 and 7 send east, to another chip, and south, at the same time."""
    network = em.Network("two")
    hubs = network.add_population("hub", 2, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1))
    leaves = network.add_population("leaf", 4, em.LoihiCuba())
    network.connect(hubs, leaves, em.Triplets([0, 0, 1, 1], [0, 1, 2, 3], [1] * 4, 1))
    link = {"hop_ps": {"ew": 3, "ns": 3}, "cycle_ps": 20}
    for merge, east_ps in ((1, 3), (2, 3), (3, 3 + 20)):  # rows 0, 1 | 2 and 0, 1, 2
        chip = chip_of(tiny, chip={"width": 1, "height": 3, "link": link | {"merge": merge}})
        mapping = {"hub": [4, 7], "leaf": [5, 1, 8, 4]}
        result = em.run(em.compile(network, chip, mapping=mapping), 1, engine="reference")
        # Both are granted south at 3; of the branches east the lower row's is, the other's as soon as it may.
        assert result.tick_ps.tolist() == [east_ps + 3 + 3]
        assert result.record.link_counts[[4, 7]].tolist() == [[1, 0, 0, 1], [1, 0, 0, 1]]


def test_the_host_and_the_own_core_are_branches_too(tiny: em.ChipSpec, engine: str) -> None:
    result = em.run(star(chip_of(tiny), [4, 5], to_host=True), 1, engine=engine, timing=False)
    assert (result.counts["inject"], result.counts["eject"], result.counts["host_out"]) == (1, 2, 1)
    assert [result.counts[f"hop_{side}"] for side in "ewns"] == [1, 1, 0, 1]


def test_destinations_without_a_way_are_dropped_one_by_one(tiny: em.ChipSpec, engine: str) -> None:
    chip = chip_of(tiny, faults={"policy": "drop", "links": [{"x": 2, "y": 1, "side": "N"}]})
    result = em.run(star(chip, [8, 2, 5]), 1, engine=engine, timing=False)
    assert (result.counts["inject"], result.counts["dropped"], result.counts["eject"]) == (1, 1, 2)
    assert [result.counts[f"hop_{side}"] for side in "ewns"] == [1, 0, 0, 1]


def test_the_native_engine_says_that_it_cannot_time_a_tree(tiny: em.ChipSpec) -> None:
    with pytest.raises(
        em.SimulationError,
        match=r"chip 'tiny': engine 'native' has no instants for mesh\.multicast 'tree': take engine "
        r"'reference', or timing=False",
    ):
        em.run(star(chip_of(tiny), [5]), 1)


TINY = em.load_chip("tiny")


@settings(max_examples=max(10, settings().max_examples // 3))
@given(cases(TINY, faulty=True))
def test_counts_of_trees_are_the_same_in_both_engines_and_with_timing(case: Case) -> None:
    faults = case.chip.mesh.faults
    sound = None if faults is None else faults.model_copy(update={"lossy": ()}).model_dump()
    chip = case.chip.replace({"mesh.multicast": "tree", "mesh.routing": "xy", "mesh.faults": sound})
    program = em.compile(case.network, chip, mapping=case.mapping)
    arguments: dict[str, Any] = {"stimulus": case.stimulus, "seed": case.seed}
    reference, native = (
        em.run(program, case.n_ticks, engine=engine, timing=False, **arguments)
        for engine in ("reference", "native")
    )
    assert first_difference(reference.record, native.record) is None
    timed = em.run(program, case.n_ticks, engine="reference", **arguments)
    assert first_difference(dataclasses.replace(timed.record, timing=None), reference.record) is None
    counts = timed.counts
    unicast = em.run(
        dataclasses.replace(program, chip=chip.replace({"mesh.multicast": "none"})),
        case.n_ticks, timing=False, **arguments,
    ).counts  # fmt: skip
    assert np.array_equal(timed.record.spikes, native.record.spikes)
    for event in ("eject", "host_out", "dropped", "synaptic_ops", "transmitted"):
        assert counts[event] == unicast[event], event
    assert counts["packets"] == counts["transmitted"] <= unicast["packets"]
    for event in ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip"):
        assert counts[event] <= unicast[event], event
