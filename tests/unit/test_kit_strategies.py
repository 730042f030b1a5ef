"""The strategies of the kit: what they promise they construct, and they shrink towards nothing."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.check import check_image
from emulator.testing import (
    KINDS,
    chips,
    fault_maps,
    images,
    networks,
    nir_graphs,
    parts,
    stimuli,
    weights,
)

few = settings(max_examples=max(10, settings().max_examples // 30), phases=[Phase.explicit, Phase.generate])
brief = settings(database=None, phases=[Phase.generate, Phase.shrink])  # nothing is to be explained
SHIPPED = ("tiny", "loihi", "truenorth", "nahuku32")


@few
@given(chips(faulty=True), st.data())
def test_networks_that_fit_any_chip_compile_and_others_do_not(chip: em.ChipSpec, data: st.DataObject) -> None:
    em.compile(data.draw(networks(chip)), chip, effort="fast")
    beyond = data.draw(networks(chip, fits=False))
    with pytest.raises(em.CompileError):
        em.compile(beyond, chip, effort="fast")


def test_a_chip_that_nothing_small_is_beyond_is_refused() -> None:
    with pytest.raises(em.SpecError, match="no small network is beyond one of its limits"):
        networks(em.load_chip("loihi-wide"), fits=False)


@few
@given(st.sampled_from(SHIPPED), st.data())
def test_parts_of_shipped_chips_keep_their_limits_and_times(name: str, data: st.DataObject) -> None:
    chip = em.load_chip(name)
    part = data.draw(parts(chip))
    assert part.n_tiles <= max(16, 64) and part.limits == chip.limits and part.latency_ps == chip.latency_ps
    assert part.mesh.fifo_depth == chip.mesh.fifo_depth and part.cores == chip.cores


@few
@given(st.sampled_from(SHIPPED), st.data())
def test_faults_leave_a_core_alive_and_parts_keep_those_within(name: str, data: st.DataObject) -> None:
    chip = data.draw(parts(em.load_chip(name)))
    broken = chip.replace({"mesh.faults": data.draw(fault_maps(chip))})
    part = data.draw(parts(broken))
    for given_chip in (broken, part):
        em.compile(data.draw(networks(given_chip)), given_chip, effort="fast")


@few
@given(images(em.load_chip("loihi")))
def test_images_pass_every_check(image: em.Program) -> None:
    check_image(image, em.load_chip("loihi").replace({"mesh.faults": None}))


@few
@given(graph=nir_graphs())
def test_nir_graphs_are_read(tmp_path_factory: pytest.TempPathFactory, graph: nir.NIRGraph) -> None:
    path = tmp_path_factory.mktemp("nir") / "graph.nir"
    nir.write(path, graph)
    network = em.from_nir(path, dt_s=1e-3)
    assert len(network.populations) == sum("neurons" in name for name in graph.nodes)


@few
@given(st.sampled_from(sorted(KINDS)), st.integers(1, 5), st.integers(1, 8), st.data())
def test_stimuli_are_of_the_kind_asked_for(kind: str, n: int, n_ticks: int, data: st.DataObject) -> None:
    network = em.Network("n")
    network.add_source("in", n)
    network.add_source("self", n, em.Regular(period_ticks=2))
    drawn = data.draw(stimuli(network, n_ticks, kind))
    assert drawn.keys() == {"in"} and drawn["in"].shape == (n_ticks, n) and drawn["in"].dtype == np.bool_
    of_tick = drawn["in"].sum(axis=1)
    if kind == "silent":
        assert not of_tick.any()
    elif kind == "max_rate":
        assert (of_tick == n).all()
    elif kind in ("sync", "burst"):
        assert set(of_tick.tolist()) <= {0, n} and of_tick.any()
    elif kind == "hotspot":
        assert (of_tick == 1).all() and drawn["in"].any(axis=0).sum() == 1


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="kind 'loud': choose from silent, sync"):
        find(stimuli(_one_source(), 3, "loud"), lambda _: True)


def _one_source() -> em.Network:
    network = em.Network("n")
    network.add_source("in", 1)
    return network


def test_what_is_drawn_shrinks_to_the_least() -> None:
    chip = find(parts(em.load_chip("nahuku32")), lambda _: True, settings=brief)
    assert chip.n_tiles == 1
    network = find(networks(chip), lambda _: True, settings=brief)
    assert sum(pop.n for pop in network.populations) == 1 and not network.sources and not network.projections
    assert find(fault_maps(em.load_chip("tiny")), lambda _: True, settings=brief) is None
    triplets, _ = find(weights(2, 2, 4), lambda drawn: len(drawn[0].pre) > 1, settings=brief)
    assert len(triplets.pre) == 2 and not np.any(triplets.weight) and np.all(triplets.delay_ticks == 1)


def test_boundaries_are_drawn_often() -> None:
    tiny = em.load_chip("tiny")
    longest, seen = tiny.limits.delay_ticks, []

    @settings(max_examples=100, database=None)
    @given(weights(2, 2, max_delay_ticks=longest))
    def note(drawn: Any) -> None:
        seen.extend(np.atleast_1d(drawn[0].delay_ticks).tolist())

    note()
    assert min(seen.count(1), seen.count(longest)) > len(seen) / 8
