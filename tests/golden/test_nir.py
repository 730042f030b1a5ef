"""NIR networks against the expected spikes of a float64 interpreter and of the frameworks that trained them.

`exact_*`: made by hand on binary grids; every spike of every spiking node is known, from a numpy float64
interpreter that is spike-exact against snntorch 1.0.0 and sinabs 3.1.3. `digits_*`: trained in snntorch
1.0.0 or sinabs 3.1.3, with the output spike counts it gave for 360 test images. `paper_*`: networks of the
NIR paper (Pedersen et al. 2024), trained by its authors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import bench

pytest.importorskip("h5py")

FOLDER = Path(__file__).parent / "nir"
PAPER = Path(__file__).parents[3] / "shared" / "goldens" / "nir_paper"
DIGITS = {
    "digits_mlp_lif": Path(bench.__file__).parent / "data",  # ships with the demo
    "digits_mlp_cubalif": FOLDER,
    "digits_cnn_if_sinabs": FOLDER,
}
RESETS = {
    name: "subtract" for name in ("digits_cnn_if_sinabs", "exact_conv2d_groups_dilation", "paper_cnn_sinabs")
}
EXACT = (
    "exact_rnn_flat",
    "exact_rnn_nested",
    "exact_lif_hetero",
    "exact_conv2d_groups_dilation",
    "exact_delay_coincidence",
)
ACCURACY = {"digits_mlp_lif": 0.9611, "digits_mlp_cubalif": 0.9611, "digits_cnn_if_sinabs": 0.975}
DIGITS_DT_S = 1e-4


def load(folder: Path, name: str) -> dict[str, Any]:
    with np.load(folder / f"{name}.npz") as file:
        return dict(file)


def compiled(folder: Path, name: str, dt_s: float) -> tuple[em.Network, em.Program]:
    net = em.from_nir(folder / f"{name}.nir", dt_s=dt_s, reset=RESETS.get(name, "v_reset"))
    return net, em.compile(net, em.load_chip("loihi"))


def run_padded(net: em.Network, program: em.Program, inputs: np.ndarray, engine: str) -> em.Result:
    """A batch [n_samples, n_steps, n], with the ticks added that the deepest layer runs late."""
    late = max(population.start_tick for population in net.populations)
    flat = inputs.astype(bool).reshape(*inputs.shape[:2], -1)
    raster = np.pad(flat, ((0, 0), (0, late), (0, 0)))
    stimulus = {net.sources[0].name: raster}
    return em.run(program, raster.shape[1], stimulus, batch=len(raster), engine=engine, timing=False)


@pytest.mark.parametrize("name", EXACT)
def test_every_spike_is_that_of_the_file_a_constant_shift_later(name: str, engine: str) -> None:
    expected = load(FOLDER, name)
    net, program = compiled(FOLDER, name, json.loads((FOLDER / f"{name}.json").read_text())["dt"])
    result = run_padded(net, program, expected["in/input"], engine)
    for population in net.populations:
        known = expected[f"out/{population.name}"].astype(bool)
        known = known.reshape(*known.shape[:2], -1)
        start, n_steps = population.start_tick, known.shape[1]
        raster = result.raster(population.name)
        assert known.any() and np.array_equal(raster[:, start : start + n_steps], known), population.name
        assert not raster[:, :start].any(), population.name


@pytest.mark.parametrize("name", EXACT)
def test_networks_on_binary_grids_are_quantised_without_loss(name: str) -> None:
    _, program = compiled(FOLDER, name, 1e-3)
    for row in program.stats["quantisation"]:
        assert row["sqnr_db"] is None
        lossless = ("threshold_error", "bias_error", "decay_error_mem", "n_clipped", "start_residual_lsb")
        assert [row[key] for key in lossless] == [0, 0, 0, 0, 0], row["name"]


def test_the_populations_are_named_as_in_the_file_and_say_how_late_they_run() -> None:
    net = em.from_nir(FOLDER / "exact_rnn_nested.nir", dt_s=1e-3)
    assert [(source.name, source.n) for source in net.sources] == [("input", 8)]
    assert [(p.name, p.n, p.start_tick, p.to_host) for p in net.populations] == [("rnn.lif", 16, 1, True)]
    net = em.from_nir(FOLDER / "exact_lif_hetero.nir", dt_s=1e-3)
    found = [(p.name, p.n, p.start_tick, p.to_host) for p in net.populations]
    assert found == [("lif", 24, 1, False), ("lif2", 6, 2, True)]


def digit_rasters(vectors: dict[str, Any]) -> np.ndarray:
    """[n_images, n_steps, n_pixels]."""
    return np.unpackbits(vectors["x_packed"], axis=-1)[..., : vectors["x_shape"][-1]]


@pytest.mark.parametrize("name", DIGITS)
def test_trained_networks_read_digits_as_their_source_framework_does(name: str) -> None:
    vectors = load(DIGITS[name], name)
    net, program = compiled(DIGITS[name], name, DIGITS_DT_S)
    result = run_padded(net, program, digit_rasters(vectors), "native")
    output = next(population for population in net.populations if population.to_host)
    answer = result.spike_counts(output.name).argmax(axis=1)
    source_answer = vectors["out_counts_source"].argmax(axis=1)
    assert (source_answer == vectors["label"]).mean() == pytest.approx(ACCURACY[name], abs=1e-4)  # published
    assert (answer == vectors["label"]).mean() >= ACCURACY[name] - 0.02
    assert (answer == source_answer).mean() >= 0.97
    assert not result.raster(output.name)[:, : output.start_tick].any()


@pytest.mark.parametrize("name", DIGITS)
def test_both_engines_read_the_same_digits(name: str) -> None:
    vectors = load(DIGITS[name], name)
    net, program = compiled(DIGITS[name], name, DIGITS_DT_S)
    native, reference = (
        run_padded(net, program, digit_rasters(vectors)[:2], engine) for engine in ("native", "reference")
    )
    for population in net.populations:
        spikes = native.spikes(population.name)
        assert len(spikes) and np.array_equal(spikes, reference.spikes(population.name))


@pytest.mark.skipif(not PAPER.is_dir(), reason="the files of the NIR paper are not here")
@pytest.mark.parametrize("name", ["paper_braille_rsnn", "paper_cnn_sinabs"])
def test_networks_of_the_nir_paper_spike_as_often_and_answer_the_same(name: str) -> None:
    expected = load(PAPER, name)
    net, program = compiled(PAPER, name, json.loads((PAPER / f"{name}.json").read_text())["dt"])
    result = run_padded(net, program, expected["in/input"], "native")
    for population in net.populations:
        known = expected[f"out/{population.name}"]
        start, n_steps = population.start_tick, known.shape[1]
        known = known.reshape(len(known), n_steps, -1).sum(axis=1)
        counts = result.raster(population.name)[:, start : start + n_steps].sum(axis=1)
        assert counts.sum() == pytest.approx(known.sum(), rel=0.02), population.name
        if population.to_host:
            assert np.array_equal(counts.argmax(axis=1), known.argmax(axis=1))


@pytest.mark.skipif(not PAPER.is_dir(), reason="the files of the NIR paper are not here")
def test_a_neuron_of_the_nir_paper_fires_in_the_steps_that_most_of_its_platforms_do() -> None:
    expected = load(PAPER, "paper_lif_norse")
    net, program = compiled(PAPER, "paper_lif_norse", 1e-4)
    raster = expected["input"].astype(bool).reshape(1, -1, 1)
    result = run_padded(net, program, raster, "native")
    (population,) = net.populations
    steps = result.spikes(population.name)[:, 1] - population.start_tick
    assert steps.tolist() == [460, 510, 710, 760] == np.flatnonzero(expected["exact_spikes"]).tolist()
