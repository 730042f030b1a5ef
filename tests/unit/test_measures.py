"""What compiler and engine do, measured: mappings of known networks, and rates that fit their counts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Spikemesh

import emulator as em
from emulator.bench import mapping as mapping_bench
from emulator.bench import mapping_networks
from emulator.bench.mapping import Task, mapping
from emulator.bench.mapping_networks import Kind, network_of
from emulator.bench.outcome import Outcome
from emulator.bench.recurrent import Shape, described, recurrent
from emulator.bench.speed import Measurement, speed
from emulator.cli.provenance import digest
from emulator.compiler.compare import WAYS, compile_ways
from emulator.errors import CompileError, EmulatorError, SimulationError
from emulator.formats.machine import machine


def cliques(n: int = 4, size: int = 8) -> mapping_networks.Edges:
    """`n` groups that talk among themselves only; neuron i is in group i % n, so that order scatters them."""
    pairs = [(a, b) for a in range(n * size) for b in range(n * size) if a != b and a % n == b % n]
    pre, post = np.array(pairs, dtype=np.int64).T
    return n * size, pre, post


@pytest.fixture
def chip() -> em.ChipSpec:
    """Eight compartments in a core, a core in a tile, 4 x 2 tiles."""
    size = {"mesh.width": 4, "mesh.height": 2, "cores.per_tile": 1, "limits.compartments": 8}
    return em.load_chip("loihi-wide").replace(size)


def test_ways_of_scattered_groups_are_those_worked_out_by_hand(chip: em.ChipSpec) -> None:
    ways = {way.name: way for way in compile_ways(network_of(cliques()), chip)}
    assert tuple(ways) == WAYS
    stats = {name: way.program.stats for name, way in ways.items() if way.program is not None}
    # in order each core holds two of each group: all 32 neurons have targets in the three other cores
    assert stats["in order"]["n_cores_used"] == 4 and stats["in order"]["packets"] == 96
    # cores 0..3 in a row: 8 neurons each send over 1 + 2 + 3, 1 + 1 + 2, 1 + 1 + 2, 1 + 2 + 3 links
    assert stats["in order"]["spike_hops"] == 8 * (6 + 4 + 4 + 6)
    # a square has distances 1, 1, 2 for each core; nothing shorter joins four cores
    assert stats["placed"]["packets"] == 96 and stats["placed"]["spike_hops"] == 8 * 4 * 4
    # a group in a core sends nothing to others
    assert stats["multilevel"]["packets"] == 0 and stats["multilevel"]["spike_hops"] == 0
    assert [way.name for way in ways.values() if way.chosen] == ["multilevel"]
    assert all(way.seconds > 0 and way.n_cores == 4 for way in ways.values())


def test_the_way_taken_is_that_of_compile(chip: em.ChipSpec) -> None:
    network = network_of(cliques(3, 7))
    (taken,) = [way for way in compile_ways(network, chip, seed=3) if way.chosen]
    assert taken.program is not None
    assert taken.program.image.digest == em.compile(network, chip, seed=3).image.digest


def test_ways_that_do_not_fit_say_why_and_how_many_cores_they_would_take(chip: em.ChipSpec) -> None:
    # a neuron hears the 7 others of its group, a group is heard on 8 axons; neighbours are of two groups
    in_order, placed, multilevel = compile_ways(network_of(cliques()), chip.replace({"limits.axons_in": 8}))
    for way in (in_order, placed):
        assert way.program is None and not way.chosen and way.n_cores == 32
        assert "needs 32 cores, chip 'loihi-wide' has 8" in way.why
    assert multilevel.program is not None and multilevel.chosen and multilevel.n_cores == 4


def test_where_no_way_fits_none_is_taken(chip: em.ChipSpec) -> None:
    # two of a group are heard on 8 axons: every neuron needs a core of its own
    ways = compile_ways(network_of(cliques()), chip.replace({"limits.axons_in": 7}))
    assert not any(way.chosen or way.program for way in ways)
    assert "needs 32 cores" in ways[2].why


def test_a_network_that_one_core_holds_has_no_other_way(chip: em.ChipSpec) -> None:
    in_order, placed, multilevel = compile_ways(network_of(cliques(1, 8)), chip)
    assert in_order.n_cores == placed.n_cores == 1 and placed.chosen
    assert multilevel.program is None and "nothing to gain: one core holds all" in multilevel.why


def test_a_way_that_the_effort_leaves_out_says_so(chip: em.ChipSpec) -> None:
    multilevel = compile_ways(network_of(cliques()), chip, effort="fast")[2]
    assert multilevel.program is None and multilevel.why.startswith("not tried: effort 'fast' looks for it")
    # where it is needed it is looked for all the same
    few = chip.replace({"limits.axons_in": 8})
    assert compile_ways(network_of(cliques()), few, effort="fast")[2].chosen


def test_ways_of_crossbar_cores_are_refused() -> None:
    with pytest.raises(
        CompileError, match="its cores are crossbars, whose populations are filled in one way"
    ):
        compile_ways(network_of(cliques()), em.load_chip("truenorth"))


def test_what_no_way_can_mend_is_raised_whole(chip: em.ChipSpec) -> None:
    with pytest.raises(EmulatorError, match="effort 'long': choose from fast, default, best"):
        compile_ways(network_of(cliques()), chip, effort="long")


def test_networks_of_mappings_are_what_their_names_say() -> None:
    n, pre, post = mapping_networks.lenet5()
    # pixels, 6 x 24^2, 6 x 12^2, 16 x 8^2, 16 x 4^2, 120, 84, 10
    assert n == 784 + 3456 + 864 + 1024 + 256 + 120 + 84 + 10
    # 25 a kernel: 6 channels from 1, then 16 from 6; pools of 4; 256 x 120, 120 x 84, 84 x 10 in full
    full = 256 * 120 + 120 * 84 + 84 * 10
    assert len(pre) == 25 * 3456 + 3456 + 25 * 6 * 1024 + 1024 + full
    assert (pre < post).all(), "every layer is behind the one it listens to"
    n, pre, post = mapping_networks.sheet(20)
    assert n == 400 and (pre != post).all() and len(np.unique(pre * n + post)) == len(pre)


@cache
def small_mapping() -> Outcome:
    return mapping(Task(("lenet5",), "fast"))


def test_the_mapping_bench_tells_what_programs_say() -> None:
    (network,) = small_mapping().numbers["networks"]
    ways = {way["way"]: way for way in network["ways"]}
    assert network["n_neurons"] == 6598 and 0.99 < network["connection_sparsity"] < 1
    program = em.compile(
        network_of(mapping_networks.lenet5(), "LeNet-5"), em.load_chip("loihi"), effort="fast"
    )
    for name in ("packets", "spike_hops", "max_link"):
        assert ways["placed"][name] == program.stats[name]
    assert ways["in order"]["spike_hops"] == program.stats["placement"]["spike_hops_sequential"]
    assert ways["in order"]["binding"]["resource"] == "compartments"
    assert sum(ways["placed"]["cores_bound_by"].values()) == ways["placed"]["n_cores"] == 9
    assert not ways["multilevel"]["fits"] and "not tried" in small_mapping().text


def test_pictures_of_mappings_are_drawn_with_what_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    groups = Kind("groups", "", cliques)
    monkeypatch.setattr(mapping_bench, "NETWORKS", {"groups": groups})
    common = "inherits: loihi-wide\nname: small\ndescription: small\nreal_chip: false\n"
    size = "mesh: {width: 4, height: 2}\ncores: {per_tile: 1}\nlimits: {compartments: 8, axons_in: %s}\n"
    readings = {
        "null": "(32 neurons, 224 synapses): multilevel takes 0.0 % of the packets and 0.0 % of the hops",
        "8": "does not fit in order (32 cores, the chip has 8); multilevel takes 4",
        "7": "does not fit in any way; in order it would take 32 cores, the chip has 8",
    }
    for limit, reading in readings.items():
        path = tmp_path / "chip.yaml"
        path.write_text(common + size % limit)
        outcome = mapping(Task(("groups",)), chip=str(path))
        assert reading in outcome.text
        assert [name for name, _ in outcome.pictures] == ["mapping", "mapping-groups"]
        assert all(draw().startswith(b"\x89PNG") for _, draw in outcome.pictures)


def test_recurrent_networks_have_the_fan_out_and_the_delays_asked_for() -> None:
    workload = recurrent(Shape(50, 7), longest_delay=3, seed=1)
    assert np.diff(workload.indptr).tolist() == [7] * 50
    assert set(np.unique(workload.delay_ticks)) == {1, 2, 3}
    assert (workload.weight_mant % 2 == 0).all() and abs(workload.weight_mant).max() <= 16
    assert not (workload.pre == workload.target).any()
    projection = described(workload).projections[0]
    assert projection.n_synapses == 350 and np.array_equal(projection.target, workload.target)


def test_rates_are_counts_over_the_seconds_of_the_runs() -> None:
    numbers = speed(Measurement(("1k-100",), n_ticks=20)).numbers
    without, with_mesh = numbers["rows"]
    assert (without["timing"], with_mesh["timing"]) == (False, True)
    for row in numbers["rows"]:
        assert row["synaptic_ops"] == 100 * row["spikes"] > 0, "every compartment has 100 targets"
        rates = row["synaptic_events_per_s"]
        assert rates["lowest"] == row["synaptic_ops"] / max(row["run_s"])
        assert rates["highest"] == row["synaptic_ops"] / min(row["run_s"])
        assert row["ticks_per_s"]["lowest"] <= row["ticks_per_s"]["median"] <= row["ticks_per_s"]["highest"]
        assert row["metrics"]["connection_sparsity"] == 0.9
    assert without["packet_hops_per_s"] is None and without["slowdown"] is None
    assert with_mesh["packet_hops_per_s"] is not None and with_mesh["slowdown"] > 0
    assert without["spikes"] == with_mesh["spikes"]


BAD: dict[str, tuple[Any, type[EmulatorError], str]] = {
    "unknown network": (lambda: mapping(Task(("cube",))), CompileError, "'cube': choose from lenet5 "),
    "no network": (lambda: mapping(Task(())), CompileError, "none given: choose from lenet5"),
    "unknown speed": (lambda: speed(Measurement(("1k",))), SimulationError, "'1k': choose from 1k-100"),
    "no speed": (lambda: speed(Measurement(())), SimulationError, "networks: none given"),
    "delays": (lambda: speed(Measurement(delays="2")), SimulationError, "delays '2': choose from 1, 1-16"),
    "timings": (lambda: speed(Measurement(timings=())), SimulationError, "timings: none given"),
    "ticks": (lambda: speed(Measurement(n_ticks=0)), SimulationError, "ticks 0: must be at least 1"),
    "threads": (lambda: speed(Measurement(threads=0)), SimulationError, "threads 0: must be at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_measured_is_refused_before_the_work(case: str) -> None:
    ask, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        ask()


def test_mapping_is_told_as_text_with_pictures_and_as_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    options = ("--networks", "lenet5", "--effort", "fast")
    shown = spikemesh("bench", "mapping", *options, "--plot", "m.png")
    assert shown.code == 0 and "placed *" in shown.out and "spikemesh explain" in shown.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m-lenet5.png", "m.png"]
    told = json.loads(spikemesh("bench", "mapping", *options, "--seed", 5, "--json").out)
    assert told["bench"] == "mapping" and told["effort"] == "fast" and told["pictures"] == []
    source = told["provenance"]
    assert source["seed"] == told["seed"] == 5
    assert source["chips"] == {"loihi": digest(em.load_chip("loihi").to_dict())}


def test_speed_is_told_as_text_with_a_picture_and_as_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    options = ("--networks", "1k-100", "--ticks", 5)
    shown = spikemesh("bench", "speed", *options, "--plot", "s.png")
    assert shown.code == 0 and "carries packets" in shown.out and "left out" in shown.out
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(spikemesh("bench", "speed", *options, "--no-timing", "--delays", "1-16", "--json").out)
    assert told["bench"] == "speed" and told["delays"] == "1-16" and told["machine"] == machine()
    assert [row["timing"] for row in told["rows"]] == [False]
    assert list(told["provenance"]["chips"]) == ["loihi-wide"] and told["provenance"]["seed"] == 7


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("mapping", "--networks", "cube"), "'cube': choose from lenet5"),
        (("mapping", "--effort", "long"), "'long' is not one of"),
        (("mapping", "--chip", "truenorth", "--networks", "lenet5"), "its cores are crossbars"),
        (("mapping", "--plot", "no/a.png"), "does not exist"),
        (("speed", "--networks", "1k"), "'1k': choose from 1k-100"),
        (("speed", "--delays", "2"), "'2' is not one of"),
        (("speed", "--threads", 0), "--threads"),
    ],
)
def test_bad_usage_ends_with_code_2(spikemesh: Spikemesh, args: tuple[object, ...], words: str) -> None:
    finished = spikemesh("bench", *args)
    assert finished.code == 2 and words in finished.err and not finished.out
    assert "Traceback" not in finished.err


def test_the_machine_is_named_by_its_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor: 0\nmodel name\t: Some CPU @ 1 GHz\nmodel name\t: Another\n")
    assert machine(cpuinfo).startswith("Some CPU @ 1 GHz, ")
    assert "CPUs, Python 3" in machine(tmp_path / "none")
