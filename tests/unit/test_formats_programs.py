"""Programs as files: saving and loading is the identity, and no forged file reaches an engine."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.chip.image import DTYPES
from emulator.compiler import compile
from emulator.errors import EmulatorError, ImageError
from emulator.formats import container, load_program, save_program
from emulator.formats.programs import VERSION, program_content
from emulator.program import Program
from emulator.testing.crossbars import crossbar_chip, two_cores
from emulator.testing.small_run import small_program

Content = dict[str, Any]


def place(content: Any, path: str) -> tuple[Any, Any]:
    """The container and the key of a place named like `symbols.parts.0.name`."""
    *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
    for key in keys:
        content = content[key]
    return content, last


def put(path: str, value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        table, key = place(content, path)
        table[key] = value

    return change


def drop(path: str) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        table, key = place(content, path)
        del table[key]

    return change


def at(path: str, index: int, value: int) -> Callable[[Content], None]:
    """Sets one value of an array."""

    def change(content: Content) -> None:
        table, key = place(content, path)
        table[key] = table[key].copy()
        table[key][index] = value

    return change


def forged(path: Path, *changes: Callable[[Content], None]) -> Path:
    """A program file with changed contents and a right checksum."""
    content = copy.deepcopy(program_content(small_program()))
    for change in changes:
        change(content)
    container.write(path, "program", VERSION, content)
    return path


def assert_same(left: Program, right: Program) -> None:
    for name, array in left.image.arrays().items():
        assert np.array_equal(array, getattr(right.image, name)), name
        assert array.dtype == getattr(right.image, name).dtype == DTYPES[name]
    assert left.image.digest == right.image.digest
    assert left.chip == right.chip
    assert left.stats == right.stats
    a, b = left.symbols, right.symbols
    assert (a.network, a.dt_s) == (b.network, b.dt_s)
    for ours, theirs in zip((*a.parts, *a.probes), (*b.parts, *b.probes), strict=True):
        for name, value in vars(ours).items():
            assert np.array_equal(value, getattr(theirs, name)), name


def test_a_program_comes_back_as_it_was(tmp_path: Path) -> None:
    program = small_program()
    program.save(tmp_path / "p")
    assert_same(program, load_program(tmp_path / "p"))


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    save_program(small_program(), tmp_path / "a")
    save_program(load_program(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tables_of_a_loaded_program_cannot_be_written(tmp_path: Path) -> None:
    image = load_program(forged(tmp_path / "p")).image
    with pytest.raises(ValueError, match="read-only"):
        image.syn_mant[0] = 1


I32, I64 = np.int32, np.int64


def poisson(threshold: list[int]) -> Content:
    """A generator as a program file holds it."""
    return {"kind": "poisson", "threshold": np.array(threshold, I64)}


FORGERIES = [
    (drop("image"), "image: missing"),
    (drop("image.syn_mant"), r"image.syn_mant: missing"),
    (put("image.syn_mant", np.zeros(5)), r"image.syn_mant: float64\[5\], expected int16\[n\]"),
    (put("image.syn_mant", np.zeros((5, 1), np.int16)), r"syn_mant: int16\[5, 1\], expected int16\[n\]"),
    (put("image.syn_mant", np.zeros(4, np.int16)), r"image: syn_mant: 4 values, expected 5"),
    (put("image.weights", np.zeros(5)), "image.weights: unknown field"),
    (put("image.n_groups", -1), "image.n_groups: -1 outside"),
    (put("image.n_groups", 2**31 - 1), "image: n_groups = 2147483647: must be"),
    (
        put("image.core_id", np.array([0, 800], I32)),
        r"image: core_id\[1\] = 800: outside 0..7 of chip 'tiny'",
    ),
    (put("image.core_id", np.array([5, 0], I32)), r"core_id\[1\] = 0: not above"),
    (put("image.slot_ptr", np.zeros(0, I64)), r"slot_ptr: 0 values"),
    (at("image.slot_ptr", 1, 9), r"slot_ptr\[2\] = 3: below"),
    (at("image.syn_ptr", 4, 2**40), r"syn_ptr: runs from 0 to 1099511627776, expected 0 to 5"),
    (at("image.syn_slot", 0, 2), r"syn_slot\[0\] = 2: its core has 2 slots"),
    (at("image.syn_delay", 0, 0), r"syn_delay\[0\] = 0: outside"),
    (at("image.syn_format", 0, 2), r"syn_format\[0\] = 2: outside 0..1"),
    (at("image.syn_mant", 0, 63), r"syn_mant\[0\] = 63: format 0 stores multiples of 2"),
    (at("image.entry_core", 0, 3), r"entry_core\[0\] = 3: outside 0..2"),
    (at("image.entry_axon", 0, 0), r"entry_axon\[0\] = 0: outside the axons 2..3 of core row 1"),
    (at("image.slot_config", 0, 1), r"slot_config\[0\] = 1: outside the rows"),
    (at("image.slot_group", 0, 3), r"slot_group\[0\] = 3: outside 0..2"),
    (at("image.slot_v0", 0, -(2**31)), r"slot_v0\[0\] = -2147483648: outside vmin..vmax"),
    (drop("chip.mesh.width"), r"chip: .*mesh.width"),
    (put("chip.mesh.width", -1), r"chip: .*mesh.width: -1"),
    (put("chip.limits.compartments", 1), r"image: core 0: compartments 2, limit 1"),
    (put("chip", 7), "chip: int, expected a map"),
    (put("stats", []), "stats: list, expected a map"),
    (put("more", 1), "more: unknown field"),
    (put("symbols.dt_s", -1.0), r"symbols.dt_s: -1.0 must be above 0"),
    (put("symbols.network", None), "symbols.network: NoneType, expected text"),
    (put("symbols.parts.1.name", "in"), r"symbols.parts: names used twice: \['in'\]"),
    (put("symbols.parts.1.name", ""), "a part has no name"),
    (
        put("symbols.parts.1.kind", "thing"),
        r"symbols.parts\[1\].kind: 'thing', choose from source, population",
    ),
    (put("symbols.parts.1.kind", "source"), "2 host inputs belong to more than one neuron, the first is 0"),
    (put("symbols.parts.0.kind", "population"), "2 host inputs belong to no part, the first is 0"),
    (put("symbols.parts.0.address", np.array([0, 2])), "1 addresses outside the 2 host inputs"),
    (put("symbols.parts.1.address", np.array([0, -1])), "1 addresses outside the 3 slots"),
    (put("symbols.parts.1.address", np.array([0, 2])), "1 slots belong to no part, the first is 1"),
    (
        put("symbols.parts.2.address", np.array([0.5])),
        r"parts\[2\].address: float64\[1\], expected int64\[n\]",
    ),
    (put("symbols.parts.2.recorded", False), r"parts\[2\].recorded: differs from the image's for 'out'"),
    (lambda content: content["symbols"]["parts"].reverse(), "a source comes after a population"),
    (drop("symbols.parts.2"), r"2 parts, the image has 3 accounts"),
    (put("symbols.parts.0.generator", 5), r"parts\[0\].generator: int, expected a map"),
    (put("symbols.parts.0.generator", {"kind": "gamma"}), r"parts\[0\].generator.kind: 'gamma', choose from"),
    (put("symbols.parts.0.generator", poisson([0, 2**32 + 1])), r"parts\[0\].generator: threshold: values"),
    (put("symbols.parts.0.generator", poisson([0, 1, 2])), r"parts\[0\].generator: threshold: shape \[3\]"),
    (put("symbols.parts.1.generator", poisson([0])), r"parts\[1\].generator: .* 'hidden' is no source"),
    (drop("symbols.parts.0.generator"), r"parts\[0\].generator: "),
    (put("symbols.probes.0.population", "in"), r"probes\[0\].population: 'in' is no population"),
    (put("symbols.probes.0.variable", "w"), r"probes\[0\].variable: 'w', choose from u, v"),
    (put("symbols.probes.1.raw", True), r"probes\[1\].raw: the raw register is that of v"),
    (put("symbols.probes.1.index", np.array([2])), r"probes\[1\].index: outside 0..1"),
    (put("symbols.probes.1.index", np.array([1, 1])), r"probes\[1\].index: names an entry twice"),
    (put("symbols.probes.1.ticks", np.array([-1])), r"probes\[1\].ticks: outside 0.."),
]


@pytest.mark.parametrize(("change", "words"), FORGERIES, ids=range(len(FORGERIES)))
def test_a_forged_program_is_refused(tmp_path: Path, change: Callable[[Content], None], words: str) -> None:
    path = forged(tmp_path / "p", change)
    with pytest.raises(ImageError, match=words) as caught:
        load_program(path)
    assert all(str(path) in problem for problem in caught.value.problems)


def test_parts_that_swap_their_slots_are_refused(tmp_path: Path) -> None:
    swap = (put("symbols.parts.1.address", np.array([2])), put("symbols.parts.2.address", np.array([0, 1])))
    with pytest.raises(ImageError, match="books population 'hidden' on another account than 1"):
        load_program(forged(tmp_path / "p", *swap))


def test_a_part_without_neurons_is_refused(tmp_path: Path) -> None:
    def add(content: Content) -> None:
        empty = {"name": "empty", "kind": "population", "address": np.zeros(0, I64), "recorded": True}
        empty["generator"] = None
        content["symbols"]["parts"].append(empty)
        content["image"]["n_groups"] = 4

    with pytest.raises(ImageError, match="population 'empty' is empty"):
        load_program(forged(tmp_path / "p", add))


def test_all_fields_that_are_wrong_are_listed_at_once(tmp_path: Path) -> None:
    changes = (
        drop("image.syn_mant"),
        put("symbols.dt_s", "x"),
        put("chip", []),
        put("symbols.parts.0.kind", 1),
    )
    with pytest.raises(ImageError, match="4 problems"):
        load_program(forged(tmp_path / "p", *changes))


def leaves(value: Any, path: str = "") -> list[str]:
    """Paths of all places of a content."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in items:
        found += leaves(item, f"{path}.{key}" if path else str(key))
    return found


CONTENT = program_content(small_program())
STRANGE = (None, True, -1, 2**63, 0.5, float("nan"), "x", [], {}, [[]], {3: 4}, np.zeros(0), np.array([-1]))


@settings(max_examples=150)
@given(st.data())
def test_a_content_with_anything_anywhere_never_does_worse_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "strange"
    content = copy.deepcopy(CONTENT)
    put(data.draw(st.sampled_from(leaves(CONTENT))), data.draw(st.sampled_from(STRANGE)))(content)
    container.write(path, "program", VERSION, content)
    try:
        load_program(path)
    except EmulatorError as error:
        assert isinstance(error, ImageError)


@settings(max_examples=150)
@given(st.sampled_from(sorted(DTYPES)), st.data())
def test_an_image_with_any_value_anywhere_is_refused_or_safe(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """Every index of an image that loads stays within its table."""
    array = CONTENT["image"][name]
    limits = np.iinfo(array.dtype)
    index = data.draw(st.integers(0, len(array) - 1))
    value = data.draw(st.integers(int(limits.min), int(limits.max)) | st.integers(0, min(6, int(limits.max))))
    path = forged(tmp_path_factory.getbasetemp() / "value", at(f"image.{name}", index, value))
    try:
        image = load_program(path).image
    except ImageError:
        return
    core = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    assert (image.slot_config < image.config_ptr[core + 1]).all()
    axon_core = np.searchsorted(image.axon_ptr, np.arange(image.n_axons), side="right") - 1
    owner = np.repeat(axon_core, np.diff(image.syn_ptr))
    assert (image.syn_slot < np.diff(image.slot_ptr)[owner]).all()
    assert (image.entry_axon < max(image.n_axons, 1)).all() and (image.entry_core <= image.n_cores).all()
    assert (image.slot_group < image.n_groups).all()


def test_a_generator_needs_its_host_inputs_in_a_row(tmp_path: Path) -> None:
    changes = (
        put("symbols.parts.0.generator", poisson([7])),
        put("symbols.parts.0.address", np.array([1, 0])),
    )
    with pytest.raises(ImageError, match="'in' has a generator, but its inputs are not in a row"):
        load_program(forged(tmp_path / "p", *changes))


def crossbars(*changes: Callable[[Content], None]) -> Content:
    content = copy.deepcopy(program_content(compile(two_cores(), crossbar_chip())))
    for change in changes:
        change(content)
    return content


def swapped(first: int, second: int) -> Callable[[Content], None]:
    """Names of two parts, each for the other."""

    def change(content: Content) -> None:
        parts = content["symbols"]["parts"]
        parts[first]["name"], parts[second]["name"] = parts[second]["name"], parts[first]["name"]

    return change


FORGED_CROSSBARS = [
    (put("image.kind", "planes"), "image.kind: 'planes', choose from lists, crossbars"),
    (drop("image.kind"), "image.kind: missing"),
    (put("image.kind", "lists"), "image.axon_type: unknown field"),
    (at("image.slot_leak", 0, 256), r"image: slot_leak\[0\] = 256: outside -255..255"),
    (put("symbols.parts.0.name", "a"), r"names used twice: \['a'\]"),
    (put("symbols.parts.4.name", "a"), r"names used twice: \['a'\]"),
    (swapped(3, 4), "axons of cores come in another order than their neurons"),
    (put("symbols.parts.0.name", "b"), r"names used twice: \['b'\]"),
    (swapped(0, 1), "cores come after every other source"),
    (
        put("symbols.parts.1.generator", {"kind": "poisson", "threshold": np.array([1, 1])}),
        "axons of cores have a gen",
    ),
    (put("symbols.probes.0.variable", "u"), "crossbar cores have v alone, and no raw register"),
    (put("symbols.probes.0.raw", True), "crossbar cores have v alone, and no raw register"),
]


@pytest.mark.parametrize(("change", "words"), FORGED_CROSSBARS, ids=range(len(FORGED_CROSSBARS)))
def test_a_forged_program_of_crossbars_is_refused(
    change: Callable[[Content], None], words: str, tmp_path: Path
) -> None:
    container.write(tmp_path / "p", "program", VERSION, crossbars(change))
    with pytest.raises(ImageError, match=words):
        load_program(tmp_path / "p")


def test_names_are_shared_by_cores_alone(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"names used twice: \['in'\]"):
        load_program(forged(tmp_path / "p", put("symbols.parts.1.name", "in")))
