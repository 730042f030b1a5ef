"""LIF populations to the chip's integers: one scale per population, one w_exp per projection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.spec import ChipSpec
from emulator.compiler.fidelity import Weighed, register_load, weigh
from emulator.compiler.initial_state import Registers, Start, settle
from emulator.compiler.rounding import INPUT_LIMIT, STATE_LIMIT, STEP, bias_format, lost, threshold_mantissa
from emulator.compiler.scale import N_SAMPLES, choose_scale
from emulator.compiler.shifted import Afferent, Floats, Shifted
from emulator.compiler.weight_format import WeightFormat

Ints = NDArray[np.integer]

CURRENT_PAST_END = {
    "chip": "u + bias wraps at 24 bits",
    "lava": "u wraps at 24 bits",
    "strict": "u + bias leaves 24 bits, which ends the run",
}
VOLTAGE_PAST_END = {
    "chip": "v stops at its {end} clip",
    "lava": "v stops at its {end} clip",
    "strict": "v leaves its register at the {end} end, which ends the run",
}
"""What becomes of a value past its register's end, by overflow policy; left out: nothing."""
SOFT_RESET_NOTE = "soft reset (an extension: not on Loihi 1)"


def quantise_lif(
    p: Shifted, chip: ChipSpec, problems: list[str]
) -> tuple[dict[str, Ints], list[Weighed], dict[str, Any]] | None:
    """Registers (NEURON_FIELDS, int64 [n]), weights per afferent, and report; None after noting a problem."""
    weight_bits = min(8, max(chip.list_format.weight_bits))
    scale = choose_scale(p, weight_bits, problems)
    if scale is None:
        return None
    weighed = [_weigh(afferent, scale, weight_bits, p.good_noise) for afferent in p.afferents]
    neurons = _registers(p, scale)
    start = settle(
        Registers(
            du_eff=neurons["du"] + neurons["ds_offset"],
            dv=neurons["dv"],
            bias=arith.bias_value(neurons["bias_mant"], neurons["bias_exp"]),
            vth=neurons["vth_mant"] << arith.WEIGHT_SHIFT,
            vmin=neurons["vmin"],
            vmax=neurons["vmax"],
        ),
        _rounded(p.u0, scale),
        _rounded(p.v0, scale),
        p.start_tick,
        min(arith.REFRACTORY_MAX, chip.limits.refractory_ticks or arith.REFRACTORY_MAX),
    )
    neurons |= {"u0": start.u0, "v0": start.v0, "refractory0": start.refractory0}
    return neurons, weighed, _report(p, scale, neurons, weighed, start, chip.arithmetic.overflow)


def _registers(p: Shifted, scale: float) -> dict[str, Ints]:
    """All but the initial state."""
    threshold_lsb = np.minimum(p.threshold * scale, 2.0 * STATE_LIMIT)
    vth_mant = threshold_mantissa(threshold_lsb, nearest=p.soft_reset)
    bias_mant, bias_exp = bias_format(np.clip(p.bias * scale, -STATE_LIMIT, STATE_LIMIT))
    # v of a read-out stops at its threshold: it cannot fire by running into the end of its register
    unreachable = ~p.reachable & (p.threshold * scale > arith.VTH_MANT_MAX * STEP)
    return {
        "du": p.du,
        "dv": p.dv,
        "ds_offset": p.ds_offset,
        "refractory": p.refractory,
        "soft_reset": np.full(p.n, p.soft_reset, dtype=np.int64),
        "vmin": np.full(p.n, -arith.V_LIMIT, dtype=np.int64),
        "vmax": np.where(unreachable, vth_mant << arith.WEIGHT_SHIFT, arith.V_LIMIT),
        "vth_mant": vth_mant,
        "bias_mant": bias_mant,
        "bias_exp": bias_exp,
    }


def _rounded(value: Floats, scale: float) -> Ints:
    return np.rint(np.clip(value * scale, -STATE_LIMIT, STATE_LIMIT)).astype(np.int64)


def _weigh(afferent: Afferent, scale: float, weight_bits: int, good_noise: float) -> Weighed:
    """Mantissas of a projection, stored in as few bits as lose nothing further."""
    stored = WeightFormat.of(afferent.sign_mode, weight_bits)
    wanted = afferent.weight * scale
    allowed = stored.choose_exponents(afferent.magnitudes(N_SAMPLES), scale, good_noise)
    w_exp = stored.exponents(wanted, allowed)
    unclipped = stored.mantissas(wanted, w_exp)
    mantissa = np.clip(unclipped, -stored.largest, stored.largest)
    used = int(np.bitwise_or.reduce(np.abs(mantissa), initial=0)) | 256
    several = bool(len(w_exp) and (w_exp != w_exp[0]).any())
    trailing_zeros = (used & -used).bit_length() - 1
    return weigh(
        afferent.label,
        afferent.projection_id,
        wanted,
        mantissa.astype(np.int16),
        w_exp,
        weight_bits=max(1, 8 + (afferent.sign_mode == "mixed") - trailing_zeros),
        sign_mode=afferent.sign_mode,
        n_clipped=int((mantissa != unclipped).sum()),
        noise_of_one=float((lost(stored.acting(wanted, w_exp.max(keepdims=True)), wanted) ** 2).sum())
        if several
        else None,
    )


def _report(
    p: Shifted,
    scale: float,
    neurons: dict[str, Ints],
    weighed: list[Weighed],
    start: Start,
    overflow: str,
) -> dict[str, Any]:
    bias = arith.bias_value(neurons["bias_mant"], neurons["bias_exp"])
    threshold_error = np.abs((neurons["vth_mant"] << arith.WEIGHT_SHIFT) / scale - p.threshold)[p.reachable]
    inputs = [(afferent.post, part) for afferent, part in zip(p.afferents, weighed, strict=True)]
    within = p.worst_case
    report = {
        "scale": scale,
        "threshold_error": float(threshold_error.max(initial=0.0)),
        "bias_error": float(np.abs(bias / scale - p.bias).max()),
        "decay_error_mem": p.decay_error_mem,
        "decay_error_syn": p.decay_error_syn,
        "worst_case_input": register_load(p.n, inputs),
        "worst_case_current": _lsb(within["drive"], scale),
        "worst_case_voltage": _lsb(within["fall"], scale),
        "start_tick": p.start_tick,
        "start_residual_lsb": int(max(start.u_residual.max(), start.v_residual.max())),
    }
    n_unreachable = int((~p.reachable & np.isfinite(p.threshold)).sum())
    notes = _notes(report, int(start.fires_early.sum()), n_unreachable, overflow)
    return {**report, "notes": _rise_notes(p, scale, report, overflow) + notes}


def _rise_notes(p: Shifted, scale: float, report: dict[str, Any], overflow: str) -> list[str]:
    """v of a neuron that takes its threshold off, or never fires, is not bounded by it."""
    if not p.soft_reset and not np.isinf(p.threshold).any():
        return []
    notes = [SOFT_RESET_NOTE] if p.soft_reset else []
    if p.soft_reset and report["threshold_error"]:
        notes.append(f"a spike takes a rounded threshold off v, off by up to {report['threshold_error']:.3g}")
    highest = _lsb(p.worst_case["rise"][np.isinf(p.threshold) | p.soft_reset], scale)
    if (highest is None or highest > STATE_LIMIT) and overflow in VOLTAGE_PAST_END:
        notes.append(f"under long excitation {VOLTAGE_PAST_END[overflow].format(end='upper')}")
    return notes


def _lsb(values: Floats, scale: float) -> int | None:
    """Largest value in LSB; None without a bound."""
    largest = float(values.max()) * scale
    return round(largest) if np.isfinite(largest) else None


def _notes(report: dict[str, Any], n_early: int, n_unreachable: int, overflow: str) -> list[str]:
    """What a user should know and no number says."""
    notes = []
    input_fits, current = report["worst_case_input"] <= INPUT_LIMIT, report["worst_case_current"]
    current_fits = current is not None and current <= STATE_LIMIT
    if input_fits and not current_fits and overflow in CURRENT_PAST_END:
        notes.append(f"if all inputs fire for long, {CURRENT_PAST_END[overflow]}")
    voltage = report["worst_case_voltage"]
    if (voltage is None or voltage > STATE_LIMIT) and overflow in VOLTAGE_PAST_END:
        notes.append(f"under long inhibition {VOLTAGE_PAST_END[overflow].format(end='lower')}")
    if report["start_residual_lsb"]:
        notes.append(
            f"no initial state leads exactly to the wanted one at tick {report['start_tick']}: "
            f"off by up to {report['start_residual_lsb']} LSB"
        )
    if n_early:
        notes.append(f"neurons that bias or initial state make fire before start_tick: {n_early}")
    if n_unreachable:
        notes.append(f"neurons that never fire, as no input reaches their threshold: {n_unreachable}")
    return notes
