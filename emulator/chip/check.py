"""Check: an image that passes is safe to run. No index of it leaves its table, no value its register.

Engines trust an image that has passed and test nothing of it again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip import findings
from emulator.chip.blocks import tables
from emulator.chip.check_crossbar import check_crossbar_image
from emulator.chip.crossbar import AnyImage
from emulator.chip.findings import more, outside
from emulator.chip.image import DTYPES, SIGN_MODE_ID, Image
from emulator.chip.spec import ChipSpec
from emulator.chip.usage import RESOURCES, usage
from emulator.chip.ways import way_problems
from emulator.errors import ImageError

Ints = NDArray[np.integer]

RANGES: dict[str, tuple[int, int]] = {
    "config_du": (0, arith.DECAY_MAX),
    "config_dv": (0, arith.DECAY_MAX),
    "config_ds_offset": (0, 1),
    "config_refractory": (arith.REFRACTORY_MIN, arith.REFRACTORY_MAX),
    "config_soft_reset": (0, 1),
    "config_vmin": (-arith.V_LIMIT, 0),
    "config_vmax": (0, arith.V_LIMIT),
    "vth_mant": (0, arith.VTH_MANT_MAX),
    "slot_bias_mant": (arith.BIAS_MANT_MIN, arith.BIAS_MANT_MAX),
    "slot_bias_exp": (0, arith.BIAS_EXP_MAX),
    "slot_u0": (-(2 ** (arith.STATE_BITS - 1)), 2 ** (arith.STATE_BITS - 1) - 1),
    "slot_refractory0": (0, arith.REFRACTORY_MAX),
    "slot_recorded": (0, 1),
    "syn_delay": (arith.DELAY_MIN, arith.DELAY_MAX),
    "format_w_exp": (arith.W_EXP_MIN, arith.W_EXP_MAX),
    "format_weight_bits": (1, 8),
    "format_sign_mode": (0, len(SIGN_MODE_ID) - 1),
    "format_delay_bits": (0, 6),
    "format_index_bits": (0, 12),
    "format_on_sum": (0, 1),
}
"""Values a register can hold; `v0`, slots and mantissas depend on other tables and are checked apart."""


def check_image(image: AnyImage, chip: ChipSpec) -> None:
    """Raises ImageError listing what is inconsistent in the image, or does not fit the chip.

    An image cannot change: what has passed for a chip is not looked at again.
    """
    if image.derived.get("passed for") is chip:
        return
    model = "cuba" if isinstance(image, Image) else "truenorth"
    if chip.cores.model != model:
        raise ImageError(
            f"image of {model} cores: chip {chip.name!r} has {chip.cores.model} cores (cores.model): "
            "take the chip that it was compiled for"
        )
    if isinstance(image, Image):
        _check_lists(image, chip)
    else:
        check_crossbar_image(image, chip)
    image.derived["passed for"] = chip


def _check_lists(image: Image, chip: ChipSpec) -> None:
    check_structure(image)
    problems = [*_values(image, chip), *_references(image), *_entries(image)]
    if not problems:  # the rest reads through the tables
        problems = [*_configurations(image), *_slot_values(image), *_synapses(image)]
    if not problems:
        problems = [*way_problems(image, chip), *_limits(image, chip)]
    if problems:
        raise ImageError(problems)


def check_structure(image: Image) -> None:
    """Raises ImageError unless arrays are flat, parallel ones match, and pointers rise to the ends."""
    arrays = image.arrays().items()
    problems = [f"{name}: {array.ndim} dimensions, expected 1" for name, array in arrays if array.ndim != 1]
    problems = problems or list(_lengths(image)) or list(_pointers(image))
    if problems:
        raise ImageError(problems)


def _lengths(image: Image) -> Iterator[str]:
    if image.n_cores == 0:
        yield "core_id: empty; an image has at least one core"
    tables = {
        "config": len(image.config_du),
        "slot": image.n_slots,
        "syn": image.n_synapses,
        "format": len(image.format_w_exp),
    }
    pointers = dict.fromkeys(("slot_ptr", "config_ptr", "vth_ptr", "axon_ptr"), image.n_cores + 1)
    pointers |= {"entry_ptr": image.n_senders + 1, "entry_axon": len(image.entry_core)}
    expected = {
        name: tables[table]
        for name in DTYPES
        if (table := name.split("_")[0]) in tables and name[-4:] != "_ptr"
    } | pointers
    for name, length in expected.items():
        if len(getattr(image, name)) != length:
            yield f"{name}: {len(getattr(image, name))} values, expected {length}"
    if len(image.syn_ptr) == 0:
        yield "syn_ptr: empty, expected one value more than there are axons"
    if len(image.format_w_exp) > 256:
        yield f"format_w_exp: {len(image.format_w_exp)} formats, limit 256 (syn_format is 8 bits wide)"


def _pointers(image: Image) -> Iterator[str]:
    ends = {
        "slot_ptr": image.n_slots,
        "config_ptr": len(image.config_du),
        "vth_ptr": len(image.vth_mant),
        "entry_ptr": len(image.entry_core),
        "axon_ptr": image.n_axons,
        "syn_ptr": image.n_synapses,
    }
    yield from findings.pointers(image, ends)


def _values(image: Image, chip: ChipSpec) -> Iterator[str]:
    for name, (low, high) in RANGES.items():
        yield from outside(name, getattr(image, name), low, high)
    yield from findings.accounts(image, "slot_group", "input_group")
    yield from findings.core_ids(image, chip)


def _references(image: Image) -> Iterator[str]:
    """References within a core stay in that core's rows."""
    core = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    for name, pointer in (("slot_config", image.config_ptr), ("slot_vth", image.vth_ptr)):
        index = getattr(image, name)
        bad = np.flatnonzero((index < pointer[core]) | (index >= pointer[core + 1]))
        if len(bad):
            slot, row = int(bad[0]), int(core[bad[0]])
            rows = f"{pointer[row]}..{pointer[row + 1] - 1}"
            yield f"{name}[{slot}] = {index[slot]}: outside the rows {rows} of core row {row}" + more(bad)
    yield from outside("syn_format", image.syn_format, 0, len(image.format_w_exp) - 1)


def _entries(image: Image) -> Iterator[str]:
    """Each axon is named once, besides what holds of all images."""
    found = list(findings.entry_places(image))
    yield from found
    if len(image.entry_core) == 0 or image.entry_core.min() < 0 or image.entry_core.max() > image.n_cores:
        return
    to_core = image.entry_core != image.n_cores
    # Counting needs indices that are sound; searching by sorting is for images that are not.
    if found or np.bincount(image.entry_axon[to_core], minlength=1).max() > 1:
        yield from _named_twice(image, np.flatnonzero(to_core))


def _named_twice(image: Image, to_core: Ints) -> Iterator[str]:
    """to_core: the entries that do not go to the host."""
    named, first = np.unique(image.entry_axon[to_core], return_index=True)
    if len(named) < len(to_core):
        again = int(np.setdiff1d(np.arange(len(to_core)), first)[0])
        entry = int(to_core[again])
        axon = f"entry_axon[{entry}] = {image.entry_axon[entry]}"
        yield f"{axon}: named by an entry before; an axon has one sender"


def _configurations(image: Image) -> Iterator[str]:
    bad = np.flatnonzero((image.config_soft_reset != 0) & (image.config_refractory != 1))
    if len(bad):
        row = int(bad[0])
        refractory = f"config_refractory[{row}] = {image.config_refractory[row]}"
        yield f"{refractory}: a soft reset leaves no refractory time, it must be 1" + more(bad)


def _slot_values(image: Image) -> Iterator[str]:
    low = image.config_vmin[image.slot_config]
    high = image.config_vmax[image.slot_config]
    bad = np.flatnonzero((image.slot_v0 < low) | (image.slot_v0 > high))
    if len(bad):
        slot = int(bad[0])
        within = f"vmin..vmax {low[slot]}..{high[slot]}"
        yield f"slot_v0[{slot}] = {image.slot_v0[slot]}: outside {within}" + more(bad)


def _synapses(image: Image) -> Iterator[str]:
    """Slots exist in the core, and the format can hold what it is given. First finding of each kind."""
    limits = _format_tables(image)
    bounds = image.syn_ptr[image.axon_ptr]
    found = np.full(len(tables.KINDS), image.n_synapses, dtype=np.int64)
    columns = (image.syn_slot, image.syn_mant, image.syn_delay, image.syn_format)
    tables.find_wrong(bounds, np.diff(image.slot_ptr), *columns, *limits.values(), found)
    for kind, synapse in zip(tables.KINDS, found.tolist(), strict=True):
        if synapse < image.n_synapses:
            core = int(np.searchsorted(bounds, synapse, side="right")) - 1
            n_slots = int(image.slot_ptr[core + 1] - image.slot_ptr[core])
            yield _synapse_problem(image, kind, synapse, n_slots, limits)


def _format_tables(image: Image) -> dict[str, NDArray[np.int64]]:
    """What each row of the format table can hold, in the order in which `tables.find_wrong` takes it."""
    names = sorted(SIGN_MODE_ID, key=SIGN_MODE_ID.__getitem__)
    limits = np.array([arith.MANTISSA_RANGE[name] for name in names], dtype=np.int64)
    sign = image.format_sign_mode
    lost = arith.lost_bits(image.format_weight_bits.astype(np.int64), (sign == SIGN_MODE_ID["mixed"]))
    index_bits = image.format_index_bits.astype(np.int64)
    return {
        "index_end": np.where(index_bits == 0, 1 << 16, np.int64(1) << index_bits),
        "delay_end": np.int64(1) << image.format_delay_bits.astype(np.int64),
        "mant_min": np.ascontiguousarray(limits[sign, 0]),
        "mant_max": np.ascontiguousarray(limits[sign, 1]),
        "lost_mask": (np.int64(1) << lost) - 1,
    }


def _synapse_problem(
    image: Image, kind: str, synapse: int, n_slots: int, tables: dict[str, NDArray[np.int64]]
) -> str:
    form = int(image.syn_format[synapse])
    mantissa = f"syn_mant[{synapse}] = {image.syn_mant[synapse]}"
    slot = f"syn_slot[{synapse}] = {image.syn_slot[synapse]}"
    within = f"{tables['mant_min'][form]}..{tables['mant_max'][form]}"
    return {
        "slot": f"{slot}: its core has {n_slots} slots",
        "index": f"{slot}: format {form} has {image.format_index_bits[form]} index bits",
        "delay": f"syn_delay[{synapse}] = {image.syn_delay[synapse]}: format {form} holds up to "
        f"{tables['delay_end'][form]} ticks ({image.format_delay_bits[form]} delay bits)",
        "mantissa": f"{mantissa}: outside {within} of format {form}",
        "step": f"{mantissa}: format {form} stores multiples of {tables['lost_mask'][form] + 1} only",
    }[kind]


def _limits(image: Image, chip: ChipSpec) -> Iterator[str]:
    limits = chip.limits
    own = f"(chip {chip.name!r})"
    used = usage(image, chip)
    for resource in RESOURCES:
        limit = getattr(limits, resource)
        if limit is None:
            continue
        over = np.flatnonzero(used[resource] > limit)
        if len(over):
            core = f"core {image.core_id[over[0]]}"
            yield f"{core}: {resource} {used[resource][over[0]]}, limit {limit} {own}" + more(over)
    for name, high in (("config_refractory", limits.refractory_ticks), ("syn_delay", limits.delay_ticks)):
        if high is not None:
            yield from outside(name, getattr(image, name), 1, high, f" {own}")
    widths, index_bits = chip.list_format.weight_bits, chip.list_format.index_bits
    yield from outside("format_weight_bits", image.format_weight_bits, 1, max(widths), f" {own}")
    choices = sorted({0, *index_bits})
    unknown = np.flatnonzero(~np.isin(image.format_index_bits, choices))
    if len(unknown):
        row = int(unknown[0])
        yield f"format_index_bits[{row}] = {image.format_index_bits[row]}: choose from {choices} {own}"
