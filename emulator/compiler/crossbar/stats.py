"""Stats of a program for crossbar cores: the keys of `compiler.stats` where they make sense, and

mean_route, longest_route   links of the ways from neurons to their target cores; of those that have one
rewrites                    what each rewrite of a population cost, and whether it is exact
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emulator.chip.crossbar import CrossbarImage
from emulator.chip.loads import steps
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.stats import image_stats
from emulator.network import Network


def crossbar_stats(
    image: CrossbarImage, cores: CrossbarCores, network: Network, chip: ChipSpec
) -> dict[str, Any]:
    """Counts, use of every core, traffic, and what the rewrites cost."""
    return {
        **image_stats(image, network, chip),
        **routes(image, chip),
        "rewrites": [dict(row) for row in cores.report],
    }


def routes(image: CrossbarImage, chip: ChipSpec) -> dict[str, Any]:
    """Links from neurons to their target cores; None: no neuron has one."""
    n_entries = image.entry_ptr[image.n_slots]
    target = image.entry_core[:n_entries]
    home = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    origin = np.repeat(home, np.diff(image.entry_ptr[: image.n_slots + 1]))
    to_core = target < image.n_cores
    tile = image.core_id.astype(np.int64) // chip.cores.per_tile
    src, dst = tile[origin[to_core]], tile[target[to_core]]
    reached = chip.routing.reaches(src, dst)
    src, dst = src[reached], dst[reached]
    if not len(src):
        return {"mean_route": None, "longest_route": None}
    length = _lengths(src, dst, chip)
    return {"mean_route": float(length.mean()), "longest_route": int(length.max())}


def _lengths(src: np.ndarray, dst: np.ndarray, chip: ChipSpec) -> np.ndarray:
    """[n] links of each way; a table may lead around what is dead, the others are minimal."""
    if chip.routing.table is None:
        (y, x), (to_y, to_x) = np.divmod(src, chip.mesh.width), np.divmod(dst, chip.mesh.width)
        return np.asarray(np.abs(to_x - x) + np.abs(to_y - y))
    length = np.zeros(len(src), dtype=np.int64)
    for moving, _, _ in steps(chip.routing, src, dst):
        length[moving] += 1
    return length
