"""Chips with routes that no description can ask for: to see that what is wrong with them is found."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from emulator.chip.spec import ChipSpec


def with_routes(chip: ChipSpec, table: ArrayLike) -> ChipSpec:
    """A copy whose packets follow a table, past every check: int [n_tiles, n_tiles], the side (0 E, 1 W, 2 N,
    3 S) by tile and destination, 4 at the destination."""
    routes = np.asarray(table, dtype=np.int8)
    assert routes.shape == (chip.n_tiles, chip.n_tiles), f"{routes.shape} for {chip.n_tiles} tiles"
    copy = chip.model_copy()
    copy._given_routes = routes.tobytes()
    return copy
