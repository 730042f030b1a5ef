"""Neuron and synapse models: frozen parameter sets, scalars or one value per neuron."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator import arith
from emulator.errors import DescriptionError

N_TYPES = 4  # of axons of a TrueNorth core
INT32 = (-(2**31), 2**31 - 1)


@dataclass(frozen=True, eq=False)
class LIF:
    """Leaky integrate-and-fire neuron in physical units; the compiler quantises it to the chip's integers.

    Each tick (length `dt_s` of the network), with d = 1 - dt/tau (`forward`) or exp(-dt/tau) (`exponential`):

        u = d_syn * u + gain_syn * (sum of the weights of the spikes that arrive)
        v = leak + d_mem * (v - leak) + gain_mem * u + bias
        v > threshold: fire, v = reset; with reset_mode="subtract" v -= threshold - reset

    A spike of weight w through `tau_syn_s=None` thus moves v by `gain_mem * gain_syn * w`.
    Every parameter is a scalar or an array [n].
    """

    tau_mem_s: ArrayLike  # membrane time constant; inf: no leak
    tau_syn_s: ArrayLike | None = None  # synaptic time constant; None: input lasts one tick; inf: it stays
    threshold: ArrayLike = 1.0  # inf: never fires, v is read by a probe
    reset: ArrayLike = 0.0  # v after a spike; below the threshold
    leak: ArrayLike = 0.0  # v that the membrane decays to
    gain_mem: ArrayLike = 1.0
    gain_syn: ArrayLike = 1.0
    bias: ArrayLike = 0.0  # added to v each tick
    refractory_ticks: ArrayLike = 1  # 1: no lost tick
    integrator: str = "exponential"  # or "forward"
    reset_mode: str = "value"  # or "subtract", a soft reset (an extension: not on Loihi 1)

    INTEGRATORS: ClassVar[tuple[str, ...]] = ("exponential", "forward")
    RESET_MODES: ClassVar[tuple[str, ...]] = ("value", "subtract")

    def parameters(self, n: int, owner: str) -> dict[str, NDArray[np.float64]]:
        """Every numeric parameter as float64 [n] (tau_syn_s None becomes 0). Raises DescriptionError."""
        values = {
            "tau_mem_s": self.tau_mem_s,
            "tau_syn_s": 0.0 if self.tau_syn_s is None else self.tau_syn_s,
            **{
                name: getattr(self, name)
                for name in ("threshold", "reset", "leak", "gain_mem", "gain_syn", "bias", "refractory_ticks")
            },
        }
        problems: list[str] = []
        out = {name: _spread(value, n, f"{owner}: {name}", problems) for name, value in values.items()}
        choices = {"integrator": self.INTEGRATORS, "reset_mode": self.RESET_MODES}
        for name, known in choices.items():
            chosen = getattr(self, name)
            if chosen not in known:
                problems.append(f"{owner}: {name} {chosen!r}, choose from {', '.join(known)}")
        if not problems:
            self._check(out, owner, problems)
        if problems:
            raise DescriptionError(problems)
        return out

    def _check(self, out: dict[str, NDArray[np.float64]], owner: str, problems: list[str]) -> None:
        for name, array in out.items():
            finite = ~np.isnan(array) if name in ("tau_mem_s", "tau_syn_s") else np.isfinite(array)
            never = (array == np.inf) & (name == "threshold")
            _require(finite | never, array, f"{owner}: {name}", "must be a finite number", problems)
        _require(out["tau_mem_s"] > 0, out["tau_mem_s"], f"{owner}: tau_mem_s", "must be above 0 s", problems)
        if self.tau_syn_s is not None:
            _require(
                out["tau_syn_s"] > 0,
                out["tau_syn_s"],
                f"{owner}: tau_syn_s",
                "must be above 0 s (None: input lasts one tick)",
                problems,
            )
        _require(
            out["threshold"] >= out["reset"],
            out["threshold"],
            f"{owner}: threshold",
            "must not be below reset",
            problems,
        )
        refractory = out["refractory_ticks"]
        _require(
            (refractory >= 1) & (refractory == np.rint(refractory)),
            refractory,
            f"{owner}: refractory_ticks",
            "must be an integer of at least 1 (1: no lost tick)",
            problems,
        )
        if self.reset_mode == "subtract":
            rule = "must be 1, as reset_mode 'subtract' keeps v through a spike: or choose reset_mode 'value'"
            _require(refractory <= 1, refractory, f"{owner}: refractory_ticks", rule, problems)


@dataclass(frozen=True, eq=False)
class LoihiCuba:
    """Current-based compartment in the chip's own integers, used exactly as given.

    Ranges are those of the chip's registers: see `RANGES`. Arithmetic: `emulator.arith`, order of effects:
    `emulator/reference/core.py`. Every parameter is a scalar or an array [n].
    """

    du: ArrayLike = 4095  # current decay, 1/4096 per tick; the chip adds ds_offset
    dv: ArrayLike = 0  # voltage decay, 1/4096 per tick
    vth_mant: ArrayLike = 100  # fires if v > vth_mant * 64
    bias_mant: ArrayLike = 0
    bias_exp: ArrayLike = 0  # bias = bias_mant * 2**bias_exp, added to v each tick
    refractory: ArrayLike = 1  # ticks; 1: no lost tick
    ds_offset: ArrayLike = 1
    vmin: ArrayLike = -arith.V_LIMIT
    vmax: ArrayLike = arith.V_LIMIT
    soft_reset: ArrayLike = 0  # 1: firing takes the threshold off v (an extension: not on Loihi 1)

    RANGES: ClassVar[dict[str, tuple[int, int]]] = {
        "du": (0, arith.DECAY_MAX),
        "dv": (0, arith.DECAY_MAX),
        "vth_mant": (0, arith.VTH_MANT_MAX),
        "bias_mant": (arith.BIAS_MANT_MIN, arith.BIAS_MANT_MAX),
        "bias_exp": (0, arith.BIAS_EXP_MAX),
        "refractory": (arith.REFRACTORY_MIN, arith.REFRACTORY_MAX),
        "ds_offset": (0, 1),
        "vmin": (-arith.V_LIMIT, 0),
        "vmax": (0, arith.V_LIMIT),
        "soft_reset": (0, 1),
    }

    def parameters(self, n: int, owner: str) -> dict[str, NDArray[np.int64]]:
        """Every parameter as int64 [n]. Raises DescriptionError."""
        problems: list[str] = []
        out = {
            name: spread_integers(getattr(self, name), n, f"{owner}: {name}", limits, problems)
            for name, limits in self.RANGES.items()
        }
        rule = "must be 1 where soft_reset is 1: it keeps v through a spike"
        held = (out["soft_reset"] == 0) | (out["refractory"] <= 1)
        _require(held, out["refractory"], f"{owner}: refractory", rule, problems)
        if problems:
            raise DescriptionError(problems)
        return out


@dataclass(frozen=True, eq=False)
class LoihiSynapse:
    """How integer weight mantissas act: `w = ((mant * 2**(6 + w_exp)) >> 6) << 6`."""

    w_exp: ArrayLike = 0  # -8..7, scalar or one value per synapse (shaped like the weights)
    weight_bits: int = 8  # magnitude bits, 1..8
    sign_mode: str = (
        "mixed"  # mantissas: mixed -256..254 in steps of 2, excitatory 0..255, inhibitory -255..0
    )
    rounding: str = "toward_zero"  # of mantissa bits that the format cannot store

    def problems(self, owner: str) -> list[str]:
        """What is wrong with the scalar parameters."""
        problems = []
        if self.weight_bits not in range(1, 9) or isinstance(self.weight_bits, bool):
            problems.append(f"{owner}: weight_bits {self.weight_bits!r} outside 1..8")
        if self.sign_mode not in arith.SIGN_MODES:
            problems.append(
                f"{owner}: sign_mode {self.sign_mode!r}, choose from {', '.join(arith.SIGN_MODES)}"
            )
        if self.rounding not in arith.ROUNDINGS:
            problems.append(f"{owner}: rounding {self.rounding!r}, choose from {', '.join(arith.ROUNDINGS)}")
        return problems


@dataclass(frozen=True, eq=False)
class Triplets:
    """Synapses as a list: (pre, post, weight) and a delay each. Arrays [n_synapses]; delay may be a scalar.

    The same (pre, post) may occur more than once: each is a synapse of its own. `delay_ticks=None` takes
    the delay given to `connect`.
    """

    pre: ArrayLike
    post: ArrayLike
    weight: ArrayLike
    delay_ticks: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class TrueNorth:
    """TrueNorth's neuron in the chip's own integers, used exactly as given (Cassidy et al. 2013).

    Each tick, in this order: the weight of each synapse that was reached, axon by axon; the leak; the
    thresholds. Arithmetic: `emulator/reference/crossbar.py`. Ranges: `RANGES`, those of the chip; under
    `arithmetic.variant` "ranc" they are lifted. Every parameter is a scalar or an array [n], `s` and `b` are
    [4] or [n, 4]. Cores described directly need `s`; of a population the compiler chooses it, to make up the
    weights of its projections.
    """

    s: ArrayLike | None = None  # weight of the four types of axons
    b: ArrayLike = (0, 0, 0, 0)  # 1: its synapses are stochastic: sign of s if |s| >= a draw of 0..255
    leak: ArrayLike = 0  # added to v each tick
    c: ArrayLike = 0  # 1: the leak is stochastic: its sign if |leak| >= a draw of 0..255
    epsilon: ArrayLike = 0  # 1: the leak follows the sign of v, and v stops at 0
    alpha: ArrayLike = 1  # fires if v >= alpha + eta
    beta: ArrayLike = 0  # negative threshold: acts if v < -beta
    TM: ArrayLike = 0  # eta is drawn anew each tick from 0 .. 2**TM - 1
    R: ArrayLike = 0  # reset value, on the chip +-(2**n - 1)
    gamma: ArrayLike = 0  # a spike sets v, 0: to R, 1: to v - (alpha + eta), 2: not at all
    kappa: ArrayLike = 0  # below the negative threshold v is 1: held at -beta, 0: reset by gamma, to -R
    v0: ArrayLike = 0  # initial v

    RANGES: ClassVar[dict[str, tuple[int, int]]] = {
        "s": (-255, 255),
        "b": (0, 1),
        "leak": (-255, 255),
        "c": (0, 1),
        "epsilon": (0, 1),
        "alpha": (0, 2**18 - 1),
        "beta": (0, 2**18 - 1),
        "TM": (0, 18),
        "R": (-(2**18) + 1, 2**18 - 1),
        "gamma": (0, 2),
        "kappa": (0, 1),
        "v0": (-(2**19), 2**19 - 1),
    }
    CHOICES: ClassVar[tuple[str, ...]] = ("b", "c", "epsilon", "TM", "gamma", "kappa")
    """What is no quantity: its range is the same under every variant."""

    BY_TYPE: ClassVar[tuple[str, ...]] = ("s", "b")

    def parameters(self, n: int, owner: str) -> dict[str, NDArray[np.int64]]:
        """Every parameter as int64 [n], `s` and `b` [n, 4]; `s` None is left out. Raises DescriptionError.

        Of quantities only that 32 bits hold them: their range is the chip's, which is not known yet.
        """
        problems: list[str] = []
        out = {}
        for name, limits in self.RANGES.items():
            value, label = getattr(self, name), f"{owner}: {name}"
            if name == "s" and value is None:
                continue
            limits = limits if name in self.CHOICES else INT32
            spread = _spread_by_type if name in self.BY_TYPE else spread_integers
            out[name] = spread(value, n, label, limits, problems)
        if problems:
            raise DescriptionError(problems)
        return out


Model = LIF | LoihiCuba | TrueNorth
MODELS: dict[str, type[LIF] | type[LoihiCuba] | type[TrueNorth]] = {
    "LIF": LIF,
    "LoihiCuba": LoihiCuba,
    "TrueNorth": TrueNorth,
}


def model_fields(model: Model | LoihiSynapse) -> dict[str, Any]:
    """Parameters by name, as given."""
    return {field.name: getattr(model, field.name) for field in fields(model)}


def spread_integers(
    value: ArrayLike,
    n: int,
    label: str,
    limits: tuple[int, int],
    problems: list[str],
    dtype: type[np.integer[Any]] = np.int64,
) -> NDArray[Any]:
    """`value` as a new array [n]; what is wrong with it is appended to `problems`.

    dtype: holds the limits and 0.
    """
    if (
        # The common case, without work arrays: there may be many synapses.
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iu"
        and value.shape in ((), (n,))
        and (value.size == 0 or (value.min() >= limits[0] and value.max() <= limits[1]))
    ):
        return value.astype(dtype, order="C") if value.ndim else np.full(n, value, dtype)
    n_before = len(problems)
    array = _spread(value, n, label, problems)
    if len(problems) > n_before:
        return np.zeros(n, dtype=np.int64)
    whole = np.isfinite(array) & (array == np.rint(array))
    _require(whole, array, label, "must be an integer", problems)
    low, high = limits
    within = ~whole | ((array >= low) & (array <= high))
    _require(within, array, label, f"outside {low}..{high}", problems)
    return np.where(whole & within, array, 0).astype(dtype)


def _spread_by_type(
    value: ArrayLike, n: int, label: str, limits: tuple[int, int], problems: list[str]
) -> NDArray[np.int64]:
    """[n, N_TYPES] from a value for each type of axon, for all neurons or for each."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.zeros(0)
    if array.shape not in ((N_TYPES,), (n, N_TYPES)):
        shape = list(array.shape)
        problems.append(
            f"{label}: shape {shape}, expected [{N_TYPES}] or [{n}, {N_TYPES}], one per axon type"
        )
        return np.zeros((n, N_TYPES), dtype=np.int64)
    columns = [
        spread_integers(array[..., kind], n, f"{label} of axon type {kind}", limits, problems)
        for kind in range(N_TYPES)
    ]
    return np.stack(columns, axis=1)


def _spread(value: ArrayLike, n: int, label: str, problems: list[str]) -> NDArray[np.float64]:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        problems.append(f"{label}: {value!r} is not a number or an array of numbers")
        return np.zeros(n)
    if array.ndim == 0 or array.shape == (n,):
        return np.broadcast_to(array, (n,))
    problems.append(f"{label}: shape {list(array.shape)}, expected a scalar or [{n}]")
    return np.zeros(n)


def _require(ok: NDArray[np.bool_], array: NDArray[Any], label: str, rule: str, problems: list[str]) -> None:
    if not ok.all():
        index = int(np.flatnonzero(~ok)[0])
        others = int((~ok).sum()) - 1
        more = f" (and {others} more)" if others else ""
        value = array[index]
        shown = int(value) if np.isfinite(value) and value == int(value) else value
        problems.append(f"{label}[{index}] = {shown}: {rule}{more}")
