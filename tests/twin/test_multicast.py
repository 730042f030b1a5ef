"""Multicast trees: instants by hand, and both engines alike to the picosecond, with and without timing.

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
from emulator.engine import native
from emulator.engine.native_mesh import Queue
from emulator.engine.stimulus import build_drive
from emulator.testing import Case, cases, first_difference
from emulator.testing.small_run import small_program

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


def test_one_packet_is_copied_where_its_ways_part(tiny: em.ChipSpec, engine: str) -> None:
    # From (1, 1) to (2, 2), (2, 0), (2, 1) and (0, 2): east once, west once, then north and south of each.
    chip = chip_of(tiny)
    result = em.run(star(chip, [8, 2, 5, 6]), 1, engine=engine)
    assert (result.counts["inject"], result.counts["eject"]) == (1, 4)
    assert [result.counts[f"hop_{side}"] for side in "ewns"] == [1, 1, 2, 1]
    # sent at 1, granted both ways at 3; copied on at 6, ejected beyond at 9, there at 12
    assert result.tick_ps.tolist() == [1 + 2 + 3 + 3 + 3]
    unicast = em.run(star(chip_of(tiny, multicast="none"), [8, 2, 5, 6]), 1, engine=engine)
    assert unicast.counts["inject"] == 4
    assert [unicast.counts[f"hop_{side}"] for side in "ewns"] == [3, 1, 2, 1]


def test_the_fifo_recovers_from_the_last_branch_only(tiny: em.ChipSpec, engine: str) -> None:
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
    result = em.run(em.compile(network, chip, mapping=mapping), 1, engine=engine)
    # The first leaves by both branches at 3; the second north at 13 and east at 23; the third at 23 + 10.
    assert result.tick_ps.tolist() == [33 + 3 + 3]
    assert result.record.link_counts[4].tolist() == [2, 0, 3, 0]
    # With one slot in the local FIFO, the second is pushed at 3 + 2; the third, sent at 6, at 23 + 2.
    shallow = em.compile(network, chip.replace({"mesh.fifo_depth": 1}), mapping=mapping)
    result = em.run(shallow, 1, engine=engine)
    assert result.record.timing is not None
    assert result.record.timing.stall_ps[0] == (5 - 2) + (25 - 6)


def test_a_branch_to_another_chip_waits_for_the_link_of_all_rows(tiny: em.ChipSpec, engine: str) -> None:
    """Tiles 4 and 7 send east, to another chip, and south, at the same time."""
    network = em.Network("two")
    hubs = network.add_population("hub", 2, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1))
    leaves = network.add_population("leaf", 4, em.LoihiCuba())
    network.connect(hubs, leaves, em.Triplets([0, 0, 1, 1], [0, 1, 2, 3], [1] * 4, 1))
    link = {"hop_ps": {"ew": 3, "ns": 3}, "cycle_ps": 20}
    for merge, east_ps in ((1, 3), (2, 3), (3, 3 + 20)):  # rows 0, 1 | 2 and 0, 1, 2
        chip = chip_of(tiny, chip={"width": 1, "height": 3, "link": link | {"merge": merge}})
        mapping = {"hub": [4, 7], "leaf": [5, 1, 8, 4]}
        result = em.run(em.compile(network, chip, mapping=mapping), 1, engine=engine)
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


def test_a_packet_without_any_way_costs_its_send_alone(tiny: em.ChipSpec, engine: str) -> None:
    chip = chip_of(tiny, faults={"policy": "drop", "links": [{"x": 1, "y": 1, "side": "E"}]})
    result = em.run(star(chip, [8, 2, 5]), 1, engine=engine)
    assert (result.counts["inject"], result.counts["dropped"], result.counts["eject"]) == (1, 3, 0)
    assert result.tick_ps.tolist() == [1]


def test_a_core_named_twice_by_one_sender_is_refused(tiny: em.ChipSpec, engine: str) -> None:
    program = small_program()
    image = program.image.replace(entry_ptr=np.array([0, 1, 2, 3, 5, 5]))
    twice = dataclasses.replace(program, image=image, chip=tiny.replace({"mesh.multicast": "tree"}))
    with pytest.raises(em.EmulatorError, match=r"entry_core\[4\] = 0: named by sender 3 before; with mesh\."):
        em.run(twice, 1, {"in": np.ones((1, 2), dtype=bool)}, engine=engine)


def test_a_trace_has_a_row_for_every_destination(tiny: em.ChipSpec, engine: str) -> None:
    chip = chip_of(tiny, faults={"policy": "drop", "links": [{"x": 2, "y": 1, "side": "N"}]})
    program = star(chip, [8, 2, 4, 3], to_host=True)
    trace = em.run(program, 1, engine=engine, trace=True).trace
    assert trace is not None
    # Sent at 1, granted at 3; the host port is west of tile 0, beyond core 3. Core 8 has no way.
    image = program.image
    arrivals = {2: 3 + 3 + 3 + 3, 3: 3 + 3 + 3, 4: 3 + 3}
    targets = [int(image.core_id[core]) if core < image.n_cores else None for core in trace.target]
    assert targets == [2, 3, 4, None]
    assert trace.push_ps.tolist() == [1] * 4
    assert trace.arrive_ps.tolist() == [*arrivals.values(), 3 + 3 + 3 + 3]


TINY = em.load_chip("tiny")


LAW = settings(max_examples=max(10, settings().max_examples // 3))
UNLIMITED = {key: None for key in type(TINY.limits).model_fields} | {"compartments": 64}


def trees(case: Case) -> em.Program:
    """The case on a chip with multicast, and without what excludes it."""
    faults = case.chip.mesh.faults
    sound = None if faults is None else faults.model_copy(update={"lossy": ()}).model_dump()
    chip = case.chip.replace({"mesh.multicast": "tree", "mesh.routing": "xy", "mesh.faults": sound})
    return em.compile(case.network, chip, mapping=case.mapping)


def run(case: Case, program: em.Program, **options: Any) -> em.Result:
    return em.run(program, case.n_ticks, stimulus=case.stimulus, seed=case.seed, **options)


@LAW
@given(cases(TINY, faulty=True))
def test_counts_of_trees_are_the_same_in_both_engines_and_with_timing(case: Case) -> None:
    program = trees(case)
    reference, native = (
        run(case, program, engine=engine, timing=False) for engine in ("reference", "native")
    )
    assert first_difference(reference.record, native.record) is None
    timed = run(case, program, engine="reference")
    assert first_difference(dataclasses.replace(timed.record, timing=None), reference.record) is None
    counts = timed.counts
    without = dataclasses.replace(program, chip=program.chip.replace({"mesh.multicast": "none"}))
    unicast = run(case, without, timing=False).counts
    assert np.array_equal(timed.record.spikes, native.record.spikes)
    for event in ("eject", "host_out", "dropped", "synaptic_ops", "transmitted"):
        assert counts[event] == unicast[event], event
    assert counts["packets"] == counts["transmitted"] <= unicast["packets"]
    for event in ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip"):
        assert counts[event] <= unicast[event], event


@settings(max_examples=settings().max_examples // 2)
@given(cases(TINY, faulty=True))
def test_instants_of_trees_are_the_same_in_both_engines(case: Case) -> None:
    program = trees(case)
    reference, native = (run(case, program, engine=engine, trace=True) for engine in ("reference", "native"))
    assert first_difference(reference.record, native.record) is None
    assert (native.tick_limits.bound_ps <= native.tick_limits.makespan_ps).all()


def drawn_chip(rng: np.random.Generator, arbiter: str) -> em.ChipSpec:
    """Short times and shallow buffers, so that branches wait for each other; one chip, or two."""

    def ps(most: int) -> int:
        return int(rng.integers(1, most + 1))

    link = {"hop_ps": {"ew": ps(20), "ns": ps(20)}, "cycle_ps": ps(20)}
    return TINY.replace(
        {
            **{f"latency_ps.{key}": ps(3) for key in (*COSTS, "send")},
            "limits": UNLIMITED,
            "cores.per_tile": 2,
            "mesh.width": 4,
            "mesh.height": 3,
            "mesh.multicast": "tree",
            "mesh.arbiter": arbiter,
            "mesh.fifo_depth": int(rng.integers(1, 3)),
            "mesh.intake_depth": int(rng.integers(1, 4)),
            "mesh.hop_ps": {"ew": ps(8), "ns": ps(8)},
            "mesh.inject_ps": ps(8),
            "mesh.eject_ps": ps(8),
            "mesh.cycle_ps": ps(8),
            "mesh.credit_ps": ps(8),
            "mesh.chip": {"width": 2, "height": 3, "link": link} if rng.integers(2) else None,
        }
    )


def crowd(rng: np.random.Generator, chip: em.ChipSpec) -> em.Program:
    """Neurons of few cores, and inputs, that nearly all send to nearly all cores; some to the host too."""
    network = em.Network("crowd")
    source = network.add_source("in", 3)
    first = network.add_population(
        "first", 30, em.LoihiCuba(vth_mant=0, bias_mant=1, refractory=2), to_host=True
    )
    second = network.add_population("second", 20, em.LoihiCuba(vth_mant=1, bias_mant=20))
    for pre, post in ((first, second), (second, first), (source, first), (source, second), (first, first)):
        network.connect(pre, post, rng.integers(-3, 4, (pre.n, post.n)), synapse=em.LoihiSynapse())
    few = rng.choice(chip.n_cores, 2, replace=False)
    mapping = {"first": rng.choice(few, 30), "second": rng.integers(0, chip.n_cores, 20)}
    return em.compile(network, chip, mapping=mapping)


@pytest.mark.parametrize("arbiter", ("round_robin", "fixed", "oldest"))
@pytest.mark.parametrize("seed", range(4))
def test_instants_of_crowded_trees_are_the_same_in_both_engines(arbiter: str, seed: int) -> None:
    """However the native engine keeps its events."""
    rng = np.random.default_rng([seed, len(arbiter)])
    program = crowd(rng, drawn_chip(rng, arbiter))
    stimulus = {"in": rng.random((3, 3)) < 0.5}
    reference = em.run(program, 3, stimulus, engine="reference", trace=True)
    counts = reference.counts
    assert counts["eject"] > 8 * counts["packets"] and reference.record.timing is not None
    assert reference.record.timing.stall_ps.any()
    limits = reference.tick_limits
    assert (limits.bound_ps <= limits.makespan_ps).all() and limits.n_packets.sum() == counts["packets"]
    drive = build_drive(program, 3, stimulus, batch=None, state=None, timing=True, trace=True, seed=0)
    for queue in (Queue(), Queue(heap_only=True, bin_ps=1), Queue(shuffle=1), Queue(shuffle=2**62 + 5)):
        found = native.run(program.image, program.chip, drive, queue=queue)
        assert first_difference(reference.record, found) is None, queue


@pytest.mark.parametrize("arbiter", ("round_robin", "fixed", "oldest"))
def test_branches_to_cores_beyond_a_word_of_ports(arbiter: str) -> None:
    """Of 70 cores on each of two tiles, the last send to many of both: more outputs than a word has bits."""
    per_tile = 70
    size = {"mesh.width": 2, "mesh.height": 1, "cores.per_tile": per_tile, "limits": UNLIMITED}
    chip = TINY.replace({**size, "mesh.arbiter": arbiter, "mesh.multicast": "tree"})
    network = em.Network("wide")
    senders = network.add_population("senders", 12, em.LoihiCuba(vth_mant=0, bias_mant=1))
    targets = network.add_population("targets", 40, em.LoihiCuba())
    network.connect(senders, targets, np.ones((12, 40)), synapse=em.LoihiSynapse())
    ends = np.arange(6) + per_tile - 6
    mapping = {"senders": np.concatenate([ends, ends + per_tile]), "targets": 1 + 3 * np.arange(40)}
    program = em.compile(network, chip, mapping=mapping)
    reference, found = (em.run(program, 1, engine=engine, trace=True) for engine in ("reference", "native"))
    assert first_difference(reference.record, found.record) is None
    assert found.counts["packets"] == 12 and found.counts["eject"] == 480
