"""What goes over each link of the mesh when the senders of a program fire, and whose packets these are.

Every delivery is taken as a packet of its own, as in the stats of a program, whatever `mesh.multicast` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import ROW_BYTES, AnyImage, CrossbarImage
from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import STEP
from emulator.chip.loads import link_loads, steps
from emulator.chip.routing import Routing
from emulator.errors import SimulationError
from emulator.program import Program
from emulator.record import Record

Longs = NDArray[np.int64]
HOST = "the host"


@dataclass(frozen=True, eq=False)
class Flows:
    """Deliveries of a program, an entry of axon-out each, those that no packet is sent for left out."""

    program: Program
    times: Longs  # [n_entries] packets
    source: Longs  # [n_entries] row of the sender's core; n_cores: the host
    target: Longs  # [n_entries] row of the target core; n_cores: the host
    account: Longs  # [n_entries] of the sender
    reached: Longs  # [n_entries] account of the first neuron that listens to the axon; -1: none, or the host

    @cached_property
    def pairs(self) -> tuple[Longs, Longs, Longs, Longs]:
        """Of each pair of cores with packets between them that arrive: rows of source and target, packets;
        and the pair of each entry, -1 where nothing arrives or all stays in a tile."""
        n = self.program.image.n_cores + 1
        tiles = tile_of_rows(self.program)
        moves = tiles[self.source] != tiles[self.target]
        moves[moves] = self.program.chip.routing.reaches(tiles[self.source[moves]], tiles[self.target[moves]])
        key, number = np.unique(self.source[moves] * n + self.target[moves], return_inverse=True)
        pair = np.full(len(moves), -1, dtype=np.int64)
        pair[moves] = number.reshape(-1)
        packets = np.bincount(pair[moves], self.times[moves], minlength=len(key)).astype(np.int64)
        return key // n, key % n, packets, pair

    def loads(self, routing: Routing | None = None, tiles: Longs | None = None) -> Longs:
        """int64 [n_tiles, 4]: packets over each link (E, W, N, S). tiles: of the rows, last of the host,
        as if the cores were there."""
        source, target, packets, _ = self.pairs
        tiles = tile_of_rows(self.program) if tiles is None else tiles
        routing = routing or self.program.chip.routing
        from_tile, to_tile = tiles[source], tiles[target]
        arrive = routing.reaches(from_tile, to_tile)
        return link_loads(routing, from_tile[arrive], to_tile[arrive], packets[arrive])

    def over(self, links: list[tuple[int, int]]) -> list[dict[tuple[int, int], int]]:
        """For each link (tile, side) of a list: (account of the sender, account reached) -> packets."""
        source, target, _, pair = self.pairs
        tiles = tile_of_rows(self.program)
        number = {tile * len(DIRECTIONS) + side: place for place, (tile, side) in enumerate(links)}
        wanted = np.full(self.program.chip.n_tiles * len(DIRECTIONS), -1, dtype=np.int64)
        wanted[list(number)] = list(number.values())
        crossing: list[list[Longs]] = [[] for _ in links]
        for moving, tile, side in steps(self.program.chip.routing, tiles[source], tiles[target]):
            place = wanted[tile * len(DIRECTIONS) + side]
            for link in np.unique(place[place >= 0]).tolist():
                crossing[link].append(moving[place == link])
        return [self._shares(np.concatenate(found), pair, len(source)) for found in crossing]

    def _shares(self, crossing: Longs, pair: Longs, n_pairs: int) -> dict[tuple[int, int], int]:
        crosses = np.zeros(n_pairs + 1, dtype=np.bool_)
        crosses[crossing] = True
        mine = np.flatnonzero(crosses[pair])  # the last one of `crosses` is that of entries without a pair
        span = int(self.reached.max(initial=0)) + 2
        key, place = np.unique(self.account[mine] * span + self.reached[mine] + 1, return_inverse=True)
        packets = np.bincount(place.reshape(-1), self.times[mine], minlength=len(key)).astype(np.int64)
        rows = zip((key // span).tolist(), (key % span - 1).tolist(), packets.tolist(), strict=True)
        found = sorted(rows, key=lambda row: (-row[2], row[0], row[1]))
        return {(account, reached): n for account, reached, n in found}


def flows_of(program: Program, profile: Record | None = None) -> Flows:
    """Every sender fires once, or as often as in a profile. Raises SimulationError if that is of another."""
    image = program.image
    spikes = np.ones(image.n_senders, dtype=np.int64) if profile is None else spikes_of(program, profile)
    length = np.diff(image.entry_ptr)
    times = np.repeat(spikes, length)
    home = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    home = np.concatenate([home, np.full(image.n_inputs, image.n_cores)])
    account = np.concatenate([image.slot_group, image.input_group]).astype(np.int64)
    target = image.entry_core.astype(np.int64)
    reached = np.full(len(target), -1, dtype=np.int64)
    to_core = target < image.n_cores
    reached[to_core] = listeners(image)[image.entry_axon[to_core]]
    sent = times > 0
    columns = (np.repeat(home, length), target, np.repeat(account, length), reached)
    return Flows(program, times[sent], *(column[sent] for column in columns))


def spikes_of(program: Program, profile: Record) -> Longs:
    """int64 [n_senders]: spikes of each sender of the program in a run of the same network."""
    image = program.image
    if profile.state.image_digest == image.digest:
        return np.asarray(profile.spikes_by_sender, dtype=np.int64)
    parts, found = program.symbols.parts, {(one.kind, one.name): one.address for one in profile.names}
    alike = all(len(found.get((part.kind, part.name), ())) == part.n for part in parts)
    if isinstance(image, CrossbarImage) or len(found) != len(parts) or not alike:
        raise SimulationError(
            f"profile: the run was of another program than that of network {program.symbols.network!r} for "
            f"chip {program.chip.name!r}: run this one"
        )
    spikes = np.zeros(image.n_senders, dtype=np.int64)
    n_measured = profile.state.v.shape[1]
    for part in parts:
        first, measured = (image.n_slots, n_measured) if part.kind == "source" else (0, 0)
        spikes[first + part.address] = profile.spikes_by_sender[measured + found[part.kind, part.name]]
    return spikes


def tile_of_rows(program: Program) -> Longs:
    """int64 [n_cores + 1]: tile of each row of the image, last that of the host port."""
    chip = program.chip
    return np.append(program.image.core_id // chip.cores.per_tile, chip.host_tile).astype(np.int64)


def listeners(image: AnyImage) -> Longs:
    """int64 [n_axons]: account of the first neuron that an axon has a synapse onto; -1: it has none."""
    n_axons = int(image.axon_ptr[-1])
    first_slot = np.repeat(image.slot_ptr[:-1], np.diff(image.axon_ptr))
    out = np.full(n_axons, -1, dtype=np.int64)
    if isinstance(image, CrossbarImage):
        rows = image.crossbar.reshape(n_axons, ROW_BYTES).view(np.uint8)
        byte = (rows != 0).argmax(axis=1)
        lowest = rows[np.arange(n_axons), byte].astype(np.int64)
        heard = lowest != 0
        bit = np.log2(np.maximum(lowest & -lowest, 1)).astype(np.int64)
        out[heard] = image.slot_group[(first_slot + byte * 8 + bit)[heard]]
        return out
    heard = np.diff(image.syn_ptr) > 0
    slot = first_slot[heard] + image.syn_slot[image.syn_ptr[:-1][heard]]
    out[heard] = image.slot_group[slot]
    return out


def ends_of(program: Program, link: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Coordinates of the tiles that a link (tile, side) leads from and to."""
    x, y = program.chip.coordinates(link[0])
    dx, dy = STEP[link[1]]
    return (x, y), (x + dx, y + dy)


def named(program: Program, account: int) -> str:
    """The part of an account; -1: the host."""
    return HOST if account < 0 else program.symbols.parts[account].name


def busiest(loads: NDArray[Any], n: int) -> list[tuple[int, int]]:
    """Up to n links (tile, side) that carry anything, the busiest first."""
    flat = loads.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:n]
    return [divmod(link, len(DIRECTIONS)) for link in order.tolist() if flat[link]]
