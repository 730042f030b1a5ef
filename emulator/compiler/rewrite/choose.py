"""A code for every neuron: exact where that fits a core, else the nearest that does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emulator.compiler.rewrite.codes import by_kinds, in_digits
from emulator.compiler.rewrite.ir import Bools, Codes, Ints, Room, Weighted
from emulator.compiler.rewrite.nearest import cluster, fit_sums
from emulator.errors import CompileError

WEIGHTS = ("auto", "exact", "cluster", "binary")


@dataclass(frozen=True)
class Frugality:
    """How axons are shared out: the fewer for a line, the more neurons in a core, and the farther off."""

    alone: bool  # digits may take all axons of a core for one neuron
    per_line: int  # most axons for a line where weights are not exact


STEPS = (Frugality(True, 8), *(Frugality(False, n) for n in (8, 4, 2, 1)))
"""Tried in this order until the network fits the chip."""


def steps_of(weights: str) -> tuple[Frugality, ...]:
    """Those that make a difference. weights: one of WEIGHTS."""
    return STEPS if weights == "auto" else STEPS[:1]


def choose_codes(weighted: Weighted, room: Room, weights: str = "auto", step: Frugality = STEPS[0]) -> Codes:
    """weights: "auto": four values, else digits, else what is nearest and fits; "exact": one of the first
    two; "cluster": four values, the nearest if there are more; "binary": digits.

    Raises CompileError naming the neuron of each population that is farthest from having such a code.
    """
    value, digits, done = by_kinds(weighted, room.largest)
    if weights == "binary":
        done = np.zeros(weighted.n_neurons, dtype=bool)
    todo = ~done & (np.diff(weighted.ptr) > 0)
    if weights != "cluster":
        todo &= ~_in_digits(weighted, room, value, digits, todo & weighted.whole, step)
    if weights in ("exact", "binary") and todo.any():
        raise CompileError(_unfit(weighted, room, todo, weights))
    fixed = np.zeros(weighted.n_neurons, dtype=bool)
    if weights == "cluster":
        cluster(weighted, room, value, digits, todo)
    else:
        fit_sums(weighted, room, value, digits, fixed, todo, step.per_line)
    acting = (digits * value[weighted.post]).sum(axis=1)
    wrong = np.bincount(weighted.post[acting != weighted.weight], minlength=weighted.n_neurons) > 0
    return Codes(value, digits, fixed, exact=~wrong)


def _in_digits(
    weighted: Weighted, room: Room, value: Ints, digits: Ints, todo: Bools, step: Frugality
) -> Bools:
    """Writes digits for those neurons for which a core has axons enough; [n_neurons] which.

    Neurons of one core differ in their digits, so that in the end each line has the most of all types.
    """
    done = np.zeros(weighted.n_neurons, dtype=bool)
    for neuron in np.flatnonzero(todo).tolist():
        rows = slice(int(weighted.ptr[neuron]), int(weighted.ptr[neuron + 1]))
        code = in_digits(weighted.weight[rows].astype(np.int64), room.largest)
        if code is None:
            continue
        shared = len(code[1]) * int(code[1].max(axis=0).sum(dtype=np.int64))
        if (int(code[1].sum(dtype=np.int64)) if step.alone else shared) <= room.axons:
            value[neuron], digits[rows] = code
            done[neuron] = True
    return done


def _unfit(weighted: Weighted, room: Room, todo: Bools, weights: str) -> list[str]:
    """A line for each group, naming the neuron with the most axons."""
    lines = []
    n_inputs = np.diff(weighted.ptr)
    for group in np.unique(weighted.group[todo]).tolist():
        mine = np.flatnonzero(todo & (weighted.group == group))
        worst = int(mine[n_inputs[mine].argmax()])
        lines.append(
            f"{weighted.owner(worst)}: {n_inputs[worst]} axons in, whose weights have no exact sum of four "
            f"values within the {room.axons} axons of a core of chip {room.chip!r} ({len(mine)} such "
            f"neurons): use fewer axons or values, or weights='auto' instead of {weights!r}"
        )
    return lines
