"""Overflow policies at the ends of the registers, and what a user reads of a strict run.

Known answers: hand arithmetic. The peers' own traces are in tests/golden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import arith
from emulator.reference.core import Compartment
from emulator.reference.overflow import POLICIES, OutsideRegister

HALF = 2**23
LARGEST = 254 * 2**7 * 64  # effective weight of the largest mantissa, 64 short of the clip


def compartment(overflow: str, **changes: Any) -> Compartment:
    """Keeps u and v as they are; never fires unless told."""
    registers = {"decay_u": 0, "decay_v": 0, "refractory": 1, "bias": 0, "u": 0, "v": 0, "counter": 0}
    bounds = {"vmin": -arith.V_LIMIT, "vmax": arith.V_LIMIT, "threshold": 2**62}
    return Compartment(**{**registers, **bounds, **changes}, overflow=POLICIES[overflow])


def after(overflow: str, q: int, **changes: Any) -> tuple[int, int]:
    one = compartment(overflow, **changes)
    one.update(q)
    return one.u, one.v


@pytest.mark.parametrize(
    ("overflow", "q", "u"),
    [
        ("chip", 2**21, -(2**21)),
        ("chip", 2**22 + 64, 64),
        ("lava", 2**21, 2**21),
        ("lava", HALF, HALF),
        ("lava", HALF + 64, -HALF + 64),
        ("lava", -HALF, HALF),
        ("lava", 3 * HALF + 64, HALF + 64),  # one turn is not enough, and no second one is made
        ("unbounded", 2**40, 2**40),
        ("unbounded", -(2**40), -(2**40)),
        ("unbounded", 2**63, -(2**63)),  # the end of 64 bits
    ],
)
def test_input_and_current_beyond_their_registers(overflow: str, q: int, u: int) -> None:
    assert after(overflow, q, decay_v=4096)[0] == u


@pytest.mark.parametrize(
    ("overflow", "u", "bias", "v"),
    [
        ("chip", HALF - 1, 1, -(HALF - 1)),  # wraps to -2**23, one below the clip
        ("chip", HALF - 1, 2, -HALF + 1),
        ("lava", HALF - 1, 2, HALF - 1),
        ("lava", -HALF + 1, -2, -HALF + 1),
        ("unbounded", HALF - 1, 2, HALF + 1),
        ("unbounded", 2**63 - 1, 1, -(2**63)),
    ],
)
def test_current_plus_bias_beyond_the_register(overflow: str, u: int, bias: int, v: int) -> None:
    assert after(overflow, 0, u=u, bias=bias) == (u, v)


def test_voltage_is_clipped_but_by_unbounded_which_heeds_tighter_bounds_only() -> None:
    high, low = {"u": 1000, "v": HALF - 2}, {"u": -1000, "v": -HALF + 2}
    for overflow in ("chip", "lava"):
        assert after(overflow, 0, **high)[1] == HALF - 1 and after(overflow, 0, **low)[1] == -HALF + 1
    assert after("unbounded", 0, **high)[1] == HALF + 998
    assert after("unbounded", 0, **low)[1] == -HALF - 998
    tight = {"vmin": -HALF + 2, "vmax": HALF - 2}
    assert after("unbounded", 0, **high, **tight)[1] == HALF - 2
    assert after("unbounded", 0, **low, **tight)[1] == -HALF + 2
    assert after("unbounded", 0, **low, vmax=5)[1] == -HALF - 998  # the other end stays open


@pytest.mark.parametrize(
    ("q", "changes", "register", "value"),
    [
        (2**21, {}, "q", 2**21),
        (-(2**21) - 64, {"u": -HALF}, "q", -(2**21) - 64),  # u would leave too, but q comes first
        (64, {"u": HALF - 1}, "u", HALF + 63),
        (-64, {"u": -HALF}, "u", -HALF - 64),
        (0, {"u": HALF - 1, "bias": 1, "v": HALF - 1}, "x", HALF),
        (0, {"u": 1, "v": HALF - 1}, "v", HALF),
        (0, {"u": -HALF}, "v", -HALF),
        (0, {"u": -HALF, "counter": 3}, "v", -HALF),  # found before the refractory counter sets v to 0
    ],
)
def test_strict_names_the_first_register_that_is_left(
    q: int, changes: dict[str, int], register: str, value: int
) -> None:
    with pytest.raises(OutsideRegister) as caught:
        compartment("strict", **changes).update(q)
    assert (caught.value.register, caught.value.value) == (register, value)


def test_strict_is_the_chip_up_to_the_last_value_of_every_register() -> None:
    edges: list[tuple[int, dict[str, int]]] = [
        (2**21 - 64, {}),
        (-(2**21), {}),
        (63, {"u": HALF - 64}),
        (0, {"u": HALF - 2, "bias": 1}),
        (0, {"u": 1, "v": HALF - 2}),
        (0, {"u": -1, "v": -HALF + 2}),
        (64, {"u": 100, "v": 5, "vmax": 7}),  # a neuron's own bound clips, it is no register's end
    ]
    for q, changes in edges:
        assert after("strict", q, **changes) == after("chip", q, **changes)


def test_a_soft_reset_takes_the_threshold_off_and_shows_v_in_the_register() -> None:
    for overflow in POLICIES:
        one = compartment(overflow, u=500, threshold=192, soft_reset=True)
        outcomes = [(one.update(0).fired, one.v, one.v_raw, one.counter) for _ in range(2)]
        assert outcomes == [(True, 308, 308, 0), (True, 616, 616, 0)], overflow


def test_at_the_threshold_a_soft_reset_does_not_happen() -> None:
    one = compartment("chip", u=192, threshold=192, soft_reset=True)
    assert not one.update(0).fired and one.v == 192
    assert one.update(0).fired and one.v == 192


def strict_run(chip: em.ChipSpec, engine: str, **arguments: Any) -> em.Result:
    """Population `b` is a perfect integrator of the largest weight: neuron 1 is fed, neuron 0 is not."""
    net = em.Network("strict")
    source = net.add_source("in", 2)
    net.add_population("a", 3, em.LoihiCuba())
    b = net.add_population("b", 2, em.LoihiCuba(du=0, ds_offset=0, dv=4095, vth_mant=arith.VTH_MANT_MAX))
    synapse = em.LoihiSynapse(w_exp=7)
    net.connect(source, b, em.Triplets([0, 1], [1, 1], [254, 254]), synapse=synapse)
    program = em.compile(net, chip.replace({"arithmetic.overflow": "strict"}))
    return em.run(program, 9, engine=engine, **arguments)


def test_a_strict_run_names_neuron_tick_register_value_and_a_way_out(tiny: em.ChipSpec, engine: str) -> None:
    # four inputs of LARGEST fit 24 bits, the fifth does not; the spike of tick t acts in tick t + 1
    events = np.array([[tick, 0] for tick in range(9)])
    with pytest.raises(em.SimulationError) as caught:
        strict_run(tiny, engine, stimulus={"in": events})
    assert str(caught.value) == (
        f"tick 5, population 'b' neuron 1: the current (u) is {5 * LARGEST}, its register holds "
        "-8388608..8388607 (chip 'tiny', arithmetic.overflow 'strict'): lower weights or bias, or let it "
        "wrap and clip as silicon does with arithmetic.overflow 'chip'"
    )
    assert isinstance(caught.value.__cause__, em.errors.RegisterOverflow)
    assert (caught.value.__cause__.slot, caught.value.__cause__.row) == (4, 5)


def test_a_strict_run_of_a_batch_names_the_sample(tiny: em.ChipSpec, engine: str) -> None:
    both = np.array([[1, 2, 0], [1, 2, 1]])
    with pytest.raises(em.SimulationError) as caught:
        strict_run(tiny, engine, stimulus={"in": both}, batch=3)
    words = f"sample 1, tick 3, population 'b' neuron 1: the input sum (q) is {2 * LARGEST}, its register"
    assert str(caught.value).startswith(words)


def test_a_strict_run_within_the_registers_is_that_of_the_chip(tiny: em.ChipSpec, engine: str) -> None:
    events = np.array([[tick, 0] for tick in range(4)])
    assert strict_run(tiny, engine, stimulus={"in": events}).state.u.tolist() == [[0, 0, 0, 0, 4 * LARGEST]]
