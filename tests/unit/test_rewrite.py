"""Rewrites of weighted networks to crossbar cores: what they make, what they cost, and that they change
nothing where they say so.

Spikes are those of two plain simulators (tests/crossbar_twins.py), one of the network, one of the cores.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.rewrite import check_rewrite, rewrite
from emulator.compiler.rewrite.bound import least_cores, promising
from emulator.compiler.rewrite.codes import fewest_copies, in_digits
from emulator.compiler.rewrite.integers import weigh
from emulator.record import first_difference
from emulator.report import result_numbers, result_text

room_of = importlib.import_module("emulator.compiler.rewrite.rewrite").room_of  # `rewrite` is a function too

_spec = importlib.util.spec_from_file_location("twins", Path(__file__).parents[1] / "crossbar_twins.py")
assert _spec is not None and _spec.loader is not None
twins = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(twins)

N_TICKS = 60


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("truenorth")


def small(chip: em.ChipSpec, neurons: int = 8, axons: int = 256) -> em.ChipSpec:
    """Cores with little room."""
    changes = {"limits.compartments": neurons, "limits.axons_in": axons, "mesh.width": 32, "mesh.height": 32}
    return chip.replace(changes)


def network(weights: Any, model: Any = None, *, delay: int = 1, **population: Any) -> em.Network:
    """Source `in` onto population `a` [n_inputs, n]."""
    weights = np.asarray(weights)
    net = em.Network("net")
    net.add_source("in", len(weights))
    net.add_population("a", weights.shape[1], model or em.TrueNorth(alpha=20), **population)
    net.connect("in", "a", weights, delay_ticks=delay)
    return net


def row(cores: CrossbarCores, name: str, part: str | None = None) -> dict[str, Any]:
    (found,) = (r for r in cores.report if r["name"] == name and r["part"] == part)
    return found


def same_spikes(net: em.Network, cores: CrossbarCores, seed: int = 0, late: int = 0) -> None:
    """All spikes of the network, as many ticks later as reported, `late` at most; and the proof holds."""
    check_rewrite(net, cores)
    rng = np.random.default_rng(seed)
    stimulus = {source.name: rng.random((N_TICKS, source.n)) < 0.3 for source in net.sources}
    wanted = twins.run_network(net, N_TICKS, stimulus)
    got = twins.run_cores(cores, N_TICKS, stimulus, [source.name for source in net.sources])
    for population in net.populations:
        part = f"population {population.name!r}"
        ticks = sum(r["latency_ticks"] for r in cores.report if (r["name"], r["part"]) == ("latency", part))
        assert ticks <= late
        assert not got[population.name][:ticks].any()
        np.testing.assert_array_equal(
            got[population.name][ticks:], wanted[population.name][: N_TICKS - ticks]
        )


# weights


def test_four_kinds_of_weights_take_an_axon_for_each_input_and_kind(chip: em.ChipSpec) -> None:
    net = network([[5, 7], [5, -3], [-2, 7]])
    cores = rewrite(net, chip)
    assert row(cores, "weights", "population 'a'")["neurons_by_method"]["four_values"] == 2
    # types of the inputs, neuron 0: x, x, y; neuron 1 can take y, x, y, so that input 0 alone needs both
    assert (cores.n_cores, len(cores.axon_type), row(cores, "axon copies")["axons"]) == (1, 4, 1)
    same_spikes(net, cores)


def test_neurons_whose_kinds_agree_share_their_axons_with_values_of_their_own(chip: em.ChipSpec) -> None:
    cores = rewrite(network([[5, -1, 9], [5, -1, 9], [-2, 4, 0]]), chip)
    assert len(cores.axon_type) == 3
    assert row(cores, "total")["exact"]


def test_more_kinds_are_written_in_digits(chip: em.ChipSpec) -> None:
    # 1..15 in digits 1, 2, 4, 8: as many axons as the weights have bits set
    net = network(np.arange(1, 16)[:, None])
    cores = rewrite(net, chip)
    assert row(cores, "weights", "population 'a'")["neurons_by_method"]["digits"] == 1
    assert len(cores.axon_type) == sum(k.bit_count() for k in range(1, 16))
    same_spikes(net, cores)


@pytest.mark.parametrize(
    ("high", "low", "copies", "value"),
    [
        (15, 0, (1, 1, 1, 1), (1, 2, 4, 8)),
        (7, 8, None, None),
        (7, 7, (1, 1, 1, 1), (1, 2, 4, -8)),
    ],
)
def test_digits_of_short_weights_are_their_bits(
    high: int, low: int, copies: tuple[int, ...] | None, value: tuple[int, ...] | None
) -> None:
    if copies is not None:
        assert fewest_copies(high, low, 255) == (copies, value)
    else:
        values, digits = in_digits(np.array([high, -low]), 255) or (None, None)
        assert values is not None and digits is not None
        assert (digits @ values).tolist() == [high, -low]


@given(st.lists(st.integers(-600, 600).filter(bool), min_size=1, max_size=40))
def test_digits_write_every_list_of_weights(weights: list[int]) -> None:
    code = in_digits(np.array(weights), 255)
    assert code is not None
    value, digits = code
    assert (digits @ value).tolist() == weights
    assert np.abs(value).max() <= 255


def test_weights_without_an_exact_code_are_approximated_and_that_is_said(chip: em.ChipSpec) -> None:
    weights = np.random.default_rng(0).integers(-255, 256, (64, 16))
    cores = rewrite(network(weights), chip)
    found = row(cores, "weights", "population 'a'")
    assert (cores.n_cores, found["exact"], found["neurons_by_method"]["nearest"]) == (1, False, 16)
    assert found["sqnr_db"] > 15  # four axons for an input: 16 sums
    assert not row(cores, "total")["exact"]


def test_neurons_with_many_inputs_share_the_types_of_these_or_take_cores_of_their_own(
    chip: em.ChipSpec,
) -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, 200)  # the same for all neurons: one type for each
    alike = rng.integers(-200, 200, (8, 5))[:, kinds].T + rng.integers(-4, 5, (200, 8))
    together = rewrite(network(alike), chip)
    assert together.n_cores == 1
    assert row(together, "weights", "population 'a'")["sqnr_db"] > 20
    apart = rewrite(network(rng.integers(-255, 256, (200, 8))), chip)
    assert apart.n_cores > 1
    assert row(apart, "weights", "population 'a'")["sqnr_db"] > 9


def test_clusters_are_four_values_whatever_the_weights(chip: em.ChipSpec) -> None:
    weights = np.random.default_rng(1).integers(-255, 256, (60, 4))
    cores = rewrite(network(weights), chip, weights="cluster")
    bits = np.unpackbits(cores.crossbar, axis=1, bitorder="little")
    assert (bits.sum(axis=0)[:4] <= 60).all()  # one axon for a synapse at most
    assert row(cores, "weights", "population 'a'")["sqnr_db"] > 8


def test_binary_writes_digits_where_four_values_would_do(chip: em.ChipSpec) -> None:
    net = network([[1], [2], [3]])
    cores = rewrite(net, chip, weights="binary")
    assert row(cores, "weights", "population 'a'")["neurons_by_method"]["digits"] == 1
    same_spikes(net, cores)


@pytest.mark.parametrize("weights", ["exact", "binary"])
def test_weights_that_are_to_be_exact_and_cannot_are_refused(chip: em.ChipSpec, weights: str) -> None:
    net = network(np.random.default_rng(0).integers(-255, 256, (200, 3)))
    match = rf"'a'\[\d\]: \d+ axons in, whose weights have no exact .* weights='auto' instead of '{weights}'"
    with pytest.raises(em.CompileError, match=match):
        rewrite(net, chip, weights=weights)


def test_unknown_choices_are_refused(chip: em.ChipSpec) -> None:
    net = network([[1]])
    with pytest.raises(em.CompileError, match="weights 'best': choose from auto, exact, cluster, binary"):
        rewrite(net, chip, weights="best")
    with pytest.raises(em.CompileError, match="fan_in 'yes': choose from refuse, partial_sums"):
        rewrite(net, chip, fan_in="yes")


def test_stochastic_synapses_of_one_line_are_refused(chip: em.ChipSpec) -> None:
    net = em.Network("net")
    net.add_source("in", 1)
    net.add_population("a", 1, em.TrueNorth(b=(1, 1, 1, 1)))
    net.connect("in", "a", em.Triplets([0, 0], [0, 0], [3, 4], 1))
    with pytest.raises(
        em.CompileError, match=r"'a'\[0\]: 2 stochastic synapses from one sender with one delay"
    ):
        rewrite(net, chip)
    net = network([[1]], em.TrueNorth(b=(1, 0, 0, 0)))
    with pytest.raises(em.CompileError, match="population 'a': b differs between types of axons"):
        rewrite(net, chip)


# fan-out, delays


def chain(n_targets: int, model: Any = None, *, delay: int = 1, out_model: Any = None) -> em.Network:
    """in -> a -> b, where every neuron of b has weights that need a core of its own when cores are small."""
    net = em.Network("net")
    net.add_source("in", 2)
    net.add_population("a", 2, model or em.TrueNorth(alpha=2))
    net.add_population("b", n_targets, out_model or em.TrueNorth(alpha=5))
    net.connect("in", "a", [[2, 1], [1, 2]])
    net.connect("a", "b", np.tile([[3], [4]], (1, n_targets)), delay_ticks=delay)
    return net


def test_a_neuron_is_duplicated_for_the_cores_that_hear_it(chip: em.ChipSpec) -> None:
    net = chain(24)
    cores = rewrite(net, small(chip))
    # 24 neurons fill three cores, each needs an axon of both senders: two more copies of each
    assert row(cores, "duplicates")["neurons"] == 4
    assert (row(cores, "relays")["neurons"], row(cores, "total")["latency_ticks"]) == (0, 0)
    same_spikes(net, cores)


def test_neurons_that_draw_are_not_duplicated_and_what_hears_them_is_later(chip: em.ChipSpec) -> None:
    cores = rewrite(chain(24, em.TrueNorth(alpha=2, TM=1)), small(chip))
    assert row(cores, "duplicates")["neurons"] == 0
    relays = row(cores, "relays")
    assert (relays["cores"], relays["axons"], relays["neurons"]) == (1, 2, 6)
    latency = row(cores, "latency", "population 'b'")
    assert (latency["latency_ticks"], latency["exact"]) == (1, True)


def test_a_delay_with_room_for_the_relay_costs_no_latency(chip: em.ChipSpec) -> None:
    cores = rewrite(chain(24, em.TrueNorth(alpha=2, TM=1), delay=2), small(chip))
    assert row(cores, "relays")["neurons"] == 6
    assert row(cores, "total")["latency_ticks"] == 0


def test_latency_of_neurons_that_move_by_themselves_is_not_exact(chip: em.ChipSpec) -> None:
    net = chain(24, em.TrueNorth(alpha=2, TM=1), out_model=em.TrueNorth(alpha=5, leak=1))
    latency = row(rewrite(net, small(chip)), "latency", "population 'b'")
    assert not latency["exact"]
    assert latency["notes"] == ["24 neurons move without input and so start too early"]


def test_loops_without_time_for_a_relay_are_refused(chip: em.ChipSpec) -> None:
    net = chain(24, em.TrueNorth(alpha=2, TM=1))
    net.connect("b", "a", np.ones((24, 2), dtype=int))
    match = r"population 'a' -> population 'b': delay 1 ticks within a loop, limit at least 2"
    with pytest.raises(em.CompileError, match=match):
        rewrite(net, small(chip))


def test_long_delays_chain_relays(chip: em.ChipSpec) -> None:
    net = chain(3, delay=48)
    cores = rewrite(net, chip)
    assert row(cores, "relays")["neurons"] == 2 * 3  # 48 = 15 + 15 + 15 + 3 for each of two senders
    assert int(cores.target_delay.max()) == 15
    same_spikes(net, cores)
    source = network([[3], [4]], delay=63)
    same_spikes(source, rewrite(source, chip))


def test_neurons_sending_to_the_host_keep_a_copy_for_it(chip: em.ChipSpec) -> None:
    net = chain(3)
    net.add_population("c", 1, em.TrueNorth(), to_host=True)
    net.connect("a", "c", [[1], [1]])
    net.connect("c", "b", [[7, 7, 7]])
    cores = rewrite(net, chip)
    assert cores.origin is not None
    assert cores.origin[twins.host_spikes(cores)].tolist() == [5]
    same_spikes(net, cores)


def test_a_network_beyond_the_chip_is_refused(chip: em.ChipSpec) -> None:
    net = network(np.ones((1, 40), dtype=int))
    with pytest.raises(
        em.CompileError, match="network 'net': takes more than the 4 cores of chip 'truenorth'"
    ):
        rewrite(net, small(chip).replace({"mesh.width": 2, "mesh.height": 2}))


# fan-in


def test_fan_in_beyond_the_axons_of_a_core_is_refused_by_name(chip: em.ChipSpec) -> None:
    net = network(np.ones((300, 2), dtype=int))
    match = r"'a'\[0\]: 300 axons in, .* limit 256 of a core \(chip 'truenorth'; 2 such neurons\): .*fan_in="
    with pytest.raises(em.CompileError, match=match):
        rewrite(net, chip)


def test_partial_sums_come_near_the_network_and_are_reported(chip: em.ChipSpec) -> None:
    rng = np.random.default_rng(0)
    net = network(rng.integers(-40, 60, (400, 6)), em.TrueNorth(alpha=1500))
    cores = rewrite(net, chip, fan_in="partial_sums")
    sums = row(cores, "partial sums", "population 'a'")
    assert (sums["exact"], sums["neurons"] > 0, row(cores, "total")["exact"]) == (False, True, False)
    stimulus = {"in": rng.random((200, 400)) < 0.05}
    wanted = twins.run_network(net, 200, stimulus)["a"].sum(axis=0)
    got = twins.run_cores(cores, 200, stimulus, ["in"])["a"].sum(axis=0)
    assert np.abs(got - wanted).max() <= 3


# LIF


def test_integrators_are_exact_in_integers(chip: em.ChipSpec) -> None:
    net = network([[0.5], [-0.25]], em.LIF(tau_mem_s=math.inf, threshold=1.0))
    cores = rewrite(net, chip)
    found = row(cores, "integers", "population 'a'")
    # 255 / 0.5 = 510: 256 is the largest power of two; 1.0 is 256 LSB, and v > 256 is v >= 257
    assert (found["scale"], found["exact"], row(cores, "total")["exact"]) == ([256.0, 256.0], True, True)
    address = int(cores.address["a"][0])
    assert sorted(set(cores.neurons["weight"][address].tolist()) - {0}) == [-64, 128]
    assert int(cores.neurons["alpha"][address]) == 257


def test_a_soft_reset_takes_off_the_threshold_itself(chip: em.ChipSpec) -> None:
    model = em.LIF(tau_mem_s=math.inf, threshold=1.0, reset_mode="subtract")
    cores = rewrite(network([[0.5], [0.25]], model), chip)
    held = {
        name: int(values[cores.address["a"][0]]) for name, values in cores.neurons.items() if name != "weight"
    }
    assert (held["alpha"], held["reset_mode"], held["v0"]) == (256, 1, -1)
    assert row(cores, "total")["exact"]


def test_decay_is_a_leak_that_is_right_halfway_to_threshold(chip: em.ChipSpec) -> None:
    model = em.LIF(tau_mem_s=10e-3, integrator="forward", threshold=1.0)
    cores = rewrite(network([[0.5]], model), chip)
    held = {
        name: int(values[cores.address["a"][0]]) for name, values in cores.neurons.items() if name != "weight"
    }
    # a tenth of 0.5 * 256 LSB
    assert (held["leak"], held["reversal"]) == (-13, 1)
    found = row(cores, "integers", "population 'a'")
    assert not found["exact"]
    assert "constant leak" in found["notes"][0]


def test_a_membrane_that_forgets_fires_on_the_input_of_one_tick_alone(chip: em.ChipSpec) -> None:
    model = em.LIF(tau_mem_s=1e-7, threshold=0.5)
    cores = rewrite(network([[1.0], [-1.0]], model), chip)
    neuron = cores.address["a"][0]
    names = ("leak", "reversal", "alpha", "beta", "saturate", "reset", "reset_mode", "v0")
    # 128 LSB to a unit: 64 are the threshold, which the leak takes off
    assert [int(cores.neurons[name][neuron]) for name in names] == [-64, 0, 1, 0, 1, 0, 0, 0]
    found = row(cores, "integers", "population 'a'")
    assert found["exact"] and found["notes"] == [
        "v of 1 neurons that forget within a tick reads as at rest in every tick"
    ]
    assert row(cores, "total")["exact"]


@pytest.mark.parametrize("tau_ticks", [1e-3, 0.5, 1.4])
def test_what_a_membrane_that_nearly_forgets_keeps_is_told(chip: em.ChipSpec, tau_ticks: float) -> None:
    cores = rewrite(network([[1.0]], em.LIF(tau_mem_s=tau_ticks * 1e-3, threshold=0.5)), chip)
    found = row(cores, "integers", "population 'a'")
    kept = 100 * math.exp(-1 / tau_ticks)
    said = f"up to {kept:.3g} % of v that a membrane keeps from tick to tick are left out"
    assert found["exact"] is (kept < 1e-6) and (said in found["notes"]) is (kept > 1e-6)
    assert int(cores.neurons["reversal"][cores.address["a"][0]]) == 0


def test_a_membrane_that_keeps_more_than_half_leaks(chip: em.ChipSpec) -> None:
    cores = rewrite(network([[1.0]], em.LIF(tau_mem_s=1.5e-3, threshold=0.5)), chip)
    assert int(cores.neurons["reversal"][cores.address["a"][0]]) == 1
    assert "constant leak" in row(cores, "integers", "population 'a'")["notes"][0]


FEW_CORES = em.load_chip("truenorth").replace({"mesh.width": 2, "mesh.height": 1})


@settings(max_examples=50)
@given(
    weights=st.lists(st.integers(-8, 8), min_size=2, max_size=6),
    half_threshold=st.integers(1, 20),
    reset=st.sampled_from([0.0, -3.0]),
    mode=st.sampled_from(["value", "subtract"]),
    seed=st.integers(0, 99),
)
def test_forgetting_neurons_are_threshold_logic(
    weights: list[int], half_threshold: int, reset: float, mode: str, seed: int
) -> None:
    threshold = half_threshold / 2  # ties, where the input is the threshold itself, are among these
    model = em.LIF(tau_mem_s=1e-7, threshold=threshold, reset=reset, reset_mode=mode)
    net = network([[float(w)] for w in weights], model, v0=5.0)
    raster = np.random.default_rng(seed).random((20, len(weights))) < 0.5
    stimulus = {"in": np.vstack([raster, raster[:1]])}
    result = em.run(em.compile(net, FEW_CORES), 21, stimulus, timing=False)
    fired = raster @ np.array(weights) > threshold  # McCulloch and Pitts, 1943
    np.testing.assert_array_equal(result.raster("a")[1:, 0], fired)


def test_relays_before_neurons_that_forget_change_nothing_but_when(chip: em.ChipSpec) -> None:
    net = em.Network("net")
    net.add_source("in", 2)
    net.add_population("a", 2, em.TrueNorth(alpha=2, TM=1))
    net.add_population("b", 24, em.LIF(tau_mem_s=1e-7, threshold=0.5))
    net.connect("in", "a", np.ones((2, 2), dtype=int))
    net.connect("a", "b", np.ones((2, 24)))
    latency = row(rewrite(net, small(chip)), "latency", "population 'b'")
    assert latency["exact"] and latency["latency_ticks"] >= 1


def test_read_outs_have_the_highest_threshold_there_is(chip: em.ChipSpec) -> None:
    model = em.LIF(tau_mem_s=10e-3, threshold=1000.0)
    cores = rewrite(network([[0.5]], model), chip)
    assert int(cores.neurons["alpha"][cores.address["a"][0]]) == 2**18 - 1


def test_refractory_time_is_left_out_and_that_is_said(chip: em.ChipSpec) -> None:
    cores = rewrite(network([[0.5]], em.LIF(tau_mem_s=math.inf, refractory_ticks=3)), chip)
    found = row(cores, "integers", "population 'a'")
    assert found["notes"] == ["refractory time of up to 3 ticks left out: a neuron of this chip has none"]


def test_synaptic_currents_are_refused(chip: em.ChipSpec) -> None:
    net = network([[0.5]], em.LIF(tau_mem_s=10e-3, tau_syn_s=5e-3))
    with pytest.raises(em.CompileError, match=r"population 'a': tau_syn_s 0.005: .* no synaptic current"):
        rewrite(net, chip)


def test_models_of_other_chips_are_refused(chip: em.ChipSpec) -> None:
    net = em.Network("net")
    net.add_population("a", 1, em.LoihiCuba())
    with pytest.raises(
        em.CompileError, match="model LoihiCuba is not of this chip: choose from TrueNorth, LIF"
    ):
        rewrite(net, chip)


# the whole, and its proof


@st.composite
def networks(draw: st.DrawFn) -> em.Network:
    """Small, recurrent or not, with weights of few or many kinds and short or long delays."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = em.Network("random")
    for number in range(draw(st.integers(1, 2))):
        net.add_source(f"s{number}", draw(st.integers(1, 5)))
    for number in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 7))
        model = em.TrueNorth(
            leak=rng.integers(-2, 3, n),
            epsilon=rng.integers(0, 2, n),
            alpha=rng.integers(1, 20, n),
            beta=rng.integers(0, 20, n),
            R=rng.choice([-3, -1, 0, 1, 3], n),
            gamma=rng.integers(0, 2, n),
            kappa=rng.integers(0, 2, n),
            v0=rng.integers(-5, 5, n),
        )
        net.add_population(f"p{number}", n, model, to_host=draw(st.booleans()))
    largest, longest = draw(st.sampled_from((2, 5, 30, 255))), draw(st.sampled_from((1, 3, 15, 63)))
    for _ in range(draw(st.integers(1, 5))):
        pre = draw(st.sampled_from((*net.sources, *net.populations)))
        post = draw(st.sampled_from(net.populations))
        k = draw(st.integers(0, 12))
        weight = rng.integers(-largest, largest + 1, k)
        synapses = (
            rng.integers(0, pre.n, k),
            rng.integers(0, post.n, k),
            weight,
            rng.integers(1, longest + 1, k),
        )
        net.connect(pre, post, em.Triplets(*synapses))
    return net


@given(networks(), st.sampled_from((20, 64, 256)), st.integers(0, 100))
@settings(deadline=None, max_examples=max(10, settings().max_examples // 3))
def test_cores_spike_as_the_network_does(chip: em.ChipSpec, net: em.Network, neurons: int, seed: int) -> None:
    try:
        cores = rewrite(net, small(chip, neurons))
    except em.CompileError as error:
        assert "within a loop" in str(error)  # dense loops in tiny cores
        return
    assert row(cores, "total")["exact"]
    same_spikes(net, cores, seed)


def test_nothing_comes_of_sources_alone(chip: em.ChipSpec) -> None:
    net = em.Network("net")
    net.add_source("in", 3)
    assert (rewrite(net, chip).n_cores, len(rewrite(net, chip).input_account)) == (0, 3)


def test_accounts_are_those_given(chip: em.ChipSpec) -> None:
    cores = rewrite(chain(2), chip, source_account=3, population_account=7)
    assert set(cores.input_account.tolist()) == {3}
    assert sorted(set(cores.account.tolist())) == [7, 8]


def _flip(cores: CrossbarCores) -> CrossbarCores:
    crossbar = cores.crossbar.copy()
    crossbar[np.flatnonzero(crossbar.any(axis=1))[0]] = 0
    return dataclasses.replace(cores, crossbar=crossbar)


def _changed(cores: CrossbarCores, name: str, at: int, value: int) -> CrossbarCores:
    array = getattr(cores, name).copy()
    array[at] = value
    return dataclasses.replace(cores, **{name: array})


def _parameter(cores: CrossbarCores, name: str, at: int, value: int) -> CrossbarCores:
    neurons = {key: values.copy() for key, values in cores.neurons.items()}
    neurons[name][at] = value
    return dataclasses.replace(cores, neurons=neurons)


@pytest.mark.parametrize(
    ("match", "spoil"),
    [
        (r"'b'\[0\]: hears sender \d+ after 1 ticks with weight 0, expected 3", _flip),
        (r"hears sender \d+ after 2 ticks by no synapse", lambda c: _changed(c, "input_delay", 0, 2)),
        (r"entries lead to it, expected 1", lambda c: _changed(c, "input_axon", 0, 1)),
        (
            r"population 'a': alpha is not the network's",
            lambda c: _parameter(c, "alpha", c.address["a"][0], 3),
        ),
        (
            r"leak differs from that of what it copies",
            lambda c: _parameter(c, "leak", c.address["a"][0] + 1, 3),
        ),
        (r"a copy of a neuron that draws", lambda c: _parameter(c, "mask_bits", c.address["a"][0] + 1, 3)),
        (
            r"recorded, or not, against the network",
            lambda c: _changed(c, "recorded", c.address["a"][0], False),
        ),
        (r"not a relay of one axon", lambda c: _changed(c, "origin", c.address["b"][0], -1)),
        (r"addresses are not those of its neurons", lambda c: _changed(c, "origin", c.address["b"][0], 0)),
        (r"1 neurons send to the host port, 0 were to", lambda c: _to_host(c)),
    ],
)
def test_the_proof_finds_what_is_wrong(chip: em.ChipSpec, match: str, spoil: Any) -> None:
    net = chain(24)
    cores = rewrite(net, small(chip))
    with pytest.raises(em.CompileError, match=f"internal: (.|\n)*{match}|{match}"):
        check_rewrite(net, spoil(cores))


def _to_host(cores: CrossbarCores) -> CrossbarCores:
    return _changed(cores, "target_core", int(cores.address["b"][0]), cores.n_cores)


def test_the_proof_finds_relays_that_feed_each_other(chip: em.ChipSpec) -> None:
    net = chain(3, delay=48)
    cores = rewrite(net, chip)
    assert cores.origin is not None
    relays = np.flatnonzero(cores.origin == -1)
    neuron = int(cores.address["a"][0])
    first = next(r for r in relays if cores.target_core[r] == cores.target_core[neuron])
    swapped = cores.target_axon.copy()
    swapped[[neuron, first]] = swapped[[first, neuron]]
    with pytest.raises(em.CompileError, match=r"a relay that no neuron or input feeds"):
        check_rewrite(net, dataclasses.replace(cores, target_axon=swapped))


def test_compiled_networks_run_as_the_network_does(engine: str, chip: em.ChipSpec) -> None:
    net = chain(24)
    net.connect("b", "a", np.tile([[-1, 2]], (24, 1)), delay_ticks=20)
    net.probe("b", "v")
    program = em.compile(net, chip.replace({"mesh.width": 4, "mesh.height": 4}))
    stimulus = {"in": np.random.default_rng(0).random((N_TICKS, 2)) < 0.3}
    wanted = twins.run_network(net, N_TICKS, stimulus)
    result = em.run(program, N_TICKS, stimulus, engine=engine, timing=False)
    for name, raster in wanted.items():
        np.testing.assert_array_equal(result.spikes(name), np.argwhere(raster))
    assert result.probe("b", "v").shape == (N_TICKS, 24)
    assert program.stats["rewrites"][-1]["exact"]


def test_compile_hands_on_how_to_rewrite(chip: em.ChipSpec) -> None:
    net = network(np.ones((300, 1), dtype=int), em.TrueNorth(alpha=100))
    program = em.compile(net, chip, rewrites={"fan_in": "partial_sums"})
    assert program.stats["rewrites"][0]["name"] == "partial sums"
    with pytest.raises(em.CompileError, match=r"rewrites\['fan_out'\]: choose from weights, fan_in"):
        em.compile(net, chip, rewrites={"fan_out": "relays"})


def test_chips_without_crossbars_have_nothing_to_rewrite() -> None:
    net = network([[0.5]], em.LIF(tau_mem_s=10e-3))
    match = "rewrites of 'weights': chip 'loihi' holds weights and fan-out as they are"
    with pytest.raises(em.CompileError, match=match):
        em.compile(net, em.load_chip("loihi"), rewrites={"weights": "exact"})


# what does not fit


def sparse(n: int, n_senders: int, n_heard: int) -> em.Network:
    """Neurons that each hear some of the senders at random."""
    rng = np.random.default_rng(0)
    net = em.Network("sparse")
    net.add_source("in", n_senders)
    net.add_population("few", 3, em.LIF(tau_mem_s=20e-3))
    net.add_population("many", n, em.LIF(tau_mem_s=20e-3))
    pre = np.concatenate([rng.choice(n_senders, n_heard, replace=False) for _ in range(n)])
    net.connect("in", "many", em.Triplets(pre, np.repeat(np.arange(n), n_heard), rng.normal(size=len(pre))))
    net.connect("in", "few", rng.normal(size=(n_senders, 3)) * (np.arange(n_senders) < 9)[:, None])
    return net


def test_far_too_large_a_network_is_refused_before_any_weight_is_written(
    chip: em.ChipSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bound", "rewrite"):
        module = importlib.import_module(f"emulator.compiler.rewrite.{name}")
        monkeypatch.setattr(module, "choose_codes", lambda *_: pytest.fail("weights were written"))
    words = (
        r"network 'sparse': takes more than the 4 cores of chip 'truenorth', about \d+: population 'many' "
        r"takes most of them, 400 neurons of 50.0 axons each, of which a core of 256 axons holds \d\.\d even"
    )
    with pytest.raises(em.CompileError, match=words):
        rewrite(sparse(400, 1000, 50), chip.replace({"mesh.width": 2, "mesh.height": 2}))


def test_the_bound_is_that_of_neurons_that_share_no_sender(chip: em.ChipSpec) -> None:
    # 5 x 50 axons fill a core of 256, so that 20 neurons take 4; the next population begins another
    weights = np.kron(np.eye(20), np.ones((50, 1)))
    net = network(weights, em.LIF(tau_mem_s=20e-3))
    net.add_population("b", 1, em.LIF(tau_mem_s=20e-3))
    net.connect("a", "b", np.ones((20, 1)))
    weighted = weigh(net, (0, 1), [0, 0], room_of(chip))
    bound = least_cores(weighted, room_of(chip))
    assert (bound.cores.tolist(), bound.axons.tolist(), bound.n_cores) == ([4, 1], [0, 20], 4)


def test_steps_that_differ_in_nothing_or_fail_in_a_sample_are_left_out(chip: em.ChipSpec) -> None:
    room = room_of(chip)
    # of 200 axons none can have two: all steps are one
    weighted = weigh(
        network(np.random.default_rng(0).normal(size=(200, 3)), em.LIF(tau_mem_s=20e-3)), (0, 1), [0], room
    )
    assert len(list(promising(weighted, room, "auto"))) == 1
    weighted = weigh(sparse(3000, 4000, 30), (0, 1), [0, 0], room)
    most = [step.per_line for step in promising(weighted, room, "auto")]
    assert most == [8, 4, 2, 1]
    few = dataclasses.replace(room, cores=700)
    assert [step.per_line for step in promising(weighted, few, "auto")] == [4, 2, 1]


@pytest.mark.parametrize("neurons", [1, 5])
def test_cores_too_small_for_rows_of_relays_are_refused(chip: em.ChipSpec, neurons: int) -> None:
    words = rf"chip 'truenorth': limits.compartments {neurons}: populations take cores of at least 6 neurons"
    with pytest.raises(em.CompileError, match=words):
        rewrite(network([[1]]), small(chip, neurons))


def test_the_smallest_cores_have_room_for_relays_of_many_targets(chip: em.ChipSpec) -> None:
    net = chain(150, em.TrueNorth(alpha=2, TM=1), delay=15)
    cores = rewrite(net, small(chip, 6))
    check_rewrite(net, cores)
    # 25 cores of 6 hear both senders; rows below rows take more relays than ends
    assert row(cores, "relays")["neurons"] > 50


def test_the_proof_reads_every_copy(chip: em.ChipSpec) -> None:
    net = chain(60)
    cores = rewrite(net, small(chip, 32))
    assert cores.origin is not None
    check_rewrite(net, cores)
    copy = np.flatnonzero((cores.origin[1:] == cores.origin[:-1]) & (cores.origin[1:] >= 0))[-1] + 1
    core = int(np.searchsorted(cores.neuron_ptr, copy, side="right")) - 1
    within, axon = copy - cores.neuron_ptr[core], cores.axon_ptr[core]
    crossbar = cores.crossbar.copy()
    crossbar[axon, within // 8] ^= 1 << within % 8
    with pytest.raises(em.CompileError, match=r"internal: population 'a'\[\d\]: hears"):
        check_rewrite(net, dataclasses.replace(cores, crossbar=crossbar))


# runs


def test_random_draws_of_a_compiled_network_are_the_same_on_both_engines(chip: em.ChipSpec) -> None:
    net = em.Network("drawn")
    net.add_source("in", 3)
    drawn = em.TrueNorth(alpha=1, TM=1, b=(1, 1, 1, 1), leak=-40, c=1, epsilon=1)
    net.add_population("a", 6, drawn)
    net.add_population("b", 30, em.TrueNorth(alpha=3, leak=-1, epsilon=1), record_spikes=False)
    net.add_population("c", 2, em.TrueNorth(alpha=9, TM=3, gamma=1))
    rng = np.random.default_rng(0)
    net.connect("in", "a", rng.integers(-60, 200, (3, 6)))
    net.connect("a", "b", rng.integers(-1, 3, (6, 30)), delay_ticks=6)
    net.connect("b", "c", rng.integers(-2, 8, (30, 2)), delay_ticks=3)
    program = em.compile(net, small(chip, 12).replace({"mesh.width": 4, "mesh.height": 4}))
    stimulus = {"in": rng.random((40, 3)) < 0.5}
    runs = [
        em.run(program, 40, stimulus, engine=engine, seed=seed, timing=False)
        for seed in (1, 2)
        for engine in ("native", "reference")
    ]
    pairs = ((runs[0], runs[1]), (runs[2], runs[3]))
    assert [first_difference(one.record, other.record) for one, other in pairs] == [None, None]
    assert len(runs[0].spikes("c")) and not np.array_equal(runs[0].spikes("a"), runs[2].spikes("a"))
    added = result_numbers(runs[0])["added"]
    assert added is not None and added["relays"] > 0 and added["spikes"] is None  # b is not recorded
    assert "; those of what the compiler added (" in result_text(runs[0])


def test_reports_say_how_many_neurons_are_copies_and_relays(chip: em.ChipSpec) -> None:
    # a: 24 targets in cores of 8; b: 24 neurons without targets
    net = chain(24)
    program = em.compile(net, small(chip).replace({"mesh.width": 8, "mesh.height": 8}))
    copies = program.image.n_slots - 2 - 24
    assert f"; added by the compiler: {copies} copies" in program.report()
    result = em.run(program, 30, {"in": np.ones((30, 2), dtype=bool)}, timing=False)
    own = len(result.spikes("a")) + len(result.spikes("b"))
    theirs = result.counts["spikes"] - own
    assert theirs > 0
    assert f"; {theirs} of them of what the compiler added ({copies} copies)" in result_text(result)


def test_an_initial_state_holds_in_the_tick_that_the_network_says(engine: str, chip: em.ChipSpec) -> None:
    # no input: a clock of bias 2 that is to begin tick 3 at 5, and a leaky one that is to begin it at 30
    net = em.Network("late")
    net.add_source("in", 1)
    net.add_population("clock", 1, em.LIF(tau_mem_s=np.inf, threshold=100.0, bias=2.0), v0=5.0, start_tick=3)
    net.add_population("leaky", 1, em.LIF(tau_mem_s=20e-3, threshold=100.0), v0=30.0, start_tick=3)
    for name in ("clock", "leaky"):
        net.connect("in", name, [[1.0]])
        net.probe(name, "v")
    program = em.compile(net, chip)
    result = em.run(program, 6, engine=engine, timing=False)
    for name, v0 in (("clock", 5.0), ("leaky", 30.0)):
        part = f"population {name!r}"
        (scaled,) = (r for r in program.stats["rewrites"] if (r["name"], r["part"]) == ("integers", part))
        assert scaled["v0_error"] == 0
        assert result.probe(name, "v")[2, 0] == round((v0 - scaled["origin"][0]) * scaled["scale"][0])


def test_an_initial_state_that_would_fire_before_its_tick_is_told(chip: em.ChipSpec) -> None:
    net = network([[100.0]], em.LIF(tau_mem_s=20e-3, threshold=100.0), v0=99.0, start_tick=5)
    cores = rewrite(net, chip)
    integers = row(cores, "integers", "population 'a'")
    assert "1 neurons do not have their initial state in tick 5" in integers["notes"]
    assert not integers["exact"]
