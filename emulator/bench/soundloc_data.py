"""The file of the soundloc bench: a trained network, the sounds it hears as spikes, the source's answers."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from emulator.bench.fields import (
    Arrays,
    integer_problem,
    no_sizes,
    number_problem,
    packed_problems,
    read_fields,
    sizes,
    take_first,
    unpacked,
    what,
)

FIELDS = {
    "w1": "numbers [n_inputs, n_hidden]: weights from the inputs to the hidden neurons",
    "w2": "numbers [n_hidden, n_classes]: weights from the hidden neurons to the outputs",
    "alpha": "a number: part of v that a tick leaves, exp(-dt / tau)",
    "v_threshold": "a number: threshold of the hidden neurons",
    "x_packed": "uint8 [n_samples, n_ticks, ceil(n_inputs / 8)]: np.packbits(spikes, axis=-1)",
    "x_shape": "integers [3]: n_samples, n_ticks, n_inputs",
    "ipd": "numbers [n_samples]: interaural phase difference in radians",
    "label": "integers [n_samples]: the class",
}
ANSWERS = "ref_pred"  # integers [n_samples], may be absent: the class that the source framework answered

LEAST_TICKS = 2  # the source framework evaluates one step less than there are ticks
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Weights:
    """The trained network, in the source framework's units."""

    hidden: Floats  # [n_inputs, n_hidden]
    output: Floats  # [n_hidden, n_classes]
    alpha: float  # part of v that a tick leaves, both layers
    threshold: float  # of the hidden neurons


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds as spikes of the auditory nerves, the left ear's inputs first."""

    weights: Weights
    spikes: NDArray[np.bool_]  # [n_samples, n_ticks, n_inputs]
    ipd: Floats  # [n_samples] radians
    label: NDArray[np.int64]  # [n_samples]
    source_class: NDArray[np.int64] | None  # [n_samples] None: the file does not say

    @property
    def n_classes(self) -> int:
        return int(self.weights.output.shape[1])

    def error_deg(self, answer: NDArray[np.int64]) -> Floats:
        """[n_samples] distance of the phase difference from the middle of the class answered."""
        width_deg = 180 / self.n_classes  # the classes share -90 to 90 degrees
        middle_deg = width_deg * (answer + 0.5) - 90
        return np.asarray(np.abs(middle_deg - np.degrees(self.ipd)))


def read_sounds(path: str | PathLike[str], n_samples: int | None = None) -> Sounds:
    """The first `n_samples`, None: all. Raises ImageError naming every field that does not fit."""
    arrays = read_fields(path, FIELDS, _problems)
    chosen = take_first(path, len(arrays["label"]), n_samples)
    weights = Weights(
        arrays["w1"].astype(np.float64),
        arrays["w2"].astype(np.float64),
        float(arrays["alpha"]),
        float(arrays["v_threshold"]),
    )
    source_class = arrays.get(ANSWERS)
    return Sounds(
        weights,
        unpacked(arrays, chosen),
        arrays["ipd"][chosen].astype(np.float64),
        arrays["label"][chosen].astype(np.int64),
        None if source_class is None else source_class[chosen].astype(np.int64),
    )


def _problems(arrays: Arrays) -> list[str]:
    """What does not fit, field by field."""
    given, w1, w2 = sizes(arrays), arrays["w1"], arrays["w2"]
    flat = [
        f"{name} is {what(matrix)}, expected two axes of at least 1"
        for name, matrix in (("w1", w1), ("w2", w2))
        if matrix.ndim != 2 or 0 in matrix.shape
    ]
    if given is None or flat:
        return [*flat, *([] if given else no_sizes(arrays))]
    (n_inputs, n_hidden), n_classes = w1.shape, w2.shape[1]
    n_samples, n_ticks, _ = given
    problems = [
        *number_problem("w1", w1, (n_inputs, n_hidden)),
        *number_problem("w2", w2, (n_hidden, n_classes)),
        *number_problem("alpha", arrays["alpha"], (), 0, 1),
        *number_problem("v_threshold", arrays["v_threshold"], (), 0),
        *packed_problems(arrays, given, n_inputs),
        *number_problem("ipd", arrays["ipd"], (n_samples,), -np.pi, np.pi),
        *integer_problem("label", arrays["label"], (n_samples,), n_classes - 1),
    ]
    if n_ticks < LEAST_TICKS:
        problems.append(f"x_shape says {n_ticks} ticks, expected at least {LEAST_TICKS}")
    if ANSWERS in arrays:
        problems += integer_problem(ANSWERS, arrays[ANSWERS], (n_samples,), n_classes - 1)
    return problems
