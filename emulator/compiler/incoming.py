"""Incoming: the synapses seen from their targets, as filling cores neuron by neuron needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import lists
from emulator.compiler.bundles import Bundle
from emulator.compiler.ir import Quantised
from emulator.compiler.packing import Packing
from emulator.compiler.rows import table_of

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Incoming:
    """Synapses by *rank*: the place of a neuron in the order of filling.

    A *strand* is all synapses of one sender in one bundle.
    """

    indptr: Longs  # [n_neurons + 1] synapses of each rank
    strand: Ints  # int32 [n_synapses]
    longest_delay: Ints  # uint8 [n_neurons] of each rank, ticks; 0: no synapse
    strand_sender: Ints  # int32 [n_strands]
    dense_bits: Ints  # int32 [n_strands] of one synapse
    sparse_bits: Ints  # int32 [n_strands] of one synapse


def incoming(
    quantised: Quantised, rank: Ints, bundles: tuple[tuple[Bundle, ...], ...], packing: Packing
) -> Incoming:
    """Transposes the projections. rank: int32 [n_neurons], a permutation; bundles: `bundles_of`."""
    first_strand, strand_sender, strand_bundle = _strands(quantised, bundles)
    table = table_of(
        quantised.projections,
        [
            tuple(first_strand[projection.first_sender, bundle] for bundle in of_projection)
            for projection, of_projection in zip(quantised.projections, bundles, strict=True)
        ],
    )
    indptr = np.zeros(quantised.n_neurons + 1, dtype=np.int64)
    longest = np.zeros(quantised.n_neurons, dtype=np.uint8)
    lists.count_incoming(table, rank, indptr[1:], longest)
    np.cumsum(indptr, out=indptr)
    strand = np.empty(int(indptr[-1]), dtype=np.int32)
    lists.write_incoming(table, rank, indptr[:-1].copy(), strand)
    return Incoming(
        indptr=indptr,
        strand=strand,
        longest_delay=longest,
        strand_sender=strand_sender,
        dense_bits=_synapse_bits(strand_bundle, packing, dense=True),
        sparse_bits=_synapse_bits(strand_bundle, packing, dense=False),
    )


def _strands(
    quantised: Quantised, bundles: tuple[tuple[Bundle, ...], ...]
) -> tuple[dict[tuple[int, Bundle], int], Ints, list[tuple[Bundle, int]]]:
    """First strand of each part's senders in each bundle; the sender of each; bundles with their sizes."""
    n_rows = {
        (projection.first_sender, bundle): len(projection.indptr) - 1
        for projection, of_projection in zip(quantised.projections, bundles, strict=True)
        for bundle in of_projection
    }
    first, total, senders = {}, 0, [np.zeros(0, dtype=np.int32)]
    order = sorted(n_rows, key=lambda pair: (pair[0], pair[1].format, pair[1].population))
    for first_sender, bundle in order:
        n = n_rows[first_sender, bundle]
        first[first_sender, bundle] = total
        senders.append(np.arange(first_sender, first_sender + n, dtype=np.int32))
        total += n
    return first, np.concatenate(senders), [(pair[1], n_rows[pair]) for pair in order]


def _synapse_bits(strand_bundle: list[tuple[Bundle, int]], packing: Packing, *, dense: bool) -> Ints:
    """int32 [n_strands]"""
    bits = [
        packing.synapse_bits(bundle.format.weight_bits, bundle.format.delay_bits, dense)
        for bundle, _ in strand_bundle
    ]
    return np.repeat(np.array(bits, dtype=np.int32), [n for _, n in strand_bundle])
