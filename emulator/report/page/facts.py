"""Tables of the page that are text already: energy, mapping, quantisation, provenance."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emulator.energy import AJ_PER_J
from emulator.report.page.costs import GROUPS, Row
from emulator.report.units import number, percent, si
from emulator.report.utilisation import RESOURCE_LABEL, utilisation

if TYPE_CHECKING:
    from emulator.engine.result import Result
    from emulator.program import Program

MAX_PARTS = 100  # populations and projections that a table lists


@dataclass(frozen=True)
class Table:
    """A table of text. The first `n_labels` columns are labels, the others numbers."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    n_labels: int = 1


def energy_tables(costs: dict[str, list[Row]]) -> dict[str, Table]:
    """The bars of the page as tables, by event, population and core."""
    total_aj = sum(row["energy_aj"] for row in costs["event"])
    events = [
        (
            row["label"],
            number(row["count"]) if "count" in row else "",
            si(row["price_aj"] / AJ_PER_J, "J") if "price_aj" in row else "",
            *_energy(row, total_aj),
        )
        for row in costs["event"]
    ]
    tables = {
        "event": Table("Energy by event", ("event", "count", "price", "energy", "share of total"), events)
    }
    for by in ("population", "core"):
        rows = [
            (
                " ".join(filter(None, (row["label"], f"({row['note']})" if row.get("note") else ""))),
                *(
                    [si(part / AJ_PER_J, "J") for part in row["groups_aj"]]
                    if "groups_aj" in row
                    else [""] * len(GROUPS)
                ),
                *_energy(row, total_aj),
            )
            for row in costs[by]
        ]
        tables[by] = Table(f"Energy by {by}", (by, *GROUPS, "energy", "share of total"), rows)
    return tables


def _energy(row: Row, total_aj: int) -> tuple[str, str]:
    return si(row["energy_aj"] / AJ_PER_J, "J"), percent(row["energy_aj"] / total_aj if total_aj else 0.0)


def mapping_tables(program: Program) -> list[Table]:
    """How full the cores are, and what the mesh would carry if all fired."""
    state, image, chip = utilisation(program), program.image, program.chip
    bound = state.binding
    rows = []
    for resource, used in state.used.items():
        limit, fullest = state.limits[resource], int(used.argmax())
        rows.append(
            (
                RESOURCE_LABEL[resource],
                "none" if limit is None else number(limit),
                number(int(used.min())),
                number(float(np.median(used))),
                number(int(used.max())),
                "" if limit is None else percent(int(used.max()) / limit),
                f"core {int(image.core_id[fullest])}",
                number(bound.resource.count(resource)),
            )
        )
    header = (
        "resource of a core",
        "limit",
        "least",
        "median",
        "most",
        "of limit",
        "fullest",
        "cores it binds",
    )
    on = f"{number(image.n_cores)} of {number(chip.n_cores)} cores in use"
    return [Table(f"How full the cores are: {on}", header, rows), *_traffic(program)]


def _traffic(program: Program) -> list[Table]:
    stats = program.stats
    if "packets" not in stats:
        return []
    names = {
        "packets": "packets to other cores",
        "local_packets": "packets within a core",
        "host_packets": "packets to the host",
        "spike_hops": "hops",
        "max_link": "packets over the busiest link",
    }
    rows = [(label, number(stats[key])) for key, label in names.items()]
    return [Table("Traffic if every neuron and input fires once", ("", "count"), rows)]


def quantisation_table(program: Program) -> Table | None:
    """What the chip's weight formats cost; None if there is nothing to say."""
    populations = program.stats.get("quantisation", [])
    if not populations:
        return None
    rows = [
        (
            str(row["name"]),
            str(row["model"]),
            "as given" if row.get("scale") is None else f"{row['scale']:.6g}",
            number(row["n_weights"]),
            number(row["n_clipped"]),
            number(row["n_zeroed"]),
            "exact" if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f} dB",
        )
        for row in populations[:MAX_PARTS]
    ]
    header = ("population", "model", "LSB per unit", "weights", "clipped", "to zero", "signal : error")
    more = len(populations) - MAX_PARTS
    return Table(
        "Weights as the chip stores them",
        header,
        rows,
        f"and {number(more)} more" if more > 0 else "",
        n_labels=2,
    )


def provenance(result: Result, command: str | None) -> list[tuple[str, str]]:
    """What is needed to make this page again."""
    from emulator import __version__  # the package is still being loaded when this module is

    program, record = result.program, result.record
    chip_hash = hashlib.blake2b(json.dumps(program.chip.to_dict(), sort_keys=True).encode(), digest_size=16)
    facts = [
        ("spikemesh", __version__),
        ("Python", f"{platform.python_version()}, numpy {np.__version__}"),
        ("network", program.symbols.network),
        ("tick of the network", f"{program.symbols.dt_s:g} s"),
        ("chip", f"{program.chip.name}, BLAKE2 {chip_hash.hexdigest()}"),
        ("image", f"BLAKE2 {program.image.digest}"),
        ("run", f"{number(record.n_samples)} x {number(record.n_ticks)} ticks, from tick {_begun(result)}"),
        ("timing", "in picoseconds" if record.timing is not None else "not run"),
    ]
    return [*facts, ("command", command)] if command else facts


def _begun(result: Result) -> str:
    return number(result.record.state.n_ticks - result.record.n_ticks)
