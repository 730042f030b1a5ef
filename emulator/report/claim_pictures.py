"""Pictures of the claims about energy: against spikes, against neurons, and by where the weights are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from emulator.report import canvas
from emulator.report.units import number, si

BAND = 0.18  # opacity of a range
SHOWN = 8  # bars of a panel of assumptions
PLACES = {"near": "in the core", "far": "far on the chip", "off_chip": "off the chip"}
BATCHING = {"1": "batch 1", "best": "best batch"}


def draw_spikes(numbers: dict[str, Any]) -> bytes:
    """Energy against spikes on each chip, both logarithmic, as a PNG."""
    chips = numbers["chips"]
    with canvas.style():
        figure = canvas.new_figure(max(6.4, 5.4 * len(chips)), 5.2)
        network = numbers["network"]
        below = (
            f"{number(network['n_neurons'])} neurons and {number(network['n_inputs'])} inputs, fixed; inputs "
            f"at rates over three decades, {number(numbers['n_ticks'])} ticks"
        )
        canvas.title(figure, "What transmission costs is proportional to the spikes", below)
        for axes, chip in zip(_panels(figure, len(chips)), chips, strict=True):
            rows = [row for row in chip["rows"] if row["transmitted"]]
            spikes = [row["transmitted"] for row in rows]
            slope = chip["fit"]["slope_j_per_spike"]
            line = [slope * n for n in spikes]
            axes.plot(spikes, line, color=canvas.MUTED, label=f"{si(slope, 'J')} a spike", zorder=1)
            for place, (key, label) in enumerate(
                (("transmission_j", "transmission"), ("update_j", "updates"), ("static_j", "static power"))
            ):
                values = [row[key] for row in rows]
                if None not in values:
                    dots: dict[str, Any] = {"color": canvas.colour(place), "marker": "o", "linestyle": "none"}
                    axes.plot(spikes, values, label=label, markersize=5, **dots)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_title(f"{chip['chip']}, R2 {chip['fit']['r2']:.6f}", loc="left", fontsize=10)
            axes.set_xlabel("spikes transmitted")
            axes.set_ylabel("energy (J)")
            axes.set_ylim(top=axes.get_ylim()[1] * 20)
            axes.legend(frameon=False, fontsize=8.5, loc="upper left", ncols=2)
            _finish(axes)
        return canvas.png(figure)


def draw_neurons(numbers: dict[str, Any]) -> bytes:
    """Left: energy per tick against activity. Right: baselines against neurons. As a PNG."""
    with canvas.style():
        figure = canvas.new_figure(12.6, 5.6)
        most = numbers["network"]["n_neurons"]
        scaled = "" if numbers["node_scale"] is None else f"; NODE-SCALED by {numbers['node_scale']:g}"
        below = f"left: {number(most)} neurons; bands: ranges of costs; without static power{scaled}"
        canvas.title(figure, "A chip pays for spikes, a clocked machine for neurons", below)
        left, right = _panels(figure, 2)
        for place, chip in enumerate(numbers["chips"]):
            rows = [row for row in chip["rows"] if row["n_neurons"] == most and row["activity"] > 0]
            dots: dict[str, Any] = {
                "color": canvas.colour(place),
                "marker": "o",
                "markersize": 4.5,
                "zorder": 3,
            }
            left.plot(
                [row["activity"] for row in rows],
                [row["dynamic_per_tick_j"] for row in rows],
                label=_named(chip["chip"], chip["node_nm"]),
                **dots,
            )
        for place, baseline in enumerate(numbers["baselines"], len(numbers["chips"])):
            _draw_baseline(left, right, baseline, canvas.colour(place))
        left.set_xscale("log")
        left.set_xlabel("activity (spikes per neuron and tick)")
        right.set_xscale("log", base=2)
        right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        right.set_xlabel("neurons")
        for axes in (left, right):
            axes.set_yscale("log")
            axes.set_ylabel("energy per tick and sample (J)")
            _finish(axes)
        left.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
        left.set_ylim(top=left.get_ylim()[1] * 30)
        return canvas.png(figure)


def _draw_baseline(left: Axes, right: Axes, baseline: dict[str, Any], colour: str) -> None:
    """A band over all activities, and a line over the neurons, at both batches."""
    last = baseline["rows"][-1]
    for batching, look in (("1", "-"), ("best", "--")):
        one = last[batching]
        label = f"{_named(baseline['baseline'], baseline['node_nm'])}, {BATCHING[batching]}"
        left.axhline(one["typical_j"], color=colour, linestyle=look, label=label)
        left.axhspan(one["low_j"], one["high_j"], color=colour, alpha=BAND, linewidth=0)
        neurons = [row["n_neurons"] for row in baseline["rows"]]
        values = [row[batching]["typical_j"] for row in baseline["rows"]]
        right.plot(neurons, values, color=colour, linestyle=look, marker="o", markersize=4)


def draw_sensitivity(numbers: dict[str, Any]) -> bytes:
    """How far each assumption moves the crossing of the first chip, a panel for each baseline, as a PNG."""
    first = numbers["chips"][0]["chip"]
    parts = [p for p in numbers["sensitivity"] if p["chip"] == first and p["batching"] == "1"]
    typical = {
        c["baseline"]: c["typical"]["activity"]
        for c in numbers["crossings"]
        if c["chip"] == first and c["batching"] == "1" and not c["static"]
    }
    with canvas.style():
        figure = canvas.new_figure(11.4, 1.4 + 2.9 * len(parts))
        below = "crossing in spikes per neuron and tick, batch 1, no static power; one assumption at a time"
        canvas.title(figure, f"Up to which activity {first} pays, and what that hangs on", below)
        height = figure.get_size_inches()[1]
        for place, part in enumerate(parts):
            bottom = height - 1.05 - 2.9 * (place + 1) + 0.75
            axes = figure.add_axes((0.34, bottom / height, 0.62, 2.0 / height))
            moved = [row for row in part["rows"][:SHOWN] if row["swing"] > 0]
            _bars(axes, moved, typical[part["baseline"]])
            axes.set_title(f"against {part['baseline']}", loc="left", fontsize=10)
        return canvas.png(figure)


def _bars(axes: Axes, rows: Sequence[dict[str, Any]], middle: float) -> None:
    """Widest on top; both ends are labelled with the value that leads there."""
    for place, row in enumerate(rows):
        ends = [row["at_low"]["activity"], row["at_high"]["activity"]]
        axes.barh(-place, max(ends) - min(ends), left=min(ends), height=0.6, color=canvas.colour(0))
        for end, value in zip(ends, row["values"], strict=True):
            on_left = end == min(ends) and ends[0] != ends[1]
            text = value if isinstance(value, str) else f"{value:g}"
            offset, side = ((-4, 0), "right") if on_left else ((4, 0), "left")
            axes.annotate(
                text,
                (end, -place),
                offset,
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=7.5,
                color=canvas.MUTED,
            )
    axes.axvline(middle, color=canvas.INK, linewidth=0.9)
    axes.set_yticks([-place for place in range(len(rows))], [row["assumption"] for row in rows], fontsize=8)
    axes.set_ylim(0.5 - SHOWN, 0.5)  # bars of one width in every panel
    axes.use_sticky_edges = False
    axes.margins(x=0.12, y=0)
    axes.grid(axis="x", color=canvas.FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    canvas.tidy(axes)


def draw_memory(numbers: dict[str, Any]) -> bytes:
    """Energy per tick by where the weights are, with the share that moves them, as a PNG."""
    machines = numbers["machines"]
    with canvas.style():
        figure = canvas.new_figure(max(6.4, 4.4 * len(machines)), 5.4)
        below = (
            f"{number(numbers['network']['n_neurons'])} neurons, {numbers['activity']:.2g} spikes per neuron "
            f"and tick; event-driven: {numbers['chip']}; no static power; per cent: share that moves weights"
        )
        canvas.title(figure, "What moving weights takes", below)
        energies = [row["total_per_tick_j"] for machine in machines for row in machine["rows"]]
        for axes, machine in zip(_panels(figure, len(machines)), machines, strict=True):
            _stacks(axes, machine)
            axes.set_ylim(min(energies) / 3, max(energies) * 8)
        return canvas.png(figure)


def _stacks(axes: Axes, machine: dict[str, Any]) -> None:
    ways = list(dict.fromkeys(row["way"] for row in machine["rows"]))
    for group, way in enumerate(ways):
        for place, key in enumerate(PLACES):
            row = next(row for row in machine["rows"] if (row["way"], row["weights"]) == (way, key))
            x, total = group + 0.27 * (place - 1), row["total_per_tick_j"]
            axes.bar(x, total, 0.24, color=canvas.colour(place), label=PLACES[key] if not group else None)
            share = f"{100 * row['weights_share']:.0f} %" if row["weights_share"] >= 0.005 else "<1 %"
            axes.annotate(share, (x, total), (0, 2), textcoords="offset points", ha="center", fontsize=7.5)
    axes.set_yscale("log")
    axes.set_xticks(range(len(ways)), [way.replace(", ", ",\n") for way in ways], fontsize=8.5)
    axes.set_ylabel("energy per tick (J)")
    axes.set_title(
        f"by the memories of {_named(machine['baseline'], machine['node_nm'])}", loc="left", fontsize=10
    )
    axes.legend(frameon=False, fontsize=8, title="weights", title_fontsize=8, ncols=3, loc="upper center")
    canvas.tidy(axes)


def _named(name: str, node_nm: float | None) -> str:
    return name if node_nm is None else f"{name}, {node_nm:g} nm"


def _panels(figure: Figure, n: int) -> list[Axes]:
    """n axes side by side."""
    left, gap = 0.075 * 2 / n if n > 1 else 0.12, 0.085 * 2 / max(n, 2)
    width = (1 - left - 0.02 - gap * (n - 1)) / n
    return [figure.add_axes((left + place * (width + gap), 0.125, width, 0.68)) for place in range(n)]


def _finish(axes: Axes) -> None:
    axes.grid(color=canvas.FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    canvas.tidy(axes)
