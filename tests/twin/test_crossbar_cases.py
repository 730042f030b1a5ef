"""Directed cases of crossbar cores on both engines: ends of registers, forms of the native kernels, what
merges, and ticks with their picoseconds computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.drive import Drive
from emulator.chip.events import EVENTS
from emulator.engine import native
from emulator.engine.stimulus import build_drive
from emulator.record import Record
from emulator.reference.machine import run as run_reference
from emulator.testing import first_difference
from emulator.testing.crossbars import crossbar_chip

S = (1, -1, 0, 0)  # weights where none is used
CHIP = crossbar_chip()
V_MAX = 2**19 - 1
NEVER = {"alpha": 2**18 - 1, "beta": 2**18 - 1}
KEPT = {"gamma": 2}  # neither firing nor the negative side changes v
LEVELS = range(native.BEST + 1)


def one_core(crossbar: Any, types: Any, model: em.TrueNorth, **more: Any) -> em.Network:
    net = em.Network("one")
    net.probe(net.add_core("c", crossbar, types, model, **more), "v")
    return net


def run(net: em.Network, n_ticks: int, events: Any, engine: str, chip: em.ChipSpec = CHIP) -> em.Result:
    stimulus = {"c": np.array(events, dtype=int).reshape(-1, 2)}
    return em.run(em.compile(net, chip), n_ticks, stimulus, engine=engine)


def at_level(program: em.Program, n_ticks: int, stimulus: Any, level: int, threads: int = 1) -> Record:
    drive = build_drive(program, n_ticks, stimulus, batch=None, state=None, timing=False, seed=0, trace=False)
    return native.run(program.image, program.chip, drive, threads=threads, level=level)


# ---- ends of the register


def test_each_addition_stops_at_the_ends_of_20_bits_in_axon_order(engine: str) -> None:
    # Neuron 0: axon 0 stops at the end, axon 1 takes 200 from there. Neuron 1 has the weights the other way
    # round.
    model = em.TrueNorth(s=[[255, -200, 0, 0], [-200, 255, 0, 0]], v0=V_MAX - 100, **KEPT)
    result = run(one_core([[1, 1], [1, 1]], [0, 1], model), 1, [[0, 0], [0, 1]], engine)
    assert result.probe("c", "v").tolist() == [[V_MAX - 200, V_MAX - 100 - 200 + 255]]
    low = em.TrueNorth(s=[[-255, 200, 0, 0], [200, -255, 0, 0]], v0=-V_MAX + 99, **KEPT)
    result = run(one_core([[1, 1], [1, 1]], [0, 1], low), 1, [[0, 0], [0, 1]], engine)
    assert result.probe("c", "v").tolist() == [[-V_MAX - 1 + 200, -V_MAX + 99 + 200 - 255]]


def test_the_leak_stops_at_the_ends_too(engine: str) -> None:
    model = em.TrueNorth(
        s=S, leak=[255, -255, 255, -255], epsilon=[0, 0, 1, 1], v0=[V_MAX - 9, 8 - V_MAX] * 2, **KEPT
    )
    result = run(one_core([[0] * 4], 0, model), 2, [], engine)
    v = result.probe("c", "v")
    # with reversal a positive leak drives away from 0, a negative one towards it
    assert v[:, :2].tolist() == [[V_MAX, -V_MAX - 1]] * 2
    assert v[:, 2].tolist() == [V_MAX] * 2
    assert v[:, 3].tolist() == [8 - V_MAX + 255, 8 - V_MAX + 510]


def test_variant_ranc_has_no_ends(engine: str) -> None:
    chip = CHIP.replace({"arithmetic.variant": "ranc"})
    model = em.TrueNorth(s=[30_000, -30_000, 0, 0], leak=300, v0=[2**31 - 1, -(2**31)], **KEPT)
    result = run(one_core([[1, 0], [0, 1]], [0, 1], model), 2, [[0, 0], [0, 1]], engine, chip)
    first = [2**31 - 1 + 30_300, -(2**31) - 30_000 + 300]
    assert result.probe("c", "v").tolist() == [first, [v + 300 for v in first]]


@pytest.mark.parametrize(("rule", "expected"), [(0, [-5, -5, -1]), (1, [-9, -5, -1])])
def test_the_negative_side_acts_at_its_threshold_only_where_the_variant_says_so(
    rule: int, expected: list[int], engine: str
) -> None:
    # v = -beta without saturation, with it, and above -beta; R = 9
    changes = {"arithmetic.variant": "ranc", "arithmetic.neuron_reset_type": rule}
    model = em.TrueNorth(s=S, v0=[-5, -5, -1], beta=5, R=9, kappa=[0, 1, 0])
    result = run(one_core([[0] * 3], 0, model), 1, [], engine, CHIP.replace(changes))
    assert result.probe("c", "v").tolist() == [expected]


# ---- forms of the native kernels

ROWS = (1, 2, 47, 48, 49, 63, 64, 65, 127, 128, 129, 255, 256)
"""Numbers of axons around those at which the native engine adds in another way."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_of_any_number_of_axons_are_exact(sign: int, level: int) -> None:
    """Against a product of matrices; a tick each, with potentials that 16 bits hold and with larger ones."""
    rng = np.random.default_rng(3)
    crossbar, types = rng.random((256, 256)) < 0.7, rng.integers(0, 4, 256)
    crossbar[:, :2], types[:200] = True, 1
    weights = rng.integers(-255, 256, (256, 4))
    weights[:2] = 255 * sign
    v0 = rng.integers(-16_000, 16_000, 256)
    for start in (v0, 10 * v0):
        net = em.Network("sums")
        model = em.TrueNorth(
            s=weights, v0=start, alpha=16_000 if start is v0 else 2**18 - 1, beta=16_000, **KEPT
        )
        net.probe(net.add_core("c", crossbar, types, model), "v")
        program = em.compile(net, CHIP)
        for n in ROWS:
            due = np.arange(256) < n
            record = at_level(program, 1, {"c": due[np.newaxis]}, level)
            effective = np.where(crossbar, weights[:, types].T, 0)
            assert np.array_equal(record.probes[0][0, 0], start + due @ effective), n
            ops = record.counts_by_tick[0, EVENTS.index("synaptic_ops_dense")]
            assert ops == crossbar[due].sum()


def through_all_forms() -> tuple[em.Program, dict[str, Any]]:
    """Potentials go from 16 bits to the end of the register and back; those of core `d` to the other end too.

    63 axons of weight 255 in a tick are the most that 16 bits allow; later there are more than 64, and than
    128. Neurons fire from 16,000 on; those of core `c` keep their potential then, but are held at -beta.
    """
    rng = np.random.default_rng(11)
    n = 40
    raster = np.zeros((140, 256), dtype=bool)
    raster[:36, :63] = True  # up: 16,065 a tick, at the end after 33
    raster[36:80, 100:163] = True  # down
    raster[80:100, 100:230] = True  # 130 axons
    raster[100:108, :250] = True
    raster[110:] = rng.random((30, 256)) < 0.1
    types = np.repeat([0, 1, 0, 2, 3], [100, 130, 10, 8, 8])
    net = em.Network("forms")
    for name in "cd":
        reset = {
            "c": {"gamma": 2, "kappa": 1},
            "d": {
                "gamma": np.where(np.arange(n) % 2, 2, np.arange(n) // 2 % 3),
                "kappa": np.arange(n) % 5 == 0,
            },
        }[name]
        model = em.TrueNorth(
            s=[255, -255, 3, -2],
            leak=np.where(np.arange(n) % 3 == 0, rng.integers(-3, 4, n), 0),
            epsilon=rng.integers(0, 2, n),
            alpha=rng.integers(16_000, 16_447, n),
            beta=rng.integers(16_000, 16_400, n),
            R=rng.choice([0, 255, -8191, 16_383], n),
            v0=rng.integers(-16_000, 16_000, n),
            **reset,
        )
        net.probe(net.add_core(name, rng.random((256, n)) < 0.99, types, model), "v")
    return em.compile(net, CHIP), {"c": raster, "d": raster}


def test_twin_holds_from_16_bits_to_the_ends_of_the_register_and_back() -> None:
    program, stimulus = through_all_forms()
    reference = em.run(program, 140, stimulus, engine="reference", timing=False)
    v = np.abs(reference.probe("c", "v")).max(axis=1)
    assert v[1] > 2**15 and v[33] == V_MAX and (v[[95, 127]] < 16_447).all()  # it may come back to 16 bits
    assert (reference.probe("d", "v") == -V_MAX - 1).any()
    for level in LEVELS:
        assert first_difference(reference.record, at_level(program, 140, stimulus, level)) is None, level


@pytest.mark.parametrize("cut", [1, 20, 33, 34, 80, 101])
def test_a_run_goes_on_alike_whatever_form_the_potentials_are_in(cut: int) -> None:
    program, stimulus = through_all_forms()
    whole = em.run(program, 140, stimulus, timing=False)
    begin, rest = (
        {name: raster[part] for name, raster in stimulus.items()} for part in (slice(cut), slice(cut, None))
    )
    first = em.run(program, cut, begin, timing=False)
    second = em.run(program, 140 - cut, rest, timing=False, state=first.state)
    for name in "cd":
        assert np.array_equal(second.probe(name, "v"), whole.probe(name, "v")[cut:])
        assert np.array_equal(first.spikes(name), whole.spikes(name)[: len(first.spikes(name))])


@pytest.mark.parametrize("steady", [True, False], ids=["all with a leak", "some without, some with reversal"])
@pytest.mark.parametrize("density", [0.02, 0.2, 0.6])
def test_twin_holds_for_full_cores_that_drive_each_other(density: float, steady: bool) -> None:
    rng = np.random.default_rng(int(100 * density) + steady)
    net = em.Network("full")
    for core in range(3):
        model = em.TrueNorth(
            s=rng.integers(-30, 40, (256, 4)),
            leak=rng.integers(1, 9, 256) if steady else rng.integers(-4, 9, 256),
            epsilon=0 if steady else rng.integers(0, 2, 256),
            alpha=rng.integers(1, 300, 256),
            beta=rng.integers(0, 300, 256),
            R=rng.choice([0, 1, 31, -31], 256),
            gamma=rng.integers(0, 2, 256),
            kappa=rng.integers(0, 2, 256),
            v0=rng.integers(-90, 90, 256),
        )
        target = rng.integers(0, 3, 256), rng.integers(0, 256, 256), rng.integers(1, 16, 256)
        net.add_core(f"c{core}", rng.random((256, 256)) < density, rng.integers(0, 4, 256), model, *target)
    program = em.compile(net, CHIP)
    stimulus = {"c0": rng.random((20, 256)) < 0.3}
    reference = em.run(program, 20, stimulus, engine="reference", timing=False).record
    assert reference.counts_by_tick[:, EVENTS.index("spikes")].sum() > 500
    for level in LEVELS:
        for threads in (1, 3):
            own = at_level(program, 20, stimulus, level, threads)
            assert first_difference(reference, own) is None, (level, threads)


def test_a_quiet_core_counts_its_updates_and_wakes_by_a_spike(engine: str) -> None:
    # v of neuron 0 stays 5: active. Neuron 1 is at 0: inactive, but in tick 40 reached, and then at 2:
    # active.
    net = one_core([[0, 1]], 0, em.TrueNorth(s=[2, 0, 0, 0], alpha=100, v0=[5, 0]))
    result = run(net, 45, [[40, 0]], engine)
    active = result.record.counts_by_tick[:, EVENTS.index("update_active")]
    assert active.tolist() == [1] * 40 + [2] * 5
    assert result.probe("c", "v")[[0, 39, 40, 44]].tolist() == [[5, 0], [5, 0], [5, 2], [5, 2]]


def test_a_neuron_that_fires_without_input_is_never_quiet(engine: str) -> None:
    net = one_core([[0, 0]], 0, em.TrueNorth(s=S, alpha=[3, 9], gamma=2, v0=[3, 0]))
    assert run(net, 4, [], engine).spikes("c").tolist() == [[tick, 0] for tick in range(4)]


# ---- what is due


def test_spikes_for_one_axon_and_tick_merge_but_are_packets_of_their_own(engine: str) -> None:
    # a 0 fires in tick 0 with delay 3, a 1 in tick 1 with delay 2, both at axon 0 of b; the host adds a
    # third.
    net = em.Network("merge")
    fire = em.TrueNorth(s=[[1, 0, 0, 0], [0, 1, 0, 0]])
    net.add_core("a", [[1, 0], [0, 1]], [0, 1], fire, target_core=1, target_axon=0, delay=[3, 2])
    net.probe(net.add_core("b", [[1, 1, 1]], 0, em.TrueNorth(s=[7, 0, 0, 0], **NEVER)), "v")
    stimulus = {"a": np.array([[0, 0], [1, 1]]), "b": np.array([[3, 0]])}
    result = em.run(em.compile(net, CHIP), 6, stimulus, engine=engine)
    assert result.probe("b", "v")[:, 0].tolist() == [0, 0, 0, 7, 7, 7]
    columns = [EVENTS.index(name) for name in ("axon_in", "synaptic_ops_dense", "host_in")]
    # packets act when they arrive, synapses when the axon is integrated
    assert result.record.counts_by_tick[:, columns].tolist() == [
        [2, 1, 1],
        [2, 1, 1],
        [0, 0, 0],
        [1, 3, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_a_delay_of_15_and_one_of_1_end_in_their_ticks(engine: str) -> None:
    net = em.Network("delays")
    relay = em.TrueNorth(s=[1, 0, 0, 0])
    net.add_core("a", [[1, 1]], 0, relay, target_core=1, target_axon=[0, 1], delay=[1, 15])
    net.probe(net.add_core("b", [[1, 0], [0, 1]], 0, em.TrueNorth(s=[1, 0, 0, 0], **NEVER)), "v")
    events = np.array([[0, 0], [1, 0], [16, 0]])
    v = em.run(em.compile(net, CHIP), 32, {"a": events}, engine=engine).probe("b", "v")
    assert np.flatnonzero(np.diff(v[:, 0], prepend=0)).tolist() == [1, 2, 17]
    assert np.flatnonzero(np.diff(v[:, 1], prepend=0)).tolist() == [15, 16, 31]


def test_inputs_of_several_entries_reach_each_in_its_tick() -> None:
    """An image by hand: input 0 sends to the axon of either core, twice each, input 1 nowhere."""
    net = em.Network("inputs")
    for name in "ab":
        core = net.add_core(name, [[1]], 0, em.TrueNorth(s=[1, 0, 0, 0], **NEVER))
        net.probe(core, "v")
    program = em.compile(net, CHIP)
    assert (program.image.n_slots, program.image.n_inputs) == (2, 2)
    image = program.image.replace(
        entry_ptr=np.array([0, 0, 0, 4, 4]),
        entry_core=np.array([0, 1, 0, 1]),
        entry_axon=np.array([0, 1, 0, 1]),
        entry_delay=np.array([0, 3, 15, 15]),
    )
    seed = build_drive(program, 20, {}, batch=None, state=None, timing=True, seed=0, trace=False)
    events = {"event_ptr": np.repeat([0, 1, 2], [1, 1, 19]), "event_input": np.array([0, 1], dtype=np.int32)}
    drive = Drive(1, 20, **events, generators=seed.generators, probes=seed.probes, timing=True)
    reference = run_reference(image, CHIP, drive)
    jumps = [np.flatnonzero(np.diff(probe[0, :, 0], prepend=0)).tolist() for probe in reference.probes]
    assert jumps == [[0, 15], [3, 15]]
    for level in LEVELS:
        for threads in (1, 2):
            own = native.run(image, CHIP, drive, threads=threads, level=level)
            assert first_difference(reference, own) is None, (level, threads)
    counts = dict(zip(EVENTS, reference.counts_by_tick.sum(axis=0).tolist(), strict=True))
    assert (counts["transmitted"], counts["host_in"], counts["axon_in"]) == (1, 4, 4)


# ---- instants, by hand

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
    "host_port": {"x": 0, "y": 0, "side": "W"},
}


def clocked(tick_ps: int) -> em.ChipSpec:
    return CHIP.replace({**COSTS, "tick_ps": tick_ps})


def chain() -> em.Network:
    """Axon 0 of core a, at tile (0, 0), has three synapses; its neuron 2 fires by it, and core b at tile
    (1, 0) does by that, one tick later, for the host."""
    net = em.Network("chain")
    three = em.TrueNorth(s=[1, 0, 0, 0], alpha=[9, 9, 1])
    net.add_core("a", [[1, 1, 1], [1, 0, 0]], 0, three, target_core=[-1, -1, 1], at=(0, 0))
    net.add_core("b", [[1]], 0, em.TrueNorth(s=[1, 0, 0, 0]), to_host=True, at=(1, 0))
    return net


def test_synapses_come_before_updates_and_packets_after_them(engine: str) -> None:
    # Tick 0, core a: 3 synapses until 6, updates 26, 46, 66, spike 96, send 101: pushed, visible 103, next
    # tile 114, intake 117, received 124. The host's packet, for the spike that is integrated at once, was
    # pushed at 0, visible 2, intake 5, received 12. Core b is inactive: 10. Tick 1, core b: a synapse until
    # 2, update 22, spike 52, send 57: pushed, visible 59, at tile (0, 0) 70, out of the port 73. Core a: two
    # neurons at v = 1, one at 0: 20 + 20 + 10 = 50. Tick 2: 50 and 10.
    result = em.run(em.compile(chain(), clocked(100)), 3, {"a": np.array([[0, 0]])}, engine=engine)
    assert result.record.timing is not None
    assert result.record.timing.done_ps.tolist() == [124, 73, 50]
    assert result.tick_ps.tolist() == [100, 100, 100]
    assert result.overruns.tolist() == [[0, 124]]
    assert [result.spikes(name).tolist() for name in "ab"] == [[[0, 2]], [[1, 0]]]
    counts = result.counts
    assert (counts["synaptic_ops_dense"], counts["hop_e"], counts["hop_w"], counts["host_out"]) == (
        4,
        1,
        1,
        1,
    )


def test_both_axons_of_a_tick_are_walked_before_the_first_update(engine: str) -> None:
    # 3 + 1 synapses until 8, updates 28, 48, 68, spike 98, send 103, received 103 + 23 = 126.
    events = np.array([[0, 0], [0, 1]])
    result = em.run(em.compile(chain(), clocked(1000)), 1, {"a": events}, engine=engine)
    assert result.record.timing is not None
    assert result.record.timing.done_ps.tolist() == [126] and result.overruns.shape == (0, 2)


def test_a_spike_that_is_due_later_takes_its_synapses_time_then(engine: str) -> None:
    net = em.Network("later")
    net.add_core("a", [[1]], 0, em.TrueNorth(s=[1, 0, 0, 0]), target_core=0, target_axon=0, delay=3)
    # Tick 0: a synapse until 2, update 22, spike 52, send 57, visible 59, intake 62, received 69. Ticks 1 and
    # 2: inactive, 10. Tick 3 as tick 0.
    result = em.run(em.compile(net, clocked(1000)), 4, {"a": np.array([[0, 0]])}, engine=engine)
    assert result.record.timing is not None
    assert result.record.timing.done_ps.tolist() == [69, 10, 10, 69]


def test_the_clock_of_the_chip_changes_no_count(engine: str) -> None:
    program, stimulus = through_all_forms()
    begin = {name: raster[:3] for name, raster in stimulus.items()}
    timed, untimed = (em.run(program, 3, begin, engine=engine, timing=timing) for timing in (True, False))
    assert timed.counts == untimed.counts and len(timed.overruns) == 0
