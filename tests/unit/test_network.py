"""Network descriptions: what is refused, in which words, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import emulator as em

CUBA = em.LoihiCuba()
LIF = em.LIF(tau_mem_s=10e-3)


def network() -> em.Network:
    net = em.Network("net")
    net.add_source("in", 3)
    net.add_population("lif", 2, LIF)
    net.add_population("cuba", 2, CUBA)
    return net


def refused(match: str, part: str, *arguments: Any, **keywords: Any) -> None:
    net = network()
    with pytest.raises(em.DescriptionError, match=match):
        getattr(net, part)(*arguments, **keywords)


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("name '': must be a non-empty string", ("", 3)),
        ("name 'in' is taken", ("in", 3)),
        ("size 0 must be an integer", ("x", 0)),
        ("size -4", ("x", -4)),
        ("size 2.5", ("x", 2.5)),
        ("size True", ("x", True)),
    ],
)
def test_sources_are_named_and_counted(match: str, arguments: tuple[Any, ...]) -> None:
    refused(match, "add_source", *arguments)


@pytest.mark.parametrize(
    ("match", "model"),
    [
        ("model 'LIF', choose from LIF, LoihiCuba", "LIF"),
        (r"tau_mem_s\[0\] = 0: must be above 0 s", em.LIF(tau_mem_s=0.0)),
        (r"tau_mem_s\[1\] = nan", em.LIF(tau_mem_s=[1.0, np.nan])),
        (r"tau_syn_s\[0\] = -1: must be above 0 s", em.LIF(tau_mem_s=1.0, tau_syn_s=-1.0)),
        (r"threshold\[0\] = -1: must not be below reset", em.LIF(tau_mem_s=1.0, threshold=-1.0)),
        (r"bias\[0\] = inf: must be a finite number", em.LIF(tau_mem_s=1.0, bias=np.inf)),
        (r"leak: shape \[3\], expected a scalar or \[2\]", em.LIF(tau_mem_s=1.0, leak=[1, 2, 3])),
        ("reset: 'v_reset' is not a number", em.LIF(tau_mem_s=1.0, reset="v_reset")),
        ("integrator 'euler', choose from exponential, forward", em.LIF(tau_mem_s=1.0, integrator="euler")),
        ("reset_mode 'zero', choose from value, subtract", em.LIF(tau_mem_s=1.0, reset_mode="zero")),
        (
            r"refractory_ticks\[1\] = 3: must be 1, as reset_mode 'subtract' keeps v .*reset_mode 'value'",
            em.LIF(tau_mem_s=1.0, reset_mode="subtract", refractory_ticks=[1, 3]),
        ),
        (
            r"refractory\[0\] = 2: must be 1 where soft_reset is 1",
            em.LoihiCuba(refractory=2, soft_reset=[1, 0]),
        ),
        (r"refractory_ticks\[0\] = 0: must be an integer of at least 1", em.LIF(1.0, refractory_ticks=0)),
        (r"du\[0\] = 4096: outside 0..4095", em.LoihiCuba(du=4096)),
        (r"dv\[0\] = 0.5: must be an integer", em.LoihiCuba(dv=0.5)),
        (r"vth_mant\[0\] = 131072: outside 0..131071", em.LoihiCuba(vth_mant=131072)),
        (r"bias_mant\[0\] = 4096: outside -4096..4095", em.LoihiCuba(bias_mant=4096)),
        (r"refractory\[1\] = 64: outside 1..63", em.LoihiCuba(refractory=[1, 64])),
        (r"vmin\[0\] = 1: outside -8388607..0", em.LoihiCuba(vmin=1)),
    ],
)
def test_model_parameters_are_checked_with_their_place_and_range(match: str, model: Any) -> None:
    refused(match, "add_population", "x", 2, model)


def test_every_problem_of_a_call_is_reported_at_once() -> None:
    with pytest.raises(em.DescriptionError) as caught:
        network().add_population("x", 2, em.LoihiCuba(du=-1, dv=9999, refractory=0), v0=2**24)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("match", "keywords"),
    [
        (r"v0\[0\] = 8388608: outside", {"v0": 2**23}),
        (r"u0: shape \[3\]", {"u0": [0, 0, 0]}),
        ("start_tick -1 must be an integer", {"start_tick": -1}),
        ("start_tick needs a model in physical units", {"start_tick": 1}),
    ],
)
def test_initial_states_are_checked(match: str, keywords: dict[str, Any]) -> None:
    refused(match, "add_population", "x", 2, CUBA, **keywords)


@pytest.mark.parametrize(
    ("match", "arguments", "keywords"),
    [
        (
            "no source or population 'nobody'; it has 'in', 'lif', 'cuba'",
            ("nobody", "lif", np.ones((3, 2))),
            {},
        ),
        ("no population 'in'", ("lif", "in", np.ones((2, 3))), {}),
        (r"weights of shape \[2, 2\], expected \[3, 2\]", ("in", "lif", np.ones((2, 2))), {}),
        (r"weights of shape \[1, 1\]", ("in", "lif", scipy.sparse.csr_matrix((1, 1))), {}),
        ("must be an array of numbers", ("in", "lif", "all"), {}),
        ("weight 0 is nan; must be finite", ("in", "lif", np.full((3, 2), np.nan)), {}),
        (r"mixed mantissa\[0\] = 300: outside -256..255", ("in", "cuba", np.full((3, 2), 300)), {}),
        (r"mixed mantissa\[0\] = 0.5: must be an integer", ("in", "cuba", np.full((3, 2), 0.5)), {}),
        ("delay_ticks", ("in", "lif", np.ones((3, 2))), {"delay_ticks": 0}),
        ("delay_ticks", ("in", "lif", np.ones((3, 2))), {"delay_ticks": 64}),
        ("synapse= is for integer targets", ("in", "lif", np.ones((3, 2))), {"synapse": em.LoihiSynapse()}),
        (
            "weight_bits 9 outside 1..8",
            ("in", "cuba", np.ones((3, 2))),
            {"synapse": em.LoihiSynapse(weight_bits=9)},
        ),
        ("sign_mode 'both'", ("in", "cuba", np.ones((3, 2))), {"synapse": em.LoihiSynapse(sign_mode="both")}),
        ("rounding 'up'", ("in", "cuba", np.ones((3, 2))), {"synapse": em.LoihiSynapse(rounding="up")}),
        (
            r"w_exp\[0\] = 8: outside -8..7",
            ("in", "cuba", np.ones((3, 2))),
            {"synapse": em.LoihiSynapse(w_exp=8)},
        ),
        (r"pre\[1\] = 3: outside 0..2", ("in", "lif", em.Triplets([0, 3], [0, 0], [1.0, 1.0])), {}),
        (r"post\[0\] = -1: outside 0..1", ("in", "lif", em.Triplets([0], [-1], [1.0])), {}),
        ("must be arrays of one length", ("in", "lif", em.Triplets([0, 1], [0], [1.0])), {}),
        ("indices must be integers", ("in", "lif", em.Triplets([0.5], [0], [1.0])), {}),
    ],
)
def test_projections_are_checked(match: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    refused(match, "connect", *arguments, **keywords)


@pytest.mark.parametrize(
    ("match", "arguments", "keywords"),
    [
        ("variable 'w', choose from u, v", ("lif", "w"), {}),
        ("raw=True is for v", ("lif", "u"), {"raw": True}),
        ("index: 0..2 outside 0..1", ("lif", "v"), {"index": [0, 2]}),
        ("ticks: must be a list of integers", ("lif", "v"), {"ticks": [0.5]}),
        ("index: names an entry twice", ("lif", "v"), {"index": [1, 1]}),
    ],
)
def test_probes_are_checked(match: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    refused(match, "probe", *arguments, **keywords)


def test_a_variable_is_probed_once() -> None:
    net = network()
    net.probe("lif", "v", index=[0])
    net.probe("lif", "v", raw=True)
    with pytest.raises(em.DescriptionError, match="v is probed already; name all neurons and ticks"):
        net.probe("lif", "v", index=[1])


def test_network_itself_needs_a_name_and_a_tick_length() -> None:
    with pytest.raises(em.DescriptionError, match="name"):
        em.Network("")
    with pytest.raises(em.DescriptionError, match="dt_s"):
        em.Network("x", dt_s=0.0)


def test_dense_sparse_and_triplet_weights_describe_the_same_synapses() -> None:
    dense = np.array([[2, 0], [0, -4], [6, 8]])
    rows, columns = np.nonzero(dense)
    forms = (
        dense,
        scipy.sparse.csc_matrix(dense),
        em.Triplets(rows[::-1], columns[::-1], dense[rows, columns][::-1]),
    )
    tables = [network().connect("in", "cuba", form, delay_ticks=3) for form in forms]
    for table in tables:
        assert table.indptr.tolist() == [0, 1, 2, 4]
        assert table.target.tolist() == [0, 1, 0, 1]
        assert table.weight.tolist() == [2, -4, 6, 8]
        assert table.delay_ticks.tolist() == [3, 3, 3, 3]


def test_a_stored_zero_and_a_repeated_pair_are_synapses() -> None:
    stored = scipy.sparse.coo_matrix(([0, 4], ([0, 1], [0, 0])), shape=(3, 2))
    assert network().connect("in", "cuba", stored).n_synapses == 2
    twice = em.Triplets([0, 0], [1, 1], [2, 4], [1, 2])
    assert network().connect("in", "cuba", twice).weight.tolist() == [2, 4]


def test_an_empty_projection_is_allowed() -> None:
    assert network().connect("in", "cuba", np.zeros((3, 2), dtype=int)).n_synapses == 0


def test_exponents_per_synapse_follow_their_weights_into_order() -> None:
    triplets = em.Triplets([2, 0, 1], [0, 1, 0], [2, 4, 6])
    table = network().connect("in", "cuba", triplets, synapse=em.LoihiSynapse(w_exp=[1, 2, 3]))
    assert table.weight.tolist() == [4, 6, 2]
    assert table.synapse is not None and np.asarray(table.synapse.w_exp).tolist() == [2, 3, 1]


def test_triplets_in_any_order_come_out_by_pre_then_post_and_equal_ones_as_given() -> None:
    rng = np.random.default_rng(4)
    pre, post, weight = rng.integers(0, 7, 300), rng.integers(0, 5, 300), 2 * rng.integers(-99, 99, 300)
    net = em.Network()
    source, a = net.add_source("in", 8), net.add_population("a", 6, em.LoihiCuba())
    table = net.connect(source, a, em.Triplets(pre, post, weight, rng.integers(1, 9, 300)))
    rows = sorted(zip(pre.tolist(), post.tolist(), range(300), strict=True))
    assert table.target.tolist() == [post for _, post, _ in rows]
    assert table.weight.tolist() == [weight[place] for _, _, place in rows]
    assert np.diff(table.indptr).tolist() == [sum(row[0] == pre for row in rows) for pre in range(8)]


def test_a_network_keeps_its_synapses_when_the_given_arrays_change() -> None:
    net = em.Network()
    a, b = net.add_population("a", 2, em.LoihiCuba()), net.add_population("b", 2, em.LIF(tau_mem_s=0.01))
    pre, post = np.array([0, 1], dtype=np.int32), np.array([0, 1], dtype=np.int32)
    whole, real = np.array([2, 4], dtype=np.int16), np.array([0.5, 0.25])
    delay = np.array([1, 2], dtype=np.uint8)
    whole_table = em.Triplets(pre, post, whole, delay)
    tables = [net.connect(a, a, whole_table), net.connect(a, b, em.Triplets(pre, post, real))]
    for array in (pre, post, whole, real, delay):
        array[:] = 1
    assert [table.target.tolist() for table in tables] == [[0, 1], [0, 1]]
    assert [table.weight.tolist() for table in tables] == [[2, 4], [0.5, 0.25]]
    assert tables[0].delay_ticks.tolist() == [1, 2]
