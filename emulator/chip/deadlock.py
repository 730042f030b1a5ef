"""What a deadlock looks like: input FIFOs whose heads wait for room in one another, in a circle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec

NOBODY = -1


def deadlock_text(chip: ChipSpec, n_packets: int, waits_for: NDArray[np.integer[Any]]) -> str:
    """Error text for packets left when nothing can happen any more.

    waits_for: int [n_tiles, n_ports] by input FIFO: the FIFO (tile * n_ports + port) whose room its head
    waits for, or NOBODY. What nobody holds back is granted, so whoever waits waits for one that waits.
    """
    following = waits_for.ravel().tolist()
    at = next(fifo for fifo, target in enumerate(following) if target != NOBODY)
    seen: dict[int, int] = {}  # FIFO -> its place on the way
    while at not in seen:
        seen[at] = len(seen)
        at = following[at]
        assert at != NOBODY, "a head that nothing holds back was not granted"
    cycle = list(seen)[seen[at] :]
    start = cycle.index(min(cycle))
    names = [_name(chip, fifo) for fifo in (*cycle[start:], *cycle[:start], cycle[start])]
    return (
        f"deadlock: {n_packets} packets cannot move; full input FIFOs that wait for each other: "
        f"{' -> '.join(names)} (chip {chip.name!r}): take a routing without circles"
    )


def _name(chip: ChipSpec, fifo: int) -> str:
    tile, port = divmod(fifo, chip.n_ports)
    side = DIRECTIONS[port] if port < len(DIRECTIONS) else f"local {port - len(DIRECTIONS)}"
    return f"tile {chip.coordinates(tile)} port {side}"
