"""Does a full TrueNorth chip run in real time, 1,000 ticks a second? 64 x 64 cores, 2**20 neurons.

The networks are those of `spikemesh bench characterisation`: 20 Hz and 128 synapses on each neuron, and 200
Hz and 256. All events are counted, by tick, core and population; timing is off, as no tick depends on it.
Ticks per second are of wall time, from a state in which all delays have run in, without what a run costs once
however long it is: the time of a run of one tick is taken off, and shown. Spikes are counted, and kept only
where it is said. One thread and two take turns; their records have to be equal.

Beside it, on 64 such cores and one thread each, in turns: ours; the plain loops over cores, neurons and axons
of crossbar_loop.c, an unoptimised simulator of the kind of RANC's; and a batched product of numpy. Spikes and
synaptic operations of all three have to be equal. RANC's own figure is quoted: 2,097 core-ticks a second on a
like machine, at 20 Hz and 128 synapses.

Describing and compiling the chip is measured in a process of its own. With --quick 32 x 32 cores.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from contestants import ContestantError
from crossbars import CrossbarLoop, NumpyProduct, OurCores, em, network, program_of
from figures import Figure, Options, Outcome, main_of
from numpy.typing import NDArray

from emulator.record import first_difference

SIDE, QUICK_SIDE, PEER_SIDE = 64, 32, 8
REAL_TIME = 1000.0  # ticks a second
RANC_CORE_TICKS_PER_S = 2097.0  # quoted: its simulator, built with -O3, one thread, 64 cores
LOADING_S, LOADING_GB = 60.0, 4.0
RUNNING_IN = 15  # the longest delay
CHECKED_TICKS = 100


@dataclass(frozen=True)
class Load:
    """A network, and for how many ticks it is run by whom."""

    rate_hz: float
    n_synapses: int
    n_ticks: int  # of the whole chip
    own_ticks: int  # of 64 cores
    loop_ticks: int
    numpy_ticks: int
    target: float | None = None  # ticks a second of the whole chip, two threads
    kept: bool = False  # measured with spikes kept, too

    @property
    def name(self) -> str:
        return f"{self.rate_hz:g} Hz, {self.n_synapses} synapses"


LIGHT = Load(20.0, 128, 1000, 2000, 100, 500, target=REAL_TIME, kept=True)
BUSY = Load(200.0, 256, 200, 500, 100, 500)


@dataclass(frozen=True)
class Rates:
    """Of one number of threads."""

    per_s: list[float]  # ticks a second, per repetition
    once_s: float  # a run of one tick
    result: em.Result

    @property
    def median(self) -> float:
        return statistics.median(self.per_s)

    @property
    def spread(self) -> str:
        return f"{min(self.per_s):.3g}..{max(self.per_s):.3g}, {len(self.per_s)} runs"


def measure(options: Options) -> Outcome:
    side = QUICK_SIDE if options.quick else SIDE
    # first: a process begins with the peak of the one that starts it
    figures, failures = _loading(side, LIGHT), []
    for load in (LIGHT, BUSY):
        print(f"{load.name}: {side} x {side} cores", file=sys.stderr)
        whole, one, failed = _whole(side, load, options.repetitions)
        print(f"{load.name}: {PEER_SIDE} x {PEER_SIDE} cores", file=sys.stderr)
        beside, wrong = _beside(load, one * side**2, f"{side} x {side}", options.repetitions)
        figures += [*whole, *beside]
        failures += [*failed, *wrong]
    return figures, failures


def _loading(side: int, load: Load) -> list[Figure]:
    print(f"{load.name}: loading", file=sys.stderr)
    command = [sys.executable, __file__, "--load", str(side)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ContestantError(f"loading ended with {done.returncode} (see above)")
    found = json.loads(done.stdout)
    label = f"{side} x {side} cores, {load.name}"
    return [
        Figure(
            f"{label}: describing and compiling",
            found["describe_s"] + found["compile_s"],
            "s",
            at_most=LOADING_S,
            spread=f"{found['describe_s']:.3g} s and {found['compile_s']:.3g} s, 1 run",
        ),
        Figure(f"{label}: peak memory of that", found["peak_gb"], "GB", at_most=LOADING_GB),
    ]


def _load(side: int) -> dict[str, float]:
    """What loading takes, measured in this process."""
    from emulator.bench.characterisation import tiles_of
    from emulator.bench.characterisation_network import network_of

    given, chip = network(side, LIGHT.rate_hz, LIGHT.n_synapses), em.load_chip("truenorth")
    start = time.perf_counter()
    described = network_of(given, tiles_of(chip, side))
    between = time.perf_counter()
    program = em.compile(described, chip, seed=0)
    end = time.perf_counter()
    assert program.image.n_cores == side**2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"describe_s": between - start, "compile_s": end - between, "peak_gb": peak / 1e9}


def _whole(side: int, load: Load, repetitions: int) -> tuple[list[Figure], float, list[str]]:
    """Figures, ticks a second on one thread, and what is wrong."""
    given = network(side, load.rate_hz, load.n_synapses)
    program = program_of(given, record_spikes=False)
    one, two = _in_turns(program, load.n_ticks, (1, 2), repetitions)
    difference = first_difference(one.result.record, two.result.record)
    label = f"{side} x {side} cores, {load.name}"
    failures = [f"{label}: two threads give another record than one: {difference}"] if difference else []
    counts = two.result.counts
    target = load.target if side == SIDE else None
    rate_hz = 1000 * counts["spikes"] / two.result.n_ticks / (side**2 * 256)
    operations = counts["synaptic_ops"] / two.result.n_ticks
    what = f"measured: {rate_hz:.3g} Hz, {operations / 1e6:.3g} M synaptic operations a tick"
    figures = [
        Figure(f"{label}: one thread", one.median, "ticks/s", spread=one.spread),
        Figure(f"{label}: two threads", two.median, "ticks/s", at_least=target, spread=two.spread),
        Figure(f"{label}: two threads, core-ticks", two.median * side**2 / 1e6, "M/s"),
        Figure(
            f"{label}: two threads, synaptic operations", two.median * operations / 1e9, "G/s", spread=what
        ),
        Figure(f"{label}: what a run costs once", two.once_s, "s", spread="a run of one tick, two threads"),
    ]
    if load.kept:
        program = program_of(given, record_spikes=True)
        (kept,) = _in_turns(program, load.n_ticks, (2,), repetitions)
        figures.append(
            Figure(f"{label}: two threads, spikes kept", kept.median, "ticks/s", spread=kept.spread)
        )
    return figures, one.median, failures


def _in_turns(program: em.Program, n_ticks: int, threads: tuple[int, ...], repetitions: int) -> list[Rates]:
    state = em.run(program, RUNNING_IN, timing=False).state
    rates: list[list[float]] = [[] for _ in threads]
    once: list[list[float]] = [[] for _ in threads]
    results: list[Any] = [None] * len(threads)

    def seconds(n: int, place: int) -> float:
        start = time.perf_counter()
        results[place] = em.run(program, n, timing=False, threads=threads[place], state=state)
        return time.perf_counter() - start

    for place in range(len(threads)):
        seconds(1, place)  # arranges the cores for so many threads: kept with the program
    for _ in range(repetitions):
        for place in range(len(threads)):
            once[place].append(seconds(1, place))
            # with the cheapest of the short runs: a slow one would flatter the rate
            rates[place].append(n_ticks / (seconds(n_ticks + 1, place) - min(once[place])))
    return [
        Rates(per_s, statistics.median(once_s), result)
        for per_s, once_s, result in zip(rates, once, results, strict=True)
    ]


def _beside(load: Load, whole: float, size: str, repetitions: int) -> tuple[list[Figure], list[str]]:
    """64 cores by all contestants. whole: core-ticks a second of the chip on one thread."""
    given = network(PEER_SIDE, load.rate_hz, load.n_synapses)
    label = f"{PEER_SIDE} x {PEER_SIDE} cores, {load.name}"
    ours, loop, product = OurCores(given), CrossbarLoop(given), NumpyProduct(given)
    contestants = {"ours": ours, "plain C loop": loop, "numpy product": product}
    n_ticks = dict(zip(contestants, (load.own_ticks, load.loop_ticks, load.numpy_ticks), strict=True))
    try:
        failures = _disagreements(contestants, label)
        rates: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(repetitions):
            for name, contestant in contestants.items():
                seconds = contestant.run(n_ticks[name], "wall")
                rates[name].append(PEER_SIDE**2 * n_ticks[name] / seconds)
    finally:
        for contestant in contestants.values():
            contestant.close()
    median = {name: statistics.median(values) for name, values in rates.items()}
    figures = []
    for name, values in rates.items():
        low, high = min(values) / 1e3, max(values) / 1e3
        spread = f"{low:.3g}..{high:.3g}, {len(values)} runs of {n_ticks[name]} ticks"
        figures.append(Figure(f"{label}: {name}", median[name] / 1e3, "k core-ticks/s", spread=spread))
    for name in ("plain C loop", "numpy product"):
        slowest, fastest = min(rates["ours"]) / max(rates[name]), max(rates["ours"]) / min(rates[name])
        ratio, spread = median["ours"] / median[name], f"{slowest:.3g}..{fastest:.3g}"
        figures.append(Figure(f"{label}: ours : {name}", ratio, "x", spread=spread))
        ratio = whole / median[name]
        figures.append(Figure(f"{label}: ours on {size} cores : {name}", ratio, "x", spread="one thread"))
    if load is LIGHT:
        figures.append(
            Figure(
                f"{size} cores, {load.name}: one thread : RANC as quoted", whole / RANC_CORE_TICKS_PER_S, "x"
            )
        )
    return figures, failures


def _disagreements(contestants: dict[str, Any], label: str) -> list[str]:
    """Who has other spikes, or other synaptic operations, than ours."""
    answers: dict[str, tuple[NDArray[np.int64], int]] = {
        name: contestant.answers(CHECKED_TICKS) for name, contestant in contestants.items()
    }
    spikes, operations = answers.pop("ours")
    assert len(spikes) and operations, "a silent network shows nothing"
    return [
        f"{label}: {name} has other spikes or synaptic operations than ours"
        for name, (others, other_operations) in answers.items()
        if not np.array_equal(spikes, others) or operations != other_operations
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(_load(int(sys.argv[2]))))
    else:
        sys.exit(main_of(__doc__, measure, sys.argv[1:]))
