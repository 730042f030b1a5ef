"""Two ledgers held against each other, re-pricing, and prices known as ranges. Amounts worked out by hand."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

import emulator as em
from emulator.chip.estimate import Estimate
from emulator.energy import COMPARED, Ledger, price
from emulator.engine import Result
from emulator.errors import SimulationError, SpecError
from emulator.report import comparison_numbers, comparison_text, result_text
from emulator.testing.small_run import small_program, small_record, table

PJ = 10**6  # aJ
PROGRAM = small_program()
RECORD = small_record(PROGRAM)


def ledger(**changes: Any) -> Ledger:
    """The small run at the chip's own prices, with changes."""
    return price(RECORD, PROGRAM.chip, PROGRAM).reprice({k.replace("__", "."): v for k, v in changes.items()})


def busier() -> Ledger:
    """A run of the same program with two ticks' spikes more: 4 spikes instead of 2, each of 3 pJ."""
    changed = {}
    for name in ("counts_by_tick", "counts_by_core", "counts_by_group"):
        changed[name] = getattr(RECORD, name).copy()
        changed[name][1] += table({"spikes": 2})[0]
    return price(dataclasses.replace(RECORD, **changed), PROGRAM.chip, PROGRAM)


def row_of(rows: list[dict[str, Any]], label: Any) -> dict[str, Any]:
    return next(row for row in rows if next(iter(row.values())) == label)


def test_a_run_compared_with_itself_differs_in_nothing() -> None:
    found = ledger().compare(ledger())
    assert found.difference_aj == 0 and found.difference_j == 0.0
    assert set(found.parts_aj.values()) == {0}
    for by in COMPARED:
        rows = found.table(by)
        assert len(rows) == len(ledger().table(by))
        parts = ("difference_aj", "from_counts_aj", "from_prices_aj", "from_both_aj")
        assert all(row[part] == 0 for row in rows for part in parts)


def test_more_spikes_at_the_same_price_come_from_counts() -> None:
    found = ledger().compare(busier())
    assert found.difference_aj == 6 * PJ
    assert found.parts_aj == {"from_counts_aj": 6 * PJ, "from_prices_aj": 0, "from_both_aj": 0}
    row = row_of(found.table("event"), "spikes")
    assert (row["count_a"], row["count_b"], row["price_a_aj"], row["price_b_aj"]) == (2, 4, 3 * PJ, 3 * PJ)
    assert (row["energy_a_aj"], row["energy_b_aj"], row["difference_j"]) == (6 * PJ, 12 * PJ, 6e-12)
    # row 1 of counts_by_core is core 5, row 1 of counts_by_group the population hidden
    assert row_of(found.table("core"), 5)["difference_aj"] == 6 * PJ
    assert row_of(found.table("core"), 0)["difference_aj"] == 0
    assert row_of(found.table("population"), "hidden")["difference_aj"] == 6 * PJ


def test_the_same_spikes_at_another_price_come_from_prices() -> None:
    found = ledger().compare(ledger(energy_pj__spike=3.5, static_power_mw=2))
    # 2 spikes of 0.5 pJ more; 65 ps at 1 mW more
    assert row_of(found.table("event"), "spikes")["from_prices_aj"] == 1 * PJ
    assert row_of(found.table("event"), "static")["from_prices_aj"] == 65_000
    assert found.parts_aj == {"from_counts_aj": 0, "from_prices_aj": 1 * PJ + 65_000, "from_both_aj": 0}


def test_what_both_changed_together_is_told_apart() -> None:
    found = ledger().compare(busier().reprice({"energy_pj.spike": 10}))
    # 4 x 10 - 2 x 3 = 34 pJ: 2 more x 3, 2 old x 7, 2 more x 7
    assert found.difference_aj == 34 * PJ
    assert list(found.parts_aj.values()) == [6 * PJ, 14 * PJ, 14 * PJ]


def test_links_that_one_run_alone_used_are_compared_with_nothing() -> None:
    links = RECORD.link_counts.copy()
    links[0, 2], links[1, 2] = 0, 1  # the hop north was that of tile 1
    other = price(dataclasses.replace(RECORD, link_counts=links), PROGRAM.chip, PROGRAM)
    rows = ledger().compare(other).table("link")
    assert row_of(rows, "(0, 0) N")["difference_aj"] == -2_500_000
    assert row_of(rows, "(1, 0) N")["difference_aj"] == 2_500_000
    assert sum(row["difference_aj"] for row in rows) == 0


def test_static_energy_is_left_out_when_a_run_was_not_timed() -> None:
    untimed = price(small_record(PROGRAM, timed=False), PROGRAM.chip, PROGRAM)
    found = ledger().compare(untimed)
    assert not found.static_compared and found.difference_aj == 0
    assert repr(found) == "<Comparison +0 J, static energy left out>"
    a, b = Result(RECORD, PROGRAM), Result(untimed.record, PROGRAM)
    assert "left out of both: a run was made without timing" in comparison_text(a, b)
    assert comparison_numbers(a, b)["static_compared"] is False


def test_a_comparison_is_shown_with_its_parts_and_its_largest_differences() -> None:
    a = Result(RECORD, PROGRAM)
    text = comparison_text(a, Result(busier().record, PROGRAM).reprice({"energy_pj.spike": 10}))
    assert "36.1 pJ: 'small' on tiny, 3 ticks, 2 cores on 2 tiles" in text
    assert "b less a             +34.0 pJ, +94.3 %" in text
    cells = next(line for line in text.splitlines() if line.startswith("  spike")).split("  ")
    assert [cell.strip() for cell in cells if cell.strip()] == [
        "spike",
        "2",
        "4",
        "+34.0 pJ",
        "+6.00 pJ",
        "+14.0 pJ",
        "+14.0 pJ",
    ]
    assert "Both cost the same, event by event." in comparison_text(a, a)
    assert "mesh and host" not in comparison_text(a, a, "core")


@pytest.mark.parametrize("by", ["tick", "", None])
def test_a_wrong_comparison_lists_the_choices(by: Any) -> None:
    with pytest.raises(SimulationError, match="choose from event, core, link, population"):
        ledger().compare(ledger()).table(by)


def test_a_result_is_priced_by_a_chip_a_name_a_file_or_changes(tmp_path: Any) -> None:
    result = Result(RECORD, PROGRAM)
    spice = em.load_chip("loihi-spice")
    path = tmp_path / "dear.yaml"
    path.write_text(
        "inherits: tiny\nname: dear\ndescription: x\nreal_chip: false\nenergy_pj:\n  spike: 1000\n"
    )
    assert result.reprice(spice).energy.total_aj == result.reprice("loihi-spice").energy.total_aj
    assert result.reprice(path).energy.total_aj - result.energy.total_aj == 2 * 997 * PJ
    twice = result.reprice({"energy_pj.spike": 4}).reprice({"static_power_mw": 0})
    assert twice.energy.total_aj == 38 * PJ  # the first change is kept
    assert result.energy.total_aj == 36_065_000  # a new result: this one is as it was
    assert "at the prices of loihi-spice" in result_text(result.reprice(spice))


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        (
            {"mesh.width": 4},
            "price 'mesh.width' of chip 'tiny': no price, choose from energy_pj",
        ),
        (
            {"energy_pj.spikes": 4},
            "choose from .*static_power_mw; what else a chip has takes another run",
        ),
        (5, "prices 5: give a chip, or a table such as"),
    ],
)
def test_what_is_no_price_is_refused(prices: Any, words: str) -> None:
    with pytest.raises(SimulationError, match=words):
        ledger().reprice(prices)


def test_a_price_out_of_range_is_refused_by_the_chip() -> None:
    with pytest.raises(SpecError, match=r"energy_pj\.spike: -1, must be at least 0"):
        ledger(energy_pj__spike=-1)


RANGE = {"value": 3, "low": 2, "high": 5}


def test_totals_take_the_ends_of_ranges() -> None:
    found = ledger(energy_pj__spike=RANGE, static_power_mw={"value": 1, "low": 0.5, "high": 1})
    assert found.is_range and not ledger().is_range
    # 2 spikes of 1 pJ less or 2 pJ more; 65 ps at 0.5 mW
    assert found.total_aj == 36_065_000
    assert found.low.total_aj == 34 * PJ + 32_500
    assert found.high.total_aj == 40_065_000
    assert ledger().low.total_aj == ledger().high.total_aj == ledger().total_aj
    for bound in (found.low, found.high):
        assert sum(row["energy_aj"] for row in bound.table("core")) == bound.total_aj


def test_reports_say_what_ranges_leave_open() -> None:
    result = Result(RECORD, PROGRAM)
    assert "within a range" not in result_text(result)
    text = result_text(result.reprice({"energy_pj.spike": RANGE}))
    *_, section = text.split("What prices known within a range leave open")
    spike, total = (line.split("  ") for line in section.splitlines()[3:5])
    assert [cell.strip() for cell in spike if cell.strip()] == ["spike", "2", "4.00 pJ", "6.00 pJ", "10.0 pJ"]
    assert [cell.strip() for cell in total if cell.strip()] == ["total", "34.1 pJ", "36.1 pJ", "40.1 pJ"]
    assert "all prices at that end at once, 17 % of the total apart" in section


def test_a_range_is_a_number_to_whoever_wants_one() -> None:
    chip = PROGRAM.chip.replace({"energy_pj.spike": RANGE})
    spike = chip.energy_pj.spike
    assert spike == 3.0 and spike + 1 == 4.0 and hash(spike) == hash(3.0)
    assert isinstance(spike, Estimate) and (spike.value, spike.low, spike.high) == (3.0, 2.0, 5.0)
    assert spike == Estimate(3.0, 2.0, 5.0) and spike != Estimate(3.0, 2.0, 4.0) and spike != "3"
    assert repr(spike) == str(spike) == "3.0 (2.0 .. 5.0)"
    for copied in (pickle.loads(pickle.dumps(spike)), copy.deepcopy(spike)):
        assert copied == spike


def test_a_range_survives_files_and_changes() -> None:
    chip = PROGRAM.chip.replace({"energy_pj.spike": RANGE})
    assert chip.to_dict()["energy_pj"]["spike"] == RANGE
    assert em.ChipSpec.from_dict(chip.to_dict()).energy_pj.spike == chip.energy_pj.spike
    assert chip.replace({"mesh.fifo_depth": 2}).energy_pj.spike == chip.energy_pj.spike
    assert chip.replace({"energy_pj.spike.low": 1}).energy_pj.spike == Estimate(3.0, 1.0, 5.0)
    assert not isinstance(chip.replace({"energy_pj.spike": 4}).energy_pj.spike, Estimate)
    assert chip.replace({"energy_pj.spike": chip.energy_pj.spike}).energy_pj == chip.energy_pj


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": 3, "low": 4, "high": 5}, "value 3 outside low 4 .. high 5: put it between them"),
        ({"value": 3, "low": 1}, "a range with value, low, must have value, low, high and nothing else"),
        ({**RANGE, "mean": 3}, "a range with value, low, high, mean, must have"),
        ({**RANGE, "low": -1}, "energy_pj.spike: -1, must be at least 0"),
        ({**RANGE, "high": "x"}, "energy_pj.spike: 'x', must be a number"),
        ({**RANGE, "low": 0.0000001}, "must not have more than 6 decimals"),
    ],
)
def test_a_wrong_range_is_refused(given: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        PROGRAM.chip.replace({"energy_pj.spike": given})


def test_the_price_of_links_between_chips_is_a_range() -> None:
    hop = em.load_chip("kapoho-bay").energy_pj.hop_chip
    assert isinstance(hop, Estimate) and hop.low < hop < hop.high
