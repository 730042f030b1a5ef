"""The runner of the benchmarks: targets, what it did not measure, the rows it writes, and README.md."""

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
    for name in ("results", "readme", "run_all"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import readme  # type: ignore[import-not-found]
    import results  # type: ignore[import-not-found]
    import run_all  # type: ignore[import-not-found]

    return {"results": results, "readme": readme, "run_all": run_all}


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


def test_readme_says_what_was_measured(modules: dict[str, ModuleType]) -> None:
    readme = modules["readme"]
    assert readme.missing_words() == []
    for said in readme.SAID:
        assert said.number in said.words or said.how == "at most" or said.value == 0, said
    compared = readme.compare(readme.rows_of((BENCHMARKS / "RESULTS.md").read_text("utf-8")))
    assert [one.line for one in compared if one.differs or one.measured is None] == []


def test_figures_of_readme_come_from_benchmarks_that_are_run(modules: dict[str, ModuleType]) -> None:
    scripts = {path.stem.removeprefix("bench_") for path in BENCHMARKS.glob("bench_*.py")}
    assert {said.benchmark for said in modules["readme"].SAID} <= scripts


@pytest.mark.parametrize(
    ("number", "how", "measured", "differs"),
    [
        ("86.7", "equal", 86.74, False),
        ("86.7", "equal", 86.76, True),
        ("7.06", "equal", 7.066, True),
        ("139,000", "equal", 139_499.0, False),
        ("139,000", "equal", 139_501.0, True),
        ("24", "equal", 25.0, True),
        ("0", "equal", 1.0, True),
        ("0.5", "at most", 0.434, False),
        ("0.5", "at most", 0.51, True),
        ("2", "at least", 1.9, True),
        ("575", "time", 100.0, False),
    ],
)
def test_a_figure_is_held_against_the_digits_given(
    modules: dict[str, ModuleType], number: str, how: str, measured: float, differs: bool
) -> None:
    readme, row = modules["readme"], modules["results"].Row
    said = readme.Said(f"about {number}", number, "networks", "one", how=how)
    (found,) = readme.compare(
        [row("networks", "one", f"{measured} unit"), row("speed", "one", "1 s")], [said]
    )
    assert found.measured == measured and found.differs is differs
    assert ("DIFFERS" in found.line) is differs and ", measured " in found.line


def test_figures_without_a_row_are_told_and_several_rows_are_picked_from(
    modules: dict[str, ModuleType],
) -> None:
    readme, row = modules["readme"], modules["results"].Row
    rows = [row("claims", f"{name}: moving", value) for name, value in (("a", "96.3 %"), ("b", "99.4 %"))]
    least, most, none = (
        readme.Said("96 to 99 %", number, "claims", pattern, pick)
        for number, pattern, pick in (
            ("96", ".*: moving", "least"),
            ("99", ".*: moving", "most"),
            ("1", "c", "only"),
        )
    )
    assert [one.measured for one in readme.compare(rows, [least, most, none])] == [96.3, 99.4, None]
    assert readme.compare(rows, [none])[0].line.endswith("not measured")


def test_make_bench_fails_where_readme_differs_and_a_part_of_it_only_tells(
    modules: dict[str, ModuleType],
) -> None:
    run_all, row = modules["run_all"], modules["results"].Row
    wrong = run_all.Ran("bench_mapping.py", [row("mapping", "ring on loihi: cores", "99 ")], [], 1.0)
    text, as_said = run_all.readme_report([wrong])
    assert not as_said and "README says 25" in text and "measured 99  DIFFERS" in text
    assert "not measured" in text
    text, as_said = run_all.readme_report([wrong], part=True)
    assert as_said and text.splitlines() == ['README says 25 ("and takes 25"), measured 99  DIFFERS']


def test_words_that_readme_lost_are_named(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("it takes\n24 cores")
    said = [modules["readme"].Said(words, "24", "mapping", "x") for words in ("takes 24", "takes 25")]
    assert modules["readme"].missing_words(said, path) == ["takes 25"]
