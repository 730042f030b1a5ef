"""Ticks that a clock ends: instants by hand, overruns, and that they change nothing but times."""

from __future__ import annotations

import numpy as np
import pytest

import emulator as em
from emulator.testing import first_difference

# of tests/twin/test_machine_cases.py, where the same instants end at a barrier
COSTS = {
    "latency_ps": {
        "update_inactive": 10,
        "update_active": 20,
        "spike": 30,
        "send": 5,
        "receive": 7,
        "synaptic_op_dense": 2,
        "synaptic_op_sparse": 3,
    },
    "mesh": {"inject_ps": 2, "eject_ps": 3, "hop_ps": {"ew": 11, "ns": 13}, "cycle_ps": 1, "credit_ps": 1},
    "cores.per_tile": 1,
}


def clocked(tiny: em.ChipSpec, tick_ps: int) -> em.ChipSpec:
    return tiny.replace({**COSTS, "domain": "fixed", "tick_ps": tick_ps, "barrier_ps": None})


def pair() -> em.Network:
    """One compartment that fires in every tick and drives one that never does."""
    net = em.Network("pair")
    on = net.add_population("on", 1, em.LoihiCuba(vth_mant=0, bias_mant=1))
    net.connect(on, net.add_population("off", 1, em.LoihiCuba(vth_mant=131071)), [[2]])
    return net


def test_a_tick_that_is_not_done_in_time_is_an_overrun_and_the_clock_goes_on(
    tiny: em.ChipSpec, engine: str
) -> None:
    # Push at 20 + 30 + 5 = 55, visible and granted 57, in the intake 60, service 7 + 2 until 69; soma ends at
    # 55 + 10 = 65. From tick 1 on the target has input: soma 75.
    result = em.run(em.compile(pair(), clocked(tiny, 70)), 3, engine=engine)
    assert result.record.timing is not None
    assert result.record.timing.done_ps.tolist() == [69, 75, 75]
    assert result.tick_ps.tolist() == [70, 70, 70]
    assert result.overruns.tolist() == [[1, 75], [2, 75]] and result.overruns.dtype == np.int64
    assert result.counts["barrier"] == 3  # every tick ends once
    assert result.energy.static_aj == 3 * 70 * 1000  # tiny: 1 mW, 1000 aJ per ps


def test_work_that_ends_with_its_tick_is_done_in_time(tiny: em.ChipSpec, engine: str) -> None:
    result = em.run(em.compile(pair(), clocked(tiny, 75)), 3, engine=engine)
    assert result.overruns.shape == (0, 2)


def test_overruns_of_a_batch_name_the_sample(tiny: em.ChipSpec, engine: str) -> None:
    # The port is west of tile (0, 0); the core is at (1, 0). A spike of the host at tick 0 is served
    # until 25. In tick 1 the compartment fires at 20 + 30 + 5 = 55, visible 57, at tile 0 at 68, out of the
    # port at 71.
    net = em.Network("echo")
    out = net.add_population("out", 1, em.LoihiCuba(vth_mant=1), to_host=True)
    net.connect(net.add_source("in", 1), out, [[2]])
    program = em.compile(net, clocked(tiny, 30), mapping={"out": [1]})
    events = np.array([[0, 1, 0], [1, 0, 0]])
    result = em.run(program, 2, {"in": events}, engine=engine, batch=2)
    assert result.record.timing is not None
    assert result.record.timing.done_ps.tolist() == [10, 25, 25, 71]
    assert result.tick_ps.tolist() == [[30, 30], [30, 30]]
    assert result.overruns.tolist() == [[1, 1, 71]]


def test_a_chip_with_a_barrier_overruns_nothing(tiny: em.ChipSpec) -> None:
    program = em.compile(pair(), tiny)
    for result in (em.run(program, 2), em.run(program, 2, timing=False)):
        assert result.overruns.shape == (0, 2)
    assert em.run(program, 2, batch=2).overruns.shape == (0, 3)


def test_overruns_of_an_untimed_run_say_how_to_get_them(tiny: em.ChipSpec) -> None:
    result = em.run(em.compile(pair(), clocked(tiny, 70)), 2, timing=False)
    with pytest.raises(em.SimulationError, match="overruns: this run had timing=False; run it with t"):
        _ = result.overruns


def test_the_clock_changes_times_alone(tiny: em.ChipSpec, engine: str) -> None:
    barrier = clocked(tiny, 1).replace({"domain": "barrier", "tick_ps": None, "barrier_ps": {1: 0}})
    waits = em.run(em.compile(pair(), barrier), 4, engine=engine).record
    goes_on = em.run(em.compile(pair(), clocked(tiny, 1)), 4, engine=engine).record
    assert waits.timing is not None and goes_on.timing is not None
    assert waits.timing.tick_ps.tolist() == goes_on.timing.done_ps.tolist()
    assert first_difference(waits, goes_on) == "timing.tick_ps[0]: 69 != 1"
