"""The native engine's own arrangement of crossbar cores: see _ext/crossbar.pxd and crossbar_kernel.h.

Neurons are put in blocks of 32, and blocks that are configured alike share their configuration.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
TARGET = np.dtype([("place", "i4"), ("n_spikes", "u4"), ("hops", "u2", 5), ("delay", "u1"), ("way", "u1")])
"""Target."""
EXACT, STILL, ONE_ACCOUNT, STEADY, NARROW = 1, 2, 4, 8, 16  # bits of Kind
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
    unbounded = chip.arithmetic.variant != "chip"
    stretch_ptr, stretch_mask = _masks(image)
    return Arranged(
        arrays={
            **{name: getattr(image, name) for name in _TAKEN},
            "crossbar": np.array(image.crossbar),  # numpy asks for huge pages: rows are read from all over it
            "types": _types(image),
            "lanes": lanes.view(np.uint8),
            "lanes_of": lanes_of,
            "kind": _kinds(image, unbounded),
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
    rows = image.crossbar.reshape(-1, ROW_BYTES)
    n_ops = np.bitwise_count(rows).sum(axis=1, dtype=np.int64) * n_integrated
    core = np.repeat(np.arange(image.n_cores), np.diff(image.axon_ptr))
    column = EVENT_ID["synaptic_ops_dense"]
    by_core[:, column] += totals(core, n_ops, len(by_core))
    by_core[:-1, column] += n_ops_of
    by_group[:, column] += totals(image.axon_group, n_ops, len(by_group))
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
    """TARGET [n_slots]; nothing counted yet."""
    targets = np.zeros(image.n_slots, dtype=TARGET)
    first = image.entry_ptr[: image.n_slots]
    has = image.entry_ptr[1 : image.n_slots + 1] > first
    targets["place"] = -1
    targets["place"][has] = entry_places(image, routes)[first[has]]
    targets["delay"][has] = image.entry_delay[first[has]]
    targets["hops"] = routes.sent[: image.n_slots, HOPS]
    targets["way"][has] = np.where(image.entry_core[first[has]] == image.n_cores, TO_HOST, TO_CORE)
    if routes.drops is not None:
        targets["way"][has] = np.where(routes.drops[first[has]] != 0, DROPPED, targets["way"][has])
    return targets


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


def _kinds(image: CrossbarImage, unbounded: bool) -> NDArray[np.uint8]:
    """uint8 [n_cores]."""
    first = image.slot_ptr[:-1]
    drawn = np.logical_or.reduceat((image.slot_stochastic != 0) | (image.slot_mask_bits != 0), first)
    leaks = np.logical_or.reduceat(image.slot_leak != 0, first)
    exact = drawn | unbounded
    steady = np.logical_and.reduceat((image.slot_leak != 0) & (image.slot_reversal == 0), first)
    steady &= np.diff(image.slot_ptr) == MAX_NEURONS
    largest = np.maximum(np.maximum(image.slot_alpha, image.slot_beta), np.abs(image.slot_reset))
    narrow = (np.maximum.reduceat(largest, first) <= NARROW_FAR) & ~exact
    flags = {STILL: ~(drawn | leaks), ONE_ACCOUNT: _one_account(image), STEADY: steady, NARROW: narrow}
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
