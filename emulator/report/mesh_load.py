"""What the pictures of the mesh have in common: the loads shown, the part of the mesh drawn, the scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from emulator.report.units import compact, number

HEAD_IN, FOOT_IN = 0.85, 0.45
READABLE_TILES = 40  # a mesh up to this size is always shown whole
MAX_SIDE, MAX_PER_TILE = 24, 64  # of a mesh drawn with its links: a link is 4 pixels wide then
ENERGY_COLOURS = LinearSegmentedColormap.from_list(
    "energy", ("#fff3d6", "#fdc877", "#f58b3d", "#d1442b", "#7f1734")
)
LINK_COLOURS = LinearSegmentedColormap.from_list("links", ("#bcd7ee", "#5b9bd0", "#1f5f9e", "#0b2f5c"))
HOST_COLOUR = "#007a57"
BORDER_COLOUR = "#6b7280"

Scale = tuple[ScalarMappable, str, float]
"""Colours, what they mean, and the highest value."""


@dataclass(frozen=True)
class Shading:
    """What the colours of the cores stand for."""

    title: str = "Energy per core on the mesh"
    label: str = "dynamic energy of a core"
    unit: str = "J"

    def named(self, prefix: str) -> str:
        """The label with its unit and an SI prefix."""
        return f"{self.label} ({prefix}{self.unit})"


@dataclass(frozen=True, eq=False)
class MeshLoad:
    """What the picture shows. Tile id = y * width + x; core id = tile id * per_tile + core in tile."""

    width: int
    height: int
    per_tile: int
    host_x: int
    host_y: int
    host_side: str  # "E", "W", "N" or "S"
    core_j: dict[int, float]  # dynamic energy of each used core by its id, or what `shading` says
    link_packets: NDArray[np.int64]  # [n_tiles, 4] by direction E, W, N, S
    host_in: int  # packets in through the port
    host_out: int
    chip_size: tuple[int, int] | None = None  # tiles of one chip of a board; None: the mesh is one chip
    shading: Shading = Shading()
    foot: str | None = None  # under the picture, of the mesh without a host; None: what passed the host port

    @property
    def core_columns(self) -> int:
        """Cores of a tile stand in so many columns, the first at the lower left."""
        return math.ceil(math.sqrt(self.per_tile))

    @property
    def core_rows(self) -> int:
        return math.ceil(self.per_tile / self.core_columns)


@dataclass(frozen=True)
class Frame:
    """The tiles drawn: x0..x1, y0..y1, both ends included."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def columns(self) -> int:
        return self.x1 - self.x0 + 1

    @property
    def rows(self) -> int:
        return self.y1 - self.y0 + 1

    @property
    def n_tiles(self) -> int:
        return self.columns * self.rows

    def holds(self, x: int, y: int) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


def frame_of(load: MeshLoad) -> Frame:
    """The whole mesh if it is readable, else the tiles with a used core or a used link."""
    if load.width * load.height <= READABLE_TILES:
        return Frame(0, 0, load.width - 1, load.height - 1)
    linked = np.flatnonzero(load.link_packets.any(axis=1)).tolist()
    tiles = {core // load.per_tile for core in load.core_j} | set(linked)
    if load.host_in or load.host_out or not tiles:
        tiles.add(load.host_y * load.width + load.host_x)
    x = [tile % load.width for tile in tiles]
    y = [tile // load.width for tile in tiles]
    return Frame(
        max(min(x) - 1, 0),
        max(min(y) - 1, 0),
        min(max(x) + 1, load.width - 1),
        min(max(y) + 1, load.height - 1),
    )


def readable(load: MeshLoad) -> bool:
    """Whether the part in use has room for tiles with cores inside and links between."""
    frame = frame_of(load)
    return max(frame.columns, frame.rows) <= MAX_SIDE and load.per_tile <= MAX_PER_TILE


def shown(load: MeshLoad, frame: Frame) -> str:
    dashed = "; dashed: borders of chips" if any(borders(load, frame)) else ""
    if frame.n_tiles == load.width * load.height:
        cores = f" of {load.per_tile} cores" if load.foot is None else ""
        return f"; {load.width} x {load.height} tiles{cores}{dashed}"
    return (
        f"; shown: tiles x {frame.x0}-{frame.x1}, y {frame.y0}-{frame.y1}"
        f" of {load.width} x {load.height}, the rest is unused{dashed}"
    )


def borders(load: MeshLoad, frame: Frame) -> tuple[list[float], list[float]]:
    """x of the borders between chips that stand upright in the frame, y of those that lie; between tiles."""
    width, height = load.chip_size or (load.width, load.height)
    upright = [x - 0.5 for x in range(frame.x0 + 1, frame.x1 + 1) if x % width == 0]
    return upright, [y - 0.5 for y in range(frame.y0 + 1, frame.y1 + 1) if y % height == 0]


def draw_borders(axes: Axes, load: MeshLoad, frame: Frame) -> None:
    """A dashed line between any two chips of a board."""
    upright, lying = borders(load, frame)
    style: dict[str, Any] = {"color": BORDER_COLOUR, "linewidth": 1.1, "linestyle": (0, (4, 3))}
    axes.vlines(upright, frame.y0 - 0.5, frame.y1 + 0.5, zorder=0.5, **style)
    axes.hlines(lying, frame.x0 - 0.5, frame.x1 + 0.5, zorder=0.5, **style)


def draw_foot(figure: Figure, load: MeshLoad) -> None:
    """What passed the host port, in words, or what else is to be said."""
    width, height = figure.get_size_inches()
    text = load.foot
    if text is None:
        text = (
            f"host port at tile ({load.host_x}, {load.host_y}) {load.host_side}:"
            f" {number(load.host_in)} packets in, {number(load.host_out)} out"
        )
    figure.text(0.25 / width, 0.17 / height, text, fontsize=9.5, color=HOST_COLOUR)


def colour_bars(figure: Figure, scales: list[Scale]) -> None:
    """One bar for cores, one for links, at the right edge."""
    width, height = figure.get_size_inches()
    for place, (mappable, label, highest) in enumerate(scales):
        left = width - 1.05 * (len(scales) - place) + 0.05
        axes = figure.add_axes((left / width, 0.6 / height, 0.15 / width, (height - HEAD_IN - 0.75) / height))
        bar = figure.colorbar(mappable, cax=axes)
        bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=highest >= 10))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        bar.set_label(label, fontsize=9)
        bar.ax.tick_params(labelsize=8.5)
        bar.outline.set_visible(False)
