"""The laws of the emulator as properties, on random networks of crossbar cores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.engine import native
from emulator.engine.stimulus import build_drive
from emulator.testing import Case, crossbar_cases, first_difference
from emulator.testing.crossbars import crossbar_chip

BASE = crossbar_chip()
profile = settings().max_examples
# 500 examples, and as many as there are of other laws in `make test-long`
twin_law = settings(max_examples=max(10, profile // 2) if profile <= 1000 else profile)
law = settings(max_examples=max(10, profile // 6))
wide_search = pytest.mark.skipif(profile < 1000, reason="looks through many runs: nightly profile")
unshrunk = settings(max_examples=2000, phases=[Phase.generate])


def compiled(case: Case) -> em.Program:
    return em.compile(case.network, case.chip)


def run(case: Case, program: em.Program, **arguments: Any) -> em.Result:
    return em.run(program, case.n_ticks, case.stimulus, **{"seed": case.seed, **arguments})


@wide_search
def test_the_runs_drawn_drop_packets_and_send_to_the_host() -> None:
    """Else the laws below would say nothing of them."""

    def has_all(case: Case) -> bool:
        counts = run(case, compiled(case), timing=False).counts
        return counts["dropped"] > 0 and counts["host_out"] > 0

    find(crossbar_cases(BASE, faulty=True), has_all, settings=unshrunk)


@wide_search
def test_the_runs_drawn_have_full_cores_on_boards_with_overruns() -> None:
    def has_all(case: Case) -> bool:
        full = any(core.n == core.n_axons == 256 for core in case.network.cores)
        if not full or case.chip.tick_ps is None or case.chip.n_chips == 1:
            return False
        result = run(case, compiled(case))
        return len(result.overruns) > 0 and result.counts["hop_chip"] > 0

    find(crossbar_cases(BASE), has_all, settings=unshrunk)


@twin_law
@given(crossbar_cases(BASE, faulty=True))
def test_twin_native_and_reference_records_are_equal(case: Case) -> None:
    program = compiled(case)
    reference, own = (run(case, program, engine=engine) for engine in ("reference", "native"))
    assert first_difference(reference.record, own.record) is None


@law
@given(crossbar_cases(BASE, max_side=2))
def test_twin_traces_are_equal(case: Case) -> None:
    program = compiled(case)
    reference, own = (run(case, program, engine=engine, trace=True) for engine in ("reference", "native"))
    assert first_difference(reference.record, own.record) is None
    assert len(own.trace.row) == own.counts["packets"]


@law
@given(crossbar_cases(BASE, faulty=True), st.integers(2, 4))
def test_no_bit_depends_on_the_number_of_threads(case: Case, threads: int) -> None:
    program = compiled(case)
    one, more = (run(case, program, threads=n) for n in (1, threads))
    assert first_difference(one.record, more.record) is None


@law
@given(crossbar_cases(BASE, faulty=True), st.booleans())
def test_no_bit_depends_on_the_way_to_update_neurons(case: Case, timing: bool) -> None:
    program = compiled(case)
    drive = build_drive(
        program,
        case.n_ticks,
        case.stimulus,
        batch=None,
        state=None,
        timing=timing,
        seed=case.seed,
        trace=False,
    )
    plain, *others = (
        native.run(program.image, case.chip, drive, level=level) for level in range(native.BEST + 1)
    )
    for level, other in enumerate(others, 1):
        assert first_difference(plain, other) is None, level


@law
@given(crossbar_cases(BASE, faulty=True))
def test_twin_holds_without_timing_and_counts_are_those_with_timing(case: Case) -> None:
    program = compiled(case)
    timed = run(case, program)
    reference, own = (run(case, program, engine=engine, timing=False) for engine in ("reference", "native"))
    assert first_difference(reference.record, own.record) is None
    for name in ("spikes", "counts_by_tick", "counts_by_core", "counts_by_group", "link_counts"):
        assert np.array_equal(getattr(own.record, name), getattr(timed.record, name)), name


@law
@given(crossbar_cases(BASE, faulty=True), st.data())
def test_split_runs_equal_one_run(case: Case, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, case.n_ticks))
    program = compiled(case)
    engines = [data.draw(st.sampled_from(("reference", "native"))) for _ in range(2)]
    whole = run(case, program)
    begin = {name: raster[:cut] for name, raster in case.stimulus.items()}
    rest = {name: raster[cut:] for name, raster in case.stimulus.items()}
    first = em.run(program, cut, begin, engine=engines[0], seed=case.seed)
    left = case.n_ticks - cut
    second = em.run(program, left, rest, engine=engines[1], state=first.state, seed=case.seed)
    joined = np.concatenate([first.record.spikes, second.record.spikes + np.array([cut, 0])])
    assert np.array_equal(joined, whole.record.spikes)
    tables = np.concatenate([first.record.counts_by_tick, second.record.counts_by_tick])
    assert np.array_equal(tables, whole.record.counts_by_tick)
    assert np.array_equal(np.concatenate([first.tick_ps, second.tick_ps]), whole.tick_ps)
    for name in ("v", "pending"):
        assert np.array_equal(getattr(second.state, name), getattr(whole.state, name)), name


@law
@given(crossbar_cases(BASE, faulty=True), st.integers(1, 3), st.integers(1, 3), st.data())
def test_twin_holds_in_a_batch_that_goes_on(
    case: Case, n_samples: int, threads: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, case.n_ticks))
    program = compiled(case)
    rest = {name: np.stack([raster[cut:]] * n_samples) for name, raster in case.stimulus.items()}
    first = em.run(program, cut, batch=n_samples, seed=case.seed)
    same: dict[str, Any] = {"batch": n_samples, "state": first.state, "seed": case.seed}
    left = case.n_ticks - cut
    reference = em.run(program, left, rest, engine="reference", **same)
    own = em.run(program, left, rest, engine="native", threads=threads, **same)
    assert first_difference(reference.record, own.record) is None


def added_in_order(network: em.Network, order: list[int]) -> em.Network:
    """The same cores, added in another order; none is pinned."""
    other = em.Network(network.name)
    new_place = {old: new for new, old in enumerate(order)} | {-1: -1}
    for old in order:
        core = network.cores[old]
        goal = [new_place[int(target)] for target in np.broadcast_to(core.target_core, core.n)]
        other.add_core(
            core.name,
            core.crossbar,
            core.axon_types,
            core.neurons,
            goal,
            core.target_axon,
            core.delay,
            to_host=core.to_host,
            record_spikes=core.record_spikes,
        )
    return other


@law
@given(crossbar_cases(BASE, drawn=False), st.data())
def test_order_of_adding_never_changes_a_spike(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.network.cores))))
    first = run(case, compiled(case), timing=False)
    second = run(case, em.compile(added_in_order(case.network, order), case.chip), timing=False)
    for core in case.network.cores:
        if core.record_spikes:
            assert np.array_equal(first.spikes(core.name), second.spikes(core.name)), core.name
    for event in ("spikes", "transmitted", "synaptic_ops", "update_active", "axon_in"):
        assert first.counts[event] == second.counts[event], event


@law
@given(crossbar_cases(BASE, faulty=True))
def test_every_packet_sent_is_delivered_once_or_dropped(case: Case) -> None:
    result = run(case, compiled(case))
    counts = result.counts
    assert counts["packets"] == counts["eject"] + counts["host_out"] + counts["dropped"]
    assert counts["eject"] == counts["axon_in"]
    for table in (result.record.counts_by_core, result.record.counts_by_group):
        assert np.array_equal(table.sum(axis=0), result.record.counts_by_tick.sum(axis=0))
    by = ("event", "core", "link", "population", "tick")
    assert len({sum(row["energy_aj"] for row in result.energy.table(by=name)) for name in by}) == 1
