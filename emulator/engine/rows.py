"""The native engine's own arrangement of an image's synapses: by sender, see `Rows` of _ext/core.pxd.

The slots are cut into *parts* at the borders of cores: a part has at most 65,536 slots, so that a synapse
names its target in 16 bits, and belongs to one worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.image import Image
from emulator.engine import blocks

Ints = NDArray[np.integer[Any]]

PART_SLOTS = 1 << 16
UPDATE_WORK = 4  # updating a compartment takes about as long as so many synapses


@dataclass(frozen=True, eq=False)
class Shares:
    """Which slots and parts each worker has."""

    table: Ints  # int64 [n_workers, 4] first slot, end slot, first part, end part
    part_slot: Ints  # int64 [n_parts + 1] first slot of each part
    part_of_core: Ints  # int32 [n_cores]


@dataclass(frozen=True, eq=False)
class Arranged:
    """What the machine takes: arrays by name, and integers."""

    arrays: dict[str, Ints]
    settings: dict[str, int]


def shares_of(image: Image, n_workers: int) -> Shares:
    """Shares the cores out, in their order, so that all workers have about the same to do."""
    n_slots = np.diff(image.slot_ptr)
    work = np.cumsum(np.diff(image.syn_ptr[image.axon_ptr]) + UPDATE_WORK * n_slots)
    goals = work[-1] * np.arange(1, n_workers) / n_workers
    borders = np.concatenate([[0], np.searchsorted(work, goals) + 1, [image.n_cores]])
    borders = np.minimum(np.maximum.accumulate(borders), image.n_cores)
    part_of_core = np.zeros(image.n_cores, dtype=np.int32)
    first_cores: list[int] = []
    table = np.zeros((n_workers, 4), dtype=np.int64)
    for worker in range(n_workers):
        first_core, end = int(borders[worker]), int(borders[worker + 1])
        first_part, core = len(first_cores), first_core
        while core < end:
            first_cores.append(core)
            last = int(np.searchsorted(image.slot_ptr, image.slot_ptr[core] + PART_SLOTS, side="right")) - 1
            part_of_core[core : min(last, end)] = len(first_cores) - 1
            core = min(last, end)
        slots = image.slot_ptr[[first_core, end]]
        table[worker] = (*slots, first_part, len(first_cores))
    part_slot = np.append(image.slot_ptr[first_cores], image.n_slots).astype(np.int64)
    return Shares(table, part_slot, part_of_core)


def rows_of(image: Image, shares: Shares, *, divided: bool = True) -> Arranged:
    """Every synapse in the row of its sender and part.

    Weights are divided by the power of two that they share, at least 64: then most fit 8 bits.
    divided: False takes 64, so that sums that other weights have left behind can be gone on with.
    """
    n_parts, n_senders = len(shares.part_slot) - 1, image.n_senders
    n_synapses = np.zeros((n_parts, n_senders), dtype=np.int32)
    n_runs = np.zeros((n_parts, n_senders), dtype=np.uint8)
    blocks.layout.count_rows(
        image.entry_ptr, image.entry_core, image.entry_axon, image.syn_ptr, image.syn_delay,
        shares.part_of_core, n_synapses, n_runs,
    )  # fmt: skip
    weight, shift = _weights(image, divided)
    weight_bytes = 1 if weight.min(initial=0) >= -128 and weight.max(initial=0) <= 127 else 2
    n_bytes = n_synapses.ravel().astype(np.int64) * (2 + weight_bytes)
    row_ptr = _pointers(n_bytes + (n_bytes & 1))
    delay = _only_delay(image)
    run_ptr = _pointers(n_runs.ravel()) if delay is None else np.zeros(0, dtype=np.int64)
    n_all_runs = int(run_ptr[-1]) if delay is None else 0
    arrays: dict[str, Ints] = {
        "rows": np.empty(int(row_ptr[-1]), dtype=np.uint8),
        "row_ptr": row_ptr,
        "run_ptr": run_ptr,
        "run_delay": np.empty(n_all_runs, dtype=np.uint8),
        "run_end": np.empty(n_all_runs, dtype=np.int32),
    }
    blocks.layout.fill_rows(
        image.arrays(), shares.part_of_core, _slot_in_part(image, shares), weight, weight_bytes,
        arrays["row_ptr"], arrays["rows"], arrays["run_ptr"], arrays["run_delay"], arrays["run_end"],
    )  # fmt: skip
    return Arranged(
        {**arrays, "part_slot": shares.part_slot},
        {"weight_bytes": weight_bytes, "shift": shift, "delay": delay or 0},
    )


def wide_rows_of(image: Image) -> Arranged:
    """Every synapse with the place it adds to and what it adds, see `WideRows` of _ext/wide.pxd."""
    planes = image.planes
    on_plane = np.array([_plane(image, row) for row in range(len(image.format_w_exp))], dtype=np.int64)
    low, high = arith.MANTISSA_RANGE["mixed"]
    mantissas = np.arange(low, high + 1)
    effective = arith.effective_weight(mantissas, image.format_w_exp[:, None]) >> arith.WEIGHT_SHIFT
    weight = np.where(on_plane[:, None] > 0, mantissas, effective).astype(np.int32)
    n = image.n_synapses
    arrays: dict[str, Ints] = {
        "row_ptr": np.zeros(image.n_senders + 1, dtype=np.int64),
        "place": np.empty(n, dtype=np.int64),
        "weight": np.empty(n, dtype=np.int32),
        "delay": np.empty(n, dtype=np.uint8),
        "plane_shift": np.array(planes, dtype=np.int64),
    }
    blocks.layout.fill_wide(
        image.arrays(), image.slot_ptr, np.ascontiguousarray(weight), on_plane * image.n_slots,
        arrays["row_ptr"], arrays["place"], arrays["weight"], arrays["delay"],
    )  # fmt: skip
    return Arranged(arrays, {})


def _plane(image: Image, row: int) -> int:
    """Plane that a format adds to."""
    w_exp = int(image.format_w_exp[row])
    return image.planes.index(-w_exp) if image.format_on_sum[row] and w_exp < 0 else 0


def _weights(image: Image, divided: bool) -> tuple[NDArray[np.int16], int]:
    """int16 [n_formats, 512]: what each mantissa (offset by its least) adds in each format; and the shift
    that makes an effective weight of it. Mantissas that no synapse has add 0."""
    low, high = arith.MANTISSA_RANGE["mixed"]
    used = np.zeros((len(image.format_w_exp), high - low + 1), dtype=np.uint8)
    blocks.layout.mantissas_used(image.syn_mant, image.syn_format, used)
    effective = arith.effective_weight(np.arange(low, high + 1), image.format_w_exp[:, None])
    effective = np.where(used != 0, effective, 0)
    occurring = int(np.bitwise_or.reduce(effective, axis=None)) if effective.size else 0
    shift = arith.WEIGHT_SHIFT
    if divided and occurring:
        shift = (occurring & -occurring).bit_length() - 1
    return (effective >> shift).astype(np.int16), shift


def _only_delay(image: Image) -> int | None:
    """The delay that all synapses have, ticks; None if they differ."""
    if image.n_synapses == 0:
        return 1
    least = int(image.syn_delay.min())
    return least if least == int(image.syn_delay.max()) else None


def _slot_in_part(image: Image, shares: Shares) -> NDArray[np.int64]:
    """int64 [n_cores]: first slot of a core, counted from its part's first."""
    return (image.slot_ptr[:-1] - shares.part_slot[shares.part_of_core]).astype(np.int64)


def _pointers(lengths: Ints) -> NDArray[np.int64]:
    pointers = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=pointers[1:])
    return pointers
