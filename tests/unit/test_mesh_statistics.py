"""What a mesh run says besides its instants: parts of latency, fairness, busy links, bounds, grants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator import traffic as tr
from emulator.testing import chips, traffic

BASE = em.load_chip("tiny")
TIMES = {
    "mesh.inject_ps": 2,
    "mesh.hop_ps": {"ew": 3, "ns": 3},
    "mesh.eject_ps": 3,
    "mesh.cycle_ps": 4,
    "mesh.credit_ps": 2,
    "mesh.fifo_depth": 4,
}


def row(
    width: int, packets: list[tuple[int, int, int]], engine: str = "native", **mesh: Any
) -> em.MeshResult:
    changes = {f"mesh.{key}": value for key, value in mesh.items()}
    chip = BASE.replace({**TIMES, "mesh.width": width, "mesh.height": 1, **changes})
    return em.run_mesh(chip, np.array(packets, dtype=tr.PACKET_DTYPE), engine=engine)


def test_latency_splits_into_an_empty_mesh_and_queueing(engine: str) -> None:
    # Both are ready at 0 at the same source; the second is granted a cycle of 4 later.
    result = row(3, [(0, 0, 2), (0, 0, 2)], engine)
    assert result.latency_ps.tolist() == [11, 15]
    assert result.zero_load_ps.tolist() == [11, 11] and result.queueing_ps.tolist() == [0, 4]
    assert result.makespan_ps == 15
    assert result.link_busy_ps[:, 0].tolist() == [2 * 4, 2 * 4, 0]


def test_the_histogram_counts_every_packet_once_in_each_part() -> None:
    result = row(3, [(0, 0, 2), (0, 0, 2), (0, 0, 0)])
    found = result.latency_histogram(4)
    assert found.edge_ps.tolist() == [0, 4, 8, 12, 16]
    # latencies 11, 15 and 13 (granted at 2 + 4 + 4); empty mesh 11, 11 and 5
    assert found.latency.tolist() == [0, 0, 1, 2]
    assert found.zero_load.tolist() == [0, 1, 2, 0] and found.queueing.tolist() == [1, 1, 1, 0]
    with pytest.raises(em.SimulationError, match="n_bins=0: must be an integer from 1"):
        result.latency_histogram(0)


def test_a_fixed_arbiter_starves_a_source_and_the_statistic_shows_it(engine: str) -> None:
    # Tile 1's output takes one packet per cycle, and so does each of the FIFOs that face it from both sides.
    both = [(0, tile, 1) for tile in (0, 2) for _ in range(60)]
    fair = row(3, both, engine, arbiter="round_robin").fairness
    assert fair.index > 0.99 and not len(fair.starved)
    unfair = row(3, both, engine, arbiter="fixed").fairness
    assert unfair.index < 0.55  # 1/2: one of two has all
    assert unfair.delivered[2] == 60 and unfair.delivered[0] <= 2
    assert unfair.queueing_ps[0] > 2 * unfair.queueing_ps[2]
    oldest = row(3, both, engine, arbiter="oldest").fairness
    assert oldest.index > 0.9


def test_a_source_of_which_nothing_gets_through_is_named() -> None:
    found = tr.fairness(3, np.array([0, 0, 2]), np.array([5, 9, 30]), np.array([0, 4, 20]))
    assert found.until_ps == 9 and found.starved.tolist() == [2]
    assert found.index == pytest.approx(1 / 2) and found.queueing_ps.tolist() == [2, 0, 20]


def test_a_run_without_packets_has_statistics_too(engine: str) -> None:
    result = row(2, [], engine)
    assert result.makespan_ps == 0 and result.wire_limit is None and result.fairness.index == 1.0
    assert result.latency_histogram(3).latency.sum() == 0


@given(st.data())
def test_grants_lead_every_packet_along_its_way(data: st.DataObject) -> None:
    chip = data.draw(chips(BASE))
    packets = data.draw(traffic(chip))
    result = em.run_mesh(
        chip, packets, engine=data.draw(st.sampled_from(("reference", "native"))), trace=True
    )
    assert em.run_mesh(chip, packets).grants is None
    grants = result.grants
    assert grants is not None and len(grants) == result.link_counts.sum() + len(packets)
    step = (1, -1, chip.mesh.width, -chip.mesh.width)
    for position in range(len(packets)):
        tile, last_ps = int(packets["src"][position]), int(result.push_ps[position])
        for _, at_tile, port, at_ps in grants[grants[:, 0] == position].tolist():
            assert at_tile == tile and at_ps > last_ps
            last_ps = at_ps
            tile += step[port] if port < 4 else 0
        assert tile == packets["dst"][position]
        assert last_ps + chip.mesh.eject_ps == result.arrive_ps[position]
    busy = np.bincount(grants[:, 1] * 16 + grants[:, 2]) if len(grants) else np.zeros(0)
    assert busy.sum() == len(grants)


def test_the_bound_of_a_burst_is_told_with_the_link_that_binds() -> None:
    result = row(4, [(0, tile, 3) for tile in (0, 1, 2) for _ in range(5)])
    limit = result.wire_limit
    assert limit is not None and limit.link == (2, 0)
    # all 15 cross the last link: 2 + 14 * 4 + 3 + 3; 15 leave the mesh at tile 3: 2 + 14 * 4 + 3
    assert (limit.link_ps, limit.ejection_ps, limit.injection_ps, limit.distance_ps) == (64, 61, 21, 14)
    assert limit.binding == "link" and result.makespan_ps >= limit.bound_ps == 64
