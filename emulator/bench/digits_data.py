"""The images of the digits bench: spikes, labels and the source framework's answers, from one .npz file."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from emulator.bench.fields import (
    Arrays,
    integer_problem,
    no_sizes,
    packed_problems,
    read_fields,
    sizes,
    take_first,
    unpacked,
)

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


def read_digits(
    path: str | PathLike[str], n_inputs: int, n_classes: int, n_samples: int | None = None
) -> Digits:
    """The first `n_samples` images, None: all. Raises ImageError naming every field that does not fit."""
    arrays = read_fields(path, FIELDS, lambda arrays: _problems(arrays, n_inputs, n_classes))
    chosen = take_first(path, len(arrays["label"]), n_samples)
    return Digits(
        unpacked(arrays, chosen),
        arrays["label"][chosen].astype(np.int64),
        arrays["out_counts_source"][chosen].astype(np.int64),
    )


def _problems(arrays: Arrays, n_inputs: int, n_classes: int) -> list[str]:
    """What does not fit the network or the other fields."""
    given = sizes(arrays)
    if given is None:
        return no_sizes(arrays)
    n_images, n_ticks, _ = given
    return [
        *packed_problems(arrays, given, n_inputs),
        *integer_problem("label", arrays["label"], (n_images,), n_classes - 1),
        *integer_problem("out_counts_source", arrays["out_counts_source"], (n_images, n_classes), n_ticks),
    ]
