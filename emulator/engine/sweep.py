"""Which way the native mesh computes traffic: as an event loop, or in sweeps over its channels.

Both give the same result (`_ext/sweep.pxd` says why), so the choice is one of speed and nobody sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.channels import topological_order
from emulator.chip.grid import N_SIDES
from emulator.chip.routing import Routing
from emulator.chip.spec import ChipSpec
from emulator.engine import blocks

Ints = NDArray[np.integer[Any]]

PATHS = ("auto", "loop", "sweep")
FACTS = ("windows", "windows_of_one_sweep", "sweeps", "n_visits", "n_computed", "n_kept")
"""What the block says of a run in sweeps: windows of time, how many of them were done after one sweep, sweeps
in all; pushes and grants computed, repeated ones included, and those that there were."""

MIN_PACKETS = 4  # per tile, below which laying out the memory takes longer than the events would
N_CHANNELS = 6  # of a tile: outputs E, W, N, S and local; the source
EAST, WEST, NORTH, SOUTH, LOCAL, SOURCE = range(N_CHANNELS)


@dataclass(frozen=True, eq=False)
class Traffic:
    """Packets [n] as the blocks take them."""

    inject_ps: Ints  # int64
    dst: NDArray[np.int32]
    queue: NDArray[np.int32]  # positions of packets by source tile, then inject_ps, then position
    source_ptr: Ints  # int64 [n_tiles + 1] into the queue


def swept(
    chip: ChipSpec,
    settings: NDArray[np.int64],
    traffic: Traffic,
    out: dict[str, Ints],
    path: str = "auto",
    facts: NDArray[np.int64] | None = None,
) -> bool:
    """Fills the results of `run_mesh` in sweeps; False: the event loop has to.

    settings: see the block `mesh`. out: arrays as MeshResult says, counts all 0. path: "loop" or "sweep",
    for tests and benchmarks, takes that way if it can; "auto" the faster one. facts: zeros [len(FACTS)].
    """
    assert path in PATHS, path
    n = len(traffic.dst)
    if path == "loop" or n == 0 or not can_sweep(chip) or (path == "auto" and n < MIN_PACKETS * chip.n_tiles):
        return False
    status = blocks.sweep.sweep_mesh(
        settings, chip.routing.flat_table(),
        traffic.inject_ps, traffic.dst, traffic.queue, traffic.source_ptr, channel_order(chip),
        out["push_ps"], out["arrive_ps"], out["link_counts"], out["occupancy_max"], out["stall_ps"],
        np.zeros(len(FACTS), dtype=np.int64) if facts is None else facts,
        path == "auto",
    )  # fmt: skip
    # A loop that is out of memory or deadlocked knows better what to say.
    return bool(status == 0)


def can_sweep(chip: ChipSpec) -> bool:
    """Whether the block has room for FIFOs of this depth and coordinates of this mesh, and every link is its
    own: it takes outputs one by one, and knows of none that grants for several rows."""
    if chip.mesh.chip is not None and chip.mesh.chip.link.merge > 1:
        return False
    return all(getattr(chip.mesh, name) <= limit for name, limit in blocks.sweep.LIMITS.items())


def channel_order(chip: ChipSpec) -> NDArray[np.int32]:
    """Channels (6 * tile + port), each after those that packets come from: sources, links, then what leads to
    the cores. Any other order gives the same times, after more sweeps.
    """
    return _by_rows(chip) if chip.mesh.routing == "xy" else _sorted(chip.routing)


@lru_cache(maxsize=8)
def _sorted(routing: Routing) -> NDArray[np.int32]:
    tile = np.arange(routing.grid.n_tiles)
    links, _ = topological_order(routing)
    if len(links) < N_SIDES * len(tile):  # forced: it has a cycle
        links = np.arange(N_SIDES * len(tile))
    parts = (
        N_CHANNELS * tile + SOURCE,
        links // N_SIDES * N_CHANNELS + links % N_SIDES,
        N_CHANNELS * tile + LOCAL,
    )
    return np.concatenate(parts).astype(np.int32)


def _by_rows(chip: ChipSpec) -> NDArray[np.int32]:
    """For X-then-Y: links east and west row by row, links north and south."""
    width, tile = chip.mesh.width, np.arange(chip.n_tiles, dtype=np.int32)
    channels = (N_CHANNELS * tile).reshape(-1, width)
    # Row by row, so that what is computed together lies together: a packet has done with its row before it
    # goes north from there; on the way back, southwards, all of a row's packets for its cores are known.
    east_west = np.hstack((channels + SOURCE, channels + EAST, channels[:, ::-1] + WEST))
    northwards = np.hstack((east_west, channels + NORTH))
    southwards = np.hstack((channels + SOUTH, channels + LOCAL))[::-1]
    return np.concatenate((northwards.ravel(), southwards.ravel()))
