"""The digits bench. Its answers are held against the source framework's, its counts against hand arithmetic.

Source: snntorch 1.0.0, accuracy 0.961 on the 360 test images; counts and labels ship with the images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.bench import BENCHES, Outcome, digits
from emulator.bench.digits import IMAGES
from emulator.bench.digits_data import read_digits

N_IMAGES, N_HIDDEN, N_CLASSES = 360, 128, 10
BLOCK = 4  # the spread run takes 4 x 4 tiles from (0, 0)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return digits()


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    with np.load(IMAGES) as file:
        return dict(file)


def n_input_spikes(arrays: dict[str, Any]) -> int:
    return int(np.unpackbits(arrays["x_packed"], axis=-1)[..., : arrays["x_shape"][2]].sum())


def test_the_chip_reads_the_digits_nearly_as_well_as_the_source_framework(outcome: Outcome) -> None:
    assert outcome.numbers["n_images"] == N_IMAGES
    assert outcome.numbers["accuracy"] >= 0.94
    assert outcome.numbers["accuracy_source"] == pytest.approx(0.961, abs=5e-4)
    assert outcome.numbers["agreement"] >= 0.97


def test_packed_and_spread_give_the_same_spikes(outcome: Outcome) -> None:
    packed, spread = outcome.results["packed"], outcome.results["spread"]
    for part in packed.program.symbols.populations:
        assert np.array_equal(packed.spikes(part.name), spread.spikes(part.name))
    assert outcome.numbers["same_spikes"] is True
    assert (outcome.numbers["packed"]["n_cores"], outcome.numbers["packed"]["n_tiles"]) == (1, 1)
    assert (outcome.numbers["spread"]["n_cores"], outcome.numbers["spread"]["n_tiles"]) == (17, 16)


def test_synaptic_operations_are_spikes_times_fan_out(outcome: Outcome, arrays: dict[str, Any]) -> None:
    hidden = outcome.results["packed"].program.symbols.populations[0]
    n_hidden_spikes = len(outcome.results["packed"].spikes(hidden.name))
    expected = n_input_spikes(arrays) * N_HIDDEN + n_hidden_spikes * N_CLASSES
    for run in ("packed", "spread"):
        assert outcome.numbers[run]["counts"]["synaptic_ops"] == expected


def test_the_packed_run_takes_no_hop(outcome: Outcome) -> None:
    assert outcome.numbers["packed"]["per_inference"]["hops"] == 0


def test_the_hops_of_the_spread_run_are_the_distances_of_its_packets(
    outcome: Outcome, arrays: dict[str, Any]
) -> None:
    # an input spike goes from (0, 0) to 16 tiles: 4 * (0 + 1 + 2 + 3) along each axis; hidden neuron i sits
    # on tile i mod 16 of the block and sends to tile (0, 0), where the output is
    counts = outcome.numbers["spread"]["counts"]
    hidden = outcome.results["spread"].program.symbols.populations[0]
    tile = outcome.results["spread"].spikes(hidden.name)[:, 2] % BLOCK**2
    inputs = n_input_spikes(arrays)
    assert counts["host_in"] == 16 * inputs
    assert counts["hop_e"] == counts["hop_n"] == 24 * inputs
    assert counts["hop_w"] == (tile % BLOCK).sum()
    assert counts["hop_s"] == (tile // BLOCK).sum()


def test_an_inference_costs_the_counts_times_the_prices_of_the_chip(outcome: Outcome) -> None:
    # prices of hw_configs/loihi.yaml in pJ, static power 104 mW
    run = outcome.numbers["spread"]
    counts = run["counts"]
    dynamic_pj = (
        35.5 * counts["synaptic_ops_dense"]
        + 33.6 * counts["synaptic_ops_sparse"]
        + 51.2 * counts["update_inactive"]
        + 72.8 * counts["update_active"]
        + 69.3 * counts["spikes"]
        + 111.0 * counts["inject"]
        + 3.0 * (counts["hop_e"] + counts["hop_w"])
        + 4.2 * (counts["hop_n"] + counts["hop_s"])
    )
    per_inference = run["per_inference"]
    assert per_inference["dynamic_j"] == pytest.approx(dynamic_pj * 1e-12 / N_IMAGES, rel=1e-9)
    assert per_inference["static_j"] == pytest.approx(0.104 * run["latency_mean_ps"] * 1e-12, rel=1e-9)
    assert per_inference["energy_j"] == pytest.approx(
        per_inference["dynamic_j"] + per_inference["static_j"], rel=1e-9
    )


def test_what_the_spread_costs_is_spread_against_packed(outcome: Outcome) -> None:
    costs, packed, spread = (outcome.numbers[name] for name in ("spread_costs", "packed", "spread"))
    assert costs["latency_ps"]["difference"] == spread["latency_mean_ps"] - packed["latency_mean_ps"]
    assert costs["packets"]["ratio"] == pytest.approx(
        spread["counts"]["packets"] / packed["counts"]["packets"]
    )
    assert costs["hops"]["ratio"] is None  # packed takes none


def test_the_text_shows_the_numbers_and_a_reading(outcome: Outcome) -> None:
    numbers, text = outcome.numbers, outcome.text
    assert f"{100 * numbers['accuracy']:.1f} % (source framework, in floats: 96.1 %)" in text
    assert "packed, 1 core" in text and "spread, 16 tiles" in text
    assert f"{numbers['spread']['per_inference']['hops']:,.1f}" in text
    assert (
        f"Reading: the same spikes; spreading costs {numbers['spread_costs']['hops']['difference']:,.0f} hops"
        in text
    )


def test_both_engines_answer_and_cost_the_same(tmp_path: Path, arrays: dict[str, Any]) -> None:
    short = {**arrays, "x_packed": arrays["x_packed"][:, :4], "x_shape": np.array([360, 4, 64])}
    short["out_counts_source"] = np.minimum(arrays["out_counts_source"], 4)  # the reference engine is slow
    path = few(tmp_path, short, 1)
    native, reference = (digits(path, engine=engine).numbers for engine in ("native", "reference"))
    assert native == reference


def few(folder: Path, arrays: dict[str, Any], n: int) -> Path:
    """The first n images as a file of the same format."""
    path = folder / "few.npz"
    shape = [n, *arrays["x_shape"][1:]]
    fields = {name: array[:n] for name, array in arrays.items() if name != "x_shape"}
    np.savez(path, x_shape=np.array(shape), **fields)
    return path


def test_other_images_are_taken_in_the_same_format(tmp_path: Path, arrays: dict[str, Any]) -> None:
    numbers = BENCHES["digits"].run(few(tmp_path, arrays, 5), "native", None).numbers
    assert numbers["n_images"] == 5
    assert numbers["accuracy_source"] in {i / 5 for i in range(6)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, r"label is missing: integers \[n_images\]: the digit"),
        ({"x_packed": None, "x_shape": None}, "2 problems"),
        ({"x_shape": np.array([360, 24, 63])}, "x_shape says 63 inputs, the network has 64"),
        ({"x_shape": np.array([360, 0, 64])}, "expected integers of at least 1"),
        ({"x_shape": np.array([360, 24])}, r"x_shape is int64 \[2\]"),
        (
            {"x_shape": np.array([359, 24, 64])},
            r"x_packed is uint8 \[360, 24, 8\], expected uint8 \[359, 24, 8\]",
        ),
        ({"x_packed": np.zeros((360, 24, 8))}, r"x_packed is float64 \[360, 24, 8\]"),
        ({"label": np.zeros(360)}, r"label is float64 \[360\], expected integers \[360\]"),
        ({"label": np.full(360, 10)}, r"label holds 10..10, expected 0..9"),
        ({"out_counts_source": np.zeros((360, 9), int)}, r"expected integers \[360, 10\]"),
        ({"out_counts_source": np.full((360, 10), -1)}, r"out_counts_source holds -1..-1, expected 0..24"),
        ({"label": np.zeros(3, int), "out_counts_source": np.zeros(3, int)}, "2 problems"),
    ],
)
def test_images_that_do_not_fit_are_refused_field_by_field(
    tmp_path: Path, arrays: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    changed = {name: array for name, array in {**arrays, **changes}.items() if array is not None}
    path = tmp_path / "bad.npz"
    np.savez(path, **changed)
    with pytest.raises(em.ImageError, match=message) as found:
        read_digits(path, 64, N_CLASSES)
    assert all("bad.npz" in problem for problem in found.value.problems)


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"not a zip file")
    with pytest.raises(em.ImageError, match=r"x\.npz: not a sound \.npz file"):
        read_digits(tmp_path / "x.npz", 64, N_CLASSES)
    with pytest.raises(em.ImageError, match=r"expected a \.npz file"):
        read_digits(tmp_path / "x.txt", 64, N_CLASSES)


@pytest.fixture(scope="module")
def on_crossbars() -> Outcome:
    return digits(chip="truenorth", n_samples=40)


def test_crossbars_read_the_digits_nearly_as_well_in_one_run(on_crossbars: Outcome) -> None:
    numbers = on_crossbars.numbers
    assert numbers["accuracy"] >= 0.925 and numbers["agreement"] >= 0.925
    assert set(on_crossbars.results) == {"packed"}
    assert numbers["spread"] is numbers["spread_costs"] is numbers["same_spikes"] is None
    assert "places crossbar cores whole" in numbers["spread_left_out"]
    assert "spreads the network over the mesh is left out" in on_crossbars.text


def test_an_inference_on_crossbars_takes_its_ticks_and_costs_counts_times_prices(
    on_crossbars: Outcome,
) -> None:
    # prices of hw_configs/truenorth.yaml in pJ, 30 mW static, ticks of 1 ms
    run, n_ticks = on_crossbars.numbers["packed"], on_crossbars.numbers["n_ticks"]
    counts, each = run["counts"], run["per_inference"]
    dynamic_pj = (
        1.46 * counts["synaptic_ops_dense"]
        + 25.3 * (counts["update_active"] + counts["update_inactive"])
        + counts["inject"]
        + counts["axon_in"]
        + 0.4 * (counts["hop_e"] + counts["hop_w"])
        + 0.7 * (counts["hop_n"] + counts["hop_s"])
    )
    assert each["dynamic_j"] == pytest.approx(dynamic_pj * 1e-12 / 40, rel=1e-9)
    assert each["static_j"] == pytest.approx(0.030 * n_ticks * 1e-3, rel=1e-9)
    assert run["latency_mean_ps"] == run["latency_max_ps"] == n_ticks * 10**9
    assert run["clock"]["n_timed_samples"] == 16 and run["clock"]["n_overruns"] == 0
    assert 0 < run["clock"]["done_max_ps"] < 10**9


def test_what_the_rewrites_did_and_were_tuned_on_is_told(on_crossbars: Outcome) -> None:
    numbers, text = on_crossbars.numbers, on_crossbars.text
    weights = [row for row in numbers["rewrites"] if row["name"] == "weights"]
    assert [row["exact"] for row in weights] == [False, False]
    assert all(f"{row['sqnr_db']:.1f} dB" in text for row in weights)
    assert "were tuned on the very samples of this bench" in text
    copies = numbers["packed"]["added"]["copies"]
    assert copies > 0 and f"{copies} copies" in text
    network = sum(part.n for part in on_crossbars.results["packed"].program.symbols.populations)
    assert on_crossbars.results["packed"].program.image.n_slots == network + copies


def test_both_engines_answer_and_cost_the_same_on_crossbars(tmp_path: Path, arrays: dict[str, Any]) -> None:
    short = {**arrays, "x_packed": arrays["x_packed"][:, :3], "x_shape": np.array([360, 3, 64])}
    short["out_counts_source"] = np.minimum(arrays["out_counts_source"], 3)  # the reference engine is slow
    path = few(tmp_path, short, 1)
    native, reference = (
        digits(path, engine=engine, chip="truenorth").numbers for engine in ("native", "reference")
    )
    assert native == reference
