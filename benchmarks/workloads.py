"""Fixed-seed workloads that every simulator of a comparison is given, value for value.

Needs numpy only. A workload travels between processes as one .npz file; `python benchmarks/workloads.py`
writes it and prints its activity over time, by a simulation in plain numpy.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]

DEFAULT_SEED = 7
WEIGHT_SHIFT = 6  # a mantissa of 1 and a threshold mantissa of 1 are both 64 units of v
MANTISSA_MAX = 16  # even, in mixed sign mode: +-2, +-4, .. +-16


@dataclass(frozen=True, eq=False)
class Recurrent:
    """One population, connected to itself at random; integrate-and-fire in Loihi's integers.

    Per tick: v += 64 * (sum of the mantissas that arrive) + bias; v > 64 * vth_mant: fire, v = 0. A spike of
    tick t arrives in tick t + 1. That is a Loihi compartment with du 4095, dv 0, refractory 1: the values
    of all the simulators compared are then whole numbers, so that all must give the same spikes.
    """

    indptr: Ints  # int64 [n + 1] synapses of compartment i: indptr[i] .. indptr[i + 1]
    target: Ints  # int32 [n_synapses] ascending within a row, never the row itself, none twice
    weight_mant: Ints  # int16 [n_synapses] even, -16..16
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

    def save(self, path: Path) -> None:
        """Writes the .npz that `load` and the peers read."""
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **asdict(self))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


def load(path: Path) -> Recurrent:
    """Reads what `Recurrent.save` wrote."""
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    return Recurrent(**{**arrays, "vth_mant": int(arrays["vth_mant"])})


def recurrent(
    n: int = 10_000, fan_out: int = 100, active: float = 0.01, seed: int = DEFAULT_SEED
) -> Recurrent:
    """Uniform random targets, balanced weights, and a bias that makes a share `active` fire in each tick.

    The bias of a compartment is within 20 % of `active` x threshold, its first v anywhere below the
    threshold: so they fire about every 1 / `active` ticks, out of step from the first tick on. The synapses
    add noise of about 10 % of the threshold per interval.
    """
    rng = np.random.default_rng(seed)
    vth_mant = 1000
    threshold = vth_mant << WEIGHT_SHIFT
    rows = np.arange(n, dtype=np.int32)[:, None]
    target = np.stack([rng.choice(n - 1, size=fan_out, replace=False, shuffle=False) for _ in range(n)])
    target = np.sort(target + (target >= rows), axis=1).astype(np.int32)
    magnitude = 2 * rng.integers(1, MANTISSA_MAX // 2 + 1, size=target.shape)
    sign = rng.choice([-1, 1], size=target.shape)
    low, high = round(0.8 * active * threshold), round(1.2 * active * threshold)
    return Recurrent(
        indptr=np.arange(n + 1, dtype=np.int64) * fan_out,
        target=target.ravel(),
        weight_mant=(sign * magnitude).astype(np.int16).ravel(),
        bias_mant=rng.integers(low, high + 1, size=n).astype(np.int16),
        v0=rng.integers(0, threshold, size=n).astype(np.int32),
        vth_mant=vth_mant,
    )


def simulate(workload: Recurrent, n_ticks: int) -> Ints:
    """Spikes int64 [n_spikes, 2] (tick, index), sorted: the workload's definition as a numpy loop."""
    threshold = workload.vth_mant << WEIGHT_SHIFT
    weight = workload.weight_mant.astype(np.int64) << WEIGHT_SHIFT
    v = workload.v0.astype(np.int64)
    arriving = np.zeros_like(v)
    spikes = []
    for tick in range(n_ticks):
        v += arriving + workload.bias_mant
        fired = np.flatnonzero(v > threshold)
        v[fired] = 0
        synapses = np.concatenate(
            [np.arange(workload.indptr[i], workload.indptr[i + 1]) for i in fired] or [fired]
        )
        # Sums of integers below 2**53 are exact in bincount's float64.
        summed = np.bincount(workload.target[synapses], weight[synapses], minlength=len(v))
        arriving = summed.astype(np.int64)
        spikes.append(np.column_stack([np.full_like(fired, tick), fired]))
    return np.concatenate(spikes) if spikes else np.zeros((0, 2), np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the workload to this .npz file")
    parser.add_argument("--ticks", type=int, default=2000, help="ticks to simulate (default 2000)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    arguments = parser.parse_args()
    workload = recurrent(seed=arguments.seed)
    if arguments.out:
        workload.save(arguments.out)
    counts = np.bincount(simulate(workload, arguments.ticks)[:, 0], minlength=arguments.ticks)
    print(f"{workload.n_compartments} compartments, {workload.n_synapses} synapses")
    for part in np.array_split(np.arange(arguments.ticks), 10):
        share = 100 * counts[part].mean() / workload.n_compartments
        print(f"ticks {part[0]:5d}..{part[-1]:5d}: {share:.3f} % of the compartments fire per tick")


if __name__ == "__main__":
    main()
