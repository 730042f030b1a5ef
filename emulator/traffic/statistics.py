"""What became of traffic, summed up: latencies by their parts, and how evenly the sources were served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Packets by latency, and by its two parts, over the same bins."""

    edge_ps: Ints  # int64 [n_bins + 1]; a bin holds its lower edge, the last its upper one too
    latency: Ints  # int64 [n_bins] packets
    zero_load: Ints  # int64 [n_bins]
    queueing: Ints  # int64 [n_bins]


@dataclass(frozen=True, eq=False)
class Fairness:
    """How evenly sources were served while all of them still had packets under way."""

    until_ps: int  # when the first source had all of its packets delivered
    sent: Ints  # int64 [n_tiles] packets of each source
    delivered: Ints  # int64 [n_tiles] of them by until_ps
    queueing_ps: Floats  # [n_tiles] mean of all its packets; 0 where there are none

    @property
    def index(self) -> float:
        """Jain's index of the shares delivered: 1 when all sources have the same, 1 / n when one has all."""
        share = self.delivered[self.sent > 0] / self.sent[self.sent > 0]
        return float(share.sum() ** 2 / (len(share) * (share**2).sum())) if share.any() else 1.0

    @property
    def starved(self) -> Ints:
        """Tiles of which nothing was delivered by then."""
        return np.flatnonzero((self.sent > 0) & (self.delivered == 0))


def histogram(latency_ps: Ints, zero_load_ps: Ints, n_bins: int) -> Histogram:
    """Bins of one whole width from 0 up to the highest latency."""
    width = max(1, -(-int(latency_ps.max(initial=1)) // n_bins))
    edge_ps = np.arange(n_bins + 1, dtype=np.int64) * width
    parts = (latency_ps, zero_load_ps, latency_ps - zero_load_ps)
    return Histogram(edge_ps, *(np.histogram(part, edge_ps)[0].astype(np.int64) for part in parts))


def fairness(n_tiles: int, src: Ints, arrive_ps: Ints, queueing_ps: Ints) -> Fairness:
    """Of packets [n] from tile `src`."""
    sent = np.bincount(src, minlength=n_tiles)
    last_ps = np.zeros(n_tiles, dtype=np.int64)
    np.maximum.at(last_ps, src, arrive_ps)
    until_ps = int(last_ps[sent > 0].min()) if len(src) else 0
    waited = np.bincount(src, queueing_ps, minlength=n_tiles)
    return Fairness(
        until_ps=until_ps,
        sent=sent.astype(np.int64),
        delivered=np.bincount(src[arrive_ps <= until_ps], minlength=n_tiles).astype(np.int64),
        queueing_ps=waited / np.maximum(sent, 1),
    )
