"""Fixtures shared by all tests: the test chips, and the Hypothesis profiles. The engine is the plug-in's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Finished, Spikemesh
from hypothesis import settings

import emulator as em
from emulator.cli import main as cli_main
from emulator.testing.profiles import SLOW, register_profiles

register_profiles()
settings.register_profile("quick", max_examples=30, deadline=None, suppress_health_check=SLOW)
settings.register_profile(
    "change", max_examples=100, deadline=None, suppress_health_check=SLOW, derandomize=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "change"))


@pytest.fixture(scope="session")
def tiny() -> em.ChipSpec:
    """The shipped test chip: 2 x 2 tiles."""
    return em.load_chip("tiny")


@pytest.fixture(scope="session")
def wide() -> em.ChipSpec:
    """Loihi with its limits lifted."""
    return em.load_chip("loihi-wide")


@pytest.fixture
def compiled() -> Callable[..., em.Program]:
    """Compiles a testing.Case with its mapping."""
    return lambda case: em.compile(case.network, case.chip, mapping=case.mapping)


@pytest.fixture
def spikemesh(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Spikemesh:
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERMINAL_WIDTH", "200")

    def run(*args: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["spikemesh", *map(str, args)])
        with pytest.raises(SystemExit) as finished:
            cli_main()
        captured = capsys.readouterr()
        return Finished(int(finished.value.code or 0), captured.out, captured.err)

    return run
