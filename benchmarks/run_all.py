"""Runs every benchmark (`bench_*.py` in this folder), prints one table of figures, which targets hold, and
what README.md says beside what was measured.

Each runs with the options of PLAN, which together are to take less than half an hour on two CPUs with nothing
else to do; more is a failure. --quick is a fast look, --full leaves every script its own defaults.

A benchmark is a script that takes `--quick --json --record`, prints {"rows": [{benchmark, figure, value,
spread}], "failures": [..], ...} on stdout and ends with 1 if it missed a target. Networks that scripts share
are made once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from readme import compare, missing_words
from results import WORKLOADS, Row, machine, older_rows, table_of, workload_folder

FOLDER = Path(__file__).resolve().parent
LIMIT_MIN = 30
PLAN = {
    "activity": "",
    "batch": "",
    "booksim": "--quick",
    "claims": "",
    "map": "--quick",
    "mapping": "--quick",
    "memory": "",
    "mesh": "--quick --repetitions 5",
    "networks": "",
    "place": "--quick",
    "speed": "--repetitions 3",
    "sweep": "--quick",
    "threads": "",
    "truenorth": "",
}
"""Script -> its options. One that is not named here runs with --quick."""


@dataclass(frozen=True)
class Ran:
    """One run of a script."""

    command: str
    rows: list[Row]
    failures: list[str]
    seconds: float


def run(name: str, options: list[str], workloads: Path) -> Ran:
    """Runs a script; its progress goes to stderr."""
    script = FOLDER / f"bench_{name}.py"
    command = " ".join([script.name, *options])
    print(f"== {command}", file=sys.stderr, flush=True)
    begun_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script), "--json", *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, WORKLOADS: str(workloads)},
    )
    found = _found(done.stdout)
    failures = list(found.get("failures", []))
    if done.returncode and not failures:
        failures = [f"ended with {done.returncode}, see above"]
    rows = [Row(**row) for row in found.get("rows", [])]
    return Ran(command, rows, failures, time.monotonic() - begun_s)


def _found(text: str) -> dict[str, list[dict[str, str]]]:
    try:
        found: dict[str, list[dict[str, str]]] = json.loads(text)
    except ValueError:
        return {}  # it ended before it had any; its exit code says so
    return found


def report(ran: list[Ran]) -> str:
    """All figures, the targets that hold and those that do not, and the time it took."""
    rows = [row for one in ran for row in one.rows]
    targets = [row for row in rows if row.has_target]
    missed = [failure for one in ran for failure in one.failures]
    minutes = sum(one.seconds for one in ran) / 60
    slowest = max(ran, key=lambda one: one.seconds)
    lines = [machine(), table_of(rows), ""]
    lines.append(f"targets: {len(targets)} looked at, {len(missed)} missed")
    lines += [f"  MISSED: {one.command}: {failure}" for one in ran for failure in one.failures]
    lines.append(
        f"time: {minutes:.1f} min of {LIMIT_MIN}, longest {slowest.command}: {slowest.seconds / 60:.1f} min"
    )
    return "\n".join(lines)


def readme_report(ran: list[Ran], part: bool = False) -> tuple[str, bool]:
    """What README.md says beside what was measured, and whether all of it is so.

    part: only some benchmarks ran; figures of others are left out, and none has to be equal.
    """
    compared = compare(row for one in ran for row in one.rows)
    if part:
        compared = [one for one in compared if one.measured is not None]
    lines = [one.line for one in compared]
    lines += [f"README no longer says {words!r}: mend benchmarks/readme.py" for words in missing_words()]
    wrong = any(one.differs or one.measured is None for one in compared) or bool(missing_words())
    return "\n".join(lines), not wrong or part


def main() -> int:
    names = sorted(script.stem.removeprefix("bench_") for script in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)} (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="every script with --quick alone")
    how.add_argument(
        "--full", action="store_true", help="every script with its defaults: slower and steadier"
    )
    parser.add_argument("--record", action="store_true", help="write the figures to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(names)}")
    begun = time.time()
    ran: list[Ran] = []
    with workload_folder() as workloads:
        for name in arguments.names or names:
            options = "--quick" if arguments.quick else "" if arguments.full else PLAN.get(name, "--quick")
            record = ["--record"] if arguments.record else []
            ran.append(run(name, [*options.split(), *record], workloads))
    print(report(ran))
    as_said = True
    if not arguments.quick:  # whose figures are others
        text, as_said = readme_report(ran, part=bool(arguments.names))
        print(text)
    if arguments.record:
        measured = {(row.benchmark, row.figure) for one in ran for row in one.rows}
        benchmarks = {benchmark for benchmark, _ in measured}
        for command, n in older_rows(measured, benchmarks if arguments.names else None).items():
            print(f"not measured now, {n} rows of RESULTS.md stay as they were: {command}")
    took_min = (time.time() - begun) / 60
    if took_min > LIMIT_MIN and not (arguments.full or arguments.names):
        print(
            f"FAILED: {took_min:.1f} min, limit {LIMIT_MIN}: give scripts in PLAN less to do", file=sys.stderr
        )
        return 1
    if not as_said:
        print("FAILED: README.md says other figures than those measured, see above", file=sys.stderr)
    return 1 if any(one.failures for one in ran) or not as_said else 0


if __name__ == "__main__":
    sys.exit(main())
