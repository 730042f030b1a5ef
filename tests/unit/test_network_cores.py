"""TrueNorth neurons and cores described directly: what is refused, in which words, and what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.formats import container
from emulator.formats.networks import VERSION
from emulator.network.models import model_fields

S = (1, -1, 0, 0)
CROSSBAR = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)  # two axons, three neurons


def described(**changes: Any) -> dict[str, Any]:
    return {"crossbar": CROSSBAR, "axon_types": [0, 3], "neurons": em.TrueNorth(s=S), **changes}


def refused(match: str, **changes: Any) -> None:
    with pytest.raises(em.DescriptionError, match=match):
        em.Network("net").add_core("c0", **described(**changes))


@pytest.mark.parametrize(
    ("match", "changes"),
    [
        (r"crossbar bool\[3\], expected bool \[axons 1..256, neurons 1..256\]", {"crossbar": CROSSBAR[0]}),
        (r"crossbar bool\[257, 1\]", {"crossbar": np.ones((257, 1), dtype=bool)}),
        (r"crossbar bool\[1, 257\]", {"crossbar": np.ones((1, 257), dtype=bool)}),
        (r"crossbar bool\[0, 3\]", {"crossbar": np.ones((0, 3), dtype=bool)}),
        (r"crossbar float64\[2, 3\]", {"crossbar": CROSSBAR * 1.0}),
        (r"crossbar float64\[0\]", {"crossbar": [[1], [1, 0]]}),
        (r"crossbar\[1, 0\] = 2: a synapse is there \(1\) or not \(0\)", {"crossbar": [[0, 1], [2, 1]]}),
        (r"neurons 'LIF': must be an emulator.TrueNorth", {"neurons": "LIF"}),
        (r"axon_types\[1\] = 4: outside 0..3", {"axon_types": [0, 4]}),
        (r"axon_types: shape \[3\], expected a scalar or \[2\]", {"axon_types": [0, 1, 2]}),
        (r"target_core\[1\] = -2: outside -1..2147483647", {"target_core": [0, -2, 0]}),
        (r"target_axon\[0\] = 256: outside 0..255", {"target_axon": 256}),
        (r"delay\[0\] = 0: outside 1..15", {"delay": 0}),
        (r"delay\[2\] = 16: outside 1..15", {"delay": [1, 15, 16]}),
        (r"to_host\[0\] = 2: outside 0..1", {"to_host": 2}),
        (
            r"neuron 1 has to_host and target_core 5 \(2 in all\): a neuron has one target, let another",
            {"to_host": [False, True, True], "target_core": 5},
        ),
        (r"at 3: must be a tile \(x, y\), two integers of at least 0", {"at": 3}),
        (r"at \(1, -1\): must be a tile", {"at": (1, -1)}),
        (r"at \(1, 2, 3\): must be a tile", {"at": (1, 2, 3)}),
        (r"alpha\[0\] = 0.5: must be an integer", {"neurons": em.TrueNorth(alpha=0.5)}),
        (r"alpha\[0\] = 2147483648: outside", {"neurons": em.TrueNorth(alpha=2**31)}),
        (r"leak: shape \[2\], expected a scalar or \[3\]", {"neurons": em.TrueNorth(leak=[1, 2])}),
        (r"gamma\[0\] = 3: outside 0..2", {"neurons": em.TrueNorth(gamma=3)}),
        (r"kappa\[1\] = 2: outside 0..1", {"neurons": em.TrueNorth(kappa=[0, 2, 1])}),
        (r"TM\[0\] = 19: outside 0..18", {"neurons": em.TrueNorth(TM=19)}),
        (
            r"s: shape \[3, 3\], expected \[4\] or \[3, 4\], one per axon type",
            {"neurons": em.TrueNorth(s=np.ones((3, 3)))},
        ),
        (r"s: shape \[0\], expected", {"neurons": em.TrueNorth(s=[[1], [1, 2]])}),
        (r"neurons without s, the weights of the four types of axons: give it", {"neurons": em.TrueNorth()}),
        (r"b of axon type 2\[0\] = 2: outside 0..1", {"neurons": em.TrueNorth(b=(0, 1, 2, 0))}),
    ],
)
def test_a_core_is_checked_with_place_and_range(match: str, changes: dict[str, Any]) -> None:
    refused("core 'c0': " + match, **changes)


def test_every_problem_of_a_core_is_reported_at_once() -> None:
    with pytest.raises(em.DescriptionError) as caught:
        em.Network().add_core("c", **described(neurons=em.TrueNorth(s=S, gamma=7, c=2), delay=99, at="x"))
    assert len(caught.value.problems) == 4


def test_ranges_of_quantities_wait_for_the_chip() -> None:
    net = em.Network()
    net.add_core("c", **described(neurons=em.TrueNorth(s=(256, 0, 0, 0), leak=-1000, alpha=2**30, R=5)))
    assert net.cores[0].neurons.alpha == 2**30


def test_a_core_is_kept_as_given() -> None:
    net = em.Network()
    core = net.add_core(
        "c0",
        **described(
            neurons=em.TrueNorth(alpha=[1, 2, 3], s=np.arange(12).reshape(3, 4), v0=-5),
            target_core=[3, -1, -1],
            target_axon=[255, 0, 0],
            delay=[15, 1, 1],
            to_host=[False, False, True],
            at=(4, 5),
            record_spikes=False,
        ),
    )
    assert net.cores == (core,) and (core.name, core.n, core.n_axons, core.n_synapses) == ("c0", 3, 2, 3)
    assert np.array_equal(core.crossbar, CROSSBAR)
    assert core.axon_types.tolist() == [0, 3] and core.target_core.tolist() == [3, -1, -1]
    assert core.target_axon.tolist() == [255, 0, 0] and core.delay.tolist() == [15, 1, 1]
    assert core.to_host.tolist() == [0, 0, 1] and core.at == (4, 5) and not core.record_spikes
    assert core.neurons.parameters(3, "c0")["s"].tolist() == np.arange(12).reshape(3, 4).tolist()
    assert core.neurons.parameters(3, "c0")["v0"].tolist() == [-5, -5, -5]
    assert repr(net) == "<Network 'network': 1 cores, 0 inputs, 3 neurons, 3 synapses>"


def test_what_a_core_was_made_of_may_be_used_again() -> None:
    crossbar, alpha = CROSSBAR.copy(), np.array([1, 2, 3])
    core = em.Network().add_core("c", **described(crossbar=crossbar, neurons=em.TrueNorth(s=S, alpha=alpha)))
    crossbar[:], alpha[:] = False, 9
    assert np.array_equal(core.crossbar, CROSSBAR) and np.asarray(core.neurons.alpha).tolist() == [1, 2, 3]


def test_one_value_for_all_is_kept_as_one() -> None:
    core = em.Network().add_core("c", **described(axon_types=2, delay=3))
    assert core.axon_types.shape == core.delay.shape == core.target_core.shape == ()
    assert np.shape(core.neurons.alpha) == () and np.shape(core.neurons.s) == (4,)


def test_names_of_cores_are_those_of_parts() -> None:
    net = em.Network("net")
    net.add_source("in", 2)
    core = net.add_core("c0", **described())
    with pytest.raises(em.DescriptionError, match="name 'in' is taken in network 'net'"):
        net.add_core("in", **described())
    with pytest.raises(em.DescriptionError, match="name 'c0' is taken"):
        net.add_population("c0", 2, em.TrueNorth())
    with pytest.raises(em.DescriptionError, match="no source or population 'c0'; it has 'in'"):
        net.connect(core, core, np.ones((3, 3)))


def test_cores_are_probed_by_v_alone() -> None:
    net = em.Network("net")
    core = net.add_core("c0", **described())
    population = net.add_population("p", 2, em.TrueNorth())
    assert net.probe("c0", "v", index=[2]).population == "c0"
    net.probe(population, "v")
    for part in (core, population):
        with pytest.raises(em.DescriptionError, match="a TrueNorth neuron has no u; probe v"):
            net.probe(part, "u")
        with pytest.raises(em.DescriptionError, match="a TrueNorth neuron has no raw register; probe v"):
            net.probe(part, "v", raw=True)
    with pytest.raises(em.DescriptionError, match="v is probed already"):
        net.probe("c0", "v")
    with pytest.raises(em.DescriptionError, match="no population or core 'in'; it has 'p', 'c0'"):
        net.probe("in", "v")


def test_populations_of_truenorth_neurons_take_v0_and_no_u0() -> None:
    net = em.Network()
    assert net.add_population("a", 2, em.TrueNorth(v0=7)).v0 is None
    given = net.add_population("b", 2, em.TrueNorth(v0=7), v0=[1, 2]).v0
    assert given is not None and given.tolist() == [1, 2]
    with pytest.raises(em.DescriptionError, match="u0: a TrueNorth neuron has no u; give v0"):
        net.add_population("c", 2, em.TrueNorth(), u0=0)
    with pytest.raises(em.DescriptionError, match="start_tick needs a model in physical units"):
        net.add_population("c", 2, em.TrueNorth(), start_tick=2)


def test_a_population_leaves_the_weights_of_axon_types_to_the_compiler() -> None:
    words = "population 'p': s: the compiler chooses the weights of the types of axons.*: leave s out, or"
    with pytest.raises(em.DescriptionError, match=words):
        em.Network().add_population("p", 2, em.TrueNorth(s=S))


def test_weights_onto_truenorth_neurons_are_integers() -> None:
    net = em.Network()
    net.add_source("in", 2)
    net.add_population("p", 2, em.TrueNorth())
    projection = net.connect("in", "p", [[3, 0], [-255, 255]], delay_ticks=63)
    assert projection.weight.dtype == np.int16 and projection.weight.tolist() == [3, -255, 255]
    assert projection.synapse is None and projection.n_synapses == 3
    with pytest.raises(em.DescriptionError, match=r"weight\[0\] = 256: outside -255..255"):
        net.connect("in", "p", np.full((2, 2), 256))
    with pytest.raises(em.DescriptionError, match=r"weight\[0\] = 0.5: must be an integer"):
        net.connect("in", "p", np.full((2, 2), 0.5))
    with pytest.raises(
        em.DescriptionError, match="synapse= is for LoihiCuba targets; weights of a TrueNorth"
    ):
        net.connect("in", "p", np.ones((2, 2)), synapse=em.LoihiSynapse())


def saved() -> em.Network:
    net = em.Network("net")
    net.add_source("in", 2)
    net.add_population("p", 2, em.TrueNorth(alpha=[3, 4]), v0=2, to_host=True)
    net.connect("in", "p", [[3, 0], [-255, 255]], delay_ticks=4)
    net.add_core("c0", **described(target_core=1, target_axon=[0, 1, 0], at=(2, 3), to_host=False))
    net.add_core(
        "c1", **described(to_host=[1, 0, 1], neurons=em.TrueNorth(s=np.ones((3, 4)), alpha=[7, 8, 70000]))
    )
    net.probe("c1", "v", ticks=[4])
    return net


def test_a_network_with_cores_comes_back_from_its_file(tmp_path: Path) -> None:
    net = saved()
    net.save(tmp_path / "net")
    read = em.load_network(tmp_path / "net")
    assert [core.name for core in read.cores] == ["c0", "c1"]
    for ours, theirs in zip(net.cores, read.cores, strict=True):
        for name in ("rows", "axon_types", "target_core", "target_axon", "delay", "to_host"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
        assert (ours.at, ours.n, ours.record_spikes) == (theirs.at, theirs.n, theirs.record_spikes)
        pairs = zip(model_fields(ours.neurons).items(), model_fields(theirs.neurons).items(), strict=True)
        assert all(np.array_equal(a[1], b[1]) for a, b in pairs)
    model = read.populations[0].model
    assert isinstance(model, em.TrueNorth) and model.s is None and np.asarray(model.alpha).tolist() == [3, 4]
    assert read.projections[0].weight.dtype == np.int16 and read.projections[0].weight.tolist() == [
        3,
        -255,
        255,
    ]
    assert read.probes[0].population == "c1"


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("n", 300, r"cores\[0\].n: 300 outside 1..256"),
        (
            "rows",
            np.full((2, 32), 255, np.uint8),
            r"cores\[0\].rows: synapses onto neurons past the 3 of the core",
        ),
        ("rows", np.zeros((2, 31), np.uint8), r"cores\[0\].rows: uint8\[2, 31\], expected uint8\[n, 32\]"),
        ("axon_types", "two", r"cores\[0\].axon_types: str, expected int or ndarray"),
        ("delay", 16, r"cores\[0\]: core 'c0': delay\[0\] = 16: outside 1..15"),
        ("at", {"x": -1, "y": 0}, r"cores\[0\].at.x: -1 outside"),
        (
            "neurons",
            {"type": "LoihiCuba", "parameters": {}},
            r"cores\[0\].neurons: must be of model TrueNorth",
        ),
        ("extra", 1, r"cores\[0\].extra: unknown field"),
    ],
)
def test_a_damaged_core_in_a_file_is_refused(key: str, value: Any, match: str, tmp_path: Path) -> None:
    saved().save(tmp_path / "net")
    content = container.read(tmp_path / "net", "network", VERSION)
    content["cores"][0][key] = value
    container.write(tmp_path / "net", "network", VERSION, content)
    with pytest.raises(em.ImageError, match=match):
        em.load_network(tmp_path / "net")


def test_a_core_without_a_field_is_refused(tmp_path: Path) -> None:
    saved().save(tmp_path / "net")
    content = container.read(tmp_path / "net", "network", VERSION)
    del content["cores"][1]["delay"]
    container.write(tmp_path / "net", "network", VERSION, content)
    with pytest.raises(em.ImageError, match=r"cores\[1\].delay: missing, expected int or ndarray"):
        em.load_network(tmp_path / "net")
