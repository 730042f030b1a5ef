"""Ledger: what a run cost, by event, core, link, population and tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import border_links
from emulator.chip.estimate import Bound, Estimate, bounded
from emulator.chip.events import DERIVED, DIRECTIONS, EVENT_ID, EVENTS
from emulator.chip.spec import ChipSpec
from emulator.energy.exact import products, sums, whole
from emulator.energy.prices import Prices, priced_chip
from emulator.errors import SimulationError
from emulator.program import Program
from emulator.record import Record

if TYPE_CHECKING:
    from emulator.energy.compare import Comparison

Ints = NDArray[np.integer]
Row = dict[str, Any]

AJ_PER_J = 10**18

PRICE_OF: dict[str, str] = {
    "spikes": "spike",
    "inject": "send",
    "axon_in": "receive",
    "hop_e": "hop_ew",
    "hop_w": "hop_ew",
    "hop_n": "hop_ns",
    "hop_s": "hop_ns",
    "hop_chip": "hop_chip",
    "synaptic_ops_dense": "synaptic_op_dense",
    "synaptic_ops_sparse": "synaptic_op_sparse",
    "update_inactive": "update_inactive",
    "update_active": "update_active",
}
"""Event -> its price among `ChipSpec.energy_pj`.

The other events are free: `transmitted` and `eject` are priced by the packets and their arrival, `host_in`
and `host_out` are the host's, and the barrier costs time, which static power prices.
"""


def price(record: Record, chip: ChipSpec, program: Program) -> Ledger:
    """What a run of `program` cost by the prices of `chip`, which need not be the chip that it ran on."""
    if record.state.image_digest != program.image.digest:
        raise SimulationError(
            f"record of another program than that of network {program.symbols.network!r}: "
            "price a record with the program that made it"
        )
    return Ledger(record, chip, program)


def counts(record: Record) -> dict[str, int]:
    """How often each event happened in the whole run, and the derived sums."""
    totals = dict(zip(EVENTS, sums(record.counts_by_tick), strict=True))
    return totals | {name: sum(totals[event] for event in parts) for name, parts in DERIVED.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """The cost of a run. Made by `price`.

    Without timing (`timing=False`) nobody knows how long the run took, unless a clock ends the ticks of its
    chip: `static_j` is None, and the total is the dynamic energy alone.

    Where the chip gives prices as ranges, `low` and `high` are the ledgers with every price at that end.
    """

    record: Record
    chip: ChipSpec  # whose prices are taken
    program: Program
    bound: Bound = "value"  # end of the prices' ranges that is taken

    @cached_property
    def counts(self) -> dict[str, int]:
        """Events of the whole run, derived sums included."""
        return counts(self.record)

    @cached_property
    def prices_aj(self) -> dict[str, int]:
        """Price of each event, in aJ; 0 for those that are free."""
        pj = {event: getattr(self.chip.energy_pj, key) for event, key in PRICE_OF.items()}
        return {event: whole(bounded(pj.get(event, 0.0), self.bound), 10**6) for event in EVENTS}

    @cached_property
    def static_power_uw(self) -> int:
        """Power of one chip at rest."""
        return whole(bounded(self.chip.static_power_mw, self.bound), 1000)

    @cached_property
    def powered_ps(self) -> int | None:
        """Emulated time x chips of the run: what static power is paid for; None as `static_aj`."""
        # as many chips as the run had: a chip taken for its prices may be a smaller board
        return None if self._tick_ps is None else sums(self._tick_ps[:, None])[0] * self.program.chip.n_chips

    @property
    def is_range(self) -> bool:
        """Whether a price of the chip is known as a range only."""
        costs = (*(getattr(self.chip.energy_pj, key) for key in PRICE_OF.values()), self.chip.static_power_mw)
        return any(isinstance(cost, Estimate) for cost in costs)

    @cached_property
    def low(self) -> Ledger:
        """The same with every price at the low end of its range."""
        return replace(self, bound="low")

    @cached_property
    def high(self) -> Ledger:
        """The same with every price at the high end of its range."""
        return replace(self, bound="high")

    def reprice(self, prices: Prices) -> Ledger:
        """The same counts at other prices: those of a chip, or changes of these by dotted path.

        Raises SimulationError for what is no price, SpecError for a wrong one.
        """
        return Ledger(self.record, priced_chip(prices, self.chip), self.program)

    def compare(self, other: Ledger) -> Comparison:
        """What `other` costs more or less than this, and whether counts or prices are the reason."""
        from emulator.energy.compare import Comparison

        return Comparison(self, other)

    @cached_property
    def dynamic_aj(self) -> int:
        """Energy of all events."""
        return sum(self.counts[event] * price_aj for event, price_aj in self.prices_aj.items())

    @cached_property
    def static_aj(self) -> int | None:
        """Static power x emulated time; None when the run was not timed, and no clock tells."""
        return None if self.powered_ps is None else self.powered_ps * self.static_power_uw

    @property
    def total_aj(self) -> int:
        """Dynamic and static energy; the dynamic alone when nobody knows how long the run took."""
        return self.dynamic_aj + (self.static_aj or 0)

    @property
    def dynamic_j(self) -> float:
        return self.dynamic_aj / AJ_PER_J

    @property
    def static_j(self) -> float | None:
        return None if self.static_aj is None else self.static_aj / AJ_PER_J

    @property
    def total_j(self) -> float:
        return self.total_aj / AJ_PER_J

    @property
    def per_spike_j(self) -> float | None:
        """Total per transmitted spike (one that sent a packet, sources included); None if there was none."""
        return self._total_per("transmitted")

    @property
    def per_packet_j(self) -> float | None:
        """Total per packet; None if there was none."""
        return self._total_per("packets")

    @property
    def per_synaptic_op_j(self) -> float | None:
        """Total per synaptic operation; None if there was none."""
        return self._total_per("synaptic_ops")

    def table(self, by: str = "event") -> list[Row]:
        """Breakdown by event, core, link, population or tick: rows of one set of columns each.

        Last columns of every table: energy_aj (int), energy_j (float), share of the total. The energy_aj add
        up to `total_aj`, static energy included: as the last row, or, by tick, within each row.
        Columns before, labels first; a label that a row has no value for is None:

        event: event, count, price_aj
        core: core (physical id, or what the row is), tile, x, y, and one column per event
        link: link (or what the row is), tile, x, y, direction, and one column per event
        population: population (or what the row is), kind, n, and one column per event
        tick: sample, tick, one column per event, tick_ps, dynamic_aj, static_aj
        """
        if by not in _TABLES:
            raise SimulationError(f"table by {by!r}: choose from {', '.join(_TABLES)}")
        return _TABLES[by](self)

    def __repr__(self) -> str:
        static, per_spike = "static not included: run without timing", "no spike transmitted"
        if self.static_j is not None:
            static = f"static {self.static_j:.4g} J"
        if self.per_spike_j is not None:
            per_spike = f"{self.per_spike_j:.4g} J per transmitted spike"
        return f"<Ledger {self.total_j:.4g} J: dynamic {self.dynamic_j:.4g} J, {static}; {per_spike}>"

    @cached_property
    def _tick_ps(self) -> Ints | None:
        """Duration of each row, where it is known."""
        record, clock_ps = self.record, self.program.chip.tick_ps
        if record.timing is not None:
            return record.timing.tick_ps
        return None if clock_ps is None else np.full(record.n_rows, clock_ps, dtype=np.int64)

    @cached_property
    def _static_by_tick(self) -> list[int]:
        assert self._tick_ps is not None
        return products(self._tick_ps[:, None], [self.program.chip.n_chips * self.static_power_uw])

    def _total_per(self, event: str) -> float | None:
        n = self.counts[event]
        return self.total_aj / (n * AJ_PER_J) if n else None

    def _by_event(self) -> list[Row]:
        rows = []
        for event, price_aj in self.prices_aj.items():
            row = {"event": event, "count": self.counts[event], "price_aj": price_aj}
            rows.append(self._priced(row, self.counts[event] * price_aj))
        return [*rows, self._static_row({"event": None, "count": None, "price_aj": None})]

    def _by_core(self) -> list[Row]:
        chip = self.program.chip  # of the run: a chip taken for its prices may have another mesh
        labels = []
        for core in self.program.image.core_id.tolist():
            tile = chip.tile_of(core)
            x, y = chip.coordinates(tile)
            labels.append({"core": core, "tile": tile, "x": x, "y": y})
        labels.append({"core": "mesh and host", "tile": None, "x": None, "y": None})
        return self._with_static(labels, self.record.counts_by_core)

    def _by_link(self) -> list[Row]:
        labels, tables = [], []
        rest = np.array([self.counts[event] for event in EVENTS], dtype=object)
        border = border_links(self.program.chip)
        for tile, port in np.argwhere(self.record.link_counts).tolist():
            x, y = self.program.chip.coordinates(tile)
            side = DIRECTIONS[port]
            table = np.zeros(len(EVENTS), dtype=np.int64)
            table[EVENT_ID[f"hop_{side.lower()}"]] = self.record.link_counts[tile, port]
            table[EVENT_ID["hop_chip"]] = border[tile, port] * self.record.link_counts[tile, port]
            labels.append({"link": f"({x}, {y}) {side}", "tile": tile, "x": x, "y": y, "direction": side})
            tables.append(table)
            rest -= table
        labels.append({"link": "everything else", "tile": None, "x": None, "y": None, "direction": None})
        return self._with_static(labels, np.array([*tables, rest]))

    def _by_population(self) -> list[Row]:
        labels: list[Row] = [
            {"population": part.name, "kind": part.kind, "n": part.n} for part in self.program.symbols.parts
        ]
        labels.append({"population": "no population", "kind": None, "n": None})
        return self._with_static(labels, self.record.counts_by_group)

    def _by_tick(self) -> list[Row]:
        table = self.record.counts_by_tick
        dynamic = products(table, list(self.prices_aj.values()))
        known = self._tick_ps
        tick_ps = [None] * len(table) if known is None else known.tolist()
        static = [None] * len(table) if known is None else self._static_by_tick
        rows = []
        for row, values in enumerate(table.tolist()):
            sample, tick = divmod(row, self.record.n_ticks)
            parts = {"tick_ps": tick_ps[row], "dynamic_aj": dynamic[row], "static_aj": static[row]}
            labelled = {"sample": sample, "tick": tick, **dict(zip(EVENTS, values, strict=True)), **parts}
            rows.append(self._priced(labelled, dynamic[row] + (static[row] or 0)))
        return rows

    def _with_static(self, labels: Sequence[Row], table: Ints) -> list[Row]:
        """One row per label with its counts of `table` [n_labels, n_events], and the static row."""
        energies = products(table, list(self.prices_aj.values()))
        rows = [
            self._priced({**label, **dict(zip(EVENTS, values, strict=True))}, energy_aj)
            for label, values, energy_aj in zip(labels, table.tolist(), energies, strict=True)
        ]
        return [*rows, self._static_row(dict.fromkeys(labels[0]) | dict.fromkeys(EVENTS))]

    def _static_row(self, columns: Row) -> Row:
        """The static energy under the columns of a table; the first one says whether it is known."""
        label = "static" if self.static_aj is not None else "static (run without timing: not included)"
        return self._priced({**columns, next(iter(columns)): label}, self.static_aj or 0)

    def _priced(self, row: Row, energy_aj: int) -> Row:
        share = energy_aj / self.total_aj if self.total_aj else 0.0
        return {**row, "energy_aj": energy_aj, "energy_j": energy_aj / AJ_PER_J, "share": share}


_TABLES: dict[str, Callable[[Ledger], list[Row]]] = {
    "event": Ledger._by_event,
    "core": Ledger._by_core,
    "link": Ledger._by_link,
    "population": Ledger._by_population,
    "tick": Ledger._by_tick,
}
