"""Windows: parts made better a few at a time, so that tables stay small however many parts there are.

Moves between the parts of a window change what is exact for them: what their nets do elsewhere is a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import cluster, parts, windows
from emulator.compiler.parting.hypergraph import Hypergraph

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

WIDTH = 16  # parts of a window
MOST_PARTS = 64  # nets that touch more tell nothing about which parts belong together


@dataclass(frozen=True, eq=False)
class Loads:
    """What parts hold, int64 [n_parts, 4], and what their nets cost."""

    loads: Longs
    cost: int


def loads_of(graph: Hypergraph, part: Ints, n_parts: int, header_bits: int) -> Loads:
    loads, _, cost = _counted(graph, part, n_parts, header_bits)
    return Loads(loads, cost)


def refine(
    graph: Hypergraph,
    part: Ints,
    limits: Longs,
    header_bits: int,
    vector: bool,
    n_passes: int,
    hot: NDArray[np.bool_] | None,
    work_on: Callable[[parts.Parts, int], None],
) -> Loads:
    """Lets `work_on` move nodes within windows of parts that share much, `part` in place.

    limits: int64 [n_parts, 4]. Parts that share most are together in the first pass, others in the next.
    hot: bool [n_parts], windows without any such part are left alone; None: all are.
    """
    n_parts = len(limits)
    loads, reach, _ = _counted(graph, part, n_parts, header_bits)
    shared = windows.affinity(graph.pin_ptr, graph.pin, graph.weight, part, n_parts, MOST_PARTS)
    scratch = np.full(graph.n_nodes, -1, dtype=np.int32), np.zeros(graph.n_nets, dtype=np.uint8)
    for _ in range(n_passes):
        for group in _groups(shared):
            if (hot is None or hot[group].any()) and len(group) > 1:
                _in_window(graph, part, limits, header_bits, vector, group, loads, reach, scratch, work_on)
            shared[np.ix_(group, group)] = 0
    return loads_of(graph, part, n_parts, header_bits)


def only(graph: Hypergraph, nodes: Ints) -> Hypergraph:
    """Some of the nodes, ascending, and what nets they share."""
    nets = windows.nets_of(graph.net_ptr, graph.net, nodes, np.zeros(graph.n_nets, dtype=np.uint8))
    chosen = np.zeros(graph.n_nodes, dtype=np.int32)
    number, reach = np.full(graph.n_nodes, -1, dtype=np.int32), np.zeros(graph.n_nets, dtype=np.int32)
    within = _window(graph, chosen, reach, nodes, nets, number, 1, 1, 0)[0]
    return replace(within, load=graph.load[nodes])


def _in_window(
    graph: Hypergraph,
    part: Ints,
    limits: Longs,
    header_bits: int,
    vector: bool,
    group: Ints,
    loads: Longs,
    reach: Ints,
    scratch: tuple[Ints, NDArray[np.uint8]],
    work_on: Callable[[parts.Parts, int], None],
) -> None:
    """Works on the parts of a group; `part`, `loads` and `reach` are kept in step."""
    inside = np.full(len(limits), -1, dtype=np.int32)
    inside[group] = np.arange(len(group), dtype=np.int32)
    nodes = np.flatnonzero(inside[part] >= 0).astype(np.int32)
    number, seen = scratch
    nets = windows.nets_of(graph.net_ptr, graph.net, nodes, seen)
    within, old, outside = _window(
        graph, part, reach, nodes, nets, number, len(limits), len(group), header_bits
    )
    if len(old) == 0:
        return
    own: Ints = inside[part[nodes]]
    work = within.parts(own, np.concatenate([limits[group], limits]), header_bits, vector, outside, loads)
    before = work.reached()
    work_on(work, len(nodes))
    part[nodes] = group[own]
    found = work.loads()
    loads[:] = found[len(group) :]
    loads[group] = found[: len(group)]
    reach[old] += work.reached() - before


def _window(
    graph: Hypergraph,
    part: Ints,
    reach: Ints,
    nodes: Ints,
    nets: Ints,
    number: Ints,
    n_parts: int,
    n_inside: int,
    header_bits: int,
) -> tuple[Hypergraph, Ints, Ints]:
    """The nodes and their nets, the net that each of these is of, and the rows of senders outside."""
    pin_ptr, pin, old, source, apart, outside, load = windows.window(
        graph.pin_ptr,
        graph.pin,
        graph.count,
        graph.source,
        graph.apart,
        graph.load,
        part,
        reach,
        nodes,
        nets,
        number,
        n_parts,
        n_inside,
        header_bits,
    )
    net_ptr, net = cluster.transpose(pin_ptr, pin, len(nodes))
    within = Hypergraph(pin_ptr, pin, graph.weight[old], graph.count[old], source, apart, load, net_ptr, net)
    return within, old, outside


def _counted(graph: Hypergraph, part: Ints, n_parts: int, header_bits: int) -> tuple[Longs, Ints, int]:
    found: tuple[Longs, Ints, int] = windows.counted(
        graph.pin_ptr,
        graph.pin,
        graph.weight,
        graph.count,
        graph.source,
        graph.apart,
        graph.load,
        part,
        n_parts,
        header_bits,
    )
    return found


def _groups(shared: NDArray[np.float64]) -> list[Ints]:
    """Parts by WIDTH: each group begins with the one that shares most and takes what shares most with it."""
    free = np.ones(len(shared), dtype=np.bool_)
    by_weight = np.argsort(-shared.sum(axis=1), kind="stable")
    groups: list[Ints] = []
    for first in by_weight.tolist():
        if not free[first]:
            continue
        group, near = [first], shared[first].copy()
        free[first] = False
        while len(group) < WIDTH and free.any():
            other = int(np.where(free, near, -1.0).argmax())
            group.append(other)
            free[other] = False
            near += shared[other]
        groups.append(np.sort(np.array(group, dtype=np.int32)))
    return groups
