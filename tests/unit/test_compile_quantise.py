"""Pass quantise: populations in physical units become the chip's integers, and what that cost is reported.

Known answers are hand arithmetic on the chip's formats: an effective weight is mantissa * 2**w_exp * 64, a
threshold vth_mant * 64, a bias mantissa * 2**exponent; 22 bits hold a tick's input, 24 bits u and v.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator import arith
from emulator.compiler.ir import Quantised, SynapseGroup
from emulator.compiler.quantise import quantise
from emulator.compiler.rounding import bias_format, threshold_mantissa
from emulator.compiler.weight_format import Distinct, WeightFormat

DT_S = 1e-3
LEAKLESS = {"tau_mem_s": math.inf}
HALVING = {"tau_mem_s": 2 * DT_S, "integrator": "forward"}


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("loihi")


def network(model: Any, *weights: Any, n: int = 1, **population: Any) -> em.Network:
    """A population `a`, and a source for each matrix of weights [n_inputs, n]."""
    net = em.Network("net", dt_s=DT_S)
    a = net.add_population("a", n, model, **population)
    for i, matrix in enumerate(weights):
        given = np.asarray(matrix, dtype=np.float64)
        net.connect(net.add_source(f"in{i}", len(given)), a, given)
    return net


def only(result: Quantised) -> SynapseGroup:
    (group,) = result.groups
    return group


def acting(group: SynapseGroup) -> np.ndarray:
    """Effective weights in LSB."""
    return group.mantissa.astype(np.int64) * 64 * 2.0**group.w_exp


# the scale


def test_binary_weights_and_thresholds_get_the_largest_power_of_two_that_fits(chip: em.ChipSpec) -> None:
    # a tick brings 0.5 at most, 22 bits hold 2**21 - 1: 2**21 is the last power of two with 0.5 * S below
    result = quantise(network(em.LIF(**LEAKLESS, threshold=1.0), [[0.5], [-0.25]]), chip)
    row, group = result.report[0], only(result)
    assert row["scale"] == 2**21
    assert (group.sign_mode, group.w_exp, group.mantissa.tolist()) == ("mixed", 7, [128, -64])
    assert group.weight_bits == 3  # -128, -64, 0, 64 .. of 9 bits with sign, six lost
    assert result.neurons["vth_mant"].tolist() == [2**21 // 64]
    assert (row["sqnr_db"], row["threshold_error"], row["n_clipped"]) == (None, 0.0, 0)


@pytest.mark.parametrize(("sign", "mode"), [(1, "excitatory"), (-1, "inhibitory")])
def test_weights_of_one_sign_use_all_eight_bits(chip: em.ChipSpec, sign: int, mode: str) -> None:
    # 255 levels of one sign; one synapse to a neuron, so 255 * S < 2**21 holds for S = 2**13
    weights = sign * np.diag(np.arange(1.0, 256.0))
    result = quantise(network(em.LIF(**LEAKLESS, threshold=64.0), weights, n=255), chip)
    group = only(result)
    assert result.report[0]["scale"] == 2**13
    assert (group.sign_mode, group.w_exp, group.weight_bits) == (mode, 7, 8)
    assert group.mantissa.tolist() == [sign * k for k in range(1, 256)]
    assert result.report[0]["sqnr_db"] is None


def test_a_few_large_weights_get_an_exponent_of_their_own(chip: em.ChipSpec) -> None:
    # one exponent: steps of at least 2 * 1000 / 254 = 7.9 for weights of +-1 to +-9, which all but vanish
    small = np.tile([1.0, -2.0, 4.0, -7.0, 9.0], 40)
    result = quantise(network(em.LIF(**LEAKLESS, threshold=500.0), np.append(small, 1000.0)[:, None]), chip)
    assert [group.w_exp for group in result.groups] == result.report[0]["projections"][0]["w_exp"]
    large, fine = (max(result.groups, key=lambda g: g.w_exp), min(result.groups, key=lambda g: g.w_exp))
    assert large.pre.tolist() == [201] and len(fine.pre) == 200  # sender 0 is the neuron itself
    assert result.report[0]["sqnr_db"] is None or result.report[0]["sqnr_db"] > 60
    assert result.report[0]["n_zeroed"] == 0


def test_the_reported_noise_is_that_of_the_mantissas(chip: em.ChipSpec) -> None:
    weights = np.random.default_rng(5).normal(size=(40, 3))
    result = quantise(network(em.LIF(tau_mem_s=10e-3), weights, n=3), chip)
    row, group = result.report[0], only(result)
    error = acting(group) / row["scale"] - weights.ravel()
    assert row["sqnr_db"] == pytest.approx(10 * np.log10((weights**2).sum() / (error**2).sum()))
    assert 38 < row["sqnr_db"] < 50  # steps of 2 in +-254: a peak of about 2.5 sigma gives 42 dB
    assert row["n_weights"] == 120


def test_worst_case_input_fits_its_register_when_weights_allow(chip: em.ChipSpec) -> None:
    # 300 equal weights arriving at once: at the scale of a single one the sum would wrap
    result = quantise(network(em.LIF(**LEAKLESS, threshold=50.0), np.ones((300, 1))), chip)
    row = result.report[0]
    assert 2**20 <= row["worst_case_input"] <= 2**21 - 1 == row["input_limit"]
    assert row["worst_case_input"] == acting(only(result)).sum()
    assert row["sqnr_db"] is None and row["notes"] == []


def test_inputs_that_would_wrap_are_named_when_the_bound_would_cost_the_weights(chip: em.ChipSpec) -> None:
    # 20,000 inputs of one sign and 8 bits: within the register the largest would have 104 steps of 64
    weights = np.linspace(0.003, 1.0, 20_000)[:, None]
    row = quantise(network(em.LIF(**LEAKLESS, threshold=100.0), weights), chip).report[0]
    assert row["sqnr_db"] > 40 and row["worst_case_input"] > row["input_limit"]
    assert row["notes"] == ["if all inputs fire at once, their sum wraps at 22 bits"]


def test_worst_case_current_of_a_slow_filter_fits_its_register(chip: em.ChipSpec) -> None:
    # kept 15/16 a tick: u can reach 16 times the input of one tick
    model = em.LIF(**LEAKLESS, tau_syn_s=16 * DT_S, integrator="forward", threshold=4.0)
    row = quantise(network(model, np.ones((8, 1))), chip).report[0]
    assert row["scale"] * 8 * 16 <= 2**23 - 1 < row["scale"] * 8 * 16 * 4
    assert row["worst_case_current"] == pytest.approx(row["scale"] * 8 * 16)


def test_projections_into_a_population_share_its_scale_but_not_their_exponent(chip: em.ChipSpec) -> None:
    result = quantise(network(em.LIF(**LEAKLESS, threshold=64.0), [[32.0]], [[0.25]]), chip)
    first, second = result.groups
    scale = result.report[0]["scale"]
    assert first.w_exp > second.w_exp
    assert (acting(first)[0], acting(second)[0]) == (32 * scale, 0.25 * scale)


def test_gains_of_the_target_are_part_of_its_weights(chip: em.ChipSpec) -> None:
    model = em.LIF(**LEAKLESS, threshold=8.0, gain_mem=[1.0, 2.0, 4.0], gain_syn=[1.0, 1.0, -0.5])
    result = quantise(network(model, [[1.0, 1.0, 1.0]], n=3), chip)
    assert (acting(only(result)) / result.report[0]["scale"]).tolist() == [1.0, 2.0, -2.0]
    assert only(result).sign_mode == "mixed"


def test_a_weight_that_rounds_to_zero_stays_a_synapse(chip: em.ChipSpec) -> None:
    weights = np.array([[1.0], [1.0], [-1e-7]])
    result = quantise(network(em.LIF(tau_mem_s=7e-3, threshold=0.3), weights), chip)
    assert sum(len(group.pre) for group in result.groups) == 3
    assert [g.mantissa[g.pre == 3].tolist() for g in result.groups if (g.pre == 3).any()] == [[0]]
    assert result.report[0]["n_zeroed"] == 1


def test_a_population_without_input_is_scaled_by_its_threshold(chip: em.ChipSpec) -> None:
    result = quantise(network(em.LIF(**LEAKLESS, threshold=0.5, bias=2.0**-7)), chip)
    scale = result.report[0]["scale"]
    assert result.neurons["vth_mant"][0] * 64 == 0.5 * scale
    assert arith.bias_value(result.neurons["bias_mant"], result.neurons["bias_exp"])[0] == scale / 128


def test_a_readout_that_cannot_fire_does_not_set_the_scale(chip: em.ChipSpec) -> None:
    # leaks 1/2 a tick: v stays below 2, so a threshold of a billion is never met; v is clipped at it anyway
    result = quantise(network(em.LIF(**HALVING, threshold=1e9), [[1.0]]), chip)
    assert result.report[0]["scale"] >= 2**20
    assert result.neurons["vmax"][0] == result.neurons["vth_mant"][0] * 64 == 131071 * 64
    assert result.report[0]["notes"] == ["neurons that never fire, as no input reaches their threshold: 1"]


# one neuron's registers


def test_voltages_count_from_the_reset(chip: em.ChipSpec) -> None:
    model = em.LIF(**HALVING, threshold=3.0, reset=-1.0, leak=1.0, bias=0.25)
    result = quantise(network(model, [[1.0]], v0=2.0), chip)
    neurons, scale = result.neurons, result.report[0]["scale"]
    assert neurons["dv"][0] == 2048
    assert neurons["vth_mant"][0] * 64 == (3 - -1) * scale
    # 1/2 * (leak - reset) + bias
    assert arith.bias_value(neurons["bias_mant"], neurons["bias_exp"])[0] == (1 + 0.25) * scale
    assert neurons["v0"][0] == (2 - -1) * scale


def test_v_settles_at_the_leak_although_the_decay_is_rounded(chip: em.ChipSpec) -> None:
    # dt / tau = 1/1000 is 4.096 of 4096, rounded to 4
    model = em.LIF(tau_mem_s=1000 * DT_S, integrator="forward", threshold=50.0, leak=8.0)
    result = quantise(network(model, [[1.0]]), chip)
    assert result.neurons["dv"][0] == 4
    bias = arith.bias_value(result.neurons["bias_mant"], result.neurons["bias_exp"])[0]
    assert bias / result.report[0]["scale"] * 4096 / 4 == pytest.approx(8.0, rel=1e-3)
    assert result.report[0]["decay_error_mem"] == pytest.approx(0.001 - 4 / 4096)


@pytest.mark.parametrize(
    ("tau_syn_s", "du", "ds_offset"),
    [(None, 4095, 1), (math.inf, 0, 0), (2 * DT_S, 2047, 1), (4096 * DT_S, 0, 1)],
)
def test_the_chips_own_offset_is_taken_off_the_current_decay(
    chip: em.ChipSpec, tau_syn_s: float | None, du: int, ds_offset: int
) -> None:
    model = em.LIF(**LEAKLESS, tau_syn_s=tau_syn_s, integrator="forward")
    neurons = quantise(network(model, [[1.0]]), chip).neurons
    assert (neurons["du"][0], neurons["ds_offset"][0]) == (du, ds_offset)


def test_both_integrators_are_those_of_the_model(chip: em.ChipSpec) -> None:
    for integrator, kept in (("forward", 0.9), ("exponential", math.exp(-0.1))):
        model = em.LIF(tau_mem_s=10 * DT_S, integrator=integrator)
        assert quantise(network(model, [[1.0]]), chip).neurons["dv"][0] == round((1 - kept) * 4096)


def test_a_membrane_that_forgets_at_once_keeps_one_part_in_4096(chip: em.ChipSpec) -> None:
    result = quantise(network(em.LIF(tau_mem_s=DT_S, integrator="forward"), [[1.0]]), chip)
    assert result.neurons["dv"][0] == 4095
    assert result.report[0]["decay_error_mem"] == pytest.approx(1 / 4096)


@pytest.mark.parametrize(
    ("lsb", "mantissa", "exponent"),
    [
        (0.4, 0, 0),
        (4095.0, 4095, 0),
        (4096.0, 2048, 1),
        (-4096.0, -4096, 0),
        (-4098.0, -2049, 1),
        (524160.0, 4095, 7),
        (-524288.0, -4096, 7),
        (8190.4, 4095, 1),
    ],
)
def test_a_bias_takes_the_smallest_exponent_that_holds_it(lsb: float, mantissa: int, exponent: int) -> None:
    assert [array.tolist() for array in bias_format(np.array([lsb]))] == [[mantissa], [exponent]]


@pytest.mark.parametrize(
    ("lsb", "mantissa"), [(63.9, 0), (64.0, 1), (64 * (1 - 1e-9), 1), (127.9, 1), (64.0 * 131071, 131071)]
)
def test_a_threshold_is_rounded_down_to_the_grid_of_weights(lsb: float, mantissa: int) -> None:
    assert threshold_mantissa(np.array([lsb])).tolist() == [mantissa]


def test_whole_weights_fire_over_a_fractional_threshold_exactly_when_they_should(chip: em.ChipSpec) -> None:
    # whole spikes of weight 1 and a threshold of 2.7: the third spike fires; with 3 it is the fourth
    for threshold, expected in ((2.7, 3), (3.0, 4), (3.2, 4)):
        net = network(em.LIF(**LEAKLESS, threshold=threshold), [[1.0]])
        result = em.run(em.compile(net, chip), 8, {"in0": np.ones((8, 1), bool)}, timing=False)
        assert result.spikes("a")[0, 0] == expected  # the k-th spike arrives in tick k


def test_initial_states_are_scaled_and_a_late_start_is_prepared(chip: em.ChipSpec) -> None:
    model = em.LIF(**HALVING, tau_syn_s=2 * DT_S, threshold=8.0, reset=-1.0, leak=-1.0, gain_mem=0.5)
    result = quantise(network(model, [[1.0]], v0=0.0, u0=2.0, start_tick=2), chip)
    neurons, scale = result.neurons, result.report[0]["scale"]
    # u halves twice, 4, 2, 1, on its way to 0.5 * 2; v - reset = 1 is reached from x by (x / 2 + 2) / 2 + 1
    assert neurons["u0"][0] == 4 * scale
    assert neurons["v0"][0] == -4 * scale
    assert (result.report[0]["start_tick"], result.report[0]["start_residual_lsb"]) == (2, 0)


def test_a_start_that_cannot_be_prepared_is_reported(chip: em.ChipSpec) -> None:
    # 20 halvings back the initial voltage does not fit the register
    net = network(em.LIF(**HALVING, threshold=1.0), [[1.0]], v0=-0.5, start_tick=20)
    row = quantise(net, chip).report[0]
    assert row["start_residual_lsb"] > 0
    assert "off by up to" in " ".join(row["notes"])


# groups


def test_groups_number_senders_through_neurons_then_inputs(chip: em.ChipSpec) -> None:
    net = em.Network(dt_s=DT_S)
    first, second = net.add_source("s", 2), net.add_source("t", 3)
    a, b = (net.add_population(name, 4, em.LIF(**LEAKLESS)) for name in "ab")
    net.connect(second, b, em.Triplets([2, 0], [1, 3], [1.0, 1.0]), delay_ticks=5)
    net.connect(a, b, em.Triplets([3, 3, 0], [2, 0, 1], [1.0, 1.0, 1.0]))
    net.connect(first, a, em.Triplets([1], [0], [1.0]), delay_ticks=2)
    net.connect(b, a, np.zeros((4, 4)))  # no synapse, no group
    result = quantise(net, chip)
    assert (result.n_neurons, result.n_inputs) == (8, 5)
    found = [(g.projection_id, g.pre.tolist(), g.post.tolist(), g.delay_bits) for g in result.groups]
    # neurons of a: 0..3, of b: 4..7; inputs of s: 8, 9, of t: 10..12
    assert found == [(0, [10, 12], [7, 5], 3), (1, [0, 3, 3], [5, 4, 6], 0), (2, [9], [0], 1)]
    assert [row["name"] for row in result.report] == ["a", "b"]


def given_weights(mantissas: Any, **synapse: Any) -> em.Network:
    """One row of integer weights onto a LoihiCuba population."""
    row = np.asarray([mantissas])
    net = em.Network("given")
    a = net.add_population("a", row.shape[1], em.LoihiCuba())
    source = net.add_source("in", 1)
    triplets = em.Triplets(np.zeros(row.shape[1], int), range(row.shape[1]), row[0])
    net.connect(source, a, triplets, synapse=em.LoihiSynapse(**synapse))
    return net


def test_given_mantissas_lose_the_bits_that_are_not_stored(chip: em.ChipSpec) -> None:
    result = quantise(given_weights([3, 100, -5], weight_bits=8), chip)
    assert only(result).mantissa.tolist() == [2, 100, -4]
    signal, noise = 3**2 + 100**2 + 5**2, 1 + 0 + 1
    assert result.report[0]["sqnr_db"] == pytest.approx(10 * math.log10(signal / noise))
    assert result.report[0]["scale"] is None


@pytest.mark.parametrize(
    ("rounding", "stored"), [("toward_zero", [96, -96]), ("floor", [96, -128]), ("nearest", [128, -128])]
)
def test_given_mantissas_are_rounded_as_asked(chip: em.ChipSpec, rounding: str, stored: list[int]) -> None:
    group = only(quantise(given_weights([112, -112], weight_bits=4, rounding=rounding), chip))
    assert group.mantissa.tolist() == stored


def test_clipped_given_weights_are_counted(chip: em.ChipSpec) -> None:
    # 255 to the nearest even is 256, which mixed mode lacks; -256 * 2**7 * 64 is 64 over the weight limit
    nearest = quantise(given_weights([255, 254], rounding="nearest"), chip)
    assert only(nearest).mantissa.tolist() == [254, 254] and nearest.report[0]["n_clipped"] == 1
    largest = quantise(given_weights([-256, -254], w_exp=7), chip)
    assert only(largest).mantissa.tolist() == [-256, -254] and largest.report[0]["n_clipped"] == 1
    floor = quantise(given_weights([-255, -8], rounding="floor", sign_mode="inhibitory", weight_bits=4), chip)
    assert only(floor).mantissa.tolist() == [-240, -16] and floor.report[0]["n_clipped"] == 1


def test_given_parameters_are_used_as_they_are(chip: em.ChipSpec) -> None:
    net = em.Network()
    model = em.LoihiCuba(du=17, dv=[3, 4], vth_mant=9, bias_mant=-5, bias_exp=3, refractory=7, ds_offset=0)
    net.add_population("a", 2, model, u0=[11, -12], v0=[13, -14])
    neurons = {name: array.tolist() for name, array in quantise(net, chip).neurons.items()}
    assert neurons == {
        "du": [17, 17],
        "dv": [3, 4],
        "soft_reset": [0, 0],
        "vth_mant": [9, 9],
        "bias_mant": [-5, -5],
        "bias_exp": [3, 3],
        "refractory": [7, 7],
        "ds_offset": [0, 0],
        "vmin": [-(2**23) + 1] * 2,
        "vmax": [2**23 - 1] * 2,
        "u0": [11, -12],
        "v0": [13, -14],
        "refractory0": [0, 0],
    }


# refusals


def test_registers_that_cannot_hold_parameters_side_by_side_are_refused(chip: em.ChipSpec) -> None:
    net = network(em.LIF(**LEAKLESS, threshold=[1.0, 1e12]), [[1e-3, 1e-3]], n=2)
    with pytest.raises(em.CompileError, match=r"'a': threshold - reset of neuron 1 is 1e\+12.*weight 0.001"):
        quantise(net, chip)
    net = network(em.LIF(**HALVING, bias=[0.0, -1e9]), [[1e-3, 1e-3]], n=2)
    with pytest.raises(em.CompileError, match=r"'a': bias of neuron 1 is -1e\+09.*population of their own"):
        quantise(net, chip)


def test_every_population_that_fails_is_named_at_once(chip: em.ChipSpec) -> None:
    net = em.Network(dt_s=DT_S)
    fast = em.LIF(tau_mem_s=DT_S / 2, tau_syn_s=DT_S / 4, integrator="forward")
    net.add_population("fast", 2, fast)
    net.add_population("clipped", 2, em.LoihiCuba(vmin=-5), v0=[0, -6])
    net.add_population("huge", 1, em.LIF(**LEAKLESS, threshold=1e308, reset=-1e308))
    with pytest.raises(em.CompileError) as caught:
        quantise(net, chip)
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    assert r"tau_mem_s[0] = 0.0005 is shorter than a tick of 0.001 s" in text and "tau_syn_s[0]" in text
    assert "v0[1] = -6 outside vmin..vmax = -5.." in text
    assert "threshold overflows" in text


def test_weights_of_both_signs_need_more_than_one_bit(chip: em.ChipSpec) -> None:
    narrow = chip.replace({"synapse_format.weight_bits": [1]})
    with pytest.raises(em.CompileError, match=r"weights of both signs.*at most 1 bit.*split by sign"):
        quantise(network(em.LIF(**LEAKLESS), [[1.0], [-1.0]]), narrow)


def test_a_chip_with_narrow_weights_gets_narrow_weights(chip: em.ChipSpec) -> None:
    narrow = chip.replace({"synapse_format.weight_bits": [4]})
    weights = np.random.default_rng(1).uniform(-1, 1, (50, 1))
    result = quantise(network(em.LIF(tau_mem_s=10e-3, threshold=4.0), weights), narrow)
    assert max(group.weight_bits for group in result.groups) <= 4
    assert all((group.mantissa % 32 == 0).all() for group in result.groups)


# properties


@settings(max_examples=60)  # each searches a scale
@given(
    # from 0.1 on a weight has a step beside the largest threshold
    weights=st.lists(st.floats(-1e3, 1e3, width=32).filter(lambda w: abs(w) > 0.1), min_size=1, max_size=12),
    threshold=st.floats(0.01, 1e4),
    reset=st.floats(-5, 0),
    leak=st.floats(-5, 5),
    tau_mem=st.sampled_from([1.0, 2.0, 7.5, 100.0, 1e5, math.inf]),
    tau_syn=st.sampled_from([None, 1.0, 3.0, 50.0, math.inf]),
    start_tick=st.integers(0, 4),
)
def test_registers_are_always_in_range_and_rounding_is_to_the_nearest(
    weights: list[float],
    threshold: float,
    reset: float,
    leak: float,
    tau_mem: float,
    tau_syn: float | None,
    start_tick: int,
) -> None:
    model = em.LIF(
        tau_mem_s=tau_mem * DT_S,
        tau_syn_s=None if tau_syn is None else tau_syn * DT_S,
        threshold=threshold,
        reset=reset,
        leak=leak,
    )
    column = np.array(weights)[:, None]
    result = quantise(network(model, column, start_tick=start_tick), em.load_chip("loihi-wide"))
    for name, (low, high) in em.LoihiCuba.RANGES.items():
        assert low <= result.neurons[name][0] <= high, name
    assert abs(result.neurons["u0"][0]) < 2**23 and abs(result.neurons["v0"][0]) < 2**23
    assert 0 <= result.neurons["refractory0"][0] <= 63
    row = result.report[0]
    assert row["n_clipped"] == 0
    for group in result.groups:
        low, high = arith.MANTISSA_RANGE[group.sign_mode]
        assert low <= group.mantissa.min() and group.mantissa.max() <= high
        step = 1 << arith.lost_bits(group.weight_bits, group.sign_mode == "mixed")
        assert (group.mantissa % step == 0).all()
        coarsest = 64 * max(1.0, 2.0**group.w_exp * (2 if group.sign_mode == "mixed" else 1))
        wanted = column[group.pre - 1, 0] * row["scale"]
        error = arith.effective_weight(group.mantissa, group.w_exp) - wanted
        assert (np.abs(error) <= coarsest / 2 + 1e-6).all()


@given(
    weights=st.lists(st.floats(0, 2e6), min_size=1, max_size=50),
    step=st.sampled_from([1, 2, 16]),
)
def test_a_weight_gets_the_finest_exponent_that_holds_it(weights: list[float], step: int) -> None:
    stored = WeightFormat(step, 255 // step * step)
    exponents = stored.exponents(np.array(weights))
    for weight, w_exp in zip(weights, exponents.tolist(), strict=True):
        assert stored.mantissas(np.array([weight]), np.array([w_exp]))[0] <= stored.largest
        if w_exp > -8:
            finer = np.array([w_exp - 1])
            assert stored.mantissas(np.array([weight]), finer)[0] > stored.largest


def test_thinned_out_values_keep_their_ends_and_their_number() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    thin = Distinct.of(values, 100)
    assert (thin.value[0], thin.value[-1], len(thin.value)) == (values.min(), values.max(), 100)
    assert thin.count.sum() == pytest.approx(5000)


@pytest.mark.parametrize("tau_syn_s", [None, 6e-3])
def test_the_chip_follows_the_float_model(chip: em.ChipSpec, tau_syn_s: float | None, engine: str) -> None:
    """Voltages of neurons that stay below threshold, against the model's equations in float64."""
    rng = np.random.default_rng(11)
    weights, n_ticks = rng.normal(size=(20, 4)), 60
    model = em.LIF(tau_mem_s=12e-3, tau_syn_s=tau_syn_s, threshold=1e3, reset=-0.5, leak=0.75, bias=0.02)
    net = network(model, weights, n=4)
    net.probe("a", "v")
    raster = rng.random((n_ticks, 20)) < 0.2
    program = em.compile(net, chip)
    result = em.run(program, n_ticks, {"in0": raster}, engine=engine, timing=False)
    scale = program.stats["quantisation"][0]["scale"]
    u, v = np.zeros(4), np.zeros(4)
    kept_u = 0.0 if tau_syn_s is None else math.exp(-DT_S / tau_syn_s)
    for tick in range(n_ticks):
        u = kept_u * u + (raster[tick - 1] @ weights if tick else 0.0)
        v = 0.75 + math.exp(-DT_S / 12e-3) * (v - 0.75) + u + 0.02
        spread = np.abs(v).max() + 1
        assert result.probe("a", "v")[tick] / scale - 0.5 == pytest.approx(v, abs=0.02 * spread)


# neurons that never fire


def test_a_threshold_of_infinity_never_fires_and_binds_no_scale(chip: em.ChipSpec, engine: str) -> None:
    """v = 0.5 v + 1 each tick comes to 2: as high as the register allows, not as a threshold does."""
    net = network(em.LIF(**HALVING, threshold=[math.inf, 0.5]), [[1.0, 0.0]], n=2)
    net.probe("a", "v")
    program = em.compile(net, chip)
    result = em.run(program, 60, {"in0": np.ones((60, 1), bool)}, engine=engine, timing=False)
    row = program.stats["quantisation"][0]
    assert len(result.spikes("a")) == 0 and row["reset"] == "value" and row["sqnr_db"] is None
    assert result.probe("a", "v")[-1, 0] / row["scale"] == pytest.approx(2, rel=1e-4)
    assert row["notes"] == ["neurons that never fire, as no input reaches their threshold: 1"]


def test_an_integrator_that_never_fires_stops_at_its_clip(chip: em.ChipSpec, engine: str) -> None:
    net = network(em.LIF(**LEAKLESS, threshold=math.inf), [[1.0]])
    net.probe("a", "v")
    program = em.compile(net, chip)
    row = program.stats["quantisation"][0]
    assert (row["reset"], row["scale"]) == ("never", 128 * 64)
    assert row["notes"] == ["under long excitation v stops at its upper clip"]
    result = em.run(program, 1100, {"in0": np.ones((1100, 1), bool)}, engine=engine, timing=False)
    v = result.probe("a", "v")[:, 0]
    assert len(result.spikes("a")) == 0
    assert (v == np.minimum(np.arange(1100) * 8192, 131071 * 64)).all()


def test_other_parameters_must_be_finite_still(chip: em.ChipSpec) -> None:
    for wrong in ({"threshold": -math.inf}, {"threshold": math.nan}, {"reset": -math.inf}):
        with pytest.raises(em.DescriptionError, match="must be a finite number"):
            network(em.LIF(**LEAKLESS, **wrong), [[1.0]])


def test_weights_are_held_to_more_where_v_never_decays(chip: em.ChipSpec) -> None:
    """Errors add up over the run: exponents are added up to 50 dB instead of 40 dB."""
    weights = np.random.default_rng(4).normal(size=(256, 4))
    leaky, summing = (
        quantise(network(em.LIF(tau_mem_s=tau_s, threshold=100.0), weights, n=4), chip).report[0]
        for tau_s in (5e-3, math.inf)
    )
    assert leaky["sqnr_db"] < summing["sqnr_db"]
    assert len(leaky["projections"][0]["w_exp"]) < len(summing["projections"][0]["w_exp"])


def test_the_report_names_the_conventions_of_each_population(chip: em.ChipSpec) -> None:
    net = network(em.LIF(**HALVING, reset_mode="subtract"), [[1.0]])
    net.add_population("given", 2, em.LoihiCuba(soft_reset=[0, 1]))
    keys = ("reset", "integrator", "dt_s")
    rows = [[row[key] for key in keys] for row in quantise(net, chip).report]
    assert rows == [["subtract", "forward", DT_S], ["mixed", None, None]]


# soft reset


def test_a_soft_reset_is_named_in_the_report_as_no_part_of_loihi(chip: em.ChipSpec) -> None:
    model = em.LIF(**HALVING, threshold=2.0, reset_mode="subtract")
    result = quantise(network(model, [[1.0]], n=1), chip)
    assert result.neurons["soft_reset"].tolist() == [1]
    assert result.report[0]["notes"] == ["soft reset (an extension: not on Loihi 1)"]
    net = em.Network()
    net.add_population("a", 2, em.LoihiCuba(soft_reset=[0, 1]))
    result = quantise(net, chip)
    assert result.neurons["soft_reset"].tolist() == [0, 1]
    assert result.report[0]["notes"] == ["soft reset (an extension: not on Loihi 1)"]
    program = em.compile(net, chip)
    assert "a: soft reset (an extension: not on Loihi 1)" in program.report()
    assert program.image.config_soft_reset.tolist() == [0, 1]


def test_a_hard_reset_has_no_such_note(chip: em.ChipSpec) -> None:
    result = quantise(network(em.LIF(**HALVING, threshold=2.0), [[1.0]]), chip)
    assert result.neurons["soft_reset"].tolist() == [0] and result.report[0]["notes"] == []


def test_a_threshold_that_is_subtracted_gets_a_scale_that_holds_it(chip: em.ChipSpec) -> None:
    # where it is only compared with v, the weights decide the scale
    weights = np.random.default_rng(3).normal(size=(50, 1))
    for threshold in (0.0123, 0.0871, 0.5, 1.0, 3.0):
        rows = [
            quantise(network(em.LIF(10e-3, threshold=threshold, reset_mode=mode), weights), chip).report[0]
            for mode in ("value", "subtract")
        ]
        assert rows[1]["threshold_error"] == 0.0, threshold
        assert rows[1]["sqnr_db"] > rows[0]["sqnr_db"] - 1.0, threshold


def test_thresholds_that_share_no_scale_are_rounded_to_the_nearest_and_named(chip: em.ChipSpec) -> None:
    thresholds = np.linspace(1.0, 1.1, 9) ** 3
    weights = np.random.default_rng(3).normal(size=(50, 9))
    model = em.LIF(tau_mem_s=10e-3, threshold=thresholds, reset_mode="subtract")
    result = quantise(network(model, weights, n=9), chip)
    row = result.report[0]
    nearest = np.rint(thresholds * row["scale"] / 64)
    assert result.neurons["vth_mant"].tolist() == nearest.tolist()
    error = np.abs(nearest * 64 / row["scale"] - thresholds).max()
    assert row["threshold_error"] == pytest.approx(error)
    assert f"a spike takes a rounded threshold off v, off by up to {error:.3g}" in row["notes"]


def test_voltage_that_a_soft_reset_lets_pile_up_fits_or_is_named(chip: em.ChipSpec) -> None:
    # an input of 8 a tick through a leak of 1/16 brings v to 128, a threshold of 1 takes off 1 a tick
    leaky = em.LIF(tau_mem_s=16 * DT_S, integrator="forward", reset_mode="subtract")
    row = quantise(network(leaky, np.full((8, 1), 1.0)), chip).report[0]
    assert row["scale"] * 128 <= 2**23 - 1 and len(row["notes"]) == 1
    piling = em.LIF(**LEAKLESS, reset_mode="subtract")
    row = quantise(network(piling, np.full((8, 1), 1.0)), chip).report[0]
    assert "under long excitation v stops at its upper clip" in row["notes"]


def test_a_soft_reset_keeps_what_is_above_the_threshold(chip: em.ChipSpec) -> None:
    """Spikes and v of the model's own recurrence in floats, on a binary grid with a reset off zero."""
    rng = np.random.default_rng(11)
    weights, raster = rng.integers(0, 9, (6, 4)) / 8, rng.random((60, 6)) < 0.3
    model = em.LIF(**HALVING, threshold=0.75, reset=0.25, leak=0.25, reset_mode="subtract")
    net = network(model, weights, n=4)
    net.probe("a", "v")
    program = em.compile(net, chip)
    result = em.run(program, 60, {"in0": raster}, engine="reference", timing=False)
    v, spikes, above = np.zeros(4), [], []
    for tick in range(60):
        arriving = raster[tick - 1].astype(float) if tick else np.zeros(6)
        v = 0.25 + (v - 0.25) / 2 + arriving @ weights
        spikes.append(v > 0.75)
        v = np.where(spikes[-1], v - 0.5, v)
        above.append(v - 0.25)
    assert np.array_equal(result.raster("a"), spikes) and 40 < np.sum(spikes) < 230
    scale = program.stats["quantisation"][0]["scale"]
    tolerance = 2 / scale  # the chip's decay drops what is below its LSB
    assert np.allclose(result.probe("a", "v") / scale, above, atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("overflow", "notes"),
    [
        ("chip", ["if all inputs fire at once, their sum wraps at 22 bits"]),
        ("strict", ["if all inputs fire at once, their sum leaves 22 bits, which ends the run"]),
        ("lava", []),
        ("unbounded", []),
    ],
)
def test_notes_say_what_the_policy_does_past_a_registers_end(
    overflow: str, notes: list[str], chip: em.ChipSpec
) -> None:
    net = em.Network()
    source, a = net.add_source("in", 2), net.add_population("a", 1, em.LoihiCuba())
    net.connect(source, a, [[254], [254]], synapse=em.LoihiSynapse(w_exp=7))
    other = chip.replace({"arithmetic.overflow": overflow})
    assert quantise(net, other).report[0]["notes"] == notes


def test_notes_of_slow_currents_and_voltages_follow_the_policy(chip: em.ChipSpec) -> None:
    # u and v never decay, so both leave any register under lasting input
    model = em.LIF(**LEAKLESS, tau_syn_s=math.inf)
    expected = {
        "chip": ["u + bias wraps at 24 bits", "v stops at its lower clip"],
        "lava": ["u wraps at 24 bits", "v stops at its lower clip"],
        "strict": [
            "u + bias leaves 24 bits, which ends the run",
            "v leaves its register at the lower end, which ends the run",
        ],
        "unbounded": [],
    }
    for overflow, words in expected.items():
        net = network(model, [[1.0], [-1.0]])
        notes = quantise(net, chip.replace({"arithmetic.overflow": overflow})).report[0]["notes"]
        when = ("if all inputs fire for long, ", "under long inhibition ")
        assert notes == [start + text for start, text in zip(when, words, strict=False)]
