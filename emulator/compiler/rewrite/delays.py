"""Delays without room for relays: targets move to a later tick, with all that they listen to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emulator.compiler.rewrite.ir import Ints, Weighted
from emulator.compiler.rewrite.spread import group_edges

INPUTS = -1  # in place of a group: never later


@dataclass
class Lateness:
    """By how many ticks each group fires later than the network says."""

    late: list[int]  # [n_groups]
    apart: dict[tuple[int, int], int] = field(default_factory=dict)  # least late[post] - late[pre]

    def later(self, weighted: Weighted, missing: dict[int, int]) -> list[str]:
        """Takes up the lines whose delay is too short; what cannot be mended is returned."""
        before = len(self.apart), sum(self.apart.values())
        for pre, post, ticks in _missing(weighted, missing):
            now = self.late[post] - (self.late[pre] if pre != INPUTS else 0)
            self.apart[pre, post] = max(self.apart.get((pre, post), 0), now + ticks)
        assert (len(self.apart), sum(self.apart.values())) != before, missing
        part = _parts(weighted)
        problems = [
            _loop(weighted, pre, post, ticks)
            for (pre, post), ticks in self.apart.items()
            if pre != INPUTS and part[pre] == part[post] and ticks
        ]
        if not problems:
            self._settle(weighted)
        return problems

    def _settle(self, weighted: Weighted) -> None:
        """The least that keeps all apart; groups of one loop stay together."""
        part = _parts(weighted)
        edges = [(int(pre), int(post)) for pre, post in group_edges(weighted)]
        wanted = {edge: 0 for edge in edges} | self.apart
        late = dict.fromkeys(part, 0)
        for _ in range(len(late) + 1):
            before = dict(late)
            for (pre, post), ticks in wanted.items():
                start = 0 if pre == INPUTS else late[part[pre]]
                if pre == INPUTS or part[pre] != part[post]:
                    late[part[post]] = max(late[part[post]], start + ticks)
            if late == before:
                break
        self.late = [late[one] for one in part]


def _missing(weighted: Weighted, missing: dict[int, int]) -> list[tuple[int, int, int]]:
    """(group of the sender, group of a target, ticks) of lines that are too short."""
    lines = np.array(sorted(missing), dtype=np.int64)
    listens = np.flatnonzero(np.isin(weighted.line, lines))
    sender = weighted.line_sender[weighted.line[listens]]
    inner = sender < weighted.n_neurons
    pre = np.where(inner, weighted.group[sender * inner], INPUTS)
    post = weighted.group[weighted.post[listens]]
    ticks = np.array([missing[line] for line in weighted.line[listens].tolist()], dtype=np.int64)
    found = np.unique(np.column_stack([pre, post, ticks]), axis=0)
    return [(int(a), int(b), int(c)) for a, b, c in found]


def _parts(weighted: Weighted) -> list[int]:
    """[n_groups] set of groups that reach each other."""
    n = len(weighted.label)
    edges = group_edges(weighted)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    parts: list[int] = connected_components(graph, connection="strong")[1].tolist()
    return parts


def _loop(weighted: Weighted, pre: int, post: int, ticks: int) -> str:
    lines = weighted.line[np.isin(weighted.post, _of(weighted, post))]
    mine = np.isin(weighted.line_sender[lines], _of(weighted, pre))
    shortest = int(weighted.line_delay[lines][mine].min())
    return (
        f"{weighted.label[pre]} -> {weighted.label[post]}: delay {shortest} ticks within a loop, limit at "
        f"least {shortest + ticks}: its neurons have too many targets for copies and need relays, of a tick "
        "each: give longer delays, fewer targets, or neurons without random draws, which can be copied"
    )


def _of(weighted: Weighted, group: int) -> Ints:
    return np.arange(weighted.first[group], weighted.first[group + 1])
