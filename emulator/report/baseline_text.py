"""Clocked baselines as text: the list of them, and one explained value by value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from emulator.chip.baseline import BaselineSpec
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number

PLACE = {"near": "beside the arithmetic", "far": "far on the chip", "off_chip": "off the chip"}


def baselines_text(baselines: Iterable[BaselineSpec]) -> str:
    """One row per baseline: process, where its weights are, what it is."""
    rows = [
        (one.name, f"{one.node_nm:g} nm", PLACE[one.weights], " ".join(one.description.split()))
        for one in baselines
    ]
    header = ("name", "process", "weights", "description")
    return table_text("Clocked baselines, for comparison: nothing runs on them", header, rows, n_labels=4)


def baseline_text(baseline: BaselineSpec) -> str:
    """Every value with its unit and meaning; a cost that sources disagree on from low to high."""
    rows = [(path, _shown(value), meaning) for path, value, meaning in _parameters(baseline, "")]
    return sections(
        baseline.description.strip(),
        facts_text(f"Baseline {baseline.name}", [("nothing runs on it", "it is billed for a network")]),
        table_text("Values", ("key", "value", "meaning"), rows, n_labels=3),
    )


def baseline_numbers(baseline: BaselineSpec) -> dict[str, Any]:
    """The description as plain values, and the meaning of each by its dotted path."""
    meanings = {path: meaning for path, _, meaning in _parameters(baseline, "")}
    return {**baseline.to_dict(), "meanings": meanings}


def _parameters(group: BaseModel, above: str) -> Iterator[tuple[str, Any, str]]:
    """Path, value and meaning of every value but name and description."""
    for key, field in type(group).model_fields.items():
        value = getattr(group, key)
        if isinstance(value, BaseModel):
            yield from _parameters(value, f"{above}{key}.")
        elif key not in ("name", "description"):
            yield above + key, value, field.description or ""


def _shown(value: Any) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, tuple):
        low, typical, high = value
        return f"{typical:g}" if low == high else f"{low:g}..{high:g}, typically {typical:g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, (int, float)) else str(value)
