"""The images of the digits bench: spikes, labels and the source framework's answers, from one .npz file."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import ImageError
from emulator.formats import load_arrays

FIELDS = {
    "x_packed": "uint8 [n_images, n_ticks, ceil(n_inputs / 8)]: np.packbits(spikes, axis=-1)",
    "x_shape": "integers [3]: n_images, n_ticks, n_inputs",
    "label": "integers [n_images]: the digit",
    "out_counts_source": "integers [n_images, n_classes]: output spikes in the source framework",
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images as input spikes."""

    spikes: NDArray[np.bool_]  # [n_images, n_ticks, n_inputs]
    label: NDArray[np.int64]  # [n_images] 0 .. n_classes - 1
    source_counts: NDArray[np.int64]  # [n_images, n_classes]


def read_digits(path: str | PathLike[str], n_inputs: int, n_classes: int) -> Digits:
    """Raises ImageError naming every field that is missing or does not fit."""
    arrays = load_arrays(path)
    missing = [f"{name} is missing: {meaning}" for name, meaning in FIELDS.items() if name not in arrays]
    problems = missing or _problems(arrays, n_inputs, n_classes)
    if problems:
        raise ImageError(f"{fspath(path)}: {problem}" for problem in problems)
    shape = tuple(int(length) for length in arrays["x_shape"])
    bits = np.unpackbits(arrays["x_packed"], axis=-1)
    return Digits(
        bits[..., : shape[2]].astype(bool),
        arrays["label"].astype(np.int64),
        arrays["out_counts_source"].astype(np.int64),
    )


def _problems(arrays: dict[str, NDArray[Any]], n_inputs: int, n_classes: int) -> list[str]:
    """What does not fit the network or the other fields."""
    shape = arrays["x_shape"]
    if shape.shape != (3,) or shape.dtype.kind not in "iu" or (shape < 1).any():
        return [f"x_shape is {_what(shape)}, expected integers of at least 1: n_images, n_ticks, n_inputs"]
    n_images, n_ticks, n_features = (int(length) for length in shape)
    problems = []
    if n_features != n_inputs:
        problems.append(f"x_shape says {n_features} inputs, the network has {n_inputs}")
    packed, packed_shape = arrays["x_packed"], (n_images, n_ticks, -(-n_features // 8))
    if packed.shape != packed_shape or packed.dtype != np.uint8:
        problems.append(f"x_packed is {_what(packed)}, expected uint8 {list(packed_shape)} by x_shape")
    expected = {"label": ((n_images,), n_classes - 1), "out_counts_source": ((n_images, n_classes), n_ticks)}
    for name, (wanted, highest) in expected.items():
        array = arrays[name]
        if array.shape != wanted or array.dtype.kind not in "iu":
            problems.append(f"{name} is {_what(array)}, expected integers {list(wanted)}")
        elif array.min() < 0 or array.max() > highest:
            problems.append(f"{name} holds {array.min()}..{array.max()}, expected 0..{highest}")
    return problems


def _what(array: NDArray[Any]) -> str:
    return f"{array.dtype} {list(array.shape)}"
