"""Fixtures shared by all tests: the test chips, and the Hypothesis profiles. The engine is the plug-in's."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

import emulator as em
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
