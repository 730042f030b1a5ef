"""Relief: what would take packets off the busiest link of a program. Whatever has a number was tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.faults import usable_cores
from emulator.chip.loads import link_loads, steps
from emulator.chip.routing import Routing
from emulator.chip.spec import ChipSpec
from emulator.errors import SpecError
from emulator.report.link_flows import Flows, busiest, ends_of, named, tile_of_rows
from emulator.report.units import percent

Longs = NDArray[np.int64]

ROUTINGS = ("xy", "yx", "west_first")
WORTH = 0.98  # of the busiest link now: what leaves more is not told
N_MOVED, N_PARTNERS = 8, 64  # cores that are exchanged, each with so many others
LEAST_CHANGE = 0.0005  # of hops, that is told
MAX_GRANTS = 20_000_000  # of packets on links, looked at for trees


def relief(flows: Flows) -> list[dict[str, Any]]:
    """Ways to a lower load of the busiest link: text, the load that it would have (None: not tried)."""
    loads = flows.loads()
    most = int(loads.max(initial=0))
    if not most:
        return []
    tried = [*_routings(flows), *_trees(flows), *_exchanges(flows, loads)]
    better = sorted(
        (one for one in tried if one["max_link"] <= WORTH * most), key=lambda one: one["max_link"]
    )
    return [*better, *_advice(flows, loads)]


def _routings(flows: Flows) -> Iterator[dict[str, Any]]:
    chip = flows.program.chip
    for name in ROUTINGS:
        routing = _replaced(chip, {"mesh.routing": name})
        if name != chip.mesh.routing and routing is not None:
            most = int(flows.loads(routing).max())
            yield {"text": f"mesh.routing {name!r} on the chip", "max_link": most}


def _replaced(chip: ChipSpec, changes: dict[str, Any]) -> Routing | None:
    """Routing of the changed chip; None where there is no such chip."""
    try:
        return chip.replace(changes).routing
    except SpecError:
        return None


def _trees(flows: Flows) -> Iterator[dict[str, Any]]:
    """Multicast: every link once for a spike, however many cores are beyond."""
    program = flows.program
    chip = program.chip
    if chip.mesh.multicast != "none" or _replaced(chip, {"mesh.multicast": "tree"}) is None:
        return
    source, target, _, pair = flows.pairs
    sender = np.repeat(np.arange(program.image.n_senders), np.diff(program.image.entry_ptr))
    if len(sender) != len(pair):  # a profile: entries of silent senders are left out
        return
    tiles, moved = tile_of_rows(program), np.flatnonzero(pair >= 0)
    from_tile, to_tile = tiles[source][pair[moved]], tiles[target][pair[moved]]
    width = chip.mesh.width
    n_grants = int(np.abs(from_tile % width - to_tile % width).sum())
    n_grants += int(np.abs(from_tile // width - to_tile // width).sum())
    if n_grants > MAX_GRANTS:
        return
    n_links = chip.n_tiles * len(DIRECTIONS)
    keys = [np.zeros(0, dtype=np.int64)]
    for moving, tile, side in steps(chip.routing, from_tile, to_tile):
        keys.append(sender[moved[moving]] * n_links + tile * len(DIRECTIONS) + side)
    taken = np.sort(np.concatenate(keys))
    once = np.append(True, np.diff(taken) != 0)[: len(taken)]
    loads = np.bincount(taken[once] % n_links, minlength=n_links)
    yield {"text": "mesh.multicast 'tree' on the chip", "max_link": int(loads.max(initial=0))}


def _exchanges(flows: Flows, loads: Longs) -> Iterator[dict[str, Any]]:
    """The best exchange of another core with one that sends or hears most over the busiest link."""
    program = flows.program
    chip, core_id = program.chip, program.image.core_id
    tiles, (link,) = tile_of_rows(program), busiest(loads, 1)
    ends = _Ends(flows)
    best: tuple[int, int, int, int] | None = None
    for row, core in _partners(core_id, chip, tiles, ends.moved(link)):
        there = np.append(_exchanged(core_id, row, core) // chip.cores.per_tile, chip.host_tile)
        rows = np.flatnonzero(there != tiles)
        after = ends.changed(loads, rows, there)
        if after is not None:
            outcome = (int(after.max()), int(after.sum()), row, core)
            best = outcome if best is None else min(best, outcome)
    if best is not None:
        most, hops, row, core = best
        pin = "`mapping=` pins neurons to cores" if chip.cores.model == "cuba" else "`at=` pins a core"
        text = f"cores {int(core_id[row])} and {core} exchanged, {_change(int(loads.sum()), hops)} ({pin})"
        yield {"text": text, "max_link": most}


def _change(before: int, after: int) -> str:
    """`+1.2 % hops`"""
    share = abs(after - before) / before
    if share < LEAST_CHANGE:
        return "as many hops"
    return f"{'+' if after > before else '-'}{percent(share)} hops"


class _Ends:
    """Pairs of cores by what they touch, to count again only what a move changes."""

    def __init__(self, flows: Flows):
        self._flows, self._tiles = flows, tile_of_rows(flows.program)
        self._source, self._target, self._packets, _ = flows.pairs
        self._rows = np.arange(len(self._tiles) + 1)
        self._by = [
            (order, np.searchsorted(ends[order], self._rows))
            for ends in (self._source, self._target)
            for order in [np.argsort(ends, kind="stable")]
        ]

    def moved(self, link: tuple[int, int]) -> list[int]:
        """Rows with most packets over a link, up to N_MOVED."""
        tiles, routing = self._tiles, self._flows.program.chip.routing
        through = np.zeros(len(tiles), dtype=np.int64)
        for moving, tile, side in steps(routing, tiles[self._source], tiles[self._target]):
            here = moving[(tile == link[0]) & (side == link[1])]
            for ends in (self._source, self._target):
                np.add.at(through, ends[here], self._packets[here])
        order = np.argsort(-through[:-1], kind="stable")[:N_MOVED]
        return [row for row in order.tolist() if through[row]]

    def changed(self, loads: Longs, rows: Longs, there: Longs) -> Longs | None:
        """The loads when some rows are elsewhere; there: tiles of all rows. None: something has no way."""
        touching = [order[first[row] : first[row + 1]] for order, first in self._by for row in rows.tolist()]
        pairs = np.unique(np.concatenate(touching))
        routing, packets = self._flows.program.chip.routing, self._packets[pairs]
        after = np.array(loads)
        for tiles, sign in ((self._tiles, -1), (there, 1)):
            start, end = tiles[self._source[pairs]], tiles[self._target[pairs]]
            if not routing.reaches(start, end).all():
                return None
            after += sign * link_loads(routing, start, end, packets)
        return after


def _partners(
    core_id: NDArray[np.integer], chip: ChipSpec, tiles: Longs, moved: list[int]
) -> Iterator[tuple[int, int]]:
    """Rows and the cores to exchange each with: of other tiles, the nearest first."""
    usable = np.flatnonzero(usable_cores(chip))
    for row in moved:
        y, x = np.divmod(usable // chip.cores.per_tile, chip.mesh.width)
        own_y, own_x = divmod(int(tiles[row]), chip.mesh.width)
        away = np.abs(x - own_x) + np.abs(y - own_y)
        order = np.lexsort((usable, away))
        others = usable[order[away[order] > 0]][:N_PARTNERS]
        yield from ((row, int(core)) for core in others)


def _exchanged(core_id: NDArray[np.integer], row: int, core: int) -> Longs:
    """Core of each row when a row moves to a core and what is there comes back."""
    changed = np.array(core_id, dtype=np.int64)
    there = np.flatnonzero(core_id == core)
    changed[there] = changed[row]
    changed[row] = core
    return changed


def _advice(flows: Flows, loads: Longs) -> Iterator[dict[str, Any]]:
    """What the flows over the busiest link and the choices of the compilation suggest, not tried."""
    program = flows.program
    (link,) = busiest(loads, 1)
    (shares,) = flows.over([link])
    total = int(loads[link])
    (account, reached), n = next(iter(shares.items()))
    ends = f"{named(program, account)!r} -> {named(program, reached)!r}"
    x, y = ends_of(program, link)[0]
    sources = {place for place, part in enumerate(program.symbols.parts) if part.kind == "source"}
    from_host = sum(packets for (sender, _), packets in shares.items() if sender in sources)
    text = f"{percent(n / total)} of the busiest link is {ends}: fewer cores on either side, or nearer ones"
    yield {"text": f"{text}, take packets off it", "max_link": None}
    if from_host * 2 > total:
        host = program.chip.coordinates(program.chip.host_tile)
        yield {
            "text": f"{percent(from_host / total)} of it are inputs, which all enter at the host port, tile "
            f"{host}: the link at {(x, y)} stays busy wherever cores are; spread inputs over fewer cores",
            "max_link": None,
        }
    effort = program.stats.get("effort")
    if effort in ("fast", "default"):
        yield {"text": f"compiled with effort {effort!r}: 'best' looks longer", "max_link": None}
    if "profile" not in program.stats:
        yield {"text": "compiled without a profile: `profile=` places by measured spikes", "max_link": None}
