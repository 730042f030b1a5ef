"""The activity at which a chip takes as much energy as a clocked machine, and what it hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.baseline import BaselineSpec
from emulator.chip.estimate import Bound, Estimate
from emulator.chip.spec import ChipSpec
from emulator.clocked import best_bill, bill
from emulator.energy import price
from emulator.engine.result import Result
from emulator.network import Network

CHIP_ERROR = 0.25  # assumed, of a price without a range: twice the 12 % published with Loihi's (SANA-FE)
UNSOURCED_ERROR = 0.5  # assumed: of a cost of a baseline that is given without a range
GIVEN, ASSUMED, CHOSEN = "given", "assumed", "chosen"
"""Where the ends of an assumption come from: the range in the file, an error of ours, two ways to build."""
WEIGHT_BYTES = (1, 4)  # 8-bit integers, or 32-bit floats

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Curve:
    """Runs of one network on a chip, at rising activity."""

    chip: ChipSpec
    results: list[Result]
    n_senders: int  # neurons and inputs


@dataclass(frozen=True, eq=False)
class Machine:
    """A network on a baseline, at batch 1 or at the batch that costs least."""

    network: Network
    baseline: BaselineSpec
    best: bool

    def energy_j(self, end: str = "typical") -> float:
        """Per tick and sample; end: low, typical, high."""
        found = (best_bill if self.best else bill)(self.network, self.baseline)
        return float(getattr(found, end).total_j)

    def changed(self, changes: dict[str, Any]) -> Machine:
        return Machine(self.network, self.baseline.replace(changes), self.best)


def curve_of(curve: Curve, prices: ChipSpec, static: bool, bound: Bound = "value") -> Points:
    """(activity [n], J per tick [n]) of the runs at the prices of a chip, taken at that end of their ranges.

    static: with the power of the chip at rest.
    """
    activity, energy = [], []
    for result in curve.results:
        ledger = replace(price(result.record, prices, result.program), bound=bound)
        total_j = ledger.dynamic_j + ((ledger.static_j or 0.0) if static else 0.0)
        activity.append(ledger.counts["transmitted"] / (curve.n_senders * result.n_ticks))
        energy.append(total_j / result.n_ticks)
    order = np.argsort(activity)
    return np.array(activity)[order], np.array(energy)[order]


def crossing_of(points: Points, baseline_j: float) -> dict[str, Any]:
    """Where the chip's energy reaches the baseline's, between the points measured.

    verdict: below (the chip takes less below this activity), never (more even without spikes; activity 0),
    always (less at all activities measured; the highest of them).
    """
    activity, energy = points
    if energy[0] >= baseline_j:
        return {"verdict": "never", "activity": 0.0}
    above = np.flatnonzero(energy > baseline_j)
    if not len(above):
        return {"verdict": "always", "activity": float(activity[-1])}
    last = int(above[0])
    (x0, x1), (y0, y1) = activity[last - 1 : last + 1], energy[last - 1 : last + 1]
    return {"verdict": "below", "activity": float(x0 + (x1 - x0) * (baseline_j - y0) / (y1 - y0))}


def crossing_ends(curve: Curve, machine: Machine, static: bool) -> dict[str, dict[str, Any]]:
    """The crossing, and where it lies when all costs of one side are at the end that is good for the other:
    low takes the baseline's low and the chip's high costs, high the other way round."""
    bounds: dict[str, Bound] = {"low": "high", "typical": "value", "high": "low"}
    return {
        end: crossing_of(curve_of(curve, curve.chip, static, bound), machine.energy_j(end))
        for end, bound in bounds.items()
    }


def sensitivity(curve: Curve, machine: Machine, *, static: bool) -> list[dict[str, Any]]:
    """The crossing with each assumption at its ends, the others as they are; the widest swing first."""
    rows = [*_of_baseline(curve, machine, static), *_of_chip(curve, machine, static)]
    return sorted(rows, key=lambda row: -row["swing"])


def _of_baseline(curve: Curve, machine: Machine, static: bool) -> Iterator[dict[str, Any]]:
    points, baseline = curve_of(curve, curve.chip, static), machine.baseline
    for path, (low, typical, high) in baseline.costs().items():
        if not typical:
            continue
        source = GIVEN if low < high else ASSUMED
        if source == ASSUMED:
            low, high = (1 - UNSOURCED_ERROR) * typical, (1 + UNSOURCED_ERROR) * typical
        ends = [crossing_of(points, machine.changed({path: value}).energy_j()) for value in (low, high)]
        yield _row(f"{baseline.name}: {path}", (low, high), ends, source)
    ends = [crossing_of(points, machine.changed({"width_bytes.weight": n}).energy_j()) for n in WEIGHT_BYTES]
    yield _row(f"{baseline.name}: width_bytes.weight", WEIGHT_BYTES, ends, CHOSEN)
    places = ("near", "off_chip")
    moved = [{"weights": place, f"memory.{place}.capacity_bytes": None} for place in places]
    ends = [crossing_of(points, machine.changed(changes).energy_j()) for changes in moved]
    yield _row(f"{baseline.name}: weights", places, ends, CHOSEN)


def _of_chip(curve: Curve, machine: Machine, static: bool) -> Iterator[dict[str, Any]]:
    baseline_j, chip = machine.energy_j(), curve.chip
    prices = {f"energy_pj.{key}": getattr(chip.energy_pj, key) for key in type(chip.energy_pj).model_fields}
    if static:
        prices["static_power_mw"] = chip.static_power_mw
    for path, cost in prices.items():
        low, high, source = _range_of(cost)
        changed = [curve_of(curve, chip.replace({path: value}), static) for value in (low, high)]
        if all(np.array_equal(points[1], changed[0][1]) for points in changed):
            continue  # nothing of the kind happened
        ends = [crossing_of(points, baseline_j) for points in changed]
        yield _row(f"{chip.name}: {path}", (low, high), ends, source)


def _range_of(cost: float) -> tuple[float, float, str]:
    """Both ends of a price of a chip, and where they come from."""
    if isinstance(cost, Estimate):
        return cost.low, cost.high, GIVEN
    low, high = (round(factor * cost, 3) for factor in (1 - CHIP_ERROR, 1 + CHIP_ERROR))
    return low, high, ASSUMED


def _row(assumption: str, values: Any, ends: list[dict[str, Any]], source: str) -> dict[str, Any]:
    low, high = ends
    return {
        "assumption": assumption,
        "values": list(values),
        "ends": source,
        "at_low": low,
        "at_high": high,
        "swing": abs(high["activity"] - low["activity"]),
    }
