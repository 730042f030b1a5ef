"""Bench: what does a clocked machine pay for the same networks, and up to which activity does a chip pay off?

Networks of one to several layers, whose inputs fire at many rates, run on the chips. The baselines evaluate
every neuron of the same in every tick: their energy has no spike in it, it grows with the neurons. The
crossing is the activity, in spikes per neuron and tick, at which the chip takes as much as the baseline. It
hangs on what is assumed of both, so every assumption is moved to its ends and the crossing found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from emulator.bench.crossing import Curve, Machine, crossing_ends, sensitivity
from emulator.bench.energy_vs_neurons_text import outcome_text
from emulator.bench.energy_vs_spikes import TICK_S, check_sweep, run_layers, spikes_by_tick
from emulator.bench.layers import STANDARD, Layers, clocked_spikes, compiled, network_of, raster_of
from emulator.bench.outcome import Outcome, Progress
from emulator.bench.spending import line_fit, spending
from emulator.chip.baseline import BaselineSpec
from emulator.chip.spec import ChipSpec
from emulator.clocked import Bill, best_bill, bill
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_baseline, load_chip

CHIPS = ("loihi", "truenorth")
BASELINES = ("cpu-dram", "gpu-hbm", "tpu-sram")
RATES_HZ = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
DEPTHS = (1, 2, 4, 8)
TICKS = 400
NODE_NM = {"loihi": 14, "loihi-spice": 14, "truenorth": 28}  # Davies et al. 2018, Merolla et al. 2014


@dataclass(frozen=True)
class NeuronSweep:
    """What is measured. The crossing is that of the deepest network."""

    rates_hz: Sequence[float] = RATES_HZ
    depths: Sequence[int] = DEPTHS  # layers
    n_ticks: int = TICKS
    layers: Layers = STANDARD  # but for its depth
    scale: float | None = None  # of what baselines spend on their chips, to guess at another process


def energy_vs_neurons(
    sweep: NeuronSweep = NeuronSweep(),
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chips: Sequence[str] = CHIPS,
    baselines: Sequence[str] = BASELINES,
) -> Outcome:
    """Runs the networks on the chips and bills them on the baselines. Raises SimulationError naming all that
    is wrong."""
    loaded, machines = [load_chip(name) for name in chips], [load_baseline(name) for name in baselines]
    _check(sweep, loaded, machines)
    if sweep.scale is not None:
        machines = [machine.scaled(sweep.scale) for machine in machines]
    depths = sorted(set(sweep.depths))
    curves, rows, same = [], [], True
    for place, depth in enumerate(depths):
        layers = replace(sweep.layers, depth=depth)
        for number, chip in enumerate(loaded):
            if progress is not None:
                done = place * len(loaded) + number
                progress(f"{chip.name}, {layers.n_neurons} neurons", done, len(depths) * len(loaded))
            results, exact = _runs(sweep, layers, chip, engine)
            same &= exact
            rows.append((chip.name, [_row(sweep, layers, *one) for one in results]))
            if depth == depths[-1]:
                curves.append(Curve(chip, [result for _, result in results], layers.n_senders))
    billed = [_baseline_numbers(machine, sweep, depths) for machine in machines]
    deepest = replace(sweep.layers, depth=depths[-1])
    numbers = {
        "bench": "energy-vs-neurons",
        "n_ticks": sweep.n_ticks,
        "seed": sweep.layers.seed,
        "network": {**asdict(deepest), "n_neurons": deepest.n_neurons, "n_inputs": deepest.width},
        "node_scale": sweep.scale,
        "as_clocked": same,
        "chips": [_chip_numbers(chip, rows) for chip in loaded],
        "baselines": billed,
        **_crossings(curves, machines, deepest),
    }
    pictures = (
        ("energy-vs-neurons", partial(_draw, numbers)),
        ("energy-vs-neurons-sensitivity", partial(_draw_sensitivity, numbers)),
    )
    return Outcome(numbers, outcome_text(numbers), {}, pictures)


def _check(sweep: NeuronSweep, chips: list[ChipSpec], machines: list[BaselineSpec]) -> None:
    problems = check_sweep(sweep.rates_hz, sweep.n_ticks)
    problems += [
        f"layers: {depth!r} is none: give integers from 1 up"
        for depth in sweep.depths
        if not (isinstance(depth, int) and depth >= 1)
    ]
    if len(set(sweep.depths)) < 2:
        problems.append(
            f"layers: {list(sweep.depths)}: give at least two numbers of layers, a line needs them"
        )
    if sweep.scale is not None and not 0 < sweep.scale <= 100:
        problems.append(f"scale {sweep.scale:g}: give a factor above 0, up to 100")
    for what, given, shipped in (("chips", chips, CHIPS), ("baselines", machines, BASELINES)):
        if not given:
            problems.append(f"{what}: none given: give some, as {', '.join(shipped)}")
    if problems:
        raise SimulationError(problems)


def _runs(
    sweep: NeuronSweep, layers: Layers, chip: ChipSpec, engine: str
) -> tuple[list[tuple[float, Result]], bool]:
    """The runs at all rates, and whether each has the spikes of a dense evaluation."""
    program, results, same = compiled(layers, chip), [], True
    for rate in sorted(set(sweep.rates_hz)):
        raster = raster_of(layers, rate * TICK_S, sweep.n_ticks)
        result = run_layers(program, raster, engine)
        expected = clocked_spikes(layers, raster).sum(axis=1)
        same &= bool(np.array_equal(spikes_by_tick(result), expected))
        results.append((rate, result))
    return results, same


def _row(sweep: NeuronSweep, layers: Layers, rate: float, result: Result) -> dict[str, Any]:
    """Energy per tick."""
    spent, transmitted = spending(result.energy), result.counts["transmitted"]
    per_tick = {
        name.replace("_j", "_per_tick_j"): None if spent[name] is None else spent[name] / sweep.n_ticks
        for name in ("transmission_j", "update_j", "dynamic_j", "static_j")
    }
    return {
        "n_neurons": layers.n_neurons,
        "rate_hz": rate,
        "transmitted": transmitted,
        "activity": transmitted / (layers.n_senders * sweep.n_ticks),
        **per_tick,
    }


def _chip_numbers(chip: ChipSpec, rows: list[tuple[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """All rows of a chip, and the line of energy against activity for each number of neurons."""
    own = [row for name, found in rows if name == chip.name for row in found]
    fits = []
    for n_neurons in sorted({row["n_neurons"] for row in own}):
        these = [row for row in own if row["n_neurons"] == n_neurons]
        x = np.array([row["activity"] for row in these])
        y = np.array([row["dynamic_per_tick_j"] for row in these])
        fits.append({"n_neurons": n_neurons, **line_fit(x, y)})
    return {"chip": chip.name, "node_nm": NODE_NM.get(chip.name), "rows": own, "fits": fits}


def _baseline_numbers(machine: BaselineSpec, sweep: NeuronSweep, depths: list[int]) -> dict[str, Any]:
    """Bills by number of neurons, at batch 1 and at the best batch, and the line through them."""
    rows: list[dict[str, Any]] = []
    for depth in depths:
        layers = replace(sweep.layers, depth=depth)
        network = network_of(layers, "cuba")
        bills = {"1": bill(network, machine), "best": best_bill(network, machine)}
        rows.append(
            {"n_neurons": layers.n_neurons, **{name: _bill_numbers(one) for name, one in bills.items()}}
        )
    n = np.array([row["n_neurons"] for row in rows], dtype=np.float64)
    fits = {name: line_fit(n, np.array([row[name]["typical_j"] for row in rows])) for name in ("1", "best")}
    return {
        "baseline": machine.name,
        "node_nm": machine.node_nm,
        "weights": machine.weights,
        "rows": rows,
        "fits": fits,
    }


def _bill_numbers(one: Bill) -> dict[str, Any]:
    ends = {f"{end}_j": getattr(one, end).total_j for end in ("low", "typical", "high")}
    return {
        "batch": one.batch,
        "activations": one.activations,
        **ends,
        "weights_share": one.typical.weights_share,
        "parts": asdict(one.typical),
        "work": asdict(one.work),
    }


def _crossings(curves: list[Curve], machines: list[BaselineSpec], layers: Layers) -> dict[str, Any]:
    """Of every chip with every baseline at both batches, without and with static power."""
    network = network_of(layers, "cuba")
    found: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for curve in curves:
        for machine in machines:
            for batching in ("1", "best"):
                pair = Machine(network, machine, best=batching == "best")
                named: dict[str, Any] = {
                    "chip": curve.chip.name,
                    "baseline": machine.name,
                    "batching": batching,
                }
                for static in (False, True):
                    ends = crossing_ends(curve, pair, static)
                    found.append({**named, "static": static, "n_neurons": layers.n_neurons, **ends})
                moved.append({**named, "static": False, "rows": sensitivity(curve, pair, static=False)})
    return {"crossings": found, "sensitivity": moved}


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.claim_pictures import draw_neurons  # matplotlib only when it is needed

    return draw_neurons(numbers)


def _draw_sensitivity(numbers: dict[str, Any]) -> bytes:
    from emulator.report.claim_pictures import draw_sensitivity  # matplotlib only when it is needed

    return draw_sensitivity(numbers)
