"""Results of the passes for crossbar cores as text that stays the same as long as they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import ROW_BYTES, CrossbarImage
from emulator.compiler.crossbar.emit import Emitted
from emulator.compiler.crossbars import NEURON_FIELDS, CrossbarCores
from emulator.compiler.ir import Placement

Ints = NDArray[np.integer]


def described(result: CrossbarCores) -> str:
    """Every core with its axons and neurons, every input with its entries."""
    lines = [f"{result.n_cores} cores"]
    for core in range(result.n_cores):
        pinned = f", at {result.at[core]}" if result.at[core] >= 0 else ""
        lines.append(f"core {core}{pinned}:")
        axons = range(result.axon_ptr[core], result.axon_ptr[core + 1])
        rows = ((result.axon_type[axon], result.crossbar[axon]) for axon in axons)
        lines += _axon_lines(rows)
        for place, neuron in enumerate(range(result.neuron_ptr[core], result.neuron_ptr[core + 1])):
            values = " ".join(f"{name}={_shown(result.neurons[name][neuron])}" for name in NEURON_FIELDS)
            target = int(result.target_core[neuron])
            where = f"core {target} axon {result.target_axon[neuron]} @{result.target_delay[neuron]}"
            where = "nowhere" if target < 0 else "host" if target == result.n_cores else where
            about = f"account {result.account[neuron]}{', recorded' if result.recorded[neuron] else ''}"
            lines.append(f"  neuron {place}: {values}; {about}; to {where}")
    for number in range(len(result.input_account)):
        entries = range(result.input_ptr[number], result.input_ptr[number + 1])
        targets = (
            f"core {result.input_core[e]} axon {result.input_axon[e]} @{result.input_delay[e]}"
            for e in entries
        )
        where = ", ".join(targets) or "nowhere"
        lines.append(f"input {number}: account {result.input_account[number]}; to {where}")
    return _text(lines)


def placed(result: Placement) -> str:
    """Where each core went."""
    return _text(f"core {number}: at {core}" for number, core in enumerate(result.core_of.tolist()))


def emitted(result: Emitted) -> str:
    """Every core with its tables, every sender with its entries."""
    image = result.image
    lines = [f"{image.n_groups} accounts"]
    names = [
        name for name in image.arrays() if name.startswith("slot_") and name[-4:] not in ("_ptr", "ight")
    ]
    for row in range(image.n_cores):
        lines.append(f"core {image.core_id[row]}:")
        first, end = image.axon_ptr[row], image.axon_ptr[row + 1]
        bits = image.crossbar.reshape(-1, ROW_BYTES)
        lines += _axon_lines((image.axon_type[axon], bits[axon]) for axon in range(first, end))
        lines.append(f"  accounts of the axons: {_shown(image.axon_group[first:end])}")
        for slot in range(image.slot_ptr[row], image.slot_ptr[row + 1]):
            values = " ".join(f"{name[5:]}={getattr(image, name)[slot]}" for name in names)
            weight = _shown(image.slot_weight.reshape(-1, 4)[slot])
            lines.append(f"  slot {slot}: weight={weight} {values}")
    return _text([*lines, *_sender_lines(image)])


def _sender_lines(image: CrossbarImage) -> Iterator[str]:
    for sender in range(image.n_senders):
        entries = range(image.entry_ptr[sender], image.entry_ptr[sender + 1])
        targets = ", ".join(
            "host"
            if image.entry_core[e] == image.n_cores
            else f"row {image.entry_core[e]} axon {image.entry_axon[e]} @{image.entry_delay[e]}"
            for e in entries
        )
        of_slot = sender < image.n_slots
        name = f"slot {sender}" if of_slot else f"input {sender - image.n_slots}"
        yield f"{name}: {targets or 'nowhere'}"


def _axon_lines(axons: Iterable[tuple[int, Ints]]) -> Iterator[str]:
    for place, (kind, row) in enumerate(axons):
        reached = np.flatnonzero(np.unpackbits(row.astype(np.uint8), bitorder="little"))
        yield f"  axon {place} of type {kind}: {' '.join(map(str, reached.tolist())) or 'nobody'}"


def _shown(value: Ints) -> str:
    return ",".join(str(one) for one in np.atleast_1d(value).tolist())


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
