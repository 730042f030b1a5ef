"""The mesh alone in two ways: in sweeps over its channels, and as an event loop.

Uniform traffic, each packet at an instant of its own, offered at a share of what the middle of the mesh can
take at most; round robin, hop : cycle : credit = 3 : 1 : 2. Packet-hops are pushes and grants of links, per
second of processor time in the compiled block; the ways take turns, and the best of the repetitions counts.
Beside it: in how many windows of time one sweep was enough, sweeps per window, and what was computed for each
push and grant that there is. "Taken" is the way that `run_mesh` chooses.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from figures import Figure, Options, Outcome, main_of

import emulator as em
from emulator.engine import blocks, native_mesh, sweep

SEED = 1
N_HOPS = 4_000_000
QUICK_HOPS = 1_000_000
LOADS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6)
SIDES = (8, 32, 64)
DEPTHS = (4, 8, 16)
QUICK = ((8, 32), (4,), (0.05, 0.2, 0.4))
RESULTS = ("push_ps", "arrive_ps", "link_counts", "occupancy_max", "stall_ps")


@dataclass(frozen=True)
class Measured:
    """One way through one workload."""

    results: dict[str, Any]
    facts: dict[str, int]
    seconds: float  # of the blocks


def measure(options: Options) -> Outcome:
    """Packet-hops per second of both ways at each size, depth and load."""
    sides, depths, loads = QUICK if options.quick else (SIDES, DEPTHS, LOADS)
    figures, failures = [], []
    for side in sides:
        for depth in depths:
            for load in loads:
                label = f"{side}x{side}, depth {depth}, load {load:.0%}"
                print(label, file=sys.stderr)
                chip = _chip(side, depth)
                packets = _uniform(chip, load, QUICK_HOPS if options.quick else N_HOPS)
                best: dict[str, Measured] = {}
                for _ in range(options.repetitions):
                    for path in sweep.PATHS:
                        one = _run(chip, packets, path)
                        if path not in best or one.seconds < best[path].seconds:
                            best[path] = one
                figures += _figures(label, best)
                failures += [
                    f"{label}: {name} differs"
                    for name in RESULTS
                    if not np.array_equal(best["sweep"].results[name], best["loop"].results[name])
                ]
    return figures, failures


def _figures(label: str, best: dict[str, Measured]) -> list[Figure]:
    facts = best["sweep"].facts
    windows = facts["windows"]
    how = (
        f"{facts['windows_of_one_sweep'] / windows:.0%} of {windows} windows done in one sweep, "
        f"{facts['sweeps'] / windows:.2f} sweeps a window, "
        f"{facts['n_computed'] / facts['n_kept']:.2f} computed for one"
    )
    rates = {
        path: (one.results["link_counts"].sum() + len(one.results["push_ps"])) / one.seconds / 1e6
        for path, one in best.items()
    }
    taken = best["auto"].facts
    way = "sweeps" if taken["n_kept"] == facts["n_kept"] else f"loop, after {taken['windows']} windows"
    return [
        Figure(f"{label}: sweeps", rates["sweep"], "M packet-hops/s", spread=how),
        Figure(f"{label}: event loop", rates["loop"], "M packet-hops/s"),
        Figure(f"{label}: taken", rates["auto"], "M packet-hops/s", spread=way),
        Figure(f"{label}: sweeps : event loop", rates["sweep"] / rates["loop"], "x"),
    ]


def _chip(side: int, depth: int) -> em.ChipSpec:
    mesh = {"width": side, "height": side, "fifo_depth": depth, "arbiter": "round_robin"}
    mesh |= {"inject_ps": 2, "hop_ps": {"ew": 3, "ns": 3}, "eject_ps": 3, "cycle_ps": 1, "credit_ps": 2}
    return em.load_chip("tiny").replace({f"mesh.{key}": value for key, value in mesh.items()})


def _uniform(chip: em.ChipSpec, load: float, n_hops: int) -> tuple[Any, Any, Any]:
    """About n_hops grants of links; load: share of the bandwidth of the links between the two halves."""
    side = chip.mesh.width
    n = round(n_hops / (2 * side / 3))
    span_ps = n / (load * 4 / side * chip.n_tiles)  # cycle_ps is 1
    rng = np.random.default_rng(SEED)
    src, dst = rng.integers(0, chip.n_tiles, (2, n), dtype=np.int32)
    return rng.integers(0, round(span_ps) + 1, n), src, dst


def _run(chip: em.ChipSpec, packets: tuple[Any, Any, Any], path: str) -> Measured:
    facts = np.zeros(len(sweep.FACTS), dtype=np.int64)
    with _clocked() as seconds:
        results = native_mesh.run_mesh(chip, *packets, path=path, facts=facts)
    return Measured(results, dict(zip(sweep.FACTS, facts.tolist(), strict=True)), sum(seconds))


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """Processor time of the calls of the two blocks: sorting packets for them takes as long either way."""
    seconds: list[float] = []
    blocks_before = blocks.mesh, blocks.sweep

    class Clocked:
        def __init__(self, block: Any):
            self.block = block

        def __getattr__(self, name: str) -> Any:
            value = getattr(self.block, name)
            if not callable(value):
                return value

            def call(*arguments: Any) -> Any:
                start = time.process_time()
                try:
                    return value(*arguments)
                finally:
                    seconds.append(time.process_time() - start)

            return call

    blocks.mesh, blocks.sweep = (Clocked(block) for block in blocks_before)
    try:
        yield seconds
    finally:
        blocks.mesh, blocks.sweep = blocks_before


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
