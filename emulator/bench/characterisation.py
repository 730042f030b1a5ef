"""Bench: power, synaptic operations and efficiency of TrueNorth against firing rate and active synapses.

A point is a network that fires at one rate, with so many synapses on each neuron, measured over some ticks
after all delays have run in. Its counts, at the chip's prices and over the time that its clock gives the
ticks, come to joules; no tick depends on when packets arrive, so the mesh is left out. Some cores stand for
the whole chip: spread over it, so that packets go as far as on a full one; what they do is multiplied up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from emulator.bench.characterisation_network import (
    LEAK,
    MAX_ALPHA,
    MAX_DELAY,
    N,
    described,
    network_of,
)
from emulator.bench.characterisation_text import outcome_text
from emulator.bench.metrics import neurobench
from emulator.bench.outcome import Outcome, Progress
from emulator.chip.spec import ChipSpec
from emulator.compiler import compile
from emulator.engine import run
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.report.result_text import counted
from emulator.report.units import PS_PER_S

CROSSBAR_CHIP = "truenorth"
RATES_HZ = (0.0, 10.0, 20.0, 50.0, 100.0, 150.0, 200.0)
SYNAPSES = (0, 32, 64, 128, 192, 256)
SIDE, TICKS = 16, 200


@dataclass(frozen=True)
class Sweep:
    """What is measured."""

    rates_hz: Sequence[float] = RATES_HZ
    synapses: Sequence[int] = SYNAPSES  # of each neuron
    side: int = SIDE  # side x side cores stand for the chip
    n_ticks: int = TICKS
    seed: int = 0


@dataclass(frozen=True)
class Point:
    """One rate and number of synapses. Power and operations are those of the whole chip."""

    rate_hz: float  # asked for
    synapses: int
    measured_hz: float  # mean over the neurons
    spikes: int  # these four of the cores emulated, in all ticks
    synaptic_ops: int
    hops: int
    dynamic_j: float
    power_w: float
    gsops: float  # 10**9 synaptic operations a second
    gsops_per_w: float | None  # None: nothing costs anything
    metrics: dict[str, Any]  # NeuroBench's, of the cores emulated


@dataclass(frozen=True)
class Anchor:
    """A published measurement."""

    rate_hz: float
    synapses: int
    quantity: str  # field of Point
    published: float


# Merolla et al. 2014, Akopyan et al. 2015; the last one is known from secondary sources only
PUBLISHED = (
    Anchor(20.0, 128, "power_w", 0.065),
    Anchor(20.0, 128, "gsops_per_w", 46.0),
    Anchor(200.0, 256, "gsops_per_w", 400.0),
)


def characterisation(
    sweep: Sweep = Sweep(),
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CROSSBAR_CHIP,
    threads: int = 1,
) -> Outcome:
    """Measures every point of the sweep. Raises SimulationError naming all that is wrong with it."""
    loaded = load_chip(chip)
    problems = _problems(sweep, loaded)
    if problems:
        raise SimulationError(problems)
    grid = [(rate, n) for rate in sorted(set(sweep.rates_hz)) for n in sorted(set(sweep.synapses))]
    points = []
    for done, (rate_hz, n_synapses) in enumerate(grid):
        if progress is not None:
            progress(f"{rate_hz:g} Hz, {counted(n_synapses, 'synapse')}", done, len(grid))
        points.append(_measure(loaded, sweep, (rate_hz, n_synapses), engine=engine, threads=threads))
    numbers = _numbers(loaded, sweep, points)
    return Outcome(numbers, outcome_text(numbers), {}, (("characterisation", partial(_draw, numbers)),))


def _problems(sweep: Sweep, chip: ChipSpec) -> list[str]:
    if chip.cores.model != "truenorth" or chip.tick_ps is None:
        return [
            f"chip {chip.name!r}: cores.model {chip.cores.model!r}, domain {chip.domain!r}: the bench takes "
            f"'truenorth' and 'fixed', as chip {CROSSBAR_CHIP!r} has them"
        ]
    per_s = PS_PER_S / chip.tick_ps
    lowest = math.ceil(1e4 * LEAK * per_s / MAX_ALPHA) / 1e4
    problems = [
        f"rates: {rate:g} Hz is none: give 0, or {lowest:g}..{per_s:g} Hz, at most one spike a tick"
        for rate in sweep.rates_hz
        if not (rate == 0 or lowest <= rate <= per_s)
    ]
    problems += [
        f"synapses: {n!r} is none: a neuron has 0..{N}, one for each axon"
        for n in sweep.synapses
        if not (_whole(n) and 0 <= n <= N)
    ]
    problems += [
        f"{name}: none given: give some, or leave them out"
        for name, values in (("rates", sweep.rates_hz), ("synapses", sweep.synapses))
        if not values
    ]
    most = min(chip.mesh.width, chip.mesh.height)
    if not (_whole(sweep.side) and 1 <= sweep.side <= most):
        size = f"{chip.mesh.width} x {chip.mesh.height}"
        problems.append(f"side {sweep.side!r}: chip {chip.name!r} has {size} tiles: give 1..{most}")
    for name, value, least in (("ticks", sweep.n_ticks, 1), ("seed", sweep.seed, 0)):
        if not (_whole(value) and value >= least):
            problems.append(f"{name} {value!r}: must be an integer from {least} up")
    return problems


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _measure(chip: ChipSpec, sweep: Sweep, point: tuple[float, int], *, engine: str, threads: int) -> Point:
    assert chip.tick_ps is not None
    (rate_hz, n_synapses), tick_s = point, chip.tick_ps / PS_PER_S
    given = described(sweep.side**2, rate_hz * tick_s, n_synapses, sweep.seed)
    network = network_of(given, tiles_of(chip, sweep.side))
    program = compile(network, chip, seed=0)
    options: dict[str, Any] = {"engine": engine, "timing": False, "threads": threads}
    running_in = run(program, MAX_DELAY, **options)
    result = run(program, sweep.n_ticks, state=running_in.state, **options)
    ledger, counts = result.energy, result.counts
    seconds, scale = sweep.n_ticks * tick_s, _scale(chip, sweep)
    assert ledger.static_j is not None, "a clock ends the ticks"
    power_w = (scale * ledger.dynamic_j + ledger.static_j) / seconds
    gsops = scale * counts["synaptic_ops"] / seconds / 1e9
    return Point(
        rate_hz=rate_hz,
        synapses=n_synapses,
        measured_hz=counts["spikes"] / (given.n_cores * N * seconds),
        spikes=counts["spikes"],
        synaptic_ops=counts["synaptic_ops"],
        hops=sum(counts[f"hop_{direction}"] for direction in "ewns"),
        dynamic_j=ledger.dynamic_j,
        power_w=power_w,
        gsops=gsops,
        gsops_per_w=gsops / power_w if power_w else None,
        metrics=neurobench(network, result),
    )


def tiles_of(chip: ChipSpec, side: int) -> list[tuple[int, int]]:
    """side x side tiles, evenly over the mesh: packets go as far as if it were full."""
    x = [place * chip.mesh.width // side for place in range(side)]
    y = [place * chip.mesh.height // side for place in range(side)]
    return [(x[core % side], y[core // side]) for core in range(side**2)]


def _scale(chip: ChipSpec, sweep: Sweep) -> float:
    """Cores of the chip for each one emulated."""
    return chip.n_cores / sweep.side**2


def _numbers(chip: ChipSpec, sweep: Sweep, points: list[Point]) -> dict[str, Any]:
    """Everything the text and the picture show."""
    found = {(point.rate_hz, point.synapses): point for point in points}
    anchors = []
    for anchor in PUBLISHED:
        point = found.get((anchor.rate_hz, anchor.synapses))
        measured = None if point is None else getattr(point, anchor.quantity)
        off = None if measured is None else measured / anchor.published - 1
        anchors.append({**asdict(anchor), "measured": measured, "deviation": off})
    return {
        "bench": "characterisation",
        "chip": chip.name,
        "n_cores": sweep.side**2,
        "n_cores_chip": chip.n_cores,
        "scale": _scale(chip, sweep),
        "n_ticks": sweep.n_ticks,
        "tick_ps": chip.tick_ps,
        "seed": sweep.seed,
        "rows": [asdict(point) for point in points],
        "anchors": anchors,
    }


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.bench.characterisation_picture import draw  # matplotlib only when it is needed

    return draw(numbers)
