"""A spike on its way: what the mesh carries for the cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spike:
    """Payload of a packet: where it goes and on whose account."""

    core: int  # row of the target core; n_cores: host port
    axon: int  # numbered through
    group: int
    delay_ticks: int = 0  # of a packet to a crossbar core
