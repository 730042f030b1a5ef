"""One case of bench_speed.py: a network with its delays, all contestants in turns, and what comes out."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import workloads
from contestants import ENTRIES, Bound, Contestant, Entry, Ours, Peer, PlainC
from results import Row

BENCHMARK = "speed"
OURS = ENTRIES[0].name
MOST_TURNS = 40  # of runs that take SHORT_S together at most
SHORT_S = 0.4
DEFINED_TICKS = 200  # so many are checked against numpy, the rest against the C loop that stood this check


@dataclass(frozen=True)
class Terms:
    """How to measure."""

    contestants: list[str]  # names of ENTRIES
    ticks: int
    repetitions: int
    patience_s: float  # a contestant is not repeated a third time when its runs took longer in all
    clock: str  # of CLOCKS
    chip: str  # ours
    seed: int


@dataclass(frozen=True)
class Measured:
    """One contestant's outcome."""

    entry: Entry
    facts: dict[str, Any]
    n_ticks: int
    n_events: int
    run_s: tuple[float, ...]  # per repetition
    exact: bool | None  # every spike as the workload defines it; None: it simulates nothing

    @property
    def rates(self) -> list[float]:
        """M synaptic events per second, per repetition."""
        return [self.n_events / seconds / 1e6 for seconds in self.run_s]

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    @property
    def spread(self) -> str:
        return f"{min(self.rates):.3g}..{max(self.rates):.3g}"

    @property
    def exactness(self) -> str:
        """Whether its spikes are right, in a word."""
        return "none" if self.exact is None else "exact" if self.exact else "WRONG"

    @property
    def total_s(self) -> float | None:
        """From the arrays of a network to its spikes: describing, compiling, starting, running."""
        if self.entry.name == OURS:
            return float(self.facts["build_s"] + self.facts["compile_s"] + statistics.median(self.run_s))
        return self.facts.get("total_s")


@dataclass(frozen=True)
class Comparison:
    """How many times faster than a contestant we are."""

    against: str
    ratio: float
    worst: float
    best: float
    target: float | None

    @property
    def missed(self) -> bool:
        return self.target is not None and self.ratio < self.target

    @property
    def value(self) -> str:
        return f"{self.ratio:.3g} x" + (f" (target {self.target:g} x)" if self.target else "")


@dataclass(frozen=True)
class Case:
    """A network's outcome."""

    network: str
    delays: str
    measured: list[Measured]

    @property
    def label(self) -> str:
        return f"{self.network}, delay {self.delays}"

    @property
    def ours(self) -> Measured | None:
        return next((m for m in self.measured if m.entry.name == OURS), None)

    def comparisons(self) -> list[Comparison]:
        """Ours against each of the others, runs and totals."""
        ours, found = self.ours, []
        for m in self.measured:
            if ours is None or m is ours:
                continue
            name, target = m.entry.name, m.entry.ratio.get(self.delays)
            worst, best = min(ours.rates) / max(m.rates), max(ours.rates) / min(m.rates)
            found.append(Comparison(name, ours.median / m.median, worst, best, target))
            if ours.total_s is not None and m.total_s is not None:
                target, total = m.entry.total_ratio.get(self.network), m.total_s / ours.total_s
                found.append(Comparison(f"{name} with compiling", total, total, total, target))
        return found

    def failures(self) -> list[str]:
        """What a release must not have: a missed target, or wrong spikes."""
        wrong = [m.entry.name for m in self.measured if m.exact is False]
        return [f"{self.label}: {name}: spikes that the workload does not define" for name in wrong] + [
            f"{self.label}: {c.ratio:.3g} x {c.against}, target {c.target:g} x"
            for c in self.comparisons()
            if c.missed
        ]

    def rows(self) -> list[Row]:
        """Figures for RESULTS.md: everybody's rate, and how many times faster than each we are."""
        rates = [
            Row(
                BENCHMARK,
                f"{self.label}: {m.entry.name}: synaptic events per second",
                f"{m.median:.3g} M/s",
                f"{m.spread} M/s, {len(m.run_s)} runs of {m.n_ticks} ticks, spikes {m.exactness}",
            )
            for m in self.measured
        ]
        totals = [
            Row(
                BENCHMARK,
                f"{self.label}: {m.entry.name}: description, compiling and one run",
                f"{m.total_s:.3g} s",
            )
            for m in self.measured
            if m.total_s is not None
        ]
        ratios = [
            Row(BENCHMARK, f"{self.label}: {OURS} : {c.against}", c.value, f"{c.worst:.3g}..{c.best:.3g} x")
            for c in self.comparisons()
        ]
        return rates + totals + ratios


def measure(network: str, delays: str, terms: Terms, folder: Path) -> Case:
    """Builds all, takes the spikes in an untimed run each, then runs them in turns."""
    path = workloads.stored(folder, network, delays, terms.seed)
    workload = workloads.load(path)
    spikes = definition(workload, terms.ticks)
    entries = [
        entry
        for entry in ENTRIES
        if entry.name in terms.contestants and network in entry.networks and delays in entry.delays
    ]
    n_ticks = {entry.name: entry.n_ticks(network, terms.ticks) for entry in entries}
    built: dict[str, Contestant] = {}
    try:
        exact: dict[str, bool | None] = {}
        for entry in entries:
            print(f"{network}, delay {delays}: building {entry.name}", file=sys.stderr)
            contestant = built[entry.name] = enter(entry, workload, path, spikes, terms)
            found = contestant.spikes(n_ticks[entry.name])  # warms up, too
            wanted = spikes[spikes[:, 0] < n_ticks[entry.name]]
            exact[entry.name] = None if found is None else np.array_equal(found, wanted)
        run_s = take_turns(built, n_ticks, terms)
    finally:
        for contestant in built.values():
            contestant.close()
    per_tick = np.bincount(spikes[:, 0], np.diff(workload.indptr)[spikes[:, 1]], minlength=terms.ticks)
    measured = [
        Measured(
            entry,
            built[entry.name].facts,
            n_ticks[entry.name],
            int(per_tick[: n_ticks[entry.name]].sum()),
            tuple(run_s[entry.name]),
            exact[entry.name],
        )
        for entry in entries
    ]
    return Case(network, delays, measured)


def definition(workload: workloads.Recurrent, n_ticks: int) -> Any:
    """The workload's spikes: those of the C loop, which must be those of numpy as far as numpy is asked."""
    spikes = PlainC(workload).spikes(n_ticks)
    defined = workloads.simulate(workload, min(n_ticks, DEFINED_TICKS))
    same = np.array_equal(spikes[spikes[:, 0] < DEFINED_TICKS], defined)
    assert same, "roofline.c: `plain` does not do what workloads.simulate defines"
    return spikes


def enter(entry: Entry, workload: workloads.Recurrent, path: Path, spikes: Any, terms: Terms) -> Contestant:
    """Builds a contestant. Raises ContestantError or peers.PeersError."""
    if entry.script:
        return Peer(entry.script, path)
    if entry.name == OURS:
        return Ours(workload, terms.chip)
    return Bound(workload, spikes) if entry.name == "roofline" else PlainC(workload)


def take_turns(built: dict[str, Contestant], n_ticks: dict[str, int], terms: Terms) -> dict[str, list[float]]:
    """Seconds of each contestant's runs. In turns, so that a busy machine hurts all alike; runs of
    milliseconds go on until they add up to something."""
    run_s: dict[str, list[float]] = {name: [] for name in built}
    for turn in range(max(terms.repetitions, MOST_TURNS)):
        for name, contestant in built.items():
            spent_s = sum(run_s[name])
            wanted = turn < terms.repetitions and (turn < 2 or spent_s < terms.patience_s)
            if wanted or (turn < MOST_TURNS and spent_s < SHORT_S):
                run_s[name].append(contestant.run(n_ticks[name], terms.clock))
    for name, seconds in run_s.items():
        print(f"  {name}: {', '.join(f'{s:.3g}' for s in seconds)} s", file=sys.stderr)
    return run_s
