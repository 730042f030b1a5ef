"""Cores described directly: what compiling makes of them, what it refuses, and what it proves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.crossbar import CrossbarImage
from emulator.compiler.crossbar.describe import joined
from emulator.compiler.crossbar.emit import emit_crossbars
from emulator.compiler.crossbar.place import place_cores
from emulator.compiler.crossbar.verify import verify_crossbars
from emulator.compiler.pipeline import CROSSBAR_PASSES, Job, run_passes
from emulator.testing.crossbars import crossbar_chip, two_cores

S = (1, -1, 0, 0)  # weights of the types of axons


@pytest.fixture(scope="module")
def job() -> Job:
    return run_passes(two_cores(), crossbar_chip())


@pytest.fixture(scope="module")
def program() -> em.Program:
    return em.compile(two_cores(), crossbar_chip())


def image_of(job: Job) -> CrossbarImage:
    image: CrossbarImage = job["emit"].image
    return image


def test_pinned_cores_take_their_tile_and_the_others_the_free_ones_in_order(job: Job) -> None:
    assert job["place"].core_of.tolist() == [2, 0]  # two cores to a tile
    assert image_of(job).core_id.tolist() == [0, 2]


def test_tables_are_in_the_order_of_the_cores_of_the_chip(job: Job) -> None:
    image = image_of(job)
    assert image.slot_ptr.tolist() == [0, 2, 5] and image.axon_ptr.tolist() == [0, 2, 4]
    assert image.axon_type.tolist() == [0, 0, 0, 1]
    assert image.crossbar.reshape(-1, 32)[:, 0].tolist() == [1, 2, 0b101, 0b010]
    assert not image.crossbar.reshape(-1, 32)[:, 1:].any()
    assert image.slot_weight.reshape(-1, 4)[2:].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert image.slot_stochastic.tolist() == [0, 0, 0b11001, 0b11001, 0b11001]
    assert image.slot_alpha.tolist() == [1, 1, 1, 2, 3]
    assert image.slot_beta.tolist() == [7, 7, 0, 0, 0] and image.slot_v0.tolist() == [-3, -3, 0, 0, 0]
    assert image.slot_recorded.tolist() == [0, 0, 1, 1, 1]


def test_entries_lead_to_axons_the_host_port_or_nowhere(job: Job) -> None:
    image = image_of(job)
    assert image.entry_ptr.tolist() == [0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8]
    assert image.entry_core.tolist() == [1, 0, 1, 2, 1, 1, 0, 0]
    assert image.entry_axon.tolist() == [3, 1, 2, 0, 2, 3, 0, 1]
    assert image.entry_delay.tolist() == [2, 15, 1, 0, 0, 0, 0, 0]


def test_accounts_follow_the_parts_and_axons_the_lowest_of_their_senders(job: Job) -> None:
    image = image_of(job)
    parts = [(part.kind, part.name, part.address.tolist()) for part in job["symbols"].parts]
    assert parts == [
        ("source", "in", [0, 1]),
        ("source", "a", [2, 3]),
        ("source", "b", [4, 5]),
        ("population", "a", [2, 3, 4]),
        ("population", "b", [0, 1]),
    ]
    assert image.n_groups == 5 and image.slot_group.tolist() == [4, 4, 3, 3, 3]
    assert image.input_group.tolist() == [0, 0, 1, 1, 2, 2] and image.axon_group.tolist() == [2, 2, 1, 1]


def test_an_axon_that_nobody_sends_to_is_booked_on_its_core() -> None:
    parts = run_passes(two_cores(), crossbar_chip(), until="describe")["describe"]
    lonely = replace(
        parts,
        input_ptr=np.zeros_like(parts.input_ptr),
        **{name: getattr(parts, name)[:0] for name in ("input_core", "input_axon", "input_delay")},
    )
    image = emit_crossbars(lonely, np.array([0, 1]), 5).image
    assert image.axon_group.tolist() == [3, 4, 4, 3]  # a 1 -> a 0, b 1 -> a 1, nobody -> b 0, a 0 -> b 1


def test_a_part_is_found_by_its_kind(program: em.Program) -> None:
    symbols = program.symbols
    assert symbols.part("a", "source").address.tolist() == [2, 3]
    assert symbols.part("a", "population").address.tolist() == symbols.part("a").address.tolist() == [2, 3, 4]
    with pytest.raises(em.SimulationError, match="no population 'in'; it has 'a', 'b'"):
        symbols.part("in", "population")


def test_a_spike_given_for_a_tick_is_integrated_in_it(engine: str) -> None:
    net = em.Network()
    net.add_core(
        "a", np.eye(2, dtype=bool), 0, em.TrueNorth(s=S), target_core=[0, -1], target_axon=1, delay=3
    )
    net.probe("a", "v")
    result = em.run(
        em.compile(net, crossbar_chip()), 8, {"a": np.array([[2, 0]])}, engine=engine, timing=False
    )
    assert result.spikes("a").tolist() == [[2, 0], [5, 1]]
    assert result.spike_counts("a").tolist() == [1, 1] and result.probe("a", "v").shape == (8, 2)
    assert result.counts["synaptic_ops_dense"] == 2


def test_populations_and_what_they_need_are_refused_by_name() -> None:
    net = em.Network("net")
    net.add_population("p", 2, em.LoihiCuba())
    words = (
        "population 'p': model LoihiCuba needs cores that chip 'tiny' lacks .cores.model 'truenorth'.: "
        "choose from LIF, TrueNorth, or a chip with cores.model 'cuba'"
    )
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, crossbar_chip())


def test_chips_without_crossbars_refuse_cores_and_truenorth_neurons_by_name() -> None:
    with pytest.raises(
        em.CompileError, match="2 cores described directly, the first is 'a'; chip 'tiny' has no"
    ):
        em.compile(two_cores(), em.load_chip("tiny"))
    net = em.Network("net")
    net.add_population("p", 2, em.TrueNorth())
    words = (
        "'p': model TrueNorth needs crossbars, chip 'tiny' has none .*choose from LIF, LoihiCuba, or a chip"
    )
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, em.load_chip("tiny"))


def one(**changes: Any) -> em.Network:
    net = em.Network("net")
    given = {"crossbar": [[1, 1, 1]], "axon_types": 0, "neurons": em.TrueNorth(s=S), **changes}
    net.add_core("c0", **given)
    return net


def several(n: int, **changes: Any) -> em.Network:
    net = em.Network("net")
    for number in range(n):
        net.add_core(f"c{number}", [[1]], 0, em.TrueNorth(s=S), **changes)
    return net


NAMED = r"\(chip 'tiny', arithmetic.variant 'chip'"
LIFT = r"choose one that it holds, or lift the ranges with arithmetic.variant 'ranc'"
REFUSED: list[tuple[em.Network, dict[str, Any], str]] = [
    (
        em.Network("net"),
        {},
        "network 'net' has neither population nor core: add one with add_population or add_core",
    ),
    (
        several(9),
        {},
        r"network 'net': 9 cores described directly, chip 'tiny' has 8: use fewer cores or a larger",
    ),
    (
        several(8),
        {"mesh__faults": {"cores": [1, 2]}},
        r"8 cores described directly, chip 'tiny' has 6 \(2 are dead\)",
    ),
    (one(), {"limits__compartments": 2}, r"core 'c0': 3 neurons, limit 2 \(chip 'tiny'\): split the core"),
    (
        one(crossbar=[[1], [1]]),
        {"limits__axons_in": 1},
        r"core 'c0': 2 axons, limit 1 \(chip 'tiny'\): split the core",
    ),
    (
        one(target_core=0, delay=[1, 9, 4]),
        {"limits__delay_ticks": 8},
        r"core 'c0': delay 9, limit 8 \(chip 'tiny'\): shorten it, or put a relay core in its way",
    ),
    (
        one(target_core=[0, 1, 2]),
        {},
        r"core 'c0': target_core\[1\] = 1: the network has 1 cores, 0..0 \(2 in all\)",
    ),
    (
        one(target_core=0, target_axon=[0, 1, 2]),
        {},
        r"core 'c0': target_axon\[1\] = 1: core 'c0' has 1 axons, 0..0 \(2 in all\)",
    ),
    (one(at=(2, 0)), {}, r"core 'c0': at \(2, 0\) is outside the mesh of 2 x 2 tiles \(chip 'tiny'\)"),
    (
        several(3, at=(1, 1)),
        {},
        r"cores 'c0', 'c1', 'c2': 3 at tile \(1, 1\), which has 2 \(chip 'tiny'\): move all but so many",
    ),
    (
        one(at=(0, 0)),
        {"mesh__faults": {"cores": [0, 1]}},
        r"core 'c0': at \(0, 0\): no core of that tile is alive \(mesh.faults of chip 'tiny'\): move it",
    ),
    (
        one(neurons=em.TrueNorth(s=S, alpha=[1, 2**18, 2**18])),
        {},
        rf"core 'c0': alpha\[1\] = 262144: outside 0..262143 {NAMED}; 2 in all\): {LIFT}",
    ),
    (
        one(neurons=em.TrueNorth(s=(0, 256, 0, 0))),
        {},
        rf"core 'c0': s\[1\] = 256: outside -255..255 {NAMED}\)",
    ),
    (one(neurons=em.TrueNorth(s=S, leak=-256)), {}, "core 'c0': leak = -256: outside -255..255"),
    (one(neurons=em.TrueNorth(s=S, beta=-1)), {}, "core 'c0': beta = -1: outside 0..262143"),
    (one(neurons=em.TrueNorth(s=S, v0=2**19)), {}, "core 'c0': v0 = 524288: outside -524288..524287"),
    (
        one(neurons=em.TrueNorth(s=S, R=[0, 3, 5])),
        {},
        rf"core 'c0': R\[2\] = 5: must be \+-\(2\*\*n - 1\) {NAMED}",
    ),
    (
        one(neurons=em.TrueNorth(s=S, leak=40000)),
        {"arithmetic__variant": "ranc"},
        r"leak = 40000: outside -32768..32767 \(chip 'tiny', arithmetic.variant 'ranc'\): choose one",
    ),
]


@pytest.mark.parametrize(("network", "changes", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_no_placement_can_mend_is_refused(
    network: em.Network, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(em.CompileError, match=words):
        em.compile(network, crossbar_chip(**changes))


def test_everything_wrong_is_listed_at_once_and_long_lists_are_cut() -> None:
    net = em.Network()
    for number in range(30):
        net.add_core(f"c{number}", [[1]], 0, em.TrueNorth(s=S, leak=999), target_core=99, at=(9, 9))
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, crossbar_chip(), mapping={"c0": [0]})
    problems = caught.value.problems
    assert len(problems) == 2 + 3 * 21 and problems.count("10 more of this kind") == 3
    assert problems[0].startswith("mapping of 'c0': cores of chip 'tiny' are placed whole: drop mapping=")


def test_populations_of_truenorth_neurons_are_held_against_the_chip_too() -> None:
    net = em.Network()
    net.add_population("p", 2, em.TrueNorth(alpha=-1), v0=[0, 2**20])
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, crossbar_chip())
    assert [line[: line.index(":", 16)] for line in caught.value.problems] == [
        "population 'p': alpha = -1",
        "population 'p': v0[1] = 1048576",
    ]


def test_variant_ranc_lifts_the_ranges() -> None:
    neurons = em.TrueNorth(s=(256, 0, 0, 0), leak=-1000, alpha=2**30, beta=-5, R=5, v0=-(2**31))
    image = em.compile(one(neurons=neurons), crossbar_chip(arithmetic__variant="ranc")).image
    assert isinstance(image, CrossbarImage)
    assert image.slot_alpha.tolist() == [2**30] * 3 and image.slot_v0.tolist() == [-(2**31)] * 3


def test_pinned_cores_stay_and_dead_ones_are_passed_over() -> None:
    chip = crossbar_chip(mesh__faults={"cores": [0, 6]})
    net = several(3)
    net.add_core("pinned", [[1]], 0, em.TrueNorth(s=S), at=(1, 1))
    placed = run_passes(net, chip, until="place")["place"].core_of.tolist()
    assert placed[3] == 7 and len(set(placed)) == 4 and not {0, 6} & set(placed)


def test_more_cores_than_the_chip_has_are_refused_when_placed() -> None:
    parts = run_passes(several(5), crossbar_chip(), until="describe")["describe"]
    with pytest.raises(
        em.CompileError, match=r"needs 10 cores, chip 'tiny' has 8: use a larger mesh, or fewer"
    ):
        place_cores(joined(parts, parts), crossbar_chip(), 0, "fast")


def test_joining_renumbers_cores_axons_and_the_host_port() -> None:
    parts = run_passes(two_cores(), crossbar_chip(), until="describe")["describe"]
    both = joined(parts, parts)
    assert both.target_core.tolist() == [1, 0, 4, -1, 0, 3, 2, 4, -1, 2]
    assert both.input_core.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert both.neuron_ptr.tolist() == [0, 3, 5, 8, 10] and both.axon_ptr.tolist() == [0, 2, 4, 6, 8]
    assert both.input_ptr.tolist() == [0, 0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8]
    assert both.address["a"].tolist() == [5, 6, 7]


def test_stats_say_what_is_used_and_how_far_spikes_go(program: em.Program) -> None:
    stats = program.stats
    assert (stats["n_cores_used"], stats["n_neurons"], stats["n_axons"], stats["n_synapses"]) == (2, 5, 4, 5)
    assert stats["limits"] == {"compartments": 256, "axons_in": 256, "synapses": 65536}
    assert stats["cores"]["synapses"] == [2, 3] and stats["rewrites"] == []
    assert (stats["mean_route"], stats["longest_route"]) == (2 / 3, 1)  # a -> b, a -> a, b -> a
    text = program.report()
    assert "synapses" in text and "2 at (1, 0)" in text and "mean route of a spike" in text


def test_a_network_without_targets_has_no_routes() -> None:
    stats = em.compile(one(), crossbar_chip()).stats
    assert stats["mean_route"] is None and stats["longest_route"] is None


def test_routes_by_a_table_are_followed() -> None:
    chip = crossbar_chip(mesh__routing="table", mesh__faults={"links": [{"x": 0, "y": 0, "side": "E"}]})
    net = em.Network()
    net.add_core("a", [[1]], 0, em.TrueNorth(s=S), target_core=1, at=(0, 0))
    net.add_core("b", [[1]], 0, em.TrueNorth(s=S), at=(1, 0))
    assert em.compile(net, chip).stats["longest_route"] == 3


def test_a_core_that_cannot_be_reached_is_refused() -> None:
    chip = crossbar_chip(mesh__faults={"links": [{"x": 0, "y": 0, "side": "E"}]})
    net = em.Network()
    net.add_core("a", [[1]], 0, em.TrueNorth(s=S), target_core=1, at=(0, 0))
    net.add_core("b", [[1]], 0, em.TrueNorth(s=S), at=(1, 0))
    with pytest.raises(
        em.CompileError, match=r"core 0 at tile \(0, 0\) cannot reach core 2 at tile \(1, 0\)"
    ):
        em.compile(net, chip)


def test_every_pass_prints_some_stable_text() -> None:
    first, second = (run_passes(two_cores(), crossbar_chip()) for _ in range(2))
    for step in CROSSBAR_PASSES:
        text = step.text(first[step.name])
        assert text.endswith("\n") and text == step.text(second[step.name]), step.name


def test_an_unknown_pass_is_refused_with_the_choices() -> None:
    with pytest.raises(
        em.CompileError, match="pass 'route': choose from check, rewrite, describe, place, emit"
    ):
        run_passes(two_cores(), crossbar_chip(), until="route")


MUTATIONS: list[tuple[str, int, int, str]] = [
    ("crossbar", 64, 0b100, "core 'a': rows differs in the image"),
    ("axon_type", 3, 2, "core 'a': axon_type differs"),
    ("slot_weight", 8, 2, "core 'a': s differs"),
    ("slot_stochastic", 2, 0b01001, "core 'a': c differs"),
    ("slot_stochastic", 0, 1, "core 'b': b differs"),
    ("slot_leak", 0, 1, "core 'b': leak differs"),
    ("slot_reversal", 4, 1, "core 'a': epsilon differs"),
    ("slot_alpha", 4, 9, "core 'a': alpha differs"),
    ("slot_beta", 4, 9, "core 'a': beta differs"),
    ("slot_mask_bits", 4, 9, "core 'a': TM differs"),
    ("slot_reset", 4, 1, "core 'a': R differs"),
    ("slot_reset_mode", 4, 1, "core 'a': gamma differs"),
    ("slot_saturate", 4, 1, "core 'a': kappa differs"),
    ("slot_v0", 4, 1, "core 'a': v0 differs"),
    ("slot_recorded", 4, 0, "core 'a': record_spikes differs"),
    ("slot_group", 0, 3, "population 'b' is booked on another account than 4"),
    ("input_group", 5, 1, "source 'b' is booked on another account than 2"),
    ("axon_group", 0, 3, "axon 0 is booked on another account than its lowest sender's"),
    ("entry_axon", 0, 2, "core 'b': target_axon differs"),
    ("entry_delay", 2, 2, "core 'a': delay differs"),
    ("entry_delay", 4, 1, "core 'a': its axons are not reached by inputs of their own"),
    ("n_groups", 0, 6, "6 accounts, expected 5"),
    ("entry_axon", 0, 9, r"internal: entry_axon\[0\] = 9: outside"),
]


@pytest.mark.parametrize(("name", "place", "value", "words"), MUTATIONS, ids=range(len(MUTATIONS)))
def test_a_wrong_image_is_found_out(job: Job, name: str, place: int, value: int, words: str) -> None:
    changed: Any = value
    if name != "n_groups":
        changed = getattr(image_of(job), name).copy()
        changed[place] = value
    image = image_of(job).replace(**{name: changed})
    with pytest.raises(em.CompileError, match="internal: .*" + words if "internal" not in words else words):
        verify_crossbars(image, job["symbols"], job["rewrite"], job["place"].core_of, job.network, job.chip)


WRONG_SYMBOLS: list[tuple[int, dict[str, Any], str]] = [
    (3, {"name": "b"}, r"parts \['in', 'a', 'b', 'b', 'b'\], expected \['in', 'a', 'b', 'a', 'b'\]"),
    (1, {"address": np.array([3, 2])}, "inputs of the sources are not 0..5 in order"),
    (3, {"address": np.array([3, 2, 4])}, "core 'a': its neurons are not the slots of core 2"),
]


@pytest.mark.parametrize(("number", "changes", "words"), WRONG_SYMBOLS, ids=range(3))
def test_wrong_symbols_are_found_out(job: Job, number: int, changes: dict[str, Any], words: str) -> None:
    parts = list(job["symbols"].parts)
    parts[number] = replace(parts[number], **changes)
    symbols = replace(job["symbols"], parts=tuple(parts))
    with pytest.raises(em.CompileError, match="internal: " + words):
        verify_crossbars(image_of(job), symbols, job["rewrite"], job["place"].core_of, job.network, job.chip)


def test_a_program_of_crossbars_comes_back_from_its_file(program: em.Program, tmp_path: Path) -> None:
    program.save(tmp_path / "p")
    read = em.load_program(tmp_path / "p")
    assert isinstance(read.image, CrossbarImage) and read.image.digest == program.image.digest
    assert [(part.kind, part.name) for part in read.symbols.parts] == [
        (part.kind, part.name) for part in program.symbols.parts
    ]
    assert read.stats == program.stats


@pytest.fixture(scope="module")
def mixed() -> Job:
    """Two populations and a core: what populations come to has the first core."""
    net = em.Network("mixed")
    net.add_source("in", 3)
    net.add_population("a", 4, em.TrueNorth(alpha=2))
    net.add_population("b", 2, em.TrueNorth(alpha=3), to_host=True, record_spikes=False)
    net.connect("in", "a", [[1, 2, 0, 1], [0, 1, 1, 0], [2, 0, 1, 1]])
    net.connect("a", "b", [[1, 2], [2, 1], [1, 1], [3, 0]], delay_ticks=2)
    net.add_core("c", np.eye(2, dtype=bool), 0, em.TrueNorth(s=S), target_core=0, target_axon=[1, 0])
    return run_passes(net, crossbar_chip())


def test_populations_and_cores_share_a_chip(mixed: Job) -> None:
    parts = [(part.kind, part.name) for part in mixed["symbols"].parts]
    population = [("population", "a"), ("population", "b"), ("population", "c")]
    assert parts == [("source", "in"), ("source", "c"), *population]
    image, rewritten = image_of(mixed), mixed["rewrite"]
    assert image.n_cores == rewritten.n_cores + 1
    assert image.slot_group[mixed["symbols"].part("c").address].tolist() == [4, 4]
    assert image.slot_group[mixed["symbols"].part("b").address].tolist() == [3, 3]


MIXED_MUTATIONS = [
    ("slot_alpha", 0, 9, "core 0 of the rewrites: alpha differs in the image"),
    ("crossbar", 0, 0b1111, "core 0 of the rewrites: rows differs in the image"),
    ("entry_delay", -3, 3, "entries of the sources differ in the image"),
]


@pytest.mark.parametrize(("name", "place", "value", "words"), MIXED_MUTATIONS, ids=range(3))
def test_a_wrong_image_of_populations_is_found_out(
    mixed: Job, name: str, place: int, value: int, words: str
) -> None:
    changed = getattr(image_of(mixed), name).copy()
    changed[place] = value + (changed[place] == value)
    image = image_of(mixed).replace(**{name: changed})
    with pytest.raises(em.CompileError, match="internal: " + words):
        verify_crossbars(
            image, mixed["symbols"], mixed["rewrite"], mixed["place"].core_of, mixed.network, mixed.chip
        )


def test_neurons_of_populations_in_other_slots_are_found_out(mixed: Job) -> None:
    symbols = mixed["symbols"]
    parts = [
        replace(part, address=part.address[::-1]) if (part.kind, part.name) == ("population", "a") else part
        for part in symbols.parts
    ]
    with pytest.raises(em.CompileError, match="population 'a': its neurons are not in the slots of its name"):
        verify_crossbars(
            image_of(mixed),
            replace(symbols, parts=tuple(parts)),
            mixed["rewrite"],
            mixed["place"].core_of,
            mixed.network,
            mixed.chip,
        )


def test_populations_and_cores_run_side_by_side(engine: str, mixed: Job) -> None:
    program = em.compile(mixed.network, mixed.chip)
    stimulus = {"in": np.ones((6, 3), dtype=bool), "c": np.array([[0, 0]])}
    result = em.run(program, 6, stimulus, engine=engine, timing=False)
    assert result.spikes("c").tolist() == [[0, 0], [1, 1], [2, 0], [3, 1], [4, 0], [5, 1]]
    assert len(result.spikes("a"))
