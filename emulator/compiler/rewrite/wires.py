"""Fan-out and delays: one entry for each column, relays where columns are too few or a delay too long.

A relay is a neuron with one axon that fires in the tick in which it is reached; a row of a crossbar drives as
many of them as a core has columns. So the delay of a way is the sum of the delays of its entries, each
1 .. 15 ticks (0 .. 15 from the host), and a way of so many levels of relays takes one tick more at least.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from emulator.compiler.rewrite.ir import Filled, Ints, Room, Weighted

NOWHERE, HOST = -1, -2  # instead of an axon


@dataclass
class Wires:
    """Who sends where. *Columns* are those of the places, in order; relays follow them, row by row. *Axons*
    are those of the cores, followed by those of the rows of relays."""

    target: Ints  # int64 [n_columns] axon, or HOST or NOWHERE
    delay: Ints  # int64 [n_columns] ticks; of no axon 0
    input_id: list[Ints] = field(default_factory=list)  # of entries of inputs
    input_axon: list[Ints] = field(default_factory=list)
    input_delay: list[Ints] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=dict)  # line -> ticks that its delay is too short by
    late_host: set[int] = field(default_factory=set)  # neurons whose spikes reach the host later


@dataclass
class Row:
    """Relays that one axon drives."""

    sender: int
    target: Ints  # int64 [n] as in `Wires`
    delay: Ints  # int64 [n]


@dataclass(frozen=True, eq=False)
class _Ends:
    """Axons to be reached, by delay, and the line of each."""

    axon: Ints
    delay: Ints
    line: Ints

    def __len__(self) -> int:
        return len(self.axon)

    def __getitem__(self, chosen: slice) -> _Ends:
        return _Ends(self.axon[chosen], self.delay[chosen], self.line[chosen])


def wire(weighted: Weighted, filled: Filled, room: Room) -> Wires:
    """Reaches every axon of the cores and the host port."""
    return _Wiring(weighted, filled, room).run()


class _Wiring:
    def __init__(self, weighted: Weighted, filled: Filled, room: Room):
        self.weighted, self.room = weighted, room
        n_columns = int(filled.place_columns.sum())
        self.n_axons = len(filled.axon_line)
        sender = weighted.line_sender[filled.axon_line]
        delay = weighted.line_delay[filled.axon_line]
        order = np.lexsort((delay, sender))
        self.ends = _Ends(order, delay[order], filled.axon_line[order])
        self.sender = sender[order]
        n_senders = weighted.n_neurons + weighted.n_inputs
        self.end_ptr = np.searchsorted(self.sender, np.arange(n_senders + 1))
        neuron = np.repeat(filled.place_neuron, filled.place_columns)
        self.columns = np.argsort(neuron, kind="stable")  # by neuron
        self.column_ptr = np.searchsorted(neuron[self.columns], np.arange(weighted.n_neurons + 1))
        self.out = Wires(np.full(n_columns, NOWHERE), np.zeros(n_columns, dtype=np.int64))

    def run(self) -> Wires:
        n = self.weighted.n_neurons
        n_ends = np.diff(self.end_ptr)
        far = np.zeros(len(n_ends), dtype=bool)
        far[self.sender[self.ends.delay > self.room.delay_ticks]] = True
        wanted = n_ends[:n] + self.weighted.to_host
        relayed = np.concatenate([(wanted > np.diff(self.column_ptr)) | far[:n], far[n:]])
        self._directly(~relayed)
        for sender in np.flatnonzero(relayed).tolist():
            ends = self.ends[slice(int(self.end_ptr[sender]), int(self.end_ptr[sender + 1]))]
            if sender < n:
                self._neuron(sender, ends)
            else:
                self._input(sender, ends)
        return self.out

    def _directly(self, chosen: Ints) -> None:
        """Senders with an entry for every axon; the host port takes a neuron's first column."""
        n = self.weighted.n_neurons
        mine = chosen[self.sender]
        sender, axon, delay = self.sender[mine], self.ends.axon[mine], self.ends.delay[mine]
        rank = np.flatnonzero(mine) - self.end_ptr[sender]
        inner = sender < n
        slot = self.column_ptr[sender[inner]] + rank[inner] + self.weighted.to_host[sender[inner]]
        column = self.columns[slot]
        self.out.target[column], self.out.delay[column] = axon[inner], delay[inner]
        self.out.target[self.columns[self.column_ptr[:-1][chosen[:n] & self.weighted.to_host]]] = HOST
        self._from_host(sender[~inner], axon[~inner], delay[~inner])

    def _from_host(self, sender: Ints, axon: Ints, delay: Ints) -> None:
        self.out.input_id.append(sender - self.weighted.n_neurons)
        self.out.input_axon.append(axon)
        self.out.input_delay.append(delay)

    def _neuron(self, neuron: int, ends: _Ends) -> None:
        """The shortest delays get the neuron's own columns, all but one, which feeds a row of relays."""
        columns = self.columns[self.column_ptr[neuron] : self.column_ptr[neuron + 1]]
        host = bool(self.weighted.to_host[neuron])
        if host and len(columns) > 1:
            self.out.target[columns[0]] = HOST
            columns, host = columns[1:], False
        n_near = int((ends.delay <= self.room.delay_ticks).sum())
        n_direct = min(len(columns) - 1, n_near)
        own = columns[:n_direct]
        self.out.target[own], self.out.delay[own] = ends.axon[:n_direct], ends.delay[:n_direct]
        if host:
            self.out.late_host.add(neuron)
        axon, delay = self._row(neuron, ends[slice(n_direct, None)], 1, host)
        self.out.target[columns[n_direct]], self.out.delay[columns[n_direct]] = axon, delay

    def _input(self, sender: int, ends: _Ends) -> None:
        """Any number of entries; a row of relays for what is too far off."""
        n_near = int((ends.delay <= self.room.delay_ticks).sum())
        axon, delay = self._row(sender, ends[slice(n_near, None)], 0, False)
        near = ends[slice(0, n_near)]
        axons, delays = np.append(near.axon, axon), np.append(near.delay, delay)
        self._from_host(np.full(len(axons), sender), axons, delays)

    def _row(self, sender: int, ends: _Ends, least: int, host: bool) -> tuple[int, int]:
        """(axon, delay of the entry to it) of a row that reaches all `ends`, which are by delay.

        least: delay of an entry of the sender. A part of the ends has rows of its own where they are too
        many for one row, or too far off.
        """
        longest = self.room.delay_ticks
        parts = row_parts(len(ends), self.room.neurons - host)
        n_direct = parts[0][1]
        slack = [levels(last - first, self.room.neurons) + 1 for first, last in parts[1:] if last > first]
        shortest = [int(ends.delay[first]) for first, last in parts[1:] if last > first]
        room = [delay - depth for delay, depth in zip(shortest, slack, strict=True)]
        room += [int(ends.delay[0]) - 1] if n_direct else []
        delay = max(least, min([longest, *room]))
        if min([longest, *room]) < least:
            self._note_missing(ends, parts, delay)
        number = len(self.out.rows)
        row = Row(sender, np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.out.rows.append(row)
        rest = _Ends(ends.axon, np.maximum(ends.delay - delay, 1), ends.line)
        n_near = int((rest.delay[:n_direct] <= longest).sum())
        target, delays = [rest.axon[:n_near]], [rest.delay[:n_near]]
        for first, last in [(n_near, n_direct), *parts[1:]]:
            if last > first:
                axon, entry_delay = self._row(sender, rest[slice(first, last)], 1, False)
                target.append(np.array([axon]))
                delays.append(np.array([entry_delay]))
        if host:
            target.append(np.array([HOST]))
            delays.append(np.array([0]))
        row.target, row.delay = np.concatenate(target), np.concatenate(delays)
        return self.n_axons + number, delay

    def _note_missing(self, ends: _Ends, parts: list[tuple[int, int]], delay: int) -> None:
        for number, (first, last) in enumerate(parts):
            depth = 1 + (levels(last - first, self.room.neurons) if number else 0)
            short = delay + depth - ends.delay[first:last]
            for line, ticks in zip(ends.line[first:last].tolist(), short.tolist(), strict=True):
                if ticks > 0:
                    self.out.missing[line] = max(self.out.missing.get(line, 0), ticks)


def row_parts(n: int, width: int) -> list[tuple[int, int]]:
    """Stretches of n ends: those with a relay of a row of `width`, and those with a row of their own."""
    if n < width:  # one column is kept for what is too far off
        return [(0, n)]
    below = width - 1
    n_parts = 1
    while n_parts < below // 2 and n - (below - n_parts) > n_parts * (width - 1):
        n_parts += 1
    n_direct = max(0, below - n_parts)
    bounds = np.linspace(n_direct, n, n_parts + 1).astype(int).tolist()
    return [(0, n_direct), *itertools.pairwise(bounds)]


def levels(n: int, width: int) -> int:
    """Levels of relays that n ends take, in rows of `width`."""
    parts = row_parts(n, width)[1:]
    return 1 + max((levels(last - first, width) for first, last in parts if last > first), default=0)
