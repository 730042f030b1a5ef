"""NIR files (HDF5) as nodes and edges, nested graphs dissolved. Numbers are checked, but mean nothing yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import DescriptionError, ImageError
from emulator.formats.files import read_whole, shown
from emulator.formats.hdf5 import Datasets, hdf5_library, open_hdf5

Array = NDArray[Any]

MAX_BYTES = 1 << 31
MAX_NESTING = 32
MAX_SIZE = 1 << 24  # of a node: numbers beyond are damaged shapes

_CONV = ("weight", "stride", "padding", "dilation", "groups")
_POOL = ("kernel_size", "stride", "padding")

REQUIRED: dict[str, tuple[str, ...]] = {
    "Input": ("shape",),
    "Output": (),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Scale": ("scale",),
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": (),
    "Delay": ("delay",),
    "Threshold": ("threshold",),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold"),
    "IF": ("r", "v_threshold"),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak"),
    "I": ("r",),
}
"""Supported kinds of node and the fields they must have."""
OPTIONAL: dict[str, tuple[str, ...]] = {
    "Output": ("shape",),
    "Conv1d": ("input_shape", "bias"),
    "Conv2d": ("input_shape", "bias"),
    "Flatten": ("input_type", "start_dim", "end_dim"),
    "LIF": ("v_reset",),
    "CubaLIF": ("v_reset", "w_in"),
    "IF": ("v_reset",),
    "CubaLI": ("w_in",),
}
TEXT = ("padding",)  # fields that may hold text instead

SPIKING = ("LIF", "CubaLIF", "IF", "Threshold")
ANALOG = ("LI", "CubaLI", "I")
NEURONS = SPIKING + ANALOG
"""Nodes that take a tick: populations. The rest is multiplied out."""


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the file. Nested names are joined with a dot."""

    name: str
    kind: str
    fields: dict[str, Array]  # finite numbers, any shape
    nested: bool  # inside a graph that is itself a node
    words: dict[str, str] = field(default_factory=dict)  # fields that hold text instead of numbers

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.kind})"


@dataclass(frozen=True, eq=False)
class Graph:
    """Supported nodes in the order of the file, and edges between them; each edge once."""

    file: str  # for messages
    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...]


def read_graph(path: str | PathLike[str]) -> Graph:
    """Reads a file. ImageError: missing or damaged. DescriptionError: lists every node that does not fit."""
    file = shown(path)
    h5py = hdf5_library()
    content = read_whole(path, MAX_BYTES)
    reader = _Reader(h5py, Datasets(content, file))
    with open_hdf5(content, file) as root:
        reader.read(root)
    reader.raise_problems()
    return Graph(file, reader.nodes, tuple(dict.fromkeys(reader.edges)))


class _Reader:
    """Walks a file once and keeps what it found and what was wrong."""

    def __init__(self, h5py: ModuleType, datasets: Datasets):
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self._h5py = h5py
        self._datasets = datasets
        self._file = datasets.file
        self._unsupported: list[str] = []
        self._problems: list[str] = []

    def raise_problems(self) -> None:
        if self._unsupported:
            supported = ", ".join((*REQUIRED, "NIRGraph"))
            self._problems.append(
                f"{self._file}: unsupported {', '.join(self._unsupported)}; supported are {supported}: "
                "replace these nodes before exporting"
            )
        if self._problems:
            raise DescriptionError(self._problems)

    def read(self, root: Any) -> None:
        if not isinstance(root.get("node"), self._h5py.Group):
            raise ImageError(f"{self._file}: HDF5, but without the group 'node' of a NIR file")
        kind = self._kind(root["node"], "the top node")
        if kind != "NIRGraph":
            raise DescriptionError(f"{self._file}: the top node is {kind}, expected NIRGraph")
        self._graph(root["node"], "", 0)

    def _graph(self, group: Any, prefix: str, depth: int) -> tuple[list[str], list[str]]:
        """Adds the nodes and edges of a graph; returns its Inputs and Outputs by full name."""
        if depth > MAX_NESTING:
            raise ImageError(f"{self._file}: graph {prefix[:40]!r}... is nested deeper than {MAX_NESTING}")
        entries: dict[str, list[str]] = {}
        exits: dict[str, list[str]] = {}
        inputs, outputs = [], []
        for key, item in group["nodes"].items():
            name = prefix + key
            kind = self._kind(item, f"node {name!r}")
            if kind == "NIRGraph":
                entries[key], exits[key] = self._graph(item, f"{name}.", depth + 1)
                continue
            entries[key] = exits[key] = [name]
            self._node(name, kind, item, nested=depth > 0)
            inputs += [name] * (kind == "Input")
            outputs += [name] * (kind == "Output")
        for pre, post in self._edge_names(group, prefix):
            self._edge(prefix, pre, post, entries, exits)
        return inputs, outputs

    def _kind(self, item: Any, owner: str) -> str:
        dataset = item.get("type") if isinstance(item, self._h5py.Group) else None
        if not isinstance(dataset, self._h5py.Dataset) or dataset.shape != ():
            raise ImageError(f"{self._file}: {owner} has no type: not a NIR file, or damaged")
        return str(self._datasets.strings(dataset)[()])

    def _node(self, name: str, kind: str, item: Any, nested: bool) -> None:
        if name in self.nodes:
            self._problems.append(f"{self._file}: two nodes are called {name!r}, names joined: rename one")
        if kind not in REQUIRED:
            self._unsupported.append(f"{name!r} ({kind})")
            self.nodes[name] = Node(name, kind, {}, nested)
            return
        present = [label for label in OPTIONAL.get(kind, ()) if label in item]
        fields, words = {}, {}
        for label in (*REQUIRED[kind], *present):
            text = self._text(item, label) if label in TEXT else None
            if text is None:
                fields[label] = self._numbers(item, label, name, kind)
            else:
                words[label] = text
        self.nodes[name] = Node(name, kind, fields, nested, words)

    def _text(self, item: Any, field: str) -> str | None:
        dataset = item.get(field)
        if not isinstance(dataset, self._h5py.Dataset) or dataset.dtype.kind not in "OS" or dataset.shape:
            return None
        return str(self._datasets.strings(dataset)[()])

    def _numbers(self, item: Any, field: str, name: str, kind: str) -> Array:
        owner = f"{self._file}: node {name!r} ({kind}): {field}"
        dataset = item.get(field)
        if not isinstance(dataset, self._h5py.Dataset):
            self._problems.append(f"{owner} is missing")
            return np.ones(1)
        if dataset.dtype.kind not in "biuf":
            self._problems.append(f"{owner} holds {dataset.dtype}, expected numbers")
            return np.ones(1)
        values = self._datasets.numbers(dataset)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            at = ", ".join(str(i) for i in bad[0])
            value = values[tuple(bad[0])]
            self._problems.append(f"{owner}[{at}] is {value}, must be finite ({len(bad)} in all)")
        return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)

    def _edge_names(self, group: Any, prefix: str) -> list[tuple[str, str]]:
        dataset = group.get("edges")
        if not isinstance(dataset, self._h5py.Dataset):
            raise ImageError(f"{self._file}: the graph has no {prefix}edges: not a NIR file, or damaged")
        if dataset.size == 0:
            return []  # of whatever type: an empty list has none
        if dataset.ndim != 2 or dataset.shape[1] != 2:
            shape = list(dataset.shape)
            raise ImageError(f"{self._file}: {prefix}edges have shape {shape}, expected [n, 2]")
        return [(pre, post) for pre, post in self._datasets.strings(dataset).tolist()]

    def _edge(
        self, prefix: str, pre: str, post: str, entries: dict[str, list[str]], exits: dict[str, list[str]]
    ) -> None:
        shown_edge = f"{self._file}: edge {prefix + pre!r} -> {prefix + post!r}"
        for name, ends, port in ((pre, exits, "Output"), (post, entries, "Input")):
            if name not in ends:
                self._problems.append(f"{shown_edge}: there is no node {prefix + name!r}")
            elif not ends[name]:
                self._problems.append(f"{shown_edge}: graph {prefix + name!r} has no {port}")
        self.edges += [(a, b) for a in exits.get(pre, []) for b in entries.get(post, [])]
