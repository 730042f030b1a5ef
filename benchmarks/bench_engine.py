"""How many synaptic events per second does the native engine do, next to its peers?

A recurrent network of 10,000 compartments, fan-out 100, 1 % of which fire in each tick (workloads.py), on
`loihi-wide`, timing=False, one thread. Every contestant gets the same network and has to give the spikes
of its definition (`workloads.simulate`), bit for bit. Events = spikes x fan-out; the seconds are those of
the run alone, building and compiling are shown apart. Repetitions take turns, so that a busy machine hurts
all alike; shown are the median, the lowest and the highest.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import workloads
from contestants import ENTRIES, Contestant, ContestantError, Entry, enter
from peer_loop import CLOCKS
from peers import PeersError
from results import Row, machine, table, write_results

BENCHMARK = "engine"
OURS = ENTRIES[0].name


@dataclass(frozen=True)
class Measured:
    """One contestant's outcome."""

    entry: Entry
    facts: dict[str, Any]
    n_ticks: int
    n_events: int
    run_s: tuple[float, ...]  # per repetition
    n_spikes: int
    exact: bool  # every spike as the workload defines it

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


@dataclass(frozen=True)
class Terms:
    """How to measure."""

    contestants: list[str]  # names of ENTRIES
    repetitions: int
    quick: bool
    clock: str  # of CLOCKS
    chip: str  # ours
    seed: int


def measure(terms: Terms) -> list[Measured]:
    """Builds all, runs them in turns, takes the spikes in an untimed run each."""
    workload = workloads.recurrent(seed=terms.seed)
    entries = [entry for entry in ENTRIES if entry.name in terms.contestants]
    n_ticks = {entry.name: entry.quick_ticks if terms.quick else entry.n_ticks for entry in entries}
    built: dict[str, Contestant] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            workload_file = Path(folder) / "recurrent.npz"
            workload.save(workload_file)
            for entry in entries:
                built[entry.name] = enter(entry, workload, workload_file, terms.chip)
        defined = workloads.simulate(workload, max(n_ticks.values()))
        spikes = {name: built[name].spikes(n_ticks[name]) for name in built}  # warms up, too
        run_s: dict[str, list[float]] = {name: [] for name in built}
        for repetition in range(terms.repetitions):
            print(f"repetition {repetition + 1} of {terms.repetitions}", file=sys.stderr)
            for name, contestant in built.items():
                run_s[name].append(contestant.run(n_ticks[name], terms.clock))
    finally:
        for contestant in built.values():
            contestant.close()
    return [
        Measured(
            entry,
            built[entry.name].facts,
            n_ticks[entry.name],
            workload.n_events(spikes[entry.name][:, 1]),
            tuple(run_s[entry.name]),
            len(spikes[entry.name]),
            np.array_equal(spikes[entry.name], defined[defined[:, 0] < n_ticks[entry.name]]),
        )
        for entry in entries
    ]


def exactness(m: Measured) -> str:
    """Whether its spikes are right, in a word."""
    return "exact" if m.exact else "WRONG"


def rows_of(measured: list[Measured]) -> list[Row]:
    """Figures for RESULTS.md: everybody's rate, and how many times faster than each we are."""
    ours = next((m for m in measured if m.entry.name == OURS), None)
    rows = [
        Row(
            BENCHMARK,
            f"{m.entry.name}: synaptic events per second",
            f"{m.median:.3g} M/s",
            f"{m.spread} M/s, {len(m.run_s)} runs of {m.n_ticks} ticks, spikes {exactness(m)}",
        )
        for m in measured
    ]
    for m in measured:
        if ours is None or m is ours:
            continue
        target = f" (target {m.entry.target_ratio:g} x)" if m.entry.target_ratio else ""
        low, high = min(ours.rates) / max(m.rates), max(ours.rates) / min(m.rates)
        rows.append(
            Row(
                BENCHMARK,
                f"emulator : {m.entry.name}",
                f"{ours.median / m.median:.3g} x{target}",
                f"{low:.3g}..{high:.3g} x",
            )
        )
    return rows


def report(measured: list[Measured]) -> str:
    """The table for people."""
    ours = next((m for m in measured if m.entry.name == OURS), None)
    lines = []
    for m in measured:
        facts = m.facts
        per_tick = m.n_spikes / m.n_ticks
        build = f"{facts['build_s']:.1f}" + (f" + {facts['compile_s']:.1f}" if "compile_s" in facts else "")
        versions = " ".join(list(facts["versions"].values())[:1])
        ratio = target = ""
        if ours is not None and m is not ours:
            ratio = f"{ours.median / m.median:.3g} x"
            target = f"{m.entry.target_ratio:g} x" if m.entry.target_ratio else ""
        lines.append(
            (
                f"{m.entry.name} {versions}".strip(),
                str(m.n_ticks),
                f"{per_tick:.1f}",
                build,
                f"{m.median:.3g}",
                m.spread,
                ratio,
                target,
                exactness(m),
                m.entry.remark,
            )
        )
    header = (
        "contestant",
        "ticks",
        "spikes/tick",
        "build s",
        "M events/s",
        "lowest..highest",
        "ours is",
        "target",
        "spikes",
        "",
    )
    return table(header, lines)


def failures(measured: list[Measured]) -> list[str]:
    """What a release must not have: a missed target, or wrong spikes."""
    ours = next((m for m in measured if m.entry.name == OURS), None)
    problems = [f"{m.entry.name}: spikes that the workload does not define" for m in measured if not m.exact]
    for m in measured:
        if ours is None or m.entry.target_ratio is None:
            continue
        ratio = ours.median / m.median
        if ratio < m.entry.target_ratio:
            problems.append(f"{ratio:.3g} x {m.entry.name}, target {m.entry.target_ratio:g} x")
    return problems


def as_json(measured: list[Measured], terms: Terms) -> str:
    """Everything measured, for machines."""
    return json.dumps(
        {
            "benchmark": BENCHMARK,
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "terms": asdict(terms),
            "rows": [asdict(row) for row in rows_of(measured)],
            "failures": failures(measured),
            "contestants": [
                {
                    "name": m.entry.name,
                    **m.facts,
                    "n_ticks": m.n_ticks,
                    "n_spikes": m.n_spikes,
                    "exact": m.exact,
                    "n_events": m.n_events,
                    "run_s": m.run_s,
                    "m_events_per_s": {
                        "median": m.median,
                        "lowest": min(m.rates),
                        "highest": max(m.rates),
                    },
                }
                for m in measured
            ],
        },
        indent=2,
    )


def arguments_of(command_line: list[str]) -> argparse.Namespace:
    """The command line, checked."""
    names = [entry.name for entry in ENTRIES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--contestants", nargs="+", choices=names, default=names, metavar="NAME",
        help=f"of {', '.join(names)} (default: all)")  # fmt: skip
    add("--repetitions", type=int, help="timed runs of each (default 7, with --quick 3)")
    add("--quick", action="store_true", help="fewer ticks and repetitions")
    add("--clock", choices=CLOCKS, default="wall",
        help="wall (default), or cpu: steadier on a busy machine; brian2-cpp is always on wall")  # fmt: skip
    add("--chip", default="loihi-wide", help="our chip (default loihi-wide)")
    add("--seed", type=int, default=workloads.DEFAULT_SEED, help="of the network")
    add("--json", action="store_true", help="everything measured as JSON on stdout")
    add("--record", action="store_true", help="write the figures to benchmarks/RESULTS.md")
    arguments = parser.parse_args(command_line)
    if arguments.repetitions is None:
        arguments.repetitions = 3 if arguments.quick else 7
    if arguments.repetitions < 1:
        parser.error(f"--repetitions {arguments.repetitions}: at least 1")
    if arguments.record and arguments.clock != "wall":
        parser.error("--record: RESULTS.md holds wall times; leave --clock out")
    return arguments


def main(command_line: list[str]) -> int:
    arguments = arguments_of(command_line)
    terms = Terms(**{field.name: getattr(arguments, field.name) for field in fields(Terms)})
    try:
        measured = measure(terms)
    except (PeersError, ContestantError) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.record:
        options = [option for option in command_line if option not in ("--json", "--record")]
        write_results(rows_of(measured), " ".join(["python benchmarks/bench_engine.py", *options]))
    print(report(measured), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(as_json(measured, terms))
    problems = failures(measured)
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
