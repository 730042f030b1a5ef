"""A chip running an image, tick by tick.

Order of effects within a tick:

1. Every core integrates what is due and updates its compartments in slot order (`core`).
2. For each compartment that fired, in slot order, one packet per axon-out entry; the host sends one per
   entry of each source spike, in order of input.
3. The mesh carries packets (`mesh`); with timing=False their route is walked and counted instead.
4. The target core walks the axon's synapse list and adds weights to the sums of tick t + delay. A crossbar
   core notes the spike for tick t + delay, and walks the axon's row when that begins.
5. The barrier lets the next tick begin; in domain fixed the clock does, and what is not done by then is an
   overrun: it is told by its times alone.

What fires never depends on 3: a packet always acts in the tick its synapse says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import AnyImage, CrossbarImage
from emulator.chip.drive import Drive
from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import N_SIDES
from emulator.chip.losses import Lottery, thresholds
from emulator.chip.spec import ChipSpec
from emulator.chip.state import state_dtype
from emulator.chip.ways import way_problems
from emulator.errors import ImageError
from emulator.record import Record, Timing
from emulator.reference.clock import Clock
from emulator.reference.core import Core, Update
from emulator.reference.crossbar import CrossbarCore
from emulator.reference.generator import draw_inputs
from emulator.reference.journal import Journal
from emulator.reference.mesh import Mesh, Packet, crosses
from emulator.reference.registers import AnyCore, join, load, save
from emulator.reference.source import Source
from emulator.reference.spike import Spike
from emulator.reference.tally import Tally

Progress = Callable[[int, int], None]


class Machine:
    """Cores, host port and counts of one run."""

    def __init__(self, image: AnyImage, chip: ChipSpec, drive: Drive):
        problems = list(way_problems(image, chip))
        if problems:
            raise ImageError(problems)
        self.image, self.chip, self.drive, self.routing = image, chip, drive, chip.routing
        self.cores: list[AnyCore] = []
        self.tally = Tally(drive.n_samples * drive.n_ticks, image.n_cores, image.n_groups, chip.n_tiles)
        self.host_tile = chip.host_port.y * chip.mesh.width + chip.host_port.x
        self.host_side = DIRECTIONS.index(chip.host_port.side)
        self.spikes: list[tuple[int, int]] = []
        self.spikes_by_sender = np.zeros(image.n_senders, dtype=np.int64)
        self.n_sent: Counter[int | None] = Counter()  # packets of each core, None: the host, in this tick
        self.lottery = Lottery(drive.generators.seed)
        self.thresholds = thresholds(chip)
        self.link_losses = np.zeros((chip.n_tiles, N_SIDES), dtype=np.int64)
        self.row_of_core = {core_id: row for row, core_id in enumerate(image.core_id.tolist())}
        n_tiles_used = len(np.unique(image.core_id // chip.cores.per_tile))
        self.barrier_ps = chip.barrier_of(n_tiles_used)
        self.journal = Journal(drive.trace)
        n_ports = N_SIDES + chip.cores.per_tile
        self.timing = Timing(
            done_ps=np.zeros(drive.n_samples * drive.n_ticks, dtype=np.int64),
            tick_ps=np.zeros(drive.n_samples * drive.n_ticks, dtype=np.int64),
            stall_ps=np.zeros(image.n_cores + 1, dtype=np.int64),
            occupancy_max=np.zeros((chip.n_tiles, n_ports), dtype=np.int64),
            intake_max=np.zeros(image.n_cores, dtype=np.int64),
        )

    def tick(self, row: int) -> None:
        """One tick of every core, booked on `row`."""
        self.tally.row = row
        self.n_sent.clear()
        sample, tick = divmod(row, self.drive.n_ticks)
        generators = self.drive.generators
        self.lottery = Lottery(generators.seed, sample, generators.first_tick + tick)
        inputs = self._inputs(row)
        np.add.at(self.spikes_by_sender, inputs, 1)
        self._send_ahead(inputs)
        updates = [core.update(row) for core in self.cores]
        for core, outcome in zip(self.cores, updates, strict=True):
            self._count_updates(core, outcome, row)
        if self.drive.timing:
            done_ps = TimedTick(self, updates, inputs).run(row)
            self.timing.done_ps[row] = done_ps
            self.timing.tick_ps[row] = self.chip.tick_ps or done_ps + self.barrier_ps
        else:
            self._send_untimed(updates, inputs)
        self.tally.count("barrier")
        for core in self.cores:
            core.end_tick()

    def packets(self, sender: int) -> Iterator[Packet]:
        """One packet per axon-out entry of a sender, in order, or with multicast one for all of them; books
        the spike as transmitted."""
        image, core = self.image, self.core_of(sender)
        start, end = int(image.entry_ptr[sender]), int(image.entry_ptr[sender + 1])
        if end == start:
            return
        self.tally.count("transmitted", core=core, group=self.group_of(sender))
        if self.chip.mesh.multicast == "none":
            for entry in range(start, end):
                yield self._packet(sender, core, entry)
        else:
            first, *others = (self._packet(sender, core, entry) for entry in range(start, end))
            yield replace(first, others=tuple(others))

    def _packet(self, sender: int, core: int | None, entry: int) -> Packet:
        image, row = self.image, int(self.image.entry_core[entry])
        delay = int(image.entry_delay[entry]) if isinstance(image, CrossbarImage) else 0
        spike = Spike(row, int(image.entry_axon[entry]), self.group_of(sender), delay)
        source = self.chip.n_cores if core is None else int(image.core_id[core])
        if row == image.n_cores:
            return Packet(self.host_tile, self.host_side, spike, source, self.n_sent[core])
        tile, port = divmod(int(image.core_id[row]), self.chip.cores.per_tile)
        return Packet(tile, N_SIDES + port, spike, source, self.n_sent[core])

    def group_of(self, sender: int) -> int:
        image = self.image
        if sender < image.n_slots:
            return int(image.slot_group[sender])
        return int(image.input_group[sender - image.n_slots])

    def core_of(self, sender: int) -> int | None:
        """Row of the core that holds the sender; None for a host input."""
        if sender >= self.image.n_slots:
            return None
        return int(np.searchsorted(self.image.slot_ptr, sender, side="right")) - 1

    def send(self, core: int | None, packet: Packet) -> Packet | None:
        """Books a packet as sent by a core, or by the host. Returns it without the destinations that it has
        no way to, which are dropped; None: it has a way to none."""
        group = _spike(packet).group
        self.tally.count("host_in" if core is None else "inject", core=core, group=group)
        tile = self.host_tile if core is None else int(self.image.core_id[core]) // self.chip.cores.per_tile
        if self.routing.reaches_all:
            self.n_sent[core] += 1
            return packet
        has_way = self._has_way(tile, [one.tile_id for one in packet.destinations])
        self.tally.count("dropped", core=core, group=group, n=int((~has_way).sum()))
        if not has_way.any():
            return None
        self.n_sent[core] += 1
        first, *others = (one for one, ok in zip(packet.destinations, has_way, strict=True) if ok)
        return replace(first, others=tuple(others))

    def _has_way(self, tile: int, goals: list[int]) -> NDArray[np.bool_]:
        """Which of the tiles `goals` there is a way to from a tile."""
        return np.asarray(self.routing.reaches(np.full(len(goals), tile), np.array(goals)))

    def loses(self, tile: int, side: int, packet: Packet) -> bool:
        """Whether a link loses a packet; for ticks without a mesh."""
        threshold = int(self.thresholds[tile, side])
        link = tile * N_SIDES + side
        return threshold > 0 and bool(self.lottery.loses(packet.source, packet.number, link, threshold))

    def count_lost(self, tile: int, side: int, packet: Packet) -> None:
        core = self.row_of_core.get(packet.source)
        self.tally.count("lost", core=core, group=_spike(packet).group)
        self.link_losses[tile, side] += 1

    def count_hop(self, tile: int, side: int, group: int) -> None:
        self.tally.hop(tile, side, group)
        if crosses(self.chip, tile, side):
            self.tally.count("hop_chip", group=group)

    def count_ejected(self, spike: Spike) -> None:
        if spike.core == self.image.n_cores:
            self.tally.count("host_out", group=spike.group)
        else:
            self.tally.count("eject", core=spike.core, group=spike.group)

    def receive(self, spike: Spike) -> tuple[int, int]:
        """The target core takes the packet in. Returns its dense and sparse synaptic operations."""
        core = self.cores[spike.core]
        axon, n_dense, n_sparse = spike.axon - core.first_axon, 0, 0
        if isinstance(core, Core):
            n_dense, n_sparse = core.receive(axon)
        elif spike.delay_ticks:
            core.schedule(axon, spike.delay_ticks)
        self.tally.count("axon_in", core=spike.core, group=spike.group)
        self.tally.count("synaptic_ops_dense", core=spike.core, group=spike.group, n=n_dense)
        self.tally.count("synaptic_ops_sparse", core=spike.core, group=spike.group, n=n_sparse)
        return n_dense, n_sparse

    def _send_ahead(self, inputs: list[int]) -> None:
        """What the host has sent for this very tick is there when it begins; its packets are booked on it."""
        image = self.image
        if not isinstance(image, CrossbarImage):
            return
        for sender in inputs:
            for entry in range(int(image.entry_ptr[sender]), int(image.entry_ptr[sender + 1])):
                core, axon = int(image.entry_core[entry]), int(image.entry_axon[entry])
                if image.entry_delay[entry] or core == image.n_cores:
                    continue
                target = self.cores[core]
                assert isinstance(target, CrossbarCore)
                if self._has_way(self.host_tile, [int(image.core_id[core]) // self.chip.cores.per_tile])[0]:
                    target.schedule(axon - target.first_axon, 0)

    def _count_updates(self, core: AnyCore, updates: list[Update], row: int) -> None:
        if isinstance(core, CrossbarCore):
            for axon, n_ops in core.integrated:
                group = int(core.image.axon_group[core.first_axon + axon])
                self.tally.count("synaptic_ops_dense", core=core.row, group=group, n=n_ops)
        counts: Counter[tuple[str, int]] = Counter()
        for index, update in enumerate(updates):
            slot = core.first_slot + index
            group = int(self.image.slot_group[slot])
            counts["update_active" if update.active else "update_inactive", group] += 1
            if update.fired:
                counts["spikes", group] += 1
                self.spikes_by_sender[slot] += 1
                if self.image.slot_recorded[slot]:
                    self.spikes.append((row, slot))
        for (event, group), n in counts.items():
            self.tally.count(event, core=core.row, group=group, n=n)

    def _inputs(self, row: int) -> list[int]:
        """Senders of the host that spike in this row, those of generators among them, ascending."""
        start, end = self.drive.event_ptr[row], self.drive.event_ptr[row + 1]
        given = [int(i) for i in self.drive.event_input[start:end]]
        drawn = draw_inputs(self.drive.generators, *divmod(row, self.drive.n_ticks))
        return [self.image.n_slots + i for i in sorted(given + drawn)]

    def _send_untimed(self, updates: list[list[Update]], inputs: list[int]) -> None:
        for core, outcome in zip(self.cores, updates, strict=True):
            tile = int(self.image.core_id[core.row]) // self.chip.cores.per_tile
            for index, update in enumerate(outcome):
                if update.fired:
                    self._walk(core.row, tile, core.first_slot + index)
        for sender in inputs:
            self._walk(None, self.host_tile, sender)

    def _walk(self, core: int | None, tile: int, sender: int) -> None:
        """Sends a spike without a mesh: counts each link of each packet's route and delivers it."""
        for packet in self.packets(sender):
            sent = self.send(core, packet)
            taken: set[tuple[int, int]] = set()  # links: each once, however many destinations are beyond
            for one in sent.destinations if sent is not None else ():
                if self._travels(one, tile, taken):
                    self.count_ejected(_spike(one))
                    if _spike(one).core < self.image.n_cores:
                        self.receive(_spike(one))

    def _travels(self, packet: Packet, tile: int, taken: set[tuple[int, int]]) -> bool:
        """Counts the links to a destination that are not taken yet. False: one of them loses the packet."""
        for at_tile, side in self.routing.route(tile, packet.tile_id):
            if (at_tile, side) in taken:
                continue
            taken.add((at_tile, side))
            self.count_hop(at_tile, side, _spike(packet).group)
            if self.loses(at_tile, side, packet):
                self.count_lost(at_tile, side, packet)
                return False
        return True


class TimedTick:
    """One tick on the mesh: soma and synapse pipelines, host port, routers. Times from the tick's start."""

    def __init__(self, machine: Machine, updates: list[list[Update]], inputs: list[int]):
        self.machine, self.clock, self.done_ps = machine, Clock(), 0
        image, chip = machine.image, machine.chip
        self.mesh = Mesh(
            chip,
            self.clock,
            lottery=machine.lottery,
            on_lost=machine.count_lost,
            on_hop=self._hopped,
            on_eject=self._ejected,
            on_arrive=self._arrived,
            intake_depth=chip.mesh.intake_depth,
        )
        self.place = [self._place(int(core_id)) for core_id in image.core_id]
        self.row_of = {place: row for row, place in enumerate(self.place)}
        self.busy = [False] * image.n_cores
        self.sources = [Source(self.mesh, *place) for place in self.place]
        self.sources.append(Source(self.mesh, machine.host_tile, machine.host_side))
        for core, outcome in zip(machine.cores, updates, strict=True):
            self.clock.env.process(self._soma(core, outcome))
        self.clock.env.process(self._host(inputs))

    def _hopped(self, tile: int, side: int, packet: Packet) -> None:
        self.machine.count_hop(tile, side, _spike(packet).group)
        self.machine.journal.grant(packet, tile, side, self.clock.now_ps)

    def _ejected(self, tile: int, port: int, packet: Packet) -> None:
        self.machine.count_ejected(_spike(packet))
        self.machine.journal.grant(packet, tile, port, self.clock.now_ps)

    def run(self, row: int) -> int:
        """Runs the tick to its end and returns `done_ps`: the latest soma end, service end, host push or
        host arrival."""
        self.clock.run()
        sample, tick = divmod(row, self.machine.drive.n_ticks)
        self.mesh.assert_drained(f"sample {sample}, tick {tick}: ")
        timing = self.machine.timing
        timing.stall_ps[:] += [source.stall_ps for source in self.sources]
        highest = [[fifo.occupancy_max for fifo in fifos] for fifos in self.mesh.inputs]
        np.maximum(timing.occupancy_max, highest, out=timing.occupancy_max)
        intakes = [self.mesh.intakes[place].occupancy_max for place in self.place]
        np.maximum(timing.intake_max, intakes, out=timing.intake_max)
        return self.done_ps

    def _place(self, core_id: int) -> tuple[int, int]:
        tile, port = divmod(core_id, self.machine.chip.cores.per_tile)
        return tile, N_SIDES + port

    def _soma(self, core: AnyCore, updates: list[Update]) -> Generator[Any, Any, None]:
        """Of a crossbar core the synapses that are due. Per slot its update; if it fired its spike, then send
        and push for each entry."""
        latency, env = self.machine.chip.latency_ps, self.clock.env
        if isinstance(core, CrossbarCore):
            n_ops = sum(n_ops for _, n_ops in core.integrated)
            yield env.timeout(n_ops * latency.synaptic_op_dense)
        for index, update in enumerate(updates):
            yield env.timeout(latency.update_active if update.active else latency.update_inactive)
            if update.fired:
                yield env.timeout(latency.spike)
                for packet in self.machine.packets(core.first_slot + index):
                    yield env.timeout(latency.send)
                    sent = self.machine.send(core.row, packet)
                    if sent is not None:
                        self.machine.journal.send(self.machine.tally.row, core.row, sent)
                        yield self.sources[core.row].push(sent)
        self._done()

    def _host(self, inputs: list[int]) -> Generator[Any, Any, None]:
        for sender in inputs:
            for packet in self.machine.packets(sender):
                sent = self.machine.send(None, packet)
                if sent is not None:
                    self.machine.journal.send(self.machine.tally.row, self.machine.image.n_cores, sent)
                    yield self.sources[-1].push(sent)
                    self._done()

    def _arrived(self, tile: int, port: int, packet: Packet) -> None:
        self.machine.journal.arrive(packet, self.clock.now_ps)
        if port < N_SIDES:
            self._done()  # at the host port, which is always ready
        else:
            self._serve(self.row_of[tile, port])

    def _serve(self, row: int) -> None:
        """Phase 1: an idle synapse pipeline pops its intake and is busy for the packet's service."""
        if self.busy[row]:
            return
        packet = self.mesh.pop(*self.place[row])
        if packet is None:
            return
        latency = self.machine.chip.latency_ps
        n_dense, n_sparse = self.machine.receive(_spike(packet))
        service_ps = (
            latency.receive + n_dense * latency.synaptic_op_dense + n_sparse * latency.synaptic_op_sparse
        )
        self.busy[row] = True
        self.clock.after(service_ps, lambda: self._served(row))

    def _served(self, row: int) -> None:
        self.busy[row] = False
        self._done()
        self._serve(row)

    def _done(self) -> None:
        self.done_ps = max(self.done_ps, self.clock.now_ps)


def run(image: AnyImage, chip: ChipSpec, drive: Drive, progress: Progress | None = None) -> Record:
    """Runs `drive` on `image`. `progress(done_rows, n_rows)` is called after every tick."""
    machine = Machine(image, chip, drive)
    probes: list[list[Any]] = [[] for _ in drive.probes]
    states = []
    for sample in range(drive.n_samples):
        machine.cores = _cores(image, chip, drive)
        load(machine.cores, image, drive.state, sample)
        for tick in range(drive.n_ticks):
            row = sample * drive.n_ticks + tick
            machine.tick(row)
            _read_probes(machine.cores, drive, tick, probes)
            if progress is not None:
                progress(row + 1, drive.n_samples * drive.n_ticks)
        states.append(save(machine.cores, image, chip))
    tally = machine.tally
    return Record(
        n_samples=drive.n_samples,
        n_ticks=drive.n_ticks,
        batched=drive.batched,
        spikes=np.array(machine.spikes, dtype=np.int64).reshape(-1, 2),
        probes=tuple(
            np.array(values, dtype=state_dtype(image, chip)).reshape(
                drive.n_samples, len(lanes.ticks), len(lanes.slots)
            )
            for values, lanes in zip(probes, drive.probes, strict=True)
        ),
        counts_by_tick=tally.by_tick,
        counts_by_core=tally.by_core,
        counts_by_group=tally.by_group,
        link_counts=tally.links,
        timing=machine.timing if drive.timing else None,
        state=join(image, chip, states, drive.n_ticks_after),
        link_losses=machine.link_losses,
        spikes_by_sender=machine.spikes_by_sender,
        trace=machine.journal.trace() if drive.trace else None,
    )


def _spike(packet: Packet) -> Spike:
    assert isinstance(packet.payload, Spike)
    return packet.payload


def _read_probes(cores: list[AnyCore], drive: Drive, tick: int, probes: list[list[Any]]) -> None:
    compartments: list[Any] = [compartment for core in cores for compartment in core.compartments]
    for values, lanes in zip(probes, drive.probes, strict=True):
        if tick in lanes.ticks:
            values.append([getattr(compartments[slot], lanes.variable) for slot in lanes.slots])


def _cores(image: AnyImage, chip: ChipSpec, drive: Drive) -> list[AnyCore]:
    if isinstance(image, CrossbarImage):
        return [CrossbarCore(image, row, chip, drive) for row in range(image.n_cores)]
    return [Core(image, row, chip.arithmetic.overflow) for row in range(image.n_cores)]
