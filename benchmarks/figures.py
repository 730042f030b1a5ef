"""What the benchmarks of single figures share: a figure with its target, and the command line around it."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import peers
from contestants import ContestantError
from results import Row, machine, table_of, write_results

from emulator.formats import write_atomic


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    at_most: float | None = None  # the target is one of these, or there is none
    at_least: float | None = None
    spread: str = ""

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g} {self.unit}"
        return f"at least {self.at_least:g} {self.unit}" if self.at_least is not None else ""

    @property
    def missed(self) -> bool:
        too_much = self.at_most is not None and self.value > self.at_most
        return too_much or (self.at_least is not None and self.value < self.at_least)

    @property
    def shown(self) -> str:
        """Three digits, without an exponent below a million."""
        return f"{float(f'{self.value:.3g}'):g} {self.unit}"

    def row(self, benchmark: str) -> Row:
        target = f" (target {self.target})" if self.target else ""
        return Row(benchmark, self.name, f"{self.shown}{target}", self.spread)


@dataclass(frozen=True)
class Options:
    """What a benchmark of single figures may be asked."""

    quick: bool
    repetitions: int
    pictures: dict[str, bytes] = field(default_factory=dict)  # name -> PNG; written beside RESULTS.md with it


Outcome = tuple[list[Figure], list[str]]  # and what is wrong beyond missed targets


def main_of(document: str, measure: Callable[[Options], Outcome], command_line: list[str]) -> int:
    """Measures, prints, records. 1: a target was missed. document: the script's docstring."""
    script = Path(sys.argv[0]).name
    benchmark = script.removeprefix("bench_").removesuffix(".py")
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="a smaller network or fewer samples")
    add("--repetitions", type=int, default=5, help="timed runs of each (default 5)")
    add("--json", action="store_true", help="everything measured as JSON on stdout")
    add("--record", action="store_true", help="write the figures to benchmarks/RESULTS.md")
    arguments = parser.parse_args(command_line)
    if arguments.repetitions < 1:
        parser.error(f"--repetitions {arguments.repetitions}: at least 1")
    asked = Options(arguments.quick, arguments.repetitions)
    try:
        figures, failures = measure(asked)
    except (ContestantError, peers.PeersError) as error:
        figures, failures = [], [str(error)]
    rows = [figure.row(benchmark) for figure in figures]
    failures += [f"{f.name}: {f.shown}, target {f.target}" for f in figures if f.missed]
    if arguments.record:
        options = [option for option in command_line if option not in ("--json", "--record")]
        write_results(rows, " ".join([f"python benchmarks/{script}", *options]))
        for name, picture in asked.pictures.items():
            write_atomic(Path(__file__).with_name(f"{name}.png"), picture)
    print(table_of(rows), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        found = {
            "benchmark": benchmark,
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "rows": [asdict(row) for row in rows],
            "figures": [asdict(figure) for figure in figures],
            "failures": failures,
        }
        print(json.dumps(found, indent=2))
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0
