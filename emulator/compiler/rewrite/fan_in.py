"""Fan-in beyond a core's axons: refused, or built from partial sums, which is an approximation.

Synapses of one sign are added up by neurons of their own, each for as many axons as leave room for four of
each. They fire once for each `quantum` of their sum, keep the rest, and move the target by that quantum: what
it gets is at any time less than a quantum per neuron away, while no tick brings more than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emulator.compiler.rewrite.integers import DELAYS
from emulator.compiler.rewrite.ir import Ints, Room, Weighted
from emulator.errors import CompileError

PER_LINE = 4  # axons that a line of a partial sum can have
SHARE = 8  # a quantum is this part of all weights together: such activity in one tick does not pile up
SUMMING = {"reset_mode": 1, "saturate": 1, "beta": 0}  # alpha: the quantum; else 0


def check_fan_in(weighted: Weighted, room: Room) -> None:
    """Raises CompileError naming the neuron of each group that is farthest over the limit."""
    n = np.diff(weighted.ptr)
    problems = []
    for group in np.unique(weighted.group[n > room.axons]).tolist():
        mine = np.flatnonzero((weighted.group == group) & (n > room.axons))
        worst = int(mine[n[mine].argmax()])
        problems.append(
            f"{weighted.owner(worst)}: {n[worst]} axons in, one for each sender and delay, limit "
            f"{room.axons} of a core (chip {room.chip!r}; {len(mine)} such neurons): lower its fan-in, add a "
            "layer that sums up parts of it, or let fan_in='partial_sums' do that, which is not exact"
        )
    if problems:
        raise CompileError(problems)


def sum_in_parts(weighted: Weighted, room: Room, late: Sequence[int]) -> Weighted:
    """Neurons over the limit hear partial sums instead, in as many levels as that takes."""
    while (np.diff(weighted.ptr) > room.axons).any():
        weighted = _one_level(weighted, room, late)
    return weighted


def _one_level(weighted: Weighted, room: Room, late: Sequence[int]) -> Weighted:
    n, n_neurons = np.diff(weighted.ptr), weighted.n_neurons
    over = np.flatnonzero(n > room.axons)
    groups, place = np.unique(weighted.group[over], return_inverse=True)
    kept = ~np.isin(weighted.post, over)
    parts: list[tuple[int, Ints, int, float]] = []  # target, synapses, sign, quantum
    for neuron in over.tolist():
        parts += _parts(weighted, room, neuron)
    n_new = len(parts)
    sender = weighted.line_sender + n_new * (weighted.line_sender >= n_neurons)
    key = (sender * DELAYS + weighted.line_delay)[weighted.line]
    new_group = len(weighted.label) + place[np.searchsorted(over, [part[0] for part in parts])]
    lateness = np.array([*late, *[0] * (len(weighted.label) + len(groups) - len(late))], dtype=np.int64)
    posts, keys, weights = [weighted.post[kept]], [key[kept]], [weighted.weight[kept]]
    for number, (neuron, synapses, sign, quantum) in enumerate(parts):
        # the sum takes a tick of the delay, where there is one to spare
        shift = int(lateness[weighted.group[neuron]] - lateness[new_group[number]])
        delay = key[synapses] % DELAYS
        posts += [np.full(len(synapses), n_neurons + number), np.array([neuron])]
        keys += [key[synapses] - delay + np.maximum(delay - 1 - shift, 1)]
        keys += [np.array([(n_neurons + number) * DELAYS + 1 + shift])]
        weights += [sign * weighted.weight[synapses], np.array([sign * quantum])]
    return _with(weighted, parts, groups, new_group, [np.concatenate(x) for x in (posts, keys, weights)])


def _parts(weighted: Weighted, room: Room, neuron: int) -> list[tuple[int, Ints, int, float]]:
    """The neuron's synapses, cut into stretches of one sign."""
    rows = np.arange(weighted.ptr[neuron], weighted.ptr[neuron + 1])
    highest = min(room.largest, max(1, int(weighted.neurons["alpha"][neuron]) // 2))
    out = []
    for sign in (1, -1):
        mine = rows[np.sign(weighted.weight[rows]) == sign]
        for part in (
            np.array_split(mine, -(-len(mine) // max(1, room.axons // PER_LINE))) if len(mine) else []
        ):
            quantum = float(np.clip(np.rint(np.abs(weighted.weight[part]).sum() / SHARE), 1, highest))
            out.append((neuron, part, sign, quantum))
    return out


def _with(
    weighted: Weighted, parts: list[tuple[int, Ints, int, float]], groups: Ints, group: Ints, table: list[Any]
) -> Weighted:
    """With the neurons of the parts, in groups after all others, and with the synapses of the table."""
    order = np.argsort(group, kind="stable")
    rank = np.empty(len(parts), dtype=np.int64)
    rank[order] = np.arange(len(parts))
    n_neurons, n = weighted.n_neurons, weighted.n_neurons + len(parts)
    post, key, weight = table
    renumbered = np.concatenate([np.arange(n_neurons), n_neurons + rank])
    post = renumbered[post]
    sender = key // DELAYS
    inner = sender < n
    key[inner] = renumbered[sender[inner]] * DELAYS + key[inner] % DELAYS
    # a line may be heard by several synapses of one sum: of different delays before
    post, key, weight = _summed(post, key, weight)
    keys, line = np.unique(key, return_inverse=True)
    target = np.array([parts[i][0] for i in order], dtype=np.int64)
    quantum = np.array([parts[i][3] for i in order]).astype(np.int64)
    added = {name: np.full(len(parts), SUMMING.get(name, 0)) for name in weighted.neurons} | {
        "alpha": quantum
    }
    off = np.zeros(len(parts), dtype=bool)
    sizes = np.bincount(group)[len(weighted.label) :]
    whole = weighted.whole.copy()
    whole[np.unique(target)] = True
    report = [
        {
            "name": "partial sums",
            "part": weighted.label[one],
            "exact": False,
            "neurons": int((weighted.group[target] == one).sum()),
            "notes": ["inputs of one tick of delay arrive a tick later, and in portions"],
        }
        for one in groups.tolist()
    ]
    return replace(
        weighted,
        neurons={name: np.concatenate([weighted.neurons[name], added[name]]) for name in added},
        to_host=np.concatenate([weighted.to_host, off]),
        recorded=np.concatenate([weighted.recorded, off]),
        account=np.concatenate([weighted.account, weighted.account[target]]),
        group=np.concatenate([weighted.group, np.sort(group).astype(np.int32)]),
        label=(*weighted.label, *(f"partial sums of {weighted.label[one]}" for one in groups.tolist())),
        first=np.concatenate([weighted.first, n_neurons + np.cumsum(sizes)]),
        ptr=np.searchsorted(post, np.arange(n + 1)),
        line=line.astype(np.int64),
        weight=weight,
        whole=np.concatenate([whole, weighted.whole[target]]),
        line_sender=keys // DELAYS,
        line_delay=keys % DELAYS,
        report=(*weighted.report, *report),
    )


def _summed(post: Ints, key: Ints, weight: Any) -> tuple[Ints, Ints, Any]:
    order = np.lexsort((key, post))
    post, key, weight = post[order], key[order], weight[order]
    begins = np.flatnonzero((np.diff(post, prepend=-1) != 0) | (np.diff(key, prepend=-1) != 0))
    return post[begins], key[begins], np.add.reduceat(weight, begins)
