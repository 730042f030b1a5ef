"""Sound files for each reader, small, which between them use what a format has."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml
from trees import hdf5_bytes, hdf5_tree

import emulator as em
from emulator.formats import save_network
from emulator.testing.crossbars import crossbar_chip
from emulator.testing.small_run import small_program

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "hw_configs"
NIR_FILES = (
    "exact_conv2d_groups_dilation",
    "exact_delay_coincidence",
    "exact_lif_hetero",
    "exact_rnn_flat",
    "exact_rnn_nested",
)


def seeds(folder: Path) -> dict[str, list[bytes]]:
    """Files by reader; what they are written with is in `folder`, which is left as it was."""
    networks = [_cuba(), _cores()]
    programs = [small_program(), *_programs(networks)]
    return {
        "program": [_saved(program.save, folder) for program in programs],
        "record": [_saved(result.save, folder) for result in _results(programs)],
        "network": [_saved(lambda path, net=net: save_network(net, path), folder) for net in networks],
        "checkpoint": _checkpoints(programs[0], folder),
        "chip": [*map(_bare, sorted(CONFIGS.glob("*.yaml"))), *map(_whole, em.chips()), _faulty()],
        "baseline": [*map(_bare, sorted((CONFIGS / "baselines").glob("*.yaml")))],
        "nir": [_compact(ROOT / "tests" / "golden" / "nir" / f"{name}.nir") for name in NIR_FILES],
        "json": [json.dumps(table).encode() for table in (_model(), _ranc())],
        "arrays": [_npz(**{"in": array}) for array in (_raster(), _events(), np.float32(1.5))],
    }


def _saved(save: Any, folder: Path) -> bytes:
    path = folder / "seed"
    save(path)
    data = path.read_bytes()
    path.unlink()
    return data


def _raster() -> Any:
    return np.eye(3, 2, dtype=bool)


def _events() -> Any:
    return np.array([[0, 1], [2, 0]])


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _cuba() -> em.Network:
    net = em.Network("net")
    beat = net.add_source("beat", 2, em.Regular(period_ticks=3))
    noise = net.add_source("noise", 2, em.Poisson(rate_hz=np.full((4, 2), 100.0)))
    song = net.add_source("song", 1, em.Scripted(np.ones((2, 1), dtype=bool), repeat_ticks=3))
    p = net.add_population("p", 2, em.LIF(tau_mem_s=1e-2), to_host=True)
    q = net.add_population("q", 2, em.LoihiCuba(dv=[100, 200], vth_mant=5, bias_mant=3), v0=[1, 2])
    synapse = em.LoihiSynapse(w_exp=1, weight_bits=4, rounding="lava")
    net.connect(beat, p, np.eye(2))
    net.connect(noise, p, em.Triplets([0, 1], [1, 0], [0.5, -0.5], [2, 3]))
    net.connect(song, q, np.full((1, 2), 64), synapse=synapse)
    net.connect(p, q, np.full((2, 2), 3), delay_ticks=4)
    net.probe(p, "v")
    net.probe(q, "u", index=[1], ticks=[0, 2])
    return net


def _cores() -> em.Network:
    net = em.Network("cores")
    neurons = em.TrueNorth(s=[3, -2, 0, 0], leak=-1, alpha=4, beta=0, kappa=1)
    crossbar = np.eye(3, 2, dtype=bool)
    net.add_core("a", crossbar, [0, 1, 2], neurons, target_core=1, target_axon=[0, 1], delay=2)
    net.add_core("b", crossbar, 0, neurons, to_host=True, at=(0, 0))
    return net


def _programs(networks: list[em.Network]) -> list[em.Program]:
    board = {"mesh.chip": {"width": 1, "height": 2, "link": {"hop_ps": {"ew": 9, "ns": 9}, "cycle_ps": 5}}}
    board["mesh.faults"] = {"policy": "drop", "links": [{"x": 0, "y": 0, "side": "E"}]}
    wide = {key: None for key in type(em.load_chip("tiny").limits).model_fields} | {"compartments": 64}
    tiny = em.load_chip("tiny").replace({**board, "limits": wide, "arithmetic.overflow": "lava"})
    return [em.compile(networks[0], tiny), em.compile(networks[1], crossbar_chip())]


def _results(programs: list[em.Program]) -> list[em.Result]:
    first, second, third = programs
    raster = {"in": _raster()}
    batch = {"in": np.stack([_raster()] * 2)}
    cores = {"a": np.array([[0, 0], [1, 2]])}
    return [
        em.run(first, 3, raster),
        em.run(first, 3, batch, batch=2, timing=False),
        em.run(second, 4, seed=2, upsets=em.Upsets(0.01)),
        em.run(third, 4, cores),
    ]


def _checkpoints(program: em.Program, folder: Path) -> list[bytes]:
    found = []
    for batch in (None, 2):
        path = folder / "seed.ckpt"
        raster = _raster() if batch is None else np.stack([_raster()] * batch)
        em.run(program, 3, {"in": raster}, batch=batch, checkpoint=path, every=2)
        found.append(path.read_bytes())
        path.unlink()
    return found


def _bare(path: Path) -> bytes:
    """A YAML file without its comments."""
    return str(yaml.safe_dump(yaml.safe_load(path.read_text()), sort_keys=False)).encode()


def _whole(name: str) -> bytes:
    """A chip that ships, without what it inherits from."""
    return str(yaml.safe_dump(em.load_chip(name).to_dict(), sort_keys=False)).encode()


def _faulty() -> bytes:
    faults = "faults: {policy: drop, cores: [1], routers: [{x: 2, y: 0}], links: [{x: 0, y: 0, side: N}]}"
    return (
        f"inherits: tiny\nname: a\ndescription: b\nreal_chip: false\nmesh: {{width: 3, {faults}}}\n".encode()
    )


def _compact(path: Path) -> bytes:
    with h5py.File(path, "r") as file:
        return hdf5_bytes(hdf5_tree(file))


def _model() -> dict[str, Any]:
    flags = {f"b{kind}": 0 for kind in range(4)}
    signs = {f"sigma{kind}": 1 for kind in range(4)}
    weights = {f"s{kind}": kind for kind in range(4)}
    others = {"lambda": 3, "sigma_lambda": -1, "c_lambda": False, "epsilon": True, "alpha": 7, "beta": 9}
    resets = {"TM": 2, "gamma": 1, "kappa": True, "sigma_VR": -1, "VR": 3, "V": -2}
    rows = [{"type": f"S{n}", "synapses": "8" + "0" * 62 + "1"} for n in (0, 3)]
    neuron = {"type": "N", "dendrite": 0, "destCore": 1, "destAxon": 1, "delay": 15}
    return {
        "model": {"coreCount": 2, "crossbarSize": 256, "neuronclass": "NeuronGeneral", "networking": "INTRA"},
        "neuronTypes": [{"name": "N", **flags, **signs, **weights, **others, **resets}],
        "crossbarTypes": [{"name": "shared", "crossbar": {"rows": rows}}],
        "cores": [
            {"id": 0, "crossbar": {"rows": rows}, "neurons": [neuron]},
            {"id": 1, "crossbar": {"name": "shared"}, "neurons": [{**neuron, "destCore": -32}]},
        ],
    }


def _ranc() -> dict[str, Any]:
    neuron = {
        "weights": [1, -1, 2, 0],
        "leak": -1,
        "positive_threshold": 4,
        "negative_threshold": -3,
        "reset_potential": 1,
        "reset_mode": 0,
        "current_potential": 0,
        "destination_core_offset": [1, 0],
        "destination_axon": 1,
        "destination_tick": 2,
    }
    core = {"axons": [0, 3], "connections": [[1, 0], [0, 1]], "neurons": [neuron, {**neuron, "leak": 0}]}
    packet = {"destination_core": [0, 0], "destination_axon": 1, "destination_tick": 0}
    return {
        "packets": [[packet], [], [{**packet, "destination_axon": 0}]],
        "output_bus": {"coordinates": [2, 0], "num_outputs": 2},
        "cores": [{"coordinates": [x, 0], **core} for x in (0, 1)],
    }
