"""What becomes of every packet: the trace of a run, written as it happens."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emulator.record import Trace
from emulator.reference.mesh import Packet
from emulator.reference.spike import Spike


@dataclass(eq=False)
class Journey:
    """One packet, or with multicast what becomes of it on the way to one destination."""

    row: int
    source: int  # row of the core; n_cores: host port
    spike: Spike
    push_ps: int = 0
    arrive_ps: int | None = None  # None: it has been lost
    grants: list[tuple[int, int, int]] = field(default_factory=list)  # tile, output port, ps


class Journal:
    """The journeys of a run, in the order in which they begin."""

    def __init__(self, kept: bool) -> None:
        """kept: False writes nothing down."""
        self._kept = kept
        self._journeys: list[Journey] = []
        self._under_way: dict[int, Journey] = {}  # by the identity of the spike, which all copies share

    def send(self, row: int, source: int, packet: Packet) -> None:
        """A source is about to push the packet."""
        for one in packet.destinations if self._kept else ():
            assert isinstance(one.payload, Spike)
            self._under_way[id(one.payload)] = journey = Journey(row, source, one.payload)
            self._journeys.append(journey)

    def grant(self, packet: Packet, tile: int, port: int, at_ps: int) -> None:
        """An output lets the packet pass: noted once, for its first destination."""
        if self._kept:
            self._under_way[id(packet.payload)].grants.append((tile, port, at_ps))
            for one in packet.destinations:
                self._under_way[id(one.payload)].push_ps = packet.push_ps

    def arrive(self, packet: Packet, at_ps: int) -> None:
        """The packet is in the intake, or at the host."""
        if self._kept:
            self._under_way.pop(id(packet.payload)).arrive_ps = at_ps

    def trace(self) -> Trace:
        """By row, source, and order of push."""
        journeys = sorted(self._journeys, key=lambda journey: (journey.row, journey.source))
        spikes = [journey.spike for journey in journeys]
        grants = [(place, *grant) for place, journey in enumerate(journeys) for grant in journey.grants]
        return Trace(
            row=np.array([journey.row for journey in journeys], dtype=np.int64),
            source=np.array([journey.source for journey in journeys], dtype=np.int32),
            target=np.array([spike.core for spike in spikes], dtype=np.int32),
            axon=np.array([spike.axon for spike in spikes], dtype=np.int32),
            push_ps=np.array([journey.push_ps for journey in journeys], dtype=np.int64),
            arrive_ps=np.array([journey.arrive_ps or 0 for journey in journeys], dtype=np.int64),
            arrived=np.array([journey.arrive_ps is not None for journey in journeys], dtype=np.bool_),
            grants=np.array(grants, dtype=np.int64).reshape(-1, 4),
        )
