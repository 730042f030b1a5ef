"""Explaining a program: where it went, what binds, what its links carry, what would relieve them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import emulator as em
from emulator.report import draw_map, explain_text, explanation
from emulator.report.explain_picture import _shares
from emulator.report.explain_text import ranges
from emulator.report.link_flows import busiest, flows_of, listeners, spikes_of
from emulator.report.placement_map import FINE, OTHERS, Shares, _core_image
from emulator.testing import Case, cases
from emulator.testing.crossbar_strategies import crossbar_cases
from emulator.testing.crossbars import crossbar_chip, two_cores

FEWER = settings(max_examples=max(8, settings.default.max_examples // 20))
TINY = em.load_chip("tiny")
ROW = TINY.replace({"mesh.width": 4, "mesh.height": 1, "cores.per_tile": 1})


def line() -> em.Network:
    """in (2) -> a (3) -> b (2) -> the host; every neuron of one is connected to all of the next."""
    net = em.Network("line")
    source = net.add_source("in", 2)
    a = net.add_population("a", 3, em.LoihiCuba(vth_mant=2))
    b = net.add_population("b", 2, em.LoihiCuba(vth_mant=2), to_host=True)
    net.connect(source, a, np.full((2, 3), 100))
    net.connect(a, b, np.full((3, 2), 100))
    return net


def far() -> em.Program:
    """On a row of four tiles: a at the end, b in the middle, the host port at the start."""
    return em.compile(line(), ROW, mapping={"a": np.full(3, 3), "b": np.full(2, 1)})


def test_parts_cores_and_links_are_told_as_counted_by_hand() -> None:
    told = explanation(far())
    a, b = told["populations"]
    assert (a["name"], a["n"], a["n_added"], a["cores"], a["neurons"]) == ("a", 3, 0, [3], [3])
    assert (b["name"], b["n_cores"], b["n_tiles"], b["box"]) == ("b", 1, 1, [1, 1, 0, 0])
    assert told["sources"] == [{"name": "in", "n": 2, "n_cores": 1, "n_entries": 2}]
    # a has 3 of 16 compartments, 1 of 4 configurations: the latter binds
    first = {row["core"]: row for row in told["cores"]}[3]
    assert (first["binding"], first["used"], first["limit"]) == ("compartment_configs", 1, 4)
    assert (first["holds"], first["x"], first["y"]) == ({"a": 3}, 3, 0)
    # inputs: 2 packets three links east; a: 3 packets two links west; b: 2 packets one link west
    assert told["spike_hops"] == 2 * 3 + 3 * 2 + 2 * 1 and told["packets"] == 7
    busiest_link = told["links"][0]
    assert (busiest_link["from"], busiest_link["side"], busiest_link["packets"]) == ([2, 0], "W", 3)
    assert busiest_link["flows"] == [{"from": "a", "to": "b", "packets": 3}]
    to_host = next(row for row in told["links"] if row["from"] == [1, 0] and row["side"] == "W")
    assert to_host["flows"] == [{"from": "b", "to": "the host", "packets": 2}]
    assert told["n_links_used"] == 6


def crowded() -> tuple[em.Network, dict[str, Any]]:
    """a and c, three neurons each, come to b by the same link though b has another side."""
    net = em.Network("crowded")
    a, c = (net.add_population(name, 3, em.LoihiCuba(vth_mant=2)) for name in "ac")
    b = net.add_population("b", 1, em.LoihiCuba(vth_mant=2))
    for one in (a, c):
        net.connect(one, b, np.full((3, 1), 10))
    return net, {"a": np.full(3, 3), "c": np.full(3, 2), "b": np.full(1, 1)}


def test_what_is_said_to_relieve_the_busiest_link_does() -> None:
    net, pins = crowded()
    program = em.compile(net, ROW, mapping=pins)
    tried = [one for one in explanation(program)["relief"] if one["max_link"] is not None]
    assert tried[0]["text"].startswith("cores 1 and 2 exchanged, -33.3 % hops (`mapping=` pins")
    moved = em.compile(net, ROW, mapping={**pins, "b": np.full(1, 2), "c": np.full(3, 1)})
    assert moved.stats["max_link"] == tried[0]["max_link"] == 3 and program.stats["max_link"] == 6


def test_another_routing_is_told_with_the_load_that_it_has() -> None:
    chip = TINY.replace({"mesh.width": 3, "mesh.height": 3, "cores.per_tile": 1})
    net = em.Network("corner")
    left = net.add_population("left", 4, em.LoihiCuba(vth_mant=2))
    below = net.add_population("below", 4, em.LoihiCuba(vth_mant=2))
    corner = net.add_population("corner", 1, em.LoihiCuba(vth_mant=2))
    net.connect(left, corner, np.full((4, 1), 10))
    net.connect(below, corner, np.full((4, 1), 10))
    # along x first both meet in the last column; along y first they come by different links
    pins = {"left": np.full(4, 0), "below": np.full(4, 2), "corner": np.full(1, 5)}
    program = em.compile(net, chip, mapping=pins)
    relief = {one["text"]: one["max_link"] for one in explanation(program)["relief"]}
    other = em.compile(net, chip.replace({"mesh.routing": "yx"}), mapping=pins)
    assert relief["mesh.routing 'yx' on the chip"] == other.stats["max_link"] == 4
    assert program.stats["max_link"] == 8


def test_multicast_is_told_with_the_grants_that_a_run_counts() -> None:
    net = em.Network("fan")
    a = net.add_population("a", 2, em.LoihiCuba(vth_mant=0, bias_mant=1))
    b = net.add_population("b", 2, em.LoihiCuba(vth_mant=1000))
    net.connect(a, b, np.full((2, 2), 1))
    pins = {"a": np.zeros(2, int), "b": np.array([2, 3])}
    told = explanation(em.compile(net, ROW, mapping=pins))
    relief = {one["text"]: one["max_link"] for one in told["relief"]}
    tree = em.compile(net, ROW.replace({"mesh.multicast": "tree"}), mapping=pins)
    run = em.run(tree, 1)  # both neurons of a fire once
    assert relief["mesh.multicast 'tree' on the chip"] == run.record.link_counts.max() == 2


@FEWER
@given(cases(TINY))
def test_links_are_those_of_the_stats_whatever_the_chip(case: Case) -> None:
    program = em.compile(case.network, case.chip, mapping=case.mapping)
    told = explanation(program)
    assert told["spike_hops"] == program.stats["spike_hops"]
    assert (told["links"][0]["packets"] if told["links"] else 0) == program.stats["max_link"]
    for row in told["links"]:
        assert sum(one["packets"] for one in row["flows"]) <= row["packets"]
        assert row["n_flows"] > 5 or sum(one["packets"] for one in row["flows"]) == row["packets"]
    assert sum(sum(row["neurons"]) for row in told["populations"]) == program.image.n_slots
    assert explain_text(told)


@FEWER
@given(crossbar_cases(crossbar_chip()))
def test_links_of_crossbar_cores_are_those_of_the_stats_too(case: Any) -> None:
    program = em.compile(case.network, case.chip)
    told = explanation(program)
    assert told["spike_hops"] == program.stats["spike_hops"]
    assert (told["links"][0]["packets"] if told["links"] else 0) == program.stats["max_link"]
    assert explain_text(told)


def test_the_packets_of_a_profile_are_those_that_the_run_counted() -> None:
    net = line()
    program = far()
    result = em.run(program, 8, {"in": np.ones((8, 2), dtype=bool)})
    told = explanation(program, result.record)
    assert told["weights"] == "profile" and told["spike_hops"] == int(result.record.link_counts.sum()) > 0
    most = {tuple(row["from"]): row["packets"] for row in told["links"] if row["side"] == "E"}
    assert most[0, 0] == result.record.link_counts[0, 0]
    # measured elsewhere, read by name
    loihi = em.run(em.compile(net, em.load_chip("loihi")), 8, {"in": np.ones((8, 2), dtype=bool)})
    assert explanation(program, loihi.record)["links"] == told["links"]


def test_a_profile_of_another_program_is_refused() -> None:
    other = em.Network("other")
    other.add_population("a", 1, em.LoihiCuba(vth_mant=0, bias_mant=1))
    result = em.run(em.compile(other, TINY), 1)
    with pytest.raises(
        em.SimulationError, match="profile: the run was of another program than that of network"
    ):
        explanation(far(), result.record)
    chip = crossbar_chip()
    program = em.compile(two_cores(), chip)
    with pytest.raises(em.SimulationError, match="for chip 'tiny': run this one"):
        explanation(program, result.record)
    run = em.run(program, 3)
    assert np.array_equal(spikes_of(program, run.record), run.record.spikes_by_sender)


def test_a_program_on_one_tile_has_no_links_to_relieve() -> None:
    told = explanation(em.compile(line(), TINY))
    assert told["links"] == [] and told["relief"] == []
    assert "no packet leaves its tile" in explain_text(told)


def test_an_axon_is_told_by_the_first_neuron_that_listens_to_it() -> None:
    program = em.compile(two_cores(), crossbar_chip())
    names = [program.symbols.parts[account].name for account in listeners(program.image).tolist()]
    assert sorted(names) == ["a", "a", "b", "b"]
    assert busiest(np.array([[0, 5], [7, 5]]), 2) == [(0, 2), (0, 1)]


def test_core_ids_are_told_as_ranges() -> None:
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
    assert ranges(list(range(0, 40, 2))) == "0, 2, 4, 6, 8, 10 and 14 ranges more"


def test_the_text_names_cores_limits_links_and_what_would_help() -> None:
    net, pins = crowded()
    text = explain_text(explanation(em.compile(net, ROW, mapping=pins)))
    for words in (
        "Program 'crowded' on tiny: where it went, what binds, what its links carry",
        "3 at (3, 0)   'a' 3   configs       1       4     25.0 %",
        "(2, 0) W to (1, 0)   'a' -> 'b' 50.0 %, 'c' -> 'b' 50.0 %",
        "Packets over the busiest link, instead of 6 (each was tried)",
        "50.0 % of the busiest link is 'a' -> 'b': fewer cores on either side",
        "compiled with effort 'default': 'best' looks longer",
        "compiled without a profile: `profile=` places by measured spikes",
    ):
        assert words in text, text
    told = explain_text(explanation(far()))
    assert "The busiest link carries 3 packets; nothing tried brings that down" in told


def test_inputs_that_crowd_the_host_port_are_named() -> None:
    net = em.Network("inputs")
    a = net.add_population("a", 1, em.LoihiCuba(vth_mant=2))
    net.connect(net.add_source("in", 9), a, np.full((9, 1), 10))
    text = explain_text(explanation(em.compile(net, ROW, mapping={"a": np.array([2])})))
    assert "100.0 % of it are inputs, which all enter at the host port, tile (0, 0)" in text


def pixels(content: bytes) -> Any:
    from matplotlib.image import imread

    return imread(io.BytesIO(content))


def mosaic(width: int, height: int, n_populations: int = 3) -> em.Program:
    """Populations over all cores of a mesh, several to a core."""
    size = {"mesh.width": width, "mesh.height": height, "cores.per_tile": 1}
    chip = TINY.replace({**size, "limits.delay_slots": None})
    net = em.Network("mosaic")
    n = width * height
    pins = {}
    for number in range(n_populations):
        name = f"p{number}"
        net.add_population(name, n, em.LoihiCuba(vth_mant=2))
        pins[name] = (np.arange(n) + number) % n
        if number:
            net.connect("p0", name, em.Triplets(np.arange(n), np.arange(n), np.full(n, 2), 1))
    return em.compile(net, chip, mapping=pins)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (64, 64)])
def test_the_map_is_drawn_for_meshes_of_any_size(size: tuple[int, int]) -> None:
    program = mosaic(*size)
    found = pixels(draw_map(program))
    assert found.shape[0] >= 300 and found.shape[1] >= 600
    assert draw_map(program) == draw_map(program)
    # the colours of all three populations are to be seen
    for wanted in ("#0072b2", "#d55e00", "#009e73"):
        rgb = np.array([int(wanted[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        assert (np.abs(found[..., :3] - rgb).max(axis=2) < 0.02).sum() > 50, wanted


def test_several_populations_share_a_core_by_their_neurons() -> None:
    net = em.Network("shared")
    for name, n in (("three", 6), ("one", 2)):
        net.add_population(name, n, em.LoihiCuba(vth_mant=2))
    program = em.compile(net, TINY)
    shares = _shares(program)
    assert shares.names == ["three", "one"] and shares.neurons.tolist() == [[6, 2]]
    load = mesh_of(program)
    image = _core_image(shares, load[0], load[1])
    strip = image[0, :FINE]
    assert [tuple(pixel) == tuple(strip[0]) for pixel in strip] == [True] * 6 + [False] * 2


def mesh_of(program: em.Program) -> Any:
    from emulator.report.mesh_load import Frame, MeshLoad

    chip = program.chip
    load = MeshLoad(
        width=chip.mesh.width,
        height=chip.mesh.height,
        per_tile=chip.cores.per_tile,
        host_x=0,
        host_y=0,
        host_side="W",
        core_j={},
        link_packets=flows_of(program).loads(),
        host_in=0,
        host_out=0,
    )
    return load, Frame(0, 0, chip.mesh.width - 1, chip.mesh.height - 1)


def test_populations_past_those_with_a_colour_share_a_grey() -> None:
    net = em.Network("many")
    for number in range(20):
        net.add_population(f"p{number}", 1 + (number < 4), em.LoihiCuba(vth_mant=2))
    shares = _shares(em.compile(net, TINY))
    assert len(shares.names) == 17 and shares.names[-1] == "4 smaller ones" and shares.n_others == 4
    assert shares.neurons.sum() == 24
    colours = [shares.colour(column) for column in range(17)]
    assert colours[-1] == OTHERS and len(set(colours)) == 17
    assert isinstance(shares, Shares)


def test_the_map_says_what_is_counted_and_a_profile_changes_it() -> None:
    program = far()
    run = em.run(program, 8, {"in": np.ones((8, 2), dtype=bool)})
    assert draw_map(program) != draw_map(program, run.record)


def test_the_command_prints_text_or_json_and_draws(spikemesh: Any, tmp_path: Path) -> None:
    program = far()
    program.save(tmp_path / "p.prog")
    em.run(program, 8, {"in": np.ones((8, 2), dtype=bool)}).save(tmp_path / "r.rec")
    code, out, _ = spikemesh("explain", "p.prog", "--out", "map.png")
    assert code == 0 and "Where the populations went" in out and "map.png" in out
    assert (tmp_path / "map.png").read_bytes() == draw_map(program)
    code, out, _ = spikemesh("explain", "p.prog", "--profile", "r.rec", "--json")
    assert code == 0 and json.loads(out)["weights"] == "profile"
    code, _, err = spikemesh("explain", "no.prog")
    assert code == 2 and "no.prog: no such file" in err
    code, _, err = spikemesh("explain", "p.prog", "--out", "no/map.png")
    assert code == 2 and "the folder no does not exist" in err
