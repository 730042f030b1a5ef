"""Usage: how much of each per-core limit an image takes, read off the image alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.chip.blocks import tables
from emulator.chip.crossbar import ROW_BYTES, AnyImage, CrossbarImage
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

RESOURCES = (
    "compartments",
    "axons_in",
    "axons_out",
    "synapse_memory_bits",
    "delay_slots",
    "compartment_configs",
    "threshold_configs",
)
"""What a core has a limited amount of, by the keys of `ChipSpec.limits`."""


def limits_of(image: AnyImage, chip: ChipSpec) -> dict[str, int | None]:
    """What one core has of each resource of `usage`; None: lifted."""
    if isinstance(image, Image):
        return {resource: getattr(chip.limits, resource) for resource in RESOURCES}
    neurons, axons = chip.limits.compartments, chip.limits.axons_in
    assert axons is not None, "a rule of crossbar chips"
    return {"compartments": neurons, "axons_in": axons, "synapses": neurons * axons}


def usage(image: AnyImage, chip: ChipSpec) -> dict[str, Longs]:
    """RESOURCES, of crossbar cores neurons, axons and synapses -> int64 [n_cores]. The image must have sound
    pointers (`check_structure`)."""
    if isinstance(image, CrossbarImage):
        of_axon = np.bitwise_count(image.crossbar).reshape(-1, ROW_BYTES).sum(axis=1, dtype=np.int64)
        before = np.concatenate([[0], np.cumsum(of_axon)])
        return {
            "compartments": np.diff(image.slot_ptr),
            "axons_in": np.diff(image.axon_ptr),
            "synapses": np.diff(before[image.axon_ptr]),
        }
    sender_ptr = image.entry_ptr[image.slot_ptr]
    return {
        "compartments": np.diff(image.slot_ptr),
        "axons_in": np.diff(image.axon_ptr),
        "axons_out": np.diff(sender_ptr),
        "synapse_memory_bits": memory_bits(image, chip),
        "delay_slots": np.diff(image.slot_ptr) * longest_delay(image),
        "compartment_configs": np.diff(image.config_ptr),
        "threshold_configs": np.diff(image.vth_ptr),
    }


class Binding(NamedTuple):
    """What each core has least left of."""

    resource: list[str]  # [n_cores] of equally full ones the first of RESOURCES; one with a limit
    share: Floats  # [n_cores] its used / limit


def binding_of(used: Mapping[str, Longs], limits: Mapping[str, int | None]) -> Binding:
    """used: `usage`; limits: of RESOURCES, None where lifted. `compartments` has a limit on every chip."""
    limited = {name: limit for name, limit in limits.items() if limit is not None}
    shares = np.stack([used[name] / limit for name, limit in limited.items()])
    names, place = list(limited), shares.argmax(axis=0)
    return Binding([names[number] for number in place.tolist()], shares.max(axis=0))


def longest_delay(image: Image) -> Longs:
    """int64 [n_cores]: longest delay_ticks of a core's synapses, 0 where there is none."""
    longest = np.zeros(image.n_cores, dtype=np.int64)
    bounds = image.syn_ptr[image.axon_ptr]
    filled = np.flatnonzero(np.diff(bounds))
    if len(filled):
        longest[filled] = np.maximum.reduceat(image.syn_delay, bounds[filled])
    return longest


def memory_bits(image: Image, chip: ChipSpec) -> Longs:
    """int64 [n_cores]: synapse memory in the chip's packed format, whole words.

    A *run* is a stretch of one list with one format and one target group, and, if dense, without a gap. It
    is cut into blocks; each block has a header and fills whole words.
    """
    layout = chip.list_format
    words = np.zeros(image.n_cores, dtype=np.int64)
    bits = np.arange(layout.block_synapses + 1) * _bits_per_synapse(image, chip)[:, None]
    block_words = -(-(bits + layout.block_header_bits) // layout.word_bits)
    block_words[:, 0] = 0
    is_dense = (image.format_index_bits == 0).view(np.uint8)
    pointers = (image.slot_ptr, image.axon_ptr, image.syn_ptr)
    columns = (image.syn_slot, image.syn_format, is_dense, image.slot_group)
    tables.count_words(*pointers, *columns, block_words, words)
    return words * layout.word_bits


def _bits_per_synapse(image: Image, chip: ChipSpec) -> Longs:
    layout = chip.list_format
    widths = np.sort(np.asarray(layout.weight_bits, dtype=np.int64))
    place = np.searchsorted(widths, image.format_weight_bits)
    stored = widths[np.minimum(place, len(widths) - 1)]
    extra = image.format_delay_bits.astype(np.int64) + image.format_index_bits
    return stored + extra + layout.tag_bits
