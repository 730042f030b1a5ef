"""An engine with a bug of the kind that hardware has, for `spikemesh verify` to find:

    cd examples
    spikemesh verify loihi --engine broken_engine:run

A wrapper of an RTL simulation has the same form: it gets an image and what to send in, and returns what
happened.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emulator.chip.drive import Drive
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.engine import native
from emulator.record import Record


def run(image: Image, stimulus: Drive, chip: ChipSpec) -> Record:
    """Our engine, but the register of a weight is one bit short: it takes the lowest mantissa -256 for 0."""
    weights = np.where(image.syn_mant == -256, 0, image.syn_mant)
    record = native.run(replace(image, syn_mant=weights), chip, stimulus)
    return replace(record, state=replace(record.state, image_digest=image.digest))


def late(image: Image, stimulus: Drive, chip: ChipSpec) -> np.ndarray:
    """Tells spikes alone, (tick, slot), as a simulation that counts nothing would. A compartment fires a tick
    too late when its core fired in the tick before."""
    record = native.run(image, chip, stimulus)
    core_of = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    spikes = record.spikes.copy()
    fired = {(tick, core_of[slot]) for tick, slot in spikes.tolist()}
    for spike in spikes:
        spike[0] += (spike[0] - 1, core_of[spike[1]]) in fired
    return spikes[spikes[:, 0] < stimulus.n_ticks]
