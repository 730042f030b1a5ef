"""Metrics under NeuroBench's names, worked out by hand for three ticks of three compartments."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import emulator as em
from emulator.bench import BENCHES
from emulator.bench.characterisation import Sweep, characterisation
from emulator.bench.metrics import costs, footprint_bytes, metrics, neurobench
from emulator.engine.result import Result
from emulator.testing.small_run import small_program, small_record

PROGRAM = small_program()
RESULT = Result(small_record(PROGRAM), PROGRAM)
NEUROBENCH = (
    "footprint",
    "connection_sparsity",
    "activation_sparsity",
    "synaptic_operations",
    "membrane_updates",
)


def described() -> em.Network:
    """The network of the small program: 2 inputs -> 2 hidden -> 1; one weight of the first layer is 0."""
    network = em.Network("small")
    network.add_source("in", 2)
    network.add_population("hidden", 2, em.LoihiCuba())
    network.add_population("out", 1, em.LoihiCuba())
    network.connect("in", "hidden", [[64, 10], [0, 20]])
    network.connect("hidden", "out", [[64], [64]])
    return network


def test_the_metrics_of_neurobench_are_those_worked_out_by_hand() -> None:
    # 4 + 2 weights, one of them 0. 3 compartments in 3 ticks: 9 updates, 5 of them active, 2 spikes. Dense: 6
    # weights in each of 3 ticks. Walked: 2 synapses in dense lists, 2 in sparse ones
    found = neurobench(described(), RESULT)
    assert found["connection_sparsity"] == pytest.approx(1 / 6)
    assert found["activation_sparsity"] == pytest.approx(7 / 9)
    assert found["synaptic_operations"] == {"dense": 18, "effective_macs": 0.0, "effective_acs": 4.0}
    assert (found["membrane_updates"], found["membrane_updates_active"]) == (9.0, 5.0)


def test_the_footprint_is_the_packed_memory() -> None:
    # four lists on chip tiny, each with its header in one word of 64 bits: 2 x 8 + 10 or 8 + 6 + 10 bits
    assert footprint_bytes(PROGRAM) == 4 * 8
    network = em.Network("crossbars")
    network.add_core("a", np.ones((2, 3), bool), 0, em.TrueNorth(s=(1, 0, 0, 0)))
    network.add_core("b", np.zeros((1, 1), bool), 0, em.TrueNorth(s=(1, 0, 0, 0)))
    program = em.compile(network, em.load_chip("truenorth"))
    assert footprint_bytes(program) == 2 * 256 * 256 // 8
    found = neurobench(network, em.run(program, 5, timing=False))
    assert found["connection_sparsity"] == pytest.approx(1 / 7)
    assert found["synaptic_operations"]["dense"] == 7 * 5
    assert found["activation_sparsity"] == 1.0


def test_costs_are_the_ledger_by_inference_operation_and_spike() -> None:
    # 36 pJ, and 1 mW for 19 + 25 + 21 ps: 65 fJ; 4 synaptic operations, 4 spikes transmitted, one sample
    found = costs(RESULT)
    energy = found["energy"]
    assert (energy["dynamic_j"], energy["static_j"], energy["total_j"]) == (36e-12, 65e-15, 36.065e-12)
    assert energy["per_inference_j"] == 36.065e-12 and energy["dynamic_per_inference_j"] == 36e-12
    assert energy["per_synaptic_op_j"] == pytest.approx(36.065e-12 / 4)
    assert energy["dynamic_per_synaptic_op_j"] == pytest.approx(9e-12)
    assert energy["per_spike_j"] == pytest.approx(36.065e-12 / 4)
    assert energy["dynamic_per_spike_j"] == pytest.approx(9e-12)
    assert found["latency"] == {"p50_ps": 65.0, "p99_ps": 65.0, "mean_ps": 65.0}
    assert found["edp_js"] == pytest.approx(36.065e-12 * 65e-12)


def test_latencies_are_those_of_the_samples() -> None:
    # the three ticks as three samples of one: 19, 25 and 21 ps
    batch = Result(dataclasses.replace(RESULT.record, n_samples=3, n_ticks=1, batched=True), PROGRAM)
    found = costs(batch)
    assert found["latency"]["p50_ps"] == 21 and found["latency"]["mean_ps"] == pytest.approx(65 / 3)
    assert found["latency"]["p99_ps"] == pytest.approx(21 + 0.98 * 4)
    assert found["energy"]["per_inference_j"] == pytest.approx(36.065e-12 / 3)
    assert neurobench(described(), batch)["membrane_updates"] == 3.0


def test_what_an_untimed_run_does_not_know_is_null() -> None:
    found = costs(Result(small_record(PROGRAM, timed=False), PROGRAM))
    assert found["latency"] == {"p50_ps": None, "p99_ps": None, "mean_ps": None}
    assert found["edp_js"] is None and found["energy"]["static_j"] is None


def test_a_clock_tells_the_latency_without_timing() -> None:
    clocked = PROGRAM.chip.replace({"domain": "fixed", "tick_ps": 30, "barrier_ps": None})
    program = dataclasses.replace(PROGRAM, chip=clocked)
    found = costs(Result(small_record(PROGRAM, timed=False), program))
    assert found["latency"]["p50_ps"] == 90 and found["edp_js"] == pytest.approx(36.09e-12 * 90e-12)


@pytest.mark.parametrize("name", ["digits", "soundloc"])
@pytest.mark.parametrize("chip", ["loihi", "truenorth"])
def test_trained_networks_have_the_metrics_in_every_run(name: str, chip: str) -> None:
    numbers = BENCHES[name].run(chip=chip, n_samples=2).numbers
    runs = [numbers] if "metrics" in numbers else [numbers["packed"], numbers["spread"]]
    for run in (run for run in runs if run is not None):
        found = run["metrics"]
        assert set(NEUROBENCH) <= set(found)
        assert found["energy"]["total_j"] == pytest.approx(2 * run["per_inference"]["energy_j"])
        assert found["latency"]["p99_ps"] == pytest.approx(run["latency_p99_ps"])
        assert found["synaptic_operations"]["effective_acs"] == run["per_inference"]["synaptic_ops"]
        assert found["synaptic_operations"]["dense"] >= 64 * 128


def test_characterisation_has_the_metrics_at_every_point() -> None:
    rows = characterisation(Sweep((20.0,), (64, 128), side=1, n_ticks=5)).numbers["rows"]
    assert [row["metrics"]["connection_sparsity"] for row in rows] == [0.75, 0.5]
    assert all(set(NEUROBENCH) <= set(row["metrics"]) for row in rows)


def test_metrics_are_plain_values() -> None:
    assert json.loads(json.dumps(metrics(described(), RESULT))) == metrics(described(), RESULT)
