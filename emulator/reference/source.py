"""A source of packets: a core's soma pipeline, the host, or a traffic queue, at one input FIFO."""

from __future__ import annotations

import simpy

from emulator.reference.mesh import Mesh, Packet


class Source:
    """Pushes one packet at a time into input FIFO (tile, port) and waits for room."""

    def __init__(self, mesh: Mesh, tile: int, port: int):
        self.stall_ps = 0  # sum of waiting for room
        self.last_push_ps = 0
        self._mesh, self._tile, self._port = mesh, tile, port
        self._waiting: tuple[Packet, int, simpy.Event] | None = None
        mesh.inputs[tile][port].room = lambda: mesh.clock.push(self._try)

    def push(self, packet: Packet) -> simpy.Event:
        """An event that succeeds in the instant the packet is pushed."""
        pushed = self._mesh.clock.env.event()
        self._waiting = (packet, self._mesh.clock.now_ps, pushed)
        self._mesh.clock.push(self._try)
        return pushed

    def _try(self) -> None:
        if self._waiting is None:
            return
        packet, ready_ps, pushed = self._waiting
        if self._mesh.push(self._tile, self._port, packet):
            self._waiting = None
            self.last_push_ps = self._mesh.clock.now_ps
            self.stall_ps += self.last_push_ps - ready_ps
            pushed.succeed()
