"""The native engine's own arrangement of crossbar cores: see _ext/crossbar.pxd and crossbar_kernel.h.

Neurons are put in blocks of 32, and blocks that are configured alike share their configuration.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from emulator import philox
from emulator.chip.crossbar import MAX_AXONS, MAX_NEURONS, N_TYPES, ROW_BYTES, CrossbarImage
from emulator.chip.events import EVENT_ID
from emulator.chip.spec import ChipSpec
from emulator.engine.compartments import Stretches
from emulator.engine.routes import SENT, Routes, totals
from emulator.engine.rows import Arranged

Ints = NDArray[np.integer[Any]]

BLOCK = 32  # neurons
LANES = np.dtype(
    [
        ("alpha", "i4", BLOCK),
        ("low", "i4", BLOCK),
        ("reset", "i4", BLOCK),
        ("narrow_alpha", "i2", BLOCK),
        ("narrow_low", "i2", BLOCK),
        ("narrow_reset", "i2", BLOCK),
        ("leak", "i2", BLOCK),
        ("weight", "i2", (N_TYPES, BLOCK)),
        ("reversal", "u4"),
        ("to_reset", "u4"),
        ("subtract", "u4"),
        ("hold", "u4"),
        ("leaks", "u4"),
        ("unused", "u4", 11),
    ]
)
"""CrossbarLanes."""
HOPS = slice(SENT.index("hop_e"), SENT.index("hop_chip") + 1)
TARGET = np.dtype([("where", "i4"), ("n_spikes", "u4"), ("counts", "u8")])
"""Target."""
HOP_BITS, TURN = 12, 16
CACHE_LINE = 64  # bytes
EXACT, STILL, ONE_ACCOUNT, STEADY, NARROW, ALIKE = 1, 2, 4, 8, 16, 32  # bits of Kind
NO_PACKET, TO_CORE, TO_HOST, DROPPED = range(4)  # Way
NARROW_FAR = 2**15 - 1 - 64 * 255  # CROSSBAR_NARROW_FAR
SILENT = 2**31 - 1  # threshold of the neurons that a core lacks


def core_shares(image: CrossbarImage, n_workers: int) -> Ints:
    """int64 [n_workers + 1]: the first core of each worker's share, in their order."""
    return np.arange(n_workers + 1, dtype=np.int64) * image.n_cores // n_workers


def stretches_of(image: CrossbarImage) -> Stretches:
    """Neurons of one core and one account; only start and end of their configuration are used."""
    core = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    new = np.ones(image.n_slots, dtype=np.bool_)
    new[1:] = (core[1:] != core[:-1]) | (image.slot_group[1:] != image.slot_group[:-1])
    start = np.flatnonzero(new)
    table = np.stack([start, np.append(start[1:], image.n_slots)], axis=1)
    return Stretches(table.astype(np.int32), core[start], image.slot_group[start].astype(np.int64))


def arrange(image: CrossbarImage, chip: ChipSpec, routes: Routes, shares: Ints) -> Arranged:
    """What the machine takes, for workers with these shares of the cores."""
    places = _places(image)
    lanes, lanes_of = _lanes(image, places)
    table = aligned(len(lanes), LANES)
    table[:] = lanes
    unbounded = chip.arithmetic.variant != "chip"
    stretch_ptr, stretch_mask = _masks(image)
    rows = aligned(len(image.crossbar), np.uint8)
    rows[:] = image.crossbar
    return Arranged(
        arrays={
            **{name: getattr(image, name) for name in _TAKEN},
            "crossbar": rows,
            "targets": targets_of(image, routes).view(np.uint8),
            "types": _types(image),
            "lanes": table.view(np.uint8),
            "lanes_of": lanes_of,
            "kind": _kinds(image, unbounded, lanes_of),
            "stretch_ptr": stretch_ptr,
            "stretch_mask": stretch_mask,
            "entry_place": entry_places(image, routes),
            "owner": np.repeat(np.arange(len(shares) - 1), np.diff(shares)).astype(np.uint16),
            "core_shares": shares,
        },
        settings={
            "crossbars": 1,
            "n_axons": image.n_axons,
            "at_threshold": chip.arithmetic.neuron_reset_type,
            "synapse_ps": chip.latency_ps.synaptic_op_dense,
        },
    )


_TAKEN = (
    "axon_ptr",
    "slot_weight",
    "slot_stochastic",
    "slot_leak",
    "slot_reversal",
    "slot_alpha",
    "slot_beta",
    "slot_mask_bits",
    "slot_reset",
    "slot_reset_mode",
    "slot_saturate",
    "entry_delay",
)
"""Arrays of the image that the machine takes as they are."""


def core_keys(image: CrossbarImage, seed: int) -> NDArray[np.uint32]:
    """uint32 [n_cores, 2]: keys of the draws of each core."""
    return np.stack(philox.core_key(seed, image.core_id.astype(np.uint64)), axis=1).astype(np.uint32)


def place_of(image: CrossbarImage, slots: Ints) -> NDArray[np.int32]:
    """Places of slots: see _ext/crossbar.pxd."""
    places: NDArray[np.int32] = _places(image)[slots].astype(np.int32)
    return places


def book_integrated(
    image: CrossbarImage,
    n_integrated: NDArray[np.uint32],
    n_ops_of: NDArray[np.int64],
    by_core: Ints,
    by_group: Ints,
) -> None:
    """Books the synaptic operations of each axon, or of a core whose axons have one account, on its core and
    its account."""
    column = EVENT_ID["synaptic_ops_dense"]
    axon = np.flatnonzero(n_integrated)
    rows = image.crossbar.reshape(-1, ROW_BYTES)[axon]
    n_ops = np.bitwise_count(rows).sum(axis=1, dtype=np.int64) * n_integrated[axon]
    core = np.searchsorted(image.axon_ptr, axon, side="right") - 1
    by_core[:, column] += totals(core, n_ops, len(by_core))
    by_core[:-1, column] += n_ops_of
    by_group[:, column] += totals(image.axon_group[axon], n_ops, len(by_group))
    filled = np.flatnonzero(np.diff(image.axon_ptr))
    group = image.axon_group[image.axon_ptr[filled]]
    by_group[:, column] += totals(group, n_ops_of[filled], len(by_group))


def _places(image: CrossbarImage) -> NDArray[np.int64]:
    """int64 [n_slots]."""
    first = np.arange(image.n_cores) * MAX_NEURONS - image.slot_ptr[:-1]
    return np.arange(image.n_slots) + np.repeat(first, np.diff(image.slot_ptr))


def entry_places(image: CrossbarImage, routes: Routes) -> NDArray[np.int32]:
    """int32 [n_entries]: place of the axon; -1: the host port, or dropped."""
    first = np.append(np.arange(image.n_cores) * MAX_NEURONS - image.axon_ptr[:-1], 0)
    place = image.entry_axon + first[image.entry_core]
    place[image.entry_core == image.n_cores] = -1
    if routes.drops is not None:
        place[routes.drops != 0] = -1
    found: NDArray[np.int32] = place.astype(np.int32)
    return found


def targets_of(image: CrossbarImage, routes: Routes) -> NDArray[np.void]:
    """TARGET [n_slots]; nothing counted yet: every run has a copy."""
    targets = aligned(image.n_slots, TARGET)
    first = image.entry_ptr[: image.n_slots]
    has = np.flatnonzero(image.entry_ptr[1 : image.n_slots + 1] > first)
    entry = first[has]
    place, way = entry_places(image, routes)[entry], np.full(len(has), TO_CORE, dtype=np.uint64)
    way[image.entry_core[entry] == image.n_cores] = TO_HOST
    if routes.drops is not None:
        way[routes.drops[entry] != 0] = DROPPED
    targets["where"] = -1
    targets["where"][has] = np.where(place < 0, -1, TURN * place + image.entry_delay[entry])
    counts = way << np.uint64(HOP_BITS * 5)
    for side, hops in enumerate(routes.sent[has, HOPS].T):
        assert len(hops) == 0 or hops.max() < 1 << HOP_BITS, hops.max()
        counts |= hops.astype(np.uint64) << np.uint64(HOP_BITS * side)
    targets["counts"][has] = counts
    return targets


def aligned(n: int, dtype: DTypeLike) -> NDArray[Any]:
    """Zeros [n] that begin at a line of the cache, in huge pages if they are many: numpy asks for these."""
    n_bytes = n * np.dtype(dtype).itemsize
    room = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    begin = -room.ctypes.data % CACHE_LINE
    return room[begin : begin + n_bytes].view(dtype)


def _lanes(image: CrossbarImage, places: Ints) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    """Configurations that occur, and which of them each block of neurons has [n_cores * 8]."""
    n_blocks = image.n_cores * MAX_NEURONS // BLOCK
    lanes = np.zeros(n_blocks, dtype=LANES)

    def spread(values: Ints, missing: int = 0) -> Ints:
        full = np.full(n_blocks * BLOCK, missing, dtype=values.dtype)
        full[places] = values
        return full.reshape(n_blocks, BLOCK)

    def bits(flags: NDArray[np.bool_]) -> Ints:
        return np.asarray(spread(flags.astype(np.uint32)) @ (1 << np.arange(BLOCK, dtype=np.uint32)))

    lanes["alpha"] = spread(image.slot_alpha, SILENT)
    lanes["low"] = -spread(image.slot_beta, SILENT)
    lanes["reset"] = spread(image.slot_reset)
    for name in ("alpha", "low", "reset"):
        lanes[f"narrow_{name}"] = np.clip(lanes[name], -(2**15), 2**15 - 1)
    lanes["leak"] = spread(image.slot_leak)
    for kind in range(N_TYPES):
        lanes["weight"][:, kind] = spread(image.slot_weight[kind::N_TYPES])
    lanes["reversal"] = bits(image.slot_reversal != 0)
    lanes["to_reset"] = bits(image.slot_reset_mode == 0)
    lanes["subtract"] = bits(image.slot_reset_mode == 1)
    lanes["hold"] = bits(image.slot_saturate != 0)
    lanes["leaks"] = bits(image.slot_leak != 0)
    return _distinct(lanes)


def _distinct(lanes: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    """The different rows, and which each is. Neighbours are often alike: only the first of them is sorted."""
    words = lanes.view(np.uint64).reshape(len(lanes), -1)
    new = np.ones(len(lanes), dtype=np.bool_)
    new[1:] = (words[1:] != words[:-1]).any(axis=1)
    first = lanes[new]
    _, index, inverse = np.unique(
        first.view(np.dtype((np.void, lanes.itemsize))), return_index=True, return_inverse=True
    )
    return np.ascontiguousarray(first[index]), inverse.reshape(-1)[np.cumsum(new) - 1].astype(np.int32)


def _types(image: CrossbarImage) -> NDArray[np.uint64]:
    """uint64 [n_cores, 2, 4]: low and high bits of the types of each core's axons."""
    first = np.arange(image.n_cores) * MAX_AXONS - image.axon_ptr[:-1]
    place = np.arange(image.n_axons) + np.repeat(first, np.diff(image.axon_ptr))
    kind = np.zeros(image.n_cores * MAX_AXONS, dtype=np.uint8)
    kind[place] = image.axon_type
    bits = np.stack([kind & 1, kind >> 1]).reshape(2, image.n_cores, MAX_AXONS)
    packed = np.packbits(bits, axis=-1, bitorder="little").view("<u8")
    return np.ascontiguousarray(packed.transpose(1, 0, 2).astype(np.uint64))


def _kinds(image: CrossbarImage, unbounded: bool, lanes_of: NDArray[np.int32]) -> NDArray[np.uint8]:
    """uint8 [n_cores]."""
    first = image.slot_ptr[:-1]
    drawn = np.logical_or.reduceat((image.slot_stochastic != 0) | (image.slot_mask_bits != 0), first)
    leaks = np.logical_or.reduceat(image.slot_leak != 0, first)
    exact = drawn | unbounded
    steady = np.logical_and.reduceat((image.slot_leak != 0) & (image.slot_reversal == 0), first)
    steady &= np.diff(image.slot_ptr) == MAX_NEURONS
    largest = np.maximum(np.maximum(image.slot_alpha, image.slot_beta), np.abs(image.slot_reset))
    narrow = (np.maximum.reduceat(largest, first) <= NARROW_FAR) & ~exact
    blocks = lanes_of.reshape(image.n_cores, MAX_NEURONS // BLOCK)
    flags = {
        STILL: ~(drawn | leaks),
        ONE_ACCOUNT: _one_account(image),
        STEADY: steady,
        NARROW: narrow,
        ALIKE: (blocks == blocks[:, :1]).all(axis=1),
    }
    kinds = np.asarray(EXACT * exact, dtype=np.uint8)
    for bit, flag in flags.items():
        kinds |= np.asarray(bit * flag, dtype=np.uint8)
    return kinds


def _one_account(image: CrossbarImage) -> NDArray[np.bool_]:
    """bool [n_cores]: cores whose axons have one account."""
    core = np.repeat(np.arange(image.n_cores), np.diff(image.axon_ptr))
    first = image.axon_group[image.axon_ptr[core]]
    n_others = np.bincount(core, weights=image.axon_group != first, minlength=image.n_cores)
    return np.asarray(n_others == 0)


def _masks(image: CrossbarImage) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Stretches of each core [n_cores + 1], and their neurons as bits [n_stretches, 4]."""
    stretches = stretches_of(image)
    pointer = np.searchsorted(stretches.core, np.arange(image.n_cores + 1))
    ends = stretches.table.astype(np.int64) - image.slot_ptr[stretches.core][:, None]
    neuron = np.arange(MAX_NEURONS)
    mask = np.zeros((len(ends), MAX_NEURONS // 8), dtype=np.uint8)
    for some in np.array_split(np.arange(len(ends)), max(1, len(ends) >> 14)):  # a few MB at a time
        own = (neuron >= ends[some, :1]) & (neuron < ends[some, 1:])
        mask[some] = np.packbits(own, axis=1, bitorder="little")
    return pointer.astype(np.int64), mask.view("<u8").astype(np.uint64)
