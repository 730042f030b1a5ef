"""Bench: an attention model whose recurrent excitation is strong, as rates and as spikes.

Units at x in -2 .. 2 have the steady rate, in spikes per `UNIT_TICKS`,

    r(x) = max(0, I_S(x) + I_A(x) + mean over j of J(x - x_j) r(x_j) - 1)

with J(d) = -2.5 + 8.5 exp(-d^2 / (2 * 1.31^2)), stimulus I_S = 0.46 + 0.66 exp(-x^2 / (2 * 1.31^2)) and
attention I_A = 0.089 exp(-x^2 / (2 * 0.35^2)). Question: is there such a rate at all? Recurrence amplifies by
the largest eigenvalue among the units that are active; above 1 there is none: rates run away until something
saturates. Neurons do: r_max = 1 / refractory period, r = min(r_max, ...).

The spiking counterpart on the chip are integrators without leak, which rest after each spike. Their rate is
1 / (rest + 1 / input): what they must come to is the rate model with that curve in place of the corner.
Synapses decay slowly: with input of one tick the first spikes of the recurrence set off all others, whose
input then comes while everybody rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.metrics import metrics
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.network import LIF, Network
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, si

Floats = NDArray[np.float64]

N_UNITS = 512
DT_S = 1e-4
UNIT_TICKS = 100  # a rate of 1 is a spike in so many ticks: 100 Hz
REST_TICKS = 20  # 2 ms
R_MAX = UNIT_TICKS / REST_TICKS
SYNAPSE_S = 10e-3
SETTLE_TICKS, COUNT_TICKS = 4000, 16000
STEP, TOLERANCE, MAX_STEPS = 0.1, 1e-9, 20_000
RUNAWAY = 1e6
"""A rate that no step back is expected from."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Where the iteration ended."""

    rates: Floats  # [n] spikes per UNIT_TICKS
    converged: bool
    n_steps: int
    residual: float  # largest |r - f(r)|


def attention(
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    n_units: int = N_UNITS,
    count_ticks: int = COUNT_TICKS,
    seed: int = 0,
) -> Outcome:
    """Solves the rate model, saturates it if it has no solution, and runs the spiking counterpart."""
    if n_units < 2 or count_ticks < 1:
        raise SimulationError(
            f"attention of {n_units} units, {count_ticks} ticks: at least 2 units and a tick"
        )
    x = np.linspace(-2, 2, n_units)
    recurrent, drive = kernel(x[:, None] - x[None, :]) / n_units, inputs(x)
    free = solve(recurrent, drive, lambda total: np.maximum(0, total))
    capped = solve(recurrent, drive, lambda total: np.clip(total, 0, R_MAX))
    resting = solve(recurrent, drive, rest_curve)
    units = network(x, recurrent, drive, seed)
    program = compile(units, load_chip(chip))
    n_ticks = SETTLE_TICKS + count_ticks
    step = None if progress is None else partial(progress, "attention")
    result = run(program, n_ticks, engine=engine, progress=step)
    spikes = result.spikes("units")
    counted = spikes[spikes[:, 0] >= SETTLE_TICKS, 1]
    measured = np.bincount(counted, minlength=n_units) * UNIT_TICKS / count_ticks
    numbers = _numbers(result, recurrent, (free, capped, resting), measured, count_ticks)
    numbers["metrics"] = metrics(units, result)
    curves = {"saturated": capped.rates, "with rest": resting.rates, "spikes": measured}
    if free.converged:
        curves["rates"] = free.rates
    pictures = (("attention-profiles", partial(_draw, x, curves, numbers)),)
    return Outcome(numbers, _text(numbers), {"attention": result}, pictures)


def kernel(distance: Floats) -> Floats:
    """J: excitation by neighbours, inhibition by all."""
    return np.asarray(-2.5 + 8.5 * np.exp(-(distance**2) / (2 * 1.31**2)))


def inputs(x: Floats) -> Floats:
    """Stimulus and attention, less the threshold."""
    stimulus = 0.46 + 0.66 * np.exp(-(x**2) / (2 * 1.31**2))
    return np.asarray(stimulus + 0.089 * np.exp(-(x**2) / (2 * 0.35**2)) - 1)


def rest_curve(total: Floats) -> Floats:
    """Rate of a perfect integrator that rests after each spike: 1 / (1 / r_max + 1 / input)."""
    above = np.maximum(0, total)
    return np.asarray(above / (1 + above / R_MAX))


def solve(recurrent: Floats, drive: Floats, rate: Callable[[Floats], Floats]) -> Solution:
    """Damped iteration of r = rate(drive + recurrent r) from silence; rates that run away end it."""
    rates = np.zeros(len(drive))
    for n_steps in range(1, MAX_STEPS + 1):
        change = rate(drive + recurrent @ rates) - rates
        residual = float(np.abs(change).max())
        if residual < TOLERANCE:
            return Solution(rates, True, n_steps, residual)
        rates = rates + STEP * change
        if rates.max() > RUNAWAY:
            break
    return Solution(rates, False, n_steps, residual)


def gain(recurrent: Floats, active: NDArray[np.bool_]) -> float:
    """Largest eigenvalue of the recurrence among the units that are active: above 1 their rates run away."""
    if not active.any():
        return 0.0
    return float(np.linalg.eigvalsh(recurrent[np.ix_(active, active)])[-1])


def network(x: Floats, recurrent: Floats, drive: Floats, seed: int) -> Network:
    """Integrators without leak: an input of 1 is one spike in UNIT_TICKS. They begin at random, so that they
    do not fire together."""
    net = Network("attention", dt_s=DT_S)
    model = LIF(
        tau_mem_s=np.inf,
        tau_syn_s=SYNAPSE_S,
        gain_syn=1 - np.exp(-DT_S / SYNAPSE_S),  # a spike adds its weight to v, sooner or later
        threshold=1.0,
        bias=drive / UNIT_TICKS,
        refractory_ticks=REST_TICKS + 1,  # 1: no lost tick
    )
    v0 = np.random.default_rng(seed).random(len(x)) * 0.9
    net.add_population("units", len(x), model, v0=v0)
    # the input of a unit is the mean over spikes per unit of time: each spike adds its part of it to v
    net.connect("units", "units", recurrent.T)
    return net


def _numbers(
    result: Result,
    recurrent: Floats,
    solutions: tuple[Solution, Solution, Solution],
    measured: Floats,
    count_ticks: int,
) -> dict[str, Any]:
    free, capped, resting = solutions
    energy, spikes = result.energy, result.counts["spikes"]
    return {
        "bench": "attention",
        "chip": result.program.chip.name,
        "n_units": len(measured),
        "r_max": R_MAX,
        "rate_1_hz": 1 / (UNIT_TICKS * DT_S),
        "has_solution": free.converged,
        "gain_of_active": gain(recurrent, free.rates > 0),
        "n_saturated": int((capped.rates >= R_MAX - 1e-6).sum()),
        "solutions": {
            name: {
                "converged": one.converged,
                "n_steps": one.n_steps,
                "residual": one.residual,
                "peak": float(one.rates.max()) if one.converged else None,
                "n_active": int((one.rates > 0).sum()),
            }
            for name, one in zip(("free", "saturated", "with_rest"), solutions, strict=True)
        },
        "measured": {"peak": float(measured.max()), "n_active": int((measured > 0).sum())},
        "against_saturated": _likeness(measured, capped.rates),
        "against_with_rest": _likeness(measured, resting.rates),
        "count_ticks": count_ticks,
        "n_cores": result.program.image.n_cores,
        "spikes": spikes,
        "synaptic_ops": result.counts["synaptic_ops"],
        "energy_j": energy.total_j,
        "dynamic_j": energy.dynamic_j,
        "energy_per_spike_j": energy.total_j / spikes if spikes else None,
        "quantisation": result.program.stats.get("quantisation", []),
        "profiles": {
            "spikes": measured.tolist(),
            "saturated": capped.rates.tolist(),
            "with_rest": resting.rates.tolist(),
        },
    }


def _likeness(measured: Floats, model: Floats) -> dict[str, float | None]:
    """Correlation over the units, and root mean square difference in parts of r_max."""
    alike = measured.std() > 0 and model.std() > 0
    return {
        "correlation": float(np.corrcoef(measured, model)[0, 1]) if alike else None,
        "rms_of_r_max": float(np.sqrt(((measured - model) ** 2).mean())) / R_MAX,
        "active_alike": float(((measured > 0) == (model > 0)).mean()),
    }


def _text(numbers: dict[str, Any]) -> str:
    solutions = numbers["solutions"]
    free = solutions["free"]
    found = (
        f"a solution, found in {number(free['n_steps'])} steps"
        if numbers["has_solution"]
        else f"no solution: rates ran away within {number(free['n_steps'])} steps, so they are saturated"
    )
    facts = [
        ("units", f"{number(numbers['n_units'])} at x in -2 .. 2"),
        (
            "recurrence",
            f"amplifies the active units {numbers['gain_of_active']:.3g} times; above 1 is too much",
        ),
        ("rate model", found),
        ("saturation", f"r_max {numbers['r_max']:g}, {numbers['r_max'] * numbers['rate_1_hz']:g} Hz"),
        ("  units there", f"{number(numbers['n_saturated'])} of {number(numbers['n_units'])}"),
    ]
    rows = [
        (name, _peak(one["peak"]), number(one["n_active"]), _state(one))
        for name, one in (
            ("rates, saturated", solutions["saturated"]),
            ("rates, with rest", solutions["with_rest"]),
            ("spikes on the chip", numbers["measured"]),
        )
    ]
    alike = [
        (name, f"correlation {_peak(one['correlation'])}, rms {percent(one['rms_of_r_max'])} of r_max")
        for name, one in (
            ("with saturated rates", numbers["against_saturated"]),
            ("with rates with rest", numbers["against_with_rest"]),
        )
    ]
    costs = [
        ("cores", number(numbers["n_cores"])),
        ("spikes", number(numbers["spikes"])),
        ("synaptic operations", number(numbers["synaptic_ops"])),
        ("energy", f"{si(numbers['energy_j'], 'J')}, of it dynamic {si(numbers['dynamic_j'], 'J')}"),
        ("energy per spike", si(numbers["energy_per_spike_j"], "J")),
    ]
    return sections(
        facts_text("Attention with strong recurrence", facts),
        table_text("Profiles", ("", "peak rate", "active units", "iteration"), rows),
        facts_text("Profile of the spikes compared", alike),
        facts_text(f"What it costs on {numbers['chip']}", costs),
        "Reading: with a hard corner most units end at r_max. Neurons that rest come to the profile\n"
        "of their own curve instead: the correlation says how near the chip's weights and ticks bring them.",
    )


def _peak(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _state(one: dict[str, Any]) -> str:
    if "converged" not in one:
        return ""
    return f"{'converged' if one['converged'] else 'NOT converged'} in {number(one['n_steps'])} steps"


def _draw(x: Floats, curves: dict[str, Floats], numbers: dict[str, Any]) -> bytes:
    from emulator.report.profiles import draw_profiles  # matplotlib only when it is needed

    words = "" if numbers["has_solution"] else "the rate model has no solution: rates are saturated"
    return draw_profiles(
        x,
        curves,
        names=("position x", "rate, spikes per 10 ms"),
        words=(f"Attention with strong recurrence on {numbers['chip']}", words),
    )
