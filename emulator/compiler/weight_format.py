"""Weights as mantissa * 2**w_exp: which exponents a projection uses, and its mantissas.

One exponent keeps the synapse lists of a projection dense. A few large weights would make that exponent
coarse for all others; then a second and third exponent are worth the index bits that their lists cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.compiler.rounding import STEP, lost

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

EXPONENTS = np.arange(arith.W_EXP_MIN, arith.W_EXP_MAX + 1)
MAX_EXPONENTS = 4  # of a projection
GOOD_NOISE = 1e-4  # 40 dB: noise power over signal power from which on more exponents do not pay
GOOD_NOISE_SUMMED = 1e-5  # 50 dB: the same where v never decays, so that errors of a whole run add up


@dataclass(frozen=True, eq=False)
class Distinct:
    """Distinct values of a parameter, ascending, possibly thinned out, and how often each occurs."""

    value: Floats
    count: Floats

    @classmethod
    def of(cls, values: Floats, most: int) -> Distinct:
        """At most `most` values; the smallest and the largest are among them."""
        value, count = np.unique(values, return_counts=True)
        if len(value) <= most:
            return cls(value, count.astype(np.float64))
        chosen = np.linspace(0, len(value) - 1, most).astype(np.int64)
        return cls(value[chosen], np.full(most, len(values) / most))

    def mean_square(self, errors: Floats) -> float:
        """Mean of the squares of errors [n], one per distinct value."""
        return float(np.dot(self.count, errors**2) / self.count.sum()) if len(errors) else 0.0


@dataclass(frozen=True)
class WeightFormat:
    """How mantissas are stored: multiples of `step` up to +-`largest`. Weights in LSB of v."""

    step: int
    largest: int

    @classmethod
    def of(cls, sign_mode: str, weight_bits: int) -> WeightFormat:
        """largest is 0 if the format cannot store both signs of a mixed projection."""
        n_lost = arith.lost_bits(weight_bits, sign_mode == "mixed")
        return cls(1 << n_lost, (255 >> n_lost) << n_lost)

    def exponents(self, weight_lsb: Floats, allowed: Ints = EXPONENTS) -> Ints:
        """For each weight the smallest, so the finest, of the ascending `allowed` in which it fits."""
        grain = self._grain(allowed)
        too_large = (np.floor(self.largest * STEP * 2.0**allowed / grain) + 0.5) * grain
        place = np.searchsorted(too_large, np.abs(weight_lsb), side="right")
        return allowed[np.minimum(place, len(allowed) - 1)]

    def mantissas(self, weight_lsb: Floats, w_exp: Ints) -> Ints:
        """Mantissas whose effective weights are nearest. int64, not clipped."""
        grain = self._grain(w_exp)
        return np.asarray(np.rint(weight_lsb / grain) * (grain / (STEP * 2.0**w_exp)), dtype=np.int64)

    def acting(self, weight_lsb: Floats, allowed: Ints) -> Floats:
        """The effective weights with each in its exponent of `allowed`, LSB."""
        grain = self._grain(self.exponents(weight_lsb, allowed))
        return np.asarray(np.rint(weight_lsb / grain) * grain)

    def choose_exponents(self, weights: Distinct, scale: float, good_noise: float = GOOD_NOISE) -> Ints:
        """The exponents of a projection whose weight magnitudes are `weights` at this scale; ascending.

        The one that holds the largest weight, and further ones if they make all weights exact or lift the
        signal to noise ratio over that of `good_noise`.
        """
        exact = weights.value * scale
        chosen = [int(self.exponents(exact[-1:])[0])] if len(exact) else [0]
        noise = [self._noise(weights, exact, chosen)]
        while noise[-1] > 0 and len(chosen) < MAX_EXPONENTS and chosen[0] > arith.W_EXP_MIN:
            trials = {w_exp: self._noise(weights, exact, [*chosen, w_exp]) for w_exp in range(-8, chosen[0])}
            best = min(trials, key=trials.__getitem__)
            chosen.append(best)
            noise.append(trials[best])
        enough = 0.0 if noise[-1] == 0 else max(good_noise * weights.mean_square(exact), noise[-1])
        n = next(n for n, value in enumerate(noise, 1) if value <= enough)
        return np.array(sorted(chosen[:n]))

    def _noise(self, weights: Distinct, exact: Floats, chosen: list[int]) -> float:
        return weights.mean_square(lost(self.acting(exact, np.array(sorted(chosen))), exact))

    def _grain(self, w_exp: Ints) -> Floats:
        """Distance of two effective weights: with small exponents the chip drops what is below STEP."""
        return np.asarray(np.maximum(STEP, self.step * STEP * 2.0**w_exp), dtype=np.float64)
