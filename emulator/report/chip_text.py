"""Chip descriptions as text: the list of chips, and one chip explained value by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.chip.estimate import Estimate
from emulator.chip.spec import ChipSpec
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number


def chips_text(chips: Iterable[ChipSpec]) -> str:
    """One row per chip: mesh, cores, what it is."""
    rows = [
        (chip.name, _mesh(chip), number(chip.n_cores), " ".join(chip.description.split())) for chip in chips
    ]
    listed = table_text("Chips", ("name", "tiles", "cores", "description"), rows, n_labels=4)
    return sections(listed, "Explain one with `spikemesh chips NAME`.")


def chip_text(chip: ChipSpec) -> str:
    """Every value of a chip with its unit and meaning, group by group."""
    facts = [
        ("mesh", f"{_mesh(chip)} tiles, {chip.cores.per_tile} cores each: {number(chip.n_cores)} cores"),
        ("chips", _chips(chip)),
        ("real chip", "yes" if chip.real_chip else "no"),
    ]
    parts = [chip.description.strip(), facts_text(f"Chip {chip.name}", facts)]
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, value, meaning in chip.parameters():
        if path in ("name", "description", "real_chip"):
            continue
        group, dot, key = path.partition(".")
        # what crossbars have no limit of, they do not have
        lifted = "no limit" if group == "limits" and chip.cores.model == "cuba" else "none"
        groups.setdefault(group if dot else "chip", []).append((key or path, _shown(value, lifted), meaning))
    for group, rows in groups.items():
        parts.append(table_text(group, ("key", "value", "meaning"), rows, n_labels=3))
    return sections(*parts)


def chip_line(chip: ChipSpec) -> dict[str, Any]:
    """What a list of chips says of one."""
    return {
        "name": chip.name,
        "description": chip.description,
        "real_chip": chip.real_chip,
        "width": chip.mesh.width,
        "height": chip.mesh.height,
        "cores_per_tile": chip.cores.per_tile,
        "n_cores": chip.n_cores,
        "n_chips": chip.n_chips,
    }


def chip_numbers(chip: ChipSpec) -> dict[str, Any]:
    """The description as plain values, and the meaning of each by its dotted path."""
    meanings = {parameter.path: parameter.meaning for parameter in chip.parameters()}
    return {**chip.to_dict(), **_sizes(chip), "meanings": meanings}


def _mesh(chip: ChipSpec) -> str:
    return f"{chip.mesh.width} x {chip.mesh.height}"


def _chips(chip: ChipSpec) -> str:
    if chip.n_chips == 1:
        return "1"
    width, height = chip.chip_size
    across, up = chip.mesh.width // width, chip.mesh.height // height
    return f"{number(chip.n_chips)}: {across} x {up} chips of {width} x {height} tiles"


def _sizes(chip: ChipSpec) -> dict[str, int]:
    return {"n_tiles": chip.n_tiles, "n_cores": chip.n_cores, "n_chips": chip.n_chips}


def _shown(value: Any, null: str) -> str:
    """A value as a person reads it; steps of a table one after another."""
    if value is None:
        return null
    if isinstance(value, Estimate):
        return f"{value:g} ({value.low:g} .. {value.high:g})"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(entry) for entry in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return number(value) if isinstance(value, int) else f"{value:g}"
