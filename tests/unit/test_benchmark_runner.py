"""The runner of the benchmarks: which targets hold, what it did not measure, and the rows it writes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

RESULTS = """\
# Results

| benchmark | figure | value | spread | command | date | machine |
|---|---|---|---|---|---|---|
| speed | 1k: events | 3 M/s (target at least 2 M/s) |  | `python bench_speed.py` | 2026-01-01 | one |
| mesh | hops | 4 M/s |  | `python bench_mesh.py --quick` | 2026-01-01 | one |
"""


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """run_all and results, imported as scripts find them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("results", "run_all"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import results  # type: ignore[import-not-found]
    import run_all  # type: ignore[import-not-found]

    return {"results": results, "run_all": run_all}


def ran(modules: dict[str, ModuleType], *failures: str) -> Any:
    row = modules["results"].Row
    rows = [row("speed", "1k: events", "1 M/s (target at least 2 M/s)"), row("speed", "1k: ticks", "7")]
    return modules["run_all"].Ran("bench_speed.py --quick", rows, list(failures), 90.0)


def test_the_report_says_which_targets_are_missed_and_how_long_it_took(
    modules: dict[str, ModuleType],
) -> None:
    text = modules["run_all"].report([ran(modules, "1k: events: 1 M/s, target at least 2 M/s")])
    assert "targets: 1 looked at, 1 missed" in text
    assert "MISSED: bench_speed.py --quick: 1k: events: 1 M/s, target at least 2 M/s" in text
    assert "time: 1.5 min of 30" in text
    assert "targets: 1 looked at, 0 missed" in modules["run_all"].report([ran(modules)])


def test_rows_that_a_run_did_not_measure_are_named_by_their_command(
    modules: dict[str, ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text(RESULTS)
    older = modules["results"].older_rows({("speed", "1k: events")}, path=path)
    assert older == {"python bench_mesh.py --quick": 1}
    assert modules["results"].older_rows({("speed", "1k: events")}, {"speed"}, path) == {}


def test_rows_replace_those_of_their_key_and_others_stay(
    modules: dict[str, ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text(RESULTS)
    modules["results"].write_results(ran(modules).rows, "python bench_speed.py --quick", path)
    lines = [line.split(" | ")[:3] for line in path.read_text().splitlines() if line.startswith("| ")][1:]
    assert lines == [
        ["| speed", "1k: events", "1 M/s (target at least 2 M/s)"],
        ["| speed", "1k: ticks", "7"],
        ["| mesh", "hops", "4 M/s"],
    ]


def test_every_plan_has_a_script(modules: dict[str, ModuleType]) -> None:
    scripts = {path.stem.removeprefix("bench_") for path in BENCHMARKS.glob("bench_*.py")}
    assert set(modules["run_all"].PLAN) <= scripts


def test_a_script_that_ends_without_figures_is_a_failure(
    modules: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench_broken.py").write_text("import sys; print('no JSON'); sys.exit(3)\n")
    monkeypatch.setattr(modules["run_all"], "FOLDER", tmp_path)
    found = modules["run_all"].run("broken", ["--quick"], tmp_path)
    assert found.rows == [] and found.failures == ["ended with 3, see above"]
    assert found.command == "bench_broken.py --quick"
