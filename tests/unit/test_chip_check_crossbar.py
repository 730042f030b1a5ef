"""check_image refuses a crossbar image in which any field leaves its table, its register or the limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.check import check_image
from emulator.chip.crossbar import CROSSBAR_DTYPES, CrossbarImage
from emulator.testing.crossbars import crossbar_chip, two_cores
from emulator.testing.small_run import small_image


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return crossbar_chip()


@pytest.fixture(scope="module")
def image(chip: em.ChipSpec) -> CrossbarImage:
    """Rows: core b of two neurons, core a of three; two axons each; six inputs, two of them idle."""
    made = em.compile(two_cores(), chip).image
    assert isinstance(made, CrossbarImage)
    return made


def changed(image: CrossbarImage, name: str, place: int | None, value: Any) -> CrossbarImage:
    """A copy with one value changed; place None: appended."""
    array = getattr(image, name)
    array = np.append(array, np.asarray(value, array.dtype)) if place is None else array.copy()
    if place is not None:
        array[place] = value
    return image.replace(**{name: array})


WRONG = [
    ("core_id", 0, -1, r"core_id\[0\] = -1: outside 0\.\.7"),
    ("core_id", 1, 8, r"core_id\[1\] = 8: outside 0\.\.7 of chip 'tiny'"),
    ("core_id", 1, 0, r"core_id\[1\] = 0: not above core_id\[0\] = 0"),
    ("slot_ptr", 1, 0, "slot_ptr: core row 0 holds no compartment"),
    ("slot_ptr", 2, 4, "slot_ptr: runs from 0 to 4, expected 0 to 5"),
    ("slot_ptr", 1, 6, r"slot_ptr\[2\] = 5: below slot_ptr\[1\] = 6"),
    ("axon_ptr", 1, -1, r"axon_ptr\[1\] = -1: below axon_ptr\[0\] = 0"),
    ("entry_ptr", 1, 9, r"entry_ptr\[2\] = 1: below entry_ptr\[1\] = 9"),
    ("entry_ptr", 0, 1, "entry_ptr: runs from 1"),
    ("axon_type", 0, 4, r"axon_type\[0\] = 4: outside 0\.\.3"),
    ("axon_group", 3, 5, r"axon_group\[3\] = 5: outside 0\.\.4"),
    ("slot_group", 0, 5, r"slot_group\[0\] = 5: outside 0\.\.4"),
    ("input_group", 0, -1, r"input_group\[0\] = -1: outside 0\.\.4"),
    ("crossbar", 0, 0b100, r"crossbar: axon 0 has synapses past the 2 neurons of its core"),
    ("crossbar", 127, 1, r"crossbar: axon 3 has synapses past the 3 neurons of its core"),
    ("slot_weight", 3, 256, r"slot_weight\[3\] = 256: outside -255\.\.255"),
    ("slot_stochastic", 0, 32, r"slot_stochastic\[0\] = 32: outside 0\.\.31"),
    ("slot_leak", 0, -256, r"slot_leak\[0\] = -256: outside"),
    ("slot_reversal", 0, 2, r"slot_reversal\[0\] = 2: outside 0\.\.1"),
    ("slot_alpha", 0, -1, r"slot_alpha\[0\] = -1: outside 0\.\.262143"),
    ("slot_beta", 0, 2**18, r"slot_beta\[0\] = 262144: outside 0\.\.262143"),
    ("slot_mask_bits", 0, 19, r"slot_mask_bits\[0\] = 19: outside 0\.\.18"),
    ("slot_reset", 0, 2**18, r"slot_reset\[0\] = 262144: outside"),
    ("slot_reset", 0, 5, r"slot_reset\[0\] = 5: must be \+-\(2\*\*n - 1\)"),
    ("slot_reset_mode", 0, 3, r"slot_reset_mode\[0\] = 3: outside 0\.\.2"),
    ("slot_saturate", 0, 2, r"slot_saturate\[0\] = 2: outside 0\.\.1"),
    ("slot_v0", 0, 2**19, r"slot_v0\[0\] = 524288: outside -524288\.\.524287"),
    ("slot_recorded", 0, 2, r"slot_recorded\[0\] = 2: outside 0\.\.1"),
    ("entry_core", 0, 3, r"entry_core\[0\] = 3: outside 0\.\.2"),
    ("entry_core", 4, 2, r"entry_core\[4\] = 2: a host input sends to the host port"),
    ("entry_axon", 0, 0, r"entry_axon\[0\] = 0: outside the axons 2\.\.3 of core row 1"),
    ("entry_axon", 3, 1, r"entry_axon\[3\] = 1: outside the axons 0\.\.0 of the host port"),
    ("entry_delay", 0, 0, r"entry_delay\[0\] = 0: of a neuron, must be 1\.\.15"),
    ("entry_delay", 0, 16, r"entry_delay\[0\] = 16: of a neuron, must be 1\.\.15"),
    ("entry_delay", 7, 16, r"entry_delay\[7\] = 16: of an input, must be 0\.\.15"),
    ("entry_delay", 3, 1, r"entry_delay\[3\] = 1: to the host port, must be 0"),
    ("n_groups", None, 12, r"n_groups = 12: must be an integer in 0\.\.11"),
]


@pytest.mark.parametrize(("name", "place", "value", "words"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_refused(
    image: CrossbarImage, chip: em.ChipSpec, name: str, place: int | None, value: Any, words: str
) -> None:
    wrong = image.replace(n_groups=value) if name == "n_groups" else changed(image, name, place, value)
    with pytest.raises(em.ImageError, match=words):
        check_image(wrong, chip)


@pytest.mark.parametrize("name", sorted(set(CROSSBAR_DTYPES) - {"slot_group", "input_group", "axon_type"}))
def test_an_array_of_another_length_is_refused(image: CrossbarImage, chip: em.ChipSpec, name: str) -> None:
    with pytest.raises(em.ImageError, match=r"values, expected|expected 0 to"):
        check_image(changed(image, name, None, 0), chip)


@pytest.mark.parametrize("name", sorted(CROSSBAR_DTYPES))
def test_a_table_of_two_axes_is_refused(image: CrossbarImage, chip: em.ChipSpec, name: str) -> None:
    with pytest.raises(em.ImageError, match=f"{name}: 2 dimensions, expected 1"):
        check_image(image.replace(**{name: getattr(image, name).reshape(1, -1)}), chip)


def test_an_empty_image_is_refused(image: CrossbarImage, chip: em.ChipSpec) -> None:
    empty = {name: array[:0] for name, array in image.arrays().items()}
    with pytest.raises(em.ImageError, match="core_id: empty; an image has at least one core"):
        check_image(image.replace(**empty, n_groups=0), chip)


def test_a_neuron_has_one_target(image: CrossbarImage, chip: em.ChipSpec) -> None:
    pointer = image.entry_ptr.copy()
    pointer[1] = 1
    pointer[2] = 1
    pointer[3] = 3
    pointer[4] = 3
    with pytest.raises(em.ImageError, match=r"slot 2: 2 axon-out entries, a neuron has one target"):
        check_image(image.replace(entry_ptr=pointer), chip)


def test_a_core_has_at_most_256_neurons_and_axons(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_core("a", np.zeros((200, 200), dtype=bool), 0, em.TrueNorth(s=(1, -1, 0, 0)))
    net.add_core("b", np.zeros((200, 200), dtype=bool), 0, em.TrueNorth(s=(1, -1, 0, 0)))
    image = em.compile(net, chip).image
    for name, what in (("slot_ptr", 399), ("axon_ptr", 399)):
        pointer = getattr(image, name).copy()
        pointer[1] = 399
        with pytest.raises(em.ImageError, match=f"{name}: core row 0 has {what}, a crossbar 256 at most"):
            check_image(image.replace(**{name: pointer}), chip)


@pytest.mark.parametrize(
    ("key", "limit", "words"),
    [
        ("compartments", 2, r"core 2: compartments 3, limit 2 \(chip 'tiny'\)"),
        ("axons_in", 1, r"core 0: axons_in 2, limit 1 \(chip 'tiny'\) \(and 1 more\)"),
        ("delay_ticks", 14, r"entry_delay\[1\] = 15: of a neuron, must be 1..14"),
    ],
)
def test_limits_of_the_chip_bind(image: CrossbarImage, key: str, limit: int, words: str) -> None:
    with pytest.raises(em.ImageError, match=words):
        check_image(image, crossbar_chip(**{f"limits__{key}": limit}))


def test_variant_ranc_holds_what_the_arrays_do(image: CrossbarImage) -> None:
    wide = changed(changed(image, "slot_reset", 0, 5), "slot_alpha", 0, -(2**31))
    check_image(wide, crossbar_chip(arithmetic__variant="ranc"))


def test_cores_on_dead_places_are_refused(image: CrossbarImage) -> None:
    with pytest.raises(em.ImageError, match="core 2: holds compartments but is dead"):
        check_image(image, crossbar_chip(mesh__faults={"cores": [2]}))


def test_an_image_belongs_to_a_chip_of_its_kind_of_cores(image: CrossbarImage, chip: em.ChipSpec) -> None:
    with pytest.raises(
        em.ImageError, match=r"image of truenorth cores: chip 'tiny' has cuba cores .*: take the"
    ):
        check_image(image, em.load_chip("tiny"))
    with pytest.raises(em.ImageError, match=r"image of cuba cores: chip 'tiny' has truenorth cores"):
        check_image(small_image(), chip)
