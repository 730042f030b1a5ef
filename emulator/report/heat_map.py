"""Picture: energy of each core on the mesh, the load of each link, and the host's port."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.mesh_load import (
    ENERGY_COLOURS,
    FOOT_IN,
    HEAD_IN,
    HOST_COLOUR,
    LINK_COLOURS,
    READABLE_TILES,
    Frame,
    MeshLoad,
    Scale,
    colour_bars,
    draw_borders,
    draw_foot,
    frame_of,
    shown,
)
from emulator.report.units import scale_for

Floats = NDArray[np.float64]

TILE = 0.62  # side of a tile; tiles are 1 apart, links run in between
CORES = 0.54  # side of the square that a tile's cores fill
LANE = 0.09  # distance of a link from the middle line: there are two, one each way
LABEL_IN = 0.24  # least width of a core that holds its value
DIRECTION = {"E": (1, 0), "W": (-1, 0), "N": (0, 1), "S": (0, -1)}


def draw_heat_map(load: MeshLoad, where: str) -> Figure:
    """The mesh from above, north up. On a large mesh only the part in use, which is then said."""
    frame = frame_of(load)
    reach = (
        1.0 if frame.n_tiles <= READABLE_TILES else 2.0
    )  # of words and host port, in tiles: these keep their size on paper
    margin = {"W": reach, "E": 0.5, "N": 0.5, "S": reach}
    margin[load.host_side] = reach
    columns = frame.columns - 1 + margin["W"] + margin["E"]
    rows = frame.rows - 1 + margin["N"] + margin["S"]
    pitch = min(1.35, 9.6 / columns, 7.2 / rows)
    n_scales = 2 if load.link_packets.any() else 1
    width = max(6.4, columns * pitch + 0.2 + 1.05 * n_scales)
    height = max(3.2, rows * pitch + FOOT_IN + HEAD_IN)
    figure = canvas.new_figure(width, height)
    canvas.title(figure, load.shading.title, f"{where}{shown(load, frame)}")
    room = height - HEAD_IN - FOOT_IN
    low = FOOT_IN + (room - rows * pitch) / 2
    axes = figure.add_axes((0.1 / width, low / height, columns * pitch / width, rows * pitch / height))
    axes.set_xlim(frame.x0 - margin["W"], frame.x1 + margin["E"])
    axes.set_ylim(frame.y0 - margin["S"], frame.y1 + margin["N"])
    axes.axis("off")
    draw_borders(axes, load, frame)
    draw_tiles(axes, frame)
    energy = draw_cores(axes, load, frame, pitch)
    links = draw_links(axes, load, frame)
    draw_coordinates(axes, frame, reach)
    if load.foot is None:
        draw_host(axes, load, frame, reach)
    draw_foot(figure, load)
    colour_bars(figure, [energy, *links])
    return figure


def draw_tiles(axes: Axes, frame: Frame) -> None:
    boxes = [
        FancyBboxPatch((x - TILE / 2, y - TILE / 2), TILE, TILE, boxstyle="round,pad=0,rounding_size=0.05")
        for y in range(frame.y0, frame.y1 + 1)
        for x in range(frame.x0, frame.x1 + 1)
    ]
    axes.add_collection(PatchCollection(boxes, facecolor="#f3f4f6", edgecolor="#c3c8cf", linewidth=0.8))


def draw_cores(axes: Axes, load: MeshLoad, frame: Frame, pitch: float, highest: float | None = None) -> Scale:
    """Used cores in the colour of their energy, the others white. `pitch`: inches from tile to tile.

    highest: end of the scale, in units of `core_j`; None: the highest value.
    """
    wide, tall = CORES / load.core_columns, CORES / load.core_rows
    core = np.arange(load.width * load.height * load.per_tile)
    tile, place = np.divmod(core, load.per_tile)
    y, x = np.divmod(tile, load.width)
    drawn = (x >= frame.x0) & (x <= frame.x1) & (y >= frame.y0) & (y <= frame.y1)
    corner = np.stack(
        [
            x - CORES / 2 + (place % load.core_columns) * wide,
            y - CORES / 2 + (place // load.core_columns) * tall,
        ],
        axis=1,
    )
    square = np.array([[0.03, 0.03], [0.97, 0.03], [0.97, 0.97], [0.03, 0.97]]) * (wide, tall)
    used = np.isin(core, list(load.core_j))
    unused = corner[drawn & ~used, None] + square
    edge: dict[str, Any] = {"edgecolor": "#d7dbe0", "linewidth": 0.5, "zorder": 3}
    axes.add_collection(PolyCollection(list(unused), facecolor="white", **edge))
    factor, prefix = scale_for(max(load.core_j.values(), default=0.0))
    value = np.array([load.core_j[core_id] * factor for core_id in core[used].tolist()])
    highest = float(value.max(initial=0.0)) or 1.0 if highest is None else factor * highest
    norm = Normalize(0, highest)
    squares = list(corner[used, None] + square)
    axes.add_collection(PolyCollection(squares, facecolor=ENERGY_COLOURS(norm(value)), **edge))
    if pitch * wide >= LABEL_IN:
        _label_cores(axes, corner[used] + (wide / 2, tall / 2), value, norm)
    return (
        ScalarMappable(norm, ENERGY_COLOURS),
        load.shading.named(prefix),
        highest,
    )


def _label_cores(axes: Axes, middle: Floats, value: Floats, norm: Normalize) -> None:
    """Writes the values [n] at the points [n, 2]."""
    for (x, y), energy in zip(middle, value, strict=True):
        ink = "white" if norm(energy) > 0.62 else canvas.INK
        text = f"{energy:.3g}"
        axes.text(x, y, text, ha="center", va="center", fontsize=7.5, color=ink, zorder=5)


def draw_links(axes: Axes, load: MeshLoad, frame: Frame, most: int | None = None) -> list[Scale]:
    """An arrow per directed link, faint where nothing went; no scale if all are idle.

    most: packets at the end of the scale; None: those of the busiest link.
    """
    most = max(1, int(load.link_packets.max(initial=0))) if most is None else most
    arrows, packets, idle = [], [], []
    for tile in range(load.width * load.height):
        x, y = tile % load.width, tile // load.width
        for column, (dx, dy) in enumerate(DIRECTION.values()):
            if not (frame.holds(x, y) and frame.holds(x + dx, y + dy)):
                continue
            n = int(load.link_packets[tile, column])
            arrow = _arrow(x, y, dx, dy, n / most)
            if n:
                arrows.append(arrow)
                packets.append(n)
            else:
                idle.append(_arrow(x, y, dx, dy, 0.0))
    axes.add_collection(PolyCollection(idle, facecolor="#e3e6ea", edgecolor="none", zorder=1))
    busy = PolyCollection(
        arrows, array=np.array(packets, dtype=float), cmap=LINK_COLOURS, edgecolor="none", zorder=2
    )
    busy.set_clim(0, most)
    axes.add_collection(busy)
    return [(busy, "packets over a link", most)] if packets else []


def _arrow(x: float, y: float, dx: int, dy: int, share: float) -> Floats:
    """Corners [7, 2] of an arrow from one tile to the next, to the right of the middle line as in traffic."""
    start, end, head = TILE / 2 + 0.03, 1 - TILE / 2 - 0.03, 0.10
    half = 0.010 + 0.024 * share
    wing = half + 0.030
    along = np.array([start, end - head, end - head, end, end - head, end - head, start])
    across = np.array([-half, -half, -wing, 0.0, wing, half, half]) - LANE
    return np.stack([x + along * dx - across * dy, y + along * dy + across * dx], axis=1)


def draw_coordinates(axes: Axes, frame: Frame, reach: float) -> None:
    """x under the columns, y left of the rows; thinned out on a large mesh."""
    step = max(1, -(-max(frame.columns, frame.rows) // 16))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "color": canvas.MUTED}
    for x in range(frame.x0, frame.x1 + 1, step):
        axes.text(x, frame.y0 - 0.78 * reach, f"x={x}" if x == frame.x0 else str(x), **style)
    for y in range(frame.y0, frame.y1 + 1, step):
        axes.text(frame.x0 - 0.80 * reach, y, f"y={y}" if y == frame.y0 else str(y), **style)


def draw_host(axes: Axes, load: MeshLoad, frame: Frame, reach: float) -> None:
    """A green wedge at the side of the tile where the host's packets enter."""
    if not frame.holds(load.host_x, load.host_y):
        return
    dx, dy = DIRECTION[load.host_side]
    near, half = TILE / 2 + 0.02, 0.13 * reach
    far = near + half
    along, across = np.array([near, far, far]), np.array([0.0, half, -half])
    corners = np.stack(
        [load.host_x + along * dx - across * dy, load.host_y + along * dy + across * dx], axis=1
    )
    axes.add_patch(Polygon(corners, facecolor=HOST_COLOUR, edgecolor="none", zorder=4))
    if reach > 1:
        return
    sideways = dx != 0
    axes.text(
        load.host_x + dx * near,
        load.host_y + dy * (far + 0.03) + (half + 0.03 if sideways else 0.0),
        "host",
        ha={"W": "right", "E": "left"}.get(load.host_side, "center"),
        va="top" if dy < 0 else "bottom",
        fontsize=9,
        color=HOST_COLOUR,
    )
