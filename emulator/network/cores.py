"""Cores described directly: crossbar, types of the axons, neurons, and where each neuron sends its spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.errors import DescriptionError
from emulator.network.models import INT32, N_TYPES, TrueNorth, spread_integers

Array = NDArray[Any]

MAX_AXONS = MAX_NEURONS = 256  # of a core
MAX_DELAY = 15  # ticks
NOWHERE = -1  # the target of a neuron that has none
_ROW_BYTES = MAX_NEURONS // 8
_ENDS: dict[type[np.integer[Any]], int] = {np.int8: 2**7, np.int16: 2**15, np.int32: 2**31}


@dataclass(frozen=True, eq=False)
class Core:
    """A core of a chip of crossbars. Many fit in memory: arrays are narrow, one value for all is kept as one.

    Its name stands for its axons as inputs and for its neurons: stimulus goes to the former, spikes and
    probes are of the latter.
    """

    name: str
    n: int  # neurons, 1..256
    n_axons: int  # 1..256
    rows: NDArray[np.uint8]  # [n_axons, 32] bit j % 8 of byte j // 8: synapse onto neuron j
    axon_types: Array  # [] or [n_axons], 0..3
    neurons: TrueNorth
    target_core: Array  # [] or [n] core in the order of adding; NOWHERE: none
    target_axon: Array  # [] or [n] of that core
    delay: Array  # [] or [n] 1..15 ticks
    to_host: Array  # [] or [n] 0 or 1: sends to the host port
    at: tuple[int, int] | None  # tile that it must take
    record_spikes: bool

    @property
    def crossbar(self) -> NDArray[np.bool_]:
        """A copy: bool [n_axons, n]."""
        return np.unpackbits(self.rows, axis=1, bitorder="little")[:, : self.n].astype(np.bool_)

    @property
    def n_synapses(self) -> int:
        return int(np.bitwise_count(self.rows).sum(dtype=np.int64))


def make_core(name: str, crossbar: ArrayLike, given: Mapping[str, Any]) -> Core:
    """A core from the arguments of `Network.add_core`. Raises DescriptionError naming all that is wrong."""
    owner = f"core {name!r}"
    problems: list[str] = []
    rows, n = _packed(crossbar, owner, problems)
    if not isinstance(given["neurons"], TrueNorth):
        problems.append(f"{owner}: neurons {given['neurons']!r}: must be an emulator.TrueNorth")
    if problems:  # the sizes of all else
        raise DescriptionError(problems)
    neurons = _narrow_model(given["neurons"], n, owner, problems)
    limits = {
        "axon_types": (len(rows), (0, N_TYPES - 1)),
        "target_core": (n, (NOWHERE, INT32[1])),
        "target_axon": (n, (0, MAX_AXONS - 1)),
        "delay": (n, (1, MAX_DELAY)),
        "to_host": (n, (0, 1)),
    }
    narrow = {
        key: _narrow(given[key], length, f"{owner}: {key}", limit, problems)
        for key, (length, limit) in limits.items()
    }
    both = np.flatnonzero((narrow["to_host"] != 0) & (narrow["target_core"] != NOWHERE))
    if len(both):
        core = int(np.broadcast_to(narrow["target_core"], n)[both[0]])
        problems.append(
            f"{owner}: neuron {both[0]} has to_host and target_core {core} ({len(both)} in all): a neuron "
            "has one target, let another one with the same synapses send to the host"
        )
    at = _tile(given["at"], owner, problems)
    if problems:
        raise DescriptionError(problems)
    return Core(
        name, n, len(rows), rows, neurons=neurons, at=at, record_spikes=bool(given["record_spikes"]), **narrow
    )


def _packed(crossbar: ArrayLike, owner: str, problems: list[str]) -> tuple[NDArray[np.uint8], int]:
    """Rows of the crossbar, and the number of neurons."""
    try:
        array = np.asarray(crossbar)
    except ValueError:
        array = np.zeros(0)
    sizes = f"[axons 1..{MAX_AXONS}, neurons 1..{MAX_NEURONS}]"
    fits = array.ndim == 2 and 1 <= array.shape[0] <= MAX_AXONS and 1 <= array.shape[1] <= MAX_NEURONS
    if not fits or array.dtype.kind not in "biu":
        problems.append(f"{owner}: crossbar {array.dtype}{list(array.shape)}, expected bool {sizes}")
        return np.zeros((1, _ROW_BYTES), dtype=np.uint8), 1
    if array.dtype != np.bool_ and array.size and (array.min() < 0 or array.max() > 1):
        axon, neuron = (int(place) for place in np.argwhere((array < 0) | (array > 1))[0])
        value = array[axon, neuron]
        problems.append(f"{owner}: crossbar[{axon}, {neuron}] = {value}: a synapse is there (1) or not (0)")
    bits = np.packbits(array != 0, axis=1, bitorder="little")
    rows = np.zeros((len(array), _ROW_BYTES), dtype=np.uint8)
    rows[:, : bits.shape[1]] = bits
    return _frozen(rows), array.shape[1]


def _narrow_model(neurons: TrueNorth, n: int, owner: str, problems: list[str]) -> TrueNorth:
    """The same neurons in as few bytes as they take."""
    if neurons.s is None:
        problems.append(
            f"{owner}: neurons without s, the weights of the four types of axons: give it, such as "
            "s=(1, -1, 0, 0)"
        )
    try:
        values = neurons.parameters(n, owner)
    except DescriptionError as error:
        problems += error.problems
        return neurons
    kept = {}
    for field in fields(neurons):
        if field.name not in values:
            continue
        for_all = np.ndim(getattr(neurons, field.name)) == (field.name in TrueNorth.BY_TYPE)
        kept[field.name] = _narrowed(values[field.name][0] if for_all else values[field.name])
    return TrueNorth(**kept)


def _narrow(value: ArrayLike, n: int, label: str, limits: tuple[int, int], problems: list[str]) -> Array:
    """[] or [n]."""
    array = spread_integers(_as_numbers(value), n, label, limits, problems)
    return _narrowed(array[0] if np.ndim(value) == 0 else array)


def _as_numbers(value: ArrayLike) -> ArrayLike:
    """Flags as 0 and 1."""
    array = np.asarray(value)
    return array.astype(np.uint8) if array.dtype == np.bool_ else value


def _narrowed(values: Any) -> Array:
    array = np.asarray(values)
    low, high = int(array.min()), int(array.max())
    dtype = next(dtype for dtype, end in _ENDS.items() if -end <= low and high < end)
    return _frozen(array.astype(dtype))


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _tile(at: Any, owner: str, problems: list[str]) -> tuple[int, int] | None:
    if at is None:
        return None
    try:
        x, y = at
        whole = all(isinstance(c, (int, np.integer)) and not isinstance(c, bool) and c >= 0 for c in (x, y))
    except (TypeError, ValueError):
        whole = False
    if not whole:
        problems.append(f"{owner}: at {at!r}: must be a tile (x, y), two integers of at least 0")
        return None
    return int(x), int(y)
