"""Picture: which compartment fired when, one band per population.

What is left out is always said in the picture: large runs show their first samples, ticks and every k-th
neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.units import number, short

MAX_TICKS = 400  # more are less than two pixels wide
MAX_ROWS = 240  # neurons over all bands: two pixels each
MAX_SAMPLES = 12
MAX_BANDS = 12
MARK_IN = 0.024  # least length of a mark on paper
BANDS_IN = 4.2  # height of all bands together, about


@dataclass(frozen=True, eq=False)
class Train:
    """Spikes of one population, in the network's words."""

    name: str
    n: int
    spikes: NDArray[np.integer]  # [n_spikes, 3] sample, tick, index


@dataclass(frozen=True)
class Window:
    """The part of a run that is drawn: its first samples and ticks, every stride-th neuron."""

    n_samples: int
    n_ticks: int
    stride: int


def choose_window(trains: Sequence[Train], n_samples: int, n_ticks: int) -> Window:
    """As much of a run as a screen shows."""
    shown_ticks = min(n_ticks, MAX_TICKS)
    shown_samples = max(1, min(n_samples, MAX_SAMPLES, MAX_TICKS // max(1, shown_ticks)))
    n_neurons = sum(train.n for train in trains)
    return Window(shown_samples, shown_ticks, max(1, -(-n_neurons // MAX_ROWS)))


def draw_raster(trains: Sequence[Train], n_samples: int, n_ticks: int, where: str) -> Figure:
    """Bands of marks over time, samples side by side; underneath, spikes per tick of each population."""
    if not trains or not n_ticks:
        return _draw_nothing(where, "no ticks were run" if trains else "no population's spikes were recorded")
    n_bands = len(trains)
    trains = trains[:MAX_BANDS]
    window = choose_window(trains, n_samples, n_ticks)
    n_neurons = sum(train.n for train in trains)
    heights = [max(0.11 * n_neurons, train.n) for train in trains]  # a small population stays visible
    figure = canvas.new_figure(10.4, 6.6)
    shown = _shown(window, n_samples, n_ticks)
    bands = f", the first {len(trains)} of {n_bands} populations" if len(trains) < n_bands else ""
    canvas.title(figure, "Spikes", f"{where}; {shown}{bands}")
    grid = figure.add_gridspec(
        len(trains) + 1,
        1,
        left=0.115,
        right=0.975,
        top=0.875,
        bottom=0.085,
        hspace=0.10,
        height_ratios=[*heights, 0.28 * sum(heights)],
    )
    rates = figure.add_subplot(grid[len(trains)])
    width = window.n_samples * window.n_ticks
    for place, train in enumerate(trains):
        band = figure.add_subplot(grid[place], sharex=rates)
        neurons_per_in = train.n * sum(heights) / (heights[place] * BANDS_IN)
        mark = max(0.84 * window.stride, MARK_IN * neurons_per_in)
        _draw_band(band, train, window, canvas.colour(place), mark)
        _draw_rate(rates, train, window, canvas.colour(place))
        _separate(band, window)
    _separate(rates, window)
    rates.set_xlim(-0.5, width - 0.5)
    rates.set_ylim(0, max(1.0, 1.05 * rates.dataLim.ymax))
    rates.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    rates.set_ylabel("spikes\nper tick")
    canvas.tidy(rates)
    _label_time(rates, window)
    return figure


def _draw_nothing(where: str, why: str) -> Figure:
    figure = canvas.new_figure(10.4, 2.0)
    canvas.title(figure, "Spikes", where)
    figure.text(0.5, 0.35, why, ha="center", color=canvas.MUTED)
    return figure


def _shown(window: Window, n_samples: int, n_ticks: int) -> str:
    parts = []
    if n_samples > 1:
        parts.append(f"samples 0-{window.n_samples - 1} of {number(n_samples)}")
    parts.append(
        f"all {number(n_ticks)} ticks"
        if window.n_ticks == n_ticks
        else f"first {window.n_ticks} of {number(n_ticks)} ticks"
    )
    parts.append(
        "all neurons" if window.stride == 1 else f"one neuron in {window.stride} (spikes per tick: of all)"
    )
    return "shown: " + ", ".join(parts)


def _within(train: Train, window: Window) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Place on the time axis and index of the spikes inside the window, every neuron."""
    sample, tick, index = train.spikes[:, 0], train.spikes[:, 1], train.spikes[:, 2]
    inside = (sample < window.n_samples) & (tick < window.n_ticks)
    return sample[inside] * window.n_ticks + tick[inside], index[inside]


def _draw_band(axes: Axes, train: Train, window: Window, colour: str, mark: float) -> None:
    """`mark`: length of a spike's mark, in neurons."""
    place, index = _within(train, window)
    drawn = index % window.stride == 0
    axes.vlines(
        place[drawn],
        index[drawn] - mark / 2,
        index[drawn] + mark / 2,
        colors=colour,
        linewidth=min(3.0, max(1.3, 500.0 / (window.n_samples * window.n_ticks))),
    )
    margin = 0.5 + max(mark / 2 - 0.5, 0) + 0.02 * train.n
    axes.set_ylim(-margin, train.n - 1 + margin)
    neurons = "neuron" if train.n == 1 else "neurons"
    axes.set_ylabel(
        f"{short(train.name, 14)}\n{number(train.n)} {neurons}",
        rotation=0,
        ha="right",
        va="center",
        color=colour,
    )
    axes.set_yticks([])
    axes.tick_params(axis="x", labelbottom=False, length=0)
    axes.patch.set_facecolor("#fafafa")
    canvas.tidy(axes, keep=())


def _draw_rate(axes: Axes, train: Train, window: Window, colour: str) -> None:
    place, _ = _within(train, window)
    width = window.n_samples * window.n_ticks
    rate = np.bincount(place, minlength=width)
    axes.stairs(rate, np.arange(width + 1) - 0.5, color=colour, linewidth=1.1, baseline=None)


def _separate(axes: Axes, window: Window) -> None:
    for sample in range(1, window.n_samples):
        axes.axvline(sample * window.n_ticks - 0.5, color="#9ca3af", linewidth=0.8)


def _label_time(axes: Axes, window: Window) -> None:
    if window.n_samples == 1:
        axes.set_xlabel("tick")
        return
    middles = (np.arange(window.n_samples) + 0.5) * window.n_ticks - 0.5
    axes.set_xticks(middles, [str(sample) for sample in range(window.n_samples)])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel(f"sample, {window.n_ticks} ticks each")
