"""Data files of the benches: what each field is, what is missing, what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import ImageError
from emulator.formats import load_arrays

Array = NDArray[Any]
Arrays = dict[str, Array]


def read_fields(
    path: str | PathLike[str], fields: Mapping[str, str], problems_of: Callable[[Arrays], list[str]]
) -> Arrays:
    """Arrays of an .npz file. Raises ImageError naming every field that is missing or does not fit.

    fields: the ones that must be there, and what each one is. problems_of: called when all are.
    """
    arrays = load_arrays(path)
    missing = [f"{name} is missing: {meaning}" for name, meaning in fields.items() if name not in arrays]
    problems = missing or problems_of(arrays)
    if problems:
        raise ImageError(f"{fspath(path)}: {problem}" for problem in problems)
    return arrays


def take_first(path: str | PathLike[str], n: int, wanted: int | None) -> slice:
    """The first `wanted` of the `n` samples of a file; None: all. Raises ImageError if there are fewer."""
    if wanted is None:
        return slice(n)
    if not 1 <= wanted <= n:
        raise ImageError(f"{fspath(path)}: holds {n} samples, {wanted} asked for: ask for 1..{n}")
    return slice(wanted)


def sizes(arrays: Arrays) -> tuple[int, int, int] | None:
    """Samples, ticks and inputs by `x_shape`; None if it does not say."""
    shape = arrays["x_shape"]
    if shape.shape != (3,) or shape.dtype.kind not in "iu" or (shape < 1).any():
        return None
    n_samples, n_ticks, n_inputs = (int(length) for length in shape)
    return n_samples, n_ticks, n_inputs


def no_sizes(arrays: Arrays) -> list[str]:
    """The one problem of a file whose `x_shape` says nothing: no other length can be told."""
    return [f"x_shape is {what(arrays['x_shape'])}, expected integers of at least 1: samples, ticks, inputs"]


def packed_problems(arrays: Arrays, given: tuple[int, int, int], n_inputs: int) -> list[str]:
    """What keeps the spikes `x_packed` from being of the sizes `given`, or those from fitting the network."""
    n_samples, n_ticks, n_given = given
    problems = []
    if n_given != n_inputs:
        problems.append(f"x_shape says {n_given} inputs, the network has {n_inputs}")
    packed, packed_shape = arrays["x_packed"], (n_samples, n_ticks, -(-n_given // 8))
    if packed.shape != packed_shape or packed.dtype != np.uint8:
        problems.append(f"x_packed is {what(packed)}, expected uint8 {list(packed_shape)} by x_shape")
    return problems


def integer_problem(name: str, array: Array, shape: tuple[int, ...], highest: int) -> list[str]:
    """What keeps an array from being integers 0..highest of that shape."""
    if array.shape != shape or array.dtype.kind not in "iu":
        return [f"{name} is {what(array)}, expected integers {list(shape)}"]
    if array.size and (array.min() < 0 or array.max() > highest):
        return [f"{name} holds {array.min()}..{array.max()}, expected 0..{highest}"]
    return []


def number_problem(
    name: str, array: Array, shape: tuple[int, ...], low: float = -np.inf, high: float = np.inf
) -> list[str]:
    """What keeps an array from being finite numbers of that shape, strictly between `low` and `high`."""
    if array.shape != shape or array.dtype.kind not in "iuf":
        return [f"{name} is {what(array)}, expected numbers {list(shape)}"]
    if not np.isfinite(array).all():
        return [f"{name} holds a number that is not finite"]
    if array.size and (array.min() <= low or array.max() >= high):
        return [f"{name} holds {array.min():g}..{array.max():g}, expected between {low:g} and {high:g}"]
    return []


def unpacked(arrays: Arrays, samples: slice) -> NDArray[np.bool_]:
    """bool [n_samples, n_ticks, n_inputs] spikes of some of the samples."""
    bits = np.unpackbits(arrays["x_packed"][samples], axis=-1, count=int(arrays["x_shape"][2]))
    return bits.view(np.bool_)


def what(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"
