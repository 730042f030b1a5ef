"""What prices known as ranges leave open of a run's energy, as text."""

from __future__ import annotations

from emulator.energy import Ledger
from emulator.report.events import event_label
from emulator.report.tables import table_text
from emulator.report.units import number, si


def ranges_text(ledger: Ledger) -> str:
    """Totals with all prices low and high, and what each range adds to that; empty: no price is a range."""
    if not ledger.is_range:
        return ""
    tables = [ledger.low.table("event"), ledger.table("event"), ledger.high.table("event")]
    open_j = ledger.high.total_j - ledger.low.total_j
    rows = []
    for low, value, high in zip(*tables, strict=True):
        width_j = high["energy_j"] - low["energy_j"]
        if width_j:
            count = "" if value["count"] is None else number(value["count"])
            rows.append((width_j, (_label(value["event"]), count, *_energies(low, value, high))))
    rows.sort(key=lambda row: -row[0])
    totals = (si(one.total_j, "J") for one in (ledger.low, ledger, ledger.high))
    lines = [cells for _, cells in rows]
    table = table_text(
        "What prices known within a range leave open",
        ("event", "count", "low", "energy", "high"),
        [*lines, ("total", "", *totals)],
    )
    share = open_j / ledger.total_j if ledger.total_j else 0.0
    return f"{table}\n  low and high: all prices at that end at once, {100 * share:.2g} % of the total apart"


def _label(event: str) -> str:
    return "static power" if event.startswith("static") else event_label(event)


def _energies(*rows: dict[str, object]) -> tuple[str, ...]:
    return tuple(si(float(str(row["energy_j"])), "J") for row in rows)
