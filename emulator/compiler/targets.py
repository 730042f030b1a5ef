"""Targets: how many bins, or neurons, each neuron projects to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import lists
from emulator.compiler.ir import Quantised
from emulator.compiler.rows import plain_table_of

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


def target_bins(quantised: Quantised, bin_of: Ints, n_bins: int) -> Longs:
    """int64 [n_neurons]: number of distinct bins with a target of each neuron. bin_of: int32 [n_neurons]."""
    counts = np.zeros(quantised.n_neurons, dtype=np.int64)
    per_bin = np.zeros(n_bins, dtype=np.int64)
    lists.target_bins(plain_table_of(quantised.projections), bin_of, counts, per_bin)
    return counts


def distinct_targets(quantised: Quantised) -> Longs:
    """int64 [n_neurons]: number of distinct neurons each neuron projects to."""
    return target_bins(quantised, np.arange(quantised.n_neurons, dtype=np.int32), quantised.n_neurons)
