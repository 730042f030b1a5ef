"""The list of mutants fits the tree; `make mutants` says whether the laws find them."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "mutants"))
from mutants import MUTANTS  # noqa: E402 - a script


def test_every_mutant_has_one_place_in_the_tree() -> None:
    for mutant in MUTANTS:
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1 and mutant.old != mutant.new, mutant


def test_there_are_mutants_of_engine_mesh_compiler_and_ledger() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS) >= 20
    files = " ".join(mutant.file for mutant in MUTANTS)
    assert all(part in files for part in ("engine/", "mesh", "compiler/", "energy"))
