"""Spikes, u and v of public Loihi emulators, bit for bit.

The vectors are outputs of brian2-loihi 0.5.2, nengo-loihi 1.1.0 and lava-nc 0.10.0, unmodified, all run
from one scenario file. Their rows count by arrival: an input of row t is felt in tick t, so it is given as a
source spike of tick t - 1, and their delay d is `delay_ticks = d + 1`. Each is reproduced under the policies
that bear its arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em

FOLDER = Path(__file__).parent / "loihi"
SILICON = Path(__file__).parents[3] / "shared" / "goldens" / "nir_paper" / "paper_lif_loihi_chip.npz"
PEERS = ("brian", "nengo", "lava")
OVERFLOW = {"brian": "unbounded", "nengo": "chip", "lava": "lava"}
ROUNDING = {"brian": "toward_zero", "nengo": "toward_zero", "lava": "lava"}
SUITES = {  # rows that each peer ran
    "single_bias": {"nengo": 10, "lava": 10},
    "single_common": {"brian": 22, "nengo": 22, "lava": 22},
    "single_overflow": {"brian": 8, "nengo": 8, "lava": 8},
    "single_refractory": {"brian": 8, "nengo": 8, "lava": 1},
    "single_uwrap": {"nengo": 7, "lava": 7},
    "single_weights": {"brian": 11, "lava": 11},
}
SIGN_MODE = {1: "mixed", 2: "excitatory", 3: "inhibitory"}


def load(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def unpacked(vectors: dict[str, Any]) -> np.ndarray:
    """Input spikes as bool; row t is felt in tick t."""
    shape = tuple(vectors["in_spk_shape"])
    bits = np.unpackbits(vectors["in_spk"])[: np.prod(shape)]
    return bits.reshape(shape).astype(bool)


def sent_a_tick_earlier(felt: np.ndarray) -> np.ndarray:
    """Raster of source spikes that are felt as given, through delay_ticks=1."""
    assert not felt[0].any()
    return np.concatenate([felt[1:], np.zeros_like(felt[:1])])


def under(chip: em.ChipSpec, peer: str) -> em.ChipSpec:
    """The chip with the overflow policy of a peer."""
    return chip.replace({"arithmetic.overflow": OVERFLOW[peer]})


def run_single(vectors: dict[str, Any], peer: str, engine: str, chip: em.ChipSpec) -> em.Result:
    """The rows of a suite that a peer ran: each a compartment of one population, with inputs of its own."""
    rows = vectors[f"{peer}_rows"]
    n, n_inputs = len(rows), vectors["w_mant"].shape[1]
    net = em.Network("single")
    model = em.LoihiCuba(
        du=vectors["du"][rows],
        dv=vectors["dv"][rows],
        vth_mant=vectors["vth_mant"][rows],
        bias_mant=vectors["bias_mant"][rows],
        bias_exp=vectors["bias_exp"][rows],
        refractory=vectors["refr"][rows],
    )
    felt = unpacked(vectors)
    sources = [net.add_source(f"in{row}", n_inputs) for row in rows]
    population = net.add_population("rows", n, model)
    for place, (row, source) in enumerate(zip(rows, sources, strict=True)):
        mantissas = em.Triplets(range(n_inputs), [place] * n_inputs, vectors["w_mant"][row])
        synapse = em.LoihiSynapse(
            w_exp=int(vectors["w_exp"][row]),
            weight_bits=int(vectors["nbits"][row]),
            sign_mode=SIGN_MODE[int(vectors["mode"][row])],
            rounding=ROUNDING[peer],
        )
        net.connect(source, population, mantissas, synapse=synapse)
    net.probe(population, "u")
    net.probe(population, "v")
    stimulus = {f"in{row}": sent_a_tick_earlier(felt[row]) for row in rows}
    program = em.compile(net, under(chip, peer))
    return em.run(program, felt.shape[1], stimulus, engine=engine, timing=False)


@pytest.mark.parametrize(
    ("suite", "peer"), [(suite, peer) for suite in sorted(SUITES) for peer in SUITES[suite]]
)
def test_every_row_of_a_peer_is_reproduced_under_its_policy(
    suite: str, peer: str, engine: str, wide: em.ChipSpec
) -> None:
    vectors = load(suite)
    assert len(vectors[f"{peer}_rows"]) == SUITES[suite][peer]
    result = run_single(vectors, peer, engine, wide)
    assert np.array_equal(result.probe("rows", "u").T, vectors[f"{peer}_u"])
    assert np.array_equal(result.probe("rows", "v").T, vectors[f"{peer}_v"])
    assert np.array_equal(result.raster("rows").T, vectors[f"{peer}_s"] != 0)


def test_every_suite_and_peer_is_covered() -> None:
    found = {
        path.stem: {key[:-5] for key in load(path.stem) if key.endswith("_rows")}
        for path in FOLDER.glob("single_*.npz")
    }
    assert found == {suite: set(peers) for suite, peers in SUITES.items()}


def run_net(
    vectors: dict[str, Any], engine: str, chip: em.ChipSpec, rounding: str = "toward_zero"
) -> em.Result:
    n, n_inputs, n_ticks = (int(vectors[name]) for name in ("N", "M", "T"))
    net = em.Network("recurrent")
    model = em.LoihiCuba(
        du=int(vectors["du"]),
        dv=int(vectors["dv"]),
        vth_mant=int(vectors["vth_mant"]),
        bias_mant=vectors["bias_mant"],
        bias_exp=vectors["bias_exp"],
        refractory=int(vectors["refr"]),
    )
    source, population = net.add_source("in", n_inputs), net.add_population("net", n, model)
    into = em.Triplets(vectors["in_pre"], vectors["in_post"], vectors["in_w"])
    within = em.Triplets(vectors["rec_pre"], vectors["rec_post"], vectors["rec_w"], vectors["rec_delay"] + 1)
    synapse = em.LoihiSynapse(rounding=rounding)
    net.connect(source, population, into, synapse=synapse)
    net.connect(population, population, within, synapse=synapse)
    net.probe(population, "u")
    net.probe(population, "v")
    stimulus = {"in": sent_a_tick_earlier(unpacked(vectors))}
    return em.run(em.compile(net, chip), n_ticks, stimulus, engine=engine, timing=False)


NETS = {
    path.stem: [peer for peer in PEERS if f"{peer}_spk_t" in load(path.stem)] for path in FOLDER.glob("net_*")
}


def test_every_kind_of_network_was_run_by_two_peers() -> None:
    kinds = {name.split("_")[1] for name in NETS}
    assert kinds == {"nodelay", "delay", "bias", "refractory"} and len(NETS) == 10
    assert all(len(peers) >= 2 for peers in NETS.values())


@pytest.mark.parametrize(("name", "peer"), [(name, peer) for name in sorted(NETS) for peer in NETS[name]])
def test_recurrent_networks_equal_every_peer_under_its_policy(
    name: str, peer: str, engine: str, wide: em.ChipSpec
) -> None:
    vectors = load(name)
    assert vectors["peers_agree"] == 1
    result = run_net(vectors, engine, under(wide, peer), ROUNDING[peer])
    assert np.array_equal(result.probe("net", "u"), vectors["u"])
    assert np.array_equal(result.probe("net", "v"), vectors["v"])
    expected = np.stack([vectors[f"{peer}_spk_t"], vectors[f"{peer}_spk_n"]], axis=1).astype(np.int64)
    expected = expected[np.lexsort((expected[:, 1], expected[:, 0]))]
    assert np.array_equal(result.spikes("net"), expected)


def test_spikes_on_the_real_chip_layout_equal_those_with_limits_lifted(engine: str) -> None:
    vectors = load("net_delay_06")
    on_chip = run_net(vectors, engine, em.load_chip("loihi"))
    assert np.array_equal(on_chip.probe("net", "v"), vectors["v"])


@pytest.mark.skipif(not SILICON.exists(), reason="the recording of the chip is not beside the repository")
def test_the_voltage_register_is_that_of_a_real_chip_in_every_tick(engine: str) -> None:
    # one neuron of the NIR paper (Pedersen et al. 2024), its register read from a physical Loihi by a probe
    with np.load(SILICON) as file:
        given, register, fired = (file[name] for name in ("input", "loihi_v", "loihi_spikes"))
    assert len(register) == 1000 and fired.any()
    net = em.Network("silicon")
    source = net.add_source("in", 1)
    neuron = net.add_population("lif", 1, em.LoihiCuba(du=4095, dv=163, vth_mant=25, refractory=1))
    net.connect(source, neuron, [[10]], synapse=em.LoihiSynapse(w_exp=0))
    net.probe(neuron, "v", raw=True)
    raster = given.astype(bool)[:, np.newaxis]
    result = em.run(em.compile(net, em.load_chip("loihi")), 1000, {"in": raster}, engine=engine)
    assert np.array_equal(result.probe("lif", "v", raw=True)[:, 0], register)
    assert np.array_equal(result.raster("lif")[:, 0], fired != 0)
