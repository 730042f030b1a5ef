"""Pass verify: decodes the image and proves that it is the network, whole and within the chip's limits.

Shares no code with the passes it checks: it reads the image from the senders' side, along axon-out entries
to the axons and their lists, as a spike does. A finding is a fault of the compiler, not of the user.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emulator.chip.check import check_image
from emulator.chip.image import SIGN_MODE_ID, Image
from emulator.chip.spec import ChipSpec
from emulator.compiler import blocks
from emulator.compiler.ir import Quantised, QuantisedProjection
from emulator.errors import CompileError, ImageError
from emulator.network import Network
from emulator.program import Symbols

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

IN_CONFIG = ("du", "dv", "ds_offset", "refractory", "soft_reset", "vmin", "vmax")
IN_SLOT = ("bias_mant", "bias_exp", "u0", "v0", "refractory0")

IN_FORMAT = ("w_exp", "weight_bits", "sign_mode", "delay_bits", "on_sum")

# Bits of the fields packed under the target into one number, in the order that a difference is looked for.
FIELD_BITS = {
    "w_exp": 4,
    "weight_bits": 4,
    "sign_mode": 2,
    "delay_bits": 3,
    "on_sum": 1,
    "mantissa": 10,
    "delay_ticks": 6,
}


def verify(image: Image, symbols: Symbols, quantised: Quantised, network: Network, chip: ChipSpec) -> None:
    """Raises CompileError("internal: ...") unless image and symbols say what `quantised` says."""
    try:
        check_image(image, chip)
    except ImageError as error:
        raise CompileError(f"internal: {problem}" for problem in error.problems) from error
    for stage in (_addresses, _neurons, _entries):
        problems = list(stage(image, symbols, quantised, network))
        if problems:
            raise CompileError(f"internal: {problem}" for problem in problems)
    difference = _first_wrong_synapse(image, symbols, quantised)
    if difference is not None:
        raise CompileError(f"internal: {difference}")


def _addresses(image: Image, symbols: Symbols, quantised: Quantised, network: Network) -> Iterator[str]:
    """Every neuron has a slot of its own, every input a number of its own, in the network's order."""
    named = [(part.name, part.n) for part in (*network.sources, *network.populations)]
    if [(part.name, part.n) for part in symbols.parts] != named:
        yield f"parts {[part.name for part in symbols.parts]}, expected {[name for name, _ in named]}"
        return
    slots = _slot_of(symbols)
    if not np.array_equal(np.sort(slots), np.arange(image.n_slots)) or image.n_slots != quantised.n_neurons:
        yield f"{quantised.n_neurons} neurons do not cover the {image.n_slots} slots once each"
    inputs = [part.address for part in symbols.sources]
    if not np.array_equal(np.concatenate([np.zeros(0, np.int64), *inputs]), np.arange(image.n_inputs)):
        yield f"inputs of the sources are not 0..{image.n_inputs - 1} in order"
    if image.n_inputs != quantised.n_inputs:
        yield f"{image.n_inputs} host inputs, expected {quantised.n_inputs}"
    if image.n_groups != len(named):
        yield f"{image.n_groups} accounts, expected {len(named)}"


def _neurons(image: Image, symbols: Symbols, quantised: Quantised, network: Network) -> Iterator[str]:
    """Every parameter of every neuron, its account, and whether its spikes are recorded."""
    slots = _slot_of(symbols)
    parts = (*network.sources, *network.populations)
    account = np.repeat(np.arange(len(parts)), [part.n for part in parts])
    n_inputs = image.n_inputs
    recorded = np.repeat([p.record_spikes for p in network.populations], [p.n for p in network.populations])
    held = {name: getattr(image, f"config_{name}")[image.slot_config[slots]] for name in IN_CONFIG}
    held |= {name: getattr(image, f"slot_{name}")[slots] for name in IN_SLOT}
    held |= {"vth_mant": image.vth_mant[image.slot_vth[slots]]}
    expected = {name: quantised.neurons[name] for name in held}
    held |= {"group": image.slot_group[slots], "recorded": image.slot_recorded[slots]}
    expected |= {"group": account[n_inputs:], "recorded": recorded}
    for name, values in held.items():
        bad = np.flatnonzero(values != expected[name])
        if len(bad):
            neuron = int(bad[0])
            right = f"expected {expected[name][neuron]} ({len(bad)} in all)"
            yield f"neuron {neuron}: {name} {values[neuron]}, {right}"
    if not np.array_equal(image.input_group, account[:n_inputs]):
        yield "input_group does not follow the sources"


def _entries(image: Image, symbols: Symbols, quantised: Quantised, network: Network) -> Iterator[str]:
    """One entry leads to each axon, no sender has two into one core, and marked neurons reach the host."""
    to_host = image.entry_core == image.n_cores
    reached = np.bincount(image.entry_axon[~to_host], minlength=image.n_axons)
    wrong = np.flatnonzero(reached != 1)
    if len(wrong):
        yield f"axon {wrong[0]}: {reached[wrong[0]]} entries lead to it, expected 1 ({len(wrong)} in all)"
    sender = np.repeat(np.arange(image.n_senders, dtype=np.int32), np.diff(image.entry_ptr))
    rises = (np.diff(image.entry_core) > 0) | (np.diff(sender) > 0)
    if not rises.all():
        entry = int(np.flatnonzero(~rises)[0]) + 1
        yield f"sender {sender[entry]}: entry {entry} to core row {image.entry_core[entry]} does not rise"
    hosted = np.bincount(sender[to_host], minlength=image.n_senders)
    expected = np.zeros(image.n_senders, dtype=np.int64)
    expected[_slot_of(symbols)] = quantised.to_host
    wrong = np.flatnonzero(hosted != expected)
    if len(wrong):
        at = int(wrong[0])
        yield f"sender {at}: {hosted[at]} entries to the host, expected {expected[at]} ({len(wrong)} in all)"


def _slot_of(symbols: Symbols) -> Longs:
    """int64 [n_neurons]"""
    return np.concatenate([np.zeros(0, np.int64), *(part.address for part in symbols.populations)])


def _first_wrong_synapse(image: Image, symbols: Symbols, quantised: Quantised) -> str | None:
    """Compares what both sides say of every sender: as often the same target, format, mantissa and delay."""
    sides = _Sides(image, symbols, quantised)
    n_expected = sum(projection.n_synapses for projection in quantised.projections)
    same = image.n_synapses == n_expected
    text = "" if same else f"{image.n_synapses} synapses, expected {n_expected}; "
    sender = sides.first_wrong_sender()
    if sender is None:
        assert same, f"{text}yet no sender differs"
        return None
    ours, theirs = np.sort(sides.held_keys(sender)), np.sort(sides.expected_keys(sender))
    n = min(len(ours), len(theirs))
    differing = np.flatnonzero(ours[:n] != theirs[:n])
    at = int(differing[0]) if len(differing) else n
    image_has, network_has = _readable(ours, at, sender), _readable(theirs, at, sender)
    return f"{text}the image has synapse {image_has}, the network {network_has}"


class _Sides:
    """The synapses of a sender in the image, along its axon-out entries, and in the quantised network."""

    def __init__(self, image: Image, symbols: Symbols, quantised: Quantised):
        self.image, self.quantised = image, quantised
        slots = _slot_of(symbols)
        self.neuron_of = np.empty(image.n_slots, dtype=np.int32)
        self.neuron_of[slots] = np.arange(len(slots))
        self.number_of = np.concatenate([slots, np.arange(image.n_slots, image.n_senders)])  # in the image

    def first_wrong_sender(self) -> int | None:
        """By ext/proof.pyx, which shares nothing with the block that wrote the lists."""
        image = self.image
        number: dict[tuple[int, ...], int] = {}
        rows = zip(*(getattr(image, f"format_{name}").tolist() for name in IN_FORMAT), strict=True)
        form_of = np.array([number.setdefault(row, len(number)) for row in rows], dtype=np.uint16)
        proof = blocks.proof.Proof()
        for p in self.quantised.projections:
            # A format that the image lacks gets a number that no synapse of it has.
            forms = [number.get(_format_fields(p, w_exp), len(number)) for w_exp in p.w_exp]
            wanted = np.array(forms, dtype=np.uint16)
            columns = (p.indptr, p.target, p.mantissa, p.delay_ticks, p.code, wanted)
            proof.add(p.first_sender, p.first_target, *columns)
        places = (image.slot_ptr, image.entry_ptr, image.entry_core, image.entry_axon, image.syn_ptr)
        synapses = (image.syn_slot, image.syn_mant, image.syn_delay, image.syn_format)
        found = proof.first_wrong(self.number_of, self.neuron_of, form_of, *places, *synapses)
        return None if found is None else int(found)

    def held_keys(self, sender: int) -> Longs:
        """A number for each synapse that the image has of the sender."""
        image, at = self.image, int(self.number_of[sender])
        keys = [np.zeros(0, dtype=np.int64)]
        for entry in range(image.entry_ptr[at], image.entry_ptr[at + 1]):
            core, axon = image.entry_core[entry], image.entry_axon[entry]
            if core == image.n_cores:
                continue
            synapse = slice(image.syn_ptr[axon], image.syn_ptr[axon + 1])
            form = image.syn_format[synapse]
            held = {name: getattr(image, f"format_{name}").astype(np.int64)[form] for name in IN_FORMAT}
            held |= {"mantissa": image.syn_mant[synapse], "delay_ticks": image.syn_delay[synapse]}
            keys.append(_packed(self.neuron_of[image.slot_ptr[core] + image.syn_slot[synapse]], **held))
        return np.concatenate(keys)

    def expected_keys(self, sender: int) -> Longs:
        """A number for each synapse that the network has of the sender."""
        keys = [np.zeros(0, dtype=np.int64)]
        for p in self.quantised.projections:
            row = sender - p.first_sender
            if not 0 <= row < len(p.indptr) - 1:
                continue
            synapse = slice(p.indptr[row], p.indptr[row + 1])
            code = 0 if p.code is None else p.code[synapse]
            rows = np.array([_format_fields(p, w_exp) for w_exp in p.w_exp], dtype=np.int64)
            said = {name: rows[code, column] for column, name in enumerate(IN_FORMAT)}
            said |= {"mantissa": p.mantissa[synapse], "delay_ticks": p.delay_ticks[synapse]}
            keys.append(_packed(p.target[synapse] + p.first_target, **said))
        return np.concatenate(keys)


def _format_fields(projection: QuantisedProjection, w_exp: int) -> tuple[int, ...]:
    """In the order of IN_FORMAT."""
    sign_mode = SIGN_MODE_ID[projection.sign_mode]
    return (w_exp, projection.weight_bits, sign_mode, projection.delay_bits, int(projection.on_sum))


OFFSETS = {"w_exp": 8, "mantissa": 512}  # makes signed fields non-negative


def _packed(target: Ints, **fields: Ints | int) -> Longs:
    """The target, below it the fields in the order of FIELD_BITS."""
    key = np.array(target, dtype=np.int64)
    for name, bits in FIELD_BITS.items():
        key <<= bits
        key += np.asarray(fields[name], dtype=np.int64) + OFFSETS.get(name, 0)
    return key


def _readable(keys: Longs, at: int, sender: int) -> str:
    if at >= len(keys):
        return "none"
    key = int(keys[at])
    fields: dict[str, int] = {}
    for name, bits in reversed(FIELD_BITS.items()):
        fields[name] = (key & ((1 << bits) - 1)) - OFFSETS.get(name, 0)
        key >>= bits
    values = ", ".join(f"{name} {fields[name]}" for name in FIELD_BITS)
    return f"{sender} -> {key} ({values})"
