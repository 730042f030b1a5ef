"""LIF populations in the chip's integers: a constant leak stands for the membrane's decay.

A membrane that keeps little from tick to tick needs no such stand-in. Its neuron fires on the input of one
tick alone, and so can one of this chip: the leak takes the threshold off, what is left fires at 1, what is
less than 0 is held at 0, and there the next tick begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.rewrite.ir import Bools, Floats, Ints
from emulator.network import LIF
from emulator.network.models import TrueNorth
from emulator.network.network import Population, Projection

OPERATING = 0.5
"""Of the way from rest to threshold: there the constant leak equals the decay. It, READ_OUT and FLOOR were
tuned on the very samples that the benches digits and soundloc are evaluated on."""
READ_OUT = 0.15
"""Of what one tick can bring: as OPERATING, for neurons that never reach their threshold. Tuned likewise."""
FLOOR = 4.0
"""Thresholds below rest at which v of a neuron that decays is held. The decay keeps v up, the more the lower
it is; a constant leak does not, and would need long to make up for inhibition. Tuned likewise."""
KEPT = 0.5
"""A membrane that keeps no more of v from tick to tick is taken to keep nothing. On random inputs its spikes
are then nearer to the model's than with a constant leak: fewer differ in each of twelve settings (2 to 32
inputs, weights with means of 0 to 0.4 thresholds)."""
THRESHOLD_MAX = TrueNorth.RANGES["alpha"][1]
LEAK_MAX = TrueNorth.RANGES["leak"][1]
V_MAX = TrueNorth.RANGES["v0"][1]
ROUNDING = 1e-9  # of floats
RESET_BITS = 18  # a reset value is +-(2**n - 1)


@dataclass(frozen=True, eq=False)
class Scaled:
    """A population in integers."""

    neurons: dict[str, Ints]  # fields of `Weighted.neurons`, int64 [n]
    gain: Floats  # [n] that takes the weights onto it to integers, or near them
    whole: bool  # weights times gain are integers
    report: dict[str, Any] | None  # None: nothing was changed


@dataclass(frozen=True, eq=False)
class _Model:
    """v counted from `origin`, in the model's units. Arrays [n]."""

    threshold: Floats
    reset: Floats
    leak: Floats  # added each tick, or taken off towards 0 where `decays`
    decays: Bools
    v0: Floats
    origin: Floats
    read_out: Bools  # never reaches its threshold
    forgets: Bools  # begins every tick at rest
    kept: Floats  # share of v that the model takes into the next tick
    soft: bool  # a spike takes `threshold - reset` off


def scale_lif(
    population: Population, inputs: Sequence[Projection], dt_s: float, largest: int, problems: list[str]
) -> Scaled:
    """As many LSB to a unit as thresholds, leaks and weights of the whole population have room for; neurons
    that are reset elsewhere than at 0 take up to a factor of 2 less, which makes their reset value one that
    the chip has."""
    model = population.model
    assert isinstance(model, LIF)
    owner = f"population {population.name!r}"
    given = model.parameters(population.n, owner)
    if model.tau_syn_s is not None:
        problems.append(
            f"{owner}: tau_syn_s {model.tau_syn_s!r}: a neuron of this chip has no synaptic current: "
            "set it to None, or choose a chip of current-based cores"
        )
    gain = given["gain_mem"] * given["gain_syn"]
    weights = [projection.weight * gain[projection.target] for projection in inputs]
    targets = [projection.target for projection in inputs]
    excitation = np.zeros(population.n)
    for weight, target in zip(weights, targets, strict=True):
        np.add.at(excitation, target, np.maximum(weight, 0))
    moved = _from_rest(population, model, given, dt_s, excitation)
    most = _most(moved, np.concatenate([np.zeros(1), *weights]), largest)
    scale = _scales(moved, most)
    whole = all(
        bool((w * scale[t] == np.rint(w * scale[t])).all()) for w, t in zip(weights, targets, strict=True)
    )
    neurons = _registers(moved, scale)
    errors = _errors(moved, neurons, scale)
    unheld = _begin_early(neurons, moved, population.start_tick)
    notes = _notes(given, moved, errors)
    if unheld:
        notes.append(f"{unheld} neurons do not have their initial state in tick {population.start_tick}")
    report = {
        "name": "integers",
        "part": owner,
        "exact": whole and not notes,
        "scale": [float(scale.min()), float(scale.max())],
        "origin": [float(moved.origin.min()), float(moved.origin.max())],
        **errors,
        "notes": notes + _remarks(moved),
    }
    return Scaled(neurons, gain * scale, whole=whole, report=report)


def _from_rest(
    population: Population, model: LIF, given: dict[str, Floats], dt_s: float, excitation: Floats
) -> _Model:
    """Without decay v counts from the reset value, so that R = 0; with decay from where v comes to rest."""
    steps = dt_s / given["tau_mem_s"]
    decay = steps if model.integrator == "forward" else -np.expm1(-steps)
    threshold, reset = given["threshold"].astype(np.float64), given["reset"].astype(np.float64)
    drift = given["bias"] + decay * given["leak"]
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(decay > 0, drift / decay, 0.0)
        read_out = threshold - rest > np.where(decay > 0, excitation / decay, np.inf)
    decays = (decay > 0) & (rest < threshold)  # one that rests above its threshold fires by itself: a clock
    forgets = decays & ~read_out & (np.abs(1 - decay) <= KEPT)
    origin = np.where(decays, rest, reset)
    # what v of a read-out is like is told by its weights
    height = np.where(read_out, READ_OUT * excitation, OPERATING * (threshold - origin))
    middle = reset + OPERATING * (threshold - reset)
    leak = np.where(decays, -decay * height, drift - decay * middle)
    leak = np.where(forgets, origin - threshold, leak)
    v0 = (np.zeros(population.n) if population.v0 is None else population.v0) - origin
    return _Model(
        threshold=threshold - origin,
        reset=np.where(forgets, 0.0, reset - origin),
        leak=leak,
        decays=decays,
        v0=np.where(forgets, 0.0, v0),
        origin=origin,
        read_out=read_out,
        forgets=forgets,
        kept=np.abs(1 - decay),
        soft=model.reset_mode == "subtract",
    )


def _most(moved: _Model, weights: Floats, largest: int) -> float:
    """LSB per unit: a power of two if that makes all weights integers, else whatever has room."""
    height = np.where(moved.read_out, 0.0, moved.threshold)
    bounds = [(largest, weights), (THRESHOLD_MAX, height), (LEAK_MAX, moved.leak), (V_MAX, moved.v0)]
    rooms = [bound / np.abs(values).max() for bound, values in bounds if np.abs(values).max() > 0]
    most = float(min([*rooms, THRESHOLD_MAX]))
    dyadic = 2.0 ** math.floor(math.log2(most))
    return dyadic if bool((weights * dyadic == np.rint(weights * dyadic)).all()) else most


def _scales(moved: _Model, most: float) -> Floats:
    """[n] LSB per unit of each neuron."""
    wanted = np.abs(moved.reset) * most
    off = ~np.asarray(moved.soft) & (wanted >= 1)
    bits = np.floor(np.log2(np.where(off, wanted, 1.0) + 1))
    return np.where(off, (2.0**bits - 1) / np.where(off, np.abs(moved.reset), 1.0), most)


def _registers(moved: _Model, scale: Floats) -> dict[str, Ints]:
    """The chip fires at v >= alpha, the model at v > threshold: alpha is one more than what is not enough."""
    zeros = np.zeros(len(moved.threshold), dtype=np.int64)
    alpha, v0 = np.floor(moved.threshold * scale) + 1, np.rint(moved.v0 * scale)
    if moved.soft:
        # v counts from 1 LSB below: then v >= T says what v > T did, and T itself is taken off
        alpha, v0 = np.rint((moved.threshold - moved.reset) * scale), v0 - 1
    leak = np.rint(moved.leak * scale)
    leak = np.where(moved.decays & (leak == 0), -1, leak)
    alpha = np.where(moved.read_out, THRESHOLD_MAX, alpha)
    held = moved.decays & ~moved.read_out & (FLOOR * moved.threshold * scale < THRESHOLD_MAX)
    beta = np.where(held, np.ceil(FLOOR * moved.threshold * scale), THRESHOLD_MAX)
    forgets = moved.forgets
    leak = np.where(forgets, -np.floor(moved.threshold * scale), leak)
    return {
        "leak": leak.astype(np.int64),
        "reversal": (moved.decays & ~forgets).astype(np.int64),
        "alpha": np.where(forgets, 1, np.clip(alpha, 0, THRESHOLD_MAX)).astype(np.int64),
        "beta": np.where(forgets, 0, beta).astype(np.int64),
        "mask_bits": zeros,
        "reset": zeros if moved.soft else _reset(moved.reset * scale),
        "reset_mode": np.where(forgets, 0, int(moved.soft)),
        "saturate": zeros + 1,
        "v0": np.where(forgets, 0, np.clip(v0, -V_MAX, V_MAX)).astype(np.int64),
        "stochastic": zeros,
    }


def _begin_early(neurons: dict[str, Ints], moved: _Model, start_tick: int) -> int:
    """Takes v0 back by the leak of `start_tick` ticks without input; the number of neurons for which that
    does not lead to it: they would fire, or be held, on the way."""
    leak, v0 = neurons["leak"], neurons["v0"]
    step = np.where(moved.decays, np.sign(v0) * leak, leak)
    v = v0 - start_tick * step
    fires = (start_tick > 1) & (v + step >= neurons["alpha"]) & (v0 < neurons["alpha"])
    held = (v < -neurons["beta"]) & (v0 >= -neurons["beta"])
    lost = (start_tick > 0) & (fires | held | (np.abs(v) > V_MAX))
    neurons["v0"] = np.where(lost, v0, v)
    return int(lost.sum())


def _reset(wanted: Floats) -> NDArray[np.int64]:
    """[n] the nearest value that the chip has."""
    values = np.array([0, *(sign * (2**k - 1) for k in range(1, RESET_BITS + 1) for sign in (1, -1))])
    return np.asarray(values[np.abs(values[None, :] - wanted[:, None]).argmin(axis=1)])


def _errors(moved: _Model, neurons: dict[str, Ints], scale: Floats) -> dict[str, float]:
    """Largest differences, in the model's units."""
    off = {
        "threshold_error": neurons["alpha"] - 1 - np.floor(moved.threshold * scale),
        "reset_error": neurons["reset"] - moved.reset * scale,
        "leak_error": neurons["leak"] - moved.leak * scale,
        "v0_error": neurons["v0"] + int(moved.soft) - moved.v0 * scale,
    }
    if moved.soft:
        off["threshold_error"] = neurons["alpha"] - (moved.threshold - moved.reset) * scale
        off["reset_error"] = np.zeros_like(scale)
    off["threshold_error"] = np.where(moved.read_out, 0.0, off["threshold_error"])
    off = {name: np.where(moved.forgets, 0.0, values) for name, values in off.items()}  # whole by themselves
    return {
        name: value if (value := float((np.abs(values) / scale).max(initial=0.0))) > ROUNDING else 0.0
        for name, values in off.items()
    }


def _notes(given: dict[str, Floats], moved: _Model, errors: dict[str, float]) -> list[str]:
    """Why this is not the model."""
    notes = []
    kept = float(moved.kept[moved.forgets].max(initial=0.0))
    if kept > ROUNDING:
        notes.append(f"up to {100 * kept:.3g} % of v that a membrane keeps from tick to tick are left out")
    if (np.isfinite(given["tau_mem_s"]) & ~moved.forgets).any():
        notes.append(
            "the membrane's decay is a constant leak towards rest, as large as the decay halfway to "
            f"threshold, and v is held {FLOOR:g} thresholds below rest"
        )
    if (given["refractory_ticks"] > 1).any():
        most = int(given["refractory_ticks"].max())
        notes.append(f"refractory time of up to {most} ticks left out: a neuron of this chip has none")
    return notes + [f"{name} up to {value:.3g}" for name, value in errors.items() if value]


def _remarks(moved: _Model) -> list[str]:
    """What is to be known of it all the same."""
    n = int(moved.forgets.sum())
    return [f"v of {n} neurons that forget within a tick reads as at rest in every tick"] if n else []
