"""Picture of a fault study: accuracy and energy against bit errors and against dead cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from emulator.report import canvas

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

LINTHRESH = 1e-4  # below it the axis of rates is linear, so that 0 has a place


def draw_faults(bit_errors: Rows, dead_cores: Rows, chip: str) -> bytes:
    """Four panels, a curve for each network, as a PNG. Energy is its change from that without faults."""
    with canvas.style():
        figure = canvas.new_figure(10.6, 6.8)
        canvas.title(
            figure, f"Faults on {chip}", "accuracy and energy of an answer; without faults at the left"
        )
        panels = figure.subplots(2, 2, sharex="col")
        figure.subplots_adjust(left=0.08, right=0.98, bottom=0.09, top=0.86, hspace=0.12, wspace=0.2)
        for column, (rows, key, label) in enumerate(
            ((bit_errors, "rate", "bit error rate of synaptic memory"), (dead_cores, "n_dead", "dead cores"))
        ):
            _curves(panels[0][column], rows, key, "accuracy", "accuracy")
            _curves(panels[1][column], rows, key, "energy_j", "energy, change in %")
            panels[1][column].set_xlabel(label)
            panels[0][column].set_ylim(0, 1)
        for axes in panels[:, 0]:
            axes.set_xscale("symlog", linthresh=LINTHRESH)
            axes.set_xlim(left=0)
        panels[0][0].legend(frameon=False)
        return canvas.png(figure)


def _curves(axes: Axes, rows: Rows, key: str, value: str, label: str) -> None:
    for place, (name, points) in enumerate(rows.items()):
        shown = [point for point in points if point[value] is not None]
        unit = shown[0][value] if value == "energy_j" and shown else None
        axes.plot(
            [point[key] for point in shown],
            [_shown(point[value], unit) for point in shown],
            color=canvas.colour(place),
            marker="o",
            markersize=3.5,
            label=name,
        )
    axes.set_ylabel(label)
    axes.grid(color=canvas.FAINT)


def _shown(value: float, unit: float | None) -> float:
    return value if unit is None else 100 * (value / unit - 1)
