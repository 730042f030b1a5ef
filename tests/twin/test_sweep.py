"""The mesh in sweeps over its channels gives what the event loop and the reference give, each picosecond."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import emulator as em
from emulator.chip.spec import ChipSpec
from emulator.engine import blocks, native_mesh, sweep
from emulator.engine.mesh import PACKET_DTYPE
from emulator.testing import chips

BASE = em.load_chip("tiny")
RESULTS = ("push_ps", "arrive_ps", "link_counts", "occupancy_max", "stall_ps")
attack = settings(max_examples=2 * settings().max_examples)  # 10,000 in `make test-long`
twin = settings(max_examples=max(10, settings().max_examples // 3))


@st.composite
def meshes(draw: st.DrawFn) -> ChipSpec:
    """Up to 6 x 6 tiles, cut into chips or not, no links merged, FIFO depths 1 - 8 and the deepest."""
    depth = st.integers(1, 2) | st.integers(1, 8) | st.just(blocks.sweep.LIMITS["fifo_depth"])
    chip = draw(chips(BASE, max_side=6)).replace({"mesh.fifo_depth": draw(depth)})
    return chip.replace({"mesh.chip.link.merge": 1}) if chip.mesh.chip else chip


@st.composite
def bursts(draw: st.DrawFn, chip: ChipSpec, max_packets: int = 300) -> NDArray[Any]:
    """Traffic from a few packets to far more than the mesh takes at once, even or all to or from one tile.

    Long lists are drawn by a generator of random numbers: what matters in them is how much they collide.
    """
    n = draw(st.integers(0, 12) | st.integers(0, max_packets))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    span = draw(st.sampled_from((1, 10, 100, 1000, 10**6)))
    packets["inject_ps"] = rng.integers(0, span, n)
    packets["src"], packets["dst"] = rng.integers(0, chip.n_tiles, (2, n))
    one_tile = st.none() | st.integers(0, chip.n_tiles - 1)
    for name in ("src", "dst"):
        tile = draw(one_tile if draw(st.booleans()) else st.none())
        if tile is not None:
            some = rng.random(n) < draw(st.sampled_from((0.3, 1.0)))
            packets[name][some] = tile
    if n <= 12:  # few enough for single packets to matter
        packets["inject_ps"] = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 40)))
    return packets


def columns(packets: NDArray[Any]) -> tuple[Any, Any, Any]:
    return packets["inject_ps"].copy(), packets["src"].copy(), packets["dst"].copy()


def in_sweeps(chip: ChipSpec, packets: NDArray[Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Results and facts of a run in sweeps; it was not handed on to the loop."""
    facts = np.zeros(len(sweep.FACTS), dtype=np.int64)
    results = native_mesh.run_mesh(chip, *columns(packets), path="sweep", facts=facts)
    found = dict(zip(sweep.FACTS, facts.tolist(), strict=True))
    # every packet is pushed, takes its links and is granted to its core
    assert found["n_kept"] == results["link_counts"].sum() + 2 * len(packets)
    return results, found


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in RESULTS:
        assert np.array_equal(one[name], other[name]), name


@attack
@given(st.data())
def test_sweeps_and_event_loop_agree_to_the_picosecond(data: st.DataObject) -> None:
    chip = data.draw(meshes())
    packets = data.draw(bursts(chip))
    results, _ = in_sweeps(chip, packets)
    assert_equal(results, native_mesh.run_mesh(chip, *columns(packets), path="loop"))


@twin
@given(st.data())
def test_twin_sweeps_and_reference_agree_to_the_picosecond(data: st.DataObject) -> None:
    chip = data.draw(meshes())
    packets = data.draw(bursts(chip, max_packets=60))
    reference = em.run_mesh(chip, packets, engine="reference")
    assert_equal(in_sweeps(chip, packets)[0], vars(reference))


@twin
@given(st.data())
def test_no_time_depends_on_the_order_of_channels(data: st.DataObject) -> None:
    """It is only the order in which guesses are replaced by what is so."""
    chip = data.draw(meshes())
    packets = data.draw(bursts(chip, max_packets=100))
    results, _ = in_sweeps(chip, packets)
    ordered = sweep.channel_order
    n_channels = chip.n_tiles * sweep.N_CHANNELS
    seed = data.draw(st.integers(0, 2**32))
    with pytest.MonkeyPatch.context() as patch:
        shuffled = np.random.default_rng(seed).permutation(n_channels).astype(np.int32)
        patch.setattr(sweep, "channel_order", lambda chip: shuffled)
        assert_equal(in_sweeps(chip, packets)[0], results)
    assert sorted(ordered(chip).tolist()) == list(range(n_channels))


def chip_of(width: int, height: int, **mesh: Any) -> ChipSpec:
    timing = {"inject_ps": 2, "hop_ps": {"ew": 3, "ns": 3}, "eject_ps": 3, "cycle_ps": 1, "credit_ps": 2}
    mesh = {"width": width, "height": height, "fifo_depth": 4, "arbiter": "round_robin", **timing, **mesh}
    return BASE.replace({f"mesh.{key}": value for key, value in mesh.items()})


def uniform(chip: ChipSpec, n: int, span_ps: int, seed: int = 1) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    packets["inject_ps"] = rng.integers(0, span_ps, n)
    packets["src"], packets["dst"] = rng.integers(0, chip.n_tiles, (2, n))
    return packets


def test_one_sweep_is_enough_where_packets_do_not_meet() -> None:
    chip = chip_of(6, 6)
    _, facts = in_sweeps(chip, uniform(chip, 200, 10**7))
    assert facts["windows"] == facts["windows_of_one_sweep"] == facts["sweeps"]
    assert facts["n_computed"] == facts["n_kept"]


@pytest.mark.parametrize("arbiter", ["round_robin", "fixed", "oldest"])
@pytest.mark.parametrize(("depth", "span_ps"), [(1, 1), (2, 3000), (4, 1500), (8, 1000), (21, 300)])
def test_crowded_meshes_need_several_sweeps_and_agree(arbiter: str, depth: int, span_ps: int) -> None:
    chip = chip_of(6, 5, fifo_depth=depth, arbiter=arbiter)
    packets = uniform(chip, 8000, span_ps, seed=depth)
    results, facts = in_sweeps(chip, packets)
    assert facts["sweeps"] > facts["windows"] and facts["n_computed"] > facts["n_kept"]
    assert_equal(results, native_mesh.run_mesh(chip, *columns(packets), path="loop"))


def test_a_blocked_head_holds_back_what_is_behind_it_for_another_output() -> None:
    # Depth 1, and tile 2 takes a packet in 50 ps: tile 0 sends one there, then one that turns off at tile 1.
    chip = chip_of(3, 2, fifo_depth=1, cycle_ps=50)
    packets = np.array([(0, 2, 2), (0, 2, 2), (0, 1, 2), (1, 0, 2), (2, 0, 4)], dtype=PACKET_DTYPE)
    results, _ = in_sweeps(chip, packets)
    assert_equal(results, vars(em.run_mesh(chip, packets, engine="reference")))
    free = in_sweeps(chip, packets[4:])[0]
    assert results["arrive_ps"][4] - results["push_ps"][4] > free["arrive_ps"][0] - free["push_ps"][0] + 50


def test_a_full_ring_shortens_the_window_and_changes_nothing() -> None:
    # Quiet at first, so that windows grow, then two streams that share a link: in one window the FIFO behind
    # it gets more than a ring has slots, and the sources have pushed past the instant at which it is full.
    chip = chip_of(4, 1)
    packets = np.zeros(700, dtype=PACKET_DTYPE)
    packets["inject_ps"][:100] = np.arange(100) * 100
    packets["inject_ps"][100:] = 20_000 + 2 * np.arange(600)
    packets["src"], packets["dst"] = np.arange(700) % 2, 3
    results, facts = in_sweeps(chip, packets)
    assert facts["n_computed"] > facts["n_kept"]
    assert_equal(results, native_mesh.run_mesh(chip, *columns(packets), path="loop"))


def test_sweeps_that_do_not_pay_are_given_up_and_nobody_sees_it() -> None:
    chip = chip_of(8, 8, fifo_depth=1)
    for span_ps, begun in ((5_000, True), (1, False)):  # a crowd, and a burst that is not even tried
        packets = uniform(chip, 20_000, span_ps)
        facts = np.zeros(len(sweep.FACTS), dtype=np.int64)
        results = native_mesh.run_mesh(chip, *columns(packets), facts=facts)
        loop = native_mesh.run_mesh(chip, *columns(packets), path="loop")
        assert (facts[-1] > 0) == begun and facts[-1] < loop["link_counts"].sum() / 4
        assert_equal(results, loop)


def test_light_traffic_is_swept_without_being_asked_for() -> None:
    chip = chip_of(8, 8)
    packets = uniform(chip, 5000, 50_000)
    facts = np.zeros(len(sweep.FACTS), dtype=np.int64)
    results = native_mesh.run_mesh(chip, *columns(packets), facts=facts)
    assert facts[-1] == results["link_counts"].sum() + 2 * len(packets)
    assert_equal(results, native_mesh.run_mesh(chip, *columns(packets), path="loop"))


def test_few_packets_and_deep_fifos_go_through_the_event_loop() -> None:
    for chip, path in ((chip_of(6, 6), "auto"), (chip_of(6, 6, fifo_depth=22), "sweep")):
        packets = uniform(chip, 100, 100)
        facts = np.zeros(len(sweep.FACTS), dtype=np.int64)
        results = native_mesh.run_mesh(chip, *columns(packets), path=path, facts=facts)
        assert not facts.any()
        assert_equal(results, vars(em.run_mesh(chip, packets, engine="reference")))


def test_very_late_packets_keep_their_picoseconds() -> None:
    chip = chip_of(3, 3)
    packets = uniform(chip, 60, 30)
    packets["inject_ps"][30:] += 2**59
    results, facts = in_sweeps(chip, packets)
    assert facts["windows"] < 100  # the silence between is not searched
    assert_equal(results, native_mesh.run_mesh(chip, *columns(packets), path="loop"))


def test_the_block_refuses_arrays_that_do_not_fit() -> None:
    settings_of = np.array([2, 1, 5, 0, 4, 2, 3, 1, 2, 3, 3, 1, 3, 3, 1, 2, 1, 0], dtype=np.int64)
    ints, wide = (lambda *shape: np.zeros(shape, dtype=np.int32)), (lambda *shape: np.zeros(shape, np.int64))

    def call(settings: NDArray[np.int64], n_order: int) -> None:
        ptr = np.array([0, 1, 1], dtype=np.int64)
        blocks.sweep.sweep_mesh(
            settings, np.zeros(0, np.int8), wide(1), ints(1), ints(1), ptr, ints(n_order),
            wide(1), wide(1), wide(2, 4), wide(2, 5),
            wide(2), wide(6), False,
        )  # fmt: skip

    with pytest.raises(ValueError, match="inconsistent shape"):
        call(settings_of, 11)
    settings_of[4] = 22
    with pytest.raises(ValueError, match="fifo_depth"):
        call(settings_of, 12)
