"""An explanation of a program as text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, short
from emulator.report.utilisation import RESOURCE_LABEL

MAX_PARTS = 40  # rows of a table of populations
MAX_CORES = 16  # more are not all listed
N_FULLEST = 10
MAX_RANGES = 6  # of core ids in a row
N_HELD = 3  # populations named of a core
N_FLOWS = 3  # of a link


def explain_text(told: dict[str, Any]) -> str:
    """What `explanation` returns, for people."""
    return sections(
        f"Program {told['network']!r} on {told['chip']}: where it went, what binds, what its links carry",
        _populations(told["populations"]),
        _sources(told["sources"]),
        _cores(told["cores"]),
        _links(told),
        _relief(told),
    )


def _populations(rows: list[dict[str, Any]]) -> str:
    cells = []
    for row in rows[:MAX_PARTS]:
        x0, x1, y0, y1 = row["box"]
        bound = ", ".join(f"{RESOURCE_LABEL[name]} {n}" for name, n in row["bound_by"].items())
        neurons = number(row["n"]) + (f" + {number(row['n_added'])}" if row["n_added"] else "")
        where = _span("x", x0, x1) + ", " + _span("y", y0, y1)
        cells.append(
            (
                short(row["name"], 24),
                ranges(row["cores"]),
                bound,
                neurons,
                number(row["n_cores"]),
                number(row["n_tiles"]),
                where,
            )
        )
    header = ("population", "on cores", "cores bound by", "neurons", "cores", "tiles", "within tiles")
    more = len(rows) - MAX_PARTS
    rest = f"\n  and {number(more)} populations more: --json lists all" if more > 0 else ""
    added = "\n  + copies and relays that the compiler added" if any(row["n_added"] for row in rows) else ""
    return table_text("Where the populations went", header, cells, n_labels=3) + rest + added


def _span(axis: str, low: int, high: int) -> str:
    return f"{axis} {low}" if low == high else f"{axis} {low}-{high}"


def ranges(ids: list[int]) -> str:
    """`0-3, 7, 9-10`; of many the first."""
    spans: list[list[int]] = []
    for one in ids:
        if spans and one == spans[-1][1] + 1:
            spans[-1][1] = one
        else:
            spans.append([one, one])
    texts = [f"{a}" if a == b else f"{a}-{b}" for a, b in spans[:MAX_RANGES]]
    more = len(spans) - MAX_RANGES
    return ", ".join(texts) + (f" and {number(more)} ranges more" if more > 0 else "")


def _sources(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    cells = [
        (short(row["name"], 24), number(row["n"]), number(row["n_cores"]), number(row["n_entries"]))
        for row in rows[:MAX_PARTS]
    ]
    header = ("source", "inputs", "to cores", "packets if each input spikes once")
    return table_text("Where the inputs go, from the host port", header, cells)


def _cores(rows: list[dict[str, Any]]) -> str:
    listed = rows if len(rows) <= MAX_CORES else rows[:N_FULLEST]
    cells = []
    for row in listed:
        held = [f"{short(name, 20)!r} {number(n)}" for name, n in list(row["holds"].items())[:N_HELD]]
        more = len(row["holds"]) - N_HELD
        cells.append(
            (
                f"{row['core']} at ({row['x']}, {row['y']})",
                ", ".join(held) + (f" and {more} more" if more > 0 else ""),
                RESOURCE_LABEL[row["binding"]],
                number(row["used"]),
                number(row["limit"]),
                percent(row["share"]),
            )
        )
    header = ("core", "holds", "bound by", "used", "limit", "of limit")
    which = (
        f"{number(len(rows))} cores" if listed is rows else f"the {N_FULLEST} fullest of {len(rows)} cores"
    )
    counts = Counter(row["binding"] for row in rows)
    sums = ", ".join(f"{RESOURCE_LABEL[name]} {number(n)}" for name, n in counts.most_common())
    title = f"What binds {which}, fullest first; cores by what binds them: {sums}"
    return table_text(title, header, cells, n_labels=3)


def _links(told: dict[str, Any]) -> str:
    measured = "if every neuron and input fires once"
    if told["weights"] == "profile":
        measured = "with the spikes of the profile"
    if not told["links"]:
        return f"Links {measured}: no packet leaves its tile"
    cells = []
    for row in told["links"]:
        flows = [f"{_ends(one)} {percent(one['packets'] / row['packets'])}" for one in row["flows"][:N_FLOWS]]
        more = row["n_flows"] - N_FLOWS
        start, end = tuple(row["from"]), tuple(row["to"])
        crossing = ", to another chip" if row["to_another_chip"] else ""
        cells.append(
            (
                f"{start} {row['side']} to {end}{crossing}",
                ", ".join(flows) + (f" and {number(more)} more" if more > 0 else ""),
                number(row["packets"]),
            )
        )
    title = (
        f"The busiest {len(cells)} of {number(told['n_links_used'])} links in use {measured}: "
        f"{number(told['packets'])} packets, {number(told['spike_hops'])} hops"
    )
    return table_text(title, ("link", "what goes over it", "packets"), cells, n_labels=2)


def _ends(flow: dict[str, Any]) -> str:
    return f"{short(flow['from'], 20)!r} -> {short(flow['to'], 20)!r}"


def _relief(told: dict[str, Any]) -> str:
    if not told["links"]:
        return ""
    most = number(told["links"][0]["packets"])
    facts = [
        (number(one["max_link"]), f"with {one['text']}")
        for one in told["relief"]
        if one["max_link"] is not None
    ]
    advice = [f"  {one['text']}" for one in told["relief"] if one["max_link"] is None]
    tried = facts_text(f"Packets over the busiest link, instead of {most} (each was tried)", facts)
    heading = tried if facts else f"The busiest link carries {most} packets; nothing tried brings that down"
    return "\n".join([heading, *advice])
