"""Networks to measure mappings on: neurons, and of each synapse its sender and its target, with a fixed seed.

`NETWORKS` makes each by name. Where a network is said to be permuted its neurons are numbered at random, so
that filling cores in order finds none of its structure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.network import LoihiCuba, LoihiSynapse, Network, Triplets

Ints = NDArray[np.int64]
Edges = tuple[int, Ints, Ints]  # neurons, and of each synapse sender and target; each pair once

SEED = 7
FAN_OUT = 100
KEPT = 0.3  # share of the kernels of a sparse network
WEIGHT = 2  # of every synapse: which weights there are changes nothing in a mapping of 8 bits each


class Layer(NamedTuple):
    """Pixels `in`, `conv`, `pool` or fully connected, `fc`."""

    kind: str
    size: int  # channels; of a pool its side
    side: int = 1  # of the pixels, or of a kernel
    stride: int = 1
    padding: int = 0


def lenet5() -> Edges:
    """LeNet-5 on 28 x 28 pixels with average pools as layers of their own."""
    halved = Layer("pool", 2)
    convolutions = [Layer("conv", 6, 5), halved, Layer("conv", 16, 5), halved]
    dense = [Layer("fc", n) for n in (120, 84, 10)]
    return _layers([Layer("in", 1, 28), *convolutions, *dense])


def vgg_like() -> Edges:
    """Convolutions of 3 x 3 on 32 x 32 pixels of three colours; three tenths of the kernels are kept."""
    convolutions = [Layer("conv", n, 3, stride, 1) for n, stride in ((32, 1), (64, 2), (128, 2), (128, 1))]
    return _layers([Layer("in", 3, 32), *convolutions, Layer("fc", 256), Layer("fc", 10)], KEPT)


def reservoir() -> Edges:
    """20 x 20 x 25 neurons joined by distance and kind (Maass, Natschlaeger, Markram 2002), lambda = 2."""
    rng = np.random.default_rng(SEED)
    at = np.stack(np.unravel_index(np.arange(10_000), (20, 20, 25)), axis=1).astype(np.float64)
    excitatory = rng.random(10_000) < 0.8
    chance = np.array([[0.1, 0.4], [0.2, 0.3]])  # [sender excitatory, target excitatory]: II, IE; EI, EE
    pre, post = [], []
    for sender in range(10_000):
        squared = ((at - at[sender]) ** 2).sum(axis=1)
        probability = chance[int(excitatory[sender])][excitatory.astype(int)] * np.exp(-squared / 4)
        probability[sender] = 0
        targets = np.flatnonzero(rng.random(10_000) < probability)
        pre.append(np.full(len(targets), sender))
        post.append(targets)
    return 10_000, np.concatenate(pre), np.concatenate(post)


def ring() -> Edges:
    """A small world (Watts, Strogatz 1998): those next to a neuron, a tenth of them rewired; permuted."""
    rng, n = np.random.default_rng(SEED), 10_000
    pre = np.repeat(np.arange(n), FAN_OUT)
    steps = np.concatenate([np.arange(-FAN_OUT // 2, 0), np.arange(1, FAN_OUT // 2 + 1)])
    post = (pre + np.tile(steps, n)) % n
    rewired = rng.random(len(post)) < 0.1
    post[rewired] = rng.integers(0, n, int(rewired.sum()))
    return _permuted(rng, n, pre, post)


def modular() -> Edges:
    """Modules of some 300 neurons, four of five synapses inside; permuted."""
    rng, n = np.random.default_rng(SEED), 10_000
    sizes: list[int] = []
    while sum(sizes) < n:
        sizes.append(int(np.clip(rng.lognormal(np.log(300), 0.6), 50, 900)))
    ends = np.minimum(np.cumsum(sizes), n)
    begins = np.concatenate([[0], ends[:-1]])
    module = np.searchsorted(ends, np.arange(n), side="right")
    pre = np.repeat(np.arange(n), FAN_OUT)
    inside = rng.random(len(pre)) < 0.8
    own = module[pre]
    span = ends[own] - begins[own]
    post = np.where(
        inside, begins[own] + (rng.random(len(pre)) * span).astype(np.int64), rng.integers(0, n, len(pre))
    )
    return _permuted(rng, n, pre, post)


def sheet(side: int) -> Edges:
    """A cortical sheet: targets normally distributed around the sender; numbered row by row."""
    rng, n = np.random.default_rng(SEED), side * side
    pre = np.repeat(np.arange(n), FAN_OUT)
    places = []
    for at in np.divmod(pre, side):
        near = np.rint(at + rng.normal(0, 8.0, len(at))).astype(np.int64)
        near = np.where(near < 0, -near, near)
        near = np.where(near >= side, 2 * side - 2 - near, near)
        places.append(np.clip(near, 0, side - 1))
    return _distinct(n, pre, places[0] * side + places[1])


@dataclass(frozen=True)
class Kind:
    """A network of the field."""

    title: str
    about: str
    edges: Callable[[], Edges]


NETWORKS: dict[str, Kind] = {
    "lenet5": Kind("LeNet-5", "convolutions and pools, 6,598 neurons", lenet5),
    "reservoir": Kind("reservoir", "joined by distance and kind, 10,000 neurons", reservoir),
    "ring": Kind("ring", "a small world, permuted, 10,000 neurons", ring),
    "modular": Kind("modular", "modules of 50 to 900, permuted, 10,000 neurons", modular),
    "sheet": Kind("sheet of 10,000", "a cortical sheet, row by row", lambda: sheet(100)),
    "vgg": Kind("VGG-like", "sparse convolutions, 68,874 neurons", vgg_like),
    "large-sheet": Kind("sheet of 99,856", "a cortical sheet, row by row", lambda: sheet(316)),
}


def network_of(edges: Edges, name: str = "mapped") -> Network:
    """One population, joined to itself by weights of 8 bits."""
    n, pre, post = edges
    network = Network(name)
    cells = network.add_population("cells", n, LoihiCuba())
    synapse = LoihiSynapse(w_exp=0, weight_bits=8)
    network.connect(cells, cells, Triplets(pre, post, np.full(len(pre), WEIGHT), 1), synapse=synapse)
    return network


def _permuted(rng: np.random.Generator, n: int, pre: Ints, post: Ints) -> Edges:
    number = rng.permutation(n)
    return _distinct(n, number[pre], number[post])


def _distinct(n: int, pre: Ints, post: Ints) -> Edges:
    """Each pair once, none from a neuron to itself."""
    keys = np.sort((pre.astype(np.int64) * n + post)[pre != post])  # np.unique takes minutes for 100 M
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return n, keys // n, keys % n


def _layers(layers: list[Layer], density: float = 1.0) -> Edges:
    """density: share of the kernels, and of the synapses of full layers, that are kept."""
    rng = np.random.default_rng(SEED)
    pre, post = [], []
    channels, side = layers[0].size, layers[0].side
    first, n = 0, channels * side * side
    for layer in layers[1:]:
        below = np.arange(first, first + channels * side * side).reshape(channels, side, side)
        if layer.kind == "fc":
            kept = rng.random((below.size, layer.size)) < density
            i, j = np.nonzero(kept)
            pairs, channels, side = [(below.ravel()[i], n + j)], layer.size, 1
        elif layer.kind == "pool":
            pairs, side = _pool(below, n, layer.size)
        else:
            pairs, side = _convolution(below, n, layer, rng.random((channels, layer.size)) < density)
            channels = layer.size
        pre += [pair[0] for pair in pairs]
        post += [pair[1] for pair in pairs]
        first, n = n, n + channels * side * side
    return _distinct(n, np.concatenate(pre), np.concatenate(post))


def _pool(below: Ints, first: int, size: int) -> tuple[list[tuple[Ints, Ints]], int]:
    """Pairs of arrays (senders, targets), and the side of the layer; neurons from `first` on."""
    channels, side = len(below), below.shape[1] // size
    y, x = np.divmod(np.arange(side * side), side)
    pairs = [
        (below[c, y * size + dy, x * size + dx], first + c * side * side + np.arange(side * side))
        for c in range(channels)
        for dy, dx in np.ndindex(size, size)
    ]
    return pairs, side


def _convolution(
    below: Ints, first: int, layer: Layer, kept: NDArray[np.bool_]
) -> tuple[list[tuple[Ints, Ints]], int]:
    """As `_pool`. kept: bool [channels below, channels], the kernels that there are."""
    side = below.shape[1]
    out = (side + 2 * layer.padding - layer.side) // layer.stride + 1
    y, x = np.divmod(np.arange(out * out), out)
    pairs = []
    for dy, dx in np.ndindex(layer.side, layer.side):
        from_y, from_x = y * layer.stride + dy - layer.padding, x * layer.stride + dx - layer.padding
        inside = (from_y >= 0) & (from_y < side) & (from_x >= 0) & (from_x < side)
        place = np.flatnonzero(inside)
        for c, o in np.argwhere(kept):
            pairs.append((below[c, from_y[inside], from_x[inside]], first + o * out * out + place))
    return pairs, out
