"""Passes emit and symbols for crossbar cores: tables in the order of the chip's cores, and their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import CrossbarImage
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.sources import generator_of
from emulator.network import Network
from emulator.program import Part, ProbeSymbol, Symbols

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Emitted:
    """An image and where the neurons went."""

    image: CrossbarImage
    slot_of: Longs  # [n_neurons]


def emit_crossbars(cores: CrossbarCores, core_of: Ints, n_groups: int) -> Emitted:
    """core_of: [n_cores] physical cores; n_groups: accounts."""
    order = np.argsort(core_of, kind="stable")
    row_of = np.empty(cores.n_cores + 1, dtype=np.int32)  # the last one is the host port
    row_of[order] = np.arange(cores.n_cores, dtype=np.int32)
    row_of[-1] = cores.n_cores
    slot_ptr, neuron = _reordered(cores.neuron_ptr, order)
    axon_ptr, axon = _reordered(cores.axon_ptr, order)
    slot_of = np.empty(len(neuron), dtype=np.int64)
    slot_of[neuron] = np.arange(len(neuron))
    first_axon = np.append(axon_ptr[:-1], 0).astype(np.int32)

    target = cores.target_core[neuron]
    sends = target >= 0
    rows = row_of[np.concatenate([target[sends], cores.input_core])]
    axons = np.concatenate([cores.target_axon[neuron][sends], cores.input_axon]) + first_axon[rows]
    entry_ptr = np.concatenate([[0], np.cumsum(sends), sends.sum() + cores.input_ptr[1:]]).astype(np.int64)
    account = np.repeat(np.concatenate([cores.account[neuron], cores.input_account]), np.diff(entry_ptr))
    to_core = rows < cores.n_cores
    image = CrossbarImage(
        core_id=core_of[order],
        slot_ptr=slot_ptr,
        axon_ptr=axon_ptr,
        axon_type=cores.axon_type[axon],
        axon_group=_axon_groups(axons[to_core], account[to_core], _fallback(cores, axon)),
        crossbar=_given_away(cores.crossbar[axon].reshape(-1)),
        slot_weight=_given_away(cores.neurons["weight"][neuron].reshape(-1)),
        **{f"slot_{name}": cores.neurons[name][neuron] for name in cores.neurons if name != "weight"},
        slot_group=cores.account[neuron],
        slot_recorded=cores.recorded[neuron].astype(np.uint8),
        input_group=cores.input_account,
        entry_ptr=entry_ptr,
        entry_core=_given_away(rows),
        entry_axon=_given_away(axons),
        entry_delay=np.concatenate([cores.target_delay[neuron][sends], cores.input_delay]),
        n_groups=n_groups,
    )
    return Emitted(image, slot_of)


def _reordered(pointer: Ints, order: Ints) -> tuple[Longs, Longs]:
    """Pointer of the rows in another order, and where each of their items was."""
    length = np.diff(pointer)[order]
    new = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    return new, np.repeat(pointer[:-1][order] - new[:-1], length) + np.arange(new[-1])


def _given_away(array: Ints) -> Ints:
    """An image takes an array that nobody can change without a copy."""
    array.flags.writeable = False
    return array


def _fallback(cores: CrossbarCores, axon: Ints) -> Ints:
    """[n_axons] the lowest account of the neurons of an axon's core, for axons that nobody sends to."""
    lowest = np.minimum.reduceat(cores.account, cores.neuron_ptr[:-1])
    return np.repeat(lowest, np.diff(cores.axon_ptr))[axon]


def _axon_groups(axons: Ints, account: Ints, fallback: Ints) -> Ints:
    """[n_axons] lowest account of those that send to each; axons, account: of the entries to cores."""
    nobody = np.iinfo(np.int32).max
    lowest = np.full(len(fallback), nobody, dtype=np.int32)
    np.minimum.at(lowest, axons, account.astype(np.int32))
    return np.where(lowest == nobody, fallback, lowest)


def emit_crossbar_symbols(network: Network, emitted: Emitted, cores: CrossbarCores) -> Symbols:
    """Where every name of the network went. A core's name is that of its axons and of its neurons."""
    parts, first = [], 0
    for source in network.sources:
        inputs = np.arange(first, first + source.n)
        generator = generator_of(source, network.dt_s)
        parts.append(Part(source.name, "source", inputs, recorded=False, generator=generator))
        first += source.n
    for core in network.cores:
        inputs = np.arange(first, first + core.n_axons)
        parts.append(Part(core.name, "source", inputs, recorded=False))
        first += core.n_axons
    for part in (*network.populations, *network.cores):
        address = emitted.slot_of[cores.address[part.name]]
        parts.append(Part(part.name, "population", address, recorded=part.record_spikes))
    probes = tuple(
        ProbeSymbol(probe.population, probe.variable, probe.index, probe.ticks, probe.raw)
        for probe in network.probes
    )
    return Symbols(network.name, network.dt_s, tuple(parts), probes)
