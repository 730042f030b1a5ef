"""Input files of RANC, a public simulator of TrueNorth-like grids (Mack et al. 2021), as its README has them.

    packets      list by tick of lists of: destination_core [x, y], destination_axon, destination_tick
    output_bus   optional: coordinates [x, y], num_outputs
    cores        list of: coordinates [x, y]; axons, the type of each; connections, a list by neuron of a 0 or
                 1 for each axon; neurons
    neurons      list of: weights, four; leak; positive_threshold; negative_threshold, signed;
                 reset_potential; reset_mode 0 or 1; current_potential; destination_core_offset [dx, dy],
                 destination_axon, destination_tick, the delay minus 1

The core at (x, y) becomes core `core_<x>_<y>`, pinned there. What goes to the output bus goes to the host
port, what goes to a core that is not described nowhere. A packet is integrated in tick (its place in the
list) + destination_tick. RANC has no limits on values: run such a network on a chip with arithmetic.variant
"ranc".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import DescriptionError
from emulator.formats.json_tables import Place
from emulator.network import Network, TrueNorth
from emulator.network.models import INT32

INT16 = (-(2**15), 2**15 - 1)
Tile = tuple[int, int]


def is_ranc(table: Mapping[str, Any]) -> bool:
    """Whether a file is one of RANC's; model files have the key `model`."""
    return "model" not in table and "cores" in table


def _name(tile: Tile) -> str:
    return f"core_{tile[0]}_{tile[1]}"


def _cores(table: Mapping[str, Any], problems: list[str]) -> dict[Tile, Place]:
    whole = Place(table, "", problems)
    whole.only("packets", "output_bus", "cores")
    cores: dict[Tile, Place] = {}
    for core in whole.subs("cores"):
        core.only("coordinates", "axons", "connections", "neurons")
        tile = core.pair("coordinates")
        core.require(tile not in cores, "coordinates", f"{list(tile)} are those of a core before")
        cores[tile] = core
    return cores


def add_ranc_cores(network: Network, table: Mapping[str, Any], problems: list[str]) -> None:
    """Adds every core, in the order of the file."""
    cores = _cores(table, problems)
    bus = _bus(table, problems)
    number_of = {tile: number for number, tile in enumerate(cores)}
    for tile, core in cores.items():
        try:
            _add(network, core, tile, number_of, bus, problems)
        except DescriptionError as error:
            problems += error.problems


def _bus(table: Mapping[str, Any], problems: list[str]) -> Tile | None:
    if "output_bus" not in table:
        return None
    place = Place(table, "", problems).sub("output_bus")
    place.only("coordinates", "num_outputs")
    return place.pair("coordinates")


def _add(
    network: Network,
    core: Place,
    tile: Tile,
    number_of: Mapping[Tile, int],
    bus: Tile | None,
    problems: list[str],
) -> None:
    n_before = len(problems)
    neurons = core.rows("neurons")
    values = {
        "leak": ("leak", INT16),
        "alpha": ("positive_threshold", INT32),
        "beta": ("negative_threshold", INT32),
        "R": ("reset_potential", INT32),
        "gamma": ("reset_mode", (0, 1)),
        "v0": ("current_potential", INT32),
    }
    targets = ("destination_core_offset", "destination_axon", "destination_tick")
    neurons.only("weights", *(key for key, _ in values.values()), *targets)
    given = {name: neurons.integers(key, *limits) for name, (key, limits) in values.items()}
    weights = neurons.lists("weights", 4, *INT16)
    offset, axon = neurons.pairs(targets[0]), neurons.integers(targets[1], 0, 255)
    delay = 1 + neurons.integers(targets[2], 0, 14)
    crossbar, kinds = core.array("connections", 2).T, core.array("axons", 1)
    fits = crossbar.shape == (len(kinds), len(neurons))
    core.require(fits, "connections", f"{list(crossbar.T.shape)}, expected [{len(neurons)}, {len(kinds)}]")
    if len(problems) > n_before:
        return
    places = [(tile[0] + dx, tile[1] + dy) for dx, dy in offset.tolist()]
    to_host = np.array([place == bus for place in places])
    target = np.array([number_of.get(place, -1) for place in places])
    given["beta"] = -given["beta"]
    network.add_core(
        _name(tile),
        crossbar,
        kinds,
        TrueNorth(s=weights, **given),
        target_core=np.where(to_host, -1, target),
        target_axon=np.where(to_host | (target < 0), 0, axon),
        delay=np.where(to_host | (target < 0), 1, delay),
        to_host=to_host,
        at=tile,
    )


def ranc_stimulus(table: Mapping[str, Any], problems: list[str]) -> dict[str, NDArray[np.int64]]:
    """Events (tick, axon) by core, of packets for cores that the file describes."""
    cores = _cores(table, problems)
    events: dict[str, list[tuple[int, int]]] = {}
    packets = table.get("packets", [])
    for tick, sent in enumerate(packets if isinstance(packets, list) else []):
        rows = Place({"packets": sent}, "", problems).rows("packets")
        rows.only("destination_core", "destination_axon", "destination_tick")
        tiles = rows.pairs("destination_core").tolist()
        axons = rows.integers("destination_axon", 0, 255).tolist()
        later = rows.integers("destination_tick", 0, 15).tolist()
        for tile, axon, ticks in zip(tiles, axons, later, strict=True):
            if tuple(tile) not in cores:
                problems.append(f"packets[{tick}]: destination_core {tile}: no core is there")
                continue
            events.setdefault(_name((tile[0], tile[1])), []).append((tick + ticks, axon))
    return {name: np.array(sorted(listed), dtype=np.int64) for name, listed in events.items()}
