"""The numbers of a run that every report shows, as plain values: text and JSON are made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emulator.record import Ints
from emulator.report.rewrites_text import added_neurons

if TYPE_CHECKING:
    from emulator.engine.result import Result


def result_numbers(result: Result) -> dict[str, Any]:
    """Counts, energy (J) and time (ps) of a run; None: not measured, or nothing to divide by."""
    record, program = result.record, result.program
    return {
        "network": program.symbols.network,
        "chip": program.chip.name,
        "prices_of": result.energy.chip.name,
        "n_samples": record.n_samples,
        "n_ticks": record.n_ticks,
        "n_cores": program.image.n_cores,
        "n_tiles": used_tiles(result),
        "counts": {name: int(count) for name, count in result.counts.items()},
        "spikes_by_population": {
            part.name: int(np.sum(result.spike_counts(part.name)))
            for part in program.symbols.populations
            if part.recorded
        },
        "added": _added(result),
        "energy": _energy(result),
        "time": _time(result),
    }


def _added(result: Result) -> dict[str, int | None] | None:
    """Neurons that the compiler added, and the `spikes` in the counts that are theirs; these None: not all
    populations are recorded. None: it added none."""
    added = added_neurons(result.program)
    if not any(added.values()):
        return None
    parts = result.program.symbols.populations
    recorded = all(part.recorded for part in parts)
    # each neuron of the network is recorded once, its copies never
    spikes = result.counts["spikes"] - len(result.record.spikes) if recorded else None
    return {**added, "spikes": spikes}


def used_tiles(result: Result) -> int:
    """Tiles that hold a compartment."""
    chip = result.program.chip
    return len({chip.tile_of(int(core)) for core in result.program.image.core_id})


def _energy(result: Result) -> dict[str, float | None]:
    ledger, record = result.energy, result.record
    return {
        "total_j": ledger.total_j,
        "total_low_j": ledger.low.total_j,
        "total_high_j": ledger.high.total_j,
        "dynamic_j": ledger.dynamic_j,
        "static_j": ledger.static_j,
        "per_transmitted_spike_j": ledger.per_spike_j,
        "per_packet_j": ledger.per_packet_j,
        "per_synaptic_op_j": ledger.per_synaptic_op_j,
        "per_tick_j": ledger.total_j / record.n_rows if record.n_rows else None,
        "per_sample_j": ledger.total_j / record.n_samples if record.n_samples else None,
    }


def _time(result: Result) -> dict[str, Any] | None:
    """None for a run without timing."""
    record = result.record
    if record.timing is None:
        return None
    if not record.n_rows:
        return {"total_ps": 0}
    tick_ps = record.timing.tick_ps.reshape(record.n_samples, record.n_ticks)
    sample_ps = tick_ps.sum(axis=1)
    slowest = int(tick_ps.argmax())
    return {
        "total_ps": int(tick_ps.sum()),
        "tick_mean_ps": float(tick_ps.mean()),
        "tick_min_ps": int(tick_ps.min()),
        "tick_max_ps": int(tick_ps.max()),
        "slowest": {"sample": slowest // record.n_ticks, "tick": slowest % record.n_ticks},
        "sample_mean_ps": float(sample_ps.mean()),
        "sample_max_ps": int(sample_ps.max()),
        "stall_cores_ps": int(record.timing.stall_ps[:-1].sum()),
        "stall_host_ps": int(record.timing.stall_ps[-1]),
        "done_mean_ps": float(record.timing.done_ps.mean()),
        "done_max_ps": int(record.timing.done_ps.max()),
        "overruns": _overruns(result, record.timing.done_ps),
    }


def _overruns(result: Result, done_ps: Ints) -> dict[str, Any] | None:
    """Ticks that were not done when the next one began; None on a chip with a barrier, which waits."""
    tick_ps, n_ticks, last = result.program.chip.tick_ps, result.record.n_ticks, int(done_ps.argmax())
    if tick_ps is None:
        return None
    return {
        "n": len(result.overruns),
        "worst_ps": max(0, int(done_ps[last]) - tick_ps),
        "worst": {"sample": last // n_ticks, "tick": last % n_ticks},
    }
