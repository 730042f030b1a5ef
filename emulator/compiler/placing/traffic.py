"""Traffic: packets between bins, and between them and the host port, when every sender fires once.

Or as often as it weighs, where there are weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from emulator.compiler.blocks import lists
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.ir import Partition, Quantised
from emulator.compiler.rows import plain_table_of

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


class Graph(NamedTuple):
    """Packets of each pair of nodes, both ways added up; every pair is in the rows of both."""

    indptr: Longs  # [n_nodes + 1]
    other: Ints  # int32
    packets: Longs


@dataclass(frozen=True, eq=False)
class Traffic:
    """Pairs of different *nodes* with packets between them. Nodes are the bins and, last, the host port."""

    n_bins: int
    source: Ints  # int32 [n_pairs] node
    target: Ints  # int32 [n_pairs] node
    packets: Longs  # int64 [n_pairs]

    @property
    def n_nodes(self) -> int:
        return self.n_bins + 1

    @cached_property
    def graph(self) -> Graph:
        """Of all nodes."""
        return self._graph(np.ones(len(self.source), dtype=np.bool_))

    @cached_property
    def graph_of_bins(self) -> Graph:
        """Without what the host sends and receives; the host's row is there and empty."""
        return self._graph((self.source < self.n_bins) & (self.target < self.n_bins))

    @property
    def is_even(self) -> bool:
        """Whether most pairs of bins have about the same traffic: where they are then changes little."""
        packets, n_pairs = self.graph_of_bins.packets, self.n_bins * (self.n_bins - 1)
        if len(packets) < n_pairs // 2:
            return False
        mean = packets.sum() / max(n_pairs, 1)
        deviation = (np.square(packets - mean).sum() + (n_pairs - len(packets)) * mean**2) / max(n_pairs, 1)
        return bool(deviation < (EVEN * mean) ** 2)

    def _graph(self, kept: NDArray[np.bool_]) -> Graph:
        source, target, packets = self.source[kept], self.target[kept], self.packets[kept]
        one_way = sparse.csr_array((packets, (source, target)), shape=(self.n_nodes, self.n_nodes))
        both = sparse.csr_array(one_way + one_way.T)
        both.sort_indices()
        return Graph(both.indptr.astype(np.int64), both.indices.astype(np.int32), both.data.astype(np.int64))


EVEN = 0.25
"""Deviation of the traffic of pairs, by its mean, below which annealing was never worth its time."""


def traffic_of_bins(partition: Partition, quantised: Quantised, weights: Longs | None = None) -> Traffic:
    """A sender sends one packet to each bin with a target of it, inputs from the host port.

    weights: int64 [n_senders], at least 1: packets instead of one.
    """
    if weights is None:
        weights = np.ones(quantised.n_senders, dtype=np.int64)
    n_bins, bin_of = partition.n_bins, partition.bin_of
    inputs = np.arange(quantised.n_neurons, quantised.n_senders)
    order = np.concatenate([np.argsort(bin_of, kind="stable"), inputs]).astype(np.int64)
    n_at = np.bincount(bin_of, minlength=n_bins)
    home_ptr = np.concatenate([[0], np.cumsum(n_at), [quantised.n_senders]]).astype(np.int64)
    source, target, packets = lists.bin_packets(
        plain_table_of(quantised.projections), order, home_ptr, bin_of, weights
    )
    sent = weights[: quantised.n_neurons][quantised.to_host]
    to_host = np.bincount(bin_of[quantised.to_host], sent, minlength=n_bins)
    return _with_host(n_bins, source, target, packets, to_host)


def traffic_of_cores(cores: CrossbarCores, weights: Longs | None = None) -> Traffic:
    """A neuron sends one packet to its target, an input one for each of its entries.

    weights: int64 [neurons of the cores, then inputs], at least 1: packets instead of one.
    """
    n, n_neurons = cores.n_cores, len(cores.account)
    if weights is None:
        weights = np.ones(n_neurons + len(cores.input_account), dtype=np.int64)
    home = np.repeat(np.arange(n), np.diff(cores.neuron_ptr))
    sends = cores.target_core >= 0
    host = np.full(len(cores.input_core), n)
    source = np.concatenate([home[sends], host]).astype(np.int32)
    target = np.concatenate([cores.target_core[sends], cores.input_core]).astype(np.int32)
    of_input = np.repeat(weights[n_neurons:], np.diff(cores.input_ptr))
    packets = np.concatenate([weights[:n_neurons][sends], of_input])
    pairs = sparse.coo_array((packets, (source, target)), shape=(n + 1, n + 1))
    pairs.sum_duplicates()
    source, target = (np.asarray(place, dtype=np.int32) for place in pairs.coords)
    apart = source != target
    return Traffic(n, source[apart], target[apart], pairs.data[apart])


def _with_host(n_bins: int, source: Ints, target: Ints, packets: Ints, to_host: Ints) -> Traffic:
    sending = np.flatnonzero(to_host)
    return Traffic(
        n_bins,
        np.concatenate([source, sending]).astype(np.int32),
        np.concatenate([target, np.full(len(sending), n_bins)]).astype(np.int32),
        np.concatenate([packets, to_host[sending]]).astype(np.int64),
    )
