"""Picture of load curves: latency and accepted throughput against offered load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from emulator.report import canvas
from emulator.report.load_text import saturation_line
from emulator.report.units import PS_PER_S, scale_for, short

if TYPE_CHECKING:
    from emulator.engine.load_curve import LoadCurve

HEAD_ROOM = 6.0  # latency is drawn up to this many times the lowest one
HIGHEST = 120.0  # slots
DOTTED: Any = {"linestyle": "-", "marker": "o", "markersize": 3.5}
LINE: Any = {"linestyle": "-"}
CROSSES: Any = {"linestyle": "", "marker": "x"}


def draw_load(curve: LoadCurve) -> bytes:
    """One curve: latency with its parts, the ideal saturation and the one found, as a PNG."""
    shown = [point for point in curve.points if point.latency_ps is not None]
    latencies = [float(point.latency_ps or 0.0) for point in shown] or [1.0]
    factor, prefix = scale_for(max(latencies) / PS_PER_S)
    per_ps = factor / PS_PER_S
    with canvas.style():
        figure = canvas.new_figure(10.6, 4.9)
        name = short(f"{curve.pattern} on {curve.chip}", 60)
        below = f"{curve.width} x {curve.height} tiles; saturation {saturation_line(curve)}"
        canvas.title(figure, f"Load and latency: {name}", below)
        latency, accepted = _two_axes(figure)
        rates = [point.offered_rate for point in shown]
        parts = (("latency_ps", "latency"), ("network_ps", "in the network"), ("zero_load_ps", "zero load"))
        for place, (key, label) in enumerate(parts):
            values = [getattr(point, key) * per_ps for point in shown]
            latency.plot(rates, values, color=canvas.colour(place), label=label, **DOTTED)
        latency.set_ylim(0, min(max(latencies) * 1.1, min(latencies) * HEAD_ROOM) * per_ps)
        latency.set_ylabel(f"mean latency ({prefix}s)")
        accepted.plot(*_throughput(curve), color=canvas.colour(0), label="accepted", **DOTTED)
        _mark_ends(latency, accepted, curve)
        _label(latency, accepted)
        return canvas.png(figure)


def draw_compared(
    pairs: Mapping[str, tuple[LoadCurve, LoadCurve]], names: tuple[str, str], unit: str
) -> bytes:
    """Pairs of curves of the same traffic: lines for the first of each, crosses for the second, as a PNG.

    unit: what a slot is called; latencies are in slots, up to HIGHEST of them.
    """
    with canvas.style():
        figure = canvas.new_figure(11.4, 5.2)
        canvas.title(figure, "Load and latency, compared", f"lines: {names[0]}; crosses: {names[1]}")
        latency, accepted = _two_axes(figure)
        for place, (label, pair) in enumerate(pairs.items()):
            for curve, look in zip(pair, (LINE, CROSSES), strict=True):
                look = {**look, "color": canvas.colour(place), "label": label if curve is pair[0] else None}
                shown = [point for point in curve.points if point.latency_ps is not None]
                slots = [float(point.latency_ps or 0.0) / curve.cycle_ps for point in shown]
                latency.plot([point.offered_rate for point in shown], slots, **look)
                accepted.plot(*_throughput(curve), **look)
        latency.set_ylabel(f"mean latency ({unit})")
        latency.set_ylim(0, HIGHEST)
        latency.legend(frameon=False, loc="upper right", fontsize=8.5)
        _label(latency, accepted)
        return canvas.png(figure)


def _throughput(curve: LoadCurve) -> tuple[list[float], list[float]]:
    """Offered and accepted rates."""
    return [p.offered_rate for p in curve.points], [p.accepted_rate for p in curve.points]


def _two_axes(figure: Figure) -> tuple[Axes, Axes]:
    """Latency on the left, throughput on the right."""
    return figure.add_axes((0.075, 0.125, 0.40, 0.70)), figure.add_axes((0.575, 0.125, 0.40, 0.70))


def _mark_ends(latency: Axes, accepted: Axes, curve: LoadCurve) -> None:
    """Where a mesh with perfect routers saturates, where this one does, and what all is."""
    top = max(point.offered_rate for point in curve.points)
    for axes in (latency, accepted):
        axes.axvline(curve.ideal_saturation, color=canvas.MUTED, linestyle="--", label="ideal saturation")
        if curve.saturation_rate is not None:
            axes.axvline(
                curve.saturation_rate, color=canvas.colour(3), linestyle="--", label="saturation found"
            )
    stable = [point.offered_rate for point in curve.points if point.stable]
    latency.set_xlim(0, 1.08 * max([curve.ideal_saturation, *stable]))
    accepted.plot([0, top], [0, top], ":", color=canvas.MUTED, label="all that is offered")
    accepted.set_xlim(0, 1.02 * top)
    accepted.set_ylim(bottom=0)
    latency.legend(frameon=False, loc="upper left", fontsize=8.5)
    accepted.legend(frameon=False, loc="lower right", fontsize=8.5)


def _label(latency: Axes, accepted: Axes) -> None:
    accepted.set_ylabel("accepted, packets per tile and slot")
    for axes in (latency, accepted):
        axes.set_xlabel("offered, packets per tile and slot")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(color=canvas.FAINT, linewidth=0.8)
        canvas.tidy(axes)
