"""Bit flips in synaptic memory: a program with another image, which passes the checks of every image."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.check import check_image
from emulator.chip.crossbar import MAX_NEURONS, ROW_BYTES, CrossbarImage
from emulator.chip.image import SIGN_MODE_ID, Image
from emulator.errors import SimulationError
from emulator.faults.bits import hit, is_rate, signed
from emulator.program import Program

Ints = NDArray[np.integer[Any]]


def flipped_synapses(program: Program, rate: float, seed: int) -> Program:
    """A copy in which each bit of synaptic memory is flipped with that probability."""
    if not is_rate(rate):
        raise SimulationError(f"synapses={rate!r}: must be a number in 0..1, the probability of each bit")
    rng = np.random.default_rng([seed, 4])  # the first four are of the chip's kinds
    image = program.image
    if isinstance(image, CrossbarImage):
        changed: Image | CrossbarImage = image.replace(crossbar=_crossbars(image, rate, rng))
    else:
        changed = image.replace(syn_mant=_mantissas(image, rate, rng))
    check_image(changed, program.chip)
    return dataclasses.replace(program, image=changed)


def _mantissas(image: Image, rate: float, rng: np.random.Generator) -> Ints:
    """Mantissas after the flips. A format stores `weight_bits` of one: in mixed mode in two's complement,
    else of its amount; bits that it loses are not there to flip."""
    mantissas = image.syn_mant.astype(np.int64)
    for row in range(len(image.format_weight_bits)):
        own = np.flatnonzero(image.syn_format == row)
        n_bits, mode = int(image.format_weight_bits[row]), int(image.format_sign_mode[row])
        flips = hit(len(own) * n_bits, rate, rng)
        synapse, bit = np.divmod(flips, n_bits)
        touched, place = np.unique(synapse, return_inverse=True)
        mask = np.zeros(len(touched), dtype=np.int64)
        np.bitwise_or.at(mask, place, np.int64(1) << bit)
        mixed = mode == SIGN_MODE_ID["mixed"]
        lost = int(arith.lost_bits(n_bits, mixed))
        sign = -1 if mode == SIGN_MODE_ID["inhibitory"] else 1
        code = ((sign * mantissas[own[touched]]) >> lost) & ((1 << n_bits) - 1)
        code ^= mask
        stored = signed(code, n_bits) if mixed else code
        mantissas[own[touched]] = sign * (stored << lost)
    return mantissas


def _crossbars(image: CrossbarImage, rate: float, rng: np.random.Generator) -> Ints:
    """Crossbars after the flips; only where a core has neurons."""
    rows = np.array(image.crossbar, dtype=np.uint8).reshape(-1, ROW_BYTES)
    core = np.repeat(np.arange(image.n_cores), np.diff(image.axon_ptr))
    width = np.diff(image.slot_ptr)[core]  # of each axon's row
    first = np.concatenate([[0], np.cumsum(width)])
    flips = hit(int(first[-1]), rate, rng)
    axon = np.searchsorted(first, flips, side="right") - 1
    column = flips - first[axon]
    bits = np.unpackbits(rows, axis=1, bitorder="little", count=MAX_NEURONS)
    bits[axon, column] ^= 1
    return np.packbits(bits, axis=1, bitorder="little").reshape(image.crossbar.shape)
