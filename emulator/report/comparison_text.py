"""Two runs held against each other, as text and numbers: what costs more, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.energy import COMPARED, Comparison
from emulator.report.events import event_label
from emulator.report.result_text import counted
from emulator.report.summary import used_tiles
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, si

if TYPE_CHECKING:
    from emulator.engine.result import Result

MAX_ROWS = 20
"""Longer tables show the rows that differ most, and say so."""


def comparison_numbers(a: Result, b: Result, by: str = "event") -> dict[str, Any]:
    """From run a to run b: totals, the three parts of the difference, and the table."""
    comparison = a.energy.compare(b.energy)
    return {
        "a": _run(a),
        "b": _run(b),
        "difference_j": comparison.difference_j,
        "difference_aj": comparison.difference_aj,
        **comparison.parts_aj,
        "static_compared": comparison.static_compared,
        "by": by,
        "table": comparison.table(by),
    }


def comparison_text(a: Result, b: Result, by: str = "event") -> str:
    """Both runs, the difference and its parts, and the rows that differ, largest difference first."""
    comparison = a.energy.compare(b.energy)
    parts = comparison.parts_aj
    facts = [
        ("run a", _run_text(a, comparison)),
        ("run b", _run_text(b, comparison)),
        ("b less a", f"{_signed(comparison.difference_aj)}{_relative(comparison)}"),
        ("  from other counts", f"{_signed(parts['from_counts_aj'])} at the prices of a"),
        ("  from other prices", f"{_signed(parts['from_prices_aj'])} with the counts of a"),
        ("  from both at once", _signed(parts["from_both_aj"])),
    ]
    if not comparison.static_compared:
        facts.append(("static energy", "left out of both: a run was made without timing"))
    equal = "\nBoth cost the same, event by event." if not _differing(comparison, by) else ""
    return sections(facts_text("Comparison", facts) + equal, _table(comparison, by))


def _run(result: Result) -> dict[str, Any]:
    ledger = result.energy
    return {
        "network": result.program.symbols.network,
        "chip": result.program.chip.name,
        "prices_of": ledger.chip.name,
        "n_samples": result.record.n_samples,
        "n_ticks": result.record.n_ticks,
        "n_cores": result.program.image.n_cores,
        "n_tiles": used_tiles(result),
        "total_j": ledger.total_j,
        "dynamic_j": ledger.dynamic_j,
        "static_j": ledger.static_j,
    }


def _run_text(result: Result, comparison: Comparison) -> str:
    run = _run(result)
    energy = si(run["total_j"] if comparison.static_compared else run["dynamic_j"], "J")
    priced = f" at the prices of {run['prices_of']}" if run["prices_of"] != run["chip"] else ""
    size = f"{counted(run['n_samples'] * run['n_ticks'], 'tick')}, {counted(run['n_cores'], 'core')}"
    tiles = counted(run["n_tiles"], "tile")
    return f"{energy}: {run['network']!r} on {run['chip']}{priced}, {size} on {tiles}"


def _relative(comparison: Comparison) -> str:
    a = comparison.a.total_aj if comparison.static_compared else comparison.a.dynamic_aj
    return f", {100 * comparison.difference_aj / a:+.3g} %" if a else ""


def _differing(comparison: Comparison, by: str) -> list[dict[str, Any]]:
    """Rows in which anything differs; a count may where its price is 0."""
    return [
        row
        for row in comparison.table(by)
        if row["difference_aj"]
        or any(row[part] for part in ("from_counts_aj", "from_prices_aj", "from_both_aj"))
        or row.get("count_a") != row.get("count_b")
    ]


def _table(comparison: Comparison, by: str) -> str:
    rows = sorted(_differing(comparison, by), key=lambda row: -abs(row["difference_aj"]))
    if not rows:
        return ""
    counts = ("count a", "count b") if by == "event" else ("energy a", "energy b")
    header = (by, *counts, "b less a", "from counts", "from prices", "from both")
    lines = [
        (
            _label(row, by),
            *_sizes(row, by),
            _signed(row["difference_aj"]),
            *(_signed(row[f"from_{part}_aj"]) for part in ("counts", "prices", "both")),
        )
        for row in rows[:MAX_ROWS]
    ]
    table = table_text(f"Difference by {by}", header, lines)
    if len(rows) <= MAX_ROWS:
        return table
    return f"{table}\n  the {MAX_ROWS} largest of {number(len(rows))} differences; --json gives all"


def _label(row: dict[str, Any], by: str) -> str:
    value = row[COMPARED[by][0]]
    if value == "static":
        return "static power"
    return event_label(value) if by == "event" else str(value)


def _sizes(row: dict[str, Any], by: str) -> tuple[str, str]:
    if by == "event" and row["event"] != "static":
        return number(row["count_a"]), number(row["count_b"])
    return si(row["energy_a_aj"] / 10**18, "J"), si(row["energy_b_aj"] / 10**18, "J")


def _signed(amount_aj: int) -> str:
    sign = "+" if amount_aj > 0 else "-" if amount_aj < 0 else ""
    return f"{sign}{si(abs(amount_aj) / 10**18, 'J')}"
