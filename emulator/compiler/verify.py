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
from emulator.compiler.ir import Quantised
from emulator.errors import CompileError, ImageError
from emulator.network import Network
from emulator.program import Symbols

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

CHUNK_SYNAPSES = 1 << 22  # bounds the work arrays

IN_CONFIG = ("du", "dv", "ds_offset", "refractory", "soft_reset", "vmin", "vmax")
IN_SLOT = ("bias_mant", "bias_exp", "u0", "v0", "refractory0")

# Bits of the fields packed under (sender, target) into one number: two tables are equal if these are.
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
    sender = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
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
    """Compares both sides' sorted tables of (sender, target, format, mantissa, delay), chunk by chunk."""
    decoded = _Decoded(image, symbols)
    n_senders = quantised.n_neurons + quantised.n_inputs
    n_expected = sum(len(group.pre) for group in quantised.groups)
    same = image.n_synapses == n_expected
    text = "" if same else f"{image.n_synapses} synapses, expected {n_expected}; "
    for first, last in decoded.chunks(n_senders, quantised.n_neurons):
        ours = np.sort(decoded.keys(first, last, quantised.n_neurons))
        theirs = np.sort(_expected_keys(quantised, first, last))
        n = min(len(ours), len(theirs))
        differing = np.flatnonzero(ours[:n] != theirs[:n])
        if len(differing) or len(ours) != len(theirs):
            at = int(differing[0]) if len(differing) else n
            image_has = _readable(ours, at, first, quantised.n_neurons)
            network_has = _readable(theirs, at, first, quantised.n_neurons)
            return f"{text}the image has synapse {image_has}, the network {network_has}"
    assert same, f"{text}yet no table differs"
    return None


class _Decoded:
    """The synapses of an image by their sender, numbered as in the network."""

    def __init__(self, image: Image, symbols: Symbols):
        self.image = image
        slots = _slot_of(symbols)
        self.neuron_of = np.empty(image.n_slots, dtype=np.int64)
        self.neuron_of[slots] = np.arange(len(slots))
        by_entry = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
        is_axon = image.entry_core < image.n_cores
        sender = np.zeros(image.n_axons, dtype=np.int64)
        sender[image.entry_axon[is_axon]] = by_entry[is_axon]
        sender = np.concatenate([self.neuron_of, np.arange(image.n_slots, image.n_senders)])[sender]
        self.axon = np.argsort(sender, kind="stable")  # axons by sender
        self.sender = sender[self.axon]
        self.core = np.repeat(np.arange(image.n_cores), np.diff(image.axon_ptr))[self.axon]
        self.length = np.diff(image.syn_ptr)[self.axon]

    def chunks(self, n_senders: int, n_neurons: int) -> Iterator[tuple[int, int]]:
        """Senders [first, last) of about CHUNK_SYNAPSES synapses, few enough for a key of 63 bits."""
        per_sender = np.zeros(n_senders, dtype=np.int64)
        np.add.at(per_sender, self.sender, self.length)
        ends = np.concatenate([[0], np.cumsum(per_sender)])
        most = 1 << (63 - sum(FIELD_BITS.values()) - n_neurons.bit_length())
        first = 0
        while first < n_senders:
            last = int(np.searchsorted(ends, ends[first] + CHUNK_SYNAPSES, side="right")) - 1
            last = min(max(last, first + 1), first + most, n_senders)
            yield first, last
            first = last

    def keys(self, first: int, last: int, n_neurons: int) -> Longs:
        """A number for each synapse of senders [first, last)."""
        image = self.image
        rows = slice(*np.searchsorted(self.sender, [first, last]))
        length = self.length[rows]
        ends = np.cumsum(length)
        offset = image.syn_ptr[self.axon[rows]] - (ends - length)
        synapse = np.repeat(offset, length) + np.arange(ends[-1] if len(ends) else 0)
        slot = np.repeat(image.slot_ptr[self.core[rows]], length) + image.syn_slot[synapse]
        form = image.syn_format[synapse]
        pair = np.repeat(self.sender[rows] - first, length) * n_neurons + self.neuron_of[slot]
        return _packed(
            pair,
            w_exp=image.format_w_exp.astype(np.int64)[form],
            weight_bits=image.format_weight_bits[form],
            sign_mode=image.format_sign_mode[form],
            delay_bits=image.format_delay_bits[form],
            on_sum=image.format_on_sum[form],
            mantissa=image.syn_mant[synapse],
            delay_ticks=image.syn_delay[synapse],
        )


def _expected_keys(quantised: Quantised, first: int, last: int) -> Longs:
    keys = [np.zeros(0, dtype=np.int64)]
    for group in quantised.groups:
        rows = slice(*np.searchsorted(group.pre, [first, last]))
        keys.append(
            _packed(
                (group.pre[rows].astype(np.int64) - first) * quantised.n_neurons + group.post[rows],
                w_exp=group.w_exp,
                weight_bits=group.weight_bits,
                sign_mode=SIGN_MODE_ID[group.sign_mode],
                delay_bits=group.delay_bits,
                on_sum=int(group.on_sum),
                mantissa=group.mantissa[rows],
                delay_ticks=group.delay_ticks[rows],
            )
        )
    return np.concatenate(keys)


OFFSETS = {"w_exp": 8, "mantissa": 512}  # makes signed fields non-negative


def _packed(pair: Longs, **fields: Ints | int) -> Longs:
    """pair = (sender - first) * n_neurons + target; then the fields in the order of FIELD_BITS."""
    key = np.array(pair, dtype=np.int64)
    for name, bits in FIELD_BITS.items():
        key <<= bits
        key += np.asarray(fields[name], dtype=np.int64) + OFFSETS.get(name, 0)
    return key


def _readable(keys: Longs, at: int, first: int, n_neurons: int) -> str:
    if at >= len(keys):
        return "none"
    key = int(keys[at])
    fields: dict[str, int] = {}
    for name, bits in reversed(FIELD_BITS.items()):
        fields[name] = (key & ((1 << bits) - 1)) - OFFSETS.get(name, 0)
        key >>= bits
    pre, post = divmod(key, n_neurons)
    values = ", ".join(f"{name} {fields[name]}" for name in FIELD_BITS)
    return f"{pre + first} -> {post} ({values})"
