"""Neurons of NIR as LIF models: what each kind of node becomes, and parameters that no neuron can have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.formats.nir_file import Graph, Node
from emulator.network import LIF

Floats = NDArray[np.float64]

RESETTING = ("LIF", "CubaLIF", "IF")
TIME_CONSTANTS = ("tau", "tau_mem", "tau_syn")


def parameter_problems(graph: Graph, dt_s: float, reset: str, integrator: str) -> list[str]:
    """Parameters that no neuron can have, for every node at once."""
    # a step as long as tau leaves nothing; float32 may put such a tau a little below
    least_s = dt_s * (1 - 1e-6) if integrator == "forward" else 0.0
    problems = []
    for node in graph.nodes.values():
        owner = f"{graph.file}: {node}"
        for field in TIME_CONSTANTS:
            tau_s = _spread(node, field, None, np.inf)
            bad = np.flatnonzero((tau_s <= 0) | (tau_s < least_s))
            if len(bad):
                value = tau_s[bad[0]]
                rule = f"is shorter than a forward step of {dt_s:g} s" if value > 0 else "must be above 0 s"
                problems.append(f"{owner}: {field}[{bad[0]}] = {value:g} {rule} ({len(bad)} in all)")
        if node.kind in RESETTING:
            n = max(values.size for values in node.fields.values())
            threshold = _spread(node, "v_threshold", n)
            bad = np.flatnonzero(threshold < (0 if reset == "subtract" else _spread(node, "v_reset", n)))
            if len(bad) and reset == "subtract":
                value = f"v_threshold[{bad[0]}] = {threshold[bad[0]]:g}"
                problems.append(f"{owner}: {value} is below 0 and cannot be subtracted ({len(bad)} in all)")
            elif len(bad):
                problems.append(f"{owner}: v_reset[{bad[0]}] is above v_threshold ({len(bad)} in all)")
    return problems


def neuron_model(
    node: Node, n: int, constant: Floats, dt_s: float, reset: str, integrator: str
) -> tuple[LIF, Floats | None]:
    """The neuron model with a constant input [n] built in, and the initial u that goes with it."""
    if node.kind == "Threshold":
        return _threshold(node, n, constant, dt_s), None
    resistance = _spread(node, "r", n)
    common: dict[str, Any] = {"integrator": integrator, **_firing(node, n, reset)}
    if node.kind in ("IF", "I"):
        common |= {"tau_mem_s": np.full(n, np.inf), "gain_mem": resistance}
        return LIF(bias=resistance * constant, **common), None
    synaptic = node.kind in ("CubaLIF", "CubaLI")
    tau_mem_s = _tau(node, "tau_mem" if synaptic else "tau", n, dt_s, integrator)
    gain_mem = _step(tau_mem_s, dt_s, integrator) * resistance
    common |= {"tau_mem_s": tau_mem_s, "leak": _spread(node, "v_leak", n), "gain_mem": gain_mem}
    if not synaptic:
        return LIF(bias=gain_mem * constant, **common), None
    w_in, tau_syn_s = _spread(node, "w_in", n, 1.0), _tau(node, "tau_syn", n, dt_s, integrator)
    # In the file the constant passes the synaptic filter, which starts at 0. On the chip a bias enters after
    # the filter: it acts in full from the first step, so the filter starts below zero by as much.
    current = w_in * constant
    gain_syn = _step(tau_syn_s, dt_s, integrator) * w_in
    model = LIF(tau_syn_s=tau_syn_s, gain_syn=gain_syn, bias=gain_mem * current, **common)
    return model, -current


def _firing(node: Node, n: int, reset: str) -> dict[str, Any]:
    """Threshold and what a spike does; voltages that are only read never fire."""
    if node.kind not in RESETTING:
        return {"threshold": np.full(n, np.inf)}
    threshold = _spread(node, "v_threshold", n)
    if reset == "subtract":
        return {"threshold": threshold, "reset_mode": "subtract"}
    return {"threshold": threshold, "reset": _spread(node, "v_reset", n)}


def _threshold(node: Node, n: int, constant: Floats, dt_s: float) -> LIF:
    """Fires when the input of a single step is above the threshold: a membrane that forgets each step."""
    threshold = _spread(node, "threshold", n)
    positive = np.maximum(threshold, 0)  # above the reset, which is 0; the bias makes up for it
    return LIF(tau_mem_s=dt_s, integrator="forward", threshold=positive, bias=constant + positive - threshold)


def _tau(node: Node, field: str, n: int, dt_s: float, integrator: str) -> Floats:
    """A time constant; what float32 put just below a step is a step."""
    tau_s = _spread(node, field, n)
    return np.maximum(tau_s, dt_s) if integrator == "forward" else tau_s


def _step(tau_s: Floats, dt_s: float, integrator: str) -> Floats:
    """Part of the way to its input that a state goes in a tick."""
    return dt_s / tau_s if integrator == "forward" else -np.expm1(-dt_s / tau_s)


def _spread(node: Node, field: str, n: int | None, default: float = 0.0) -> Floats:
    """A parameter as float64 [n], in C order; n None: as long as it is."""
    values = node.fields.get(field, np.full(1, default)).ravel().astype(np.float64)
    return values if n is None else np.broadcast_to(values, (n,))
