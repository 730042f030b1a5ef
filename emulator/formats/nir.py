"""NIR files as networks: the neuromorphic intermediate representation (Pedersen et al. 2024)."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.errors import DescriptionError
from emulator.formats.nir_file import SPIKING, Graph, Node, read_graph
from emulator.formats.nir_graph import Layers, layers
from emulator.network import LIF, Network

Floats = NDArray[np.float64]
RESETS = ("v_reset", "subtract")


def from_nir(
    path: str | PathLike[str], *, dt_s: float, reset: str = "v_reset", integrator: str = "forward"
) -> Network:
    """The network of a NIR file, with the names of the file; nested names are joined with a dot.

    dt_s: length of a step, which NIR files do not say. A tick of the chip is a step.
    reset: what a spike does to v: set it to "v_reset", or "subtract" the threshold, whatever v_reset the file
        names: a soft reset, an extension that Loihi 1 lacks.
    integrator: "forward" (Euler: v += dt / tau * (...), as most frameworks that export NIR) or "exponential".

    Each Input is a source, each LIF, CubaLIF or IF node a population; Affine, Linear and Flatten nodes are
    multiplied out into projections and biases. Populations that feed an Output have `to_host` set. Arrays
    of a node are flattened in C order.

    A spike needs a tick per population on its way. A population k hops from the input (longest path)
    therefore runs k ticks late: `population.start_tick` is k, its spike of step s is in tick s + k, and it
    starts with the initial state of the file (v = 0, no current) in tick k. Run `n_steps + k` ticks and
    subtract `start_tick` from the ticks. Recurrent connections of a node to itself deliver the spikes of
    the previous step; loops through several spiking nodes have no exact counterpart and are refused.
    """
    problems = [*_choice("reset", reset, RESETS), *_choice("integrator", integrator, LIF.INTEGRATORS)]
    if not isinstance(dt_s, (int, float)) or isinstance(dt_s, bool) or not (math.isfinite(dt_s) and dt_s > 0):
        problems.append(f"dt_s {dt_s!r}: must be a finite number of seconds above 0")
    if problems:
        raise DescriptionError(problems)
    graph = read_graph(path)
    network = Network(Path(graph.file).stem, dt_s=dt_s)
    _fill(network, graph, layers(graph), reset, integrator)
    return network


def _choice(label: str, value: object, choices: tuple[str, ...]) -> list[str]:
    return [] if value in choices else [f"{label} {value!r}: choose from {', '.join(choices)}"]


def _fill(network: Network, graph: Graph, layers: Layers, reset: str, integrator: str) -> None:
    problems = _parameter_problems(graph, network.dt_s, reset, integrator)
    for post, flow in layers.inflow.items():
        for pre in flow.matrices:
            hops = layers.depth[post] - layers.depth[pre]
            if hops > arith.DELAY_MAX:
                problems.append(
                    f"{graph.file}: {pre!r} -> {post!r} skips {hops} layers, and a synapse delays by at most "
                    f"{arith.DELAY_MAX} ticks: pass the spikes on through a spiking node on the way"
                )
    if problems:
        raise DescriptionError(problems)
    for name, n in layers.sources.items():
        network.add_source(name, n)
    for name, n in layers.spiking.items():
        node, constant = graph.nodes[name], layers.inflow[name].constant
        model, u0 = _model(node, n, constant, network.dt_s, reset, integrator)
        network.add_population(
            name, n, model, v0=0.0, u0=u0, start_tick=layers.depth[name], to_host=name in layers.read_out
        )
    for post in layers.spiking:
        for pre, matrix in layers.inflow[post].matrices.items():
            # a node that feeds itself sees its spikes of the step before
            delay_ticks = 1 if pre == post else layers.depth[post] - layers.depth[pre]
            network.connect(pre, post, matrix.T, delay_ticks=delay_ticks)


def _parameter_problems(graph: Graph, dt_s: float, reset: str, integrator: str) -> list[str]:
    """Parameters that no neuron can have, for every node at once."""
    # a step as long as tau leaves nothing; float32 may put such a tau a little below
    least_s = dt_s * (1 - 1e-6) if integrator == "forward" else 0.0
    problems = []
    for node in graph.nodes.values():
        owner = f"{graph.file}: {node}"
        for field in ("tau", "tau_mem", "tau_syn"):
            tau_s = _spread(node, field, None, np.inf)
            bad = np.flatnonzero((tau_s <= 0) | (tau_s < least_s))
            if len(bad):
                value = tau_s[bad[0]]
                rule = f"is shorter than a forward step of {dt_s:g} s" if value > 0 else "must be above 0 s"
                problems.append(f"{owner}: {field}[{bad[0]}] = {value:g} {rule} ({len(bad)} in all)")
        if node.kind in SPIKING:
            n = max(values.size for values in node.fields.values())
            threshold = _spread(node, "v_threshold", n)
            bad = np.flatnonzero(threshold < (0 if reset == "subtract" else _spread(node, "v_reset", n)))
            if len(bad) and reset == "subtract":
                value = f"v_threshold[{bad[0]}] = {threshold[bad[0]]:g}"
                problems.append(f"{owner}: {value} is below 0 and cannot be subtracted ({len(bad)} in all)")
            elif len(bad):
                problems.append(f"{owner}: v_reset[{bad[0]}] is above v_threshold ({len(bad)} in all)")
    return problems


def _model(
    node: Node, n: int, constant: Floats, dt_s: float, reset: str, integrator: str
) -> tuple[LIF, Floats | None]:
    """The neuron model with a constant input built in, and the initial u that goes with it."""
    values = {field: _spread(node, field, n) for field in node.fields}
    resistance = values["r"]
    common: dict[str, Any] = {"threshold": values["v_threshold"], "integrator": integrator}
    if reset == "subtract":
        common |= {"reset_mode": "subtract"}
    else:
        common |= {"reset": _spread(node, "v_reset", n)}
    if node.kind == "IF":
        common |= {"tau_mem_s": np.full(n, np.inf), "gain_mem": resistance}
        return LIF(bias=resistance * constant, **common), None
    tau_mem_s = values["tau" if node.kind == "LIF" else "tau_mem"]
    gain_mem = _step(tau_mem_s, dt_s, integrator) * resistance
    common |= {"tau_mem_s": tau_mem_s, "leak": values["v_leak"], "gain_mem": gain_mem}
    if node.kind == "LIF":
        return LIF(bias=gain_mem * constant, **common), None
    w_in, tau_syn_s = _spread(node, "w_in", n, 1.0), values["tau_syn"]
    # In the file the constant passes the synaptic filter, which starts at 0. On the chip a bias enters after
    # the filter: it acts in full from the first step, so the filter starts below zero by as much.
    current = w_in * constant
    gain_syn = _step(tau_syn_s, dt_s, integrator) * w_in
    model = LIF(tau_syn_s=tau_syn_s, gain_syn=gain_syn, bias=gain_mem * current, **common)
    return model, -current


def _step(tau_s: Floats, dt_s: float, integrator: str) -> Floats:
    """Part of the way to its input that a state goes in a tick."""
    return dt_s / tau_s if integrator == "forward" else -np.expm1(-dt_s / tau_s)


def _spread(node: Node, field: str, n: int | None, default: float = 0.0) -> Floats:
    """A parameter as float64 [n], in C order; n None: as long as it is."""
    values = node.fields.get(field, np.full(1, default)).ravel().astype(np.float64)
    return values if n is None else np.broadcast_to(values, (n,))
