"""What quantising did to the weights: counted, never hidden."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.compiler.rounding import INPUT_LIMIT, lost

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Weighed:
    """Quantised synapses of one projection, arrays in its order, and what they were meant to be."""

    label: str
    projection_id: int
    mantissa: Ints  # int16 [n], lost bits cleared
    w_exp: Ints  # int64 [n]
    weight_bits: int
    sign_mode: str
    acting: Ints  # int64 [n] effective weight, LSB
    n_clipped: int
    n_zeroed: int  # weights that are not 0 and act as 0
    signal: float  # sum of squares of the wanted weights, LSB**2
    noise: float  # sum of squares of the errors, LSB**2


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
) -> Weighed:
    """Compares mantissas with the weights `wanted` in LSB [n]."""
    acting = np.asarray(arith.effective_weight(mantissa, w_exp))
    error = lost(acting, wanted)
    return Weighed(
        label=label,
        projection_id=projection_id,
        mantissa=mantissa,
        w_exp=w_exp,
        weight_bits=weight_bits,
        sign_mode=sign_mode,
        acting=acting,
        n_clipped=n_clipped,
        n_zeroed=int(((acting == 0) & (wanted != 0)).sum()),
        signal=float(wanted @ wanted),
        noise=float(error @ error),
    )


def register_load(n: int, parts: Sequence[tuple[Ints, Weighed]]) -> int:
    """Largest input sum of one sign in LSB over `n` neurons, when every (post, synapse) fires in one tick."""
    up, down = np.zeros(n), np.zeros(n)
    for post, part in parts:
        up += np.bincount(post, np.maximum(part.acting, 0), n)
        down += np.bincount(post, np.maximum(-part.acting, 0), n)
    return int(np.maximum(up, down).max(initial=0))


def population_report(
    name: str, model: str, n: int, parts: Sequence[Weighed], rest: dict[str, Any]
) -> dict[str, Any]:
    """Plain numbers, strings and lists; keys are the same for every model, None where one does not apply.

    scale: LSB per unit of v. sqnr_db: wanted weights over rounding errors, None when nothing is lost.
    worst_case_input, input_limit: LSB, if every synapse is used in one tick. threshold_error, bias_error:
    units of v. decay_error_mem, decay_error_syn: difference of what a tick leaves. notes: sentences.
    """
    noise = sum(part.noise for part in parts)
    signal = sum(part.signal for part in parts)
    notes = [
        f"{part.label}: all {part.n_zeroed} weights that are not zero round to zero"
        for part in parts
        if part.n_zeroed and not part.acting.any()
    ]
    if rest["worst_case_input"] > INPUT_LIMIT:
        notes.append("if all inputs fire at once, their sum wraps at 22 bits")
    return {
        "name": name,
        "model": model,
        "n": n,
        **rest,
        "input_limit": INPUT_LIMIT,
        "n_weights": sum(len(part.mantissa) for part in parts),
        "n_clipped": sum(part.n_clipped for part in parts),
        "n_zeroed": sum(part.n_zeroed for part in parts),
        "sqnr_db": 10 * math.log10(signal / noise) if noise else None,
        "projections": [
            {
                "label": part.label,
                "n_weights": len(part.mantissa),
                "w_exp": [int(w_exp) for w_exp in np.unique(part.w_exp)],
                "weight_bits": part.weight_bits,
                "sign_mode": part.sign_mode,
            }
            for part in parts
        ],
        "notes": notes + rest["notes"],
    }
