"""Dump: results of the passes as text that stays the same as long as they do. For review and golden files."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from emulator.chip.generators import Generator, PoissonInputs, RegularInputs
from emulator.chip.image import SIGN_MODE_ID, Image
from emulator.compiler.ir import FORMAT_FIELDS, Partition, Placement, Quantised, SlotTable, SynapseLists
from emulator.program import Symbols

Ints = NDArray[np.integer]


def nothing(result: None) -> str:
    """A pass that only looks."""
    return "nothing found\n"


def found(result: tuple[str, ...]) -> str:
    """Limits broken, a line each."""
    return _text(result) if result else nothing(None)


def quantised(result: Quantised) -> str:
    """Registers of every neuron, then the synapses group by group."""
    names = list(result.neurons)
    lines = [f"{result.n_neurons} neurons, {result.n_inputs} inputs"]
    for neuron in range(result.n_neurons):
        values = " ".join(f"{name}={int(result.neurons[name][neuron])}" for name in names)
        lines.append(f"neuron {neuron}: {values}{' to_host' if result.to_host[neuron] else ''}")
    for group in result.groups:
        lines.append(
            f"projection {group.projection_id}: w_exp={group.w_exp} weight_bits={group.weight_bits} "
            f"{group.sign_mode} delay_bits={group.delay_bits}{' on_sum' if group.on_sum else ''}"
        )
        columns = (group.pre, group.post, group.mantissa, group.delay_ticks)
        rows = zip(*columns, strict=True)
        lines += [f"  {pre} -> {post}: {mantissa} @{delay}" for pre, post, mantissa, delay in rows]
    return _text(lines)


def partition(result: Partition) -> str:
    """Bins with their neurons, and why each was closed."""
    lines = [f"{len(result.bin_of)} neurons in {result.n_bins} bins"]
    for number, (core, closed) in enumerate(zip(result.pinned_core, result.closed_by, strict=True)):
        neurons = _ranges(np.flatnonzero(result.bin_of == number))
        lines.append(f"bin {number}: {neurons}, pinned_core={core}, closed_by={closed}")
    return _text(lines)


def placement(result: Placement) -> str:
    """Cores with their neurons."""
    cores = np.unique(result.core_of)
    return _text(f"core {core}: {_ranges(np.flatnonzero(result.core_of == core))}" for core in cores)


def slots(result: SlotTable) -> str:
    """Slots with their neurons, and the rows of the shared tables."""
    lines = []
    for row, core in enumerate(result.core_id):
        lines.append(f"core {core}:")
        for slot in range(result.slot_ptr[row], result.slot_ptr[row + 1]):
            config, vth = result.slot_config[slot], result.slot_vth[slot]
            lines.append(f"  slot {slot}: neuron {result.neuron[slot]}, config {config}, threshold {vth}")
    return _text(lines)


def synapses(result: SynapseLists) -> str:
    """Lists by core and sender, runs of a format on a line."""
    lines = [f"format {row}: {_format(values)}" for row, values in enumerate(result.formats.tolist())]
    table = (result.syn_slot, result.syn_mant, result.syn_delay, result.syn_format)
    for row in range(len(result.axon_ptr) - 1):
        lines.append(f"core row {row}:")
        for axon in range(result.axon_ptr[row], result.axon_ptr[row + 1]):
            lines.append(f"  axon {axon} from sender {result.axon_sender[axon]}:")
            lines += _list_lines(result.syn_ptr[axon], result.syn_ptr[axon + 1], table)
    return _text(lines)


def image(result: Image) -> str:
    """Every core with its tables, every sender with its entries."""
    rows = zip(*(getattr(result, f"format_{name}").tolist() for name in FORMAT_FIELDS), strict=True)
    lines = [f"{result.n_groups} accounts"]
    lines += [f"format {row}: {_format(list(values))}" for row, values in enumerate(rows)]
    for row in range(result.n_cores):
        lines += _core_lines(result, row)
    for sender in range(result.n_senders):
        span = slice(result.entry_ptr[sender], result.entry_ptr[sender + 1])
        pairs = zip(result.entry_core[span].tolist(), result.entry_axon[span].tolist(), strict=True)
        host = result.n_cores
        targets = ", ".join("host" if core == host else f"row {core} axon {axon}" for core, axon in pairs)
        kind = "slot" if sender < result.n_slots else "input"
        number = sender if sender < result.n_slots else sender - result.n_slots
        lines.append(f"{kind} {number}: {targets or 'nowhere'}")
    return _text(lines)


def symbols(result: Symbols) -> str:
    """Names with their addresses."""
    lines = [f"network {result.network!r}, dt {result.dt_s:g} s"]
    for part in result.parts:
        recorded = ", recorded" if part.recorded else ""
        driven = "" if part.generator is None else f", {_generator(part.generator)}"
        lines.append(f"{part.kind} {part.name!r}: {_ranges(part.address)}{recorded}{driven}")
    for probe in result.probes:
        lines.append(f"probe of {probe.population!r}: {probe.variable}{' raw' if probe.raw else ''}")
    return _text(lines)


CONFIG_FIELDS = ("du", "dv", "ds_offset", "refractory", "soft_reset", "vmin", "vmax")
SLOT_FIELDS = ("config", "vth", "bias_mant", "bias_exp", "u0", "v0", "refractory0", "group", "recorded")


def _core_lines(image: Image, row: int) -> list[str]:
    lines = [f"core {image.core_id[row]}:"]
    for config in range(image.config_ptr[row], image.config_ptr[row + 1]):
        values = " ".join(f"{name}={getattr(image, f'config_{name}')[config]}" for name in CONFIG_FIELDS)
        lines.append(f"  config {config}: {values}")
    for vth in range(image.vth_ptr[row], image.vth_ptr[row + 1]):
        lines.append(f"  threshold {vth}: {image.vth_mant[vth]}")
    for slot in range(image.slot_ptr[row], image.slot_ptr[row + 1]):
        values = " ".join(f"{name}={getattr(image, f'slot_{name}')[slot]}" for name in SLOT_FIELDS)
        lines.append(f"  slot {slot}: {values}")
    table = (image.syn_slot, image.syn_mant, image.syn_delay, image.syn_format)
    for axon in range(image.axon_ptr[row], image.axon_ptr[row + 1]):
        lines.append(f"  axon {axon}:")
        lines += _list_lines(image.syn_ptr[axon], image.syn_ptr[axon + 1], table)
    return lines


def _list_lines(first: int, last: int, table: tuple[Ints, ...]) -> list[str]:
    """slot:mantissa@delay of a list's synapses, a line per format."""
    slot, mantissa, delay, form = (column[first:last].tolist() for column in table)
    lines = []
    for number in dict.fromkeys(form):
        chosen = [i for i, value in enumerate(form) if value == number]
        text = " ".join(f"{slot[i]}:{mantissa[i]}@{delay[i]}" for i in chosen)
        lines.append(f"    format {number}: {text}")
    return lines


def _format(values: list[int]) -> str:
    w_exp, weight_bits, sign_mode, delay_bits, on_sum, index_bits = values
    sign = next(name for name, number in SIGN_MODE_ID.items() if number == sign_mode)
    layout = f"sparse, {index_bits} index bits" if index_bits else "dense"
    acts = " on_sum" if on_sum else ""
    return f"w_exp={w_exp} weight_bits={weight_bits} {sign} delay_bits={delay_bits}{acts} {layout}"


def _generator(generator: Generator) -> str:
    if isinstance(generator, PoissonInputs):
        return f"poisson, thresholds {generator.threshold.tolist()}"
    if isinstance(generator, RegularInputs):
        return f"every {generator.period_ticks.tolist()} ticks from {generator.phase_ticks.tolist()}"
    repeated = "" if generator.repeat_ticks is None else f", every {generator.repeat_ticks} ticks"
    return f"events {generator.events.tolist()}{repeated}"


def _ranges(numbers: Ints) -> str:
    """`0-3 7 9-10` in the order given."""
    if len(numbers) == 0:
        return "none"
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return " ".join(f"{s[0]}-{s[-1]}" if len(s) > 1 else f"{s[0]}" for s in np.split(numbers, cuts))


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
