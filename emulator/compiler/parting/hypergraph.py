"""Hypergraph: neurons as nodes, and a net for each sender: itself, if it is a neuron, and its targets.

Sharing the nodes out among cores, a net costs its packets times the cores beyond the first that it touches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import cluster, parts
from emulator.compiler.ir import Quantised, QuantisedProjection

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

LOADS = ("compartments", "synapse_memory_bits", "axons_in", "axons_out")
"""Limits that count while parts are looked for, as the compiled blocks number them."""

CHUNK = 2**22  # synapses that are sorted in one go


@dataclass(frozen=True, eq=False)
class Hypergraph:
    """Nets of at least two nodes each. Columns of load are LOADS."""

    pin_ptr: Longs  # [n_nets + 1]
    pin: Ints  # int32 nodes of each net, each once
    weight: Longs  # [n_nets] packets that a further part costs
    count: Ints  # int32 [n_nets] senders that it stands for
    source: Ints  # int32 [n_nets] node of the sender; -1: an input
    apart: NDArray[np.uint8]  # [n_nets] whether no target is in the sender's node
    load: Longs  # [n_nodes, 4] what a node takes wherever it is
    net_ptr: Longs  # [n_nodes + 1]
    net: Ints  # int32 nets of each node

    @property
    def n_nodes(self) -> int:
        return len(self.net_ptr) - 1

    @property
    def n_nets(self) -> int:
        return len(self.pin_ptr) - 1

    def parts(
        self,
        part: Ints,
        limits: Longs,
        header_bits: int,
        vector: bool,
        outside: Ints | None = None,
        held: Longs | None = None,
    ) -> parts.Parts:
        """The compiled block at work on `part`, int32 [n_nodes]. limits: int64 [n_parts, 4].

        outside, held: of senders that are in other parts, see there.
        """
        return parts.Parts(
            self.pin_ptr,
            self.pin,
            self.weight,
            self.count,
            self.source,
            self.apart,
            self.net_ptr,
            self.net,
            self.load,
            part,
            limits,
            vector,
            header_bits,
            np.full(self.n_nets, -1, dtype=np.int32) if outside is None else outside,
            np.zeros((0, len(LOADS)), dtype=np.int64) if held is None else held,
        )

    def contracted(self, cluster_of: Ints, n_clusters: int, header_bits: int, vector: bool) -> Hypergraph:
        """With each cluster as one node. Nets of the same clusters become one; `vector`: of one sender."""
        pin_ptr, pin, old, source, apart, hashed, load = cluster.contract(
            self.pin_ptr,
            self.pin,
            self.count,
            self.source,
            self.apart,
            self.load,
            cluster_of,
            n_clusters,
            header_bits,
        )
        weight, count, sizes = self.weight[old], self.count[old], np.diff(pin_ptr)
        keys = [hashed, sizes, source, apart] if vector else [hashed, sizes]
        order = np.lexsort(keys)
        alike = np.zeros(len(order), dtype=np.uint8)
        if len(order) > 1:
            alike[1:] = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
        first = cluster.same_as_before(pin_ptr, pin, order, alike, n_clusters) == 0
        begins = np.flatnonzero(first)
        kept = order[begins]
        if len(kept) == len(order):
            return _hypergraph(pin_ptr, pin, weight, count, source, apart, load)
        weight = np.add.reduceat(weight[order], begins)
        count = np.add.reduceat(count[order], begins).astype(np.int32)
        back = np.argsort(kept, kind="stable")
        kept = kept[back]
        new_ptr, new_pin = _rows(pin_ptr, pin, kept)
        return _hypergraph(new_ptr, new_pin, weight[back], count[back], source[kept], apart[kept], load)

    def sampled(self, n_pins: int, rng: np.random.Generator) -> Hypergraph:
        """Some nets that have about so many pins together."""
        if len(self.pin) <= n_pins:
            return self
        kept = np.flatnonzero(rng.random(self.n_nets) < n_pins / len(self.pin))
        pin_ptr, pin = _rows(self.pin_ptr, self.pin, kept)
        return _hypergraph(
            pin_ptr, pin, self.weight[kept], self.count[kept], self.source[kept], self.apart[kept], self.load
        )


def hypergraph_of(
    quantised: Quantised, weights: Longs | None, bits: Sequence[int], header_bits: int
) -> Hypergraph:
    """Of a whole network. weights: int64 [n_senders], None: 1 each; bits: of a synapse of each projection."""
    n_neurons, n_senders = quantised.n_neurons, quantised.n_senders
    sizes = np.zeros(n_senders, dtype=np.int64)
    for projection in quantised.projections:
        sizes[_senders(projection)] += np.diff(projection.indptr)
    senders = np.flatnonzero(sizes)
    has_node = senders < n_neurons
    pin_ptr = np.zeros(len(senders) + 1, dtype=np.int64)
    np.cumsum(sizes[senders] + has_node, out=pin_ptr[1:])
    pin = np.empty(int(pin_ptr[-1]), dtype=np.int32)
    pin[pin_ptr[:-1][has_node]] = senders[has_node]
    at = np.zeros(n_senders, dtype=np.int64)
    at[senders] = pin_ptr[:-1] + has_node
    load = np.zeros((n_neurons, len(LOADS)), dtype=np.int64)
    load[:, 0] = 1
    load[:, 3] = quantised.to_host
    for projection, of_synapse in zip(quantised.projections, bits, strict=True):
        _put_pins(projection, at, pin)
        counts = np.bincount(projection.target)
        load[projection.first_target : projection.first_target + len(counts), 1] += of_synapse * counts
    source = np.where(has_node, senders, -1).astype(np.int32)
    weight = np.ones(len(senders), dtype=np.int64) if weights is None else weights[senders]
    first = Hypergraph(
        pin_ptr,
        pin,
        np.asarray(weight, dtype=np.int64),
        np.ones(len(senders), dtype=np.int32),
        source,
        _apart(quantised, senders),
        load,
        np.zeros(n_neurons + 1, dtype=np.int64),
        np.zeros(0, dtype=np.int32),
    )
    everyone = np.arange(n_neurons, dtype=np.int32)
    return first.contracted(everyone, n_neurons, header_bits, True)


def _senders(projection: QuantisedProjection) -> slice:
    return slice(projection.first_sender, projection.first_sender + len(projection.indptr) - 1)


def _put_pins(projection: QuantisedProjection, at: Longs, pin: Ints) -> None:
    """Writes the targets of a projection behind what its senders have; `at` moves on."""
    indptr, begin, n_rows = projection.indptr, 0, len(projection.indptr) - 1
    while begin < n_rows:
        end = int(np.searchsorted(indptr, indptr[begin] + CHUNK, side="right")) - 1
        end = min(max(end, begin + 1), n_rows)
        first = projection.first_sender + begin
        sizes = np.diff(indptr[begin : end + 1])
        places = np.repeat(at[first : first + end - begin] - indptr[begin:end], sizes)
        places += np.arange(indptr[begin], indptr[end])
        pin[places] = projection.target[indptr[begin] : indptr[end]] + np.int32(projection.first_target)
        at[first : first + end - begin] += sizes
        begin = end


def _apart(quantised: Quantised, senders: Longs) -> NDArray[np.uint8]:
    """uint8: whether a sender is none of its own targets."""
    own = np.zeros(quantised.n_senders, dtype=np.bool_)
    for projection in quantised.projections:
        shift = projection.first_target - projection.first_sender
        if projection.first_sender >= quantised.n_neurons:
            continue
        for begin in range(0, len(projection.indptr) - 1, CHUNK // 64):
            end = min(begin + CHUNK // 64, len(projection.indptr) - 1)
            rows = np.repeat(np.arange(begin, end), np.diff(projection.indptr[begin : end + 1]))
            synapses = slice(projection.indptr[begin], projection.indptr[end])
            own[projection.first_sender + rows[projection.target[synapses] + shift == rows]] = True
    return (~own[senders]).astype(np.uint8)


def _rows(indptr: Longs, values: Ints, kept: Ints) -> tuple[Longs, Ints]:
    """Some rows of a table of rows."""
    sizes = np.diff(indptr)[kept]
    new_ptr = np.zeros(len(kept) + 1, dtype=np.int64)
    np.cumsum(sizes, out=new_ptr[1:])
    places = np.repeat(indptr[:-1][kept] - new_ptr[:-1], sizes)
    places += np.arange(new_ptr[-1])
    return new_ptr, values[places]


def _hypergraph(
    pin_ptr: Longs, pin: Ints, weight: Longs, count: Ints, source: Ints, apart: NDArray[np.uint8], load: Longs
) -> Hypergraph:
    net_ptr, net = cluster.transpose(pin_ptr, pin, len(load))
    return Hypergraph(pin_ptr, pin, weight, count, source, apart, load, net_ptr, net)
