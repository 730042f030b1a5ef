"""Pass allocate, compartments: slots in neuron order, and each core's tables of shared values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.ir import Placement, Quantised, SlotTable
from emulator.compiler.partition import configurations

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


def allocate_slots(quantised: Quantised, placement: Placement) -> SlotTable:
    """Only cores that hold a compartment get a row."""
    core_id, row_of = np.unique(placement.core_of, return_inverse=True)
    neuron = np.argsort(row_of, kind="stable")
    row = row_of[neuron]
    slot_of = np.empty(len(neuron), dtype=np.int64)
    slot_of[neuron] = np.arange(len(neuron))
    config_ptr, config_slot, slot_config = _shared(row, configurations(quantised)[neuron], len(core_id))
    thresholds = quantised.neurons["vth_mant"][neuron]
    vth_ptr, vth_slot, slot_vth = _shared(row, thresholds, len(core_id))
    return SlotTable(
        core_id=core_id.astype(np.int32),
        slot_ptr=np.searchsorted(row, np.arange(len(core_id) + 1)),
        neuron=neuron,
        slot_of=slot_of,
        config_ptr=config_ptr,
        config_neuron=neuron[config_slot],
        slot_config=slot_config,
        vth_ptr=vth_ptr,
        vth_mant=thresholds[vth_slot],
        slot_vth=slot_vth,
    )


def _shared(row: Longs, value: Ints, n_cores: int) -> tuple[Longs, Longs, Longs]:
    """Each core's distinct values, ascending: pointers, a slot with each value, the row of each slot."""
    span = int(value.max()) + 1  # values are numbers and mantissas from 0 on
    key, example, table_row = np.unique(row * span + value, return_index=True, return_inverse=True)
    pointer = np.searchsorted(key, np.arange(n_cores + 1) * span)
    return pointer, example, table_row.reshape(-1)
