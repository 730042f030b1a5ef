"""Initial states for populations that begin `start_tick` ticks into a run.

A layer k hops from the input sees its first spike in tick k, but leak and bias act from tick 0. So the
registers are loaded with a state whose k-th successor without input is the wanted one. A voltage of 0 comes
for free: the refractory counter, loaded with k, holds v at 0 for k ticks while u goes on. Any other state is
searched backwards: each tick maps states onto states in steps of at most one, so a predecessor exists unless
it lies outside the register or above the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.compiler.rounding import STATE_LIMIT

Ints = NDArray[np.integer]
DECAY_ONE = 1 << arith.DECAY_BITS


@dataclass(frozen=True, eq=False)
class Registers:
    """What decides a neuron's course without input. int64 [n]."""

    du_eff: Ints  # du + ds_offset, 0..4096
    dv: Ints
    bias: Ints
    vth: Ints  # LSB of v
    vmin: Ints
    vmax: Ints


@dataclass(frozen=True, eq=False)
class Start:
    """State before tick 0. int64 [n]; residuals: what is missing after `ticks` ticks, in LSB."""

    u0: Ints
    v0: Ints
    refractory0: Ints
    u_residual: Ints
    v_residual: Ints
    fires_early: NDArray[np.bool_]  # cannot be kept from firing before it starts


def settle(registers: Registers, u: Ints, v: Ints, ticks: int, hold_limit: int) -> Start:
    """The state that becomes (u, v) after `ticks` ticks without input, or comes closest to it.

    hold_limit: largest initial refractory counter.
    """
    u = np.where(registers.du_eff == DECAY_ONE, 0, u) if ticks else u  # such a u is forgotten before it acts
    course = _currents(registers, u, ticks)
    hold = np.full_like(v, min(ticks, hold_limit))
    held = _run(registers, course, np.zeros_like(v), hold)
    back = _predecessor(registers, course, v)
    free = _run(registers, course, back, np.zeros_like(v))
    # a neuron that fires on the way is the last resort, whatever its residual
    held_miss, free_miss = (
        np.abs(end - v) + np.where(fired, np.int64(1) << 40, 0) for end, fired in (held, free)
    )
    use_hold = held_miss <= free_miss if ticks else np.zeros(len(v), dtype=bool)
    end, fired = (np.where(use_hold, a, b) for a, b in zip(held, free, strict=True))
    return Start(
        u0=course[0],
        v0=np.where(use_hold, 0, back),
        refractory0=np.where(use_hold, hold, 0),
        u_residual=np.abs(course[-1] - u),
        v_residual=np.abs(end - v),
        fires_early=np.asarray(fired, dtype=bool),
    )


def _currents(registers: Registers, u: Ints, ticks: int) -> list[Ints]:
    """u before tick 0, 1, ..., ticks; the last is the wanted one if a predecessor fits the register."""
    first = u
    for _ in range(ticks):
        first = np.clip(_before_decay(first, registers.du_eff), -STATE_LIMIT, STATE_LIMIT)
    course = [first]
    for _ in range(ticks):
        course.append(arith.decay(course[-1], registers.du_eff))
    return course


def _predecessor(registers: Registers, course: list[Ints], v: Ints) -> Ints:
    """v before tick 0 that leads to v without firing, clipped to what is possible on the way."""
    for u_after in reversed(course[1:]):
        v = np.minimum(v, registers.vth)
        v = _before_decay(v - _drive(registers, u_after), registers.dv)
        v = np.clip(v, registers.vmin, registers.vmax)
    return v


def _run(
    registers: Registers, course: list[Ints], v: Ints, refractory: Ints
) -> tuple[Ints, NDArray[np.bool_]]:
    """v after the ticks of `course`, and whether it fired."""
    fired = np.zeros(len(v), dtype=bool)
    for u_after in course[1:]:
        v = arith.decay(v, registers.dv) + _drive(registers, u_after)
        v = np.where(refractory > 0, 0, np.clip(v, registers.vmin, registers.vmax))
        fired |= v > registers.vth
        refractory = np.maximum(refractory - 1, 0)
    return v, fired


def _drive(registers: Registers, u: Ints) -> Ints:
    return np.asarray(arith.wrap(u + registers.bias, arith.STATE_BITS))


def _before_decay(value: Ints, rate: Ints) -> Ints:
    """The smallest magnitude that decays to `value`; 0 where the decay leaves nothing."""
    left = DECAY_ONE - rate
    magnitude = -(-np.abs(value) * DECAY_ONE // np.maximum(left, 1))
    return np.where(left > 0, np.sign(value) * magnitude, 0)
