"""Placing: planted orders are found again, nothing gets worse, pins, dead cores and chips are respected."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import emulator as em
from emulator.compiler.blocks import place as block
from emulator.compiler.pipeline import run_passes
from emulator.compiler.placing import EFFORTS, Traffic, place_bins, traffic_of_bins
from emulator.compiler.placing.choose import DRAWS, score_of
from emulator.compiler.placing.ground import crossing_hops, ground_of
from emulator.compiler.placing.starts import hilbert
from emulator.testing import Case, cases
from emulator.testing.crossbars import crossbar_chip

TINY = em.load_chip("tiny")
FEWER = settings.default.max_examples // 3


def mesh(width: int, height: int, per_tile: int = 1, **changes: Any) -> em.ChipSpec:
    size = {"mesh.width": width, "mesh.height": height, "cores.per_tile": per_tile}
    return TINY.replace({**size, **{key.replace("__", "."): value for key, value in changes.items()}})


def board(width: int, height: int, part_width: int, part_height: int) -> em.ChipSpec:
    link = {"hop_ps": {"ew": 10 * TINY.mesh.hop_ps.ew, "ns": 10 * TINY.mesh.hop_ps.ns}, "cycle_ps": 9}
    return mesh(width, height, mesh__chip={"width": part_width, "height": part_height, "link": link})


def sheet(width: int, height: int, seed: int = 0) -> Traffic:
    """Bins that talk to their neighbours on a sheet, 10 packets each way, in a random order."""
    number = np.random.default_rng(seed).permutation(width * height).reshape(height, width)
    near = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    far = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    source, target = (np.concatenate(ends).astype(np.int32) for ends in ((near, far), (far, near)))
    return Traffic(width * height, source, target, np.full(len(source), 10, dtype=np.int64))


def free(n_bins: int, chip: em.ChipSpec) -> NDArray[np.int32]:
    return np.full(n_bins, chip.n_cores, dtype=np.int32)


def grid_network(side: int, seed: int = 0) -> em.Network:
    """A neuron per place of a grid, in random order; each excites its neighbours."""
    traffic = sheet(side, side, seed)
    net = em.Network("grid")
    a = net.add_population("a", side * side, em.LoihiCuba(vth_mant=1))
    net.connect(
        a, a, em.Triplets(traffic.source, traffic.target, np.full(len(traffic.source), 2), 1), synapse=None
    )
    return net


@pytest.mark.parametrize(("effort", "factor"), [("fast", 1.15), ("default", 1.03), ("best", 1.0)])
def test_a_shuffled_sheet_is_laid_out_again(effort: str, factor: float) -> None:
    """The best there is has one hop per packet."""
    traffic, chip = sheet(12, 12), mesh(12, 12)
    _, figures = place_bins(traffic, free(144, chip), chip, 0, effort)
    assert figures["spike_hops"] <= factor * traffic.packets.sum()
    assert figures["spike_hops_sequential"] > 5 * traffic.packets.sum()


def test_a_shuffled_sheet_is_found_in_a_larger_mesh_with_several_cores_to_a_tile() -> None:
    """Four to a tile: the sheet's 2 x 2 blocks need no hop within."""
    traffic, chip = sheet(12, 12), mesh(10, 9, 4)
    _, figures = place_bins(traffic, free(144, chip), chip, 0, "default")
    between_blocks = 2 * 10 * (2 * 5 * 12)
    assert figures["spike_hops"] <= 1.1 * between_blocks


def test_a_network_shaped_like_a_grid_is_compiled_to_one() -> None:
    chip = mesh(6, 6, limits__compartments=1)
    stats = em.compile(grid_network(6), chip).stats
    assert stats["spike_hops"] == stats["packets"] == 2 * 2 * 6 * 5
    assert stats["placement"]["spike_hops"] == stats["spike_hops"]
    assert stats["placement"]["max_link"] == stats["max_link"] == 1
    assert stats["placement"]["method"] in ("swaps", "Hilbert curve", "spectral", "annealing")
    assert stats["placement"]["spike_hops_sequential"] > 2 * stats["spike_hops"]


def test_cores_with_crossbars_are_placed_near_those_that_they_talk_to() -> None:
    """A chain of 16 cores in random order: 15 links, and an input of the host for every core."""
    order = np.random.default_rng(3).permutation(16)
    after = dict(zip(order[:-1].tolist(), order[1:].tolist(), strict=True))
    net = em.Network("chain")
    for core in range(16):
        target = after.get(core, -1)
        neurons = em.TrueNorth(s=(1, 0, 0, 0))
        net.add_core(f"c{core}", np.ones((1, 200), dtype=bool), 0, neurons, target_core=target)
    chip = crossbar_chip(mesh__width=4, mesh__height=4, cores__per_tile=1)
    stats = em.compile(net, chip).stats
    assert stats["placement"]["spike_hops"] == stats["spike_hops"]
    assert stats["spike_hops"] == 15 * 200 + 48  # the way from the host to all tiles: 0 + 2 * 1 + 3 * 2 + ...


@settings(max_examples=FEWER)
@given(st.integers(0, 2**32 - 1))
def test_of_a_few_bins_nearly_the_best_of_all_orders_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = np.nonzero(rng.random((6, 6)) * (1 - np.eye(6)) > 0.4)
    traffic = Traffic(
        5, source.astype(np.int32), target.astype(np.int32), rng.integers(1, 20, len(source)).astype(np.int64)
    )
    chip = mesh(3, 2)
    ground = ground_of(chip, free(5, chip))
    orders = (np.array(order, dtype=np.int32) for order in permutations(range(6), 5))
    least = min(score_of(ground, traffic, order).cost for order in orders)
    found = place_bins(traffic, free(5, chip), chip, seed, "default")[1]["spike_hops"]
    assert least <= found <= 1.1 * least  # annealing promises no optimum


@pytest.mark.parametrize("effort", sorted(EFFORTS))
def test_equal_arguments_give_equal_placements(effort: str) -> None:
    traffic, chip = sheet(9, 8, seed=4), mesh(9, 9)
    first, second = (place_bins(traffic, free(72, chip), chip, 5, effort) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and first[1] == second[1]


def test_a_seed_names_the_draws_of_annealing() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 64, (2, 400), dtype=np.int32)
    traffic = Traffic(64, source, target, rng.integers(1, 90, 400))
    chip = mesh(8, 8)
    placed = [place_bins(traffic, free(64, chip), chip, seed, "default")[0] for seed in (0, 1, 2**70)]
    assert not np.array_equal(placed[0], placed[1]) and not np.array_equal(placed[0], placed[2])


@pytest.mark.parametrize("effort", sorted(EFFORTS))
def test_pinned_bins_stay_and_dead_cores_are_left_out(effort: str) -> None:
    traffic = sheet(6, 5)
    chip = mesh(4, 4, 3, mesh__faults={"cores": [7, 20], "routers": [{"x": 3, "y": 3}]})
    pinned = free(30, chip)
    pinned[[4, 11]] = 40, 0
    core_of, _ = place_bins(traffic, pinned, chip, 0, effort)
    assert core_of[4] == 40 and core_of[11] == 0
    assert len(np.unique(core_of)) == 30
    assert not np.isin(core_of, [7, 20, 45, 46, 47]).any()


def test_bins_gather_around_one_that_is_pinned() -> None:
    """A star whose middle sits in the far corner; sequentially its arms would lie in the near one."""
    arms = np.arange(1, 6, dtype=np.int32)
    traffic = Traffic(6, arms, np.zeros(5, np.int32), np.full(5, 3))
    chip = mesh(8, 8)
    pinned = free(6, chip)
    pinned[0] = 63
    core_of, figures = place_bins(traffic, pinned, chip, 0, "fast")
    assert figures["spike_hops"] == 3 * (1 + 1 + 2 + 2 + 2)
    assert core_of[0] == 63


def test_what_fits_one_chip_of_a_board_stays_on_it() -> None:
    chip = board(8, 4, 4, 4)
    core_of, _ = place_bins(sheet(8, 2), free(16, chip), chip, 0, "default")
    assert (core_of % 8 < 4).all()


def test_few_packets_go_to_another_chip() -> None:
    """Two sheets of 16 on two chips: joined by one pair of bins, they part there."""
    one, two = sheet(4, 4, 1), sheet(4, 4, 2)
    mixed = np.random.default_rng(5).permutation(32).astype(np.int32)
    source = mixed[np.concatenate([one.source, two.source + 16, [3]])]
    target = mixed[np.concatenate([one.target, two.target + 16, [19]])]
    traffic = Traffic(32, source, target, np.append(np.concatenate([one.packets, two.packets]), 1))
    chip = board(8, 4, 4, 4)
    core_of, _ = place_bins(traffic, free(32, chip), chip, 0, "default")
    on_second = core_of % 8 >= 4
    assert traffic.packets[on_second[source] != on_second[target]].sum() == 1


def test_a_crossing_counts_as_many_hops_as_cost_its_energy_or_its_latency() -> None:
    """nahuku32: 320 pJ on top of 3 or 4 pJ; 34.1 ns for 4.1 ns, 36.5 ns for 6.5 ns."""
    spec = em.load_chip("nahuku32")
    ew, ns = spec.energy_pj.hop_ew, spec.energy_pj.hop_ns
    assert crossing_hops(spec) == (min(round(320 / ew), 255), min(round(320 / ns), 255))
    assert crossing_hops(spec.replace({"energy_pj.hop_chip": 0.0})) == (7, 5)
    assert crossing_hops(spec.replace({"energy_pj.hop_ew": 0.0, "energy_pj.hop_ns": 0.0})) == (7, 5)
    assert crossing_hops(spec.replace({"energy_pj.hop_chip": 1e6})) == (255, 255)
    assert crossing_hops(TINY) == (0, 0)


def test_where_all_talk_to_all_alike_nothing_is_annealed() -> None:
    source, target = np.nonzero(~np.eye(36, dtype=bool))
    packets = np.random.default_rng(0).integers(90, 110, len(source))
    traffic = Traffic(36, source.astype(np.int32), target.astype(np.int32), packets)
    assert traffic.is_even
    assert not sheet(6, 6).is_even
    chip = mesh(6, 6)
    _, figures = place_bins(traffic, free(36, chip), chip, 0, "best")
    assert figures["method"] in ("sequential", "swaps", "Hilbert curve")


def test_a_network_without_packets_stays_in_order() -> None:
    net = em.Network("silent")
    net.add_population("a", 5, em.LoihiCuba())
    program = em.compile(net, mesh(3, 2, limits__compartments=1))
    assert program.image.core_id.tolist() == [0, 1, 2, 3, 4]
    assert program.stats["placement"]["method"] == "sequential"


def test_more_bins_than_annealing_is_for_go_along_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.compiler.placing.choose.MAX_SPECTRAL", 50)
    chip = mesh(8, 8)
    _, figures = place_bins(sheet(8, 8), free(64, chip), chip, 0, "best")
    assert figures["method"] in ("swaps", "Hilbert curve")


def test_neighbours_on_the_curve_are_neighbours_on_the_mesh() -> None:
    y, x = np.divmod(np.arange(1024), 32)
    order = np.argsort(hilbert(x, y))
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert (steps == 1).all() and sorted(hilbert(x, y)) == list(range(1024))


def test_traffic_counts_a_packet_for_each_core_with_a_target() -> None:
    """in -> a everywhere; a0 -> a0, a2, a3; a1 -> a2 twice; a3 -> host. Two neurons to a bin."""
    net = em.Network("small")
    source = net.add_source("in", 3)
    a = net.add_population("a", 3, em.LoihiCuba())
    b = net.add_population("b", 1, em.LoihiCuba(), to_host=True)
    net.connect(source, a, np.full((3, 3), 2))
    net.connect(a, a, em.Triplets([0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 2, 2], [1, 1, 1, 2]))
    net.connect(a, b, em.Triplets([0], [0], [2], 1))
    job = run_passes(net, mesh(2, 2, limits__compartments=2), until="partition")
    traffic = traffic_of_bins(job["partition"], job["quantise"])
    pairs = zip(traffic.source.tolist(), traffic.target.tolist(), traffic.packets.tolist(), strict=True)
    assert sorted(pairs) == [(0, 1, 2), (1, 2, 1), (2, 0, 3), (2, 1, 3)]
    graph = traffic.graph
    assert graph.indptr.tolist() == [0, 2, 4, 6] and graph.other.tolist() == [1, 2, 0, 2, 0, 1]
    assert graph.packets.tolist() == [2, 3, 2, 4, 3, 4]


@settings(max_examples=FEWER)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(EFFORTS)), st.booleans())
def test_no_placement_is_worse_than_the_sequential_one(seed: int, effort: str, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    width, height, per_tile = (int(rng.integers(1, top)) for top in (7, 6, 4))
    part = {"width": width, "height": 1, "link": {"hop_ps": {"ew": 7, "ns": 900}, "cycle_ps": 3}}
    n_cores = width * height * per_tile
    faults = {"policy": "drop", "cores": rng.choice(n_cores, n_cores // 4, replace=False).tolist()}
    chip = mesh(width, height, per_tile, mesh__chip=part if cut else None, mesh__faults=faults)
    n_bins = int(rng.integers(1, n_cores - n_cores // 4 + 1))
    n_pairs = int(rng.integers(0, 5 * n_bins))
    ends = rng.integers(0, n_bins + 1, (2, n_pairs), dtype=np.int32)
    traffic = Traffic(n_bins, *ends[:, ends[0] != ends[1]], rng.integers(1, 50, (ends[0] != ends[1]).sum()))
    usable = np.setdiff1d(np.arange(n_cores), faults["cores"])
    pinned = free(n_bins, chip)
    n_pinned = int(rng.integers(0, n_bins + 1))
    pinned[rng.choice(n_bins, n_pinned, replace=False)] = rng.choice(usable, n_pinned, replace=False)
    core_of, figures = place_bins(traffic, pinned, chip, seed, effort)
    ground = ground_of(chip, pinned)
    before, after = (score_of(ground, traffic, cores) for cores in (ground.sequential, core_of))
    assert after.key() <= before.key() and after.spike_hops <= before.spike_hops
    assert (figures["spike_hops"], figures["max_link"]) == (after.spike_hops, after.max_link)
    assert len(np.unique(core_of)) == n_bins and np.isin(core_of, usable).all()
    assert (core_of[pinned < n_cores] == pinned[pinned < n_cores]).all()


@settings(max_examples=FEWER)
@given(cases(TINY, faulty=True), st.sampled_from(sorted(EFFORTS)))
def test_figures_of_the_placement_are_those_of_the_image(case: Case, effort: str) -> None:
    try:
        stats = em.compile(case.network, case.chip, effort=effort).stats
    except em.CompileError:  # more cores than are alive
        return
    for figure in ("spike_hops", "max_link"):
        assert stats["placement"][figure] == stats[figure]


@pytest.mark.parametrize("effort", sorted(EFFORTS))
def test_no_effort_changes_a_spike(effort: str, engine: str) -> None:
    rng = np.random.default_rng(2)
    net = em.Network("random")
    source = net.add_source("in", 8)
    a = net.add_population("a", 24, em.LoihiCuba(vth_mant=2))
    net.connect(source, a, 128 * rng.integers(0, 2, (8, 24)))
    net.connect(a, a, em.Triplets(*rng.integers(0, 24, (2, 80)), np.full(80, 128), rng.integers(1, 3, 80)))
    chip = mesh(3, 3, limits__compartments=3)
    in_order = {"a": np.arange(24) // 3}
    raster = rng.random((20, 8)) < 0.4
    programs = em.compile(net, chip, mapping=in_order), em.compile(net, chip, effort=effort)
    spikes = [
        em.run(program, 20, {"in": raster}, engine=engine, timing=False).spikes("a") for program in programs
    ]
    assert len(spikes[0]) and np.array_equal(*spikes)
    assert programs[0].stats["placement"]["method"] == "sequential"
    assert programs[1].stats["spike_hops"] < programs[0].stats["spike_hops"]


def test_the_report_says_how_the_cores_were_chosen() -> None:
    program = em.compile(grid_network(6), mesh(6, 6, limits__compartments=1))
    placed = program.stats["placement"]
    words = f"{placed['method']} (in order {placed['spike_hops_sequential']} hops"
    assert words in program.report()


def search(**changes: Any) -> Any:
    """Two bins and the host on two tiles."""
    arguments = {
        "indptr": np.array([0, 1, 2, 2]),
        "other": np.array([1, 0], dtype=np.int32),
        "weight": np.array([3, 3]),
        "column_at": np.array([0, 1], dtype=np.int32),
        "row_at": np.array([0], dtype=np.int32),
        "per_tile": 1,
        "core_of": np.array([0, 1, 0], dtype=np.int32),
        "bin_at": np.array([0, 1], dtype=np.int32),
        "movable": np.array([0, 1], dtype=np.int32),
        "box": np.array([0, 1, 0, 0]),
    }
    return block.Search(**{**arguments, **changes})


def test_the_compiled_block_refuses_arrays_of_inconsistent_shape() -> None:
    assert search().cost() == 3
    with pytest.raises(ValueError, match="Search: arrays of inconsistent shape"):
        search(weight=np.array([3]))
    with pytest.raises(ValueError, match=r"Search\.heat: 2 bins, 3 draws"):
        search().heat(1, 1, 1, 1, 0, DRAWS[:3])


def test_an_annealing_cut_into_pieces_ends_where_it_does_in_one() -> None:
    ends = []
    for piece in (1, 7, 10**6):
        core_of = np.arange(37, dtype=np.int32)
        core_of[-1] = 0
        traffic = sheet(6, 6)
        at_core = np.arange(36, dtype=np.int32)
        ones = np.arange(6, dtype=np.int32)
        box = np.array([0, 5, 0, 5])
        found = block.Search(*traffic.graph, ones, ones, 1, core_of, at_core, at_core.copy(), box)
        found.heat(20, 300, 40 * 256, 60000, 3, DRAWS)
        n_calls, left = 0, 20 * 300
        while left:
            before, left = left, found.anneal(piece)
            assert before - left == piece or not left
            n_calls += 1
        assert n_calls > 1 or piece == 10**6
        ends.append((core_of.tolist(), found.cost()))
    assert ends[0] == ends[1] == ends[2]
    assert found.anneal(5) == 0  # it has come to its end
