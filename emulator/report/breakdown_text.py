"""A ledger's table as text: energy by event, core, link, population or tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emulator.report.events import event_label
from emulator.report.tables import table_text
from emulator.report.units import number, percent, seconds, si

if TYPE_CHECKING:
    from emulator.engine.result import Result

MAX_ROWS = 50
"""Longer tables show their dearest rows and say so."""

BREAKDOWNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "event": ("event", ("count",)),
    "core": ("core", ("x", "y", "spikes", "inject", "axon_in", "synaptic_ops", "updates")),
    "link": ("link", ("hops",)),
    "population": ("population", ("n", "spikes", "inject", "synaptic_ops", "updates", "hops")),
    "tick": ("tick", ("sample", "spikes", "packets", "synaptic_ops", "hops", "tick_ps")),
}
"""What a ledger can be broken down by -> the label's column, and the counts shown beside the energy."""

_SUMS = {
    "synaptic_ops": ("synaptic_ops_dense", "synaptic_ops_sparse"),
    "updates": ("update_active", "update_inactive"),
    "hops": ("hop_e", "hop_w", "hop_n", "hop_s"),
    "packets": ("inject", "host_in"),
}
_HEADER = {
    "inject": "sent",
    "axon_in": "received",
    "synaptic_ops": "synaptic ops",
    "tick_ps": "duration",
}


def breakdown_text(result: Result, by: str) -> str:
    """The table, its rows in their own order; the dearest ones of a long table."""
    rows = result.energy.table(by)
    label, columns = BREAKDOWNS[by]
    if by == "tick" and result.record.n_samples == 1:
        columns = tuple(column for column in columns if column != "sample")
    shown = _dearest(rows)
    header = [label, *(_HEADER.get(column, column) for column in columns), "energy", "share"]
    lines = [
        [
            _label(row[label], by),
            *(_cell(row, column) for column in columns),
            si(row["energy_j"], "J"),
            percent(row["share"]),
        ]
        for row in shown
    ]
    table = table_text(f"Energy by {by}", header, lines)
    if len(shown) == len(rows):
        return table
    return f"{table}\n  the {number(len(shown))} dearest of {number(len(rows))} rows; --json gives all"


def _dearest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most MAX_ROWS rows, in the order they have."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    order = sorted(range(len(rows)), key=lambda place: -int(rows[place]["energy_aj"]))
    return [rows[place] for place in sorted(order[:MAX_ROWS])]


def _label(value: object, by: str) -> str:
    return event_label(str(value)) if by == "event" else str(value)


def _cell(row: dict[str, Any], column: str) -> str:
    """A count, a sum of counts, or a time; empty where the row has none."""
    if column in _SUMS:
        parts = [row[event] for event in _SUMS[column]]
        return "" if None in parts else number(sum(parts))
    value = row[column]
    if value is None:
        return ""
    return seconds(value) if column.endswith("_ps") else number(value)
