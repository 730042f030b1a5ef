"""The mesh of one tick: routers, FIFOs, links. A packet moves when the next buffer has room and the link
has recovered from its last handshake; there is no clock. Every time here is an int in ps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from emulator.chip.board import border_links, shared_links
from emulator.chip.deadlock import NOBODY, deadlock_text
from emulator.chip.grid import ARRIVED, EAST, N_SIDES, OPPOSITE, STEP, WEST
from emulator.chip.losses import Lottery, thresholds
from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.reference.clock import Clock


@dataclass(eq=False)
class Packet:
    """A spike on its way. Single-flit. With multicast it may have further destinations."""

    tile_id: int  # destination
    port: int  # output port at the destination: 4 + core in tile, or the side of the host port
    payload: object  # what the receiver needs; the mesh does not look at it
    source: int  # of `losses`
    number: int  # among the packets of its source in this tick
    push_ps: int = -1
    others: tuple[Packet, ...] = ()  # for its further destinations, as long as they share its way

    @property
    def destinations(self) -> tuple[Packet, ...]:
        """A packet for each destination."""
        return (self, *self.others)


@dataclass(eq=False)
class Fifo:
    """A buffer with `depth` slots. A slot is taken at the push or grant towards it."""

    depth: int
    room: Callable[[], None]  # what to wake when a slot can be taken again
    taken: int = 0  # slots not available
    visible: deque[Packet] = field(default_factory=deque)
    next_grant_ps: int = 0
    occupancy_max: int = 0
    branches: dict[int, Packet] | None = None  # of its head, by output: what it has not granted yet


@dataclass(eq=False)
class Output:
    """One output of a router: a link, a core's intake, or the host port."""

    latency_ps: int
    cycle_ps: int  # least time between two of its grants
    target: Fifo | None  # None: always ready
    loses: Callable[[Packet], bool]
    arrive: Callable[[Packet], None]
    granted: Callable[[Packet], None]
    next_grant_ps: int = 0
    pointer: int = 0  # round robin: first port to be asked


@dataclass(eq=False)
class SerialLink:
    """What the outputs of several rows to another chip are merged into: it grants for all of them."""

    side: int
    tiles: list[int]  # of the rows, from the first
    next_grant_ps: int = 0
    pointer: int = 0  # round robin: first (row, port) to be asked, as row * n_ports + port


def crosses(chip: ChipSpec, tile: int, side: int) -> bool:
    """Whether the link of a tile towards a side, which has a neighbour there, leads to another chip."""
    step_x, step_y = STEP[side]
    return chip.chip_of(tile) != chip.chip_of(tile + step_x + step_y * chip.mesh.width)


class Mesh:
    """All routers of a chip or board, in the initial state that every tick starts with."""

    def __init__(
        self,
        chip: ChipSpec,
        clock: Clock,
        *,
        lottery: Lottery,
        on_hop: Callable[[int, int, Packet], None],
        on_lost: Callable[[int, int, Packet], None],
        on_eject: Callable[[int, int, Packet], None],
        on_arrive: Callable[[int, int, Packet], None],
        intake_depth: int | None,
    ):
        """on_hop(tile, side, packet): grant of a link; on_lost: of one that will lose the packet. on_eject,
        on_arrive(tile, port, packet): grant of, and arrival at, a core or the host port. intake_depth None:
        intakes are always ready."""
        self.chip, self.clock, self.routing = chip, clock, chip.routing
        self.n_ports = N_SIDES + chip.cores.per_tile
        self.in_flight = 0
        self._lottery, self._thresholds = lottery, thresholds(chip)
        self._on_hop, self._on_lost, self._on_eject, self._on_arrive = on_hop, on_lost, on_eject, on_arrive
        depth = chip.mesh.fifo_depth
        self.inputs = [[Fifo(depth, self._nobody) for _ in range(self.n_ports)] for _ in range(chip.n_tiles)]
        self.intakes = {
            (tile, port): Fifo(intake_depth, self._waker(tile))
            for tile in range(chip.n_tiles)
            for port in range(N_SIDES, self.n_ports)
            if intake_depth is not None
        }
        self.outputs = [
            [self._output(tile, port) for port in range(self.n_ports)] for tile in range(chip.n_tiles)
        ]
        self.serial_links = self._serial_links()

    def push(self, tile: int, port: int, packet: Packet) -> bool:
        """Phase 2: puts a packet into an input FIFO if it has room. Says whether it did."""
        fifo = self.inputs[tile][port]
        if fifo.taken == fifo.depth:
            return False
        fifo.taken += 1
        packet.push_ps = self.clock.now_ps
        self.in_flight += len(packet.destinations)
        self.clock.after(self.chip.mesh.inject_ps, lambda: self._visible(tile, port, packet))
        return True

    def pop(self, tile: int, port: int) -> Packet | None:
        """Phase 1: the core takes the oldest packet out of its intake; None when there is none."""
        fifo = self.intakes[tile, port]
        if not fifo.visible:
            return None
        self._release(fifo)
        return fifo.visible.popleft()

    def assert_drained(self, when: str = "") -> None:
        """Raises SimulationError when packets are left although nothing can happen any more."""
        if not self.in_flight:
            return
        waits_for = np.full((self.chip.n_tiles, self.n_ports), NOBODY, dtype=np.int64)
        for tile, fifos in enumerate(self.inputs):
            for port, fifo in enumerate(fifos):
                side = min(self._branches(tile, fifo)) if fifo.visible else N_SIDES
                if side < N_SIDES and self.outputs[tile][side].target is not None:
                    beyond = self.chip.grid.neighbour(tile, side)
                    waits_for[tile, port] = beyond * self.n_ports + OPPOSITE[side]
        raise SimulationError(when + deadlock_text(self.chip, self.in_flight, waits_for))

    def _output(self, tile: int, port: int) -> Output:
        mesh, side = self.chip.mesh, port if port < N_SIDES else None
        x, y = self.chip.coordinates(tile)
        if side is not None:
            x, y = x + STEP[side][0], y + STEP[side][1]
            if 0 <= x < mesh.width and 0 <= y < mesh.height:
                neighbour, entry = y * mesh.width + x, OPPOSITE[side]
                fifo = self.inputs[neighbour][entry]
                fifo.room = self._waker(tile)
                link = mesh.chip.link if mesh.chip and crosses(self.chip, tile, side) else mesh
                return Output(
                    link.hop_ps.ew if side in (EAST, WEST) else link.hop_ps.ns,
                    link.cycle_ps,
                    fifo,
                    lambda packet: self._loses(tile, side, packet),
                    lambda packet: self._visible(neighbour, entry, packet),
                    lambda packet: self._on_hop(tile, side, packet),
                )
        return Output(
            mesh.eject_ps,
            mesh.cycle_ps,
            self.intakes.get((tile, port)),
            lambda packet: False,
            lambda packet: self._ejected(tile, port, packet),
            lambda packet: self._on_eject(tile, port, packet),
        )

    def _serial_links(self) -> dict[tuple[int, int], SerialLink]:
        """By tile and side of each output that is merged with others."""
        found = dict[tuple[int, int], SerialLink]()
        if self.chip.mesh.chip is None or self.chip.mesh.chip.link.merge == 1:
            return found
        first = shared_links(self.chip)
        for tile, side in np.argwhere(border_links(self.chip)).tolist():
            leader = int(first[tile, side]) // N_SIDES
            link = found.setdefault((leader, side), SerialLink(side, []))
            link.tiles.append(tile)
            found[tile, side] = link
        return found

    def wanted_output(self, tile: int, packet: Packet) -> int:
        """The side that the routing says, and at the destination the packet's port there."""
        side = self.routing.next_side(tile, packet.tile_id)
        return packet.port if side == ARRIVED else side

    def _branches(self, tile: int, fifo: Fifo) -> dict[int, Packet]:
        """What is left of a FIFO's head, by the outputs it wants: a copy each, with what lies beyond."""
        if fifo.branches is None:
            head, by_output = fifo.visible[0], dict[int, list[Packet]]()
            for packet in head.destinations:
                by_output.setdefault(self.wanted_output(tile, packet), []).append(packet)
            fifo.branches = {
                port: replace(packets[0], push_ps=head.push_ps, others=tuple(packets[1:]))
                for port, packets in by_output.items()
            }
        return fifo.branches

    def _loses(self, tile: int, side: int, packet: Packet) -> bool:
        threshold = int(self._thresholds[tile, side])
        link = tile * N_SIDES + side
        lost = threshold > 0 and self._lottery.loses(packet.source, packet.number, link, threshold)
        if lost:
            self._on_lost(tile, side, packet)
        return bool(lost)

    def _visible(self, tile: int, port: int, packet: Packet) -> None:
        fifo = self.inputs[tile][port]
        fifo.visible.append(packet)
        self.clock.observe(lambda: self._observe(fifo))
        self._wake(tile)

    def _ejected(self, tile: int, port: int, packet: Packet) -> None:
        self.in_flight -= 1
        fifo = self.intakes.get((tile, port))
        if fifo is not None:
            fifo.visible.append(packet)
            self.clock.observe(lambda: self._observe(fifo))
        self._on_arrive(tile, port, packet)

    @staticmethod
    def _observe(fifo: Fifo) -> None:
        fifo.occupancy_max = max(fifo.occupancy_max, len(fifo.visible))

    def _wake(self, tile: int) -> None:
        self.clock.arbitrate(tile, lambda: self._arbitrate(tile))
        for side in range(N_SIDES):
            if (tile, side) in self.serial_links:
                self._wake_link(self.serial_links[tile, side])

    def _wake_link(self, link: SerialLink) -> None:
        self.clock.arbitrate((link.tiles[0], link.side), lambda: self._arbitrate_link(link))

    def _waker(self, tile: int) -> Callable[[], None]:
        return lambda: self._wake(tile)

    @staticmethod
    def _nobody() -> None:
        """An edge input that no one feeds."""

    def _release(self, fifo: Fifo) -> None:
        def available() -> None:
            fifo.taken -= 1
            fifo.room()

        self.clock.after(self.chip.mesh.credit_ps, available)

    def _arbitrate(self, tile: int) -> None:
        """Phase 2: every output of the router grants at most one packet; those that a serial link grants for
        are left to it."""
        for port, output in enumerate(self.outputs[tile]):
            if (tile, port) in self.serial_links:
                continue
            if self._has_room(output) and output.next_grant_ps <= self.clock.now_ps:
                waiting = self._waiting(tile, port)
                if waiting:
                    self._grant(tile, port, self._choose(tile, output, waiting))

    def _arbitrate_link(self, link: SerialLink) -> None:
        """Phase 2: at most one of the outputs merged into a link grants at most one packet."""
        if link.next_grant_ps > self.clock.now_ps:
            return
        waiting = [
            (row, entry)
            for row, tile in enumerate(link.tiles)
            if self._has_room(self.outputs[tile][link.side])
            for entry in self._waiting(tile, link.side)
        ]
        if not waiting:
            return
        row, entry = self._choose_row(link, waiting)
        cycle_ps = self.outputs[link.tiles[row]][link.side].cycle_ps
        self._grant(link.tiles[row], link.side, entry)
        link.next_grant_ps = self.clock.now_ps + cycle_ps
        self.clock.after(cycle_ps, lambda: self._wake_link(link))

    @staticmethod
    def _has_room(output: Output) -> bool:
        return output.target is None or output.target.taken < output.target.depth

    def _waiting(self, tile: int, port: int) -> list[int]:
        """Input ports whose visible head wants this output and may be granted now."""
        return [
            entry
            for entry, fifo in enumerate(self.inputs[tile])
            if fifo.visible and fifo.next_grant_ps <= self.clock.now_ps and port in self._branches(tile, fifo)
        ]

    def _choose(self, tile: int, output: Output, waiting: list[int]) -> int:
        arbiter = self.chip.mesh.arbiter
        if arbiter == "fixed":
            return waiting[0]
        if arbiter == "oldest":
            return min(waiting, key=lambda entry: (self.inputs[tile][entry].visible[0].push_ps, entry))
        assert arbiter == "round_robin", arbiter
        winner = min(waiting, key=lambda entry: (entry - output.pointer) % self.n_ports)
        output.pointer = (winner + 1) % self.n_ports
        return winner

    def _choose_row(self, link: SerialLink, waiting: list[tuple[int, int]]) -> tuple[int, int]:
        """waiting: (row, input port) of the heads that may be granted, ascending."""
        arbiter, n_places = self.chip.mesh.arbiter, len(link.tiles) * self.n_ports
        if arbiter == "fixed":
            return waiting[0]
        if arbiter == "oldest":
            return min(
                waiting,
                key=lambda at: (self.inputs[link.tiles[at[0]]][at[1]].visible[0].push_ps, at),
            )
        assert arbiter == "round_robin", arbiter
        winner = min(waiting, key=lambda at: (at[0] * self.n_ports + at[1] - link.pointer) % n_places)
        link.pointer = (winner[0] * self.n_ports + winner[1] + 1) % n_places
        return winner

    def _grant(self, tile: int, port: int, entry: int) -> None:
        """Grants a FIFO's head, or one branch of it. With its last branch the head leaves the FIFO."""
        fifo, output = self.inputs[tile][entry], self.outputs[tile][port]
        branches = self._branches(tile, fifo)
        packet = branches.pop(port)
        if not branches:
            fifo.visible.popleft()
            fifo.branches = None
            self._recover(tile, fifo, self.chip.mesh.cycle_ps)
            self._release(fifo)
        self._recover(tile, output, output.cycle_ps)  # a link to another chip has a cycle of its own
        if output.target is not None:
            output.target.taken += 1
        output.granted(packet)
        if not output.loses(packet):
            self.clock.after(output.latency_ps, lambda: output.arrive(packet))
            return
        # It took the slot and the link's cycle, but never becomes visible.
        assert output.target is not None
        target = output.target
        self.in_flight -= 1
        self.clock.after(output.latency_ps, lambda: self._release(target))

    def _recover(self, tile: int, party: Fifo | Output, cycle_ps: int) -> None:
        """After a grant it may grant again one cycle later."""
        party.next_grant_ps = self.clock.now_ps + cycle_ps
        self.clock.after(cycle_ps, lambda: self._wake(tile))
