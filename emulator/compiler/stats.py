"""Stats: what a mapping came to, in plain numbers, strings and lists.

Weights of all senders are 1: every sender fires once (`all-fire`). Each delivery is taken as a packet of its
own, whatever `mesh.multicast` says.

    packets         deliveries to other cores: sum over the senders of the remote cores with a target
    local_packets   deliveries to the sender's own core, which take no hop
    host_packets    deliveries to the host port
    spike_hops      links taken by all deliveries that are not dropped; inputs start at the host port's tile
    chip_hops       those of them that lead to another chip of the board
    max_link        highest load of a directed link between routers

`cores` holds a column per resource, the resource that binds each core and how full that is; `utilisation`
sums the columns up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import border_links, chips_of
from emulator.chip.crossbar import AnyImage
from emulator.chip.image import Image
from emulator.chip.loads import link_loads
from emulator.chip.spec import ChipSpec
from emulator.chip.usage import Binding, binding_of, limits_of, usage
from emulator.compiler.ir import Quantised
from emulator.network import Network

Longs = NDArray[np.int64]


def stats(image: Image, quantised: Quantised, network: Network, chip: ChipSpec) -> dict[str, Any]:
    """Counts, use of every per-core limit, traffic, and what quantising cost (one dict per population)."""
    return {
        **image_stats(image, network, chip),
        "quantisation": [dict(row) for row in quantised.report],
    }


def image_stats(image: AnyImage, network: Network, chip: ChipSpec) -> dict[str, Any]:
    """What images of all kinds of cores have: counts, use of every per-core limit, traffic."""
    used, limits = usage(image, chip), limits_of(image, chip)
    bound = binding_of(used, limits)
    tile = image.core_id // chip.cores.per_tile
    return {
        "network": network.name,
        "chip": chip.name,
        "n_neurons": image.n_slots,
        "n_inputs": image.n_inputs,
        "n_synapses": image.n_synapses,
        "n_axons": image.n_axons,
        "n_cores_used": image.n_cores,
        "n_cores": chip.n_cores,
        "n_tiles_used": len(np.unique(tile)),
        "n_tiles": chip.n_tiles,
        "n_chips_used": len(np.unique(chips_of(chip, tile))),
        "n_chips": chip.n_chips,
        "limits": limits,
        "cores": {
            "core_id": image.core_id.tolist(),
            "x": (tile % chip.mesh.width).tolist(),
            "y": (tile // chip.mesh.width).tolist(),
            **{resource: column.tolist() for resource, column in used.items()},
            "binding": bound.resource,
            "share": bound.share.tolist(),
        },
        "utilisation": utilisation(used, limits, bound, image),
        "binding": binding(used, limits),
        **traffic(image, chip),
    }


def utilisation(
    used: dict[str, Longs], limits: dict[str, int | None], bound: Binding, image: AnyImage
) -> dict[str, dict[str, Any]]:
    """Resource -> limit (None: lifted), use over the cores, id of the fullest core, cores that it binds."""
    return {
        resource: {
            "limit": limits[resource],
            "min": int(column.min()),
            "median": float(np.median(column)),
            "max": int(column.max()),
            "fullest_core": int(image.core_id[column.argmax()]),
            "n_binding": bound.resource.count(resource),
        }
        for resource, column in used.items()
    }


def binding(used: dict[str, Longs], limits: dict[str, int | None]) -> dict[str, Any]:
    """The limit that the fullest core comes nearest to: resource, core row, used, limit."""
    best: dict[str, Any] = {}
    for resource, limit in limits.items():
        core = int(used[resource].argmax())
        taken = int(used[resource][core])
        if limit is not None and (not best or taken * best["limit"] > best["used"] * limit):
            best = {"resource": resource, "core": core, "used": taken, "limit": limit}
    return best


def traffic(image: AnyImage, chip: ChipSpec, spikes: Longs | None = None) -> dict[str, int]:
    """Deliveries and hops when every sender fires once, or `spikes` int64 [n_senders] times."""
    # of each row of a core, and last of the host port
    tile_of_row = np.append(image.core_id // chip.cores.per_tile, chip.host_tile).astype(np.int64)
    core_of_slot = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    home = np.concatenate([core_of_slot, np.full(image.n_inputs, image.n_cores)])
    origin = np.repeat(home, np.diff(image.entry_ptr))
    target = image.entry_core
    to_host = target == image.n_cores
    keys = np.asarray(origin * (image.n_cores + 1) + target, dtype=np.int64)
    times = None if spikes is None else np.repeat(spikes, np.diff(image.entry_ptr))
    pair, packets = _distinct(keys, times)
    from_row, to_row = np.divmod(pair, image.n_cores + 1)
    from_tile, to_tile = tile_of_row[from_row], tile_of_row[to_row]
    arrive = chip.routing.reaches(from_tile, to_tile)
    loads = link_loads(chip.routing, from_tile[arrive], to_tile[arrive], packets[arrive])
    return {
        "packets": _total(times, ~to_host & (origin != target)),
        "local_packets": _total(times, origin == target),
        "host_packets": _total(times, to_host),
        "spike_hops": int(loads.sum()),
        "chip_hops": int(loads[border_links(chip)].sum()),
        "max_link": int(loads.max()),
    }


def _total(times: Longs | None, chosen: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(chosen) if times is None else times[chosen].sum())


def _distinct(keys: Longs, times: Longs | None) -> tuple[Longs, Longs]:
    """The distinct keys, which are not negative, and how often each occurs; each of them `times`."""
    if keys.max(initial=0) > 2 * len(keys):  # a count of each would take more room than they do
        found, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return found, counts if times is None else _counted(place.reshape(-1), times)
    every = np.bincount(keys) if times is None else _counted(keys, times)
    found = np.flatnonzero(every)
    return found, every[found]


def _counted(keys: Longs, times: Longs) -> Longs:
    """Sums of `times` by key, exact up to 2**53."""
    return np.bincount(keys, times).astype(np.int64)
