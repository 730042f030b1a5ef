"""The native engine's own arrangement of an image's synapses: by sender, see `Rows` of _ext/core.pxd.

Each worker's slots are cut into *parts* of one width, so that the sums a spike adds to are near each other
and a synapse names its target in 16 bits. Where that would leave only a few synapses of a sender to a part,
parts are wider and targets have 32 bits.
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

PLACES = 1 << 16  # in the sums of a part that 16 bits tell apart
SHORT_PIECE = 16  # synapses: to turn to a shorter one costs more than to add it
SPAN = 32  # places, see Rows
FASTER = 16  # places per synapse up to which a span is added faster than a list is, if rows are near
NEAR_BYTES = 3 << 19  # of all rows, so that they stay in the cache of second level or nearly so
UPDATE_WORK = 4  # updating a compartment takes about as long as so many synapses


@dataclass(frozen=True, eq=False)
class Parts:
    """How the slots are cut: each worker's every 2**bits slots."""

    bits: int
    delays: int  # rows of sums that a target can be in: a power of two
    part_slot: Ints  # int64 [n_parts + 1] first slot of each part
    part_ptr: Ints  # int64 [n_workers + 1] first part of each worker

    @property
    def target_bytes(self) -> int:
        return 2 if self.delays << self.bits <= PLACES else 4


@dataclass(frozen=True, eq=False)
class Arranged:
    """What the machine takes: arrays by name, and integers."""

    arrays: dict[str, Ints]
    settings: dict[str, int]


def shares_of(image: Image, n_workers: int) -> Ints:
    """int64 [n_workers + 1]: the first slot of each worker's share.

    The cores are shared out in their order, so that all workers have about the same to do.
    """
    n_slots = np.diff(image.slot_ptr)
    work = np.cumsum(np.diff(image.syn_ptr[image.axon_ptr]) + UPDATE_WORK * n_slots)
    goals = work[-1] * np.arange(1, n_workers) / n_workers
    borders = np.concatenate([[0], np.searchsorted(work, goals) + 1, [image.n_cores]])
    borders = np.minimum(np.maximum.accumulate(borders), image.n_cores)
    first: Ints = image.slot_ptr[borders].astype(np.int64)
    return first


def parts_of(image: Image, shares: Ints) -> Parts:
    """The narrowest parts that 16 bits suffice for, or wider ones if pieces would be short."""
    delays = 1 if _has_one_delay(image) else 1 << (image.max_delay_ticks - 1).bit_length()
    bits = (PLACES // delays).bit_length() - 1
    while True:
        n_parts = -(-np.diff(shares) >> bits)  # of each worker, rounded up
        part_ptr = _pointers(n_parts)
        n_pieces = int(part_ptr[-1]) * image.n_senders
        if image.n_synapses >= SHORT_PIECE * n_pieces or n_parts.max() <= 1:
            break
        bits += 1
    bits = min(bits, max(int(np.diff(shares).max()) - 1, SPAN - 1).bit_length())
    worker = np.repeat(np.arange(len(n_parts)), n_parts)
    part_slot = shares[worker] + ((np.arange(len(worker)) - part_ptr[worker]) << bits)
    return Parts(bits, delays, np.append(part_slot, image.n_slots), part_ptr)


def rows_of(image: Image, shares: Ints, *, divided: bool = True) -> Arranged:
    """Every synapse in the row of its worker and sender. shares: of `shares_of`.

    Weights are divided by the power of two that they share, at least 64: then most fit 8 bits.
    divided: False takes 64, so that sums that other weights have left behind can be gone on with.
    """
    parts = parts_of(image, shares)
    width = _width(parts)
    weight, shift = _weights(image, divided)
    cut: dict[str, Any] = {
        **_places(image, shares, parts),
        "bits": parts.bits,
        "part_ptr": parts.part_ptr,
        "per_tick": width if parts.delays > 1 else 0,
        "n_places": width * parts.delays,
        "target_bytes": parts.target_bytes,
        "weight_bytes": 1 if weight.min(initial=0) >= -128 and weight.max(initial=0) <= 127 else 2,
    }
    row_ptr = _row_ptr(image, cut)
    rows = np.empty(int(row_ptr[-1]), dtype=np.uint8)
    blocks.layout.fill_rows(image.arrays(), cut, weight, row_ptr, rows)
    return Arranged(
        {"rows": rows, "row_ptr": row_ptr, "part_slot": parts.part_slot, "part_ptr": parts.part_ptr},
        {
            "target_bytes": cut["target_bytes"],
            "weight_bytes": cut["weight_bytes"],
            "shift": shift,
            "n_rows": parts.delays if parts.delays > 1 else image.max_delay_ticks,
            "width": width,
            "wraps": int(parts.delays > 1),
        },
    )


def _width(parts: Parts) -> int:
    """Of a row of sums: a power of two where places wrap, see `Sums` of _ext/core.pxd."""
    if parts.delays > 1:
        return 1 << parts.bits
    return SPAN * -(-int(np.diff(parts.part_slot).max(initial=0)) // SPAN)


def _row_ptr(image: Image, cut: dict[str, Any]) -> NDArray[np.int64]:
    """Where the rows begin. Decides how wide targets are and where spans take the place of lists."""
    n_bytes = np.zeros((len(cut["part_ptr"]) - 1, image.n_senders), dtype=np.int64)
    synapse_bytes = cut["target_bytes"] + cut["weight_bytes"]
    smaller = synapse_bytes // cut["weight_bytes"]  # places per synapse up to which a span is
    for sparsest in (FASTER, smaller) if image.n_synapses * synapse_bytes <= NEAR_BYTES else (smaller,):
        cut["sparsest"] = sparsest
        longest = blocks.layout.measure_rows(image.arrays(), cut, n_bytes)
        if n_bytes.sum() <= NEAR_BYTES:
            break
    if longest >> 8 * cut["target_bytes"]:  # a list's length is as wide as a target
        cut["target_bytes"] = 4
        blocks.layout.measure_rows(image.arrays(), cut, n_bytes)
    return _pointers(n_bytes.ravel())


def _places(image: Image, shares: Ints, parts: Parts) -> dict[str, Ints]:
    """[n_cores] each: first part of the worker whose core it is, and places of its first slot from there."""
    worker = np.searchsorted(shares[1:], image.slot_ptr[:-1], side="right")
    return {
        "first_part": parts.part_ptr[worker].astype(np.int32),
        "first_place": (image.slot_ptr[:-1] - shares[worker]).astype(np.int64),
    }


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


def _has_one_delay(image: Image) -> bool:
    """Whether all synapses have one delay."""
    return image.n_synapses == 0 or int(image.syn_delay.min()) == int(image.syn_delay.max())


def _pointers(lengths: Ints) -> NDArray[np.int64]:
    pointers = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=pointers[1:])
    return pointers
