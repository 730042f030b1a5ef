"""Picture of the speed bench: events, ticks and hops a second of each network, with the range of the runs."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from emulator.report import canvas
from emulator.report.result_text import counted

FIGURES = {
    "synaptic_events_per_s": "synaptic events a second",
    "ticks_per_s": "ticks a second",
    "packet_hops_per_s": "packet hops a second",
}
LABELS = {False: "mesh left out", True: "mesh carries packets"}
PANEL_IN, NAMES_IN, ROW_IN, HEAD_IN = 3.4, 1.2, 0.62, 1.15


def draw_speed(numbers: dict[str, Any]) -> bytes:
    """A panel for each of FIGURES that was measured, a line for each network, as a PNG."""
    rows = numbers["rows"]
    names = list(dict.fromkeys(row["network"] for row in rows))
    shown = {
        key: label for key, label in FIGURES.items() if any(row[key] and row[key]["median"] for row in rows)
    }
    width = max(NAMES_IN + PANEL_IN * len(shown), 7.0)
    height = HEAD_IN + ROW_IN * len(names) + 1.0
    with canvas.style():
        figure = canvas.new_figure(width, height)
        below = f"{numbers['machine']}; {counted(numbers['threads'], 'thread')}; {numbers['chip']}"
        canvas.title(figure, f"Speed of the {numbers['engine']} engine", below)
        for place, (key, label) in enumerate(shown.items()):
            left = NAMES_IN + place * PANEL_IN
            box = (left / width, 0.75 / height, (PANEL_IN - 0.5) / width, ROW_IN * len(names) / height)
            axes = figure.add_axes(box)
            _draw(axes, rows, key, names)
            axes.set_title(label, loc="left", fontsize=10)
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names))
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower left", frameon=False, ncols=2, fontsize=9)
        return canvas.png(figure)


def _measured(row: dict[str, Any], key: str) -> bool:
    """Whether there is something to show on a logarithmic scale: nothing hops within one tile."""
    return bool(row[key] and row[key]["median"])


def _draw(axes: Axes, rows: list[dict[str, Any]], key: str, names: list[str]) -> None:
    for timing, label in LABELS.items():
        found = [row for row in rows if row["timing"] is timing and _measured(row, key)]
        if not found:
            continue
        y = [names.index(row["network"]) + (0.14 if timing else -0.14) for row in found]
        value = [row[key]["median"] for row in found]
        spread = [
            [row[key]["median"] - row[key]["lowest"] for row in found],
            [row[key]["highest"] - row[key]["median"] for row in found],
        ]
        look: dict[str, Any] = {"fmt": "s" if timing else "o", "markersize": 5.5, "elinewidth": 1.4}
        axes.errorbar(value, y, xerr=spread, color=canvas.colour(int(timing)), label=label, **look)
    axes.grid(axis="x", color=canvas.FAINT)
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    canvas.log_ticks(axes)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    canvas.tidy(axes, keep=("bottom",))
