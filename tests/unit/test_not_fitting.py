"""Ways of not fitting a chip: each is refused in words that name object, value, limit and a way out.

Every case is one that a user can run into; what passes say of each other's results is in their own tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.testing.crossbars import crossbar_chip

TINY = em.load_chip("tiny")
ONE_CORE = {"mesh.width": 1, "mesh.height": 1, "cores.per_tile": 1}
CROSSBAR = crossbar_chip()
BOARD = em.load_chip("kapoho-bay")
LIFTED = ("limits.axons_in", "limits.synapse_memory_bits", "limits.delay_slots")
NO_LINK_EAST = {"links": [{"x": 0, "y": 0, "side": "E"}], "policy": "block"}
DEAD_ROUTER = {"routers": [{"x": 1, "y": 1}], "policy": "drop"}
Build = Callable[[em.Network], None]


@dataclass(frozen=True)
class Way:
    """A network that does not fit, the chip, and what is said of it."""

    build: Build
    words: tuple[str, ...]
    chip: em.ChipSpec = TINY
    changes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def cuba(**given: Any) -> em.LoihiCuba:
    return em.LoihiCuba(**{"vth_mant": 2, **given})


def neurons(n: int, **given: Any) -> Build:
    """A population a without synapses."""
    model = given.pop("model", None) or cuba()
    return lambda net: void(net.add_population("a", n, model, **given))


def void(_: object) -> None:
    """A part whose name nobody asks for."""


def dense(n_pre: int, n_post: int, weight: int = 2, **options: Any) -> Build:
    """Every input of `in` onto every neuron of a."""

    def build(net: em.Network) -> None:
        source, a = net.add_source("in", n_pre), net.add_population("a", n_post, cuba())
        net.connect(source, a, np.full((n_pre, n_post), weight), **options)

    return build


def fan_out(net: em.Network) -> None:
    """16 neurons, each onto neurons of all other cores."""
    a, b = net.add_population("a", 16, cuba()), net.add_population("b", 80, cuba())
    net.connect(a, b, np.full((16, 80), 2))


def formats(net: em.Network) -> None:
    """More synapse formats than an image numbers."""
    a = net.add_population("a", 1, cuba())
    for delay in (1, 2, 3, 5, 9):
        for bits in (1, 2, 3, 4, 5, 6, 8):
            for w_exp in range(-8, 8):
                source = net.add_source(f"s {delay} {bits} {w_exp}", 1)
                synapse = em.LoihiSynapse(w_exp=w_exp, weight_bits=bits, sign_mode="excitatory")
                net.connect(source, a, np.ones((1, 1), int), synapse=synapse, delay_ticks=delay)


def both_signs(net: em.Network) -> None:
    source, a = net.add_source("in", 2), net.add_population("a", 1, em.LIF(tau_mem_s=1e-2))
    net.connect(source, a, np.array([[0.5], [-0.5]]))


def five_axons(net: em.Network) -> None:
    core = np.ones((5, 2), dtype=bool)
    net.add_core("c", core, np.zeros(5, int), em.TrueNorth(s=(1, 0, 0, 0), alpha=1))


def crossbars(n: int, **given: Any) -> Build:
    """Cores of two axons and two neurons."""

    def build(net: em.Network) -> None:
        for number in range(n):
            model = em.TrueNorth(**{"s": (1, 0, 0, 0), "alpha": 1, **given.get("model", {})})
            more = {key: value for key, value in given.items() if key != "model"}
            net.add_core(f"c{number}", np.eye(2, dtype=bool), [0, 0], model, **more)

    return build


def spiking(n_pre: int, n_post: int, weights: Any = 1, **options: Any) -> Build:
    """Inputs onto a population of crossbar neurons."""

    def build(net: em.Network) -> None:
        source, p = net.add_source("in", n_pre), net.add_population("p", n_post, em.TrueNorth(alpha=3))
        table = np.full((n_pre, n_post), weights) if np.isscalar(weights) else weights
        net.connect(source, p, table, **options)

    return build


WAYS: dict[str, Way] = {
    "more neurons than compartments": Way(
        neurons(129),
        (
            "network 'net': 129 neurons, limit 128 (8 cores of 16 compartments on chip 'tiny'",
            "use fewer neurons or a larger mesh",
        ),
    ),
    "more neurons than a board holds": Way(
        neurons(300_000),
        ("300000 neurons, limit 262144 (256 cores of 1024 compartments on chip 'kapoho-bay'",),
        chip=BOARD,
    ),
    "more neurons than live cores hold": Way(
        neurons(128),
        ("128 neurons, limit 96 (6 (2 are dead) cores of 16 compartments",),
        changes={"mesh.faults": {"cores": [0, 3]}},
    ),
    "a core pinned too full": Way(
        neurons(17),
        (
            "core 0 with the 17 neurons pinned to it: 17 compartments, limit 16",
            "pin some elsewhere",
        ),
        options={"mapping": {"a": np.zeros(17, int)}},
    ),
    "fan-in": Way(
        dense(65, 1),
        (
            "population 'a' neuron 0: 65 axons in (distinct senders), limit 64 (chip 'tiny'; most from 'in'",
            "lower the fan-in, or split it over several neurons",
        ),
    ),
    "fan-out of a neuron": Way(
        fan_out,
        (
            "axons out (target cores summed over its neurons), limit 4",
            "lower the number of cores that a neuron projects to, or drop to_host",
        ),
        changes={"limits.axons_out": 4, "mesh.width": 4},
    ),
    "fan-out of a pinned core": Way(
        fan_out,
        (
            "core 0 with the 16 neurons pinned to it:",
            "axons out (target cores summed over its neurons), limit 64",
        ),
        changes={"mesh.width": 8},
        options={"mapping": {"a": np.zeros(16, int)}},
    ),
    "synapses of a neuron": Way(
        dense(60, 1, weight=200),
        (
            "population 'a' neuron 0: 3840 bits of synapse memory, limit 1024",
            "lower the fan-in, weight_bits or the longest delay",
        ),
        changes={"limits.synapse_memory_bits": 1024},
    ),
    "synapses of all cores": Way(
        dense(60, 16, weight=200),
        (
            "needs 2 cores, chip 'tiny' has 1",
            "bits of synapse memory ended 1",
        ),
        changes={**ONE_CORE, "limits.synapse_memory_bits": 8192},
    ),
    "a long delay": Way(
        dense(1, 1, delay_ticks=16),
        (
            "projection 'in' -> 'a': delay_ticks 16, limit 15 (chip 'tiny'; 1 synapses over it)",
            "shorten the delay, or put a relay neuron in its way",
        ),
    ),
    "a delay of one neuron past its slots": Way(
        dense(1, 1, delay_ticks=15),
        ("population 'a' neuron 0: 15 delay slots (compartments x longest delay_ticks), limit 14",),
        changes={"limits.delay_slots": 14},
    ),
    "delays of all cores": Way(
        dense(1, 8, delay_ticks=15),
        (
            "delay slots (compartments x longest delay_ticks) ended 1",
            "shorten the longest delay",
        ),
        changes=ONE_CORE,
    ),
    "configurations": Way(
        neurons(5, model=cuba(du=np.arange(5))),
        (
            "compartment configurations ended 1",
            "let neurons share du, dv, ds_offset, refractory, reset, vmin and vmax",
        ),
        changes=ONE_CORE,
    ),
    "thresholds": Way(
        neurons(5, model=cuba(vth_mant=np.arange(5))),
        (
            "threshold configurations ended 1",
            "let neurons share vth_mant",
        ),
        changes=ONE_CORE,
    ),
    "a refractory time": Way(
        neurons(2, model=cuba(refractory=np.array([1, 16]))),
        ("population 'a': refractory[1] = 16 ticks, limit 15 (chip 'tiny'): shorten the refractory time",),
    ),
    "wide weights": Way(
        dense(1, 1, synapse=em.LoihiSynapse(w_exp=0, weight_bits=8)),
        ("projection 'in' -> 'a': weight_bits 8, limit 4 (chip 'tiny'): store the weights in fewer bits",),
        changes={"synapse_format.weight_bits": [1, 2, 4]},
    ),
    "weights of both signs in one bit": Way(
        both_signs,
        ("weights of both signs, but the chip stores at most 1 bit, enough for one sign",),
        changes={"synapse_format.weight_bits": [1]},
    ),
    "formats of synapses": Way(
        formats,
        ("560 synapse formats (w_exp, weight_bits, sign_mode, rounding, delay and index width), limit 256",),
        changes=dict.fromkeys(LIFTED),
    ),
    "a pin to a dead core": Way(
        neurons(1),
        (
            "mapping of population 'a': core 3 of neuron 0 is dead",
            "pin to another core",
        ),
        changes={"mesh.faults": {"cores": [3]}},
        options={"mapping": {"a": [3]}},
    ),
    "a pin off the chip": Way(
        neurons(1),
        ("mapping of population 'a': core id 8 of neuron 0 outside 0..7 (chip 'tiny', 1 in all)",),
        options={"mapping": {"a": [8]}},
    ),
    "a core without a way to it": Way(
        dense(2, 40),
        (
            "the host port at tile (0, 0) cannot reach core 2 at tile (1, 0)",
            "route by 'table', move one of them",
        ),
        changes={"mesh.height": 1, "mesh.faults": NO_LINK_EAST},
    ),
    "cores described directly on lists": Way(
        crossbars(1),
        ("1 cores described directly, the first is 'c0'; chip 'tiny' has no crossbars",),
    ),
    "neurons of crossbars on lists": Way(
        neurons(1, model=em.TrueNorth(alpha=1)),
        ("population 'a': model TrueNorth needs crossbars, chip 'tiny' has none (cores.model 'cuba')",),
    ),
    "rewrites on lists": Way(
        neurons(1),
        ("rewrites of 'weights': chip 'tiny' holds weights and fan-out as they are: drop rewrites=",),
        options={"rewrites": {"weights": "exact"}},
    ),
    "neurons of lists on crossbars": Way(
        neurons(1),
        ("model LoihiCuba needs cores that chip 'tiny' lacks (cores.model 'truenorth')",),
        chip=CROSSBAR,
    ),
    "rows of a crossbar": Way(
        five_axons,
        ("core 'c': 5 axons, limit 4 (chip 'tiny'): split the core",),
        chip=CROSSBAR,
        changes={"limits.axons_in": 4},
    ),
    "columns of a crossbar": Way(
        crossbars(1),
        ("core 'c0': 2 neurons, limit 1 (chip 'tiny'): split the core",),
        chip=CROSSBAR,
        changes={"limits.compartments": 1},
    ),
    "crossbars": Way(
        crossbars(9),
        ("9 cores described directly, chip 'tiny' has 8: use fewer cores or a larger mesh",),
        chip=CROSSBAR,
    ),
    "a crossbar off the mesh": Way(
        crossbars(1, at=(2, 0)),
        ("core 'c0': at (2, 0) is outside the mesh of 2 x 2 tiles (chip 'tiny')",),
        chip=CROSSBAR,
    ),
    "three crossbars at a tile of two": Way(
        crossbars(3, at=(1, 1)),
        ("cores 'c0', 'c1', 'c2': 3 at tile (1, 1), which has 2 (chip 'tiny'): move all but so many",),
        chip=CROSSBAR,
    ),
    "a crossbar at a dead router": Way(
        crossbars(1, at=(1, 1)),
        ("core 'c0': at (1, 1): no core of that tile is alive",),
        chip=CROSSBAR,
        changes={"mesh.faults": DEAD_ROUTER},
    ),
    "a delay between crossbars": Way(
        crossbars(1, target_core=0, target_axon=0, delay=15),
        ("core 'c0': delay 15, limit 8 (chip 'tiny'): shorten it, or put a relay core in its way",),
        chip=CROSSBAR,
        changes={"limits.delay_ticks": 8},
    ),
    "a target that is no core": Way(
        crossbars(1, target_core=3, target_axon=0, delay=1),
        ("core 'c0': target_core[0] = 3: the network has 1 cores, 0..0 (2 in all)",),
        chip=CROSSBAR,
    ),
    "a target that is no axon": Way(
        crossbars(1, target_core=0, target_axon=7, delay=1),
        ("core 'c0': target_axon[0] = 7: core 'c0' has 2 axons, 0..1 (2 in all)",),
        chip=CROSSBAR,
    ),
    "a weight of a crossbar": Way(
        crossbars(1, model={"s": (256, 0, 0, 0)}),
        ("core 'c0': s[0] = 256: outside -255..255 (chip 'tiny', arithmetic.variant 'chip')",),
        chip=CROSSBAR,
    ),
    "a reset of a crossbar": Way(
        crossbars(1, model={"R": 4}),
        ("core 'c0': R = 4: must be +-(2**n - 1)",),
        chip=CROSSBAR,
    ),
    "a leak past the widest variant": Way(
        crossbars(1, model={"leak": 2**15}),
        ("core 'c0': leak = 32768: outside -32768..32767 (chip 'tiny', arithmetic.variant 'ranc')",),
        chip=CROSSBAR,
        changes={"arithmetic.variant": "ranc"},
    ),
    "a mapping of crossbars": Way(
        spiking(2, 2),
        ("mapping of 'p': cores of chip 'tiny' are placed whole: drop mapping=, and pin cores",),
        chip=CROSSBAR,
        options={"mapping": {"p": [0, 0]}},
    ),
    "fan-in of a crossbar neuron": Way(
        spiking(257, 1),
        (
            "population 'p'[0]: 257 axons in, one for each sender and delay, limit 256 of a core",
            "fan_in='partial_sums'",
        ),
        chip=CROSSBAR,
    ),
    "weights without an exact sum": Way(
        spiking(200, 1, np.arange(1, 201).reshape(200, 1)),
        (
            "200 axons in, whose weights have no exact sum of four values within the 256 axons of a core",
            "weights='auto' instead of 'exact'",
        ),
        chip=CROSSBAR,
        options={"rewrites": {"weights": "exact"}},
    ),
    "populations past all crossbars": Way(
        spiking(2, 3000),
        ("takes more than the 8 cores of chip 'tiny', about 12: population 'p' takes most of them",),
        chip=CROSSBAR,
    ),
    "crossbars too small for relays": Way(
        spiking(2, 2),
        ("limits.compartments 5: populations take cores of at least 6 neurons",),
        chip=CROSSBAR,
        changes={"limits.compartments": 5},
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_does_not_fit_is_refused_in_words_that_help(name: str) -> None:
    way = WAYS[name]
    net = em.Network("net")
    way.build(net)
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, way.chip.replace(way.changes), **way.options)
    for words in way.words:
        assert any(words in problem for problem in caught.value.problems), caught.value


def test_there_are_at_least_25_ways_of_not_fitting_crossbars_among_them() -> None:
    assert len(WAYS) >= 25 and sum(way.chip is CROSSBAR for way in WAYS.values()) >= 8
    said = [way.words for way in WAYS.values()]
    assert len(set(said)) == len(said)
