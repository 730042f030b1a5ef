"""What benchmarks report: rows, a table of them for people, and their place in RESULTS.md."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.formats.machine import machine

__all__ = [
    "RESULTS",
    "WORKLOADS",
    "Row",
    "machine",
    "older_rows",
    "table",
    "table_of",
    "workload_folder",
    "write_results",
]

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
WORKLOADS = "SPIKEMESH_WORKLOADS"  # folder in which run_all.py lets the benchmarks share their networks


@dataclass(frozen=True)
class Row:
    """One measured figure. `benchmark` and `figure` together are its key in RESULTS.md."""

    benchmark: str
    figure: str
    value: str  # with its unit
    spread: str = ""  # lowest and highest of the repetitions, or what else says how sure the value is

    @property
    def has_target(self) -> bool:
        """Whether there is something to reach; the value says what."""
        return "(target " in self.value


@contextmanager
def workload_folder() -> Iterator[Path]:
    """A folder for networks that are made once and read often; removed at the end unless it was given."""
    given = os.environ.get(WORKLOADS)
    if given:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="spikemesh-bench-") as folder:
        yield Path(folder)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to the widest cell, header underlined."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in text)


def table_of(rows: Sequence[Row]) -> str:
    """Rows as `table`."""
    return table(
        ("benchmark", "figure", "value", "spread"),
        [(row.benchmark, row.figure, row.value, row.spread) for row in rows],
    )


def write_results(rows: Sequence[Row], command: str, path: Path = RESULTS) -> None:
    """Replaces the rows of the same key in RESULTS.md; new ones follow the last row of their benchmark."""
    lines = path.read_text().splitlines()
    today = datetime.date.today().isoformat()
    for row in rows:
        cells = (row.benchmark, row.figure, row.value, row.spread, f"`{command}`", today, machine())
        line = "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
        same = [i for i, old in enumerate(lines) if _cells(old)[:2] == [row.benchmark, row.figure]]
        if same:
            lines[same[0]] = line
            continue
        siblings = [i for i, old in enumerate(lines) if _cells(old)[:1] == [row.benchmark]]
        last_row = [i for i, old in enumerate(lines) if old.startswith("|")]
        lines.insert((siblings or last_row)[-1] + 1, line)
    _write("\n".join(lines) + "\n", path)


def older_rows(
    measured: set[tuple[str, str]], benchmarks: set[str] | None = None, path: Path = RESULTS
) -> dict[str, int]:
    """Command -> rows of RESULTS.md that it measured and whose keys are not among those `measured`.

    benchmarks: of these only; None: of all.
    """
    found: dict[str, int] = {}
    for cells in map(_cells, path.read_text().splitlines()):
        if len(cells) > 4 and cells[4].startswith("`") and (cells[0], cells[1]) not in measured:
            if benchmarks is not None and cells[0] not in benchmarks:
                continue
            command = cells[4].strip("`")
            found[command] = found.get(command, 0) + 1
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def _write(text: str, path: Path) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.fchmod(handle, path.stat().st_mode)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
