"""What cores keep from one tick to the next, as a `State`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.crossbar import AnyImage, CrossbarImage
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.chip.state import state_tables
from emulator.record import State
from emulator.reference.core import Core
from emulator.reference.crossbar import CrossbarCore

AnyCore = Core | CrossbarCore
Registers = dict[str, NDArray[Any]]  # arrays of a `State`, of one sample


def load(cores: Sequence[AnyCore], image: AnyImage, state: State | None, sample: int) -> None:
    """Sets the cores to a sample of a state. None: they stay as the image has them."""
    if state is None:
        return
    for core in cores:
        if isinstance(core, CrossbarCore):
            _load_crossbar(core, image, state, sample)
            continue
        for index, compartment in enumerate(core.compartments):
            slot = core.first_slot + index
            compartment.u = int(state.u[sample, slot])
            compartment.v = int(state.v[sample, slot])
            compartment.counter = int(state.refractory[sample, slot])
            for delay in range(image.max_delay_ticks):
                for plane, sums in enumerate(core.pending[delay]):
                    sums[index] = int(state.pending[sample, delay, plane * image.n_slots + slot])


def _load_crossbar(core: CrossbarCore, image: AnyImage, state: State, sample: int) -> None:
    for index, neuron in enumerate(core.compartments):
        neuron.v = int(state.v[sample, core.first_slot + index])
    for delay in range(image.max_delay_ticks):
        own = state.pending[sample, delay, core.first_axon : core.first_axon + core.n_axons]
        core.pending[delay] = set(np.flatnonzero(own).tolist())


def save(cores: Sequence[AnyCore], image: AnyImage, chip: ChipSpec) -> Registers:
    """What the cores hold now."""
    tables = state_tables(image, chip)
    if isinstance(image, CrossbarImage):
        columns = _save_crossbars([core for core in cores if isinstance(core, CrossbarCore)], image)
    else:
        wide = tables["pending"].dtype == "int64"
        columns = _save_compartments([core for core in cores if isinstance(core, Core)], image, wide)
    return {
        name: np.array(values, dtype=tables[name].dtype).reshape(tables[name].shape)
        for name, values in columns.items()
    }


def _save_compartments(cores: list[Core], image: Image, wide: bool) -> dict[str, Any]:
    compartments = [compartment for core in cores for compartment in core.compartments]
    pending = [
        [
            # what the input register drops is not needed again where nothing is wider than it
            total if wide else arith.wrap(total, arith.INPUT_BITS)
            for plane in range(len(image.planes))
            for core in cores
            for total in core.pending[delay][plane]
        ]
        for delay in range(image.max_delay_ticks)
    ]
    return {
        "u": [compartment.u for compartment in compartments],
        "v": [compartment.v for compartment in compartments],
        "refractory": [compartment.counter for compartment in compartments],
        "pending": pending,
    }


def _save_crossbars(cores: list[CrossbarCore], image: CrossbarImage) -> dict[str, Any]:
    return {
        "u": [],
        "v": [neuron.v for core in cores for neuron in core.compartments],
        "refractory": [],
        "pending": [
            [axon in core.pending[delay] for core in cores for axon in range(core.n_axons)]
            for delay in range(image.max_delay_ticks)
        ],
    }


def join(image: AnyImage, chip: ChipSpec, samples: list[Registers], n_ticks: int) -> State:
    """The state of all samples, stacked along a leading axis."""
    arrays = {
        name: np.stack([registers[name] for registers in samples])
        if samples
        else np.zeros((0, *table.shape), dtype=table.dtype)
        for name, table in state_tables(image, chip).items()
    }
    return State(image.digest, **arrays, n_ticks=n_ticks)
