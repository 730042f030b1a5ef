"""Golden pairs of the passes: `<pass>/<case>.in` describes a network, `<case>.expect` is the pass's text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import emulator as em
from emulator.testing.crossbars import crossbar_chip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the .expect files of the passes")


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file, or rewrites the file under --update-golden."""
    update = request.config.getoption("--update-golden", default=False)

    def compare(path: Path, text: str) -> None:
        if update:
            path.write_text(text)
        assert path.exists(), f"{path.name} is missing: write it with --update-golden and review it"
        assert text == path.read_text()

    return compare


@pytest.fixture
def read_case() -> Callable[[Path], dict[str, Any]]:
    """Arguments of `run_passes` from a .in file (YAML).

    chip: dotted changes of `tiny`; sources: name -> n; populations: name -> n and parameters of LoihiCuba
    (and to_host); connect: pre, post, synapses as rows of pre, post, mantissa[, delay_ticks], and
    parameters of LoihiSynapse; mapping: population -> core ids. cores: name -> arguments of add_core,
    `neurons` as parameters of TrueNorth; with any the chip has crossbars.
    """

    def read(path: Path) -> dict[str, Any]:
        case = yaml.safe_load(path.read_text())
        network = em.Network(path.stem)
        for name, n in case.get("sources", {}).items():
            network.add_source(name, n)
        for name, given in case.get("cores", {}).items():
            network.add_core(name, **{**given, "neurons": em.TrueNorth(**given["neurons"])})
        for name, given in case.get("populations", {}).items():
            model = em.LoihiCuba(
                **{key: value for key, value in given.items() if key not in ("n", "to_host")}
            )
            network.add_population(name, given["n"], model, to_host=given.get("to_host", False))
        for given in case.get("connect", []):
            columns = list(zip(*given.pop("synapses"), strict=True))
            pre, post = given.pop("pre"), given.pop("post")
            network.connect(pre, post, em.Triplets(*columns), synapse=em.LoihiSynapse(**given))
        chip = (crossbar_chip() if "cores" in case else em.load_chip("tiny")).replace(case.get("chip", {}))
        return {"network": network, "chip": chip, "mapping": case.get("mapping")}

    return read
