"""What is known of traffic without running it: loads of links, zero-load latencies, bounds of any mesh.

The routes are those of the chip's routing; every link of a route is taken once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip import loads
from emulator.chip.board import border_links, shared_links
from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec
from emulator.traffic.given import known_ways, ways_of
from emulator.traffic.patterns import Pattern, pattern_of

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]
PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True)
class WireLimit:
    """No mesh of this kind delivers the packets sooner. All in ps from when the first packet is ready. Links
    that are merged into a serial link are one link, with the load of them all."""

    link_ps: int  # the busiest link: inject_ps + (load - 1) * cycle_ps + its hop_ps + eject_ps
    injection_ps: int  # the busiest source: inject_ps + (packets - 1) * cycle_ps + eject_ps
    ejection_ps: int  # the busiest destination: likewise
    distance_ps: int  # the longest way at zero load
    link: tuple[int, int] | None  # tile and side (E, W, N, S) of the busiest link; None: no link is used

    @property
    def bound_ps(self) -> int:
        """The highest of them."""
        return max(self.link_ps, self.injection_ps, self.ejection_ps, self.distance_ps)

    @property
    def binding(self) -> str:
        """Which of them that is: "link", "injection", "ejection" or "distance"."""
        names = ("link", "injection", "ejection", "distance")
        return max(names, key=lambda name: getattr(self, f"{name}_ps"))


def zero_load_ps(chip: ChipSpec, src: Ints, dst: Ints) -> Longs:
    """int64 [n]: latency from push to intake of a packet alone on the mesh. Raises SimulationError if one has
    no way."""
    src, dst = known_ways(chip, src, dst)
    return _walk_ps(chip, src, dst) if chip.routing.table is not None else shortest_ps(chip, src, dst)


def shortest_ps(chip: ChipSpec, src: Ints, dst: Ints) -> Longs:
    """The same by a shortest way, dead or alive."""
    mesh = chip.mesh
    chip_width, chip_height = chip.chip_size
    from_y, from_x = np.divmod(np.asarray(src, dtype=np.int64), mesh.width)
    to_y, to_x = np.divmod(np.asarray(dst, dtype=np.int64), mesh.width)
    n_x, n_y = np.abs(to_x - from_x), np.abs(to_y - from_y)
    latency = mesh.inject_ps + n_x * mesh.hop_ps.ew + n_y * mesh.hop_ps.ns + mesh.eject_ps
    if mesh.chip:
        longer = mesh.chip.link.hop_ps
        latency += np.abs(to_x // chip_width - from_x // chip_width) * (longer.ew - mesh.hop_ps.ew)
        latency += np.abs(to_y // chip_height - from_y // chip_height) * (longer.ns - mesh.hop_ps.ns)
    return np.asarray(latency)


def _walk_ps(chip: ChipSpec, src: Ints, dst: Ints) -> Longs:
    """The same where ways may make a detour."""
    hop_ps = link_hop_ps(chip)
    latency = np.full(len(src), chip.mesh.inject_ps + chip.mesh.eject_ps, dtype=np.int64)
    for moving, tile, side in loads.steps(chip.routing, src, dst):
        latency[moving] += hop_ps[tile, side]
    return latency


def link_loads(
    chip: ChipSpec, src: Ints, dst: Ints, weight: NDArray[np.float64] | None = None
) -> NDArray[Any]:
    """[n_tiles, 4]: packets over each link (E, W, N, S), int64; with a weight [n] per packet float64. Raises
    SimulationError if one has no way."""
    src, dst = known_ways(chip, src, dst)
    return loads.link_loads(chip.routing, src, dst, np.ones(len(src), np.int64) if weight is None else weight)


def wire_loads(chip: ChipSpec, loads_of_links: NDArray[Any]) -> NDArray[Any]:
    """[n_tiles, 4]: of each link (E, W, N, S) with a load, the load of all links that share its wires: of the
    serial link to another chip that it is merged into, else its own. loads_of_links: [n_tiles, 4]."""
    if chip.mesh.chip is None or chip.mesh.chip.link.merge == 1:
        return loads_of_links
    first, total = shared_links(chip), np.zeros(loads_of_links.size, dtype=loads_of_links.dtype)
    np.add.at(total, first, loads_of_links)
    return np.where(loads_of_links > 0, total[first], 0)


def link_cycle_ps(chip: ChipSpec) -> Longs:
    """int64 [n_tiles, 4]: least time between two grants of each link, and of all that share its wires."""
    cycle_ps = np.full((chip.n_tiles, len(DIRECTIONS)), chip.mesh.cycle_ps, dtype=np.int64)
    if chip.mesh.chip:
        cycle_ps[border_links(chip)] = chip.mesh.chip.link.cycle_ps
    return cycle_ps


def link_hop_ps(chip: ChipSpec) -> Longs:
    """int64 [n_tiles, 4]: time of a hop over each link."""
    mesh = chip.mesh
    hop_ps = np.tile(np.repeat([mesh.hop_ps.ew, mesh.hop_ps.ns], 2).astype(np.int64), (chip.n_tiles, 1))
    if mesh.chip:
        longer = np.tile(
            np.repeat([mesh.chip.link.hop_ps.ew, mesh.chip.link.hop_ps.ns], 2), (chip.n_tiles, 1)
        )
        border = border_links(chip)
        hop_ps[border] = longer[border]
    return hop_ps


def ideal_saturation(chip: ChipSpec, pattern: str | Pattern) -> float:
    """Highest rate, in packets per tile and slot of cycle_ps, that a mesh with perfect routers could carry:
    1 over the expected load of the busiest link (serial link: of all merged into it), or of the busiest
    intake; never above 1. Packets that are dropped at their source load nothing; raises SimulationError if
    they are refused."""
    chosen = pattern_of(chip, pattern)
    taken, ejected = np.zeros((chip.n_tiles, len(DIRECTIONS))), np.zeros(chip.n_tiles)
    tiles = np.arange(chip.n_tiles, dtype=np.int64)
    step = max(1, PAIRS_AT_ONCE // chip.n_tiles)
    for some in (tiles[first : first + step] for first in range(0, chip.n_tiles, step)):
        if chosen.target is not None:
            src, dst, share = some, chosen.target[some].astype(np.int64), np.ones(len(some))
        else:
            assert chosen.weights is not None
            src, dst = np.repeat(some, chip.n_tiles), np.tile(tiles, len(some))
            share = np.tile(chosen.weights / chosen.weights.sum(), len(some))
        sent = ways_of(chip, src, dst)
        taken += link_loads(chip, src[sent], dst[sent], share[sent])
        ejected += np.bincount(dst[sent], share[sent], minlength=chip.n_tiles)
    slots = wire_loads(chip, taken) * link_cycle_ps(chip) / chip.mesh.cycle_ps
    busiest = max(float(slots.max(initial=0.0)), float(ejected.max()))
    return min(1.0, 1.0 / busiest) if busiest else 1.0


def single_stream_rate(chip: ChipSpec, src: int, dst: int) -> float:
    """Packets per ps of one source that always has one ready, to one destination, alone on the mesh."""
    mesh = chip.mesh
    taken = link_loads(chip, np.array([src]), np.array([dst]))
    longest_ps = int(link_hop_ps(chip)[taken > 0].max(initial=0))
    slowest_ps = max(mesh.cycle_ps, int((wire_loads(chip, taken) * link_cycle_ps(chip)).max(initial=0)))
    depth, credit_ps = mesh.fifo_depth, mesh.credit_ps
    of_links = depth / (longest_ps + credit_ps) if longest_ps else 1.0
    return min(1 / slowest_ps, of_links, depth / (mesh.inject_ps + credit_ps))


def wire_limit(
    chip: ChipSpec,
    src: Ints,
    dst: Ints,
    *,
    link_counts: Ints | None = None,
    sent: Ints | None = None,
    received: Ints | None = None,
) -> WireLimit | None:
    """Bounds of the time from when the first of these packets is ready until the last has arrived.

    src, dst: tiles [n]. link_counts: [n_tiles, 4] if they are known. sent, received: packets of each source
    and of each destination, where these are not the tiles: a tile may have several cores. None: no packets.
    """
    if not len(src):
        return None
    mesh = chip.mesh
    taken = link_loads(chip, src, dst) if link_counts is None else np.asarray(link_counts)
    last = wire_loads(chip, taken) - 1
    needed = np.where(taken > 0, last * link_cycle_ps(chip) + link_hop_ps(chip), -1)
    busiest = int(needed.argmax())
    ends_ps = mesh.inject_ps + mesh.eject_ps
    most_sent = int((np.bincount(src) if sent is None else sent).max())
    most_received = int((np.bincount(dst) if received is None else received).max())
    used = bool(taken.any())
    return WireLimit(
        link_ps=ends_ps + int(needed.flat[busiest]) if used else 0,
        injection_ps=ends_ps + (most_sent - 1) * mesh.cycle_ps,
        ejection_ps=ends_ps + (most_received - 1) * mesh.cycle_ps,
        distance_ps=int(zero_load_ps(chip, src, dst).max()),
        link=(busiest // len(DIRECTIONS), busiest % len(DIRECTIONS)) if used else None,
    )
