"""Energy of a run by event, population and core, in the few groups that a chart tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.chip.events import EVENTS
from emulator.energy import AJ_PER_J, PRICE_OF
from emulator.report.events import event_label

if TYPE_CHECKING:
    from emulator.engine.result import Result

GROUPS: dict[str, tuple[str, ...]] = {
    "synaptic operations": ("synaptic_ops_dense", "synaptic_ops_sparse"),
    "compartment updates": ("update_inactive", "update_active"),
    "spikes fired": ("spikes",),
    "packets sent, received": ("inject", "axon_in"),
    "hops": ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip"),
}
"""Every event that has a price is in one."""

MAX_ROWS = {"population": 100, "core": 20}
"""Rows of a chart and its table; what is beyond is one row more."""

Row = dict[str, Any]


def costs(result: Result) -> dict[str, list[Row]]:
    """By event, population and core: rows of label, note, count or groups, energy_aj. The energy_aj of each
    list add up to the total."""
    return {"event": _by_event(result), "population": _by_part(result), "core": _by_core(result)}


def grouped_aj(result: Result, row: Row) -> list[int]:
    """Energy of a row of a ledger's table in each group; static energy is in none."""
    prices = result.energy.prices_aj
    return [sum((row[event] or 0) * prices[event] for event in events) for events in GROUPS.values()]


def _by_event(result: Result) -> list[Row]:
    rows = []
    for row in result.energy.table("event"):
        if row["event"] in PRICE_OF and row["count"]:
            group = next(i for i, events in enumerate(GROUPS.values()) if row["event"] in events)
            rows.append(
                {
                    "label": event_label(row["event"]),
                    "count": row["count"],
                    "price_aj": row["price_aj"],
                    "group": group,
                    "energy_aj": row["energy_aj"],
                }
            )
    return [*_sorted(rows), _static(result)]


def _by_part(result: Result) -> list[Row]:
    rows = [
        {
            "label": str(row["population"]),
            "note": f"{row['kind']}, {row['n']:,}" if row["kind"] else "",
            "groups_aj": grouped_aj(result, row),
            "energy_aj": row["energy_aj"],
        }
        for row in result.energy.table("population")[:-1]
        if row["energy_aj"] or row["kind"]
    ]
    return [*_cut(_sorted(rows), "population"), _static(result)]


def _by_core(result: Result) -> list[Row]:
    rows: list[Row] = []
    mesh: list[Row] = []
    for row in result.energy.table("core")[:-1]:
        is_core = isinstance(row["core"], int)
        shown = {
            "label": f"core {row['core']} ({row['x']}, {row['y']})" if is_core else "mesh",
            "note": "" if is_core else "hops belong to no core",
            "groups_aj": grouped_aj(result, row),
            "energy_aj": row["energy_aj"],
        }
        if is_core:
            shown["core"] = row["core"]
        (rows if is_core else mesh).append(shown)
    return [*_cut(_sorted(rows), "core"), *mesh, _static(result)]


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: -row["energy_aj"])


def _cut(rows: list[Row], what: str) -> list[Row]:
    """The dearest rows, the others as one."""
    shown, rest = rows[: MAX_ROWS[what]], rows[MAX_ROWS[what] :]
    if not rest:
        return shown
    plural = "s" if len(rest) > 1 else ""
    together = {
        "label": f"{len(rest):,} {what}{plural} more",
        "note": "",
        "groups_aj": [sum(parts) for parts in zip(*(row["groups_aj"] for row in rest), strict=True)],
        "energy_aj": sum(row["energy_aj"] for row in rest),
    }
    return [*shown, together]


def _static(result: Result) -> Row:
    known = result.energy.static_aj is not None
    label = "static power" if known else "static power (not timed: left out)"
    return {"label": label, "note": "", "static": True, "energy_aj": result.energy.static_aj or 0}


def prices_j(result: Result) -> dict[str, float]:
    """Price of each event that has one, in J."""
    prices = result.energy.prices_aj
    return {event: prices[event] / AJ_PER_J for event in EVENTS if event in PRICE_OF}


assert {event for events in GROUPS.values() for event in events} == set(PRICE_OF)
