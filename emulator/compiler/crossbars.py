"""Crossbar cores that are not yet anywhere: what descriptions and rewrites come to, to be placed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]

NEURON_FIELDS = (
    "weight",  # [n_neurons, 4], every other one [n_neurons]; meaning and range: `CrossbarImage.slot_...`
    "stochastic",
    "leak",
    "reversal",
    "alpha",
    "beta",
    "mask_bits",
    "reset",
    "reset_mode",
    "saturate",
    "v0",
)


@dataclass(frozen=True, eq=False)
class CrossbarCores:
    """Flat over the cores. *Core*, *neuron*, *axon* and *input* are numbered from 0 here; `account` is the
    place of a part among `Symbols.parts`."""

    neuron_ptr: Ints  # int64 [n_cores + 1]
    axon_ptr: Ints  # int64 [n_cores + 1]
    axon_type: Ints  # uint8 [n_axons]
    crossbar: Ints  # uint8 [n_axons, 32], rows as in CrossbarImage
    neurons: dict[str, Ints]  # NEURON_FIELDS
    account: Ints  # int32 [n_neurons]
    recorded: NDArray[np.bool_]  # [n_neurons]
    target_core: Ints  # int32 [n_neurons] core; n_cores: the host port; -1: none
    target_axon: Ints  # int32 [n_neurons] within that core; 0 for host port and none
    target_delay: Ints  # uint8 [n_neurons] 1..15; 0 for host port and none
    input_ptr: Ints  # int64 [n_inputs + 1] entries of each host input
    input_core: Ints  # int32 [n_input_entries]
    input_axon: Ints  # int32 [n_input_entries] within that core
    input_delay: Ints  # uint8 [n_input_entries] 0..15
    input_account: Ints  # int32 [n_inputs]
    at: Ints  # int32 [n_cores] physical core that it must take; -1: free
    address: dict[str, Ints]  # population -> int64 [n] neuron of each; of copies the first
    report: tuple[dict[str, Any], ...] = field(default=())  # per rewrite
    origin: Ints | None = None  # int64 [n_neurons] of rewritten populations: neuron it is a copy of, counted
    # through the populations; -1: a relay. A hint for the proof of the rewrites, which trusts none of it

    @property
    def n_cores(self) -> int:
        return len(self.at)
