"""Picture: quantities along one axis, as lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from emulator.report import canvas

Floats = NDArray[np.float64]
MEASURED = "spikes"


def draw_profiles(
    x: Floats, curves: Mapping[str, Floats], names: tuple[str, str], words: tuple[str, str]
) -> bytes:
    """As a PNG. names: of the axes; words: headline, and the line below it. What was measured is dotted."""
    with canvas.style():
        figure = canvas.new_figure(8.4, 4.8)
        canvas.title(figure, *words)
        axes = figure.add_axes((0.09, 0.12, 0.87, 0.70))
        for place, (name, values) in enumerate(curves.items()):
            dots = (
                {"linestyle": "", "marker": ".", "markersize": 3.5} if name == MEASURED else {"linewidth": 2}
            )
            axes.plot(x, values, color=canvas.colour(place), label=name, **dots)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.set_xlim(float(x.min()), float(x.max()))
        axes.set_ylim(bottom=0)
        axes.grid(color=canvas.FAINT)
        axes.legend(frameon=False)
        canvas.tidy(axes)
        return canvas.png(figure)
