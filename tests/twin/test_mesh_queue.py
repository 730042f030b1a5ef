"""No instant of the mesh depends on the queue of its events: a wheel or a heap, in whatever order a bin's
events are put in. The heap in order to the ps is the plain way; the native mesh is compared with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import emulator as em
from emulator.engine import native, native_mesh
from emulator.engine.mesh import PACKET_DTYPE
from emulator.engine.native_mesh import Queue
from emulator.engine.stimulus import build_drive
from emulator.testing import Case, cases, chips, first_difference, traffic

BASE = em.load_chip("tiny")
HEAP = Queue(heap_only=True, bin_ps=1)
OTHERS = (
    Queue(),
    Queue(bin_ps=1),
    Queue(heap_only=True),
    Queue(shuffle=1),
    Queue(shuffle=2**62 + 5),
    Queue(bin_ps=1, shuffle=7),
    Queue(heap_only=True, bin_ps=1, shuffle=7),
)
law = settings(max_examples=max(10, settings().max_examples // 3))


def results(chip: em.ChipSpec, packets: NDArray[Any], queue: Queue) -> dict[str, Any]:
    columns = packets["inject_ps"], packets["src"], packets["dst"]
    return native_mesh.count_mesh(chip, *(np.ascontiguousarray(column) for column in columns), queue)[0]


def assert_same(chip: em.ChipSpec, packets: NDArray[Any], queues: tuple[Queue, ...] = OTHERS) -> None:
    expected = results(chip, packets, HEAP)
    for queue in queues:
        found = results(chip, packets, queue)
        for name, values in expected.items():
            assert np.array_equal(values, found[name]), (name, queue)


def random_packets(n: int, n_tiles: int, last_ps: int, seed: int) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    packets["inject_ps"] = rng.integers(0, last_ps + 1, n)
    packets["src"], packets["dst"] = rng.integers(0, n_tiles, (2, n))
    return packets


@given(st.data())
def test_no_instant_depends_on_the_queue(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE))
    assert_same(chip, data.draw(traffic(chip, max_packets=200)))


@law
@given(cases(BASE))
def test_no_record_depends_on_the_queue(case: Case) -> None:
    program = em.compile(case.network, case.chip, mapping=case.mapping)
    options: dict[str, Any] = {"batch": None, "state": None, "timing": True, "seed": case.seed}
    drive = build_drive(program, case.n_ticks, case.stimulus, **options)
    expected = native.run(program.image, program.chip, drive, queue=HEAP)
    for queue in OTHERS:
        found = native.run(program.image, program.chip, drive, queue=queue)
        assert first_difference(expected, found) is None, queue


@pytest.mark.parametrize("arbiter", ("round_robin", "fixed", "oldest"))
def test_a_large_mesh_under_bursts_keeps_its_instants(arbiter: str) -> None:
    """Too large for the nearest caches, so that memory is fetched ahead; hops of all lengths."""
    changes = {"width": 40, "height": 36, "arbiter": arbiter, "fifo_depth": 3, "cycle_ps": 2}
    chip = BASE.replace({f"mesh.{key}": value for key, value in changes.items()})
    for last_ps, seed in ((0, 1), (400, 2)):
        assert_same(chip, random_packets(20_000, chip.n_tiles, last_ps, seed))


def test_packets_far_in_the_future_wait_outside_the_wheel() -> None:
    """Some are injected 2**40 ps after the others, which pass their routers before."""
    packets = random_packets(3_000, BASE.n_tiles, 2_000, seed=3)
    packets["inject_ps"][::7] += 2**40
    chip = BASE.replace({"mesh.hop_ps": {"ew": 3, "ns": 10**6}})
    assert_same(chip, packets)
    assert (results(chip, packets, Queue())["push_ps"] >= packets["inject_ps"]).all()


def test_shuffling_shuffles_and_the_heap_is_used() -> None:
    """Else all of the above would compare a queue with itself."""
    chip = BASE.replace({"mesh.width": 8, "mesh.height": 8})
    packets = random_packets(2_000, chip.n_tiles, 100, seed=4)
    columns = [np.ascontiguousarray(packets[name]) for name in ("inject_ps", "src", "dst")]
    # A bin longer than the shortest latency is wrong, by how much depends on the order within it.
    wrong = [
        native_mesh.count_mesh(chip, *columns, Queue(bin_ps=16, shuffle=shuffle))[0] for shuffle in (0, 1, 2)
    ]
    right = native_mesh.count_mesh(chip, *columns)[0]
    arrivals = [result["arrive_ps"].tobytes() for result in (*wrong, right)]
    assert len(set(arrivals)) == 4
    # An output that is woken earlier than it was to be leaves an event behind: the heap keeps it longer.
    counts = {native_mesh.count_mesh(chip, *columns, queue)[1] for queue in (Queue(), Queue(bin_ps=1))}
    assert all(count >= len(packets) + right["link_counts"].sum() for count in counts)


@pytest.mark.parametrize("arbiter", ("round_robin", "fixed", "oldest"))
def test_cores_beyond_a_word_of_ports_compete_like_all(arbiter: str) -> None:
    """80 cores on each of two tiles send to three: more input FIFOs than a machine word has bits."""
    per_tile = 80
    chip = BASE.replace(
        {
            "mesh.width": 2,
            "mesh.height": 1,
            "mesh.arbiter": arbiter,
            "cores.per_tile": per_tile,
            "limits": {key: None for key in type(BASE.limits).model_fields} | {"compartments": 1},
        }
    )
    network = em.Network("crowd")
    everyone = network.add_population("all", 2 * per_tile, em.LoihiCuba(vth_mant=0, bias_mant=1))
    targets = np.arange(2 * per_tile) % 3 * 39  # cores 0, 39 and 78 of the first tile
    weights = em.Triplets(np.arange(2 * per_tile), targets, np.full(2 * per_tile, -2), 1)
    network.connect(everyone, everyone, weights=weights)
    program = em.compile(network, chip, mapping={"all": np.arange(2 * per_tile)})
    reference, found = (em.run(program, 1, engine=engine) for engine in ("reference", "native"))
    assert first_difference(reference.record, found.record) is None
    assert found.counts["packets"] == 2 * per_tile
