"""Exact codes: each neuron's weights as sums of four values, whatever core it will be in.

Four values do for weights of up to four kinds: a synapse is one bit on an axon of its type. More kinds are
written in digits: three values of one sign with 1 + n steps each, and one of the other sign that reaches
across, as the highest bit of a two's complement does. A digit of n takes n axons alike.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.rewrite.ir import Bools, Ints, Weighted

MAX_COPIES = 16  # of one type of axon for a line


def by_kinds(weighted: Weighted, largest: int) -> tuple[Ints, Ints, Bools]:
    """(value [n_neurons, 4], digits [n_synapses, 4], neurons that it holds for): a value for each kind,
    the nearest integer where weights are not whole."""
    n, post = weighted.n_neurons, weighted.post
    order = np.lexsort((weighted.weight, post))
    weight, neuron = weighted.weight[order], post[order]
    first = np.ones(len(weight), dtype=bool)
    first[1:] = (neuron[1:] != neuron[:-1]) | (weight[1:] != weight[:-1])
    number = np.cumsum(first)  # of kinds, through all neurons, from 1
    before = np.concatenate([[0], number])[weighted.ptr[:-1]]
    kind = number - 1 - before[neuron]  # of the neuron, ascending by weight
    n_kinds = np.bincount(neuron[first], minlength=n)
    widest = np.zeros(n)
    np.maximum.at(widest, post, np.abs(weighted.weight))
    holds = (n_kinds <= N_TYPES) & (np.rint(widest) <= largest)
    digits = np.zeros((len(weight), N_TYPES), dtype=np.uint8)
    mine = holds[neuron]
    digits[order[mine], kind[mine]] = 1
    value = np.zeros((n, N_TYPES), dtype=np.int64)
    value[neuron[mine], kind[mine]] = np.rint(weight[mine]).astype(np.int64)
    return value, digits, holds


def in_digits(weight: Ints, largest: int) -> tuple[Ints, Ints] | None:
    """(value [4], digits uint8 [n, 4]) of whole weights [n], with as few axons for a line as can be.

    None: no sum of MAX_COPIES copies of each type reaches them.
    """
    unit = int(np.gcd.reduce(weight))
    unit //= next(k for k in range(1, unit + 1) if unit % k == 0 and unit // k <= largest)
    rest = weight // unit
    high, low = max(0, int(rest.max())), max(0, -int(rest.min()))
    sign = -1 if low > high else 1
    high, low, rest = max(high, low), min(high, low), sign * rest
    places = fewest_copies(high, low, largest // unit)
    if places is None:
        return None
    copies, value = places
    digits = np.zeros((len(weight), N_TYPES), dtype=np.uint8)
    order = [2, 1, 0] if low else [3, 2, 1, 0]
    if low:
        digits[:, 3] = np.where(rest < 0, -(rest // -value[3]), 0)
        rest = rest - digits[:, 3].astype(np.int64) * value[3]
    for place in order:
        digits[:, place] = np.minimum(rest // value[place], copies[place])
        rest = rest - digits[:, place].astype(np.int64) * value[place]
    assert not rest.any(), (weight, value)
    return np.array(value, dtype=np.int64) * (sign * unit), digits


@functools.lru_cache(maxsize=4096)
def fewest_copies(high: int, low: int, largest: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(copies [4], value [4]) of digits that write all of -low .. high, low <= high, values up to `largest`.

    Values 0, 1 and 2 are the places of a mixed radix; the fourth is another, or for low > 0 negative.
    """
    copies = _copies()
    places = np.concatenate([np.ones((len(copies), 1), np.int64), np.cumprod(copies + 1, axis=1)], axis=1)
    levels = places[:, -1]
    if low:
        reach = np.minimum(levels, largest)
        last, fourth, enough = -(-low // reach), -reach, levels > high
    else:
        last, fourth, enough = -(-(high + 1) // levels) - 1, levels, np.ones(len(copies), dtype=bool)
    copies = np.column_stack([copies, last])
    # a place without copies has no value to write
    value = np.where(copies > 0, np.column_stack([places[:, :-1], fourth]), 1)
    fits = enough & (last <= MAX_COPIES) & (np.abs(value).max(axis=1) <= largest)
    if not fits.any():
        return None
    best = int(np.where(fits, copies.sum(axis=1), np.iinfo(np.int64).max).argmin())
    return tuple(copies[best].tolist()), tuple(value[best].tolist())


@functools.cache
def _copies() -> Ints:
    """[n, 3] all numbers of copies of three types."""
    return np.array(list(itertools.product(range(MAX_COPIES + 1), repeat=N_TYPES - 1)), dtype=np.int64)
