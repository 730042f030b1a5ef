"""Pass allocate, synapses: one axon per (core, sender), and its list in the order of the packed format.

A core's axons are in the order of their senders (slots, then inputs). A list is in the order of
`WeightFormat`, then slot, equal ones in the order of their projections; `packing` says where that makes a
dense run. The lists are written in one sweep over the senders (ext/lists.pyx).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.blocks import lists
from emulator.compiler.bundles import WeightFormat, formats_of
from emulator.compiler.ir import FORMAT_FIELDS, Quantised, SlotTable, SynapseLists
from emulator.compiler.packing import Packing
from emulator.compiler.rows import table_of
from emulator.errors import CompileError

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

MAX_FORMATS = 256  # rows that the 8 bits of syn_format can name


def allocate_synapses(
    quantised: Quantised, slots: SlotTable, population: Ints, chip: ChipSpec
) -> SynapseLists:
    """population: [n_neurons] of each neuron. Raises CompileError for more than MAX_FORMATS formats."""
    formats = sorted({form for projection in quantised.projections for form in formats_of(projection)})
    if len(formats) > MAX_FORMATS:
        raise CompileError(_too_many(len(formats)))
    table = table_of(
        quantised.projections,
        [[formats.index(form) for form in formats_of(projection)] for projection in quantised.projections],
    )
    core_of, slot_of, end_of = _places(slots)
    order = np.concatenate([slots.neuron, np.arange(quantised.n_neurons, quantised.n_senders)])
    order = order.astype(np.int32)
    n_synapses, n_axons = np.zeros((2, len(slots.core_id)), dtype=np.int64)
    lists.count_lists(table, order, core_of, end_of, n_synapses, n_axons)
    first_synapse, axon_ptr = _pointer(n_synapses), _pointer(n_axons)
    total = int(first_synapse[-1])
    axon_sender = np.empty(int(axon_ptr[-1]), dtype=np.int64)
    syn_ptr = np.full(len(axon_sender) + 1, total, dtype=np.int64)
    slot, mantissa = np.empty(total, dtype=np.uint16), np.empty(total, dtype=np.int16)
    delay, form = np.empty(total, dtype=np.uint8), np.empty(total, dtype=np.uint8)
    next_synapse, next_axon = first_synapse[:-1].copy(), axon_ptr[:-1].copy()
    columns = (axon_sender, syn_ptr, slot, mantissa, delay, form)
    lists.write_lists(table, order, core_of, end_of, slot_of, next_synapse, next_axon, *columns)
    runs = (slots.slot_ptr, axon_ptr, syn_ptr, population[slots.neuron], slot)
    rows = _name_formats(formats, runs, form, Packing.of(chip))
    for array in columns:
        array.flags.writeable = False  # the image takes them as they are
    return SynapseLists(axon_ptr, axon_sender, syn_ptr, slot, mantissa, delay, form, rows)


def _places(slots: SlotTable) -> tuple[Ints, Ints, Ints]:
    """int32 [n_neurons]: row of each neuron's core, its slot within it, and the end of the neurons that
    follow it, each in the next slot of the same core."""
    core_of = np.empty(len(slots.neuron), dtype=np.int32)
    core_of[slots.neuron] = np.repeat(np.arange(len(slots.core_id)), np.diff(slots.slot_ptr))
    follows = (np.diff(core_of) == 0) & (np.diff(slots.slot_of) == 1)
    ends = np.append(np.flatnonzero(~follows) + 1, len(core_of))
    end_of = np.repeat(ends, np.diff(ends, prepend=0))
    return core_of, (slots.slot_of - slots.slot_ptr[core_of]).astype(np.int32), end_of.astype(np.int32)


def _pointer(counts: Longs) -> Longs:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _name_formats(formats: list[WeightFormat], runs: tuple[Ints, ...], form: Ints, packing: Packing) -> Longs:
    """Formats become rows of a table of those that occur, dense and sparse runs apart: int64 [n_rows, 6].

    runs: what `lists.mark_runs` takes; form: uint8 [n_synapses], changed in place.
    """
    used = np.zeros(max(2 * len(formats), 1), dtype=np.uint8)
    lists.mark_runs(*runs, form, used)
    kinds = np.flatnonzero(used)
    if len(kinds) > MAX_FORMATS:
        raise CompileError(_too_many(len(kinds)))
    row_of = np.zeros(len(used), dtype=np.uint8)
    row_of[kinds] = np.arange(len(kinds))
    if (row_of[kinds] != kinds // 2).any():
        lists.mark_runs(*runs, form, used, row_of)
    rows = [(*formats[kind // 2], packing.sparse_index_bits if kind % 2 else 0) for kind in kinds]
    return np.array(rows, dtype=np.int64).reshape(-1, len(FORMAT_FIELDS))


def _too_many(n_formats: int) -> str:
    return (
        f"network: {n_formats} synapse formats (w_exp, weight_bits, sign_mode, rounding, delay and index "
        f"width), limit {MAX_FORMATS}: let projections share w_exp, weight_bits, sign_mode or their longest "
        "delay"
    )
