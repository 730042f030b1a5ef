"""Packing: what synapses take in a core's memory.

The synapses of a list (one sender in one core) that share a format and a target population are a *run*. A
run is *dense* if its targets are consecutive slots, each exactly once: then no synapse stores an index. A
run is cut into blocks of at most `block_synapses`; each block adds a header and fills whole words
(Davies et al. 2018; the chip's numbers are in `ChipSpec.synapse_format`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec

Longs = NDArray[np.int64]


def sparse_index_bits(chip: ChipSpec) -> int | None:
    """The narrowest index that reaches every slot of a core; None if the chip stores none (0 means dense)."""
    needed = (chip.limits.compartments - 1).bit_length()
    wide_enough = [bits for bits in chip.list_format.index_bits if bits > 0 and bits >= needed]
    return min(wide_enough, default=None)


def least_list_bits(chip: ChipSpec) -> int:
    """What a list takes at least: one synapse of the narrowest weight, alone in its block."""
    layout = chip.list_format
    bits = min(layout.weight_bits) + layout.tag_bits + layout.block_header_bits
    return -(-bits // layout.word_bits) * layout.word_bits


@dataclass(frozen=True)
class Packing:
    """The chip's packed format."""

    weight_widths: tuple[int, ...]  # ascending bits a weight can be stored in
    sparse_index_bits: int  # index of a synapse in a sparse run
    tag_bits: int
    block_synapses: int
    header_bits: int  # of a block
    word_bits: int

    @classmethod
    def of(cls, chip: ChipSpec) -> Packing:
        layout = chip.list_format
        index_bits = sparse_index_bits(chip)
        assert index_bits is not None, f"{layout.index_bits} passed the check"
        return cls(
            weight_widths=tuple(sorted(layout.weight_bits)),
            sparse_index_bits=index_bits,
            tag_bits=layout.tag_bits,
            block_synapses=layout.block_synapses,
            header_bits=layout.block_header_bits,
            word_bits=layout.word_bits,
        )

    def stored_bits(self, weight_bits: int) -> int | None:
        """Width that a weight of `weight_bits` takes: the next one the chip has; None if it has none."""
        return next((width for width in self.weight_widths if width >= weight_bits), None)

    def synapse_bits(self, weight_bits: int, delay_bits: int, dense: bool) -> int:
        """Bits of one synapse."""
        width = self.stored_bits(weight_bits)
        assert width is not None, f"weight_bits {weight_bits} passed the check of {self.weight_widths}"
        return width + delay_bits + self.tag_bits + (0 if dense else self.sparse_index_bits)

    def run_bits(self, n_synapses: Longs | int, bits: Longs | int) -> Longs:
        """Memory of runs of `n_synapses` synapses of `bits` bits each, in bits, whole words."""
        full, rest = np.divmod(np.asarray(n_synapses, dtype=np.int64), self.block_synapses)
        words = full * self._block_words(self.block_synapses, bits)
        words = words + np.where(rest > 0, self._block_words(rest, bits), 0)
        return np.asarray(words * self.word_bits, dtype=np.int64)

    def _block_words(self, n_synapses: Longs | int, bits: Longs | int) -> Longs:
        total = np.asarray(n_synapses, dtype=np.int64) * bits + self.header_bits
        return np.asarray(-(-total // self.word_bits), dtype=np.int64)
