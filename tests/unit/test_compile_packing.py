"""Synapse memory in the chip's packed format, against numbers worked out by hand."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import pytest

import emulator as em
from emulator.chip.usage import memory_bits
from emulator.compiler.packing import Packing, least_list_bits


@pytest.fixture(scope="module")
def loihi() -> em.ChipSpec:
    return em.load_chip("loihi")


@pytest.fixture(scope="module")
def packing(loihi: em.ChipSpec) -> Packing:
    return Packing.of(loihi)


def test_1024_dense_8_bit_synapses_take_9216_bits(packing: Packing) -> None:
    """The published example: 16 blocks of 64 x 8 + 10 = 522 bits, each rounded up to 9 words of 64."""
    assert packing.run_bits(1024, packing.synapse_bits(8, 0, dense=True)) == 9216


def test_the_image_of_the_example_takes_9216_bits_too(loihi: em.ChipSpec) -> None:
    net = em.Network()
    source = net.add_source("in", 1)
    net.connect(source, net.add_population("a", 1024, em.LoihiCuba()), np.full((1, 1024), 2))
    program = em.compile(net, loihi)
    assert memory_bits(program.image, loihi).tolist() == [9216]
    assert program.stats["cores"]["synapse_memory_bits"] == [9216]


@pytest.mark.parametrize(
    ("n", "bits", "expected"),
    [
        (0, 8, 0),
        (1, 8, 64),  # 18 bits
        (6, 8, 64),  # 58 bits
        (7, 8, 128),  # 66 bits
        (64, 8, 576),  # 522 bits
        (65, 8, 640),  # a block of 64 and one of 1
        (128, 18, 2 * 1216),  # 64 x 18 + 10 = 1162 bits, 19 words
        (3, 18, 64),  # 64 bits exactly
        (4, 18, 128),
    ],
)
def test_a_run_fills_whole_words_block_by_block(n: int, bits: int, expected: int, packing: Packing) -> None:
    assert packing.run_bits(n, bits) == expected


def test_runs_of_many_lengths_at_once_are_those_one_by_one(packing: Packing) -> None:
    n, bits = np.arange(300), np.resize([1, 8, 18], 300)
    one_by_one = [
        64 * (i // 64 * math.ceil((64 * b + 10) / 64) + (math.ceil((i % 64 * b + 10) / 64) if i % 64 else 0))
        for i, b in zip(n.tolist(), bits.tolist(), strict=True)
    ]
    assert packing.run_bits(n, bits).tolist() == one_by_one


@pytest.mark.parametrize(("weight_bits", "stored"), [(1, 1), (5, 5), (6, 6), (7, 8), (8, 8), (9, None)])
def test_a_weight_takes_the_next_width_the_chip_has(
    weight_bits: int, stored: int | None, packing: Packing
) -> None:
    assert packing.stored_bits(weight_bits) == stored


def test_a_sparse_synapse_stores_an_index_for_every_slot_of_a_core(loihi: em.ChipSpec) -> None:
    assert Packing.of(loihi).synapse_bits(8, 3, dense=False) == 8 + 3 + 10  # 1,024 slots
    fewer = loihi.replace({"limits.compartments": 65, "synapse_format.tag_bits": 4})
    assert Packing.of(fewer).synapse_bits(7, 0, dense=False) == 8 + 4 + 7


def test_the_least_list_is_one_word(loihi: em.ChipSpec) -> None:
    assert least_list_bits(loihi) == 64
    assert least_list_bits(loihi.replace({"synapse_format.block_header_bits": 64})) == 128


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([3, 4, 5], 64),  # dense, 3 x 8 + 10
        ([3, 4, 6], 64),  # sparse, 3 x 18 + 10 = 64: just one word
        ([0, 2, 4, 6], 128),  # sparse, 4 x 18 + 10 = 82
        ([0, 1, 2, 3], 64),  # dense, 42
        ([0, 1, 1, 2], 128),  # a target twice is no dense list
        ([7], 64),
    ],
)
def test_gaps_and_repeated_targets_make_a_list_sparse(
    targets: list[int], expected: int, loihi: em.ChipSpec
) -> None:
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 8, em.LoihiCuba())
    net.connect(source, a, em.Triplets([0] * len(targets), targets, [2] * len(targets)))
    program = em.compile(net, loihi)
    assert memory_bits(program.image, loihi).tolist() == [expected]


def test_a_dense_list_with_gaps_is_counted_as_one_run_per_stretch(loihi: em.ChipSpec) -> None:
    """The compiler makes none; an image from elsewhere may not save its index that way."""
    net = em.Network()
    source = net.add_source("in", 1)
    net.connect(source, net.add_population("a", 5, em.LoihiCuba()), [[2, 4, 6, 0, 0]])
    image = em.compile(net, loihi).image
    assert memory_bits(image, loihi).tolist() == [64]
    assert memory_bits(image.replace(syn_slot=[0, 1, 3]), loihi).tolist() == [128]
    assert memory_bits(image.replace(syn_slot=[0, 2, 4]), loihi).tolist() == [192]


@pytest.mark.parametrize("seed", range(3))
def test_memory_is_that_of_the_runs_one_by_one(seed: int, loihi: em.ChipSpec) -> None:
    """Lists of one run and of several: formats, populations that share a core, dense and sparse ones."""
    rng = np.random.default_rng(seed)
    net = em.Network()
    source = net.add_source("in", 40)
    for name, n, density in (("a", 90, 0.9), ("b", 300, 0.7), ("c", 150, 1.1)):
        part = net.add_population(name, n, em.LoihiCuba())
        weights = 2 * rng.integers(1, 9, (40, n)) * (rng.random((40, n)) < density)
        w_exp = rng.integers(0, 2, (40, n)) if name == "b" else 0
        net.connect(source, part, weights, synapse=em.LoihiSynapse(w_exp))
    cores = {"a": np.full(90, 1), "b": np.full(300, 2), "c": rng.integers(1, 4, 150)}
    image = em.compile(net, loihi, mapping=cores).image
    packing = Packing.of(loihi)
    expected = [0] * image.n_cores
    for core in range(image.n_cores):
        for axon in range(image.axon_ptr[core], image.axon_ptr[core + 1]):
            synapses = slice(image.syn_ptr[axon], image.syn_ptr[axon + 1])
            groups = image.slot_group[image.slot_ptr[core] + image.syn_slot[synapses]]
            for (form, _), run in groupby(zip(image.syn_format[synapses], groups, strict=True)):
                dense = bool(image.format_index_bits[form] == 0)
                bits = packing.synapse_bits(8, int(image.format_delay_bits[form]), dense)
                expected[core] += int(packing.run_bits(len(list(run)), bits))
    assert memory_bits(image, loihi).tolist() == expected
