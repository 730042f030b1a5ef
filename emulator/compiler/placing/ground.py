"""Ground: the cores that bins may take, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import chips_of, cores_by_chip
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

MAX_CROSSING = 255  # hops that a crossing is taken for at most, besides its own


@dataclass(frozen=True, eq=False)
class Ground:
    """Cores by their ids. Distances are in hops; one to another chip is as long as it is dear."""

    chip: ChipSpec
    pinned: Ints  # int32 [n_bins] core, or n_cores of the chip for a free bin
    sequential: Ints  # int32 [n_bins] free bins on the free cores, chip by chip, within a chip row by row
    free_cores: Ints  # int32, ascending: alive, not pinned to, on the chips that `sequential` uses
    column_at: Ints  # int32 [width]
    row_at: Ints  # int32 [height]

    @property
    def free_bins(self) -> Ints:
        """int32: bins that are not pinned."""
        return np.flatnonzero(self.pinned == self.chip.n_cores).astype(np.int32)

    @property
    def length_of_hop(self) -> float:
        """In the mean over the mesh: 1 on a single chip."""
        steps = len(self.column_at) + len(self.row_at) - 2
        return float(self.column_at[-1] + self.row_at[-1]) / steps if steps else 1.0

    def tiles(self, cores: Ints) -> Longs:
        return np.asarray(cores // self.chip.cores.per_tile, dtype=np.int64)

    def places(self, cores: Ints) -> tuple[Ints, Ints]:
        """Where the columns and rows of cores are."""
        y, x = np.divmod(self.tiles(cores), self.chip.mesh.width)
        return self.column_at[x], self.row_at[y]

    def box(self) -> Longs:
        """int64 [4]: first and last column, first and last row with a free core."""
        y, x = np.divmod(self.tiles(self.free_cores), self.chip.mesh.width)
        return np.array([x.min(), x.max(), y.min(), y.max()], dtype=np.int64)

    def near_host(self) -> Ints:
        """As many free cores as there are free bins: the square around the host port."""
        x, y = self.places(self.free_cores)
        (host_x,), (host_y,) = self.places(np.array([self.chip.host_tile * self.chip.cores.per_tile]))
        away_x, away_y = np.abs(x - host_x), np.abs(y - host_y)
        order = np.lexsort((self.free_cores, away_x + away_y, np.maximum(away_x, away_y)))
        return np.sort(self.free_cores[order[: len(self.free_bins)]])


def ground_of(chip: ChipSpec, pinned: Ints) -> Ground:
    """pinned: as in Ground. There are at most as many bins as usable cores."""
    usable = usable_cores(chip)
    assert len(pinned) <= usable.sum(), f"{len(pinned)} bins for {usable.sum()} cores"
    usable[pinned[pinned < chip.n_cores]] = False
    in_order = cores_by_chip(chip)
    in_order = in_order[usable[in_order]]
    sequential = pinned.astype(np.int32)
    free = pinned == chip.n_cores
    sequential[free] = in_order[: int(free.sum())]
    # Other chips stay unused: what fits on few does not wake more.
    per_tile = chip.cores.per_tile
    used = np.unique(chips_of(chip, sequential // per_tile))
    allowed = np.isin(chips_of(chip, in_order // per_tile), used)
    width, height = chip.chip_size
    along_x, along_y = crossing_hops(chip)
    columns, rows = np.arange(chip.mesh.width), np.arange(chip.mesh.height)
    return Ground(
        chip=chip,
        pinned=pinned,
        sequential=sequential,
        free_cores=np.sort(in_order[allowed]),
        column_at=(columns + along_x * (columns // width)).astype(np.int32),
        row_at=(rows + along_y * (rows // height)).astype(np.int32),
    )


def crossing_hops(chip: ChipSpec) -> tuple[int, int]:
    """How many hops more a link to another chip counts, east or west and north or south: as many as cost its
    additional energy or its additional latency, whichever are more."""
    part, prices = chip.mesh.chip, chip.energy_pj
    if part is None:
        return 0, 0

    def more(own_pj: float, own_ps: int, link_ps: int) -> int:
        by_energy = prices.hop_chip / own_pj if own_pj else 0.0
        return round(min(max(by_energy, link_ps / own_ps - 1, 0.0), MAX_CROSSING))

    hop, link = chip.mesh.hop_ps, part.link.hop_ps
    return more(prices.hop_ew, hop.ew, link.ew), more(prices.hop_ns, hop.ns, link.ns)
