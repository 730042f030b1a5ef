"""NIR files as networks: the neuromorphic intermediate representation (Pedersen et al. 2024)."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from emulator import arith
from emulator.errors import DescriptionError
from emulator.formats.nir_file import SPIKING, Graph, read_graph
from emulator.formats.nir_graph import Layers, layers
from emulator.formats.nir_models import neuron_model, parameter_problems
from emulator.network import LIF, Network, Triplets

RESETS = ("v_reset", "subtract")


def from_nir(
    path: str | PathLike[str], *, dt_s: float, reset: str = "v_reset", integrator: str = "forward"
) -> Network:
    """The network of a NIR file, with the names of the file; nested names are joined with a dot.

    dt_s: length of a step, which NIR files do not say. A tick of the chip is a step.
    reset: what a spike does to v: set it to "v_reset", or "subtract" the threshold, whatever v_reset the file
        names: a soft reset, an extension that Loihi 1 lacks.
    integrator: "forward" (Euler: v += dt / tau * (...), as most frameworks that export NIR) or "exponential".

    Each Input is a source, each node with a state or a threshold a population: LIF, CubaLIF, IF and
    Threshold spike; LI, CubaLI and I never do, and are read by a probe of v, in LSB: `scale` of the program's
    quantisation report has how many are a unit. Affine, Linear, Conv1d, Conv2d, SumPool2d, AvgPool2d, Scale
    and Flatten nodes are multiplied out into projections and biases, Delay nodes into delays, rounded to
    steps. Spiking populations that feed an Output have `to_host` set. Arrays are flattened in C order.

    A spike needs a tick per population on its way. A population k hops from the input (longest path)
    therefore runs k ticks late: `population.start_tick` is k, its spike of step s is in tick s + k, and it
    starts with the initial state of the file (v = 0, no current) in tick k. Run `n_steps + k` ticks and
    subtract `start_tick` from the ticks. Recurrent connections of a node to itself deliver the spikes of
    the previous step, later by what Delay nodes on the way say; loops through several spiking nodes have no
    exact counterpart and are refused.
    """
    problems = [*_choice("reset", reset, RESETS), *_choice("integrator", integrator, LIF.INTEGRATORS)]
    if not isinstance(dt_s, (int, float)) or isinstance(dt_s, bool) or not (math.isfinite(dt_s) and dt_s > 0):
        problems.append(f"dt_s {dt_s!r}: must be a finite number of seconds above 0")
    if problems:
        raise DescriptionError(problems)
    graph = read_graph(path)
    network = Network(Path(graph.file).stem, dt_s=dt_s)
    _fill(network, graph, layers(graph, network.dt_s), reset, integrator)
    return network


def _choice(label: str, value: object, choices: tuple[str, ...]) -> list[str]:
    return [] if value in choices else [f"{label} {value!r}: choose from {', '.join(choices)}"]


def _fill(network: Network, graph: Graph, layers: Layers, reset: str, integrator: str) -> None:
    problems = parameter_problems(graph, network.dt_s, reset, integrator)
    for post, flow in layers.inflow.items():
        for pre, steps in flow.matrices:
            ticks = _hops(layers, pre, post) + steps
            if ticks > arith.DELAY_MAX:
                hops, waits = _hops(layers, pre, post), f" and waits {steps} steps" if steps else ""
                problems.append(
                    f"{graph.file}: {pre!r} -> {post!r} skips {hops} layers{waits}, and a synapse delays by "
                    f"at most {arith.DELAY_MAX} ticks: pass the spikes on through a spiking node on the way"
                )
    if problems:
        raise DescriptionError(problems)
    for name, n in layers.sources.items():
        network.add_source(name, n)
    for name, n in layers.populations.items():
        node, constant = graph.nodes[name], layers.inflow[name].constant
        model, u0 = neuron_model(node, n, constant, network.dt_s, reset, integrator)
        fires, start_tick = node.kind in SPIKING, layers.depth[name]
        to_host = fires and name in layers.read_out
        network.add_population(name, n, model, v0=0.0, u0=u0, start_tick=start_tick, to_host=to_host)
        if not fires:
            network.probe(name, "v")
    for post in layers.populations:
        for pre in layers.inflow[post].senders:
            network.connect(pre, post, _synapses(layers, pre, post))


def _hops(layers: Layers, pre: str, post: str) -> int:
    """Ticks from a spike to its effect; a node that feeds itself sees its spikes of the step before."""
    return 1 if pre == post else layers.depth[post] - layers.depth[pre]


def _synapses(layers: Layers, pre: str, post: str) -> Triplets:
    """All synapses of a pair, by delay; a weight of 0 is none."""
    columns: list[list[Any]] = [[], [], [], []]
    for (sender, steps), matrix in layers.inflow[post].matrices.items():
        if sender != pre:
            continue
        entries = matrix.tocsc().tocoo()  # by pre, then post, as a network keeps them
        kept = entries.data != 0
        rows, targets = entries.coords[1][kept], entries.coords[0][kept]
        delay_ticks = np.full(len(rows), _hops(layers, pre, post) + steps, dtype=np.uint8)
        for column, values in zip(columns, (rows, targets, entries.data[kept], delay_ticks), strict=True):
            column.append(values)
    return Triplets(*(np.concatenate(column) for column in columns))
