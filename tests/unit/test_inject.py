"""Faults put in on purpose: what is hit, that it is legal, and that the seed alone decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.check import check_image
from emulator.chip.state import state_tables
from emulator.faults import flipped
from emulator.testing import Case, cases, first_difference
from emulator.testing.crossbar_strategies import crossbar_cases
from emulator.testing.crossbars import crossbar_chip, two_cores
from emulator.testing.small_run import small_program

TINY = em.load_chip("tiny")
some = settings(max_examples=max(8, settings().max_examples // 25))


def one_synapse(mantissa: int, **synapse: Any) -> em.Program:
    net = em.Network("one")
    src = net.add_source("in", 1)
    p = net.add_population("p", 1, em.LoihiCuba(vth_mant=1))
    net.connect(src, p, np.array([[mantissa]]), synapse=em.LoihiSynapse(**synapse))
    return em.compile(net, TINY)


@pytest.mark.parametrize(
    ("mantissa", "synapse", "expected"),
    [
        (64, {"sign_mode": "mixed"}, -66),  # stored in steps of 2: 32 -> ~32 = -33 in 8 bits
        (-256, {"sign_mode": "mixed"}, 254),
        (200, {"sign_mode": "excitatory"}, 55),
        (-200, {"sign_mode": "inhibitory"}, -55),
        (128, {"sign_mode": "excitatory", "weight_bits": 4}, 112),  # 4 bits in steps of 16: 8 -> 7
    ],
)
def test_every_stored_bit_of_a_weight_flips_and_no_other(
    mantissa: int, synapse: dict[str, Any], expected: int
) -> None:
    program = one_synapse(mantissa, **synapse)
    assert program.image.syn_mant.tolist() == [mantissa]
    assert em.inject(program, synapses=1.0).image.syn_mant.tolist() == [expected]
    assert em.inject(em.inject(program, synapses=1.0), synapses=1.0).image.digest == program.image.digest


def test_the_rate_of_flips_is_the_one_asked_for() -> None:
    net = em.Network("dense")
    src = net.add_source("in", 200)
    p = net.add_population("p", 200, em.LoihiCuba(vth_mant=1))
    net.connect(src, p, np.full((200, 200), 100), synapse=em.LoihiSynapse(sign_mode="excitatory"))
    program = em.compile(net, em.load_chip("loihi"))
    flips = program.image.syn_mant ^ em.inject(program, synapses=0.01, seed=3).image.syn_mant
    n_flips = np.unpackbits(flips.astype(np.uint8)).sum()
    assert abs(n_flips - 3200) < 5 * np.sqrt(3200)  # of 320,000 bits
    again, other = (em.inject(program, synapses=0.01, seed=seed).image.digest for seed in (3, 4))
    assert again == em.inject(program, synapses=0.01, seed=3).image.digest != other


def test_bits_of_a_crossbar_flip_where_there_are_neurons() -> None:
    program = em.compile(two_cores(), crossbar_chip())
    changed = em.inject(program, synapses=1.0).image
    n_bits = sum(
        int(axons) * int(neurons)
        for axons, neurons in zip(np.diff(changed.axon_ptr), np.diff(changed.slot_ptr), strict=True)
    )
    assert np.unpackbits(changed.crossbar ^ program.image.crossbar).sum() == n_bits
    check_image(changed, program.chip)


@some
@given(st.data())
def test_engines_agree_on_faulty_memory_and_registers(data: st.DataObject) -> None:
    """An injected image is legal, so the twin law holds of it too."""
    crossbars = data.draw(st.booleans())
    case: Case = data.draw(crossbar_cases(crossbar_chip()) if crossbars else cases(TINY))
    program = em.compile(case.network, case.chip, mapping=None if crossbars else case.mapping)
    seed = data.draw(st.integers(0, 9))
    program = em.inject(program, synapses=data.draw(st.sampled_from((0.0, 0.01, 0.5, 1.0))), seed=seed)
    ticks = data.draw(st.one_of(st.none(), st.lists(st.integers(0, 12), max_size=3)))
    registers = data.draw(st.sampled_from((("u", "v"), ("refractory",), ("v",))))
    upsets = em.Upsets(data.draw(st.sampled_from((0.0, 0.1, 1.0))), ticks, registers, seed)
    arguments: dict[str, Any] = {"stimulus": case.stimulus, "seed": case.seed, "upsets": upsets}
    records = [
        em.run(program, case.n_ticks, engine=engine, **arguments).record for engine in ("reference", "native")
    ]
    assert first_difference(*records) is None


def test_upsets_at_no_rate_change_nothing(engine: str) -> None:
    program = small_program()
    arguments: dict[str, Any] = {"stimulus": {"in": np.eye(3, 2, dtype=bool)}, "engine": engine}
    plain = em.run(program, 3, **arguments)
    assert (
        first_difference(plain.record, em.run(program, 3, upsets=em.Upsets(0.0), **arguments).record) is None
    )


def test_an_upset_strikes_before_its_tick(engine: str) -> None:
    """All 24 bits of v = 0 flip to -1 before tick 2; without leak it stays there."""
    net = em.Network("quiet")
    net.add_population("p", 1, em.LoihiCuba(vth_mant=100, du=0, dv=0))
    net.probe("p", "v")
    program = em.compile(net, TINY)
    upsets = em.Upsets(1.0, [2], registers=("v",))
    assert em.run(program, 4, engine=engine, upsets=upsets).probe("p", "v").ravel().tolist() == [0, 0, -1, -1]
    first = em.run(program, 1, engine=engine)
    later = em.run(program, 2, engine=engine, state=first.state, upsets=em.Upsets(1.0, [0], ("v",)))
    assert later.probe("p", "v").ravel().tolist() == [-1, -1]


def test_flipped_states_stay_within_their_registers() -> None:
    program = small_program()
    state = em.run(program, 2).state
    after = flipped(state, program, em.Upsets(0.5, registers=("u", "v", "refractory"), seed=1))
    for name, table in state_tables(program.image, program.chip).items():
        assert table.low <= getattr(after, name).min() and getattr(after, name).max() <= table.high
    twice = flipped(flipped(state, program, em.Upsets(1.0)), program, em.Upsets(1.0))
    assert np.array_equal(twice.u, state.u) and np.array_equal(twice.v, state.v)


def test_a_chip_gets_as_many_faults_as_asked_for() -> None:
    chip = em.inject(
        TINY, cores=2, routers=1, links=[{"x": 0, "y": 0, "side": "E"}], lossy=3, loss=0.25, seed=1
    )
    faults = chip.mesh.faults
    assert faults is not None
    assert (len(faults.cores), len(faults.routers), len(faults.links), len(faults.lossy)) == (2, 1, 1, 3)
    assert {link.probability for link in faults.lossy} == {0.25} and faults.policy == "block"
    more = em.inject(chip, cores=3, policy="drop", seed=1).mesh.faults
    assert more is not None and len(set(more.cores)) == 5 and set(faults.cores) < set(more.cores)
    assert more.links == faults.links and more.policy == "drop"
    assert em.inject(TINY, cores=2, seed=1).mesh.faults != em.inject(TINY, cores=2, seed=3).mesh.faults


def test_cores_die_with_their_probability_and_compiling_goes_around_them() -> None:
    chip = em.load_chip("loihi")
    dead = [len(em.inject(chip, cores=0.1, seed=seed).mesh.faults.cores) for seed in range(20)]
    assert abs(sum(dead) - 256) < 5 * np.sqrt(256)  # of 20 * 128 cores
    sampled = em.inject(chip, cores=0.5, seed=0)
    net = em.Network("wide")
    net.add_population("p", 40_000, em.LoihiCuba(vth_mant=1))
    program = em.compile(net, sampled)
    assert not set(program.image.core_id.tolist()) & set(sampled.mesh.faults.cores)
    with pytest.raises(em.CompileError):
        em.compile(net, em.inject(chip, cores=100))


@pytest.mark.parametrize(
    ("target", "arguments", "words"),
    [
        (TINY, {"cores": 9}, r"cores=9: there are 8 without a fault"),
        (TINY, {"cores": 1.5}, r"cores=1.5: must be a probability in 0..1"),
        (TINY, {"links": "E"}, r"links='E': give a probability in 0..1, how many, or a list"),
        (TINY, {"loss": 2.0}, r"loss=2.0: must be a number in 0..1"),
        (TINY, {"synapses": 0.1}, r"synapses: of a program; compile for the chip"),
        (TINY, {"seed": -1}, r"seed=-1: must be an integer from 0 up"),
        (small_program(), {"cores": 1}, r"cores: of a chip; inject into it and compile"),
        (small_program(), {"synapses": -0.1}, r"synapses=-0.1: must be a number in 0..1"),
        ("loihi", {}, r"str given, expected a chip or a program"),
    ],
)
def test_faults_that_cannot_be_are_refused(target: Any, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(em.SimulationError, match=words):
        em.inject(target, **arguments)


def test_upsets_that_cannot_be_are_refused() -> None:
    words = r"rate=2(.|\n)*registers \['w'\](.|\n)*ticks must be integers(.|\n)*seed=-1"
    with pytest.raises(em.SimulationError, match=words):
        em.Upsets(2, [-1], ("w",), -1)
    with pytest.raises(em.SimulationError, match=r"upsets= with trace=True: leave out"):
        em.run(small_program(), 3, upsets=em.Upsets(0.1), trace=True)
    with pytest.raises(em.SimulationError, match=r"upsets: float given, expected em\.Upsets"):
        em.run(small_program(), 3, upsets=0.1)
