"""The order in which neurons are filled into cores: those with like inputs side by side."""

from __future__ import annotations

import numpy as np

from emulator.compiler.rewrite.ir import Bools, Ints, Weighted


def fill_order(weighted: Weighted, members: Bools) -> Ints:
    """Neurons of the groups `members` [n_groups], within a group by the middle of their lines: so are those
    of a convolution that look at the same place."""
    neuron = np.flatnonzero(members[weighted.group])
    line_sum = np.add.reduceat(np.concatenate([weighted.line, [0]]), weighted.ptr[:-1])
    n = np.diff(weighted.ptr)
    middle = np.where(n > 0, line_sum // np.maximum(n, 1), 0)
    return np.asarray(neuron[np.lexsort((neuron, middle[neuron], weighted.group[neuron]))])
