"""Compiled programs as files. What is loaded has passed the checks that engines rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.check import check_image
from emulator.chip.crossbar import AnyImage, CrossbarImage
from emulator.chip.generators import generator_problems
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.errors import ImageError, SpecError
from emulator.formats import container
from emulator.formats.fields import Fields, prefixed
from emulator.formats.files import shown
from emulator.formats.generators import program_generator, read_program_generator
from emulator.program import Part, ProbeSymbol, Program, Symbols

Ints = NDArray[np.int64]

IMAGES: dict[str, type[Image] | type[CrossbarImage]] = {"lists": Image, "crossbars": CrossbarImage}
"""Kinds of images by what files call them."""

VERSION = 3  # of programs; a record holds one, so its own version rises with this one


def save_program(program: Program, path: str | PathLike[str]) -> None:
    """Writes image, symbols, chip and stats. Raises ImageError."""
    container.write(path, "program", VERSION, program_content(program))


def load_program(path: str | PathLike[str]) -> Program:
    """Reads a program that is safe to run. Raises ImageError naming the file and what is wrong with it."""
    named = shown(path)
    return read_program(Fields(container.read(path, "program", VERSION), "", []), named)


def program_content(program: Program) -> dict[str, Any]:
    """A program as maps and arrays."""
    symbols = program.symbols
    return {
        "image": {
            "kind": next(name for name, kind in IMAGES.items() if isinstance(program.image, kind)),
            **program.image.arrays(),
            "n_groups": program.image.n_groups,
        },
        "symbols": {
            "network": symbols.network,
            "dt_s": float(symbols.dt_s),
            "parts": [_part(part) for part in symbols.parts],
            "probes": [_probe(probe) for probe in symbols.probes],
        },
        "chip": program.chip.to_dict(),
        "stats": program.stats,
    }


def read_program(content: Fields, named: str) -> Program:
    """The program of `program_content`, every part of it checked. Raises ImageError."""
    content.only("image", "symbols", "chip", "stats")
    image_fields, symbol_fields = content.sub("image"), content.sub("symbols")
    chip_table, stats = content.sub("chip").table, content.sub("stats").table
    kind = IMAGES[image_fields.text("kind", *IMAGES)]
    image_fields.only("kind", *kind.TABLES, "n_groups")
    arrays = {name: image_fields.array(name, dtype, None) for name, dtype in kind.TABLES.items()}
    n_groups = image_fields.integer("n_groups", 0, 2**31 - 1)
    symbols = _read_symbols(symbol_fields)
    content.stop(named)
    image: AnyImage = kind(**arrays, n_groups=n_groups)
    try:
        chip = ChipSpec.from_dict(chip_table)
    except SpecError as error:
        raise prefixed(f"{named}: {content.label('chip')}", error) from None
    try:
        check_image(image, chip)
    except ImageError as error:
        raise prefixed(f"{named}: {content.label('image')}", error) from None
    _check_symbols(symbols, image, symbol_fields)
    content.stop(named)
    return Program(image=image, symbols=symbols, chip=chip, stats=stats)


def _part(part: Part) -> dict[str, Any]:
    address = np.asarray(part.address, dtype=np.int64)
    return {
        "name": part.name,
        "kind": part.kind,
        "address": address,
        "recorded": bool(part.recorded),
        "generator": program_generator(part.generator),
    }


def _probe(probe: ProbeSymbol) -> dict[str, Any]:
    chosen = {
        key: None if value is None else np.asarray(value, dtype=np.int64)
        for key, value in (("index", probe.index), ("ticks", probe.ticks))
    }
    return {"population": probe.population, "variable": probe.variable, **chosen, "raw": bool(probe.raw)}


def _read_symbols(fields: Fields) -> Symbols:
    fields.only("network", "dt_s", "parts", "probes")
    parts, probes = [], []
    for item in fields.subs("parts"):
        item.only("name", "kind", "address", "recorded", "generator")
        kind = item.text("kind", "source", "population")
        address = item.array("address", "int64", None)
        generator = None if item.is_none("generator") else read_program_generator(item.sub("generator"))
        parts.append(Part(item.text("name"), kind, address, item.flag("recorded"), generator))
    for item in fields.subs("probes"):
        item.only("population", "variable", "index", "ticks", "raw")
        index = None if item.is_none("index") else item.array("index", "int64", None)
        ticks = None if item.is_none("ticks") else item.array("ticks", "int64", None)
        variable, raw = item.text("variable", "u", "v"), item.flag("raw")
        item.require(variable == "v" or not raw, "raw", "the raw register is that of v")
        probes.append(ProbeSymbol(item.text("population"), variable, index, ticks, raw))
    return Symbols(fields.text("network"), fields.number("dt_s"), tuple(parts), tuple(probes))


def _check_symbols(symbols: Symbols, image: AnyImage, fields: Fields) -> None:
    """Notes where the symbols and the image do not describe the same network."""
    fields.require(symbols.dt_s > 0, "dt_s", f"{symbols.dt_s} must be above 0 s")
    names = [part.name for part in symbols.parts]
    _check_names(symbols.parts, isinstance(image, CrossbarImage), fields)
    kinds = [part.kind for part in symbols.parts]
    fields.require(kinds == sorted(kinds, reverse=True), "parts", "a source comes after a population")
    n_groups = image.n_groups
    fields.require(len(names) == n_groups, "parts", f"{len(names)} parts, the image has {n_groups} accounts")
    _check_cover(symbols.populations, image.n_slots, "slots", fields)
    _check_cover(symbols.sources, image.n_inputs, "host inputs", fields)
    if fields.problems:  # what follows indexes tables of the image
        return
    for group, part in enumerate(symbols.parts):
        _check_accounts(part, group, image, fields)
        _check_generator(part, Fields({}, fields.label(f"parts[{group}]"), fields.problems))
    sizes = {part.name: part.n for part in symbols.populations}
    for index, probe in enumerate(symbols.probes):
        place = Fields({}, fields.label(f"probes[{index}]"), fields.problems)
        only_v = isinstance(image, Image) or (probe.variable == "v" and not probe.raw)
        place.require(only_v, "variable", "crossbar cores have v alone, and no raw register")
        _check_probe(probe, sizes, place)


def _check_names(parts: Sequence[Part], with_cores: bool, fields: Fields) -> None:
    """A name is that of one part. A core described directly has two: its neurons, and as a source its axons,
    which come after all other sources and in the order of the neurons."""
    uses = Counter((part.kind, part.name) for part in parts)
    shared = {name for kind, name in uses if ("source", name) in uses and kind == "population"}
    twice = {name for (_, name), n in uses.items() if n > 1} | (set() if with_cores else shared)
    fields.require(not twice, "parts", f"names used twice: {sorted(twice)}")
    fields.require(all(part.name for part in parts), "parts", "a part has no name")
    orders = []
    for kind in ("source", "population"):
        names = [part.name for part in parts if part.kind == kind]
        orders.append([name for name in names if name in shared])
        last = names[len(names) - len(orders[-1]) :]
        fields.require(bool(twice) or orders[-1] == last, "parts", f"cores come after every other {kind}")
    same = bool(twice) or orders[0] == orders[1]
    fields.require(same, "parts", "axons of cores come in another order than their neurons")
    driven = sorted(part.name for part in parts if part.name in shared and part.generator is not None)
    fields.require(not driven, "parts", f"axons of cores have a generator: {driven}")


def _check_cover(parts: tuple[Part, ...], n: int, of: str, fields: Fields) -> None:
    """Every address is taken by exactly one neuron or input."""
    taken = np.concatenate([np.zeros(0, dtype=np.int64), *(part.address for part in parts)])
    inside = taken[(taken >= 0) & (taken < n)]
    outside = len(taken) - len(inside)
    fields.require(outside == 0, "parts", f"{outside} addresses outside the {n} {of} of the image")
    uses = np.bincount(inside, minlength=n)
    for wrong, what in ((uses == 0, "belong to no part"), (uses > 1, "belong to more than one neuron")):
        first = f", the first is {int(np.argmax(wrong))}" if wrong.any() else ""
        fields.require(not wrong.any(), "parts", f"{int(wrong.sum())} {of} {what}{first}")


def _check_accounts(part: Part, group: int, image: AnyImage, fields: Fields) -> None:
    fields.require(part.n > 0, f"parts[{group}].address", f"{part.kind} {part.name!r} is empty")
    booked = (image.slot_group if part.kind == "population" else image.input_group)[part.address]
    fields.require(
        bool((booked == group).all()),
        f"parts[{group}].address",
        f"the image books {part.kind} {part.name!r} on another account than {group}",
    )
    if part.kind == "population":
        recorded = image.slot_recorded[part.address] == part.recorded
        fields.require(
            bool(recorded.all()), f"parts[{group}].recorded", f"differs from the image's for {part.name!r}"
        )


def _check_generator(part: Part, fields: Fields) -> None:
    if part.generator is None:
        return
    fields.require(part.kind == "source", "generator", f"{part.kind} {part.name!r} is no source")
    consecutive = np.array_equal(part.address, part.address[:1] + np.arange(part.n))
    fields.require(consecutive, "address", f"{part.name!r} has a generator, but its inputs are not in a row")
    for problem in generator_problems(part.generator, part.n):
        fields.require(False, "generator", problem)


def _check_probe(probe: ProbeSymbol, sizes: dict[str, int], fields: Fields) -> None:
    """`sizes`: neurons of each population."""
    fields.require(probe.population in sizes, "population", f"{probe.population!r} is no population")
    limits = {"index": sizes.get(probe.population, 0), "ticks": 2**63 - 1}
    for key, chosen in (("index", probe.index), ("ticks", probe.ticks)):
        if chosen is None:
            continue
        inside = bool(((chosen >= 0) & (chosen < limits[key])).all())
        fields.require(inside, key, f"outside 0..{limits[key] - 1}")
        fields.require(len(np.unique(chosen)) == len(chosen), key, "names an entry twice")
