"""Recurrent networks of a fixed seed, to measure speed on: their arrays, and as networks of ours.

The arrays are what every simulator of a comparison is given, value for value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.network import LoihiCuba, LoihiSynapse, Network, Triplets

Ints = NDArray[np.integer[Any]]

DEFAULT_SEED = 7
WEIGHT_SHIFT = 6  # a mantissa of 1 and a threshold mantissa of 1 are both 64 units of v
MANTISSA_MAX = 16  # even, in mixed sign mode: +-2, +-4, .. +-16
VTH_MANT = 1000


@dataclass(frozen=True)
class Shape:
    """Size and activity of a recurrent network. At ticks of 1 ms, an `active` of 0.01 is 10 Hz."""

    n: int  # compartments
    fan_out: int
    active: float = 0.01  # share of the compartments that fires in a tick


NETWORKS = {
    "1k-100": Shape(1_000, 100),
    "10k-100": Shape(10_000, 100),
    "10k-1000": Shape(10_000, 1_000),
    "50k-1000": Shape(50_000, 1_000),
    "200k-100": Shape(200_000, 100, active=0.001),
}
DELAYS = {"1": 1, "1-16": 16}  # name -> longest; delays are uniform from 1 tick on


@dataclass(frozen=True, eq=False)
class Recurrent:
    """One population, connected to itself at random; integrate-and-fire in Loihi's integers.

    Per tick: v += 64 * (sum of the mantissas that arrive) + bias; v > 64 * vth_mant: fire, v = 0. A spike of
    tick t arrives in tick t + delay. That is a Loihi compartment with du 4095, dv 0, refractory 1: the values
    of all the simulators compared are then whole numbers, so that all must give the same spikes.
    """

    indptr: Ints  # int64 [n + 1] synapses of compartment i: indptr[i] .. indptr[i + 1]
    target: Ints  # int32 [n_synapses] ascending within a row, never the row itself, none twice
    weight_mant: Ints  # int16 [n_synapses] even, -16..16
    delay_ticks: Ints  # uint8 [n_synapses], or [1] if all are the same
    bias_mant: Ints  # int16 [n] units of v per tick
    v0: Ints  # int32 [n] 0 .. 64 * vth_mant
    vth_mant: int

    @property
    def n_compartments(self) -> int:
        return len(self.bias_mant)

    @property
    def n_synapses(self) -> int:
        return len(self.target)

    @property
    def pre(self) -> Ints:
        """int32 [n_synapses]: the compartment each synapse comes from."""
        return np.repeat(np.arange(self.n_compartments, dtype=np.int32), np.diff(self.indptr))

    def n_events(self, spike_index: Ints) -> int:
        """Synaptic events that spikes of these compartments cause: the sum of their fan-outs."""
        return int(np.diff(self.indptr)[spike_index].sum())

    def at_activity(self, active: float, seed: int = DEFAULT_SEED) -> Recurrent:
        """The same synapses with biases that make another share of the compartments fire in each tick."""
        return replace(self, bias_mant=_bias(np.random.default_rng(seed), self.n_compartments, active))


def recurrent(shape: Shape, longest_delay: int = 1, seed: int = DEFAULT_SEED) -> Recurrent:
    """Uniform random targets and delays, balanced weights, and biases that keep a share of `shape` active.

    The bias of a compartment is within 20 % of `active` x threshold, its first v anywhere below the
    threshold: so they fire about every 1 / `active` ticks, out of step from the first tick on. The synapses
    add noise: at a fan-out of 100 about 10 % of the threshold per interval, at 1,000 about 30 %.
    """
    rng = np.random.default_rng(seed)
    n, n_synapses = shape.n, shape.n * shape.fan_out
    magnitude = 2 * rng.integers(1, MANTISSA_MAX // 2 + 1, size=n_synapses, dtype=np.int16)
    negative = rng.integers(0, 2, size=n_synapses, dtype=np.bool_)
    return Recurrent(
        indptr=np.arange(n + 1, dtype=np.int64) * shape.fan_out,
        target=_targets(rng, n, shape.fan_out).ravel(),
        weight_mant=np.negative(magnitude, out=magnitude, where=negative),
        bias_mant=_bias(rng, n, shape.active),
        v0=rng.integers(0, VTH_MANT << WEIGHT_SHIFT, size=n, dtype=np.int32),
        vth_mant=VTH_MANT,
        delay_ticks=rng.integers(
            1, longest_delay + 1, size=n_synapses if longest_delay > 1 else 1, dtype=np.uint8
        ),
    )


def _bias(rng: np.random.Generator, n: int, active: float) -> Ints:
    """int16 [n]: within 20 % of `active` x threshold."""
    threshold = VTH_MANT << WEIGHT_SHIFT
    low, high = round(0.8 * active * threshold), round(1.2 * active * threshold)
    return rng.integers(low, high + 1, size=n, dtype=np.int16)


def _targets(rng: np.random.Generator, n: int, fan_out: int) -> Ints:
    """int32 [n, fan_out]: uniform random targets, ascending, never the row itself, none twice.

    All rows at once: what is drawn twice within a row is drawn again, until nothing is. No value is
    preferred by that, so the sets are uniform.
    """
    assert fan_out < n, (fan_out, n)
    target = np.sort(rng.integers(0, n - 1, size=(n, fan_out), dtype=np.int32), axis=1)
    rows = np.arange(n)
    while len(rows):
        again = np.zeros((len(rows), fan_out), np.bool_)
        again[:, 1:] = target[rows, 1:] == target[rows, :-1]
        repeated = again.any(axis=1)
        rows, again = rows[repeated], again[repeated]
        drawn = target[rows]
        drawn[again] = rng.integers(0, n - 1, size=int(again.sum()), dtype=np.int32)
        target[rows] = np.sort(drawn, axis=1)
    target += target >= np.arange(n, dtype=np.int32)[:, None]
    return target


def described(workload: Recurrent, pre: Ints | None = None) -> Network:
    """The workload as a network. pre: workload.pre, where the caller has it already."""
    network = Network("recurrent")
    model = LoihiCuba(
        du=4095,
        dv=0,
        vth_mant=workload.vth_mant,
        bias_mant=workload.bias_mant,
        bias_exp=0,
        refractory=1,
        ds_offset=1,
    )
    cells = network.add_population("cells", workload.n_compartments, model, v0=workload.v0)
    mixed = len(workload.delay_ticks) > 1
    synapses = Triplets(
        workload.pre if pre is None else pre,
        workload.target,
        workload.weight_mant,
        workload.delay_ticks if mixed else int(workload.delay_ticks[0]),
    )
    network.connect(cells, cells, weights=synapses, synapse=LoihiSynapse(w_exp=0, weight_bits=8))
    return network
