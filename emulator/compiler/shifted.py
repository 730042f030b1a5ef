"""LIF populations in the chip's coordinates, still in floats: v from the reset, gains in the weights.

The chip resets v to 0 and feeds u into v as it is. So with x = v - reset, keep_mem = 1 - dv / 4096 and input
weights w * gain_syn * gain_mem, the model's update becomes the chip's:

    u = keep_syn * u + input        x = keep_mem * x + u + bias        fire if x > threshold, then x = 0

A soft reset, v -= threshold - reset, is then x -= threshold.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.compiler.weight_format import GOOD_NOISE, GOOD_NOISE_SUMMED, Distinct
from emulator.network import LIF, Population, Projection

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

DECAY_ONE = 1 << arith.DECAY_BITS


@dataclass(frozen=True, eq=False)
class Afferent:
    """Synapses of one projection as their targets feel them. Arrays [n], in the order of the projection."""

    projection_id: int
    label: str
    post: Ints  # int32 index in the target population
    weight: Floats  # gains of the target included, in units of v
    sign_mode: str  # the narrowest that holds every weight

    @property
    def largest(self) -> float:
        """Largest magnitude; 0 when there is no synapse."""
        return float(np.abs(self.weight).max(initial=0.0))

    def magnitudes(self, most: int) -> Distinct:
        """Distinct magnitudes, at most `most`."""
        return Distinct.of(np.abs(self.weight), most)


@dataclass(frozen=True, eq=False)
class Shifted:
    """One LIF population, arrays [n]. Floats are in units of v, integers are the chip's registers."""

    name: str
    n: int
    threshold: Floats  # above the reset; inf: never fires
    bias: Floats  # per tick
    v0: Floats  # above the reset
    u0: Floats  # as it enters v
    dv: Ints  # 0..4095
    du: Ints  # 0..4095
    ds_offset: Ints  # 0 or 1
    refractory: Ints
    soft_reset: bool  # x -= threshold instead of x = 0
    start_tick: int
    decay_error_mem: float  # largest difference of what a tick leaves, model against registers
    decay_error_syn: float
    afferents: tuple[Afferent, ...]

    @property
    def keep_mem(self) -> Floats:
        """Part of v that a tick leaves, as the register has it."""
        return 1 - self.dv / DECAY_ONE

    @property
    def keep_syn(self) -> Floats:
        """Part of u that a tick leaves, as the register has it."""
        return 1 - (self.du + self.ds_offset) / DECAY_ONE

    @property
    def good_noise(self) -> float:
        """Noise power of the weights, over their power, that is low enough."""
        return GOOD_NOISE if (self.dv > 0).all() else GOOD_NOISE_SUMMED

    @functools.cached_property
    def worst_case(self) -> Mapping[str, Floats]:
        """Bounds [n] if every input fires in every tick, in units of v; inf for perfect integrators.

        `input`: sum of a tick. `drive`: u + bias. `fall`: v below the reset. `rise`: v above it.
        """
        up, down = np.zeros(self.n), np.zeros(self.n)
        for afferent in self.afferents:
            up += np.bincount(afferent.post, np.maximum(afferent.weight, 0), self.n)
            down += np.bincount(afferent.post, np.maximum(-afferent.weight, 0), self.n)
        u_up = _geometric(up, self.keep_syn) + np.maximum(self.u0, 0)
        u_down = _geometric(down, self.keep_syn) + np.maximum(-self.u0, 0)
        return {
            "input": np.maximum(up, down),
            "drive": np.maximum(u_up, u_down) + np.abs(self.bias),
            "fall": np.maximum(_geometric(np.maximum(u_down - self.bias, 0), self.keep_mem), -self.v0),
            "rise": np.maximum(_geometric(np.maximum(u_up + self.bias, 0), self.keep_mem), self.v0),
        }

    @functools.cached_property
    def reachable(self) -> NDArray[np.bool_]:
        """[n] neurons that some input can make fire; the others are read-outs with a huge threshold."""
        # 1 %: rounded weights may sum up to a little more
        return np.asarray((self.threshold <= 1.01 * self.worst_case["rise"]) & np.isfinite(self.threshold))


def shift(
    population: Population,
    projections: Sequence[tuple[int, Projection]],
    dt_s: float,
    problems: list[str],
) -> Shifted | None:
    """The population and its (projection id, projection) inputs; None after noting why it cannot be."""
    owner = f"population {population.name!r}"
    assert isinstance(population.model, LIF)
    given = population.model.parameters(population.n, owner)
    integrator = population.model.integrator
    n_before = len(problems)
    keep_mem = _kept(given["tau_mem_s"], dt_s, integrator, f"{owner}: tau_mem_s", problems)
    if population.model.tau_syn_s is None:
        keep_syn = np.zeros(population.n)
    else:
        keep_syn = _kept(given["tau_syn_s"], dt_s, integrator, f"{owner}: tau_syn_s", problems)
    if len(problems) > n_before:
        return None
    dv = np.minimum(np.rint((1 - keep_mem) * DECAY_ONE), arith.DECAY_MAX).astype(np.int64)
    du_eff = np.rint((1 - keep_syn) * DECAY_ONE).astype(np.int64)
    ds_offset = np.minimum(du_eff, 1)  # the chip adds 1 to du; a perfect integrator needs that switched off
    with np.errstate(over="ignore", invalid="ignore"):
        reset, gain = given["reset"], given["gain_mem"] * given["gain_syn"]
        floats = {
            "threshold": given["threshold"] - reset,
            # with the rounded decay, so that v still settles at `leak`
            "bias": dv / DECAY_ONE * (given["leak"] - reset) + given["bias"],
            "v0": _initial(population.v0, population.n) - reset,
            "u0": _initial(population.u0, population.n) * given["gain_mem"],
        }
        afferents = tuple(_afferent(i, projection, gain) for i, projection in projections)
    for label, values in (*floats.items(), *((a.label, a.weight) for a in afferents)):
        never = (given["threshold"] == np.inf) if label == "threshold" else False
        if not (np.isfinite(values) | never).all():
            problems.append(f"{owner}: {label} overflows with gains and reset applied: use other units")
    if len(problems) > n_before:
        return None
    return Shifted(
        name=population.name,
        n=population.n,
        **floats,
        dv=dv,
        du=du_eff - ds_offset,
        ds_offset=ds_offset,
        refractory=given["refractory_ticks"].astype(np.int64),
        soft_reset=population.model.reset_mode == "subtract",
        start_tick=population.start_tick,
        decay_error_mem=float(np.abs(1 - dv / DECAY_ONE - keep_mem).max()),
        decay_error_syn=float(np.abs(1 - du_eff / DECAY_ONE - keep_syn).max()),
        afferents=afferents,
    )


def _geometric(first: Floats, keep: Floats) -> Floats:
    """first * (1 + keep + keep**2 + ...)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(first > 0, first / (1 - keep), 0.0)


def _kept(tau_s: Floats, dt_s: float, integrator: str, label: str, problems: list[str]) -> Floats:
    """Part of the state that a tick leaves."""
    if integrator == "exponential":
        return np.exp(-dt_s / tau_s)
    keep = 1 - dt_s / tau_s
    bad = np.flatnonzero(keep < 0)
    if len(bad):
        problems.append(
            f"{label}[{bad[0]}] = {tau_s[bad[0]]:g} is shorter than a tick of {dt_s:g} s, which integrator "
            f"'forward' cannot take ({len(bad)} in all): use 'exponential' or a smaller dt_s"
        )
    return keep


def _initial(value: NDArray[np.generic] | None, n: int) -> Floats:
    return np.zeros(n) if value is None else value.astype(np.float64)


def _afferent(projection_id: int, projection: Projection, gain: Floats) -> Afferent:
    weight = projection.weight.astype(np.float64) * gain[projection.target]
    # a weight of 0 fits either sign, so `mixed` is taken only when both signs occur
    negative, positive = bool((weight < 0).any()), bool((weight > 0).any())
    sign_mode = "mixed" if negative and positive else "inhibitory" if negative else "excitatory"
    return Afferent(projection_id, projection.label, projection.target, weight, sign_mode)
