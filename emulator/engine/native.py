"""Runs an image on the compiled blocks: lays it out for them, and books what they count in bulk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.check import check_image
from emulator.chip.crossbar import MAX_NEURONS, AnyImage, CrossbarImage
from emulator.chip.deadlock import deadlock_text
from emulator.chip.drive import KINDS, PROBE_VARIABLES, Drive
from emulator.chip.events import DIRECTIONS, EVENT_ID, EVENTS
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.chip.state import state_dtype, state_tables
from emulator.engine import blocks, crossbars
from emulator.engine.compartments import Stretches, configuration_of, stretches_of
from emulator.engine.losses import Losses, losses_of
from emulator.engine.native_mesh import (
    ARBITERS,
    DEADLOCK,
    STATUS,
    WHEEL,
    Queue,
    border,
    merged_rows,
    queue_settings,
)
from emulator.engine.packets import Packets
from emulator.engine.routes import SENT, Routes, routes_of, totals
from emulator.engine.rows import Arranged, rows_of, shares_of, wide_rows_of
from emulator.errors import RegisterOverflow, SimulationError
from emulator.record import Record, State, Timing

Progress = Callable[[int, int], None]
Ints = NDArray[np.integer[Any]]
CHUNK_S = 0.1  # how long the engine runs before it lets Python look at signals and progress

assert PROBE_VARIABLES == ("u", "v", "v_raw")  # their places are the codes in ext/machine.pyx
assert all(KINDS[code] == kind for kind, code in blocks.generator.KIND_CODES.items())
assert EVENTS[EVENT_ID[SENT[0]] : EVENT_ID[SENT[-1]] + 1] == SENT
assert all(EVENT_ID[name] == column for name, column in blocks.machine.EVENT_COLUMNS.items())
OVERFLOWN = 3
POLICIES = ("chip", "lava", "unbounded", "strict")  # their places are the codes in _ext/wide.pxd
REGISTERS = ("q", "u", "x", "v")
REGISTER_ARRAYS = {"u": "u", "v": "v", "refractory": "counter", "pending": "pending"}  # of a `State`


BEST = blocks.machine.CROSSBAR_LEVELS - 1  # way to update crossbar cores; no result depends on it


def run(
    image: AnyImage,
    chip: ChipSpec,
    drive: Drive,
    progress: Progress | None = None,
    threads: int = 1,
    queue: Queue = WHEEL,
    level: int = BEST,
) -> Record:
    """Twin of `reference.run`: same record, bit for bit, whatever the number of threads."""
    return _Run(image, chip, drive, threads, queue, level).record(progress)


class _Run:
    """The arrays of one run: registers and counts that the machine works on, and its results."""

    def __init__(self, image: AnyImage, chip: ChipSpec, drive: Drive, threads: int, queue: Queue, level: int):
        self.image, self.chip, self.drive, self.queue, self.level = image, chip, drive, queue, level
        check_image(image, chip)  # the blocks trust what passes
        self.wide = state_dtype(image, chip) == "int64"
        self.routes = _routes(image, chip)
        self.losses = losses_of(self.routes)
        self.trees = drive.timing and chip.mesh.multicast == "tree"
        self.drops = np.zeros(0, dtype=np.uint8) if self.routes.drops is None else self.routes.drops
        if isinstance(image, CrossbarImage):
            self.prepared = _prepared_crossbars(image, self.routes, threads)
            self.n_integrated = np.zeros(image.n_axons, dtype=np.uint32)
            self.n_ops = np.zeros(image.n_cores, dtype=np.int64)
            self.targets = crossbars.aligned(image.n_slots, crossbars.TARGET)
            self.targets.view(np.uint8)[:] = self.prepared.rows.arrays["targets"]
        else:
            self.prepared = _prepared(self.routes, self.losses, drive, threads, self.wide)
        n_rows, n_slots = drive.n_samples * drive.n_ticks, image.n_slots
        of_state = "int64" if self.wide else "int32"
        tables = state_tables(image, chip)
        self.n_delays = image.max_delay_ticks
        self.counts = np.zeros((n_rows, len(EVENTS)), dtype=np.int64)
        self.done_ps = np.zeros(n_rows if drive.timing else 0, dtype=np.int64)
        self.n_spikes = np.zeros(image.n_senders, dtype=np.int64)
        by_slot = self.wide and not isinstance(image, CrossbarImage)
        self.n_active = np.zeros(n_slots if by_slot else len(self.prepared.stretches.table), dtype=np.int64)
        self.ends = {
            f"end_{array}": np.zeros((drive.n_samples, *tables[name].shape), dtype=tables[name].dtype)
            for name, array in REGISTER_ARRAYS.items()
        }
        self.probes = [
            np.zeros((drive.n_samples, len(lanes.ticks), len(lanes.slots)), dtype=of_state)
            for lanes in drive.probes
        ]
        self.starts = self._starts(of_state)
        self.machine = blocks.machine.Machine(self._arrays(), self._settings())

    def record(self, progress: Progress | None) -> Record:
        """Runs every sample."""
        drive, done = self.drive, 0
        n_rows = drive.n_samples * drive.n_ticks
        if n_rows == 0:  # no tick comes to an end: every sample is left as it started
            for name, start in self.starts.items():
                self.ends[name.replace("start", "end")][:] = start
        packets = Packets(self.routes) if drive.trace else None
        for chunk in _chunks(n_rows) if packets is None else repeat(1, n_rows):
            status, row = self.machine.advance(chunk)
            if status:
                self._fail(status, row)
            if packets is not None:
                packets.add(done, *self.machine.sent_packets())
            done += chunk
            if progress is not None:
                progress(done, n_rows)
        by_core, by_group, by_link = self._tables()
        lost = np.zeros_like(by_link) if self.losses is None else self.losses.book(by_core, by_group, by_link)
        return Record(
            n_samples=drive.n_samples,
            n_ticks=drive.n_ticks,
            batched=drive.batched,
            spikes=self.machine.recorded_spikes(),
            probes=tuple(self.probes),
            counts_by_tick=self.counts,
            counts_by_core=by_core,
            counts_by_group=by_group,
            link_counts=by_link,
            timing=self._timing() if drive.timing else None,
            state=self._state(),
            link_losses=lost,
            spikes_by_sender=self.n_spikes,
            trace=None if packets is None else packets.trace(),
        )

    def _state(self) -> State:
        u, v, refractory, pending = self.ends.values()
        return State(self.image.digest, u, v, refractory, pending, self.drive.n_ticks_after)

    def _fail(self, status: int, row: int) -> None:
        if status == OVERFLOWN:
            slot, register, value = self.machine.overflow()
            raise RegisterOverflow(slot, row, REGISTERS[register], value)
        n_ticks = max(self.drive.n_ticks, 1)
        text = STATUS.get(status)
        if status == DEADLOCK:
            waits_for = np.zeros((self.chip.n_tiles, self.chip.n_ports), dtype=np.int64)
            text = deadlock_text(self.chip, self.machine.mesh_waits(waits_for), waits_for)
        raise SimulationError(f"sample {row // n_ticks}, tick {row % n_ticks}: {text}")

    def _timing(self) -> Timing:
        n_ports = len(DIRECTIONS) + self.chip.cores.per_tile
        timing = Timing(
            done_ps=self.done_ps,
            tick_ps=self._tick_ps(),
            stall_ps=np.zeros(self.image.n_cores + 1, dtype=np.int64),
            occupancy_max=np.zeros((self.chip.n_tiles, n_ports), dtype=np.int64),
            intake_max=np.zeros(self.image.n_cores, dtype=np.int64),
        )
        self.machine.mesh_extremes(timing.stall_ps, timing.occupancy_max, timing.intake_max)
        return timing

    def _tick_ps(self) -> Ints:
        """Durations of the ticks: the clock's, or until all is done and the barrier passed."""
        chip = self.chip
        if chip.tick_ps is not None:
            return np.full_like(self.done_ps, chip.tick_ps)
        return self.done_ps + chip.barrier_of(len(np.unique(self.image.core_id // chip.cores.per_tile)))

    def _tables(self) -> tuple[Ints, Ints, Ints]:
        """Counts by core, by group and by link, from the spikes of each sender and the active updates."""
        image, stretches = self.image, self.prepared.stretches
        by_core = np.zeros((image.n_cores + 1, len(EVENTS)), dtype=np.int64)
        by_group = np.zeros((image.n_groups + 1, len(EVENTS)), dtype=np.int64)
        n_rows = self.drive.n_samples * self.drive.n_ticks
        by_core[-1, EVENT_ID["barrier"]] = by_group[-1, EVENT_ID["barrier"]] = n_rows
        if self.wide and isinstance(image, Image):
            core, group, n_slots = self.routes.slot_core, image.slot_group, np.ones(image.n_slots, np.int64)
        else:
            core, group = stretches.core, stretches.group
            n_slots = (stretches.table[:, 1] - stretches.table[:, 0]).astype(np.int64)
        n_inactive = n_rows * n_slots - self.n_active
        for name, values in (("update_active", self.n_active), ("update_inactive", n_inactive)):
            by_core[:, EVENT_ID[name]] += totals(core, values, len(by_core))
            by_group[:, EVENT_ID[name]] += totals(group, values, len(by_group))
        if isinstance(image, CrossbarImage):
            crossbars.book_integrated(image, self.n_integrated, self.n_ops, by_core, by_group)
            self.n_spikes[: image.n_slots] = self.targets["n_spikes"]
        return by_core, by_group, self.routes.book(self.n_spikes, by_core, by_group)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        drive, image, prepared, routes = self.drive, self.image, self.prepared, self.routes
        n_slots = image.n_slots
        return {
            **prepared.configuration,
            **prepared.rows.arrays,
            **self.starts,
            **self.ends,
            **self._lanes(),
            **self._generators(),
            **({} if self.losses is None else self.losses.arrays(self.drive.generators.seed)),
            **({"tree_entry": routes.tree_order} if self.trees else {}),
            "stretches": prepared.stretches.table,
            "shares": prepared.shares,
            "n_active": self.n_active,
            **self._registers(),
            "active": np.zeros(n_slots, dtype=np.uint8),
            "slot_ptr": image.slot_ptr,
            "slot_recorded": image.slot_recorded,
            "entry_ptr": image.entry_ptr,
            "entry_core": image.entry_core,
            "sent": routes.sent,
            "n_spikes": self.n_spikes,
            "event_ptr": np.ascontiguousarray(drive.event_ptr, dtype=np.int64),
            "event_sender": (drive.event_input + n_slots).astype(np.int32),
            "counts": self.counts,
            "done_ps": self.done_ps,
            "service_ps": routes.service_ps() if drive.timing else np.zeros(0, dtype=np.int64),
            "next_side": routes.routing.flat_table(),
            "drops": self.drops,
            "core_x": routes.x,
            "core_y": routes.y,
            "core_port": routes.core_port,
        }

    def _registers(self) -> dict[str, NDArray[Any]]:
        """What the machine works on."""
        image, of_state = self.image, self.starts["start_v"].dtype
        if isinstance(image, CrossbarImage):
            return {
                "v": crossbars.aligned(image.n_cores * MAX_NEURONS, of_state),
                "v16": crossbars.aligned(image.n_cores * MAX_NEURONS, np.int16),
                "n_integrated": self.n_integrated,
                "n_ops": self.n_ops,
                "targets": self.targets.view(np.uint8),
                "core_key": crossbars.core_keys(image, self.drive.generators.seed),
            }
        return {
            "u": np.zeros(image.n_slots, dtype=of_state),
            "v": np.zeros(image.n_slots, dtype=of_state),
            "counter": np.zeros(image.n_slots, dtype=np.uint8),
            "fired": np.zeros(image.n_slots, dtype=np.uint8),
            "sums": self._sums(image.n_slots * len(image.planes)),
        }

    def _sums(self, width: int) -> NDArray[Any]:
        """Room for the inputs of the ticks to come; narrow ones are not set to anything yet."""
        if self.wide:
            return np.zeros((self.n_delays + 1, width), dtype=np.int64)
        rows = self.prepared.rows
        shape = len(rows.arrays["part_slot"]) - 1, rows.settings["n_rows"], rows.settings["width"]
        return np.empty(shape, dtype=np.uint16)

    def _starts(self, of_state: str) -> dict[str, NDArray[Any]]:
        """Registers at the start of a sample: the image's, or those of the state given."""
        image, state = self.image, self.drive.state
        if state is None and isinstance(image, CrossbarImage):
            none = np.zeros((1, 0), dtype=np.int32)
            start_v = image.slot_v0.astype(of_state)[None]
            return {"start_u": none.astype(of_state), "start_v": start_v, "start_counter": none}
        if state is None:
            assert isinstance(image, Image)
            return {
                "start_u": image.slot_u0.astype(of_state)[None],
                "start_v": image.slot_v0.astype(of_state)[None],
                "start_counter": image.slot_refractory0.astype(np.int32)[None],
            }
        return {
            "start_u": np.ascontiguousarray(state.u),
            "start_v": np.ascontiguousarray(state.v),
            "start_counter": np.ascontiguousarray(state.refractory),
            "start_pending": np.ascontiguousarray(state.pending),
        }

    def _lanes(self) -> dict[str, NDArray[Any]]:
        """What the probes read, lane by lane, and where it goes."""
        probes, none32 = self.drive.probes, np.zeros(0, dtype=np.int32)
        n_lanes = [len(probe.slots) for probe in probes]
        at = np.full((len(probes), self.drive.n_ticks), -1, dtype=np.int64)
        for row, probe in zip(at, probes, strict=True):
            row[probe.ticks] = np.arange(len(probe.ticks))
        slots = np.concatenate([none32, *(probe.slots.astype(np.int32) for probe in probes)])
        if isinstance(self.image, CrossbarImage):
            slots = crossbars.place_of(self.image, slots)
        variable = np.array([PROBE_VARIABLES.index(probe.variable) for probe in probes], dtype=np.int32)
        return {
            "lane_ptr": np.concatenate([[0], np.cumsum(n_lanes, dtype=np.int64)]).astype(np.int64),
            "lane_slot": slots,
            "probe_variable": variable,
            "probe_at": at,
            "n_probed": np.array([len(probe.ticks) for probe in probes], dtype=np.int64),
            "probe_output": np.array([values.ctypes.data for values in self.probes], dtype=np.int64),
        }

    def _generators(self) -> dict[str, NDArray[Any]]:
        """Generators, their inputs numbered as senders, and room for the senders of two ticks."""
        arrays = self.drive.generators.arrays()
        arrays["first_input"] = arrays["first_input"] + self.image.n_slots
        room = np.zeros((2, self.image.n_inputs + 1 if len(arrays["kind"]) else 0), dtype=np.int32)
        return {**{f"generator_{name}": array for name, array in arrays.items()}, "drawn": room}

    def _settings(self) -> dict[str, int]:
        image, drive = self.image, self.drive
        return {
            "crossbars": 0,
            "n_cores": image.n_cores,
            "level": self.level,
            **self.prepared.rows.settings,
            "wide": int(self.wide),
            "policy": POLICIES.index(self.chip.arithmetic.overflow),
            "n_slots": image.n_slots,
            "n_senders": image.n_senders + (0 if self.losses is None else self.losses.n_risky),
            "n_ticks": drive.n_ticks,
            "n_delays": self.n_delays,
            "timed": int(drive.timing),
            "traced": int(drive.trace),
            "seed": drive.generators.seed,
            "first_tick": drive.generators.first_tick,
            **(self._mesh_settings() if drive.timing else {}),
        }

    def _mesh_settings(self) -> dict[str, int]:
        chip, mesh, latency = self.chip, self.chip.mesh, self.chip.latency_ps
        return {
            "active_ps": latency.update_active,
            "inactive_ps": latency.update_inactive,
            "spike_ps": latency.spike,
            "send_ps": latency.send,
            "host_x": chip.host_port.x,
            "host_y": chip.host_port.y,
            "host_port": DIRECTIONS.index(chip.host_port.side),
            "width": mesh.width,
            "height": mesh.height,
            "n_ports": len(DIRECTIONS) + chip.cores.per_tile,
            "arbiter": ARBITERS.index(mesh.arbiter),
            "routing": self.routes.routing.code,
            "fifo_depth": mesh.fifo_depth,
            "intake_depth": mesh.intake_depth,
            "inject_ps": mesh.inject_ps,
            "eject_ps": mesh.eject_ps,
            "cycle_ps": mesh.cycle_ps,
            "credit_ps": mesh.credit_ps,
            "hop_ew_ps": mesh.hop_ps.ew,
            "hop_ns_ps": mesh.hop_ps.ns,
            **border(chip),
            "merge": merged_rows(chip),
            **queue_settings(self.queue),
        }


@dataclass(frozen=True, eq=False)
class _Prepared:
    """An image arranged for a number of workers."""

    shares: Ints  # int64 [n_workers + 1] first slot of each
    configuration: dict[str, Ints]
    stretches: Stretches
    rows: Arranged


def _prepared_crossbars(image: CrossbarImage, routes: Routes, threads: int) -> _Prepared:
    """The last arrangement is kept for the next run with the same image, chip and number of threads."""
    n_workers = min(threads, image.n_cores)
    cached = image.derived.get("native arrangement")
    if cached is None or cached[0] is not routes or cached[1] != n_workers:
        image.derived.pop("native arrangement", None)  # before the next one is made: they are large
        shares = crossbars.core_shares(image, n_workers)
        rows = crossbars.arrange(image, routes.chip, routes, shares)
        prepared = _Prepared(image.slot_ptr[shares], {}, crossbars.stretches_of(image), rows)
        cached = image.derived["native arrangement"] = routes, n_workers, prepared
    found: _Prepared = cached[2]
    return found


def _prepared(routes: Routes, losses: Losses | None, drive: Drive, threads: int, wide: bool) -> _Prepared:
    """The last arrangement is kept for the next run with the same image, policy and number of threads."""
    image = routes.image
    dropped = b"" if routes.drops is None else routes.drops.tobytes()
    risky = b"" if losses is None else losses.entry.tobytes()
    key = (wide, 1 if wide else min(threads, image.n_cores), dropped, risky)

    def delivering() -> Image:
        return routes.delivering(None if losses is None else losses.entry)

    cached = image.derived.get("native arrangement")
    if cached is None or cached[0] != key:
        image.derived.pop("native arrangement", None)  # before the next one is made: they are large
        cached = image.derived["native arrangement"] = key, _arrange(delivering(), *key[:2])
    prepared: _Prepared = cached[1]
    if drive.state is not None and not wide:
        undivided = (1 << prepared.rows.settings["shift"]) - 1
        if (drive.state.pending & undivided).any():  # a state that the weights of this image did not make
            return replace(prepared, rows=rows_of(delivering(), prepared.shares, divided=False))
    return prepared


def _arrange(image: Image, wide: bool, threads: int) -> _Prepared:
    shares, values = shares_of(image, threads), configuration_of(image)
    stretches = stretches_of(image, values)
    rows = wide_rows_of(image) if wide else rows_of(image, shares)
    if not wide and stretches.table[:, 2].all():
        # the rest is in the stretches
        values = {name: values[name] for name in ("bias", "refractory", "soft")}
    return _Prepared(shares, values, stretches, rows)


def _routes(image: AnyImage, chip: ChipSpec) -> Routes:
    """Routes, worked out once for an image and chip."""
    routes: Routes | None = image.derived.get("native routes")
    if routes is None or routes.chip is not chip:
        routes = image.derived["native routes"] = routes_of(image, chip)
    return routes


def _chunks(left: int) -> Iterator[int]:
    """Sizes of the next pieces of a run, grown until a piece takes about CHUNK_S."""
    size = 16
    while left:
        size = min(size, left)
        begin = time.perf_counter()
        yield size
        left -= size
        elapsed = max(time.perf_counter() - begin, 1e-6)
        size = max(1, min(int(size * CHUNK_S / elapsed), 4 * size))
