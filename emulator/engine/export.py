"""A result in the tables and objects of other tools: spikes, probes, counts and energy by everything."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import EVENTS
from emulator.errors import SimulationError
from emulator.formats import optional, write_atomic
from emulator.program import ProbeSymbol

if TYPE_CHECKING:
    from emulator.engine.result import Result

Ints = NDArray[np.integer[Any]]
Columns = dict[str, Any]
_TICK_COLUMNS = (
    "sample",
    "tick",
    *EVENTS,
    "tick_ps",
    "dynamic_aj",
    "static_aj",
    "energy_aj",
    "energy_j",
    "share",
)
"""Of a run without ticks; every other table has rows."""

BREAKDOWNS = ("event", "core", "link", "population", "tick")


def spike_table(result: Result) -> Columns:
    """sample, tick, population, index of every recorded spike; by population, then in their order."""
    names, parts = [], []
    for part in result.program.symbols.populations:
        if part.recorded:
            spikes = _with_sample(result.spikes(part.name))
            names.append(np.full(len(spikes), part.name))
            parts.append(spikes)
    spikes = np.concatenate(parts) if parts else np.zeros((0, 3), dtype=np.int64)
    population = np.concatenate(names) if names else np.zeros(0, dtype="U1")
    return {
        "sample": spikes[:, 0],
        "tick": spikes[:, 1],
        "population": population,
        "index": spikes[:, 2],
    }


def probe_table(result: Result) -> Columns:
    """sample, tick, population, variable, index, value (chip integers) of every probe."""
    names = ("sample", "tick", "population", "variable", "index", "value")
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for symbol, values in zip(result.program.symbols.probes, result.record.probes, strict=True):
        sample, row, column = (axis.ravel() for axis in np.indices(values.shape))
        tick, index = _probed(result, symbol)
        variable = f"{symbol.variable}_raw" if symbol.raw else symbol.variable
        found: tuple[Any, ...] = (
            sample,
            tick[row],
            symbol.population,
            variable,
            index[column],
            values.ravel(),
        )
        for name, part in zip(names, found, strict=True):
            parts[name].append(np.full(values.size, part) if isinstance(part, str) else part)
    empty = {"population": np.zeros(0, "U1"), "variable": np.zeros(0, "U1")}
    return {
        name: np.concatenate(part) if part else empty.get(name, np.zeros(0, np.int64))
        for name, part in parts.items()
    }


def energy_table(result: Result, by: str) -> Columns:
    """A table of the ledger, with its counts, by columns."""
    rows = result.energy.table(by)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else _TICK_COLUMNS)}


TABLES: dict[str, Callable[[Result], Columns]] = {
    "spikes": spike_table,
    "probes": probe_table,
    **{by: lambda result, by=by: energy_table(result, by) for by in BREAKDOWNS},  # type: ignore[misc]
}
"""Name of a table -> what makes it. Counts and energy are in those by event, core, link, population, tick."""


def tables_of(result: Result, names: Sequence[str] | None = None) -> dict[str, Columns]:
    """The tables of these names; None: all. Raises SimulationError."""
    wrong = [name for name in names or () if name not in TABLES]
    if wrong:
        raise SimulationError(f"table {name!r}: choose from {', '.join(TABLES)}" for name in wrong)
    chosen = TABLES if names is None else dict.fromkeys(names)
    return {name: TABLES[name](result) for name in chosen}


def about(result: Result) -> dict[str, Any]:
    """Where a result came from, as plain values; None: not known."""
    program, origin = result.program, result.provenance
    return {
        "network": program.symbols.network,
        "network_digest": program.stats.get("network_digest"),
        "image_digest": program.image.digest,
        "chip": program.chip.name,
        "chip_digest": program.chip.digest,
        "prices_of": result.energy.chip.name,
        "prices_digest": result.energy.chip.digest,
        "dt_s": program.symbols.dt_s,
        "n_samples": result.record.n_samples,
        "n_ticks": result.n_ticks,
        "compile_seed": program.stats.get("seed"),
        "seed": None if origin is None else origin.seed,
        "engine": None if origin is None else origin.engine,
        "threads": None if origin is None else origin.threads,
        "host_spikes": None if origin is None else origin.n_events,
        "continued": None if origin is None else origin.begin is not None,
        "versions": None if origin is None else dict(origin.versions),
        "command": None if origin is None else list(origin.command),
    }


def to_neo(result: Result) -> Any:
    """The spikes and probes as a `neo.Block`: a segment per sample, a spike train per recorded neuron.

    A spike of tick t is at t * dt_s. Probes are analog signals of chip integers, dimensionless; those of
    chosen ticks are irregularly sampled.
    """
    neo = optional("neo", "neo", "neo blocks")
    unit = optional("quantities", "neo", "neo blocks")
    dt_s = result.program.symbols.dt_s
    stop = result.n_ticks * dt_s
    block = neo.Block(name=result.program.symbols.network, **about(result))
    for sample in range(result.record.n_samples):
        segment = neo.Segment(name=f"sample {sample}", index=sample)
        for part in result.program.symbols.populations:
            if not part.recorded:
                continue
            spikes = _with_sample(result.spikes(part.name))
            own = spikes[spikes[:, 0] == sample]
            order = np.argsort(own[:, 2], kind="stable")
            ticks = np.split(own[order, 1], np.searchsorted(own[order, 2], np.arange(1, part.n)))
            for place in range(part.n):
                named = {"name": f"{part.name}[{place}]", "population": part.name, "index": place}
                segment.spiketrains.append(
                    neo.SpikeTrain(ticks[place] * dt_s * unit.s, t_stop=stop * unit.s, **named)
                )
        for symbol, values in zip(result.program.symbols.probes, result.record.probes, strict=True):
            tick, index = _probed(result, symbol)
            described = {
                "name": f"{symbol.population}.{symbol.variable}",
                "array_annotations": {"index": index},
            }
            signal = values[sample] * unit.dimensionless
            if symbol.ticks is None:
                step = dt_s * unit.s
                segment.analogsignals.append(neo.AnalogSignal(signal, sampling_period=step, **described))
            else:
                times = tick * dt_s * unit.s
                segment.irregularlysampledsignals.append(
                    neo.IrregularlySampledSignal(times, signal, **described)
                )
        block.segments.append(segment)
    return block


def to_nir_data(result: Result) -> Any:
    """The spikes as `nir.NIRGraphData`: `EventData` under `spikes` of each recorded population.

    A spike of tick t is at (t + 1/2) * dt_s, so that gridding by dt_s, which cuts off, finds its tick again.
    """
    nir = optional("nir", "nir", "NIR data")
    if not hasattr(nir, "NIRGraphData"):
        raise SimulationError(f"nir {nir.__version__}: has no NIRGraphData, 1.0.8 has: update it")
    dt_s, n_ticks = result.program.symbols.dt_s, result.n_ticks
    t_max = n_ticks * dt_s
    while int(t_max / dt_s) < n_ticks:  # the quotient is what readers take for the number of ticks
        t_max = float(np.nextafter(t_max, np.inf))
    nodes = {}
    for part in result.program.symbols.populations:
        if not part.recorded:
            continue
        sample, tick, index = _with_sample(result.spikes(part.name)).T
        n_spikes = np.bincount(sample, minlength=result.record.n_samples)
        place = np.arange(len(sample)) - np.repeat(np.cumsum(n_spikes) - n_spikes, n_spikes)
        shape = (result.record.n_samples, int(n_spikes.max(initial=0)))
        indices, times = np.full(shape, -1, dtype=np.int64), np.full(shape, np.inf)
        indices[sample, place], times[sample, place] = index, (tick + 0.5) * dt_s
        nodes[part.name] = nir.NIRNodeData({"spikes": nir.EventData(indices, times, part.n, t_max)})
    return nir.NIRGraphData(nodes)


def save_nir_data(result: Result, path: str | PathLike[str], tables: Sequence[str] | None) -> Path:
    """Writes `to_nir_data` as an HDF5 file, which `nir.read_data` reads; returns its path."""
    if tables is not None and list(tables) != ["spikes"]:
        raise SimulationError(
            f"{path}: NIR data are spikes, asked for {', '.join(tables)}: choose .npz or .csv"
        )
    data = to_nir_data(result)
    content = io.BytesIO()
    optional("nir", "nir", "NIR data").write_data(content, data)
    write_atomic(path, content.getvalue())
    return Path(path)


def _with_sample(spikes: Ints) -> Ints:
    """Rows of (sample, tick, index), sample 0 where there is no batch."""
    if spikes.shape[1] == 3:
        return spikes
    return np.column_stack([np.zeros(len(spikes), dtype=np.int64), spikes])


def _probed(result: Result, symbol: ProbeSymbol) -> tuple[Ints, Ints]:
    """Ticks and neurons of a probe."""
    n = result.program.symbols.part(symbol.population, "population").n
    ticks = np.arange(result.n_ticks)
    if symbol.ticks is not None:
        ticks = np.sort(symbol.ticks[symbol.ticks < result.n_ticks])
    return ticks, np.arange(n) if symbol.index is None else symbol.index
