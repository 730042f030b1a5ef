"""The claims about energy: the network they run on, crossings, and what each bench must find.

Known answers are hand arithmetic on chip tiny, whose prices are small whole numbers, or on curves made up
here; spikes are held against a dense evaluation in numpy that knows no chip.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.bench.crossing import (
    CHIP_ERROR,
    Curve,
    Machine,
    crossing_ends,
    crossing_of,
    curve_of,
    sensitivity,
)
from emulator.bench.energy_vs_neurons import NeuronSweep, energy_vs_neurons
from emulator.bench.energy_vs_spikes import SpikeSweep, energy_vs_spikes, run_layers, spikes_by_tick
from emulator.bench.layers import SOURCE, Layers, clocked_spikes, compiled, network_of, raster_of
from emulator.bench.local_memory import Computation, local_memory, weight_bytes
from emulator.bench.outcome import Outcome
from emulator.bench.spending import TRANSMISSION, UPDATES, line_fit, spending, transmission_aj
from emulator.energy import PRICE_OF
from emulator.formats import load_baseline

SMALL = Layers(depth=2, width=8)
SPIKES = SpikeSweep((10.0, 100.0, 1000.0), 200, SMALL)
NEURONS = NeuronSweep((0.0, 10.0, 100.0, 1000.0), (1, 2, 4), 100, Layers(width=16))
CHIPS = ("tiny", "loihi", "truenorth")


@pytest.fixture(scope="module")
def against_spikes() -> Outcome:
    return energy_vs_spikes(SPIKES, chips=CHIPS)


@pytest.fixture(scope="module")
def against_neurons() -> Outcome:
    return energy_vs_neurons(NEURONS, chips=("loihi", "truenorth"))


@pytest.fixture(scope="module")
def memory() -> Outcome:
    return local_memory(Computation(50.0, 100, Layers(depth=2, width=32)))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("layers", [SMALL, Layers(depth=3, width=12, density=0.4, seed=3)])
def test_the_same_neurons_fire_on_every_chip_as_in_a_dense_evaluation(
    chip: str, layers: Layers, engine: str
) -> None:
    raster = raster_of(layers, 0.3, 60)
    result = run_layers(compiled(layers, em.load_chip(chip)), raster, engine)
    expected = clocked_spikes(layers, raster)
    assert spikes_by_tick(result).tolist() == expected.sum(axis=1).tolist()
    rows = {row["population"]: row["spikes"] for row in result.energy.table("population")}
    assert [rows[name] for name in layers.names] == expected.sum(axis=0).tolist()
    assert expected.any(axis=0).all()


def test_a_dense_evaluation_adds_up_fires_and_starts_again_from_nothing() -> None:
    # one neuron, weight 2, threshold 2: it fires a tick after each input, and the next layer a tick later
    raster = np.array([[1], [0], [1], [1], [0], [0]], dtype=bool)
    assert clocked_spikes(Layers(depth=2, width=1), raster).T.tolist() == [
        [0, 1, 0, 1, 1, 0],
        [0, 0, 1, 0, 1, 1],
    ]


def test_a_layer_fires_at_the_rate_of_the_inputs() -> None:
    layers = Layers(depth=2, width=32)
    raster = np.ones((50, 32), dtype=bool)
    assert clocked_spikes(layers, raster).tolist()[2:] == [[32, 32]] * 48


def test_more_of_the_same_inputs_spike_at_a_higher_rate() -> None:
    low, high = raster_of(SMALL, 0.1, 500), raster_of(SMALL, 0.3, 500)
    assert (low <= high).all() and low.mean() == pytest.approx(0.1, abs=0.02)


def test_layers_on_a_mesh_have_a_way_to_go() -> None:
    program = compiled(Layers(depth=4, width=8), em.load_chip("loihi"))
    assert program.image.core_id.tolist() == [0, 32, 64, 96]  # every 8th of 32 tiles, four cores each


def test_every_priced_event_is_either_transmission_or_an_update() -> None:
    transmission = [event for events in TRANSMISSION.values() for event in events]
    assert sorted([*transmission, *UPDATES]) == sorted(PRICE_OF)


def test_the_spending_of_a_run_is_the_one_added_up_by_hand(engine: str) -> None:
    # Chip tiny, one neuron on each of 2 tiles of 2 x 2: (0, 0) and (0, 1). An input spike in tick 0 makes the
    # first fire in tick 1, the second in tick 2. Transmission: 2 spikes at 3 pJ, 2 packets at 4 (one to the
    # host), 2 axons in at 0.5, 2 synapses in dense lists at 0.25, a hop north and a hop
    # back south, to the host, at 2.5: 6 + 8 + 1 + 0.5 + 5 = 20.5 pJ. Updates: active are the first in ticks 1
    # and 2, the second in 2 and 3, as a current decays a tick later: 4 inactive at 1, 4 active at 2: 12 pJ
    layers = Layers(depth=2, width=1)
    program = compiled(layers, em.load_chip("tiny"))
    raster = np.array([[1], [0], [0], [0]], dtype=bool)
    ledger = em.run(program, 4, {SOURCE: raster}, engine=engine).energy
    assert ledger.counts["hop_n"] == ledger.counts["hop_s"] == 1
    assert transmission_aj(ledger) == 20_500_000
    spent = spending(ledger)
    assert spent["transmission_parts_j"] == pytest.approx(
        {"fire": 6e-12, "send": 8e-12, "move": 5e-12, "receive": 1e-12, "synapses": 0.5e-12}
    )
    assert spent["update_j"] == pytest.approx(12e-12)
    assert spent["dynamic_j"] == pytest.approx(32.5e-12) == spent["transmission_j"] + spent["update_j"]


def test_a_line_is_fitted_and_how_well_it_holds() -> None:
    x = np.array([0.0, 1.0, 2.0])
    assert line_fit(x, 3 * x + 1) == pytest.approx({"slope": 3, "intercept": 1, "r2": 1})
    # 0, 1, 0: slope 0, mean 1/3; nothing of the spread is explained
    assert line_fit(x, np.array([0.0, 1.0, 0.0]))["r2"] == pytest.approx(0, abs=1e-12)
    assert line_fit(x, np.array([2.0, 2.0, 2.0]))["r2"] == 1


def test_transmission_is_proportional_to_spikes_and_nothing_without(against_spikes: Outcome) -> None:
    numbers = against_spikes.numbers
    assert numbers["as_clocked"] is True
    assert [chip["chip"] for chip in numbers["chips"]] == list(CHIPS)
    for chip in numbers["chips"]:
        fit, (silent, *fired) = chip["fit"], chip["rows"]
        assert silent["rate_hz"] == 0 == silent["transmitted"] and silent["transmission_aj"] == 0
        assert chip["silence_transmission_aj"] == 0
        assert fit["r2"] > 0.999 and 0.97 < fit["exponent"] < 1.03
        assert abs(fit["intercept_j"]) < 0.1 * fired[-1]["transmission_j"]
        for row in fired:
            assert sum(row["transmission_parts_j"].values()) == pytest.approx(row["transmission_j"])
            assert row["transmission_j"] + row["update_j"] == pytest.approx(row["dynamic_j"])


def test_a_spike_costs_more_where_its_packets_go_farther(against_spikes: Outcome) -> None:
    # the same spikes on Loihi with links for which a hop costs a thousandth
    loihi = next(chip for chip in against_spikes.numbers["chips"] if chip["chip"] == "loihi")
    raster = raster_of(SMALL, 0.1, SPIKES.n_ticks)
    cheap = em.load_chip("loihi").replace({"energy_pj.hop_ew": 0.003, "energy_pj.hop_ns": 0.0042})
    ledger = run_layers(compiled(SMALL, cheap), raster, "native").energy
    row = next(row for row in loihi["rows"] if row["rate_hz"] == 100)
    assert row["hops"] > 0
    saved = row["transmission_j"] - transmission_aj(ledger) / 1e18
    assert saved == pytest.approx(0.999 * row["transmission_parts_j"]["move"])


def test_both_engines_find_the_same() -> None:
    sweep = replace(SPIKES, n_ticks=40, rates_hz=(100.0, 1000.0))
    native, reference = (
        energy_vs_spikes(sweep, engine, chips=("tiny",)) for engine in ("native", "reference")
    )
    assert native.numbers == reference.numbers


def test_the_text_tells_slope_fit_and_silence(against_spikes: Outcome) -> None:
    text = against_spikes.text
    assert "Each neuron fired in the same ticks as in a dense evaluation" in text
    assert "transmission costs 0 J, exactly" in text and "R2 of the line" in text
    assert "On truenorth" in text and "Reading: a spike costs the same" in text


CURVE = (np.array([0.0, 0.5, 1.0]), np.array([2.0, 4.0, 10.0]))


@pytest.mark.parametrize(
    ("baseline_j", "verdict", "activity"),
    [
        (1.0, "never", 0.0),
        (2.0, "never", 0.0),
        (3.0, "below", 0.25),
        (4.0, "below", 0.5),
        (7.0, "below", 0.75),
        (10.0, "always", 1.0),
        (11.0, "always", 1.0),
    ],
)
def test_a_crossing_lies_where_the_chip_takes_as_much(
    baseline_j: float, verdict: str, activity: float
) -> None:
    assert crossing_of(CURVE, baseline_j) == {"verdict": verdict, "activity": activity}


@pytest.fixture(scope="module")
def pair() -> tuple[Curve, Machine]:
    layers = Layers(depth=1, width=16)
    chip = em.load_chip("loihi")
    program = compiled(layers, chip)
    results = [run_layers(program, raster_of(layers, p, 100), "native") for p in (0.0, 0.1, 0.5, 1.0)]
    # 8 nJ to move 256 bytes of weights from HBM2, when the chip takes 9 nJ at most for 256 synapses a tick
    machine = load_baseline("gpu-hbm")
    return Curve(chip, results, layers.n_senders), Machine(network_of(layers, "cuba"), machine, best=False)


def test_a_curve_is_energy_per_tick_at_the_prices_given(pair: tuple[Curve, Machine]) -> None:
    curve, _ = pair
    activity, energy = curve_of(curve, curve.chip, static=False)
    last = curve.results[-1]
    assert activity[0] == 0 and activity[-1] == last.counts["transmitted"] / (32 * 100)
    assert energy[-1] == pytest.approx(last.energy.dynamic_j / 100)
    with_static = curve_of(curve, curve.chip, static=True)[1]
    assert with_static[-1] == pytest.approx(last.energy.total_j / 100)
    doubled = curve.chip.replace(
        {f"energy_pj.{key}": 2 * v for key, v in curve.chip.energy_pj.model_dump().items()}
    )
    assert curve_of(curve, doubled, static=False)[1] == pytest.approx(2 * energy)


def test_every_assumption_moves_the_crossing_the_way_it_must(pair: tuple[Curve, Machine]) -> None:
    curve, machine = pair
    rows = sensitivity(curve, machine, static=False)
    assert [row["swing"] for row in rows] == sorted((row["swing"] for row in rows), reverse=True)
    named = {row["assumption"]: row for row in rows}
    assert named["gpu-hbm: weights"]["swing"] > 0
    for name, row in named.items():
        low, high = row["at_low"]["activity"], row["at_high"]["activity"]
        # a dearer machine pays for more activity of the chip, a dearer chip for less
        assert low <= high if name.startswith("gpu-hbm") else low >= high, name
    synapse = named["loihi: energy_pj.synaptic_op_dense"]
    assert synapse["values"] == pytest.approx([35.5 * (1 - CHIP_ERROR), 35.5 * (1 + CHIP_ERROR)])
    assert synapse["swing"] > 0
    assert "loihi: energy_pj.hop_chip" not in named and "loihi: static_power_mw" not in named
    with_static = {row["assumption"] for row in sensitivity(curve, machine, static=True)}
    assert "loihi: static_power_mw" in with_static


def test_a_price_known_as_a_range_is_moved_to_its_ends_and_no_farther(pair: tuple[Curve, Machine]) -> None:
    curve, machine = pair
    cost = {"value": 35.5, "low": 30.0, "high": 40.0}
    chip = curve.chip.replace({"energy_pj.synaptic_op_dense": cost, "energy_pj.synaptic_op_sparse": cost})
    ranged = replace(curve, chip=chip)
    rows = {row["assumption"]: row for row in sensitivity(ranged, machine, static=False)}
    moved = [row for name, row in rows.items() if name.startswith("loihi: energy_pj.synaptic_op")]
    assert moved and all(row["values"] == [30.0, 40.0] and row["ends"] == "given" for row in moved)
    others = [row for name, row in rows.items() if name.startswith("loihi: ") and row not in moved]
    assert others and all(row["ends"] == "assumed" for row in others)
    for row in others:
        low, high = row["values"]
        assert high / low == pytest.approx(1.25 / 0.75, rel=0.01)


def test_the_ends_of_a_crossing_are_those_of_both_ledgers(pair: tuple[Curve, Machine]) -> None:
    curve, machine = pair
    plain = crossing_ends(curve, machine, static=False)
    assert plain["low"] == crossing_of(curve_of(curve, curve.chip, False), machine.energy_j("low"))
    cost = {"value": 35.5, "low": 30.0, "high": 71.0}
    ranged = replace(curve, chip=curve.chip.replace({"energy_pj.synaptic_op_dense": cost}))
    wide = crossing_ends(ranged, machine, static=False)
    dear = curve.chip.replace({"energy_pj.synaptic_op_dense": 71.0})
    assert wide["low"] == crossing_of(curve_of(curve, dear, False), machine.energy_j("low"))
    assert wide["low"]["activity"] < plain["low"]["activity"]
    assert wide["low"]["activity"] < wide["typical"]["activity"] < wide["high"]["activity"]


def test_clocked_energy_grows_with_neurons_and_knows_no_spikes(against_neurons: Outcome) -> None:
    numbers = against_neurons.numbers
    assert numbers["as_clocked"] is True
    for baseline in numbers["baselines"]:
        assert [row["n_neurons"] for row in baseline["rows"]] == [16, 32, 64]
        assert baseline["fits"]["1"]["r2"] > 0.999
        assert baseline["fits"]["1"]["slope"] > 0
        for row in baseline["rows"]:
            assert row["best"]["typical_j"] <= row["1"]["typical_j"]
            assert row["1"]["batch"] == 1 <= row["best"]["batch"]
    for chip in numbers["chips"]:
        energies = [row["dynamic_per_tick_j"] for row in chip["rows"] if row["n_neurons"] == 64]
        assert energies == sorted(energies) and energies[0] < energies[-1]


def test_the_baselines_are_billed_for_the_very_network_of_the_chips(against_neurons: Outcome) -> None:
    # 4 layers of 16 x 16 weights of a byte in the far SRAM of tpu-sram, 5 pJ a byte
    tpu = next(b for b in against_neurons.numbers["baselines"] if b["baseline"] == "tpu-sram")
    found = tpu["rows"][-1]["1"]
    assert found["work"]["macs"] == found["work"]["weight_bytes"] == 4 * 16 * 16
    assert found["parts"]["weights_j"] == pytest.approx(4 * 16 * 16 * 5e-12)


def test_there_is_a_crossing_of_each_pair_at_both_batches_with_and_without_static_power(
    against_neurons: Outcome,
) -> None:
    crossings = against_neurons.numbers["crossings"]
    named = {(c["chip"], c["baseline"], c["batching"], c["static"]): c for c in crossings}
    assert len(named) == len(crossings) == 2 * 3 * 2 * 2
    for (chip, baseline, batching, static), found in named.items():
        low, typical, high = (found[end]["activity"] for end in ("low", "typical", "high"))
        assert low <= typical <= high
        if static:  # static power takes away from what pays
            assert typical <= named[chip, baseline, batching, False]["typical"]["activity"]
        if batching == "best":
            assert typical <= named[chip, baseline, "1", static]["typical"]["activity"]


def test_the_text_tells_crossings_and_what_they_hang_on(against_neurons: Outcome) -> None:
    text = against_neurons.text
    for words in (
        "cpu-dram (45 nm)",
        "truenorth (28 nm)",
        "Crossings of 64 neurons",
        "What that hangs on most",
    ):
        assert words in text
    assert "NODE-SCALED" not in text


def test_another_process_is_a_marked_option() -> None:
    sweep = replace(NEURONS, scale=0.5, depths=(1, 2), n_ticks=20)
    scaled = energy_vs_neurons(sweep, chips=("loihi",), baselines=("tpu-sram",))
    plain = energy_vs_neurons(replace(sweep, scale=None), chips=("loihi",), baselines=("tpu-sram",))
    assert "NODE-SCALED: on-chip costs of the baselines are times 0.5, a guess" in scaled.text
    one, half = (found.numbers["baselines"][0]["rows"][0]["1"]["typical_j"] for found in (plain, scaled))
    assert half == pytest.approx(one / 2)  # all of tpu-sram is on its chip


def test_weights_far_away_take_a_larger_share(memory: Outcome) -> None:
    for machine in memory.numbers["machines"]:
        found = {(row["way"], row["weights"]): row for row in machine["rows"]}
        assert len(found) == 9
        for way in ("clocked, batch 1", "event-driven"):
            shares = [found[way, place]["weights_share"] for place in ("near", "far", "off_chip")]
            totals = [found[way, place]["total_per_tick_j"] for place in ("near", "far", "off_chip")]
            assert shares == sorted(shares) and totals == sorted(totals)
        # nothing but the weights is moved
        rest = {
            round((row["total_per_tick_j"] - row["weights_per_tick_j"]) * 1e18)
            for row in machine["rows"]
            if row["way"] == "event-driven"
        }
        assert len(rest) == 1


def test_event_driven_weights_in_the_core_cost_what_the_chip_costs(memory: Outcome) -> None:
    row = next(
        r
        for r in memory.numbers["machines"][0]["rows"]
        if (r["way"], r["weights"]) == ("event-driven", "near")
    )
    dynamic_j = memory.numbers["metrics"]["energy"]["dynamic_j"]
    assert row["total_per_tick_j"] == pytest.approx(dynamic_j / 100)


def test_spikes_read_the_weights_that_they_walk() -> None:
    # Loihi packs 32 synapses of a dense list, 8 bits each and a header of 10, into words of 64 bits: 266 bits
    # take 5 words, 40 bytes; 64 inputs and neurons with such a list: 2560 bytes. A spike reads its list
    layers = Layers(depth=2, width=32)
    result = run_layers(compiled(layers, em.load_chip("loihi")), np.ones((3, 32), dtype=bool), "native")
    n_lists = result.counts["axon_in"]
    assert n_lists > 32 and weight_bytes(result) == 40 * n_lists
    # a crossbar reads a row of 256 bits for each spike that comes in
    result = run_layers(compiled(layers, em.load_chip("truenorth")), np.ones((3, 32), dtype=bool), "native")
    assert weight_bytes(result) == 32 * result.counts["axon_in"]


def test_the_text_of_local_memory_reads_the_shares(memory: Outcome) -> None:
    assert "By the memories of cpu-dram (45 nm)" in memory.text and "event-driven, loihi" in memory.text
    assert "Reading: with weights off the chip, 9" in memory.text


@pytest.mark.parametrize("name", ["against_spikes", "against_neurons", "memory"])
def test_the_pictures_are_drawn(name: str, request: pytest.FixtureRequest) -> None:
    outcome: Outcome = request.getfixturevalue(name)
    assert outcome.pictures
    for _, draw in outcome.pictures:
        assert draw().startswith(b"\x89PNG")


def test_progress_is_told_network_by_network() -> None:
    told: list[Any] = []
    sweep = replace(NEURONS, depths=(1, 2), n_ticks=10)
    energy_vs_neurons(
        sweep, progress=lambda *step: told.append(step), chips=("loihi",), baselines=("tpu-sram",)
    )
    assert told == [("loihi, 16 neurons", 0, 2), ("loihi, 32 neurons", 1, 2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rates_hz": (10.0, 1001.0, 2.0)}, r"rates: 1001 Hz is none: give 0\.\.1000 Hz"),
        ({"rates_hz": (0.0, 5.0)}, "give at least two above 0 Hz, a line needs them"),
        ({"n_ticks": 0}, "ticks 0: must be an integer from 1 up"),
        (
            {"rates_hz": (0.01, 0.02)},
            "spikes at 0 of the rates, a line needs two: give higher rates or more ticks",
        ),
    ],
)
def test_a_sweep_over_spikes_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(em.SimulationError, match=words):
        energy_vs_spikes(replace(SPIKES, **changes), chips=("tiny",))
    with pytest.raises(em.SimulationError, match="chips: none given: give some, as loihi, truenorth"):
        energy_vs_spikes(SPIKES, chips=())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depths": (1, 0)}, "layers: 0 is none: give integers from 1 up"),
        ({"depths": (2, 2)}, "give at least two numbers of layers, a line needs them"),
        ({"scale": 0.0}, "scale 0: give a factor above 0, up to 100"),
    ],
)
def test_a_sweep_over_neurons_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(em.SimulationError, match=words):
        energy_vs_neurons(replace(NEURONS, **changes))
    with pytest.raises(em.SimulationError, match="2 problems"):
        energy_vs_neurons(NEURONS, chips=(), baselines=())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Computation(rate_hz=0), "rate: 0 Hz is none: give more than 0, up to 1000 Hz"),
        (Computation(n_ticks=0), "ticks 0: must be an integer from 1 up"),
    ],
)
def test_a_computation_that_cannot_be_is_refused(given: Computation, words: str) -> None:
    with pytest.raises(em.SimulationError, match=words):
        local_memory(given)
    with pytest.raises(em.SimulationError, match="baselines: none given: give some, as cpu-dram"):
        local_memory(baselines=())
