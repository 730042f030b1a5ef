"""Pass verify for crossbar cores: reads the image back, core by core, and compares it with the network.

Cores described directly are compared with the network itself; those that populations were rewritten to with
what the rewrites made of them, which is compared with the network on its own. A finding is a fault of the
compiler, not of the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.check import check_image
from emulator.chip.crossbar import N_TYPES, ROW_BYTES, CrossbarImage
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.rewrite import check_rewrite
from emulator.errors import CompileError, ImageError
from emulator.network import Core, Network, TrueNorth
from emulator.network.cores import NOWHERE
from emulator.network.models import model_fields
from emulator.program import Part, Symbols

Ints = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class View:
    """One core as either side has it. Targets name cores by their number, `n_cores` is the host port."""

    axon_type: Ints
    rows: Ints  # uint8 [n_axons * ROW_BYTES]
    neurons: dict[str, Ints]
    n_targets: Ints  # [n]
    target_core: Ints  # [n]; this and what follows 0 where there is none
    target_axon: Ints
    delay: Ints

    def difference(self, other: View) -> str | None:
        """Where the first of what differs is."""
        ours, theirs = ({**vars(view), **view.neurons, "neurons": np.zeros(0)} for view in (self, other))
        for name, held in ours.items():
            if not np.array_equal(held, theirs[name]):
                return name
        return None


def verify_crossbars(
    image: CrossbarImage,
    symbols: Symbols,
    rewritten: CrossbarCores,
    core_of: Ints,
    network: Network,
    chip: ChipSpec,
) -> None:
    """Raises CompileError("internal: ...") unless image and symbols say what the network says.

    rewritten: the cores of the populations, the first of core_of.
    """
    if network.populations:
        check_rewrite(network, rewritten)
    try:
        check_image(image, chip)
    except ImageError as error:
        raise CompileError(f"internal: {problem}" for problem in error.problems) from error
    for stage in (_parts(image, symbols, network), _cores(image, symbols, rewritten, core_of, network)):
        problems = list(stage)
        if problems:
            raise CompileError(f"internal: {problem}" for problem in problems)


def _parts(image: CrossbarImage, symbols: Symbols, network: Network) -> Iterator[str]:
    """Names in their order; each axon of a core is an input of its own, each input of a source too."""
    inputs = [(one.name, "source") for one in (*network.sources, *network.cores)]
    named = [*inputs, *((one.name, "population") for one in (*network.populations, *network.cores))]
    if [(part.name, part.kind) for part in symbols.parts] != named:
        yield f"parts {[part.name for part in symbols.parts]}, expected {[name for name, _ in named]}"
        return
    address = np.concatenate([np.zeros(0, np.int64), *(part.address for part in symbols.sources)])
    if not np.array_equal(address, np.arange(image.n_inputs)):
        yield f"inputs of the sources are not 0..{image.n_inputs - 1} in order"
    if image.n_groups != len(symbols.parts):
        yield f"{image.n_groups} accounts, expected {len(symbols.parts)}"
    for group, part in enumerate(symbols.parts):
        booked = image.input_group if part.kind == "source" else image.slot_group
        if (booked[part.address] != group).any():
            yield f"{part.kind} {part.name!r} is booked on another account than {group}"
    yield from _axon_groups(image)


def _axon_groups(image: CrossbarImage) -> Iterator[str]:
    """The first of an axon's senders by account is the one that its synaptic operations are booked on."""
    sender = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
    to_core = image.entry_core < image.n_cores
    account = np.concatenate([image.slot_group, image.input_group])[sender[to_core]]
    axon = image.entry_axon[to_core]
    order = np.lexsort((account, axon))
    reached, first = np.unique(axon[order], return_index=True)
    wrong = np.flatnonzero(image.axon_group[reached] != account[order][first])
    if len(wrong):
        yield f"axon {reached[wrong[0]]} is booked on another account than its lowest sender's"


def _cores(
    image: CrossbarImage, symbols: Symbols, cores: CrossbarCores, core_of: Ints, network: Network
) -> Iterator[str]:
    number_of = np.full(image.n_cores + 1, image.n_cores)  # row -> number of the core; the last: host port
    number_of[np.searchsorted(image.core_id, core_of)] = np.arange(len(core_of))
    n_rewritten = cores.n_cores
    for row, number in enumerate(number_of[:-1].tolist()):
        held = _held(image, row, number_of)
        if number < n_rewritten:
            expected, name = _rewritten(cores, number, len(core_of)), f"core {number} of the rewrites"
        else:
            core = network.cores[number - n_rewritten]
            expected, name = _described(core, n_rewritten, len(core_of)), f"core {core.name!r}"
            slots = np.arange(image.slot_ptr[row], image.slot_ptr[row + 1])
            if not np.array_equal(symbols.part(core.name, "population").address, slots):
                yield f"{name}: its neurons are not the slots of core {image.core_id[row]}"
            if (image.slot_recorded[slots] != core.record_spikes).any():
                yield f"{name}: record_spikes differs"
            yield from _inputs(image, symbols.part(core.name, "source"), row)
        difference = held.difference(expected)
        if difference is not None:
            yield f"{name}: {difference} differs in the image"
    for part in symbols.populations[: len(network.populations)]:
        neuron = cores.address[part.name]
        owner = np.searchsorted(cores.neuron_ptr, neuron, side="right") - 1
        rows = np.searchsorted(image.core_id, core_of[owner])
        if not np.array_equal(part.address, image.slot_ptr[rows] + neuron - cores.neuron_ptr[owner]):
            yield f"population {part.name!r}: its neurons are not in the slots of its name"
    yield from _rewritten_inputs(image, cores, number_of, sum(source.n for source in network.sources))


def _held(image: CrossbarImage, row: int, number_of: Ints) -> View:
    """What the image has of the core in a row, along its axon-out entries."""
    slot, axon = slice(*image.slot_ptr[row : row + 2]), slice(*image.axon_ptr[row : row + 2])
    start, end = image.entry_ptr[:-1][slot], image.entry_ptr[1:][slot]
    sends = end > start
    target, target_axon, delay = (np.zeros(len(start), dtype=np.int64) for _ in range(3))
    entry = start[sends]
    to_row = image.entry_core[entry]
    target[sends] = number_of[to_row]
    first = np.append(image.axon_ptr[:-1], 0)
    target_axon[sends], delay[sends] = image.entry_axon[entry] - first[to_row], image.entry_delay[entry]
    weight = image.slot_weight.reshape(-1, N_TYPES)[slot]
    bits = image.slot_stochastic[slot]
    return View(
        axon_type=image.axon_type[axon],
        rows=image.crossbar[axon.start * ROW_BYTES : axon.stop * ROW_BYTES],
        neurons={
            "s": weight,
            "b": bits[:, None] >> np.arange(N_TYPES) & 1,
            "leak": image.slot_leak[slot],
            "c": bits >> 4,
            "epsilon": image.slot_reversal[slot],
            "alpha": image.slot_alpha[slot],
            "beta": image.slot_beta[slot],
            "TM": image.slot_mask_bits[slot],
            "R": image.slot_reset[slot],
            "gamma": image.slot_reset_mode[slot],
            "kappa": image.slot_saturate[slot],
            "v0": image.slot_v0[slot],
        },
        n_targets=end - start,
        target_core=target,
        target_axon=target_axon,
        delay=delay,
    )


def _described(core: Core, first: int, n_cores: int) -> View:
    """What the network says of a core. first: number of the first core described directly."""
    host, target = core.to_host != 0, np.broadcast_to(core.target_core, core.n)
    to_core = target != NOWHERE
    return View(
        axon_type=np.broadcast_to(core.axon_types, core.n_axons),
        rows=core.rows.reshape(-1),
        neurons={
            name: np.broadcast_to(values, (core.n, N_TYPES) if name in TrueNorth.BY_TYPE else core.n)
            for name, values in model_fields(core.neurons).items()
        },
        n_targets=(to_core | host).astype(np.int64),
        target_core=np.where(host, n_cores, np.where(to_core, target + np.int64(first), 0)),
        target_axon=np.where(to_core, core.target_axon, 0),
        delay=np.where(to_core, core.delay, 0),
    )


def _rewritten(cores: CrossbarCores, number: int, host: int) -> View:
    """What the rewrites made. host: number of the host port in the views."""
    neuron, axon = slice(*cores.neuron_ptr[number : number + 2]), slice(*cores.axon_ptr[number : number + 2])
    values = {name: array[neuron] for name, array in cores.neurons.items()}
    target = cores.target_core[neuron]
    sends = target >= 0
    return View(
        axon_type=cores.axon_type[axon],
        rows=cores.crossbar[axon].reshape(-1),
        neurons={
            "s": values["weight"],
            "b": values["stochastic"][:, None] >> np.arange(N_TYPES) & 1,
            "leak": values["leak"],
            "c": values["stochastic"] >> 4,
            "epsilon": values["reversal"],
            "alpha": values["alpha"],
            "beta": values["beta"],
            "TM": values["mask_bits"],
            "R": values["reset"],
            "gamma": values["reset_mode"],
            "kappa": values["saturate"],
            "v0": values["v0"],
        },
        n_targets=sends.astype(np.int64),
        target_core=np.where(sends, np.where(target == cores.n_cores, host, target), 0),
        target_axon=cores.target_axon[neuron],
        delay=cores.target_delay[neuron],
    )


def _inputs(image: CrossbarImage, part: Part, row: int) -> Iterator[str]:
    """Every input of the part reaches the axon of its place at once, and nothing else."""
    sender = image.n_slots + part.address
    entry = image.entry_ptr[sender]
    axons = np.arange(image.axon_ptr[row], image.axon_ptr[row + 1])
    alone = np.array_equal(image.entry_ptr[sender + 1], entry + 1) and len(axons) == part.n
    if not (alone and np.array_equal(image.entry_axon[entry], axons) and not image.entry_delay[entry].any()):
        yield f"core {part.name!r}: its axons are not reached by inputs of their own"


def _rewritten_inputs(image: CrossbarImage, cores: CrossbarCores, number_of: Ints, n: int) -> Iterator[str]:
    """n: inputs of the sources."""
    pointer = image.entry_ptr[image.n_slots :]
    entry = slice(pointer[0], pointer[n])
    end = cores.input_ptr[n]
    rows = image.entry_core[entry]
    same = (
        np.array_equal(pointer[: n + 1] - pointer[0], cores.input_ptr[: n + 1])
        and np.array_equal(number_of[rows], cores.input_core[:end])
        and np.array_equal(image.entry_axon[entry] - image.axon_ptr[rows], cores.input_axon[:end])
        and np.array_equal(image.entry_delay[entry], cores.input_delay[:end])
    )
    if not same:
        yield "entries of the sources differ in the image"
