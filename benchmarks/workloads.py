"""The networks of emulator/bench/recurrent.py as files, and what they have to do.

A workload travels between processes as one .npz file; `python benchmarks/workloads.py` writes it and prints
its activity over time, by a simulation in plain numpy.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from emulator.bench.recurrent import (
    DEFAULT_SEED,
    DELAYS,
    NETWORKS,
    WEIGHT_SHIFT,
    Ints,
    Recurrent,
    Shape,
    described,
    recurrent,
)

__all__ = [
    "DEFAULT_SEED",
    "DELAYS",
    "NETWORKS",
    "WEIGHT_SHIFT",
    "Ints",
    "Recurrent",
    "Shape",
    "described",
    "load",
    "recurrent",
    "save",
    "simulate",
    "stored",
]


def save(workload: Recurrent, path: Path) -> None:
    """Writes the .npz that `load` and the peers read."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    with os.fdopen(handle, "wb") as file:
        np.savez(file, **asdict(workload))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(path: Path) -> Recurrent:
    """Reads what `Recurrent.save` wrote."""
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    return Recurrent(**{**arrays, "vth_mant": int(arrays["vth_mant"])})


def stored(folder: Path, name: str, delays: str, seed: int = DEFAULT_SEED) -> Path:
    """The .npz of a network of NETWORKS with delays of DELAYS in `folder`; made if it is not there."""
    path = folder / f"{name}_{delays}_{seed}.npz"
    if not path.exists():
        save(recurrent(NETWORKS[name], DELAYS[delays], seed), path)
    return path


def simulate(workload: Recurrent, n_ticks: int) -> Ints:
    """Spikes int64 [n_spikes, 2] (tick, index), sorted: the workload's definition as a numpy loop."""
    threshold = workload.vth_mant << WEIGHT_SHIFT
    n, indptr = workload.n_compartments, workload.indptr
    delay_ticks = np.broadcast_to(workload.delay_ticks, workload.n_synapses)
    n_rows = int(workload.delay_ticks.max()) + 1
    v = workload.v0.astype(np.int64)
    arriving = np.zeros((n_rows, n), np.int64)  # row t % n_rows: what arrives in tick t
    spikes = []
    for tick in range(n_ticks):
        due = arriving[tick % n_rows]
        v += due + workload.bias_mant
        due[:] = 0
        fired = np.flatnonzero(v > threshold)
        v[fired] = 0
        rows = [slice(indptr[i], indptr[i + 1]) for i in fired]
        if rows:
            due_tick = tick + np.concatenate([delay_ticks[synapses] for synapses in rows]).astype(np.int64)
            target = np.concatenate([workload.target[synapses] for synapses in rows])
            weight = np.concatenate([workload.weight_mant[synapses] for synapses in rows])
            # Sums of integers below 2**53 are exact in bincount's float64.
            summed = np.bincount(due_tick % n_rows * n + target, weight, minlength=n_rows * n).astype(
                np.int64
            )
            arriving += summed.reshape(n_rows, n) << WEIGHT_SHIFT
        spikes.append(np.column_stack([np.full_like(fired, tick), fired]))
    return np.concatenate(spikes) if spikes else np.zeros((0, 2), np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--network", choices=NETWORKS, default="10k-100", help="compartments and fan-out (default 10k-100)")
    add("--delays", choices=DELAYS, default="1", help="ticks, uniform from 1 on (default 1)")
    add("--out", type=Path, help="write the workload to this .npz file")
    add("--ticks", type=int, default=2000, help="ticks to simulate (default 2000)")
    add("--seed", type=int, default=DEFAULT_SEED)
    arguments = parser.parse_args()
    workload = recurrent(NETWORKS[arguments.network], DELAYS[arguments.delays], arguments.seed)
    if arguments.out:
        save(workload, arguments.out)
    counts = np.bincount(simulate(workload, arguments.ticks)[:, 0], minlength=arguments.ticks)
    print(f"{workload.n_compartments} compartments, {workload.n_synapses} synapses")
    for part in np.array_split(np.arange(arguments.ticks), min(10, arguments.ticks)):
        share = 100 * counts[part].mean() / workload.n_compartments
        print(f"ticks {part[0]:5d}..{part[-1]:5d}: {share:.3f} % of the compartments fire per tick")


if __name__ == "__main__":
    main()
