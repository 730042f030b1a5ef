"""Does the cost of a tick grow with the spikes? The 50 k network at 10 Hz and at 1 Hz, ticks of 1 ms.

The same 50 M synapses (workloads.py; with --quick the 10 M of the 10 k network), biases for 1 % and for 0.1 %
of the compartments in each tick, 1,000 ticks. Both take turns; the time is that of the whole `run` call.
"""

from __future__ import annotations

import statistics
import sys

import numpy as np
import workloads
from contestants import Ours, PlainC
from figures import Figure, Options, Outcome, main_of
from results import workload_folder

TICKS = 1000
SHARE = 0.1  # of the activity
TARGET = 0.25  # of the time


def measure(options: Options) -> Outcome:
    """Time per tick at both activities."""
    name = "10k-1000" if options.quick else "50k-1000"
    with workload_folder() as folder:
        busy = workloads.load(workloads.stored(folder, name, "1"))
    quiet = busy.at_activity(workloads.NETWORKS[name].active * SHARE)
    ours, failures = [], []
    for label, workload in (("busy", busy), ("quiet", quiet)):
        print(f"{name}, {label}: compiling", file=sys.stderr)
        ours.append(Ours(workload))
        if not np.array_equal(ours[-1].spikes(TICKS), PlainC(workload).spikes(TICKS)):
            failures.append(f"{name}, {label}: spikes that the workload does not define")
    us = [[1e6 * one.run(TICKS, "wall") / TICKS for one in ours] for _ in range(options.repetitions)]
    (busy_us, quiet_us), ratios = np.transpose(us), [quiet_s / busy_s for busy_s, quiet_s in us]
    return [
        Figure(f"{name}, 10 Hz: a tick", statistics.median(busy_us), "us", spread=_spread(busy_us)),
        Figure(f"{name}, 1 Hz: a tick", statistics.median(quiet_us), "us", spread=_spread(quiet_us)),
        Figure(
            f"{name}: a tick at 1 Hz : a tick at 10 Hz",
            statistics.median(quiet_us) / statistics.median(busy_us),
            "x",
            at_most=TARGET,
            spread=f"{min(ratios):.3g}..{max(ratios):.3g} x",
        ),
    ], failures


def _spread(values: list[float]) -> str:
    return f"{min(values):.4g}..{max(values):.4g} us, {len(values)} runs of {TICKS} ticks"


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
