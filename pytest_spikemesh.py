"""pytest plug-in: chips and engines as fixtures, and what a failed test ran as files.

    pytest --chip my_chip.yaml

* Fixture `chip`: each chip of `--chip` (which may be given several times), of the ini option
  `spikemesh_chips`, or `loihi`; a test marked `@pytest.mark.chips("loihi", "tiny")` runs on these.
* Fixture `engine`: "reference" and "native"; `--engine` takes one of them, or module:function of your own.
* Where a project names a chip, the Hypothesis profiles `ci` and `nightly` are there.
* When a test fails, the chip, network and input that it ran, shrunk if Hypothesis drew them, are saved in the
  folder of `--found`, and the report says how `spikemesh run` runs them again.

Everything of `emulator` is imported when it is needed: the plug-in costs a project without chips nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ENGINES = ("reference", "native")
CHIP = "loihi"  # if nobody names one
FOUND = ".spikemesh"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("spikemesh", "chips and engines of spikemesh")
    group.addoption(
        "--chip",
        action="append",
        metavar="PATH",
        help="chip of the fixture `chip`: a YAML file or a chip that ships; may be given several times",
    )
    group.addoption(
        "--engine", help="engine of the fixture `engine`: reference, native or module:function [both of ours]"
    )
    group.addoption(
        "--found", default=FOUND, metavar="DIR", help=f"folder for what failed tests ran [{FOUND}]"
    )
    parser.addini("spikemesh_chips", "chips of the fixture `chip`", type="args", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest.py, so that a project's own profiles of these names win."""
    if _named_chips(early_config):
        from emulator.testing.profiles import register_profiles

        register_profiles()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chips(name, ...): chips, by name or file, that a test runs on")


def _named_chips(config: pytest.Config) -> list[str]:
    asked = getattr(config.known_args_namespace, "chip", None)
    return list(asked or config.getini("spikemesh_chips"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, values in (("chip", _chips_of), ("engine", _engines_of)):
        if name in metafunc.fixturenames and _is_ours(metafunc, name):
            metafunc.parametrize(name, values(metafunc), indirect=True)


def _is_ours(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether a test gets the fixture of this file: none of its own, and no parameters of that name."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        if name in (part.strip() for part in (names.split(",") if isinstance(names, str) else names)):
            return False
    fixtures = metafunc.definition._fixtureinfo.name2fixturedefs.get(name, ())
    return bool(fixtures) and fixtures[-1].func.__module__ == __name__


def _chips_of(metafunc: pytest.Metafunc) -> list[str]:
    mark = metafunc.definition.get_closest_marker("chips")
    if mark is None:
        return _named_chips(metafunc.config) or [CHIP]
    if not mark.args:
        raise pytest.UsageError(f'{metafunc.definition.nodeid}: marker chips() names none: chips("loihi")')
    return [str(name) for name in mark.args]


def _engines_of(metafunc: pytest.Metafunc) -> list[str]:
    only = metafunc.config.getoption("--engine")
    return [only] if only else list(ENGINES)


@pytest.fixture
def chip(request: pytest.FixtureRequest) -> Any:
    """A `ChipSpec`."""
    from emulator.errors import SpecError
    from emulator.formats import load_chip

    try:
        return load_chip(request.param)
    except SpecError as error:
        raise pytest.UsageError(f"--chip {request.param}: {error}") from None


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Any:
    """Name of one of our engines, as `em.run(engine=...)` takes it; of another one its
    `emulator.testing.Subject`."""
    if request.param in ENGINES:
        return request.param
    from emulator.errors import SimulationError
    from emulator.testing.subject import load_engine

    try:
        return load_engine(request.param)
    except SimulationError as error:
        raise pytest.UsageError(f"--engine {request.param}: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # nothing that could be saved exists unless the test, or what it imports, has loaded the emulator
    if report.when == "call" and report.failed and call.excinfo is not None and "emulator" in sys.modules:
        from emulator.testing.failures import save_failure

        folder = Path(item.config.rootpath) / item.config.getoption("--found")
        lines = save_failure(call.excinfo.value, item.path, item.nodeid, folder)
        if lines:
            report.sections.append(("spikemesh", "\n".join(lines)))
    return report
