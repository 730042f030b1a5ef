"""Targets: how many bins, or neurons, each neuron projects to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.ir import Quantised

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

CHUNK_SYNAPSES = 1 << 22  # bounds the work arrays


def target_bins(quantised: Quantised, bin_of: Ints, n_bins: int) -> Longs:
    """int64 [n_neurons]: number of distinct bins with a target of each neuron."""
    counts = np.zeros(quantised.n_neurons, dtype=np.int64)
    for first, last in _sender_chunks(quantised):
        keys = [np.zeros(0, dtype=np.int64)]
        for group in quantised.groups:
            low, high = np.searchsorted(group.pre, [first, last])
            sender = group.pre[low:high].astype(np.int64) - first
            keys.append(sender * n_bins + bin_of[group.post[low:high]])
        key = np.sort(np.concatenate(keys))
        fresh = key[np.diff(key, prepend=-1) != 0]
        counts[first:last] = np.bincount(fresh // n_bins, minlength=last - first)
    return counts


def distinct_targets(quantised: Quantised) -> Longs:
    """int64 [n_neurons]: number of distinct neurons each neuron projects to."""
    return target_bins(quantised, np.arange(quantised.n_neurons), quantised.n_neurons)


def _sender_chunks(quantised: Quantised) -> list[tuple[int, int]]:
    """Stretches of neurons as senders, of about CHUNK_SYNAPSES synapses each."""
    ends = np.zeros(quantised.n_neurons + 1, dtype=np.int64)
    for group in quantised.groups:
        ends += np.searchsorted(group.pre, np.arange(quantised.n_neurons + 1))
    chunks, first = [], 0
    while first < quantised.n_neurons:
        last = int(np.searchsorted(ends, ends[first] + CHUNK_SYNAPSES, side="right")) - 1
        last = max(last, first + 1)
        chunks.append((first, last))
        first = last
    return chunks
