"""The network that the claims about energy are measured on: layers of integrators, whole numbers throughout.

Each neuron adds up what comes in, fires when the sum reaches its threshold and starts again from 0. A
threshold is what all inputs together bring, so every layer fires at the rate of the inputs, up to one spike
per neuron and tick. Nothing is rounded anywhere: on Loihi, on TrueNorth and on a clocked machine the same
neurons fire in the same ticks, which `clocked_spikes` proves. Initial potentials are drawn, so that neurons
are out of step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler import compile
from emulator.network import LoihiCuba, Network, TrueNorth
from emulator.network.models import Model
from emulator.program import Program

WEIGHT = 2  # of every synapse; even, as weights of either sign are stored on Loihi
UNIT = 64  # of Loihi's voltages: a weight of 1 adds so much, a threshold mantissa of 1 is so much
SOURCE = "inputs"


@dataclass(frozen=True)
class Layers:
    """Sizes of the network. density: share of the weights of a layer that are not 0."""

    depth: int = 3
    width: int = 256
    density: float = 1.0
    seed: int = 0

    @property
    def names(self) -> list[str]:
        return [f"layer {number}" for number in range(1, self.depth + 1)]

    @property
    def n_neurons(self) -> int:
        return self.depth * self.width

    @property
    def n_senders(self) -> int:
        """Neurons and inputs."""
        return self.n_neurons + self.width

    @cached_property
    def matrices(self) -> list[NDArray[np.int64]]:
        """Per layer int64 [width, width] weights, each column with the same number of synapses."""
        rng = np.random.default_rng(self.seed)
        ranks = [rng.random((self.width, self.width)).argsort(axis=0).argsort(axis=0) for _ in self.names]
        return [WEIGHT * (rank < self.fan_in).astype(np.int64) for rank in ranks]

    @cached_property
    def v0(self) -> list[NDArray[np.int64]]:
        """Per layer int64 [width] initial potentials, multiples of WEIGHT below the threshold."""
        rng = np.random.default_rng((self.seed, 1))
        return [WEIGHT * rng.integers(0, self.fan_in, self.width) for _ in self.names]

    @property
    def fan_in(self) -> int:
        return max(1, round(self.density * self.width))

    @property
    def threshold(self) -> int:
        return WEIGHT * self.fan_in


STANDARD = Layers()


def network_of(layers: Layers, model: str) -> Network:
    """The network for cores of `model`, "cuba" or "truenorth"."""
    network = Network("layers")
    network.add_source(SOURCE, layers.width)
    before = SOURCE
    for name, weights, v0 in zip(layers.names, layers.matrices, layers.v0, strict=True):
        last = name == layers.names[-1]
        neurons: Model = TrueNorth(alpha=layers.threshold)
        if model != "truenorth":
            neurons = LoihiCuba(vth_mant=layers.threshold - 1)  # fires above vth, not at it
            v0 = UNIT * v0
        network.add_population(name, layers.width, neurons, v0=v0, to_host=last, record_spikes=False)
        network.connect(before, name, weights)
        before = name
    return network


def compiled(layers: Layers, chip: ChipSpec) -> Program:
    """On chips that take a mapping each layer is on a tile of its own, spread over the mesh, so that spikes
    have a way to go; crossbar cores are placed by the compiler."""
    network = network_of(layers, chip.cores.model)
    if chip.cores.model == "truenorth":
        return compile(network, chip)
    per_tile, n_tiles = chip.cores.per_tile, chip.n_tiles
    tiles = [place * n_tiles // layers.depth for place in range(layers.depth)]
    mapping = {
        name: np.full(layers.width, tile * per_tile, dtype=np.int64)
        for name, tile in zip(layers.names, tiles, strict=True)
    }
    return compile(network, chip, mapping=mapping)


def raster_of(layers: Layers, probability: float, n_ticks: int) -> NDArray[np.bool_]:
    """bool [n_ticks, width] spikes of the inputs, drawn; more of the same ones at a higher probability."""
    rng = np.random.default_rng((layers.seed, 2))
    drawn: NDArray[np.bool_] = rng.random((n_ticks, layers.width), dtype=np.float32) < probability
    return drawn


def clocked_spikes(layers: Layers, raster: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [n_ticks, depth] spikes of the layers, by a dense evaluation of every neuron in every tick."""
    n_ticks = len(raster)
    counted = np.zeros((n_ticks, layers.depth), dtype=np.int64)
    inputs = raster.astype(np.float64)  # whole numbers far below 2**53: products are exact
    for number, (weights, v0) in enumerate(zip(layers.matrices, layers.v0, strict=True)):
        sums = np.zeros((n_ticks, layers.width))
        sums[1:] = inputs[:-1] @ weights.astype(np.float64)  # what is sent in a tick is felt in the next
        v, fired = v0.astype(np.float64), np.zeros((n_ticks, layers.width))
        for tick in range(n_ticks):
            v += sums[tick]
            fires = v >= layers.threshold
            v[fires] = 0
            fired[tick] = fires
        counted[:, number] = fired.sum(axis=1)
        inputs = fired
    return counted
