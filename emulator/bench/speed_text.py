"""What the speed bench prints: what ran where, and a row per network, without the mesh and with it."""

from __future__ import annotations

from typing import Any

from emulator.report.result_text import counted
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import NOT_MEASURED, number, si

HEADER = ("network", "mesh", "synapses", "compiled in", "ticks/s", "events/s", "lowest..highest", "hops/s")


def outcome_text(numbers: dict[str, Any]) -> str:
    """What ran, a table, and how to read it."""
    delays = "1 tick" if numbers["delays"] == "1" else f"{numbers['delays']} ticks"
    facts = [
        ("machine", numbers["machine"]),
        ("engine", f"{numbers['engine']}, {counted(numbers['threads'], 'thread')}"),
        ("chip", numbers["chip"]),
        ("run", f"{counted(numbers['n_ticks'], 'tick')} from tick 0; delays of {delays}"),
    ]
    return sections(
        facts_text("Speed", facts),
        table_text("Done a second, the median of the runs", HEADER, map(_row, numbers["rows"]), n_labels=2),
        _reading(numbers),
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    events, hops = row["synaptic_events_per_s"], row["packet_hops_per_s"]
    return (
        row["network"],
        "carries packets" if row["timing"] else "left out",
        si(row["n_synapses"], ""),
        si(row["compile_s"], "s"),
        number(round(row["ticks_per_s"]["median"])),
        si(events["median"], ""),
        f"{si(events['lowest'], '')}..{si(events['highest'], '')}",
        NOT_MEASURED if hops is None else si(hops["median"], ""),
    )


def _reading(numbers: dict[str, Any]) -> str:
    lines = [
        "Reading: an event is a synapse that a spike walks; a network is named by compartments and fan-out."
    ]
    slowest = max((row["slowdown"] for row in numbers["rows"] if row["slowdown"]), default=None)
    if slowest is not None:
        times = number(float(f"{slowest:.3g}"))
        lines.append(f"With the mesh a run takes up to {times} times as long as the chip would.")
    if any(not row["timing"] for row in numbers["rows"]):
        lines.append("Without the mesh every hop is counted, but none is made.")
    return "\n".join(lines)
