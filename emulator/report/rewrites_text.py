"""Rewrites as text: what the compiler did to fit populations to crossbars, and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.program import Program
from emulator.report.tables import table_text
from emulator.report.units import number

ADDED = {"duplicates": "copies", "relays": "relays", "partial sums": "partial_sums"}
"""Rewrites that add neurons, and what these are called."""


def added_neurons(program: Program) -> dict[str, int]:
    """Neurons of the program that are not the network's, by what they are; empty: nothing was rewritten."""
    rewrites = program.stats.get("rewrites", [])
    if not rewrites:
        return {}
    out = dict.fromkeys(ADDED.values(), 0)
    for row in rewrites:
        if row["name"] in ADDED:
            out[ADDED[row["name"]]] += row["neurons"]
    return out


def added_text(added: dict[str, int]) -> str:
    """`378 copies, 2 relays`; empty: none."""
    return ", ".join(f"{number(n)} {name.replace('_', ' ')}" for name, n in added.items() if n)


def rewrites_text(rewrites: Sequence[dict[str, Any]]) -> str:
    """A row per rewrite and part, then what each has to say. Empty: there were none."""
    if not rewrites:
        return ""
    rows = [
        (
            row["name"],
            row["part"] or "all",
            "yes" if row["exact"] else "no",
            _decibel(row),
            *(number(row[what]) if row[what] else "-" for what in ("cores", "axons", "neurons")),
        )
        for row in rewrites
    ]
    header = ("rewrite", "of", "exact", "signal : error", "cores", "axons", "neurons")
    notes = [f"  {row['name']}, {row['part'] or 'all'}: {note}" for row in rewrites for note in _notes(row)]
    table = table_text("Rewrites for the crossbars, and what they add", header, rows, n_labels=3)
    return "\n".join([table, *notes])


def _decibel(row: dict[str, Any]) -> str:
    """Of the weights, which alone have one."""
    if "sqnr_db" not in row:
        return "-"
    return "exact" if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f} dB"


def _notes(row: dict[str, Any]) -> list[str]:
    methods = row.get("neurons_by_method", {})
    written = ", ".join(f"{_METHODS[name]} {number(n)}" for name, n in methods.items() if n)
    latency = row.get("latency_ticks")
    return [
        *([f"neurons by how their weights are written: {written}"] if written else []),
        *([f"fires {number(latency)} ticks later than the network says"] if latency else []),
        *row["notes"],
    ]


_METHODS = {"four_values": "four values", "digits": "digits", "nearest": "the nearest that fits"}
