"""How much faster are two threads than one? The 50 k network at 10 Hz, 1,000 ticks of 1 ms.

50 M synapses (workloads.py; with --quick the 10 M of the 10 k network) with delays of 1 tick and of 1 to 16
ticks. One thread and two take turns on the same program; the time is that of the whole `run` call but for
arranging the synapses, which the runs before it have done. The records have to be equal, bit for bit.

How much a second processor gives at all is measured beside it: two runs on one thread each, at once, that
have nothing to do with each other. Where machines share a host's processors it may be next to nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import workloads
from contestants import Ours
from figures import Figure, Options, Outcome, main_of
from results import workload_folder

TICKS = 1000
TARGET = 1.6


def measure(options: Options) -> Outcome:
    """Seconds on one thread and on two."""
    name = "10k-1000" if options.quick else "50k-1000"
    from emulator.record import first_difference

    figures, failures = [], []
    for delays in workloads.DELAYS:
        label = f"{name}, delay {delays}"
        with workload_folder() as folder:
            workload = workloads.load(workloads.stored(folder, name, delays))
        print(f"{label}: compiling", file=sys.stderr)
        ours = Ours(workload)
        one, two = ours.result(TICKS), ours.result(TICKS, threads=2)  # warms up, too
        difference = first_difference(one.record, two.record)
        if difference:
            failures.append(f"{label}: two threads give another record than one: {difference}")
        seconds = [(_seconds(ours, 1), _apart(ours), _seconds(ours, 2)) for _ in range(options.repetitions)]
        alone, apart, together = (statistics.median(column) for column in zip(*seconds, strict=True))
        ratios = [first / last for first, _, last in seconds]
        given = [2 * first / both for first, both, _ in seconds]
        figures += [
            Figure(f"{label}: one thread", alone, "s"),
            Figure(f"{label}: two runs at once, one thread each", apart, "s"),
            Figure(f"{label}: two threads", together, "s"),
            Figure(
                f"{label}: what the machine gives two runs", 2 * alone / apart, "x", spread=_spread(given)
            ),
            Figure(
                f"{label}: two threads : one", alone / together, "x", at_least=TARGET, spread=_spread(ratios)
            ),
        ]
    return figures, failures


def _spread(ratios: list[float]) -> str:
    return f"{min(ratios):.3g}..{max(ratios):.3g} x, {len(ratios)} runs of {TICKS} ticks"


def _apart(ours: Ours) -> float:
    """Seconds that two independent runs take side by side: they share the program, and no lock."""
    with ThreadPoolExecutor(2) as pool:
        start = time.perf_counter()
        for run in [pool.submit(ours.result, TICKS) for _ in range(2)]:
            run.result()
        return time.perf_counter() - start


def _seconds(ours: Ours, threads: int) -> float:
    ours.result(1, threads=threads)  # arranges the synapses for so many threads: kept for the next run
    start = time.perf_counter()
    ours.result(TICKS, threads=threads)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
