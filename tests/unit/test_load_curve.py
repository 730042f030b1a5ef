"""load_curve(): latency and throughput against offered load, and the command and picture made of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import traffic as tr
from emulator.report.load_picture import draw_load
from emulator.report.load_text import load_text
from emulator.report.traffic_picture import draw_traffic

module = sys.modules["emulator.engine.load_curve"]
PNG = b"\x89PNG\r\n\x1a\n"
SHORT: dict[str, Any] = {"warmup_slots": 200, "measure_slots": 1500}


def mesh(side: int, **changes: Any) -> em.ChipSpec:
    """inject 2, hop 3, eject 3, cycle 1, credit 2 ps; FIFO depth 8."""
    base = {"mesh.width": side, "mesh.height": side, "mesh.fifo_depth": 8, "mesh.hop_ps": {"ew": 3, "ns": 3}}
    times = {"mesh.inject_ps": 2, "mesh.eject_ps": 3, "mesh.cycle_ps": 1, "mesh.credit_ps": 2}
    return em.load_chip("tiny").replace({**base, **times, **changes})


def test_at_low_load_latency_is_that_of_an_empty_mesh() -> None:
    point = em.load_curve(mesh(4), "bit_complement", [0.01], seed=3, search=False, **SHORT).points[0]
    # distances of bit complement on 4 x 4: 2 or 6 in steps; mean |dx| = mean |dy| = 2; so 3 * 4 + 5
    assert point.zero_load_ps == pytest.approx(17, abs=0.5)
    assert point.latency_ps == pytest.approx(point.zero_load_ps, rel=0.01)
    assert point.stable and point.queueing_ps is not None and 0 <= point.queueing_ps < 0.2


def test_latency_is_the_sum_of_its_parts_and_grows_with_load() -> None:
    curve = em.load_curve(mesh(4), "uniform", [0.5, 0.1, 0.6], seed=3, search=False, **SHORT)
    assert [point.offered_rate for point in curve.points] == [0.1, 0.5, 0.6]
    for point in curve.points:
        assert point.stable and point.latency_ps is not None
        assert point.latency_ps == pytest.approx(point.source_ps + point.network_ps)
        assert point.latency_ps == pytest.approx(point.zero_load_ps + point.queueing_ps)
        assert point.accepted_rate == pytest.approx(point.offered_rate, rel=0.05)
        assert point.latency_max_ps >= point.latency_p99_ps >= point.latency_p50_ps
    means = [point.latency_ps for point in curve.points]
    assert means == sorted(means) and means[0] < means[-1]


def test_the_points_are_what_the_mesh_run_itself_says(engine: str) -> None:
    chip, rate = mesh(3), 0.4
    curve = em.load_curve(
        chip, "uniform", [rate], warmup_slots=50, measure_slots=200, seed=5, search=False, engine=engine
    )
    # injection far beyond the window: what comes after the last measured arrival cannot matter
    packets = tr.open_loop(chip, "uniform", rate, 2000, seed=5)
    arrive_ps = em.run_mesh(chip, packets).arrive_ps
    measured = (packets["inject_ps"] >= 50) & (packets["inject_ps"] < 250)
    point = curve.points[0]
    assert point.n_packets == measured.sum()
    assert point.latency_ps == (arrive_ps - packets["inject_ps"])[measured].mean()
    assert point.accepted_rate == ((arrive_ps >= 50) & (arrive_ps < 250)).sum() / (9 * 200)


def test_overload_is_unstable_has_no_latency_and_accepts_what_the_mesh_takes() -> None:
    curve = em.load_curve(mesh(8), "bit_complement", [1.0], seed=3, search=False, **SHORT)
    point = curve.points[0]
    assert not point.stable and point.latency_ps is None and point.latency_max_ps is None
    assert 0 < point.accepted_rate <= curve.ideal_saturation
    assert curve.saturation_rate is None


@pytest.mark.parametrize("pattern", ["uniform", "transpose", "hotspot"])
def test_packets_left_out_of_an_overloaded_run_change_nothing_in_the_window(pattern: str) -> None:
    # transpose: tiles on the diagonal take every slot, the others a seventh
    chip = mesh(8)
    point = em.load_curve(chip, pattern, [1.0], seed=3, search=False, **SHORT).points[0]
    packets = tr.open_loop(chip, pattern, 1.0, 1700, seed=3)
    arrive_ps = em.run_mesh(chip, packets).arrive_ps
    assert point.n_packets == 64 * 1500
    assert point.accepted_rate == ((arrive_ps >= 200) & (arrive_ps < 1700)).sum() / (64 * 1500)


def test_a_deeper_fifo_saturates_later_and_none_beyond_the_ideal() -> None:
    chips = [mesh(8, **{"mesh.fifo_depth": depth}) for depth in (1, 2, 8)]
    found = [em.load_curve(chip, "uniform", [0.1], seed=3, **SHORT).saturation_rate for chip in chips]
    assert found == sorted(found) and found[0] < found[-1] <= 0.5


def test_a_mesh_that_takes_everything_saturates_at_the_ideal() -> None:
    curve = em.load_curve(mesh(3), "neighbour", [1.0], seed=3, **SHORT)
    assert curve.ideal_saturation == curve.saturation_rate == 1.0 and curve.points[0].stable


def test_packets_that_arrive_late_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without injection after the window the last packets would meet an emptier mesh: it is found and mended.
    def measured() -> em.engine.LoadPoint:
        return em.load_curve(chip, "uniform", [0.15], seed=3, search=False, **SHORT).points[0]

    chip = mesh(6, **{"mesh.fifo_depth": 2})
    expected = measured()
    monkeypatch.setattr(module, "FIRST_TAIL", 0)
    assert replace(measured(), n_hops=0) == replace(expected, n_hops=0)
    monkeypatch.setattr(module, "MAX_DOUBLINGS", 1)  # not given the time, it says that it cannot tell
    assert not measured().stable


def test_progress_ends_with_all_points_done() -> None:
    told: list[tuple[int, int]] = []
    em.load_curve(mesh(2), "uniform", [0.2, 0.9], progress=lambda *step: told.append(step), **SHORT)
    assert told[0][0] == 0 and told[-1][0] == told[-1][1]
    assert all(done <= total for done, total in told)


@pytest.mark.parametrize(
    ("match", "options"),
    [
        ("rates: 0 is none", {"rates": [0, 0.5]}),
        ("rates: 1.1 is none", {"rates": [1.1]}),
        ("rates: none given", {"rates": []}),
        ("warmup_slots=-1", {"warmup_slots": -1}),
        ("measure_slots=0: must be an integer from 1", {"measure_slots": 0}),
        ("tolerance=1: must be a number between", {"tolerance": 1}),
        ("process 'burst'", {"rates": [0.5], "process": "burst"}),
        ("engine 'c'", {"rates": [0.5], "engine": "c"}),
    ],
)
def test_curves_that_cannot_be_are_refused(match: str, options: dict[str, Any]) -> None:
    with pytest.raises(em.SimulationError, match=match):
        em.load_curve(mesh(2), "uniform", **options)


def test_the_text_names_saturation_and_says_what_a_missing_latency_means() -> None:
    curve = em.load_curve(mesh(4), "transpose", [0.1, 1.0], seed=3, **SHORT)
    text = load_text(curve)
    assert "transpose on tiny, 4 x 4 tiles: 200 slots of warm-up, 1,500 measured" in text
    assert "ideal saturation  0.3333, with perfect routers" in text and "queues grow" in text
    row = next(line for line in text.splitlines() if line.split()[:1] == ["1"])
    assert row.split()[-1] == "-"
    assert "queues grow" not in load_text(replace(curve, points=curve.points[:1]))
    assert "not searched for" in load_text(replace(curve, saturation_rate=None))


@pytest.mark.parametrize("rates", [[0.1, 1.0], [1.0]])
def test_the_picture_is_drawn_with_and_without_stable_points(rates: list[float]) -> None:
    curve = em.load_curve(mesh(4), "transpose", rates, seed=3, search=False, **SHORT)
    assert draw_load(curve).startswith(PNG)


def test_uniform_traffic_on_8_x_8_never_exceeds_its_bound() -> None:
    packets = tr.open_loop(mesh(8), "uniform", 1.0, 2000, seed=3)
    result = em.run_mesh(mesh(8), packets)
    arrived = np.count_nonzero((result.arrive_ps >= 1000) & (result.arrive_ps < 2000)) / (64 * 1000)
    assert 0.3 < arrived <= 0.5


def test_the_same_curve_in_json_is_what_python_returns(tmp_path: Path) -> None:
    from emulator.bench.mesh import Traffic
    from emulator.bench.mesh import mesh as bench

    outcome = bench(Traffic("tornado", [0.1], (3, 3), 4, 100, 500, 2), chip="tiny")
    chip = em.load_chip("tiny").replace({"mesh.width": 3, "mesh.height": 3, "mesh.fifo_depth": 4})
    curve = em.load_curve(chip, "tornado", [0.1], warmup_slots=100, measure_slots=500, seed=2)
    assert json.loads(json.dumps(outcome.numbers))["points"][0]["latency_ps"] == curve.points[0].latency_ps
    assert outcome.numbers["saturation_rate"] == curve.saturation_rate
    assert [name for name, _ in outcome.pictures] == ["load", "links"]
    assert all(draw().startswith(PNG) for _, draw in outcome.pictures)


@pytest.mark.parametrize(("side", "pattern"), [(4, "tornado"), (30, "neighbour")])
def test_the_load_of_links_is_drawn_of_small_and_large_meshes(side: int, pattern: str) -> None:
    result = em.run_mesh(mesh(side), tr.burst(mesh(side), pattern, 3))
    assert draw_traffic(result, "a burst").startswith(PNG)


def test_the_load_of_links_is_drawn_even_when_nothing_was_sent() -> None:
    assert draw_traffic(em.run_mesh(mesh(2), tr.burst(mesh(2), "uniform", 0)), "silence").startswith(PNG)
