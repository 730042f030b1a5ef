"""Pass check: what no mapping can mend is refused with the object, the value, the limit and a way out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.compiler.check import check


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("tiny")


def star(n_senders: int, *, repeat: int = 1, **connect: Any) -> em.Network:
    """`n_senders` inputs, each with `repeat` synapses onto neuron 1 of `a`."""
    net = em.Network("star")
    source = net.add_source("in", n_senders)
    a = net.add_population("a", 2, em.LoihiCuba())
    pre = np.repeat(np.arange(n_senders), repeat)
    net.connect(source, a, em.Triplets(pre, np.ones_like(pre), np.full_like(pre, 2)), **connect)
    return net


def test_an_empty_network_is_refused(chip: em.ChipSpec) -> None:
    net = em.Network("void")
    net.add_source("in", 3)
    with pytest.raises(em.CompileError, match=r"network 'void' has no population: add one"):
        em.compile(net, chip)


def test_more_neurons_than_the_chip_has_compartments_are_refused(chip: em.ChipSpec) -> None:
    net = em.Network("crowd")
    net.add_population("a", 100, em.LoihiCuba())
    net.add_population("b", 29, em.LoihiCuba())
    words = r"'crowd': 129 neurons, limit 128 \(8 cores of 16 .*; most from 'a' 100, 'b' 29\): use fewer"
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, chip)


def test_as_many_neurons_as_compartments_fit(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 128, em.LoihiCuba())
    assert em.compile(net, chip).stats["cores"]["compartments"] == [16] * 8


def test_a_fan_in_over_the_axons_of_a_core_is_refused_naming_who_projects(chip: em.ChipSpec) -> None:
    net = em.Network()
    source = net.add_source("in", 40)
    other = net.add_population("b", 30, em.LoihiCuba())
    a = net.add_population("a", 3, em.LoihiCuba())
    weights = np.zeros((40, 3))
    weights[:, 1:] = 2
    net.connect(source, a, weights)
    net.connect(other, a, np.repeat([[0, 2, 0]], 30, axis=0))
    words = (
        r"population 'a' neuron 1: 70 axons in \(distinct senders\), limit 64 \(chip 'tiny'; most from "
        r"'in' -> 'a' 40, 'b' -> 'a' 30\): lower the fan-in"
    )
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, chip)


def test_several_synapses_of_one_sender_need_one_axon(chip: em.ChipSpec) -> None:
    program = em.compile(star(64, repeat=2), chip)
    assert program.stats["cores"]["axons_in"] == [64]
    with pytest.raises(em.CompileError, match=r"'a' neuron 1: 65 axons in .*'in' -> 'a' 65\)"):
        em.compile(star(65, repeat=2), chip)


def test_a_neuron_whose_lists_alone_overflow_the_memory_is_refused(chip: em.ChipSpec) -> None:
    # One 8-bit synapse, alone in its block: 8 + 10 bits, so one word of 64 bits for each of 20 senders.
    small = chip.replace({"limits.synapse_memory_bits": 20 * 64})
    assert em.compile(star(20), small).stats["cores"]["synapse_memory_bits"] == [1280]
    words = r"'a' neuron 1: 1344 bits of synapse memory, limit 1280 .*'in' -> 'a' 1344\): lower the fan-in"
    with pytest.raises(em.CompileError, match=words):
        em.compile(star(21), small)


def test_a_delay_over_the_limit_is_refused(chip: em.ChipSpec) -> None:
    words = r"'in' -> 'a': delay_ticks 16, limit 15 \(chip 'tiny'; 3 synapses over it\): shorten"
    with pytest.raises(em.CompileError, match=words):
        em.compile(star(3, delay_ticks=16), chip)


def test_a_delay_that_no_core_has_slots_for_is_refused(chip: em.ChipSpec) -> None:
    words = r"'a' neuron 1: 5 delay slots .*, limit 4 \(chip 'tiny'; most from 'in' -> 'a' 5 ticks\): shorten"
    with pytest.raises(em.CompileError, match=words):
        em.compile(star(3, delay_ticks=5), chip.replace({"limits.delay_slots": 4}))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (em.LoihiCuba(refractory=[1, 16]), "refractory"),
        (em.LIF(0.01, refractory_ticks=[1, 16]), "refractory_ticks"),
    ],
)
def test_a_refractory_time_over_the_limit_is_refused(model: Any, name: str, chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 2, model)
    with pytest.raises(em.CompileError, match=rf"'a': {name}\[1\] = 16 ticks, limit 15 .*shorten"):
        em.compile(net, chip)


def test_a_lifted_refractory_limit_is_that_of_the_register(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 1, em.LIF(0.01, refractory_ticks=64))
    with pytest.raises(em.CompileError, match=r"refractory_ticks\[0\] = 64 ticks, limit 63"):
        em.compile(net, chip.replace({"limits.refractory_ticks": None}))


def test_weights_wider_than_the_chip_stores_are_refused(chip: em.ChipSpec) -> None:
    narrow = chip.replace({"synapse_format.weight_bits": [1, 4]})
    net = star(2, synapse=em.LoihiSynapse(weight_bits=5))
    with pytest.raises(em.CompileError, match=r"'in' -> 'a': weight_bits 5, limit 4 .*fewer bits"):
        em.compile(net, narrow)


def test_a_chip_without_an_index_is_refused(chip: em.ChipSpec) -> None:
    dense_only = chip.replace({"synapse_format.index_bits": [0], "limits.compartments": 1})
    with pytest.raises(
        em.CompileError, match=r"index_bits \[0\] has no index for 1 compartments: add a width"
    ):
        em.compile(star(1), dense_only)


def test_a_model_the_arithmetic_does_not_compute_is_refused(chip: em.ChipSpec) -> None:
    class Izhikevich:
        pass

    population = SimpleNamespace(name="a", n=1, model=Izhikevich())
    net = SimpleNamespace(name="n", populations=(population,), projections=(), sources=(), cores=())
    words = r"'a': model Izhikevich needs arithmetic that chip 'tiny' lacks .*choose from LIF, LoihiCuba"
    with pytest.raises(em.CompileError, match=words):
        check(net, chip)  # type: ignore[arg-type]


BAD_MAPPINGS: list[tuple[Any, str]] = [
    ({"nobody": [0]}, r"mapping of 'nobody': no such population; choose from 'a', 'b'"),
    ({"in": [0, 0]}, r"mapping of 'in': no such population"),
    ({"a": [0] * 19}, r"mapping of population 'a': shape \[19\], expected \[20\]"),
    ({"a": 0}, r"mapping of population 'a': shape \[\], expected \[20\]"),
    ({"a": [[0] * 20]}, r"shape \[1, 20\], expected \[20\]"),
    ({"a": [0.0] * 20}, r"mapping of population 'a': float64 values, expected integer core ids"),
    ({"a": ["0"] * 20}, r"expected integer core ids"),
    ({"a": [True] * 20}, r"bool values, expected integer core ids"),
    ({"a": [[0], [0, 1]]}, r"mapping of population 'a': must be an array of core ids \[20\]"),
    (
        {"a": [0] * 10 + [8] * 10},
        r"core id 8 of neuron 10 outside 0\.\.7 \(chip 'tiny', 10 in all\): core id =",
    ),
    ({"a": [-1] * 20}, r"core id -1 of neuron 0 outside 0\.\.7"),
    ({"a": [3] * 17 + [2] * 3}, r"neurons pinned to it: 17 compartments, limit 16 .*'a' 17\): pin some"),
    ({"a": [3] * 10 + [2] * 10, "b": [3] * 7}, r"core 3 with the 17 neurons .*most from 'a' 10, 'b' 7\)"),
    ([0] * 20, r"mapping list: must be a dict from population names"),
]


@pytest.mark.parametrize(("mapping", "words"), BAD_MAPPINGS)
def test_a_wrong_mapping_is_refused(mapping: Any, words: str, chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_source("in", 2)
    net.add_population("a", 20, em.LoihiCuba())
    net.add_population("b", 7, em.LoihiCuba())
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, chip, mapping=mapping)


def test_every_violation_is_listed_at_once(chip: em.ChipSpec) -> None:
    net = star(65, delay_ticks=16, synapse=em.LoihiSynapse(weight_bits=8))
    net.add_population("slow", 200, em.LoihiCuba(refractory=63))
    narrow = chip.replace({"synapse_format.weight_bits": [4]})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, narrow, mapping={"a": [9, 9]})
    text = str(caught.value)
    assert len(caught.value.problems) == 6
    for words in ("202 neurons", "65 axons in", "delay_ticks 16", "weight_bits 8", "refractory", "core id 9"):
        assert words in text, words


def test_a_limit_of_a_neuron_is_told_even_if_nothing_can_be_mapped(chip: em.ChipSpec) -> None:
    """Weights that the chip cannot store keep `partition` from counting; 65 senders are too many anyhow."""
    net = star(65, synapse=em.LoihiSynapse(weight_bits=8))
    narrow = chip.replace({"synapse_format.weight_bits": [4]})
    words = r"'a' neuron 1: 65 axons in .*, limit 64 \(chip 'tiny'; most from 'in' 65 senders\): lower"
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, narrow)


def test_limits_found_by_different_passes_are_listed_together(chip: em.ChipSpec) -> None:
    """refractory and delay_ticks are those of the description, the others show once cores are filled."""
    net = star(65, delay_ticks=16)
    net.add_population("slow", 3, em.LoihiCuba(refractory=[1, 16, 17]))
    net.add_population("many", 19, em.LoihiCuba())
    small = chip.replace({"limits.synapse_memory_bits": 1280, "mesh.width": 1, "limits.compartments": 6})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, small, mapping={"slow": [0, 0, 0], "many": [3] * 19})
    expected = (
        "'slow': refractory[2] = 17 ticks, limit 15 (chip 'tiny'; 2 neurons over it)",
        "'in' -> 'a': delay_ticks 16, limit 15 (chip 'tiny'; 65 synapses over it)",
        "core 3 with the 19 neurons pinned to it: 19 compartments, limit 6 (chip 'tiny'; most from 'many'",
        "'a' neuron 1: 65 axons in (distinct senders), limit 64 (chip 'tiny'; most from 'in' -> 'a' 65)",
        "'a' neuron 1: 4160 bits of synapse memory, limit 1280 (chip 'tiny'; most from 'in' -> 'a' 4160)",
    )
    text = str(caught.value)
    for words in expected:
        assert words in text, words
    assert len(caught.value.problems) == len(expected)


def test_limits_of_the_description_are_listed_with_what_quantising_refuses(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 1, em.LoihiCuba(refractory=16, vmax=5), v0=6)
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip)
    assert len(caught.value.problems) == 2
    assert "refractory[0] = 16" in caught.value.problems[0] and "v0[0] = 6" in caught.value.problems[1]
