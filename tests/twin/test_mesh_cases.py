"""Cases that random meshes miss, each with its instants computed by hand from the mesh's rules.

Chip unless said otherwise: inject 2, hop 3 (both ways), eject 3, cycle 1, credit 2 ps; FIFO depth 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.engine.mesh import PACKET_DTYPE

MESH = {
    "mesh.inject_ps": 2,
    "mesh.hop_ps": {"ew": 3, "ns": 3},
    "mesh.eject_ps": 3,
    "mesh.cycle_ps": 1,
    "mesh.credit_ps": 2,
    "mesh.fifo_depth": 4,
    "mesh.arbiter": "round_robin",
}


def run(tiny: em.ChipSpec, engine: str, packets: list[tuple[int, int, int]], **mesh: Any) -> em.MeshResult:
    width, height = mesh.pop("width", 4), mesh.pop("height", 1)
    chip = tiny.replace(
        {**MESH, "mesh.width": width, "mesh.height": height, **{f"mesh.{key}": v for key, v in mesh.items()}}
    )
    return em.run_mesh(chip, np.array(packets, dtype=PACKET_DTYPE), engine=engine)


def test_lone_packet_of_distance_3_needs_inject_three_hops_and_eject(tiny: em.ChipSpec, engine: str) -> None:
    result = run(tiny, engine, [(10, 0, 3)])
    assert result.arrive_ps.tolist() == [10 + 2 + 3 * 3 + 3]
    assert result.link_counts[:, 0].tolist() == [1, 1, 1, 0]


def test_packet_to_its_own_tile_passes_the_router(tiny: em.ChipSpec, engine: str) -> None:
    assert run(tiny, engine, [(0, 1, 1)]).arrive_ps.tolist() == [2 + 3]


def test_two_pushes_of_one_source_in_one_instant_keep_their_order(tiny: em.ChipSpec, engine: str) -> None:
    # Both enter the local FIFO at 0; the second leaves it one cycle after the first.
    result = run(tiny, engine, [(0, 0, 1), (0, 0, 1)], cycle_ps=7)
    assert result.push_ps.tolist() == [0, 0]
    assert result.arrive_ps.tolist() == [2 + 3 + 3, 2 + 7 + 3 + 3]
    assert result.occupancy_max[0, 4] == 2


def test_fifo_cycle_holds_the_next_head_back_though_its_output_is_free(
    tiny: em.ChipSpec, engine: str
) -> None:
    # From tile 1 one packet goes west, the next east: other outputs, same FIFO, so cycle_ps apart.
    result = run(tiny, engine, [(0, 1, 0), (0, 1, 2)], cycle_ps=50)
    assert result.arrive_ps.tolist() == [2 + 3 + 3, 2 + 50 + 3 + 3]


def test_fifo_cycle_counts_from_a_grant_even_when_the_next_head_comes_later(
    tiny: em.ChipSpec, engine: str
) -> None:
    # First grant at 2. The second packet is visible at 22, before the FIFO may grant again at 2 + 50.
    result = run(tiny, engine, [(0, 1, 0), (20, 1, 2)], cycle_ps=50)
    assert result.arrive_ps.tolist() == [8, 52 + 6]
    # Pushed at 60 it is visible at 62, after 52: the cycle no longer matters.
    assert run(tiny, engine, [(0, 1, 0), (60, 1, 2)], cycle_ps=50).arrive_ps.tolist() == [8, 68]


def test_credit_at_depth_1_returns_exactly_credit_ps_after_the_grant(tiny: em.ChipSpec, engine: str) -> None:
    # Grant of the first at 2 frees the local slot; it can be taken again at 2 + 11 = 13, in that instant.
    result = run(tiny, engine, [(0, 0, 0), (0, 0, 0), (13, 0, 0)], fifo_depth=1, credit_ps=11)
    assert result.push_ps.tolist() == [0, 13, 26]
    assert result.arrive_ps.tolist() == [5, 18, 31]
    assert result.stall_ps[0] == 13 + 13  # the third is ready at 13, when the second has just been pushed


def test_depth_1_link_passes_one_packet_per_hop_and_credit(tiny: em.ChipSpec, engine: str) -> None:
    # Tile 1's west FIFO (depth 1): taken at the grant 2, visible 5, granted 5, free again at 5 + 2 = 7.
    result = run(tiny, engine, [(0, 0, 2)] * 3, fifo_depth=1)
    assert result.push_ps.tolist() == [0, 4, 9]  # 2 + credit 2; then its grant at 7 + 2
    assert result.arrive_ps.tolist() == [2 + 3 + 3 + 3, 7 + 9, 12 + 9]


def test_two_streams_share_an_output_by_round_robin(tiny: em.ChipSpec, engine: str) -> None:
    # Tiles 0 (from the west) and 2 (from the east) send to tile 1; heads are both visible from 5 on. Output
    # "local" of tile 1 starts at port E: E (from tile 2) first, then W, then E, then W.
    result = run(tiny, engine, [(0, 0, 1), (0, 0, 1), (0, 2, 1), (0, 2, 1)], cycle_ps=4, width=3)
    grants = [arrive - 3 for arrive in result.arrive_ps.tolist()]
    assert grants == [9, 17, 5, 13]


def test_fixed_arbiter_serves_the_lower_port_first(tiny: em.ChipSpec, engine: str) -> None:
    # Three from the east take every turn they are there for; the western one waits.
    packets = [(0, 0, 1), (0, 2, 1), (0, 2, 1), (0, 2, 1)]
    result = run(tiny, engine, packets, cycle_ps=4, width=3, arbiter="fixed")
    assert [arrive - 3 for arrive in result.arrive_ps.tolist()] == [17, 5, 9, 13]


def test_oldest_arbiter_goes_by_push_instant_then_port(tiny: em.ChipSpec, engine: str) -> None:
    # Pushed at 0 from two hops away (visible at tile 2 at 8) against pushed at 5 next door (visible at 10):
    # at 8 the output is busy with the local packet granted at 7 (cycle 10), so both wait until 17.
    packets = [(0, 0, 2), (5, 3, 2), (5, 2, 2)]
    result = run(tiny, engine, packets, cycle_ps=10, arbiter="oldest")
    assert [arrive - 3 for arrive in result.arrive_ps.tolist()] == [17, 27, 7]


def test_single_stream_reaches_the_rate_of_the_formula(tiny: em.ChipSpec, engine: str) -> None:
    for depth in (1, 2, 3, 8):
        packets = [(0, 0, 3)] * 200
        result = run(
            tiny, engine, packets, fifo_depth=depth, hop_ps={"ew": 9, "ns": 9}, cycle_ps=2, credit_ps=4
        )
        rate = min(1 / 2, depth / (9 + 4), depth / (2 + 4))
        gaps = np.diff(result.arrive_ps[100:])
        assert gaps.mean() == pytest.approx(1 / rate, rel=0.05)


# Chips of two tiles in a row of four: tile 1 faces tile 2 over a link with hop 20 and cycle 50 ps.
BORDER = {"width": 2, "height": 1, "link": {"hop_ps": {"ew": 20, "ns": 30}, "cycle_ps": 50}}


def test_a_packet_to_another_chip_takes_the_hop_of_the_link_between_them(
    tiny: em.ChipSpec, engine: str
) -> None:
    result = run(tiny, engine, [(10, 0, 3), (500, 3, 0), (900, 0, 1)], chip=BORDER)
    assert result.arrive_ps.tolist() == [10 + 2 + 3 + 20 + 3 + 3, 500 + 2 + 3 + 20 + 3 + 3, 900 + 2 + 3 + 3]
    assert result.link_counts[:, :2].tolist() == [[2, 0], [1, 1], [1, 1], [0, 1]]


def test_a_border_between_north_and_south_has_its_own_hop(tiny: em.ChipSpec, engine: str) -> None:
    upright = BORDER | {"width": 1, "height": 2}
    result = run(tiny, engine, [(0, 0, 3), (500, 2, 1)], width=1, height=4, chip=upright)
    assert result.arrive_ps.tolist() == [2 + 3 + 30 + 3 + 3, 500 + 2 + 30 + 3]


def test_two_packets_leave_a_chip_one_cycle_of_the_link_apart(tiny: em.ChipSpec, engine: str) -> None:
    # Both are visible at tile 1 at 2; the FIFO could grant the second at 3, the output not before 2 + 50.
    result = run(tiny, engine, [(0, 1, 2), (0, 1, 2)], chip=BORDER)
    assert result.push_ps.tolist() == [0, 0]
    assert result.arrive_ps.tolist() == [2 + 20 + 3, 2 + 50 + 20 + 3]


def test_packets_from_two_fifos_queue_for_the_link_between_chips(tiny: em.ChipSpec, engine: str) -> None:
    # Tile 1's own is granted at 2. From tile 0 two are visible there at 5 and 6: granted at 52 and 102.
    # Beyond the border they move as anywhere: at tile 2 at 22, 72, 122, at tile 3 3 ps later.
    result = run(tiny, engine, [(0, 0, 3), (0, 0, 3), (0, 1, 3)], chip=BORDER)
    assert result.arrive_ps.tolist() == [72 + 3 + 3, 122 + 3 + 3, 22 + 3 + 3]
    assert result.occupancy_max[1, 1] == 2 and result.occupancy_max[2, 1] == 1


def test_a_fifo_that_feeds_the_border_keeps_the_cycle_of_its_router(tiny: em.ChipSpec, engine: str) -> None:
    # From tile 1 east over the border at 2, then west at 2 + 7: the link's cycle of 50 is not the FIFO's.
    result = run(tiny, engine, [(0, 1, 2), (0, 1, 0)], cycle_ps=7, chip=BORDER)
    assert result.arrive_ps.tolist() == [2 + 20 + 3, 2 + 7 + 3 + 3]


def test_a_link_may_recover_sooner_than_a_router(tiny: em.ChipSpec, engine: str) -> None:
    # Cycle 40 in the routers, 5 of the link. At tile 1: own at 2 and, by its FIFO, 42; from tile 0 at 5.
    fast = BORDER | {"link": {"hop_ps": {"ew": 20, "ns": 20}, "cycle_ps": 5}}
    result = run(tiny, engine, [(0, 1, 2), (0, 1, 2), (0, 0, 2)], cycle_ps=40, chip=fast)
    # Granted at 2, 42 and 7 there; the intake of tile 2 recovers in 40: 22, 102 and 62.
    assert result.arrive_ps.tolist() == [22 + 3, 102 + 3, 62 + 3]


def test_a_slot_behind_the_border_is_taken_from_the_grant_on(tiny: em.ChipSpec, engine: str) -> None:
    # Depth 1: taken at 2, visible and granted on at 2 + 90, free at 94. The link could grant again at 52.
    slow = BORDER | {"link": {"hop_ps": {"ew": 90, "ns": 90}, "cycle_ps": 50}}
    result = run(tiny, engine, [(0, 1, 3)] * 2, fifo_depth=1, chip=slow)
    assert result.arrive_ps.tolist() == [92 + 3 + 3, 94 + 90 + 3 + 3]


def test_packets_are_queued_by_instant_then_by_position(tiny: em.ChipSpec, engine: str) -> None:
    result = run(tiny, engine, [(9, 0, 1), (3, 0, 1), (3, 0, 2)], cycle_ps=100)
    assert result.push_ps.tolist() == [9, 3, 3]
    assert [arrive - 6 for arrive in result.arrive_ps.tolist()] == [205, 5, 105 + 3]


def one_tile_chips(hop_ps: int, cycle_ps: int) -> dict[str, Any]:
    """Every link leads to another chip."""
    link = {"hop_ps": {"ew": hop_ps, "ns": hop_ps + 1}, "cycle_ps": cycle_ps}
    return {"width": 1, "height": 1, "link": link}


@pytest.mark.parametrize("seed", range(8))
def test_twin_meshes_agree_under_heavy_bursts(seed: int, tiny: em.ChipSpec) -> None:
    rng = np.random.default_rng(seed)
    width, height, n = int(rng.integers(2, 7)), int(rng.integers(2, 7)), 600
    chip = tiny.replace(
        {
            "mesh.width": width,
            "mesh.height": height,
            "mesh.fifo_depth": int(rng.integers(1, 4)),
            "mesh.arbiter": ("round_robin", "fixed", "oldest")[seed % 3],
            "mesh.hop_ps": {"ew": int(rng.integers(1, 9)), "ns": int(rng.integers(1, 9))},
            "mesh.cycle_ps": int(rng.integers(1, 6)),
            "mesh.credit_ps": int(rng.integers(1, 6)),
            "mesh.chip": one_tile_chips(*rng.integers(1, 20, 2).tolist()) if seed % 2 else None,
        }
    )
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    packets["inject_ps"] = rng.integers(0, 50, n)
    packets["src"], packets["dst"] = rng.integers(0, width * height, (2, n))
    reference, native = (em.run_mesh(chip, packets, engine=engine) for engine in ("reference", "native"))
    for name in ("push_ps", "arrive_ps", "link_counts", "occupancy_max", "stall_ps"):
        assert np.array_equal(getattr(reference, name), getattr(native, name)), name
    assert native.occupancy_max.max() == chip.mesh.fifo_depth  # back-pressure was at work
