"""Picture of a program on its chip: what `placement_map` draws, read off the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emulator.program import Program
from emulator.record import Record
from emulator.report.link_flows import flows_of
from emulator.report.units import number, short

if TYPE_CHECKING:
    from emulator.report.mesh_load import MeshLoad
    from emulator.report.placement_map import Shares


def draw_map(program: Program, profile: Record | None = None) -> bytes:
    """The mesh coloured by population with the traffic on its links, as a PNG. profile: as `explanation`."""
    from emulator.report import canvas
    from emulator.report.placement_map import draw_placement

    symbols, chip = program.symbols, program.chip
    load = load_of(program, profile)
    where = f"{short(symbols.network, 40)} on {short(chip.name, 40)}"
    with canvas.style():
        return canvas.png(draw_placement(_shares(program), load, where))


def load_of(program: Program, profile: Record | None = None) -> MeshLoad:
    """Cores in use, and what links and host port carry. profile: as `explanation`."""
    from emulator.report.mesh_load import MeshLoad

    flows, chip = flows_of(program, profile), program.chip
    counted = "every neuron and input fires once" if profile is None else "spikes of the profile"
    host = program.image.n_cores
    sent, heard = flows.source == host, flows.target == host
    return MeshLoad(
        width=chip.mesh.width,
        height=chip.mesh.height,
        per_tile=chip.cores.per_tile,
        host_x=chip.host_port.x,
        host_y=chip.host_port.y,
        host_side=chip.host_port.side,
        core_j=dict.fromkeys(program.image.core_id.tolist(), 0.0),
        link_packets=flows.loads(),
        host_in=int(flows.times[sent].sum()),
        host_out=int(flows.times[heard].sum()),
        chip_size=chip.chip_size,
        foot=f"{counted}; host port at tile ({chip.host_port.x}, {chip.host_port.y}) {chip.host_port.side}: "
        f"{number(int(flows.times[sent].sum()))} packets in, {number(int(flows.times[heard].sum()))} out",
    )


def _shares(program: Program) -> Shares:
    """Neurons by core and population, copies and relays with those whose account they are booked on."""
    from emulator.report.placement_map import MAX_NAMED, Shares

    image = program.image
    row = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    n_parts = len(program.symbols.parts)
    table = np.bincount(row * n_parts + image.slot_group, minlength=image.n_cores * n_parts)
    table = table.reshape(image.n_cores, n_parts)
    held = np.flatnonzero(table.any(axis=0))
    order = held[np.argsort(-table[:, held].sum(axis=0), kind="stable")]
    n_others = max(len(order) - MAX_NAMED, 0)
    apart = np.sort(order[: MAX_NAMED if n_others else len(order)])  # in the order of the network
    names = [program.symbols.parts[account].name for account in apart.tolist()]
    columns = [table[:, account] for account in apart.tolist()]
    if n_others:
        names.append(f"{n_others} smaller ones")
        columns.append(table[:, order[MAX_NAMED:]].sum(axis=1))
    return Shares(names, n_others, image.core_id.astype(np.int64), np.stack(columns, axis=1).astype(np.int64))
