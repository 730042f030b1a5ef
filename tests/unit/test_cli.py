"""The command line: what goes to stdout and stderr, and which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Finished, Spikemesh

import emulator as em
from emulator.bench.digits import IMAGES, NETWORK
from emulator.bench.soundloc import SOUNDS
from emulator.cli import output as cli_output
from emulator.formats import save_network, save_result
from emulator.testing.small_run import small_program, small_record

cli_module = sys.modules["emulator.cli.main"]


def shell(*args: object, **options: Any) -> subprocess.Popen[str]:
    """The same as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "emulator", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def write_inputs(folder: Path) -> None:
    """demo.net: 2 inputs -> 3 -> 1 neurons; spikes.npz, batch.npz and events.npz for it; cores.npz."""
    net = em.Network("demo")
    src = net.add_source("in", 2)
    hidden = net.add_population("hidden", 3, em.LoihiCuba(vth_mant=2))
    out = net.add_population("out", 1, em.LoihiCuba(vth_mant=2), to_host=True)
    net.connect(src, hidden, np.full((2, 3), 100))
    net.connect(hidden, out, np.full((3, 1), 100))
    save_network(net, folder / "demo.net")
    raster = np.zeros((6, 2), dtype=bool)
    raster[0] = True
    np.savez(folder / "spikes.npz", **{"in": raster})
    np.savez(folder / "batch.npz", **{"in": np.stack([raster, ~raster])})
    np.savez(folder / "events.npz", **{"in": np.array([[0, 0], [0, 1]])})
    np.savez(folder / "cores.npz", hidden=np.array([0, 2, 4]), out=np.array([6]))


def no_traceback(finished: Finished) -> bool:
    return "Traceback" not in finished.out + finished.err


def test_compile_run_and_report_lead_from_a_network_to_pictures(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    compiled = spikemesh("compile", "demo.net", "--chip", "tiny", "--mapping", "cores.npz", "-o", "demo.prog")
    assert compiled.code == 0
    assert "Program 'demo' for tiny" in compiled.out and "cores     4 of 8" in compiled.out
    assert "wrote demo.prog" in compiled.err

    ran = spikemesh("run", "demo.prog", "--stimulus", "spikes.npz", "-o", "run.rec")
    assert ran.code == 0
    # all inputs in tick 0: hidden fires in tick 1, out in tick 2
    assert "spikes               4: 'hidden' 3, 'out' 1" in ran.out
    assert "wrote run.rec" in ran.err
    assert em.load_record("run.rec").spikes("out").tolist() == [[2, 0]]

    reported = spikemesh("report", "run.rec", "--by", "population", "--out", "pictures")
    assert reported.code == 0
    assert "Energy by population" in reported.out and "pictures/mesh.png" in reported.out
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "spikes.png",
        "energy.png",
        "mesh.png",
    }


def test_an_html_file_is_the_page_of_a_run(spikemesh: Spikemesh, tmp_path: Path) -> None:
    save_result(em.Result(small_record(small_program()), small_program()), tmp_path / "run.rec")
    shown = spikemesh("report", "run.rec", "-o", "report.html")
    assert shown.code == 0 and "Energy by event" in shown.out and "Pictures" not in shown.out
    assert "wrote report.html; open it in a browser" in shown.err
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h1>small on tiny</h1>" in text and "spikemesh report run.rec -o report.html" in text
    assert (
        json.loads(spikemesh("report", "run.rec", "-o", "report.html", "--json").out)["page"] == "report.html"
    )
    (tmp_path / "folder.html").mkdir()
    refused = spikemesh("report", "run.rec", "-o", "folder.html")
    assert refused.code == 2 and "folder.html: a folder, expected the name of a file to write" in refused.err
    refused = spikemesh("report", "run.rec", "-o", "missing/report.html")
    assert refused.code == 2 and "the folder missing does not exist: create it first" in refused.err


def test_json_is_one_document_on_stdout_and_says_the_same(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    stats = spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog", "--json")
    told = json.loads(stats.out)
    assert told["n_synapses"] == 9
    assert set(told["cores"]["binding"]) <= set(told["utilisation"]) == set(told["limits"])
    assert len(told["cores"]["share"]) == told["n_cores_used"]
    args = ("run", "demo.prog", "--stimulus", "batch.npz", "--batch", 2, "-o", "run.rec")
    ran = json.loads(spikemesh(*args, "--json").out)
    assert (ran["n_samples"], ran["n_ticks"], ran["counts"]["barrier"]) == (2, 6, 12)
    reported = json.loads(spikemesh("report", "run.rec", "--by", "tick", "--json").out)
    assert len(reported["table"]) == 12
    assert sum(row["energy_aj"] for row in reported["table"]) == round(reported["energy"]["total_j"] * 1e18)
    assert {key: reported[key] for key in ran if key != "record"} == {
        key: value for key, value in ran.items() if key != "record"
    }


def test_ticks_that_overran_the_clock_of_the_chip_are_told(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    clock = "inherits: tiny\nname: quick\ndescription: A clock.\nreal_chip: false\n"
    (tmp_path / "quick.yaml").write_text(clock + "domain: fixed\ntick_ps: 1\nbarrier_ps: null\n")
    assert spikemesh("compile", "demo.net", "--chip", "quick.yaml", "-o", "demo.prog").code == 0
    args = ("run", "demo.prog", "--stimulus", "batch.npz", "--batch", 2, "-o", "run.rec")
    assert "12 of 12 ticks overran, worst by " in spikemesh(*args).out
    time = json.loads(spikemesh(*args, "--json").out)["time"]
    assert (time["overruns"]["n"], time["tick_max_ps"]) == (12, 1)
    assert time["overruns"]["worst_ps"] == time["done_max_ps"] - 1 > 0


@pytest.mark.parametrize(
    "flags", [("--engine", "reference"), ("--no-timing",), ("--ticks", 6), ("--threads", 2)]
)
def test_engine_timing_and_events_do_not_change_the_spikes(
    spikemesh: Spikemesh, tmp_path: Path, flags: tuple[object, ...]
) -> None:
    write_inputs(tmp_path)
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")
    stimulus = "events.npz" if "--ticks" in flags else "spikes.npz"
    ran = spikemesh("run", "demo.prog", "--stimulus", stimulus, "-o", "run.rec", *flags, "--json")
    assert json.loads(ran.out)["spikes_by_population"] == {"hidden": 3, "out": 1}
    assert (json.loads(ran.out)["time"] is None) == ("--no-timing" in flags)


def test_seed_and_effort_of_the_placement_can_be_given(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    args = ("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog", "--json")
    stats = json.loads(spikemesh(*args, "--seed", 3, "--effort", "best").out)
    assert (stats["seed"], stats["effort"]) == (3, "best")
    assert stats["placement"]["spike_hops"] == stats["spike_hops"]
    refused = spikemesh(*args, "--effort", "heroic")
    assert refused.code == 2 and "heroic" in refused.err


def test_a_nir_file_is_compiled_with_what_it_does_not_say(spikemesh: Spikemesh) -> None:
    args = (
        "compile",
        NETWORK,
        "--chip",
        "loihi",
        "--dt-s",
        "1e-4",
        "--reset",
        "v_reset",
        "-o",
        "d.prog",
        "--json",
    )
    stats = json.loads(spikemesh(*args).out)
    assert (stats["n_neurons"], stats["n_inputs"], stats["n_cores_used"]) == (138, 64, 1)


def test_a_json_file_of_cores_is_compiled(spikemesh: Spikemesh, tmp_path: Path) -> None:
    neuron = {
        "weights": [1, 0, 0, 0],
        "destination_core_offset": [0, 0],
        **dict.fromkeys(("leak", "reset_potential", "reset_mode", "current_potential"), 0),
        **dict.fromkeys(("destination_axon", "destination_tick", "negative_threshold"), 0),
        "positive_threshold": 1,
    }
    core = {"coordinates": [3, 5], "axons": [0], "connections": [[1]], "neurons": [neuron]}
    (tmp_path / "one.json").write_text(json.dumps({"packets": [], "cores": [core]}))
    stats = json.loads(spikemesh("compile", "one.json", "--chip", "truenorth", "-o", "p", "--json").out)
    assert (stats["n_neurons"], stats["cores"]["x"], stats["cores"]["y"]) == (1, [3], [5])


def test_chips_are_listed_and_explained(spikemesh: Spikemesh) -> None:
    listed = spikemesh("chips")
    assert listed.code == 0 and all(name in listed.out for name in em.chips())
    names = {chip["name"]: chip["n_cores"] for chip in json.loads(spikemesh("chips", "--json").out)}
    assert names["loihi"] == 128  # Davies et al. 2018
    explained = json.loads(spikemesh("chips", "loihi", "--json").out)
    assert explained["limits"]["compartments"] == 1024
    assert "ps" in explained["meanings"]["mesh.cycle_ps"]
    assert json.loads(spikemesh("chips", "--schema").out) == em.chip_schema()


def test_the_digits_bench_prints_tables_pictures_and_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    with np.load(IMAGES) as file:
        fields = {name: array[:4] for name, array in file.items() if name != "x_shape"}
    np.savez(tmp_path / "few.npz", x_shape=np.array([4, 24, 64]), **fields)
    shown = spikemesh("bench", "digits", "--data", "few.npz", "--out", "pictures")
    assert shown.code == 0 and "Reading: the same spikes" in shown.out
    named = [tmp_path / line.strip() for line in shown.out.split("Pictures\n")[1].splitlines()]
    assert len(named) == 7 and all(path.is_file() for path in named)  # the layers, and three of each run
    pages = shown.out.split("Pages, for a browser\n")[1].splitlines()[:2]
    assert [line.strip() for line in pages] == ["pictures/report.html", "pictures/report-spread.html"]
    assert "spikemesh bench digits --out pictures" in (tmp_path / "pictures/report.html").read_text("utf-8")
    numbers = json.loads(spikemesh("bench", "digits", "--data", "few.npz", "--json").out)
    assert {"accuracy", "accuracy_source", "agreement", "packed", "spread"} <= numbers.keys()


def test_the_soundloc_bench_prints_tables_pictures_and_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    shown = spikemesh("bench", "soundloc", "--samples", 2, "--out", "pictures")
    assert shown.code == 0 and "Reading: 100 ms of sound" in shown.out
    named = [tmp_path / line.strip() for line in shown.out.split("Pictures\n")[1].splitlines()]
    names = [path.name.removeprefix("soundloc-") for path in named]
    assert names == ["answers.png", "sound.png", "spikes.png", "energy.png", "mesh.png"]
    assert all(path.is_file() for path in named)
    as_json = spikemesh(
        "bench", "soundloc", "--data", SOUNDS, "--samples", 2, "--chip", "loihi-spice", "--json"
    )
    numbers = json.loads(as_json.out)
    assert numbers["n_samples"] == 2 and numbers["chip"] == "loihi-spice"
    assert {"accuracy", "mean_abs_error_deg", "agreement", "reference", "published"} <= numbers.keys()
    assert {"latency_mean_ps", "latency_p99_ps", "per_inference", "quantisation"} <= numbers.keys()
    assert {"energy_j", "dynamic_j", "static_j", "spikes", "synaptic_ops"} <= numbers["per_inference"].keys()
    assert "spikemesh chips loihi-spice explains every cost" in as_json.err


@pytest.mark.parametrize("name", ["digits", "soundloc"])
def test_benches_run_on_crossbars_with_pictures_and_json(
    spikemesh: Spikemesh, tmp_path: Path, name: str
) -> None:
    shown = spikemesh("bench", name, "--chip", "truenorth", "--samples", 3, "--out", "pictures")
    assert "Rewrites for the crossbars" in shown.out and "latency, by the clock" in shown.out
    assert "were tuned on the very samples of this bench" in shown.out
    run = "packed" if name == "digits" else "soundloc"
    assert {f"{run}-{picture}.png" for picture in ("spikes", "energy", "mesh")} <= {
        path.name for path in (tmp_path / "pictures").iterdir()
    }
    numbers = json.loads(spikemesh("bench", name, "--chip", "truenorth", "--samples", 3, "--json").out)
    costs = numbers["packed"] if name == "digits" else numbers
    assert numbers["rewrites"][-1]["name"] == "total"
    assert costs["clock"]["n_timed_samples"] == 3 and costs["per_inference"]["static_j"] > 0


def test_the_mesh_bench_prints_a_table_a_picture_and_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    short = ("--size", "3x3", "--rates", "0.1,1.0", "--warmup", 100, "--measure", 500)
    shown = spikemesh("bench", "mesh", "--pattern", "tornado", *short, "--plot")
    assert (
        shown.code == 0 and "tornado on loihi, 3 x 3 tiles" in shown.out and "mesh-tornado.png" in shown.out
    )
    assert (tmp_path / "mesh-tornado.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(spikemesh("bench", "mesh", *short, "--plot", "here.png", "--json").out)
    assert told["pattern"] == "uniform" and [point["offered_rate"] for point in told["points"]] == [0.1, 1.0]
    assert told["pictures"] == ["here.png", "here-links.png"] and (tmp_path / "here.png").exists()


def test_the_characterisation_bench_prints_tables_a_picture_and_json(
    spikemesh: Spikemesh, tmp_path: Path
) -> None:
    few = ("--rates", "20,0", "--synapses", "128", "--side", 2, "--ticks", 20)
    shown = spikemesh("bench", "characterisation", *few, "--plot", "maps.png")
    assert shown.code == 0 and "2 networks on an emulated truenorth chip, 4 cores" in shown.out
    assert "65.0 mW" in shown.out and "maps.png" in shown.out and "spikemesh chips truenorth" in shown.err
    assert (tmp_path / "maps.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(spikemesh("bench", "characterisation", *few, "--threads", 2, "--json").out)
    assert [row["rate_hz"] for row in told["rows"]] == [0.0, 20.0] and told["pictures"] == []
    assert [anchor["measured"] is None for anchor in told["anchors"]] == [False, False, True]


def test_small_workloads_print_text_pictures_and_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    short = {
        "xor": ("--streams", 2, "--pairs", 8),
        "attention": ("--units", 16, "--ticks", 200),
        "poisson-drive": ("--trains", 50, "--ticks", 30),
    }
    for name, options in short.items():
        told = json.loads(spikemesh("bench", name, *options, "--seed", 3, "--json").out)
        assert told["bench"] == name and told["pictures"] == []
        assert told["provenance"]["seed"] == 3
        found = told["rows"][0] if name == "poisson-drive" else told
        assert found["metrics"]["synaptic_operations"]["effective_macs"] == 0
        assert list(told["provenance"]["chips"]) == ["loihi-wide" if name == "poisson-drive" else "loihi"]
    shown = spikemesh("bench", "attention", *short["attention"], "--out", "p")
    assert shown.code == 0 and "Attention with strong recurrence" in shown.out
    assert (tmp_path / "p" / "attention-profiles.png").read_bytes().startswith(b"\x89PNG")


def test_a_trace_is_written_with_the_wire_limit_of_its_ticks(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")
    traced = spikemesh("trace", "demo.prog", "--stimulus", "spikes.npz", "-o", "t.json")
    assert traced.code == 0 and "Mesh, held against the wire limit" in traced.out
    assert "note" not in traced.err and "ui.perfetto.dev" in traced.err
    assert len(json.loads((tmp_path / "t.json").read_text())["traceEvents"]) > 6
    cut = ("--max-events", 5, "--json")
    told = json.loads(spikemesh("trace", "demo.prog", "--stimulus", "spikes.npz", "-o", "t.json", *cut).out)
    assert 0 <= told["n_packets_shown"] < told["n_packets"] and "the first" in told["note"]
    assert told["wire_limit"]["slowest"][0]["bound_ps"] <= told["wire_limit"]["slowest"][0]["makespan_ps"]


def test_a_run_is_held_against_the_wire_limit_when_asked(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")
    args = ("run", "demo.prog", "--stimulus", "spikes.npz", "-o", "run.rec")
    assert "wire limit" not in spikemesh(*args).out
    asked = spikemesh(*args, "--wire-limit")
    assert asked.code == 0 and "Mesh, held against the wire limit" in asked.out
    assert json.loads(spikemesh(*args, "--wire-limit", "--json").out)["wire_limit"]["n_ticks"] == 3
    untimed = spikemesh(*args, "--wire-limit", "--no-timing")
    assert untimed.code == 2 and "only a timed run knows" in untimed.err


def test_a_record_is_repriced_and_compared_with_another(spikemesh: Spikemesh, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "near.prog")
    spikemesh("compile", "demo.net", "--chip", "tiny", "--mapping", "cores.npz", "-o", "far.prog")
    for name in ("near", "far"):
        spikemesh("run", f"{name}.prog", "--stimulus", "spikes.npz", "-o", f"{name}.rec")
    repriced = spikemesh("report", "near.rec", "--chip", "loihi-spice")
    assert repriced.code == 0 and "on 1 tile, at the prices of loihi-spice" in repriced.out
    shown = spikemesh("report", "near.rec", "--compare", "far.rec", "--by", "population")
    assert shown.code == 0 and "Difference by population" in shown.out
    told = json.loads(spikemesh("report", "near.rec", "--compare", "far.rec", "--json").out)
    near, far = (em.load_record(f"{name}.rec").energy for name in ("near", "far"))
    assert told["difference_aj"] == far.total_aj - near.total_aj == told["from_counts_aj"] != 0
    same = json.loads(spikemesh("report", "near.rec", "--compare", "near.rec", "--json").out)
    assert same["difference_aj"] == 0 and not any(row["difference_aj"] for row in same["table"])


def test_a_record_is_exported_and_made_again(
    spikemesh: Spikemesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inputs(tmp_path)
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")
    spikemesh("run", "demo.prog", "--stimulus", "spikes.npz", "-o", "run.rec")
    exported = spikemesh("export", "run.rec", "--table", "spikes", "--table", "tick", "-o", "x.csv", "--json")
    assert json.loads(exported.out)["files"] == ["x.spikes.csv", "x.tick.csv"]
    assert (tmp_path / "x.spikes.csv").read_text().splitlines()[1] == "0,1,hidden,0"
    again = spikemesh("repeat", "run.rec", "--engine", "reference")
    assert again.code == 0 and "made again on the reference engine: equal, bit for bit" in again.out
    reported = spikemesh("report", "run.rec").out
    assert "command  spikemesh run demo.prog --stimulus spikes.npz -o run.rec" in reported

    def other(*_: object, **__: object) -> em.Result:
        return em.run(em.load_program("demo.prog"), 6)

    monkeypatch.setattr(em.Result, "repeat", other)
    differs = spikemesh("repeat", "run.rec")
    assert differs.code == 1 and "made again on the native engine it differs: spikes" in differs.err
    assert f"it was written by spikemesh {em.__version__}" in differs.err


def test_version_and_help_come_with_examples(spikemesh: Spikemesh) -> None:
    assert spikemesh("--version").out == f"spikemesh {em.__version__}\n"
    top = spikemesh("--help")
    assert top.code == 0 and all(name in top.out for name in ("chips", "compile", "run", "report", "trace"))
    for command in (
        "chips",
        "compile",
        "run",
        "report",
        "bench",
        "bench mesh",
        "bench characterisation",
        "bench xor",
        "bench attention",
        "bench poisson-drive",
        "bench mapping",
        "bench speed",
        "trace",
        "export",
        "repeat",
    ):
        shown = spikemesh(*command.split(), "-h")
        assert shown.code == 0 and f"spikemesh {command} " in shown.out.split("Usage")[1]


BAD = {
    "no command": ((), "Usage: spikemesh"),
    "unknown command": (("frobnicate",), "No such command 'frobnicate'"),
    "unknown option": (("chips", "--frob"), "No such option"),
    "unknown chip": (("chips", "nope"), "no chip 'nope'; choose from kapoho-bay,"),
    "schema of one": (("chips", "loihi", "--schema"), "leave out 'loihi'"),
    "missing network": (("compile", "no.net", "--chip", "tiny", "-o", "x"), "no.net: no such file"),
    "missing chip": (("compile", "demo.net", "-o", "x"), "Missing option '--chip'"),
    "bad chip file": (("compile", "demo.net", "--chip", "bad.yaml", "-o", "x"), "bad.yaml"),
    "dt of a network": (
        ("compile", "demo.net", "--chip", "tiny", "--dt-s", "1", "-o", "x"),
        "--dt-s for a .nir file only",
    ),
    "nir without dt": (("compile", NETWORK, "--chip", "tiny", "-o", "x"), "give e.g. --dt-s 1e-3"),
    "nir too large": (("compile", NETWORK, "--chip", "tiny", "--dt-s", "1e-4", "-o", "x"), "limit"),
    "nir reset": (
        ("compile", NETWORK, "--chip", "tiny", "--dt-s", "1e-4", "--reset", "none", "-o", "x"),
        "'none' is not one of",
    ),
    "bad mapping": (("compile", "demo.net", "--chip", "tiny", "--mapping", "spikes.npz", "-o", "x"), "'in'"),
    "no folder": (("compile", "demo.net", "--chip", "tiny", "-o", "no/x"), "create it first"),
    "target a folder": (("compile", "demo.net", "--chip", "tiny", "-o", "folder"), "folder: a folder"),
    "wrong kind": (("run", "demo.net", "--ticks", 1, "-o", "x"), "holds a network, expected a program"),
    "no ticks": (("run", "demo.prog", "-o", "x"), "--ticks is missing"),
    "no ticks of events": (("run", "demo.prog", "--stimulus", "events.npz", "-o", "x"), "--ticks is missing"),
    "negative ticks": (("run", "demo.prog", "--ticks", -1, "-o", "x"), "--ticks"),
    "no batch": (("run", "demo.prog", "--stimulus", "batch.npz", "-o", "x"), "expected [6, 2]"),
    "wrong batch": (
        ("run", "demo.prog", "--stimulus", "batch.npz", "--batch", 3, "-o", "x"),
        "raster of shape [2, 6, 2], expected [3, 6, 2]",
    ),
    "other ticks": (("run", "demo.prog", "--stimulus", "spikes.npz", "--ticks", 9, "-o", "x"), "[9, 2]"),
    "unknown source": (("run", "demo.prog", "--stimulus", "cores.npz", "-o", "x"), "no source 'hidden'"),
    "unknown engine": (
        ("run", "demo.prog", "--ticks", 1, "--engine", "gpu", "-o", "x"),
        "'gpu' is not one of",
    ),
    "no record": (("report", "demo.prog"), "holds a program, expected a record"),
    "unknown breakdown": (("report", "run.rec", "--by", "mood"), "'mood' is not one of"),
    "comparison by tick": (
        ("report", "run.rec", "--compare", "run.rec", "--by", "tick"),
        "--by tick with --compare: choose from event, core, link, population",
    ),
    "prices of no chip": (("report", "run.rec", "--chip", "nope"), "no chip 'nope'"),
    "export to nowhere": (("export", "run.rec", "-o", "x.xls"), "no format for the ending '.xls'"),
    "export of no table": (
        ("export", "run.rec", "-o", "x.csv", "--table", "mood"),
        "table 'mood': choose from spikes",
    ),
    "repeat of no record": (("repeat", "demo.prog"), "holds a program, expected a record"),
    "pictures into a file": (("report", "run.rec", "--out", "demo.net"), "expected a folder"),
    "unknown bench": (("bench", "letters"), "no bench 'letters', choose from digits (handwritten"),
    "mesh bench of an unknown pattern": (("bench", "mesh", "--pattern", "spiral"), "'spiral' is not one of"),
    "trace of nothing": (("trace", "no.prog", "-o", "t.json", "--ticks", 1), "no such file"),
    "trace into no folder": (("trace", "no.prog", "-o", "no/t.json", "--ticks", 1), "does not exist"),
    "mesh bench of no rates": (("bench", "mesh", "--rates", "a,b"), "expected numbers with commas"),
    "mesh bench above 1": (("bench", "mesh", "--rates", "0.5,2"), "rates: 2.0 is none"),
    "mesh bench of no size": (("bench", "mesh", "--size", "8"), "such as 8x8"),
    "mesh bench that cannot be": (("bench", "mesh", "--pattern", "transpose"), "must be square"),
    "mesh bench into a file it may not draw": (("bench", "mesh", "a.png"), "add --plot"),
    "mesh bench into no folder": (("bench", "mesh", "--plot", "no/a.png"), "does not exist"),
    "characterisation of no rates": (
        ("bench", "characterisation", "--rates", "fast"),
        "--rates fast: expected numbers with commas between: 0,20,200",
    ),
    "characterisation of no synapses": (
        ("bench", "characterisation", "--synapses", "1.5"),
        "--synapses 1.5: expected integers with commas",
    ),
    "characterisation of too much": (("bench", "characterisation", "--synapses", "300"), "300 is none"),
    "characterisation of lists": (("bench", "characterisation", "--chip", "loihi"), "cores.model 'cuba'"),
    "characterisation into no folder": (
        ("bench", "characterisation", "--plot", "no/a.png"),
        "does not exist",
    ),
    "bench on other data": (("bench", "digits", "--data", "spikes.npz"), "x_packed is missing"),
    "bench into a file": (("bench", "digits", "--out", "demo.net"), "expected a folder"),
    "bench on other sounds": (("bench", "soundloc", "--data", "spikes.npz"), "ipd is missing: numbers"),
    "bench without samples": (("bench", "soundloc", "--samples", 0), "--samples"),
    "bench on more samples": (("bench", "soundloc", "--samples", 2049), "ask for 1..2048"),
    "bench on more images": (("bench", "digits", "--samples", 361), "holds 360 samples, 361 asked for"),
    "bench on an unknown chip": (("bench", "soundloc", "--samples", 1, "--chip", "nope"), "no chip 'nope'"),
    "bench on a small chip": (("bench", "digits", "--chip", "tiny"), "2 x 2 tiles of"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file."""
    folder = tmp_path_factory.mktemp("made")
    write_inputs(folder)
    (folder / "folder").mkdir()
    (folder / "bad.yaml").write_text("mesh: [1, 2")
    program = em.compile(em.load_network(folder / "demo.net"), em.load_chip("tiny"))
    program.save(folder / "demo.prog")
    em.run(program, 2).save(folder / "run.rec")
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_and_bad_input_end_with_code_2_and_one_message(
    case: str, spikemesh: Spikemesh, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args, message = BAD[case]
    monkeypatch.chdir(made)
    before = sorted(made.iterdir())
    finished = spikemesh(*args)
    assert finished.code == 2
    assert message in finished.out if case == "no command" else message in finished.err
    assert no_traceback(finished)
    assert sorted(made.iterdir()) == before  # nothing half-written is left


def test_rasters_of_different_length_are_refused(spikemesh: Spikemesh, tmp_path: Path) -> None:
    net = em.Network("two")
    for name in ("a", "b"):
        net.add_source(name, 1)
    net.add_population("p", 1, em.LoihiCuba())
    net.connect("a", "p", np.array([[2]]))
    em.compile(net, em.load_chip("tiny")).save(tmp_path / "p.prog")
    np.savez(tmp_path / "s.npz", a=np.ones((3, 1), bool), b=np.ones((4, 1), bool))
    finished = spikemesh("run", "p.prog", "--stimulus", "s.npz", "-o", "x")
    assert finished.code == 2 and "'a' has 3, 'b' has 4; make them equal" in finished.err


@pytest.fixture
def broken_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Exception], None]:
    """Makes every run end with the given exception; p.prog is there to be run."""
    small_program().save(tmp_path / "p.prog")

    def break_it(error: Exception) -> None:
        def fail(*args: object, **options: object) -> None:
            raise error

        monkeypatch.setattr("emulator.cli.commands.run_program", fail)

    return break_it


def test_a_run_that_fails_ends_with_code_1(
    spikemesh: Spikemesh, broken_run: Callable[[Exception], None], tmp_path: Path
) -> None:
    broken_run(em.SimulationError("tick 3: deadlock of core 1"))
    finished = spikemesh("run", "p.prog", "--ticks", 5, "-o", "x")
    assert finished.code == 1 and "the run failed: tick 3: deadlock of core 1" in finished.err
    assert not (tmp_path / "x").exists()


def test_running_out_of_memory_ends_with_code_1_and_a_way_out(
    spikemesh: Spikemesh, broken_run: Callable[[Exception], None]
) -> None:
    broken_run(MemoryError())
    finished = spikemesh("run", "p.prog", "--ticks", 5, "-o", "x")
    assert finished.code == 1 and "out of memory: make the run or the network smaller" in finished.err


def test_an_internal_error_shows_its_traceback_only_when_asked(
    spikemesh: Spikemesh, broken_run: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_run(KeyError("slot"))
    short = spikemesh("run", "p.prog", "--ticks", 5, "-o", "x")
    assert short.code == 1 and no_traceback(short)
    assert "internal error, please report it: KeyError: 'slot' (SPIKEMESH_DEBUG=1 shows where)" in short.err
    monkeypatch.setenv("SPIKEMESH_DEBUG", "1")
    assert "Traceback" in spikemesh("run", "p.prog", "--ticks", 5, "-o", "x").err


def test_json_has_no_number_that_json_lacks() -> None:
    value = {1: (np.float64("inf"), np.int64(3)), "a": np.array([1.5, np.nan]), "b": [None, True, "x"]}
    assert cli_output.plain(value) == {"1": [None, 3], "a": [1.5, None], "b": [None, True, "x"]}


def test_a_progress_bar_shows_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with cli_output.progress_bar() as bar:
        bar._begun_s -= 10  # as if the run had taken that long
        bar.step("demo", 1, 2)
    assert capsys.readouterr().err == ""


def test_a_long_run_on_a_terminal_shows_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with cli_output.progress_bar() as bar:
        bar.step("quick", 1, 2)  # not yet: over in no time
        bar._begun_s -= 10
        bar.step("demo", 1, 2)
    captured = capsys.readouterr()
    assert "demo" in captured.err and "50 %" in captured.err and "quick" not in captured.err
    assert captured.out == ""


def test_the_module_runs_as_a_program_of_its_own() -> None:
    process = shell("chips", "tiny", "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["name"] == "tiny"


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback() -> None:
    process = shell("chips", "loihi", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr is not None and process.stderr.read() == ""


def test_ctrl_c_during_a_run_ends_it_without_a_file_or_a_traceback(tmp_path: Path) -> None:
    small_program().save(tmp_path / "p.prog")
    options = {"cwd": tmp_path, "env": {**environment(), "FORCE_COLOR": "1", "TERM": "xterm"}}
    slow = ("--engine", "reference", "--ticks", 1_000_000)  # minutes: never over before the signal comes
    # whoever starts the tests in the background has them ignore the signal, and so does what they start
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = shell("run", "p.prog", *slow, "--no-timing", "-o", "x", preexec_fn=heeds, **options)
    assert process.stderr is not None
    process.stderr.read(1)  # the progress bar: the run is under way
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "spikemesh: interrupted; files are written only when complete" in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["p.prog"]


def environment() -> dict[str, str]:
    """Ours, with the package found from any folder."""
    root = str(Path(em.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def test_a_network_that_makes_its_own_spikes_runs_without_a_stimulus(
    spikemesh: Spikemesh, tmp_path: Path
) -> None:
    net = em.Network("noisy")
    noise = net.add_source("noise", 20, em.Poisson(300))
    net.connect(noise, net.add_population("out", 1, em.LoihiCuba(vth_mant=4)), np.full((20, 1), 100))
    save_network(net, tmp_path / "demo.net")
    spikemesh("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")
    drawn = {}
    for seed in (1, 1, 2):
        ran = spikemesh("run", "demo.prog", "--ticks", 50, "--seed", seed, "-o", "run.rec")
        assert ran.code == 0
        drawn.setdefault(seed, set()).add(em.load_record("run.rec").counts["host_in"])
    assert len(drawn[1]) == 1 and drawn[1] != drawn[2]
    refused = spikemesh("run", "demo.prog", "--ticks", 50, "--seed", 2**64, "-o", "run.rec")
    assert refused.code == 2 and "seed=18446744073709551616: outside" in refused.err
