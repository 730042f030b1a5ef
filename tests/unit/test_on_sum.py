"""Weights whose exponent acts on the sum of a tick (rounding `lava`), beside others.

Known answers: the formula of the policy, written out with fractions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em

W_EXP = {"shallow": -2, "deep": -5, "left": 1, "each": -5}
MANTISSA = {"shallow": [6, -10], "deep": [30, -62], "left": [4, -8], "each": [30, -62]}
N_TICKS = 12


@pytest.fixture(scope="module")
def program() -> em.Program:
    """One neuron that shows its input in u; sources by the row of W_EXP that they connect with."""
    net = em.Network("sums")
    neuron = net.add_population("neuron", 1, em.LoihiCuba(du=4095, dv=4095, vth_mant=131071))
    for name, w_exp in W_EXP.items():
        source = net.add_source(name, 2)
        synapse = em.LoihiSynapse(w_exp=w_exp, rounding="floor" if name == "each" else "lava")
        weights = em.Triplets([0, 1], [0, 0], MANTISSA[name], [1, 3])
        net.connect(source, neuron, weights, synapse=synapse)
    net.probe(neuron, "u")
    return em.compile(net, em.load_chip("tiny"))


@pytest.fixture(scope="module")
def stimulus() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {name: rng.random((N_TICKS, 2)) < 0.5 for name in W_EXP}


def run(program: em.Program, stimulus: dict[str, np.ndarray], engine: str, **arguments: Any) -> em.Result:
    n_ticks = len(stimulus["each"])
    return em.run(program, n_ticks, stimulus, engine=engine, timing=False, **arguments)


def shifted(total: int, w_exp: int) -> int:
    return math.floor(Fraction(total) * Fraction(2) ** w_exp) * 64


def test_each_exponent_acts_on_its_own_sum(
    program: em.Program, stimulus: dict[str, np.ndarray], engine: str
) -> None:
    assert program.image.planes == (0, 2, 5)
    expected = []
    for tick in range(N_TICKS):
        arriving = {name: [] for name in W_EXP}
        for name, raster in stimulus.items():
            for i, delay in enumerate((1, 3)):
                if tick >= delay and raster[tick - delay, i]:
                    arriving[name].append(MANTISSA[name][i])
        on_sums = [shifted(sum(arriving[name]), W_EXP[name]) for name in ("shallow", "deep", "left")]
        one_by_one = [shifted(mantissa, W_EXP["each"]) for mantissa in arriving["each"]]
        expected.append(sum(on_sums) + sum(one_by_one))
    u = run(program, stimulus, engine).probe("neuron", "u")
    assert u.dtype == np.int64 and u[:, 0].tolist() == expected
    assert len(set(expected)) > 6


def test_sums_in_flight_survive_a_split_and_a_file(
    program: em.Program, stimulus: dict[str, np.ndarray], engine: str, tmp_path: Path
) -> None:
    whole = run(program, stimulus, engine).probe("neuron", "u")
    first = run(program, {name: raster[:5] for name, raster in stimulus.items()}, engine)
    assert first.state.pending.shape == (1, 3, 3) and first.state.pending[..., 1:].any()
    first.save(tmp_path / "first.rec")
    again = em.load_record(tmp_path / "first.rec")
    assert first.record.state.pending.tolist() == again.state.pending.tolist()
    rest = {name: raster[5:] for name, raster in stimulus.items()}
    second = run(again.program, rest, engine, state=again.state).probe("neuron", "u")
    assert np.array_equal(np.concatenate([first.probe("neuron", "u"), second]), whole)


def test_a_state_with_another_number_of_sums_or_32_bits_is_refused(
    program: em.Program, stimulus: dict[str, np.ndarray], engine: str
) -> None:
    state = run(program, stimulus, engine).state
    narrow = replace(state, u=state.u.astype(np.int32), pending=state.pending[..., :1])
    with pytest.raises(em.SimulationError) as caught:
        run(program, stimulus, engine, state=narrow)
    assert caught.value.problems == (
        "state: u is int32[1, 1], expected int64[1, 1]",
        "state: pending is int64[1, 3, 1], expected int64[1, 3, 3]",
    )
    odd = state.pending.copy()
    odd[0, 0] = [64, 1, 1]  # only the first is a sum of effective weights
    run(program, stimulus, engine, state=replace(state, pending=odd))
    odd[0, 0, 0] = 1
    with pytest.raises(em.SimulationError, match="pending has values that are no multiples of 64"):
        run(program, stimulus, engine, state=replace(state, pending=odd))
    odd[0, 0, 0] = 2**53
    with pytest.raises(em.SimulationError, match=f"pending has values .*{2**53}, the register holds"):
        run(program, stimulus, engine, state=replace(state, pending=odd))


def test_the_report_counts_no_loss_in_a_share_of_a_sum() -> None:
    lava, floor = em.Network(), em.Network()
    for net, rounding in ((lava, "lava"), (floor, "floor")):
        source, neuron = net.add_source("in", 2), net.add_population("a", 1, em.LoihiCuba())
        net.connect(source, neuron, [[4], [-6]], synapse=em.LoihiSynapse(-3, 8, "mixed", rounding))
    rows = [em.compile(net, em.load_chip("tiny")).stats["quantisation"][0] for net in (lava, floor)]
    assert rows[0]["sqnr_db"] is None and rows[0]["n_zeroed"] == 0
    assert rows[1]["sqnr_db"] is not None and rows[1]["n_zeroed"] == 1  # 4 / 8 acts as 0


@pytest.mark.parametrize("overflow", ["lava", "unbounded", "strict", "chip"])
def test_split_runs_join_under_every_policy(overflow: str, engine: str) -> None:
    net = em.Network("wide")
    source = net.add_source("in", 2)
    model = em.LoihiCuba(du=9, ds_offset=0, dv=40, vth_mant=131071)
    neuron = net.add_population("a", 2, model)
    # the largest weights leave the registers, which strict would refuse
    w_exp = -1 if overflow == "strict" else 7
    weights = em.Triplets([0, 1, 0], [0, 0, 1], [-254, -254, 254], [1, 4, 2])
    net.connect(source, neuron, weights, synapse=em.LoihiSynapse(w_exp=w_exp))
    net.probe(neuron, "v")
    program = em.compile(net, em.load_chip("tiny").replace({"arithmetic.overflow": overflow}))
    raster = np.random.default_rng(1).random((30, 2)) < 0.7
    whole = em.run(program, 30, {"in": raster}, engine=engine, timing=False)
    first = em.run(program, 13, {"in": raster[:13]}, engine=engine, timing=False)
    assert first.state.pending.any()
    second = em.run(program, 17, {"in": raster[13:]}, engine=engine, timing=False, state=first.state)
    joined = np.concatenate([first.probe("a", "v"), second.probe("a", "v")])
    assert np.array_equal(joined, whole.probe("a", "v"))
    assert joined.dtype == (np.int32 if overflow == "chip" else np.int64)
    assert np.array_equal(second.state.pending, whole.state.pending)
    if overflow == "unbounded":
        assert joined.min() < -(2**24)
