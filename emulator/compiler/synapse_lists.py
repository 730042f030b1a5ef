"""Pass allocate, synapses: one axon per (core, sender), and its list in the order of the packed format.

A core's axons are in the order of their senders (slots, then inputs). A list is in the order of
`WeightFormat`, then slot; `packing` says where that makes a dense run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import WeightFormat, format_of
from emulator.compiler.ir import FORMAT_FIELDS, Quantised, SlotTable, SynapseLists
from emulator.compiler.packing import Packing
from emulator.errors import CompileError

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHUNK_SYNAPSES = 1 << 22  # bounds the work arrays to some 300 MB
MAX_FORMATS = 256  # rows that the 8 bits of syn_format can name


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Lists of some consecutive cores, in their final order."""

    axon_core: Ints  # [n_axons] row of core_id
    axon_sender: Longs  # [n_axons]
    list_length: Longs  # [n_axons]
    slot: NDArray[np.uint16]
    mantissa: NDArray[np.int16]
    delay: NDArray[np.uint8]
    form: NDArray[np.uint16]  # 2 * format, + 1 in a sparse run


def allocate_synapses(
    quantised: Quantised, slots: SlotTable, population: Ints, chip: ChipSpec
) -> SynapseLists:
    """population: [n_neurons] of each neuron. Raises CompileError for more than MAX_FORMATS formats."""
    builder = _Builder(quantised, slots, population)
    if len(builder.formats) > MAX_FORMATS:
        raise CompileError(_too_many(len(builder.formats)))
    chunks = [builder.chunk(first, last) for first, last in builder.stretches()]
    axon_core = np.concatenate([chunk.axon_core for chunk in chunks])
    lengths = np.concatenate([chunk.list_length for chunk in chunks])
    form = np.concatenate([chunk.form for chunk in chunks])
    formats, row_of_form = _format_table(builder.formats, form, Packing.of(chip))
    return SynapseLists(
        axon_ptr=np.searchsorted(axon_core, np.arange(len(slots.core_id) + 1)),
        axon_sender=np.concatenate([chunk.axon_sender for chunk in chunks]),
        syn_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        syn_slot=np.concatenate([chunk.slot for chunk in chunks]),
        syn_mant=np.concatenate([chunk.mantissa for chunk in chunks]),
        syn_delay=np.concatenate([chunk.delay for chunk in chunks]),
        syn_format=row_of_form[form],
        formats=formats,
    )


class _Builder:
    """Sorts the synapses of stretches of cores."""

    def __init__(self, quantised: Quantised, slots: SlotTable, population: Ints):
        self.groups = [group for group in quantised.groups if len(group.pre)]
        self.formats = sorted({format_of(group) for group in self.groups})
        self.n_cores = len(slots.core_id)
        self.slot_ptr = slots.slot_ptr
        self.slot_population = population[slots.neuron]
        self.core_of = np.empty(len(slots.neuron), dtype=np.int32)  # row of core_id of each neuron
        self.core_of[slots.neuron] = np.repeat(np.arange(self.n_cores), np.diff(slots.slot_ptr))
        self.slot_in_core = (slots.slot_of - slots.slot_ptr[self.core_of]).astype(np.int32)
        n_senders = quantised.n_neurons + quantised.n_inputs
        self.sender_of = np.concatenate([slots.slot_of, np.arange(quantised.n_neurons, n_senders)])
        # Radix of the sort key (core, sender, format, slot).
        self.slot_span = int(np.diff(slots.slot_ptr).max())
        self.list_span = self.slot_span * max(len(self.formats), 1)
        self.core_span = self.list_span * n_senders

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Consecutive cores [first, last) whose synapses are sorted at once."""
        per_core = np.zeros(self.n_cores, dtype=np.int64)
        for group in self.groups:
            per_core += np.bincount(self.core_of[group.post], minlength=self.n_cores)
        ends = np.concatenate([[0], np.cumsum(per_core)])
        most_cores = max((2**63 - 1) // self.core_span, 1)
        first = 0
        while first < self.n_cores:
            last = int(np.searchsorted(ends, ends[first] + CHUNK_SYNAPSES, side="right")) - 1
            last = min(max(last, first + 1), first + most_cores, self.n_cores)
            yield first, last
            first = last

    def chunk(self, first: int, last: int) -> _Chunk:
        """The lists of cores [first, last)."""
        key, mantissa, delay = self._unsorted(first, last)
        order = np.argsort(key, kind="stable")  # stable: equal synapses keep the order of their projections
        key = key[order]
        list_id, within = np.divmod(key, self.list_span)
        form, slot = np.divmod(within, self.slot_span)
        core, sender = np.divmod(list_id, self.core_span // self.list_span)
        core += first
        list_heads = np.flatnonzero(_changes(list_id))
        population = self.slot_population[self.slot_ptr[core] + slot]
        sparse = _in_sparse_run(_changes(list_id) | _changes(form) | _changes(population), slot)
        return _Chunk(
            axon_core=core[list_heads],
            axon_sender=sender[list_heads],
            list_length=np.diff(list_heads, append=len(key)),
            slot=slot.astype(np.uint16),
            mantissa=mantissa[order],
            delay=delay[order],
            form=(2 * form + sparse).astype(np.uint16),
        )

    def _unsorted(self, first: int, last: int) -> tuple[Longs, NDArray[np.int16], NDArray[np.uint8]]:
        keys, mantissas, delays = [np.zeros(0, np.int64)], [np.zeros(0, np.int16)], [np.zeros(0, np.uint8)]
        number = {form: i for i, form in enumerate(self.formats)}
        for group in self.groups:
            core = self.core_of[group.post]
            chosen = slice(None) if last - first == self.n_cores else (core >= first) & (core < last)
            post = group.post[chosen]
            key = (core[chosen] - first).astype(np.int64) * self.core_span
            key += self.sender_of[group.pre[chosen]] * self.list_span
            key += number[format_of(group)] * self.slot_span
            key += self.slot_in_core[post]
            keys.append(key)
            mantissas.append(group.mantissa[chosen].astype(np.int16, copy=False))
            delays.append(group.delay_ticks[chosen].astype(np.uint8, copy=False))
        return np.concatenate(keys), np.concatenate(mantissas), np.concatenate(delays)


def _changes(values: Ints) -> Flags:
    """Where a value differs from the one before; the first always does."""
    changes = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _in_sparse_run(heads: Flags, slot: Longs) -> Flags:
    """For every synapse whether its run has a gap or a slot twice. heads: where runs begin."""
    if len(slot) == 0:
        return np.zeros(0, dtype=bool)
    begin = np.flatnonzero(heads)
    uneven = np.zeros(len(slot), dtype=bool)
    uneven[1:] = ~heads[1:] & (slot[1:] != slot[:-1] + 1)
    return np.repeat(np.logical_or.reduceat(uneven, begin), np.diff(begin, append=len(slot)))


def _format_table(
    formats: list[WeightFormat], form: NDArray[np.uint16], packing: Packing
) -> tuple[Longs, NDArray[np.uint8]]:
    """The rows that occur, and the row of each number in `form`."""
    used = np.flatnonzero(np.bincount(form, minlength=2 * len(formats)))
    if len(used) > MAX_FORMATS:
        raise CompileError(_too_many(len(used)))
    rows = [(*formats[number // 2], packing.sparse_index_bits if number % 2 else 0) for number in used]
    row_of_form = np.zeros(max(2 * len(formats), 1), dtype=np.uint8)
    row_of_form[used] = np.arange(len(used))
    return np.array(rows, dtype=np.int64).reshape(-1, len(FORMAT_FIELDS)), row_of_form


def _too_many(n_formats: int) -> str:
    return (
        f"network: {n_formats} synapse formats (w_exp, weight_bits, sign_mode, rounding, delay and index "
        f"width), limit {MAX_FORMATS}: let projections share w_exp, weight_bits, sign_mode or their longest "
        "delay"
    )
