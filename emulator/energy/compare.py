"""Comparison: what one run costs more than another, event by event, and whether counts or prices are why.

An energy is a count n times a price p. From run a to run b it changes by

    (n_b - n_a) * p_a   from counts: more or fewer events at the old price
    n_a * (p_b - p_a)   from prices: the old events at another price
    (n_b - n_a) * (p_b - p_a)   from both: the new events' part of the new price

These are integers and add up exactly. Static energy is treated alike: n is emulated
time x chips, p the power.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.chip.events import EVENTS
from emulator.energy.ledger import AJ_PER_J, Ledger, Row
from emulator.errors import SimulationError

COMPARED: dict[str, tuple[str, ...]] = {
    "event": ("event",),
    "core": ("core",),
    "link": ("link",),
    "population": ("population", "kind"),
}
"""What two runs can be compared by -> the columns that say which rows belong together."""

Label = tuple[Any, ...]
_STATIC = "static"


@dataclass(frozen=True)
class _Cost:
    """Counts of one row of a run and their prices."""

    counts: tuple[int, ...]
    prices_aj: tuple[int, ...]

    @property
    def energy_aj(self) -> int:
        return sum(n * price for n, price in zip(self.counts, self.prices_aj, strict=True))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """From run `a` to run `b`. Made by `Ledger.compare`."""

    a: Ledger
    b: Ledger

    @property
    def static_compared(self) -> bool:
        """Whether both runs know their static energy; if not, neither's is counted here."""
        return self.a.powered_ps is not None and self.b.powered_ps is not None

    @cached_property
    def difference_aj(self) -> int:
        """Energy of `b` less that of `a`."""
        static = (self.b.static_aj or 0) - (self.a.static_aj or 0) if self.static_compared else 0
        return self.b.dynamic_aj - self.a.dynamic_aj + static

    @property
    def difference_j(self) -> float:
        return self.difference_aj / AJ_PER_J

    @cached_property
    def parts_aj(self) -> dict[str, int]:
        """How much of the difference comes from counts, from prices, from both changed together."""
        rows = self.table("event")
        return {part: sum(row[part] for row in rows) for part in _PARTS}

    def table(self, by: str = "event") -> list[Row]:
        """Rows by event, core, link or population; those of `a` first, then those of `b` alone.

        Columns: labels, energy_a_aj, energy_b_aj, difference_aj, from_counts_aj, from_prices_aj,
        from_both_aj (int), difference_j (float); by event also count_a, count_b, price_a_aj, price_b_aj. The
        row `static` has picoseconds x chips for counts and microwatts for prices. What a run lacks is 0.
        """
        if by not in COMPARED:
            raise SimulationError(f"comparison by {by!r}: choose from {', '.join(COMPARED)}")
        a, b = (self._costs(ledger, by) for ledger in (self.a, self.b))
        return [self._row(by, label, a.get(label), b.get(label)) for label in dict.fromkeys([*a, *b])]

    def __repr__(self) -> str:
        static = "" if self.static_compared else ", static energy left out"
        return f"<Comparison {self.difference_j:+.4g} J{static}>"

    def _costs(self, ledger: Ledger, by: str) -> dict[Label, _Cost]:
        """The rows of a ledger's table as counts and prices."""
        prices = tuple(ledger.prices_aj.values())
        columns = COMPARED[by]
        if by == "event":
            events: Iterable[tuple[Label, _Cost]] = (
                ((event,), _Cost((ledger.counts[event],), (price,)))
                for event, price in ledger.prices_aj.items()
            )
        else:
            events = (
                (tuple(row[column] for column in columns), _Cost(tuple(row[e] for e in EVENTS), prices))
                for row in ledger.table(by)[:-1]  # without the static one
            )
        static: Label = (_STATIC, *(None for _ in columns[1:]))
        powered_ps = ledger.powered_ps if self.static_compared else None
        return {**dict(events), static: _Cost((powered_ps or 0,), (ledger.static_power_uw,))}

    def _row(self, by: str, label: Label, a: _Cost | None, b: _Cost | None) -> Row:
        """A run that lacks the row has none of its events; prices are its own all the same."""
        present = a or b
        assert present is not None, label
        none = (0,) * len(present.counts)
        ledgers = (self.a, self.b)
        a, b = (cost or _Cost(none, tuple(ledgers[i].prices_aj.values())) for i, cost in enumerate((a, b)))
        changes = [(nb - na, pb - pa) for na, nb, pa, pb in _columns(a, b)]
        parts = (
            sum(dn * pa for (dn, _), pa in zip(changes, a.prices_aj, strict=True)),
            sum(na * dp for (_, dp), na in zip(changes, a.counts, strict=True)),
            sum(dn * dp for dn, dp in changes),
        )
        row: Row = dict(zip(COMPARED[by], label, strict=True))
        if by == "event":
            row |= {"count_a": a.counts[0], "count_b": b.counts[0]}
            row |= {"price_a_aj": a.prices_aj[0], "price_b_aj": b.prices_aj[0]}
        difference_aj = b.energy_aj - a.energy_aj
        row |= {"energy_a_aj": a.energy_aj, "energy_b_aj": b.energy_aj, "difference_aj": difference_aj}
        return {**row, **dict(zip(_PARTS, parts, strict=True)), "difference_j": difference_aj / AJ_PER_J}


_PARTS = ("from_counts_aj", "from_prices_aj", "from_both_aj")


def _columns(a: _Cost, b: _Cost) -> Iterable[tuple[int, int, int, int]]:
    return zip(a.counts, b.counts, a.prices_aj, b.prices_aj, strict=True)
