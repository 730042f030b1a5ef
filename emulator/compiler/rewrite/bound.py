"""Bound: cores that a network takes at least, counted before its weights are written, and what that spares.

Every neuron has one column and one axon for each of its lines, which is what weights of one kind would take.
The count is that of the cores filled in order; what neurons send to then takes a column for each axon, be it
a copy or a relay. It can be too high where weights are so small beside others that their line is dropped, so
a network is refused by it only from SLACK times the cores of the chip on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from emulator.compiler.rewrite.choose import Frugality, choose_codes, steps_of
from emulator.compiler.rewrite.fill import Filling
from emulator.compiler.rewrite.ir import Ints, Room, TooManyCores, Weighted
from emulator.compiler.rewrite.nearest import axons_per_line
from emulator.compiler.rewrite.order import fill_order

SLACK = 1.5
SAMPLE_SLACK = 1.1
N_STRETCHES, STRETCH = (
    4,
    256,
)  # neurons of a sample: stretches of those that would be filled one after another


@dataclass(frozen=True, eq=False)
class Bound:
    """Cores by what fills them. Counting stops once it is clear that they are too many."""

    cores: Ints  # int64 [n_groups] that a group's neurons take, each group beginning one
    axons: Ints  # int64 [n_groups] of these, fed by neurons: each takes a column
    counted: Ints  # int64 [n_groups] neurons looked at
    n_cores: float  # in all, what was not looked at like the rest

    @property
    def heaviest(self) -> int:
        """The group that takes most cores."""
        return int(self.cores.argmax())


def least_cores(weighted: Weighted, room: Room) -> Bound:
    """Counts up to SLACK times the cores of the chip."""
    n_groups = len(weighted.label)
    cores, axons, counted = (np.zeros(n_groups, dtype=np.int64) for _ in range(3))
    inner = weighted.line_sender < weighted.n_neurons
    filled = np.full(weighted.n_lines, -1, dtype=np.int64)  # the core that last took up each line
    core, enough = -1, SLACK * room.cores
    order = fill_order(weighted, np.ones(n_groups, dtype=bool))
    groups = np.split(order, np.searchsorted(weighted.group[order], np.arange(1, n_groups)))
    for group, members in enumerate(groups):
        n_columns = n_axons = room.neurons + 1  # of the open core; full: a group begins with a new one
        for neuron in members.tolist():
            line = weighted.line[weighted.ptr[neuron] : weighted.ptr[neuron + 1]]
            new = line[filled[line] != core]
            if n_columns == room.neurons or n_axons + len(new) > room.axons or n_columns > room.neurons:
                core, n_columns, n_axons, new = core + 1, 0, 0, line
                cores[group] += 1
            filled[new] = core
            n_columns, n_axons = n_columns + 1, n_axons + len(new)
            axons[group] += np.count_nonzero(inner[new])
            counted[group] += 1
            if core > enough:
                break
        if core > enough:
            break
    done = max(int(counted.sum()), 1)
    grown = max(int(cores.sum()) - n_groups + 1, -(-int(axons.sum()) // room.neurons))
    return Bound(cores, axons, counted, grown * weighted.n_neurons / done)


def promising(weighted: Weighted, room: Room, weights: str) -> Iterator[Frugality]:
    """Steps worth trying: none that differs from one before in nothing, and none of which a sample takes far
    too many cores."""
    seen = set()
    steps = steps_of(weights)
    for step in steps:
        alone = step.alone and bool(weighted.whole.any())
        key = alone, axons_per_line(weighted, room, step.per_line).tobytes()
        if key in seen:
            continue
        seen.add(key)
        if len(steps) == 1 or _sampled_cores(weighted, room, weights, step) <= SAMPLE_SLACK * room.cores:
            yield step


def _sampled_cores(weighted: Weighted, room: Room, weights: str, step: Frugality) -> float:
    """Cores that all neurons take if they fare as some of them do; 0: too few for a sample."""
    order = fill_order(weighted, np.ones(len(weighted.label), dtype=bool))
    if len(order) < 2 * N_STRETCHES * STRETCH:
        return 0.0
    starts = np.linspace(0, len(order) - STRETCH, N_STRETCHES).astype(np.int64)
    some = [_only(weighted, np.sort(order[start : start + STRETCH])) for start in starts.tolist()]
    try:
        return sum(_filled(part, room, weights, step) for part in some) * len(order) / (N_STRETCHES * STRETCH)
    except TooManyCores:
        return np.inf


def _filled(part: Weighted, room: Room, weights: str, step: Frugality) -> int:
    """Full cores of neurons with a column each; the last one is not full."""
    filling = Filling(part, choose_codes(part, room, weights, step), room)
    for neuron in fill_order(part, np.ones(len(part.label), dtype=bool)).tolist():
        filling.add(neuron, 1)
    return filling.n_cores


def _only(weighted: Weighted, neurons: Ints) -> Weighted:
    """As many neurons as targets; all are still there as senders."""
    n = np.diff(weighted.ptr)[neurons]
    ptr = np.concatenate([[0], np.cumsum(n)])
    synapse = np.arange(ptr[-1]) + np.repeat(weighted.ptr[neurons] - ptr[:-1], n)
    return replace(
        weighted,
        neurons={name: values[neurons] for name, values in weighted.neurons.items()},
        account=weighted.account[neurons],
        group=weighted.group[neurons],
        whole=weighted.whole[neurons],
        ptr=ptr,
        line=weighted.line[synapse],
        weight=weighted.weight[synapse],
    )


def too_many_text(name: str, weighted: Weighted, bound: Bound, room: Room) -> str:
    """The error of a network that takes too many cores: who takes most, and what would help."""
    one = bound.heaviest
    mine = weighted.group == one
    held = int(bound.counted[one]) / max(int(bound.cores[one]), 1)
    hears = float(np.diff(weighted.ptr)[mine].mean())
    about = f", about {bound.n_cores:,.0f}" if bound.n_cores > room.cores else ""
    return (
        f"network {name!r}: takes more than the {room.cores} cores of chip {room.chip!r}{about}: "
        f"{weighted.label[one]} takes most of them, {int(mine.sum())} neurons of {hears:.1f} axons each, of "
        f"which a core of {room.axons} axons holds {held:.1f} even if each sender takes one: a sender needs "
        "axons in each core of its targets, and a copy for each of them: let neighbours hear the same "
        "senders, use fewer synapses, fewer values of weights, or a larger mesh"
    )
