"""Sources with generators: what they let spike, what is refused and in which words, what is kept in files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import emulator as em
from emulator.chip.generators import PoissonInputs, RegularInputs, ScriptedInputs
from emulator.engine.stimulus import build_drive
from emulator.testing import first_difference

TINY = em.load_chip("tiny")
CHIP = TINY.replace({"limits": dict.fromkeys(type(TINY.limits).model_fields) | {"compartments": 64}})


def echo(*sources: tuple[int, Any], dt_s: float = 1e-3) -> em.Program:
    """Sources "in0", "in1", ... and for each a population that fires one tick after its input."""
    net = em.Network("echo", dt_s=dt_s)
    for i, (n, generator) in enumerate(sources):
        source = net.add_source(f"in{i}", n, generator)
        out = net.add_population(f"out{i}", n, em.LoihiCuba(vth_mant=0))
        net.connect(source, out, 2 * np.eye(n, dtype=np.int64))
    return em.compile(net, CHIP)


def drawn(program: em.Program, n_ticks: int, part: int = 0, **arguments: Any) -> NDArray[np.bool_]:
    """bool [n_ticks, n], with a batch [batch, n_ticks, n]: which inputs of source `part` spiked."""
    result = em.run(program, n_ticks + 1, timing=False, **arguments)
    return result.raster(f"out{part}")[..., 1:, :]


def refused(match: str, n: int, generator: Any, dt_s: float = 1e-3) -> None:
    with pytest.raises(em.DescriptionError, match=match):
        em.Network("net", dt_s).add_source("in", n, generator)


@pytest.mark.parametrize(
    ("match", "rate_hz"),
    [
        (r"'in': rate_hz\[1\] = 1001: .* 1.001 spikes per tick, limit 0..1, so 0..1000 Hz", [0, 1001, 0]),
        (r"dt_s = 0.001 s", 2000),
        (r"rate_hz\[0\] = -1: .*\(and 1 more\)", [-1, -2, 0]),
        (r"rate_hz\[0\] = nan", np.nan),
        (r"rate_hz\[1, 0\] = inf", [[1], [np.inf]]),
        (r"shape \[2\], expected a scalar, \[3\], \[n_ticks, 3\] or \[n_ticks, 1\]", [1, 2]),
        (r"shape \[4, 2\]", np.ones((4, 2))),
        (r"shape \[0, 3\]", np.ones((0, 3))),
        (r"shape \[1, 1, 3\]", np.ones((1, 1, 3))),
        ("'fast' is not a number", "fast"),
    ],
)
def test_rates_are_probabilities_of_a_tick(match: str, rate_hz: Any) -> None:
    refused(match, 3, em.Poisson(rate_hz))


@pytest.mark.parametrize(
    ("match", "generator"),
    [
        (r"period_ticks\[0\] = 0: outside 1..2147483647", em.Regular(0)),
        (r"phase_ticks\[1\] = -1: outside 0..2147483647", em.Regular(5, [0, -1, 3])),
        (r"period_ticks\[0\] = 1.5: must be an integer", em.Regular(1.5)),
        (r"^source .in.: period_ticks: shape \[2\], expected a scalar or \[3\]$", em.Regular([1, 2])),
        (r"float64\[2, 2\]; expected a bool raster \[n_ticks, 3\] or int", em.Scripted(np.ones((2, 2)))),
        (r"spikes bool\[4, 2\]", em.Scripted(np.ones((4, 2), dtype=bool))),
        (r"spikes float64\[\]", em.Scripted([[1], [2, 3]])),
        ("tick -1 of event 1 outside 0..", em.Scripted([[0, 0], [-1, 0]])),
        (r"tick 9 of event 0 outside 0..4 \(repeat_ticks is 5\)", em.Scripted([[9, 0]], 5)),
        (r"index 3 of event 0 outside 0..2 .*\(and 1 more\)", em.Scripted([[0, 3], [0, 4]])),
        ("raster of 6 ticks, repeat_ticks 5", em.Scripted(np.ones((6, 3), dtype=bool), 5)),
        ("repeat_ticks 0 must be an integer in 1..2147483647, or None", em.Scripted([[0, 0]], 0)),
        ("repeat_ticks True", em.Scripted([[0, 0]], True)),
        ("spikes uint64", em.Scripted(np.array([[2**63, 0]], dtype=np.uint64))),
        ("generator 5.0, choose from Poisson, Regular, Scripted, or None", 5.0),
    ],
)
def test_generators_are_checked_with_the_source_they_drive(match: str, generator: Any) -> None:
    refused(match, 3, generator)


def test_every_problem_of_a_source_is_reported_at_once() -> None:
    net = em.Network("net")
    net.add_source("in", 1)
    with pytest.raises(em.DescriptionError) as caught:
        net.add_source("in", 2, em.Regular([0, 1], -1))
    assert len(caught.value.problems) == 3


def test_a_network_has_room_for_as_many_sources_as_there_are_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.network.network.MAX_SOURCES", 1)
    net = em.Network("net")
    net.add_source("a", 1)
    with pytest.raises(em.DescriptionError, match="has 1 sources already, which is the limit"):
        net.add_source("b", 1)


def test_a_source_with_a_generator_takes_no_stimulus() -> None:
    program = echo((2, em.Poisson(10)), (2, None))
    for engine in ("native", "reference"):
        with pytest.raises(em.SimulationError, match=r"'in0': the source makes its own spikes \(Poisson\)"):
            em.run(program, 3, {"in0": np.zeros((3, 2), dtype=bool)}, engine=engine)


def test_a_run_beyond_a_table_of_rates_names_both_lengths() -> None:
    program = echo((2, em.Poisson(np.full((10, 1), 100.0))))
    with pytest.raises(em.SimulationError, match="'in0': rate_hz tells 10 ticks, this run has 11: run fewer"):
        em.run(program, 11)
    state = em.run(program, 7).state
    assert em.run(program, 3, state=state).state.n_ticks == 10
    with pytest.raises(em.SimulationError, match="tells 10 ticks, this run has 4 after the 7 of the state"):
        em.run(program, 4, state=state)


@pytest.mark.parametrize("seed", [-1, 0.5, True, None, 2**64])
def test_seeds_are_integers_of_64_bits(seed: Any) -> None:
    with pytest.raises(em.SimulationError, match="seed="):
        em.run(echo((1, em.Poisson(1))), 1, seed=seed)


@pytest.mark.parametrize("n_ticks", [-1, 2**40, 1.5, True])
def test_a_state_of_impossible_age_is_refused(n_ticks: Any) -> None:
    program = echo((1, em.Poisson(1)))
    state = dataclasses.replace(em.run(program, 1).state, n_ticks=n_ticks)
    with pytest.raises(em.SimulationError, match=r"state: n_ticks is .* limit 1099511627776"):
        em.run(program, 1, state=state)


@pytest.mark.parametrize(
    ("match", "generator"),
    [
        (r"threshold: shape \[3\]", PoissonInputs(np.zeros(3, dtype=np.int64))),
        ("threshold: values 0..4294967297, outside", PoissonInputs(np.array([0, 2**32 + 1]))),
        ("threshold: float64 values", PoissonInputs(np.zeros(2))),
        (r"shapes \[1\] and \[2\], expected both", RegularInputs(np.ones(1, int), np.ones(2, int))),
        ("period_ticks: values 0..0", RegularInputs(np.zeros(1, int), np.zeros(1, int))),
        (r"events: shape \[2\]", ScriptedInputs(np.zeros(2, int), None)),
        ("repeat_ticks: 0 outside", ScriptedInputs(np.zeros((0, 2), int), 0)),
        ("events: tick: values 7..7, outside 0..6", ScriptedInputs(np.array([[7, 0]]), 7)),
        ("events: index: values 2..2, outside 0..1", ScriptedInputs(np.array([[7, 2]]), None)),
        ("one is there twice", ScriptedInputs(np.array([[7, 1], [7, 1]]), None)),
    ],
)
def test_a_generator_made_by_hand_is_checked_before_it_runs(match: str, generator: Any) -> None:
    program = echo((2, em.Poisson(10)))
    parts = tuple(
        dataclasses.replace(part, generator=generator) if part.kind == "source" else part
        for part in program.symbols.parts
    )
    broken = dataclasses.replace(program, symbols=dataclasses.replace(program.symbols, parts=parts))
    with pytest.raises(em.SimulationError, match=match):
        em.run(broken, 1)


def test_regular_sources_beat_at_their_phase_and_period(engine: str) -> None:
    program = echo((2, em.Regular(3, 1)), (3, em.Regular([1, 2, 5], [4, 0, 9])))
    alike, each = (drawn(program, 10, part, engine=engine) for part in (0, 1))
    assert [np.flatnonzero(column).tolist() for column in alike.T] == [[1, 4, 7], [1, 4, 7]]
    assert [np.flatnonzero(column).tolist() for column in each.T] == [
        [4, 5, 6, 7, 8, 9],
        [0, 2, 4, 6, 8],
        [9],
    ]


@pytest.mark.parametrize(
    ("repeat", "expected"), [(None, [[0, 1], [3, 0]]), (4, [[0, 1], [3, 0], [4, 1], [7, 0], [8, 1]])]
)
def test_scripts_are_played_once_or_over_and_over(repeat: int | None, expected: Any, engine: str) -> None:
    raster = np.zeros((4, 2), dtype=bool)
    raster[0, 1] = raster[3, 0] = True
    for spikes in (raster, [[3, 0], [0, 1], [3, 0]]):
        program = echo((2, em.Scripted(spikes, repeat)))
        assert np.argwhere(drawn(program, 10, engine=engine)).tolist() == expected
        batch = drawn(program, 10, engine=engine, batch=2)
        assert all(np.argwhere(sample).tolist() == expected for sample in batch)


@pytest.mark.parametrize("repeat", [None, 7])
def test_scripts_and_beats_go_on_where_a_run_stopped(repeat: int | None, engine: str) -> None:
    events = [[0, 0], [2, 1], [6, 0]]
    program = echo((2, em.Scripted(events, repeat)), (2, em.Regular(5, [3, 11])), (1, em.Scripted([])))
    whole = em.run(program, 30, engine=engine)
    spikes, state, begin = [], None, 0
    for n_ticks in (1, 0, 9, 20):
        result = em.run(program, n_ticks, engine=engine, state=state)
        spikes.append(result.record.spikes + np.array([begin, 0]))
        state, begin = result.state, begin + n_ticks
    assert np.array_equal(np.concatenate(spikes), whole.record.spikes)
    assert len(whole.record.spikes) > 8


def test_rates_at_both_ends_are_certain(engine: str) -> None:
    # 49 * (1 / 49) rounds to less than 1, 1 / 3e-3 * 3e-3 may round to more.
    assert not drawn(echo((5, em.Poisson(0))), 20, engine=engine).any()
    for dt_s in (1e-3, 1 / 49, 3e-3, 7e-4, 0.1):
        program = echo((5, em.Poisson(1 / dt_s)), dt_s=dt_s)
        assert drawn(program, 20, engine=engine).all()


def test_rates_of_each_input_and_tick_are_kept() -> None:
    rates = np.array([10.0, 100.0, 400.0, 900.0])
    n_ticks = 20_000
    found = drawn(echo((4, em.Poisson(rates))), n_ticks).sum(axis=0)
    p = rates * 1e-3
    assert (np.abs(found - n_ticks * p) < 5 * np.sqrt(n_ticks * p * (1 - p))).all()
    steps = np.repeat([50.0, 0.0, 1000.0, 300.0], 50)[:, np.newaxis]
    found = drawn(echo((200, em.Poisson(np.append(steps, [[0.0]], axis=0)))), 200)
    for number, p_tick in enumerate((0.05, 0.0, 1.0, 0.3)):
        n, spikes = 50 * 200, int(found[50 * number : 50 * number + 50].sum())
        assert abs(spikes - n * p_tick) <= 5 * np.sqrt(n * p_tick * (1 - p_tick))
    ramp = np.tile(np.linspace(0, 1000, 101), (21, 1))
    found = drawn(echo((101, em.Poisson(ramp))), 20).mean(axis=0)
    assert found[0] == 0 and found[-1] == 1 and np.corrcoef(found, ramp[0])[0, 1] > 0.95


def _correlation(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Between two sets of draws, in standard deviations of what independent ones show."""
    x, y = a.ravel() - a.mean(), b.ravel() - b.mean()
    return float(abs((x * y).mean() / (x.std() * y.std())) * np.sqrt(x.size))


def test_neighbours_in_input_tick_sample_stream_and_seed_are_independent() -> None:
    program = echo((64, em.Poisson(300)), (64, em.Poisson(300)))
    a = drawn(program, 1000, batch=2, seed=1)
    others = {
        "input": (a[..., :-1], a[..., 1:]),
        "block": (a[..., :-4], a[..., 4:]),
        "tick": (a[:, :-1], a[:, 1:]),
        "sample": (a[0], a[1]),
        "stream": (a, drawn(program, 1000, 1, batch=2, seed=1)),
        "seed": (a, drawn(program, 1000, batch=2, seed=2)),
        "high word of the seed": (a, drawn(program, 1000, batch=2, seed=1 + 2**32)),
    }
    for name, (left, right) in others.items():
        assert not np.array_equal(left, right), name
        assert _correlation(left, right) < 5, name
    counts = a.sum(axis=-1)  # of 64 independent inputs: binomial, so neither bunched nor spread out evenly
    expected = 64 * 0.3 * 0.7
    assert abs(counts.var() - expected) < 5 * expected * np.sqrt(2 / counts.size)


def test_draws_depend_on_nothing_but_their_name(engine: str) -> None:
    whole = drawn(echo((6, em.Poisson(300))), 30, seed=3)
    wider = drawn(echo((9, em.Poisson(300)), (2, em.Poisson(100))), 30, seed=3, engine=engine)
    assert np.array_equal(wider[:, :6], whole)  # more inputs, another source after it
    assert np.array_equal(drawn(echo((6, em.Poisson(300))), 30, seed=3, batch=3, engine=engine)[0], whole)
    assert np.array_equal(drawn(echo((6, em.Poisson(np.full((40, 6), 300)))), 30, seed=3), whole)


def test_a_large_source_is_split_and_batched_alike_on_both_engines() -> None:
    program = echo((200, em.Poisson(200)), (70, em.Poisson(np.linspace(0, 1000, 70))))
    whole, native = (em.run(program, 12, batch=2, seed=9, engine=e) for e in ("reference", "native"))
    assert first_difference(whole.record, native.record) is None
    first = em.run(program, 5, batch=2, seed=9)
    second = em.run(program, 7, batch=2, seed=9, state=first.state)
    joined = np.concatenate([first.raster("out0"), second.raster("out0")], axis=1)
    assert np.array_equal(joined, whole.raster("out0"))


def test_sources_by_host_and_by_generator_share_a_tick(engine: str) -> None:
    program = echo((2, None), (3, em.Regular(2)), (2, None), (1, em.Scripted([[2, 0]])))
    raster = np.ones((3, 2), dtype=bool)
    result = em.run(program, 3, {"in0": raster, "in2": [[1, 1]]}, engine=engine)
    assert result.counts["host_in"] == 6 + 2 * 3 + 1 + 1
    drive = build_drive(program, 3, {"in2": [[1, 1]]}, batch=None, state=None, timing=True)
    assert drive.event_input.tolist() == [6, 7]  # the host's and the script's; beats are the engine's


def test_files_keep_generators(tmp_path: Path) -> None:
    given = (
        em.Poisson(100),
        em.Poisson([1.5, 2.5]),
        em.Poisson(np.full((9, 2), 7, dtype=np.float32)),
        em.Regular(3),
        em.Regular([3, 4], 1),
        em.Scripted(np.eye(2, dtype=bool)),
        em.Scripted([[4, 1]], 6),
        None,
    )
    net = em.Network("kept")
    for i, generator in enumerate(given):
        net.add_source(f"in{i}", 2, generator)
    out = net.add_population("out", 2, em.LoihiCuba(vth_mant=0))
    for source in net.sources:
        net.connect(source, out, 2 * np.eye(2, dtype=np.int64))
    net.save(tmp_path / "a.net")
    program = em.compile(net, CHIP)
    program.save(tmp_path / "a.prog")
    expected = em.run(program, 9, seed=4)
    expected.save(tmp_path / "a.rec")
    again = em.compile(em.load_network(tmp_path / "a.net"), CHIP)
    loaded = em.load_record(tmp_path / "a.rec")
    for other in (again, em.load_program(tmp_path / "a.prog"), loaded.program):
        assert first_difference(em.run(other, 9, seed=4).record, expected.record) is None
    assert first_difference(loaded.record, expected.record) is None
    assert loaded.state.n_ticks == 9
