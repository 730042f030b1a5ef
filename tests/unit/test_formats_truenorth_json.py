"""Core-level designs in JSON: what comes of them, and every key and value that is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.testing.crossbars import crossbar_chip

Table = dict[str, Any]
Change = Callable[[Table], None]

ONE_NEURON = "80 " + "00 " * 31  # the highest bit of the first byte: column 0
LAST_NEURON = "00 " * 31 + "01"
TYPE = {
    "name": "N1",
    "class": "NeuronGeneral",
    **{f"sigma{kind}": (-1) ** kind for kind in range(4)},
    **{f"s{kind}": 10 + kind for kind in range(4)},
    **{f"b{kind}": kind == 3 for kind in range(4)},
    "sigma_lambda": -1,
    "lambda": 3,
    "c_lambda": False,
    "epsilon": True,
    "alpha": 7,
    "beta": 9,
    "TM": 2,
    "gamma": 1,
    "kappa": True,
    "sigma_VR": -1,
    "VR": 3,
    "V": -2,
}


def model() -> Table:
    """Core 0: columns 0 and 255 in use, to core 1 and to the host port; core 1: an unconnected neuron."""
    rows = [{"type": "S0", "synapses": ONE_NEURON}, {"type": "S3", "synapses": LAST_NEURON}]
    return {
        "model": {"coreCount": 2, "neuronclass": "NeuronGeneral", "crossbarSize": 256, "networking": "INTRA"},
        "neuronTypes": [TYPE],
        "crossbarTypes": [{"name": "shared", "crossbar": {"rows": rows}}],
        "core": [
            {
                "id": 1,
                "crossbar": {"name": "shared"},
                "neurons": [{"type": "N1", "destCore": -1, "destAxon": -1, "destDelay": 1}],
            },
            {
                "id": 0,
                "rngSeed": 17,
                "timeScaleExponent": 0,
                "crossbar": {"rows": rows},
                "neurons": [
                    {"type": "N1", "dendrite": 0, "destCore": 1, "destAxon": 1, "delay": 15},
                    {"type": "N1", "dendrite": 255, "destCore": -32, "destAxon": 4, "delay": 0},
                ],
            },
        ],
    }


def written(table: Table, path: Path) -> Path:
    path.write_text(json.dumps(table))
    return path


def test_a_model_file_becomes_cores_by_their_ids(tmp_path: Path) -> None:
    net = em.from_truenorth_json(written(model(), tmp_path / "model.json"))
    assert net.name == "model" and [core.name for core in net.cores] == ["core0", "core1"]
    first, second = net.cores
    assert (first.n, first.n_axons, first.axon_types.tolist()) == (256, 2, [0, 3])
    assert np.argwhere(first.crossbar).tolist() == [[0, 0], [1, 255]]
    assert first.target_core[[0, 1, 255]].tolist() == [1, -1, -1]
    assert (first.target_axon[0], first.delay[0]) == (1, 15)
    assert np.flatnonzero(first.to_host).tolist() == [255]
    assert np.argwhere(second.crossbar).tolist() == [[0, 0]]  # column 255 has no neuron there
    values = first.neurons.parameters(256, "core0")
    assert values["s"][255].tolist() == [10, -11, 12, -13] and values["b"][255].tolist() == [0, 0, 0, 1]
    named = ("leak", "c", "epsilon", "alpha", "beta", "TM", "R", "gamma", "kappa", "v0")
    assert [int(values[name][255]) for name in named] == [-3, 0, 1, 7, 9, 2, -7, 1, 1, -2]


def test_columns_without_a_neuron_never_fire(tmp_path: Path) -> None:
    net = em.from_truenorth_json(written(model(), tmp_path / "m.json"))
    program = em.compile(net, crossbar_chip())
    events = {"core0": np.array([[0, 0], [1, 1]])}
    spikes = em.run(program, 4, events, timing=False).spikes("core0")
    assert set(spikes[:, 1].tolist()) <= {0, 255}


def test_comments_and_cores_one_by_one_are_read(tmp_path: Path) -> None:
    table = model()
    cores = ",".join(f'"core": {json.dumps(core)} // one\n' for core in table.pop("core"))
    table["model"]["buildKey64"] = "a /* kept */ text"
    text = f"/* a model */ {{{json.dumps(table)[1:-1]}, {cores}}}"
    (tmp_path / "m.json").write_text(text)
    assert len(em.from_truenorth_json(tmp_path / "m.json").cores) == 2


def test_one_core_alone_needs_no_list(tmp_path: Path) -> None:
    table = model()
    table["core"] = {**table["core"][0], "id": 0}
    assert len(em.from_truenorth_json(written(table, tmp_path / "m.json")).cores) == 1


def at(path: str, value: Any) -> Change:
    """Sets a value; None takes the key away."""

    def change(table: Table) -> None:
        *above, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = table
        for key in above:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return change


REFUSED: list[tuple[Change, str]] = [
    (
        at("plasticity", 1),
        "plasticity: not supported, known are model, neuronTypes, crossbarTypes, core, cores",
    ),
    (at("model.crossbarSize", 128), "model.crossbarSize: 128, supported is 256 alone"),
    (at("model.neuronclass", "NeuronX"), "model.neuronclass: 'NeuronX', supported is 'NeuronGeneral' alone"),
    (at("model.networking", "INTER"), "model.networking: 'INTER', supported is 'INTRA' alone"),
    (at("model.version", 3), "model.version: not supported, known are coreCount"),
    (at("neuronTypes", None), "neuronTypes: missing, expected a list"),
    (at("neuronTypes.0.alpha", None), r"neuronTypes\[0\].alpha: missing, expected an integer in 0..262143"),
    (at("neuronTypes.0.s0", 256), r"neuronTypes\[0\].s0: 256, expected an integer in 0..255"),
    (at("neuronTypes.0.V", 0.5), r"neuronTypes\[0\].V: 0.5, expected an integer"),
    (
        at("neuronTypes.0.class", "Other"),
        r"neuronTypes\[0\].class: 'Other', supported is 'NeuronGeneral' alone",
    ),
    (at("neuronTypes.0.extra", 1), r"neuronTypes\[0\].extra: not supported"),
    (at("neuronTypes.0.name", 1), r"neuronTypes\[0\].name: 1, expected text"),
    (at("neuronTypes.0", 1), r"neuronTypes\[0\]: int, expected an object"),
    (at("crossbarTypes.0.crossbar", []), r"crossbarTypes\[0\].crossbar: 'list', expected an object"),
    (at("core", []), "core: missing; a model has at least one"),
    (at("core.0.id", 0), r"core: ids are not 0..1, each once"),
    (at("core.0.id", 2), r"core\[0\].id: 2, expected an integer in 0..1"),
    (at("core.0.timeScaleExponent", 1), r"core\[0\].timeScaleExponent: 1, supported is 0 alone"),
    (at("core.0.learning", True), r"core\[0\].learning: not supported, known are id, rngSeed"),
    (at("core.0.crossbar.name", "other"), r"core\[0\].crossbar.name: 'other' is no crossbar type"),
    (at("core.1.crossbar.rows", []), r"core\[1\].crossbar.rows: 0 rows, expected 1..256"),
    (at("core.1.crossbar.rows.0.type", "S4"), r"rows\[0\].type: 'S4', choose from S0, S1, S2, S3"),
    (
        at("core.1.crossbar.rows.0.synapses", "8"),
        r"rows\[0\].synapses: expected 32 bytes in hexadecimal digits",
    ),
    (at("core.1.crossbar.rows.0.synapses", "00"), r"rows\[0\].synapses: expected 32 bytes"),
    (at("core.1.neurons", 3), r"core\[1\].neurons: 3, expected a list"),
    (at("core.1.neurons.0", 3), r"core\[1\].neurons\[0\]: int, expected an object"),
    (
        at("core.1.neurons.1.type", "N2"),
        r"core\[1\].neurons\[1\].type: 'N2', expected one of those described",
    ),
    (at("core.1.neurons.1.dendrite", 0), r"core\[1\].neurons: two neurons have one dendrite"),
    (at("core.1.neurons.1.weight", 0), r"core\[1\].neurons: weight: not supported, known are type, dendrite"),
    (
        at("core.1.neurons.1.destCore", -2),
        r"neurons\[1\].destCore: -1 is none, -32 the host port \(1 in all\)",
    ),
    (at("core.1.neurons.0.destCore", 5), r"core 'core0': target_core|the network has"),
    (at("core.1.neurons.0.destAxon", -1), r"neurons\[0\].destAxon: -1, a target core is given"),
    (
        at("core.1.neurons.0.destAxon", None),
        r"neurons\[0\].destAxon: missing, expected an integer in -1..255",
    ),
    (at("core.1.neurons.0.delay", 16), r"neurons\[0\].delay: 16, expected an integer in 0..15"),
    (at("core.1.neurons.0.delay", 0), r"neurons\[0\].delay: 0, must be 1..15"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_a_model_file_cannot_say_is_refused_by_name(change: Change, words: str, tmp_path: Path) -> None:
    table = copy.deepcopy(model())
    change(table)
    with pytest.raises(em.EmulatorError, match=words):
        em.compile(em.from_truenorth_json(written(table, tmp_path / "m.json")), crossbar_chip())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "m.json: not JSON: Expecting property name"),
        ("[]", "m.json: holds a list, expected an object"),
        ('{"model": {}, "model": {}}', "not JSON: the key 'model' comes twice in an object"),
        ("\udcff", "not JSON: 'utf-8' codec"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(em.ImageError, match=words):
        em.from_truenorth_json(tmp_path / "m.json")


def ranc() -> Table:
    """Two cores side by side, a bus east of them. Neuron 0 of the first fires on the packet of tick 1."""
    neuron = {
        "weights": [4, -300, 0, 0],
        "leak": 0,
        "positive_threshold": 4,
        "negative_threshold": -5,
        "reset_potential": 1,
        "reset_mode": 0,
        "current_potential": 0,
        "destination_core_offset": [1, 0],
        "destination_axon": 1,
        "destination_tick": 2,
    }
    packet = {"destination_core": [0, 0], "destination_axon": 0, "destination_tick": 1}
    core = {"axons": [0, 1], "connections": [[1, 0], [0, 1], [0, 0]], "neurons": [neuron] * 3}
    return {
        "packets": [[packet], [packet, {**packet, "destination_tick": 0}]],
        "output_bus": {"coordinates": [2, 0], "num_outputs": 2},
        "cores": [{**core, "coordinates": [0, 0]}, {**copy.deepcopy(core), "coordinates": [1, 0]}],
    }


def test_a_file_of_ranc_becomes_pinned_cores_and_events(tmp_path: Path) -> None:
    path = written(ranc(), tmp_path / "r.json")
    net, stimulus = em.from_truenorth_json(path), em.truenorth_json_stimulus(path)
    first, second = net.cores
    assert [(core.name, core.at) for core in net.cores] == [("core_0_0", (0, 0)), ("core_1_0", (1, 0))]
    assert first.crossbar.astype(int).tolist() == [[1, 0, 0], [0, 1, 0]]  # axon, neuron
    assert first.target_core.tolist() == [1, 1, 1] and first.delay.tolist() == [3, 3, 3]
    assert second.to_host.tolist() == [1, 1, 1]
    assert {name: events.tolist() for name, events in stimulus.items()} == {
        "core_0_0": [[1, 0], [1, 0], [2, 0]]
    }
    program = em.compile(net, crossbar_chip(arithmetic__variant="ranc"))
    result = em.run(program, 6, stimulus, engine="reference", timing=False)
    assert result.spikes("core_0_0").tolist() == [[1, 0], [2, 0]]
    assert result.counts["host_out"] == 0


def test_targets_that_are_not_described_are_nowhere(tmp_path: Path) -> None:
    table = ranc()
    table["cores"][0]["neurons"][0]["destination_core_offset"] = [0, 7]
    del table["output_bus"]
    net = em.from_truenorth_json(written(table, tmp_path / "r.json"))
    assert net.cores[0].target_core.tolist() == [-1, -1, -1]  # the neurons of the table are one object
    assert net.cores[1].target_core.tolist() == [-1, -1, -1] and not net.cores[1].to_host.any()


REFUSED_RANC: list[tuple[Change, str]] = [
    (at("seed", 1), "seed: not supported, known are packets, output_bus, cores"),
    (at("output_bus.x", 1), "output_bus.x: not supported, known are coordinates, num_outputs"),
    (at("cores.1.coordinates", [0, 0]), r"cores\[1\].coordinates: \[0, 0\] are those of a core before"),
    (at("cores.1.coordinates", [0]), r"cores\[1\].coordinates: 'list', expected two integers"),
    (at("cores.0.axons", "ab"), r"cores\[0\].axons: 'ab', expected integers in 1 dimensions"),
    (at("cores.0.axons", [0, 4]), r"core 'core_0_0': axon_types\[1\] = 4: outside 0..3"),
    (at("cores.0.axons", [2**63]), r"cores\[0\].axons: 'list', expected integers in 1 dimensions"),
    (at("cores.1.coordinates", [2**70, 0]), r"cores\[1\].coordinates: 'list', expected two integers"),
    (at("cores.0.connections", [[1], [1, 2]]), r"cores\[0\].connections: 'list', expected integers in 2 dim"),
    (at("cores.0.connections", [[1, 0]]), r"cores\[0\].connections: \[1, 2\], expected \[3, 2\]"),
    (
        at("cores.0.neurons.0.weights", [1, 2, 3]),
        r"weights: \[1, 2, 3\], expected 4 integers in -32768..32767",
    ),
    (at("cores.0.neurons.0.reset_mode", 2), r"neurons\[0\].reset_mode: 2, expected an integer in 0..1"),
    (at("cores.0.neurons.0.destination_tick", 15), r"destination_tick: 15, expected an integer in 0..14"),
    (
        at("cores.0.neurons.0.destination_core_offset", 1),
        r"destination_core_offset: 1, expected two integers",
    ),
    (at("cores.0.neurons.0.noise", 1), r"cores\[0\].neurons: noise: not supported, known are weights, leak"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED_RANC, ids=range(len(REFUSED_RANC)))
def test_what_a_file_of_ranc_cannot_say_is_refused_by_name(
    change: Change, words: str, tmp_path: Path
) -> None:
    table = copy.deepcopy(ranc())
    table["cores"][0]["neurons"][0] = dict(table["cores"][0]["neurons"][0])
    change(table)
    with pytest.raises(em.ImageError, match=words):
        em.from_truenorth_json(written(table, tmp_path / "r.json"))


def test_packets_go_to_cores_that_are_described(tmp_path: Path) -> None:
    table = ranc()
    table["packets"][0][0] = {**table["packets"][0][0], "destination_core": [5, 5]}
    with pytest.raises(em.ImageError, match=r"packets\[0\]: destination_core \[5, 5\]: no core is there"):
        em.truenorth_json_stimulus(written(table, tmp_path / "r.json"))


def test_model_files_have_no_packets(tmp_path: Path) -> None:
    with pytest.raises(em.ImageError, match="a model file has no packets; they are in RANC's input files"):
        em.truenorth_json_stimulus(written(model(), tmp_path / "m.json"))


@pytest.mark.parametrize("coordinate", [2**31, -(2**63) - 1, 2**70])
def test_packets_to_where_no_tile_can_be_are_refused(coordinate: int, tmp_path: Path) -> None:
    table = ranc()
    table["packets"][0][0] = {**table["packets"][0][0], "destination_core": [0, coordinate]}
    with pytest.raises(em.ImageError, match=r"packets\[0\].destination_core: \[0, .*, expected two integers"):
        em.truenorth_json_stimulus(written(table, tmp_path / "r.json"))
