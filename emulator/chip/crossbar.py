"""CrossbarImage: what is loaded into a chip of crossbar cores, as TrueNorth's. Nothing but integers.

Addresses as in `image`: cores, slots (neurons here), senders, axons. A core's axons are the rows of its
crossbar, its neurons the columns. A spike of tick t is integrated in tick t + delay; the delay belongs to the
axon-out entry. Spikes for the same axon and tick merge into one. An entry of a host input may have delay 0:
the host sends it ahead, and it is integrated in the very tick that it is given for.

The arithmetic is in `emulator/reference/crossbar.py`; sources of all facts: Cassidy et al. 2013 (neuron),
Merolla et al. 2014, Akopyan et al. 2015 (chip).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import Image, Tables

Ints = NDArray[np.integer]

MAX_AXONS = MAX_NEURONS = 256  # of a core
ROW_BYTES = MAX_NEURONS // 8  # of an axon's row of the crossbar
N_TYPES = 4  # of axons
MAX_DELAY = 15  # ticks
LEAK_STOCHASTIC = 1 << N_TYPES  # bit of `slot_stochastic`; below it a bit for each type of axon

CROSSBAR_DTYPES: dict[str, str] = {
    "core_id": "int32",
    "slot_ptr": "int64",
    "axon_ptr": "int64",
    "axon_type": "uint8",
    "axon_group": "int32",
    "crossbar": "uint8",
    "slot_weight": "int16",
    "slot_stochastic": "uint8",
    "slot_leak": "int16",
    "slot_reversal": "uint8",
    "slot_alpha": "int32",
    "slot_beta": "int32",
    "slot_mask_bits": "uint8",
    "slot_reset": "int32",
    "slot_reset_mode": "uint8",
    "slot_saturate": "uint8",
    "slot_v0": "int32",
    "slot_group": "int32",
    "slot_recorded": "uint8",
    "input_group": "int32",
    "entry_ptr": "int64",
    "entry_core": "int32",
    "entry_axon": "int32",
    "entry_delay": "uint8",
}


@dataclass(frozen=True, eq=False)
class CrossbarImage(Tables):
    """Per-core tables of crossbar cores. dtypes: `CROSSBAR_DTYPES`; the image's own, read-only."""

    TABLES: ClassVar[dict[str, str]] = CROSSBAR_DTYPES

    core_id: Ints  # [n_cores] physical core ids, strictly ascending
    slot_ptr: Ints  # [n_cores + 1] 1..256 neurons each
    axon_ptr: Ints  # [n_cores + 1] 0..256 axons each
    axon_type: Ints  # [n_axons] 0..3
    axon_group: Ints  # [n_axons] account that the synaptic operations of its spikes are booked on
    crossbar: Ints  # [n_axons * ROW_BYTES] bit j % 8 of byte j // 8 of a row: synapse onto neuron j
    # neurons
    slot_weight: Ints  # [n_slots * N_TYPES] weight by type of axon, -255..255
    slot_stochastic: Ints  # [n_slots] bits 0..3: the synapses of that type are stochastic; bit 4: the leak is
    slot_leak: Ints  # [n_slots] -255..255
    slot_reversal: Ints  # [n_slots] 1: the leak follows the sign of v (epsilon)
    slot_alpha: Ints  # [n_slots] positive threshold, 0..2**18 - 1
    slot_beta: Ints  # [n_slots] negative threshold, 0..2**18 - 1, acts at -beta
    slot_mask_bits: Ints  # [n_slots] bits TM of the random part of the thresholds, 0..18
    slot_reset: Ints  # [n_slots] value R that v is reset to, +-(2**n - 1)
    slot_reset_mode: Ints  # [n_slots] gamma 0: v = R, 1: v minus the threshold, 2: v stays
    slot_saturate: Ints  # [n_slots] kappa 1: v is held at -beta, 0: it is reset on the negative side too
    slot_v0: Ints  # [n_slots] initial v, 20 bits signed
    slot_group: Ints  # [n_slots] account that the neuron's events are booked on
    slot_recorded: Ints  # [n_slots] 1: its spikes go into the record
    input_group: Ints  # [n_inputs] account of a host input
    # axon-out: one packet per entry, in this order; a neuron has at most one
    entry_ptr: Ints  # [n_senders + 1]
    entry_core: Ints  # [n_entries] row of core_id; n_cores addresses the host port
    entry_axon: Ints  # [n_entries] axon of that core, numbered through; 0 for the host port
    entry_delay: Ints  # [n_entries] ticks 1..15, of host inputs 0..15; 0 for the host port
    n_groups: int  # accounts: populations and sources together

    @property
    def n_axons(self) -> int:
        return len(self.axon_type)

    @property
    def n_synapses(self) -> int:
        """Bits set in all crossbars."""
        return int(np.bitwise_count(self.crossbar).sum(dtype=np.int64))

    @property
    def max_delay_ticks(self) -> int:
        """Longest delay of any entry, at least 1."""
        return max(1, int(self.entry_delay.max())) if len(self.entry_delay) else 1


AnyImage = Image | CrossbarImage
