"""Pass verify notices whatever a faulty pass could have done to an image that still looks sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.check import check_image
from emulator.chip.image import DTYPES, Image
from emulator.compiler.pipeline import Job, run_passes
from emulator.compiler.verify import verify


@pytest.fixture(scope="module")
def job() -> Job:
    """Two cores: a dense list, sparse lists, two formats, delays, host output, different parameters."""
    net = em.Network()
    source = net.add_source("in", 2)
    other = net.add_source("more", 1)
    a = net.add_population("a", 3, em.LoihiCuba(vth_mant=[1, 2, 2], du=[5, 6, 6]), v0=1, to_host=True)
    b = net.add_population("b", 3, em.LoihiCuba(bias_mant=[1, 2, 3]), u0=7, record_spikes=False)
    net.connect(source, a, [[2, 4, 6], [8, 0, 10]], delay_ticks=2)
    net.connect(other, b, [[2, 4, 6]])
    net.connect(a, b, [[2, 0, 4], [0, 0, 6], [0, 8, 0]], synapse=em.LoihiSynapse(w_exp=1))
    net.connect(b, b, em.Triplets([0, 0, 1], [1, 1, 2], [64, 66, 68], [1, 3, 2]))
    return run_passes(net, em.load_chip("tiny"), {"a": [1, 1, 1], "b": [6, 6, 6]})


def verify_image(job: Job, image: Image, symbols: Any = None) -> None:
    check_image(image, job.chip)  # the fault is one that structure alone does not show
    verify(image, symbols or job["symbols"], job["quantise"], job.network, job.chip)


def changed(image: Image, name: str, place: int, value: int) -> Image:
    array = getattr(image, name).copy()
    assert array[place] != value, "the test changes nothing"
    array[place] = value
    return image.replace(**{name: array})


def without_synapse(image: Image, synapse: int) -> Image:
    columns = {name: np.delete(getattr(image, name), synapse) for name in SYNAPSE_COLUMNS}
    return image.replace(syn_ptr=image.syn_ptr - (image.syn_ptr > synapse), **columns)


def with_synapse_again(image: Image, synapse: int) -> Image:
    columns = {
        name: np.insert(getattr(image, name), synapse, getattr(image, name)[synapse])
        for name in SYNAPSE_COLUMNS
    }
    return image.replace(syn_ptr=image.syn_ptr + (image.syn_ptr > synapse), **columns)


SYNAPSE_COLUMNS = ("syn_slot", "syn_mant", "syn_delay", "syn_format")


def test_the_compilers_own_image_is_accepted(job: Job) -> None:
    verify_image(job, job["emit"])


@pytest.mark.parametrize("synapse", range(15))
def test_a_wrong_weight_is_noticed(synapse: int, job: Job) -> None:
    image = job["emit"]
    wrong = changed(image, "syn_mant", synapse, int(image.syn_mant[synapse]) + 2)
    with pytest.raises(em.CompileError, match=r"internal: the image has synapse .* -> .*the network"):
        verify_image(job, wrong)


@pytest.mark.parametrize("synapse", range(15))
def test_a_missing_synapse_is_noticed(synapse: int, job: Job) -> None:
    with pytest.raises(em.CompileError, match="internal: 14 synapses, expected 15; the image has synapse"):
        verify_image(job, without_synapse(job["emit"], synapse))


@pytest.mark.parametrize("synapse", range(15))
def test_a_synapse_that_is_there_twice_is_noticed(synapse: int, job: Job) -> None:
    with pytest.raises(em.CompileError, match="internal: 16 synapses, expected 15"):
        verify_image(job, with_synapse_again(job["emit"], synapse))


def test_one_synapse_twice_and_another_missing_is_noticed(job: Job) -> None:
    with pytest.raises(em.CompileError, match="internal: the image has synapse"):
        verify_image(job, without_synapse(with_synapse_again(job["emit"], 0), 5))


def test_a_wrong_delay_is_noticed(job: Job) -> None:
    image = job["emit"]
    synapse = int(np.flatnonzero(image.syn_delay == 3)[0])
    with pytest.raises(em.CompileError, match=r"delay_ticks 2\), the network .*delay_ticks 3\)"):
        verify_image(job, changed(image, "syn_delay", synapse, 2))


def test_a_wrong_target_is_noticed(job: Job) -> None:
    image = job["emit"]
    place = int(np.flatnonzero(image.syn_mant == 68)[0])
    with pytest.raises(
        em.CompileError, match=r"internal: the image has synapse 4 -> 4 .*the network 4 -> 5 "
    ):
        verify_image(job, changed(image, "syn_slot", place, 1))


def test_a_wrong_format_is_noticed(job: Job) -> None:
    image = job["emit"]
    row = int(np.flatnonzero(image.format_w_exp == 1)[0])
    with pytest.raises(em.CompileError, match=r"w_exp 2, .*the network .*w_exp 1, "):
        verify_image(job, changed(image, "format_w_exp", row, 2))
    with pytest.raises(em.CompileError, match=r"on_sum 1, .*the network .*on_sum 0, "):
        verify_image(job, changed(image, "format_on_sum", row, 1))


def test_two_senders_with_swapped_lists_are_noticed(job: Job) -> None:
    image = job["emit"]
    axons = image.entry_axon.copy()
    first, second = (
        int(image.entry_ptr[image.n_slots + i]) for i in (0, 1)
    )  # inputs 0 and 1, both to core 1
    axons[[first, second]] = axons[[second, first]]
    with pytest.raises(em.CompileError, match="internal: the image has synapse"):
        verify_image(job, image.replace(entry_axon=axons))


def without_entry(image: Image, entry: int) -> Image:
    """A copy with one axon-out entry less."""
    return image.replace(
        entry_core=np.delete(image.entry_core, entry),
        entry_axon=np.delete(image.entry_axon, entry),
        entry_ptr=image.entry_ptr - (image.entry_ptr > entry),
    )


def test_an_axon_that_nothing_reaches_is_noticed(job: Job) -> None:
    image = job["emit"]
    entry = int(image.entry_ptr[image.n_slots])
    wrong = without_entry(image, entry)
    with pytest.raises(em.CompileError, match=r"axon \d: 0 entries lead to it, expected 1"):
        verify_image(job, wrong)


def test_a_missing_way_to_the_host_is_noticed(job: Job) -> None:
    image = job["emit"]
    entry = int(np.flatnonzero(image.entry_core == image.n_cores)[1])
    sender = int(np.searchsorted(image.entry_ptr, entry, side="right")) - 1
    wrong = without_entry(image, entry)
    with pytest.raises(em.CompileError, match=rf"sender {sender}: 0 entries to the host, expected 1"):
        verify_image(job, wrong)


def test_entries_out_of_order_are_noticed(job: Job) -> None:
    image = job["emit"]
    cores, axons = image.entry_core.copy(), image.entry_axon.copy()
    cores[[0, 1]], axons[[0, 1]] = cores[[1, 0]], axons[[1, 0]]
    with pytest.raises(em.CompileError, match="sender 0: entry 1 to core row 1 does not rise"):
        verify_image(job, image.replace(entry_core=cores, entry_axon=axons))


WRONG_PARAMETERS = [
    ("config_du", 0, 99, "du"),
    ("config_dv", 0, 99, "dv"),
    ("config_ds_offset", 0, 0, "ds_offset"),
    ("config_refractory", 0, 2, "refractory"),
    ("config_soft_reset", 0, 1, "soft_reset"),
    ("config_vmin", 0, -9, "vmin"),
    ("config_vmax", 0, 9, "vmax"),
    ("vth_mant", 0, 99, "vth_mant"),
    ("slot_config", 0, 1, "du"),
    ("slot_vth", 0, 1, "vth_mant"),
    ("slot_bias_mant", 3, 99, "bias_mant"),
    ("slot_bias_exp", 0, 1, "bias_exp"),
    ("slot_u0", 5, 99, "u0"),
    ("slot_v0", 0, 2, "v0"),
    ("slot_refractory0", 0, 1, "refractory0"),
    ("slot_group", 0, 3, "group"),
    ("slot_recorded", 3, 1, "recorded"),
]


@pytest.mark.parametrize(("name", "place", "value", "shown"), WRONG_PARAMETERS)
def test_a_wrong_parameter_is_noticed(name: str, place: int, value: int, shown: str, job: Job) -> None:
    with pytest.raises(em.CompileError, match=rf"internal: neuron \d: {shown} "):
        verify_image(job, changed(job["emit"], name, place, value))


def test_every_parameter_of_a_compartment_has_a_case_above() -> None:
    names = {name for name in DTYPES if name.startswith(("config_", "slot_", "vth_"))}
    assert {name for name, *_ in WRONG_PARAMETERS} == names - {"config_ptr", "slot_ptr", "vth_ptr"}


def test_an_input_on_the_wrong_account_is_noticed(job: Job) -> None:
    with pytest.raises(em.CompileError, match="internal: input_group does not follow the sources"):
        verify_image(job, changed(job["emit"], "input_group", 0, 1))


def test_more_accounts_than_parts_are_noticed(job: Job) -> None:
    with pytest.raises(em.CompileError, match="internal: 5 accounts, expected 4"):
        verify_image(job, job["emit"].replace(n_groups=5))


WRONG_SYMBOLS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("b", lambda part: replace(part, address=part.address[[0, 0, 2]]), "do not cover the 6 slots once each"),
    ("b", lambda part: replace(part, address=part.address[::-1].copy()), "internal: neuron 3: bias_mant 3"),
    ("b", lambda part: replace(part, name="c"), r"parts \['in', 'more', 'a', 'c'\], expected \['in', 'more'"),
    ("b", lambda part: replace(part, address=part.address[:2]), "parts"),
    (
        "in",
        lambda part: replace(part, address=part.address[::-1].copy()),
        r"inputs .* are not 0\.\.2 in order",
    ),
]


@pytest.mark.parametrize(("name", "change", "words"), WRONG_SYMBOLS)
def test_symbols_that_point_elsewhere_are_noticed(
    name: str, change: Callable[[Any], Any], words: str, job: Job
) -> None:
    symbols = job["symbols"]
    parts = tuple(change(part) if part.name == name else part for part in symbols.parts)
    with pytest.raises(em.CompileError, match=words):
        verify_image(job, job["emit"], replace(symbols, parts=parts))


def test_a_damaged_image_is_an_internal_error_with_every_finding(job: Job) -> None:
    broken = changed(changed(job["emit"], "config_du", 0, 4096), "slot_bias_exp", 0, 8)
    with pytest.raises(em.CompileError, match=r"internal: config_du\[0\] = 4096") as caught:
        verify(broken, job["symbols"], job["quantise"], job.network, job.chip)
    assert len(caught.value.problems) == 2


def test_a_limit_exceeded_is_noticed(job: Job) -> None:
    tight = job.chip.replace({"limits.axons_in": 2})
    with pytest.raises(em.CompileError, match=r"internal: core 6: axons_in 6, limit 2"):
        verify(job["emit"], job["symbols"], job["quantise"], job.network, tight)


@pytest.fixture(scope="module")
def scattered() -> Job:
    """Many synapses from each sender, some of them equal, over cores that mix up the order of the neurons."""
    rng = np.random.default_rng(2)
    net = em.Network()
    a = net.add_population("a", 40, em.LoihiCuba())
    for w_exp in (0, rng.integers(0, 3, 400)):
        columns = rng.integers(0, 9, 400), rng.integers(0, 40, 400), 2 * rng.integers(-3, 4, 400)
        net.connect(a, a, em.Triplets(*columns, rng.integers(1, 3, 400)), synapse=em.LoihiSynapse(w_exp))
    return run_passes(net, em.load_chip("loihi-wide"), {"a": rng.integers(0, 5, 40)})


def test_the_compilers_own_scattered_image_is_accepted(scattered: Job) -> None:
    verify_image(scattered, scattered["emit"])


@pytest.mark.parametrize("seed", range(40))
def test_any_change_of_a_synapse_among_many_is_noticed(seed: int, scattered: Job) -> None:
    rng, image = np.random.default_rng(seed), scattered["emit"]
    synapse = int(rng.integers(image.n_synapses))
    choices = {
        "syn_mant": [-8, 8],
        "syn_delay": [3 - int(image.syn_delay[synapse])],
        "syn_slot": [0, 1, 2],
        "syn_format": range(len(image.format_w_exp)),
    }
    name = str(rng.choice(list(choices)))
    others = [value for value in choices[name] if value != getattr(image, name)[synapse]]
    wrong = changed(image, name, synapse, int(rng.choice(others)))
    check_image(wrong, scattered.chip)
    if name == "syn_format" and format_of(image, synapse) == format_of(wrong, synapse):
        pytest.skip("dense and sparse are one format to a network")
    with pytest.raises(em.CompileError, match="internal: the image has synapse"):
        verify_image(scattered, wrong)


def test_two_synapses_that_swap_their_weights_are_noticed(scattered: Job) -> None:
    image = scattered["emit"]
    mantissa = image.syn_mant.copy()
    in_one_list = image.syn_slot[1:] > image.syn_slot[:-1]
    first = int(np.flatnonzero((mantissa[1:] != mantissa[:-1]) & in_one_list)[0])
    mantissa[[first, first + 1]] = mantissa[[first + 1, first]]
    with pytest.raises(em.CompileError, match="internal: the image has synapse"):
        verify_image(scattered, image.replace(syn_mant=mantissa))


@pytest.fixture(scope="module")
def in_order() -> Job:
    """Cores in the order of the neurons, so that the lists of a sender are its rows one after the other."""
    rng = np.random.default_rng(3)
    net = em.Network()
    a, b = (net.add_population(name, 100, em.LoihiCuba()) for name in "ab")
    for post in (a, b):
        pre, target = np.nonzero(rng.random((100, 100)) < 0.3)
        weights = 2 * rng.integers(-3, 4, len(pre))
        net.connect(a, post, em.Triplets(pre, target, weights, rng.integers(1, 3, len(pre))))
    cores = {name: np.sort(rng.integers(first, first + 4, 100)) for name, first in (("a", 0), ("b", 4))}
    return run_passes(net, em.load_chip("loihi-wide"), cores)


@pytest.mark.parametrize("seed", range(20))
def test_any_change_of_a_synapse_in_order_is_noticed(seed: int, in_order: Job) -> None:
    rng, image = np.random.default_rng(seed), in_order["emit"]
    verify_image(in_order, image)
    synapse = int(rng.integers(image.n_synapses))
    values = {
        "syn_mant": int(image.syn_mant[synapse]) + 2,
        "syn_delay": 3 - int(image.syn_delay[synapse]),
        "syn_slot": 1 - min(int(image.syn_slot[synapse]), 1),
    }
    for name, value in values.items():
        with pytest.raises(em.CompileError, match="internal: the image has synapse"):
            verify_image(in_order, changed(image, name, synapse, value))
    for fewer in (without_synapse(image, synapse), with_synapse_again(image, synapse)):
        with pytest.raises(
            em.CompileError, match=f"{fewer.n_synapses} synapses, expected {image.n_synapses}"
        ):
            verify_image(in_order, fewer)


def test_the_first_sender_that_differs_is_named(in_order: Job) -> None:
    image = in_order["emit"]
    axons = [int(image.entry_axon[image.entry_ptr[in_order["slots"].slot_of[i]]]) for i in (3, 31, 32, 70)]
    wrong = image.syn_mant.copy()
    for axon in axons:
        wrong[image.syn_ptr[axon]] += 2
    for axon, neuron in zip(axons, (3, 31, 32, 70), strict=True):
        with pytest.raises(em.CompileError, match=f"the image has synapse {neuron} -> "):
            verify_image(in_order, image.replace(syn_mant=wrong))
        wrong[image.syn_ptr[axon]] -= 2
    verify_image(in_order, image.replace(syn_mant=wrong))


def test_the_order_within_a_list_proves_nothing(in_order: Job) -> None:
    image = in_order["emit"]
    begin, end = image.syn_ptr[[40, 41]]
    assert end - begin > 1
    order = np.arange(image.n_synapses)
    order[begin:end] = order[begin:end][::-1]
    verify_image(in_order, image.replace(**{name: getattr(image, name)[order] for name in SYNAPSE_COLUMNS}))


def format_of(image: Image, synapse: int) -> tuple[int, ...]:
    """What the network asks of a synapse's format: all but the index."""
    row = image.syn_format[synapse]
    names = ("w_exp", "weight_bits", "sign_mode", "delay_bits", "on_sum")
    return tuple(int(getattr(image, f"format_{name}")[row]) for name in names)
