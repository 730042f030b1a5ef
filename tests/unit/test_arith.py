"""emulator/arith.py against its definitions, over whole domains where they are small."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from emulator import arith

MANTISSAS = np.arange(-256, 256)


@pytest.mark.parametrize("w_exp", range(arith.W_EXP_MIN, arith.W_EXP_MAX + 1))
def test_effective_weight_floors_to_multiples_of_64_and_clips(w_exp: int) -> None:
    expected = [math.floor(Fraction(int(m)) * Fraction(2) ** (6 + w_exp) / 64) * 64 for m in MANTISSAS]
    clipped = np.clip(expected, -(2**21 - 64), 2**21 - 64)
    assert np.array_equal(arith.effective_weight(MANTISSAS, w_exp), clipped)


@pytest.mark.parametrize("n_lost", range(9))
def test_mantissas_lose_their_low_bits_by_the_named_rounding(n_lost: int) -> None:
    step = 2**n_lost
    exact = [Fraction(int(m), step) for m in MANTISSAS]
    toward_zero = [math.trunc(x) * step for x in exact]
    floor = [math.floor(x) * step for x in exact]
    nearest = [
        (math.floor(abs(x) + Fraction(1, 2)) if n_lost else abs(x)) * step * (1 if x > 0 else -1)
        for x in exact
    ]
    assert np.array_equal(arith.quantise_mantissa(MANTISSAS, n_lost, "toward_zero"), toward_zero)
    assert np.array_equal(arith.quantise_mantissa(MANTISSAS, n_lost, "floor"), floor)
    assert np.array_equal(arith.quantise_mantissa(MANTISSAS, n_lost, "nearest"), [int(x) for x in nearest])


@pytest.mark.parametrize("n_lost", range(9))
@pytest.mark.parametrize("sign_mode", arith.SIGN_MODES)
def test_lava_rounds_mixed_mantissas_down_and_the_others_toward_zero(n_lost: int, sign_mode: str) -> None:
    rounded = arith.quantise_mantissa(MANTISSAS, n_lost, "lava", sign_mode)
    towards = math.floor if sign_mode == "mixed" else math.trunc
    assert np.array_equal(rounded, [towards(Fraction(int(m), 2**n_lost)) * 2**n_lost for m in MANTISSAS])


@pytest.mark.parametrize("w_exp", range(arith.W_EXP_MIN, 0))
def test_an_exponent_on_the_sum_floors_once_to_multiples_of_64(w_exp: int) -> None:
    sums = [*range(-600, 600), 2**31, -(2**31) - 1, 2**47 - 1]
    expected = [math.floor(math.floor(m * Fraction(2) ** (6 + w_exp)) / Fraction(64)) * 64 for m in sums]
    assert np.array_equal(arith.input_of_sum(np.array(sums), -w_exp), expected)


def test_one_weight_alone_is_the_same_with_the_exponent_on_the_sum() -> None:
    for w_exp in range(arith.W_EXP_MIN, 0):
        assert np.array_equal(arith.input_of_sum(MANTISSAS, -w_exp), arith.effective_weight(MANTISSAS, w_exp))


def test_lost_bits_are_those_that_magnitude_and_sign_leave_no_room_for() -> None:
    assert [arith.lost_bits(bits, mixed) for bits in (8, 6, 1) for mixed in (0, 1)] == [0, 1, 2, 3, 7, 8]


@pytest.mark.parametrize("bits", [3, 22, 24])
def test_wrap_is_the_representative_of_the_residue_class(bits: int) -> None:
    half = 2 ** (bits - 1)
    for value in (0, 1, half - 1, half, half + 1, 2 * half, -half, -half - 1, 5 * half + 3):
        wrapped = arith.wrap(value, bits)
        assert -half <= wrapped < half and (wrapped - value) % (2 * half) == 0


def test_lava_wraps_by_one_turn_at_most_and_keeps_the_upper_end() -> None:
    # 4 bits: (-8, 8], a turn is 16
    table = {-25: -9, -24: -8, -23: -7, -9: 7, -8: 8, -7: -7, 0: 0, 8: 8, 9: -7, 24: 8, 25: 9}
    assert {value: arith.wrap_once(value, 4) for value in table} == table
    assert arith.wrap_once(2**23, 24) == 2**23 == arith.wrap_once(-(2**23), 24)


@pytest.mark.parametrize("rate", [0, 1, 163, 2048, 4095, 4096])
def test_decay_of_wide_magnitudes_equals_the_exact_product(rate: int) -> None:
    magnitudes = {2**k + d for k in range(64) for d in (-1, 0, 1)} - {2**63, 2**63 + 1}
    values = [sign * m for m in sorted(magnitudes) for sign in (1, -1)]
    expected = [(1 if v > 0 else -1) * ((abs(v) * (4096 - rate)) >> 12) for v in values]
    assert [arith.decay(v, rate) for v in values] == expected
    assert arith.decay(np.array(values), rate).tolist() == expected
    assert arith.decay(-(2**63), rate) == -((2**63 * (4096 - rate)) >> 12)


def test_decay_goes_toward_zero_for_both_signs() -> None:
    assert arith.decay(5, 2048) == 2 and arith.decay(-5, 2048) == -2
    assert arith.decay(1, 1) == 0 and arith.decay(-1, 1) == 0
    assert arith.decay(2**23, 0) == 2**23 and arith.decay(2**23, 4096) == 0
    values = np.array([-4097, -5, 0, 5, 4097])
    assert arith.decay(values, 2048).tolist() == [-2048, -2, 0, 2, 2048]


def test_bias_is_mantissa_times_a_power_of_two() -> None:
    assert arith.bias_value(-4096, 7) == -4096 * 128
    assert arith.bias_value(np.array([3, -3]), np.array([0, 2])).tolist() == [3, -12]
