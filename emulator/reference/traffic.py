"""The mesh alone: packets pushed at given instants, intakes always ready."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.grid import N_SIDES
from emulator.chip.losses import Lottery
from emulator.chip.spec import ChipSpec
from emulator.reference.clock import Clock
from emulator.reference.mesh import Mesh, Packet
from emulator.reference.source import Source

Ints = NDArray[np.integer]


def run_mesh(
    chip: ChipSpec, inject_ps: Ints, src: Ints, dst: Ints, seed: int = 0, traced: bool = False
) -> dict[str, Ints]:
    """Runs packets [n] from tile `src` to tile `dst`, each pushed at `inject_ps` or as soon after as its
    tile's queue (ordered by inject_ps, then position) and local FIFO allow.

    Returns int64 arrays: push_ps, arrive_ps [n]; link_counts [n_tiles, 4]; occupancy_max [n_tiles, n_ports];
    stall_ps [n_tiles]; link_losses [n_tiles, 4]; if traced grants [n_grants, 4] packet, tile, output port,
    ps, by packet on its way. arrive_ps of a packet that a link loses stays 0.
    seed: of the draws of lossy links, for tick 0; sources are tiles.
    """
    clock = Clock()
    n = len(inject_ps)
    push_ps, arrive_ps = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    grants: list[tuple[Any, int, int, int]] = []
    links = np.zeros((chip.n_tiles, N_SIDES), dtype=np.int64)
    losses = np.zeros_like(links)

    def on_hop(tile: int, side: int, packet: Packet) -> None:
        links[tile, side] += 1
        on_eject(tile, side, packet)

    def on_lost(tile: int, side: int, packet: Packet) -> None:
        position: Any = packet.payload
        push_ps[position] = packet.push_ps
        losses[tile, side] += 1

    def on_eject(tile: int, port: int, packet: Packet) -> None:
        grants.append((packet.payload, tile, port, clock.now_ps))

    def on_arrive(tile: int, port: int, packet: Packet) -> None:
        position: Any = packet.payload
        push_ps[position], arrive_ps[position] = packet.push_ps, clock.now_ps

    mesh = Mesh(
        chip,
        clock,
        lottery=Lottery(seed),
        on_hop=on_hop,
        on_lost=on_lost,
        on_eject=on_eject,
        on_arrive=on_arrive,
        intake_depth=None,
    )
    stall_ps = np.zeros(chip.n_tiles, dtype=np.int64)

    def queue(source: Source, positions: list[int]) -> Generator[Any, Any, None]:
        for number, position in enumerate(positions):
            if inject_ps[position] > clock.now_ps:
                yield clock.env.timeout(int(inject_ps[position]) - clock.now_ps)
            yield source.push(Packet(int(dst[position]), N_SIDES, position, int(src[position]), number))

    sources = []
    for tile in range(chip.n_tiles):
        positions = sorted(np.flatnonzero(src == tile).tolist(), key=lambda i: (int(inject_ps[i]), i))
        source = Source(mesh, tile, N_SIDES)
        sources.append(source)
        if positions:
            clock.env.process(queue(source, positions))
    clock.run()
    mesh.assert_drained()
    stall_ps[:] = [source.stall_ps for source in sources]
    occupancy = np.array([[fifo.occupancy_max for fifo in fifos] for fifos in mesh.inputs], dtype=np.int64)
    told = np.array(grants, dtype=np.int64).reshape(-1, 4)
    return {
        "push_ps": push_ps,
        "arrive_ps": arrive_ps,
        "link_counts": links,
        "occupancy_max": occupancy,
        "stall_ps": stall_ps,
        "link_losses": losses,
        **({"grants": told[np.lexsort((told[:, 3], told[:, 0]))]} if traced else {}),
    }
