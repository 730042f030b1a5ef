"""Clocked baselines: their files, their refusals, and bills worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator.chip.baseline import HIGH, LOW, PLACES, TYPICAL
from emulator.clocked import best_bill, bill, work_of

SHIPPED = Path(__file__).parents[2] / "hw_configs" / "baselines"

Write = Callable[[str], Path]

SIMPLE = """\
name: simple
description: Whole numbers, for adding up by hand.
node_nm: 45
weights: far
sparse: true
max_batch: 8
operations_per_instruction: 4
instruction_pj: 10
operation_pj: {multiply: 2, accumulate: 1, update_multiply: 5, update_add: 3}
memory:
  near: {capacity_bytes: 100, pj_per_byte: 1}
  far: {capacity_bytes: 1000, pj_per_byte: [5, 10, 20]}
  off_chip: {capacity_bytes: null, pj_per_byte: 100}
width_bytes: {weight: 1, index: 2, activation: 1, state: 4}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a baseline file and returns its path."""

    def write(content: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(content)
        return path

    return write


@pytest.fixture
def simple(write: Write) -> em.BaselineSpec:
    return em.load_baseline(write(SIMPLE))


def network(model: Any = None, weights: Any = None) -> em.Network:
    """3 inputs -> 5 neurons."""
    net = em.Network("small")
    net.add_source("in", 3)
    net.add_population("out", 5, em.LIF(tau_mem_s=0.1) if model is None else model)
    net.connect("in", "out", np.ones((3, 5)) if weights is None else weights)
    return net


def test_the_shipped_baselines_are_listed_and_no_chips() -> None:
    assert em.baselines() == ("cpu-dram", "gpu-hbm", "tpu-sram")
    assert not set(em.baselines()) & set(em.chips())


@pytest.mark.parametrize("name", em.baselines())
def test_a_shipped_baseline_is_named_like_its_file_and_survives_a_round_trip(name: str) -> None:
    baseline = em.load_baseline(name)
    assert baseline.name == name and name in repr(baseline)
    assert em.load_baseline(SHIPPED / f"{name}.yaml") == baseline
    assert em.BaselineSpec.from_dict(baseline.to_dict()) == baseline


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_every_number_of_a_shipped_baseline_has_a_source_or_is_marked_as_assumed(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"^\s*\w+: *-?[\d\[]", line):
            comment = line.partition("#")[2]
            assert re.search(r"assumed|\d{4}", comment), f"{path.name}: {line.strip()!r} has no source"


def test_the_costs_of_45_nm_are_those_that_horowitz_published() -> None:
    # ISSCC 2014, 45 nm at 0.9 V: 8-bit multiplication 0.2 pJ, 32-bit addition 0.1 pJ and multiplication
    # 3.1 pJ, 64 bits of a 32 KB and a 1 MB cache 20 and 100 pJ, of DRAM 1.3 to 2.6 nJ
    costs = em.load_baseline("cpu-dram").costs()
    assert costs["operation_pj.multiply"][TYPICAL] == 0.2
    assert costs["operation_pj.accumulate"][TYPICAL] == 0.1
    assert costs["operation_pj.update_multiply"][TYPICAL] == 3.1
    assert 8 * costs["memory.near.pj_per_byte"][TYPICAL] == 20
    assert 8 * costs["memory.far.pj_per_byte"][TYPICAL] == 100
    assert [8 * costs["memory.off_chip.pj_per_byte"][end] for end in (LOW, HIGH)] == [1300, 2600]


def test_a_tick_costs_what_a_hand_adds_up(simple: em.BaselineSpec) -> None:
    # 3 x 5 weights as a matrix: 15 bytes, 15 multiply-accumulates. Each of 5 neurons decays
    # (1 multiplication), adds its sum and compares (2 additions).
    #   instructions  ceil(15 / 4) + ceil((5 + 10) / 4) = 8
    #   activations   3 read, 5 written = 8 bytes
    #   state         sums: 5 x 4 written, 5 x 4 read; v: 5 x 4 read and written = 80 bytes
    #   kept          v and sum 5 x 8, activations 8 = 48 bytes: two samples fit the 100 bytes near by
    work = work_of(network(), simple)
    assert (work.macs, work.instructions, work.weight_bytes) == (15, 8, 15)
    assert (work.update_multiplies, work.update_adds) == (5, 10)
    assert (work.activation_bytes, work.state_bytes, work.kept_bytes) == (8, 80, 48)
    found = bill(network(), simple)
    assert (found.batch, found.weights, found.activations) == (1, "far", "near")
    cost = found.typical
    assert cost.arithmetic_j == pytest.approx(15 * 3e-12)
    assert cost.update_j == pytest.approx((5 * 5 + 10 * 3) * 1e-12)
    assert cost.instructions_j == pytest.approx(8 * 10e-12)
    assert cost.weights_j == pytest.approx(15 * 10e-12)
    assert cost.activations_j == pytest.approx(8e-12)
    assert cost.state_j == pytest.approx(80e-12)
    assert cost.total_j == pytest.approx((45 + 55 + 80 + 150 + 8 + 80) * 1e-12)
    assert cost.weights_share == pytest.approx(150 / 418)
    assert found.low.total_j == pytest.approx((418 - 75) * 1e-12)
    assert found.high.total_j == pytest.approx((418 + 150) * 1e-12)


def test_a_batch_shares_the_weights_until_its_states_have_to_be_kept_farther_away(
    simple: em.BaselineSpec,
) -> None:
    # a batch of 2 keeps 96 bytes near by: weights 150 / 2 pJ, the rest as at batch 1. A batch of 8 keeps 384
    # bytes far away: weights 150 / 8 pJ, but 88 bytes at 10 pJ instead of 1
    both, eight = bill(network(), simple, 2), bill(network(), simple, 8)
    assert (both.activations, eight.activations) == ("near", "far")
    assert both.typical.total_j == pytest.approx((418 - 75) * 1e-12)
    assert eight.typical.total_j == pytest.approx((45 + 55 + 80 + 18.75 + 880) * 1e-12)
    best = best_bill(network(), simple)
    assert (best.batch, best.activations) == (2, "near")
    assert best.typical == both.typical
    cheap = simple.replace({"memory.far.pj_per_byte": 1})
    assert best_bill(network(), cheap).batch == 8


def test_a_sparse_matrix_is_walked_where_it_takes_fewer_bytes(simple: em.BaselineSpec) -> None:
    few, many = np.zeros((3, 5)), np.ones((3, 5))
    few[0, :4] = 1  # 4 x 3 bytes are fewer than 15
    many[0, 0] = 0  # 14 x 3 are not
    assert (
        work_of(network(weights=few), simple).macs,
        work_of(network(weights=few), simple).weight_bytes,
    ) == (4, 12)
    assert work_of(network(weights=many), simple).macs == 15
    dense = simple.replace({"sparse": False})
    assert work_of(network(weights=few), dense).macs == 15


@pytest.mark.parametrize(
    ("model", "weights", "expected"),
    [
        (em.LIF(tau_mem_s=0.1), np.ones((3, 5)), (5, 10)),
        (em.LIF(tau_mem_s=0.1, tau_syn_s=0.01), np.ones((3, 5)), (10, 15)),
        (em.LoihiCuba(), np.full((3, 5), 2), (5, 10)),
        (em.LoihiCuba(du=100), np.full((3, 5), 2), (10, 15)),
        (em.TrueNorth(), np.full((3, 5), 2), (0, 15)),
    ],
)
def test_an_update_takes_a_multiplication_for_each_decay(
    simple: em.BaselineSpec, model: Any, weights: Any, expected: tuple[int, int]
) -> None:
    work = work_of(network(model, weights), simple)
    assert (work.update_multiplies, work.update_adds) == expected


ENDS = (LOW, TYPICAL, HIGH)
MACHINES = tuple(
    em.load_baseline(name).replace({"weights": place}) for name in em.baselines() for place in PLACES
)
AT_ENDS = {repr(machine): [machine.at(end) for end in ENDS] for machine in MACHINES}


@given(st.lists(st.integers(1, 12), min_size=2, max_size=4), st.sampled_from(MACHINES))
def test_bills_are_ordered_by_their_ranges_and_no_batch_costs_more_than_one_sample(
    sizes: list[int], machine: em.BaselineSpec
) -> None:
    net = em.Network("any")
    net.add_source("0", sizes[0])
    for number, (n_pre, n) in enumerate(pairwise(sizes)):
        net.add_population(str(number + 1), n, em.LoihiCuba())
        net.connect(str(number), str(number + 1), np.full((n_pre, n), 2))
    one, best = bill(net, machine), best_bill(net, machine)
    assert one.low.total_j <= one.typical.total_j <= one.high.total_j
    assert best.typical.total_j <= one.typical.total_j * (1 + 1e-12)
    for pinned, picked in zip(AT_ENDS[repr(machine)], (one.low, one.typical, one.high), strict=True):
        assert bill(net, pinned).typical.total_j == pytest.approx(picked.total_j)


def test_another_process_scales_what_is_on_the_chip_alone(simple: em.BaselineSpec) -> None:
    half = simple.scaled(0.5).costs()
    assert half["instruction_pj"] == (5, 5, 5) and half["memory.far.pj_per_byte"] == (2.5, 5, 10)
    assert half["memory.off_chip.pj_per_byte"] == (100, 100, 100)


def test_what_no_memory_holds_is_refused(simple: em.BaselineSpec) -> None:
    with pytest.raises(
        em.DescriptionError, match=r"batch 9: baseline 'simple' takes 1\.\.8 \(max_batch\) samples"
    ):
        bill(network(), simple, 9)
    with pytest.raises(
        em.DescriptionError, match=r"15 bytes of weights, memory\.near of baseline 'simple' holds 14"
    ):
        bill(network(), simple.replace({"weights": "near", "memory.near.capacity_bytes": 14}))
    small = {f"memory.{place}.capacity_bytes": 47 for place in PLACES}
    for refused in (bill, best_bill):
        with pytest.raises(em.DescriptionError, match="48 bytes of activations and states"):
            refused(network(), simple.replace(small))
    crossbars = em.Network("cores")
    crossbars.add_core("c", np.ones((2, 2), bool), 0, em.TrueNorth(s=(1, 0, 0, 0)))
    with pytest.raises(em.DescriptionError, match="network 'cores': 1 cores described directly"):
        bill(crossbars, simple)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "multiply: 2,",
            "multiply: [3, 2, 1],",
            r"mine.yaml:9: operation_pj.multiply: \[3\.?0?, .*ascending",
        ),
        ("multiply: 2,", "multiply: [1, 2],", "operation_pj.multiply"),
        ("weights: far", "weights: nowhere", "mine.yaml:4: weights: 'nowhere', choose from 'near'"),
        ("max_batch: 8", "max_batch: 0", "must be at least 1 .most samples that share"),
        ("sparse: true", "sprase: true", r"sprase: unknown key; did you mean 'sparse'\?"),
        ("node_nm: 45\n", "", "mine.yaml:1: node_nm: missing; add it .process that the costs are of, nm"),
    ],
)
def test_a_malformed_baseline_is_refused_with_its_line(write: Write, old: str, new: str, words: str) -> None:
    assert old in SIMPLE
    with pytest.raises(em.SpecError, match=words):
        em.load_baseline(write(SIMPLE.replace(old, new)))


def test_what_is_no_baseline_is_told_the_choices(write: Write) -> None:
    with pytest.raises(em.SpecError, match="no baseline 'abacus'; choose from cpu-dram, gpu-hbm, tpu-sram"):
        em.load_baseline("abacus")
    with pytest.raises(em.SpecError, match="baseline 3: give the name of a shipped baseline or the path"):
        em.load_baseline(3)  # type: ignore[arg-type]
    with pytest.raises(
        em.SpecError, match=r"empty: describe a machine, as hw_configs/baselines/cpu-dram\.yaml does"
    ):
        em.load_baseline(write(""))
    with pytest.raises(em.SpecError, match="where a table of keys and values was expected"):
        em.load_baseline(str(write("- 1")))
    with pytest.raises(em.SpecError, match="'cpu-dram' is a baseline, no chip: nothing runs on it"):
        em.load_chip("cpu-dram")


def test_a_changed_copy_is_checked_again(simple: em.BaselineSpec) -> None:
    assert simple.replace({"memory.far.pj_per_byte": (1, 2, 3)}).cost("memory.far.pj_per_byte") == (1, 2, 3)
    with pytest.raises(
        em.SpecError, match=r"baseline 'simple': memory\.middle\.pj_per_byte: 3 for a key of no group"
    ):
        simple.replace({"memory.middle.pj_per_byte": 3})
    with pytest.raises(em.SpecError, match=r"memory\.near\.pj: unknown key"):
        simple.replace({"memory.near.pj": 3})
