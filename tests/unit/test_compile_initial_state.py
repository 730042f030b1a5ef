"""Initial states: the registers are loaded such that k ticks without input lead to the wanted state.

Known answers: hand arithmetic, and the chip's update written out once more in plain Python integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.compiler.initial_state import Registers, Start, settle

V_LIMIT = 2**23 - 1


def registers(**given: Any) -> Registers:
    """One or more neurons without leak, filter or bias unless given."""
    n = max(np.size(value) for value in given.values()) if given else 1
    plain = {"du_eff": 4096, "dv": 0, "bias": 0, "vth": 1 << 20, "vmin": -V_LIMIT, "vmax": V_LIMIT}
    return Registers(**{name: np.full(n, given.get(name, value)) for name, value in plain.items()})


def tick(state: tuple[int, int, int], r: Registers, i: int = 0) -> tuple[tuple[int, int, int], bool]:
    """Steps 2 to 7 of the chip's update without input, one neuron, Python integers."""
    u, v, counter = state
    u = (1 if u >= 0 else -1) * (abs(u) * (4096 - int(r.du_eff[i])) // 4096)
    x = (u + int(r.bias[i]) + 2**23) % 2**24 - 2**23
    v = (1 if v >= 0 else -1) * (abs(v) * (4096 - int(r.dv[i])) // 4096) + x
    v = 0 if counter > 0 else min(max(v, int(r.vmin[i])), int(r.vmax[i]))
    return (u, v, max(counter - 1, 0)), v > int(r.vth[i])


def state_after(start: Start, r: Registers, ticks: int, i: int = 0) -> tuple[int, int, int]:
    state = (int(start.u0[i]), int(start.v0[i]), int(start.refractory0[i]))
    for _ in range(ticks):
        state, fired = tick(state, r, i)
        assert not fired
    return state


def one(value: int) -> np.ndarray:
    return np.array([value])


def test_without_delay_the_state_is_loaded_as_it_is() -> None:
    # above the threshold: leak and input come before it is compared
    start = settle(registers(vth=64), one(-7), one(5000), 0, 63)
    assert (start.u0[0], start.v0[0], start.refractory0[0]) == (-7, 5000, 0)
    assert start.u_residual[0] == start.v_residual[0] == 0


def test_a_voltage_of_zero_is_held_by_the_refractory_counter() -> None:
    r = registers(bias=1 << 21)  # would fire in every tick
    start = settle(r, one(0), one(0), 5, 63)
    assert (start.v0[0], start.refractory0[0], start.fires_early[0]) == (0, 5, False)
    assert state_after(start, r, 5) == (0, 0, 0)


def test_a_voltage_is_followed_back_through_leak_and_bias() -> None:
    # halved each tick, then +100: 1000 <- 900 * 2 = 1800 <- 1700 * 2 = 3400
    start = settle(registers(dv=2048, bias=100), one(0), one(1000), 2, 63)
    assert (start.v0[0], start.refractory0[0], start.v_residual[0]) == (3400, 0, 0)


def test_a_current_is_followed_back_while_the_voltage_is_held() -> None:
    r = registers(du_eff=2048, bias=1000)
    start = settle(r, one(-1000), one(0), 3, 63)
    assert (start.u0[0], start.refractory0[0], start.u_residual[0]) == (-8000, 3, 0)
    assert state_after(start, r, 3) == (-1000, 0, 0)


def test_a_current_that_is_forgotten_before_it_acts_is_dropped() -> None:
    start = settle(registers(du_eff=4096), one(12345), one(0), 2, 63)
    assert start.u0[0] == start.u_residual[0] == 0


def test_a_state_above_the_threshold_is_approached_and_the_rest_reported() -> None:
    r = registers(vth=6400)
    start = settle(r, one(0), one(7000), 3, 63)
    assert start.v_residual[0] == 600 and not start.fires_early[0]
    assert state_after(start, r, 3) == (0, 6400, 0)


def test_a_predecessor_outside_the_register_leaves_a_residual() -> None:
    r = registers(dv=2048)
    start = settle(r, one(0), one(-3_000_000), 3, 63)
    # -(2**23 - 1) halves toward zero to -4194303, -2097151, -1048575
    assert start.v0[0] == -V_LIMIT and start.v_residual[0] == 3_000_000 - 1_048_575


def test_the_counter_holds_no_longer_than_the_chip_allows() -> None:
    r = registers(bias=-50)
    start = settle(r, one(0), one(0), 5, 3)  # followed back instead: 250 - 5 * 50 = 0
    assert (start.v0[0], start.refractory0[0], start.v_residual[0]) == (250, 0, 0)


def test_neurons_are_settled_one_by_one() -> None:
    r = registers(dv=np.array([0, 2048]), bias=np.array([10, 0]))
    start = settle(r, np.zeros(2, int), np.array([40, 16]), 2, 63)
    assert start.v0.tolist() == [20, 64]


@given(
    ticks=st.integers(1, 12),
    du_eff=st.integers(0, 4096),
    dv=st.integers(0, 4095),
    bias=st.integers(-524288, 524160),
    vth=st.integers(0, 131071).map(lambda mantissa: mantissa << 6),
    u=st.integers(-(2**23) + 1, 2**23 - 1),
    v=st.integers(-V_LIMIT, V_LIMIT),
)
def test_residuals_are_those_of_the_chips_arithmetic(
    ticks: int, du_eff: int, dv: int, bias: int, vth: int, u: int, v: int
) -> None:
    r = registers(du_eff=du_eff, dv=dv, bias=bias, vth=vth)
    start = settle(r, one(u), one(v), ticks, 63)
    assert abs(start.u0[0]) <= V_LIMIT and abs(start.v0[0]) <= V_LIMIT and 0 <= start.refractory0[0] <= 63
    state = (int(start.u0[0]), int(start.v0[0]), int(start.refractory0[0]))
    fired_once = False
    for _ in range(ticks):
        state, fired = tick(state, r)
        fired_once |= fired
    assert fired_once == start.fires_early[0]
    assert abs(state[1] - v) == start.v_residual[0]
    assert abs(state[0] - (u if du_eff < 4096 else 0)) == start.u_residual[0]
    if v == 0:
        assert start.v_residual[0] == 0 and not fired_once


@pytest.mark.parametrize("rate", [1, 2, 1000, 2048, 4000, 4095])
def test_every_small_state_has_an_exact_predecessor(rate: int) -> None:
    v = np.arange(-2000, 2001)
    start = settle(registers(dv=np.full(len(v), rate)), np.zeros_like(v), v, 1, 63)
    assert not start.v_residual.any()
