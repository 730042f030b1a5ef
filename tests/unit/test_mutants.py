"""The list of mutants fits the tree; `make mutants` says whether the laws find them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import emulator as em
from emulator.testing import LAWS, Subject

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "mutants"))
from mutants import CHIPS, MUTANTS, Mutant, looked_for  # noqa: E402 - a script


def test_every_mutant_has_one_place_in_the_tree() -> None:
    for mutant in MUTANTS:
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1 and mutant.old != mutant.new, mutant


def test_there_are_mutants_of_engine_mesh_compiler_and_ledger() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS) >= 20
    assert sum(mutant.compiled for mutant in MUTANTS) >= 10
    files = " ".join(mutant.file for mutant in MUTANTS)
    assert all(part in files for part in ("engine/", "mesh", "compiler/", "energy"))


def test_every_mutant_is_looked_for_with_a_law_that_its_chip_is_asked_about() -> None:
    for mutant in MUTANTS:
        own = CHIPS / f"{mutant.chip}.yaml"
        chip = em.load_chip(own if own.exists() else mutant.chip)
        assert LAWS[mutant.law].not_asked(chip, Subject("native")) is None, mutant


def test_a_mutant_that_does_not_fit_the_tree_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(AssertionError, match=r"a.py: y = 1  ->  y = 2: the place is there 0 times"):
        looked_for(Mutant("a.py", "y = 1", "y = 2"), tmp_path)
