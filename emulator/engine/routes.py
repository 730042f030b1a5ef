"""What the routes of an image's packets are known to cause, sender by sender.

Nothing a packet causes depends on when it travels, so the native engine counts spikes and multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import AnyImage
from emulator.chip.events import DIRECTIONS, EVENT_ID
from emulator.chip.image import Image
from emulator.chip.routing import Routing
from emulator.chip.spec import ChipSpec
from emulator.chip.ways import drops
from emulator.engine import blocks

Ints = NDArray[np.integer[Any]]

SENT: tuple[str, ...] = blocks.routes.SENT
"""Events that a spike of a sender causes, the same each time."""
# booked on the receiving core; the first two on the sender's, the others on none
BY_RECEIVER = ("eject", "axon_in", "synaptic_ops_dense", "synaptic_ops_sparse")


@dataclass(frozen=True, eq=False)
class Routes:
    """Where the packets of each sender go, and what each spike of it counts."""

    sent: Ints  # int64 [n_senders, len(SENT)]
    sender_group: Ints  # int32 [n_senders]
    core_of_sender: Ints  # int32 [n_senders] row of its core; n_cores for a host input
    x: Ints  # int32 [n_cores + 1] of the tile of each core, and of the host port
    y: Ints  # int32 [n_cores + 1]
    core_port: Ints  # int32 [n_cores] 4 + core in tile
    n_ops: Ints  # int32 [n_entries, 2] synaptic operations in dense and in sparse lists that a packet causes
    drops: NDArray[np.uint8] | None  # uint8 [n_entries] 1: its packets are dropped; None: none are
    image: AnyImage
    chip: ChipSpec

    def delivering(self, risky: Ints | None = None) -> Image:
        """The image without the axon-out entries whose packets are dropped. Those that are risky are each
        that of a host input of its own, behind all senders."""
        image = self.image
        assert isinstance(image, Image)  # crossbar cores have no rows to leave them out of
        if self.drops is None and risky is None:
            return image
        apart = np.zeros(0, dtype=np.int64) if risky is None else risky
        kept = np.ones(len(image.entry_core), dtype=np.bool_) if self.drops is None else self.drops == 0
        kept[apart] = False
        before = np.concatenate([[0], np.cumsum(kept)])[image.entry_ptr]
        order = np.concatenate([np.flatnonzero(kept), apart])
        return image.replace(
            entry_ptr=np.concatenate([before, before[-1] + 1 + np.arange(len(apart))]),
            entry_core=image.entry_core[order],
            entry_axon=image.entry_axon[order],
            input_group=np.concatenate([image.input_group, np.zeros(len(apart), image.input_group.dtype)]),
        )

    @property
    def slot_core(self) -> Ints:
        """int32 [n_slots]: row of each slot's core."""
        return self.core_of_sender[: self.image.n_slots]

    @cached_property
    def routing(self) -> Routing:
        """Of the chip; to look it up takes as long as a tick."""
        return self.chip.routing

    @cached_property
    def tree_order(self) -> Ints:
        """int32 [n_entries]: the entries of each sender, in an order in which those beyond any link of its
        tree of ways along x, then y are consecutive."""
        core = self.image.entry_core
        sender = np.repeat(np.arange(self.image.n_senders), np.diff(self.image.entry_ptr))
        source = self.core_of_sender[sender]
        dx, dy = self.x[core] - self.x[source], self.y[core] - self.y[source]
        port = np.append(self.core_port, DIRECTIONS.index(self.chip.host_port.side))[core]
        order = np.lexsort((port, np.abs(dy), np.sign(dy), np.abs(dx), np.sign(dx), sender))
        return order.astype(np.int32)

    def service_ps(self) -> NDArray[np.int64]:
        """int64 [n_entries]: time a core's synapse pipeline is busy with a packet; host port: unused."""
        latency = self.chip.latency_ps
        cost = np.array([latency.synaptic_op_dense, latency.synaptic_op_sparse], dtype=np.int64)
        return np.asarray(latency.receive + self.n_ops @ cost, dtype=np.int64)

    def book(
        self, n_spikes: NDArray[np.int64], by_core: NDArray[np.int64], by_group: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Books n_spikes [n_senders] and what their packets cause. Returns the grants of links [n_tiles, 4].

        Sending counts on the sender's core, receiving on the target's, the rest on no core; everything on
        the account of the sender.
        """
        image, mesh = self.image, self.chip.mesh
        received = np.zeros((image.n_cores + 1, 3), dtype=np.int64)
        links = np.zeros((mesh.height, mesh.width, len(DIRECTIONS)), dtype=np.int64)
        blocks.routes.book_received(
            n_spikes, image.entry_ptr, image.entry_core, _flags(self.drops), self.n_ops, self.core_of_sender,
            self.x, self.y,
            self.routing.code, self.routing.flat_table(), mesh.multicast == "tree", received, links,
        )  # fmt: skip
        for column, name in zip((0, 0, 1, 2), BY_RECEIVER, strict=True):
            by_core[:-1, EVENT_ID[name]] += received[:-1, column]
        first = EVENT_ID[SENT[0]]
        blocks.routes.book_sent(
            n_spikes, image.n_slots, self.sent, self.core_of_sender, self.sender_group, EVENT_ID["spikes"],
            first, by_core, by_group,
        )  # fmt: skip
        return links.reshape(self.chip.n_tiles, len(DIRECTIONS))


def routes_of(image: AnyImage, chip: ChipSpec) -> Routes:
    """Follows every axon-out entry from its sender to its core on this chip's mesh."""
    n_cores, host = image.n_cores, chip.host_port
    tile, core_in_tile = np.divmod(image.core_id, chip.cores.per_tile)
    slot_core = np.repeat(np.arange(n_cores, dtype=np.int32), np.diff(image.slot_ptr))
    core_of_sender = np.concatenate((slot_core, np.full(image.n_inputs, n_cores, dtype=np.int32)))
    x = np.append(tile % chip.mesh.width, host.x).astype(np.int32)
    y = np.append(tile // chip.mesh.width, host.y).astype(np.int32)
    syn_ptr, n_dense = _synapses(image)
    cut = drops(image, chip)
    dropped = None if cut is None else cut.astype(np.uint8)
    sent = np.zeros((image.n_senders, len(SENT)), dtype=np.int64)
    n_ops = np.empty((len(image.entry_core), 2), dtype=np.int32)
    blocks.routes.sum_sent(
        image.entry_ptr, image.entry_core, image.entry_axon, _flags(dropped), syn_ptr, n_dense,
        core_of_sender, x, y, chip.routing.code, chip.routing.flat_table(), chip.mesh.width, *chip.chip_size,
        chip.mesh.multicast == "tree", sent, n_ops,
    )  # fmt: skip
    return Routes(
        sent=sent,
        sender_group=np.concatenate((image.slot_group, image.input_group)),
        core_of_sender=core_of_sender,
        x=x,
        y=y,
        core_port=(core_in_tile + len(DIRECTIONS)).astype(np.int32),
        n_ops=n_ops,
        drops=dropped,
        image=image,
        chip=chip,
    )


def _synapses(image: AnyImage) -> tuple[Ints, NDArray[np.int32]]:
    """Where the list of each axon begins, and how many of its synapses are dense. To crossbar cores a packet
    causes none: they walk a row once, however many packets were for it."""
    n_dense = np.zeros(image.n_axons, dtype=np.int32)
    if not isinstance(image, Image):
        return np.zeros(image.n_axons + 1, dtype=np.int64), n_dense
    is_dense = (image.format_index_bits == 0).astype(np.uint8)
    blocks.layout.count_dense(image.syn_ptr, image.syn_format, is_dense, n_dense)
    return image.syn_ptr, n_dense


def _flags(drops: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """As the compiled blocks take them: empty if there are none."""
    return np.zeros(0, dtype=np.uint8) if drops is None else drops


def totals(place: Ints, values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """int64 [n]: sum of the values at each place; exact, which the floats of bincount are not."""
    out = np.zeros(n, dtype=np.int64)
    np.add.at(out, place, values)
    return out
