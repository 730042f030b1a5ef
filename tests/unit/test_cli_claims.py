"""The command line of the claims: text, JSON with where it comes from, pictures, and bad usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Spikemesh

import emulator as em
from emulator.bench import BENCHES
from emulator.cli.bench import descriptions
from emulator.cli.measures import MEASURES
from emulator.cli.provenance import digest
from emulator.cli.workloads import WORKLOADS

SMALL = ("--width", 8, "--ticks", 60)


CLAIMS: dict[str, tuple[tuple[object, ...], str, list[str]]] = {
    "energy-vs-spikes": (
        ("--chip", "tiny", "--rates", "100,1000"),
        "Transmission on tiny, fitted",
        ["energy-vs-spikes.png"],
    ),
    "energy-vs-neurons": (
        ("--chip", "loihi", "--baseline", "tpu-sram", "--rates", "10,1000", "--layers", "1,2"),
        "Crossings of 16 neurons",
        ["energy-vs-neurons.png", "energy-vs-neurons-sensitivity.png"],
    ),
    "local-memory": (("--baseline", "cpu-dram"), "By the memories of cpu-dram", ["local-memory.png"]),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_told_as_text_with_pictures_and_as_json(
    spikemesh: Spikemesh, tmp_path: Path, name: str
) -> None:
    args, words, pictures = CLAIMS[name]
    shown = spikemesh("bench", name, *args, *SMALL, "--out", "pictures")
    assert shown.code == 0 and words in shown.out and "explains every cost" in shown.err
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(pictures)
    told = json.loads(spikemesh("bench", name, *args, *SMALL, "--seed", 4, "--json").out)
    assert told["bench"] == name and told["pictures"] == [] and told["network"]["width"] == 8
    source = told["provenance"]
    assert source["seed"] == told["seed"] == 4
    assert source["command"].startswith(f"spikemesh bench {name} --") and source["command"].endswith("--json")
    assert source["versions"]["spikemesh"] == em.__version__
    for chip, found in source["chips"].items():
        assert found == digest(em.load_chip(chip).to_dict())
    for baseline, found in source["baselines"].items():
        assert found == digest(em.load_baseline(baseline).to_dict())
    assert (name == "energy-vs-spikes") is (source["baselines"] == {})


def test_every_bench_says_where_its_numbers_come_from(spikemesh: Spikemesh) -> None:
    few = ("--size", "2x2", "--rates", "0.1", "--warmup", 10, "--measure", 50)
    found = json.loads(spikemesh("bench", "mesh", *few, "--seed", 3, "--json").out)["provenance"]
    assert found["seed"] == 3 and list(found["chips"]) == ["loihi"]
    found = json.loads(spikemesh("bench", "digits", "--samples", 1, "--json").out)["provenance"]
    assert found["seed"] is None and found["command"] == "spikemesh bench digits --samples 1 --json"


def test_a_chip_changed_by_a_value_has_another_hash() -> None:
    chip = em.load_chip("tiny")
    assert digest(chip.to_dict()) == digest(em.load_chip("tiny").to_dict())
    assert digest(chip.replace({"energy_pj.send": 4.5}).to_dict()) != digest(chip.to_dict())


def test_benches_are_listed_with_a_line_each(spikemesh: Spikemesh) -> None:
    listed = spikemesh("bench")
    assert listed.code == 0
    named = {*BENCHES, "characterisation", "mesh", *CLAIMS, *WORKLOADS, *MEASURES}
    assert set(descriptions()) == named == set(json.loads(spikemesh("bench", "--json").out))
    for name, line in descriptions().items():
        assert any(row.split()[:1] == [name] and line in row for row in listed.out.splitlines())
        assert spikemesh("bench", name, "--help").code == 0


def test_chips_lists_and_explains_baselines_apart(spikemesh: Spikemesh) -> None:
    listed = spikemesh("chips").out
    chips, baselines = listed.split("Clocked baselines, for comparison")
    assert "truenorth" in chips and "cpu-dram" not in chips and "tpu-sram" in baselines
    assert [chip["name"] for chip in json.loads(spikemesh("chips", "--json").out)] == list(em.chips())
    told = json.loads(spikemesh("chips", "--baselines", "--json").out)
    assert [baseline["name"] for baseline in told] == list(em.baselines())
    explained = spikemesh("chips", "cpu-dram")
    assert "162.5..325, typically 243.75" in explained.out and "byte read or written, pJ" in explained.out
    as_json = json.loads(spikemesh("chips", "cpu-dram", "--json").out)
    assert as_json["memory"]["near"]["pj_per_byte"] == [2.5, 2.5, 2.5]
    assert as_json["meanings"]["node_nm"] == "process that the costs are of, nm"
    both = spikemesh("chips", "loihi", "--baselines")
    assert both.code == 2 and "--baselines lists them all: leave out 'loihi'" in both.err


BAD: dict[str, tuple[tuple[object, ...], str]] = {
    "unknown chip": (("energy-vs-spikes", "--chip", "nope"), "no chip 'nope'"),
    "a baseline as a chip": (("local-memory", "--chip", "cpu-dram"), "'cpu-dram' is a baseline, no chip"),
    "unknown baseline": (("local-memory", "--baseline", "nope"), "no baseline 'nope'; choose from cpu-dram"),
    "no rates": (("energy-vs-spikes", "--rates", "fast"), "--rates fast: expected numbers with commas"),
    "no layers": (("energy-vs-neurons", "--layers", "1.5"), "--layers 1.5: expected integers with commas"),
    "one number of layers": (("energy-vs-neurons", "--layers", "2"), "give at least two numbers of layers"),
    "no rate": (("local-memory", "--rate", 0), "rate: 0 Hz is none"),
    "too wide for a crossbar": (
        ("energy-vs-spikes", "--chip", "truenorth", "--width", 257, "--layers", 1),
        "limit 256",
    ),
    "into a file": (("local-memory", "--out", "file"), "expected a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_ends_with_code_2_and_a_way_out(spikemesh: Spikemesh, tmp_path: Path, case: str) -> None:
    (tmp_path / "file").write_text("")
    args: Any
    args, words = BAD[case]
    finished = spikemesh("bench", *args)
    assert finished.code == 2 and words in finished.err and not finished.out
    assert "Traceback" not in finished.err
