"""Image: what is loaded into the chip. Nothing but integers, flat over all used cores.

Addresses. A *core* of an image is a row of `core_id` (physical id = tile id * cores per tile + core in
tile, ascending). A *slot* is a compartment's place; slots are numbered through over the cores:
`slot_ptr[c] <= slot < slot_ptr[c + 1]`. A *sender* is a slot (0 .. n_slots - 1) or a host input
(n_slots .. n_slots + n_inputs - 1, in the order the sources were declared). An *axon* is a row of a core's
axon-in table, numbered through like slots: `axon_ptr`. Rows of one core, and synapses of one list, are
contiguous.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from emulator.arrays import own

Ints = NDArray[np.integer]

SIGN_MODE_ID = {"mixed": 0, "excitatory": 1, "inhibitory": 2}

DTYPES: dict[str, str] = {
    "core_id": "int32",
    "slot_ptr": "int64",
    "config_ptr": "int64",
    "config_du": "int16",
    "config_dv": "int16",
    "config_ds_offset": "uint8",
    "config_refractory": "uint8",
    "config_soft_reset": "uint8",
    "config_vmin": "int32",
    "config_vmax": "int32",
    "vth_ptr": "int64",
    "vth_mant": "int32",
    "slot_config": "int32",
    "slot_vth": "int32",
    "slot_bias_mant": "int16",
    "slot_bias_exp": "uint8",
    "slot_u0": "int32",
    "slot_v0": "int32",
    "slot_refractory0": "uint8",
    "slot_group": "int32",
    "slot_recorded": "uint8",
    "input_group": "int32",
    "entry_ptr": "int64",
    "entry_core": "int32",
    "entry_axon": "int32",
    "axon_ptr": "int64",
    "syn_ptr": "int64",
    "syn_slot": "uint16",
    "syn_mant": "int16",
    "syn_delay": "uint8",
    "syn_format": "uint8",
    "format_w_exp": "int8",
    "format_weight_bits": "uint8",
    "format_sign_mode": "uint8",
    "format_delay_bits": "uint8",
    "format_index_bits": "uint8",
    "format_on_sum": "uint8",
}


class Tables:
    """What images of all kinds of cores share: flat arrays of `TABLES`' dtypes that nobody can change.

    Each is a frozen dataclass with the arrays as fields, those of the addresses above among them.
    """

    TABLES: ClassVar[dict[str, str]]
    core_id: Ints
    slot_group: Ints
    input_group: Ints
    n_groups: int

    def __post_init__(self) -> None:
        for name, dtype in self.TABLES.items():
            array = own(getattr(self, name), dtype)  # whoever holds the given one cannot change the image
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def n_cores(self) -> int:
        return len(self.core_id)

    @property
    def n_slots(self) -> int:
        return len(self.slot_group)

    @property
    def n_inputs(self) -> int:
        return len(self.input_group)

    @property
    def n_senders(self) -> int:
        return self.n_slots + self.n_inputs

    @functools.cached_property
    def digest(self) -> str:
        """BLAKE2 of the contents: two images with the same digest behave alike."""
        total = hashlib.blake2b(str(self.n_groups).encode(), digest_size=32)
        for name, array in self.arrays().items():
            total.update(f"{name}:{array.dtype.str}:{len(array)};".encode())
            total.update(array.data)
        return total.hexdigest()

    @functools.cached_property
    def derived(self) -> dict[str, Any]:
        """What an engine worked out from this image, kept for its next run. Never saved, never compared."""
        return {}

    def arrays(self) -> dict[str, Ints]:
        """Every array by its field name, in declaration order."""
        return {name: getattr(self, name) for name in self.TABLES}

    def replace(self, **changes: Ints | int) -> Self:
        """A changed copy."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class Image(Tables):
    """Per-core tables of current-based cores. dtypes: `DTYPES`; arrays are C-contiguous, read-only, and the
    image's own."""

    TABLES: ClassVar[dict[str, str]] = DTYPES

    core_id: Ints  # [n_cores] physical core ids, strictly ascending
    slot_ptr: Ints  # [n_cores + 1]
    # compartment configurations, shared by the compartments of a core
    config_ptr: Ints  # [n_cores + 1]
    config_du: Ints  # [n_configs] 0..4095
    config_dv: Ints  # [n_configs] 0..4095
    config_ds_offset: Ints  # [n_configs] 0 or 1
    config_refractory: Ints  # [n_configs] 1..63 ticks
    config_soft_reset: Ints  # [n_configs] 1: firing takes the threshold off v instead of setting it to 0
    config_vmin: Ints  # [n_configs] -V_LIMIT..0
    config_vmax: Ints  # [n_configs] 0..V_LIMIT
    vth_ptr: Ints  # [n_cores + 1]
    vth_mant: Ints  # [n_thresholds] 0..131071
    # compartments
    slot_config: Ints  # [n_slots] row of the configuration table, numbered through
    slot_vth: Ints  # [n_slots] row of the threshold table, numbered through
    slot_bias_mant: Ints  # [n_slots] -4096..4095
    slot_bias_exp: Ints  # [n_slots] 0..7
    slot_u0: Ints  # [n_slots] initial u, 24-bit
    slot_v0: Ints  # [n_slots] initial v, within vmin..vmax
    slot_refractory0: Ints  # [n_slots] initial refractory counter 0..63
    slot_group: Ints  # [n_slots] account that the compartment's events are booked on
    slot_recorded: Ints  # [n_slots] 1: its spikes go into the record
    input_group: Ints  # [n_inputs] account of a host input
    # axon-out: one packet per entry, in this order
    entry_ptr: Ints  # [n_senders + 1]
    entry_core: Ints  # [n_entries] row of core_id; n_cores addresses the host port
    entry_axon: Ints  # [n_entries] axon of that core, numbered through, each named once; 0 for the host port
    # axon-in: one synapse list per axon
    axon_ptr: Ints  # [n_cores + 1]
    syn_ptr: Ints  # [n_axons + 1]
    syn_slot: Ints  # [n_synapses] slot within its core, from 0
    syn_mant: Ints  # [n_synapses] stored mantissa, lost bits already cleared
    syn_delay: Ints  # [n_synapses] ticks, 1..63
    syn_format: Ints  # [n_synapses] row of the format table
    format_w_exp: Ints  # [n_formats] -8..7
    format_weight_bits: Ints  # [n_formats] 1..8
    format_sign_mode: Ints  # [n_formats] SIGN_MODE_ID
    format_delay_bits: Ints  # [n_formats] 0..6
    format_index_bits: Ints  # [n_formats] 0: dense list, else 6..12
    format_on_sum: Ints  # [n_formats] 1: the exponent acts on the sum of a tick instead of on each weight
    n_groups: int  # accounts: populations and sources together

    @property
    def n_axons(self) -> int:
        return len(self.syn_ptr) - 1

    @property
    def n_synapses(self) -> int:
        return len(self.syn_slot)

    @property
    def max_delay_ticks(self) -> int:
        """Longest delay of any synapse; 1 when there is none."""
        return int(self.syn_delay.max()) if self.n_synapses else 1

    @functools.cached_property
    def planes(self) -> tuple[int, ...]:
        """Right shifts of the input sums that a compartment keeps apart, ascending; the first is 0.

        A synapse of an `on_sum` format with w_exp < 0 adds its mantissa to the sum with shift -w_exp, every
        other one its effective weight / 64 to the sum with shift 0.
        """
        exponents = self.format_w_exp[self.format_on_sum != 0].astype(np.int64)
        return (0, *sorted({-int(w_exp) for w_exp in exponents if w_exp < 0}))
