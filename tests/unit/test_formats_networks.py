"""Networks as files: saving and loading is the identity, and a forged file obeys the rules of `Network`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import EmulatorError, ImageError
from emulator.formats import container, load_network, save_network
from emulator.formats.networks import MAX_NEURONS, VERSION
from emulator.network import LIF, LoihiCuba, LoihiSynapse, Network, Poisson, Regular, Scripted, Triplets

Content = dict[str, Any]


def full_network() -> Network:
    """At least one of everything that a network can hold."""
    rng = np.random.default_rng(1)
    net = Network("full", dt_s=5e-4)
    net.add_source("in", 4)
    net.add_source("other in", 2)
    net.add_source("noise", 3, Poisson(np.full((4, 1), 12.5)))
    net.add_source("beat", 2, Regular(5, np.array([0.0, 3.0])))
    net.add_source("script", 2, Scripted(np.array([[0, 1], [4, 0]]), 9))
    lif = LIF(
        tau_mem_s=np.array([0.01, np.inf, 0.02]),
        tau_syn_s=[5e-3, 6e-3, 7e-3],
        threshold=np.float32(0.7),
        reset=-1,
        bias=np.array([0.5, 0.25, 0], dtype=np.float16),
        refractory_ticks=2,
        integrator="forward",
    )
    net.add_population("lif", 3, lif, v0=[0.1, -0.2, 0.3], u0=0.5, start_tick=4, record_spikes=False)
    net.add_population("plain", 2, LIF(tau_mem_s=0.01))
    net.add_population("chip", 5, LoihiCuba(du=np.arange(5), vth_mant=7.0, refractory=3), v0=-5, to_host=True)
    net.add_population("soft", 1, LIF(tau_mem_s=0.01, reset_mode="subtract"))
    net.connect("in", "lif", rng.normal(size=(4, 3)).astype(np.float32), delay_ticks=3)
    net.connect("lif", "plain", scipy.sparse.csr_array(np.array([[0, 1.5], [0, 0], [2.5, 0]])))
    twice = Triplets([3, 0, 3, 3], [1, 4, 1, 0], [10, -20, 30, 0], [63, 1, 2, 5])
    net.connect("in", "chip", twice, synapse=LoihiSynapse([-8, 7, 0, 3], weight_bits=6, rounding="floor"))
    net.connect("chip", "chip", np.full((5, 5), 255), synapse=LoihiSynapse(2, sign_mode="excitatory"))
    net.connect("other in", "chip", np.zeros((2, 5)))
    net.probe("lif", "u")
    net.probe("chip", "v", index=[4, 0], ticks=[7, 2], raw=True)
    return net


def same(left: Any, right: Any) -> bool:
    """Equality by value through dataclasses, arrays and array-likes."""
    if type(left) is type(right) and hasattr(left, "__dataclass_fields__"):
        return all(same(getattr(left, field.name), getattr(right, field.name)) for field in fields(left))
    if isinstance(left, (str, type(None))) or isinstance(right, (str, type(None))):
        return type(left) is type(right) and left == right
    return np.array_equal(np.asarray(left), np.asarray(right))


def assert_same(left: Network, right: Network) -> None:
    assert (left.name, left.dt_s) == (right.name, right.dt_s)
    for key in ("sources", "populations", "projections", "probes"):
        ours, theirs = getattr(left, key), getattr(right, key)
        assert len(ours) == len(theirs), key
        for a, b in zip(ours, theirs, strict=True):
            assert same(a, b), (key, a, b)
    for a, b in zip(left.projections, right.projections, strict=True):
        for name in ("indptr", "target", "weight", "delay_ticks"):
            assert getattr(a, name).dtype == getattr(b, name).dtype, name


def content_of(net: Network, path: Path) -> Content:
    save_network(net, path)
    return container.read(path, "network", VERSION)


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    net = full_network()
    net.save(tmp_path / "n")
    assert_same(net, load_network(tmp_path / "n"))


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    save_network(full_network(), tmp_path / "a")
    save_network(load_network(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@settings(max_examples=50)
@given(st.data())
def test_any_network_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    net = Network(data.draw(st.text(min_size=1)), data.draw(st.floats(1e-9, 1e9)))
    names = data.draw(st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
    net.add_source(names[0], data.draw(st.integers(1, 6)))
    for name in names[1:]:
        n = data.draw(st.integers(1, 6))
        chip = LoihiCuba(dv=rng.integers(0, 4096, n), bias_mant=data.draw(st.integers(-4096, 4095)))
        physical = LIF(tau_mem_s=rng.random(n) + 0.1, bias=data.draw(st.floats(-10, 10)))
        net.add_population(name, n, data.draw(st.sampled_from([chip, physical])))
    for pre in (*net.sources, *net.populations):
        post = data.draw(st.sampled_from(net.populations))
        n = data.draw(st.integers(0, 8))
        pairs = rng.integers(0, pre.n, n), rng.integers(0, post.n, n)
        if isinstance(post.model, LoihiCuba):
            weights = Triplets(*pairs, rng.integers(-256, 256, n), rng.integers(1, 64, n))
            net.connect(pre, post, weights, synapse=LoihiSynapse(rng.integers(-8, 8, n)))
        else:
            net.connect(pre, post, Triplets(*pairs, rng.normal(size=n), rng.integers(1, 64, n)))
    path = tmp_path_factory.getbasetemp() / "network"
    save_network(net, path)
    assert_same(net, load_network(path))


def test_a_part_too_large_for_a_file_is_refused_when_saving(tmp_path: Path) -> None:
    net = Network()
    net.add_source("in", MAX_NEURONS + 1)
    with pytest.raises(ImageError, match=r"'in' has 16777217 neurons, limit of a file 16777216: split it"):
        save_network(net, tmp_path / "n")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return content_of(full_network(), tmp_path_factory.mktemp("content") / "n")


def put(path: str, value: Any) -> Callable[[Content], None]:
    """Sets a place of a content, named like `populations.0.model.type`."""

    def change(content: Content) -> None:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = content
        for key in keys:
            place = place[key]
        place[last] = value

    return change


def drop(path: str) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = content
        for key in keys:
            place = place[key]
        del place[last]

    return change


I64 = np.int64
FORGERIES = [
    (put("name", ""), "network name ''"),
    (put("name", 3), "name: int, expected text"),
    (drop("name"), "name: missing"),
    (put("dt_s", 0.0), "dt_s 0.0 must be a finite number above 0"),
    (put("dt_s", float("nan")), "dt_s: nan is not finite"),
    (put("dt_s", 1), "dt_s: int, expected a float"),
    (put("colour", 1), "colour: unknown field, known are name, dt_s"),
    (put("sources", {}), "sources: dict, expected a list"),
    (put("sources.1", 5), r"sources\[1\]: int, expected a map"),
    (put("sources.0.n", 0), r"sources\[0\].n: 0 outside 1..16777216"),
    (put("sources.0.n", 2**31 - 1), r"sources\[0\].n: 2147483647 outside"),
    (put("sources.0.n", True), r"sources\[0\].n: bool, expected an integer"),
    (put("sources.2.generator.type", "Gamma"), r"sources\[2\].generator.type: 'Gamma', choose from Poisson"),
    (put("sources.2.generator.rate_hz", 9e9), r"sources\[2\]: source 'noise': rate_hz\[0\] = 9e"),
    (put("sources.2.generator.rate_hz", "fast"), r"sources\[2\].generator.rate_hz: str, expected a float"),
    (put("sources.2.generator.seed", 1), r"sources\[2\].generator.seed: unknown field"),
    (put("sources.3.generator.period_ticks", 0.5), r"sources\[3\]: .*period_ticks\[0\] = 0.5"),
    (put("sources.4.generator.repeat_ticks", 0), r"sources\[4\].generator.repeat_ticks: 0 outside 1.."),
    (put("sources.4.generator.repeat_ticks", 2), r"sources\[4\]: .*tick 4 of event 1 outside 0..1"),
    (put("sources.1.name", "in"), r"sources\[1\]: name 'in' is taken"),
    (put("populations.0.name", "in"), r"populations\[0\]: name 'in' is taken"),
    (put("populations.0.n", 4), r"populations\[0\].v0: float64\[3\], expected float64\[4\]"),
    (
        put("populations.0.model.type", "Other"),
        r"populations\[0\].model.type: 'Other', choose from LIF, LoihiCuba",
    ),
    (drop("populations.0.model.parameters.leak"), r"parameters.leak: missing"),
    (put("populations.0.model.parameters.gain", 1), r"parameters.gain: unknown field"),
    (
        put("populations.0.model.parameters.leak", "x"),
        r"parameters.leak: str, expected float or int or ndarray",
    ),
    (put("populations.0.model.parameters.leak", None), r"parameters.leak: NoneType, expected"),
    (
        put("populations.0.model.parameters.leak", np.zeros(9)),
        r"leak: shape \[9\], expected a scalar or \[3\]",
    ),
    (put("populations.0.model.parameters.integrator", "euler"), "integrator 'euler', choose from"),
    (put("populations.0.model.parameters.threshold", float("nan")), "must be a finite number"),
    (put("populations.2.model.parameters.vth_mant", 2**17), r"vth_mant\[0\] = 131072: outside 0..131071"),
    (put("populations.0.start_tick", -1), r"start_tick: -1 outside"),
    (put("populations.2.start_tick", 1), "start_tick needs a model in physical units"),
    (put("populations.0.to_host", 1), r"to_host: int, expected true or false"),
    (put("populations.0.v0", np.array([0.0, np.nan, 0.0])), "v0: must be finite"),
    (put("populations.2.v0", np.full(5, 2**23)), r"v0\[0\] = 8388608: outside"),
    (put("projections.0.pre", "nobody"), r"projections\[0\]: .* has no source or population 'nobody'"),
    (put("projections.0.post", "in"), "has no population 'in'"),
    (
        put("projections.0.indptr", np.array([0, 3, 6, 9], I64)),
        r"indptr: must rise from 0 to the 12 synapses",
    ),
    (put("projections.0.indptr", np.array([0, 12], I64)), r"indptr: describes 1 neurons, 'in' has 4"),
    (put("projections.0.indptr", np.array([0, 2**62, -(2**62), 9, 12], I64)), r"indptr: must rise"),
    (put("projections.0.indptr", np.zeros(0, I64)), r"indptr: must rise"),
    (put("projections.0.target", np.full(12, 3, np.int32)), r"post\[0\] = 3: outside 0..2"),
    (put("projections.0.target", np.zeros(12, I64)), r"target: int64\[12\], expected int32\[n\]"),
    (put("projections.0.weight", np.full(12, np.inf)), "must be finite"),
    (put("projections.0.weight", np.zeros(11, np.float32)), r"weight: float32\[11\], expected float32\[12\]"),
    (put("projections.0.weight", np.zeros(12, np.int32)), r"weight: int32\[12\], expected float64\[12\]"),
    (put("projections.0.delay_ticks", np.zeros(12, np.uint8)), r"delay_ticks\[0\] = 0: outside 1..63"),
    (put("projections.0.synapse", {}), "w_exp: missing"),
    (put("projections.2.synapse.w_exp", np.full(4, 8, np.int8)), r"w_exp\[0\] = 8: outside -8..7"),
    (put("projections.2.synapse.w_exp", np.zeros(3, np.int8)), r"w_exp: int8\[3\], expected int8\[4\]"),
    (put("projections.2.synapse.weight_bits", 9), "weight_bits 9 outside 1..8"),
    (put("projections.2.synapse.sign_mode", "both"), "sign_mode 'both', choose from"),
    (put("projections.2.synapse.rounding", "up"), "rounding 'up', choose from"),
    (put("projections.2.weight", np.full(4, 300, np.int16)), "outside -256..255"),
    (put("probes.0.population", "in"), r"probes\[0\]: .* has no population 'in'"),
    (put("probes.0.variable", "w"), "variable 'w', choose from u, v"),
    (put("probes.0.raw", True), "raw=True is for v"),
    (put("probes.1.index", np.array([5], I64)), r"5..5 outside 0..4"),
    (put("probes.1.index", np.array([1, 1], I64)), "names an entry twice"),
    (put("probes.1.ticks", np.array([0.5])), r"ticks: float64\[1\], expected int64\[n\]"),
]


@pytest.mark.parametrize(("change", "words"), FORGERIES, ids=range(len(FORGERIES)))
def test_a_forged_network_is_refused(
    tmp_path: Path, content: Content, change: Callable[[Content], None], words: str
) -> None:
    content = copy.deepcopy(content)
    change(content)
    container.write(tmp_path / "n", "network", VERSION, content)
    with pytest.raises(ImageError, match=words) as caught:
        load_network(tmp_path / "n")
    assert all(str(tmp_path / "n") in problem for problem in caught.value.problems)


def test_all_that_is_wrong_is_listed_at_once(tmp_path: Path) -> None:
    content = content_of(full_network(), tmp_path / "n")
    for change in (
        put("projections.0.pre", "nobody"),
        put("projections.1.delay_ticks", np.zeros(2, np.uint8)),
    ):
        change(content)
    put("probes.0.variable", "w")(content)
    container.write(tmp_path / "n", "network", VERSION, content)
    with pytest.raises(ImageError, match="3 problems") as caught:
        load_network(tmp_path / "n")
    assert len(caught.value.problems) == 3


def leaves(value: Any, path: str = "") -> list[str]:
    """Paths of all places of a content."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in items:
        found += leaves(item, f"{path}.{key}" if path else str(key))
    return found


STRANGE = (
    None,
    True,
    -1,
    2**63,
    0.5,
    float("nan"),
    "x",
    [],
    {},
    [[]],
    np.zeros(0),
    np.array([-1]),
    np.float64(3),
)


@settings(max_examples=150)
@given(st.data())
def test_a_content_with_anything_anywhere_never_does_worse_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: Content, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "strange"
    content = copy.deepcopy(content)
    put(data.draw(st.sampled_from(leaves(content))), data.draw(st.sampled_from(STRANGE)))(content)
    container.write(path, "network", VERSION, content)
    try:
        load_network(path)
    except EmulatorError as error:
        assert isinstance(error, ImageError)
