"""Cores described directly in network files."""

from __future__ import annotations

from typing import Any

import numpy as np

from emulator.formats.fields import Fields
from emulator.formats.models import model_content, parameter, read_model
from emulator.network import Core, Network, TrueNorth

_PER_NEURON = ("target_core", "target_axon", "delay", "to_host")
_MAX = 256  # axons or neurons; `Network` says so too, here it bounds what is unpacked
_MAX_PLACE = 2**31 - 1


def core_content(core: Core) -> dict[str, Any]:
    """A core as maps, plain values and arrays."""
    return {
        "name": core.name,
        "n": core.n,
        "rows": core.rows,
        "axon_types": parameter(core.axon_types),
        "neurons": model_content(core.neurons),
        **{name: parameter(getattr(core, name)) for name in _PER_NEURON},
        "at": None if core.at is None else {"x": core.at[0], "y": core.at[1]},
        "record_spikes": core.record_spikes,
    }


def add_core(network: Network, part: Fields) -> None:
    """Adds the core of `core_content`; what is wrong with its form is noted."""
    n_before = len(part.problems)
    part.only("name", "n", "rows", "axon_types", "neurons", *_PER_NEURON, "at", "record_spikes")
    name, n = part.text("name"), part.integer("n", 1, _MAX)
    rows = part.array("rows", "uint8", None, _MAX // 8)
    bits = np.unpackbits(rows[: _MAX + 1], axis=1, bitorder="little")
    part.require(not bits[:, n:].any(), "rows", f"synapses onto neurons past the {n} of the core")
    neurons = read_model(part.sub("neurons"))
    part.require(isinstance(neurons, TrueNorth), "neurons", "must be of model TrueNorth")
    given = {key: _numbers(part, key) for key in ("axon_types", *_PER_NEURON)}
    at = None
    if not part.is_none("at"):
        tile = part.sub("at")
        tile.only("x", "y")
        at = tile.integer("x", 0, _MAX_PLACE), tile.integer("y", 0, _MAX_PLACE)
    record_spikes = part.flag("record_spikes")
    if len(part.problems) == n_before and isinstance(neurons, TrueNorth):
        crossbar = bits[:, :n].view(np.bool_)
        network.add_core(name, crossbar, neurons=neurons, at=at, record_spikes=record_spikes, **given)


def _numbers(part: Fields, name: str) -> Any:
    """An integer or an array of numbers, of any shape: `Network` checks them."""
    value = part.table.get(name, 0)
    fits = type(value) is int or isinstance(value, np.ndarray)
    found = type(value).__name__ if name in part.table else "missing"
    part.require(fits and name in part.table, name, f"{found}, expected int or ndarray")
    return value if fits else 0
