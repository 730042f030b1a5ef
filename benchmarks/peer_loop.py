"""What all peer processes share: timed runs on request, one JSON line for each. Needs numpy only.

The benchmark starts `python peer_x.py workload.npz` and reads one line: {"versions": ..., "build_s": ...}.
Each line it then writes, {"n_ticks": 500, "clock": "wall", "spikes": null}, is a run from tick 0, answered by
{"run_s": ..., "n_spikes": ..., "facts": {...}}. With a path for "spikes", the run's spikes are also written
there (.npy, int64 [n, 2] tick, index) and its time means nothing. End of input ends the process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Workload = Mapping[str, Any]  # the arrays of workloads.Recurrent by name
Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


class Simulator(Protocol):
    """A built network."""

    facts: dict[str, float]  # what else there is to tell of the runs so far

    def run(self, n_ticks: int, clock: Clock, record: bool) -> tuple[float, int, Any]:
        """Runs from tick 0: seconds on `clock`, number of spikes, and the spikes [n, 2] if `record`."""


def serve(build: Callable[[Workload], Simulator], packages: tuple[str, ...]) -> None:
    """Builds the workload named on the command line and answers requests until the input ends."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("workload", type=Path, help=".npz file written by benchmarks/workloads.py")
    arguments = parser.parse_args()
    # The peers print progress on stdout, from C++ too: keep that descriptor for the answers alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    with np.load(arguments.workload) as data:
        workload = {name: data[name] for name in data.files}
    start = time.perf_counter()
    simulator = build(workload)
    answer(versions={package: version(package) for package in packages}, build_s=time.perf_counter() - start)
    for line in sys.stdin:
        request = json.loads(line)
        clock, record = CLOCKS[request["clock"]], request["spikes"] is not None
        run_s, n_spikes, spikes = simulator.run(request["n_ticks"], clock, record)
        if record:
            np.save(request["spikes"], np.asarray(spikes, dtype=np.int64).reshape(-1, 2))
        answer(run_s=run_s, n_spikes=n_spikes, facts=simulator.facts)
