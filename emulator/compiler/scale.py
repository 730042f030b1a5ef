"""How many LSB of the chip's v a unit of v is worth: one scale per LIF population.

A larger scale loses less to the truncation in the chip's decays; a scale at which weights, thresholds and
biases fall on integers loses nothing there. Doubling a scale keeps what falls on integers, so only the
octave below the largest scale that fits has to be searched. Three bounds are tried, safest first: worst-case
input fits all registers; it may drive v to its lower clip; it may wrap the input and current registers.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from emulator import arith
from emulator.compiler.rounding import (
    BIAS_LIMITS,
    INPUT_LIMIT,
    STATE_LIMIT,
    STEP,
    Floats,
    bias_format,
    lost,
    threshold_mantissa,
)
from emulator.compiler.shifted import Afferent, Shifted
from emulator.compiler.weight_format import GOOD_NOISE, MAX_EXPONENTS, Distinct, WeightFormat

SIMILAR = 1.12  # 0.5 dB: fits so close to the best are as good; then the largest scale wins
N_SAMPLES = 1024  # distinct weights looked at, over all projections
N_SEARCHED = 3  # projections whose largest weight proposes scales


@dataclass(frozen=True)
class Fit:
    """A scale and what rounding costs there: noise power over signal power, 0.0 when nothing is lost."""

    scale: float
    noise: float


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weight magnitudes of an afferent and the format they are stored in."""

    afferent: Afferent
    magnitude: Distinct
    format: WeightFormat


@dataclass(frozen=True, eq=False)
class _Search:
    """What a scale is judged by."""

    weights: list[_Weights]
    threshold: Distinct  # of the neurons that can fire
    bias: Distinct  # of the neurons that have one
    soft_reset: bool  # a spike takes the threshold off v


def choose_scale(p: Shifted, weight_bits: int, problems: list[str]) -> float | None:
    """LSB per unit of v; None after noting that the registers cannot hold the parameters side by side.

    weight_bits: magnitude bits of the widest weight that the chip stores.
    """
    unstorable = [a.label for a in p.afferents if not WeightFormat.of(a.sign_mode, weight_bits).largest]
    if unstorable:
        problems.append(
            f"population {p.name!r}: {', '.join(unstorable)}: weights of both signs, but the chip stores at "
            f"most {weight_bits} bit, enough for one sign: widen synapse_format.weight_bits or split by sign"
        )
        return None
    bounds = _register_bounds(p, weight_bits)
    owner = min(bounds, key=bounds.__getitem__)
    hard = bounds[owner]
    if math.isinf(hard):
        return float(STEP)  # nothing to represent
    largest = max((afferent.largest for afferent in p.afferents), default=0.0)
    if 0 < largest * hard < STEP / 2:
        problems.append(_disparity(p, owner, largest, hard))
        return None
    hard = min(hard, _summing_bound(p, weight_bits))
    search = _search(p, weight_bits)
    within = p.worst_case
    wraps = min(_bound(within["input"], INPUT_LIMIT), _bound(within["drive"], STATE_LIMIT))
    rises = np.full(p.n, p.soft_reset) | ~p.reachable  # v is not taken back to 0 on its way up
    clips = min(wraps, _bound(within["fall"], STATE_LIMIT), _bound(within["rise"][rises], STATE_LIMIT))
    best = functools.cache(functools.partial(_best, search))
    fits = [_kept_in_register(p, search, best(min(hard, bound))) for bound in (clips, wraps)] + [best(hard)]
    least = min(fit.noise for fit in fits)
    enough = 0.0 if least == 0 else max(GOOD_NOISE, 2 * least)
    return next(fit.scale for fit in fits if fit.noise <= enough)


def _register_bounds(p: Shifted, weight_bits: int) -> dict[str, float]:
    """Largest scale at which each parameter fits its register; inf for one that is zero."""
    weights = math.inf
    for afferent in p.afferents:
        largest = WeightFormat.of(afferent.sign_mode, weight_bits).largest
        weights = min(weights, _bound(afferent.weight, (largest << arith.W_EXP_MAX) * STEP))
    bounds = {
        "weight": weights,
        "bias": min(_bound(np.maximum(sign * p.bias, 0), limit) for sign, limit in BIAS_LIMITS.items()),
        "v0": _bound(p.v0, arith.V_LIMIT),
        "u0": _bound(p.u0, STATE_LIMIT),
    }
    limit = arith.VTH_MANT_MAX * STEP
    bounds["threshold"] = _bound(p.threshold[p.reachable], limit)
    if all(math.isinf(bound) for bound in bounds.values()):
        bounds["threshold"] = _bound(p.threshold, limit)
    return bounds


def _summing_bound(p: Shifted, weight_bits: int) -> float:
    """Scale at which weights have all their bits, where a neuron only adds up and never fires; else inf.

    Its v grows without bound: larger weights would have no more bits, and fill the register sooner.
    """
    summing = np.isinf(p.threshold) & (p.dv == 0)
    if not summing.any():
        return math.inf
    return (
        min(
            _bound(a.weight[summing[a.post]], WeightFormat.of(a.sign_mode, weight_bits).largest * STEP)
            for a in p.afferents
        )
        if p.afferents
        else math.inf
    )


def _bound(values: Floats, limit: float) -> float:
    """Largest scale at which finite `values` stay within +-limit."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return limit / largest if largest > 0 else math.inf


def _disparity(p: Shifted, owner: str, largest: float, hard: float) -> str:
    value = {"threshold": p.threshold, "bias": p.bias, "v0": p.v0, "u0": p.u0}[owner]
    shown = "threshold - reset" if owner == "threshold" else owner
    binding = p.reachable if owner == "threshold" else True
    at = int(np.argmax(np.where(binding, np.abs(value), 0)))
    return (
        f"population {p.name!r}: {shown} of neuron {at} is {value[at]:g}, which its register holds at up to "
        f"{hard:.3g} LSB a unit; there the largest weight {largest:g} (gains included) rounds to zero: raise "
        f"the weights or gains, lower {shown}, or put such neurons into a population of their own"
    )


def _search(p: Shifted, weight_bits: int) -> _Search:
    afferents = [afferent for afferent in p.afferents if afferent.largest > 0]
    share = max(64, N_SAMPLES // max(1, len(afferents)))
    thresholds = p.threshold[p.reachable & (p.threshold > 0)]
    return _Search(
        [_Weights(a, a.magnitudes(share), WeightFormat.of(a.sign_mode, weight_bits)) for a in afferents],
        Distinct.of(thresholds, N_SAMPLES),
        Distinct.of(p.bias[p.bias != 0], N_SAMPLES),
        p.soft_reset,
    )


def _best(search: _Search, bound: float) -> Fit:
    """The best scale in (bound / 2, bound]."""
    fits = [Fit(scale, _noise(search, scale)) for scale in _candidates(search, bound)]
    enough = min(fit.noise for fit in fits) * SIMILAR

    def rank(fit: Fit) -> tuple[bool, bool, float]:
        # of the exact ones a power of two: v on a binary grid then survives the most halvings by a decay
        binary = enough == 0 and math.frexp(fit.scale)[0] == 0.5
        # errors of weights even out, one of a threshold that is subtracted adds up over the spikes
        even = search.soft_reset and not _threshold_error(search, fit.scale).any()
        return binary, even, fit.scale

    return max((fit for fit in fits if fit.noise <= enough), key=rank)


def _candidates(search: _Search, bound: float) -> list[float]:
    """Scales of the octave below `bound` at which a largest weight or a threshold is exact, and others."""
    found = {bound, 2.0 ** math.floor(math.log2(bound))}
    for weights in sorted(search.weights, key=lambda weights: -len(weights.afferent.weight))[:N_SEARCHED]:
        # half the mantissa with the next exponent is the same weight: the upper half of the range is enough
        for mantissa in range(128, weights.format.largest + 1, weights.format.step):
            scale = mantissa * STEP / float(weights.magnitude.value[-1])
            if math.isfinite(scale):
                found.add(math.ldexp(scale, math.floor(math.log2(bound) - math.log2(scale))))
    if len(search.threshold.value):
        common = float(search.threshold.value[np.argmax(search.threshold.count)])
        found |= {math.floor(scale * common / STEP) * STEP / common for scale in found}
    return sorted(scale for scale in found if bound / 2 < scale <= bound)


def _noise(search: _Search, scale: float) -> float:
    """Rounding noise of weights, thresholds and biases at this scale, each against what it acts on."""
    noise = signal = n_weights = 0.0
    for weights in search.weights:
        exact = weights.magnitude.value * scale
        n = float(weights.magnitude.count.sum())
        noise += n * _weight_noise(weights, exact)
        signal += n * weights.magnitude.mean_square(exact)
        n_weights += n
    total = noise / signal if signal else 0.0
    weight = max(1.0, math.sqrt(signal / n_weights)) if n_weights else 1.0
    threshold = search.threshold.value * scale
    # what each spike takes off v is an input like a weight, and sets the rate: an error there is worse
    smaller, larger = np.minimum(threshold, weight), np.maximum(threshold, weight)
    against = smaller if search.soft_reset else larger
    total += search.threshold.mean_square(_threshold_error(search, scale) / against)
    bias = search.bias.value * scale
    if len(bias):
        error = lost(arith.bias_value(*bias_format(bias)), bias)
        total += search.bias.mean_square(error / max(weight, float(np.abs(bias).max())))
    return total


def _threshold_error(search: _Search, scale: float) -> Floats:
    """LSB, of each distinct threshold."""
    threshold = search.threshold.value * scale
    return lost(threshold_mantissa(threshold, nearest=search.soft_reset) * STEP, threshold)


def _weight_noise(weights: _Weights, exact: Floats) -> float:
    """Mean square error with one exponent; 0.0 if a few exponents lose nothing."""
    own = np.unique(weights.format.exponents(exact))
    trials = [own[-1:], own] if 1 < len(own) <= MAX_EXPONENTS else [own[-1:]]
    errors = [lost(weights.format.acting(exact, w_exp), exact) for w_exp in trials]
    noise = [weights.magnitude.mean_square(error) for error in errors]
    return 0.0 if 0.0 in noise else noise[0]


def _kept_in_register(p: Shifted, search: _Search, fit: Fit) -> Fit:
    """The fit, or a smaller one where rounding up many weights takes worst-case input over its register."""
    for _ in range(4):
        total = _rounded_input(p, search, fit.scale)
        if total <= INPUT_LIMIT:
            break
        fit = _best(search, fit.scale * INPUT_LIMIT / total)
    return fit


def _rounded_input(p: Shifted, search: _Search, scale: float) -> float:
    """Largest sum of one sign that a tick can bring, in LSB, after rounding."""
    up, down = np.zeros(p.n), np.zeros(p.n)
    for weights in search.weights:
        afferent = weights.afferent
        w_exp = weights.format.choose_exponents(weights.magnitude, scale, p.good_noise)
        acting = weights.format.acting(afferent.weight * scale, w_exp)
        up += np.bincount(afferent.post, np.maximum(acting, 0), p.n)
        down += np.bincount(afferent.post, np.maximum(-acting, 0), p.n)
    return float(np.maximum(up, down).max())
