"""The arithmetic of a TrueNorth neuron, step by step, by hand (Cassidy et al. 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import emulator as em
from emulator import philox
from emulator.chip.crossbar import CrossbarImage
from emulator.engine.stimulus import build_drive
from emulator.reference.core import Update
from emulator.reference.crossbar import V_MAX, V_MIN, CrossbarCore, Neuron, Variant
from emulator.testing.crossbars import crossbar_chip, two_cores

FAR = 2**18 - 1
PLAIN = Neuron(
    weight=(1, -2, 255, -255),
    stochastic=(False,) * 4,
    leak=0,
    leak_stochastic=False,
    reversal=False,
    alpha=FAR,
    beta=FAR,
    mask=0,
    reset=0,
    reset_mode=0,
    saturate=False,
    v=0,
)
RANC, SYMMETRIC = Variant(saturates=False), Variant(saturates=False, at_threshold=True)


def refuse(use: int) -> philox.Words:
    raise AssertionError(f"use {use} was drawn: nothing here is stochastic")


def after(reached: Sequence[tuple[int, int]] = (), draw: Any = refuse, **changes: Any) -> tuple[int, Update]:
    """v and outcome of a tick of a neuron; reached: axons and their types."""
    neuron = replace(PLAIN, **changes)
    update = neuron.update(list(reached), draw)
    return neuron.v, update


# ---- synapses


def test_weights_go_by_the_type_of_the_axon() -> None:
    assert after([(3, 0)])[0] == 1
    assert after([(0, 0), (7, 1), (8, 2), (9, 2)])[0] == 1 - 2 + 255 + 255


@pytest.mark.parametrize(
    ("v", "types", "expected"),
    [
        (V_MAX - 100, (2, 1), V_MAX - 2),  # stops, and goes on from there
        (V_MAX - 100, (1, 2), V_MAX),
        (V_MIN + 100, (3, 0), V_MIN + 1),
        (V_MIN + 100, (0, 3), V_MIN),
        (V_MAX, (3, 2), V_MAX),
        (V_MIN, (2, 3), V_MIN),
    ],
)
def test_every_addition_stops_at_the_ends_of_20_bits(v: int, types: tuple[int, ...], expected: int) -> None:
    assert (V_MIN, V_MAX) == (-524288, 524287)
    reached = list(enumerate(types))
    assert after(reached, v=v, reset_mode=2)[0] == expected
    without_ends = v + sum(PLAIN.weight[kind] for kind in types)
    assert after(reached, v=v, reset_mode=2, variant=RANC)[0] == without_ends


# ---- leak


@pytest.mark.parametrize(
    ("v", "leak", "reversal", "expected"),
    [
        (10, 4, False, 14),
        (-10, 4, False, -6),
        (-3, 4, False, 1),  # without reversal it may cross 0
        (10, 4, True, 14),  # away from 0 on both sides
        (-10, 4, True, -14),
        (10, -4, True, 6),  # towards 0 on both sides
        (-10, -4, True, -6),
        (4, -4, True, 0),
        (3, -4, True, 0),  # not past it
        (-3, -4, True, 0),
        (0, 4, True, 0),
        (0, -4, True, 0),
        (V_MAX - 1, 255, False, V_MAX),
        (V_MIN + 1, -255, False, V_MIN),
        (V_MIN + 1, 255, True, V_MIN),
    ],
)
def test_leak(v: int, leak: int, reversal: bool, expected: int) -> None:
    assert after(v=v, leak=leak, reversal=reversal, reset_mode=2)[0] == expected


def test_the_leak_follows_the_sign_that_the_synapses_leave() -> None:
    assert after([(0, 1)], v=1, leak=5, reversal=True)[0] == -1 - 5
    assert after([(0, 1)], v=2, leak=5, reversal=True)[0] == 0


# ---- thresholds


@pytest.mark.parametrize(
    ("mode", "left"),
    [(0, 7), (1, 3), (2, 23)],
)
def test_a_neuron_fires_from_its_threshold_on_and_is_reset(mode: int, left: int) -> None:
    assert after(v=23, alpha=20, reset=7, reset_mode=mode) == (left, Update(True, True))
    assert after(v=20, alpha=20, reset=7, reset_mode=mode)[1].fired
    assert after(v=19, alpha=20, reset=7, reset_mode=mode) == (19, Update(True, False))


@pytest.mark.parametrize(
    ("mode", "left"),
    [(0, -7), (1, -3), (2, -23)],
)
def test_below_its_negative_threshold_a_neuron_is_reset_without_a_spike(mode: int, left: int) -> None:
    changes = {"beta": 20, "reset": 7, "reset_mode": mode}
    assert after(v=-23, **changes) == (left, Update(True, False))
    assert after(v=-20, **changes)[0] == -20  # not at the threshold itself


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_neuron_that_saturates_is_held_at_its_negative_threshold(mode: int) -> None:
    held = {"beta": 20, "reset": 7, "reset_mode": mode, "saturate": True}
    assert after(v=-23, **held)[0] == -20
    assert after(v=-20, **held)[0] == -20


def test_a_negative_reset_goes_up_on_the_negative_side() -> None:
    assert after(v=-21, beta=20, reset=-7)[0] == 7
    assert after(v=21, alpha=20, reset=-7)[0] == -7


def test_at_zero_thresholds_every_neuron_fires() -> None:
    assert after(v=0, alpha=0, beta=0) == (0, Update(False, True))


@pytest.mark.parametrize(("mode", "left"), [(0, -7), (1, 0), (2, -20)])
def test_the_symmetric_rule_acts_at_the_negative_threshold_itself(mode: int, left: int) -> None:
    changes = {"beta": 20, "reset": 7, "reset_mode": mode, "variant": SYMMETRIC}
    assert after(v=-20, **changes)[0] == left
    assert after(v=-19, **changes)[0] == -19


def test_an_update_is_active_with_input_leak_or_potential() -> None:
    assert not after()[1].active
    assert after(v=1)[1].active and after(leak=1)[1].active
    assert after([(0, 0)])[1].active
    assert after([(0, 0)], weight=(0, 0, 0, 0))[1].active  # a spike of weight 0 is input too


# ---- draws


def words(**given: int) -> Any:
    """Draws of word `w<use>_<word>`; the others are 0."""
    return lambda use: tuple(given.get(f"w{use}_{word}", 0) for word in range(4))


@pytest.mark.parametrize(
    ("weight", "rho", "added"), [(5, 5, 1), (5, 6, 0), (-5, 5, -1), (-5, 6, 0), (0, 0, 0), (255, 255, 1)]
)
def test_a_stochastic_synapse_adds_its_sign(weight: int, rho: int, added: int) -> None:
    # axon 38 takes use 1 + 38 // 16, byte 38 % 16 = 6: byte 2 of word 1; other bytes say no
    draw = words(w3_1=0xFF00FFFF | rho << 16, w3_0=0xFFFFFFFF, w1_1=0xFFFFFFFF)
    found = after([(38, 0)], draw, weight=(weight, 0, 0, 0), stochastic=(True, False, False, False))
    assert found[0] == added


def test_only_synapses_of_stochastic_types_are_drawn() -> None:
    stochastic = (False, True, False, False)
    assert after([(0, 0), (1, 2)], stochastic=stochastic)[0] == 256  # `refuse` would raise
    assert after([(0, 0), (1, 1)], words(w1_0=0xFFFFFF02 << 8), stochastic=stochastic)[0] == 1 - 1
    assert after([(0, 0), (1, 1)], words(w1_0=0x300), stochastic=stochastic)[0] == 1


@pytest.mark.parametrize(("rho", "v"), [(9, 11), (10, 10)])
def test_a_stochastic_leak_adds_its_sign(rho: int, v: int) -> None:
    draw = words(w0_1=0xABCDEF00 | rho, w0_0=0xFF)
    assert after([], draw, v=10, leak=9, leak_stochastic=True)[0] == v
    assert after([], draw, v=-10, leak=9, leak_stochastic=True, reversal=True)[0] == -v


def test_eta_is_the_low_bits_of_a_draw_and_moves_both_thresholds() -> None:
    draw = words(w0_0=0xFFFFFFF5, w0_1=0xFF)
    for mode, up, down in ((0, 7, -7), (1, 1, -1), (2, 26, -26)):
        changes = {"alpha": 20, "beta": 20, "mask": 0b111, "reset": 7, "reset_mode": mode}
        assert after([], draw, v=26, **changes) == (up, Update(True, True))  # 20 + 5
        assert after([], draw, v=24, **changes) == (24, Update(True, False))
        assert after([], draw, v=-26, **changes)[0] == down
        assert after([], draw, v=-25, **changes)[0] == -25
        assert after([], draw, v=-21, **changes, saturate=True)[0] == -20  # without eta


# ---- a core


def core_b() -> tuple[CrossbarCore, CrossbarImage]:
    """Core b of `two_cores`, on row 0: two axons of type 0, two neurons, a synapse each."""
    chip = crossbar_chip()
    program = em.compile(two_cores(), chip)
    drive = build_drive(program, 20, {}, batch=None, state=None, timing=False, seed=0, trace=False)
    return CrossbarCore(program.image, 0, chip, drive), program.image


def test_spikes_wait_for_their_tick_and_merge() -> None:
    core, image = core_b()
    assert image.max_delay_ticks == 15
    core.schedule(1, 2)
    core.schedule(1, 2)
    core.schedule(0, 15)
    found = []
    for tick in range(16):
        core.update(tick)
        found.append(core.integrated)
        core.end_tick()
    assert [tick for tick, axons in enumerate(found) if axons] == [2, 15]
    assert (found[2], found[15]) == ([(1, 1)], [(0, 1)])  # axon, synaptic operations


def test_what_is_due_now_is_integrated_in_this_very_tick() -> None:
    core, _ = core_b()
    core.schedule(0, 0)
    before = [neuron.v for neuron in core.compartments]
    core.update(0)
    assert core.integrated == [(0, 1)] and core.compartments[0].v == before[0] + 1
