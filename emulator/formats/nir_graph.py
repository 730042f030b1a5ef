"""What a NIR graph computes between spikes: sizes, composed linear maps, the depth of each spiking node."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from emulator.errors import DescriptionError
from emulator.formats.nir_file import MAX_SIZE, SPIKING, Graph, Node

Matrix = Any  # ndarray or scipy.sparse.csr_array [n_post, n_pre]
Floats = NDArray[np.float64]

LINEAR = ("Affine", "Linear")


@dataclass(frozen=True, eq=False)
class Inflow:
    """What arrives at a node each step: `sum of matrix @ spikes of sender, plus constant`."""

    matrices: dict[str, Matrix]  # sender (source or spiking node) -> [n, n_sender]
    constant: Floats  # [n]


@dataclass(frozen=True, eq=False)
class Layers:
    """A graph in terms of what spikes."""

    sources: dict[str, int]  # Input nodes -> size
    spiking: dict[str, int]  # spiking nodes, by depth, then as in the file -> size
    inflow: dict[str, Inflow]  # of each spiking node
    depth: dict[str, int]  # of sources and spiking nodes: longest path from an Input
    read_out: frozenset[str]  # spiking nodes that feed an Output


def layers(graph: Graph) -> Layers:
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
    sizes = _sizes(graph, edges, problems)
    _raise(problems)
    read_out = _read_out(graph, edges, outputs, problems)
    inflow = _inflows(graph, edges, order, sizes, set(sources))
    depth = _depths(graph, sources, inflow, problems)
    _raise(problems)
    names = [name for name, node in graph.nodes.items() if node.kind in SPIKING]
    return Layers(
        sources={name: sizes[name] for name in sources},
        spiking={name: sizes[name] for name in sorted(names, key=depth.__getitem__)},
        inflow={name: inflow[name] for name in names},
        depth=depth,
        read_out=frozenset(read_out),
    )


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
        free = {name for name, node in self.graph.nodes.items() if node.kind not in SPIKING}
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


def _sizes(graph: Graph, edges: _Edges, problems: list[str]) -> dict[str, int]:
    """Number of outputs of each node; checks that every edge fits."""
    into: dict[str, int] = {}
    out: dict[str, int] = {}
    for name, node in graph.nodes.items():
        own = _own_size(graph.file, node, problems)
        if own is not None:
            into[name], out[name] = own
    known = deque(out)
    while known:  # flattening, doors and nodes with scalar parameters have the size of what feeds them
        name = known.popleft()
        for post in edges.after[name]:
            if post not in out:
                into[post] = out[post] = out[name]
                known.append(post)
    for name, node in graph.nodes.items():
        if name not in out:
            # a spiking node with scalar parameters that nothing feeds is one neuron
            into[name] = out[name] = 1
            if node.kind not in SPIKING:
                problems.append(f"{graph.file}: {node} is fed by nothing: connect or remove it")
    for pre, post in graph.edges:
        if out[pre] != into[post]:
            problems.append(
                f"{graph.file}: edge {pre!r} -> {post!r}: {graph.nodes[pre]} gives {out[pre]} values, "
                f"{graph.nodes[post]} takes {into[post]}"
            )
    return out


def _own_size(file: str, node: Node, problems: list[str]) -> tuple[int, int] | None:
    """(values in, values out) as the node's own fields say; None if they do not."""
    fields, owner = node.fields, f"{file}: {node}"
    if node.kind in ("Input", "Output") and "shape" in fields:
        shape = fields["shape"].ravel()
        size = math.prod(int(length) for length in shape)
        if (shape != np.rint(shape)).any() or (shape < 1).any() or size > MAX_SIZE:
            listed = shape.tolist()
            problems.append(f"{owner}: shape {listed}, expected integers, 1..{MAX_SIZE} values in all")
            return 1, 1
        return size, size
    if node.kind in LINEAR:
        weight = fields["weight"]
        if weight.ndim != 2 or not weight.size:
            problems.append(f"{owner}: weight of shape {list(weight.shape)}, expected [n_out, n_in]")
            return 1, 1
        if "bias" in fields and fields["bias"].size not in (1, weight.shape[0]):
            listed = list(fields["bias"].shape)
            problems.append(f"{owner}: bias of shape {listed}, expected [{weight.shape[0]}]")
        return weight.shape[1], weight.shape[0]
    if node.kind in SPIKING:
        shapes = {field: list(values.shape) for field, values in fields.items() if values.size != 1}
        if len({str(shape) for shape in shapes.values()}) > 1:
            table = ", ".join(f"{field} {shape}" for field, shape in shapes.items())
            problems.append(f"{owner}: parameters of different shapes: {table}")
        sizes = [math.prod(shape) for shape in shapes.values()]
        if 0 in sizes:
            problems.append(f"{owner}: parameters without values")
            return 1, 1
        return (sizes[0], sizes[0]) if sizes else None
    return None


def _inflows(
    graph: Graph, edges: _Edges, order: list[str], sizes: dict[str, int], sources: set[str]
) -> dict[str, Inflow]:
    """What arrives at each spiking node, with the nodes without state in between multiplied out."""
    identity = {
        name: Inflow({name: scipy.sparse.eye_array(sizes[name], format="csr")}, np.zeros(sizes[name]))
        for name, node in graph.nodes.items()
        if name in sources or node.kind in SPIKING
    }
    given: dict[str, Inflow] = dict(identity)

    def arriving(name: str, n: int) -> Inflow:
        total = Inflow({}, np.zeros(n))
        for pre in edges.before[name]:
            total = _sum(total, given[pre])
        return total

    for name in order:
        node = graph.nodes[name]
        if name in sources:
            continue
        if node.kind not in LINEAR:
            given[name] = arriving(name, sizes[name])
            continue
        weight = node.fields["weight"]
        flow = arriving(name, weight.shape[1])
        constant = weight @ flow.constant + node.fields.get("bias", np.zeros(1)).ravel()
        given[name] = Inflow({sender: weight @ matrix for sender, matrix in flow.matrices.items()}, constant)
    return {name: arriving(name, sizes[name]) for name, node in graph.nodes.items() if node.kind in SPIKING}


def _sum(a: Inflow, b: Inflow) -> Inflow:
    matrices = dict(a.matrices)
    for sender, matrix in b.matrices.items():
        matrices[sender] = matrices[sender] + matrix if sender in matrices else matrix
    return Inflow(matrices, a.constant + b.constant)


def _read_out(graph: Graph, edges: _Edges, outputs: list[str], problems: list[str]) -> set[str]:
    """Spiking nodes whose spikes an Output passes on unchanged."""
    found: set[str] = set()
    for output in outputs:
        if not edges.before[output]:
            problems.append(f"{graph.file}: Output {output!r} is fed by nothing: connect a spiking node")
        seen, todo = {output}, [output]
        while todo:
            for pre in edges.before[todo.pop()]:
                node = graph.nodes[pre]
                if node.kind in SPIKING:
                    found.add(pre)
                elif node.kind in LINEAR or not edges.before[pre]:
                    problems.append(
                        f"{graph.file}: Output {output!r} reads {node}, which is not spiking: end the graph "
                        "with a spiking node, and compute the rest from its spikes"
                    )
                elif pre not in seen:
                    seen.add(pre)
                    todo.append(pre)
    return found


def _depths(
    graph: Graph, sources: list[str], inflow: dict[str, Inflow], problems: list[str]
) -> dict[str, int]:
    """Longest path from an Input, in spiking nodes; a node that feeds itself is no longer for that."""
    before = {post: [pre for pre in flow.matrices if pre != post] for post, flow in inflow.items()}
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
