"""The mesh against the cycle-accurate simulator BookSim2: its curves at depths where our models are the same.

`mesh/README.md` says what was measured and how the chip corresponds. `benchmarks/bench_booksim.py` compares
every point with longer windows; here the points that are quick, against the same limits.
"""

from __future__ import annotations

import csv
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import emulator as em
from emulator import traffic as tr

FOLDER = Path(__file__).parent / "mesh"
FILES = {
    "8x8_uniform_buf8": ("uniform", 8, 8),
    "8x8_uniform_buf16": ("uniform", 8, 16),
    "8x8_bitcomp_buf8": ("bit_complement", 8, 8),
    "8x8_bitcomp_buf16": ("bit_complement", 8, 16),
    "8x8_neighbor_buf8": ("neighbour", 8, 8),
    "8x8_neighbor_buf16": ("neighbour", 8, 16),
    "16x16_uniform_buf8": ("uniform", 16, 8),
}
BELOW_KNEE, KNEE = 0.02, 0.05  # error of the mean latency below 70 %, and from there to 90 % of saturation
OVERLOAD = 0.02  # error of the accepted throughput at offered 1.0


def booksim(side: int, depth: int) -> em.ChipSpec:
    changes = {"mesh.width": side, "mesh.height": side, "mesh.fifo_depth": depth}
    return em.load_chip(FOLDER / "booksim.yaml").replace(changes)


@cache
def rows(name: str) -> list[dict[str, float | None]]:
    with open(FOLDER / f"booksim_{name}_seed1.csv", newline="") as file:
        return [
            {key: float(value) if value else None for key, value in row.items() if key != "pattern"}
            for row in csv.DictReader(file)
        ]


def saturation(name: str) -> float:
    """Half-way from the last stable to the first unstable row, the overload left out."""
    points = rows(name)[:-1]
    stable = max(point["offered_rate"] for point in points if point["stable"])
    unstable = [point["offered_rate"] for point in points if not point["stable"]]
    return (stable + min(unstable)) / 2 if unstable else stable


def test_every_lone_packet_takes_three_cycles_a_hop_and_five(engine: str) -> None:
    chip = booksim(8, 8)
    src, dst = (ids.ravel() for ids in np.meshgrid(np.arange(64), np.arange(64)))
    packets = np.zeros(len(src), dtype=tr.PACKET_DTYPE)
    packets["inject_ps"] = 100 * np.arange(
        len(src)
    )  # one is gone before the next comes: the longest takes 47
    packets["src"], packets["dst"] = src, dst
    result = em.run_mesh(chip, packets, engine=engine)
    distance = np.abs(src % 8 - dst % 8) + np.abs(src // 8 - dst // 8)
    assert np.array_equal(result.arrive_ps - packets["inject_ps"], 3 * distance + 5)


@pytest.mark.parametrize("name", FILES)
def test_mean_latency_up_to_the_knee_is_that_of_booksim(name: str) -> None:
    pattern, side, depth = FILES[name]
    points = [point for point in rows(name)[:-1] if 0.05 < point["offered_rate"] / saturation(name) <= 0.9]
    assert len(points) >= 3
    rates = [point["offered_rate"] for point in points]
    curve = em.load_curve(
        booksim(side, depth), pattern, rates, warmup_slots=1500, measure_slots=5000, seed=1, search=False
    )
    for ours, theirs in zip(curve.points, points, strict=True):
        limit = BELOW_KNEE if ours.offered_rate < 0.7 * saturation(name) else KNEE
        assert ours.latency_ps == pytest.approx(theirs["packet_latency_avg"], rel=limit), ours.offered_rate
        assert ours.network_ps == pytest.approx(theirs["network_latency_avg"], rel=limit), ours.offered_rate
        assert ours.accepted_rate == pytest.approx(theirs["accepted_rate"], rel=0.02), ours.offered_rate


@pytest.mark.parametrize("name", FILES)
def test_throughput_in_overload_is_that_of_booksim(name: str) -> None:
    pattern, side, depth = FILES[name]
    # Past saturation throughput falls as the queues in the mesh fill up: both windows are needed.
    curve = em.load_curve(
        booksim(side, depth), pattern, [1.0], warmup_slots=4000, measure_slots=4000, seed=1, search=False
    )
    assert rows(name)[-1]["offered_rate"] == 1.0
    assert curve.points[0].accepted_rate == pytest.approx(rows(name)[-1]["accepted_rate"], rel=OVERLOAD)


@pytest.mark.parametrize("name", FILES)
def test_saturation_points_come_in_the_order_of_booksim(name: str) -> None:
    pattern, side, depth = FILES[name]
    order = sorted({saturation(other) for other in FILES})
    gaps = [(low + high) / 2 for low, high in pairwise(order)]
    assert len(gaps) == 3  # uniform on 16 x 16, bit complement, uniform, neighbour
    own = order.index(saturation(name))
    between = {gaps[own - 1]: True} if own else {}
    between |= {gaps[own]: False} if own < len(gaps) else {}
    curve = em.load_curve(
        booksim(side, depth),
        pattern,
        list(between),
        warmup_slots=1500,
        measure_slots=3000,
        seed=1,
        search=False,
    )
    assert {point.offered_rate: point.stable for point in curve.points} == between
