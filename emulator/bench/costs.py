"""What an inference costs: the counts, joules and picoseconds of a batch, per sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from emulator.engine.result import Result
from emulator.report.summary import result_numbers
from emulator.report.utilisation import peaks

COUNTED = ("spikes", "transmitted", "packets", "synaptic_ops")


def inference_costs(result: Result) -> dict[str, Any]:
    """Cost of a timed run, per inference where that makes sense; a sample is an inference."""
    numbers = result_numbers(result)
    counts, energy, time = numbers["counts"], numbers["energy"], numbers["time"]
    n = numbers["n_samples"]
    per_inference = {name: counts[name] / n for name in COUNTED}
    per_inference["hops"] = sum(counts[f"hop_{direction}"] for direction in "ewns") / n
    sample_ps = result.tick_ps.reshape(n, -1).sum(axis=1)
    return {
        "n_cores": numbers["n_cores"],
        "n_tiles": numbers["n_tiles"],
        "per_inference": {
            "energy_j": energy["total_j"] / n,
            "dynamic_j": energy["dynamic_j"] / n,
            "static_j": energy["static_j"] / n,
            **per_inference,
        },
        "latency_mean_ps": time["sample_mean_ps"],
        "latency_p99_ps": float(np.percentile(sample_ps, 99)),
        "latency_max_ps": time["sample_max_ps"],
        "energy_per_synaptic_op_j": energy["per_synaptic_op_j"],
        "dynamic_per_synaptic_op_j": _per(energy["dynamic_j"], counts["synaptic_ops"]),
        "energy_per_transmitted_spike_j": energy["per_transmitted_spike_j"],
        "dynamic_per_transmitted_spike_j": _per(energy["dynamic_j"], counts["transmitted"]),
        "counts": counts,
        "utilisation": peaks(result.program),
    }


def _per(energy_j: float, count: int) -> float | None:
    return energy_j / count if count else None
