"""Traffic generators: where packets go, when they are ready, and the bounds known without running them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator import traffic as tr
from emulator.testing import chips, traffic

BASE = em.load_chip("tiny")
SEED = 11


def mesh(width: int, height: int, **changes: Any) -> em.ChipSpec:
    return BASE.replace({"mesh.width": width, "mesh.height": height, **changes})


def targets(pattern: tr.Pattern) -> list[int]:
    assert pattern.target is not None
    return pattern.target.tolist()


def test_patterns_of_one_target_send_where_they_say() -> None:
    chip = mesh(8, 8)
    tile = np.arange(64)
    x, y = tile % 8, tile // 8
    assert targets(tr.transpose(chip)) == (x * 8 + y).tolist()
    assert targets(tr.bit_complement(chip)) == (tile ^ 63).tolist()
    assert targets(tr.tornado(chip)) == ((y + 3) % 8 * 8 + (x + 3) % 8).tolist()
    assert targets(tr.neighbour(chip)) == ((y + 1) % 8 * 8 + (x + 1) % 8).tolist()


def test_patterns_fit_meshes_that_are_no_square_of_a_power_of_two() -> None:
    chip = mesh(3, 2)
    assert targets(tr.bit_complement(chip)) == [5, 4, 3, 2, 1, 0]
    assert targets(tr.tornado(chip)) == [1, 2, 0, 4, 5, 3]  # + 1 of 3 in x, + 0 of 2 in y
    assert targets(tr.neighbour(chip)) == [4, 5, 3, 1, 2, 0]


def test_uniform_draws_every_tile_alike_itself_included() -> None:
    packets = tr.open_loop(mesh(4, 4), "uniform", 0.5, 20_000, seed=SEED)
    pairs = np.bincount(packets["src"] * 16 + packets["dst"], minlength=256)
    mean = len(packets) / 256
    # chi-square of 255 degrees of freedom: mean 255, standard deviation 22.6; 6 of them away is an error
    assert abs(((pairs - mean) ** 2 / mean).sum() - 255) < 6 * 22.6


def test_hotspot_draws_by_weight_and_heats_the_middle_unless_told() -> None:
    pattern = tr.hotspot(mesh(8, 8))
    assert pattern.weights is not None
    assert np.flatnonzero(pattern.weights == 5).tolist() == [27, 28, 35, 36] and pattern.weights.sum() == 80
    weights = np.zeros(16)
    weights[[3, 9]] = 1, 3
    packets = tr.burst(mesh(4, 4), tr.hotspot(mesh(4, 4), weights), 1000, seed=SEED)
    assert np.unique(packets["dst"]).tolist() == [3, 9]
    assert (packets["dst"] == 9).mean() == pytest.approx(0.75, abs=0.02)


# The published ideal saturation of each pattern on 8 x 8, and of uniform traffic on 16 x 16, by hand.
@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("uniform", 8, 1 / 2),
        ("uniform", 16, 1 / 4),
        ("transpose", 8, 1 / 7),
        ("bit_complement", 8, 1 / 4),
        ("tornado", 8, 1 / 3),
        ("neighbour", 8, 1.0),
        ("hotspot", 8, 1 / 4),
    ],
)
def test_ideal_saturation_is_the_published_one(name: str, side: int, expected: float) -> None:
    assert tr.ideal_saturation(mesh(side, side), name) == pytest.approx(expected, rel=1e-12)


def test_slow_links_between_chips_lower_the_ideal_saturation() -> None:
    part = {"width": 4, "height": 8, "link": {"hop_ps": {"ew": 9, "ns": 9}, "cycle_ps": 5}}
    # the link east over the middle carries 2 packets per tile and slot, one every 5 slots
    assert tr.ideal_saturation(mesh(8, 8, **{"mesh.chip": part}), "uniform") == pytest.approx(1 / 10)


def test_links_merged_into_one_lower_the_ideal_saturation_by_the_load_of_all() -> None:
    link = {"hop_ps": {"ew": 9, "ns": 9}, "cycle_ps": 5}
    for merge, most in ((1, 1), (2, 2), (3, 3), (8, 8)):  # of 8 rows; in threes the last group has 2
        part = {"width": 4, "height": 8, "link": link | {"merge": merge}}
        chip = mesh(8, 8, **{"mesh.chip": part, "mesh.fifo_depth": 8})
        assert tr.ideal_saturation(chip, "uniform") == pytest.approx(1 / (10 * most))
        assert tr.single_stream_rate(chip, 0, 7) == pytest.approx(1 / 5)
    to_the_east = tr.ideal_saturation(chip, "tornado")
    assert to_the_east == pytest.approx(1 / (3 * 8 * 5))  # each row sends 3 packets a slot over the middle


def test_the_wire_limit_of_a_merged_link_is_that_of_all_its_rows() -> None:
    part = {"width": 2, "height": 3, "link": {"hop_ps": {"ew": 20, "ns": 30}, "cycle_ps": 50, "merge": 2}}
    chip = mesh(4, 3, **{"mesh.chip": part})
    ends_ps = chip.mesh.inject_ps + chip.mesh.eject_ps
    src, dst = np.array([1, 5, 4, 9, 9]), np.array([2, 6, 6, 10, 10])
    limit = tr.wire_limit(chip, src, dst)
    # 3 packets cross in rows 0 and 1, which share, 2 in row 2, which is alone
    assert limit is not None and limit.link == (1, 0) and limit.link_ps == ends_ps + 2 * 50 + 20
    alone = tr.wire_limit(chip.replace({"mesh.chip.link.merge": 1}), src, dst)
    assert alone is not None and alone.link == (5, 0) and alone.link_ps == ends_ps + 50 + 20
    loads = tr.wire_loads(chip, tr.link_loads(chip, src, dst))
    assert [loads[tile, 0] for tile in (1, 5, 9, 4, 0)] == [3, 3, 2, 1, 0]
    packets = np.zeros(5, dtype=tr.PACKET_DTYPE)
    packets["src"], packets["dst"] = src, dst
    busy_ps = em.run_mesh(chip, packets).link_busy_ps
    assert [busy_ps[tile, 0] for tile in (1, 5, 9, 4)] == [150, 150, 100, chip.mesh.cycle_ps]


def test_bernoulli_injection_keeps_its_rate_and_each_tile_its_own_slots() -> None:
    chip, rate, n_slots = mesh(4, 4, **{"mesh.cycle_ps": 7}), 0.3, 10_000
    packets = tr.open_loop(chip, "uniform", rate, n_slots, seed=SEED)
    assert packets.dtype == tr.PACKET_DTYPE
    slot, rest = np.divmod(packets["inject_ps"], 7)
    assert not rest.any() and slot.max() < n_slots
    assert len(np.unique(slot * 16 + packets["src"])) == len(packets)  # one packet per tile and slot at most
    sigma = np.sqrt(n_slots * rate * (1 - rate))
    of_tile = np.bincount(packets["src"], minlength=16)
    assert (np.abs(of_tile - n_slots * rate) < 5 * sigma).all()
    # gaps between packets of a tile are geometric: a packet follows in the next slot with probability `rate`
    gaps = np.diff(slot[packets["src"] == 3])
    assert (gaps == 1).mean() == pytest.approx(rate, abs=5 * np.sqrt(rate / len(gaps)))


def test_periodic_injection_is_even_and_rate_1_fills_every_slot() -> None:
    chip = mesh(2, 2)
    packets = tr.open_loop(chip, "neighbour", 0.25, 12, process="periodic")
    assert packets["inject_ps"].tolist() == [3] * 4 + [7] * 4 + [11] * 4
    full = [tr.open_loop(chip, "neighbour", 1.0, 50, process=process) for process in tr.injection.PROCESSES]
    assert np.array_equal(full[0], full[1]) and len(full[0]) == 4 * 50


@pytest.mark.parametrize("process", tr.injection.PROCESSES)
def test_silence_is_traffic_too(process: str) -> None:
    assert len(tr.open_loop(mesh(2, 2), "uniform", 0.0, 1000, process=process)) == 0
    assert len(tr.open_loop(mesh(2, 2), "uniform", 0.5, 0, process=process)) == 0


@given(
    rate=st.floats(0.001, 1.0),
    n_slots=st.integers(1, 400),
    more=st.integers(0, 400),
    seed=st.integers(0, 2**64),
    name=st.sampled_from(sorted(tr.PATTERNS)),
)
def test_a_longer_run_starts_with_the_packets_of_the_shorter(
    rate: float, n_slots: int, more: int, seed: int, name: str
) -> None:
    chip = mesh(3, 3)
    short = tr.open_loop(chip, name, rate, n_slots, seed=seed)
    long = tr.open_loop(chip, name, rate, n_slots + more, seed=seed)
    assert np.array_equal(long[: len(short)], short)
    assert (long["inject_ps"][len(short) :] >= n_slots * chip.mesh.cycle_ps).all()
    assert np.array_equal(long, tr.open_loop(chip, name, rate, n_slots + more, seed=seed))


def test_patterns_of_one_seed_have_the_same_instants_and_seeds_differ() -> None:
    chip = mesh(4, 4)
    one, other = (tr.open_loop(chip, name, 0.2, 500, seed=SEED) for name in ("uniform", "tornado"))
    assert np.array_equal(one[["inject_ps", "src"]], other[["inject_ps", "src"]])
    again = tr.open_loop(chip, "uniform", 0.2, 500, seed=SEED + 1)
    assert not np.array_equal(one["inject_ps"][:100], again["inject_ps"][:100])


def test_a_burst_is_ready_at_once_from_every_tile_or_those_told() -> None:
    chip = mesh(2, 2)
    packets = tr.burst(chip, "bit_complement", 2)
    assert packets.tolist() == [(0, tile, 3 - tile) for tile in (0, 0, 1, 1, 2, 2, 3, 3)]
    some = tr.burst(chip, "bit_complement", [0, 3, 0, 1])
    assert some["src"].tolist() == [1, 1, 1, 3]


@pytest.mark.parametrize(
    ("match", "make"),
    [
        ("no pattern 'neighbor': choose from uniform", lambda chip: tr.pattern_of(chip, "neighbor")),
        ("made for 4 tiles, chip 'tiny' has 6", lambda chip: tr.pattern_of(chip, tr.uniform(BASE))),
        ("mesh is 3 x 2, must be square", tr.transpose),
        ("expected numbers \\[6\\]", lambda chip: tr.hotspot(chip, [1, 2])),
        ("weight of tile 2 is -1", lambda chip: tr.hotspot(chip, [0, 0, -1, 0, 0, 0])),
        ("weight of tile 1 is inf", lambda chip: tr.hotspot(chip, [0, np.inf, 0, 0, 0, 0])),
        ("all weights are 0", lambda chip: tr.hotspot(chip, np.zeros(6))),
        ("rate=1.5: must be a number in 0..1", lambda chip: tr.open_loop(chip, "uniform", 1.5, 10)),
        ("rate=nan", lambda chip: tr.open_loop(chip, "uniform", float("nan"), 10)),
        ("n_slots=-1: must be an integer", lambda chip: tr.open_loop(chip, "uniform", 0.5, -1)),
        ("n_slots=1.0", lambda chip: tr.open_loop(chip, "uniform", 0.5, 1.0)),
        ("ask for fewer", lambda chip: tr.open_loop(chip, "uniform", 0.5, 2**61)),
        ("some 3298534883328 packets", lambda chip: tr.open_loop(chip, "uniform", 0.5, 2**40)),
        (
            "process 'poisson': choose from",
            lambda chip: tr.open_loop(chip, "uniform", 0.5, 9, process="poisson"),
        ),
        ("seed=-1: must be an integer", lambda chip: tr.open_loop(chip, "uniform", 0.5, 9, seed=-1)),
        ("expected an integer or integers \\[6\\]", lambda chip: tr.burst(chip, "uniform", [1, 2])),
        ("n_packets -1..-1 of 6 tiles", lambda chip: tr.burst(chip, "uniform", -1)),
    ],
)
def test_traffic_that_cannot_be_is_refused_in_words(match: str, make: Callable[[em.ChipSpec], Any]) -> None:
    with pytest.raises(em.SimulationError, match=match):
        make(mesh(3, 2))


def test_everything_wrong_with_open_loop_traffic_is_told_at_once() -> None:
    with pytest.raises(em.SimulationError, match=r"rate=2(.|\n)*n_slots=-3(.|\n)*process 'x'"):
        tr.open_loop(BASE, "uniform", 2, -3, process="x")


@given(st.data())
def test_loads_and_limits_known_ahead_hold_for_what_the_mesh_does(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE))
    packets = data.draw(traffic(chip))
    src, dst = packets["src"], packets["dst"]
    result = em.run_mesh(chip, packets)
    assert np.array_equal(tr.link_loads(chip, src, dst), result.link_counts)
    assert (result.arrive_ps - result.push_ps >= tr.zero_load_ps(chip, src, dst)).all()
    limit = tr.wire_limit(chip, src, dst)
    if limit is None:
        assert not len(packets)
    else:
        makespan_ps = int(result.arrive_ps.max() - packets["inject_ps"].min())
        assert makespan_ps >= limit.bound_ps >= limit.distance_ps


def test_each_bound_is_met_exactly_by_the_traffic_that_it_binds(engine: str) -> None:
    chip = mesh(4, 4, **{"mesh.fifo_depth": 8})
    # one source, everything to its own tile: the source's own port binds
    alone = np.array([(0, 5, 5)] * 30, dtype=tr.PACKET_DTYPE)
    # the same next door: the link, a hop longer
    shift = np.array([(0, 0, 1)] * 30, dtype=tr.PACKET_DTYPE)
    # everybody once to tile 5: its output does
    gather = tr.burst(chip, tr.Pattern("gather", np.full(16, 5, dtype=np.int32), None), 3)
    for packets, binding in ((alone, "injection"), (shift, "link"), (gather, "ejection")):
        result = em.run_mesh(chip, packets, engine=engine)
        limit = tr.wire_limit(chip, packets["src"], packets["dst"])
        assert limit is not None and limit.binding == binding
        assert int(result.arrive_ps.max()) == limit.bound_ps


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("dst", [0, 1, 3, 7])
def test_single_stream_reaches_exactly_the_rate_of_the_formula(depth: int, dst: int, engine: str) -> None:
    changes = {"mesh.fifo_depth": depth, "mesh.hop_ps": {"ew": 9, "ns": 13}, "mesh.inject_ps": 4}
    chip = mesh(4, 2, **changes, **{"mesh.cycle_ps": 2, "mesh.credit_ps": 4, "mesh.eject_ps": 5})
    hop_ps = {0: 0, 1: 9, 3: 9, 7: 13}[dst]
    of_links = depth / (hop_ps + 4) if hop_ps else 1.0
    assert tr.single_stream_rate(chip, 0, dst) == min(1 / 2, of_links, depth / (4 + 4))
    packets = np.array([(0, 0, dst)] * 420, dtype=tr.PACKET_DTYPE)
    arrive_ps = em.run_mesh(chip, packets, engine=engine).arrive_ps
    n = 120  # divisible by every depth here: packets come in groups of `depth`, so the stream repeats by then
    assert n / int(arrive_ps[-1] - arrive_ps[-1 - n]) == pytest.approx(
        tr.single_stream_rate(chip, 0, dst), rel=1e-12
    )


CUT = {"routers": [{"x": 3, "y": 3}], "policy": "drop"}


@pytest.mark.parametrize("routing", ["xy", "table"])
def test_bounds_name_tiles_without_a_way(routing: str) -> None:
    chip = em.load_chip("tiny").replace(
        {"mesh.width": 4, "mesh.height": 4, "mesh.faults": CUT, "mesh.routing": routing}
    )
    src, dst = np.array([0, 1, 0]), np.array([5, 15, 15])
    for bound in (tr.link_loads, tr.zero_load_ps, tr.wire_limit):
        with pytest.raises(em.SimulationError, match=r"tile \(0, 0\) cannot reach tile \(3, 3\)"):
            bound(chip, src, dst)
    with pytest.raises(em.SimulationError, match=r"cannot reach tile \(3, 3\)"):
        tr.single_stream_rate(chip, 0, 15)


@pytest.mark.parametrize("routing", ["xy", "table"])
def test_saturation_and_curves_leave_out_what_is_dropped(routing: str) -> None:
    whole = em.load_chip("tiny").replace({"mesh.width": 4, "mesh.height": 4, "mesh.routing": routing})
    cut = whole.replace({"mesh.faults": CUT})
    target = np.full(16, 15)  # all to the dead tile but one
    target[0] = 1
    only = tr.Pattern("only", target.astype(np.int32), None)
    assert tr.ideal_saturation(whole, only) == pytest.approx(1 / 15) and tr.ideal_saturation(cut, only) == 1
    curve = em.load_curve(cut, "uniform", [0.1], warmup_slots=50, measure_slots=200, search=False)
    assert curve.points[0].stable and curve.points[0].accepted_rate < curve.points[0].injected_rate
    refused = cut.replace({"mesh.faults": {**CUT, "policy": "block"}})
    with pytest.raises(em.SimulationError, match=r"cannot reach tile \(3, 3\)"):
        em.load_curve(refused, "uniform", [0.1])


def test_what_is_no_chip_no_tile_and_no_list_is_told() -> None:
    chip, packets = em.load_chip("tiny"), np.zeros(1, tr.PACKET_DTYPE)
    for call in (tr.uniform, tr.tornado, lambda given: em.run_mesh(given, packets), em.traffic.hotspot):
        with pytest.raises(em.SimulationError, match="chip str 'tiny': must be a ChipSpec"):
            call("tiny")  # type: ignore[arg-type]
    with pytest.raises(em.SimulationError, match=r"dst: tiles 9..9, the mesh has 0..3"):
        tr.zero_load_ps(chip, np.array([0]), np.array([9]))
    with pytest.raises(em.SimulationError, match="src: float64"):
        tr.link_loads(chip, np.array([0.5]), np.array([1]))
    for rates in ("0.1", 0.1):
        with pytest.raises(em.SimulationError, match="expected a list of numbers"):
            em.load_curve(chip, "uniform", rates)  # type: ignore[arg-type]
    with pytest.raises(em.SimulationError, match="no pattern"):
        em.load_curve(chip, ["uniform"])  # type: ignore[arg-type]
