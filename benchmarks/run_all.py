"""Runs every benchmark (`bench_*.py` in this folder) with quick settings and prints one table of figures.

The networks they share are made once. A benchmark is a script that takes `--quick --json` and prints {"rows":
[{benchmark, figure, value, spread}], ...} on stdout; it ends with 1 if it missed a target.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from results import WORKLOADS, Row, machine, table_of, workload_folder

FOLDER = Path(__file__).resolve().parent


def run(script: Path, options: list[str], workloads: Path) -> tuple[list[Row], int]:
    """The rows of one benchmark and its exit code; its progress goes to stderr."""
    print(f"== {script.name}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, str(script), "--json", *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, WORKLOADS: str(workloads)},
    )
    rows = [Row(**row) for row in json.loads(done.stdout)["rows"]] if done.stdout else []
    return rows, done.returncode


def main() -> int:
    scripts = sorted(FOLDER.glob("bench_*.py"))
    names = [script.stem.removeprefix("bench_") for script in scripts]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)} (default: all)")
    parser.add_argument("--full", action="store_true", help="without --quick: slower and steadier")
    parser.add_argument("--record", action="store_true", help="write the figures to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(names)}")
    options = ([] if arguments.full else ["--quick"]) + (["--record"] if arguments.record else [])
    rows: list[Row] = []
    failed: list[str] = []
    with workload_folder() as workloads:
        for name, script in zip(names, scripts, strict=True):
            if arguments.names and name not in arguments.names:
                continue
            own_rows, code = run(script, options, workloads)
            rows += own_rows
            failed += [name] if code else []
    print(machine())
    print(table_of(rows))
    for name in failed:
        print(f"FAILED: bench_{name}.py (see above)", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
