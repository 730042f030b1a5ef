"""Record: what happened in a run. Spikes, probes, integer event counts, picoseconds. No joules."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class State:
    """All that a compartment carries from one tick to the next; the leading axis is the sample.

    Same bits from either engine. `pending[:, d]` is the input due d ticks after the next one starts: a row of
    slots for each of `Image.planes`, one after the other. The first holds sums of effective weights, as the
    chip's input register does (22-bit two's complement) where it suffices and else in full, further ones sums
    of mantissas. dtypes and ranges: `chip/state.py`; int64 where a policy outgrows the chip's registers.
    Crossbar cores have no u and no refractory counter (arrays of width 0), and `pending[:, d]` has a column
    for each axon: 1 where a spike is due.
    """

    image_digest: str  # of the image it belongs to
    u: Ints  # int32 or int64 [n_samples, n_slots]
    v: Ints  # int32 or int64 [n_samples, n_slots]
    refractory: Ints  # int32 [n_samples, n_slots]
    pending: Ints  # int32 or int64 [n_samples, max_delay_ticks, n_planes * n_slots]
    n_ticks: int  # run since the initial state: where generators of sources go on


@dataclass(frozen=True, eq=False)
class Timing:
    """Physical time of a run, in ps. Rows of `done_ps` and `tick_ps` are those of `Record.counts_by_tick`."""

    done_ps: Ints  # int64 [n_rows] when the work of each tick was done, from its start
    tick_ps: Ints  # int64 [n_rows] duration of each tick; domain fixed: the clock's, done or not
    stall_ps: Ints  # int64 [n_cores + 1] waiting of packets for room at their source; last row: host port
    occupancy_max: (
        Ints  # int64 [n_tiles, 4 + cores per tile] highest filling of each input FIFO (E, W, N, S, local)
    )
    intake_max: Ints  # int64 [n_cores] highest filling of each core's intake FIFO


@dataclass(frozen=True, eq=False)
class Trace:
    """Every packet of a run: by row, then source, then order of push. Instants in ps from the tick's start.

    A packet counts its core by its row in the image; n_cores: the host port.
    """

    row: Ints  # int64 [n_packets], as those of `Record.counts_by_tick`
    source: Ints  # int32 [n_packets] core that sent it
    target: Ints  # int32 [n_packets] core it is for
    axon: Ints  # int32 [n_packets] of the target, numbered through; to the host: as in Image.entry_axon
    push_ps: Ints  # int64 [n_packets] entry into the source's FIFO
    arrive_ps: Ints  # int64 [n_packets] entry into the target's intake, or arrival at the host port; lost: 0
    arrived: NDArray[np.bool_]  # bool [n_packets] those that no lossy link lost
    grants: Ints  # int64 [n_grants, 4] packet, tile, output port, ps; by packet on its way


class Named(NamedTuple):
    """A part of the network, so that a record can tell of it without its program."""

    kind: str  # "source" or "population"
    name: str
    address: Ints  # int64 [n] slots of a population, host inputs of a source


@dataclass(frozen=True, eq=False)
class Provenance:
    """What a run was given and what ran it; with program and record enough to run it again.

    There is no date in it: the same run makes the same file.
    """

    seed: int
    engine: str
    threads: int
    trace: bool
    event_ptr: Ints  # int64 [n_rows + 1]
    event_input: Ints  # int32 [n_events] host inputs that spiked in a row, scripted ones too
    begin: State | None  # it went on from; None: the image's initial state
    versions: dict[str, str]  # of spikemesh and what it stands on
    command: tuple[str, ...]  # of the process that ran it

    @property
    def n_events(self) -> int:
        return len(self.event_input)


@dataclass(frozen=True, eq=False)
class Record:
    """One run of one image. A *row* is a tick of a sample: row = sample * n_ticks + tick."""

    n_samples: int
    n_ticks: int
    batched: bool  # whether the samples are shown as an axis; False only with one sample
    spikes: Ints  # int64 [n_spikes, 2] row, slot; sorted; only slots whose spikes are recorded
    probes: tuple[Ints, ...]  # per probe int32 or int64 (as u) [n_samples, n_probed_ticks, n_probed_slots]
    counts_by_tick: Ints  # int64 [n_rows, n_events]
    counts_by_core: (
        Ints  # int64 [n_cores + 1, n_events]; last row: what belongs to no core (hops, host, barrier)
    )
    counts_by_group: Ints  # int64 [n_groups + 1, n_events]; by the account of the sender; last row: barrier
    link_counts: Ints  # int64 [n_tiles, 4] grants of each link (E, W, N, S)
    timing: Timing | None  # None with timing=False
    state: State  # after the last tick
    link_losses: Ints  # int64 [n_tiles, 4] packets that each link lost; their grants are in link_counts
    spikes_by_sender: Ints  # int64 [n_senders] of the image, all samples together, recorded or not
    trace: Trace | None = None  # None unless the run was asked for it; files do not keep it
    names: tuple[Named, ...] = ()  # what the network calls its senders; () of an image run without symbols

    @property
    def n_rows(self) -> int:
        return self.n_samples * self.n_ticks


def first_difference(a: Record, b: Record) -> str | None:
    """Names the first field, and the first place in it, where two records differ; None if equal.

    What the network calls its senders is not compared: the image's digest is.
    """
    for name in (field.name for field in fields(Record) if field.name != "names"):
        left, right = getattr(a, name), getattr(b, name)
        if name == "probes":
            pairs = [(f"probes[{i}]", x, y) for i, (x, y) in enumerate(zip(left, right, strict=True))]
        elif name in ("timing", "state", "trace"):
            if (left is None) != (right is None):
                return f"{name}: {left} != {right}"
            if left is None:
                continue
            pairs = [
                (f"{name}.{f.name}", getattr(left, f.name), getattr(right, f.name)) for f in fields(left)
            ]
        else:
            pairs = [(name, left, right)]
        for label, x, y in pairs:
            difference = _difference(label, x, y)
            if difference:
                return difference
    return None


def _difference(label: str, x: object, y: object) -> str | None:
    if not isinstance(x, np.ndarray):
        return None if x == y else f"{label}: {x} != {y}"
    assert isinstance(y, np.ndarray)
    if x.shape != y.shape or x.dtype != y.dtype:
        return f"{label}: {x.dtype}{list(x.shape)} != {y.dtype}{list(y.shape)}" + _first_row(x, y)
    if np.array_equal(x, y):
        return None
    place = tuple(int(i) for i in np.argwhere(x != y)[0])
    return f"{label}{list(place)}: {x[place]} != {y[place]}"


def _first_row(x: Ints, y: Ints) -> str:
    """For tables of different length: the first row that differs."""
    if x.ndim != 2 or y.ndim != 2 or x.shape[1:] != y.shape[1:]:
        return ""
    n = min(len(x), len(y))
    differing = np.flatnonzero((x[:n] != y[:n]).any(axis=1))
    row = int(differing[0]) if len(differing) else n
    return f"; first at row {row}: {x[row : row + 1].tolist()} != {y[row : row + 1].tolist()}"
