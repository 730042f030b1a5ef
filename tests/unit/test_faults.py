"""Faults of a chip: what a description may say, what is refused, what is dropped, where the compiler goes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import report
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.engine.mesh import PACKET_DTYPE

EAST_0 = {"x": 0, "y": 0, "side": "E"}  # of the shipped test chip: tiles 0 1 below, 2 3 above, 2 cores each


def broken(tiny: ChipSpec, policy: str = "block", **faults: Any) -> ChipSpec:
    return tiny.replace({"mesh.faults": {"policy": policy, **faults}})


def chain(n: int = 2) -> em.Network:
    """n neurons that all fire in the first tick, each with a synapse to the next."""
    network = em.Network("chain")
    a = network.add_population("a", n, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1))
    network.connect(a, a, np.eye(n, k=1), synapse=em.LoihiSynapse())
    return network


def test_a_chip_without_faults_has_all_its_cores_and_links(tiny: ChipSpec) -> None:
    assert tiny.mesh.faults is None and usable_cores(tiny).all() and tiny.grid.is_whole
    assert broken(tiny).grid == tiny.grid


def test_a_dead_router_takes_its_links_and_cores_with_it(tiny: ChipSpec) -> None:
    chip = broken(tiny, routers=[{"x": 1, "y": 0}], cores=[0])
    assert np.flatnonzero(usable_cores(chip)).tolist() == [1, 4, 5, 6, 7]
    live = {(tile, "EWNS"[side]) for tile, side in np.argwhere(chip.grid.links).tolist()}
    assert live == {(0, "N"), (2, "S"), (2, "E"), (3, "W")}


def test_faults_survive_plain_tables_and_are_read_from_files(tiny: ChipSpec, tmp_path: Any) -> None:
    chip = broken(tiny, links=[EAST_0], routers=[{"x": 1, "y": 1}], cores=[3])
    assert ChipSpec.from_dict(json.loads(json.dumps(chip.to_dict()))) == chip
    old = tiny.to_dict()
    del old["mesh"]["faults"]
    assert ChipSpec.from_dict(old) == tiny
    path = tmp_path / "broken.yaml"
    path.write_text(
        "name: broken\ndescription: x\nreal_chip: false\ninherits: tiny\nmesh:\n  faults:\n    links:\n"
        "      - {x: 0, y: 0, side: E}\n    routers: [{x: 1, y: 1}]\n    cores: [3]\n"
    )
    assert em.load_chip(str(path)).mesh == chip.mesh


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"policy": "ignore"}, r"mesh\.faults\.policy: 'ignore', choose from 'block' or 'drop'"),
    (
        {"links": [{"x": 1, "y": 0, "side": "E"}]},
        r"mesh\.faults\.links\.0: \(1, 0\) E is no link: choose from W, N",
    ),
    (
        {"links": [{"x": 2, "y": 0, "side": "W"}]},
        r"links\.0: \(2, 0\) W is outside the mesh of 2 x 2 tiles: x 0\.\.1",
    ),
    ({"links": [EAST_0, EAST_0]}, r"links\.1: \(0, 0\) E is named before: once is enough"),
    (
        {"links": [{"x": 0, "y": 0}]},
        r"links\.0\.side: missing; add it \(side of the tile that the link leaves\)",
    ),
    ({"links": [{**EAST_0, "z": 1}]}, r"links\.0\.z: unknown key; .*choose from x, y, side"),
    ({"links": 5}, r"links: 5, must be a list"),
    ({"routers": [{"x": 0, "y": 2}]}, r"routers\.0: \(0, 2\) is outside the mesh of 2 x 2 tiles"),
    ({"routers": [{"x": 0, "y": -1}]}, r"routers\.0\.y: -1, must be at least 0 \(row of the tile"),
    ({"cores": [8]}, r"mesh\.faults\.cores\.0: 8, the last core of the chip is 7"),
    ({"cores": [1, 1]}, r"cores\.1: 1 is named before"),
    ({"cores": list(range(8))}, r"mesh\.faults: no core is left alive: take some of the faults out"),
    (
        {"cores": [0, 1], "routers": [{"x": 1, "y": 0}, {"x": 0, "y": 1}, {"x": 1, "y": 1}]},
        r"mesh\.faults: no core is left alive",
    ),
    ({"dead": []}, r"mesh\.faults\.dead: unknown key; .*choose from policy, links, routers, cores, lossy"),
    ({"lossy": [EAST_0]}, r"lossy\.0\.probability: missing; add it \(share of the packets that it loses"),
    ({"lossy": [{**EAST_0, "probability": 1.5}]}, r"lossy\.0\.probability: 1\.5, must be at most 1"),
    (
        {"lossy": [{**EAST_0, "side": "S", "probability": 0.5}]},
        r"lossy\.0: \(0, 0\) S is no link: choose from E, N",
    ),
    (
        {"lossy": [{**EAST_0, "probability": 0.5}, {**EAST_0, "probability": 0.25}]},
        r"lossy\.1: \(0, 0\) E is named before",
    ),
]


@pytest.mark.parametrize(("faults", "words"), MALFORMED)
def test_a_malformed_fault_is_refused(faults: dict[str, Any], words: str, tiny: ChipSpec) -> None:
    with pytest.raises(em.SpecError, match=words):
        tiny.replace({"mesh.faults": faults})


def test_the_compiler_maps_around_dead_cores_and_the_cores_of_dead_routers(tiny: ChipSpec) -> None:
    chip = broken(tiny, routers=[{"x": 1, "y": 0}], cores=[0, 4]).replace({"limits.compartments": 1})
    assert em.compile(chain(4), chip.replace({"mesh.routing": "table"})).image.core_id.tolist() == [
        1,
        5,
        6,
        7,
    ]
    with pytest.raises(
        em.CompileError, match=r"5 neurons, limit 4 \(4 \(4 are dead\) cores of 1 compartments"
    ):
        em.compile(chain(5), chip)


def test_more_cores_than_are_alive_are_refused(tiny: ChipSpec) -> None:
    chip = broken(tiny, cores=[0, 1, 2, 3, 4, 5]).replace({"limits.axons_out": 1})
    network = em.Network("wide")
    a = network.add_population("a", 3, em.LoihiCuba(), to_host=True)
    network.connect(a, a, np.zeros((3, 3)))
    with pytest.raises(
        em.CompileError, match=r"needs 3 cores, chip 'tiny' has 2 \(6 are dead\); of these cores"
    ):
        em.compile(network, chip)


def test_a_pin_to_a_dead_core_is_refused(tiny: ChipSpec) -> None:
    with pytest.raises(
        em.CompileError,
        match=r"mapping of population 'a': core 3 of neuron 1 is dead, or its router is \(mesh\.faults of "
        r"chip 'tiny', 1 in all\): pin to another core",
    ):
        em.compile(chain(), broken(tiny, "drop", cores=[3]), mapping={"a": [0, 3]})


def test_what_cannot_be_reached_is_refused_when_compiling(tiny: ChipSpec) -> None:
    with pytest.raises(
        em.CompileError,
        match=r"core 0 at tile \(0, 0\) cannot reach core 2 at tile \(1, 0\): no way by mesh\.routing 'xy' "
        r"\(mesh\.faults of chip 'tiny'\): route by 'table', move one of them, or let packets be dropped",
    ):
        em.compile(chain(), broken(tiny, links=[EAST_0]), mapping={"a": [0, 2]})
    em.compile(chain(), broken(tiny, links=[{"x": 1, "y": 0, "side": "W"}]), mapping={"a": [0, 2]})


def test_the_host_port_can_be_cut_off_too(tiny: ChipSpec) -> None:
    network = em.Network("host")
    source = network.add_source("in", 1)
    a = network.add_population("a", 1, em.LoihiCuba())
    network.connect(source, a, np.ones((1, 1)), synapse=em.LoihiSynapse())
    chip = broken(tiny, routers=[{"x": 0, "y": 0}])
    words = r"the host port at tile \(0, 0\) cannot reach core 2 at tile \(1, 0\)"
    with pytest.raises(em.CompileError, match=words):
        em.compile(network, chip, mapping={"a": [2]})


def test_a_long_list_of_what_cannot_be_reached_ends_with_a_number(tiny: ChipSpec) -> None:
    chip = broken(tiny, links=[EAST_0, {"x": 1, "y": 0, "side": "W"}])
    chip = chip.replace({"cores.per_tile": 6, "limits.compartments": 2})
    network = em.Network("all to all")
    a = network.add_population("a", 12, em.LoihiCuba())
    network.connect(a, a, np.ones((12, 12)), synapse=em.LoihiSynapse())
    with pytest.raises(em.CompileError) as caught:
        em.compile(network, chip, mapping={"a": list(range(12))})
    # 6 cores each way: 72 pairs
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "52 pairs more that cannot be reached (mesh.faults of chip 'tiny')"


def test_a_program_for_a_whole_chip_is_refused_by_a_broken_one(tiny: ChipSpec, engine: str) -> None:
    program = em.compile(chain(), tiny, mapping={"a": [0, 2]})
    for faults, words in (
        ({"links": [EAST_0]}, r"core 0 at tile \(0, 0\) cannot reach core 2"),
        ({"cores": [2], "policy": "drop"}, r"core 2: holds compartments but is dead, or its router is"),
    ):
        elsewhere = dataclasses.replace(program, chip=tiny.replace({"mesh.faults": faults}))
        with pytest.raises(em.ImageError, match=words):
            em.run(elsewhere, 1, engine=engine)


def test_a_file_for_a_broken_chip_is_checked_when_loaded(tiny: ChipSpec, tmp_path: Any) -> None:
    program = em.compile(chain(), tiny, mapping={"a": [0, 2]})
    dataclasses.replace(program, chip=broken(tiny, links=[EAST_0])).save(tmp_path / "p.prog")
    with pytest.raises(em.ImageError, match=r"p\.prog: .*core 0 at tile \(0, 0\) cannot reach core 2"):
        em.load_program(tmp_path / "p.prog")


def test_a_dropped_packet_is_counted_costs_its_send_and_delivers_nothing(tiny: ChipSpec, engine: str) -> None:
    chip = broken(tiny, "drop", links=[EAST_0])
    ran, whole = (
        em.run(em.compile(chain(), one, mapping={"a": [0, 2]}), 2, engine=engine) for one in (chip, tiny)
    )
    assert ran.counts["dropped"] == ran.counts["inject"] == whole.counts["inject"] == 2
    assert ran.counts["hop_e"] == ran.counts["eject"] == ran.counts["synaptic_ops"] == 0
    assert whole.counts["hop_e"] == whole.counts["synaptic_ops"] == 2
    by_core = {row["core"]: row for row in ran.energy.table(by="core")}
    assert [by_core[core]["dropped"] for core in (0, 2)] == [2, 0]
    # soma of core 0: update 3, spike 2, send 1; then core 2's: update 3, spike 2; barrier of two tiles 7
    assert ran.tick_ps.tolist() == [3 + 2 + 1 + 7] * 2
    assert "2 of them dropped for want of a way" in report.result_text(ran)


def test_dropped_traffic_is_counted_by_its_source(tiny: ChipSpec, engine: str) -> None:
    packets = np.array([(0, 0, 1), (0, 0, 2), (0, 0, 1), (0, 1, 0), (0, 1, 3)], dtype=PACKET_DTYPE)
    chip = broken(tiny, "drop", links=[EAST_0], cores=[6])
    result = em.run_mesh(chip, packets, engine=engine)
    assert result.arrived.tolist() == [False, True, False, True, False]
    assert result.n_dropped.tolist() == [2, 1, 0, 0]
    assert result.arrive_ps.tolist() == [0, 2 + 4 + 2, 0, 2 + 3 + 2, 0]
    assert result.link_counts.sum() == 2


def test_traffic_that_cannot_arrive_is_refused(tiny: ChipSpec) -> None:
    packets = np.array([(0, 0, 1), (0, 0, 2), (0, 0, 1), (0, 1, 3)], dtype=PACKET_DTYPE)
    with pytest.raises(em.SimulationError) as caught:
        em.run_mesh(broken(tiny, links=[EAST_0], cores=[6]), packets)
    first, second = caught.value.problems
    assert first.startswith(
        "packets: 2 from tile (0, 0) cannot reach tile (1, 0): no way by mesh.routing 'xy'"
    )
    assert "or the first core of one is dead" in second and "1 from tile (1, 0)" in second


def test_a_long_list_of_lost_traffic_ends_with_a_number(tiny: ChipSpec) -> None:
    chip = broken(tiny, routers=[{"x": 0, "y": 0}]).replace({"mesh.width": 6, "mesh.height": 4})
    packets = np.array([(0, 0, to) for to in range(24)], dtype=PACKET_DTYPE)
    with pytest.raises(em.SimulationError, match="packets: 4 pairs of tiles more that cannot be reached"):
        em.run_mesh(chip, packets)


def test_a_table_leads_around_a_dead_link(tiny: ChipSpec, engine: str) -> None:
    chip = broken(tiny, links=[EAST_0]).replace({"mesh.routing": "table"})
    result = em.run_mesh(chip, np.array([(0, 0, 1)], dtype=PACKET_DTYPE), engine=engine)
    assert result.arrive_ps.tolist() == [2 + 4 + 3 + 4 + 2]
    assert {(tile, "EWNS"[side]) for tile, side in np.argwhere(result.link_counts).tolist()} == {
        (0, "N"),
        (2, "E"),
        (3, "S"),
    }
