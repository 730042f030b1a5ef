"""Check of images of crossbar cores: one that passes is safe to run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emulator.chip import findings
from emulator.chip.crossbar import (
    CROSSBAR_DTYPES,
    LEAK_STOCHASTIC,
    MAX_AXONS,
    MAX_DELAY,
    MAX_NEURONS,
    N_TYPES,
    ROW_BYTES,
    CrossbarImage,
)
from emulator.chip.findings import more, outside
from emulator.chip.spec import ChipSpec
from emulator.chip.ways import way_problems
from emulator.errors import ImageError

RANGES: dict[str, tuple[int, int]] = {
    "axon_type": (0, N_TYPES - 1),
    "slot_stochastic": (0, 2 * LEAK_STOCHASTIC - 1),
    "slot_reversal": (0, 1),
    "slot_mask_bits": (0, 18),
    "slot_reset_mode": (0, 2),
    "slot_saturate": (0, 1),
    "slot_recorded": (0, 1),
}
"""Values under every variant."""

CHIP_RANGES: dict[str, tuple[int, int]] = {
    "slot_weight": (-255, 255),
    "slot_leak": (-255, 255),
    "slot_alpha": (0, 2**18 - 1),
    "slot_beta": (0, 2**18 - 1),
    "slot_reset": (-(2**18) + 1, 2**18 - 1),
    "slot_v0": (-(2**19), 2**19 - 1),
}
"""Values of the chip's registers; variant `ranc` takes what the arrays hold."""

WIDTH = {"crossbar": ROW_BYTES, "slot_weight": N_TYPES}
"""Values for each axon or neuron, where it is not one."""


def check_crossbar_image(image: CrossbarImage, chip: ChipSpec) -> None:
    """Raises ImageError listing what is inconsistent in the image, or does not fit the chip."""
    check_crossbar_structure(image)
    problems = [*_values(image, chip), *findings.entry_places(image)]
    if not problems:  # the rest reads through the tables
        problems = [*_entries(image, chip), *_bits(image)]
    if not problems:
        problems = [*way_problems(image, chip), *_limits(image, chip)]
    if problems:
        raise ImageError(problems)


def check_crossbar_structure(image: CrossbarImage) -> None:
    """Raises ImageError unless arrays are flat, parallel ones match, and pointers rise to the ends."""
    arrays = image.arrays().items()
    problems = [f"{name}: {array.ndim} dimensions, expected 1" for name, array in arrays if array.ndim != 1]
    ends = {"slot_ptr": image.n_slots, "axon_ptr": image.n_axons, "entry_ptr": len(image.entry_core)}
    problems = problems or list(_lengths(image)) or [*findings.pointers(image, ends), *_sizes(image)]
    if problems:
        raise ImageError(problems)


def is_reset(value: np.ndarray) -> np.ndarray:
    """bool [n]: whether the chip can hold the reset value, sign * (2**n - 1)."""
    size = np.abs(value.astype(np.int64)) + 1
    return np.asarray(size & (size - 1) == 0)


def _lengths(image: CrossbarImage) -> Iterator[str]:
    if image.n_cores == 0:
        yield "core_id: empty; an image has at least one core"
    tables = {"slot": image.n_slots, "axon": image.n_axons, "crossbar": image.n_axons}
    expected = {
        name: tables[table] * WIDTH.get(name, 1)
        for name in CROSSBAR_DTYPES
        if (table := name.split("_")[0]) in tables and name[-4:] != "_ptr"
    }
    expected |= dict.fromkeys(("slot_ptr", "axon_ptr"), image.n_cores + 1)
    expected |= {"entry_ptr": image.n_senders + 1}
    expected |= dict.fromkeys(("entry_axon", "entry_delay"), len(image.entry_core))
    for name, length in expected.items():
        if len(getattr(image, name)) != length:
            yield f"{name}: {len(getattr(image, name))} values, expected {length}"


def _sizes(image: CrossbarImage) -> Iterator[str]:
    for name, most in (("slot_ptr", MAX_NEURONS), ("axon_ptr", MAX_AXONS)):
        held = np.diff(getattr(image, name))
        over = np.flatnonzero(held > most)
        if len(over):
            yield f"{name}: core row {over[0]} has {held[over[0]]}, a crossbar {most} at most" + more(over)


def _values(image: CrossbarImage, chip: ChipSpec) -> Iterator[str]:
    ranges = RANGES | (CHIP_RANGES if chip.arithmetic.variant == "chip" else {})
    for name, (low, high) in ranges.items():
        yield from outside(name, getattr(image, name), low, high)
    if chip.arithmetic.variant == "chip":
        bad = np.flatnonzero(~is_reset(image.slot_reset))
        if len(bad):
            yield f"slot_reset[{bad[0]}] = {image.slot_reset[bad[0]]}: must be +-(2**n - 1)" + more(bad)
    yield from findings.accounts(image, "axon_group", "slot_group", "input_group")
    yield from findings.core_ids(image, chip)


def _entries(image: CrossbarImage, chip: ChipSpec) -> Iterator[str]:
    """A neuron has one entry at most; delays."""
    many = np.flatnonzero(np.diff(image.entry_ptr[: image.n_slots + 1]) > 1)
    if len(many):
        slot = int(many[0])
        n = int(image.entry_ptr[slot + 1] - image.entry_ptr[slot])
        yield f"slot {slot}: {n} axon-out entries, a neuron has one target" + more(many)
    n_of_slots = int(image.entry_ptr[image.n_slots])
    to_host = image.entry_core == image.n_cores
    low = np.where(np.arange(len(to_host)) < n_of_slots, 1, 0)
    high = np.full(len(to_host), min(MAX_DELAY, chip.limits.delay_ticks or MAX_DELAY))
    low[to_host] = high[to_host] = 0
    bad = np.flatnonzero((image.entry_delay < low) | (image.entry_delay > high))
    if len(bad):
        entry = int(bad[0])
        whose = (
            "to the host port" if to_host[entry] else "of a neuron" if entry < n_of_slots else "of an input"
        )
        within = f"{low[entry]}..{high[entry]}" if low[entry] < high[entry] else f"{low[entry]}"
        yield f"entry_delay[{entry}] = {image.entry_delay[entry]}: {whose}, must be {within}" + more(bad)


def _bits(image: CrossbarImage) -> Iterator[str]:
    """No synapse onto a neuron that the core lacks."""
    column = np.arange(MAX_NEURONS) < np.arange(MAX_NEURONS + 1)[:, None]
    allowed = np.packbits(column, axis=1, bitorder="little")  # by the number of neurons
    n_neurons = np.repeat(np.diff(image.slot_ptr), np.diff(image.axon_ptr))
    beyond = image.crossbar.reshape(-1, ROW_BYTES) & ~allowed[n_neurons]
    bad = np.flatnonzero(beyond.any(axis=1))
    if len(bad):
        axon = int(bad[0])
        yield f"crossbar: axon {axon} has synapses past the {n_neurons[axon]} neurons of its core" + more(bad)


def _limits(image: CrossbarImage, chip: ChipSpec) -> Iterator[str]:
    for resource, name in (("compartments", "slot_ptr"), ("axons_in", "axon_ptr")):
        limit, used = getattr(chip.limits, resource), np.diff(getattr(image, name))
        over = np.flatnonzero(used > limit)
        if len(over):
            core = f"core {image.core_id[over[0]]}"
            yield f"{core}: {resource} {used[over[0]]}, limit {limit} (chip {chip.name!r})" + more(over)
