"""Usage: how much of each per-core limit an image takes, read off the image alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec

Longs = NDArray[np.int64]

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

CHUNK_SYNAPSES = 1 << 22  # work arrays stay around 200 MB whatever the size of the image


def usage(image: Image, chip: ChipSpec) -> dict[str, Longs]:
    """RESOURCES -> int64 [n_cores]. The image must have sound pointers (`check_structure`)."""
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
    bits = np.zeros(image.n_cores, dtype=np.int64)
    per_synapse = _bits_per_synapse(image, chip)
    for first, last in core_chunks(image):
        run_core, run_length, run_format = _runs(image, first, last)
        run_words = _words(run_length, per_synapse[run_format], chip)
        total = np.concatenate([[0], np.cumsum(run_words)])
        edges = total[np.searchsorted(run_core, np.arange(first, last + 1))]
        bits[first:last] = np.diff(edges) * chip.synapse_format.word_bits
    return bits


def core_chunks(image: Image) -> list[tuple[int, int]]:
    """Core rows [first, last) in stretches of about CHUNK_SYNAPSES synapses, at least one core each."""
    bounds = image.syn_ptr[image.axon_ptr]
    chunks, first = [], 0
    while first < image.n_cores:
        last = int(np.searchsorted(bounds, bounds[first] + CHUNK_SYNAPSES, side="right")) - 1
        last = min(max(last, first + 1), image.n_cores)
        chunks.append((first, last))
        first = last
    return chunks


def _bits_per_synapse(image: Image, chip: ChipSpec) -> Longs:
    layout = chip.synapse_format
    widths = np.sort(np.asarray(layout.weight_bits, dtype=np.int64))
    place = np.searchsorted(widths, image.format_weight_bits)
    stored = widths[np.minimum(place, len(widths) - 1)]
    extra = image.format_delay_bits.astype(np.int64) + image.format_index_bits
    return stored + extra + layout.tag_bits


def _runs(image: Image, first: int, last: int) -> tuple[Longs, Longs, Longs]:
    """Core row, number of synapses and format of every run in cores [first, last)."""
    axons = slice(int(image.axon_ptr[first]), int(image.axon_ptr[last]))
    low, high = int(image.syn_ptr[axons.start]), int(image.syn_ptr[axons.stop])
    if low == high:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none
    core_sizes = np.diff(image.syn_ptr[image.axon_ptr[first : last + 1]])
    core = np.repeat(np.arange(first, last), core_sizes)
    slot = image.syn_slot[low:high].astype(np.int64)
    form = image.syn_format[low:high]
    group = image.slot_group[image.slot_ptr[core] + slot]
    starts = np.zeros(high - low, dtype=bool)
    heads = image.syn_ptr[axons] - low
    starts[heads[heads < high - low]] = True  # an empty list at the end has no head
    starts[1:] |= (form[1:] != form[:-1]) | (group[1:] != group[:-1])
    dense = image.format_index_bits[form[1:]] == 0
    starts[1:] |= dense & (slot[1:] != slot[:-1] + 1)
    begin = np.flatnonzero(starts)
    length = np.diff(begin, append=high - low)
    return core[begin], length, form[begin].astype(np.int64)


def _words(n_synapses: Longs, bits: Longs, chip: ChipSpec) -> Longs:
    layout = chip.synapse_format
    full, rest = np.divmod(n_synapses, layout.block_synapses)
    full_words = -(-(layout.block_synapses * bits + layout.block_header_bits) // layout.word_bits)
    rest_words = -(-(rest * bits + layout.block_header_bits) // layout.word_bits)
    return np.asarray(full * full_words + np.where(rest > 0, rest_words, 0), dtype=np.int64)
