"""What happens to a value that leaves its register, by the policy that `arithmetic.overflow` of a chip names.

    chip        q wraps at 22 bits, u and u + bias at 24, v is clipped (nengo-loihi, tested on silicon)
    lava        u wraps at 24 bits, by one turn at most; q and u + bias do not; v is clipped (lava-nc)
    unbounded   nothing wraps; v is clipped only where a neuron has bounds of its own (brian2-loihi)
    strict      as `chip`, but where `chip` would wrap or clip at a register's end the run fails

Numbers that a policy does not bound live in 64 bits and wrap there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator import arith


class OutsideRegister(Exception):
    """A value that policy `strict` does not let pass."""

    def __init__(self, register: str, value: int):
        self.register, self.value = register, value
        super().__init__(f"{register} = {value}")


@dataclass(frozen=True)
class Overflow:
    """A policy: each function takes the exact value and returns what the register holds."""

    q: Callable[[int], int]  # input of the tick
    u: Callable[[int], int]
    x: Callable[[int], int]  # u + bias
    v: Callable[[int, int, int], int]  # value, vmin, vmax; before a reset


def _clipped(value: int, vmin: int, vmax: int) -> int:
    return min(max(value, vmin), vmax)


def _wrapping(bits: int) -> Callable[[int], int]:
    return lambda value: int(arith.wrap(value, bits))


def _checked(register: str) -> Callable[[int], int]:
    low, high = arith.REGISTER_RANGE[register]

    def same(value: int) -> int:
        if not low <= value <= high:
            raise OutsideRegister(register, value)
        return value

    return same


def _where_tighter(value: int, vmin: int, vmax: int) -> int:
    """A bound at the end of the chip's register is no bound here."""
    value = arith.wrap(value, arith.WIDE_BITS)
    if vmin > -arith.V_LIMIT:
        value = max(value, vmin)
    return min(value, vmax) if vmax < arith.V_LIMIT else value


_wide = _wrapping(arith.WIDE_BITS)
_v_checked = _checked("v")

POLICIES = {
    "chip": Overflow(
        q=_wrapping(arith.INPUT_BITS),
        u=_wrapping(arith.STATE_BITS),
        x=_wrapping(arith.STATE_BITS),
        v=_clipped,
    ),
    "lava": Overflow(
        q=_wide,
        u=lambda value: arith.wrap_once(_wide(value), arith.STATE_BITS),
        x=_wide,
        v=lambda value, vmin, vmax: _clipped(_wide(value), vmin, vmax),
    ),
    "unbounded": Overflow(q=_wide, u=_wide, x=_wide, v=_where_tighter),
    "strict": Overflow(
        q=_checked("q"),
        u=_checked("u"),
        x=_checked("x"),
        v=lambda value, vmin, vmax: _clipped(_v_checked(value), vmin, vmax),
    ),
}
assert set(POLICIES) == set(arith.OVERFLOWS)
