"""Shapes of the values on the edges of a NIR graph: given by the nodes' fields, or by what feeds them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from emulator.formats.nir_file import MAX_SIZE, NEURONS, Graph, Node
from emulator.formats.nir_windows import (
    AXES,
    CONVOLUTIONS,
    MAX_SYNAPSES,
    POOLS,
    Shape,
    Window,
    n_entries,
    window_of,
)

DENSE = ("Affine", "Linear")
ELEMENTWISE = {"Scale": "scale", "Delay": "delay"}
"""Kinds of node that treat each value by itself -> the field that says how."""
DOORS = ("Input", "Output", "Flatten")
WINDOWED = (*CONVOLUTIONS, *POOLS)

Neighbours = dict[str, list[str]]


@dataclass(frozen=True, eq=False)
class Shapes:
    """Shapes of what each node takes and gives, by name; and the windows of those that have one."""

    into: dict[str, Shape]
    out: dict[str, Shape]
    windows: dict[str, Window]

    def n_in(self, name: str) -> int:
        return math.prod(self.into[name])

    def n_out(self, name: str) -> int:
        return math.prod(self.out[name])


def shapes(graph: Graph, before: Neighbours, problems: list[str]) -> Shapes:
    """Checks the fields that have to do with shapes, and that every edge fits."""
    finder = _Finder(graph, before, problems)
    found = True
    while found:  # a shape found may be what another node waits for, however far behind
        missing = [node for name, node in graph.nodes.items() if name not in finder.out]
        found = any([finder.find(node) for node in missing])
    finder.note_unknown()
    for pre, post in graph.edges:
        a, b = graph.nodes[pre], graph.nodes[post]
        fits = math.prod(finder.out[pre]) == math.prod(finder.into[post])
        if not fits and finder.broken.isdisjoint((pre, post)):
            problems.append(
                f"{graph.file}: edge {pre!r} -> {post!r}: {a} gives {_shown(finder.out[pre])} values, "
                f"{b} takes {_shown(finder.into[post])}"
            )
    return Shapes(finder.into, finder.out, finder.windows)


class _Finder:
    """Shapes found so far. A node whose fields are wrong is `broken`: its edges are not looked at."""

    def __init__(self, graph: Graph, before: Neighbours, problems: list[str]):
        self.into: dict[str, Shape] = {}
        self.out: dict[str, Shape] = {}
        self.windows: dict[str, Window] = {}
        self.broken: set[str] = set()
        self._graph = graph
        self._before = before
        self._problems = problems
        for name, node in graph.nodes.items():
            if node.kind in WINDOWED:
                window = window_of(node, f"{graph.file}: {node}", problems)
                if window is None:
                    self._break(name)
                else:
                    self.windows[name] = window

    def find(self, node: Node) -> bool:
        """Whether the shapes of a node could be told from its fields and the shapes found so far."""
        n_before = len(self._problems)
        ports = self._windowed(node) if node.kind in WINDOWED else self._plain(node)
        if len(self._problems) > n_before:
            self._break(node.name)
        elif ports is not None:
            self.into[node.name], self.out[node.name] = ports
        return node.name in self.out

    def note_unknown(self) -> None:
        """What is left has no shape of its own and is fed by nothing, or by others of the kind."""
        for name, node in self._graph.nodes.items():
            if name in self.out:
                continue
            known = [pre for pre in self._before[name] if pre in self.out and pre not in self.broken]
            if node.kind in WINDOWED and known:
                axes = f"channels, {AXES[len(self.windows[name].kernel)]}"
                given = list(self.out[known[0]])
                self._problems.append(
                    f"{self._graph.file}: {node} takes [{axes}], but {known[0]!r} gives {given}: export the "
                    "shapes, or put a node that has them (Input, Conv2d) before it"
                )
            elif node.kind not in NEURONS and not self._before[name]:
                self._problems.append(f"{self._graph.file}: {node} is fed by nothing: connect or remove it")
            if node.kind in NEURONS and not self._before[name]:
                # with scalar parameters and nothing that feeds it, it is one neuron
                self.into[name] = self.out[name] = (1,)
            else:
                self._break(name)

    def _break(self, name: str) -> None:
        self.broken.add(name)
        self.into[name] = self.out[name] = (1,)

    def _plain(self, node: Node) -> tuple[Shape, Shape] | None:
        owner, fields = f"{self._graph.file}: {node}", node.fields
        if node.kind in DENSE:
            return self._dense(node, owner)
        if node.kind in DOORS:
            written = "input_type" if node.kind == "Flatten" else "shape"
            given = written in fields
            own = self._written(node, written, owner) if given else self._arriving(node.name, None)
            if own is None:
                return None
            return own, (_flattened(node, own) if node.kind == "Flatten" else own)
        field = ELEMENTWISE.get(node.kind)
        own = self._neurons(node, owner) if field is None else fields[field].shape
        if 0 in own:
            self._problems.append(f"{owner}: parameters without values")
            return None
        same = own if math.prod(own) > 1 else self._arriving(node.name, None)
        if same is None and own and not self._before[node.name]:
            same = own
        return None if same is None else (same, same)

    def _written(self, node: Node, field: str, owner: str) -> Shape | None:
        values = node.fields[field].ravel()
        size = math.prod(int(length) for length in values)
        if (values != values.round()).any() or (values < 1).any() or size > MAX_SIZE:
            listed = values.tolist()
            expected = f"expected integers, 1..{MAX_SIZE} values in all"
            self._problems.append(f"{owner}: {field} {listed}, {expected}")
            return None
        return tuple(int(length) for length in values)

    def _dense(self, node: Node, owner: str) -> tuple[Shape, Shape] | None:
        weight, bias = node.fields["weight"], node.fields.get("bias")
        if weight.ndim != 2 or not weight.size:
            self._problems.append(f"{owner}: weight of shape {list(weight.shape)}, expected [n_out, n_in]")
            return None
        if bias is not None and bias.size not in (1, weight.shape[0]):
            self._problems.append(f"{owner}: bias of shape {list(bias.shape)}, expected [{weight.shape[0]}]")
        return (weight.shape[1],), (weight.shape[0],)

    def _neurons(self, node: Node, owner: str) -> Shape:
        """Shape of the parameters, () if all are scalars."""
        found = {field: values.shape for field, values in node.fields.items() if values.size != 1}
        if len(set(found.values())) > 1:
            table = ", ".join(f"{field} {list(shape)}" for field, shape in found.items())
            self._problems.append(f"{owner}: parameters of different shapes: {table}")
        return next(iter(found.values()), ())

    def _windowed(self, node: Node) -> tuple[Shape, Shape] | None:
        window, owner = self.windows[node.name], f"{self._graph.file}: {node}"
        n_dims = len(window.kernel)
        if node.kind in POOLS:
            shape = self._arriving(node.name, n_dims + 1)
        else:
            channels = node.fields["weight"].shape[1] * int(node.fields["groups"].ravel()[0])
            shape = self._image(node, channels, n_dims, owner)
        if shape is None:
            return None
        out = window.out(shape[1:])
        channels = shape[0] if node.kind in POOLS else node.fields["weight"].shape[0]
        if min(out) < 1:
            self._problems.append(
                f"{owner}: its kernel of {list(window.kernel)} does not fit into images of {list(shape[1:])}"
                ": pad them or use a smaller kernel"
            )
        elif max(channels * math.prod(out), math.prod(shape)) > MAX_SIZE:
            self._problems.append(f"{owner}: gives {[channels, *out]} values, at most {MAX_SIZE} in all")
        elif n_entries(node, window, shape) > MAX_SYNAPSES:
            self._problems.append(
                f"{owner}: {n_entries(node, window, shape)} weights, limit {MAX_SYNAPSES}: split its channels"
            )
        return shape, (channels, *out)

    def _image(self, node: Node, channels: int, n_dims: int, owner: str) -> Shape | None:
        """What a convolution takes: as it says itself, or as it is fed."""
        if "input_shape" not in node.fields:
            arriving = self._arriving(node.name, n_dims + 1)
            return None if arriving is None else (channels, *arriving[1:])
        image = self._written(node, "input_shape", owner)
        if image is not None and len(image) != n_dims:
            self._problems.append(f"{owner}: input_shape {list(image)}, expected {n_dims} lengths")
            return None
        return None if image is None else (channels, *image)

    def _arriving(self, name: str, n_dims: int | None) -> Shape | None:
        """The shape that feeds a node; with n_dims, of the nearest node before it that has as many.

        Neurons and the like often have flat parameters although what feeds them has a shape.
        """
        seen, todo = {name}, deque(self._before[name])
        while todo:
            pre = todo.popleft()
            shape = self.out.get(pre)
            if pre in seen or pre in self.broken or shape is None:
                continue
            if n_dims is None or len(shape) == n_dims:
                return shape
            seen.add(pre)
            if self._graph.nodes[pre].kind in (*NEURONS, *ELEMENTWISE, "Input", "Output"):
                todo.extend(self._before[pre])
        return None


def _flattened(node: Node, shape: Shape) -> Shape:
    """Dimensions start_dim .. end_dim made one."""
    first, last = (
        int(node.fields[field].ravel()[0]) if field in node.fields and node.fields[field].size else default
        for field, default in (("start_dim", 0), ("end_dim", -1))
    )
    first, last = (max(0, min(len(shape) - 1, at + len(shape) * (at < 0))) for at in (first, last))
    if last < first:
        return shape
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _shown(shape: Shape) -> str:
    size = math.prod(shape)
    return f"{size}" if len(shape) == 1 else f"{size} ({' x '.join(map(str, shape))})"
