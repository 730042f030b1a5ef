"""What the routes of an image's packets are known to cause, sender by sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS, EVENT_ID
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.engine import blocks

Ints = NDArray[np.integer]

SENT = (
    "transmitted",
    "inject",
    "host_in",
    "hop_e",
    "hop_w",
    "hop_n",
    "hop_s",
    "hop_chip",
    "eject",
    "host_out",
    "axon_in",
    "synaptic_ops_dense",
    "synaptic_ops_sparse",
)
"""Events that a spike of a sender causes, the same each time."""


@dataclass(frozen=True, eq=False)
class Routes:
    """Where the packets of each sender go, and what each spike of it counts."""

    sent: Ints  # int64 [n_senders, len(SENT)]
    sender_group: Ints  # int32 [n_senders]
    slot_core: Ints  # int64 [n_slots] row of the slot's core
    core_x: Ints  # int32 [n_cores]
    core_y: Ints  # int32 [n_cores]
    core_port: Ints  # int32 [n_cores] 4 + core in tile
    entry_sender: Ints  # int64 [n_entries]
    entry_counts: dict[str, Ints]  # SENT -> int64 [n_entries], of the entry's packet
    entry_axon: Ints  # int64 [n_entries]; n_axons for the host port
    n_dense: Ints  # int64 [n_axons + 1] synapses in dense lists
    n_sparse: Ints  # int64 [n_axons + 1]
    ends: tuple[Ints, Ints, Ints, Ints]  # x, y of the source and of the destination, int64 [n_entries]
    image: Image
    chip: ChipSpec

    def service_ps(self) -> NDArray[np.int64]:
        """int64 [n_axons + 1]: time a core's synapse pipeline is busy with a packet for the axon."""
        latency = self.chip.latency_ps
        work = self.n_dense * latency.synaptic_op_dense + self.n_sparse * latency.synaptic_op_sparse
        return np.asarray(latency.receive + work, dtype=np.int64)

    def link_counts(self, n_spikes: Ints) -> NDArray[np.int64]:
        """int64 [n_tiles, 4]: grants of each link, X leg then Y leg, from the spikes of each sender."""
        width, height = self.chip.mesh.width, self.chip.mesh.height
        weight = n_spikes[self.entry_sender]
        x, y, to_x, to_y = self.ends
        links = np.zeros((height, width, len(DIRECTIONS)), dtype=np.int64)
        for side, (begin, end, forward) in enumerate(((x, to_x, True), (x, to_x, False))):
            leg = np.zeros((height, width + 1), dtype=np.int64)
            chosen = begin < end if forward else begin > end
            _add_leg(leg, y[chosen], begin[chosen], end[chosen], weight[chosen])
            links[:, :, side] = np.cumsum(leg, axis=1)[:, :-1]
        for side, forward in ((2, True), (3, False)):
            leg = np.zeros((width, height + 1), dtype=np.int64)
            chosen = y < to_y if forward else y > to_y
            _add_leg(leg, to_x[chosen], y[chosen], to_y[chosen], weight[chosen])
            links[:, :, side] = np.cumsum(leg, axis=1)[:, :-1].T
        return links.reshape(self.chip.n_tiles, len(DIRECTIONS))

    def add_core_counts(self, by_core: NDArray[np.int64], n_spikes: Ints) -> None:
        """Books the events of packets: sending on the sender's core, the rest where it happens."""
        image, nobody = self.image, self.image.n_cores
        core_of_sender = np.concatenate((self.slot_core, np.full(image.n_inputs, nobody)))
        for column, name in enumerate(SENT):
            event = by_core[:, EVENT_ID[name]]
            if name in ("transmitted", "inject"):
                np.add.at(event, core_of_sender, n_spikes * self.sent[:, column])
            elif name in ("eject", "axon_in", "synaptic_ops_dense", "synaptic_ops_sparse"):
                np.add.at(event, image.entry_core, n_spikes[self.entry_sender] * self.entry_counts[name])
            else:
                event[nobody] += int(n_spikes @ self.sent[:, column])


def routes_of(image: Image, chip: ChipSpec) -> Routes:
    """Follows every axon-out entry from its sender to its core on this chip's mesh."""
    n_cores, per_tile, width = image.n_cores, chip.cores.per_tile, chip.mesh.width
    tile, core_in_tile = np.divmod(image.core_id.astype(np.int64), per_tile)
    chip_width, chip_height = chip.chip_size
    host = chip.host_port
    xs, ys = np.append(tile % width, host.x), np.append(tile // width, host.y)
    slot_core = np.repeat(np.arange(n_cores), np.diff(image.slot_ptr))
    core_of_sender = np.concatenate((slot_core, np.full(image.n_inputs, n_cores)))
    entry_sender = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
    source = core_of_sender[entry_sender]
    x, y, to_x, to_y = xs[source], ys[source], xs[image.entry_core], ys[image.entry_core]
    to_core = (image.entry_core != n_cores).astype(np.int64)
    axon = np.where(to_core == 1, image.entry_axon, image.n_axons)
    n_dense, n_all = _synapses_of_axons(image)
    from_core = (source != n_cores).astype(np.int64)
    counts: dict[str, Any] = {
        "inject": from_core,
        "host_in": 1 - from_core,
        "hop_e": np.maximum(to_x - x, 0),
        "hop_w": np.maximum(x - to_x, 0),
        "hop_n": np.maximum(to_y - y, 0),
        "hop_s": np.maximum(y - to_y, 0),
        # a route along x, then y, never turns back: it crosses each border between its ends once
        "hop_chip": abs(x // chip_width - to_x // chip_width) + abs(y // chip_height - to_y // chip_height),
        "eject": to_core,
        "host_out": 1 - to_core,
        "axon_in": to_core,
        "synaptic_ops_dense": n_dense[axon],
        "synaptic_ops_sparse": n_all[axon] - n_dense[axon],
    }
    sent = np.zeros((image.n_senders, len(SENT)), dtype=np.int64)
    sent[:, 0] = np.diff(image.entry_ptr) > 0
    for column, name in enumerate(SENT[1:], start=1):
        np.add.at(sent[:, column], entry_sender, counts[name])
    return Routes(
        sent=sent,
        sender_group=np.concatenate((image.slot_group, image.input_group)),
        slot_core=slot_core,
        core_x=xs[:-1].astype(np.int32),
        core_y=ys[:-1].astype(np.int32),
        core_port=(core_in_tile + len(DIRECTIONS)).astype(np.int32),
        entry_sender=entry_sender,
        entry_counts=counts,
        entry_axon=axon.astype(np.int64),
        n_dense=n_dense,
        n_sparse=n_all - n_dense,
        ends=(x, y, to_x, to_y),
        image=image,
        chip=chip,
    )


def _synapses_of_axons(image: Image) -> tuple[Ints, Ints]:
    """Synapses of each axon in dense lists, and in all; one more axon, the host port's, with none."""
    n_dense = np.zeros(image.n_axons + 1, dtype=np.int32)
    is_dense = (image.format_index_bits == 0).astype(np.uint8)
    blocks.layout.count_dense(image.syn_ptr, image.syn_format, is_dense, n_dense)
    n_all = np.diff(image.syn_ptr, append=image.n_synapses)
    return n_dense.astype(np.int64), n_all.astype(np.int64)


def _add_leg(leg: NDArray[np.int64], line: Ints, begin: Ints, end: Ints, weight: Ints) -> None:
    """Marks where packets start and stop using the links of a row or column; sums of it are the loads.

    A forward leg uses the links of tiles begin .. end - 1, a backward one those of begin .. end + 1.
    """
    forward = begin < end
    first = np.where(forward, begin, end + 1)
    stop = np.where(forward, end, begin + 1)
    np.add.at(leg, (line, first), weight)
    np.add.at(leg, (line, stop), -weight)
