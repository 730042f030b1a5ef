"""The ledger: prices worked out by hand, breakdowns that add up exactly, and what silence costs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.chip.events import DERIVED, DIRECTIONS, EVENT_ID, EVENTS
from emulator.energy import PRICE_OF, Ledger, counts, price
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.program import Program
from emulator.record import Record
from emulator.testing.small_run import small_program, small_record, table

TABLES = ("event", "core", "link", "population", "tick")
PJ = 10**6  # aJ

HOPS = tuple(f"hop_{side.lower()}" for side in DIRECTIONS)

PROGRAM = small_program()
RECORD = small_record(PROGRAM)


def ledger(record: Record = RECORD, **changes: Any) -> Ledger:
    """Priced at the chip's own prices, with dotted changes."""
    return price(
        record, PROGRAM.chip.replace({key.replace("__", "."): v for key, v in changes.items()}), PROGRAM
    )


def by_label(rows: list[dict[str, Any]], label: str) -> dict[Any, dict[str, Any]]:
    return {row[label]: row for row in rows}


def test_totals_are_those_worked_out_by_hand() -> None:
    # tiny: 4 inactive x 1 + 5 active x 2 + 2 spikes x 3 + 2 sent x 4 + 3 received x 0.5 + 2 dense x 0.25
    # + 2 sparse x 0.5 + 2 hops north or south x 2.5 = 36 pJ; 1 mW x (19 + 25 + 21) ps = 65 fJ
    found = ledger()
    assert found.dynamic_aj == 36 * PJ
    assert found.static_aj == 65_000
    assert found.dynamic_j == 36e-12
    assert found.static_j == 65e-15
    assert found.total_j == 36.065e-12


def test_shares_of_the_total_are_per_transmitted_spike_packet_and_operation() -> None:
    record = dataclasses.replace(
        RECORD,
        counts_by_tick=table({"transmitted": 8, "inject": 3, "host_in": 13, "synaptic_ops_sparse": 32}),
    )
    found = ledger(record, static_power_mw=0)
    assert found.dynamic_aj == 3 * 4 * PJ + 32 * PJ // 2
    assert found.per_spike_j == 28e-12 / 8
    assert found.per_packet_j == 28e-12 / 16
    assert found.per_synaptic_op_j == 28e-12 / 32


def test_static_power_is_that_of_the_chips_of_the_run_whatever_board_lends_its_prices() -> None:
    link = {"hop_ps": {"ew": 1, "ns": 1}, "cycle_ps": 1}
    four = PROGRAM.chip.replace({"mesh.chip": {"width": 1, "height": 1, "link": link}})
    assert four.n_chips == 4
    assert price(RECORD, four, PROGRAM).static_aj == ledger().static_aj  # it ran on one chip
    on_four = dataclasses.replace(PROGRAM, chip=four)
    priced = price(RECORD, PROGRAM.chip, on_four)
    assert priced.static_aj == sum(row["static_aj"] for row in priced.table("tick")) == 4 * 65_000


def test_a_hop_to_another_chip_is_priced_on_its_link_on_top_of_the_hop() -> None:
    link = {"hop_ps": {"ew": 1, "ns": 1}, "cycle_ps": 1}
    flat = PROGRAM.chip.replace({"mesh.chip": {"width": 2, "height": 1, "link": link}})
    names = ("counts_by_tick", "counts_by_core", "counts_by_group")
    tables = {name: getattr(RECORD, name).copy() for name in names}
    for values in tables.values():  # both of its hops, north and south, cross the border
        values[:, EVENT_ID["hop_chip"]] = values[:, EVENT_ID["hop_n"]] + values[:, EVENT_ID["hop_s"]]
    record, program = dataclasses.replace(RECORD, **tables), dataclasses.replace(PROGRAM, chip=flat)
    found = price(record, flat.replace({"energy_pj.hop_chip": 10}), program)
    rows = by_label(found.table("link"), "link")
    assert {link: row["energy_aj"] for link, row in rows.items()} == {
        "(0, 0) N": 12_500_000,
        "(0, 1) S": 12_500_000,
        "everything else": 31 * PJ,
        "static": 130_000,
    }


def test_the_table_by_event_names_every_event_and_the_static_line() -> None:
    rows = by_label(ledger().table("event"), "event")
    assert list(rows) == [*EVENTS, "static"]
    energies = {event: row["energy_aj"] for event, row in rows.items() if row["energy_aj"]}
    assert energies == {
        "spikes": 6 * PJ,
        "inject": 8 * PJ,
        "hop_n": 2_500_000,
        "hop_s": 2_500_000,
        "axon_in": 1_500_000,
        "synaptic_ops_dense": 500_000,
        "synaptic_ops_sparse": 1 * PJ,
        "update_inactive": 4 * PJ,
        "update_active": 10 * PJ,
        "static": 65_000,
    }
    assert rows["hop_n"]["count"] == 1 and rows["hop_n"]["price_aj"] == 2_500_000
    assert rows["inject"]["energy_j"] == 8e-12
    assert rows["inject"]["share"] == 8 * PJ / (36 * PJ + 65_000)


def test_the_table_by_core_is_the_one_worked_out_by_hand() -> None:
    rows = by_label(ledger().table("core"), "core")
    found = {core: (row["tile"], row["x"], row["y"], row["energy_aj"]) for core, row in rows.items()}
    assert found == {
        0: (0, 0, 0, 19 * PJ),
        5: (2, 0, 1, 12 * PJ),
        "mesh and host": (None, None, None, 5 * PJ),
        "static": (None, None, None, 65_000),
    }
    assert rows[5]["update_active"] == 1 and rows["mesh and host"]["host_in"] == 2


def test_the_table_by_link_has_a_row_for_each_link_that_carried_something() -> None:
    rows = by_label(ledger().table("link"), "link")
    found = {link: (row["tile"], row["direction"], row["energy_aj"]) for link, row in rows.items()}
    assert found == {
        "(0, 0) N": (0, "N", 2_500_000),
        "(0, 1) S": (2, "S", 2_500_000),
        "everything else": (None, None, 31 * PJ),
        "static": (None, None, 65_000),
    }
    assert rows["(0, 0) N"]["hop_n"] == 1 and rows["everything else"]["hop_n"] == 0


def test_the_table_by_population_books_packets_on_their_sender() -> None:
    rows = by_label(ledger().table("population"), "population")
    found = {name: (row["kind"], row["n"], row["energy_aj"]) for name, row in rows.items()}
    assert found == {
        "in": ("source", 2, 2 * PJ),
        "hidden": ("population", 2, 20_500_000),
        "out": ("population", 1, 13_500_000),
        "no population": (None, None, 0),
        "static": (None, None, 65_000),
    }


def test_the_table_by_tick_splits_static_energy_over_the_ticks() -> None:
    rows = ledger().table("tick")
    assert [(row["sample"], row["tick"], row["tick_ps"]) for row in rows] == [
        (0, 0, 19),
        (0, 1, 25),
        (0, 2, 21),
    ]
    assert [row["dynamic_aj"] for row in rows] == [5 * PJ, 15_500_000, 15_500_000]
    assert [row["static_aj"] for row in rows] == [19_000, 25_000, 21_000]
    assert [row["energy_aj"] for row in rows] == [5_019_000, 15_525_000, 15_521_000]


def test_ticks_of_a_batch_are_named_by_sample_and_tick() -> None:
    rows = ledger(dataclasses.replace(RECORD, n_samples=3, n_ticks=1, batched=True)).table("tick")
    assert [(row["sample"], row["tick"]) for row in rows] == [(0, 0), (1, 0), (2, 0)]


def test_without_timing_the_total_is_dynamic_and_everything_says_so() -> None:
    found = price(small_record(PROGRAM, timed=False), PROGRAM.chip, PROGRAM)
    assert found.static_j is None and found.static_aj is None
    assert found.total_j == found.dynamic_j == 36e-12
    assert "static not included: run without timing" in repr(found)
    for by in TABLES[:-1]:
        *_, last = found.table(by)
        assert next(iter(last.values())) == "static (run without timing: not included)"
        assert last["energy_aj"] == 0
    assert [row["static_aj"] for row in found.table("tick")] == [None] * 3


def test_the_ledger_shows_its_sums() -> None:
    assert repr(ledger(static_power_mw=4)) == (
        "<Ledger 3.626e-11 J: dynamic 3.6e-11 J, static 2.6e-13 J; 9.065e-12 J per transmitted spike>"
    )


def test_a_record_can_be_priced_again_by_another_chip() -> None:
    """Loihi as published: Davies et al. 2018, table 2 (loihi-spice), and SANA-FE's calibration (loihi)."""
    spice, fitted = (price(RECORD, load_chip(name), PROGRAM) for name in ("loihi-spice", "loihi"))
    # in units of 0.1 pJ: 4 inactive, 5 active, 2 sent, 4 synaptic operations, 2 hops north or south
    assert spice.dynamic_aj == (4 * 520 + 5 * 810 + 2 * 17 + 4 * 236 + 2 * 40) * PJ // 10
    # the same with 2 dense and 2 sparse operations, and 2 spikes
    tenths = 4 * 512 + 5 * (512 + 216) + 2 * 693 + 2 * 1110 + 2 * 355 + 2 * 336 + 2 * 42
    assert fitted.dynamic_aj == tenths * PJ // 10
    assert spice.static_aj == fitted.static_aj == 104 * 1000 * 65
    # the mesh is that of the run, not that of the prices
    assert [row["core"] for row in fitted.table("core")][:2] == [0, 5]
    assert fitted.table("core")[1]["tile"] == 2


def test_a_record_of_another_program_is_refused() -> None:
    other = dataclasses.replace(PROGRAM, image=PROGRAM.image.replace(syn_mant=np.array([2, 4, 6, 8, 10])))
    with pytest.raises(SimulationError, match="record of another program than that of network 'small'"):
        price(RECORD, PROGRAM.chip, other)


@pytest.mark.parametrize("by", ["events", "", None, 3])
def test_a_wrong_breakdown_lists_the_choices(by: Any) -> None:
    with pytest.raises(SimulationError, match="choose from event, core, link, population, tick"):
        ledger().table(by)


def test_counts_name_every_event_and_the_sums() -> None:
    found = counts(RECORD)
    assert list(found) == [*EVENTS, *DERIVED]
    assert found["packets"] == 4 and found["synaptic_ops"] == 4
    assert (found["inject"], found["host_in"], found["barrier"], found["update_active"]) == (2, 2, 3, 5)
    assert all(type(value) is int for value in found.values())


def test_every_price_belongs_to_an_event_and_the_rest_is_free() -> None:
    assert set(PRICE_OF.values()) == set(type(PROGRAM.chip.energy_pj).model_fields)
    free = {event for event, price_aj in ledger(energy_pj__hop_chip=1).prices_aj.items() if price_aj == 0}
    assert free == {"transmitted", "dropped", "lost", "host_in", "host_out", "eject", "barrier"}


@pytest.mark.parametrize("pj", [0.1, 0.3, 23.6, 1e-6, 999.999999, 123456.789012, 10**9])
def test_decimal_prices_are_exact(pj: float) -> None:
    found = ledger(energy_pj__spike=pj)
    assert found.prices_aj["spikes"] == round(pj * PJ)
    assert isinstance(found.dynamic_aj, int)


def test_silence_transmits_nothing_and_costs_no_transmission() -> None:
    silent = dataclasses.replace(
        RECORD,
        spikes=RECORD.spikes[:0],
        counts_by_tick=table(*[{"update_inactive": 3, "barrier": 1}] * 3),
        counts_by_core=table({"update_inactive": 6}, {"update_inactive": 3}, {"barrier": 3}),
        counts_by_group=table({}, {"update_inactive": 6}, {"update_inactive": 3}, {"barrier": 3}),
        link_counts=RECORD.link_counts * 0,
    )
    found = ledger(silent)
    assert (found.per_spike_j, found.per_packet_j, found.per_synaptic_op_j) == (None, None, None)
    assert "no spike transmitted" in repr(found)
    costly = [row["event"] for row in found.table("event") if row["energy_aj"]]
    assert costly == ["update_inactive", "static"]
    assert [row["link"] for row in found.table("link")] == ["everything else", "static"]


def test_an_empty_run_costs_nothing() -> None:
    timing = RECORD.timing
    assert timing is not None
    empty = dataclasses.replace(
        RECORD,
        n_ticks=0,
        counts_by_tick=RECORD.counts_by_tick[:0],
        counts_by_core=RECORD.counts_by_core * 0,
        counts_by_group=RECORD.counts_by_group * 0,
        link_counts=RECORD.link_counts * 0,
        timing=dataclasses.replace(timing, tick_ps=timing.tick_ps[:0]),
    )
    found = ledger(empty)
    assert found.total_aj == 0 and found.static_j == 0.0
    assert found.table("tick") == []
    assert all(row["share"] == 0.0 for by in TABLES for row in found.table(by))


def test_where_a_clock_ends_the_ticks_their_time_is_known_without_timing() -> None:
    clocked = dataclasses.replace(
        PROGRAM, chip=PROGRAM.chip.replace({"domain": "fixed", "tick_ps": 30, "barrier_ps": None})
    )
    found = price(small_record(PROGRAM, timed=False), clocked.chip, clocked)
    assert found.static_aj == 3 * 30 * 1000  # 1 mW: 1000 aJ per ps
    assert found.total_aj == 36 * PJ + found.static_aj
    assert [row["tick_ps"] for row in found.table("tick")] == [30] * 3
    assert next(iter(found.table("core")[-1].values())) == "static"
    # prices of a chip with another clock change no time
    assert price(small_record(PROGRAM, timed=False), PROGRAM.chip, clocked).static_aj == found.static_aj


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any counts, booked as an engine does: on a tick, a core and an account each, hops on a link too."""
    large = draw(st.sampled_from([3, 10**6, 2**55]))
    n_ticks = draw(st.integers(1, 4))
    shapes = {"counts_by_tick": n_ticks, "counts_by_core": 3, "counts_by_group": 4}
    tables = {name: np.zeros((rows, len(EVENTS)), dtype=np.int64) for name, rows in shapes.items()}
    links = np.zeros((4, 4), dtype=np.int64)
    for _ in range(draw(st.integers(0, 12))):
        event, n = draw(st.sampled_from(EVENTS)), draw(st.integers(0, large))
        for name, rows in shapes.items():
            tables[name][draw(st.integers(0, rows - 1)), EVENT_ID[event]] += n
        if event in HOPS:
            links[draw(st.integers(0, 3)), DIRECTIONS.index(event[-1].upper())] += n
    timing = None
    if draw(st.booleans()):
        assert RECORD.timing is not None
        tick_ps = np.array(draw(st.lists(st.integers(0, 2**62), min_size=n_ticks, max_size=n_ticks)))
        timing = dataclasses.replace(RECORD.timing, tick_ps=tick_ps)
    return dataclasses.replace(RECORD, n_ticks=n_ticks, **tables, link_counts=links, timing=timing)


def chip_prices(draw: st.DrawFn) -> dict[str, float]:
    amounts = st.integers(0, 10**15).map(lambda aj: aj / PJ) | st.integers(0, 10**6).map(lambda aj: aj / PJ)
    prices = {f"energy_pj.{key}": draw(amounts) for key in sorted(set(PRICE_OF.values()))}
    return prices | {"static_power_mw": draw(st.integers(0, 10**12)) / 1000}


@given(st.data())
def test_every_breakdown_adds_up_to_the_total_exactly(data: st.DataObject) -> None:
    record = data.draw(records())
    program: Program = PROGRAM
    found = price(record, program.chip.replace(data.draw(st.composite(chip_prices)())), program)
    prices_pj = found.chip.energy_pj
    exact = sum(
        sum(record.counts_by_tick[:, EVENT_ID[event]].tolist()) * round(getattr(prices_pj, key) * PJ)
        for event, key in PRICE_OF.items()
    )
    assert found.dynamic_aj == exact
    if record.timing is not None:
        assert found.static_aj == sum(record.timing.tick_ps.tolist()) * round(
            found.chip.static_power_mw * 1000
        )
    for by in TABLES:
        rows = found.table(by)
        assert sum(row["energy_aj"] for row in rows) == found.total_aj, by
        assert all(type(row["energy_aj"]) is int for row in rows), by
        assert len({tuple(row) for row in rows}) == 1, by  # the same columns in each row
        if by != "event":
            for event in EVENTS:
                assert sum(row[event] or 0 for row in rows) == found.counts[event], (by, event)
        shares = sum(row["share"] for row in rows)
        assert shares == pytest.approx(1.0 if found.total_aj else 0.0)
