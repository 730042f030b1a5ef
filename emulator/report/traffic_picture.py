"""Picture of the mesh alone: the load of its links, and how long packets waited at each source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emulator.report import canvas
from emulator.report.heat_map import draw_heat_map
from emulator.report.heat_map_large import draw_large
from emulator.report.mesh_load import MeshLoad, Shading, readable
from emulator.report.units import PS_PER_S, number, percent, seconds, short

if TYPE_CHECKING:
    from emulator.engine.mesh import MeshResult

WAITING = Shading("Load of the mesh", "mean queueing of a source's packets", "s")


def draw_traffic(result: MeshResult, what: str) -> bytes:
    """The mesh from above, north up, as a PNG. what: the traffic, for the headline."""
    chip = result.chip
    fairness = result.fairness
    sources = np.flatnonzero(fairness.sent)
    load = MeshLoad(
        width=chip.mesh.width,
        height=chip.mesh.height,
        per_tile=1,
        host_x=chip.host_port.x,
        host_y=chip.host_port.y,
        host_side=chip.host_port.side,
        core_j={int(tile): float(fairness.queueing_ps[tile]) / PS_PER_S for tile in sources},
        link_packets=np.asarray(result.link_counts),
        host_in=0,
        host_out=0,
        chip_size=chip.chip_size,
        shading=WAITING,
        foot=_foot(result),
    )
    draw = draw_heat_map if readable(load) else draw_large
    with canvas.style():
        return canvas.png(draw(load, short(f"{what} on {chip.name}", 60)))


def _foot(result: MeshResult) -> str:
    """Packets, time, and the share of it that the busiest link was taken."""
    n_packets = number(len(result.src))
    if not result.makespan_ps:
        return f"{n_packets} packets"
    busiest = percent(int(result.link_busy_ps.max()) / result.makespan_ps)
    return f"{n_packets} packets in {seconds(result.makespan_ps)}; busiest link taken {busiest} of the time"
