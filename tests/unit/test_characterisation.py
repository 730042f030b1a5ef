"""The characterisation bench: its networks, its points by hand, every refusal, and its pictures."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.bench.characterisation import Sweep, characterisation, tiles_of
from emulator.bench.characterisation_network import Characterisation, described, network_of
from emulator.report.rate_maps import Map, Mark, draw_maps

PNG = b"\x89PNG\r\n\x1a\n"


def simulated(given: Characterisation, n_ticks: int) -> tuple[list[int], list[int]]:
    """Spikes and synaptic operations of each tick, by the chip's rules in plain numpy."""
    n_cores = given.n_cores
    bits = np.stack([given.crossbar(core) for core in range(n_cores)]).astype(np.int64)
    weights = bits * np.where(given.axon_types == 0, 2, -2)[:, None]
    due = np.zeros((16, n_cores, 256), dtype=np.int64)
    v = given.v0.astype(np.int64)
    spikes, operations = [], []
    for tick in range(n_ticks):
        active = due[tick % 16].copy()
        due[tick % 16] = 0
        operations.append(int((active[:, :, None] * bits).sum()))
        v += np.einsum("ca,can->cn", active, weights) + given.leak
        fired = v >= given.alpha
        v = np.where(fired, v - given.alpha, np.where(v < -given.alpha, v + given.alpha, v))
        spikes.append(int(fired.sum()))
        when = (tick + given.delay[fired].astype(np.int64)) % 16
        due[when, given.target_core[fired], given.target_axon[fired]] = 1
    return spikes, operations


@pytest.mark.parametrize("n_synapses", [0, 1, 5, 128, 256])
def test_every_neuron_has_its_synapses_half_of_them_exciting(n_synapses: int) -> None:
    given = described(9, 0.02, n_synapses, seed=3)  # more cores than crossbars that are drawn
    for core in range(given.n_cores):
        crossbar = given.crossbar(core)
        assert (crossbar.sum(axis=0) == n_synapses).all()
        assert (crossbar[given.axon_types == 0].sum(axis=0) == -(-n_synapses // 2)).all()
    if n_synapses == 128:
        assert len({given.rows[core].tobytes() for core in range(9)}) == 9


def test_every_axon_is_the_target_of_one_neuron_after_1_to_15_ticks() -> None:
    given = described(4, 0.02, 8, seed=1)
    target = given.target_core.astype(int) * 256 + given.target_axon
    assert np.array_equal(np.sort(target, axis=None), np.arange(4 * 256))
    assert set(np.unique(given.delay)) == set(range(1, 16))


def test_a_sweep_changes_neither_targets_nor_delays() -> None:
    slow, fast = described(2, 0.01, 8, seed=5), described(2, 0.2, 200, seed=5)
    other = described(2, 0.01, 8, seed=6)
    for name in ("target_core", "target_axon", "delay"):
        assert np.array_equal(getattr(slow, name), getattr(fast, name))
        assert not np.array_equal(getattr(slow, name), getattr(other, name))
    assert (slow.alpha, fast.alpha) == (2000, 100)  # leak 20
    assert (slow.rows == described(2, 0.01, 8, seed=5).rows).all()


def test_without_a_rate_nothing_ever_fires() -> None:
    given = described(1, 0.0, 256)
    assert given.leak == 0 and given.v0.max() < given.alpha


@pytest.mark.parametrize(("rate", "n_synapses"), [(0.02, 128), (0.2, 255)])
def test_the_network_runs_as_numpy_has_it(engine: str, rate: float, n_synapses: int) -> None:
    given, chip, n_ticks = described(4, rate, n_synapses, seed=7), em.load_chip("truenorth"), 24
    program = em.compile(network_of(given, tiles_of(chip, 2), record_spikes=True), chip)
    result = em.run(program, n_ticks, engine=engine, timing=False)
    spikes, operations = simulated(given, n_ticks)
    rasters = [result.raster(f"c{core}").sum(axis=1) for core in range(4)]
    assert np.sum(rasters, axis=0).tolist() == spikes
    table = result.energy.table("tick")
    assert [row["spikes"] for row in table] == spikes
    assert [row["synaptic_ops_dense"] for row in table] == operations


def test_some_cores_are_spread_over_the_chip() -> None:
    chip = em.load_chip("truenorth")
    assert tiles_of(chip, 2) == [(0, 0), (32, 0), (0, 32), (32, 32)]
    assert len(set(tiles_of(chip, 64))) == chip.n_cores


def test_a_silent_chip_evaluates_its_neurons_and_leaks() -> None:
    (row,) = characterisation(Sweep([0], [256], side=2, n_ticks=3)).numbers["rows"]
    # 2**20 neurons of 25.3 pJ every ms, and 30 mW
    assert row["power_w"] == pytest.approx(2**20 * 25.3e-12 * 1000 + 0.030)
    assert (row["spikes"], row["synaptic_ops"], row["gsops"], row["gsops_per_w"]) == (0, 0, 0.0, 0.0)


def test_a_busy_chip_is_priced_by_hand() -> None:
    n_ticks, neurons = 100, 4 * 256
    (row,) = characterisation(Sweep([200], [256], side=2, n_ticks=n_ticks)).numbers["rows"]
    assert row["measured_hz"] == pytest.approx(200, rel=0.02)
    assert row["measured_hz"] == pytest.approx(row["spikes"] / neurons / 0.1)
    # a full crossbar: 256 operations for each spike, which comes 1..15 ticks after it was fired
    assert row["synaptic_ops"] == pytest.approx(256 * row["spikes"], rel=0.02)
    ops_w = 1024 * row["synaptic_ops"] * 1.46e-12 / 0.1  # 4,096 cores for 4
    assert row["power_w"] > 0.0565 + ops_w
    assert row["power_w"] == pytest.approx(0.0565 + ops_w, rel=0.05)  # the packets
    assert row["gsops"] == pytest.approx(1024 * row["synaptic_ops"] / 0.1 / 1e9)
    assert row["gsops_per_w"] == pytest.approx(row["gsops"] / row["power_w"])


def test_the_published_points_come_out_within_10_per_cent() -> None:
    anchors = characterisation(Sweep([20, 200], [128, 256], side=4)).numbers["anchors"]
    # Merolla et al. 2014, Akopyan et al. 2015
    published = [(20.0, 128, 0.065), (20.0, 128, 46.0), (200.0, 256, 400.0)]
    assert [(a["rate_hz"], a["synapses"], a["published"]) for a in anchors] == published
    for anchor in anchors:
        assert abs(anchor["deviation"]) < 0.1
        assert anchor["deviation"] == pytest.approx(anchor["measured"] / anchor["published"] - 1)


def test_points_are_measured_once_in_order_and_progress_is_told() -> None:
    told: list[Any] = []
    outcome = characterisation(
        Sweep([20, 0, 20], [2, 1], side=1, n_ticks=1), progress=lambda *step: told.append(step)
    )
    grid = [(0, 1), (0, 2), (20, 1), (20, 2)]
    assert [(row["rate_hz"], row["synapses"]) for row in outcome.numbers["rows"]] == grid
    assert told[0] == ("0 Hz, 1 synapse", 0, 4) and told[-1] == ("20 Hz, 2 synapses", 3, 4)
    assert [anchor["measured"] for anchor in outcome.numbers["anchors"]] == [None] * 3
    assert "not among the rates and synapses of this sweep" in outcome.text
    assert outcome.pictures[0][1]().startswith(PNG)


def test_engines_and_threads_give_the_same_numbers() -> None:
    sweep = Sweep([100], [16], side=2, n_ticks=20, seed=4)
    native = characterisation(sweep).numbers
    assert native == characterisation(sweep, threads=2).numbers
    assert native == characterisation(sweep, engine="reference").numbers


def test_a_chip_that_costs_nothing_has_no_efficiency(tmp_path: Any) -> None:
    free = tmp_path / "free.yaml"
    prices = "\n".join(f"  {name}: 0" for name in type(em.load_chip("tiny").energy_pj).model_fields)
    words = "description: nothing costs anything\nreal_chip: false\n"
    free.write_text(f"inherits: truenorth\nname: free\n{words}static_power_mw: 0\nenergy_pj:\n{prices}\n")
    outcome = characterisation(Sweep([20], [128], side=1, n_ticks=20), chip=str(free))
    assert outcome.numbers["rows"][0]["gsops_per_w"] is None
    assert outcome.numbers["anchors"][1]["deviation"] is None
    assert outcome.pictures[0][1]().startswith(PNG)


REFUSED = {
    "a rate above the clock's": ({"rates_hz": [20, 1001]}, "rates: 1001 Hz is none: give 0, or"),
    "a rate below the largest threshold's": ({"rates_hz": [0.05]}, r"0.05 Hz is none: give 0, or 0.0763\.\."),
    "a rate that is no number": ({"rates_hz": [float("nan")]}, "nan Hz is none"),
    "no rates": ({"rates_hz": []}, "rates: none given"),
    "too many synapses": ({"synapses": [257]}, r"synapses: 257 is none: a neuron has 0\.\.256"),
    "half a synapse": ({"synapses": [0.5]}, "synapses: 0.5 is none"),
    "no synapses at all": ({"synapses": []}, "synapses: none given: give some, or leave them out"),
    "too many cores": ({"side": 65}, r"side 65: chip 'truenorth' has 64 x 64 tiles: give 1\.\.64"),
    "no cores": ({"side": 0}, "side 0"),
    "no ticks": ({"n_ticks": 0}, "ticks 0: must be an integer from 1 up"),
    "a negative seed": ({"seed": -1}, "seed -1: must be an integer from 0 up"),
    "flags": ({"side": True, "seed": True}, "side True"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_sweep_that_cannot_be_is_refused(case: str) -> None:
    given, words = REFUSED[case]
    with pytest.raises(em.SimulationError, match=words):
        characterisation(dataclasses.replace(Sweep(), **given))


def test_all_that_is_wrong_with_a_sweep_is_said_at_once() -> None:
    with pytest.raises(em.SimulationError) as caught:
        characterisation(Sweep([-1], [-1], side=0, n_ticks=0, seed=-1))
    assert len(caught.value.problems) == 5


def test_a_chip_without_crossbars_is_refused() -> None:
    with pytest.raises(em.SimulationError, match=r"chip 'loihi': cores.model 'cuba', domain 'barrier'"):
        characterisation(chip="loihi")


def test_the_lowest_rate_that_is_offered_can_be_run() -> None:
    (row,) = characterisation(Sweep([0.0763], [1], side=1, n_ticks=1)).numbers["rows"]
    assert row["rate_hz"] == 0.0763


ramp = np.outer(np.arange(12.0), np.arange(12.0))


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    "values", [ramp, ramp[:3, :3], np.zeros((2, 2)), np.zeros((12, 12)), ramp[:1], np.ones((1, 1))]
)
def test_maps_of_any_size_and_values_are_drawn(values: Any, log: bool) -> None:
    n_rows, n_columns = values.shape
    marks = (Mark(n_columns - 1, n_rows - 1, "here"),)
    words = [str(n) for n in range(n_columns)], [str(n) for n in range(n_rows)]
    drawn = draw_maps((Map("a", "W", values, marks, log),) * 2, words, ("x", "y"), ("headline", "below"))
    assert drawn.startswith(PNG)
