"""Spikes, u and v of public Loihi emulators, bit for bit.

The vectors are outputs of brian2-loihi 0.5.2, nengo-loihi 1.1.0 and lava-nc 0.10.0, unmodified, all run
from one scenario file. Their rows count by arrival: an input of row t is felt in tick t, so it is given as a
source spike of tick t - 1, and their delay d is `delay_ticks = d + 1`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em

FOLDER = Path(__file__).parent / "loihi"
PEERS = ("brian", "nengo", "lava")
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


def run_single(vectors: dict[str, Any], engine: str, chip: em.ChipSpec) -> em.Result:
    """Every row of a suite as one compartment of one population, with four inputs of its own."""
    n, n_inputs = vectors["w_mant"].shape
    net = em.Network("single")
    model = em.LoihiCuba(
        du=vectors["du"],
        dv=vectors["dv"],
        vth_mant=vectors["vth_mant"],
        bias_mant=vectors["bias_mant"],
        bias_exp=vectors["bias_exp"],
        refractory=vectors["refr"],
    )
    felt = unpacked(vectors)
    sources = [net.add_source(f"in{row}", n_inputs) for row in range(n)]
    population = net.add_population("rows", n, model)
    for row, source in enumerate(sources):
        mantissas = em.Triplets(range(n_inputs), [row] * n_inputs, vectors["w_mant"][row])
        synapse = em.LoihiSynapse(
            w_exp=int(vectors["w_exp"][row]),
            weight_bits=int(vectors["nbits"][row]),
            sign_mode=SIGN_MODE[int(vectors["mode"][row])],
        )
        net.connect(source, population, mantissas, synapse=synapse)
    net.probe(population, "u")
    net.probe(population, "v")
    stimulus = {f"in{row}": sent_a_tick_earlier(felt[row]) for row in range(n)}
    return em.run(em.compile(net, chip), felt.shape[1], stimulus, engine=engine, timing=False)


@pytest.mark.parametrize("suite", ["single_common", "single_bias"])
def test_single_compartments_equal_every_peer(suite: str, engine: str, wide: em.ChipSpec) -> None:
    vectors = load(suite)
    result = run_single(vectors, engine, wide)
    u, v, fired = result.probe("rows", "u"), result.probe("rows", "v"), result.raster("rows")
    compared = 0
    for peer in PEERS:
        for place, row in enumerate(vectors.get(f"{peer}_rows", [])):
            assert np.array_equal(u[:, row], vectors[f"{peer}_u"][place]), (peer, row)
            assert np.array_equal(v[:, row], vectors[f"{peer}_v"][place]), (peer, row)
            assert np.array_equal(fired[:, row], vectors[f"{peer}_s"][place] != 0), (peer, row)
            compared += 1
    assert compared >= 2 * len(vectors["id"])  # each row was run by two peers at least


def run_net(vectors: dict[str, Any], engine: str, chip: em.ChipSpec) -> em.Result:
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
    net.connect(source, population, into)
    net.connect(population, population, within)
    net.probe(population, "u")
    net.probe(population, "v")
    stimulus = {"in": sent_a_tick_earlier(unpacked(vectors))}
    return em.run(em.compile(net, chip), n_ticks, stimulus, engine=engine, timing=False)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("net_*.npz")))
def test_recurrent_networks_equal_every_peer(name: str, engine: str, wide: em.ChipSpec) -> None:
    vectors = load(name)
    assert vectors["peers_agree"] == 1
    result = run_net(vectors, engine, wide)
    assert np.array_equal(result.probe("net", "u"), vectors["u"])
    assert np.array_equal(result.probe("net", "v"), vectors["v"])
    peers = [peer for peer in PEERS if f"{peer}_spk_t" in vectors]
    assert len(peers) >= 2
    for peer in peers:
        expected = np.stack([vectors[f"{peer}_spk_t"], vectors[f"{peer}_spk_n"]], axis=1).astype(np.int64)
        expected = expected[np.lexsort((expected[:, 1], expected[:, 0]))]
        assert np.array_equal(result.spikes("net"), expected), peer


def test_spikes_on_the_real_chip_layout_equal_those_with_limits_lifted(engine: str) -> None:
    vectors = load("net_delay_06")
    on_chip = run_net(vectors, engine, em.load_chip("loihi"))
    assert np.array_equal(on_chip.probe("net", "v"), vectors["v"])
