"""Hypothesis strategies: parts of a chip that somebody gives, small enough to run thousands of times."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from emulator.chip.spec import ChipSpec

MAX_SIDE = 4  # tiles
WHOLE_TILES = 64  # a chip of so many tiles is drawn whole, too


@st.composite
def parts(draw: st.DrawFn, chip: ChipSpec, max_side: int = MAX_SIDE) -> ChipSpec:
    """A rectangle of 1 x 1 .. max_side x max_side tiles out of `chip`, or all of it unless it is large.

    Limits, latencies, prices, policies are the chip's. So are the faults that lie in it, but packets without
    a way are dropped; and a chip under overflow policy `strict`, where a run may have no record, takes policy
    `chip`.
    Shrinks towards one tile.
    """
    sides = min(chip.mesh.width, max_side), min(chip.mesh.height, max_side)
    shape = [draw(st.one_of(st.integers(1, side), st.sampled_from((1, side)))) for side in sides]
    whole = chip.n_tiles <= WHOLE_TILES and draw(st.integers(0, 9)) == 9
    if whole:
        shape = [chip.mesh.width, chip.mesh.height]
    corner = [
        draw(st.integers(0, full - side))
        for full, side in zip((chip.mesh.width, chip.mesh.height), shape, strict=True)
    ]
    return cut_out(chip, (corner[0], corner[1]), (shape[0], shape[1]))


@lru_cache(maxsize=1024)
def cut_out(chip: ChipSpec, corner: tuple[int, int], shape: tuple[int, int]) -> ChipSpec:
    """The tiles from `corner` (x, y) on, `shape` (width, height) of them, as a chip of its own."""
    width, height = shape
    port = chip.host_port
    x = width - 1 if port.side == "E" else 0 if port.side == "W" else min(port.x, width - 1)
    y = height - 1 if port.side == "N" else 0 if port.side == "S" else min(port.y, height - 1)
    changes: dict[str, Any] = {
        "mesh.width": width,
        "mesh.height": height,
        "mesh.chip": _board(chip, width, height),
        "mesh.faults": _faults(chip, corner, shape),
        "host_port": {"x": x, "y": y, "side": port.side},
    }
    if chip.arithmetic.overflow == "strict":
        changes["arithmetic.overflow"] = "chip"
    return chip.replace(changes)


def _board(chip: ChipSpec, width: int, height: int) -> dict[str, Any] | None:
    """The largest chips that a board of this size can be cut into, up to those of the given board; borders
    between chips are kept even where one chip would hold the part."""
    part = chip.mesh.chip
    if part is None:
        return None
    sizes = []
    for side, most in ((width, part.width), (height, part.height)):
        divisors = [n for n in range(1, side) if side % n == 0 and n <= most] or [1]
        sizes.append(divisors[-1])
    link = part.link.model_dump()
    return {
        "width": sizes[0],
        "height": sizes[1],
        "link": link | {"merge": min(part.link.merge, max(sizes))},
    }


def _faults(chip: ChipSpec, corner: tuple[int, int], shape: tuple[int, int]) -> dict[str, Any] | None:
    """What is broken in the part, at its place there; None if nothing of it would be alive."""
    faults = chip.mesh.faults
    if faults is None:
        return None
    (x0, y0), (width, height) = corner, shape
    step = {"E": (1, 0), "W": (-1, 0), "N": (0, 1), "S": (0, -1)}

    def inside(x: int, y: int) -> bool:
        return 0 <= x < width and 0 <= y < height

    out: dict[str, Any] = {"policy": "drop", "links": [], "lossy": [], "routers": [], "cores": []}
    for key in ("links", "lossy"):
        for link in getattr(faults, key):
            x, y = link.x - x0, link.y - y0
            dx, dy = step[link.side]
            if inside(x, y) and inside(x + dx, y + dy):
                out[key].append(link.model_dump() | {"x": x, "y": y})
    dead = {(router.x - x0, router.y - y0) for router in faults.routers}
    out["routers"] = [{"x": x, "y": y} for x, y in sorted(dead) if inside(x, y)]
    per_tile = chip.cores.per_tile
    alive = width * height * per_tile - len(out["routers"]) * per_tile
    for core in faults.cores:
        x, y = (at - first for at, first in zip(chip.coordinates(chip.tile_of(core)), corner, strict=True))
        if inside(x, y):
            out["cores"].append((y * width + x) * per_tile + core % per_tile)
            alive -= (x, y) not in dead
    return out if alive > 0 else None
