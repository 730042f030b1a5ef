"""What a NIR graph computes between spikes: composed linear maps and delays, the depth of each population."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from emulator import arith
from emulator.errors import DescriptionError
from emulator.formats.nir_file import ANALOG, NEURONS, SPIKING, Graph, Node
from emulator.formats.nir_shapes import DENSE, DOORS, WINDOWED, Shapes, shapes
from emulator.formats.nir_windows import window_matrix

Matrix = Any  # scipy.sparse.csr_array [n_post, n_pre]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inflow:
    """What arrives at a node each step: sum of matrix @ spikes some steps ago, plus a constant."""

    matrices: Mapping[tuple[str, int], Matrix]  # (source or population, steps) -> [n, n_sender]
    constant: Floats  # [n]

    @property
    def senders(self) -> list[str]:
        """Each once, in the order of the matrices."""
        return list(dict.fromkeys(sender for sender, _ in self.matrices))


@dataclass(frozen=True, eq=False)
class Layers:
    """A graph in terms of its populations."""

    sources: dict[str, int]  # Input nodes -> size
    populations: dict[str, int]  # NEURONS, by depth, then as in the file -> size
    inflow: dict[str, Inflow]  # of each population
    depth: dict[str, int]  # of sources and populations: longest path from an Input
    read_out: frozenset[str]  # populations that feed an Output


def layers(graph: Graph, dt_s: float) -> Layers:
    """Raises DescriptionError with everything that keeps the graph from running tick by tick."""
    edges = _Edges(graph)
    problems: list[str] = []
    sources = edges.sources()
    outputs = [name for name, node in graph.nodes.items() if node.kind == "Output" and not edges.after[name]]
    outputs = [name for name in outputs if not graph.nodes[name].nested]
    if not sources:
        problems.append(f"{graph.file}: no Input node that nothing feeds: a graph needs one for its spikes")
    if not outputs:
        problems.append(f"{graph.file}: no Output node that feeds nothing: a graph needs one to be read")
    order = edges.memoryless_order(problems)
    found = shapes(graph, edges.before, problems)
    delays = {
        name: _delay_steps(graph.file, node, found.n_out(name), dt_s, problems)
        for name, node in graph.nodes.items()
        if node.kind == "Delay"
    }
    problems += _voltages_sent(graph, edges)
    read_out = _read_out(graph, edges, outputs, problems)
    _raise(problems)
    inflow = _Flows(graph, edges, found, delays).inflows(order, set(sources), problems)
    depth = _depths(graph, sources, inflow, problems)
    _raise(problems)
    names = [name for name, node in graph.nodes.items() if node.kind in NEURONS]
    return Layers(
        sources={name: found.n_out(name) for name in sources},
        populations={name: found.n_out(name) for name in sorted(names, key=depth.__getitem__)},
        inflow={name: inflow[name] for name in names},
        depth=depth,
        read_out=frozenset(read_out),
    )


def _delay_steps(file: str, node: Node, n: int, dt_s: float, problems: list[str]) -> Ints:
    """Steps [n] that a Delay waits, to the nearest."""
    delay_s = node.fields["delay"].ravel().astype(np.float64)
    steps = np.rint(delay_s / dt_s)
    longest = arith.DELAY_MAX - 1  # a tick is for the way itself
    bad = np.flatnonzero((delay_s < 0) | (steps > longest))
    if len(bad):
        problems.append(
            f"{file}: {node}: delay[{bad[0]}] = {delay_s[bad[0]]:g} s, outside 0..{longest} steps of "
            f"{dt_s:g} s ({len(bad)} in all): shorten it, or pass the spikes on through spiking nodes"
        )
        steps[bad] = 0
    return np.broadcast_to(steps.astype(np.int64), n) if len(steps) in (1, n) else np.zeros(n, np.int64)


class _Edges:
    """Neighbours of each node."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.before: dict[str, list[str]] = {name: [] for name in graph.nodes}
        self.after: dict[str, list[str]] = {name: [] for name in graph.nodes}
        for pre, post in graph.edges:
            self.before[post].append(pre)
            self.after[pre].append(post)

    def sources(self) -> list[str]:
        """Inputs that the host drives; the other Inputs and Outputs are the doors of nested graphs."""
        nodes = self.graph.nodes.items()
        inputs = [name for name, node in nodes if node.kind == "Input" and not node.nested]
        return [name for name in inputs if not self.before[name]]

    def memoryless_order(self, problems: list[str]) -> list[str]:
        """Nodes without state, each after the ones that feed it; a cycle of such nodes has no value."""
        free = {name for name, node in self.graph.nodes.items() if node.kind not in NEURONS}
        waiting = {name: sum(pre in free for pre in self.before[name]) for name in free}
        ready = deque(name for name in self.graph.nodes if name in free and not waiting[name])
        order = []
        while ready:
            name = ready.popleft()
            order.append(name)
            for post in self.after[name]:
                if post in free:
                    waiting[post] -= 1
                    if not waiting[post]:
                        ready.append(post)
        if len(order) < len(free):
            stuck = ", ".join(repr(name) for name in self.graph.nodes if name in free.difference(order))
            problems.append(
                f"{self.graph.file}: a cycle without a spiking node runs through or feeds {stuck}: "
                "put a spiking node into the cycle"
            )
        return order


class _Flows:
    """What each node gives, with the nodes without state multiplied out."""

    def __init__(self, graph: Graph, edges: _Edges, found: Shapes, delays: dict[str, Ints]):
        self._graph = graph
        self._edges = edges
        self._shapes = found
        self._delays = delays
        self._given: dict[str, Inflow] = {}
        self._own: dict[str, Matrix] = {}  # identities of what spikes

    def inflows(self, order: list[str], sources: set[str], problems: list[str]) -> dict[str, Inflow]:
        """What arrives at each population."""
        nodes = self._graph.nodes
        for name, node in nodes.items():
            n = self._shapes.n_out(name)
            if name in sources or node.kind in SPIKING:
                self._own[name] = scipy.sparse.eye_array(n, format="csr")
                self._given[name] = Inflow({(name, 0): self._own[name]}, np.zeros(n))
            elif node.kind in ANALOG:
                self._given[name] = Inflow({}, np.zeros(n))
        for name in order:
            if name not in sources:
                self._given[name] = self._through(nodes[name], problems)
        return {name: self._arriving(name) for name, node in nodes.items() if node.kind in NEURONS}

    def _arriving(self, name: str) -> Inflow:
        matrices: dict[tuple[str, int], Matrix] = {}
        constant = np.zeros(self._shapes.n_in(name))
        for pre in self._edges.before[name]:
            constant = constant + self._given[pre].constant
            for key, matrix in self._given[pre].matrices.items():
                matrices[key] = matrices[key] + matrix if key in matrices else matrix
        return Inflow(matrices, constant)

    def _through(self, node: Node, problems: list[str]) -> Inflow:
        flow = self._arriving(node.name)
        if node.kind in DOORS:
            return flow
        if node.kind == "Delay":
            return self._delayed(node, flow, problems)
        matrix, bias = self._linear(node)
        matrices = {
            # itself where nothing lies between: there may be many synapses
            (sender, steps): matrix if before is self._own.get(sender) else matrix @ before
            for (sender, steps), before in flow.matrices.items()
        }
        return Inflow(matrices, matrix @ flow.constant + bias)

    def _linear(self, node: Node) -> tuple[Matrix, Floats]:
        """Matrix [n_out, n_in] and bias [n_out]."""
        n = self._shapes.n_out(node.name)
        bias = node.fields.get("bias", np.zeros(1)).ravel().astype(np.float64)
        if node.kind in DENSE:
            return scipy.sparse.csr_array(node.fields["weight"], dtype=np.float64), np.broadcast_to(bias, n)
        if node.kind in WINDOWED:
            shape = self._shapes.into[node.name]
            n_channels = self._shapes.out[node.name][0]
            each = np.repeat(np.broadcast_to(bias, n_channels), n // n_channels)
            return window_matrix(node, self._shapes.windows[node.name], shape), each
        assert node.kind == "Scale", node
        scale = np.broadcast_to(node.fields["scale"].ravel().astype(np.float64), n)
        return scipy.sparse.diags_array(scale, format="csr"), np.zeros(n)

    def _delayed(self, node: Node, flow: Inflow, problems: list[str]) -> Inflow:
        steps = self._delays[node.name]
        late = np.flatnonzero((flow.constant != 0) & (steps > 0))
        if len(late):
            problems.append(
                f"{self._graph.file}: {node}: a bias of {flow.constant[late[0]]:g} passes line {late[0]}, "
                f"which begins {steps[late[0]]} steps late ({len(late)} in all), and a bias of the chip "
                "acts from the start: put the bias behind the delay"
            )
        matrices: dict[tuple[str, int], Matrix] = {}
        for (sender, before), matrix in flow.matrices.items():
            for wait in np.unique(steps).tolist():
                chosen = scipy.sparse.diags_array((steps == wait).astype(np.float64), format="csr")
                chosen.eliminate_zeros()
                key, part = (sender, before + wait), chosen @ matrix
                matrices[key] = matrices[key] + part if key in matrices else part
        return Inflow(matrices, flow.constant)


def _voltages_sent(graph: Graph, edges: _Edges) -> list[str]:
    """Nodes without spikes whose voltage something else than an Output takes."""
    problems = []
    for name, node in graph.nodes.items():
        seen, todo = {name}, [name] if node.kind in ANALOG else []
        while todo:
            for post in edges.after[todo.pop()]:
                if graph.nodes[post].kind not in DOORS:
                    problems.append(
                        f"{graph.file}: {node} feeds {graph.nodes[post]}, but it gives a voltage, and cores "
                        "send each other spikes alone: let an Output read it, or spike here (LIF, IF)"
                    )
                elif post not in seen:
                    seen.add(post)
                    todo.append(post)
    return problems


def _read_out(graph: Graph, edges: _Edges, outputs: list[str], problems: list[str]) -> set[str]:
    """Populations that an Output passes on unchanged."""
    found: set[str] = set()
    for output in outputs:
        if not edges.before[output]:
            problems.append(f"{graph.file}: Output {output!r} is fed by nothing: connect a spiking node")
        seen, todo = {output}, [output]
        while todo:
            for pre in edges.before[todo.pop()]:
                node = graph.nodes[pre]
                if node.kind in NEURONS:
                    found.add(pre)
                elif node.kind not in DOORS or not edges.before[pre]:
                    problems.append(
                        f"{graph.file}: Output {output!r} reads {node}, which is not spiking: end the graph "
                        "with a spiking node or a voltage (LI, CubaLI, I), and compute the rest from that"
                    )
                elif pre not in seen:
                    seen.add(pre)
                    todo.append(pre)
    return found


def _depths(
    graph: Graph, sources: list[str], inflow: dict[str, Inflow], problems: list[str]
) -> dict[str, int]:
    """Longest path from an Input, in spiking nodes; a node that feeds itself is no longer for that."""
    before = {post: [pre for pre in flow.senders if pre != post] for post, flow in inflow.items()}
    depth = dict.fromkeys((*sources, *inflow), 0)
    loops = _loops(before)
    for loop in loops:
        members = ", ".join(repr(name) for name in loop)
        problems.append(
            f"{graph.file}: a loop through several spiking nodes ({members}) takes one step in the file, but "
            "on a chip each of them takes a tick, and no delays make the two equal: join them into one node, "
            "or open the loop"
        )
    if loops:
        return depth
    after: dict[str, list[str]] = {name: [] for name in depth}
    for post, pres in before.items():
        for pre in pres:
            after[pre].append(post)
    waiting = {name: len(before.get(name, ())) for name in depth}
    ready = deque(name for name in depth if not waiting[name])
    while ready:
        name = ready.popleft()
        for post in after[name]:
            depth[post] = max(depth[post], depth[name] + 1)
            waiting[post] -= 1
            if not waiting[post]:
                ready.append(post)
    return depth


def _loops(before: dict[str, list[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other."""
    index = {name: i for i, name in enumerate(before)}
    pairs = [(index[pre], index[post]) for post, pres in before.items() for pre in pres if pre in index]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    links = scipy.sparse.coo_array((np.ones(len(pairs)), table.T), shape=(len(index), len(index)))
    n, loop_of = connected_components(links, directed=True, connection="strong")
    loops: list[list[str]] = [[] for _ in range(n)]
    for name, i in index.items():
        loops[loop_of[i]].append(name)
    return [loop for loop in loops if len(loop) > 1]


def _raise(problems: list[str]) -> None:
    if problems:
        raise DescriptionError(problems)
