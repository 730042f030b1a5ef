"""What the passes hand to each other. Flat arrays; every pass makes a new thing.

Numbers: *neurons* count through the populations in order of adding; *senders* are the neurons followed by
the inputs of the sources in order of adding. `Image` uses the same order of senders once neurons have
become slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]

NEURON_FIELDS = (
    "du",
    "dv",
    "ds_offset",
    "refractory",
    "soft_reset",
    "vmin",
    "vmax",
    "vth_mant",
    "bias_mant",
    "bias_exp",
    "u0",
    "v0",
    "refractory0",
)


FORMAT_FIELDS = ("w_exp", "weight_bits", "sign_mode", "delay_bits", "on_sum", "index_bits")
"""Columns of the format table; an image holds them as `format_...`."""


@dataclass(frozen=True, eq=False)
class QuantisedProjection:
    """Synapses of a projection that has some, in its order, sharing with it what is not quantised."""

    projection_id: int
    first_sender: int  # sender of row 0
    first_target: int  # neuron of target 0
    indptr: Ints  # int64 [n_rows + 1] synapses of each sender; the network's own
    target: Ints  # int32 [n] ascending within a row; the network's own
    mantissa: Ints  # int16 [n], lost bits cleared; the network's own where nothing is lost
    delay_ticks: Ints  # uint8 [n]; the network's own
    w_exp: tuple[int, ...]  # exponents that occur, ascending
    code: Ints | None  # uint8 [n] place of each synapse's exponent in w_exp; None: there is only one
    weight_bits: int  # 1..8, magnitude
    sign_mode: str
    delay_bits: int  # 0..6: bits that hold the largest delay_ticks - 1
    on_sum: bool  # whether the exponent acts on the sum of a tick instead of on each weight

    @property
    def n_synapses(self) -> int:
        return len(self.target)

    def groups(self) -> tuple[SynapseGroup, ...]:
        """A copy, cut by format; for readers of small networks."""
        rows = np.arange(self.first_sender, self.first_sender + len(self.indptr) - 1, dtype=np.int32)
        pre, post = np.repeat(rows, np.diff(self.indptr)), self.target + np.int32(self.first_target)
        code = np.zeros(self.n_synapses, np.uint8) if self.code is None else self.code
        return tuple(
            SynapseGroup(
                projection_id=self.projection_id,
                w_exp=w_exp,
                weight_bits=self.weight_bits,
                sign_mode=self.sign_mode,
                delay_bits=self.delay_bits,
                on_sum=self.on_sum,
                pre=pre[code == number],
                post=post[code == number],
                mantissa=self.mantissa[code == number],
                delay_ticks=self.delay_ticks[code == number],
            )
            for number, w_exp in enumerate(self.w_exp)
        )


@dataclass(frozen=True, eq=False)
class SynapseGroup:
    """Synapses of one projection that share a format. Sorted by pre, then post."""

    projection_id: int
    w_exp: int
    weight_bits: int  # 1..8, magnitude
    sign_mode: str
    delay_bits: int  # 0..6: bits that hold the largest delay_ticks - 1 of the projection
    on_sum: bool  # whether the exponent acts on the sum of a tick instead of on each weight
    pre: Ints  # int32 [n] sender
    post: Ints  # int32 [n] neuron
    mantissa: Ints  # int16 [n], lost bits cleared
    delay_ticks: Ints  # uint8 [n]


@dataclass(frozen=True, eq=False)
class Quantised:
    """Result of pass quantise: the network in the chip's integers."""

    n_neurons: int
    n_inputs: int
    neurons: dict[str, Ints]  # NEURON_FIELDS -> int64 [n_neurons]
    to_host: NDArray[np.bool_]  # [n_neurons]
    projections: tuple[QuantisedProjection, ...]
    report: tuple[dict[str, Any], ...] = field(default=())  # per population: name, scale, n_clipped, ...

    @property
    def n_senders(self) -> int:
        return self.n_neurons + self.n_inputs

    @property
    def groups(self) -> tuple[SynapseGroup, ...]:
        """A copy of all synapses, cut by projection and format; for readers of small networks."""
        return tuple(group for projection in self.projections for group in projection.groups())


@dataclass(frozen=True, eq=False)
class Partition:
    """Result of pass partition: neurons to bins; a bin becomes a core."""

    bin_of: Ints  # int32 [n_neurons]
    n_bins: int
    pinned_core: Ints  # int32 [n_bins] physical core a bin must take, or n_cores of the chip when free
    closed_by: tuple[str | None, ...] = ()  # [n_bins] resource that kept the next neuron out; None: nothing
    method: str = "in order"
    other: Partition | None = None  # another way, of which placing takes the better


@dataclass(frozen=True, eq=False)
class Placement:
    """Result of pass place: which physical core each neuron lives in; of crossbar cores, each core."""

    core_of: Ints  # int32 [n_neurons], of crossbar cores [n_cores]: physical core id
    figures: dict[str, Any] = field(default_factory=dict)  # method, hops, busiest link


@dataclass(frozen=True, eq=False)
class SlotTable:
    """Result of pass allocate, compartments: rows as in `Image`."""

    core_id: Ints  # int32 [n_cores] physical ids of the cores that hold a compartment, ascending
    slot_ptr: Ints  # int64 [n_cores + 1]
    neuron: Ints  # int64 [n_slots] neuron of each slot; ascending within a core
    slot_of: Ints  # int64 [n_neurons]
    config_ptr: Ints  # int64 [n_cores + 1]
    config_neuron: Ints  # int64 [n_configs] a neuron with these values
    slot_config: Ints  # int64 [n_slots] row of the configuration table
    vth_ptr: Ints  # int64 [n_cores + 1]
    vth_mant: Ints  # int64 [n_thresholds] ascending within a core
    slot_vth: Ints  # int64 [n_slots] row of the threshold table


@dataclass(frozen=True, eq=False)
class SynapseLists:
    """Result of pass allocate, synapses: one list per axon, rows as in `Image`; senders by slot."""

    axon_ptr: Ints  # int64 [n_cores + 1]
    axon_sender: Ints  # int64 [n_axons] ascending within a core
    syn_ptr: Ints  # int64 [n_axons + 1]
    syn_slot: Ints  # uint16 [n_synapses]
    syn_mant: Ints  # int16 [n_synapses]
    syn_delay: Ints  # uint8 [n_synapses]
    syn_format: Ints  # uint8 [n_synapses]
    formats: Ints  # int64 [n_formats, 6] FORMAT_FIELDS; ascending
