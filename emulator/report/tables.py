"""Tables and paragraphs as plain text, the same on a terminal, in a file and in a test."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 110


def table_text(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, n_labels: int = 1) -> str:
    """A titled table. The first `n_labels` columns are labels, set left; the others numbers, set right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place < n_labels else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=WIDTH, color_system=None, markup=False, highlight=False, emoji=False).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([title, *(f"  {line}" for line in lines if line)])


def facts_text(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """A titled list of names and values, the values in one column."""
    listed = list(facts)
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {value}".rstrip() for name, value in listed)])


def sections(*parts: str) -> str:
    """Non-empty parts, one blank line between them."""
    return "\n\n".join(part for part in parts if part)
