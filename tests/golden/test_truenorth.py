"""Spikes, potentials and outputs of public TrueNorth simulators, bit for bit: see truenorth/README.md."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import emulator as em
from emulator.chip.events import EVENTS
from emulator.engine import native
from emulator.engine.stimulus import build_drive
from emulator.record import Record

Vectors = dict[str, Any]

FOLDER = Path(__file__).parent / "truenorth"
BESIDE = Path(__file__).parents[3] / "shared" / "goldens" / "truenorth"
RECIPE = BESIDE / "bench" / "char_net.py"
N_COMPASS = 101
S = (1, -1, 0, 0)  # weights where none is used
CHIP = em.load_chip("truenorth")


def load(path: Path) -> Vectors:
    with np.load(path) as file:
        return dict(file)


def variant(vectors: Vectors) -> em.ChipSpec:
    """The chip without ranges, as the simulator of the vectors has it."""
    rule = int(vectors["neuron_reset_type"])
    return CHIP.replace({"arithmetic.variant": "ranc", "arithmetic.neuron_reset_type": rule})


def network_of(vectors: Vectors) -> em.Network:
    """Cores c0, c1, ...; what goes to the output bus goes to the host."""
    net = em.Network("golden")
    place = {tuple(xy): core for core, xy in enumerate(vectors["core_xy"].tolist())}
    n_neurons = vectors["leak"].shape[1]
    crossbar = np.unpackbits(vectors["crossbar"], axis=-1)[..., :n_neurons]
    goals = vectors["core_xy"][:, np.newaxis].astype(int) + vectors["dest_offset"]
    for core, xy in enumerate(vectors["core_xy"].tolist()):
        net.add_core(
            f"c{core}",
            crossbar[core],
            vectors["axon_type"][core],
            em.TrueNorth(
                s=vectors["weights"][core],
                leak=vectors["leak"][core],
                alpha=vectors["positive_threshold"][core],
                beta=-vectors["negative_threshold"][core].astype(int),
                R=vectors["reset_potential"][core],
                gamma=vectors["reset_mode"][core],
                v0=vectors["v0"][core],
            ),
            target_core=[place.get(tuple(goal), -1) for goal in goals[core].tolist()],
            target_axon=vectors["dest_axon"][core],
            delay=vectors["dest_tick"][core].astype(int) + 1,
            to_host=(goals[core] == vectors["bus_xy"]).all(axis=1),
            at=tuple(xy),
        )
    return net


def stimulus_of(vectors: Vectors, n_ticks: int) -> dict[str, Any]:
    packets = vectors["packets"].astype(int)
    felt = packets[:, 0] + packets[:, 4]
    own = (packets[:, np.newaxis, 1:3] == vectors["core_xy"]).all(axis=2)
    return {
        f"c{core}": np.stack([felt, packets[:, 3]], axis=1)[own[:, core] & (felt < n_ticks)]
        for core in range(len(vectors["core_xy"]))
    }


def bus_of(result: em.Result, vectors: Vectors, n_outputs: int) -> np.ndarray:
    """[n_ticks, n_outputs] as the simulator gives it: a tick later, spikes of one output merged."""
    bus = np.zeros((result.n_ticks + 1, n_outputs), dtype=np.uint8)
    for core, xy in enumerate(vectors["core_xy"].tolist()):
        to_bus = (np.array(xy) + vectors["dest_offset"][core] == vectors["bus_xy"]).all(axis=1)
        tick, neuron = result.spikes(f"c{core}").T
        sent = to_bus[neuron]
        bus[tick[sent] + 1, vectors["dest_axon"][core][neuron[sent]]] = 1
    return bus[:-1]


def compass(number: int) -> Vectors:
    """One of the networks that IBM's simulator ran."""
    stacked = load(FOLDER / "compass_vmm.npz")
    whole = ("core_xy", "bus_xy")
    one = {
        name: array if name in whole else array[number]
        for name, array in stacked.items()
        if name in whole or len(array) == N_COMPASS
    }
    for name, pointer in (("packets", "packet"), ("solution", "solution"), ("output_spikes", "output")):
        start, end = stacked[f"{pointer}_ptr"][number : number + 2]
        one[name] = stacked[name][start:end]
    bits = one["output_spikes"].reshape(one["n_outputs"], -1)
    return one | {"output_spikes": np.unpackbits(bits, axis=1)[:, : one["ticks"]]}


def check_compass(number: int, engine: str) -> None:
    vectors = compass(number)
    n_ticks, n_outputs = int(vectors["ticks"]), int(vectors["n_outputs"])
    program = em.compile(network_of(vectors), CHIP)
    result = em.run(program, n_ticks, stimulus_of(vectors, n_ticks), engine=engine, timing=False)
    bus = bus_of(result, vectors, n_outputs)
    assert np.array_equal(bus.T, vectors["output_spikes"])
    totals = bus.sum(axis=0, dtype=int)
    assert np.array_equal(totals[::2] - totals[1::2], vectors["solution"])


@pytest.mark.parametrize("number", range(N_COMPASS))
def test_output_spikes_are_those_of_compass(number: int) -> None:
    check_compass(number, "native")


# those with the fewest ticks; ten in the nightly profile
N_OF_REFERENCE = 10 if settings().max_examples > 1000 else 3
FEWEST_TICKS = np.argsort(load(FOLDER / "compass_vmm.npz")["ticks"])[:N_OF_REFERENCE].tolist()


@pytest.mark.parametrize("number", FEWEST_TICKS)
def test_output_spikes_of_the_reference_are_those_of_compass(number: int) -> None:
    check_compass(number, "reference")


SHIPPED = sorted(FOLDER.glob("ranc_*.npz"))
NOT_SHIPPED = [
    path
    for path in sorted((BESIDE / "ranc_random").glob("*.npz"))
    if f"ranc_{path.name}" not in {shipped.name for shipped in SHIPPED}
]


def check_trace(result: em.Result, vectors: Vectors) -> None:
    """Spikes and potentials of every neuron and tick, and what left by the bus."""
    n_cores, n_neurons = vectors["leak"].shape
    fired = np.unpackbits(vectors["spikes"], axis=-1)[..., :n_neurons]
    for core in range(n_cores):
        assert np.array_equal(result.raster(f"c{core}"), fired[:, core])
        v = result.probe(f"c{core}", "v")
        assert np.array_equal(v[vectors["v_ticks"]], vectors["v_end"][:, core])
    assert np.array_equal(bus_of(result, vectors, int(vectors["bus_outputs"])), vectors["bus"])


def probed(vectors: Vectors) -> em.Network:
    net = network_of(vectors)
    for core in net.cores:
        net.probe(core, "v")
    return net


@pytest.mark.parametrize("path", SHIPPED + NOT_SHIPPED, ids=lambda path: path.stem)
def test_every_spike_and_potential_is_that_of_ranc(path: Path, engine: str) -> None:
    vectors = load(path)
    n_ticks = int(vectors["ticks"])
    program = em.compile(probed(vectors), variant(vectors))
    result = em.run(program, n_ticks, stimulus_of(vectors, n_ticks), engine=engine, timing=False)
    check_trace(result, vectors)


def at_level(program: em.Program, n_ticks: int, stimulus: dict[str, Any], level: int) -> em.Result:
    """A run whose crossbars are updated in a way of this level."""
    drive = build_drive(program, n_ticks, stimulus, batch=None, state=None, timing=False, seed=0, trace=False)
    record: Record = native.run(program.image, program.chip, drive, level=level)
    return em.Result(record, program)


@pytest.mark.parametrize("level", range(native.BEST + 1))
@pytest.mark.parametrize("name", ["mesh_2x2_00", "single_16"])
def test_vectors_within_the_ranges_of_the_chip_are_its_own_too(name: str, level: int) -> None:
    """All resets are linear there, so the reset potential, which has values of other forms, says nothing."""
    vectors = load(FOLDER / f"ranc_{name}.npz")
    assert (vectors["reset_mode"] == 1).all() and vectors["neuron_reset_type"] == 0
    vectors["reset_potential"] = np.zeros_like(vectors["reset_potential"])
    n_ticks = int(vectors["ticks"])
    program = em.compile(probed(vectors), CHIP)
    check_trace(at_level(program, n_ticks, stimulus_of(vectors, n_ticks), level), vectors)


def steps() -> tuple[dict[str, np.ndarray], em.Program]:
    """Every row of the table as a neuron, 256 to a core."""
    file = load(FOLDER / "nemo_step.npz")
    table = dict(zip(file["columns"].tolist(), file["table"].T, strict=True))
    assert len(table["fired"]) == 10_000
    net = em.Network("steps")
    for first in range(0, 10_000, 256):
        row = {name: column[first : first + 256] for name, column in table.items()}
        model = em.TrueNorth(
            s=S,
            leak=row["signed_leak"],
            epsilon=row["epsilon"],
            v0=row["V_after_synapses"],
            **{name: row[name] for name in ("alpha", "beta", "R", "gamma", "kappa")},
        )
        core = net.add_core(f"rows{first}", np.zeros((1, len(row["fired"])), dtype=bool), 0, model)
        net.probe(core, "v")
    return table, em.compile(net, CHIP)


def check_steps(table: dict[str, np.ndarray], result: em.Result) -> None:
    names = [f"rows{first}" for first in range(0, 10_000, 256)]
    assert len(names) == 40
    v = np.concatenate([result.probe(name, "v")[0] for name in names])
    fired = np.concatenate([result.raster(name)[0] for name in names])
    assert np.array_equal(v, table["V_out"])
    assert np.array_equal(fired, table["fired"] != 0)


def test_leak_threshold_and_reset_are_those_of_nemo(engine: str) -> None:
    table, program = steps()
    check_steps(table, em.run(program, 1, engine=engine, timing=False))


@pytest.mark.parametrize("level", range(native.BEST + 1))
def test_every_way_to_update_neurons_has_the_resets_of_nemo(level: int) -> None:
    table, program = steps()
    check_steps(table, at_level(program, 1, {}, level))


def test_the_digit_classifier_of_five_cores_gives_its_bus_and_its_labels(engine: str) -> None:
    vectors = load(FOLDER / "mnist_tea.npz")
    n_ticks = int(vectors["ticks"])
    program = em.compile(network_of(vectors), variant(vectors))
    result = em.run(program, n_ticks, stimulus_of(vectors, n_ticks), engine=engine, timing=False)
    bus = bus_of(result, vectors, int(vectors["bus_outputs"]))
    assert np.array_equal(bus, vectors["bus"])
    votes = bus[2:102].reshape(100, 25, 10).sum(axis=1, dtype=int)  # output o speaks for digit o mod 10
    assert (votes.argmax(axis=1) == vectors["labels"]).sum() == 97


def characterisation(name: str) -> tuple[dict[str, Any], em.Network]:
    """What is known of a network, and the network: SIDE x SIDE cores at RATE Hz, K synapses, from a SEED."""
    spec = importlib.util.spec_from_file_location("char_net", RECIPE)
    assert spec is not None and spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    size, rate, k, seed = name.split("_")
    made = recipe.make(int(size.split("x")[0]), float(rate[:-2]), int(k[1:]), int(seed[4:]))
    net = em.Network(name)
    for core, (x, y) in enumerate(made["core_xy"].tolist()):
        model = em.TrueNorth(
            s=made["weights"][core],
            leak=made["leak"][core],
            alpha=made["positive_threshold"][core],
            beta=-made["negative_threshold"][core],
            gamma=1,
            v0=made["v0"][core],
        )
        target = made["dest_core"][core], made["dest_axon"][core], made["dest_tick"][core] + 1
        net.add_core(f"c{core}", made["crossbar"][core], made["axon_type"][core], model, *target, at=(x, y))
    return json.loads((FOLDER / "char_golden.json").read_text())[name], net


def check_characterisation(golden: dict[str, Any], result: em.Result, n_cores: int) -> None:
    record = result.record
    assert record.counts_by_tick[:, EVENTS.index("spikes")].tolist() == golden["spikes_per_tick"]
    dense = record.counts_by_tick[:, EVENTS.index("synaptic_ops_dense")]
    assert dense.tolist() == golden["syn_events_per_tick"]
    fired = np.stack([result.raster(f"c{core}") for core in range(n_cores)], axis=1)
    rows = b"".join(np.packbits(row).tobytes() for row in fired)
    assert hashlib.sha256(rows).hexdigest() == golden["raster_sha256"]
    v = np.concatenate([record.state.v[0, part] for part in slots(result, n_cores)])
    assert hashlib.sha256(v.astype(np.int32).tobytes()).hexdigest() == golden["v_final_sha256"]


def slots(result: em.Result, n_cores: int) -> list[np.ndarray]:
    parts = {part.name: part.address for part in result.program.symbols.parts if part.kind == "population"}
    return [parts[f"c{core}"] for core in range(n_cores)]


@pytest.mark.skipif(not RECIPE.exists(), reason="the recipe of the networks is not beside the repository")
@pytest.mark.parametrize(
    ("name", "threads"),
    [("8x8_20Hz_K128_seed7", 1), ("8x8_20Hz_K128_seed7", 2), ("32x32_20Hz_K128_seed7", 2)],
)
def test_characterisation_networks_have_the_counts_and_hashes_of_a_plain_program(
    name: str, threads: int
) -> None:
    golden, net = characterisation(name)
    program = em.compile(net, CHIP)
    result = em.run(program, golden["ticks"], timing=False, threads=threads)
    check_characterisation(golden, result, len(net.cores))


@pytest.mark.skipif(not RECIPE.exists(), reason="the recipe of the networks is not beside the repository")
@pytest.mark.parametrize("level", range(native.BEST + 1))
def test_no_way_to_update_neurons_changes_a_characterisation_network(level: int) -> None:
    golden, net = characterisation("8x8_20Hz_K128_seed7")
    result = at_level(em.compile(net, CHIP), golden["ticks"], {}, level)
    check_characterisation(golden, result, len(net.cores))


@pytest.mark.parametrize(("inhibition", "beta"), [(-100, 0), (-20, 20)], ids=["tonic", "phasic"])
def test_a_burst_of_six_follows_an_input_and_ends_by_feedback(
    inhibition: int, beta: int, engine: str
) -> None:
    """Tonic and phasic bursting of Cassidy et al. 2013, parameters and spikes as in NeMo and SANA-FE.

    Neuron 0 feeds itself by its divergent leak, and fires every 17 ticks. Neuron 1 counts six of its spikes
    and sends one back that inhibits it.
    """
    model = em.TrueNorth(
        s=[[1, inhibition, 0, 0], [1, 0, 0, 0]],
        leak=[1, 0],
        epsilon=1,
        alpha=[18, 6],
        beta=[beta, 0],
        R=[1, 0],
        gamma=0,
        kappa=1,
    )
    net = em.Network("bursting")
    crossbar = [[1, 0], [1, 0], [0, 1]]  # the input; neuron 1 -> neuron 0; neuron 0 -> neuron 1
    core = net.add_core("c", crossbar, [0, 1, 0], model, target_core=0, target_axon=[2, 1])
    stimulus = {core.name: np.array([[100, 0]])}
    result = em.run(em.compile(net, CHIP), 400, stimulus, engine=engine, timing=False)
    tick, neuron = result.spikes("c").T
    assert tick[neuron == 0].tolist() == [116, 133, 150, 167, 184, 201]
    assert tick[neuron == 1].tolist() == [202]
