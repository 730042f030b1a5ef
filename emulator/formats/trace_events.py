"""Packets on their way, for ui.perfetto.dev and chrome://tracing: the Trace Event Format, JSON.

Instants of the format are microseconds, of which viewers keep three decimals. A picosecond of the chip is
written as one nanosecond, so nothing is rounded and what a viewer calls 1 ns is 1 ps.

A tile is a *process*. Each of its cores has a track of packets under way from it, which overlap: asynchronous
events, ids local to the process. Each of its links and intakes has a track of grants, where these are known:
complete events, one `cycle_ps` long, which never overlap. The ticks of a run are a process of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import border_links
from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec
from emulator.errors import ImageError
from emulator.formats.files import write_atomic

Ints = NDArray[np.integer[Any]]
MAX_EVENTS = 400_000
"""Unless told: some 50 MB, which the viewers still open quickly."""

TICKS_PID = 1
FIRST_TILE_PID = 2
EVENTS_OF_PACKET = 2  # begin and end
N_SIDES = len(DIRECTIONS)
BATCH = 10_000  # events made into text at once


@dataclass(frozen=True, eq=False)
class Journeys:
    """Packets to be shown, in the order of their numbers. Instants in ps from the start of the run."""

    chip: ChipSpec
    source: Ints  # [n, 2] tile, port: 4 + core in tile, or the side of the host port
    target: Ints  # [n, 2]
    axon: Ints | None  # [n] of the target
    push_ps: Ints  # [n]
    arrive_ps: Ints  # [n]
    arrived: NDArray[np.bool_]  # [n] False: lost on the way
    grants: Ints | None  # [n_grants, 4] packet, tile, output port, ps; by packet
    tick_start_ps: Ints  # [n_rows] may be empty
    tick_ps: Ints  # [n_rows]
    n_ticks: int  # of a sample


@dataclass(frozen=True)
class Shown:
    """What of a run is in the file."""

    n_packets: int
    n_packets_of: int  # that there were
    n_events: int
    until_ps: int  # pushes up to here are shown
    has_links: bool

    @property
    def note(self) -> str:
        """What is missing, in a sentence; empty if nothing is."""
        parts = []
        if self.n_packets < self.n_packets_of:
            parts.append(
                f"the first {self.n_packets:,} of {self.n_packets_of:,} packets are shown, pushed up to "
                f"{self.until_ps:,} ps: allow more events for the others"
            )
        if not self.has_links:
            parts.append("no tracks of links: run the mesh with trace=True")
        return "; ".join(parts)


def save_trace(journeys: Journeys, path: str | PathLike[str], max_events: int = MAX_EVENTS) -> Shown:
    """Writes the earliest packets, as many as `max_events` allow, whole. Raises ImageError."""
    if isinstance(max_events, bool) or not isinstance(max_events, (int, np.integer)) or max_events < 1:
        raise ImageError(f"max_events={max_events!r}: must be an integer from 1 up")
    kept = _kept(journeys, int(max_events))
    shown = Shown(
        n_packets=len(kept),
        n_packets_of=len(journeys.push_ps),
        n_events=int(_n_events(journeys)[kept].sum()),
        until_ps=int(journeys.push_ps[kept].max(initial=0)),
        has_links=journeys.grants is not None,
    )
    write_atomic(path, *_chunks(journeys, kept, shown))
    return shown


def _n_events(journeys: Journeys) -> Ints:
    """[n] events of each packet."""
    n_events = np.where(journeys.arrived, EVENTS_OF_PACKET, 1)
    if journeys.grants is not None:
        n_events += np.bincount(journeys.grants[:, 0], minlength=len(n_events))
    return n_events


def _kept(journeys: Journeys, max_events: int) -> Ints:
    """Numbers of the packets shown, by push."""
    order = np.argsort(journeys.push_ps, kind="stable")
    upto = np.cumsum(_n_events(journeys)[order])
    return order[: int(np.searchsorted(upto, max_events, side="right"))]


def _chunks(journeys: Journeys, kept: Ints, shown: Shown) -> Iterator[bytes]:
    """The file, piece by piece."""
    about = {
        "chip": journeys.chip.name,
        "scale": "1 ns shown is 1 ps of the chip",
        "packets": f"{shown.n_packets} of {shown.n_packets_of}",
        "note": shown.note,
    }
    yield f'{{"displayTimeUnit":"ns","otherData":{json.dumps(about)},"traceEvents":[\n'.encode()
    batch: list[str] = []
    first = True
    for event in _events(journeys, kept, shown):
        batch.append(event)
        if len(batch) == BATCH:
            yield (("" if first else ",\n") + ",\n".join(batch)).encode()
            batch, first = [], False
    if batch:
        yield (("" if first else ",\n") + ",\n".join(batch)).encode()
    yield b"\n]}\n"


def _events(journeys: Journeys, kept: Ints, shown: Shown) -> Iterator[str]:
    """Every event as JSON."""
    grants: Ints = np.zeros((0, 4), dtype=np.int64)
    if journeys.grants is not None:
        grants = journeys.grants[np.isin(journeys.grants[:, 0], kept)]
    tiles = np.unique(np.concatenate([journeys.source[kept, 0], journeys.target[kept, 0], grants[:, 1]]))
    yield _name("process_name", TICKS_PID, 0, "ticks; 1 ns shown is 1 ps")
    yield _name("thread_name", TICKS_PID, 0, "ticks")
    for tile in tiles.tolist():
        x, y = journeys.chip.coordinates(tile)
        yield _name("process_name", FIRST_TILE_PID + tile, 0, f"tile {tile} ({x}, {y})")
        yield _sort("process_sort_index", FIRST_TILE_PID + tile, 0, FIRST_TILE_PID + tile)
    yield from _ticks(journeys, shown)
    yield from _packets(journeys, kept)
    yield from _grants(journeys, grants)


def _ticks(journeys: Journeys, shown: Shown) -> Iterator[str]:
    cut = shown.n_packets < shown.n_packets_of
    starts, durations = journeys.tick_start_ps.tolist(), journeys.tick_ps.tolist()
    for row, (start_ps, tick_ps) in enumerate(zip(starts, durations, strict=True)):
        if cut and start_ps > shown.until_ps:
            return
        sample, tick = divmod(row, journeys.n_ticks)
        yield _complete(f"tick {tick}", TICKS_PID, 0, start_ps, tick_ps, {"sample": sample, "tick": tick})


def _packets(journeys: Journeys, kept: Ints) -> Iterator[str]:
    """Begin and end of each packet, on the track of its source; of a lost one an instant."""
    all_columns = (journeys.source, journeys.target, journeys.push_ps, journeys.arrive_ps, journeys.arrived)
    columns = [column[kept] for column in all_columns]
    axons = [None] * len(kept) if journeys.axon is None else journeys.axon[kept].tolist()
    rows = zip(kept.tolist(), *(column.tolist() for column in columns), axons, strict=True)
    for number, (tile, port), (to_tile, to_port), push_ps, arrive_ps, has_arrived, axon in rows:
        to = _place(journeys.chip, to_tile, to_port)
        args: dict[str, Any] = {"packet": number, "to": to, "ps": arrive_ps - push_ps}
        if axon is not None:
            args["axon"] = axon
        head = {
            "cat": "packet",
            "name": f"packets of {_place(journeys.chip, tile, port)}",
            "id2": {"local": hex(number)},
            "pid": FIRST_TILE_PID + tile,
            "tid": port,
        }
        if not has_arrived:
            yield _event({"ph": "n", **head, "ts": push_ps, "args": {**args, "ps": "lost on the way"}})
            continue
        yield _event({"ph": "b", **head, "ts": push_ps, "args": args})
        yield _event({"ph": "e", **head, "ts": arrive_ps})


def _grants(journeys: Journeys, grants: Ints) -> Iterator[str]:
    """A slice as long as the output recovers, on the track of the output."""
    chip, border = journeys.chip, border_links(journeys.chip)
    used = np.unique(grants[:, 1:3], axis=0).tolist()
    for tile, port in used:
        yield _name("thread_name", FIRST_TILE_PID + tile, _tid(port), _output(chip, tile, port))
    for number, tile, port, at_ps in grants.tolist():
        leaves = port < N_SIDES and border[tile, port] and chip.mesh.chip is not None
        cycle_ps = chip.mesh.chip.link.cycle_ps if leaves and chip.mesh.chip else chip.mesh.cycle_ps
        yield _complete("grant", FIRST_TILE_PID + tile, _tid(port), at_ps, cycle_ps, {"packet": number})


def _tid(port: int) -> int:
    """Thread of an output, apart from those that packets of the cores name."""
    return 1000 + port


def _place(chip: ChipSpec, tile: int, port: int) -> str:
    if port < N_SIDES:
        return "the host"
    return f"core {tile * chip.cores.per_tile + port - N_SIDES}"


def _output(chip: ChipSpec, tile: int, port: int) -> str:
    if port >= N_SIDES:
        return f"to {_place(chip, tile, port)}"
    x, y = chip.coordinates(tile)
    dx, dy = ((1, 0), (-1, 0), (0, 1), (0, -1))[port]
    inside = 0 <= x + dx < chip.mesh.width and 0 <= y + dy < chip.mesh.height
    return f"link {DIRECTIONS[port]}" if inside else "to the host"


def _name(kind: str, pid: int, tid: int, name: str) -> str:
    return _event({"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": name}})


def _sort(kind: str, pid: int, tid: int, place: int) -> str:
    return _event({"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"sort_index": place}})


def _complete(name: str, pid: int, tid: int, start_ps: int, duration_ps: int, args: dict[str, Any]) -> str:
    head = {"ph": "X", "name": name, "pid": pid, "tid": tid}
    return _event({**head, "ts": start_ps, "dur": duration_ps, "args": args})


def _event(event: dict[str, Any]) -> str:
    """JSON with the instants in thousandths, exactly: a float would round them after some hours."""
    times = {key: event.pop(key) for key in ("ts", "dur") if key in event}
    text = json.dumps(event, separators=(",", ":"))
    added = (f',"{key}":{value // 1000}.{value % 1000:03d}' for key, value in times.items())
    return f"{text[:-1]}{''.join(added)}}}"
