"""Plain simulators of TrueNorth networks, for tests of the compiler's rewrites: one of the network with its
weights, one of the crossbar cores that it became. Written from the chip's published rules (Cassidy et al.
2013), without randomness and without a line in common with the engines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import emulator as em
from emulator.compiler.crossbars import CrossbarCores

V_MAX = 2**19 - 1
Spikes = NDArray[np.bool_]
FIELDS = {
    "leak": "leak",
    "epsilon": "reversal",
    "alpha": "alpha",
    "beta": "beta",
    "R": "reset",
    "gamma": "reset_mode",
    "kappa": "saturate",
    "v0": "v0",
}


def update(v: NDArray[np.int64], p: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], Spikes]:
    """Leak, thresholds, resets of one tick; p by the chip's table names."""
    omega = np.where(p["reversal"] == 1, np.sign(v), 1)
    after = np.clip(v + omega * p["leak"], -V_MAX - 1, V_MAX)
    after[(p["reversal"] == 1) & (np.sign(after) != np.sign(v))] = 0
    fired = after >= p["alpha"]
    low = ~fired & (after < -p["beta"])
    mode = p["reset_mode"]
    up = np.choose(mode, [p["reset"], after - p["alpha"], after])
    down = np.where(p["saturate"] == 1, -p["beta"], np.choose(mode, [-p["reset"], after + p["beta"], after]))
    return np.where(fired, up, np.where(low, down, after)), fired


def run_network(net: em.Network, n_ticks: int, stimulus: dict[str, Spikes]) -> dict[str, Spikes]:
    """Spikes [n_ticks, n] of every population; each synapse adds its weight, in any order."""
    params, v, out = {}, {}, {}
    for pop in net.populations:
        given = pop.model.parameters(pop.n, pop.name)
        params[pop.name] = {new: given[old] for old, new in FIELDS.items()}
        v[pop.name] = params[pop.name]["v0"].copy() if pop.v0 is None else np.array(pop.v0, dtype=np.int64)
        out[pop.name] = np.zeros((n_ticks, pop.n), dtype=bool)
    sums = {pop.name: np.zeros((n_ticks + 64, pop.n), dtype=np.int64) for pop in net.populations}
    for tick in range(n_ticks):
        for source in net.sources:
            _send(net, source.name, stimulus[source.name][tick], tick, sums)
        for pop in net.populations:
            state = v[pop.name] + sums[pop.name][tick]
            v[pop.name], out[pop.name][tick] = update(state, params[pop.name])
        for pop in net.populations:
            _send(net, pop.name, out[pop.name][tick], tick, sums)
    return out


def _send(net: em.Network, pre: str, fired: Spikes, tick: int, sums: dict[str, NDArray[np.int64]]) -> None:
    for projection in net.projections:
        if projection.pre == pre:
            hit = np.repeat(fired, np.diff(projection.indptr))
            when = tick + projection.delay_ticks[hit].astype(np.int64)
            np.add.at(
                sums[projection.post], (when, projection.target[hit]), projection.weight[hit].astype(int)
            )


def run_cores(
    cores: CrossbarCores, n_ticks: int, stimulus: dict[str, Spikes], order: list[str]
) -> dict[str, Spikes]:
    """Spikes [n_ticks, n] of every population; order: of the sources, whose inputs follow each other."""
    n_axons = np.diff(cores.axon_ptr)
    bits = np.unpackbits(cores.crossbar, axis=1, bitorder="little").astype(np.int64)
    due = np.zeros((n_ticks + 16, len(cores.axon_type)), dtype=bool)
    raster = np.concatenate([np.zeros((n_ticks, 0), bool), *(stimulus[name] for name in order)], axis=1)
    for number in range(len(cores.input_ptr) - 1):
        for entry in range(cores.input_ptr[number], cores.input_ptr[number + 1]):
            assert cores.input_axon[entry] < n_axons[cores.input_core[entry]]
            axon = cores.axon_ptr[cores.input_core[entry]] + cores.input_axon[entry]
            ticks = np.flatnonzero(raster[:, number])
            due[ticks + cores.input_delay[entry], axon] = True
    neurons = {name: array.astype(np.int64) for name, array in cores.neurons.items()}
    v = neurons["v0"].copy()
    fired = np.zeros((n_ticks, len(v)), dtype=bool)
    sends = np.flatnonzero((cores.target_core >= 0) & (cores.target_core < cores.n_cores))
    assert (cores.target_axon[sends] < n_axons[cores.target_core[sends]]).all()
    assert ((cores.target_delay[sends] >= 1) & (cores.target_delay[sends] <= 15)).all()
    target = cores.axon_ptr[cores.target_core[sends]] + cores.target_axon[sends]
    for tick in range(n_ticks):
        for core in range(cores.n_cores):
            rows = slice(cores.axon_ptr[core], cores.axon_ptr[core + 1])
            cols = slice(cores.neuron_ptr[core], cores.neuron_ptr[core + 1])
            n = cols.stop - cols.start
            hit = np.flatnonzero(due[tick, rows]) + rows.start
            weight = neurons["weight"][cols]  # [n, 4]
            v[cols] += (bits[hit, :n].T * weight[:, cores.axon_type[hit]]).sum(axis=1)
        v, fired[tick] = update(v, neurons)
        now = fired[tick, sends]
        due[tick + cores.target_delay[sends[now]], target[now]] = True
    return {name: fired[:, address] for name, address in cores.address.items()}


def host_spikes(cores: CrossbarCores) -> NDArray[np.int64]:
    """Neurons with an entry to the host port."""
    return np.flatnonzero(cores.target_core == cores.n_cores)
