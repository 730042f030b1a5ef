"""Ways of an image's packets on a chip with faults: which there are, and what is refused without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import AnyImage
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec

Ints = NDArray[np.integer[Any]]
MAX_SHOWN = 20  # ways that a message lists


def drops(image: AnyImage, chip: ChipSpec) -> NDArray[np.bool_] | None:
    """bool [n_entries]: axon-out entries whose packets have no way to their target; None: all have one."""
    if chip.routing.reaches_all:
        return None
    origin, target, packet_of = _trips(image)
    tile = np.append(image.core_id // chip.cores.per_tile, chip.host_tile)
    cut = ~chip.routing.reaches(tile[origin], tile[target])
    return np.asarray(cut[packet_of]) if cut.any() else None


def way_problems(image: AnyImage, chip: ChipSpec) -> Iterator[str]:
    """Compartments on dead cores; under policy `block`, what no packet can reach; and with multicast, what
    one packet would reach twice."""
    about = f"mesh.faults of chip {chip.name!r}"
    dead = np.flatnonzero(~usable_cores(chip)[image.core_id])
    if len(dead):
        cores = ", ".join(str(core) for core in image.core_id[dead][:MAX_SHOWN].tolist())
        more = f" and {len(dead) - MAX_SHOWN} more" if len(dead) > MAX_SHOWN else ""
        yield f"core {cores}{more}: holds compartments but is dead, or its router is ({about}): move them"
    if chip.mesh.multicast == "tree":
        yield from _named_twice(image)
    faults = chip.mesh.faults
    if faults is None or faults.policy != "block" or chip.routing.reaches_all:
        return
    origin, target, _ = _trips(image)
    tile = np.append(image.core_id // chip.cores.per_tile, chip.host_tile)
    cut = np.flatnonzero(~chip.routing.reaches(tile[origin], tile[target]))
    for pair in cut[:MAX_SHOWN].tolist():
        ends = [_name(image, chip, int(end[pair])) for end in (origin, target)]
        routing = f"mesh.routing {chip.mesh.routing!r}"
        yield f"{ends[0]} cannot reach {ends[1]}: no way by {routing} ({about}): {WAY_OUT}"
    if len(cut) > MAX_SHOWN:
        yield f"{len(cut) - MAX_SHOWN} pairs more that cannot be reached ({about})"


WAY_OUT = "route by 'table', move one of them, or let packets be dropped with policy 'drop'"


def _named_twice(image: AnyImage) -> Iterator[str]:
    """A copy ends at a core, or at the host port, with one axon."""
    sender = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
    pairs, first = np.unique(sender * (image.n_cores + 1) + image.entry_core, return_index=True)
    if len(pairs) < len(sender):
        entry = int(np.setdiff1d(np.arange(len(sender)), first)[0])
        yield (
            f"entry_core[{entry}] = {image.entry_core[entry]}: named by sender {sender[entry]} before; with "
            "mesh.multicast 'tree' a spike reaches a core once: merge the two axons, or take 'none'"
        )


def _trips(image: AnyImage) -> tuple[Ints, Ints, Ints]:
    """Rows (n_cores: the host port) between which packets go, each pair once, and the pair of each entry."""
    home = np.concatenate(
        [
            np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr)),
            np.full(image.n_inputs, image.n_cores),
        ]
    )
    origin = np.repeat(home, np.diff(image.entry_ptr))
    pairs, pair_of = np.unique(origin * (image.n_cores + 1) + image.entry_core, return_inverse=True)
    first, second = np.divmod(pairs, image.n_cores + 1)
    return first, second, pair_of.reshape(-1)


def _name(image: AnyImage, chip: ChipSpec, row: int) -> str:
    if row == image.n_cores:
        return f"the host port at tile {chip.coordinates(chip.host_tile)}"
    core = int(image.core_id[row])
    return f"core {core} at tile {chip.coordinates(chip.tile_of(core))}"
