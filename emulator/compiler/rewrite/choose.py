"""A code for every neuron: exact where that fits a core, else the nearest that does."""

from __future__ import annotations

import numpy as np

from emulator.compiler.rewrite.codes import by_kinds, in_digits
from emulator.compiler.rewrite.ir import Bools, Codes, Ints, Room, Weighted
from emulator.compiler.rewrite.nearest import cluster, fit_sums
from emulator.errors import CompileError

WEIGHTS = ("auto", "exact", "cluster", "binary")


def choose_codes(weighted: Weighted, room: Room, weights: str = "auto") -> Codes:
    """weights: "auto": four values, else digits, else what is nearest and fits; "exact": one of the first
    two; "cluster": four values, the nearest if there are more; "binary": digits.

    Raises CompileError naming every neuron's group that has no such code.
    """
    value, digits, done = by_kinds(weighted, room.largest)
    if weights == "binary":
        done = np.zeros(weighted.n_neurons, dtype=bool)
    todo = ~done & (np.diff(weighted.ptr) > 0)
    if weights != "cluster":
        exact = _in_digits(weighted, room, value, digits, todo & weighted.whole)
        todo &= ~exact
    if weights in ("exact", "binary") and todo.any():
        raise CompileError(_unfit(weighted, room, todo))
    fixed = np.zeros(weighted.n_neurons, dtype=bool)
    if weights == "cluster":
        cluster(weighted, room, value, digits, todo)
    else:
        fit_sums(weighted, room, value, digits, fixed, todo)
    acting = (digits * value[weighted.post]).sum(axis=1)
    wrong = np.bincount(weighted.post[acting != weighted.weight], minlength=weighted.n_neurons) > 0
    return Codes(value, digits, fixed, exact=~wrong)


def _in_digits(weighted: Weighted, room: Room, value: Ints, digits: Ints, todo: Bools) -> Bools:
    """Writes digits for those neurons for which a core has axons enough; [n_neurons] which."""
    done = np.zeros(weighted.n_neurons, dtype=bool)
    for neuron in np.flatnonzero(todo).tolist():
        rows = slice(int(weighted.ptr[neuron]), int(weighted.ptr[neuron + 1]))
        code = in_digits(weighted.weight[rows].astype(np.int64), room.largest)
        if code is not None and int(code[1].sum(dtype=np.int64)) <= room.axons:
            value[neuron], digits[rows] = code
            done[neuron] = True
    return done


def _unfit(weighted: Weighted, room: Room, todo: Bools) -> list[str]:
    """A line for each group, naming the neuron with the most axons."""
    lines = []
    n_inputs = np.diff(weighted.ptr)
    for group in np.unique(weighted.group[todo]).tolist():
        mine = np.flatnonzero(todo & (weighted.group == group))
        worst = int(mine[n_inputs[mine].argmax()])
        lines.append(
            f"{weighted.owner(worst)}: {n_inputs[worst]} axons in with weights of more than four values "
            f"({len(mine)} such neurons): no exact sum of four values within {room.axons} axons of a core "
            f"of chip {room.chip!r}: use fewer values or axons, or weights='auto'"
        )
    return lines
