"""Bench: on a neuromorphic chip, is what transmission costs proportional to the spikes?

One network, fixed, whose inputs fire at rates over three decades, and not at all. The energy of transmission
(`spending`) is fitted against the spikes transmitted: a line through 0 is the claim. How it could fail: an
energy that is there without spikes, or spikes that go farther when there are more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.energy_vs_spikes_text import outcome_text
from emulator.bench.layers import SOURCE, STANDARD, Layers, clocked_spikes, compiled, network_of, raster_of
from emulator.bench.metrics import metrics
from emulator.bench.outcome import Outcome, Progress
from emulator.bench.spending import line_fit, spending, transmission_aj
from emulator.chip.events import EVENT_ID
from emulator.chip.spec import ChipSpec
from emulator.engine import run
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.program import Program

CHIPS = ("loihi", "truenorth")
RATES_HZ = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
TICKS = 2000
TICK_S = 1e-3
"""Rates are told for ticks of 1 ms; the chip's own ticks take what they take."""


@dataclass(frozen=True)
class SpikeSweep:
    """What is measured."""

    rates_hz: Sequence[float] = RATES_HZ  # of each input
    n_ticks: int = TICKS
    layers: Layers = STANDARD


def energy_vs_spikes(
    sweep: SpikeSweep = SpikeSweep(),
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chips: Sequence[str] = CHIPS,
) -> Outcome:
    """Runs the network at every rate on every chip. Raises SimulationError naming all that is wrong."""
    loaded = [load_chip(name) for name in chips]
    _check(sweep, chips)
    rates = sorted({0.0, *sweep.rates_hz})
    rasters = [raster_of(sweep.layers, rate * TICK_S, sweep.n_ticks) for rate in rates]
    clocked = [clocked_spikes(sweep.layers, raster).sum(axis=1) for raster in rasters]
    measured = []
    for number, chip in enumerate(loaded):
        program, rows = compiled(sweep.layers, chip), []
        for place, (rate, raster, expected) in enumerate(zip(rates, rasters, clocked, strict=True)):
            if progress is not None:
                done = number * len(rates) + place
                progress(f"{chip.name}, {rate:g} Hz", done, len(rates) * len(loaded))
            rows.append(_measure(sweep, program, (rate, raster, expected), engine))
        measured.append(_chip_numbers(chip, rows))
    numbers = _numbers(sweep, measured)
    pictures = (("energy-vs-spikes", partial(_draw, numbers)),)
    return Outcome(numbers, outcome_text(numbers), {}, pictures)


def check_sweep(rates_hz: Sequence[float], n_ticks: int) -> list[str]:
    """What is wrong with rates and ticks."""
    most = 1 / TICK_S
    problems = [
        f"rates: {rate:g} Hz is none: give 0..{most:g} Hz, at most one spike in a tick of {TICK_S * 1e3:g} ms"
        for rate in rates_hz
        if not 0 <= rate <= most
    ]
    if len({rate for rate in rates_hz if rate > 0}) < 2:
        problems.append(f"rates: {list(rates_hz)}: give at least two above 0 Hz, a line needs them")
    if not (isinstance(n_ticks, int) and n_ticks >= 1):
        problems.append(f"ticks {n_ticks!r}: must be an integer from 1 up")
    return problems


def _check(sweep: SpikeSweep, chips: Sequence[str]) -> None:
    problems = check_sweep(sweep.rates_hz, sweep.n_ticks)
    if not chips:
        problems.append(f"chips: none given: give some, as {', '.join(CHIPS)}")
    if problems:
        raise SimulationError(problems)


def run_layers(program: Program, raster: NDArray[np.bool_], engine: str) -> Result:
    """Timed where only the mesh can tell how long a tick takes."""
    timing = program.chip.tick_ps is None
    return run(program, len(raster), {SOURCE: raster}, engine=engine, timing=timing)


def spikes_by_tick(result: Result) -> NDArray[np.int64]:
    """int64 [n_ticks] of all neurons."""
    return np.asarray(result.record.counts_by_tick[:, EVENT_ID["spikes"]], dtype=np.int64)


def _measure(
    sweep: SpikeSweep,
    program: Program,
    point: tuple[float, NDArray[np.bool_], NDArray[np.int64]],
    engine: str,
) -> dict[str, Any]:
    rate, raster, expected = point
    result = run_layers(program, raster, engine)
    ledger, counts = result.energy, result.counts
    transmitted = counts["transmitted"]
    spent = spending(ledger)
    return {
        "rate_hz": rate,
        "transmitted": transmitted,
        "activity": transmitted / (sweep.layers.n_senders * sweep.n_ticks),
        **{name: counts[name] for name in ("spikes", "packets", "synaptic_ops")},
        "hops": sum(counts[f"hop_{side}"] for side in "ewns"),
        "transmission_aj": transmission_aj(ledger),
        **spent,
        "transmission_per_spike_j": spent["transmission_j"] / transmitted if transmitted else None,
        "as_clocked": bool(np.array_equal(spikes_by_tick(result), expected)),
        "metrics": metrics(network_of(sweep.layers, program.chip.cores.model), result),
    }


def _chip_numbers(chip: ChipSpec, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The measurements of a chip, and the line through them."""
    fired = [row for row in rows if row["transmitted"]]
    if len(fired) < 2:
        raise SimulationError(
            f"chip {chip.name!r}: spikes at {len(fired)} of the rates, a line needs two: "
            "give higher rates or more ticks"
        )
    spikes = np.array([row["transmitted"] for row in fired], dtype=np.float64)
    energy = np.array([row["transmission_j"] for row in fired])
    fit = line_fit(spikes, energy)
    per_spike = energy / spikes
    return {
        "chip": chip.name,
        "rows": rows,
        "fit": {
            "slope_j_per_spike": fit["slope"],
            "intercept_j": fit["intercept"],
            "r2": fit["r2"],
            "exponent": line_fit(np.log(spikes), np.log(energy))["slope"],  # 1: proportional
            "largest_deviation": float(np.abs(per_spike / fit["slope"] - 1).max()),
        },
        "silence_transmission_aj": sum(row["transmission_aj"] for row in rows if not row["transmitted"]),
        "decades": float(np.log10(spikes.max() / spikes.min())),
    }


def _numbers(sweep: SpikeSweep, measured: list[dict[str, Any]]) -> dict[str, Any]:
    layers = sweep.layers
    return {
        "bench": "energy-vs-spikes",
        "n_ticks": sweep.n_ticks,
        "seed": layers.seed,
        "network": {**asdict(layers), "n_neurons": layers.n_neurons, "n_inputs": layers.width},
        "as_clocked": all(row["as_clocked"] for chip in measured for row in chip["rows"]),
        "chips": measured,
    }


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.claim_pictures import draw_spikes  # matplotlib only when it is needed

    return draw_spikes(numbers)
