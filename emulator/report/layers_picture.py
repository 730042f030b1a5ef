"""Picture: the correlation matrix of every layer's responses over the inputs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emulator.report import canvas
from emulator.report.layers import Layer
from emulator.report.units import percent, short

SIDE_IN, GAP_IN, HEAD_IN, FOOT_IN = 2.9, 0.35, 1.15, 0.75
MOST = 6
"""Layers drawn; of more the first and the last of them."""


def draw_layers(layers: Sequence[Layer], labels: ArrayLike | None, what: str) -> bytes:
    """As a PNG. labels: [n_samples] class of each sample, which sorts them; what: the headline."""
    shown = list(layers) if len(layers) <= MOST else [*layers[: MOST - 1], layers[-1]]
    n_samples = len(shown[0].responses) if shown else 0
    classes = np.arange(n_samples) if labels is None else np.asarray(labels)
    order = np.argsort(classes, kind="stable")
    width = 0.8 + len(shown) * (SIDE_IN + GAP_IN) + 0.75
    height = HEAD_IN + SIDE_IN + FOOT_IN
    sorted_by = "" if labels is None else ", sorted by class"
    left_out = f"; {len(layers) - len(shown)} layers left out" if len(shown) < len(layers) else ""
    with canvas.style():
        figure = canvas.new_figure(width, height)
        below = f"Correlation of the responses to {n_samples:,} samples{sorted_by}{left_out}"
        canvas.title(figure, short(what, 60), below)
        image: Any = None
        for place, layer in enumerate(shown):
            left = (0.8 + place * (SIDE_IN + GAP_IN)) / width
            axes = figure.add_axes((left, FOOT_IN / height, SIDE_IN / width, SIDE_IN / height))
            matrix = layer.correlations()[np.ix_(order, order)]
            image = axes.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
            axes.set_title(
                f"{short(layer.name, 20)}: {percent(layer.activation_sparsity)} silent", fontsize=10
            )
            axes.set_xlabel("sample")
            if place:
                axes.set_yticks([])
            else:
                axes.set_ylabel("sample")
        if image is not None:
            bar = figure.add_axes(((width - 0.65) / width, FOOT_IN / height, 0.13 / width, SIDE_IN / height))
            figure.colorbar(image, cax=bar).set_label("correlation")
        return canvas.png(figure)
