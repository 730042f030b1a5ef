"""The run along its ticks: spikes, energy, and what each tick's duration is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.report.page.bundle import Arrays

if TYPE_CHECKING:
    from emulator.engine.result import Result

Longs = NDArray[np.int64]

MAX_SPIKES = 600_000  # more are counted in cells
MAX_BANDS = 12  # populations, as in the picture of spikes
MAX_ROWS = 50_000  # more ticks are averaged
CELLS = (1500, 240)  # at most, along ticks and neurons of a band


@dataclass(frozen=True, eq=False)
class Band:
    """Spikes of one population: rows ascending."""

    name: str
    n: int
    row: NDArray[np.integer[Any]]
    neuron: NDArray[np.integer[Any]]


def add_timeline(result: Result, core_ps: Longs, arrays: Arrays) -> dict[str, Any]:
    """Fills `arrays`; returns what the page says about them. core_ps [n_rows]: see `tick_map`."""
    record = result.record
    timing, width = record.timing, max(1, -(-record.n_rows // MAX_ROWS))
    prices = np.array(list(result.energy.prices_aj.values()), dtype=np.float64)
    dynamic_j = np.asarray(record.counts_by_tick, dtype=np.float64) @ prices * 1e-18
    arrays.add("row.dynamic_j", _means(dynamic_j, width))
    if timing is not None:
        busy_ps = np.minimum(core_ps, timing.done_ps)
        arrays.add("row.core_ps", _means(busy_ps, width))
        arrays.add("row.done_ps", _means(timing.done_ps, width))
        arrays.add("row.tick_ps", _means(timing.tick_ps, width))
    return {
        "n_rows": record.n_rows,
        "width": width,
        "timed": timing is not None,
        "clock": result.program.chip.tick_ps is not None,
        **_add_raster(result, arrays),
    }


def _means(values: NDArray[Any], width: int) -> NDArray[Any]:
    """Mean of each `width` rows; the rows themselves if that is one."""
    if width == 1 or not len(values):
        return values
    first = np.arange(0, len(values), width)
    return np.add.reduceat(values.astype(np.float64), first) / np.diff([*first, len(values)])


def _bands(result: Result) -> list[Band]:
    """The first recorded populations."""
    shown = [part for part in result.program.symbols.populations if part.recorded][:MAX_BANDS]
    bands = []
    for part in shown:
        spikes = result.spikes(part.name)
        row = spikes[:, 0] if result.batch is None else spikes[:, 0] * result.n_ticks + spikes[:, 1]
        bands.append(Band(part.name, part.n, row, spikes[:, -1]))
    return bands


def _add_raster(result: Result, arrays: Arrays) -> dict[str, Any]:
    bands = _bands(result)
    n_spikes = sum(len(band.row) for band in bands)
    exact = n_spikes <= MAX_SPIKES
    n_rows = result.record.n_rows
    told = []
    for place, band in enumerate(bands):
        cell = (
            (1, 1) if exact else tuple(-(-size // n) for size, n in zip((n_rows, band.n), CELLS, strict=True))
        )
        row, neuron, count = _cells(band, *cell)
        # differences of ascending numbers are small and pack well
        arrays.add(f"band.{place}.row_step", np.diff(row, prepend=0))
        arrays.add(f"band.{place}.neuron", neuron)
        if not exact:
            arrays.add(f"band.{place}.count", count)
        told.append(
            {"name": band.name, "n": band.n, "n_spikes": len(band.row), "rows": cell[0], "neurons": cell[1]}
        )
    recorded = sum(part.recorded for part in result.program.symbols.populations)
    return {"exact": exact, "n_spikes": n_spikes, "bands": told, "n_recorded": recorded}


def _cells(band: Band, rows: int, neurons: int) -> tuple[Longs, Longs, Longs]:
    """First row, first neuron and number of the spikes of each cell that has some, in order of rows."""
    n_across = -(-band.n // neurons)
    keys, counts = np.unique(band.row // rows * n_across + band.neuron // neurons, return_counts=True)
    row, neuron = np.divmod(keys, max(n_across, 1))
    return row * rows, neuron * neurons, counts.astype(np.int64)
