"""Stochastic synapses, leaks and thresholds: their distributions, and that no bit of them depends on how a
run is done. Seeds are fixed, so that what is improbable stays so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import emulator as em
from emulator.chip.events import EVENTS
from emulator.engine import native
from emulator.engine.stimulus import build_drive
from emulator.testing import first_difference
from emulator.testing.crossbars import crossbar_chip

S = (1, -1, 0, 0)  # weights where none is used
CHIP = crossbar_chip()
N = 256
SEEDS = range(24)
KEPT = {"alpha": 2**18 - 1, "beta": 2**18 - 1, "gamma": 2}
IMPROBABLE = 1e-4


def steps(model: em.TrueNorth, n_ticks: int, events: Any = (), *, v0: int = 0) -> np.ndarray:
    """Changes of v [seeds, n_ticks, N] of a core with a synapse from each axon onto each neuron."""
    net = em.Network("draws")
    net.probe(net.add_core("c", np.ones((N, N), dtype=bool), 0, model), "v")
    program, out = em.compile(net, CHIP), []
    stimulus = {"c": np.array(events, dtype=int).reshape(-1, 2)}
    for seed in SEEDS:
        v = em.run(program, n_ticks, stimulus, seed=seed, timing=False).probe("c", "v")
        out.append(np.diff(v, axis=0, prepend=v0))
    return np.array(out)


def check_chances(hit: np.ndarray, p: float) -> None:
    """Chi-square of the hits of each tick, of each neuron and of each seed, against a chance p for each."""
    assert hit.shape == (len(SEEDS), hit.shape[1], N)
    if p == 1:
        assert hit.all()
        return
    for axis in range(3):
        found = hit.sum(axis=tuple({0, 1, 2} - {axis}))
        n = hit.size / len(found)
        distance = ((found - n * p) ** 2 / (n * p * (1 - p))).sum()
        # both ends: hits must not be more even than chance either
        assert IMPROBABLE < stats.chi2.sf(distance, len(found)) < 1 - IMPROBABLE, (axis, distance)


@pytest.mark.parametrize("s", [1, 17, -100, 128, 254, -255])
def test_a_stochastic_synapse_acts_with_its_chance_from_every_axon(s: int) -> None:
    # rho has 8 bits, and |s| >= rho has a chance of (|s| + 1) / 256; an axon in each tick
    model = em.TrueNorth(s=[s, 0, 0, 0], b=[1, 0, 0, 0], **KEPT)
    moved = steps(model, N, [(tick, tick) for tick in range(N)])
    assert set(np.unique(moved)) <= {0, np.sign(s)}
    check_chances(moved != 0, (abs(s) + 1) / 256)


def test_a_stochastic_synapse_of_weight_0_adds_nothing() -> None:
    model = em.TrueNorth(s=[0, 0, 0, 0], b=[1, 0, 0, 0], **KEPT)
    assert not steps(model, 40, [(tick, tick) for tick in range(40)]).any()


def test_draws_of_the_axons_of_a_tick_are_independent() -> None:
    """All 256 axons in each tick: their sum is that of independent draws."""
    p = 101 / 256
    model = em.TrueNorth(s=[100, 0, 0, 0], b=[1, 0, 0, 0], **KEPT)
    events = [(tick, axon) for tick in range(4) for axon in range(N)]
    total = steps(model, 4, events).ravel()
    edges = stats.binom.ppf(np.arange(1, 20) / 20, N, p)
    found = np.bincount(np.searchsorted(edges, total), minlength=20)
    chance = np.diff(np.concatenate([[0], stats.binom.cdf(edges, N, p), [1]]))
    assert IMPROBABLE < stats.chisquare(found, chance * len(total)).pvalue < 1 - IMPROBABLE


@pytest.mark.parametrize("leak", [1, -30, 127, 255])
def test_a_stochastic_leak_acts_with_its_chance(leak: int) -> None:
    moved = steps(em.TrueNorth(s=S, leak=leak, c=1, **KEPT), 200)
    assert set(np.unique(moved)) <= {0, np.sign(leak)}
    check_chances(moved != 0, (abs(leak) + 1) / 256)


def test_a_stochastic_leak_with_reversal_follows_the_sign_of_v() -> None:
    moved = steps(em.TrueNorth(s=S, leak=63, c=1, epsilon=1, v0=-9, **KEPT), 100, v0=-9)
    assert set(np.unique(moved)) == {0, -1}
    check_chances(moved != 0, 64 / 256)


@pytest.mark.parametrize("bits", [1, 5, 8])
def test_the_random_part_of_the_threshold_is_uniform(bits: int) -> None:
    # v falls by alpha + eta in each tick: alpha = 7
    eta = -steps(em.TrueNorth(s=S, alpha=7, TM=bits, gamma=1, v0=2**19 - 1), 100, v0=2**19 - 1) - 7
    found = np.bincount(eta.ravel(), minlength=2**bits)
    assert len(found) == 2**bits
    assert IMPROBABLE < stats.chisquare(found).pvalue < 1 - IMPROBABLE
    for value in (0, 2**bits - 1):
        check_chances(eta == value, 2.0**-bits)


def test_the_widest_random_part_fills_its_18_bits() -> None:
    eta = -steps(em.TrueNorth(s=S, TM=18, alpha=0, gamma=1, v0=2**19 - 1), 1, v0=2**19 - 1).ravel()
    assert eta.max() < 2**18
    for shift in (14, 7, 0):  # 16 classes of high, middle and low bits
        found = np.bincount(eta >> shift & 15, minlength=16)
        assert IMPROBABLE < stats.chisquare(found).pvalue < 1 - IMPROBABLE, shift


def test_a_neuron_fires_with_the_chance_that_its_threshold_is_reached() -> None:
    # fires where v >= alpha + eta, and eta is one of 16: a chance of (v - alpha + 1) / 16
    fired = np.zeros((16, N))
    for above in range(16):
        net = em.Network("chances")
        net.add_core("c", [[0] * N], 0, em.TrueNorth(s=S, alpha=5, TM=4, gamma=2, v0=5 + above))
        raster = em.run(em.compile(net, CHIP), 100, seed=above, timing=False).raster("c")
        fired[above] = raster.sum(axis=0)
    assert (fired[15] == 100).all()
    p = (np.arange(15) + 1) / 16
    total = fired[:15].sum(axis=1)
    distance = ((total - N * 100 * p) ** 2 / (N * 100 * p * (1 - p))).sum()
    assert IMPROBABLE < stats.chi2.sf(distance, 15) < 1 - IMPROBABLE


def test_the_negative_threshold_takes_the_same_random_part() -> None:
    # kappa 0: v < -(beta + eta) is reset by adding beta + eta; kappa 1: held at -beta without it
    model = em.TrueNorth(s=S, beta=7, TM=5, gamma=1, kappa=np.arange(N) % 2, v0=-(2**19))
    v = steps(model, 1, v0=-(2**19))[:, 0]
    assert (v[:, 1::2] == 2**19 - 7).all()
    found = np.bincount(v[:, ::2].ravel() - 7, minlength=32)
    assert len(found) == 32 and IMPROBABLE < stats.chisquare(found).pvalue < 1 - IMPROBABLE


def test_threshold_and_leak_of_a_neuron_are_drawn_independently() -> None:
    # v = 10 or 11 after the leak, and eta is taken off it where it is small enough: of one bit always
    net = em.Network("both")
    model = em.TrueNorth(s=S, leak=127, c=1, alpha=0, TM=1, gamma=1, v0=10)
    net.probe(net.add_core("c", [[0] * N], 0, model), "v")
    program = em.compile(net, CHIP)
    v = np.array([em.run(program, 1, seed=seed, timing=False).probe("c", "v")[0] for seed in range(100)])
    # 9: no leak, eta 1; 11: leak, eta 0; 10: both or neither
    found = np.bincount(v.ravel() - 9, minlength=3)
    assert IMPROBABLE < stats.chisquare(found, np.array([1, 2, 1]) / 4 * v.size).pvalue < 1 - IMPROBABLE


# ---- identity


def stochastic_network(order: list[int]) -> em.Network:
    """Three cores that drive each other, pinned to tiles; added in an order."""
    rng = np.random.default_rng(5)
    made = []
    for _ in range(3):
        model = em.TrueNorth(
            s=rng.integers(-255, 256, (60, 4)),
            b=rng.integers(0, 2, (60, 4)),
            leak=rng.integers(-90, 200, 60),
            c=rng.integers(0, 2, 60),
            epsilon=rng.integers(0, 2, 60),
            alpha=rng.integers(1, 60, 60),
            beta=rng.integers(0, 60, 60),
            TM=rng.integers(0, 6, 60),
            gamma=rng.integers(0, 2, 60),
            kappa=rng.integers(0, 2, 60),
        )
        target = rng.integers(0, 3, 60), rng.integers(0, 256, 60), rng.integers(1, 16, 60)
        made.append((rng.random((256, 60)) < 0.3, rng.integers(0, 4, 256), model, *target))
    net = em.Network("stochastic")
    for core in order:
        crossbar, types, model, goal, axon, delay = made[core]
        goal = np.argsort(order)[goal]
        at = (core % 2, core // 2)
        net.probe(net.add_core(f"c{core}", crossbar, types, model, goal, axon, delay, at=at), "v")
    return net


STIMULUS = {"c0": np.random.default_rng(6).random((30, 256)) < 0.1}


def test_twin_draws_are_equal_on_any_engine_threads_and_level() -> None:
    program = em.compile(stochastic_network([0, 1, 2]), CHIP)
    same: dict[str, Any] = {"seed": 2**63 + 5, "timing": False}
    reference = em.run(program, 30, STIMULUS, engine="reference", **same).record
    assert reference.counts_by_tick[:, EVENTS.index("spikes")].sum() > 300
    drive = build_drive(program, 30, STIMULUS, batch=None, state=None, trace=False, **same)
    for threads in range(1, 5):
        for level in range(native.BEST + 1):
            own = native.run(program.image, CHIP, drive, threads=threads, level=level)
            assert first_difference(reference, own) is None, (threads, level)


@pytest.mark.parametrize("order", [[2, 0, 1], [1, 2, 0]])
def test_draws_belong_to_the_place_of_a_core_whatever_the_order_of_adding(order: list[int]) -> None:
    first, second = (
        em.run(em.compile(stochastic_network(order), CHIP), 30, STIMULUS, timing=False)
        for order in ([0, 1, 2], order)
    )
    for name in ("c0", "c1", "c2"):
        assert np.array_equal(first.probe(name, "v"), second.probe(name, "v"))
    assert first.counts == second.counts


def test_seeds_samples_and_places_draw_differently_and_a_split_run_alike() -> None:
    program = em.compile(stochastic_network([0, 1, 2]), CHIP)
    whole = em.run(program, 30, STIMULUS, timing=False)
    other = em.run(program, 30, STIMULUS, seed=1, timing=False)
    assert not np.array_equal(whole.probe("c0", "v"), other.probe("c0", "v"))
    raster = STIMULUS["c0"]
    both = em.run(program, 30, {"c0": np.stack([raster, raster])}, batch=2, timing=False).probe("c0", "v")
    assert np.array_equal(both[0], whole.probe("c0", "v")) and not np.array_equal(both[0], both[1])
    first = em.run(program, 11, {"c0": raster[:11]}, timing=False)
    second = em.run(program, 19, {"c0": raster[11:]}, state=first.state, timing=False)
    for name in ("c0", "c1", "c2"):
        assert np.array_equal(second.probe(name, "v"), whole.probe(name, "v")[11:])
