"""Picture: where the joules went, one bar per event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from emulator.report import canvas
from emulator.report.events import event_label
from emulator.report.units import compact, number, percent, scale_for, si

DYNAMIC_COLOUR = "#0072b2"
STATIC_FACE, STATIC_EDGE = "#f3f4f6", "#6b7280"


def draw_energy(rows: Sequence[dict[str, Any]], where: str) -> Figure:
    """Total as one stacked bar, and each event that costs anything as a bar of its own.

    rows: `Ledger.table("event")`: event, count, energy_j, share; the row `static` is drawn hatched. Static
    power often dwarfs the events, so it has its place in the upper bar and the lower axis is the events'.
    """
    dynamic = sorted(
        (row for row in rows if row["event"] != "static" and row["energy_j"] > 0),
        key=lambda row: -row["energy_j"],
    )
    static = next((row for row in rows if row["event"] == "static" and row["energy_j"] is not None), None)
    height = 2.75 + 0.36 * max(1, len(dynamic))
    figure = canvas.new_figure(9.6, height)
    canvas.title(figure, "Energy by event", where)
    left, width = 0.20, 0.755
    top = figure.add_axes((left, 1 - 1.34 / height, width, 0.34 / height))
    _draw_total(top, dynamic, static)
    bars = figure.add_axes((left, 0.62 / height, width, (height - 2.55) / height))
    _draw_events(bars, dynamic)
    return figure


def _draw_total(axes: Axes, dynamic: Sequence[dict[str, Any]], static: dict[str, Any] | None) -> None:
    """One bar: dynamic part, then static, with shares in a legend under it."""
    dynamic_j = sum(row["energy_j"] for row in dynamic)
    static_j = static["energy_j"] if static else 0.0
    total_j = dynamic_j + static_j
    axes.barh([0], [dynamic_j], height=0.8, color=DYNAMIC_COLOUR)
    static_look: dict[str, Any] = {"facecolor": STATIC_FACE, "edgecolor": STATIC_EDGE, "hatch": "////"}
    axes.barh([0], [static_j], left=[dynamic_j], height=0.8, **static_look)
    axes.set_xlim(0, total_j or 1.0)
    axes.set_ylim(-0.5, 0.5)
    axes.set_yticks([0], ["total"])
    axes.set_xticks([])
    axes.tick_params(length=0)
    canvas.tidy(axes, keep=())
    handles = [Patch(facecolor=DYNAMIC_COLOUR, label=_part("events", dynamic_j, total_j))]
    if static is not None:
        handles.append(Patch(label=_part("static power", static_j, total_j), **static_look))
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-0.005, -0.05),
        ncols=2,
        frameon=False,
        handlelength=1.6,
        fontsize=10,
        borderaxespad=0.2,
    )


def _part(name: str, energy_j: float, total_j: float) -> str:
    return f"{name}  {si(energy_j, 'J')} · {percent(energy_j / total_j if total_j else 0.0)}"


def _draw_events(axes: Axes, dynamic: Sequence[dict[str, Any]]) -> None:
    """Horizontal bars, dearest first, each with its energy, its share of the total and its count."""
    largest_j = max((row["energy_j"] for row in dynamic), default=0.0)
    factor, prefix = scale_for(largest_j)
    axes.barh(
        range(len(dynamic)), [row["energy_j"] * factor for row in dynamic], height=0.68, color=DYNAMIC_COLOUR
    )
    axes.set_yticks(range(len(dynamic)), [event_label(row["event"]) for row in dynamic])
    axes.set_ylim(max(1, len(dynamic)) - 0.4, -0.6)
    axes.set_xlim(0, (largest_j * factor or 1.0) * 1.5)  # room for the values at the bars' ends
    for place, row in enumerate(dynamic):
        axes.annotate(
            f"{si(row['energy_j'], 'J')} · {percent(row['share'])}",
            (row["energy_j"] * factor, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
        )
        axes.annotate(
            f"{number(row['count'])} x",
            (1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=9,
            color=canvas.MUTED,
        )
    if not dynamic:
        axes.text(
            0.5, 0.5, "no event that costs energy", transform=axes.transAxes, ha="center", color=canvas.MUTED
        )
    axes.xaxis.set_major_locator(MaxNLocator(6, prune="upper"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axes.set_xlabel(f"energy of all events of a kind ({prefix}J); shares are of the total")
    axes.tick_params(axis="y", length=0)
    canvas.tidy(axes)
