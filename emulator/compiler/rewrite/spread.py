"""Partition with duplicates: a neuron takes a column of its core for each axon that listens to it.

How many axons that is depends on the cores of its targets. So populations are filled from the outputs
backwards; those that reach each other are filled again until their columns suffice.
"""

from __future__ import annotations

import heapq

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emulator.compiler.rewrite.fill import Filling
from emulator.compiler.rewrite.ir import Bools, Codes, Filled, Ints, Room, TooManyCores, Weighted
from emulator.compiler.rewrite.order import fill_order
from emulator.compiler.rewrite.wires import levels

MAX_ROUNDS = 8
MAX_CORES_OF_ONE = 4  # that neurons of a loop may fill: then copies call for more copies without end
RELAYS_FROM = 16
"""Axons from which on relays are taken instead of duplicates where the delays have room for their tick:
duplicates of many targets leave few neurons in a core, each with axons of its own."""


def spread(weighted: Weighted, codes: Codes, room: Room) -> Filled:
    """Every neuron in one or more places of as many columns in all as it has targets, or in one column."""
    filling = Filling(weighted, codes, room)
    shortest = _shortest(weighted)
    for members, recurrent in _components(weighted):
        order = fill_order(weighted, members)
        wanted = columns_for(weighted, filling.need(), room)
        if recurrent:
            filling.append(_settle(weighted, codes, room, order, wanted, shortest))
        else:
            _add(filling, order, _granted(weighted, wanted, shortest, room), room)
    filling.close()
    return filling.result()


def columns_for(weighted: Weighted, need: Ints, room: Room) -> Ints:
    """[n_neurons] columns for axons wanted of each line: one per axon, those far off behind one relay."""
    n = weighted.n_neurons
    mine = weighted.line_sender < n
    near = mine & (weighted.line_delay <= room.delay_ticks)
    sender = weighted.line_sender
    columns = np.bincount(sender[near], need[near], minlength=n).astype(np.int64)
    far = np.unique(sender[mine & ~near & (need > 0)])
    columns[far] += 1
    return columns + weighted.to_host


def _granted(weighted: Weighted, wanted: Ints, shortest: Ints, room: Room) -> Ints:
    """[n_neurons] columns: one where a copy would draw other numbers, or where relays are better."""
    kinds, kind = np.unique(wanted, return_inverse=True)
    depth = np.array([levels(int(n), room.neurons) for n in kinds])[kind]
    relayed = (wanted > RELAYS_FROM) & (shortest > depth)
    granted = np.where(relayed, 1 + weighted.to_host, np.maximum(wanted, 1))
    return np.where(weighted.drawn, 1, granted)


def _settle(
    weighted: Weighted, codes: Codes, room: Room, order: Ints, outside: Ints, shortest: Ints
) -> Filling:
    """Neurons that reach each other: more columns make more cores, which take more columns. Where that
    does not come to rest all is left to relays."""
    alone = np.ones(weighted.n_neurons, dtype=np.int64)
    granted = alone
    for _ in range(MAX_ROUNDS):
        filling = Filling(weighted, codes, room)
        _add(filling, order, granted, room)
        filling.close()
        wanted = outside + columns_for(weighted, filling.need(), room) - weighted.to_host
        if wanted.sum() > room.cores * room.neurons:  # copies or relays, each axon takes a column
            raise TooManyCores
        now = np.maximum(granted, _granted(weighted, wanted, shortest, room))
        if (now[order] == granted[order]).all():
            return filling
        granted = now
        if (now[order] > MAX_CORES_OF_ONE * room.neurons).any():
            break
    filling = Filling(weighted, codes, room)
    _add(filling, order, alone, room)
    filling.close()
    return filling


def _add(filling: Filling, order: Ints, columns: Ints, room: Room) -> None:
    """A neuron that takes more columns than a core has is in several."""
    for neuron in order.tolist():
        n = int(columns[neuron])
        parts = -(-n // room.neurons)
        for part in range(parts):
            filling.add(neuron, (n + part) // parts)


def _shortest(weighted: Weighted) -> Ints:
    """[n_neurons] shortest delay to any of its targets, ticks; without targets very long."""
    out = np.full(weighted.n_neurons + weighted.n_inputs, np.iinfo(np.int64).max)
    np.minimum.at(out, weighted.line_sender, weighted.line_delay)
    return out[: weighted.n_neurons]


def _components(weighted: Weighted) -> list[tuple[Bools, bool]]:
    """Sets of groups that reach each other [n_groups] and whether they do; outputs first."""
    n = len(weighted.label)
    edges = group_edges(weighted)
    n_parts, part = connected_components(
        coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)), connection="strong"
    )
    loops = set(part[edges[edges[:, 0] == edges[:, 1], 0]].tolist())
    order = _outputs_first(n_parts, part[edges])
    return [(part == one, bool((part == one).sum() > 1 or one in loops)) for one in order]


def group_edges(weighted: Weighted) -> Ints:
    """[n, 2] groups that send to groups, each pair once."""
    sender = weighted.line_sender[weighted.line]
    inner = sender < weighted.n_neurons
    n = len(weighted.label)
    key = weighted.group[sender[inner]].astype(np.int64) * n + weighted.group[weighted.post[inner]]
    found = np.unique(key)
    return np.column_stack([found // max(n, 1), found % max(n, 1)])


def _outputs_first(n_parts: int, edges: Ints) -> list[int]:
    """Parts such that each comes after all that it sends to; of those possible the last part first."""
    waiting: list[set[int]] = [set() for _ in range(n_parts)]  # for these
    senders: list[set[int]] = [set() for _ in range(n_parts)]
    for pre, post in edges.tolist():
        if pre != post:
            waiting[pre].add(post)
            senders[post].add(pre)
    ready = [-part for part in range(n_parts) if not waiting[part]]
    heapq.heapify(ready)
    order = []
    while ready:
        part = -heapq.heappop(ready)
        order.append(part)
        for pre in senders[part]:
            waiting[pre].discard(part)
            if not waiting[pre]:
                heapq.heappush(ready, -pre)
    return order
