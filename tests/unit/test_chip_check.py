"""check_image refuses an image in which any field leaves its table, its register or the chip's limits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator.chip.check import check_image
from emulator.chip.image import DTYPES, Image
from emulator.chip.usage import RESOURCES, usage


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("tiny")


@pytest.fixture(scope="module")
def image(chip: em.ChipSpec) -> Image:
    """Two cores of three slots each, a dense and a sparse list into each, two inputs, host output."""
    net = em.Network()
    source = net.add_source("in", 2)
    a = net.add_population("a", 3, em.LoihiCuba(vth_mant=[1, 2, 2], du=[10, 20, 20], vmin=-5, vmax=5), v0=3)
    b = net.add_population("b", 3, em.LoihiCuba(), to_host=True)
    net.connect(source, a, em.Triplets([0, 0, 0], [0, 1, 2], [2, 4, -6]))
    net.connect(source, b, em.Triplets([1, 1], [0, 2], [2, 4], [3, 1]))
    net.connect(a, b, em.Triplets([0, 1], [1, 2], [8, 8]), synapse=em.LoihiSynapse(w_exp=2, weight_bits=6))
    net.connect(b, a, em.Triplets([0, 0], [0, 2], [8, 8]), synapse=em.LoihiSynapse(sign_mode="excitatory"))
    return em.compile(net, chip, mapping={"a": np.full(3, 1), "b": np.full(3, 4)}).image


def changed(image: Image, name: str, place: int | None, value: Any) -> Image:
    """A copy with one value changed; place None: appended."""
    array = getattr(image, name)
    array = np.append(array, np.asarray(value, array.dtype)) if place is None else array.copy()
    if place is not None:
        array[place] = value
    return image.replace(**{name: array})


def test_an_image_cannot_be_changed_through_the_arrays_it_was_made_of(image: Image) -> None:
    given = image.entry_axon.copy()
    made = image.replace(entry_axon=given)
    given[:] = 10**6
    assert np.array_equal(made.entry_axon, image.entry_axon) and not made.entry_axon.flags.writeable


def test_a_compiled_image_passes(image: Image, chip: em.ChipSpec) -> None:
    check_image(image, chip)


WRONG_VALUES = [
    ("core_id", 0, -1, r"core_id\[0\] = -1: outside 0\.\.7"),
    ("core_id", 1, 8, r"core_id\[1\] = 8: outside 0\.\.7 of chip 'tiny'"),
    ("core_id", 1, 1, r"core_id\[1\] = 1: not above core_id\[0\] = 1"),
    ("slot_ptr", 0, 1, "slot_ptr: runs from 1 to 6, expected 0 to 6"),
    ("slot_ptr", 1, 0, "slot_ptr: core row 0 holds no compartment"),
    ("slot_ptr", 1, 7, r"slot_ptr\[2\] = 6: below slot_ptr\[1\] = 7"),
    ("slot_ptr", 2, 5, "slot_ptr: runs from 0 to 5, expected 0 to 6"),
    ("config_ptr", 1, -1, r"config_ptr\[1\] = -1: below"),
    ("config_ptr", 2, 9, "config_ptr: runs from 0 to 9"),
    ("config_ptr", 1, 1, r"slot_config\[1\] = 1: outside the rows 0\.\.0 of core row 0"),
    ("config_du", 0, -1, r"config_du\[0\] = -1: outside 0\.\.4095"),
    ("config_du", 0, 4096, r"config_du\[0\] = 4096: outside"),
    ("config_dv", 1, 4096, r"config_dv\[1\] = 4096: outside"),
    ("config_ds_offset", 0, 2, r"config_ds_offset\[0\] = 2: outside 0\.\.1"),
    ("config_refractory", 0, 0, r"config_refractory\[0\] = 0: outside 1\.\.63"),
    ("config_refractory", 0, 64, r"config_refractory\[0\] = 64: outside 1\.\.63"),
    ("config_refractory", 0, 16, r"config_refractory\[0\] = 16: outside 1\.\.15 \(chip 'tiny'\)"),
    ("config_soft_reset", 0, 2, r"config_soft_reset\[0\] = 2: outside 0\.\.1"),
    ("config_vmin", 0, 1, r"config_vmin\[0\] = 1: outside"),
    ("config_vmin", 0, -(2**23), r"config_vmin\[0\] = -8388608: outside"),
    ("config_vmax", 0, 2**23, r"config_vmax\[0\] = 8388608: outside"),
    ("vth_ptr", 1, 5, r"vth_ptr\[2\] = 3: below"),
    ("vth_mant", 0, -1, r"vth_mant\[0\] = -1: outside 0\.\.131071"),
    ("vth_mant", 0, 2**17, r"vth_mant\[0\] = 131072: outside"),
    ("slot_config", 5, 0, r"slot_config\[5\] = 0: outside the rows 2\.\.2 of core row 1"),
    ("slot_config", 0, -1, r"slot_config\[0\] = -1: outside"),
    ("slot_vth", 0, 2, r"slot_vth\[0\] = 2: outside the rows 0\.\.1 of core row 0"),
    ("slot_bias_mant", 0, 4096, r"slot_bias_mant\[0\] = 4096: outside -4096\.\.4095"),
    ("slot_bias_exp", 0, 8, r"slot_bias_exp\[0\] = 8: outside 0\.\.7"),
    ("slot_u0", 0, 2**23, r"slot_u0\[0\] = 8388608: outside"),
    ("slot_v0", 0, 6, r"slot_v0\[0\] = 6: outside vmin\.\.vmax -5\.\.5"),
    ("slot_v0", 0, -6, r"slot_v0\[0\] = -6: outside vmin\.\.vmax -5\.\.5"),
    ("slot_refractory0", 0, 64, r"slot_refractory0\[0\] = 64: outside 0\.\.63"),
    ("slot_group", 0, 3, r"slot_group\[0\] = 3: outside 0\.\.2"),
    ("slot_group", 0, -1, r"slot_group\[0\] = -1: outside 0\.\.2"),
    ("slot_recorded", 0, 2, r"slot_recorded\[0\] = 2: outside 0\.\.1"),
    ("input_group", 1, 3, r"input_group\[1\] = 3: outside 0\.\.2"),
    ("entry_ptr", 1, 9, r"entry_ptr\[2\] = \d: below entry_ptr\[1\] = 9"),
    ("entry_ptr", 0, 1, "entry_ptr: runs from 1"),
    ("entry_core", 0, -1, r"entry_core\[0\] = -1: outside 0\.\.2"),
    ("entry_core", 0, 3, r"entry_core\[0\] = 3: outside 0\.\.2"),
    ("entry_axon", 0, 0, r"entry_axon\[0\] = 0: outside the axons 2\.\.4 of core row 1"),
    ("entry_axon", 1, 2, r"entry_axon\[1\] = 2: named by an entry before; an axon has one sender"),
    ("entry_axon", 0, 5, r"entry_axon\[0\] = 5: outside the axons 2\.\.4 of core row 1"),
    ("entry_axon", 3, 1, r"entry_axon\[3\] = 1: outside the axons 0\.\.0 of the host port"),
    ("axon_ptr", 1, 6, r"axon_ptr\[2\] = 5: below"),
    ("axon_ptr", 2, 4, "axon_ptr: runs from 0 to 4, expected 0 to 5"),
    ("syn_ptr", 1, 99, r"syn_ptr\[2\] = \d: below syn_ptr\[1\] = 99"),
    ("syn_ptr", 5, 8, "syn_ptr: runs from 0 to 8, expected 0 to 9"),
    ("syn_slot", 0, 3, r"syn_slot\[0\] = 3: its core has 3 slots"),
    ("syn_slot", 0, 65535, r"syn_slot\[0\] = 65535: its core has 3 slots"),
    ("syn_mant", 2, 256, r"syn_mant\[2\] = 256: outside -256\.\.255"),
    ("syn_mant", 2, 3, r"syn_mant\[2\] = 3: format 0 stores multiples of 2 only"),
    ("syn_mant", 0, -8, r"syn_mant\[0\] = -8: outside 0\.\.255"),
    ("syn_delay", 0, 0, r"syn_delay\[0\] = 0: outside 1\.\.63"),
    ("syn_delay", 0, 64, r"syn_delay\[0\] = 64: outside 1\.\.63"),
    ("syn_delay", 0, 2, r"syn_delay\[0\] = 2: format \d holds up to 1 ticks \(0 delay bits\)"),
    ("syn_format", 0, 4, r"syn_format\[0\] = 4: outside 0\.\.3"),
    ("format_w_exp", 0, 8, r"format_w_exp\[0\] = 8: outside -8\.\.7"),
    ("format_weight_bits", 0, 0, r"format_weight_bits\[0\] = 0: outside 1\.\.8"),
    ("format_weight_bits", 0, 9, r"format_weight_bits\[0\] = 9: outside 1\.\.8"),
    ("format_sign_mode", 0, 3, r"format_sign_mode\[0\] = 3: outside 0\.\.2"),
    ("format_delay_bits", 0, 7, r"format_delay_bits\[0\] = 7: outside 0\.\.6"),
    ("format_index_bits", 0, 13, r"format_index_bits\[0\] = 13: outside 0\.\.12"),
    ("format_index_bits", 1, 7, r"format_index_bits\[1\] = 7: choose from \[0, 6\]"),
    ("format_on_sum", 0, 2, r"format_on_sum\[0\] = 2: outside 0\.\.1"),
]


@pytest.mark.parametrize(("name", "place", "value", "words"), WRONG_VALUES)
def test_a_wrong_value_is_refused(
    name: str, place: int, value: int, words: str, image: Image, chip: em.ChipSpec
) -> None:
    with pytest.raises(em.ImageError, match=words):
        check_image(changed(image, name, place, value), chip)


def test_a_soft_reset_with_a_refractory_time_is_refused(image: Image, chip: em.ChipSpec) -> None:
    soft = changed(image, "config_soft_reset", 1, 1)
    check_image(soft, chip)
    words = r"config_refractory\[1\] = 2: a soft reset leaves no refractory time, it must be 1"
    with pytest.raises(em.ImageError, match=words):
        check_image(changed(soft, "config_refractory", 1, 2), chip)


def test_every_field_has_a_wrong_value_above() -> None:
    assert {name for name, *_ in WRONG_VALUES} == set(DTYPES)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_an_array_of_another_length_is_refused(name: str, image: Image, chip: em.ChipSpec) -> None:
    for array in (getattr(image, name)[:-1], np.append(getattr(image, name), getattr(image, name)[-1:])):
        with pytest.raises(em.ImageError):
            check_image(image.replace(**{name: array}), chip)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_a_table_of_two_dimensions_is_refused(name: str, image: Image, chip: em.ChipSpec) -> None:
    with pytest.raises(em.ImageError, match=f"{name}: 2 dimensions, expected 1"):
        check_image(image.replace(**{name: getattr(image, name).reshape(1, -1)}), chip)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_an_empty_array_is_refused(name: str, image: Image, chip: em.ChipSpec) -> None:
    with pytest.raises(em.ImageError):
        check_image(image.replace(**{name: getattr(image, name)[:0]}), chip)


@pytest.mark.parametrize("n_groups", [2, -1, 9, 2**40, 2.0])
def test_a_wrong_number_of_accounts_is_refused(n_groups: Any, image: Image, chip: em.ChipSpec) -> None:
    with pytest.raises(em.ImageError, match=r"n_groups|slot_group"):
        check_image(image.replace(n_groups=n_groups), chip)


def test_a_host_input_that_sends_to_the_host_port_is_refused(image: Image, chip: em.ChipSpec) -> None:
    last = len(image.entry_core) - 1
    broken = changed(changed(image, "entry_core", last, image.n_cores), "entry_axon", last, 0)
    with pytest.raises(em.ImageError, match="a host input sends to the host port"):
        check_image(broken, chip)


def test_more_formats_than_a_synapse_can_name_are_refused(image: Image, chip: em.ChipSpec) -> None:
    names = [name for name in DTYPES if name.startswith("format_")]
    formats = {name: np.resize(getattr(image, name), 257) for name in names}
    with pytest.raises(em.ImageError, match="257 formats, limit 256"):
        check_image(image.replace(**formats), chip)


def test_a_sparse_index_too_narrow_for_its_slot_is_refused(image: Image, chip: em.ChipSpec) -> None:
    big = image.replace(  # core row 1 gets 70 slots; the sparse synapse names slot 69
        slot_ptr=[0, 3, 73],
        **{
            name: np.append(getattr(image, name), np.full(67, getattr(image, name)[-1]))
            for name in DTYPES
            if name.startswith("slot_") and name != "slot_ptr"
        },
        entry_ptr=np.insert(image.entry_ptr, 6, np.full(67, image.entry_ptr[6])),
    )
    sparse = int(np.flatnonzero(image.format_index_bits[image.syn_format] == 6)[-1])
    with pytest.raises(em.ImageError, match=rf"syn_slot\[{sparse}\] = 69: format \d has 6 index bits"):
        check_image(changed(big, "syn_slot", sparse, 69), chip.replace({"limits.compartments": 64}))


@pytest.mark.parametrize("resource", RESOURCES)
def test_one_more_than_a_limit_is_refused_and_the_limit_itself_passes(
    resource: str, image: Image, chip: em.ChipSpec
) -> None:
    used = int(usage(image, chip)[resource].max())
    check_image(image, chip.replace({f"limits.{resource}": used}))
    if used > 1:
        with pytest.raises(em.ImageError, match=f"core [14]: {resource} {used}, limit {used - 1} "):
            check_image(image, chip.replace({f"limits.{resource}": used - 1}))


def test_a_delay_over_the_chips_limit_is_refused(image: Image, chip: em.ChipSpec) -> None:
    with pytest.raises(em.ImageError, match=r"syn_delay\[\d\] = 3: outside 1\.\.2 \(chip 'tiny'\)"):
        check_image(image, chip.replace({"limits.delay_ticks": 2}))


def test_a_weight_wider_than_the_chip_stores_is_refused(image: Image, chip: em.ChipSpec) -> None:
    with pytest.raises(em.ImageError, match=r"format_weight_bits\[\d\] = 8: outside 1\.\.6"):
        check_image(image, chip.replace({"synapse_format.weight_bits": [6]}))


@functools.cache
def many() -> tuple[Image, em.ChipSpec]:
    """Two cores: one of a single format and more than 8,192 synapses, one in which formats take turns."""
    chip = em.load_chip("loihi-wide")
    net = em.Network()
    source = net.add_source("in", 90)
    a, b = (net.add_population(name, 100, em.LoihiCuba()) for name in "ab")
    pre, post = np.divmod(np.delete(np.arange(9000), np.s_[7:9000:90]), 100)  # a gap in each list
    net.connect(source, a, em.Triplets(pre, post, np.full(len(pre), 2), 1 + (pre + post) % 4))
    for w_exp in (0, 1):
        net.connect(source, b, em.Triplets(pre, post, np.full(len(pre), -4)), synapse=em.LoihiSynapse(w_exp))
    return em.compile(net, chip, mapping={"a": [3] * 100, "b": [5] * 100}).image, chip


@pytest.mark.parametrize("place", [0, 1, 4095, 4096, 8191, 8192, 8899, 8900, 8950, 13_000, 26_699])
def test_a_wrong_synapse_among_many_is_named(place: int) -> None:
    image, chip = many()
    assert image.syn_ptr[image.axon_ptr].tolist() == [0, 8900, 26_700]
    last = image.n_synapses - 1  # wrong too, but not the first
    for name, value in (("syn_slot", 100), ("syn_delay", 5), ("syn_mant", 256), ("syn_mant", 255)):
        wrong = changed(changed(image, name, last, value), name, place, value)
        with pytest.raises(em.ImageError, match=rf"{name}\[{place}\] = {value}: ") as caught:
            check_image(wrong, chip)
        assert f"{name}[{last}]" not in str(caught.value) or place == last


def test_all_violations_are_listed_at_once(image: Image, chip: em.ChipSpec) -> None:
    broken = changed(changed(image, "config_du", 0, 4096), "slot_group", 0, 9)
    with pytest.raises(em.ImageError) as caught:
        check_image(broken, chip)
    assert len(caught.value.problems) == 2


@functools.cache
def small() -> tuple[Image, em.ChipSpec]:
    chip = em.load_chip("tiny")
    net = em.Network()
    source = net.add_source("in", 2)
    a = net.add_population("a", 3, em.LoihiCuba(vth_mant=[1, 2, 2]), to_host=True)
    net.connect(source, a, np.array([[2, 4, 0], [0, 2, 2]]))
    net.connect(a, a, np.array([[2, 0, 4], [0, 2, 2], [0, 0, 0]]))
    return em.compile(net, chip, mapping={"a": np.array([0, 0, 3])}).image, chip


@given(st.data())
def test_an_image_that_passes_indexes_only_into_its_tables(data: st.DataObject) -> None:
    """Random damage either is refused or leaves every index a walk along the spikes' way uses in range."""
    image, chip = small()
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(DTYPES)))
        place = data.draw(st.integers(0, len(getattr(image, name)) - 1))
        limits = np.iinfo(DTYPES[name])
        image = changed(
            image, name, place, data.draw(st.integers(0, 8) | st.integers(int(limits.min), int(limits.max)))
        )
    try:
        check_image(image, chip)
    except em.ImageError:
        return
    for core, axon in zip(image.entry_core.tolist(), image.entry_axon.tolist(), strict=True):
        if core == image.n_cores:
            continue
        assert image.axon_ptr[core] <= axon < image.axon_ptr[core + 1] <= image.n_axons
        for synapse in range(image.syn_ptr[axon], image.syn_ptr[axon + 1]):
            slot = image.slot_ptr[core] + image.syn_slot[synapse]
            assert 0 <= slot < image.slot_ptr[core + 1] and 1 <= image.syn_delay[synapse] <= 63
            assert image.syn_format[synapse] < len(image.format_w_exp)
