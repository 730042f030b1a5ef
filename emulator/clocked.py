"""What a clocked machine pays for a network: it evaluates every neuron and moves every activation in every
tick, zeros included.

Counts are of one tick of one sample, and the least that any such machine could do: each weight is read once
per tick for a whole batch, each activation and each sum moves once per projection, operands wait in registers
for free. What is open is decided in favour of the machine. The spikes do not appear: that is the point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from emulator.chip.baseline import HIGH, LOW, PLACES, TYPICAL, BaselineSpec
from emulator.errors import DescriptionError
from emulator.network import LIF, LoihiCuba, Network, Population, TrueNorth

J_PER_PJ = 1e-12
NO_CURRENT = 4095  # du of a current that is gone in the next tick


@dataclass(frozen=True)
class Work:
    """Operations and bytes of a network."""

    macs: int  # multiply-accumulates: of all weights of a dense matrix, zeros included
    update_multiplies: int  # of the neurons
    update_adds: int
    instructions: int
    weight_bytes: int  # stored, and read once per tick and batch
    activation_bytes: int  # moved per tick and sample
    state_bytes: int  # the same, of variables of neurons and sums of their inputs
    kept_bytes: int  # activations, states and sums that a sample keeps from tick to tick


@dataclass(frozen=True)
class Cost:
    """Energy of one tick of one sample, J."""

    arithmetic_j: float  # products and sums
    update_j: float  # of the neurons
    instructions_j: float
    weights_j: float  # moved: this sample's share of the batch
    activations_j: float
    state_j: float

    @property
    def total_j(self) -> float:
        return float(sum(getattr(self, field.name) for field in fields(self)))

    @property
    def weights_share(self) -> float:
        """Share of the total that moves weights; 0 of nothing."""
        return self.weights_j / self.total_j if self.total_j else 0.0


@dataclass(frozen=True)
class Bill:
    """A network on a machine, at one batch size. The costs are at the low, typical and high ends of all
    ranges together."""

    baseline: str
    weights: str  # the memory that holds them
    activations: str  # the memory that holds activations and states of the batch
    batch: int
    work: Work
    low: Cost
    typical: Cost
    high: Cost


def work_of(network: Network, baseline: BaselineSpec) -> Work:
    """Operations and bytes of one tick of one sample."""
    width, sizes = baseline.width_bytes, _sizes(network)
    macs = weight_bytes = activation_bytes = state_bytes = 0
    for n_pre, n_post, n_synapses in _matrices(network):
        dense, listed = n_pre * n_post * width.weight, n_synapses * (width.weight + width.index)
        walked = baseline.sparse and listed < dense
        macs += n_synapses if walked else n_pre * n_post
        weight_bytes += listed if walked else dense
        activation_bytes += n_pre * width.activation  # read once
        state_bytes += n_post * width.state  # its sums written once
    multiplies = adds = kept = 0
    for population in network.populations:
        n_variables, n_multiplies, n_adds = _update(population)
        multiplies += n_multiplies * population.n
        adds += n_adds * population.n
        state_bytes += (2 * n_variables + 1) * population.n * width.state  # read and written; the sum read
        activation_bytes += population.n * width.activation  # written
        kept += (n_variables + 1) * population.n * width.state
    lanes = baseline.operations_per_instruction
    return Work(
        macs=macs,
        update_multiplies=multiplies,
        update_adds=adds,
        instructions=math.ceil(macs / lanes) + math.ceil((multiplies + adds) / lanes),
        weight_bytes=weight_bytes,
        activation_bytes=activation_bytes,
        state_bytes=state_bytes,
        kept_bytes=kept + sum(sizes.values()) * width.activation,
    )


def bill(network: Network, baseline: BaselineSpec, batch: int = 1) -> Bill:
    """What a tick of a sample costs in a batch of so many. Raises DescriptionError if it cannot be."""
    if not (isinstance(batch, int) and not isinstance(batch, bool) and 1 <= batch <= baseline.max_batch):
        raise DescriptionError(
            f"batch {batch!r}: baseline {baseline.name!r} takes 1..{baseline.max_batch} (max_batch) samples"
        )
    work = work_of(network, baseline)
    _check_weights(work, baseline)
    place = next((place for place in PLACES if _fits(work, baseline, place) >= batch), None)
    if place is None:
        raise DescriptionError(
            f"batch {batch}: {batch * work.kept_bytes} bytes of activations and states, baseline "
            f"{baseline.name!r} has no memory that holds them: give a smaller batch or network"
        )
    return _bill(work, baseline, batch, place)


def best_bill(network: Network, baseline: BaselineSpec) -> Bill:
    """The batch that costs least per sample: a large one shares the weights among many, but its activations
    and states may only fit a memory farther away."""
    work = work_of(network, baseline)
    _check_weights(work, baseline)
    batches = {place: min(_fits(work, baseline, place), baseline.max_batch) for place in PLACES}
    bills = [_bill(work, baseline, batch, place) for place, batch in batches.items() if batch]
    if not bills:
        raise DescriptionError(
            f"network {network.name!r}: {work.kept_bytes} bytes of activations and states, baseline "
            f"{baseline.name!r} has no memory that holds them: give a smaller network"
        )
    return min(bills, key=lambda one: one.typical.total_j)


def _bill(work: Work, baseline: BaselineSpec, batch: int, place: str) -> Bill:
    low, typical, high = (_cost(work, baseline, batch, place, end) for end in (LOW, TYPICAL, HIGH))
    return Bill(baseline.name, baseline.weights, place, batch, work, low, typical, high)


def _cost(work: Work, baseline: BaselineSpec, batch: int, place: str, end: int) -> Cost:
    pj, kept = baseline.operation_pj, baseline.memory_at(place).pj_per_byte[end]
    update = work.update_multiplies * pj.update_multiply[end] + work.update_adds * pj.update_add[end]
    weights = work.weight_bytes * baseline.memory_at(baseline.weights).pj_per_byte[end] / batch
    return Cost(
        arithmetic_j=work.macs * (pj.multiply[end] + pj.accumulate[end]) * J_PER_PJ,
        update_j=update * J_PER_PJ,
        instructions_j=work.instructions * baseline.instruction_pj[end] * J_PER_PJ,
        weights_j=weights * J_PER_PJ,
        activations_j=work.activation_bytes * kept * J_PER_PJ,
        state_j=work.state_bytes * kept * J_PER_PJ,
    )


def _fits(work: Work, baseline: BaselineSpec, place: str) -> int:
    """Samples whose activations and states a memory holds, beside the weights if they are in it."""
    capacity = baseline.memory_at(place).capacity_bytes
    if capacity is None:
        return baseline.max_batch
    taken = work.weight_bytes if place == baseline.weights else 0
    return max(0, capacity - taken) // max(work.kept_bytes, 1)


def _check_weights(work: Work, baseline: BaselineSpec) -> None:
    capacity = baseline.memory_at(baseline.weights).capacity_bytes
    if capacity is not None and work.weight_bytes > capacity:
        raise DescriptionError(
            f"{work.weight_bytes} bytes of weights, memory.{baseline.weights} of baseline {baseline.name!r} "
            f"holds {capacity}: keep them in another memory (weights) or give a smaller network"
        )


def _sizes(network: Network) -> dict[str, int]:
    parts = [*network.sources, *network.populations]
    return {part.name: part.n for part in parts}


def _matrices(network: Network) -> Iterator[tuple[int, int, int]]:
    """(n_pre, n_post, n_synapses) of each projection."""
    if network.cores:
        raise DescriptionError(
            f"network {network.name!r}: {len(network.cores)} cores described directly, no clocked machine "
            "has such: give it as populations and projections"
        )
    sizes = _sizes(network)
    for projection in network.projections:
        yield sizes[projection.pre], sizes[projection.post], projection.n_synapses


def _update(population: Population) -> tuple[int, int, int]:
    """Variables of a neuron; multiplications, and additions and comparisons, of its update."""
    model: Any = population.model
    if isinstance(model, TrueNorth):
        return 1, 0, 3  # leak, sum, threshold
    has_current = model.tau_syn_s is not None if isinstance(model, LIF) else _has_current(model)
    return (2, 2, 3) if has_current else (1, 1, 2)  # decays; sums and threshold


def _has_current(model: LoihiCuba) -> bool:
    return bool((np.asarray(model.du) < NO_CURRENT).any())
