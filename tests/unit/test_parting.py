"""Parts of a network: tables against a plain count, planted modules, and what the compiler makes of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.compiler import blocks
from emulator.compiler.blocks import cluster
from emulator.compiler.fill import CoreFill
from emulator.compiler.limits import core_limits
from emulator.compiler.parting import Effort, find_parts, has_structure, multilevel, windows
from emulator.compiler.parting.hypergraph import Hypergraph
from emulator.compiler.parting.legal import legal_bins
from emulator.compiler.parting.levels import ladder_of
from emulator.compiler.parting.multilevel import FREE, Bounds
from emulator.compiler.partition import demand_in
from emulator.compiler.pipeline import run_passes

HEADER = 42
EFFORT = Effort(n_starts=1, n_cycles=1, n_visits=8000)
SYNAPSE = em.LoihiSynapse(w_exp=0, weight_bits=8)


def graph_of(n_nodes: int, nets: list[tuple[int, list[int]]], rng: np.random.Generator) -> Hypergraph:
    """nets: sender (-1: an input) and distinct targets; what has one pin only is taken into the loads."""
    pins = [sorted({*targets, *([sender] if sender >= 0 else [])}) for sender, targets in nets]
    pin_ptr = np.cumsum([0, *map(len, pins)]).astype(np.int64)
    load = np.zeros((n_nodes, 4), dtype=np.int64)
    load[:, 0] = 1
    load[:, 1] = rng.integers(0, 50, n_nodes)
    empty = np.zeros(n_nodes + 1, dtype=np.int64)
    first = Hypergraph(
        pin_ptr,
        np.concatenate(pins).astype(np.int32),
        rng.integers(1, 9, len(nets)),
        np.ones(len(nets), dtype=np.int32),
        np.array([sender for sender, _ in nets], dtype=np.int32),
        np.array([sender not in targets for sender, targets in nets], dtype=np.uint8),
        load,
        empty,
        np.zeros(0, dtype=np.int32),
    )
    return first.contracted(np.arange(n_nodes, dtype=np.int32), n_nodes, HEADER, True)


def counted(graph: Hypergraph, part: Any, n_parts: int) -> tuple[int, Any]:
    """Cost and loads of parts, counted net by net."""
    loads = np.zeros((n_parts, 4), dtype=np.int64)
    np.add.at(loads, part, graph.load)
    cost = 0
    for net in range(graph.n_nets):
        pins = graph.pin[graph.pin_ptr[net] : graph.pin_ptr[net + 1]]
        cost += int(graph.weight[net]) * (len(set(part[pins])) - 1)
        source = int(graph.source[net])
        targets = [pin for pin in pins if pin != source or not graph.apart[net]]
        held = sorted(set(part[targets]))
        loads[held, 1] += graph.count[net] * HEADER
        loads[held, 2] += graph.count[net]
        if source >= 0:
            loads[part[source], 3] += graph.count[net] * len(held)
    return cost, loads


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Hypergraph, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_nodes = draw(st.integers(2, 24))
    n_inputs, fan_out = draw(st.integers(0, 5)), draw(st.integers(1, 6))
    nets = [
        (sender, rng.choice(n_nodes, min(fan_out, n_nodes), replace=False).tolist())
        for sender in [*range(n_nodes), *[-1] * n_inputs]
        if rng.random() < 0.9
    ]
    graph = graph_of(n_nodes, [*nets, (0, [1])], rng)
    return graph, rng


@given(drawn=graphs(), n_parts=st.integers(1, 5), data=st.data())
def test_tables_are_those_of_a_plain_count_after_any_moves(
    drawn: Any, n_parts: int, data: st.DataObject
) -> None:
    graph, rng = drawn
    part = rng.integers(0, n_parts, graph.n_nodes).astype(np.int32)
    limits = np.full((n_parts, 4), FREE, dtype=np.int64)
    for place in data.draw(st.sets(st.integers(0, 3))):
        whole = counted(graph, part, n_parts)[1].max(axis=0)[place]
        limits[:, place] = max(int(whole * data.draw(st.floats(0.5, 1.5))), 1)
    work = graph.parts(part, limits, HEADER, True)
    before, loads = counted(graph, part, n_parts)
    assert work.cost() == before and (work.loads() == loads).all()
    over = (loads > limits).any(axis=1).sum()
    for step in data.draw(st.lists(st.sampled_from(["improve", "search", "relieve"]), max_size=5)):
        cost = work.cost()
        if step == "improve":
            gained = work.improve(rng.permutation(graph.n_nodes).astype(np.int32), 3)
            assert work.cost() == cost - gained and gained >= 0
        elif step == "search":
            gained = work.search(data.draw(st.integers(1, 30)))
            assert work.cost() == cost - gained and gained >= 0
        else:
            assert work.relieve() == (work.loads() > limits).any(axis=1).sum()
        cost, loads = counted(graph, part, n_parts)
        assert work.cost() == cost and (work.loads() == loads).all()
    if over == 0:
        assert (loads <= limits).all(), "moves keep the limits that are kept"


@given(drawn=graphs(), n_parts=st.integers(2, 7), data=st.data())
def test_windows_keep_the_tables_of_all_parts(drawn: Any, n_parts: int, data: st.DataObject) -> None:
    graph, rng = drawn
    part = rng.integers(0, n_parts, graph.n_nodes).astype(np.int32)
    cost, loads = counted(graph, part, n_parts)
    limits = np.full((n_parts, 4), FREE, dtype=np.int64)
    for place in data.draw(st.sets(st.integers(0, 3))):
        limits[:, place] = loads[:, place].max() + data.draw(st.integers(0, 3))
    found = windows.loads_of(graph, part, n_parts, HEADER)
    assert found.cost == cost and (found.loads == loads).all()
    gained: list[int] = []

    def work_on(work: Any, n_nodes: int) -> None:
        before = work.cost()
        work.search(n_nodes)
        work.improve(rng.permutation(n_nodes).astype(np.int32), 2)
        gained.append(before - work.cost())

    held, reach = loads.copy(), blocks.windows.counted(*_tables(graph), part, n_parts, HEADER)[1]
    scratch = np.full(graph.n_nodes, -1, dtype=np.int32), np.zeros(graph.n_nets, dtype=np.uint8)
    for _ in range(data.draw(st.integers(1, 4))):
        group = rng.permutation(n_parts)[: int(rng.integers(2, n_parts + 1))].astype(np.int32)
        windows._in_window(graph, part, limits, HEADER, True, np.sort(group), held, reach, scratch, work_on)
        cost, loads = counted(graph, part, n_parts)
        assert (held == loads).all() and (loads <= limits).all()
    assert (reach == blocks.windows.counted(*_tables(graph), part, n_parts, HEADER)[1]).all()
    assert found.cost - cost == sum(gained), "what is gained in a window is gained"
    refined = windows.refine(graph, part, limits, HEADER, True, 2, None, work_on)
    cost, loads = counted(graph, part, n_parts)
    assert refined.cost == cost == found.cost - sum(gained) and (refined.loads == loads).all()


def _tables(graph: Hypergraph) -> tuple[Any, ...]:
    return (graph.pin_ptr, graph.pin, graph.weight, graph.count, graph.source, graph.apart, graph.load)


@given(drawn=graphs())
def test_a_window_of_nodes_has_what_they_share(drawn: Any) -> None:
    graph, rng = drawn
    nodes = np.flatnonzero(rng.random(graph.n_nodes) < 0.6).astype(np.int32)
    some = windows.only(graph, nodes)
    shared = [
        (int(graph.weight[net]), np.searchsorted(nodes, pins).tolist())
        for net in range(graph.n_nets)
        if len(pins := np.intersect1d(graph.pin[graph.pin_ptr[net] : graph.pin_ptr[net + 1]], nodes)) > 1
    ]
    pins = [sorted(one.tolist()) for one in np.split(some.pin, some.pin_ptr[1:-1])] if some.n_nets else []
    assert list(zip(some.weight.tolist(), pins, strict=True)) == shared
    assert (some.load == graph.load[nodes]).all() and some.n_nodes == len(nodes)
    nets_of = [some.net[some.net_ptr[v] : some.net_ptr[v + 1]].tolist() for v in range(len(nodes))]
    assert nets_of == [[net for net, own in enumerate(pins) if v in own] for v in range(len(nodes))]


def test_many_parts_are_refined_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same modules are found as with tables of all parts."""
    rng = np.random.default_rng(3)
    n, pre, post = modules(40, 12, rng)
    nets = [(sender, post[pre == sender].tolist()) for sender in range(n)]
    graph = graph_of(n, nets, rng)
    bounds = Bounds(np.array([12, FREE, FREE, FREE], dtype=np.int64), HEADER)
    monkeypatch.setattr(multilevel, "FEW_CELLS", 0)
    part = find_parts(graph, bounds, 1, EFFORT, 50, lambda *_: None)
    assert part is not None and counted(graph, part, int(part.max()) + 1)[0] <= 0.1 * graph.weight.sum()


@given(drawn=graphs(), n_parts=st.integers(1, 4), vector=st.booleans())
def test_clusters_cost_what_their_nodes_do(drawn: Any, n_parts: int, vector: bool) -> None:
    graph, rng = drawn
    n_clusters = int(rng.integers(1, graph.n_nodes + 1))
    cluster_of = rng.integers(0, n_clusters, graph.n_nodes).astype(np.int32)
    coarse = graph.contracted(cluster_of, n_clusters, HEADER, vector)
    part = rng.integers(0, n_parts, n_clusters).astype(np.int32)
    cost, loads = counted(coarse, part, n_parts)
    fine_cost, fine_loads = counted(graph, part[cluster_of], n_parts)
    assert cost == fine_cost
    places = slice(None) if vector else [0]  # who sends is forgotten where only compartments count
    assert (loads[:, places] == fine_loads[:, places]).all()


@given(drawn=graphs())
def test_ladders_join_nodes_of_one_part_only(drawn: Any) -> None:
    graph, rng = drawn
    part = rng.integers(0, 3, graph.n_nodes).astype(np.int32)
    ladder = ladder_of(graph, 3, part, rng, 1000, HEADER, True)
    here = np.arange(graph.n_nodes)
    for _, cluster_of in ladder.steps:
        here = cluster_of[here]
    assert (ladder.part[here] == part).all()
    assert (np.bincount(here, minlength=ladder.smallest.n_nodes) == ladder.smallest.load[:, 0]).all()


def test_axons_that_come_and_go_by_one_move_are_counted_once() -> None:
    """By a move of node 0, nets of sender 1 in turn reach a further part, and one part less."""
    rng = np.random.default_rng(0)
    graph = graph_of(4, [(1, [0, 2]), (1, [0, 3])] * 30, rng)
    part = np.array([0, 2, 0, 1], dtype=np.int32)  # 2 stays behind, 3 is there already
    work = graph.parts(part, np.full((3, 4), FREE, dtype=np.int64), HEADER, True)
    for _ in range(3):
        work.search(4)
    cost, loads = counted(graph, part, 3)
    assert work.cost() == cost and (work.loads() == loads).all()


def modules(n_modules: int, size: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Neurons of a module send to most of it, numbered at random: number, sender, target."""
    n = n_modules * size
    number = rng.permutation(n)
    pre, post = np.divmod(np.arange(n * size), size)
    post = pre // size * size + post
    kept = (rng.random(len(pre)) < 0.7) & (pre != post)
    return n, number[pre[kept]], number[post[kept]]


def test_planted_modules_are_found() -> None:
    rng = np.random.default_rng(3)
    n, pre, post = modules(6, 40, rng)
    nets = [(sender, post[pre == sender].tolist()) for sender in range(n)]
    graph = graph_of(n, nets, rng)
    assert has_structure(graph, 2, 0)
    bounds = Bounds(np.array([44, FREE, FREE, FREE]), HEADER)
    part = find_parts(graph, bounds, 0, EFFORT, 10, lambda done, total: None)
    assert part is not None and counted(graph, part, 6)[0] == 0
    assert np.bincount(part).tolist() == [40] * 6


def test_a_random_network_has_no_structure() -> None:
    rng = np.random.default_rng(4)
    nets = [(sender, rng.choice(5000, 50, replace=False).tolist()) for sender in range(5000)]
    assert not has_structure(graph_of(5000, nets, rng), 2, 0)


def test_nets_of_a_node_are_those_that_hold_it() -> None:
    net_ptr, nets = cluster.transpose(np.array([0, 2, 5], np.int64), np.array([1, 3, 0, 1, 2], np.int32), 5)
    assert net_ptr.tolist() == [0, 1, 3, 4, 5, 5] and nets.tolist() == [1, 0, 1, 1, 0]


def planted(n_modules: int = 6, size: int = 40) -> em.Network:
    n, pre, post = modules(n_modules, size, np.random.default_rng(5))
    net = em.Network("planted")
    a = net.add_population("a", n, em.LoihiCuba(vth_mant=4))
    net.connect(a, a, em.Triplets(pre, post, np.full(len(pre), 2), 1), synapse=SYNAPSE)
    return net


def small_chip(**limits: int | None) -> em.ChipSpec:
    changes: dict[str, Any] = {"mesh.width": 4, "mesh.height": 4, "cores.per_tile": 1}
    return em.load_chip("loihi").replace(
        changes | {f"limits.{name}": value for name, value in limits.items()}
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(2500, 9000))
def test_what_parts_cannot_hold_is_filled_as_slots_will_be(seed: int, bits: int) -> None:
    """Runs of neighbours in parts: left over together they have gaps, and no dense lists any more."""
    rng = np.random.default_rng(seed)
    n, run = int(rng.integers(20, 80)), int(rng.integers(3, 12))
    pre = np.repeat(np.arange(n), run)
    number = rng.permutation(n)
    post = number[(np.repeat(rng.integers(0, n, n), run) + np.tile(np.arange(run), n)) % n]
    net = em.Network("runs")
    a = net.add_population("a", n, em.LoihiCuba())
    net.connect(a, a, em.Triplets(pre, post, np.full(len(pre), 2), 1), synapse=SYNAPSE)
    chip = small_chip(synapse_memory_bits=bits)
    quantised = run_passes(net, chip, until="quantise")["quantise"]
    demand = partial(demand_in, quantised, net, chip)
    alone = CoreFill(demand(np.arange(n)), core_limits(chip))
    assume(all(alone.fresh(neuron, neuron + 1)[0] for neuron in range(n)))
    part = np.empty(n, dtype=np.int32)
    part[number] = np.arange(n) // rng.integers(5, 40)
    found = legal_bins(part, demand, core_limits(chip), chip.n_cores)
    for number in range(found.n_bins):
        own, others = np.flatnonzero(found.bin_of == number), np.flatnonzero(found.bin_of != number)
        filling = CoreFill(demand(np.concatenate([own, others])), core_limits(chip))
        assert filling.fresh(0, len(own))[0] == len(own)


def test_modules_end_up_in_cores_of_their_own() -> None:
    program = em.compile(planted(), small_chip(compartments=44))
    assert program.stats["packets"] == 0 and program.stats["n_cores_used"] == 6
    assert program.stats["placement"]["partition"] == "multilevel"


def test_what_does_not_fit_in_order_is_regrouped() -> None:
    net, chip = planted(), small_chip(axons_out=48)
    fast = run_passes(net, chip, until="partition", effort="fast")["partition"]
    assert fast.method == "multilevel" and fast.n_bins == 6
    with pytest.raises(em.CompileError, match=r"needs \d+ cores, chip 'loihi' has 16"):
        em.compile(net, small_chip(synapse_memory_bits=3000))  # the lists of one neuron, or two


def test_pinned_neurons_stay_in_order() -> None:
    cores = np.repeat(np.arange(6), 40)
    found = em.compile(planted(), small_chip(compartments=44), mapping={"a": cores})
    assert found.stats["placement"]["partition"] == "in order"


def test_equal_seeds_give_equal_parts() -> None:
    net, chip = planted(), small_chip(compartments=44)
    both = [run_passes(net, chip, until="partition", seed=7)["partition"].other.bin_of for _ in range(2)]
    assert (both[0] == both[1]).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.3, 1.0), limit=st.integers(10, 60))
def test_regrouping_keeps_every_limit_and_never_takes_more_hops(seed: int, share: float, limit: int) -> None:
    rng = np.random.default_rng(seed)
    n, pre, post = modules(int(rng.integers(2, 6)), int(rng.integers(8, 20)), rng)
    strays = rng.random(len(post)) > share
    post = np.where(strays, rng.integers(0, n, len(post)), post)
    net = em.Network("strays")
    a = net.add_population("a", n, em.LoihiCuba())
    net.connect(a, a, em.Triplets(pre, post, np.full(len(pre), 2), 1 + pre % 3), synapse=SYNAPSE)
    chip = small_chip(
        compartments=16, axons_in=6 * limit, axons_out=4 * limit, synapse_memory_bits=400 * limit
    )
    try:
        fast = em.compile(net, chip, effort="fast")  # images are checked against every limit, and verified
    except em.CompileError as error:
        assert "needs" in str(error) or "limit" in str(error)
        return
    assert em.compile(net, chip).stats["spike_hops"] <= fast.stats["placement"]["spike_hops_sequential"]
