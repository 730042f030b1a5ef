"""Legal: parts as bins that keep every limit of a core exactly.

While parts are looked for, memory is counted by the synapse and tables of configurations are not counted at
all. Here each part is filled as a core is; what does not fit goes, with the like of other parts, to bins of
its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.fill import CoreFill, Demand, Limits
from emulator.compiler.ir import Partition

Ints = NDArray[np.integer]

DemandOf = Callable[[Ints], Demand]  # of neurons in the order of filling, int64 [n_neurons]


def legal_bins(part: Ints, demand_of: DemandOf, limits: Limits, n_cores: int) -> Partition:
    """Bins of a network whose neurons fit a core each; axon-out entries are left to the caller.

    part: int32 [n_neurons]. Bins are numbered as parts are, those of what was left over last.
    """
    order = np.argsort(part, kind="stable")
    ends = np.cumsum(np.bincount(part))
    filling = CoreFill(demand_of(order), limits)
    fits = np.zeros(len(order), dtype=np.bool_)
    closed: list[str | None] = []
    begin = 0
    for end in ends.tolist():
        if end > begin:
            n, binding = filling.fresh(begin, end)
            fits[begin : begin + n] = True
            closed.append(binding)
        begin = end
    bin_of = np.empty(len(order), dtype=np.int32)
    kept, left = order[fits], np.sort(order[~fits])  # as slots are: a dense list is one without gaps
    bin_of[kept] = np.unique(part[kept], return_inverse=True)[1].reshape(-1)
    if len(left):
        closed += _left_over(left, kept, demand_of, limits, bin_of, len(closed))
    return Partition(
        bin_of, len(closed), np.full(len(closed), n_cores, dtype=np.int32), tuple(closed), "multilevel"
    )


def _left_over(
    left: Ints, kept: Ints, demand_of: DemandOf, limits: Limits, bin_of: Ints, n_bins: int
) -> list[str | None]:
    """Fills what is left over into fresh bins, in place; what closed each."""
    filling = CoreFill(demand_of(np.concatenate([left, kept])), limits)
    closed: list[str | None] = []
    at = 0
    while at < len(left):
        n, binding = filling.fresh(at, len(left))
        assert n > 0, f"neuron {left[at]} fits no core alone, though it did in order"
        bin_of[left[at : at + n]] = n_bins + len(closed)
        closed.append(binding)
        at += n
    return closed
