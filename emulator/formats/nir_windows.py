"""Windows that slide over images, as convolutions and pools of NIR do: their geometry and sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from emulator.formats.nir_file import Node

Matrix = Any  # scipy.sparse.csr_array [n_out, n_in]
Shape = tuple[int, ...]
Ints = NDArray[np.int64]

CONVOLUTIONS = {"Conv1d": 1, "Conv2d": 2}
"""Kinds of node -> dimensions of their images."""
POOLS = ("SumPool2d", "AvgPool2d")
AXES = {1: "length", 2: "height, width"}
PADDINGS = ("same", "valid")

MAX_LENGTH = 1 << 16  # of strides and the like: numbers beyond are damaged
MAX_SYNAPSES = 1 << 28  # of one node; as many take some GB


@dataclass(frozen=True)
class Window:
    """A kernel and how it slides; one entry per dimension of the image, one or two."""

    kernel: Shape
    stride: Shape
    dilation: Shape
    pad: tuple[tuple[int, int], ...]  # before and after

    def out(self, image: Shape) -> Shape:
        """Places of the kernel in each dimension; 0 or less where it does not fit."""
        return tuple(
            (length + sum(pad) - dilation * (kernel - 1) - 1) // stride + 1
            for length, kernel, stride, dilation, pad in zip(
                image, self.kernel, self.stride, self.dilation, self.pad, strict=True
            )
        )

    def tap(self, at: Shape, image: Shape) -> tuple[Ints, Ints]:
        """Pixels out and the pixels in that the kernel's entry `at` reads for them; those in the padding
        are left out."""
        out = self.out(image)
        rows, columns = np.zeros(1, np.int64), np.zeros(1, np.int64)
        for i, length in enumerate(image):
            place = np.arange(out[i])
            source = place * self.stride[i] + at[i] * self.dilation[i] - self.pad[i][0]
            inside = (source >= 0) & (source < length)
            rows = (rows[:, None] * out[i] + place[inside]).ravel()
            columns = (columns[:, None] * length + source[inside]).ravel()
        return rows, columns


def window_of(node: Node, owner: str, problems: list[str]) -> Window | None:
    """The window of a convolution or pool; None after noting every field that makes no sense."""
    n_before = len(problems)
    dilation: Shape = (1, 1)
    pad: tuple[tuple[int, int], ...] = ()
    if node.kind in POOLS:
        n_dims = 2
        kernel = _lengths(node, "kernel_size", n_dims, 1, owner, problems)
    else:
        n_dims = CONVOLUTIONS[node.kind]
        kernel = _kernel(node, n_dims, owner, problems)
        dilation = _lengths(node, "dilation", n_dims, 1, owner, problems)
    stride = _lengths(node, "stride", n_dims, 1, owner, problems)
    word = node.words.get("padding")
    if word is None:
        pad = tuple((n, n) for n in _lengths(node, "padding", n_dims, 0, owner, problems))
    elif word not in PADDINGS:
        problems.append(f"{owner}: padding {word!r}: choose from {', '.join(PADDINGS)}, or give numbers")
    elif word == "same" and max(stride, default=1) > 1:
        problems.append(
            f"{owner}: padding 'same' with stride {list(stride)}, of which frameworks make different sizes: "
            "give the padding in numbers"
        )
    if len(problems) > n_before:
        return None
    if word is not None:
        totals = [d * (k - 1) if word == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
        pad = tuple((total // 2, total - total // 2) for total in totals)
    return Window(kernel, stride, dilation, pad)


def _kernel(node: Node, n_dims: int, owner: str, problems: list[str]) -> Shape:
    """Lengths of the kernel of a convolution, whose weight, groups and bias are checked as well."""
    weight = node.fields["weight"]
    if weight.ndim != 2 + n_dims or not weight.size:
        expected = f"[channels out, channels in, {AXES[n_dims]}]"
        problems.append(f"{owner}: weight of shape {list(weight.shape)}, expected {expected}")
        return ()
    groups = _lengths(node, "groups", 1, 1, owner, problems)
    if groups and weight.shape[0] % groups[0]:
        problems.append(
            f"{owner}: groups {groups[0]} do not divide {weight.shape[0]} channels out: choose a divisor"
        )
    bias = node.fields.get("bias")
    if bias is not None and bias.size not in (1, weight.shape[0]):
        problems.append(f"{owner}: bias of shape {list(bias.shape)}, expected [{weight.shape[0]}]")
    return weight.shape[2:]


def _lengths(node: Node, field: str, n: int, least: int, owner: str, problems: list[str]) -> Shape:
    """An integer per dimension; one alone is for all of them."""
    values = node.fields[field].ravel()
    listed = [f"{value:g}" for value in values.tolist()]
    if values.size not in (1, n) or (values != np.rint(values)).any():
        problems.append(f"{owner}: {field} [{', '.join(listed)}], expected {n} integers")
        return ()
    if (values < least).any() or (values > MAX_LENGTH).any():
        problems.append(f"{owner}: {field} [{', '.join(listed)}], outside {least}..{MAX_LENGTH}")
        return ()
    return tuple(int(value) for value in np.broadcast_to(values, n))


def window_kernel(node: Node, channels: int) -> tuple[NDArray[np.float64], int]:
    """Weights [channels out, channels in of a group, ...] and groups; a pool has a group per channel."""
    if node.kind in CONVOLUTIONS:
        return node.fields["weight"].astype(np.float64), int(node.fields["groups"].ravel()[0])
    kernel = tuple(int(n) for n in np.broadcast_to(node.fields["kernel_size"].ravel(), 2))
    share = 1 / float(np.prod(kernel)) if node.kind == "AvgPool2d" else 1.0
    return np.broadcast_to(np.array(share), (channels, 1, *kernel)), channels


def window_matrix(node: Node, window: Window, shape: Shape) -> Matrix:
    """What a node does to an image [channels, ...], flattened in C order.

    Built from indices, an entry of the kernel at a time: memory is linear in the weights that are not zero.
    """
    weight, groups = window_kernel(node, shape[0])
    image, n_channels = shape[1:], weight.shape[0]
    n_in, n_out = int(np.prod(image)), int(np.prod(window.out(image)))
    rows, columns, values = [], [], []
    for at in np.ndindex(*window.kernel):
        out, into = window.tap(at, image)
        entry = weight[(slice(None), slice(None), *at)]
        to, member = np.nonzero(entry)
        source = to // (n_channels // groups) * weight.shape[1] + member
        rows.append(_pixels(to, n_out, out))
        columns.append(_pixels(source, n_in, into))
        values.append(np.repeat(entry[to, member], len(out)))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.coo_array(entries, shape=(n_channels * n_out, shape[0] * n_in)).tocsr()


def n_entries(node: Node, window: Window, shape: Shape) -> int:
    """Upper bound of the entries of `window_matrix`."""
    per_channel = node.fields["weight"].shape[1] if node.kind in CONVOLUTIONS else 1
    n_channels = node.fields["weight"].shape[0] if node.kind in CONVOLUTIONS else shape[0]
    n_taps = 1
    for kernel, length in zip(window.kernel, window.out(shape[1:]), strict=True):
        n_taps *= kernel * length
    return int(n_taps * per_channel * n_channels)


def _pixels(channel: Ints, n: int, pixel: Ints) -> NDArray[np.int32]:
    """Place of each pixel in each channel of n pixels."""
    return (channel[:, None] * n + pixel).ravel().astype(np.int32)
