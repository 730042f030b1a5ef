"""Fixtures shared by all tests: the engine, the test chip, and the Hypothesis profiles."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

import emulator as em

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "ci", max_examples=300, deadline=None, suppress_health_check=_SLOW, derandomize=True
)
settings.register_profile("quick", max_examples=30, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("nightly", max_examples=5000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ENGINES = ("reference", "native")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=ENGINES, help="run tests of behaviour on this engine only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        only = metafunc.config.getoption("--engine")
        metafunc.parametrize("engine", [only] if only else ENGINES)


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
