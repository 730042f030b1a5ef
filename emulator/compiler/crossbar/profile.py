"""Profile of crossbar cores: values of the network's senders, handed on to their copies and relays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import ROW_BYTES
from emulator.compiler.crossbars import CrossbarCores
from emulator.network import Network

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


def of_cores(values: Longs, cores: CrossbarCores, rewritten: CrossbarCores, network: Network) -> Longs:
    """int64 [neurons of the cores, then inputs]: of each the value of the sender that it stands for.

    values: [n_senders] in the order of `measured_spikes`; rewritten: the cores of populations, first of
    `cores`. A copy has the value of its neuron. A relay, and a neuron that sums in parts, has the value of
    who sends to the first axon that it listens to.
    """
    n_own = sum(population.n for population in network.populations)
    n_described = sum(core.n for core in network.cores)
    inputs = values[n_own + n_described :]
    origin = np.full(len(cores.account), -1, dtype=np.int64)
    if rewritten.origin is not None:
        origin[: len(rewritten.origin)] = rewritten.origin
    origin[len(rewritten.account) :] = n_own + np.arange(n_described)
    added = np.flatnonzero(
        (origin < 0) | ((origin >= n_own) & (np.arange(len(origin)) < len(rewritten.account)))
    )
    sender = np.arange(len(origin) + len(inputs))
    sender[added] = _heard(cores, added)
    for _ in range(len(added).bit_length()):  # a chain of relays becomes half as long each time
        sender[added] = sender[sender[added]]
    known = np.ones(len(origin), dtype=np.bool_)
    known[added] = False
    own = np.concatenate([np.where(known, values[np.where(known, origin, 0)], 1), inputs])
    return np.asarray(own[sender], dtype=np.int64)


def _heard(cores: CrossbarCores, neurons: Longs) -> Longs:
    """[n] the sender of the first axon that each neuron listens to; the neuron itself if there is none."""
    n_axons, n_neurons = int(cores.axon_ptr[-1]), len(cores.account)
    sender_of = np.full(n_axons, -1, dtype=np.int64)
    entry_input = np.repeat(np.arange(len(cores.input_account)), np.diff(cores.input_ptr))
    sender_of[cores.axon_ptr[cores.input_core] + cores.input_axon] = n_neurons + entry_input
    sends = np.flatnonzero((cores.target_core >= 0) & (cores.target_core < cores.n_cores))
    sender_of[cores.axon_ptr[cores.target_core[sends]] + cores.target_axon[sends]] = sends
    home = np.searchsorted(cores.neuron_ptr, neurons, side="right") - 1
    rows = cores.crossbar.reshape(-1, ROW_BYTES).view(np.uint8)
    out = neurons.astype(np.int64).copy()
    for core in np.unique(home).tolist():
        mine = np.flatnonzero(home == core)
        first, last = int(cores.axon_ptr[core]), int(cores.axon_ptr[core + 1])
        column = neurons[mine] - cores.neuron_ptr[core]
        bits = np.unpackbits(rows[first:last], axis=1, bitorder="little")[:, column] != 0
        bits &= (sender_of[first:last] >= 0)[:, None]
        heard = bits.any(axis=0)
        out[mine[heard]] = sender_of[first + bits.argmax(axis=0)[heard]]
    return out
