"""Rules of a chip description that join several keys: each is a function from values to violations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from emulator.chip.channels import channels_text, cycle_of
from emulator.chip.crossbar import MAX_AXONS, MAX_DELAY, MAX_NEURONS
from emulator.chip.faults import grid_of, misplaced_faults
from emulator.chip.groups import Faults, SynapseFormat
from emulator.chip.routing import MAX_TABLE_TILES
from emulator.chip.violation import Path, Violation

MAX_CORES = 2**20  # a count table per core and event still fits in memory
MAX_FIFO_SLOTS = 2**26  # of all FIFOs together: the engines allocate them before the first tick

Found = Iterator[tuple[Path, str]]


def _host_port(width: int, height: int, x: int, y: int, side: str) -> Found:
    """The host port sits on a side of its tile where no router is."""
    inside = True
    for key, value, size in (("x", x, width), ("y", y, height)):
        if value >= size:
            inside = False
            yield ("host_port", key), f"{value}, outside the mesh of {width} x {height} tiles: 0..{size - 1}"
    outer = {"W": x == 0, "E": x == width - 1, "S": y == 0, "N": y == height - 1}
    if inside and not outer[side]:
        free = [key for key, is_outer in outer.items() if is_outer]
        way_out = f"choose from {', '.join(free)}" if free else "move the port to a tile on the edge"
        yield ("host_port", "side"), f"{side!r}, tile ({x}, {y}) has a neighbour on that side: {way_out}"


def _cores(width: int, height: int, per_tile: int) -> Found:
    n_cores = width * height * per_tile
    if n_cores > MAX_CORES:
        size = f"{width} x {height} tiles of {per_tile} cores are {n_cores} cores"
        yield ("mesh",), f"{size}, limit {MAX_CORES}: take fewer tiles"


def _buffers(width: int, height: int, per_tile: int, fifo_depth: int, intake_depth: int) -> Found:
    n_slots = width * height * ((4 + per_tile) * fifo_depth + per_tile * intake_depth)
    if n_slots > MAX_FIFO_SLOTS:
        yield (
            ("mesh", "fifo_depth"),
            f"{fifo_depth} (intake_depth {intake_depth}) makes {n_slots} FIFO slots on the whole mesh, "
            f"limit {MAX_FIFO_SLOTS}: take shallower FIFOs or fewer tiles",
        )


def _whole_chips(key: str, side: int, chip_side: int | None) -> Found:
    """A side of the mesh is a number of whole chips. None: the mesh is one chip."""
    if chip_side is not None and side % chip_side:
        choices = ", ".join(str(n) for n in range(1, side + 1) if side % n == 0)
        yield ("mesh", "chip", key), f"{chip_side}, does not divide mesh.{key} {side}: choose from {choices}"


def _merge(width: int | None, height: int | None, merge: int | None) -> Found:
    """No group of rows is longer than a side. None: the mesh is one chip, or rows are not merged."""
    if width is None or height is None or merge is None:
        return
    if merge > max(width, height):
        size = f"{width} x {height} tiles"
        yield (
            ("mesh", "chip", "link", "merge"),
            f"{merge}, a chip of the board has {size}: at most {max(width, height)}, its longer side",
        )


def _faults(width: int, height: int, per_tile: int, faults: Any) -> Found:
    """What is broken is on the chip, and something is left."""
    if faults is None:
        return
    given = Faults.model_validate(faults) if isinstance(faults, Mapping) else faults
    misplaced = list(misplaced_faults(width, height, per_tile, given))
    for key, index, text in misplaced:
        yield ("mesh", "faults", key, str(index)), text
    dead_tiles = grid_of(width, height, given).dead_tiles if not misplaced else frozenset()
    n_lost = sum(core // per_tile not in dead_tiles for core in given.cores) + len(dead_tiles) * per_tile
    if not misplaced and n_lost == width * height * per_tile:
        yield ("mesh", "faults"), "no core is left alive: take some of the faults out"


def _routing(width: int, height: int, routing: str, faults: Any) -> Found:
    """No packets can wait for each other in a circle."""
    if routing == "table" and width * height > MAX_TABLE_TILES:
        size = f"{width} x {height} tiles are {width * height}"
        yield (
            ("mesh", "routing"),
            f"'table', {size}, limit {MAX_TABLE_TILES}: choose from 'xy', 'yx', 'west_first'",
        )
        return
    given = Faults.model_validate(faults) if isinstance(faults, Mapping) else faults
    if given is not None and any(misplaced_faults(width, height, 1, given.model_copy(update={"cores": ()}))):
        return
    cycle = cycle_of(routing, grid_of(width, height, given))
    if cycle:
        yield (
            ("mesh", "routing"),
            f"{routing!r}, links wait for each other in a circle, {channels_text(cycle, width)}, so that "
            "packets could block each other forever: choose from 'xy', 'yx', 'west_first', 'table'",
        )


def _multicast(multicast: str, routing: str, faults: Any) -> Found:
    """A tree is made of ways along x, then y; what a lost copy takes with it has no meaning yet."""
    if multicast == "none":
        return
    if routing != "xy":
        yield ("mesh", "multicast"), f"'tree', mesh.routing is {routing!r}: take mesh.routing 'xy'"
    given = Faults.model_validate(faults) if isinstance(faults, Mapping) else faults
    if given is not None and given.lossy:
        yield (
            ("mesh", "multicast"),
            f"'tree', mesh.faults.lossy has {len(given.lossy)} links: take 'none', or none of them",
        )


def _domain(domain: str, tick_ps: int | None, barrier_ps: Any) -> Found:
    """A tick is ended by the clock or by the barrier, never by both."""
    if domain == "fixed":
        if tick_ps is None:
            yield ("tick_ps",), "null, domain 'fixed' begins a tick every tick_ps: give it, in ps"
        if barrier_ps is not None:
            yield ("barrier_ps",), "given, but domain 'fixed' has no barrier: set it to null"
    else:
        if tick_ps is not None:
            yield (
                ("tick_ps",),
                f"{tick_ps}, domain 'barrier' ends a tick when its work is done: set it to null or take "
                "domain 'fixed'",
            )
        if barrier_ps is None:
            yield (
                ("barrier_ps",),
                "null, domain 'barrier' ends a tick with it: give a table, or take domain 'fixed'",
            )


def _packing(model: str | None, synapse_format: Any) -> Found:
    """Lists of synapses are packed, crossbars are not."""
    if model == "truenorth" and synapse_format is not None:
        yield ("synapse_format",), "given, cores.model 'truenorth' has crossbars, not lists: set it to null"
    if model != "truenorth" and synapse_format is None:
        yield (
            ("synapse_format",),
            f"null, cores.model 'cuba' packs lists of synapses: give a group with the keys "
            f"{', '.join(SynapseFormat.model_fields)}",
        )


def _policies(model: str | None, overflow: str | None, variant: str | None, reset_type: int | None) -> Found:
    """Each policy belongs to one kind of core."""
    if model == "truenorth":
        if overflow not in (None, "chip"):
            yield ("arithmetic", "overflow"), f"{overflow!r}, cores.model 'truenorth' saturates: take 'chip'"
        if reset_type == 1 and variant != "ranc":
            yield (
                ("arithmetic", "neuron_reset_type"),
                "1, arithmetic.variant is 'chip': take 0, or arithmetic.variant 'ranc'",
            )
    else:
        for key, value, default in (("variant", variant, "chip"), ("neuron_reset_type", reset_type, 0)):
            if value not in (None, default):
                yield (
                    ("arithmetic", key),
                    f"{value!r}, cores.model is 'cuba': take {default!r}, or cores.model 'truenorth'",
                )


_CROSSBAR_LIMITS = {"compartments": MAX_NEURONS, "axons_in": MAX_AXONS, "delay_ticks": MAX_DELAY}
_LIST_LIMITS = (
    "synapse_memory_bits",
    "delay_slots",
    "compartment_configs",
    "threshold_configs",
    "refractory_ticks",
)


def _crossbar_limits(model: str | None, *values: int | None) -> Found:
    """`values`: those of _CROSSBAR_LIMITS, then of _LIST_LIMITS."""
    if model != "truenorth":
        return
    n_bounds = len(_CROSSBAR_LIMITS)
    for (key, most), value in zip(_CROSSBAR_LIMITS.items(), values[:n_bounds], strict=True):
        if value is None or value > most:
            shown = "null" if value is None else value
            yield ("limits", key), f"{shown}, cores.model 'truenorth' has at most {most}: give 1..{most}"
    for key, value in zip(_LIST_LIMITS, values[n_bounds:], strict=True):
        if value is not None:
            yield (
                ("limits", key),
                f"{value}, cores.model 'truenorth' has nothing it could limit: set it to null",
            )


def _crossbar_mesh(model: str | None, multicast: str, faults: Any) -> Found:
    if model != "truenorth":
        return
    if multicast == "tree":
        yield (
            ("mesh", "multicast"),
            "'tree', a neuron of cores.model 'truenorth' has one target: take mesh.multicast 'none'",
        )
    given = Faults.model_validate(faults) if isinstance(faults, Mapping) else faults
    if given is not None and given.lossy:
        yield (
            ("mesh", "faults", "lossy"),
            f"{len(given.lossy)} links, cores.model 'truenorth' loses no packets: take them out",
        )


def _index_width(compartments: int, index_bits: Any) -> Found:
    if index_bits is None:  # no lists, so no indices
        return
    reach = 2 ** max(index_bits)
    if compartments > reach:
        yield (
            ("synapse_format", "index_bits"),
            f"at most {max(index_bits)} bits address {reach} targets, limits.compartments is {compartments}: "
            "add a wider index or lower the limit",
        )


_SIZE: tuple[Path, ...] = (("mesh", "width"), ("mesh", "height"))
_PER_TILE: Path = ("cores", "per_tile")
_MODEL: Path = ("cores", "model")
_RULES: tuple[tuple[Callable[..., Found], tuple[Path, ...]], ...] = (
    (_host_port, (*_SIZE, ("host_port", "x"), ("host_port", "y"), ("host_port", "side"))),
    (_cores, (*_SIZE, _PER_TILE)),
    (_buffers, (*_SIZE, _PER_TILE, ("mesh", "fifo_depth"), ("mesh", "intake_depth"))),
    (partial(_whole_chips, "width"), (("mesh", "width"), ("mesh", "chip", "width"))),
    (partial(_whole_chips, "height"), (("mesh", "height"), ("mesh", "chip", "height"))),
    (
        _merge,
        (("mesh", "chip", "width"), ("mesh", "chip", "height"), ("mesh", "chip", "link", "merge")),
    ),
    (_faults, (*_SIZE, _PER_TILE, ("mesh", "faults"))),
    (_routing, (*_SIZE, ("mesh", "routing"), ("mesh", "faults"))),
    (_multicast, (("mesh", "multicast"), ("mesh", "routing"), ("mesh", "faults"))),
    (_domain, (("domain",), ("tick_ps",), ("barrier_ps",))),
    (_packing, (_MODEL, ("synapse_format",))),
    (
        _policies,
        (_MODEL, *(("arithmetic", key) for key in ("overflow", "variant", "neuron_reset_type"))),
    ),
    (_crossbar_limits, (_MODEL, *(("limits", key) for key in (*_CROSSBAR_LIMITS, *_LIST_LIMITS)))),
    (_crossbar_mesh, (_MODEL, ("mesh", "multicast"), ("mesh", "faults"))),
    (_index_width, (("limits", "compartments"), ("synapse_format", "index_bits"))),
)
"""Each rule with the keys it reads."""


def broken_rules(data: Mapping[str, Any], broken: set[Path]) -> Iterator[Violation]:
    """Violations of every rule whose keys are sound by themselves. `broken`: the paths that are not."""
    for rule, paths in _RULES:
        if any(path[: len(bad)] == bad or bad[: len(path)] == path for path in paths for bad in broken):
            continue
        for path, text in rule(*(_value(data, path) for path in paths)):
            yield Violation(path, text)


def _value(data: Any, path: Path) -> Any:
    """None below a group that may be null and is, or is left out."""
    for key in path:
        if data is not None:
            data = getattr(data, key) if isinstance(data, BaseModel) else data.get(key)
    return data
