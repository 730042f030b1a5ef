"""What the recorded spikes are known to have caused, core by core and tick by tick.

A record counts events by tick and by core, not by both. But what a spike causes follows from the image: the
packets its neuron sends, the cores that take them, the synapses these walk. What a core did for other reasons
(packets of the host, updates, spikes that were not recorded) is the rest, known in sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import ROW_BYTES, CrossbarImage
from emulator.chip.image import Image
from emulator.chip.loads import link_loads, steps
from emulator.chip.ways import drops
from emulator.program import Program
from emulator.record import Record

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]

KNOWN = ("spikes", "inject", "axon_in", "synaptic_ops_dense", "synaptic_ops_sparse")
"""Events that follow from the recorded spikes."""

CHUNK = 2_000_000  # values of a table, or packets, held at once


@dataclass(frozen=True, eq=False)
class Ways:
    """Axon-out entries of an image: where each leads, and what a packet of it causes there."""

    first: Longs  # [n_senders + 1] entries of each sender
    core: Ints  # [n_entries] row of the target core; n_cores: the host port
    n_dense: Longs  # [n_entries] synaptic operations; 0 for crossbar cores, which walk a row once a tick
    n_sparse: Longs
    arrives: NDArray[np.bool_]  # [n_entries] has a way, and no lossy link lies about
    n_sent: Longs  # [n_senders] packets of a spike
    core_of_slot: Ints  # [n_slots]
    pair: Ints  # [n_entries] which of the pairs of tiles a packet goes between
    source: Ints  # [n_pairs] tile
    target: Ints  # [n_pairs]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive rows of a record and what the recorded spikes in them caused."""

    first_row: int
    table: Longs  # [len(KNOWN), n_rows, n_cores]
    packet_row: Longs  # [n_packets] row of each packet that travels
    packet_entry: Longs  # [n_packets] its axon-out entry
    packet_spike: Longs  # [n_packets] its spike, numbered through the record


def is_lossy(program: Program) -> bool:
    """Whether links lose packets: then spikes tell what was sent, not what arrived."""
    faults = program.chip.mesh.faults
    return faults is not None and bool(faults.lossy)


def ways_of(program: Program) -> Ways:
    """Reads the image's routes."""
    image, chip = program.image, program.chip
    n_dense = n_sparse = np.zeros(len(image.entry_core), dtype=np.int64)
    if isinstance(image, Image):
        n_dense, n_sparse = _operations(image)
    cut = drops(image, chip)
    arrives = np.full(len(image.entry_core), not is_lossy(program))
    if cut is not None:
        arrives &= ~cut
    n_entries = np.diff(image.entry_ptr).astype(np.int64)
    core_of_slot = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    home = np.repeat(np.append(core_of_slot, np.full(image.n_inputs, image.n_cores)), n_entries)
    tile = np.append(image.core_id // chip.cores.per_tile, chip.host_tile).astype(np.int64)
    pairs, pair = np.unique(tile[home] * chip.n_tiles + tile[image.entry_core], return_inverse=True)
    return Ways(
        first=np.asarray(image.entry_ptr, dtype=np.int64),
        core=image.entry_core,
        n_dense=n_dense,
        n_sparse=n_sparse,
        arrives=arrives,
        n_sent=np.minimum(n_entries, 1) if chip.mesh.multicast == "tree" else n_entries,
        core_of_slot=core_of_slot,
        pair=pair,
        source=pairs // chip.n_tiles,
        target=pairs % chip.n_tiles,
    )


def _operations(image: Image) -> tuple[Longs, Longs]:
    """Synaptic operations in dense and in sparse lists that a packet of each entry causes."""
    is_dense = (image.format_index_bits == 0)[image.syn_format]
    before = np.concatenate([[0], np.cumsum(is_dense, dtype=np.int64)])[image.syn_ptr]
    n_dense, n_all = np.diff(before), np.diff(image.syn_ptr)
    to_host = image.entry_core == image.n_cores
    axon = np.where(to_host, 0, image.entry_axon)
    dense = np.where(to_host, 0, n_dense[axon]) if len(n_dense) else np.zeros(len(axon), dtype=np.int64)
    every = np.where(to_host, 0, n_all[axon]) if len(n_all) else np.zeros(len(axon), dtype=np.int64)
    return dense.astype(np.int64), (every - dense).astype(np.int64)


def entries_of(ways: Ways, senders: Longs) -> tuple[Longs, Longs]:
    """All entries of the senders, one sender after the other, and the place of each one's sender."""
    n = ways.first[senders + 1] - ways.first[senders]
    place = np.repeat(np.arange(len(senders)), n)
    ends = np.cumsum(n)
    return np.arange(n.sum()) - np.repeat(ends - n, n) + np.repeat(ways.first[senders], n), place


def stretches(record: Record, program: Program, ways: Ways) -> Iterator[Stretch]:
    """The record from its first row to its last, in parts that memory has room for."""
    n_cores, spike_row = program.image.n_cores, record.spikes[:, 0]
    packets = np.concatenate([[0], np.cumsum(np.diff(ways.first)[record.spikes[:, 1]])])
    walked = _rows_walked(record, program, ways)
    row = 0
    while row < record.n_rows:
        begin = int(np.searchsorted(spike_row, row))
        room = int(np.searchsorted(packets, packets[begin] + CHUNK, side="right")) - 1
        fits = record.n_rows if room >= len(spike_row) else int(spike_row[room])
        last = max(row + 1, min(fits, row + max(1, CHUNK // (n_cores * len(KNOWN))), record.n_rows))
        end = int(np.searchsorted(spike_row, last))
        yield _stretch(row, last, record.spikes[begin:end], begin, n_cores, ways, walked)
        row = last


def _stretch(
    row: int, last: int, spikes: Ints, begin: int, n_cores: int, ways: Ways, walked: tuple[Longs, ...]
) -> Stretch:
    table = np.zeros((len(KNOWN), last - row, n_cores), dtype=np.int64)
    at, slot = spikes[:, 0].astype(np.int64) - row, spikes[:, 1].astype(np.int64)
    own = at * n_cores + ways.core_of_slot[slot]
    entry, place = entries_of(ways, slot)
    travels = ways.arrives[entry]
    entry, place = entry[travels], place[travels]
    to_core = ways.core[entry] < n_cores
    target = at[place[to_core]] * n_cores + ways.core[entry[to_core]]
    size = table[0].size
    table[0] += np.bincount(own, minlength=size).reshape(table[0].shape)
    for event, where, amount in (
        (1, own, ways.n_sent[slot]),
        (2, target, None),
        (3, target, ways.n_dense[entry[to_core]]),
        (4, target, ways.n_sparse[entry[to_core]]),
    ):
        summed = np.bincount(where, amount, minlength=size)  # floats: exact up to 2**53
        table[event] += summed.astype(np.int64).reshape(table[event].shape)
    rows, cores, n_ops = walked
    inside = slice(*np.searchsorted(rows, (row, last)))
    np.add.at(table[3], (rows[inside] - row, cores[inside]), n_ops[inside])
    return Stretch(row, table, at[place] + row, entry, place + begin)


def _rows_walked(record: Record, program: Program, ways: Ways) -> tuple[Longs, ...]:
    """Of crossbar cores: row, core and synaptic operations of each axon that is due; spikes for it merge."""
    image = program.image
    nothing = (np.zeros(0, dtype=np.int64),) * 3
    if not isinstance(image, CrossbarImage) or not record.n_ticks:
        return nothing
    spike_row, slot = record.spikes[:, 0].astype(np.int64), record.spikes[:, 1].astype(np.int64)
    entry, place = entries_of(ways, slot)
    kept = ways.arrives[entry] & (ways.core[entry] < image.n_cores)
    entry, place = entry[kept], place[kept]
    due = spike_row[place] + image.entry_delay[entry]
    inside = due // record.n_ticks == spike_row[place] // record.n_ticks
    keys = np.unique(due[inside] * image.n_axons + image.entry_axon[entry[inside]])
    rows, axon = np.divmod(keys, max(image.n_axons, 1))
    n_ops = synapses_of_axons(image)[axon]
    return rows, np.searchsorted(image.axon_ptr, axon, side="right") - 1, n_ops


def synapses_of_axons(image: CrossbarImage) -> Longs:
    """int64 [n_axons]: synapses in the row of each."""
    return np.asarray(
        np.bitwise_count(image.crossbar).reshape(-1, ROW_BYTES).sum(axis=1, dtype=np.int64), dtype=np.int64
    )


def links_of(program: Program, ways: Ways, entry: Longs, spike: Longs) -> Longs:
    """int64 [n_tiles, 4]: grants of each link by the packets of these entries."""
    chip = program.chip
    if chip.mesh.multicast != "tree":
        n_packets = np.bincount(ways.pair[entry], minlength=len(ways.source))
        some = np.flatnonzero(n_packets)
        loads = link_loads(chip.routing, ways.source[some], ways.target[some], n_packets[some])
        return np.asarray(loads, dtype=np.int64)
    n_links, pair = chip.n_tiles * 4, ways.pair[entry]
    ways_taken = steps(chip.routing, ways.source[pair], ways.target[pair])
    taken = [spike[i] * n_links + at * 4 + side for i, at, side in ways_taken]
    each = np.unique(np.concatenate(taken)) if taken else np.zeros(0, dtype=np.int64)
    return np.bincount(each % n_links, minlength=n_links).reshape(chip.n_tiles, 4)
