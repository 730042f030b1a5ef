"""Findings: what checks of images of all kinds have in common. At most one line for each kind of finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import AnyImage
from emulator.chip.spec import ChipSpec

Ints = NDArray[np.integer]


def pointers(image: AnyImage, ends: Mapping[str, int]) -> Iterator[str]:
    """Each pointer rises from 0 to its end, and every core holds something."""
    for name, end in ends.items():
        pointer = getattr(image, name)
        if pointer[0] != 0 or pointer[-1] != end:
            yield f"{name}: runs from {pointer[0]} to {pointer[-1]}, expected 0 to {end}"
        falls = np.flatnonzero(pointer[1:] < pointer[:-1])
        if len(falls):
            row = int(falls[0])
            yield f"{name}[{row + 1}] = {pointer[row + 1]}: below {name}[{row}] = {pointer[row]}"
    empty = np.flatnonzero(image.slot_ptr[1:] == image.slot_ptr[:-1])
    if len(empty):
        yield f"slot_ptr: core row {empty[0]} holds no compartment ({len(empty)} such rows)"


def accounts(image: AnyImage, *names: str) -> Iterator[str]:
    """names: the arrays of accounts."""
    # An account without a sender has nothing to count, and tables are made for all of them.
    if not (isinstance(image.n_groups, int) and 0 <= image.n_groups <= image.n_senders):
        yield f"n_groups = {image.n_groups!r}: must be an integer in 0..{image.n_senders} (number of senders)"
        return
    for name in names:
        yield from outside(name, getattr(image, name), 0, image.n_groups - 1)


def core_ids(image: AnyImage, chip: ChipSpec) -> Iterator[str]:
    """Ascending, and on the chip."""
    yield from outside("core_id", image.core_id, 0, chip.n_cores - 1, f" of chip {chip.name!r}")
    falls = np.flatnonzero(image.core_id[1:] <= image.core_id[:-1])
    if len(falls):
        row = int(falls[0])
        below = f"core_id[{row}] = {image.core_id[row]}"
        yield f"core_id[{row + 1}] = {image.core_id[row + 1]}: not above {below}"


def entry_places(image: AnyImage) -> Iterator[str]:
    """Every entry names an axon of its core, or the host port, and no host input sends to the latter."""
    yield from outside("entry_core", image.entry_core, 0, image.n_cores)
    if len(image.entry_core) == 0 or image.entry_core.min() < 0 or image.entry_core.max() > image.n_cores:
        return
    # The host port is one row past the cores and owns one axon, 0. Entries are many: what is as long as they
    # are is kept in 32 bits, as they are, and not for long.
    first = np.append(image.axon_ptr[:-1], 0).astype(np.int32)
    end = np.append(image.axon_ptr[1:], 1).astype(np.int32)
    bad = np.flatnonzero(
        (image.entry_axon < first[image.entry_core]) | (image.entry_axon >= end[image.entry_core])
    )
    if len(bad):
        entry = int(bad[0])
        owner = int(image.entry_core[entry])
        name = "the host port" if owner == image.n_cores else f"core row {owner}"
        yield (
            f"entry_axon[{entry}] = {image.entry_axon[entry]}: outside the axons "
            f"{first[owner]}..{end[owner] - 1} of {name}" + more(bad)
        )
    of_inputs = image.entry_core[image.entry_ptr[image.n_slots] :]
    bad = np.flatnonzero(of_inputs == image.n_cores)
    if len(bad):
        entry = int(image.entry_ptr[image.n_slots] + bad[0])
        yield f"entry_core[{entry}] = {image.n_cores}: a host input sends to the host port" + more(bad)


def outside(name: str, array: Ints, low: int, high: int, of: str = "") -> Iterator[str]:
    """The first value of an array outside low..high."""
    if len(array) == 0 or (array.min() >= low and array.max() <= high):
        return
    bad = np.flatnonzero((array < low) | (array > high))
    yield f"{name}[{bad[0]}] = {array[bad[0]]}: outside {low}..{high}{of}" + more(bad)


def more(bad: Ints) -> str:
    """How many there are besides the first."""
    return f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
