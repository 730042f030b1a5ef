"""A compiled program as text: how full its cores are, what quantising cost, what the mesh has to carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from emulator.chip.board import chips_of
from emulator.program import Program
from emulator.report.cores_text import cores_text
from emulator.report.rewrites_text import added_neurons, added_text, rewrites_text
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number

MAX_CHIPS = 32
"""More chips of a board than these are not listed."""


RESETS = {
    "value": "sets v to the reset",
    "subtract": "takes the threshold off v",
    "mixed": "differs by neuron",
    "never": "never: v is read",
}


def program_text(program: Program) -> str:
    """Size, utilisation, quantisation, traffic."""
    return sections(
        facts_text(f"Program {program.symbols.network!r} for {program.chip.name}", _size(program)),
        cores_text(program),
        _chips_table(program) if program.chip.n_chips > 1 else "",
        _quantisation(program.stats.get("quantisation", [])),
        _conventions(program.stats.get("quantisation", [])),
        rewrites_text(program.stats.get("rewrites", [])),
        facts_text("Traffic if every neuron and input fires once", _traffic(program.stats))
        if "packets" in program.stats
        else "",
        _profiled(program.stats),
    )


def _profiled(stats: dict[str, Any]) -> str:
    """The traffic of the run that the mapping was weighed by."""
    measured = stats.get("profile")
    if measured is None:
        return ""
    silent = number(measured["n_silent"])
    title = f"Traffic of the profile, {number(measured['n_spikes'])} spikes; senders without one: {silent}"
    return facts_text(title, _packets({**measured, "n_chips": stats["n_chips"]}))


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
    added = added_text(added_neurons(program))
    populations += f"; added by the compiler: {added}" if added else ""
    return [
        ("neurons", f"{number(image.n_slots)}: {populations}"),
        ("inputs", number(image.n_inputs)),
        ("synapses", number(image.n_synapses)),
        ("cores", f"{number(image.n_cores)} of {number(chip.n_cores)}"),
        ("tiles", f"{number(len(tiles))} of {number(chip.n_tiles)}"),
    ]


def _quantisation(populations: list[dict[str, Any]]) -> str:
    """A row per population, then what the compiler has to say about it."""
    if not populations:
        return ""
    rows = []
    for row in populations:
        scale = row.get("scale")
        rows.append(
            (
                str(row["name"]),
                str(row["model"]),
                "as given" if scale is None else f"{scale:.6g}",
                number(row["n_weights"]),
                number(row["n_clipped"]),
                number(row["n_zeroed"]),
                _decibel(row["sqnr_db"]),
            )
        )
    header = ("population", "model", "LSB per unit", "weights", "clipped", "to zero", "signal : error")
    notes = []
    for row in populations:
        told = [*row["notes"], *(text for part in row["projections"] if (text := _exponents(part)))]
        notes += [f"  {row['name']}: {note}" for note in told]
    return "\n".join([table_text("Quantisation of the weights", header, rows, n_labels=2), *notes])


def _conventions(populations: list[dict[str, Any]]) -> str:
    """How the equations of the populations in physical units are read."""
    rows = [
        (
            str(row["name"]),
            RESETS[row["reset"]],
            str(row["integrator"]),
            f"{row['dt_s']:g} s",
            number(row["start_tick"]),
        )
        for row in populations
        if row.get("integrator") is not None
    ]
    header = ("population", "a spike", "integrator", "tick", "begins in tick")
    return table_text("Conventions", header, rows, n_labels=3) if rows else ""


def _exponents(projection: dict[str, Any]) -> str:
    """The exponents that the compiler chose for a projection, if several, and what they are good for."""
    one = projection.get("sqnr_db_one_exponent")
    if one is None:
        return ""
    pairs = zip(projection["w_exp"], projection["n_per_w_exp"], strict=True)
    groups = ", ".join(f"{w_exp} ({number(n)} weights)" for w_exp, n in pairs)
    gain = f"{_decibel(projection['sqnr_db'])} instead of {_decibel(one)} with one exponent"
    return f"{projection['label']}: w_exp chosen {groups}: {gain}"


def _decibel(sqnr_db: float | None) -> str:
    return "exact" if sqnr_db is None else f"{sqnr_db:.1f} dB"


def _traffic(stats: dict[str, Any]) -> list[tuple[str, str]]:
    return [*_packets(stats), *_routes(stats), *_placement(stats)]


def _packets(stats: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("packets to other cores", number(stats["packets"])),
        ("packets within a core", number(stats["local_packets"])),
        ("packets to the host", number(stats["host_packets"])),
        ("hops", number(stats["spike_hops"])),
        *([("hops to another chip", number(stats["chip_hops"]))] if stats.get("n_chips", 1) > 1 else []),
        ("packets over the busiest link", number(stats["max_link"])),
    ]


def _placement(stats: dict[str, Any]) -> list[tuple[str, str]]:
    """How the cores were chosen, and what that saves beside filling them in order."""
    placed = stats.get("placement")
    if placed is None:
        return []
    before, busiest = number(placed["spike_hops_sequential"]), number(placed["max_link_sequential"])
    compared = f"in order {before} hops, busiest link {busiest}"
    if placed.get("weighed"):
        now = f"{number(placed['spike_hops'])} hops, busiest link {number(placed['max_link'])}"
        compared = f"a sender weighs its spikes of the profile and one more: {now}; {compared}"
    return [("cores chosen by", f"{placed['method']} ({compared})")]


def _routes(stats: dict[str, Any]) -> list[tuple[str, str]]:
    """Of crossbar cores: how far the spikes of their neurons go."""
    if stats.get("mean_route") is None:
        return []
    longest = f"{number(stats['longest_route'])} links"
    return [("mean route of a spike", f"{stats['mean_route']:.1f} links, the longest {longest}")]
