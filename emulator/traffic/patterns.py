"""Patterns: which tile sends to which. Those that interconnect simulators share, as BookSim2 has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.traffic.given import known_chip

HOT_WEIGHT = 5.0  # of the tiles in the middle, the others 1: as the published curves of this pattern have it


@dataclass(frozen=True, eq=False)
class Pattern:
    """Destinations on one mesh. Either each tile has one target, or all draw from the same weights."""

    name: str
    target: NDArray[np.int32] | None  # [n_tiles] destination of each tile's packets
    weights: NDArray[np.float64] | None  # [n_tiles] of each destination, itself included; >= 0, one > 0

    @property
    def n_tiles(self) -> int:
        chosen = self.target if self.target is not None else self.weights
        assert chosen is not None
        return len(chosen)

    def destinations(self, src: NDArray[np.integer[Any]], rng: np.random.Generator) -> NDArray[np.int32]:
        """int32 [n]: a destination for a packet of each source tile; one draw a packet, or none."""
        if self.target is not None:
            return np.asarray(self.target[src])
        assert self.weights is not None
        upto = np.cumsum(self.weights)
        drawn = np.searchsorted(upto, rng.random(len(src)) * upto[-1], side="right")
        # a product rounded up to the sum itself belongs to the last tile that can be drawn
        return np.asarray(np.minimum(drawn, np.flatnonzero(self.weights)[-1]), dtype=np.int32)


def uniform(chip: ChipSpec) -> Pattern:
    """Every tile alike, the sender itself included."""
    known_chip(chip)
    return Pattern("uniform", None, np.ones(chip.n_tiles))


def transpose(chip: ChipSpec) -> Pattern:
    """(x, y) sends to (y, x). Raises SimulationError on a mesh that is not square."""
    known_chip(chip)
    if chip.mesh.width != chip.mesh.height:
        raise SimulationError(
            f"pattern transpose: the mesh is {chip.mesh.width} x {chip.mesh.height}, must be square: "
            "choose another pattern or another mesh"
        )
    return _permutation("transpose", chip, lambda x, y: (y, x))


def bit_complement(chip: ChipSpec) -> Pattern:
    """Every tile to its mirror image in the middle of the mesh: tile id -> n_tiles - 1 - tile id, which is
    every bit of it inverted where the number of tiles is a power of two."""
    known_chip(chip)
    width, height = chip.mesh.width, chip.mesh.height
    return _permutation("bit_complement", chip, lambda x, y: (width - 1 - x, height - 1 - y))


def tornado(chip: ChipSpec) -> Pattern:
    """Almost half-way round in each dimension: + (side + 1) // 2 - 1 modulo the side, which is + 3 of 8."""
    known_chip(chip)
    width, height = chip.mesh.width, chip.mesh.height
    step_x, step_y = (width + 1) // 2 - 1, (height + 1) // 2 - 1
    return _permutation("tornado", chip, lambda x, y: ((x + step_x) % width, (y + step_y) % height))


def neighbour(chip: ChipSpec) -> Pattern:
    """+ 1 in each dimension modulo its side. A mesh has no wrap-around links: the last goes the long way."""
    known_chip(chip)
    width, height = chip.mesh.width, chip.mesh.height
    return _permutation("neighbour", chip, lambda x, y: ((x + 1) % width, (y + 1) % height))


def hotspot(chip: ChipSpec, weights: ArrayLike | None = None) -> Pattern:
    """All draw from `weights` [n_tiles], >= 0. None: the one to four tiles in the middle have 5, others 1."""
    known_chip(chip)
    if weights is None:
        hot = np.ones((chip.mesh.height, chip.mesh.width))
        middle_x = slice((chip.mesh.width - 1) // 2, chip.mesh.width // 2 + 1)
        hot[(chip.mesh.height - 1) // 2 : chip.mesh.height // 2 + 1, middle_x] = HOT_WEIGHT
        return Pattern("hotspot", None, hot.ravel())
    given = np.asarray(weights)
    if given.dtype.kind not in "iuf" or given.shape != (chip.n_tiles,):
        raise SimulationError(
            f"pattern hotspot: weights {given.dtype}{list(given.shape)}, expected numbers [{chip.n_tiles}], "
            "one for each tile"
        )
    given = given.astype(np.float64)
    wrong = np.flatnonzero(~((given >= 0) & np.isfinite(given)))
    if len(wrong):
        raise SimulationError(
            f"pattern hotspot: the weight of tile {wrong[0]} is {given[wrong[0]]}, must be finite and "
            "not below 0"
        )
    if not given.any():
        raise SimulationError("pattern hotspot: all weights are 0, one tile at least must be sent to")
    return Pattern("hotspot", None, given)


PATTERNS: dict[str, Callable[[ChipSpec], Pattern]] = {
    "uniform": uniform,
    "transpose": transpose,
    "bit_complement": bit_complement,
    "tornado": tornado,
    "neighbour": neighbour,
    "hotspot": hotspot,
}


def pattern_of(chip: ChipSpec, pattern: str | Pattern) -> Pattern:
    """A pattern by its name, or as given if it was made for a mesh of this size. Raises SimulationError."""
    known_chip(chip)
    if isinstance(pattern, Pattern):
        if pattern.n_tiles != chip.n_tiles:
            raise SimulationError(
                f"pattern {pattern.name}: made for {pattern.n_tiles} tiles, chip {chip.name!r} has "
                f"{chip.n_tiles}: make it for this chip"
            )
        return pattern
    if not isinstance(pattern, str) or pattern not in PATTERNS:
        raise SimulationError(f"no pattern {pattern!r}: choose from {', '.join(PATTERNS)}")
    return PATTERNS[pattern](chip)


def _permutation(name: str, chip: ChipSpec, move: Callable[[Any, Any], tuple[Any, Any]]) -> Pattern:
    y, x = np.divmod(np.arange(chip.n_tiles, dtype=np.int32), chip.mesh.width)
    to_x, to_y = move(x, y)
    return Pattern(name, (to_y * chip.mesh.width + to_x).astype(np.int32), None)
