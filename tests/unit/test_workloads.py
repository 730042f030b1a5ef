"""Small workloads of the field: their answers are known from logic, calculus, or a plain loop."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from emulator.bench.attention import R_MAX, attention, inputs, kernel, rest_curve, solve
from emulator.bench.outcome import Outcome
from emulator.bench.poisson_drive import Drive, poisson_drive, remembering_loop, scanning_loop
from emulator.bench.xor import network, xor
from emulator.chip.events import EVENT_ID
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.generators import drawn_spikes
from emulator.errors import SimulationError
from emulator.formats import load_chip


@cache
def small_attention() -> Outcome:
    return attention(n_units=64, count_ticks=4000)


def test_xor_is_always_right_and_its_spikes_and_operations_are_counted(engine: str) -> None:
    numbers = xor(engine, n_streams=4, n_pairs=30).numbers
    assert numbers["accuracy"] == 1.0
    shown = {(case["a"], case["b"]): case["n"] for case in numbers["cases"]}
    assert sum(shown.values()) == 120
    for case in numbers["cases"]:
        assert case["fired"] == (case["n"] if case["a"] != case["b"] else 0)
    # a bit reaches both hidden neurons; where one bit alone is set, a hidden neuron reaches the output
    ones = 2 * shown[1, 1] + shown[0, 1] + shown[1, 0]
    differ = shown[0, 1] + shown[1, 0]
    assert numbers["counts"]["synaptic_ops"] == 2 * ones + differ
    assert numbers["counts"]["spikes"] == 2 * differ
    assert numbers["energy_per_pair_j"] > numbers["dynamic_per_pair_j"] > 0
    # no weight is 0, and a pair of bits is one of 30 of a stream
    assert numbers["metrics"]["connection_sparsity"] == 0
    effective = numbers["metrics"]["synaptic_operations"]["effective_acs"]
    assert effective == numbers["counts"]["synaptic_ops"] / 4


def test_xor_is_always_right_on_crossbars_too() -> None:
    numbers = xor(chip="truenorth", n_streams=4, n_pairs=30).numbers
    assert numbers["accuracy"] == 1.0
    assert numbers["rewrites"][-1]["exact"]


def test_xor_answers_a_pair_two_ticks_later() -> None:
    raster = np.zeros((5, 2), dtype=bool)
    raster[0, 1] = True
    result = run(compile(network(), load_chip("loihi")), 5, {"bits": raster})
    assert result.spikes("xor").tolist() == [[2, 0]]


def test_xor_of_nothing_is_refused() -> None:
    with pytest.raises(SimulationError, match="xor of 0 streams of 5 pairs: at least one of each"):
        xor(n_streams=0, n_pairs=5)


def test_weak_recurrence_has_the_solution_of_linear_algebra() -> None:
    weak, drive = np.array([[0.2, 0.1], [0.0, 0.5]]), np.array([1.0, 2.0])
    found = solve(weak, drive, lambda total: np.maximum(0, total))
    # (1 - W) r = d: r2 = 2 / 0.5 = 4, r1 = (1 + 0.4) / 0.8 = 1.75
    assert found.converged and found.rates == pytest.approx([1.75, 4.0], abs=1e-6)


def test_strong_recurrence_has_no_solution_and_saturates() -> None:
    strong, drive = np.array([[2.0]]), np.array([0.5])
    assert not solve(strong, drive, lambda total: np.maximum(0, total)).converged
    capped = solve(strong, drive, lambda total: np.clip(total, 0, R_MAX))
    assert capped.converged and capped.rates == pytest.approx([R_MAX])
    # r = t / (1 + t / 5), t = 0.5 + 2 r: 2 r^2 - 4.5 r - 2.5 = 0
    rested = solve(strong, drive, rest_curve)
    assert rested.rates == pytest.approx([(4.5 + np.sqrt(4.5**2 + 20)) / 4], abs=1e-6)


def test_the_model_is_the_published_one() -> None:
    assert kernel(np.array([0.0, 1.31, 1e3])) == pytest.approx([6.0, -2.5 + 8.5 * np.exp(-0.5), -2.5])
    assert inputs(np.array([0.0])) == pytest.approx([0.46 + 0.66 + 0.089 - 1])


def test_spikes_come_to_the_rates_of_neurons_that_rest() -> None:
    numbers = small_attention().numbers
    assert numbers["has_solution"] is False and numbers["gain_of_active"] > 1
    assert numbers["solutions"]["saturated"]["converged"] and numbers["solutions"]["with_rest"]["converged"]
    assert numbers["against_with_rest"]["correlation"] > 0.99
    assert numbers["against_with_rest"]["rms_of_r_max"] < 0.05
    assert numbers["measured"]["peak"] < R_MAX
    assert numbers["energy_j"] > numbers["dynamic_j"] > 0


def test_attention_says_that_there_is_no_solution() -> None:
    assert "no solution: rates ran away" in small_attention().text
    ((name, draw),) = small_attention().pictures
    assert name == "attention-profiles" and draw().startswith(b"\x89PNG")


def test_attention_of_one_unit_is_refused() -> None:
    with pytest.raises(SimulationError, match="attention of 1 units, 10 ticks: at least 2 units and a tick"):
        attention(n_units=1, count_ticks=10)


@pytest.mark.parametrize("loop", [scanning_loop, remembering_loop])
def test_the_loop_sums_decays_and_fires_as_worked_out_by_hand(loop: object) -> None:
    # spikes in ticks 0 and 1 act in ticks 1 and 2: v = 640, then trunc(640 * 4092 / 4096) + 640 = 1279 > 1278
    drive = Drive(trains=[[0.0, 1e-5]], weights=[[10]], threshold=1278)
    assert loop(drive, 4) == [(2, 0)]  # type: ignore[operator]
    high = Drive(trains=[[0.0, 1e-5]], weights=[[10]], threshold=1279)
    assert loop(high, 4) == []  # type: ignore[operator]


def test_engine_and_loops_fire_alike_on_the_same_draws() -> None:
    outcome = poisson_drive(n_trains=400, n_ticks=600, targets=(1, 5), seed=3)
    for row in outcome.numbers["rows"]:
        assert row["same_spikes"] is True
        assert abs(row["given_z"]) < 5
        assert row["synaptic_ops"] == pytest.approx(row["given_spikes"] * row["n_targets"], rel=0.02)
    assert any(row["compared_spikes"] for row in outcome.numbers["rows"])
    assert "same spikes" in outcome.text


def test_drawn_spikes_are_those_of_the_run() -> None:
    outcome = poisson_drive(n_trains=40, n_ticks=500, targets=(1,), seed=5)
    (result,) = outcome.results.values()
    spikes = drawn_spikes(result.program, 500, seed=5)
    by_tick = np.bincount(spikes[:, 0], minlength=500)
    assert np.array_equal(by_tick, result.record.counts_by_tick[:, EVENT_ID["host_in"]])


def test_a_drive_of_nothing_is_refused() -> None:
    with pytest.raises(SimulationError, match="poisson-drive of 3 trains, 10 ticks"):
        poisson_drive(n_trains=3, n_ticks=10)
