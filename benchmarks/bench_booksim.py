"""How close is the mesh to the cycle-accurate simulator BookSim2? Latency and throughput, point by point.

Curves of tests/golden/mesh, its README says what they are. Depth 8 and 16 have to agree: mean latency within
2 % below 70 % of saturation and 5 % from there to 90 %, throughput in overload within 2 %. Depth 2 and 4 are
reported: there BookSim's ports bind, which ours have none of. Patterns without a curve at depth 8 and 16 are
measured against their ideal saturation. --plot FILE draws the curves; --quick takes shorter windows.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of
from results import table

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden" / "mesh"
PATTERNS = {
    "uniform": "uniform",
    "bitcomp": "bit_complement",
    "neighbor": "neighbour",
    "transpose": "transpose",
    "tornado": "tornado",
    "hotspot": "hotspot",
}
COMPARED_DEPTH = 8  # from here on the models are the same
BELOW_KNEE, KNEE, OVERLOAD = 2.0, 5.0, 2.0  # %
OWN = ("transpose", "tornado", "hotspot")  # no curves at depth 8 and 16
SEED = 1


@dataclass(frozen=True)
class File:
    """One curve of BookSim2."""

    name: str
    pattern: str
    side: int
    depth: int
    rows: tuple[dict[str, float | None], ...]  # ascending in offered_rate; the last is the overload

    @property
    def saturation(self) -> float:
        """Half-way from the last stable to the first unstable row, the overload left out."""
        points = self.rows[:-1]
        stable = max(float(row["offered_rate"] or 0) for row in points if row["stable"])
        unstable = [float(row["offered_rate"] or 0) for row in points if not row["stable"]]
        return (stable + min(unstable)) / 2 if unstable else stable


def files() -> Iterator[File]:
    """The curves, deepest first; of two of the same traffic the one with more points."""
    best: dict[tuple[str, int, int], File] = {}
    for path in sorted(FOLDER.glob("booksim_*.csv")):
        with open(path, newline="") as file:
            told = list(csv.DictReader(file))
        rows = tuple(
            {key: float(value) if value else None for key, value in row.items() if key != "pattern"}
            for row in told
        )
        side, depth = int(told[0]["k"]), int(told[0]["buf_depth"])
        pattern = PATTERNS[told[0]["pattern"]]
        key = (pattern, side, depth)
        if key not in best or len(rows) > len(best[key].rows):
            name = f"{pattern} {side}x{side} depth {depth}"
            best[key] = File(name, pattern, side, depth, rows)
    yield from sorted(best.values(), key=lambda one: (-one.depth, one.side, one.name))


def measure(options: Options) -> Outcome:
    """Errors of each curve, and how near to the ideal the other patterns come."""
    try:
        import emulator as em
    except ImportError as error:
        raise ContestantError(f"{error}: install this project first, `pip install .`") from error
    windows = {"warmup_slots": 3000, "measure_slots": 6000 if options.quick else 30_000, "seed": SEED}
    figures: list[Figure] = []
    lines: list[tuple[str, ...]] = []
    pairs: dict[str, Any] = {}
    found: dict[str, tuple[float, float]] = {}
    chip = em.load_chip(FOLDER / "booksim.yaml")
    for file in files():
        own = chip.replace({"mesh.width": file.side, "mesh.height": file.side, "mesh.fifo_depth": file.depth})
        rates = [float(row["offered_rate"] or 0) for row in file.rows]
        print(f"{file.name}: {len(rates)} rates", file=sys.stderr)
        curve = em.load_curve(own, file.pattern, rates, **windows)
        figures += _errors(file, curve)
        lines += _lines(file, curve)
        if file.depth >= COMPARED_DEPTH:
            found[file.name] = file.saturation, curve.saturation_rate
            pairs[file.name] = curve, _theirs(file, curve)
    for pattern in OWN:
        for depth in (8, 16):
            own = chip.replace({"mesh.fifo_depth": depth})
            print(f"{pattern} 8x8 depth {depth}", file=sys.stderr)
            curve = em.load_curve(own, pattern, [0.5 * em.traffic.ideal_saturation(own, pattern)], **windows)
            share = 100 * curve.saturation_rate / curve.ideal_saturation
            name = f"{pattern} 8x8 depth {depth}: saturation : ideal"
            figures.append(Figure(name, share, "%", at_most=100, spread=f"{curve.saturation_rate:.3g}"))
    header = ("traffic", "offered", "latency", "BookSim2", "error", "accepted", "BookSim2", "error")
    print(table(header, lines), file=sys.stderr)
    if PLOT:
        from emulator.report.load_picture import draw_compared

        PLOT[0].write_bytes(draw_compared(pairs, ("spikemesh", "BookSim2"), "clock cycles"))
    return figures, _disorder(found)


def _errors(file: File, curve: Any) -> list[Figure]:
    """The worst errors of one curve, with targets where the models are the same."""
    below, knee = [0.0], [0.0]
    for row, point in zip(file.rows[:-1], curve.points, strict=False):
        load = point.offered_rate / file.saturation
        if load <= 0.9 and row["packet_latency_avg"] is not None and point.latency_ps is not None:
            (below if load < 0.7 else knee).append(_error(point.latency_ps, row["packet_latency_avg"]))
    overload = _error(curve.points[-1].accepted_rate, file.rows[-1]["accepted_rate"])
    judged = file.depth >= COMPARED_DEPTH
    return [
        Figure(f"{file.name}: {label}", max(map(abs, errors)), "%", at_most=limit if judged else None)
        for label, errors, limit in (
            ("latency below 70 % load, worst error", below, BELOW_KNEE),
            ("latency at 70 to 90 % load, worst error", knee, KNEE),
            ("throughput in overload, error", [overload], OVERLOAD),
        )
    ]


def _lines(file: File, curve: Any) -> Iterator[tuple[str, ...]]:
    points = {point.offered_rate: point for point in curve.points}
    for row in file.rows:
        point = points[row["offered_rate"]]
        theirs = row["packet_latency_avg"]
        both = point.latency_ps is not None and theirs is not None
        yield (
            file.name,
            f"{point.offered_rate:g}",
            "-" if point.latency_ps is None else f"{point.latency_ps:.2f}",
            "-" if theirs is None else f"{theirs:.2f}",
            f"{_error(point.latency_ps, theirs):+.2f} %" if both else "-",
            f"{point.accepted_rate:.4f}",
            f"{row['accepted_rate']:.4f}",
            f"{_error(point.accepted_rate, row['accepted_rate']):+.2f} %",
        )


def _error(ours: float, theirs: float | None) -> float:
    """%"""
    assert theirs
    return 100 * (ours / theirs - 1)


def _theirs(file: File, curve: Any) -> Any:
    """Their curve in the form of ours, for the picture."""
    points = {point.offered_rate: point for point in curve.points}
    return replace(
        curve,
        points=tuple(
            replace(
                points[row["offered_rate"]],
                latency_ps=row["packet_latency_avg"],
                accepted_rate=row["accepted_rate"],
            )
            for row in file.rows
        ),
    )


def _disorder(found: dict[str, tuple[float, float]]) -> list[str]:
    """Pairs of curves whose saturation points come in another order than theirs."""
    return [
        f"{one} saturates at {found[one][1]:.3g}, {other} at {found[other][1]:.3g}; BookSim2: other order"
        for one in found
        for other in found
        if found[one][0] < found[other][0] and found[one][1] >= found[other][1]
    ]


def _take_plot(command_line: list[str]) -> list[Path]:
    """The file after --plot, taken out of the command line."""
    if "--plot" not in command_line:
        return []
    place = command_line.index("--plot")
    if place + 1 == len(command_line):
        sys.exit("--plot: name a file")
    path = Path(command_line[place + 1])
    del command_line[place : place + 2]
    return [path]


ARGUMENTS = sys.argv[1:]
PLOT = _take_plot(ARGUMENTS)

if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, ARGUMENTS))
