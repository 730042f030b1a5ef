"""Where a record came from: enough to make the run again, also from its file."""

from __future__ import annotations

import copy
import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import emulator as em
from emulator.engine import Result
from emulator.errors import ImageError, SimulationError
from emulator.formats import container
from emulator.formats.records import VERSION
from emulator.testing import Case, cases, first_difference
from emulator.testing.small_run import small_program, small_record


def network(weight: int = 40) -> em.Network:
    """Sources of all kinds on four neurons."""
    net = em.Network("all sources")
    net.add_source("given", 2)
    net.add_source("drawn", 3, em.Poisson(200.0))
    net.add_source("beat", 1, em.Regular(3))
    net.add_source("script", 2, em.Scripted(np.array([[0, 1], [4, 0]])))
    net.add_population("p", 4, em.LoihiCuba(vth_mant=3, du=400), to_host=True)
    for source in net.sources:
        net.connect(source, "p", np.full((source.n, 4), weight))
    return net


def continued() -> Result:
    """Ticks 7..12 of a batch of two, given spikes in both parts."""
    program = em.compile(network(), em.load_chip("tiny"))
    rng = np.random.default_rng(1)
    first, second = (rng.random((2, 6, 2)) < 0.4 for _ in range(2))
    begun = em.run(program, 6, {"given": first}, batch=2, seed=9)
    return em.run(program, 6, {"given": second}, batch=2, seed=9, state=begun.state)


@pytest.fixture(scope="module")
def result() -> Result:
    return continued()


@pytest.mark.parametrize("repeated_on", ["native", "reference"])
def test_a_run_is_made_again_from_its_file(tmp_path: Path, result: Result, repeated_on: str) -> None:
    result.save(tmp_path / "r")
    again = em.load_record(tmp_path / "r").repeat(engine=repeated_on)
    assert first_difference(result.record, again.record) is None
    assert again.provenance is not None and again.provenance.engine == repeated_on


def test_the_stimulus_is_told_as_it_was_given(result: Result) -> None:
    rng = np.random.default_rng(1)
    _, second = (rng.random((2, 6, 2)) < 0.4 for _ in range(2))
    assert set(result.stimulus) == {"given"}  # the others make their spikes again
    assert np.array_equal(result.stimulus["given"], np.argwhere(second))


@settings(max_examples=max(10, settings().max_examples // 10))
@given(cases(em.load_chip("tiny"), faulty=True))
def test_any_run_can_be_made_again(case: Case) -> None:
    program = em.compile(case.network, case.chip, mapping=case.mapping)
    result = em.run(program, case.n_ticks, case.stimulus, seed=case.seed)
    assert first_difference(result.record, result.repeat().record) is None


def test_a_record_says_what_ran_it(tmp_path: Path, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["experiment.py", "--fast"])
    result.repeat(threads=2).save(tmp_path / "r")
    origin = em.load_record(tmp_path / "r").provenance
    assert origin is not None
    assert (origin.seed, origin.engine, origin.threads, origin.trace) == (9, "native", 2, False)
    assert origin.command == ("experiment.py", "--fast")
    assert origin.versions["spikemesh"] == em.__version__
    assert origin.versions["numpy"] == np.__version__
    assert origin.begin is not None and origin.begin.n_ticks == 6


def test_the_same_run_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        continued().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_digests_tell_networks_images_and_chips_apart() -> None:
    chip = em.load_chip("tiny")
    assert network().digest == network().digest != network(30).digest
    assert chip.digest == em.load_chip("tiny").digest
    dearer = chip.replace({"energy_pj.spike": 3.5})
    assert len({chip.digest, dearer.digest, em.load_chip("loihi").digest}) == 3
    ranged = chip.replace({"energy_pj.spike": {"value": 3, "low": 2, "high": 4}})
    assert chip.energy_pj.spike == ranged.energy_pj.spike and chip.digest != ranged.digest
    program = em.compile(network(), chip)
    assert program.stats["network_digest"] == network().digest
    assert em.compile(network(30), chip).image.digest != program.image.digest


def test_names_parameters_and_order_are_part_of_a_network_digest() -> None:
    def one(name: str = "n", model: Any = None, n: int = 1, sources: tuple[str, ...] = ("a", "b")) -> str:
        net = em.Network(name)
        for source in sources:
            net.add_source(source, 1)
        net.add_population("p", n, model or em.LoihiCuba(vth_mant=2))
        return net.digest

    changed = [
        one(),
        one("m"),
        one(model=em.LoihiCuba(vth_mant=3)),
        one(model=em.LIF(tau_mem_s=0.01)),
        one(n=2),
        one(sources=("b", "a")),
        one(sources=("ab",)),
    ]
    assert len(set(changed)) == len(changed)


def test_a_record_of_unknown_origin_cannot_be_repeated() -> None:
    program = small_program()
    with pytest.raises(SimulationError, match="network 'small': it does not say what its run was given"):
        Result(small_record(program), program).repeat()


FORGERIES: list[tuple[str, Any, str]] = [
    ("seed", -1, r"provenance.seed: -1 outside"),
    ("engine", "gpu", r"provenance.engine: 'gpu', choose from native, reference"),
    ("threads", 0, r"provenance.threads: 0 outside"),
    ("trace", 1, r"provenance.trace: int, expected true or false"),
    (
        "event_ptr",
        np.zeros(13, np.int64),
        r"provenance.event_ptr: does not divide the \d+ spikes of the host",
    ),
    ("event_ptr", np.zeros(3, np.int64), r"provenance.event_ptr: int64\[3\], expected int64\[13\]"),
    ("event_input", np.zeros(0, np.int32), r"provenance.event_ptr: does not divide the 0 spikes"),
    ("event_input", None, r"provenance.event_input: NoneType, expected an array"),
    ("versions", {"numpy": 2}, r"provenance.versions: a name or version is no text"),
    ("command", [1], r"provenance.command\[0\]: int, expected text"),
    ("begin", {}, r"provenance.begin.image_digest: missing"),
    ("more", 1, r"provenance.more: unknown field"),
]


@pytest.mark.parametrize(("key", "value", "words"), FORGERIES)
def test_a_forged_provenance_is_refused(
    tmp_path: Path, result: Result, key: str, value: Any, words: str
) -> None:
    result.save(tmp_path / "r")
    content = copy.deepcopy(container.read(tmp_path / "r", "record", VERSION))
    content["provenance"][key] = value
    container.write(tmp_path / "forged", "record", VERSION, content)
    with pytest.raises(ImageError, match=words):
        em.load_record(tmp_path / "forged")


def test_an_input_that_the_program_lacks_is_refused(tmp_path: Path, result: Result) -> None:
    assert result.provenance is not None
    inputs = result.provenance.event_input.copy()
    inputs[0] = 8  # it has 2 + 3 + 1 + 2
    origin = dataclasses.replace(result.provenance, event_input=inputs)
    dataclasses.replace(result, provenance=origin).save(tmp_path / "r")
    with pytest.raises(ImageError, match=r"provenance.event_input: outside the 8 inputs of the program"):
        em.load_record(tmp_path / "r")
