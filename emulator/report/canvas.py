"""What all pictures share: size, type, colours, and a figure as PNG bytes.

Figures are made without pyplot: no window, no global state, whatever backend the user has set.
"""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator

from emulator.report.units import compact

DPI = 110  # pictures are read on a screen at 100 %: 10 pt is 15 pixels
INK = "#22262b"
MUTED = "#6b7280"
FAINT = "#e5e7eb"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5fb0", "#8c6d46")
"""Told apart with any colour vision (Okabe and Ito, two added)."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.8,
}


def style() -> AbstractContextManager[None]:
    """Context in which figures are made and drawn; undone on leaving."""
    return rc_context(STYLE)


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty white figure; sizes in inches of DPI pixels."""
    return Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")


def title(figure: Figure, text: str, below: str) -> None:
    """Headline at the top left, and a muted line under it that says what is shown of what."""
    width, height = figure.get_size_inches()
    left = 0.25 / width
    figure.text(left, 1 - 0.20 / height, text, fontsize=13, fontweight="bold", va="top", ha="left")
    figure.text(left, 1 - 0.50 / height, below, fontsize=9.5, color=MUTED, va="top", ha="left")


def tidy(axes: Axes, keep: tuple[str, ...] = ("left", "bottom")) -> None:
    """Takes away the frame except the sides in `keep`."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)


def log_ticks(axes: Axes) -> None:
    """A logarithmic x axis with some labels, however short it is."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    locator: Locator = LogLocator() if high > 20 * low else LogLocator(subs=(1.0, 2.0, 5.0))
    if high < 8 * low:
        locator = MaxNLocator(3)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's content, without a date: same figure, same bytes."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def colour(index: int) -> str:
    """Colour of the index-th population."""
    return PALETTE[index % len(PALETTE)]
