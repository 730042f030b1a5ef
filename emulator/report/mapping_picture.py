"""Pictures of mappings compared: figures of every way and network, and the chip once for each way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes

from emulator.program import Program
from emulator.report import canvas
from emulator.report.explain_picture import load_of
from emulator.report.heat_map import draw_cores, draw_links, draw_tiles
from emulator.report.mesh_load import (
    FOOT_IN,
    HEAD_IN,
    Frame,
    MeshLoad,
    Scale,
    Shading,
    colour_bars,
    draw_borders,
    frame_of,
    readable,
)
from emulator.report.placement_map import draw_link_map
from emulator.report.units import number

FIGURES = {
    "n_cores": "cores",
    "packets": "packets to other cores",
    "spike_hops": "hops",
    "max_link": "packets over the busiest link",
    "compile_s": "compiled in (s)",
}
MARKERS = ("o", "s", "D")
PANEL_IN, NAMES_IN, ROW_IN = 2.15, 1.5, 0.62
MAP_IN, TITLE_IN, BARS_IN = 4.6, 0.35, 2.2
BUSY = Shading(title="", label="fullest limit of a core", unit="%")


@dataclass(frozen=True, eq=False)
class Panel:
    """One way."""

    title: str
    program: Program | None
    without: str = "does not fit"  # what stands where there is none


def draw_figures(numbers: dict[str, Any]) -> bytes:
    """A panel for each of FIGURES, a line for each network, a mark for each way, as a PNG."""
    networks = numbers["networks"]
    width = NAMES_IN + PANEL_IN * len(FIGURES) + 0.3
    height = HEAD_IN + ROW_IN * len(networks) + 1.15
    with canvas.style():
        figure = canvas.new_figure(width, height)
        below = (
            f"{numbers['chip']}, {number(numbers['n_cores_chip'])} cores; hollow: does not fit; no mark: none"
        )
        canvas.title(figure, "What a mapping is worth", below)
        for place, (key, label) in enumerate(FIGURES.items()):
            left = NAMES_IN + place * PANEL_IN
            box = (left / width, 0.8 / height, (PANEL_IN - 0.3) / width, ROW_IN * len(networks) / height)
            axes = figure.add_axes(box)
            _draw_figure(axes, networks, key)
            axes.set_title(label, loc="left", fontsize=9.5)
            names = [network["title"] for network in networks] if place == 0 else []
            axes.set_yticks(range(len(networks)) if place == 0 else [], names)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower left", frameon=False, ncols=len(labels), fontsize=9)
        return canvas.png(figure)


def _draw_figure(axes: Axes, networks: list[dict[str, Any]], key: str) -> None:
    """Marks on a logarithmic scale; a hollow one is what a way that does not fit would take."""
    for row in range(len(networks)):
        axes.axhline(row, color=canvas.FAINT, linewidth=1.0, zorder=0)
    for place, name in enumerate(way["way"] for way in networks[0]["ways"]):
        found = [(network["ways"][place], row) for row, network in enumerate(networks)]
        shown = [(way[key], row, way["fits"]) for way, row in found if way[key]]
        colour = canvas.colour(place)
        faces = [colour if fits else "white" for _, _, fits in shown]
        look: dict[str, Any] = {"marker": MARKERS[place], "edgecolors": colour, "s": 42, "zorder": 3 - place}
        axes.scatter([one[0] for one in shown], [one[1] for one in shown], c=faces, **look)
        axes.scatter([], [], c=colour, label=name, **{**look, "edgecolors": colour})
    if any(way[key] for network in networks for way in network["ways"]):
        axes.set_xscale("log")
        axes.margins(x=0.12)
        canvas.log_ticks(axes)
    else:
        axes.set_xticks([])
    axes.set_ylim(len(networks) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8.5)
    canvas.tidy(axes, keep=("bottom",))


def draw_ways(title: str, panels: Sequence[Panel]) -> bytes:
    """The chip from above for each way, side by side, on common scales, as a PNG."""
    programs = [panel.program for panel in panels if panel.program is not None]
    loads = {id(program): _load(program) for program in programs}
    frame = _common([frame_of(load) for load in loads.values()])
    most = max((int(load.link_packets.max(initial=0)) for load in loads.values()), default=0) or 1
    tall = MAP_IN * min(frame.rows / max(frame.columns, 1), 1.6) if loads else 1.0
    width = 0.3 + len(panels) * (MAP_IN + 0.25) + BARS_IN
    height = HEAD_IN + TITLE_IN + tall + FOOT_IN
    with canvas.style():
        figure = canvas.new_figure(width, height)
        where = programs[0].chip.name if programs else "the chip"
        dashed = "; dashed: borders of chips" if programs and programs[0].chip.n_chips > 1 else ""
        canvas.title(figure, f"{title} on {where}, mapped in each way", f"every neuron fires once{dashed}")
        scales: list[Scale] = []
        for place, panel in enumerate(panels):
            left = 0.3 + place * (MAP_IN + 0.25)
            axes = figure.add_axes((left / width, FOOT_IN / height, MAP_IN / width, tall / height))
            axes.set_title(panel.title, loc="left", fontsize=10)
            if panel.program is None:
                axes.text(0.5, 0.5, panel.without, ha="center", color=canvas.MUTED, transform=axes.transAxes)
                axes.axis("off")
            else:
                scales = _draw_way(axes, loads[id(panel.program)], frame, most)
        colour_bars(figure, scales)
        return canvas.png(figure)


def _load(program: Program) -> MeshLoad:
    """Links, and of each core the share of its fullest limit in per cent."""
    cores = program.stats["cores"]
    share = {core: 100 * one for core, one in zip(cores["core_id"], cores["share"], strict=True)}
    return replace(load_of(program), core_j=share, shading=BUSY)


def _common(frames: list[Frame]) -> Frame:
    """What holds them all."""
    if not frames:
        return Frame(0, 0, 0, 0)
    low = min(frame.x0 for frame in frames), min(frame.y0 for frame in frames)
    return Frame(*low, max(frame.x1 for frame in frames), max(frame.y1 for frame in frames))


def _draw_way(axes: Axes, load: MeshLoad, frame: Frame, most: int) -> list[Scale]:
    """Cores and links; of a large mesh the links alone."""
    axes.set_xlim(frame.x0 - 0.5, frame.x1 + 0.5)
    axes.set_ylim(frame.y0 - 0.5, frame.y1 + 0.5)
    axes.set_aspect("equal")
    axes.axis("off")
    draw_borders(axes, load, frame)
    if not readable(load):
        draw_link_map(axes, load, frame, most)
        return []
    draw_tiles(axes, frame)
    cores = draw_cores(axes, load, frame, pitch=0.0, highest=100.0)
    return [cores, *draw_links(axes, load, frame, most)]
