"""Cores, wires and rows of relays as flat tables of crossbar cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emulator.chip.crossbar import N_TYPES, ROW_BYTES
from emulator.compiler.crossbars import NEURON_FIELDS, CrossbarCores
from emulator.compiler.rewrite.ir import Bools, Codes, Filled, Ints, Room, TooManyCores, Weighted
from emulator.compiler.rewrite.wires import HOST, NOWHERE, Row, Wires

RELAY = dict.fromkeys(NEURON_FIELDS, 0) | {"alpha": 1, "saturate": 1}
"""Fires in the tick in which its axon is reached, which adds 1, and holds nothing."""

RELAY_OF_NONE = -1  # origin of relays


@dataclass(frozen=True, eq=False)
class _Relays:
    """Rows of relays in cores of their own, core by core."""

    rows: tuple[Row, ...]
    place: Ints  # int64 [n_rows] in this order of each row of the wires
    core: Ints  # int64 [n_rows] ascending, counted on from the cores of neurons

    @property
    def size(self) -> Ints:
        return np.array([len(row.target) for row in self.rows], dtype=np.int64)

    def each(self, name: str) -> Ints:
        """A field of the rows, relay by relay."""
        return np.concatenate([np.zeros(0, np.int64), *(getattr(row, name) for row in self.rows)])


def assemble(
    weighted: Weighted, codes: Codes, filled: Filled, wires: Wires, room: Room, names: Sequence[str]
) -> CrossbarCores:
    """names: of the populations, first of all groups. The report is left empty."""
    column_place = np.repeat(np.arange(len(filled.place_neuron)), filled.place_columns)
    kept = _kept(weighted, filled, column_place, wires)
    place = column_place[kept]
    relays = _pack(wires, room, filled.n_cores)
    n_cores = max(filled.n_cores, int(relays.core.max(initial=-1)) + 1)
    core = np.concatenate([filled.place_core[place], np.repeat(relays.core, relays.size)])
    axon_core = np.concatenate([filled.axon_core, relays.core])
    neuron_ptr, axon_ptr = _ptr(core, n_cores), _ptr(axon_core, n_cores)
    # wires count the axons of rows in the order of their making
    axon = np.concatenate([np.arange(len(filled.axon_core)), len(filled.axon_core) + relays.place])
    target = np.concatenate([wires.target[kept], relays.each("target")])
    to_axon = np.flatnonzero(target >= 0)
    reached = axon[target[to_axon]]
    target_core = np.where(target == HOST, n_cores, NOWHERE)
    target_core[to_axon] = axon_core[reached]
    target_axon = np.zeros(len(target), dtype=np.int64)
    target_axon[to_axon] = reached - axon_ptr[axon_core[reached]]
    crossbar = np.zeros((len(axon_core), ROW_BYTES), dtype=np.uint8)
    _set_synapses(crossbar, weighted, codes, filled, place, neuron_ptr)
    _set_relays(crossbar, relays, len(filled.axon_core), neuron_ptr, core, len(place))
    origin = np.concatenate([filled.place_neuron[place], np.full(int(relays.size.sum()), RELAY_OF_NONE)])
    address = np.zeros(weighted.n_neurons, dtype=np.int64)
    address[filled.place_neuron[place][::-1]] = np.arange(len(place))[::-1]
    recorded = np.zeros(len(target), dtype=bool)
    recorded[address] = weighted.recorded
    sender_account = np.concatenate([weighted.account, weighted.input_account])
    senders = np.array([row.sender for row in relays.rows], dtype=np.int64)
    input_ptr, input_axon, input_delay = _inputs(wires, weighted.n_inputs)
    input_axon = axon[input_axon]
    return CrossbarCores(
        neuron_ptr=neuron_ptr,
        axon_ptr=axon_ptr,
        axon_type=np.concatenate([filled.axon_type, np.zeros(len(relays.core))]).astype(np.uint8),
        crossbar=crossbar,
        neurons=_neurons(weighted, codes, filled, place, int(relays.size.sum())),
        account=np.concatenate(
            [weighted.account[filled.place_neuron[place]], np.repeat(sender_account[senders], relays.size)]
        ).astype(np.int32),
        recorded=recorded,
        target_core=target_core.astype(np.int32),
        target_axon=target_axon.astype(np.int32),
        target_delay=np.concatenate([wires.delay[kept], relays.each("delay")]).astype(np.uint8),
        input_ptr=input_ptr,
        input_core=axon_core[input_axon].astype(np.int32),
        input_axon=(input_axon - axon_ptr[axon_core[input_axon]]).astype(np.int32),
        input_delay=input_delay.astype(np.uint8),
        input_account=weighted.input_account,
        at=np.full(n_cores, -1, dtype=np.int32),
        address={name: address[weighted.first[i] : weighted.first[i + 1]] for i, name in enumerate(names)},
        origin=origin,
    )


def _kept(weighted: Weighted, filled: Filled, column_place: Ints, wires: Wires) -> Ints:
    """Columns of places that send, and the first column of each neuron."""
    neuron = filled.place_neuron[column_place]
    first = np.zeros(len(neuron), dtype=bool)
    first[np.unique(neuron, return_index=True)[1]] = True
    return np.flatnonzero(first | (wires.target != NOWHERE))


def _pack(wires: Wires, room: Room, first_core: int) -> _Relays:
    """Rows to cores, the longest first, each to the fullest core with room for it."""
    order = sorted(range(len(wires.rows)), key=lambda number: -len(wires.rows[number].target))
    by_left: list[list[int]] = [[] for _ in range(room.neurons + 1)]  # cores by columns left
    axons: list[int] = []  # left in each core
    chosen: list[int] = []
    for number in order:
        size = len(wires.rows[number].target)
        left = next((n for n in range(size, room.neurons + 1) if by_left[n]), room.neurons)
        if by_left[left]:
            core = by_left[left].pop()
        else:
            core = len(axons)
            axons.append(room.axons)
        axons[core] -= 1
        chosen.append(core)
        if axons[core]:
            by_left[left - size].append(core)
    if first_core + len(axons) > room.cores:
        raise TooManyCores
    by_core = np.argsort(np.array(chosen, dtype=np.int64), kind="stable")
    place = np.zeros(len(order), dtype=np.int64)
    place[np.array(order, dtype=np.int64)[by_core]] = np.arange(len(order))
    rows = tuple(wires.rows[order[i]] for i in by_core)
    return _Relays(rows, place, first_core + np.array(chosen, dtype=np.int64)[by_core])


def _set_synapses(
    crossbar: Ints, weighted: Weighted, codes: Codes, filled: Filled, place: Ints, neuron_ptr: Ints
) -> None:
    """A bit where a column's digit takes in a copy of an axon; the columns of a place have the same ones."""
    key = (filled.axon_core * weighted.n_lines + filled.axon_line) * N_TYPES + filled.axon_type  # ascending
    columns = np.zeros((len(filled.place_neuron), ROW_BYTES), dtype=np.uint8)
    _set(columns, place, np.arange(len(place)) - neuron_ptr[filled.place_core[place]])
    neuron, core = filled.place_neuron, filled.place_core
    n_synapses = np.diff(weighted.ptr)[neuron]
    mine = np.repeat(np.arange(len(neuron)), n_synapses)  # place of each synapse
    starts = np.cumsum(n_synapses) - n_synapses
    synapse = np.arange(len(mine)) + np.repeat(weighted.ptr[neuron] - starts, n_synapses)
    line = weighted.line[synapse]
    for value in range(N_TYPES):
        digit = codes.digits[synapse, value]
        for copy in range(int(digit.max(initial=0))):
            taken = digit > copy
            one = mine[taken]
            kind = filled.place_type[one, value]
            axon = np.searchsorted(key, (core[one] * weighted.n_lines + line[taken]) * N_TYPES + kind) + copy
            order = np.argsort(axon, kind="stable")
            reached, first = np.unique(axon[order], return_index=True)
            if len(reached):
                crossbar[reached] |= np.bitwise_or.reduceat(columns[one[order]], first, axis=0)


def _set_relays(
    crossbar: Ints, relays: _Relays, first_axon: int, neuron_ptr: Ints, core: Ints, n_columns: int
) -> None:
    axon = first_axon + np.repeat(np.arange(len(relays.rows)), relays.size)
    number = n_columns + np.arange(len(axon))
    _set(crossbar, axon, number - neuron_ptr[core[n_columns:]])


def _set(crossbar: Ints, axon: Ints, neuron: Ints) -> None:
    np.bitwise_or.at(crossbar, (axon, neuron // 8), (1 << neuron % 8).astype(np.uint8))


def _neurons(weighted: Weighted, codes: Codes, filled: Filled, place: Ints, n_relays: int) -> dict[str, Ints]:
    """Parameters of all columns."""
    neuron = filled.place_neuron[place]
    out = {
        name: np.concatenate([weighted.neurons[name][neuron], np.full(n_relays, RELAY[name])])
        for name in NEURON_FIELDS
        if name != "weight"
    }
    weight = np.zeros((len(place) + n_relays, N_TYPES), dtype=np.int64)
    np.put_along_axis(weight[: len(place)], filled.place_type[place], codes.value[neuron], axis=1)
    weight[len(place) :, 0] = 1
    return {"weight": weight, **out}


def _inputs(wires: Wires, n_inputs: int) -> tuple[Ints, Ints, Ints]:
    """Entries by input: (ptr, axon as the wires count, delay)."""
    nothing = np.zeros(0, dtype=np.int64)
    number, axon, delay = (
        np.concatenate([nothing, *parts]) for parts in (wires.input_id, wires.input_axon, wires.input_delay)
    )
    order = np.argsort(number, kind="stable")
    return _ptr(number, n_inputs), axon[order], delay[order]


def _ptr(owner: Ints | Bools, n: int) -> Ints:
    """[n + 1] where the things of each owner begin."""
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))]).astype(np.int64)
