"""Incoming: the synapses seen from their targets, as filling cores neuron by neuron needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from emulator.compiler.bundles import Bundle
from emulator.compiler.ir import Quantised
from emulator.compiler.packing import Packing

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Incoming:
    """Synapses by *rank*: the place of a neuron in the order of filling.

    A *strand* is all synapses of one sender in one bundle; strands are numbered by sender, then bundle.
    """

    indptr: Ints  # [n_neurons + 1] synapses of each rank
    strand: Ints  # int32 [n_synapses]
    longest_delay: Ints  # int64 [n_neurons] of each rank, ticks; 0: no synapse
    strand_sender: Ints  # int32 [n_strands], ascending
    dense_bits: Ints  # int64 [n_strands] of one synapse
    sparse_bits: Ints  # int64 [n_strands] of one synapse


def incoming(
    quantised: Quantised, rank: Ints, bundles: tuple[Bundle, ...], of_group: tuple[int, ...], packing: Packing
) -> Incoming:
    """Transposes the synapse groups. rank: int32 [n_neurons], a permutation."""
    row_start, row_key = _rows(quantised, len(bundles), of_group)
    strands, strand_of_row = np.unique(row_key, return_inverse=True)
    columns = _joined([rank[group.post] for group in quantised.groups], np.int32)
    delays = _joined([group.delay_ticks for group in quantised.groups], np.uint8)
    index_type = np.int32 if len(columns) < 2**31 else np.int64
    by_row = scipy.sparse.csr_matrix(
        (delays, columns, row_start.astype(index_type)), shape=(len(row_key), quantised.n_neurons)
    )
    by_rank = by_row.tocsc()  # keeps repeated synapses apart
    indptr = by_rank.indptr.astype(np.int64)
    sender, bundle = np.divmod(strands, max(len(bundles), 1))
    return Incoming(
        indptr=indptr,
        strand=strand_of_row.astype(np.int32)[by_rank.indices],
        longest_delay=_longest(by_rank.data, indptr),
        strand_sender=sender.astype(np.int32),
        dense_bits=_synapse_bits(bundles, packing, dense=True)[bundle],
        sparse_bits=_synapse_bits(bundles, packing, dense=False)[bundle],
    )


def _rows(quantised: Quantised, n_bundles: int, of_group: tuple[int, ...]) -> tuple[Longs, Longs]:
    """Stretches of equal sender, group after group: their starts, and sender and bundle as one number."""
    starts, keys, offset = [], [], 0
    for group, bundle in zip(quantised.groups, of_group, strict=True):
        heads = np.flatnonzero(np.diff(group.pre, prepend=np.int32(-1)))  # a group is sorted by sender
        starts.append(heads + offset)
        keys.append(group.pre[heads].astype(np.int64) * n_bundles + bundle)
        offset += len(group.pre)
    return np.append(_joined(starts, np.int64), offset), _joined(keys, np.int64)


def _synapse_bits(bundles: tuple[Bundle, ...], packing: Packing, *, dense: bool) -> Longs:
    """int64 [n_bundles]"""
    formats = [bundle.format for bundle in bundles]
    bits = [packing.synapse_bits(form.weight_bits, form.delay_bits, dense) for form in formats]
    return np.array(bits, dtype=np.int64)


def _longest(delay_ticks: Ints, indptr: Ints) -> Longs:
    """int64 [n_rows]: largest value of each row of a compressed table, 0 for an empty row."""
    out = np.zeros(len(indptr) - 1, dtype=np.int64)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        out[filled] = np.maximum.reduceat(delay_ticks, indptr[filled])
    return out


def _joined(arrays: Sequence[Ints], dtype: type[np.integer]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=dtype), *arrays]).astype(dtype, copy=False)
