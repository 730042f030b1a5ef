"""A compiled program as text: how full its cores are, what quantising cost, what the mesh has to carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from emulator.chip.board import chips_of
from emulator.chip.usage import RESOURCES
from emulator.program import Program
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent
from emulator.report.utilisation import RESOURCE_LABEL, Utilisation, peaks, utilisation

MAX_CORES = 16
"""More cores than these are summed up by resource instead of listed."""

MAX_CHIPS = 32
"""More chips of a board than these are not listed."""


def program_text(program: Program) -> str:
    """Size, utilisation, quantisation, traffic."""
    state = utilisation(program)
    listed = program.image.n_cores <= MAX_CORES
    return sections(
        facts_text(f"Program {program.symbols.network!r} for {program.chip.name}", _size(program)),
        _cores_table(program, state) if listed else _resources_table(program, state),
        _chips_table(program) if program.chip.n_chips > 1 else "",
        _quantisation(program.stats.get("quantisation", [])),
        facts_text("Traffic if every neuron and input fires once", _traffic(program.stats))
        if "packets" in program.stats
        else "",
    )


def _chips_table(program: Program) -> str:
    """A row per chip of the board with a core in use, the last ones in sum."""
    image, chip = program.image, program.chip
    owner = chips_of(chip, image.core_id // chip.cores.per_tile)
    n_tiles = chip.n_tiles // chip.n_chips
    of_chip = f"of {number(n_tiles)}", f"of {number(n_tiles * chip.cores.per_tile)}"
    used = np.unique(owner)
    rows = []
    for one in used[:MAX_CHIPS].tolist():
        on_it = owner == one
        n_used = len(np.unique(image.core_id[on_it] // chip.cores.per_tile))
        neurons = int(np.diff(image.slot_ptr)[on_it].sum())
        rows.append((f"chip {one}", number(n_used), number(int(on_it.sum())), number(neurons)))
    header = ("chip", f"tiles {of_chip[0]}", f"cores {of_chip[1]}", "neurons")
    title = f"Use of the board: {number(len(used))} of {number(chip.n_chips)} chips"
    more = len(used) - MAX_CHIPS
    rest = f"\n  and {number(more)} chips more" if more > 0 else ""
    return table_text(title, header, rows) + rest


def _size(program: Program) -> list[tuple[str, str]]:
    image, chip, symbols = program.image, program.chip, program.symbols
    tiles = {chip.tile_of(int(core)) for core in image.core_id}
    populations = ", ".join(f"{part.name!r} {number(part.n)}" for part in symbols.populations[:6])
    more = len(symbols.populations) - 6
    populations += f" and {more} more" if more > 0 else ""
    return [
        ("neurons", f"{number(image.n_slots)}: {populations}"),
        ("inputs", number(image.n_inputs)),
        ("synapses", number(image.n_synapses)),
        ("cores", f"{number(image.n_cores)} of {number(chip.n_cores)}"),
        ("tiles", f"{number(len(tiles))} of {number(chip.n_tiles)}"),
    ]


def _cores_table(program: Program, state: Utilisation) -> str:
    """A row per core, the limits last."""
    chip = program.chip
    rows, bindings = [], state.binding
    for row, core in enumerate(program.image.core_id.tolist()):
        x, y = chip.coordinates(chip.tile_of(core))
        used = [
            number(int(state.used[resource][row])) + ("*" if resource == bindings[row] else " ")
            for resource in RESOURCES
        ]
        rows.append([f"{core} at ({x}, {y})", *used])
    limits = ["none " if limit is None else number(limit) + " " for limit in state.limits.values()]
    rows.append(["limit", *limits])
    header = ["core", *(RESOURCE_LABEL[resource] + " " for resource in RESOURCES)]
    table = table_text("Utilisation of the cores", header, rows)
    return f"{table}\n  * what the core has least left of"


def _resources_table(program: Program, state: Utilisation) -> str:
    """A row per resource: mean and fullest core; how many cores each resource binds."""
    bindings = state.binding
    rows = []
    for resource, peak in peaks(program).items():
        rows.append(
            (
                RESOURCE_LABEL[resource],
                "none" if peak["limit"] is None else number(peak["limit"]),
                number(round(float(state.used[resource].mean()), 1)),
                number(peak["used"]),
                percent(peak["share"]),
                f"core {peak['core']}",
                number(bindings.count(resource)),
            )
        )
    header = ("resource", "limit", "mean", "most", "of limit", "in", "binds cores")
    return table_text(f"Utilisation of {number(program.image.n_cores)} cores", header, rows)


def _quantisation(populations: list[dict[str, Any]]) -> str:
    """A row per population, then what the compiler has to say about it."""
    if not populations:
        return ""
    rows = []
    for row in populations:
        sqnr = "exact" if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f} dB"
        scale = row.get("scale")
        rows.append(
            (
                str(row["name"]),
                str(row["model"]),
                "as given" if scale is None else f"{scale:.6g}",
                number(row["n_weights"]),
                number(row["n_clipped"]),
                number(row["n_zeroed"]),
                sqnr,
            )
        )
    header = ("population", "model", "LSB per unit", "weights", "clipped", "to zero", "signal : error")
    notes = [f"  {row['name']}: {note}" for row in populations for note in row["notes"]]
    return "\n".join([table_text("Quantisation of the weights", header, rows, n_labels=2), *notes])


def _traffic(stats: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("packets to other cores", number(stats["packets"])),
        ("packets within a core", number(stats["local_packets"])),
        ("packets to the host", number(stats["host_packets"])),
        ("hops", number(stats["spike_hops"])),
        *([("hops to another chip", number(stats["chip_hops"]))] if stats.get("n_chips", 1) > 1 else []),
        ("packets over the busiest link", number(stats["max_link"])),
    ]
