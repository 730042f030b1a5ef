"""Picture of a mesh too large for tiles with links in between: energy of the cores, load of the routers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from emulator.report import canvas
from emulator.report.mesh_load import (
    ENERGY_COLOURS,
    FOOT_IN,
    HEAD_IN,
    HOST_COLOUR,
    LINK_COLOURS,
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

MAP_IN = 4.4  # longer side of each of the two maps
AXIS_IN = 0.6  # room left of a map and under it
LABEL_IN = 0.3  # least distance of the numbers along an axis


def draw_large(load: MeshLoad, where: str) -> Figure:
    """Two maps side by side, north up: each core as a square, each router by its busiest link."""
    frame = frame_of(load)
    pitch = MAP_IN / max(frame.columns, frame.rows)
    map_width, map_height = max(frame.columns * pitch, 1.5), max(frame.rows * pitch, 1.5)
    width = max(7.0, 2 * (map_width + AXIS_IN) + 2.4)
    height = map_height + AXIS_IN + HEAD_IN + FOOT_IN
    figure = canvas.new_figure(width, height)
    canvas.title(figure, f"{load.shading.title}, and load of its links", f"{where}{shown(load, frame)}")
    scales: list[Scale] = []
    factor, prefix = scale_for(max(load.core_j.values(), default=0.0))
    maps = (
        (
            _core_map(load, frame) * factor,
            ENERGY_COLOURS,
            load.shading.named(prefix),
        ),
        (_link_map(load, frame), LINK_COLOURS, "packets over the busiest link of a router"),
    )
    for place, (values, colours, label) in enumerate(maps):
        left = AXIS_IN + place * (map_width + AXIS_IN)
        box = (left / width, (FOOT_IN + AXIS_IN) / height, map_width / width, map_height / height)
        scales.append(_draw_map(figure.add_axes(box), values, frame, colours, label))
        draw_borders(figure.axes[-1], load, frame)
        if load.foot is None:
            mark_host(figure.axes[-1], load)
    draw_foot(figure, load)
    colour_bars(figure, scales)
    return figure


def _core_map(load: MeshLoad, frame: Frame) -> NDArray[np.float64]:
    """[core rows of the frame, core columns], J; NaN where a core is unused."""
    energy = np.full((load.height * load.core_rows, load.width * load.core_columns), np.nan)
    core = np.array(list(load.core_j), dtype=np.int64)
    tile, place = np.divmod(core, load.per_tile)
    y, x = np.divmod(tile, load.width)
    row = y * load.core_rows + place // load.core_columns
    column = x * load.core_columns + place % load.core_columns
    energy[row, column] = list(load.core_j.values())
    rows = slice(frame.y0 * load.core_rows, (frame.y1 + 1) * load.core_rows)
    return np.asarray(energy[rows, frame.x0 * load.core_columns : (frame.x1 + 1) * load.core_columns])


def _link_map(load: MeshLoad, frame: Frame) -> NDArray[np.float64]:
    """[rows of the frame, columns]: packets over the busiest link that leaves a router; NaN: none."""
    busiest = load.link_packets.max(axis=1).astype(np.float64).reshape(load.height, load.width)
    busiest[busiest == 0] = np.nan
    return np.asarray(busiest[frame.y0 : frame.y1 + 1, frame.x0 : frame.x1 + 1])


def _draw_map(axes: Axes, values: NDArray[np.float64], frame: Frame, colours: Colormap, label: str) -> Scale:
    """One map; what is NaN stays grey."""
    highest = float(np.nan_to_num(values).max(initial=0.0)) or 1.0
    norm = Normalize(0, highest)
    sides = (frame.x0 - 0.5, frame.x1 + 0.5, frame.y0 - 0.5, frame.y1 + 0.5)
    axes.set_facecolor("#eceef1")
    axes.imshow(values, origin="lower", extent=sides, cmap=colours, norm=norm, interpolation="nearest")
    axes.set_xlabel("x of the tile")
    axes.set_ylabel("y of the tile")
    pitch = MAP_IN / max(frame.columns, frame.rows)
    for axis, n_tiles in ((axes.xaxis, frame.columns), (axes.yaxis, frame.rows)):
        n_labels = min(8, max(1, int(n_tiles * pitch / LABEL_IN)))
        axis.set_major_locator(MaxNLocator(n_labels, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    canvas.tidy(axes, keep=())
    return ScalarMappable(norm, colours), label, highest


def mark_host(axes: Axes, load: MeshLoad) -> None:
    """A green ring around the tile of the host port."""
    axes.plot(
        [load.host_x],
        [load.host_y],
        marker="o",
        fillstyle="none",
        color=HOST_COLOUR,
        markersize=9,
        clip_on=False,
    )
