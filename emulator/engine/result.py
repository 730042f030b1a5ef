"""Result: a Record and the Program it belongs to, read in the network's names and priced on demand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import energy, formats
from emulator.chip.spec import ChipSpec
from emulator.energy import Prices
from emulator.engine import export
from emulator.engine.journeys import of_run
from emulator.engine.provenance import stimulus_of
from emulator.errors import SimulationError
from emulator.program import Program
from emulator.record import Provenance, Record, State, Trace
from emulator.traffic import TickLimits, tick_limits

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Result:
    """What a user holds after a run."""

    record: Record
    program: Program
    provenance: Provenance | None = None  # None: the record was made by other means than `run`
    prices: ChipSpec | None = None  # whose prices `energy` takes; None: those of the program's chip

    def __post_init__(self) -> None:
        """The record tells its senders by name from now on, without its program too."""
        if not self.record.names:
            object.__setattr__(self, "record", replace(self.record, names=self.program.symbols.named))

    @property
    def batch(self) -> int | None:
        """Number of samples, or None for a single run without a sample axis."""
        return self.record.n_samples if self.record.batched else None

    @property
    def n_ticks(self) -> int:
        """Ticks of each sample."""
        return self.record.n_ticks

    def spikes(self, population: str) -> Ints:
        """int64 [n_spikes, 2]: tick, index; sorted. With a batch [n_spikes, 3]: sample, tick, index."""
        part = self.program.symbols.part(population, "population")
        if not part.recorded:
            raise SimulationError(
                f"population {population!r} was added with record_spikes=False: its spikes were not kept"
            )
        rows, index = self._own(part.address)
        order = np.lexsort((index, rows))
        sample, tick = np.divmod(rows[order], max(self.n_ticks, 1))
        columns = (tick, index[order]) if self.batch is None else (sample, tick, index[order])
        return np.stack(columns, axis=1)

    def spike_counts(self, population: str) -> Ints:
        """Spikes of each neuron: int64 [n], with a batch [batch, n]."""
        spikes = self.spikes(population)
        n = self.program.symbols.part(population, "population").n
        if self.batch is None:
            return np.bincount(spikes[:, 1], minlength=n).astype(np.int64)
        flat = np.bincount(spikes[:, 0] * n + spikes[:, 2], minlength=self.batch * n)
        return flat.astype(np.int64).reshape(self.batch, n)

    def raster(self, population: str) -> NDArray[np.bool_]:
        """bool [n_ticks, n], with a batch [batch, n_ticks, n]."""
        n = self.program.symbols.part(population, "population").n
        raster: NDArray[np.bool_] = np.zeros((self.record.n_samples, self.n_ticks, n), dtype=np.bool_)
        spikes = self.spikes(population)
        if self.batch is None:
            raster[0, spikes[:, 0], spikes[:, 1]] = True
            single: NDArray[np.bool_] = raster[0]
            return single
        raster[spikes[:, 0], spikes[:, 1], spikes[:, 2]] = True
        return raster

    def probe(self, population: str, variable: str, *, raw: bool = False) -> Ints:
        """Chip integers int32 [n_ticks, n], or as many ticks and neurons as the probe names; with a batch
        the sample comes first. int64 where an arithmetic policy outgrows the chip's registers."""
        self.program.symbols.part(population, "population")
        wanted = (population, variable, raw)
        for symbol, values in zip(self.program.symbols.probes, self.record.probes, strict=True):
            if (symbol.population, symbol.variable, symbol.raw) == wanted:
                return values[0] if self.batch is None else values
        known = ", ".join(
            f"{s.population!r}.{s.variable}{' raw' if s.raw else ''}" for s in self.program.symbols.probes
        )
        raise SimulationError(
            f"no probe of {population!r}.{variable}{' raw' if raw else ''}; the network has "
            f"{known or 'none'}: add one with net.probe() before compiling"
        )

    @property
    def counts(self) -> dict[str, int]:
        """Every event counted in the run, and the sums `packets` and `synaptic_ops`."""
        return energy.counts(self.record)

    @property
    def tick_ps(self) -> Ints:
        """int64 [n_ticks], with a batch [batch, n_ticks]: duration of each tick."""
        if self.record.timing is None:
            raise SimulationError("tick_ps: this run had timing=False; run it with timing=True")
        table = self.record.timing.tick_ps.reshape(self.record.n_samples, self.n_ticks)
        return table[0] if self.batch is None else table

    @property
    def overruns(self) -> Ints:
        """int64 [n, 2]: tick, done_ps of those that were not done when the next one began; with a batch
        [n, 3], the sample first. None on a chip with a barrier, which waits."""
        timing, tick_ps = self.record.timing, self.program.chip.tick_ps
        if timing is None and tick_ps is not None:
            raise SimulationError("overruns: this run had timing=False; run it with timing=True")
        late = np.zeros(0, np.int64) if timing is None else np.flatnonzero(timing.done_ps > timing.tick_ps)
        done_ps = late if timing is None else timing.done_ps[late]
        sample, tick = np.divmod(late, max(self.n_ticks, 1))
        columns = (tick, done_ps) if self.batch is None else (sample, tick, done_ps)
        return np.stack(columns, axis=1).astype(np.int64)

    @property
    def trace(self) -> Trace:
        """Every packet of the run, with its instants."""
        if self.record.trace is None:
            raise SimulationError("trace: this run kept none; run it with trace=True")
        return self.record.trace

    @functools.cached_property
    def tick_limits(self) -> TickLimits:
        """How near each tick came to what no mesh could do better; takes trace=True."""
        return tick_limits(self.trace, self.program.image, self.program.chip)

    @functools.cached_property
    def energy(self) -> energy.Ledger:
        """The run's counts at the chip's prices, or those of `reprice`."""
        return energy.price(self.record, self.prices or self.program.chip, self.program)

    def reprice(self, prices: Prices | str | PathLike[str]) -> Result:
        """The same run at other prices: a chip, its name or file, or changes such as
        `{"energy_pj.hop_ew": 3.5}`. Nothing runs again: counts and times stay those of the run's chip.
        """
        chip = formats.load_chip(prices) if isinstance(prices, (str, PathLike)) else prices
        priced = energy.priced_chip(chip, self.prices or self.program.chip)
        return replace(self, prices=priced)

    @property
    def state(self) -> State:
        """State after the last tick: `run(program, ..., state=result.state)` goes on from it."""
        return self.record.state

    @property
    def stimulus(self) -> dict[str, NDArray[np.int64]]:
        """What `run` was given: source -> int64 [n_events, 2] of (tick, index); with a batch [n_events, 3],
        the sample first."""
        return stimulus_of(self.program, self.record, self.provenance)

    def repeat(
        self,
        engine: str | None = None,
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """The same run once more, on this engine or another: the records are equal, bit for bit."""
        from emulator.engine.run import run

        stimulus, origin = self.stimulus, self.provenance
        assert origin is not None  # else there is no stimulus
        return run(
            self.program,
            self.n_ticks,
            stimulus,
            engine=engine or origin.engine,
            threads=threads or origin.threads,
            timing=self.record.timing is not None,
            batch=self.batch,
            state=origin.begin,
            seed=origin.seed,
            trace=origin.trace,
            progress=progress,
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the record and its program; `load_record` reads them."""
        formats.save_result(self, path)

    @property
    def about(self) -> dict[str, Any]:
        """Where it came from: digests of network, image, chip and prices, seed, engine, versions, command.
        Plain values; None: not known."""
        return export.about(self)

    def export(self, path: str | PathLike[str], tables: Sequence[str] | None = None) -> list[Path]:
        """Writes tables for analysts: spikes, probes, and counts and energy by event, core, link, population
        and tick. Returns the files.

        path: .npz or .json hold all tables, .csv and .parquet take a file for each (`run.spikes.csv`), .nir
        takes the spikes as NIRGraphData. tables: names of some; None: all.
        """
        if Path(path).suffix.lower() == ".nir":
            return [export.save_nir_data(self, path, tables)]
        return formats.save_tables(path, export.tables_of(self, tables), export.about(self))

    def to_neo(self) -> Any:
        """A `neo.Block`: a segment per sample with a spike train per recorded neuron, and the probes."""
        return export.to_neo(self)

    def to_nir_data(self) -> Any:
        """The spikes of the recorded populations as `nir.NIRGraphData`."""
        return export.to_nir_data(self)

    def report(self, path: str | PathLike[str]) -> None:
        """Writes one HTML page on the run, for a browser: no network, no other file."""
        from emulator.report import save_page

        save_page(self, path)

    def save_trace(self, path: str | PathLike[str], max_events: int = formats.MAX_EVENTS) -> formats.Shown:
        """Writes the trace for ui.perfetto.dev; returns what of it is in the file. Takes trace=True."""
        trace, timing = self.trace, self.record.timing
        assert timing is not None
        return formats.save_trace(of_run(self.program, trace, timing, self.n_ticks), path, max_events)

    @functools.cached_property
    def _by_slot(self) -> tuple[Ints, Ints]:
        """Recorded spikes by slot, else in their order, and where those of each slot begin [n_slots + 1].

        There may be thousands of populations: none is to look through all spikes.
        """
        slots = self.record.spikes[:, 1]
        order = np.argsort(slots, kind="stable")
        return order, np.searchsorted(slots[order], np.arange(self.program.image.n_slots + 1))

    def _own(self, address: Ints) -> tuple[Ints, Ints]:
        """Rows and neuron indices of the recorded spikes of the slots in `address`."""
        order, first = self._by_slot
        n_spikes = first[address + 1] - first[address]
        ends = np.cumsum(n_spikes)
        place = np.repeat(first[address] - (ends - n_spikes), n_spikes) + np.arange(n_spikes.sum())
        return self.record.spikes[order[place], 0], np.repeat(np.arange(len(address)), n_spikes)


def load_record(path: str | PathLike[str]) -> Result:
    """Reads what `Result.save` wrote. Raises ImageError when the file is damaged."""
    return Result(*formats.load_record(path))
