"""How many synaptic events per second does the native engine do, next to its peers and to the machine?

Recurrent networks (workloads.py) of 1,000 to 50,000 compartments of which 1 % fire in each tick (10 Hz at
ticks of 1 ms), and a large one that is nearly silent (1 Hz), each with delays of 1 tick and of 1 to 16 ticks,
on `loihi-wide`, timing=False, one thread. Every contestant gets the same network and has to give the spikes
of its definition, bit for bit. Events = spikes x fan-out; the seconds are those of the run alone; totals take
in all from the arrays of the network to its spikes. Contestants take turns, so that a busy machine hurts all
alike; shown are the median, the lowest and the highest. The roofline (roofline.c) is no simulator but a
bound: it streams the same synapse rows and updates the same compartments, with all sums in the L1 cache.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from dataclasses import asdict, fields
from typing import Any

import workloads
from contestants import ENTRIES, ContestantError
from peer_loop import CLOCKS
from peers import PeersError
from results import machine, table, workload_folder, write_results
from speed import BENCHMARK, Case, Terms, measure

QUICK = {"networks": ["1k-100", "10k-100"], "ticks": 300, "repetitions": 3}
FULL = {"networks": list(workloads.NETWORKS), "ticks": 1000, "repetitions": 5}
PATIENCE_S = 20.0


def report(cases: list[Case]) -> str:
    """The table for people."""
    speed = ("M events/s", "lowest..highest", "total s", "ours is", "target")
    header = ("network", "contestant", "ticks", *speed, "spikes", "")
    lines = []
    for case in cases:
        against = {c.against: c for c in case.comparisons()}
        for m in case.measured:
            name = m.entry.name
            versions = " ".join(list(m.facts["versions"].values())[:1])
            ratio, total = against.get(name), against.get(f"{name} with compiling")
            shown = [c for c in (ratio, total) if c is not None]
            targets = [f"{c.target:g} x" for c in shown if c.target]
            lines.append(
                (
                    case.label,
                    f"{name} {versions}".strip(),
                    str(m.n_ticks),
                    f"{m.median:.3g}",
                    m.spread,
                    f"{m.total_s:.3g}" if m.total_s is not None else "",
                    ", total ".join(f"{c.ratio:.3g} x" for c in shown),
                    ", total ".join(targets),
                    m.exactness,
                    m.entry.remark,
                )
            )
    return table(header, lines)


def as_json(cases: list[Case], terms: Terms) -> str:
    """Everything measured, for machines."""
    return json.dumps(
        {
            "benchmark": BENCHMARK,
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "terms": asdict(terms),
            "rows": [asdict(row) for case in cases for row in case.rows()],
            "failures": [failure for case in cases for failure in case.failures()],
            "cases": [
                {
                    "network": case.network,
                    "delays": case.delays,
                    "contestants": [
                        {
                            "name": m.entry.name,
                            **m.facts,
                            "n_ticks": m.n_ticks,
                            "n_events": m.n_events,
                            "exact": m.exact,
                            "run_s": m.run_s,
                            "total_s": m.total_s,
                            "m_events_per_s": m.median,
                        }
                        for m in case.measured
                    ],
                }
                for case in cases
            ],
        },
        indent=2,
    )


def arguments_of(command_line: list[str]) -> argparse.Namespace:
    """The command line, checked."""
    names = [entry.name for entry in ENTRIES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--networks", nargs="+", choices=workloads.NETWORKS, metavar="NAME",
        help=f"compartments and fan-out, of {', '.join(workloads.NETWORKS)}\n(default: all; with --quick "
        f"{', '.join(QUICK['networks'])})")  # fmt: skip
    add("--delays", nargs="+", choices=workloads.DELAYS, default=list(workloads.DELAYS), metavar="TICKS",
        help=f"of {', '.join(workloads.DELAYS)} (default: all)")  # fmt: skip
    add("--contestants", nargs="+", choices=names, default=names, metavar="NAME",
        help=f"of {', '.join(names)} (default: all)")  # fmt: skip
    add("--ticks", type=int, help="of a run (default 1000, with --quick 300); slow contestants get fewer")
    add("--repetitions", type=int, help="timed runs of each (default 5, with --quick 3); slow ones get 2")
    add("--quick", action="store_true", help="small networks, fewer ticks and repetitions")
    add("--clock", choices=CLOCKS, default="wall",
        help="wall (default), or cpu: steadier on a busy machine; brian2-cpp is always on wall")  # fmt: skip
    add("--chip", default="loihi-wide", help="our chip (default loihi-wide)")
    add("--seed", type=int, default=workloads.DEFAULT_SEED, help="of the networks")
    add("--json", action="store_true", help="everything measured as JSON on stdout")
    add("--record", action="store_true", help="write the figures to benchmarks/RESULTS.md")
    arguments = parser.parse_args(command_line)
    for name, value in (QUICK if arguments.quick else FULL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    arguments.patience_s = PATIENCE_S
    for name in ("ticks", "repetitions"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: at least 1")
    if arguments.record and arguments.clock != "wall":
        parser.error("--record: RESULTS.md holds wall times; leave --clock out")
    return arguments


def main(command_line: list[str]) -> int:
    arguments = arguments_of(command_line)
    values: dict[str, Any] = {field.name: getattr(arguments, field.name) for field in fields(Terms)}
    terms, cases, problems = Terms(**values), [], []
    with workload_folder() as folder:
        for network in arguments.networks:
            for delays in arguments.delays:
                try:
                    cases.append(measure(network, delays, terms, folder))
                except (PeersError, ContestantError) as error:
                    problems.append(f"{network}, delay {delays}: {error}")
                    continue
                problems += cases[-1].failures()
    if arguments.record:
        options = [option for option in command_line if option not in ("--json", "--record")]
        command = " ".join(["python benchmarks/bench_speed.py", *options])
        write_results([row for case in cases for row in case.rows()], command)
    print(report(cases), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(as_json(cases, terms))
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
