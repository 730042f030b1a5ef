"""Levels: the hypergraph made smaller step by step, by joining nodes that share nets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import cluster
from emulator.compiler.parting.hypergraph import Hypergraph

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

SHRINK = 2.5  # times fewer nodes in a level than in the one before
LARGEST = 2.5  # a cluster, by the mean one of the smallest level
MAX_PINS = 1000  # of nets that tell which nodes belong together
N_SAMPLED = 2000  # nets
STRUCTURE = 0.06  # of the pins of a net that joining saves, beyond what chance does


@dataclass(frozen=True, eq=False)
class Ladder:
    """Levels from the finest on, and the smallest hypergraph."""

    steps: tuple[tuple[Hypergraph, Ints], ...]  # each level, and its nodes' cluster: int32, nodes of the next
    smallest: Hypergraph
    part: Ints  # int32, of the nodes of the smallest


def ladder_of(
    graph: Hypergraph,
    n_least: int,
    part: Ints,
    rng: np.random.Generator,
    n_visits: int,
    header_bits: int,
    vector: bool,
) -> Ladder:
    """Joins nodes of one part until some n_least are left."""
    steps = []
    while graph.n_nodes > n_least and graph.n_nets:
        cluster_of, n_clusters = _joined(graph, n_least, part, rng, n_visits)
        if n_clusters > 0.95 * graph.n_nodes:
            break
        steps.append((graph, cluster_of))
        joined = np.empty(n_clusters, dtype=np.int32)
        joined[cluster_of] = part
        graph, part = graph.contracted(cluster_of, n_clusters, header_bits, vector), joined
    return Ladder(tuple(steps), graph, part)


def _joined(
    graph: Hypergraph, n_least: int, part: Ints, rng: np.random.Generator, n_visits: int
) -> tuple[Ints, int]:
    cap = np.ceil(graph.load.sum(axis=0) / n_least * LARGEST).astype(np.int64)
    cap = np.maximum(cap, graph.load.max(axis=0))
    cap[2:] = 2**60  # axons are known only when parts are
    order = rng.permutation(graph.n_nodes).astype(np.int32)
    enough = max(n_least, int(graph.n_nodes / SHRINK))
    found: tuple[Ints, int] = cluster.cluster(
        graph.pin_ptr,
        graph.pin,
        graph.weight,
        graph.net_ptr,
        graph.net,
        graph.load,
        cap,
        order,
        part,
        MAX_PINS,
        n_visits,
        enough,
    )
    return found


def has_structure(graph: Hypergraph, n_least: int, seed: int) -> bool:
    """Whether nodes share more nets than by chance; if not, no parts are much better than others."""
    if graph.n_nets == 0 or graph.n_nodes <= n_least:
        return graph.n_nets > 0
    rng = np.random.default_rng(seed)
    part = np.zeros(graph.n_nodes, dtype=np.int32)
    cluster_of, _ = _joined(graph, n_least, part, rng, 3000)
    at_random = cluster_of[rng.permutation(graph.n_nodes)]
    saved, by_chance, n_pins = 0, 0, 0
    for net in rng.choice(graph.n_nets, min(graph.n_nets, N_SAMPLED), replace=False):
        pins = graph.pin[graph.pin_ptr[net] : graph.pin_ptr[net + 1]]
        n_pins += len(pins)
        saved += len(pins) - len(np.unique(cluster_of[pins]))
        by_chance += len(pins) - len(np.unique(at_random[pins]))
    return saved - by_chance > STRUCTURE * n_pins
