"""Pictures: how well directions were told, and one sample on its way through a network of two layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.units import number, percent

SHOWN_CLASSES = 1.5  # errors are drawn up to this many classes
NAMED_CLASSES = 16  # with more, the shares in the table would touch
OTHERS = "#9ca3af"  # outputs that are neither answered nor right


@dataclass(frozen=True, eq=False)
class Told:
    """Answers of one teller to all samples."""

    answer: NDArray[np.int64]  # [n_samples] class
    error_deg: NDArray[np.float64]  # [n_samples]


@dataclass(frozen=True, eq=False)
class Passage:
    """One sample from the inputs to the voltages that are read."""

    caption: str  # which one it is, and what came out
    inputs: NDArray[np.integer]  # [n_spikes, 2] tick, index
    hidden: NDArray[np.integer]  # [n_spikes, 2] tick, index
    voltage: NDArray[np.integer]  # [n_read_ticks, n_classes] LSB
    n_inputs: int
    n_hidden: int
    n_ticks: int
    answer: int
    label: int


def draw_directions(told: Mapping[str, Told], label: NDArray[np.int64], n_classes: int) -> bytes:
    """Table of the first teller's answers and the errors of all, as a PNG. Classes share -90..90 degrees."""
    first = next(iter(told.values()))
    with canvas.style():
        figure = canvas.new_figure(11.0, 5.4)
        right, error_deg = percent(float((first.answer == label).mean())), first.error_deg.mean()
        below = f"{number(len(label))} sounds, {right} right, {error_deg:.2f}° off on average"
        canvas.title(figure, "Where does the sound come from?", below)
        _draw_table(figure.add_axes((0.075, 0.125, 0.385, 0.725)), label, first.answer, n_classes)
        axes = figure.add_axes((0.565, 0.125, 0.41, 0.725))
        for place, (name, one) in enumerate(told.items()):
            within = 100 * np.arange(1, len(label) + 1) / len(label)
            style, colour = "--" if place else "-", canvas.colour(place)
            axes.step(np.sort(one.error_deg), within, style, where="post", color=colour, label=name)
        axes.set_xlim(0, SHOWN_CLASSES * 180 / n_classes)
        axes.set_ylim(0, 100)
        axes.set_xlabel("angular error in degrees")
        axes.set_ylabel("sounds within it, %")
        axes.grid(color=canvas.FAINT, linewidth=0.8)
        axes.legend(frameon=False, loc="lower right")
        canvas.tidy(axes)
        return canvas.png(figure)


def _draw_table(axes: Axes, label: NDArray[np.int64], answer: NDArray[np.int64], n: int) -> None:
    """Share of the samples of each true class."""
    table = np.bincount(label * n + answer, minlength=n * n).reshape(n, n)
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    edges = np.linspace(-90, 90, n + 1)
    axes.pcolormesh(edges, edges, share, cmap="Blues", vmin=0, vmax=100)
    middles = (edges[1:] + edges[:-1]) / 2
    for row, column in np.argwhere(table) if n <= NAMED_CLASSES else ():
        of_row, at = share[row, column], (middles[column], middles[row])
        shown, colour = f"{of_row:.0f}" if of_row >= 0.5 else "<1", "white" if of_row > 55 else "black"
        axes.text(*at, shown, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(np.arange(-90, 91, 30))
    axes.set_yticks(np.arange(-90, 91, 30))
    axes.set_xlabel("direction answered, phase in degrees")
    axes.set_ylabel("true direction; each row: %")
    axes.set_aspect("equal")


def draw_passage(sample: Passage) -> bytes:
    """Spikes of inputs and hidden neurons, and the outputs' voltages, one above the other, as a PNG."""
    with canvas.style():
        figure = canvas.new_figure(10.4, 8.0)
        canvas.title(figure, "One sound on its way through the network", sample.caption)
        grid = figure.add_gridspec(
            3, 1, left=0.11, right=0.84, top=0.905, bottom=0.065, hspace=0.12, height_ratios=(3.2, 1.5, 2.6)
        )
        ears, neurons, read = (figure.add_subplot(grid[place]) for place in range(3))
        _draw_spikes(ears, sample.inputs, sample.n_inputs, canvas.colour(0))
        ears.set_ylabel(f"inputs of both ears\n(first: 0-{sample.n_inputs // 2 - 1})")
        _draw_spikes(neurons, sample.hidden, sample.n_hidden, canvas.colour(2))
        neurons.set_ylabel("hidden\nneurons")
        _draw_voltages(read, sample)
        for axes in (ears, neurons, read):
            axes.set_xlim(-0.5, sample.n_ticks - 0.5)
            axes.tick_params(axis="x", labelbottom=axes is read)
            canvas.tidy(axes)
        read.set_xlabel("tick")
        return canvas.png(figure)


def _draw_spikes(axes: Axes, spikes: NDArray[np.integer], n: int, colour: str) -> None:
    tick, index = spikes[:, 0], spikes[:, 1]
    half = max(0.45, n / 200)  # a mark of many rows has to reach into the next to be seen
    axes.vlines(tick, index - half, index + half, colors=colour, linewidth=2.5)
    axes.set_ylim(-1, n)


def _draw_voltages(axes: Axes, sample: Passage) -> None:
    """The class answered, and the true one if that is another, in colour above the others."""
    ticks, voltage = np.arange(len(sample.voltage)), sample.voltage / 1000
    named = {sample.label: ("true", canvas.colour(1)), sample.answer: ("answered", canvas.colour(0))}
    for output in range(voltage.shape[1]):
        if output not in named:
            axes.plot(ticks, voltage[:, output], color=OTHERS, linewidth=0.9)
    for output, (name, colour) in named.items():
        axes.plot(ticks, voltage[:, output], color=colour, linewidth=2.0, label=f"{name}: {output}")
    axes.plot([], [], color=OTHERS, linewidth=0.9, label="the others")
    axes.axhline(0, color=canvas.MUTED, linewidth=0.6)
    axes.set_ylabel("v of the outputs\nin 1,000 LSB")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
