"""The C arithmetic equals emulator/arith.py, and both equal the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import arith
from emulator._ext import core
from emulator.reference.core import Compartment

EDGES = [0, 1, 63, 64, 4095, 4096, 4097, 2**21 - 1, 2**21, 2**22, 2**23 - 1]


def test_decay_in_32_bits_equals_the_64_bit_product_for_every_rate_at_every_edge() -> None:
    magnitudes = np.array(sorted({m for e in EDGES for m in (e - 1, e, e + 1) if 0 <= m <= 2**23}))
    values = np.concatenate([magnitudes, -magnitudes])
    keep = np.arange(4097)
    value_grid, keep_grid = (grid.ravel().astype(np.int32) for grid in np.meshgrid(values, keep))
    out = np.zeros(len(value_grid), dtype=np.int32)
    core.decay_each(value_grid, keep_grid, out)
    wide = value_grid.astype(np.int64)
    assert np.array_equal(out, np.sign(wide) * ((np.abs(wide) * keep_grid) >> 12))
    assert np.array_equal(out, arith.decay(wide, 4096 - keep_grid.astype(np.int64)))


@pytest.mark.parametrize("keep", [0, 1, 2047, 2048, 4046, 4095, 4096])
def test_decay_is_equal_for_every_24_bit_magnitude(keep: int) -> None:
    values = np.arange(-(2**23), 2**23, 7, dtype=np.int32)
    out = np.zeros_like(values)
    core.decay_each(values, np.full_like(values, keep), out)
    assert np.array_equal(out, arith.decay(values.astype(np.int64), 4096 - keep))


def test_decay_is_equal_where_a_float_has_no_bit_to_spare_for_every_rate() -> None:
    """The product of the largest magnitudes has all its 24 upper bits above the point."""
    values = np.arange(2**23 - 2048, 2**23, dtype=np.int32)
    values = np.concatenate([values, -values, [-(2**23)]]).astype(np.int32)
    out = np.zeros_like(values)
    for keep in range(4097):
        core.decay_each(values, np.full_like(values, keep), out)
        assert np.array_equal(out, arith.decay(values.astype(np.int64), 4096 - keep)), keep


def test_wraps_equal_twos_complement_around_every_edge() -> None:
    sums = 64 * np.array(
        [s * e + d for e in (2**21, 2**22, 2**23, 2**24, 2**31) for s in (1, -1) for d in (-1, 0, 1)]
    )
    for shift in range(6, 22):
        shared = sums >> shift << shift
        total = ((shared >> shift) & 0xFFFF).astype(np.uint16)  # as divided weights add up modulo 2**16
        out = np.zeros(len(total), dtype=np.int32)
        core.input_each(total, shift, out)
        assert np.array_equal(out, arith.wrap(shared, arith.INPUT_BITS)), shift
    within = sums[np.abs(sums) < 2**31].astype(np.int32)
    out = np.zeros(len(within), dtype=np.int32)
    core.wrap24_each(within, out)
    assert np.array_equal(out, arith.wrap(within.astype(np.int64), arith.STATE_BITS))


@given(
    u=st.integers(-(2**23), 2**23 - 1),
    v=st.integers(-(2**23) + 1, 2**23 - 1),
    q=st.integers(-(2**27), 2**27).map(lambda n: 64 * n),  # sums of effective weights
    keep=st.tuples(st.just(0) | st.integers(0, 4096), st.just(4096) | st.integers(1, 4096)),
    bias=st.tuples(st.integers(arith.BIAS_MANT_MIN, arith.BIAS_MANT_MAX), st.integers(0, 7)),
    vth_mant=st.integers(0, arith.VTH_MANT_MAX),
    counters=st.one_of(st.just((0, 1)), st.tuples(st.integers(0, 63), st.integers(1, 63))),
)
def test_one_compartment_steps_alike(
    u: int,
    v: int,
    q: int,
    keep: tuple[int, int],
    bias: tuple[int, int],
    vth_mant: int,
    counters: tuple[int, int],
) -> None:
    value = arith.bias_value(*bias)
    compartment = Compartment(
        decay_u=4096 - keep[0],
        decay_v=4096 - keep[1],
        refractory=counters[1],
        vmin=-arith.V_LIMIT,
        vmax=arith.V_LIMIT,
        threshold=vth_mant * 64,
        bias=value,
        u=u,
        v=v,
        counter=counters[0],
    )
    update = compartment.update(arith.wrap(q, arith.INPUT_BITS))
    columns = [*keep, value, vth_mant * 64, -arith.V_LIMIT, arith.V_LIMIT, counters[1], 0]
    configuration = np.array(columns, dtype=np.int32)[:, np.newaxis].copy()
    for variant in core.VARIANTS:
        if variant.startswith("short") and counters != (0, 1):
            continue  # knows no refractory time
        registers = np.array([[u], [v]], dtype=np.int32)
        counter = np.array([counters[0]], dtype=np.uint8)
        outcome = np.zeros((2, 1), dtype=np.uint8)
        due = np.array([(q >> 6) & 0xFFFF], dtype=np.uint16)
        n_active, n_fired, left = core.step(due, 6, configuration, registers, counter, outcome, variant)
        assert registers[:, 0].tolist() == [compartment.u, compartment.v]
        assert (n_active, n_fired, outcome[1, 0]) == (update.active, update.fired, update.fired)
        assert bool(left) == any((compartment.u, compartment.v, compartment.counter, value))
        if not variant.startswith("short"):
            assert (counter[0], outcome[0, 0]) == (compartment.counter, update.active)
        assert due[0] == 0
