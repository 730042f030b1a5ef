"""One spike, end to end: both engines return the record that was worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import emulator as em
from emulator.record import first_difference
from emulator.testing.small_run import N_TICKS, small_program, small_record

STIMULUS = {"in": [[0, 0], [0, 1]]}


@pytest.mark.parametrize("timing", [True, False])
def test_both_inputs_spiking_once_gives_the_record_worked_out_by_hand(engine: str, timing: bool) -> None:
    program = small_program()
    result = em.run(program, N_TICKS, STIMULUS, engine=engine, timing=timing)
    assert first_difference(small_record(program, timed=timing), result.record) is None


def test_a_saved_run_reads_and_goes_on_like_the_one_in_memory(engine: str, tmp_path: Path) -> None:
    result = em.run(small_program(), 2, STIMULUS, engine=engine)
    result.save(tmp_path / "r")
    found = em.load_record(tmp_path / "r")
    assert found.counts == result.counts
    assert found.energy.table("core") == result.energy.table("core")
    assert found.probe("hidden", "u").tolist() == result.probe("hidden", "u").tolist()
    went_on = [em.run(r.program, 3, engine=engine, state=r.state).record for r in (found, result)]
    assert first_difference(*went_on) is None
    assert went_on[0].spikes.tolist() == [[0, 2]]
