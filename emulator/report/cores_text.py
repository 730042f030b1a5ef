"""How full the cores are, as text: the fullest core by core, the others in sum."""

from __future__ import annotations

import numpy as np

from emulator.program import Program
from emulator.report.tables import sections, table_text
from emulator.report.units import number, percent
from emulator.report.utilisation import RESOURCE_LABEL, Utilisation, peaks, utilisation

MAX_CORES = 16
"""More cores than these are not all listed."""

N_FULLEST = 10
"""Cores listed of those that are too many."""

HEADING = {
    "compartments": "compart-\nments",
    "axons_in": "axons\nin",
    "axons_out": "axons\nout",
    "synapse_memory_bits": "memory\nbits",
    "delay_slots": "delay\nslots",
    "compartment_configs": "configs",
    "threshold_configs": "thresh-\nolds",
    "synapses": "synapses",
}
"""RESOURCE_LABEL, narrow."""

IN_SUM = {"least": 0, "median": 50, "most": 100}
"""Percentiles that the cores not listed are summed up by."""


def cores_text(program: Program) -> str:
    """Used and limit of every resource, and which binds."""
    state = utilisation(program)
    listed = program.image.n_cores <= MAX_CORES
    return sections(
        "" if listed else _resources_table(program, state),
        _cores_table(program, state, program.image.n_cores if listed else N_FULLEST),
    )


def _cores_table(program: Program, state: Utilisation, n_listed: int) -> str:
    """A row for each of the fullest cores, what the others use of each resource, the limits last."""
    binding = state.binding
    order = np.argsort(-binding.share, kind="stable")
    rows = []
    for row in order[:n_listed].tolist():
        core = int(program.image.core_id[row])
        x, y = program.chip.coordinates(program.chip.tile_of(core))
        marks = ["*" if resource == binding.resource[row] else " " for resource in state.used]
        used = [number(int(state.used[name][row])) for name in state.used]
        cells = [value + mark for value, mark in zip(used, marks, strict=True)]
        rows.append([f"{core} at ({x}, {y})", *cells, percent(float(binding.share[row]))])
    others = order[n_listed:]
    for name, percentile in IN_SUM.items() if len(others) else ():
        columns = [state.used[resource][others] for resource in state.used]
        used = [number(float(np.percentile(column, percentile))) + " " for column in columns]
        share = percent(float(np.percentile(binding.share[others], percentile)))
        rows.append([f"{name} of {number(len(others))}", *used, share])
    limits = ["none " if limit is None else number(limit) + " " for limit in state.limits.values()]
    rows.append(["limit", *limits, ""])
    header = ["core", *(HEADING[resource] + " " for resource in state.used), "of limit"]
    which = "the cores" if not len(others) else f"the {n_listed} fullest cores and the others in sum"
    table = table_text(f"Utilisation of {which}, fullest first", header, rows)
    return "\n".join([table, "  * what binds the core: it has least left of it", *_lifted(state)])


def _lifted(state: Utilisation) -> list[str]:
    """Says which resources cannot bind."""
    lifted = [RESOURCE_LABEL[name] for name, limit in state.limits.items() if limit is None]
    return [f"  limits lifted on this chip, never binding: {', '.join(lifted)}"] if lifted else []


def _resources_table(program: Program, state: Utilisation) -> str:
    """A row per resource: mean and fullest core; how many cores each resource binds."""
    bindings = state.binding.resource
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
