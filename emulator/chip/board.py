"""Boards: which core, tile and link of a mesh belongs to which of its chips, for whole tables at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec

Longs = NDArray[np.int64]


def chips_of(chip: ChipSpec, tiles: NDArray[np.integer]) -> Longs:
    """int64 [n]: chip of each tile, as `ChipSpec.chip_of` has it for one."""
    y, x = np.divmod(np.asarray(tiles, dtype=np.int64), chip.mesh.width)
    width, height = chip.chip_size
    return np.asarray(y // height * (chip.mesh.width // width) + x // width)


def border_links(chip: ChipSpec) -> NDArray[np.bool_]:
    """bool [n_tiles, 4]: links (E, W, N, S) that lead to another chip. Sides without a neighbour do not."""
    shape = (chip.mesh.height, chip.mesh.width)
    owner = chips_of(chip, np.arange(chip.n_tiles)).reshape(shape)
    border = np.zeros((*shape, len(DIRECTIONS)), dtype=np.bool_)
    along_x, along_y = owner[:, 1:] != owner[:, :-1], owner[1:] != owner[:-1]
    border[:, :-1, 0] = border[:, 1:, 1] = along_x
    border[:-1, :, 2] = border[1:, :, 3] = along_y
    return border.reshape(chip.n_tiles, len(DIRECTIONS))


def shared_links(chip: ChipSpec) -> Longs:
    """int64 [n_tiles, 4]: the link (tile * 4 + side) that each link (E, W, N, S) shares its wires with. It is
    the first of those that are merged into one serial link; of all others the link itself."""
    links = np.arange(chip.n_tiles * len(DIRECTIONS), dtype=np.int64).reshape(chip.n_tiles, -1)
    if chip.mesh.chip is None or chip.mesh.chip.link.merge == 1:
        return links
    y, x = np.divmod(np.arange(chip.n_tiles), chip.mesh.width)
    width, height = chip.chip_size
    merge, tile_above = chip.mesh.chip.link.merge, chip.mesh.width
    back = np.empty((chip.n_tiles, len(DIRECTIONS)), dtype=np.int64)  # tiles, to the first of the group
    back[:, :2] = (y % height % merge * tile_above)[:, None]
    back[:, 2:] = (x % width % merge)[:, None]
    return np.asarray(links - np.where(border_links(chip), back * len(DIRECTIONS), 0))


def cores_by_chip(chip: ChipSpec) -> NDArray[np.int32]:
    """int32 [n_cores]: all core ids, chip after chip, within a chip in the order of their ids."""
    cores = np.arange(chip.n_cores, dtype=np.int32)
    return cores[np.argsort(chips_of(chip, cores // chip.cores.per_tile), kind="stable")]
