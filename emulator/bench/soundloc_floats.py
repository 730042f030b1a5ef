"""The soundloc network as its source framework computes it, in floats: what the chip is held against.

It differs from a chip's compartment in one thing: a neuron is tested with the v from before the update, so
it is reset a step late, and mostly fires a second time in the step between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.bench.soundloc_data import Weights

CHUNK = 64  # samples at a time: their spikes as floats stay at 10 MB


@dataclass(frozen=True, eq=False)
class FloatAnswer:
    """What the network says in floats."""

    sum_v: NDArray[np.float64]  # [n_samples, n_classes] sum of v over the steps
    hidden: NDArray[np.bool_]  # [n_samples, n_ticks, n_hidden] spikes; those of step t are in row t + 1

    @property
    def answer(self) -> NDArray[np.int64]:
        """[n_samples] class with the largest sum, the lowest of equals."""
        return np.asarray(self.sum_v.argmax(axis=1))


def in_floats(weights: Weights, spikes: NDArray[np.bool_]) -> FloatAnswer:
    """Answers the sounds `spikes` [n_samples, n_ticks, n_inputs], in n_ticks - 1 steps."""
    starts = range(0, len(spikes), CHUNK)
    parts = [_chunk(weights, spikes[start : start + CHUNK]) for start in starts]
    return FloatAnswer(
        np.concatenate([part.sum_v for part in parts]), np.concatenate([part.hidden for part in parts])
    )


def _chunk(weights: Weights, spikes: NDArray[np.bool_]) -> FloatAnswer:
    n_samples, n_ticks, _ = spikes.shape
    n_hidden, n_classes = weights.output.shape
    drive = spikes.astype(np.float64) @ weights.hidden  # [n_samples, n_ticks, n_hidden]
    v, fired = np.zeros((n_samples, n_hidden)), np.zeros((n_samples, n_hidden), dtype=bool)
    out_v, sum_v = np.zeros((n_samples, n_classes)), np.zeros((n_samples, n_classes))
    hidden = np.zeros((n_samples, n_ticks, n_hidden), dtype=bool)
    for step in range(n_ticks - 1):
        new_v = np.where(fired, 0.0, weights.alpha * v + drive[:, step])
        out_v = weights.alpha * out_v + fired @ weights.output
        sum_v += out_v
        fired = v > weights.threshold
        hidden[:, step + 1] = fired
        v = new_v
    return FloatAnswer(sum_v, hidden)
