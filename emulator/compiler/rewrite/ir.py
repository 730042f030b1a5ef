"""What the rewrites hand to each other. Flat arrays; every rewrite makes a new thing.

*Senders* are the neurons, through the populations in order of adding, followed by the inputs of the sources.
A *line* is a (sender, delay in ticks): what one axon of a core can listen to, as the delay belongs to the
sender's entry. A *code* writes the weight of a line as a sum of a neuron's four values: digit g says how many
axons of type g bring it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Room:
    """What one core holds, and what its numbers can be."""

    chip: str
    cores: int  # of the chip, usable
    neurons: int  # columns
    axons: int  # rows
    delay_ticks: int  # longest of an entry
    largest: int  # magnitude of a value of a neuron


class TooManyCores(Exception):
    """More cores than the chip has; never leaves this package."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """A network of the chip's neurons with a weight and a delay for every synapse: no core yet."""

    neurons: dict[str, Ints]  # NEURON_FIELDS but weight -> [n_neurons]
    to_host: Bools  # [n_neurons]
    recorded: Bools  # [n_neurons]
    account: Ints  # int32 [n_neurons]
    input_account: Ints  # int32 [n_inputs]
    group: Ints  # int32 [n_neurons] neurons of one group are filled into cores together: its population
    label: tuple[str, ...]  # of each group
    first: Ints  # int64 [n_groups + 1] first neuron of each
    ptr: Ints  # int64 [n_neurons + 1] synapses of each neuron
    line: Ints  # int64 [n_synapses] ascending within a neuron, each once
    weight: Floats  # [n_synapses] not 0
    whole: Bools  # [n_neurons] its weights are integers and meant exactly
    line_sender: Ints  # int64 [n_lines] ascending
    line_delay: Ints  # int64 [n_lines] ticks, at least 1
    report: tuple[dict[str, Any], ...] = field(default=())

    @property
    def n_neurons(self) -> int:
        return len(self.account)

    @property
    def n_inputs(self) -> int:
        return len(self.input_account)

    @property
    def n_lines(self) -> int:
        return len(self.line_sender)

    @property
    def drawn(self) -> Bools:
        """[n_neurons] those that draw random numbers: a copy would draw others."""
        return np.asarray((self.neurons["stochastic"] != 0) | (self.neurons["mask_bits"] != 0))

    @property
    def post(self) -> Ints:
        """[n_synapses] neuron of each synapse."""
        return np.repeat(np.arange(self.n_neurons), np.diff(self.ptr))

    def owner(self, neuron: int) -> str:
        """`population 'a'[3]`."""
        group = int(self.group[neuron])
        return f"{self.label[group]}[{neuron - int(self.first[group])}]"


@dataclass(frozen=True, eq=False)
class Codes:
    """Weights as sums of each neuron's four values."""

    value: Ints  # int64 [n_neurons, 4]
    digits: Ints  # uint8 [n_synapses, 4]; weight = digits @ value of the neuron, or near it
    fixed: Bools  # [n_neurons] types are chosen together with those of other neurons: never permuted
    exact: Bools  # [n_neurons]

    def same(self, other: Codes) -> bool:
        pairs = ((self.value, other.value), (self.digits, other.digits))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


@dataclass(frozen=True, eq=False)
class Filled:
    """Neurons in cores. A *place* is a neuron with a number of columns of one core, all alike."""

    n_cores: int
    place_neuron: Ints  # int64 [n_places] core by core
    place_core: Ints  # int64 [n_places]
    place_columns: Ints  # int64 [n_places] at least 1
    place_type: Ints  # int64 [n_places, 4] type of axon that each value of the code takes
    axon_core: Ints  # int64 [n_axons] ascending; then by line, type, copy
    axon_line: Ints  # int64 [n_axons]
    axon_type: Ints  # int64 [n_axons]
    axon_copy: Ints  # int64 [n_axons] from 0: axons alike
