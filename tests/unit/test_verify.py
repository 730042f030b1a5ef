"""`spikemesh verify`: what it prints, what it writes, and with which exit code it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Spikemesh
from hypothesis import settings

import emulator as em
from emulator.testing import LAWS, LimitTrial, MeshTrial, Trial, load_trial, save_trial
from emulator.testing.capacity import at_limit
from emulator.traffic import PACKET_DTYPE

LONG = settings().max_examples > 1000  # the nightly profile
ENGINES = """
import numpy as np
from emulator.engine import native

def ours(image, stimulus, chip):
    return native.run(image, chip, stimulus)

def deaf(image, stimulus):
    return np.zeros((0, 2), dtype=int)

def nowhere(network, chip):
    return {population.name: np.full(population.n, chip.n_cores) for population in network.populations}

def short():
    pass
"""


@pytest.fixture
def spikemesh(spikemesh: Spikemesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Spikemesh:
    """In a folder with a module of engines."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_engines", raising=False)
    (tmp_path / "my_engines.py").write_text(ENGINES)
    return spikemesh


def test_laws_that_hold_are_told_with_their_examples(spikemesh: Spikemesh, tmp_path: Path) -> None:
    done = spikemesh("verify", "tiny", "--laws", "zero_load,capacity", "--examples", 5)
    assert done.code == 0
    assert "zero_load     holds (5 examples)" in done.out and "capacity      holds (5 examples)" in done.out
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["my_engines.py"]


def test_an_engine_of_ones_own_takes_the_place_of_ours(spikemesh: Spikemesh) -> None:
    options = ("--laws", "twin,drain", "--examples", 3, "--engine", "my_engines:ours", "--json")
    done = spikemesh("verify", "tiny", *options)
    report = json.loads(done.out)
    assert done.code == 0 and report["engine"] == "my_engines:ours" and report["holds"] is True
    assert [law["outcome"] for law in report["laws"]] == ["holds", "not asked"]
    assert "an engine of your own is not asked" in report["laws"][1]["message"]


def test_a_counterexample_is_shown_saved_and_found_again(spikemesh: Spikemesh, tmp_path: Path) -> None:
    done = spikemesh("verify", "tiny", "--laws", "twin", "--engine", "my_engines:deaf", "-o", "bugs")
    assert done.code == 1
    assert "twin          BROKEN, found after" in done.out
    assert "a spike by the reference engine, none by my_engines:deaf" in done.out
    assert "this takes 1 tile, 1 neuron, 0 synapses" in done.out
    assert "1 law broken: twin; files are in bugs" in done.err
    names = {path.name for path in (tmp_path / "bugs/twin").iterdir()}
    assert {"chip.yaml", "network.net", "cores.npz", "case.prog", "case.json"} <= names
    again = spikemesh("verify", "bugs/twin")
    assert again.code == 1 and "none by my_engines:deaf" in again.out
    healed = spikemesh("verify", "bugs/twin", "--engine", "native", "--json")
    assert healed.code == 0 and json.loads(healed.out)["outcome"] == "holds"
    command = next(line.split()[1:] for line in done.out.splitlines() if "spikemesh run" in line)
    assert spikemesh(*command).code == 0
    assert em.load_record("bugs/twin/case.rec").counts["spikes"] > 0


def test_json_has_the_counterexample_and_nothing_else(spikemesh: Spikemesh) -> None:
    options = ("--laws", "twin", "--engine", "my_engines:deaf", "--json", "--seed", 3, "--no-shrink")
    done = spikemesh("verify", "tiny", *options)
    report = json.loads(done.out)
    law = report["laws"][0]
    assert done.code == 1 and report["holds"] is False and report["seed"] == 3
    assert law["outcome"] == "broken" and law["smallest"]["neuron"] > 0
    assert law["commands"][0] == "spikemesh verify found/twin"


def test_a_mapper_of_ones_own_takes_the_place_of_ours(spikemesh: Spikemesh) -> None:
    options = ("--mapper", "my_engines:nowhere", "--examples", 3, "--no-shrink")
    done = spikemesh("verify", "tiny", *options)
    assert done.code == 1
    assert "chip tiny, engine native, mapper my_engines:nowhere" in done.out
    assert (
        "legal         BROKEN, found after 1 example\n  the network fits, but: mapping of population"
        in done.out
    )
    assert "3 laws broken: legal, faithful, same_spikes" in done.err
    again = spikemesh("verify", "found/legal", "--json")
    assert again.code == 1 and "outside" in json.loads(again.out)["message"]
    mixed = spikemesh("verify", "tiny", *options, "--laws", "drain,legal", "--json")
    assert [law["outcome"] for law in json.loads(mixed.out)["laws"]] == ["holds", "broken"]
    assert json.loads(mixed.out)["mapper"] == "my_engines:nowhere"


def test_the_laws_are_listed_with_what_they_say(spikemesh: Spikemesh) -> None:
    text, rows = spikemesh("verify", "--list"), spikemesh("verify", "--list", "--json")
    assert text.code == rows.code == 0
    assert [row["law"] for row in json.loads(rows.out)] == list(LAWS)
    assert "energy        Every breakdown of the ledger has the same total" in text.out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "CHIP is missing: give a chip that ships"),
        (("no_such",), "no chip 'no_such'"),
        (("tiny", "--laws", "twins"), "law 'twins': choose from twin"),
        (("tiny", "--laws", ""), "law '': choose from"),
        (
            ("tiny", "--engine", "simpy"),
            "engine 'simpy': choose from native, reference, or give module:function",
        ),
        (("tiny", "--engine", "no_module:run"), "module 'no_module' cannot be imported"),
        (("tiny", "--engine", "my_engines:run"), "has no function 'run'; it has ours, deaf, nowhere, short"),
        (("tiny", "--mapper", "place"), "mapper 'place': give module:function of your own"),
        (
            ("tiny", "--mapper", "my_engines:ours"),
            r"takes \(image, stimulus, chip\), expected \(network, chip\)",
        ),
        (("tiny", "--engine", "my_engines:short"), r"takes \(\), expected \(image, stimulus\)"),
        (("tiny", "--out", "my_engines.py"), "my_engines.py: a file, expected a folder"),
        (("tiny", "--examples", "0"), "examples"),
        ((".", "--laws", "twin"), "a folder says itself which law it breaks"),
        ((".",), "case.json: no such file"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_code_2(
    spikemesh: Spikemesh, args: tuple[object, ...], words: str
) -> None:
    done = spikemesh("verify", *args)
    assert done.code == 2 and done.out == ""
    with pytest.raises(ValueError, match=words):
        raise ValueError(" ".join(done.err.split()))


def test_without_hypothesis_the_extra_is_named(spikemesh: Spikemesh, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("emulator.testing", "hypothesis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(em, "testing", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    done = spikemesh("verify", "tiny")
    assert done.code == 2 and "pip install 'spikemesh[test]'" in done.err


def test_a_damaged_case_is_refused(spikemesh: Spikemesh, tmp_path: Path, tiny: em.ChipSpec) -> None:
    save_trial(mesh_trial(tiny), tmp_path / "x", law="drain", engine="native", message="m")
    for damage in (b"{", b"[]", b'{"kind": "other"}'):
        (tmp_path / "x/case.json").write_bytes(damage)
        done = spikemesh("verify", "x")
        assert done.code == 2 and "not what `spikemesh verify` writes" in done.err


def test_a_case_of_a_test_or_of_another_engine_is_refused(
    spikemesh: Spikemesh, tmp_path: Path, tiny: em.ChipSpec
) -> None:
    save_trial(mesh_trial(tiny), tmp_path / "x", law=None, engine="native", message="m")
    assert "of a failed test, not of a law" in spikemesh("verify", "x").err
    save_trial(mesh_trial(tiny), tmp_path / "x", law="drain", engine="native", message="m")
    done = spikemesh("verify", "x", "--engine", "my_engines:ours")
    assert done.code == 2 and "law 'drain': the engine runs images, no packets alone" in done.err


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, tiny: em.ChipSpec) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(em.ImageError, match=r"the folder cannot be made: .*: choose another one"):
        save_trial(mesh_trial(tiny), tmp_path / "file/x", law="drain", engine="native", message="m")


def mesh_trial(chip: em.ChipSpec) -> MeshTrial:
    return MeshTrial(chip, np.array([(5, 0, 3), (0, 1, 1)], dtype=PACKET_DTYPE), 7)


def same(one: Any, two: Any) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_trials_of_every_kind_survive_the_files(tmp_path: Path, tiny: em.ChipSpec) -> None:
    network = em.Network("n")
    network.add_source("in", 2)
    network.add_population("p", 1, em.LoihiCuba())
    raster = np.array([[True, False]])
    run = Trial(tiny, network, {"p": np.array([3])}, 1, {"in": raster}, 9, {"cut": 1})
    commands = save_trial(run, tmp_path / "run", law="split", engine="native", message="m")
    back = load_trial(tmp_path / "run")
    assert commands[0] == f"spikemesh verify {tmp_path}/run" and "--seed 9" in commands[1]
    assert (back.law, back.engine, back.message) == ("split", "native", "m")
    assert isinstance(back.trial, Trial) and back.trial.chip == tiny and back.trial.size == run.size
    assert same(back.trial.stimulus, run.stimulus) and same(back.trial.mapping, run.mapping)
    assert (back.trial.seed, back.trial.variant, back.trial.n_ticks) == (9, {"cut": 1}, 1)

    save_trial(mesh_trial(tiny), tmp_path / "mesh", law="drain", engine="native", message="m")
    packets = load_trial(tmp_path / "mesh").trial
    assert isinstance(packets, MeshTrial) and packets.seed == 7
    assert np.array_equal(packets.packets, mesh_trial(tiny).packets)

    limit = at_limit(tiny, "axons_in", over=True)
    assert limit is not None
    commands = save_trial(limit, tmp_path / "limit", law="capacity", engine="native", message="m")
    assert "spikemesh compile" in commands[1]
    again = load_trial(tmp_path / "limit").trial
    assert isinstance(again, LimitTrial) and (again.limit, again.fits) == ("axons_in", False)


def test_the_example_of_a_broken_engine_is_found(
    spikemesh: Spikemesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = Path(__file__).parents[2] / "examples"
    monkeypatch.syspath_prepend(str(examples))
    for engine in ("broken_engine:run", "broken_engine:late")[: 2 if LONG else 1]:
        # what Hypothesis draws depends on which modules are there: enough examples whatever it draws
        found = ("--no-shrink", "-o", tmp_path / "found", "--examples", 500)
        done = spikemesh("verify", "loihi", "--laws", "twin", "--engine", engine, *found)
        assert done.code == 1 and "BROKEN" in done.out, engine
