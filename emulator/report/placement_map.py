"""Picture: which populations are in which cores, and what the links between them carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.heat_map import CORES, draw_coordinates, draw_host, draw_links, draw_tiles
from emulator.report.heat_map_large import mark_host
from emulator.report.mesh_load import (
    FOOT_IN,
    HEAD_IN,
    LINK_COLOURS,
    READABLE_TILES,
    Frame,
    MeshLoad,
    colour_bars,
    draw_borders,
    draw_foot,
    frame_of,
    readable,
    shown,
)
from emulator.report.units import number, short

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

MAX_NAMED = 16  # populations with a colour; the smaller ones share a grey
OTHERS = "#9aa1ab"
LEGEND_IN = 2.7
MAP_IN = 5.2  # longer side of each of the two maps of a large mesh
AXIS_IN = 0.6
FINE = 8  # pixels of a core's side on a large mesh, to show shares of populations in
WIRE = "#f0f1f3"  # of a tile, between links


@dataclass(frozen=True, eq=False)
class Shares:
    """Neurons of each population in each core: the MAX_NAMED largest ones, all others as the last column."""

    names: list[str]  # [n_columns]
    n_others: int  # populations in the last column; 0: there is no such column
    core: Longs  # [n_cores] ids, ascending
    neurons: Longs  # [n_cores, n_columns]

    def colour(self, column: int) -> str:
        if self.n_others and column == len(self.names) - 1:
            return OTHERS
        if column < len(canvas.PALETTE):
            return canvas.colour(column)
        red, green, blue = to_rgb(canvas.colour(column))  # lighter ones for the second round
        mixed = (round(255 * (0.5 * part + 0.5)) for part in (red, green, blue))
        return "#" + "".join(f"{part:02x}" for part in mixed)


def draw_placement(shares: Shares, load: MeshLoad, where: str) -> Figure:
    """The mesh from above, north up: cores in the colours of their populations, links by their packets.

    load: the links, and every used core as a key of `core_j`; `foot` says what is counted.
    """
    draw = _draw_readable if readable(load) else _draw_large
    return draw(shares, load, where)


def _draw_readable(shares: Shares, load: MeshLoad, where: str) -> Figure:
    """Tiles with their cores, and an arrow for each link."""
    frame = frame_of(load)
    reach = 1.0 if frame.n_tiles <= READABLE_TILES else 2.0
    margin = {"W": reach, "E": 0.5, "N": 0.5, "S": reach}
    margin[load.host_side] = reach
    columns = frame.columns - 1 + margin["W"] + margin["E"]
    rows = frame.rows - 1 + margin["N"] + margin["S"]
    pitch = min(1.35, 9.6 / columns, 7.2 / rows)
    legend_in = 0.45 + 0.24 * len(shares.names)
    height = max(3.2, rows * pitch + FOOT_IN + HEAD_IN, legend_in + FOOT_IN + HEAD_IN)
    map_width = max(columns * pitch, 2.6)
    width = max(6.4, map_width + LEGEND_IN + 1.45)
    figure = canvas.new_figure(width, height)
    canvas.title(figure, "Where the populations are", f"{where}{shown(load, frame)}")
    low = FOOT_IN + (height - HEAD_IN - FOOT_IN - rows * pitch) / 2
    left = 0.1 + (map_width - columns * pitch) / 2
    axes = figure.add_axes((left / width, low / height, columns * pitch / width, rows * pitch / height))
    axes.set_xlim(frame.x0 - margin["W"], frame.x1 + margin["E"])
    axes.set_ylim(frame.y0 - margin["S"], frame.y1 + margin["N"])
    axes.axis("off")
    draw_borders(axes, load, frame)
    draw_tiles(axes, frame)
    _draw_cores(axes, shares, load, frame)
    links = draw_links(axes, load, frame)
    draw_coordinates(axes, frame, reach)
    draw_host(axes, load, frame, reach)
    draw_foot(figure, load)
    colour_bars(figure, list(links))
    _draw_legend(figure, shares, map_width + 0.25)
    return figure


def _draw_cores(axes: Axes, shares: Shares, load: MeshLoad, frame: Frame) -> None:
    """Unused cores white; used ones cut into upright strips, as wide as the shares of their populations."""
    wide, tall = CORES / load.core_columns, CORES / load.core_rows
    core = np.arange(load.width * load.height * load.per_tile)
    x, y = _corners(core, load, wide, tall)
    tile_y, tile_x = np.divmod(core // load.per_tile, load.width)
    inside = (tile_x >= frame.x0) & (tile_x <= frame.x1) & (tile_y >= frame.y0) & (tile_y <= frame.y1)
    outline = np.array([[0.03, 0.03], [0.97, 0.03], [0.97, 0.97], [0.03, 0.97]]) * (wide, tall)
    empty = inside & ~np.isin(core, shares.core)
    squares = np.stack([x, y], axis=1)[empty, None] + outline
    style: dict[str, Any] = {"edgecolor": "#d7dbe0", "linewidth": 0.5, "zorder": 3}
    axes.add_collection(PolyCollection(list(squares), facecolor="white", **style))
    total = shares.neurons.sum(axis=1)
    ends = np.cumsum(shares.neurons, axis=1) / total[:, None]
    strips, colours = [], []
    for row, column in np.argwhere(shares.neurons):
        start = ends[row, column - 1] if column else 0.0
        left, right = (0.03 + 0.94 * place for place in (start, ends[row, column]))
        box = np.array([[left, 0.03], [right, 0.03], [right, 0.97], [left, 0.97]]) * (wide, tall)
        strips.append(box + np.array([x[shares.core[row]], y[shares.core[row]]]))
        colours.append(shares.colour(int(column)))
    axes.add_collection(PolyCollection(strips, facecolor=colours, edgecolor="none", zorder=4))


def _corners(core: Longs, load: MeshLoad, wide: float, tall: float) -> tuple[Floats, Floats]:
    """Lower left corners of cores."""
    tile, place = np.divmod(core, load.per_tile)
    y, x = np.divmod(tile, load.width)
    left = x - CORES / 2 + (place % load.core_columns) * wide
    return left, y - CORES / 2 + (place // load.core_columns) * tall


def _draw_legend(figure: Figure, shares: Shares, left_in: float) -> None:
    """Names of the colours with neurons and cores."""
    width, height = figure.get_size_inches()
    n_neurons, n_cores = shares.neurons.sum(axis=0), (shares.neurons > 0).sum(axis=0)
    patches = []
    for column, name in enumerate(shares.names):
        cores = f"{number(int(n_cores[column]))} core{'' if n_cores[column] == 1 else 's'}"
        label = f"{short(name, 22)}: {number(int(n_neurons[column]))} in {cores}"
        patches.append(Patch(facecolor=shares.colour(column), label=label))
    figure.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(left_in / width, 1 - (HEAD_IN - 0.05) / height),
        frameon=False,
        fontsize=9,
        title="neurons of",
        alignment="left",
        borderaxespad=0.0,
        handlelength=1.2,
    )


def _draw_large(shares: Shares, load: MeshLoad, where: str) -> Figure:
    """Two maps side by side: cores as squares of their populations' colours, and links between tiles."""
    frame = frame_of(load)
    pitch = MAP_IN / max(frame.columns, frame.rows)
    map_width, map_height = max(frame.columns * pitch, 1.5), max(frame.rows * pitch, 1.5)
    legend_in = 0.45 + 0.24 * len(shares.names)
    width = 2 * (map_width + AXIS_IN) + 1.25 + LEGEND_IN
    height = max(map_height + AXIS_IN, legend_in) + HEAD_IN + FOOT_IN
    figure = canvas.new_figure(width, height)
    canvas.title(figure, "Where the populations are, and load of the links", f"{where}{shown(load, frame)}")
    boxes = [
        ((AXIS_IN + place * (map_width + AXIS_IN)) / width, (height - HEAD_IN - map_height) / height)
        for place in (0, 1)
    ]
    maps = [figure.add_axes((*box, map_width / width, map_height / height)) for box in boxes]
    sides = (frame.x0 - 0.5, frame.x1 + 0.5, frame.y0 - 0.5, frame.y1 + 0.5)
    maps[0].imshow(_core_image(shares, load, frame), origin="lower", extent=sides, interpolation="nearest")
    most = draw_link_map(maps[1], load, frame)
    for axes in maps:
        axes.set_xlim(sides[:2])
        axes.set_ylim(sides[2:])
        axes.set_xlabel("x of the tile")
        axes.set_ylabel("y of the tile")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(8, integer=True))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        canvas.tidy(axes, keep=())
        draw_borders(axes, load, frame)
        mark_host(axes, load)
    draw_foot(figure, load)
    colour_bars(figure, [(ScalarMappable(Normalize(0, most), LINK_COLOURS), "packets over a link", most)])
    _draw_legend(figure, shares, 2 * (map_width + AXIS_IN) + 0.2)
    return figure


def _core_image(shares: Shares, load: MeshLoad, frame: Frame) -> Floats:
    """RGB of the frame, FINE x FINE pixels a core, with a pixel column for each FINEth of its neurons."""
    rows, columns = load.height * load.core_rows, load.width * load.core_columns
    image = np.empty((rows, columns, FINE, 3))
    image[:] = to_rgb("#eceef1")
    palette = np.array([to_rgb(shares.colour(column)) for column in range(len(shares.names))])
    ends = np.cumsum(shares.neurons, axis=1) / shares.neurons.sum(axis=1)[:, None]
    middle = (np.arange(FINE) + 0.5) / FINE
    column_of = (middle[None, :, None] > ends[:, None, :]).sum(axis=2)  # [n_cores, FINE]
    tile, place = np.divmod(shares.core, load.per_tile)
    y, x = np.divmod(tile, load.width)
    image[
        y * load.core_rows + place // load.core_columns, x * load.core_columns + place % load.core_columns
    ] = palette[column_of]
    flat = image.reshape(rows, columns * FINE, 3).repeat(FINE, axis=0)
    tall, wide = load.core_rows * FINE, load.core_columns * FINE
    return flat[frame.y0 * tall : (frame.y1 + 1) * tall, frame.x0 * wide : (frame.x1 + 1) * wide]


def draw_link_map(axes: Axes, load: MeshLoad, frame: Frame, most: int | None = None) -> int:
    """A square for each pair of neighbours, by the busier of their two links; tiles in between stay pale.

    most: packets at the end of the scale; None: those of the busiest link.
    """
    packets = np.asarray(load.link_packets).reshape(load.height, load.width, 4)
    packets = packets[frame.y0 : frame.y1 + 1, frame.x0 : frame.x1 + 1]
    grid = np.full((2 * frame.rows - 1, 2 * frame.columns - 1), np.nan)
    grid[::2, 1::2] = np.maximum(packets[:, :-1, 0], packets[:, 1:, 1])
    grid[1::2, ::2] = np.maximum(packets[:-1, :, 2], packets[1:, :, 3])
    grid[grid == 0] = np.nan
    most = max(1, int(packets.max(initial=0))) if most is None else most
    sides = (frame.x0 - 0.25, frame.x1 + 0.25, frame.y0 - 0.25, frame.y1 + 0.25)
    axes.set_facecolor(WIRE)
    axes.imshow(
        grid,
        origin="lower",
        extent=sides,
        cmap=LINK_COLOURS,
        norm=Normalize(0, most),
        interpolation="nearest",
    )
    return most
