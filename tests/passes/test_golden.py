"""Every pass prints what was reviewed when its golden file was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.compiler.pipeline import CROSSBAR_PASSES, PASSES, passes_of, run_passes

FOLDER = Path(__file__).parent
CASES = sorted(FOLDER.glob("*/*.in"))
NAMES = {step.name for step in (*PASSES, *CROSSBAR_PASSES)}


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_pass_prints_what_was_reviewed(
    path: Path, read_case: Callable[[Path], dict[str, Any]], expect: Callable[[Path, str], None]
) -> None:
    name = path.parent.name
    case = read_case(path)
    whole = run_passes(**case)  # the rest of the pipeline accepts the case too
    text_of = {step.name: step.text for step in passes_of(case["chip"])}
    expect(path.with_suffix(".expect"), text_of[name](whole[name]))


def test_every_folder_is_a_pass_with_a_case() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders <= NAMES
    assert folders == {path.parent.name for path in CASES}


def test_every_pass_prints_some_stable_text(read_case: Callable[[Path], dict[str, Any]]) -> None:
    case = read_case(FOLDER / "emit" / "two_cores.in")
    first, second = run_passes(**case), run_passes(**case)
    for step in PASSES:
        text = step.text(first[step.name])
        assert text.endswith("\n") and text == step.text(second[step.name]), step.name
