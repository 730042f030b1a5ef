"""The mesh alone on the compiled blocks, and what both it and whole runs tell them of a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.deadlock import deadlock_text
from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec
from emulator.engine import blocks
from emulator.engine.losses import losing_links
from emulator.engine.packets import in_order
from emulator.engine.sweep import Traffic, swept
from emulator.errors import SimulationError

Ints = NDArray[np.integer[Any]]
ARBITERS = ("round_robin", "fixed", "oldest")
STATUS = {
    1: "out of memory",
    4: "the system starts no more threads",
}
DEADLOCK = 2


@dataclass(frozen=True)
class Queue:
    """How the mesh keeps its events. No result depends on it, which tests of the mesh show."""

    heap_only: bool = False  # a binary heap in place of the time wheel
    bin_ps: int = 0  # events this close are in no order: a power of two; 0: the longest that is right
    shuffle: int = 0  # not 0: seed of the order in which the events of a bin are handled


WHEEL = Queue()


def run_mesh(
    chip: ChipSpec,
    inject_ps: Ints,
    src: NDArray[np.int32],
    dst: NDArray[np.int32],
    seed: int = 0,
    traced: bool = False,
    *,
    path: str = "auto",
    facts: NDArray[np.int64] | None = None,
) -> dict[str, Ints]:
    """Twin of `reference.run_mesh`. path, facts: of `swept`; no result depends on them."""
    return count_mesh(chip, inject_ps, src, dst, seed=seed, traced=traced, path=path, facts=facts)[0]


def count_mesh(
    chip: ChipSpec,
    inject_ps: Ints,
    src: NDArray[np.int32],
    dst: NDArray[np.int32],
    queue: Queue = WHEEL,
    *,
    seed: int = 0,
    traced: bool = False,
    path: str = "loop",
    facts: NDArray[np.int64] | None = None,
) -> tuple[dict[str, Ints], int]:
    """`run_mesh`, and how many events it took; none in sweeps."""
    n, n_ports = len(inject_ps), chip.n_ports
    order, source_ptr = np.empty(n, dtype=np.int32), np.empty(chip.n_tiles + 1, dtype=np.int64)
    if not blocks.mesh.sort_by_source(inject_ps, src, source_ptr, order):
        order = np.lexsort((inject_ps, src)).astype(np.int32)  # stable: ties keep their position
    traffic = Traffic(inject_ps, dst, order, source_ptr)
    out: dict[str, Ints] = {
        "push_ps": np.empty(n, dtype=np.int64),
        "arrive_ps": np.empty(n, dtype=np.int64),
        "link_counts": np.zeros((chip.n_tiles, len(DIRECTIONS)), dtype=np.int64),
        "occupancy_max": np.zeros((chip.n_tiles, n_ports), dtype=np.int64),
        "stall_ps": np.zeros(chip.n_tiles, dtype=np.int64),
    }
    settings = _traffic_settings(chip)
    link_losses = np.zeros((chip.n_tiles, len(DIRECTIONS)), dtype=np.int64)
    lost_by = _lost_by(chip, src, traffic, seed)
    if not traced and not len(lost_by) and swept(chip, settings, traffic, out, path, facts):
        return {**out, "link_losses": link_losses}, 0
    waits_for = np.zeros((chip.n_tiles, n_ports), dtype=np.int64)
    status, n_events, in_flight, grants = blocks.mesh.run_mesh(
        settings,
        np.array(list(queue_settings(queue).values()), dtype=np.int64),
        chip.routing.flat_table(),
        inject_ps,
        dst,
        source_ptr,
        order,
        lost_by,
        *out.values(),
        waits_for,
        traced,
    )
    if status == DEADLOCK:
        raise SimulationError(deadlock_text(chip, in_flight, waits_for))
    if status:
        raise SimulationError(f"mesh of chip {chip.name!r}: {STATUS[status]}")
    link_losses.ravel()[:] = np.bincount(lost_by, minlength=1 + link_losses.size)[1:]
    found = {**out, "link_losses": link_losses}
    if traced:
        found["grants"] = in_order(grants, n_ports)
    return found, int(n_events)


def _traffic_settings(chip: ChipSpec) -> NDArray[np.int64]:
    """As the blocks take them: see ext/mesh.pyx."""
    mesh = chip.mesh
    settings = [mesh.width, mesh.height, chip.n_ports, ARBITERS.index(mesh.arbiter), mesh.fifo_depth]
    settings += [mesh.inject_ps, mesh.eject_ps, mesh.cycle_ps, mesh.credit_ps]
    settings += [mesh.hop_ps.ew, mesh.hop_ps.ns, mesh.cycle_ps, *border(chip).values(), chip.routing.code]
    settings.append(merged_rows(chip))
    return np.array(settings, dtype=np.int64)


def _lost_by(chip: ChipSpec, src: Ints, traffic: Traffic, seed: int) -> NDArray[np.int32]:
    """[n] or, where nothing gets lost, [0]: 1 + link that loses each packet, or 0."""
    if chip.mesh.faults is None or not chip.mesh.faults.lossy:
        return np.zeros(0, dtype=np.int32)
    number = np.empty(len(src), dtype=np.int64)  # among the packets of its source
    number[traffic.queue] = np.arange(len(src)) - traffic.source_ptr[:-1][src[traffic.queue]]
    lost_by = losing_links(chip, src, traffic.dst, number, seed)
    return lost_by.astype(np.int32) if lost_by.any() else np.zeros(0, dtype=np.int32)


def border(chip: ChipSpec) -> dict[str, int]:
    """Links between chips, and the size of a chip in tiles. On one chip the link is there but never used."""
    mesh = chip.mesh
    link = mesh.chip.link if mesh.chip else mesh
    width, height = chip.chip_size
    return {
        "border_hop_ew_ps": link.hop_ps.ew,
        "border_hop_ns_ps": link.hop_ps.ns,
        "border_cycle_ps": link.cycle_ps,
        "chip_width": width,
        "chip_height": height,
    }


def merged_rows(chip: ChipSpec) -> int:
    """Rows of a side of a chip that share one link to the next chip."""
    return chip.mesh.chip.link.merge if chip.mesh.chip else 1


def queue_settings(queue: Queue) -> dict[str, int]:
    return {
        "heap_only": int(queue.heap_only),
        "bin_ps": queue.bin_ps,
        "shuffle": queue.shuffle,
    }
