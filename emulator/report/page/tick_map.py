"""What each core and link did in each tick, for the chip map's slider.

Exact in each tick over all cores and in each core over all ticks, as the record counts both. In between,
what the recorded spikes caused is exact too; the rest (packets of the host, updates) is shared out in
proportion by the page: known + rest of the core x rest of the tick / rest of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import EVENT_ID
from emulator.report.page.activity import KNOWN, Stretch, Ways, is_lossy, links_of, stretches

if TYPE_CHECKING:
    from emulator.engine.result import Result

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]

CORE_EVENTS = (*KNOWN, "update_inactive", "update_active")
"""Events of cores that have a price."""

HOPS = ("hop_e", "hop_w", "hop_n", "hop_s")
MAX_VALUES = 2_500_000  # of all tables of the map; they take a few MB in the page
MAX_STEPS = 1000  # of the slider
MAX_SAMPLES = 100  # that are shown on their own


@dataclass(frozen=True)
class Steps:
    """Which rows of the record make up a step of the slider. Step n_steps * v + s is step s of view v; view 0
    is all samples in sum, view v sample v - 1."""

    n_samples: int
    n_ticks: int
    width: int  # ticks of a step
    n_shown: int  # samples with a view of their own

    @property
    def n_steps(self) -> int:
        return -(-self.n_ticks // self.width)

    @property
    def n_views(self) -> int:
        return 1 + self.n_shown

    def in_sum(self, rows: Longs) -> Longs:
        """Step of each row in view 0."""
        return np.asarray(rows % self.n_ticks // self.width)

    def own(self, rows: Longs) -> Longs:
        """Step of each row in the view of its sample; -1: it has none."""
        sample = rows // self.n_ticks
        step = (1 + sample) * self.n_steps + self.in_sum(rows)
        return np.where(sample < self.n_shown, step, -1)

    def summed(self, rows: Longs, table: Longs, out: Longs) -> None:
        """Adds the rows of table [n_rows, ...] to their steps in out [n_views * n_steps, ...]."""
        np.add.at(out, self.in_sum(rows), table)
        own = self.own(rows)
        np.add.at(out, own[own >= 0], table[own >= 0])


@dataclass(frozen=True, eq=False)
class TickMap:
    """Tables of the map; `s` counts the steps of all views."""

    steps: Steps
    known: Longs  # [len(KNOWN), s, n_cores]
    rest_of_core: Longs  # [len(CORE_EVENTS), n_cores]
    rest_of_step: Longs  # [len(CORE_EVENTS), s]
    links: Longs  # [n_links] tile * 4 + side of the links in use, ascending
    known_links: Longs  # [s, n_links]
    rest_of_link: Longs  # [n_links]
    link_rest_of_step: Longs  # [4, s] by direction
    core_ps: Longs  # [n_rows] the busiest core's work takes at least so long


def choose_steps(n_samples: int, n_ticks: int, n_places: int) -> Steps:
    """As fine as the page has room for; n_places: values of one step."""
    room = max(1, MAX_VALUES // max(n_places, 1))
    finest = max(1, min(n_ticks, MAX_STEPS, room // (2 if n_samples > 1 else 1)))
    width = max(1, -(-n_ticks // finest))
    n_steps = max(1, -(-n_ticks // width))
    n_shown = min(n_samples, MAX_SAMPLES, room // n_steps - 1) if n_samples > 1 else 0
    return Steps(n_samples, n_ticks, width, max(0, n_shown))


def tick_map(result: Result, ways: Ways) -> TickMap:
    """Goes once through the record."""
    record, program = result.record, result.program
    n_cores = program.image.n_cores
    links = np.flatnonzero(np.asarray(record.link_counts).ravel())
    steps = choose_steps(record.n_samples, record.n_ticks, len(KNOWN) * n_cores + len(links))
    n = steps.n_steps * steps.n_views
    known = np.zeros((len(KNOWN), n, n_cores), dtype=np.int64)
    known_links = np.zeros((n, len(links)), dtype=np.int64)
    core_ps = np.zeros(record.n_rows, dtype=np.int64)
    for stretch in stretches(record, program, ways):
        rows = np.arange(stretch.first_row, stretch.first_row + stretch.table.shape[1])
        for event in range(len(KNOWN)):
            steps.summed(rows, stretch.table[event], known[event])
        if len(links) and len(stretch.packet_row):
            _add_links(result, ways, stretch, steps, links, known_links)
        core_ps[rows] = _busiest(result, rows, stretch.table)
    if is_lossy(program):
        known[2:] = 0  # what arrived is not known from what was sent
    return TickMap(
        steps, known, *_rests(result, steps, known), links, known_links,
        *_link_rests(result, steps, links, known_links), core_ps,
    )  # fmt: skip


def _add_links(
    result: Result, ways: Ways, stretch: Stretch, steps: Steps, links: Longs, known: Longs
) -> None:
    own = steps.own(stretch.packet_row)
    group = np.where(own >= 0, own, -1 - steps.in_sum(stretch.packet_row))
    order = np.argsort(group, kind="stable")
    groups, first = np.unique(group[order], return_index=True)
    for one, begin, end in zip(groups.tolist(), first, [*first[1:], len(order)], strict=True):
        packets = order[begin:end]
        grants = links_of(result.program, ways, stretch.packet_entry[packets], stretch.packet_spike[packets])
        taken = grants.ravel()[links]
        if one >= 0:
            known[one] += taken
        known[one % steps.n_steps if one >= 0 else -1 - one] += taken


def _rests(result: Result, steps: Steps, known: Longs) -> tuple[Longs, Longs]:
    """What the known part leaves of each core and of each step."""
    record = result.record
    columns = [EVENT_ID[event] for event in CORE_EVENTS]
    of_core = np.asarray(record.counts_by_core[:-1, columns], dtype=np.int64).T.copy()
    of_step = np.zeros((len(CORE_EVENTS), known.shape[1]), dtype=np.int64)
    rows = np.arange(record.n_rows)
    for event, column in enumerate(columns):
        steps.summed(rows, np.asarray(record.counts_by_tick[:, column], dtype=np.int64), of_step[event])
    of_core[: len(KNOWN)] -= known[:, : steps.n_steps].sum(axis=1)
    of_step[: len(KNOWN)] -= known.sum(axis=2)
    return of_core, of_step


def _link_rests(result: Result, steps: Steps, links: Longs, known: Longs) -> tuple[Longs, Longs]:
    record = result.record
    of_link = np.asarray(record.link_counts, dtype=np.int64).ravel()[links] - known[: steps.n_steps].sum(
        axis=0
    )
    of_step = np.zeros((len(HOPS), len(known)), dtype=np.int64)
    rows = np.arange(record.n_rows)
    for side, event in enumerate(HOPS):
        counts = np.asarray(record.counts_by_tick[:, EVENT_ID[event]], dtype=np.int64)
        steps.summed(rows, counts, of_step[side])
        of_step[side] -= known[:, links % 4 == side].sum(axis=1)
    return of_link, of_step


UPDATES = {"update_inactive": "update_inactive", "update_active": "update_active"}
SENDING = {"spikes": "spike", "inject": "send"}
WALKS = {"synaptic_ops_dense": "synaptic_op_dense", "synaptic_ops_sparse": "synaptic_op_sparse"}
PIPELINES = {
    "cuba": (UPDATES | SENDING, {"axon_in": "receive"} | WALKS),
    "truenorth": (UPDATES | SENDING | WALKS, {"axon_in": "receive"}),
}
"""Model of the cores -> events that keep its pipelines busy, the one of the compartments first: latencies."""


def _busiest(result: Result, rows: Longs, table: Longs) -> Longs:
    """Least time that some core's pipeline is busy in each row: compartments, or synapses.

    What is known of a core is its least; and somebody has no less than the mean of all, which is known of the
    row. Updates are counted as the quicker kind.
    """
    program, counts = result.program, result.record.counts_by_tick[rows]
    latency, n_cores = program.chip.latency_ps, program.image.n_cores
    quick = min(latency.update_inactive, latency.update_active)
    updates = np.broadcast_to(np.diff(program.image.slot_ptr) * quick, table[0].shape)
    least = []
    for own, pipeline in zip((updates, 0), PIPELINES[program.chip.cores.model], strict=True):
        known = sum(
            (
                table[KNOWN.index(event)] * getattr(latency, key)
                for event, key in pipeline.items()
                if event in KNOWN
            ),
            start=np.zeros(table[0].shape, dtype=np.int64) + own,
        )
        every = sum(counts[:, EVENT_ID[event]] * getattr(latency, key) for event, key in pipeline.items())
        least += [known.max(axis=1), -(-np.asarray(every, dtype=np.int64) // n_cores)]
    return np.asarray(np.max(least, axis=0), dtype=np.int64)
