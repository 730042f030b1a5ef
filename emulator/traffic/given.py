"""What is given to functions of traffic: a chip, and tiles between which there are ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.chip.ways import MAX_SHOWN, WAY_OUT
from emulator.errors import SimulationError

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


def known_chip(chip: object) -> None:
    """Raises SimulationError if it is none."""
    if not isinstance(chip, ChipSpec):
        raise SimulationError(
            f"chip {type(chip).__name__} {chip!r}: must be a ChipSpec; emulator.load_chip(name) makes one"
        )


def known_ways(chip: ChipSpec, src: Ints, dst: Ints) -> tuple[Longs, Longs]:
    """Tiles [n] from and to, each pair with a way. Raises SimulationError naming those without."""
    known_chip(chip)
    ends = {"src": np.asarray(src), "dst": np.asarray(dst)}
    problems = []
    for name, tiles in ends.items():
        if tiles.dtype.kind not in "iu" or tiles.shape != np.shape(src) or tiles.ndim != 1:
            problems.append(f"{name}: {tiles.dtype}{list(tiles.shape)}, expected tile ids, integers [n]")
        elif len(tiles) and not 0 <= tiles.min() <= tiles.max() < chip.n_tiles:
            problems.append(f"{name}: tiles {tiles.min()}..{tiles.max()}, the mesh has 0..{chip.n_tiles - 1}")
    if problems:
        raise SimulationError(problems)
    origin, goal = (tiles.astype(np.int64) for tiles in ends.values())
    if not chip.routing.reaches_all:
        _raise_cut(chip, origin, goal, ~chip.routing.reaches(origin, goal))
    return origin, goal


def ways_of(chip: ChipSpec, src: Ints, dst: Ints) -> Bools:
    """bool [n]: whether a packet from the first core of a tile to that of another arrives if nothing loses
    it. Raises SimulationError naming what cannot, unless the chip's policy is to drop it."""
    faults = chip.mesh.faults
    if faults is None:
        return np.ones(len(src), dtype=np.bool_)
    works = usable_cores(chip)[:: chip.cores.per_tile]
    has_way = np.asarray(chip.routing.reaches(src, dst) & works[src] & works[dst])
    if faults.policy == "block":
        _raise_cut(chip, src, dst, ~has_way)
    return has_way


def _raise_cut(chip: ChipSpec, src: Ints, dst: Ints, is_cut: Bools) -> None:
    if not is_cut.any():
        return
    pairs, n_packets = np.unique(np.stack([src[is_cut], dst[is_cut]]), axis=1, return_counts=True)
    about = f"mesh.faults of chip {chip.name!r}"
    problems = [
        f"packets: {n} from tile {chip.coordinates(start)} cannot reach tile {chip.coordinates(end)}: no way "
        f"by mesh.routing {chip.mesh.routing!r}, or the first core of one is dead ({about}): {WAY_OUT}"
        for (start, end), n in zip(pairs.T[:MAX_SHOWN].tolist(), n_packets.tolist(), strict=False)
    ]
    if len(n_packets) > MAX_SHOWN:
        problems.append(f"packets: {len(n_packets) - MAX_SHOWN} pairs of tiles more that cannot be reached")
    raise SimulationError(problems)
