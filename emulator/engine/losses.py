"""Lossy links as the compiled blocks take them: which entries are risky, and what a lost packet undoes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import philox
from emulator.chip.events import EVENT_ID
from emulator.chip.grid import N_SIDES, STEP
from emulator.chip.loads import link_loads
from emulator.chip.losses import Lottery, crossings_of
from emulator.chip.spec import ChipSpec
from emulator.engine.routes import BY_RECEIVER, SENT, Routes

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]
HOPS = ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip")


@dataclass(frozen=True, eq=False)
class Losses:
    """Risky entries of an image: those whose packets cross a lossy link."""

    entry: Longs  # [n_risky] ascending
    sender: Longs  # [n_risky]
    link_ptr: Longs  # [n_risky + 1]
    link: Longs  # [n_links] tile * 4 + side; lossy links on the way of each entry, in order
    threshold: Longs  # [n_links]
    undo: Longs  # [n_links, len(SENT)] what a packet counts that gets past the link
    n_lost: Longs  # [n_links] of the run
    routes: Routes

    @property
    def n_risky(self) -> int:
        return len(self.entry)

    def arrays(self, seed: int) -> dict[str, NDArray[Any]]:
        """What ext/machine.pyx takes."""
        routes, image = self.routes, self.routes.image
        flags = np.zeros(len(image.entry_core), dtype=np.int64) if routes.drops is None else routes.drops
        sent_before = np.concatenate([[0], np.cumsum(1 - flags.astype(np.int64))])
        source = np.append(image.core_id, routes.chip.n_cores)[routes.core_of_sender[self.sender]]
        of_link = np.repeat(source, np.diff(self.link_ptr)).astype(np.uint64)
        key = np.stack(philox.link_key(seed, of_link, self.link.astype(np.uint64)), axis=1)
        return {
            "risky_ptr": np.searchsorted(self.sender, np.arange(image.n_senders + 1)).astype(np.int64),
            "risky_entry": self.entry,
            "risky_place": sent_before[self.entry] - sent_before[image.entry_ptr[self.sender]],
            "n_packets": np.diff(sent_before[image.entry_ptr]),
            "core_of_sender": routes.core_of_sender,
            "link_ptr": self.link_ptr,
            "link": self.link,
            "link_key": np.ascontiguousarray(key, dtype=np.uint32),
            "link_threshold": self.threshold,
            "link_undo": np.ascontiguousarray(self.undo),
            "n_lost": self.n_lost,
            "survivors": np.zeros(self.n_risky, dtype=np.int32),
            "lost_by": np.zeros(self.n_risky, dtype=np.int64),
        }

    def book(self, by_core: Ints, by_group: Ints, link_counts: Ints) -> Longs:
        """Takes what lost packets did not cause out of the tables, and counts them where they came from.
        Returns int64 [n_tiles, 4]: packets that each link lost."""
        routes, chip = self.routes, self.routes.chip
        losses = np.zeros((chip.n_tiles, N_SIDES), dtype=np.int64)
        risky = np.repeat(np.arange(self.n_risky), np.diff(self.link_ptr))
        tile, side = np.divmod(self.link, N_SIDES)
        np.add.at(losses, (tile, side), self.n_lost)
        receiver = routes.image.entry_core[self.entry[risky]]
        origin = routes.core_of_sender[self.sender[risky]]
        group = routes.sender_group[self.sender[risky]]
        for column, name in enumerate(SENT):
            undone = self.n_lost * self.undo[:, column]
            place = receiver if name in BY_RECEIVER else np.full(len(receiver), len(by_core) - 1)
            np.subtract.at(by_core[:, EVENT_ID[name]], place, undone)
            np.subtract.at(by_group[:, EVENT_ID[name]], group, undone)
        np.add.at(by_core[:, EVENT_ID["lost"]], origin, self.n_lost)
        np.add.at(by_group[:, EVENT_ID["lost"]], group, self.n_lost)
        step = np.array([dx + dy * chip.mesh.width for dx, dy in STEP], dtype=np.int64)
        goal = (routes.y * chip.mesh.width + routes.x)[receiver]
        link_counts -= link_loads(chip.routing, tile + step[side], goal, self.n_lost)
        return losses


def losses_of(routes: Routes) -> Losses | None:
    """The risky entries of an image on its chip; None: there are none."""
    image, chip = routes.image, routes.chip
    if chip.mesh.faults is None or not chip.mesh.faults.lossy:
        return None
    tile = (routes.y * chip.mesh.width + routes.x).astype(np.int64)
    sender = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
    sent = np.arange(len(sender)) if routes.drops is None else np.flatnonzero(routes.drops == 0)
    trip = tile[routes.core_of_sender[sender[sent]]] * chip.n_tiles + tile[image.entry_core[sent]]
    trips, trip_of = np.unique(trip, return_inverse=True)
    found = crossings_of(chip, *np.divmod(trips, chip.n_tiles))
    first, end = (np.searchsorted(found.way, np.arange(len(trips)), side=side) for side in ("left", "right"))
    n_links = (end - first)[trip_of.reshape(-1)]
    entry = sent[n_links > 0]
    if not len(entry):
        return None
    n_links = n_links[n_links > 0]
    link_ptr = np.concatenate([[0], np.cumsum(n_links)]).astype(np.int64)
    start = first[trip_of.reshape(-1)[np.isin(sent, entry)]]
    row = np.repeat(start - link_ptr[:-1], n_links) + np.arange(link_ptr[-1])
    of_entry = np.repeat(entry, n_links)
    to_host = image.entry_core[of_entry] == image.n_cores
    undo = np.zeros((len(row), len(SENT)), dtype=np.int64)
    columns = {name: found.left[row, column] for column, name in enumerate(HOPS)}
    columns |= {"eject": ~to_host, "host_out": to_host, "axon_in": ~to_host}
    columns |= {
        name: routes.n_ops[of_entry, column]
        for column, name in enumerate(("synaptic_ops_dense", "synaptic_ops_sparse"))
    }
    for name, values in columns.items():
        undo[:, SENT.index(name)] = values
    return Losses(
        entry=entry,
        sender=sender[entry],
        link_ptr=link_ptr,
        link=found.link[row],
        threshold=found.threshold[row],
        undo=undo,
        n_lost=np.zeros(len(row), dtype=np.int64),
        routes=routes,
    )


def losing_links(chip: ChipSpec, src: Ints, dst: Ints, number: Ints, seed: int) -> Longs:
    """int64 [n]: for traffic on the mesh alone, 1 + the link (tile * 4 + side) that loses each packet; 0: it
    arrives. number: of each packet among those of its source."""
    lost_by = np.zeros(len(src), dtype=np.int64)
    found = crossings_of(chip, src, dst)
    source, numbers, link = (
        np.asarray(column, dtype=np.uint64) for column in (src[found.way], number[found.way], found.link)
    )
    lost = np.flatnonzero(Lottery(seed).loses(source, numbers, link, found.threshold.astype(np.uint64)))
    way, first = np.unique(found.way[lost], return_index=True)
    lost_by[way] = 1 + found.link[lost[first]]
    return lost_by
