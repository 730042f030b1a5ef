"""Picture: maps of some quantities over two others, side by side, with published points framed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.mesh_load import ENERGY_COLOURS
from emulator.report.units import compact

Floats = NDArray[np.float64]
MAP_IN, GAP_IN, BAR_IN = 3.5, 1.45, 0.13
LEFT_IN, FOOT_IN, HEAD_IN = 0.75, 0.65, 1.15
READABLE = 9  # columns or rows up to which a cell holds its value; contours of larger maps say it
MAX_TICKS = 9
BAR_STEPS = (1.0, 2.0, 5.0)  # of a decade
MARK_COLOUR = "#0072b2"
DARK = 0.55  # share of the scale from which on a cell is written on in white


@dataclass(frozen=True)
class Mark:
    """A cell to be framed, and what is said of it."""

    column: int
    row: int
    text: str


@dataclass(frozen=True, eq=False)
class Map:
    """One quantity."""

    title: str
    unit: str
    values: Floats  # [n_rows, n_columns], not negative
    marks: tuple[Mark, ...] = ()
    log: bool = True  # colours of the logarithm; 0 has none


def draw_maps(
    maps: tuple[Map, ...],
    values: tuple[list[str], list[str]],
    names: tuple[str, str],
    words: tuple[str, str],
) -> bytes:
    """As a PNG. values: of the columns and the rows, as text; names: of what they are values of; words:
    headline, and the line below it.

    Cells are equally large, whatever their values are.
    """
    width = LEFT_IN + len(maps) * (MAP_IN + GAP_IN)
    height = HEAD_IN + MAP_IN + FOOT_IN
    with canvas.style():
        figure = canvas.new_figure(width, height)
        canvas.title(figure, *words)
        for place, shown in enumerate(maps):
            left = LEFT_IN + place * (MAP_IN + GAP_IN)
            box = (left / width, FOOT_IN / height, MAP_IN / width, MAP_IN / height)
            axes = figure.add_axes(box)
            colours = _draw(axes, shown)
            _label(axes, shown, values, names)
            bar = (left + MAP_IN + 0.12) / width, FOOT_IN / height, BAR_IN / width, MAP_IN / height
            _colour_bar(figure, colours, bar)
        return canvas.png(figure)


def _draw(axes: Axes, shown: Map) -> ScalarMappable:
    norm = _norm(shown)
    cells = np.ma.masked_less_equal(shown.values, 0.0) if shown.log else shown.values
    axes.set_facecolor(canvas.FAINT)
    image = axes.imshow(cells, cmap=ENERGY_COLOURS, norm=norm, origin="lower", aspect="auto")
    if max(shown.values.shape) <= READABLE:
        _write(axes, shown, norm)
    elif min(shown.values.shape) > 1 and len(np.unique(cells)) > 1:
        levels = LogLocator(subs=BAR_STEPS) if shown.log else MaxNLocator(8)
        lines = axes.contour(cells, locator=levels, colors=canvas.INK, linewidths=0.8)
        axes.clabel(lines, fmt=lambda value: compact(float(value)), fontsize=7.5)
    for mark in shown.marks:
        _frame(axes, mark)
    return image


def _norm(shown: Map) -> Normalize:
    """From the lowest to the highest value that has a colour; never of no width."""
    coloured = shown.values[shown.values > 0] if shown.log else shown.values
    low, high = (float(coloured.min()), float(coloured.max())) if coloured.size else (1.0, 1.0)
    if shown.log:
        return LogNorm(low, max(high, 1.001 * low))
    return Normalize(min(low, 0.5 * high), high or 1.0)


def _write(axes: Axes, shown: Map, norm: Normalize) -> None:
    for (row, column), value in np.ndenumerate(shown.values):
        dark = value > 0 and float(norm(value)) > DARK
        axes.text(
            column,
            row,
            f"{value:.3g}",
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if dark else canvas.INK,
        )


def _frame(axes: Axes, mark: Mark) -> None:
    """The words stand on the frame."""
    left, low = mark.column - 0.5, mark.row - 0.5
    axes.add_patch(
        Rectangle((left, low), 1, 1, fill=False, edgecolor=MARK_COLOUR, linewidth=2.2, clip_on=False)
    )
    axes.annotate(
        mark.text,
        (mark.column, mark.row + 0.5),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        fontweight="bold",
        color=MARK_COLOUR,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
        annotation_clip=False,
    )


def _label(axes: Axes, shown: Map, values: tuple[list[str], list[str]], names: tuple[str, str]) -> None:
    columns, rows = (_thinned(words) for words in values)
    axes.set_xticks(columns, [values[0][place] for place in columns])
    axes.set_yticks(rows, [values[1][place] for place in rows])
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_title(f"{shown.title} ({shown.unit})", fontsize=10.5, loc="left", pad=18)
    axes.tick_params(length=0)
    canvas.tidy(axes, ())


def _thinned(words: list[str]) -> list[int]:
    step = -(-len(words) // MAX_TICKS)
    return list(range(0, len(words), step))


def _colour_bar(figure: Figure, colours: ScalarMappable, box: tuple[float, float, float, float]) -> None:
    bar = figure.colorbar(colours, cax=figure.add_axes(box))
    if isinstance(colours.norm, LogNorm):
        bar.set_ticks(LogLocator(subs=BAR_STEPS))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    bar.ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
