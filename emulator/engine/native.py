"""Runs an image on the compiled blocks: lays it out for them, and books what they count in bulk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.check import check_image
from emulator.chip.drive import PROBE_VARIABLES, Drive
from emulator.chip.events import DIRECTIONS, EVENT_ID, EVENTS
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.engine.layout import SENT, Layout, Routes, layout_of, routes_of
from emulator.errors import SimulationError
from emulator.record import Record, State, Timing

try:
    from emulator._ext import machine as _machine  # type: ignore[attr-defined]
    from emulator._ext import mesh as _mesh  # type: ignore[attr-defined]
except ImportError as error:  # pragma: no cover - exercised by hand
    raise SimulationError(
        f"the native engine is not built ({error}): run `pip install .`, or ask for engine='reference'"
    ) from error

Progress = Callable[[int, int], None]
Ints = NDArray[np.integer[Any]]
ARBITERS = ("round_robin", "fixed", "oldest")
CHUNK_S = 0.1  # how long the engine runs before it lets Python look at signals and progress

assert PROBE_VARIABLES == ("u", "v", "v_raw")  # their places are the codes in ext/machine.pyx
assert EVENTS[EVENT_ID[SENT[0]] : EVENT_ID[SENT[-1]] + 1] == SENT
assert all(EVENT_ID[name] == column for name, column in _machine.EVENT_COLUMNS.items())
STATUS = {1: "out of memory", 2: "deadlock: packets are left that can never move"}


def run(image: Image, chip: ChipSpec, drive: Drive, progress: Progress | None = None) -> Record:
    """Twin of `reference.run`: same record, bit for bit."""
    return _Run(image, chip, drive).record(progress)


def run_mesh(
    chip: ChipSpec, inject_ps: Ints, src: NDArray[np.int32], dst: NDArray[np.int32]
) -> dict[str, Ints]:
    """Twin of `reference.run_mesh`."""
    order = np.lexsort((inject_ps, src))  # stable: ties keep their position
    source_ptr = np.zeros(chip.n_tiles + 1, dtype=np.int64)
    np.cumsum(np.bincount(src, minlength=chip.n_tiles), out=source_ptr[1:])
    n, n_ports = len(inject_ps), len(DIRECTIONS) + chip.cores.per_tile
    push_ps, arrive_ps = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    out = {
        "link_counts": np.zeros((chip.n_tiles, len(DIRECTIONS)), dtype=np.int64),
        "occupancy_max": np.zeros((chip.n_tiles, n_ports), dtype=np.int64),
        "stall_ps": np.zeros(chip.n_tiles, dtype=np.int64),
    }
    mesh = chip.mesh
    settings = [mesh.width, mesh.height, n_ports, ARBITERS.index(mesh.arbiter), mesh.fifo_depth]
    settings += [mesh.inject_ps, mesh.eject_ps, mesh.cycle_ps, mesh.credit_ps, mesh.hop_ps.ew, mesh.hop_ps.ns]
    status = _mesh.run_mesh(
        np.array(settings, dtype=np.int64),
        np.ascontiguousarray(inject_ps[order]),
        np.ascontiguousarray(dst[order]),
        source_ptr,
        push_ps,
        arrive_ps,
        *out.values(),
    )
    if status:
        raise SimulationError(f"mesh of chip {chip.name!r}: {STATUS[status]}")
    back = np.empty(n, dtype=np.int64)
    back[order] = np.arange(n)
    return {"push_ps": push_ps[back], "arrive_ps": arrive_ps[back], **out}


@dataclass
class _Probe:
    """Output of one probe and where each tick's row goes (-1: not probed)."""

    values: NDArray[np.int32]  # [n_samples, n_probed_ticks, n_probed_slots]
    at: Ints  # [n_ticks]


class _Run:
    """The arrays of one run: registers and counts that the machine works on, and its results."""

    def __init__(self, image: Image, chip: ChipSpec, drive: Drive):
        self.image, self.chip, self.drive = image, chip, drive
        self.layout, self.routes = _prepared(image, chip)
        n_rows = drive.n_samples * drive.n_ticks
        n_slots, n_delays = image.n_slots, image.max_delay_ticks
        self.registers = {
            name: np.zeros(n_slots, dtype=np.int32) for name in ("u", "v", "counter", "n_active")
        }
        self.sums = np.zeros((n_delays + 1, n_slots), dtype=np.uint16)
        self.counts = np.zeros((n_rows, len(EVENTS)), dtype=np.int64)
        self.tick_ps = np.zeros(n_rows if drive.timing else 0, dtype=np.int64)
        self.n_spikes = np.zeros(image.n_senders, dtype=np.int64)
        self.n_active = np.zeros(n_slots, dtype=np.int64)
        self.probes = [_probe(drive, lanes.ticks, len(lanes.slots)) for lanes in drive.probes]
        self.machine = _machine.Machine(self._arrays(), self._settings())

    def record(self, progress: Progress | None) -> Record:
        """Runs every sample."""
        drive, states, done = self.drive, [], 0
        for sample in range(drive.n_samples):
            self._start(sample)
            for chunk in self._chunks():
                outputs = [probe.values[sample] for probe in self.probes]
                status, row = self.machine.advance(chunk, outputs)
                if status:
                    raise SimulationError(
                        f"sample {row // drive.n_ticks}, tick {row % drive.n_ticks}: {STATUS[status]}"
                    )
                done += chunk
                if progress is not None:
                    progress(done, drive.n_samples * drive.n_ticks)
            self.machine.collect_active(self.n_active)
            states.append(self._state())
        by_core, by_group = self._tables()
        return Record(
            n_samples=drive.n_samples,
            n_ticks=drive.n_ticks,
            batched=drive.batched,
            spikes=self.machine.recorded_spikes(),
            probes=tuple(probe.values for probe in self.probes),
            counts_by_tick=self.counts,
            counts_by_core=by_core,
            counts_by_group=by_group,
            link_counts=self.routes.link_counts(self.n_spikes),
            timing=self._timing() if drive.timing else None,
            state=State(self.image.digest, *(np.stack([state[i] for state in states]) for i in range(4))),
        )

    def _chunks(self) -> Any:
        """Sizes of the next pieces of a sample, grown until a piece takes about CHUNK_S."""
        left, size = self.drive.n_ticks, 16
        while left:
            size = min(size, left)
            begin = time.perf_counter()
            yield size
            left -= size
            elapsed = max(time.perf_counter() - begin, 1e-6)
            size = max(1, min(int(size * CHUNK_S / elapsed), 4 * size))

    def _start(self, sample: int) -> None:
        """Sets the registers to the given state of a sample, or to the image's initial state."""
        image, state, registers = self.image, self.drive.state, self.registers
        self.sums[:] = 0
        if state is None:
            registers["u"][:], registers["v"][:] = image.slot_u0, image.slot_v0
            registers["counter"][:] = image.slot_refractory0
        else:
            registers["u"][:], registers["v"][:] = state.u[sample], state.v[sample]
            registers["counter"][:] = state.refractory[sample]
            self.sums[:-1] = (state.pending[sample] >> arith.WEIGHT_SHIFT).astype(np.uint16)
        self.machine.restart()

    def _state(self) -> tuple[Any, ...]:
        due = np.roll(self.sums, -self.machine.due_row(), axis=0)[:-1]
        pending = due.view(np.int16).astype(np.int32) << arith.WEIGHT_SHIFT
        registers = self.registers
        return registers["u"].copy(), registers["v"].copy(), registers["counter"].copy(), pending

    def _timing(self) -> Timing:
        n_ports = len(DIRECTIONS) + self.chip.cores.per_tile
        timing = Timing(
            tick_ps=self.tick_ps,
            stall_ps=np.zeros(self.image.n_cores + 1, dtype=np.int64),
            occupancy_max=np.zeros((self.chip.n_tiles, n_ports), dtype=np.int64),
            intake_max=np.zeros(self.image.n_cores, dtype=np.int64),
        )
        self.machine.mesh_extremes(timing.stall_ps, timing.occupancy_max, timing.intake_max)
        return timing

    def _tables(self) -> tuple[Ints, Ints]:
        """Counts by core and by group, from the spikes of each sender and the active updates of each slot."""
        image = self.image
        by_core = np.zeros((image.n_cores + 1, len(EVENTS)), dtype=np.int64)
        by_group = np.zeros((image.n_groups + 1, len(EVENTS)), dtype=np.int64)
        n_rows = self.drive.n_samples * self.drive.n_ticks
        by_core[-1, EVENT_ID["barrier"]] = by_group[-1, EVENT_ID["barrier"]] = n_rows
        slot_events = {
            "spikes": self.n_spikes[: image.n_slots],
            "update_active": self.n_active,
            "update_inactive": n_rows - self.n_active,
        }
        for name, values in slot_events.items():
            np.add.at(by_core[:, EVENT_ID[name]], self.routes.slot_core, values)
            np.add.at(by_group[:, EVENT_ID[name]], image.slot_group, values)
        for column, name in enumerate(SENT):
            values = self.n_spikes * self.routes.sent[:, column]
            np.add.at(by_group[:, EVENT_ID[name]], self.routes.sender_group, values)
        self.routes.add_core_counts(by_core, self.n_spikes)
        return by_core, by_group

    def _arrays(self) -> dict[str, NDArray[Any]]:
        drive, image, layout, routes = self.drive, self.image, self.layout, self.routes
        lanes = [len(probe.slots) for probe in drive.probes]
        lane_ptr = np.concatenate(([0], np.cumsum(lanes, dtype=np.int64))).astype(np.int64)
        no_slot = np.zeros(0, dtype=np.int32)
        return {
            **layout.arrays(),
            **self.registers,
            "sums": self.sums,
            "active": np.zeros(image.n_slots, dtype=np.uint8),
            "fired": np.zeros(image.n_slots, dtype=np.uint8),
            "slot_ptr": image.slot_ptr,
            "slot_recorded": image.slot_recorded,
            "entry_ptr": image.entry_ptr,
            "entry_axon": layout.entry_axon,
            "entry_core": image.entry_core,
            "sent": routes.sent,
            "n_spikes": self.n_spikes,
            "event_ptr": np.ascontiguousarray(drive.event_ptr, dtype=np.int64),
            "event_input": np.ascontiguousarray(drive.event_input, dtype=np.int32),
            "counts": self.counts,
            "lane_ptr": lane_ptr,
            "lane_slot": np.concatenate([no_slot, *(p.slots.astype(np.int32) for p in drive.probes)]),
            "lane_variable": np.concatenate(
                [
                    no_slot,
                    *(
                        np.full(len(p.slots), PROBE_VARIABLES.index(p.variable), np.int32)
                        for p in drive.probes
                    ),
                ]
            ),
            "probe_at": np.concatenate([np.zeros(0, dtype=np.int64), *(probe.at for probe in self.probes)]),
            "tick_ps": self.tick_ps,
            "service_ps": layout.service_ps(self.chip),
            "core_x": routes.core_x,
            "core_y": routes.core_y,
            "core_port": routes.core_port,
        }

    def _settings(self) -> dict[str, int]:
        image, chip, mesh, latency = self.image, self.chip, self.chip.mesh, self.chip.latency_ps
        return {
            "n_slots": image.n_slots,
            "n_cores": image.n_cores,
            "n_ticks": self.drive.n_ticks,
            "timed": int(self.drive.timing),
            "n_rows_of_sums": image.max_delay_ticks + 1,
            "n_probes": len(self.drive.probes),
            "active_ps": latency.update_active,
            "inactive_ps": latency.update_inactive,
            "spike_ps": latency.spike,
            "send_ps": latency.send,
            "barrier_ps": chip.barrier_of(len(np.unique(image.core_id // chip.cores.per_tile))),
            "host_x": chip.host_port.x,
            "host_y": chip.host_port.y,
            "host_port": DIRECTIONS.index(chip.host_port.side),
            "width": mesh.width,
            "height": mesh.height,
            "n_ports": len(DIRECTIONS) + chip.cores.per_tile,
            "arbiter": ARBITERS.index(mesh.arbiter),
            "fifo_depth": mesh.fifo_depth,
            "intake_depth": mesh.intake_depth,
            "inject_ps": mesh.inject_ps,
            "eject_ps": mesh.eject_ps,
            "cycle_ps": mesh.cycle_ps,
            "credit_ps": mesh.credit_ps,
            "hop_ew_ps": mesh.hop_ps.ew,
            "hop_ns_ps": mesh.hop_ps.ns,
        }


def _prepared(image: Image, chip: ChipSpec) -> tuple[Layout, Routes]:
    """Layout and routes, worked out once for an image and chip. The blocks trust what passes the check."""
    check_image(image, chip)
    if "native layout" not in image.derived:
        image.derived["native layout"] = layout_of(image)
    routes = image.derived.get("native routes")
    if routes is None or routes.chip is not chip:
        routes = image.derived["native routes"] = routes_of(image, chip)
    return image.derived["native layout"], routes


def _probe(drive: Drive, ticks: NDArray[np.integer], n_slots: int) -> _Probe:
    at = np.full(drive.n_ticks, -1, dtype=np.int64)
    at[ticks] = np.arange(len(ticks))
    return _Probe(np.zeros((drive.n_samples, len(ticks), n_slots), dtype=np.int32), at)
