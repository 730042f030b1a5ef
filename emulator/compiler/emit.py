"""Pass emit: the tables become an Image, and what the network's names refer to becomes Symbols."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import Image
from emulator.compiler import blocks
from emulator.compiler.bundles import population_of
from emulator.compiler.ir import FORMAT_FIELDS, Quantised, SlotTable, SynapseLists
from emulator.compiler.sources import generator_of
from emulator.network import Network
from emulator.program import Part, ProbeSymbol, Symbols

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]


def emit_image(quantised: Quantised, network: Network, slots: SlotTable, lists: SynapseLists) -> Image:
    """Accounts are the parts of the network: sources, then populations."""
    neuron = slots.neuron
    values = {name: array[neuron] for name, array in quantised.neurons.items()}
    shared = {name: array[slots.config_neuron] for name, array in quantised.neurons.items()}
    part = population_of(network)[neuron]
    recorded = np.array([population.record_spikes for population in network.populations])
    entry_ptr, entry_core, entry_axon = entries(lists, quantised.to_host[neuron], quantised.n_inputs)
    source_sizes = [source.n for source in network.sources]
    return Image(
        core_id=slots.core_id,
        slot_ptr=slots.slot_ptr,
        config_ptr=slots.config_ptr,
        config_du=shared["du"],
        config_dv=shared["dv"],
        config_ds_offset=shared["ds_offset"],
        config_refractory=shared["refractory"],
        config_soft_reset=shared["soft_reset"],
        config_vmin=shared["vmin"],
        config_vmax=shared["vmax"],
        vth_ptr=slots.vth_ptr,
        vth_mant=slots.vth_mant,
        slot_config=slots.slot_config,
        slot_vth=slots.slot_vth,
        slot_bias_mant=values["bias_mant"],
        slot_bias_exp=values["bias_exp"],
        slot_u0=values["u0"],
        slot_v0=values["v0"],
        slot_refractory0=values["refractory0"],
        slot_group=part + len(source_sizes),
        slot_recorded=recorded[part],
        input_group=np.repeat(np.arange(len(source_sizes)), source_sizes),
        entry_ptr=entry_ptr,
        entry_core=entry_core,
        entry_axon=entry_axon,
        axon_ptr=lists.axon_ptr,
        syn_ptr=lists.syn_ptr,
        syn_slot=lists.syn_slot,
        syn_mant=lists.syn_mant,
        syn_delay=lists.syn_delay,
        syn_format=lists.syn_format,
        **{f"format_{name}": lists.formats[:, column] for column, name in enumerate(FORMAT_FIELDS)},
        n_groups=len(source_sizes) + len(network.populations),
    )


def entries(lists: SynapseLists, to_host: NDArray[np.bool_], n_inputs: int) -> tuple[Longs, Ints, Ints]:
    """Axon-out: an entry per axon of the sender, by core; then one for the host port where marked.

    to_host: [n_slots]. Returns entry_ptr, entry_core, entry_axon of `Image`.
    """
    length = np.bincount(lists.axon_sender, minlength=len(to_host) + n_inputs)
    length[: len(to_host)] += to_host
    entry_ptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entry_core = np.empty(entry_ptr[-1], dtype=np.int32)
    entry_axon = np.empty(entry_ptr[-1], dtype=np.int32)
    axons = (lists.axon_ptr, lists.axon_sender)
    blocks.lists.write_entries(*axons, to_host.view(np.uint8), entry_ptr[:-1].copy(), entry_core, entry_axon)
    for array in (entry_ptr, entry_core, entry_axon):
        array.flags.writeable = False  # the image takes them as they are
    return entry_ptr, entry_core, entry_axon


def emit_symbols(network: Network, slots: SlotTable) -> Symbols:
    """Where every name of the network went."""
    parts, first = [], 0
    for source in network.sources:
        inputs = np.arange(first, first + source.n)
        generator = generator_of(source, network.dt_s)
        parts.append(Part(source.name, "source", inputs, recorded=False, generator=generator))
        first += source.n
    first = 0
    for population in network.populations:
        address = slots.slot_of[first : first + population.n].astype(np.int64)
        parts.append(Part(population.name, "population", address, recorded=population.record_spikes))
        first += population.n
    probes = tuple(
        ProbeSymbol(probe.population, probe.variable, probe.index, probe.ticks, probe.raw)
        for probe in network.probes
    )
    return Symbols(network.name, network.dt_s, tuple(parts), probes)
