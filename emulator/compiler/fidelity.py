"""What quantising did to the weights: counted, never hidden."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.compiler.blocks import mantissas
from emulator.compiler.rounding import INPUT_LIMIT, lost

INPUT_PAST_END = {"chip": "wraps at 22 bits", "strict": "leaves 22 bits, which ends the run"}
"""What becomes of an input sum past its register's end, by overflow policy; left out: nothing."""

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]

ALL_MANTISSAS = np.arange(-256, 256)  # of every sign mode; their places are those in ext/mantissas.pyx


@dataclass(frozen=True, eq=False)
class Weighed:
    """Quantised synapses of one projection, arrays in its order, and what they were meant to be."""

    label: str
    projection_id: int
    mantissa: Ints  # int16 [n], lost bits cleared
    w_exp: tuple[int, ...]  # exponents that occur, ascending
    code: Ints | None  # uint8 [n] place of each exponent in w_exp; None: there is at most one
    weight_bits: int
    sign_mode: str
    acts: bool  # some effective weight is not 0
    n_clipped: int
    n_zeroed: int  # weights that are not 0 and act as 0
    signal: float  # sum of squares of the wanted weights, LSB**2
    noise: float  # sum of squares of the errors, LSB**2
    on_sum: bool = False  # whether the exponent acts on the sum of a tick
    noise_of_one: float | None = None  # `noise` with the largest exponent only; None if that was the choice

    @property
    def n_per_exponent(self) -> list[int]:
        """[n_exponents] synapses in each."""
        if self.code is None:
            return [len(self.mantissa)] * len(self.w_exp)
        return [int(n) for n in np.bincount(self.code, minlength=len(self.w_exp))]

    @property
    def acting(self) -> Ints:
        """int32 [n_exponents, 512]: effective weight of every mantissa in every exponent, LSB; shares in sums
        are rounded away from 0."""
        weights = effective_weights(ALL_MANTISSAS, self.w_exp, on_sum=self.on_sum)
        return np.asarray(np.sign(weights) * np.ceil(np.abs(weights)), dtype=np.int32)


def weigh(
    label: str,
    projection_id: int,
    wanted: Floats,
    mantissa: Ints,
    w_exp: Ints,
    *,
    weight_bits: int,
    sign_mode: str,
    n_clipped: int,
    noise_of_one: float | None = None,
) -> Weighed:
    """Compares mantissas with the weights `wanted` in LSB [n]."""
    acting = np.asarray(arith.effective_weight(mantissa, w_exp))
    error = lost(acting, wanted)
    exponents, code = exponent_codes(w_exp)
    return Weighed(
        label=label,
        projection_id=projection_id,
        mantissa=mantissa,
        w_exp=exponents,
        code=code,
        weight_bits=weight_bits,
        sign_mode=sign_mode,
        acts=bool(acting.any()),
        n_clipped=n_clipped,
        n_zeroed=int(((acting == 0) & (wanted != 0)).sum()),
        signal=float(wanted @ wanted),
        noise=float(error @ error),
        noise_of_one=noise_of_one,
    )


def exponent_codes(w_exp: Ints) -> tuple[tuple[int, ...], Ints | None]:
    """The exponents that occur, ascending, and the place of each synapse's among them: uint8 [n]."""
    every = range(arith.W_EXP_MIN, arith.W_EXP_MAX + 1)
    found = tuple(exponent for exponent in every if (w_exp == exponent).any())
    if len(found) <= 1:
        return found, None
    code = np.zeros(len(w_exp), dtype=np.uint8)
    for number, exponent in enumerate(found):
        code[w_exp == exponent] = number
    return found, code


def effective_weights(mantissa: Ints, w_exp: Sequence[int], *, on_sum: bool = False) -> Floats:
    """[n_exponents, n]: mantissas [n] in every exponent, LSB; the share in a sum that an exponent acts on."""
    rows = [
        np.ldexp(mantissa * float(1 << arith.WEIGHT_SHIFT), exponent)
        if on_sum and exponent < 0
        else arith.effective_weight(mantissa, exponent)
        for exponent in w_exp
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(mantissa))


def register_load(n: int, parts: Sequence[tuple[Ints, Weighed]]) -> int:
    """Largest input sum of one sign in LSB over `n` neurons, when every (post, synapse) fires in one tick."""
    loads = np.zeros((n, 2), dtype=np.int64)
    for post, part in parts:
        if len(post):
            acting = part.acting.astype(np.int64)
            shares = np.stack([np.maximum(acting, 0), np.maximum(-acting, 0)], axis=2)
            mantissas.add_loads(post, part.mantissa, part.code, shares, loads)
    return int(loads.max(initial=0))


def _sqnr_db(signal: float, noise: float | None) -> float | None:
    return 10 * math.log10(signal / noise) if noise else None


def population_report(
    name: str, model: str, n: int, parts: Sequence[Weighed], rest: dict[str, Any], overflow: str
) -> dict[str, Any]:
    """Plain numbers, strings and lists; keys are the same for every model, None where one does not apply.

    reset: what a spike does to v: "value", "subtract", "mixed" of the two, or "never" where none fires.
    integrator, dt_s: what made decays of time constants. scale: LSB per unit of v. sqnr_db: wanted weights
    over rounding errors, None when nothing is lost. sqnr_db_one_exponent, of projections: where the compiler
    chose several exponents, what one had come to.
    worst_case_input, input_limit: LSB, if every synapse is used in one tick. threshold_error, bias_error:
    units of v. decay_error_mem, decay_error_syn: difference of what a tick leaves. notes: sentences.
    """
    noise = sum(part.noise for part in parts)
    signal = sum(part.signal for part in parts)
    notes = [
        f"{part.label}: all {part.n_zeroed} weights that are not zero round to zero"
        for part in parts
        if part.n_zeroed and not part.acts
    ]
    if rest["worst_case_input"] > INPUT_LIMIT and overflow in INPUT_PAST_END:
        notes.append(f"if all inputs fire at once, their sum {INPUT_PAST_END[overflow]}")
    return {
        "name": name,
        "model": model,
        "n": n,
        **rest,
        "input_limit": INPUT_LIMIT,
        "n_weights": sum(len(part.mantissa) for part in parts),
        "n_clipped": sum(part.n_clipped for part in parts),
        "n_zeroed": sum(part.n_zeroed for part in parts),
        "sqnr_db": _sqnr_db(signal, noise),
        "projections": [
            {
                "label": part.label,
                "n_weights": len(part.mantissa),
                "w_exp": list(part.w_exp),
                "n_per_w_exp": part.n_per_exponent,
                "sqnr_db": _sqnr_db(part.signal, part.noise),
                "sqnr_db_one_exponent": _sqnr_db(part.signal, part.noise_of_one),
                "weight_bits": part.weight_bits,
                "sign_mode": part.sign_mode,
            }
            for part in parts
        ],
        "notes": notes + rest["notes"],
    }
