"""Networks to measure mappings on: neurons and synapses as two arrays, with fixed seeds.

`NETWORKS` makes each by name. Where a network is said to be permuted its neurons are numbered at random, so
that filling cores in order finds none of its structure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Ints = np.ndarray
Edges = tuple[int, Ints, Ints]  # neurons, and of each synapse sender and target; each pair once

SEED = 7
FAN_OUT = 100


def lenet5() -> Edges:
    """LeNet-5 on 28 x 28 pixels with average pools as layers of their own."""
    pairs = [("conv", 6, 5), ("pool", 2), ("conv", 16, 5), ("pool", 2)]
    return _layers([("in", 1, 28), *pairs, ("fc", 120), ("fc", 84), ("fc", 10)])


def vgg_like() -> Edges:
    """Convolutions of 3 x 3 on 32 x 32 pixels of three colours; three tenths of the kernels are kept."""
    convolutions = [
        ("conv", 32, 3, 1, 1),
        ("conv", 64, 3, 2, 1),
        ("conv", 128, 3, 2, 1),
        ("conv", 128, 3, 1, 1),
    ]
    return _layers([("in", 3, 32), *convolutions, ("fc", 256), ("fc", 10)], density=0.3)


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


NETWORKS: dict[str, Callable[[], Edges]] = {
    "LeNet-5": lenet5,
    "reservoir": reservoir,
    "ring": ring,
    "modular": modular,
    "sheet of 10,000": lambda: sheet(100),
    "VGG-like": vgg_like,
    "sheet of 99,856": lambda: sheet(316),
}


def _permuted(rng: np.random.Generator, n: int, pre: Ints, post: Ints) -> Edges:
    number = rng.permutation(n)
    return _distinct(n, number[pre], number[post])


def _distinct(n: int, pre: Ints, post: Ints) -> Edges:
    """Each pair once, none from a neuron to itself."""
    keys = np.unique((pre.astype(np.int64) * n + post)[pre != post])
    return n, keys // n, keys % n


def _layers(spec: list[tuple], density: float = 1.0) -> Edges:
    """("in", channels, side), then ("conv", channels, kernel, stride, padding), ("pool", side), ("fc", n)."""
    rng = np.random.default_rng(SEED)
    pre, post = [], []
    _, channels, side = spec[0]
    first, n = 0, channels * side * side
    for kind, size, *more in spec[1:]:
        below = np.arange(first, first + channels * side * side).reshape(channels, side, side)
        if kind == "fc":
            kept = rng.random((below.size, size)) < density
            i, j = np.nonzero(kept)
            pairs, channels, side = [(below.ravel()[i], n + j)], size, 1
        elif kind == "pool":
            side //= size
            y, x = np.divmod(np.arange(side * side), side)
            pairs = [
                (below[c, y * size + dy, x * size + dx], n + c * side * side + np.arange(side * side))
                for c in range(channels)
                for dy, dx in np.ndindex(size, size)
            ]
        else:
            pairs, side = _convolution(below, n, size, *more, kept=rng.random((channels, size)) < density)
            channels = size
        pre += [pair[0] for pair in pairs]
        post += [pair[1] for pair in pairs]
        first, n = n, n + channels * side * side
    return _distinct(n, np.concatenate(pre), np.concatenate(post))


def _convolution(
    below: Ints, first: int, n_out: int, kernel: int, stride: int = 1, padding: int = 0, *, kept: Ints
) -> tuple[list[tuple[Ints, Ints]], int]:
    side = below.shape[1]
    out = (side + 2 * padding - kernel) // stride + 1
    y, x = np.divmod(np.arange(out * out), out)
    pairs = []
    for dy, dx in np.ndindex(kernel, kernel):
        from_y, from_x = y * stride + dy - padding, x * stride + dx - padding
        inside = (from_y >= 0) & (from_y < side) & (from_x >= 0) & (from_x < side)
        place = np.flatnonzero(inside)
        for c, o in np.argwhere(kept):
            pairs.append((below[c, from_y[inside], from_x[inside]], first + o * out * out + place))
    return pairs, out
