"""How near the ticks of a traced run came to the wire limit: what no mesh of the kind could do better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emulator.chip.events import DIRECTIONS
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds
from emulator.traffic.ticks import BOUNDS

if TYPE_CHECKING:
    from emulator.engine.result import Result

SLOWEST = 5  # ticks that are listed
WHAT = {
    "link": "the busiest link",
    "injection": "the busiest source",
    "ejection": "the busiest target",
    "distance": "the longest way",
}
HEADER = (
    "tick",
    "packets",
    "delivered in",
    "wire limit",
    "of it",
    "binds",
    "link",
    "source",
    "target",
    "way",
)


def wire_numbers(result: Result) -> dict[str, Any] | None:
    """Bounds of the ticks with packets, ps; None for a run without a trace or without packets."""
    if result.record.trace is None or not len(result.record.trace.row):
        return None
    limits, chip = result.tick_limits, result.program.chip
    bounds = np.stack([getattr(limits, f"{name}_ps") for name in BOUNDS])
    binding = [BOUNDS[place] for place in bounds.argmax(axis=0).tolist()]
    slowest = np.argsort(-limits.makespan_ps, kind="stable")[:SLOWEST]
    return {
        "n_ticks": len(limits.row),
        "closeness_mean": float(limits.closeness.mean()),
        "closeness_min": float(limits.closeness.min()),
        "closeness_max": float(limits.closeness.max()),
        "makespan_ps": int(limits.makespan_ps.sum()),
        "bound_ps": int(limits.bound_ps.sum()),
        "binding": {name: binding.count(name) for name in BOUNDS},
        "slowest": [
            {
                "sample": int(limits.row[place]) // max(result.n_ticks, 1),
                "tick": int(limits.row[place]) % max(result.n_ticks, 1),
                "n_packets": int(limits.n_packets[place]),
                "makespan_ps": int(limits.makespan_ps[place]),
                "bound_ps": int(limits.bound_ps[place]),
                "binding": binding[place],
                **{f"{name}_ps": int(bounds[column, place]) for column, name in enumerate(BOUNDS)},
                "busiest_link": _link(chip, int(limits.link_tile[place]), int(limits.link_side[place])),
            }
            for place in slowest.tolist()
        ],
    }


def wire_text(result: Result) -> str:
    """Empty for a run without a trace or without packets."""
    numbers = wire_numbers(result)
    if numbers is None:
        return ""
    mean, low, high = (percent(numbers[f"closeness_{name}"]) for name in ("mean", "min", "max"))
    binding = ", ".join(f"{WHAT[name]} {number(n)}" for name, n in numbers["binding"].items() if n)
    facts = [
        ("ticks with packets", number(numbers["n_ticks"])),
        ("wire limit : first push to last arrival", f"mean {mean}, lowest {low}, highest {high}"),
        ("what binds, in ticks", binding),
    ]
    samples = result.batch is not None
    rows = [
        (
            f"{row['sample']}/{row['tick']}" if samples else str(row["tick"]),
            number(row["n_packets"]),
            seconds(row["makespan_ps"]),
            seconds(row["bound_ps"]),
            percent(row["bound_ps"] / row["makespan_ps"]),
            row["binding"] + (f" {row['busiest_link']}" if row["binding"] == "link" else ""),
            *(seconds(row[f"{name}_ps"]) for name in BOUNDS),
        )
        for row in numbers["slowest"]
    ]
    return sections(
        facts_text("Mesh, held against the wire limit", facts),
        table_text(f"The {len(rows)} slowest ticks", HEADER, rows),
    )


def _link(chip: Any, tile: int, side: int) -> str | None:
    """`(3, 1) E`; None where no link is used."""
    if tile >= chip.n_tiles:
        return None
    x, y = chip.coordinates(tile)
    return f"({x}, {y}) {DIRECTIONS[side]}"
