"""Stats of a program: traffic and utilisation against hand counts and a walk along every route."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings

import emulator as em
from emulator.chip.usage import RESOURCES
from emulator.compiler.stats import traffic
from emulator.testing import Case, cases

TINY = em.load_chip("tiny")
FEWER = settings.default.max_examples // 10  # drawing the networks takes most of the time


def program(**chip: Any) -> em.Program:
    """3 x 2 tiles of one core, host port west of tile 0; a on the tiles 0 and 5, b on tile 2."""
    net = em.Network("hand")
    source = net.add_source("in", 1)
    a = net.add_population("a", 2, em.LoihiCuba(), to_host=True)
    b = net.add_population("b", 1, em.LoihiCuba())
    net.connect(source, a, [[2, 2]])
    net.connect(a, a, [[2, 2], [0, 0]])
    net.connect(a, b, [[2], [2]])
    spec = TINY.replace({"mesh.width": 3, "cores.per_tile": 1, **chip})
    return em.compile(net, spec, mapping={"a": [0, 5], "b": [2]})


def test_traffic_when_every_sender_fires_once() -> None:
    """Tiles (0,0), (2,1) hold a, (2,0) holds b; the host is at (0,0).

    input: to (0,0) 0 hops, to (2,1) 3 hops. a0: to itself 0, to (2,1) 3, to b 2, to the host 0.
    a1: to b 1, to the host 3. X first: links of row 0 eastwards carry input, a0 to a1, a0 to b; the host
    packet goes west along row 1.
    """
    stats = program().stats
    assert (stats["packets"], stats["local_packets"], stats["host_packets"]) == (2 + 2 + 1, 1, 2)
    assert stats["spike_hops"] == 3 + 3 + 2 + 1 + 3
    assert stats["max_link"] == 3


def test_utilisation_of_every_limit_core_by_core() -> None:
    stats = program().stats
    assert set(RESOURCES) < set(stats["cores"]) and set(RESOURCES) == set(stats["limits"])
    assert stats["cores"]["core_id"] == [0, 2, 5]
    assert (stats["cores"]["x"], stats["cores"]["y"]) == ([0, 2, 2], [0, 0, 1])
    assert stats["cores"]["compartments"] == [1, 1, 1]
    assert stats["cores"]["axons_in"] == [2, 2, 2]
    assert stats["cores"]["axons_out"] == [4, 0, 2]
    assert stats["cores"]["synapse_memory_bits"] == [128, 128, 128]
    assert stats["cores"]["delay_slots"] == [1, 1, 1]
    assert stats["cores"]["compartment_configs"] == stats["cores"]["threshold_configs"] == [1, 1, 1]
    assert stats["limits"]["axons_in"] == 64
    assert (stats["n_cores_used"], stats["n_cores"], stats["n_tiles_used"], stats["n_tiles"]) == (3, 6, 3, 6)
    assert (stats["n_neurons"], stats["n_inputs"], stats["n_synapses"], stats["n_axons"]) == (3, 1, 6, 6)
    assert (stats["network"], stats["chip"]) == ("hand", "tiny")


def test_the_binding_limit_is_the_one_that_is_fullest() -> None:
    assert program(**{"limits.axons_out": 5}).stats["binding"] == {
        "resource": "axons_out",
        "core": 0,
        "used": 4,
        "limit": 5,
    }


def test_each_core_tells_what_binds_it_and_how_full_that_is() -> None:
    """Axons out 4, 0, 2 of 5; the others are bound by one configuration of four."""
    cores = program(**{"limits.axons_out": 5}).stats["cores"]
    assert cores["binding"] == ["axons_out", "compartment_configs", "axons_out"]
    assert cores["share"] == [0.8, 0.25, 0.4]


def test_a_lifted_limit_binds_no_core() -> None:
    cores = program(**{"limits.axons_out": None, "limits.compartment_configs": None}).stats["cores"]
    assert cores["binding"] == ["threshold_configs"] * 3


def test_utilisation_sums_the_cores_up() -> None:
    stats = program(**{"limits.axons_out": 5, "limits.axons_in": None}).stats
    assert set(stats["utilisation"]) == set(RESOURCES)
    assert stats["utilisation"]["axons_out"] == {
        "limit": 5,
        "min": 0,
        "median": 2.0,
        "max": 4,
        "fullest_core": 0,
        "n_binding": 2,
    }
    assert stats["utilisation"]["axons_in"]["limit"] is None
    assert sum(row["n_binding"] for row in stats["utilisation"].values()) == 3


def test_the_cost_of_quantising_is_told_for_each_population() -> None:
    net = em.Network()
    net.add_population("a", 2, em.LIF(0.01, threshold=1.0))
    net.add_population("b", 1, em.LoihiCuba())
    assert [row["name"] for row in em.compile(net, TINY).stats["quantisation"]] == ["a", "b"]


def test_stats_are_plain_values() -> None:
    net = em.Network()
    a = net.add_population("a", 3, em.LIF(0.01, threshold=1.0))
    net.connect(a, a, np.array([[0.1, 0.2, 0.3]] * 3))
    for stats in (program().stats, em.compile(net, TINY).stats):
        assert msgpack.unpackb(msgpack.packb(stats), strict_map_key=False) == stats


@settings(max_examples=FEWER)
@given(cases(TINY))
def test_traffic_is_that_of_a_walk_along_every_route(case: Case) -> None:
    image = em.compile(case.network, case.chip, mapping=case.mapping).image
    chip = case.chip
    core_of = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr)).tolist()
    tile = [int(core) // chip.cores.per_tile for core in image.core_id] + [chip.host_tile]
    links: Counter[tuple[int, int]] = Counter()
    packets = local = host = crossings = 0
    for sender in range(image.n_senders):
        home = core_of[sender] if sender < image.n_slots else image.n_cores
        for target in image.entry_core[image.entry_ptr[sender] : image.entry_ptr[sender + 1]].tolist():
            host += target == image.n_cores
            local += target == home
            packets += target not in (home, image.n_cores)
            for at, side in chip.routing.route(tile[home], tile[target]):
                links[at, side] += 1
                crossings += chip.chip_of(at) != chip.chip_of(chip.grid.neighbour(at, side))
    assert traffic(image, chip) == {
        "packets": packets,
        "local_packets": local,
        "host_packets": host,
        "spike_hops": links.total(),
        "chip_hops": crossings,
        "max_link": max(links.values(), default=0),
    }


@pytest.mark.parametrize("column", ["core_id", "x", "y", *RESOURCES, "binding", "share"])
def test_every_column_has_a_row_per_core(column: str) -> None:
    assert len(program().stats["cores"][column]) == 3
