"""Faults: what of a chip is dead, as tables and as answers to what can still be reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import Grid
from emulator.chip.groups import Faults

if TYPE_CHECKING:  # a spec asks for its grid
    from emulator.chip.spec import ChipSpec

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def grid_of(width: int, height: int, faults: Faults | None) -> Grid:
    """The mesh without its dead routers and links."""
    if faults is None:
        return Grid(width, height)
    return Grid(
        width,
        height,
        frozenset(router.y * width + router.x for router in faults.routers),
        frozenset((link.y * width + link.x, DIRECTIONS.index(link.side)) for link in faults.links),
    )


def usable_cores(chip: ChipSpec) -> Bools:
    """bool [n_cores]: cores that are alive, as is the router of their tile."""
    usable = np.repeat(chip.grid.tiles, chip.cores.per_tile)
    if chip.mesh.faults is not None:
        usable[list(chip.mesh.faults.cores)] = False
    return usable


def misplaced_faults(
    width: int, height: int, per_tile: int, faults: Faults
) -> Iterator[tuple[str, int, str]]:
    """List, place in it and text of what is not on the chip or named before, or leaves nothing alive."""
    grid = Grid(width, height)
    mesh = f"the mesh of {width} x {height} tiles"
    named: set[tuple[Any, ...]] = set()
    for key in ("links", "routers", "cores", "lossy"):
        for index, fault in enumerate(getattr(faults, key)):
            what = (key, str(fault))
            if what in named:
                yield key, index, f"{fault} is named before: once is enough"
            named.add(what)
            if key == "cores":
                if fault >= width * height * per_tile:
                    yield key, index, f"{fault}, the last core of the chip is {width * height * per_tile - 1}"
                continue
            if fault.x >= width or fault.y >= height:
                yield key, index, f"{fault} is outside {mesh}: x 0..{width - 1}, y 0..{height - 1}"
            elif key in ("links", "lossy"):
                tile = fault.y * width + fault.x
                if not grid.has_neighbour(tile, DIRECTIONS.index(fault.side)):
                    there = [name for side, name in enumerate(DIRECTIONS) if grid.has_neighbour(tile, side)]
                    yield key, index, f"{fault} is no link: choose from {', '.join(there) or 'none'}"
