"""Weights in any accepted form, as one table of synapses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from emulator import arith
from emulator.arrays import own
from emulator.network.models import LoihiSynapse, Triplets, spread_integers

Array = NDArray[Any]
CHUNK_SYNAPSES = 1 << 18  # compared at once; fits the cache

Table = tuple[Array, Array, Array, Array, Array]  # pre, post, weight, delay_ticks, w_exp


def synapse_table(
    weights: object,
    shape: tuple[int, int],
    delay_ticks: object,
    w_exp: ArrayLike | None,
    label: str,
    problems: list[str],
) -> Table:
    """(pre, post, weight, delay_ticks, w_exp): arrays of one length; the last two may be scalars.

    What is wrong with the form is appended to `problems`; then the table is empty.
    """
    exponent = np.asarray(0 if w_exp is None else w_exp)
    if isinstance(weights, Triplets):
        return _from_triplets(weights, delay_ticks, exponent, label, problems)
    if scipy.sparse.issparse(weights):
        matrix: Any = weights
        table = matrix.tocsr(copy=True)  # the user's matrix stays as it is
        table.sum_duplicates()
        rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(table.indptr))
        target = table.indices
        weight, found = table.data, matrix.shape
    else:
        dense = _numeric(weights)
        if dense is None:
            problems.append(f"{label}: weights must be an array of numbers, scipy.sparse or Triplets")
            return _empty()
        found = dense.shape
        rows, target = np.nonzero(dense) if dense.ndim == 2 else (np.zeros(0, int), np.zeros(0, int))
        weight = dense[rows, target] if dense.ndim == 2 else dense
    if found != shape:
        problems.append(f"{label}: weights of shape {list(found)}, expected {list(shape)}")
        return _empty()
    if exponent.shape == shape:
        exponent = exponent[rows, target]
    return rows, target, weight, np.asarray(delay_ticks), exponent


def check_index(index: Array, n: int, label: str, problems: list[str]) -> None:
    """Appends what is wrong with indices into a part of n neurons."""
    if len(index) == 0:
        return
    if index.dtype.kind not in "iu":
        problems.append(f"{label}: indices must be integers, got {index.dtype}")
        return
    if index.min() < 0 or index.max() >= n:
        bad = np.flatnonzero((index < 0) | (index >= n))
        problems.append(f"{label}[{bad[0]}] = {index[bad[0]]}: outside 0..{n - 1} ({len(bad)} in all)")


def check_weights(weight: Array, synapse: LoihiSynapse | None, label: str, problems: list[str]) -> Array:
    """Weights in the dtype they are kept in: floats for a LIF target, int16 mantissas for a LoihiCuba one."""
    if len(weight) == 0:
        return weight.astype(np.float64 if synapse is None else np.int16)
    if weight.dtype.kind not in "biuf":
        problems.append(f"{label}: weights must be numbers, got {weight.dtype}")
        return weight
    if synapse is not None:
        if synapse.sign_mode not in arith.MANTISSA_RANGE:
            return weight
        limits = arith.MANTISSA_RANGE[synapse.sign_mode]
        kind = f"{label}: {synapse.sign_mode} mantissa"
        return spread_integers(weight, len(weight), kind, limits, problems, np.int16)
    bad = np.flatnonzero(~np.isfinite(weight))
    if len(bad):
        problems.append(f"{label}: weight {bad[0]} is {weight[bad[0]]}; must be finite ({len(bad)} in all)")
    return own(weight, weight.dtype.type if weight.dtype in (np.float32, np.float64) else np.float64)


def is_sorted(rows: Array, target: Array) -> bool:
    """Whether synapses already come by pre, then post."""
    for first in range(0, len(rows) - 1, CHUNK_SYNAPSES):
        before, after = slice(first, first + CHUNK_SYNAPSES), slice(first + 1, first + CHUNK_SYNAPSES + 1)
        pre, post = rows[after], target[after]
        falls = pre < rows[before][: len(pre)]
        falls |= (pre == rows[before][: len(pre)]) & (post < target[before][: len(post)])
        if falls.any():
            return False
    return True


def sort_synapses(rows: Array, target: Array, values: Sequence[Array], n_pre: int) -> list[Array]:
    """indptr int64 [n_pre + 1], target int32 [n] and `values` [n], by pre, then post, else as given."""
    rows = rows.astype(np.int32, copy=False)
    if is_sorted(rows, target):
        columns = [own(target, np.int32), *values]
    else:
        target = target.astype(np.int32, copy=False)
        by_post = _order_by(target)
        order = by_post[_order_by(rows[by_post])]
        rows, columns = rows[order], [column[order] for column in (target, *values)]
    indptr = np.searchsorted(rows, np.arange(n_pre + 1, dtype=np.int32))
    return [indptr.astype(np.int64, copy=False), *columns]


def _order_by(key: Array) -> Array:
    """A stable sort that is linear in the synapses: scipy transposes a matrix with an entry in each row."""
    n, n_keys = len(key), int(key.max()) + 1
    entries = (np.zeros(n, dtype=np.int8), key, np.arange(n + 1, dtype=np.int32 if n < 2**31 else np.int64))
    return np.asarray(scipy.sparse.csr_matrix(entries, shape=(n, n_keys)).tocsc().indices)


def _from_triplets(
    weights: Triplets, delay_ticks: object, exponent: Array, label: str, problems: list[str]
) -> Table:
    delay = delay_ticks if weights.delay_ticks is None else weights.delay_ticks
    pre, post, weight = (np.atleast_1d(np.asarray(c)) for c in (weights.pre, weights.post, weights.weight))
    if not pre.shape == post.shape == weight.shape or pre.ndim != 1:
        shapes = ", ".join(str(list(column.shape)) for column in (pre, post, weight))
        problems.append(f"{label}: pre, post and weight must be arrays of one length, got {shapes}")
        return _empty()
    return pre, post, weight, np.asarray(delay), exponent


def _numeric(weights: object) -> Array | None:
    try:
        dense = np.asarray(weights)
    except ValueError:
        return None
    return dense if dense.dtype.kind in "biuf" else None


def _empty() -> Table:
    none = np.zeros(0, dtype=np.int64)
    return none, none, none, none, none
