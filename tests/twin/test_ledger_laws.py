"""The laws of the ledger, on runs of lists and of crossbars, on boards, with faults, in batches."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.events import EVENTS
from emulator.energy import COMPARED, PRICE_OF, Ledger
from emulator.testing import Case, cases, crossbar_cases
from emulator.testing.crossbars import crossbar_chip

TABLES = ("event", "core", "link", "population", "tick")
PARTS = ("from_counts_aj", "from_prices_aj", "from_both_aj")
LINK_EVENTS = ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip")
ANY_CASE = st.one_of(cases(em.load_chip("tiny"), faulty=True), crossbar_cases(crossbar_chip(), faulty=True))
law = settings(max_examples=max(10, settings().max_examples // 10))


@st.composite
def prices(draw: st.DrawFn) -> dict[str, Any]:
    """Any prices of a chip, some of them ranges."""
    amount = st.integers(0, 10**9).map(lambda aj: aj / 10**6)
    ranges = st.lists(amount, min_size=3, max_size=3).map(
        lambda ends: dict(zip(("low", "value", "high"), sorted(ends), strict=True))
    )
    changes: dict[str, Any] = {
        f"energy_pj.{key}": draw(amount | ranges) for key in sorted(set(PRICE_OF.values()))
    }
    return changes | {"static_power_mw": draw(st.integers(0, 10**6)) / 1000}


@st.composite
def results(draw: st.DrawFn) -> em.Result:
    """A run of a random network on a random chip, timed or not, of one sample or two."""
    case: Case = draw(ANY_CASE)
    program = compiled(case)
    batch = draw(st.sampled_from((None, 2)))
    stimulus = {name: raster if batch is None else np.stack([raster] * 2) for name, raster in rasters(case)}
    arguments: dict[str, Any] = {"batch": batch, "timing": draw(st.booleans()), "seed": case.seed}
    return em.run(program, case.n_ticks, stimulus, **arguments)


def rasters(case: Case) -> list[tuple[str, Any]]:
    """Of a crossbar case too, whose stimulus may be events."""
    n = {source.name: source.n for source in case.network.sources} | {
        core.name: core.n_axons for core in case.network.cores
    }
    found = []
    for name, given_ in case.stimulus.items():
        raster = np.asarray(given_)
        if raster.dtype != bool:
            events, raster = raster, np.zeros((case.n_ticks, n[name]), dtype=bool)
            raster[events[:, 0], events[:, 1]] = True
        found.append((name, raster))
    return found


def compiled(case: Case) -> em.Program:
    if case.chip.cores.model == "truenorth":
        return em.compile(case.network, case.chip)
    return em.compile(case.network, case.chip, mapping=case.mapping)


def assert_adds_up(ledger: Ledger) -> None:
    """Every breakdown is the whole, in counts and in joules."""
    for by in TABLES:
        rows = ledger.table(by)
        assert sum(row["energy_aj"] for row in rows) == ledger.total_aj, by
        assert sum(row["energy_j"] for row in rows) == pytest.approx(ledger.total_j, rel=1e-12, abs=1e-30), by
        assert all(row["energy_aj"] >= 0 for row in rows), by
        for event in EVENTS if by != "event" else ():
            assert sum(row[event] or 0 for row in rows) == ledger.counts[event], (by, event)


def assert_each_joule_has_one_place(ledger: Ledger) -> None:
    """What is of no core is of a link and the other way round; everything priced has a population."""
    cores, links, groups = (ledger.table(by)[:-1] for by in ("core", "link", "population"))
    assert sum(row["energy_aj"] for row in links[:-1]) == cores[-1]["energy_aj"]
    assert all(row[event] == 0 for row in cores[:-1] for event in LINK_EVENTS)
    assert all(links[-1][event] == 0 for event in LINK_EVENTS)
    assert groups[-1]["energy_aj"] == 0
    by_tick = ledger.table("tick")
    assert sum(row["dynamic_aj"] for row in by_tick) == ledger.dynamic_aj
    if ledger.static_aj is not None:
        assert sum(row["static_aj"] for row in by_tick) == ledger.static_aj


def assert_alike(a: Ledger, b: Ledger) -> None:
    """Comparing finds no difference anywhere."""
    found = a.compare(b)
    assert found.difference_aj == 0 and set(found.parts_aj.values()) == {0}
    for by in COMPARED:
        for row in found.table(by):
            assert not any(row[key] for key in row if key.startswith(("difference", "from_")))


@law
@given(results(), prices())
def test_every_joule_has_one_event_place_population_and_tick(
    result: em.Result, changes: dict[str, Any]
) -> None:
    ledger = result.energy.reprice(changes)
    for bound in (ledger.low, ledger, ledger.high):
        assert_adds_up(bound)
    assert ledger.low.total_aj <= ledger.total_aj <= ledger.high.total_aj
    assert_each_joule_has_one_place(ledger)
    assert_alike(ledger, result.energy.reprice(changes))


@law
@given(results(), prices(), prices(), st.integers(0, 9))
def test_the_parts_of_a_difference_add_up_and_a_price_counts_once(
    result: em.Result, one: dict[str, Any], other: dict[str, Any], times: int
) -> None:
    # the second run has half of each count of the first: any other counts would do
    tables = {
        name: getattr(result.record, name) // 2
        for name in ("counts_by_tick", "counts_by_core", "counts_by_group", "link_counts")
    }
    a, chip = result.energy.reprice(one), result.energy.reprice(other).chip
    b = Ledger(dataclasses.replace(result.record, **tables), chip, result.program)
    found = a.compare(b)
    for by in COMPARED:
        for row in found.table(by):
            assert sum(row[part] for part in PARTS) == row["difference_aj"]
            assert row["difference_aj"] == row["energy_b_aj"] - row["energy_a_aj"]
    assert sum(found.parts_aj.values()) == found.difference_aj == b.total_aj - a.total_aj
    assert b.compare(a).difference_aj == -found.difference_aj
    # n times every price is n times the energy: nothing is priced twice, and nothing beside the prices
    plain = {key: Fraction(k, 4) for k, key in enumerate(one)}
    single, many = (
        a.reprice({key: float(cost * factor) for key, cost in plain.items()}) for factor in (1, times)
    )
    assert many.total_aj == times * single.total_aj


@law
@given(ANY_CASE, prices())
def test_repricing_a_record_equals_running_again_at_those_prices(case: Case, changes: dict[str, Any]) -> None:
    program = compiled(case)
    dear = dataclasses.replace(program, chip=program.chip.replace(changes))
    result, again = (em.run(one, case.n_ticks, case.stimulus, seed=case.seed) for one in (program, dear))
    repriced = result.reprice(dear.chip).energy
    assert repriced.total_aj == again.energy.total_aj
    assert_alike(repriced, again.energy)
    for by in TABLES:
        assert repriced.table(by) == again.energy.table(by)
    assert result.reprice(changes).energy.table("core") == again.energy.table("core")
