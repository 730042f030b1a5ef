"""What an inference costs: the counts, joules and picoseconds of a batch, per sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.metrics import metrics, sample_durations_ps
from emulator.engine import run
from emulator.engine.result import Result
from emulator.network import Network
from emulator.program import Program
from emulator.report.summary import result_numbers
from emulator.report.utilisation import peaks

TIMED_SAMPLES = 16
"""Where a clock ends the ticks they take what they take: so many samples tell whether one overruns."""

COUNTED = ("spikes", "transmitted", "packets", "synaptic_ops")


def run_samples(
    program: Program,
    name: str,
    raster: NDArray[np.bool_],
    engine: str,
    progress: Callable[[int, int], None] | None,
) -> tuple[Result, Result]:
    """(run of all samples, run with the instants of the mesh), one and the same on a chip with a barrier;
    else the latter is of the first TIMED_SAMPLES.

    raster: bool [n_samples, n_ticks, n] of the source `name`.
    """
    n_samples, n_ticks, _ = raster.shape

    def go(n: int, timing: bool, step: Callable[[int, int], None] | None) -> Result:
        stimulus = {name: raster[:n]}
        return run(program, n_ticks, stimulus, engine=engine, batch=n, timing=timing, progress=step)

    if program.chip.tick_ps is None:
        result = go(n_samples, True, progress)
        return result, result
    return go(n_samples, False, progress), go(min(n_samples, TIMED_SAMPLES), True, None)


def inference_costs(network: Network, result: Result, timed: Result) -> dict[str, Any]:
    """Cost of a run, per inference where that makes sense; a sample is an inference. timed: as `run_samples`
    has it; of a clock's chip its overruns are told."""
    numbers = result_numbers(result)
    counts, energy = numbers["counts"], numbers["energy"]
    n = numbers["n_samples"]
    per_inference = {name: counts[name] / n for name in COUNTED}
    per_inference["hops"] = sum(counts[f"hop_{direction}"] for direction in "ewns") / n
    sample_ps = sample_durations_ps(result)
    assert sample_ps is not None, "by a clock, or timed"
    return {
        "n_cores": numbers["n_cores"],
        "n_tiles": numbers["n_tiles"],
        "per_inference": {
            "energy_j": energy["total_j"] / n,
            "dynamic_j": energy["dynamic_j"] / n,
            "static_j": energy["static_j"] / n,
            **per_inference,
        },
        "latency_mean_ps": float(sample_ps.mean()),
        "latency_p99_ps": float(np.percentile(sample_ps, 99)),
        "latency_max_ps": int(sample_ps.max()),
        "clock": _clock(timed),
        "added": numbers["added"],
        "energy_per_synaptic_op_j": energy["per_synaptic_op_j"],
        "dynamic_per_synaptic_op_j": _per(energy["dynamic_j"], counts["synaptic_ops"]),
        "energy_per_transmitted_spike_j": energy["per_transmitted_spike_j"],
        "dynamic_per_transmitted_spike_j": _per(energy["dynamic_j"], counts["transmitted"]),
        "counts": counts,
        "utilisation": peaks(result.program),
        "metrics": metrics(network, result),
    }


def _clock(timed: Result) -> dict[str, Any] | None:
    """What the samples that were timed say of the ticks; None: ticks are as long as they take."""
    time = result_numbers(timed)["time"]
    if timed.program.chip.tick_ps is None:
        return None
    return {
        "tick_ps": timed.program.chip.tick_ps,
        "n_timed_samples": timed.record.n_samples,
        "n_overruns": time["overruns"]["n"],
        "done_max_ps": time["done_max_ps"],
    }


def _per(energy_j: float, count: int) -> float | None:
    return energy_j / count if count else None
