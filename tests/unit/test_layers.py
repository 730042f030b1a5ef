"""Sparsity and correlations of layers: three neurons whose spikes are given, worked out by hand."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

import emulator as em
from emulator.errors import SimulationError
from emulator.report import layer_numbers, layers_of, layers_text
from emulator.report.layers import Layer
from emulator.report.layers_picture import draw_layers


@cache
def result() -> em.Result:
    """Each input makes its neuron fire a tick later. Samples: input 0 twice; once; inputs 1 and 2; none."""
    net = em.Network("layers")
    net.add_source("in", 3)
    net.add_population("p", 3, em.LoihiCuba(vth_mant=2))
    net.add_population("unseen", 3, em.LoihiCuba(vth_mant=2), record_spikes=False)
    net.connect("in", "p", np.diag([200, 200, 200]))
    raster = np.zeros((4, 5, 3), dtype=bool)
    raster[0, [0, 2], 0] = raster[1, 1, 0] = True
    raster[2, 1, 1] = raster[2, 3, 2] = True
    return em.run(em.compile(net, em.load_chip("tiny")), 5, {"in": raster}, batch=4)


def test_responses_are_spike_counts_of_sources_and_recorded_populations() -> None:
    given, fired = layers_of(result())
    assert (given.name, given.kind, fired.name, fired.kind) == ("in", "source", "p", "population")
    expected = [[2, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert given.responses.tolist() == fired.responses.tolist() == expected


def test_a_record_of_unknown_origin_has_no_layers_of_sources() -> None:
    unknown = dataclasses.replace(result(), provenance=None)
    assert [layer.name for layer in layers_of(unknown)] == ["p"]


def test_sparsities_are_those_worked_out_by_hand() -> None:
    layer = layers_of(result())[1]
    assert layer.activation_sparsity == pytest.approx(1 - 5 / (4 * 3 * 5))
    assert layer.silent == pytest.approx(8 / 12)
    # of 3 neurons, one that fires: 1 - (1/3)^2 / (1/3) = 2/3, however often; two: 1 - (2/3)^2 / (2/3) = 1/3
    assert layer.population_sparseness == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
    silent = Layer("s", "population", np.zeros((2, 3), dtype=np.int64), 5)
    assert silent.population_sparseness is None and silent.activation_sparsity == 1.0
    assert Layer("n", "population", np.zeros((1, 2), dtype=np.int64), 0).activation_sparsity == 1.0


def test_correlations_are_those_of_numpy_and_unknown_for_silence() -> None:
    layer = layers_of(result())[1]
    found = layer.correlations()
    assert found[:3, :3] == pytest.approx(np.corrcoef(layer.responses[:3]))
    # (2, 0, 0) and (1, 0, 0) point the same way; (0, 1, 1) the opposite one
    assert found[:3, :3] == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))
    assert np.isnan(found[3]).all() and np.isnan(found[:, 3]).all()


def test_pairs_within_a_class_and_between_classes_are_told_apart() -> None:
    row = layer_numbers(result(), labels=["a", "a", "b", "b"])[1]
    assert row["correlation"] == pytest.approx(-1 / 3)
    assert row["correlation_same_class"] == pytest.approx(1.0)
    assert row["correlation_other_class"] == pytest.approx(-1.0)
    alone = layer_numbers(result())[1]
    assert alone["correlation_same_class"] is None and alone["correlation_other_class"] == row["correlation"]


def test_labels_of_other_samples_are_refused() -> None:
    with pytest.raises(SimulationError, match=r"labels of shape \[3\]: the run has 4 samples"):
        layer_numbers(result(), labels=[0, 1, 2])


def test_layers_are_shown_in_a_table_and_a_picture() -> None:
    text = layers_text(layer_numbers(result(), labels=[0, 0, 1, 1]))
    cells = text.splitlines()[-1].split()
    assert cells == ["p", "3", "91.7", "%", "66.7", "%", "0.56", "-0.33", "1.00", "-1.00"]
    assert draw_layers(layers_of(result()), [1, 0, 1, 0], "layers").startswith(b"\x89PNG")
    many = layers_of(result()) * 5
    assert draw_layers(many, None, "layers").startswith(b"\x89PNG")
    assert draw_layers((), None, "none").startswith(b"\x89PNG")
