"""The native engine's own arrangement of an image's compartments: stretches of one configuration.

Where neighbours share their configuration, the update reads it once for all of them; where they do not, it
reads the values of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.image import Image

Ints = NDArray[np.integer[Any]]

SHORT = 32  # slots: stretches below it on average cost more in calls than they save in reading


@dataclass(frozen=True, eq=False)
class Stretches:
    """Consecutive slots of one core and one account; rows as `STRETCH_FIELDS` of ext/machine.pyx."""

    table: Ints  # int32 [n_stretches, 12]
    core: Ints  # int64 [n_stretches] row of its core
    group: Ints  # int64 [n_stretches] account


def configuration_of(image: Image) -> dict[str, Ints]:
    """int32 [n_slots] each: the values of every compartment."""
    config, wide = image.slot_config, np.int32
    values = {
        "keep_u": 4096 - image.config_du.astype(wide) - image.config_ds_offset,
        "keep_v": 4096 - image.config_dv.astype(wide),
        "vmin": image.config_vmin,
        "vmax": image.config_vmax,
        "refractory": image.config_refractory,
        "soft": -image.config_soft_reset.astype(wide),
    }
    return {
        **{name: value.astype(wide)[config] for name, value in values.items()},
        "threshold": (image.vth_mant << arith.WEIGHT_SHIFT).astype(wide)[image.slot_vth],
        "bias": arith.bias_value(image.slot_bias_mant.astype(wide), image.slot_bias_exp.astype(wide)),
    }


def stretches_of(image: Image, values: dict[str, Ints]) -> Stretches:
    """Cuts the slots. values: of `configuration_of`."""
    core = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    of_segment = _changes(core) | _changes(image.slot_group)
    alike = of_segment | _changes(image.slot_config) | _changes(image.slot_vth)
    segment = np.cumsum(of_segment) - 1
    n_slots, n_alike = np.bincount(segment), np.bincount(segment, weights=alike)
    is_uniform = (n_slots >= SHORT * n_alike) | (n_alike == 1)
    start = np.flatnonzero(np.where(is_uniform[segment], alike, of_segment))
    end = np.append(start[1:], image.n_slots)
    uniform = is_uniform[segment[start]]
    least = np.minimum.reduceat(values["bias"], start)
    same_bias = least == np.maximum.reduceat(values["bias"], start)
    shared = [
        values[name][start]
        for name in ("keep_u", "keep_v", "bias", "threshold", "vmin", "vmax", "refractory", "soft")
    ]
    table = np.stack([start, end, uniform, same_bias, *shared], axis=1)
    return Stretches(
        table=np.ascontiguousarray(table, dtype=np.int32),
        core=core[start],
        group=image.slot_group[start].astype(np.int64),
    )


def _changes(values: Ints) -> NDArray[np.bool_]:
    changes = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes
