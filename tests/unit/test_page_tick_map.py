"""The page's tables of ticks and cores: what recorded spikes caused must be what the engine counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.events import EVENT_ID
from emulator.report.page import activity, tick_map
from emulator.report.page.activity import KNOWN, ways_of
from emulator.report.page.senders import drivers, residents
from emulator.report.page.tick_map import CORE_EVENTS, Steps, TickMap, choose_steps
from emulator.testing.crossbar_strategies import crossbar_cases
from emulator.testing.small_run import small_program, small_record
from emulator.testing.strategies import Case, cases

BASE = em.load_chip("tiny")
CROSSBARS = em.load_chip("truenorth")
FEW = settings(max_examples=settings.default.max_examples // 15)
"""A run to compile and to read for each: the long test run has hundreds."""


def mapped(result: em.Result) -> TickMap:
    return tick_map.tick_map(result, ways_of(result.program))


def run(case: Case, *, stimulus: bool = True, batch: int | None = None) -> em.Result:
    program = em.compile(case.network, case.chip, mapping=case.mapping or None)
    given = case.stimulus if stimulus else {}
    if batch is not None:
        given = {name: np.stack([raster] * batch) for name, raster in given.items()}
    return em.run(program, case.n_ticks, given, batch=batch, seed=case.seed)


def assert_explains(result: em.Result) -> None:
    """No more is known than was counted, in any core, tick or link; sums are those of the record."""
    found, record = mapped(result), result.record
    n = found.steps.n_steps
    for rest in (found.rest_of_core, found.rest_of_step, found.rest_of_link, found.link_rest_of_step):
        assert (rest >= 0).all()
    known = found.known[:, :n].sum(axis=1)
    of_core = record.counts_by_core[:-1, [EVENT_ID[event] for event in CORE_EVENTS]].T.copy()
    of_core[: len(KNOWN)] -= known
    np.testing.assert_array_equal(of_core, found.rest_of_core)
    np.testing.assert_array_equal(found.rest_of_core.sum(axis=1), found.rest_of_step[:, :n].sum(axis=1))
    assert record.timing is not None and (found.core_ps <= record.timing.done_ps).all()


def is_recorded(result: em.Result) -> bool:
    return all(part.recorded for part in result.program.symbols.populations)


@FEW
@given(cases(BASE, faulty=True), st.sampled_from((None, 2)))
def test_recorded_spikes_never_cause_more_than_was_counted(case: Case, batch: int | None) -> None:
    assert_explains(run(case, batch=batch))


@FEW
@given(crossbar_cases(CROSSBARS, max_side=3, faulty=True))
def test_nor_do_those_of_crossbar_cores(case: Case) -> None:
    assert_explains(run(case))


@FEW
@given(cases(BASE, poisson=False, faulty=True))
def test_in_ticks_without_packets_of_the_host_they_cause_all(case: Case) -> None:
    result = run(case)
    if activity.is_lossy(result.program) or not is_recorded(result):
        return
    found, record = mapped(result), result.record
    silent = record.counts_by_tick[:, EVENT_ID["host_in"]] == 0
    assert not found.rest_of_step[: len(KNOWN), : found.steps.n_steps][:, silent].any()
    assert not found.link_rest_of_step[:, : found.steps.n_steps][:, silent].any()


@FEW
@given(crossbar_cases(CROSSBARS, max_side=3, faulty=True))
def test_without_a_host_crossbar_cores_are_explained_whole(case: Case) -> None:
    result = run(case, stimulus=False)
    if is_recorded(result):
        assert not mapped(result).rest_of_core[: len(KNOWN)].any()


def bursting(chip: em.ChipSpec) -> em.Program:
    """Four neurons that fire by their bias, each to all others, on three tiles."""
    net = em.Network("bursting")
    cells = net.add_population("cells", 4, em.LoihiCuba(du=4095, dv=0, vth_mant=3, bias_mant=64, bias_exp=0))
    net.connect(cells, cells, weights=np.ones((4, 4), dtype=np.int64), synapse=em.LoihiSynapse(w_exp=0))
    return em.compile(net, chip, mapping={"cells": np.array([0, 1, 2, 6])})


@pytest.mark.parametrize("multicast", ["none", "tree"])
def test_links_are_known_with_and_without_multicast(tiny: em.ChipSpec, multicast: str) -> None:
    result = em.run(bursting(tiny.replace({"mesh.multicast": multicast})), 12)
    assert result.counts["spikes"] > 0 and result.record.link_counts.any()
    found = mapped(result)
    assert not found.rest_of_core[: len(KNOWN)].any() and not found.rest_of_link.any()
    np.testing.assert_array_equal(
        found.known_links.sum(axis=0), np.asarray(result.record.link_counts).ravel()[found.links]
    )


def test_the_run_worked_out_by_hand_is_told_tick_by_tick() -> None:
    program = small_program()
    found = mapped(em.Result(small_record(program), program))
    assert found.known[KNOWN.index("spikes")].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert found.known[KNOWN.index("inject")].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert found.known[KNOWN.index("axon_in")].tolist() == [[0, 0], [0, 1], [0, 0]]  # tick 0: the host's
    assert found.rest_of_core[KNOWN.index("axon_in")].tolist() == [2, 0]
    assert found.links.tolist() == [2, 11] and found.known_links.tolist() == [[0, 0], [1, 0], [0, 1]]


def test_drivers_of_a_core_are_told_by_their_spikes_and_the_only_source_by_the_rest() -> None:
    program = small_program()
    result = em.Result(small_record(program), program)
    driven, rest = drivers(result, ways_of(program))
    assert (driven.core.tolist(), driven.part.tolist(), driven.n_ops.tolist()) == ([0, 1], [0, 1], [3, 1])
    assert rest.tolist() == [0, 0]
    held = residents(result)
    assert (held.core.tolist(), held.part.tolist(), held.n_ops.tolist()) == ([0, 1], [1, 2], [2, 1])


def test_operations_of_two_sources_are_not_told_apart(tiny: em.ChipSpec) -> None:
    net = em.Network("two sources")
    cells = net.add_population("cells", 2, em.LoihiCuba(vth_mant=1000))
    for name in ("left", "right"):
        net.connect(net.add_source(name, 1), cells, weights=np.ones((1, 2), dtype=np.int64))
    result = em.run(em.compile(net, tiny), 2, {"left": np.ones((2, 1), bool), "right": np.ones((2, 1), bool)})
    driven, rest = drivers(result, ways_of(result.program))
    assert not len(driven.core) and rest.tolist() == [8]


@FEW
@given(cases(BASE))
def test_the_record_may_be_read_in_parts_of_any_size(case: Case) -> None:
    result = run(case)
    ways = ways_of(result.program)

    def tables(chunk: int) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(activity, "CHUNK", chunk)
            read = list(activity.stretches(result.record, result.program, ways))
        assert [part.first_row for part in read] == np.cumsum([0, *(p.table.shape[1] for p in read)])[
            :-1
        ].tolist()
        return np.concatenate([part.table for part in read], axis=1)

    np.testing.assert_array_equal(tables(1), tables(10**9))


@given(st.integers(1, 5000), st.integers(1, 10**6), st.integers(1, 400_000))
def test_steps_hold_every_tick_and_never_more_values_than_there_is_room_for(
    n_samples: int, n_ticks: int, n_places: int
) -> None:
    steps = choose_steps(n_samples, n_ticks, n_places)
    assert steps.width * steps.n_steps >= n_ticks > steps.width * (steps.n_steps - 1)
    assert steps.n_steps <= tick_map.MAX_STEPS and steps.n_shown <= n_samples
    room = steps.n_steps * steps.n_views * n_places
    assert room <= tick_map.MAX_VALUES or (steps.n_steps, steps.n_views) == (1, 1)


def test_samples_have_views_of_their_own_beside_their_sum() -> None:
    steps = Steps(n_samples=3, n_ticks=4, width=2, n_shown=2)
    out = np.zeros((steps.n_steps * steps.n_views, 1), dtype=np.int64)
    steps.summed(np.arange(12), 10 ** (np.arange(12) // 4)[:, None], out)
    assert out.ravel().tolist() == [222, 222, 2, 2, 20, 20]


def test_a_run_of_no_ticks_has_empty_tables() -> None:
    result = em.run(small_program(), 0)
    found = mapped(result)
    assert found.known.shape == (5, 0, 2) and not found.rest_of_core.any()
