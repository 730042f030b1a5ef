"""The cores of a run and why each took what it took: events, residents, drivers, fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emulator.chip.events import EVENT_ID
from emulator.report.page.activity import Ways
from emulator.report.page.bundle import Arrays
from emulator.report.page.senders import (
    MAX_EXPLAINED,
    MAX_NAMED,
    Driven,
    drivers,
    residents,
    spikes_of_residents,
)
from emulator.report.page.tick_map import CORE_EVENTS, TickMap
from emulator.report.utilisation import RESOURCE_LABEL, utilisation

if TYPE_CHECKING:
    from emulator.engine.result import Result


def add_cores(result: Result, ways: Ways, arrays: Arrays) -> dict[str, Any]:
    """Fills `arrays` with what each core did and holds; returns names and limits."""
    record, program = result.record, result.program
    state = utilisation(program)
    columns = [EVENT_ID[event] for event in CORE_EVENTS]
    neurons = {part.name for part in program.symbols.populations}
    arrays.add("core.id", np.asarray(program.image.core_id))
    arrays.add("core.events", np.asarray(record.counts_by_core[:-1, columns]).T)
    arrays.add("core.share", np.asarray(state.binding.share))
    if record.timing is not None:
        arrays.add("core.stall_ps", np.asarray(record.timing.stall_ps[:-1]))
    for resource, used in state.used.items():
        arrays.add(f"core.used.{resource}", used)
    return {
        "events": list(CORE_EVENTS),
        "resources": [
            {"key": resource, "label": RESOURCE_LABEL[resource], "limit": state.limits[resource]}
            for resource in state.used
        ],
        "explained": _explained(result, ways),
        "parts": [
            {"name": part.name, "kind": part.kind, "axons": part.kind == "source" and part.name in neurons}
            for part in program.symbols.parts
        ],
    }


def _explained(result: Result, ways: Ways) -> dict[int, dict[str, Any]]:
    """Row of a core -> its populations [part, compartments, spikes], and its drivers [part, operations] with
    the rest that cannot be told apart; None in place of what is not recorded."""
    prices = np.array(list(result.energy.prices_aj.values()), dtype=np.float64)
    energy = np.asarray(result.record.counts_by_core[:-1], dtype=np.float64) @ prices
    dearest = set(np.argsort(-energy, kind="stable")[:MAX_EXPLAINED].tolist())
    spikes, parts = spikes_of_residents(result), result.program.symbols.parts
    told: dict[int, dict[str, Any]] = {
        row: {"residents": [], "drivers": [], "others": 0, "left_out": [0, 0]} for row in sorted(dearest)
    }

    def listed(row: int, name: str, entry: list[int | None]) -> None:
        if row not in told:
            return
        if len(told[row][name]) < MAX_NAMED:
            told[row][name].append(entry)
        else:
            told[row]["left_out"][name == "drivers"] += 1

    for row, part, n in _rows(residents(result)):
        known = part < len(parts) and parts[part].recorded
        listed(row, "residents", [part, n, spikes.get((row, part), 0) if known else None])
    driven, rest = drivers(result, ways)
    for row, part, n in _rows(driven):
        if n:
            listed(row, "drivers", [part, n])
    for row in told:
        told[row]["others"] = max(0, int(rest[row]))
    return told


def _rows(table: Driven) -> list[tuple[int, int, int]]:
    return list(zip(table.core.tolist(), table.part.tolist(), table.n_ops.tolist(), strict=True))


def add_tick_map(found: TickMap, arrays: Arrays) -> dict[str, Any]:
    """Fills `arrays` with the tables of the slider; returns its steps."""
    arrays.add("step.known", found.known)
    arrays.add("step.core_rest", found.rest_of_core)
    arrays.add("step.rest", found.rest_of_step)
    arrays.add("link.id", found.links)
    arrays.add("link.known", found.known_links)
    arrays.add("link.rest", found.rest_of_link)
    arrays.add("link.step_rest", found.link_rest_of_step)
    steps = found.steps
    return {"n_steps": steps.n_steps, "n_shown": steps.n_shown, "width": steps.width}


def chip_of(result: Result) -> dict[str, Any]:
    """The mesh, as far as the map draws it."""
    chip, counts = result.program.chip, result.counts
    width, height = chip.chip_size
    return {
        "name": chip.name,
        "width": chip.mesh.width,
        "height": chip.mesh.height,
        "per_tile": chip.cores.per_tile,
        "chip_width": width,
        "chip_height": height,
        "host": [chip.host_port.x, chip.host_port.y, chip.host_port.side],
        "host_in": counts["host_in"],
        "host_out": counts["host_out"],
    }
