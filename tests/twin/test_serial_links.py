"""Links between chips that grant for several rows: cases computed by hand, what no run may break, and both
engines alike.

Boards of two chips of 2 x 3 tiles, unless said otherwise: tile 4 y + 1 faces tile 4 y + 2 over a link with
hop 20 and cycle 50 ps. Inject 2, hop 3, eject 3, cycle 1, credit 2 ps; FIFO depth 4.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.chip.board import border_links, shared_links
from emulator.engine import native_mesh, sweep
from emulator.engine.mesh import PACKET_DTYPE
from emulator.engine.native_mesh import Queue
from emulator.testing import chips, traffic

BASE = em.load_chip("tiny")
LINK = {"hop_ps": {"ew": 20, "ns": 30}, "cycle_ps": 50}
law = settings(max_examples=max(10, settings().max_examples // 3))


def board(merge: int, **mesh: Any) -> em.ChipSpec:
    values = {
        "inject_ps": 2,
        "hop_ps": {"ew": 3, "ns": 3},
        "eject_ps": 3,
        "cycle_ps": 1,
        "credit_ps": 2,
        "fifo_depth": 4,
        "arbiter": "round_robin",
        "width": 4,
        "height": 3,
        "chip": {"width": 2, "height": 3, "link": LINK | {"merge": merge}},
    } | mesh
    return BASE.replace({f"mesh.{key}": value for key, value in values.items()})


def grants(engine: str, chip: em.ChipSpec, packets: list[tuple[int, int, int]]) -> list[int]:
    """When each packet, to a tile right behind the border, was granted the link over it: ejected at once."""
    result = em.run_mesh(chip, np.array(packets, dtype=PACKET_DTYPE), engine=engine)
    return [arrive_ps - 3 - 20 for arrive_ps in result.arrive_ps.tolist()]


def test_rows_of_a_group_take_turns_on_one_link(engine: str) -> None:
    # All are visible at tiles 1, 5 and 9 at 2. Rows 0 and 1 share a link, row 2 is a group of its own.
    packets = [(0, 1, 2), (0, 5, 6), (0, 9, 10)]
    assert grants(engine, board(2), packets) == [2, 52, 2]
    assert grants(engine, board(3), packets) == [2, 52, 102]
    assert grants(engine, board(1), packets) == [2, 2, 2]


def test_round_robin_goes_on_behind_the_winner_by_row_and_port(engine: str) -> None:
    # 6 ports per row: at 2 row 0 local (place 4) wins. At 52 row 0 W (visible at 5) is behind the pointer,
    # row 1 W and local (6 + 1, 6 + 4) before it: granted at 52 and 102, then row 0 W at 152.
    packets = [(0, 1, 2), (0, 5, 6), (0, 4, 6), (0, 0, 2)]
    assert grants(engine, board(2), packets) == [2, 102, 52, 152]


def test_the_fixed_arbiter_serves_the_lower_row_first(engine: str) -> None:
    # Two of row 0 arrive while row 1 waits since 2: its local port, then W again (visible at 5 and at 60).
    packets = [(0, 1, 2), (0, 5, 6), (0, 0, 2), (55, 0, 2)]
    assert grants(engine, board(2, arbiter="fixed"), packets) == [2, 152, 52, 102]


def test_the_oldest_packet_of_all_rows_goes_first_then_the_first_row(engine: str) -> None:
    # At 52 row 1's packet of 0 is before row 0's of 1; of two of instant 10 row 0's goes first.
    packets = [(0, 1, 2), (1, 1, 2), (0, 5, 6), (10, 5, 6), (10, 0, 2)]
    assert grants(engine, board(2, arbiter="oldest"), packets) == [2, 102, 52, 202, 152]


def test_a_row_without_room_beyond_the_border_does_not_hold_the_others_up(engine: str) -> None:
    # Depth 1, cycle 5, hop 90: row 0's slot is taken at 2, visible and granted on at 92, free at 94. Row 1 is
    # granted at 7, its slot is free at 99; row 0's next is granted at 94, row 1's at 99, as soon as the link
    # has recovered.
    link = {"hop_ps": {"ew": 90, "ns": 90}, "cycle_ps": 5, "merge": 2}
    chip = board(2, fifo_depth=1, chip={"width": 2, "height": 3, "link": link})
    packets = np.array([(0, 1, 2), (0, 1, 2), (0, 5, 6), (0, 5, 6)], dtype=PACKET_DTYPE)
    result = em.run_mesh(chip, packets, engine=engine)
    assert (result.arrive_ps - 93).tolist() == [2, 94, 7, 99]


def test_the_link_recovers_while_heads_of_its_fifos_go_elsewhere(engine: str) -> None:
    # Tile 1 sends over the border at 2, home at 3, over it again at 52; tile 5 sends home at 2, unhindered.
    packets = np.array([(0, 1, 2), (0, 1, 0), (0, 1, 2), (0, 5, 4)], dtype=PACKET_DTYPE)
    result = em.run_mesh(board(3), packets, engine=engine)
    assert result.arrive_ps.tolist() == [2 + 23, 3 + 6, 52 + 23, 2 + 6]


def test_each_direction_has_its_own_link(engine: str) -> None:
    packets = [(0, 1, 2), (0, 2, 1), (0, 5, 6), (0, 6, 5)]
    assert grants(engine, board(3), packets) == [2, 2, 52, 52]


def test_columns_are_merged_to_the_north_and_south(engine: str) -> None:
    # Chips of 3 x 1 tiles: columns 0 and 1 share, column 2 is alone.
    chip = board(2, width=3, height=2, chip={"width": 3, "height": 1, "link": LINK | {"merge": 2}})
    packets = np.array([(0, 0, 3), (0, 1, 4), (0, 2, 5), (0, 4, 1), (0, 3, 0)], dtype=PACKET_DTYPE)
    result = em.run_mesh(chip, packets, engine=engine)
    assert (result.arrive_ps - 33).tolist() == [2, 52, 2, 52, 2]


def test_a_lost_packet_takes_the_time_of_the_link(engine: str) -> None:
    lossy = [{"x": 1, "y": 0, "side": "E", "probability": 1.0}]
    chip = board(2, faults={"lossy": lossy})
    result = em.run_mesh(chip, np.array([(0, 1, 2), (0, 5, 6)], dtype=PACKET_DTYPE), engine=engine)
    assert result.arrive_ps.tolist() == [0, 52 + 23] and result.link_losses.sum() == 1


def test_every_tick_starts_with_the_links_at_rest(engine: str) -> None:
    """Each tick of a network that does the same in all of them takes the same time."""
    chip = board(3, intake_depth=4, arbiter="round_robin")
    network = em.Network("steady")
    always = network.add_source("in", 12, em.Regular(1, 0))
    relay = network.add_population("relay", 24, em.LoihiCuba(dv=4095, vth_mant=1))
    weights = em.Triplets(np.arange(24) // 2, np.arange(24), np.full(24, 200), 1)
    network.connect(always, relay, weights)
    network.connect(relay, relay, em.Triplets(np.arange(24), (np.arange(24) + 9) % 24, np.full(24, 1), 1))
    mapping = {"relay": np.arange(24) % chip.n_cores}
    program = em.compile(network, chip, mapping=mapping)
    tick_ps = em.run(program, 12, engine=engine).tick_ps
    assert len(set(tick_ps[6:].tolist())) == 1 and tick_ps[6] > tick_ps[0]


@pytest.mark.parametrize("arbiter", ["round_robin", "fixed", "oldest"])
def test_twin_wide_routers_are_merged_like_all(arbiter: str) -> None:
    """More ports than a word has bits."""
    chip = board(3, arbiter=arbiter).replace({"cores.per_tile": 70})
    rng = np.random.default_rng(3)
    packets = np.zeros(150, dtype=PACKET_DTYPE)
    packets["src"], packets["dst"] = rng.integers(0, 12, (2, 150))
    assert_equal(chip, packets)


def assert_equal(chip: em.ChipSpec, packets: Any) -> None:
    engines = ("reference", "native")
    reference, loop = (em.run_mesh(chip, packets, engine=engine, trace=True) for engine in engines)
    for field in dataclasses.fields(em.MeshResult):
        assert np.array_equal(getattr(reference, field.name), getattr(loop, field.name)), field.name


@st.composite
def boards(draw: st.DrawFn, faulty: bool = False) -> em.ChipSpec:
    """Those of which some link grants for two rows at least. faulty: some are dead or lossy."""
    chip = draw(chips(BASE))
    width, height = (draw(st.integers(2, 4)) for _ in range(2))
    n_x, n_y = draw(st.sampled_from(((2, 1), (1, 2), (2, 2), (3, 1))))
    link = chip.mesh.chip.link.model_dump() if chip.mesh.chip else dict(LINK)
    link["merge"] = draw(st.integers(2, max(width, height)))
    cut = chip.replace(
        {
            "mesh.width": width * n_x,
            "mesh.height": height * n_y,
            "mesh.chip": {"width": width, "height": height, "link": link},
            "host_port": {"x": 0, "y": 0, "side": "W"},
        }
    )
    if not faulty:
        return cut
    links = [
        dict(zip("xy", cut.coordinates(tile), strict=True)) | {"side": "EWNS"[side]}
        for tile, side in np.argwhere(border_links(cut)).tolist()
    ]
    few = st.lists(st.sampled_from(links), unique_by=str, max_size=4)
    lossy = [one | {"probability": draw(st.sampled_from((0.1, 0.5, 1.0)))} for one in draw(few)]
    return cut.replace({"mesh.faults": {"policy": "drop", "links": draw(few), "lossy": lossy}})


@st.composite
def crowds(draw: st.DrawFn, chip: em.ChipSpec) -> Any:
    """Far more traffic than the links between the chips take at once, or a few packets."""
    n, span = draw(st.integers(0, 200)), draw(st.sampled_from((1, 10, 300)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    packets["inject_ps"] = rng.integers(0, span, n)
    packets["src"], packets["dst"] = rng.integers(0, chip.n_tiles, (2, n))
    return packets


def test_the_boards_drawn_merge_rows_that_compete() -> None:
    """Else the laws would say nothing of them."""

    def competes(chip: em.ChipSpec) -> bool:
        return chip.mesh.chip is not None and chip.mesh.chip.link.merge > 1 and chip.n_chips > 1

    find(chips(BASE), competes, settings=settings(max_examples=2000, phases=[Phase.generate]))


@law
@given(st.data())
def test_twin_crowds_on_merged_links_are_equal_to_the_picosecond(data: st.DataObject) -> None:
    chip = data.draw(boards(faulty=data.draw(st.booleans())))
    assert_equal(chip, data.draw(crowds(chip)))


@law
@given(st.data())
def test_no_instant_depends_on_the_order_of_events(data: st.DataObject) -> None:
    chip = data.draw(boards())
    packets = data.draw(crowds(chip))
    arguments = (chip, *(packets[name].astype(kind) for name, kind in COLUMNS))
    queue = data.draw(st.builds(Queue, heap_only=st.booleans(), shuffle=st.integers(0, 2**63 - 1)))
    (usual, _), (other, _) = native_mesh.count_mesh(*arguments), native_mesh.count_mesh(*arguments, queue)
    for name, values in usual.items():
        assert np.array_equal(values, other[name]), name


COLUMNS = (("inject_ps", np.int64), ("src", np.int32), ("dst", np.int32))


@law
@given(st.data())
def test_a_link_never_grants_twice_within_its_cycle(data: st.DataObject) -> None:
    chip = data.draw(boards(faulty=True))
    packets = data.draw(crowds(chip))
    result = em.run_mesh(chip, packets, engine="reference", trace=True)
    assert result.grants is not None and chip.mesh.chip is not None
    first, border = shared_links(chip), border_links(chip)
    by_link: dict[int, list[int]] = {}
    for _, tile, port, at_ps in result.grants.tolist():
        if port < 4 and border[tile, port]:
            by_link.setdefault(int(first[tile, port]), []).append(at_ps)
    for instants in by_link.values():
        gaps = [later - earlier for earlier, later in pairwise(sorted(instants))]
        assert min(gaps, default=chip.mesh.chip.link.cycle_ps) >= chip.mesh.chip.link.cycle_ps


@law
@given(st.data())
def test_merged_rows_are_never_sooner_than_their_wire_limit(data: st.DataObject) -> None:
    chip = data.draw(boards())
    packets = data.draw(traffic(chip))
    packets["inject_ps"] = 0
    result = em.run_mesh(chip, packets)
    limit = result.wire_limit
    assert limit is None or result.makespan_ps >= limit.bound_ps


@law
@given(st.data())
def test_a_group_of_one_row_is_a_link_of_its_own(data: st.DataObject) -> None:
    """On boards of one row of tiles, where each side of a chip has one row, merging changes nothing."""
    chip = data.draw(chips(BASE)).replace({"mesh.chip": None})
    width, n_x = data.draw(st.integers(2, 3)), data.draw(st.integers(2, 3))
    link = LINK | {"cycle_ps": data.draw(st.integers(1, 60))}
    changes = {"mesh.width": width * n_x, "mesh.height": 1, "host_port": {"x": 0, "y": 0, "side": "W"}}
    packets = None
    results = []
    for merge in (1, 2):
        tiles = {"width": width, "height": 1, "link": link | {"merge": merge}}
        cut = chip.replace(changes | {"mesh.chip": tiles})
        packets = data.draw(crowds(cut)) if packets is None else packets
        results += [em.run_mesh(cut, packets, engine=engine) for engine in ("reference", "native")]
    for result in results[1:]:
        assert np.array_equal(result.arrive_ps, results[0].arrive_ps)
        assert np.array_equal(result.occupancy_max, results[0].occupancy_max)


def test_sweeps_leave_merged_links_to_the_loop() -> None:
    assert sweep.can_sweep(board(1)) and not sweep.can_sweep(board(2))
