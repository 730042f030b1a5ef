"""All that the page shows of a run, as text, tables, numbers and arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emulator.report.page.activity import is_lossy, ways_of
from emulator.report.page.bundle import Arrays
from emulator.report.page.cores import add_cores, add_tick_map, chip_of
from emulator.report.page.costs import GROUPS, costs, prices_j
from emulator.report.page.facts import Table, energy_tables, mapping_tables, provenance, quantisation_table
from emulator.report.page.tick_map import tick_map
from emulator.report.page.timeline import add_timeline
from emulator.report.page.words import TERMS, key_figures, summary
from emulator.report.program_text import program_text
from emulator.report.summary import result_numbers

if TYPE_CHECKING:
    from emulator.engine.result import Result


@dataclass(frozen=True, eq=False)
class Content:
    """`data` and `arrays` are for the page's own code, the rest is text."""

    title: str
    summary: list[str]
    figures: list[tuple[str, str, str]]
    energy: dict[str, Table]
    mapping: list[Table]
    quantisation: Table | None
    program: str
    provenance: list[tuple[str, str]]
    terms: dict[str, str]
    data: dict[str, Any]
    arrays: Arrays


def content(result: Result, command: str | None) -> Content:
    """Reads the whole run once."""
    numbers, arrays, found = result_numbers(result), Arrays(), costs(result)
    ways = ways_of(result.program)
    mapped = tick_map(result, ways)
    data = {
        "network": numbers["network"],
        "n_samples": numbers["n_samples"],
        "n_ticks": numbers["n_ticks"],
        "total_j": numbers["energy"]["total_j"],
        "dynamic_j": numbers["energy"]["dynamic_j"],
        "static_j": numbers["energy"]["static_j"],
        "prices_j": prices_j(result),
        "groups": {name: list(events) for name, events in GROUPS.items()},
        "costs": found,
        "chip": chip_of(result),
        "cores": add_cores(result, ways, arrays),
        "steps": add_tick_map(mapped, arrays) | {"lossy": is_lossy(result.program)},
        "time": add_timeline(result, np.asarray(mapped.core_ps), arrays),
    }
    return Content(
        title=f"{numbers['network']} on {numbers['chip']}",
        summary=summary(result, numbers, found),
        figures=key_figures(numbers),
        energy=energy_tables(found),
        mapping=mapping_tables(result.program),
        quantisation=quantisation_table(result.program),
        program=program_text(result.program),
        provenance=provenance(result, command),
        terms=TERMS,
        data=data,
        arrays=arrays,
    )
