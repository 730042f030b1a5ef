"""The networks that TrueNorth was characterised with, as a deterministic stand-in.

Every neuron is driven by its leak alone and would fire at the rate asked for: what its synapses bring adds up
to nothing, half of them excite, half inhibit, equally strong. Its target is an axon of its own, anywhere on
the chip, and a delay of 1..15 ticks. What is spent on spikes, on their way and on synapses is that of a busy
chip; what the network computes is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.network import Network, TrueNorth

N = 256  # axons and neurons of a core
WEIGHT, LEAK = 2, 20
SILENT_ALPHA = 2**17  # of neurons without leak
MAX_ALPHA = TrueNorth.RANGES["alpha"][1]
MAX_DELAY = 15
N_PATTERNS = 8  # crossbars drawn synapse by synapse; every core has one of them with its axons shuffled


@dataclass(frozen=True, eq=False)
class Characterisation:
    """The network as arrays. Axons 0, 2, .. excite, 1, 3, .. inhibit. Every neuron resets linearly."""

    rows: NDArray[np.uint8]  # [n_cores, 256, 32] crossbar, bit j % 8 of byte j // 8: synapse onto neuron j
    leak: int
    alpha: int  # both thresholds, the negative one at -alpha
    v0: NDArray[np.int32]  # [n_cores, 256]
    target_core: NDArray[np.int32]  # [n_cores, 256]
    target_axon: NDArray[np.uint8]  # [n_cores, 256]
    delay: NDArray[np.uint8]  # [n_cores, 256] 1..15

    @property
    def n_cores(self) -> int:
        return len(self.rows)

    @cached_property
    def axon_types(self) -> NDArray[np.uint8]:
        """[256]"""
        return (np.arange(N) % 2).astype(np.uint8)

    def crossbar(self, core: int) -> NDArray[np.bool_]:
        """bool [256, 256] axon, neuron."""
        return np.unpackbits(self.rows[core], axis=1, bitorder="little").astype(np.bool_)


def alpha_of(rate_per_tick: float) -> int:
    """Threshold at which the leak alone makes a neuron fire at this rate, 0: never."""
    return round(LEAK / rate_per_tick) if rate_per_tick else SILENT_ALPHA


def described(n_cores: int, rate_per_tick: float, n_synapses: int, seed: int = 0) -> Characterisation:
    """Same seed, same targets and delays, whatever rate and synapses. n_synapses: of each neuron, 0..256."""
    rng = np.random.default_rng(seed)
    alpha = alpha_of(rate_per_tick)
    shape = n_cores, N
    target_core, target_axon = np.divmod(rng.permutation(n_cores * N).reshape(shape), N)
    delay = rng.integers(1, MAX_DELAY + 1, shape, dtype=np.uint8)
    v0 = (rng.random(shape) * alpha).astype(np.int32)  # neurons are out of step from the first tick on
    return Characterisation(
        rows=_crossbars(rng, n_cores, n_synapses),
        leak=LEAK if rate_per_tick else 0,
        alpha=alpha,
        v0=v0,
        target_core=target_core.astype(np.int32),
        target_axon=target_axon.astype(np.uint8),
        delay=delay,
    )


def network_of(
    given: Characterisation, tiles: Sequence[tuple[int, int]], *, record_spikes: bool = False
) -> Network:
    """Cores c0, c1, .. on these tiles."""
    network = Network("characterisation")
    neurons: dict[str, Any] = {"s": (WEIGHT, -WEIGHT, 0, 0), "leak": given.leak, "gamma": 1}
    for core, tile in enumerate(tiles):
        network.add_core(
            f"c{core}",
            given.crossbar(core),
            given.axon_types,
            TrueNorth(alpha=given.alpha, beta=given.alpha, v0=given.v0[core], **neurons),
            given.target_core[core],
            given.target_axon[core],
            given.delay[core],
            at=tile,
            record_spikes=record_spikes,
        )
    return network


def _crossbars(rng: np.random.Generator, n_cores: int, n_synapses: int) -> NDArray[np.uint8]:
    patterns = [np.packbits(_pattern(rng, n_synapses), axis=1, bitorder="little") for _ in range(N_PATTERNS)]
    rows = np.empty((n_cores, N, N // 8), dtype=np.uint8)
    for core in range(n_cores):
        for kind in (0, 1):
            rows[core, kind::2] = patterns[core % N_PATTERNS][2 * rng.permutation(N // 2) + kind]
    return rows


def _pattern(rng: np.random.Generator, n_synapses: int) -> NDArray[np.bool_]:
    """bool [256, 256]: n_synapses for each neuron, on axons at random; of an odd number one more excites."""
    pattern = np.zeros((N, N), dtype=np.bool_)
    for kind, n in ((0, -(-n_synapses // 2)), (1, n_synapses // 2)):
        pattern[kind::2] = rng.random((N // 2, N)).argsort(axis=0) < n  # ranks: a permutation per neuron
    return pattern
