"""Explain: where the parts of a network went on the chip, what binds there, and what its links carry."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import border_links, chips_of
from emulator.chip.events import DIRECTIONS
from emulator.program import Program
from emulator.record import Record
from emulator.report.link_flows import busiest, ends_of, flows_of, named
from emulator.report.relief import relief
from emulator.report.utilisation import utilisation

N_LINKS = 10
N_FLOWS = 5  # of a link


def explanation(program: Program, profile: Record | None = None) -> dict[str, Any]:
    """Plain numbers, strings and lists.

    profile: record of a run of the network, for links: packets of its spikes. None: every sender fires once.
    Raises SimulationError if it is of another network.
    """
    flows = flows_of(program, profile)
    loads = flows.loads()
    links = busiest(loads, N_LINKS)
    border = border_links(program.chip)
    rows = []
    for link, shares in zip(links, flows.over(links), strict=True):
        start, end = ends_of(program, link)
        rows.append(
            {
                "from": list(start),
                "to": list(end),
                "side": DIRECTIONS[link[1]],
                "packets": int(loads[link]),
                "to_another_chip": bool(border[link]),
                "flows": [
                    {"from": named(program, sender), "to": named(program, reached), "packets": packets}
                    for (sender, reached), packets in list(shares.items())[:N_FLOWS]
                ],
                "n_flows": len(shares),
            }
        )
    return {
        "network": program.symbols.network,
        "chip": program.chip.name,
        "weights": "all fire once" if profile is None else "profile",
        "populations": populations(program),
        "sources": sources(program),
        "cores": cores(program),
        "packets": int(flows.times.sum()),
        "spike_hops": int(loads.sum()),
        "n_links_used": int((loads > 0).sum()),
        "links": rows,
        "relief": relief(flows),
    }


def populations(program: Program) -> list[dict[str, Any]]:
    """A row per part with neurons on the chip. `n_added`: copies and relays that are booked on it."""
    image, chip = program.image, program.chip
    bound = utilisation(program).binding
    row_of_slot = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    out = []
    for account, part in enumerate(program.symbols.parts):
        rows, n_of = np.unique(row_of_slot[image.slot_group == account], return_counts=True)
        n = part.n if part.kind == "population" else 0
        if not len(rows):
            continue
        ids = image.core_id[rows]
        tiles = ids // chip.cores.per_tile
        resources = Counter(bound.resource[row] for row in rows.tolist())
        out.append(
            {
                "name": part.name,
                "kind": part.kind,
                "n": n,
                "n_added": int(n_of.sum()) - n,
                "n_cores": len(ids),
                "n_tiles": len(np.unique(tiles)),
                "n_chips": len(np.unique(chips_of(chip, tiles))),
                "cores": ids.tolist(),
                "neurons": n_of.tolist(),
                "box": _box(tiles, chip.mesh.width),
                "bound_by": dict(resources.most_common()),
            }
        )
    return out


def _box(tiles: NDArray[np.integer], width: int) -> list[int]:
    """Least and greatest x, least and greatest y."""
    y, x = np.divmod(tiles, width)
    return [int(x.min()), int(x.max()), int(y.min()), int(y.max())]


def sources(program: Program) -> list[dict[str, Any]]:
    """How many cores the inputs of each source are sent to."""
    image = program.image
    first = image.n_slots
    out = []
    for part in program.symbols.sources:
        senders = first + part.address
        spans = [slice(image.entry_ptr[one], image.entry_ptr[one + 1]) for one in senders.tolist()]
        reached = np.unique(np.concatenate([np.zeros(0, np.int32), *(image.entry_core[s] for s in spans)]))
        n_entries = sum(int(span.stop - span.start) for span in spans)
        out.append({"name": part.name, "n": part.n, "n_cores": len(reached), "n_entries": n_entries})
    return out


def cores(program: Program) -> list[dict[str, Any]]:
    """A row per core: what it holds, what binds it, how much of that is used; the fullest first."""
    image, chip = program.image, program.chip
    state = utilisation(program)
    bound = state.binding
    out = []
    for row in np.argsort(-bound.share, kind="stable").tolist():
        groups = image.slot_group[image.slot_ptr[row] : image.slot_ptr[row + 1]]
        accounts, n_of = np.unique(groups, return_counts=True)
        held = sorted(zip((-n_of).tolist(), accounts.tolist(), strict=True))
        core, resource = int(image.core_id[row]), bound.resource[row]
        x, y = chip.coordinates(chip.tile_of(core))
        out.append(
            {
                "core": core,
                "x": x,
                "y": y,
                "holds": {program.symbols.parts[account].name: -n for n, account in held},
                "binding": resource,
                "used": int(state.used[resource][row]),
                "limit": state.limits[resource],
                "share": float(bound.share[row]),
            }
        )
    return out
