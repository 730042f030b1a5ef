"""Bundles: synapses that may share a run, and the numbers of the network's parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import SIGN_MODE_ID
from emulator.compiler.ir import Quantised, QuantisedProjection
from emulator.network import Network

Ints = NDArray[np.integer]


class WeightFormat(NamedTuple):
    """Format of a synapse but for its index; sorts as the format table does."""

    w_exp: int
    weight_bits: int
    sign_mode: int  # SIGN_MODE_ID
    delay_bits: int
    on_sum: bool


@dataclass(frozen=True)
class Bundle:
    """Synapses of one format onto one population; within a list they are one run."""

    format: WeightFormat
    population: int  # index in Network.populations


def formats_of(projection: QuantisedProjection) -> tuple[WeightFormat, ...]:
    """The format of each of its exponents."""
    sign_mode = SIGN_MODE_ID[projection.sign_mode]
    return tuple(
        WeightFormat(w_exp, projection.weight_bits, sign_mode, projection.delay_bits, projection.on_sum)
        for w_exp in projection.w_exp
    )


def bundles_of(quantised: Quantised, network: Network) -> tuple[tuple[Bundle, ...], ...]:
    """The bundles of every projection, one for each of its exponents."""
    index = {population.name: i for i, population in enumerate(network.populations)}
    return tuple(
        tuple(
            Bundle(form, index[network.projections[projection.projection_id].post])
            for form in formats_of(projection)
        )
        for projection in quantised.projections
    )


def population_of(network: Network) -> Ints:
    """int32 [n_neurons]: index in Network.populations of every neuron."""
    sizes = [population.n for population in network.populations]
    return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


def owner_of(network: Network, sender: int) -> str:
    """A sender in the network's words: `population 'a' neuron 3`."""
    kinds = (("population", network.populations, "neuron"), ("source", network.sources, "input"))
    for kind, parts, member in kinds:
        for part in parts:
            if sender < part.n:
                return f"{kind} {part.name!r} {member} {sender}"
            sender -= part.n
    raise AssertionError(f"sender {sender} past the end of the network")
