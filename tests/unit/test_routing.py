"""Routings: ways by hand, the channel dependency graph against the ways themselves, loads against walks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator.chip.channels import channels_text, cycle_of, topological_order
from emulator.chip.grid import Grid
from emulator.chip.loads import link_loads
from emulator.chip.routing import CODES, Routing, make_routing
from emulator.chip.spec import ChipSpec
from emulator.testing.forced import with_routes

E, W, N, S = range(4)
AROUND = [[4, E, E, E], [N, 4, N, N], [S, S, 4, S], [W, W, W, 4]]  # 0 -> 1 -> 3 -> 2 -> 0 in a mesh of 2 x 2


def sides(order: str, src: int, dst: int) -> str:
    """The way through a mesh of 4 x 4."""
    return "".join("EWNS"[side] for _, side in make_routing(order, Grid(4, 4)).route(src, dst))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        # between (1, 1) and (3, 3), (3, 0), (0, 3), (0, 0)
        ("xy", ["EENN", "EES", "WNN", "WS"]),
        ("yx", ["NNEE", "SEE", "NNW", "SW"]),
        ("west_first", ["NNEE", "SEE", "WNN", "WS"]),
        ("table", ["EENN", "SEE", "WNN", "WS"]),  # negative-first: west and south before east and north
    ],
)
def test_a_packet_takes_the_way_its_routing_says(order: str, expected: list[str]) -> None:
    assert [sides(order, 5, to) for to in (15, 3, 12, 0)] == expected
    assert sides(order, 5, 5) == "" and sides(order, 5, 7) == "EE" and sides(order, 5, 13) == "NN"


@st.composite
def grids(draw: st.DrawFn, faulty: bool = False) -> Grid:
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    tile = st.integers(0, width * height - 1)
    if not faulty:
        return Grid(width, height)
    whole = Grid(width, height)
    links = draw(st.frozensets(st.tuples(tile, st.integers(0, 3)), max_size=8))
    dead = draw(st.frozensets(tile, max_size=3))
    return Grid(width, height, dead, frozenset(link for link in links if whole.has_neighbour(*link)))


def taken(routing: Routing) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """Every pair of links that a packet takes one after the other."""
    n = routing.grid.n_tiles
    ways = [
        list(routing.route(src, dst)) for src in range(n) for dst in range(n) if routing.reaches([src], [dst])
    ]
    return {pair for way in ways for pair in pairwise(way)}


@given(grids(faulty=True), st.sampled_from(list(CODES)))
def test_the_dependencies_are_the_pairs_of_links_on_some_way(grid: Grid, order: str) -> None:
    routing = make_routing(order, grid)
    found = {
        ((tile, side), (grid.neighbour(tile, side), turn))
        for tile, side, turn in np.argwhere(routing.arcs()).tolist()
    }
    assert found == taken(routing)
    channels, cycle = topological_order(routing)
    place = {divmod(channel, 4): number for number, channel in enumerate(channels.tolist())}
    assert not cycle and len(place) == 4 * grid.n_tiles
    assert all(place[before] < place[after] for before, after in found)


@given(grids(), st.sampled_from(list(CODES)))
def test_without_faults_every_way_is_as_short_as_can_be(grid: Grid, order: str) -> None:
    routing = make_routing(order, grid)
    for src in range(grid.n_tiles):
        for dst in range(grid.n_tiles):
            distance = abs(src % grid.width - dst % grid.width) + abs(src // grid.width - dst // grid.width)
            assert len(list(routing.route(src, dst))) == distance


@given(grids(faulty=True), st.sampled_from(list(CODES)), st.data())
def test_loads_are_those_of_a_walk_along_every_way(grid: Grid, order: str, data: st.DataObject) -> None:
    routing, tile = make_routing(order, grid), st.integers(0, grid.n_tiles - 1)
    flows = data.draw(st.lists(st.tuples(tile, tile, st.integers(0, 9)), max_size=12))
    walked: Counter[tuple[int, int]] = Counter()
    flows = [flow for flow in flows if routing.reaches([flow[0]], [flow[1]])[0]]
    for src, dst, n in flows:
        for link in routing.route(src, dst):
            walked[link] += n
    src, dst, n_packets = np.array(flows, dtype=np.int64).reshape(-1, 3).T
    loads = link_loads(routing, src, dst, n_packets)
    assert {(tile, side): n for (tile, side), n in np.ndenumerate(loads) if n} == +walked


@given(grids(faulty=True), st.sampled_from(list(CODES)))
def test_what_is_reached_is_what_live_links_lead_to(grid: Grid, order: str) -> None:
    routing, whole = make_routing(order, grid), make_routing(order, Grid(grid.width, grid.height))
    for src in range(grid.n_tiles):
        for dst in range(grid.n_tiles):
            reached = routing.reaches(np.array([src]), np.array([dst]))[0]
            if order == "table":
                assert not reached or all(grid.links[link] for link in routing.route(src, dst))
            else:
                live = all(grid.links[link] for link in whole.route(src, dst))
                assert reached == (live and grid.tiles[src] and grid.tiles[dst])


@given(grids(faulty=True))
def test_a_table_reaches_whatever_links_alive_both_ways_lead_to(grid: Grid) -> None:
    routing = make_routing("table", grid)
    for src in np.flatnonzero(grid.tiles).tolist():
        reached, waiting = {src}, [src]
        while waiting:
            tile = waiting.pop()
            for side in np.flatnonzero(grid.links[tile]).tolist():
                beyond = grid.neighbour(tile, side)
                if beyond not in reached and grid.links[beyond, side ^ 1]:
                    reached.add(beyond)
                    waiting.append(beyond)
        assert all(routing.reaches(np.array([src]), np.array([dst]))[0] for dst in reached)


def test_parts_joined_in_one_direction_are_rooted_where_they_are_left() -> None:
    """Tile 0 has lost its link east, tile 2 its link south: 0 leads to 2 only, 1 to 0; 1, 3 and 2 are joined.
    If 0 were the lowest, a packet from it would go down to 2 and could not climb from there."""
    routing = make_routing("table", Grid(2, 2, frozenset(), frozenset({(0, E), (2, S)})))
    src, dst = np.divmod(np.arange(16), 4)
    assert routing.reaches(src, dst).all() and not topological_order(routing)[1]


def test_a_large_mesh_is_sorted_level_by_level() -> None:
    for order in ("xy", "yx", "west_first"):
        channels, cycle = topological_order(make_routing(order, Grid(200, 150)))
        assert len(channels) == 4 * 200 * 150 and not cycle


def test_ways_around_a_ring_have_a_cycle_and_it_is_named() -> None:
    cycle = cycle_of("table", Grid(2, 2), np.array(AROUND, dtype=np.int8).tobytes())
    assert cycle == ((0, E), (1, N), (3, W), (2, S))
    assert channels_text(cycle, 2) == "(0, 0) E -> (1, 0) N -> (1, 1) W -> (0, 1) S -> (0, 0) E"


@pytest.fixture
def nothing_cached() -> Iterator[None]:
    """Forgets what was found out before of meshes of the same size, and what is found out here."""

    def forget() -> None:
        cycle_of.cache_clear()
        make_routing.cache_clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("nothing_cached")
def test_a_routing_with_a_cycle_is_refused(tiny: ChipSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """No description can ask for one, so that one is given every turn."""
    from emulator.chip import routing

    monkeypatch.setitem(routing._TURNS, "xy", {**routing._TURNS["xy"], N: (N, E, W), S: (S, E, W)})
    with pytest.raises(
        em.SpecError,
        match=r"mesh\.routing: 'xy', links wait for each other in a circle, (\(\d, \d\) [EWNS] -> )+"
        r"\(\d, \d\) [EWNS], so that packets .*: choose from 'xy', 'yx', 'west_first', 'table'",
    ):
        tiny.replace({"mesh.width": 3, "mesh.height": 5})


def test_routes_forced_on_a_chip_pass_the_check_and_stay_with_the_copy(tiny: ChipSpec) -> None:
    forced = with_routes(tiny, AROUND)
    assert forced.routing.next_side(0, 2) == E and tiny.routing.next_side(0, 2) == N
    assert forced != tiny and forced.replace({}) == tiny


def test_the_shipped_chips_route_without_a_cycle() -> None:
    for name in em.chips():
        chip = em.load_chip(name)
        assert not cycle_of(chip.mesh.routing, chip.grid)
