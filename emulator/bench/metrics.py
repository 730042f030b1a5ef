"""Metrics of a run that every bench gives alike, under the names of NeuroBench where it has one.

NeuroBench (Yik et al., Nature Communications 16, 2025) counts per sample: a sample here is an inference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.usage import usage
from emulator.engine.result import Result
from emulator.network import Network
from emulator.program import Program
from emulator.report.units import PS_PER_S

CROSSBAR_BITS = 256 * 256


def metrics(network: Network, result: Result) -> dict[str, Any]:
    """All of them, as every bench has them for each of its runs."""
    return {**neurobench(network, result), **costs(result)}


def neurobench(network: Network, result: Result) -> dict[str, Any]:
    """The metrics of NeuroBench's algorithm track that a run tells.

    footprint: bytes of the chip's synaptic memories that the network takes, as packed.
    connection_sparsity: share of the weights, of layers as full matrices, that are 0.
    activation_sparsity: share of the neurons that do not fire in a tick.
    synaptic_operations: per sample; dense counts all weights in every tick, zeros included. Spikes are 0 or
        1: every effective operation is an accumulation, none a multiplication.
    membrane_updates: per sample; of them active: those of neurons with something to do.
    """
    counts, n_samples = result.counts, result.record.n_samples
    updates = counts["update_inactive"] + counts["update_active"]
    n_weights, _ = _weights(network)
    return {
        "footprint": footprint_bytes(result.program),
        "connection_sparsity": connection_sparsity(network),
        "activation_sparsity": 1 - counts["spikes"] / updates if updates else None,
        "synaptic_operations": {
            "dense": n_weights * result.n_ticks,
            "effective_macs": 0.0,
            "effective_acs": counts["synaptic_ops"] / n_samples,
        },
        "membrane_updates": updates / n_samples,
        "membrane_updates_active": counts["update_active"] / n_samples,
    }


def connection_sparsity(network: Network) -> float:
    """Share of the weights, of layers as full matrices, that are 0."""
    n_weights, n_nonzero = _weights(network)
    return 1 - n_nonzero / n_weights if n_weights else 0.0


def costs(result: Result) -> dict[str, Any]:
    """Energy (J), latency (ps) and their product; None: not known without timing, or nothing to divide by."""
    ledger, counts, n = result.energy, result.counts, result.record.n_samples
    energy = {"static_j": ledger.static_j, "dynamic_j": ledger.dynamic_j, "total_j": ledger.total_j}
    per_inference = ledger.total_j / n
    sample_ps = sample_durations_ps(result)
    latency: dict[str, float | None] = {"p50_ps": None, "p99_ps": None, "mean_ps": None}
    if sample_ps is not None:
        p50, p99 = np.percentile(sample_ps, [50, 99]).tolist()
        latency = {"p50_ps": p50, "p99_ps": p99, "mean_ps": float(sample_ps.mean())}
    mean_ps = latency["mean_ps"]
    return {
        "energy": {
            **energy,
            "per_inference_j": per_inference,
            "dynamic_per_inference_j": ledger.dynamic_j / n,
            "per_synaptic_op_j": ledger.per_synaptic_op_j,
            "dynamic_per_synaptic_op_j": _per(ledger.dynamic_j, counts["synaptic_ops"]),
            "per_spike_j": ledger.per_spike_j,
            "dynamic_per_spike_j": _per(ledger.dynamic_j, counts["transmitted"]),
        },
        "latency": latency,
        "edp_js": None if mean_ps is None else per_inference * mean_ps / PS_PER_S,
    }


def footprint_bytes(program: Program) -> int:
    """Bytes of synaptic memory that a program takes; a crossbar is taken whole."""
    if program.chip.cores.model == "truenorth":
        return program.image.n_cores * CROSSBAR_BITS // 8
    return -(-int(usage(program.image, program.chip)["synapse_memory_bits"].sum()) // 8)


def sample_durations_ps(result: Result) -> NDArray[np.int64] | None:
    """int64 [n_samples] by the clock of the chip, or as measured; None: a run without timing."""
    n, tick_ps = result.record.n_samples, result.program.chip.tick_ps
    if tick_ps is not None:
        return np.full(n, result.n_ticks * tick_ps, dtype=np.int64)
    if result.record.timing is None:
        return None
    return np.asarray(result.record.timing.tick_ps.reshape(n, -1).sum(axis=1))


def _weights(network: Network) -> tuple[int, int]:
    """(all weights of the layers as full matrices, those that are not 0)."""
    sizes = {part.name: part.n for part in (*network.sources, *network.populations)}
    n_all = sum(sizes[p.pre] * sizes[p.post] for p in network.projections)
    n_nonzero = sum(int(np.count_nonzero(p.weight)) for p in network.projections)
    n_all += sum(core.n_axons * core.n for core in network.cores)
    return n_all, n_nonzero + sum(core.n_synapses for core in network.cores)


def _per(energy_j: float, count: int) -> float | None:
    return energy_j / count if count else None
