"""ChipSpec: the shipped numbers against the published tables, derived values by hand, every refusal."""

from __future__ import annotations

import json
import pickle
from typing import Any

import msgpack
import numpy as np
import pytest
from pydantic import ValidationError

import emulator as em
from emulator.chip.board import border_links, chips_of, cores_by_chip, shared_links
from emulator.chip.spec import ChipSpec

# Davies et al. 2018, text and table 2; limits as the public emulators check them.
DAVIES_2018 = {
    "mesh.width": 8,
    "mesh.height": 4,
    "cores.per_tile": 4,
    "mesh.hop_ps.ew": 4100,
    "mesh.hop_ps.ns": 6500,
    "limits.compartments": 1024,
    "limits.axons_in": 4096,
    "limits.axons_out": 4096,
    "limits.synapse_memory_bits": 16384 * 64,
    "limits.delay_ticks": 63,
    "limits.delay_slots": 8 * 1024,
    "limits.compartment_configs": 32,
    "limits.threshold_configs": 16,
    "limits.refractory_ticks": 63,
    "static_power_mw": 104,
}
SPICE = {
    "energy_pj.synaptic_op_dense": 23.6,
    "energy_pj.synaptic_op_sparse": 23.6,
    "energy_pj.update_inactive": 52,
    "energy_pj.update_active": 81,
    "energy_pj.spike": 0,
    "energy_pj.send": 1.7,
    "energy_pj.receive": 0,
    "energy_pj.hop_ew": 3.0,
    "energy_pj.hop_ns": 4.0,
    "latency_ps.synaptic_op_dense": 3500,
    "latency_ps.synaptic_op_sparse": 3500,
    "latency_ps.update_inactive": 5300,
    "latency_ps.update_active": 8400,
    "latency_ps.spike": 0,
    "latency_ps.send": 2100,
    "latency_ps.receive": 0,
}
# Public constants of SANA-FE for Loihi: an active update is an access and an update.
SILICON = {
    "energy_pj.synaptic_op_dense": 35.5,
    "energy_pj.synaptic_op_sparse": 33.6,
    "energy_pj.update_inactive": 51.2,
    "energy_pj.update_active": 51.2 + 21.6,
    "energy_pj.spike": 69.3,
    "energy_pj.send": 111.0,
    "energy_pj.receive": 0,
    "energy_pj.hop_ew": 3.0,
    "energy_pj.hop_ns": 4.2,
    "latency_ps.synaptic_op_dense": 3800,
    "latency_ps.synaptic_op_sparse": 4700,
    "latency_ps.update_inactive": 6000,
    "latency_ps.update_active": 6000 + 3700,
    "latency_ps.spike": 30000,
    "latency_ps.send": 5100,
    "latency_ps.receive": 16000,
}


def value_at(chip: ChipSpec, path: str) -> Any:
    return {parameter.path: parameter.value for parameter in chip.parameters()}[path]


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("loihi", DAVIES_2018 | SILICON),
        ("loihi-spice", DAVIES_2018 | SPICE),
    ],
)
def test_a_shipped_chip_has_the_published_numbers(name: str, published: dict[str, float]) -> None:
    chip = em.load_chip(name)
    assert {path: value_at(chip, path) for path in published} == pytest.approx(published)


def test_the_two_cost_profiles_of_loihi_share_everything_but_costs() -> None:
    fitted, simulated = em.load_chip("loihi").to_dict(), em.load_chip("loihi-spice").to_dict()
    differing = {key for key in fitted if fitted[key] != simulated[key]}
    assert differing == {"name", "description", "latency_ps", "energy_pj", "barrier_ps"}


def test_the_wide_chip_is_loihi_with_memories_lifted_and_says_it_is_not_real() -> None:
    wide, loihi = em.load_chip("loihi-wide"), em.load_chip("loihi")
    assert not wide.real_chip and "no real chip" in wide.description.lower()
    assert (wide.latency_ps, wide.energy_pj, wide.barrier_ps) == (
        loihi.latency_ps,
        loihi.energy_pj,
        loihi.barrier_ps,
    )
    limits = wide.limits.model_dump()
    assert limits.pop("compartments") == 1024
    assert set(limits.values()) == {None}


@pytest.mark.parametrize(
    ("n_tiles", "expected_ps"),
    [
        (1, 600_000),
        (2, 1_000_000),
        (3, 1_000_000),
        (4, 1_400_000),
        (28, 1_400_000),
        (29, 1_800_000),
        (32, 1_800_000),
    ],
)
def test_the_barrier_is_the_entry_of_the_largest_count_not_above(n_tiles: int, expected_ps: int) -> None:
    assert em.load_chip("loihi").barrier_of(n_tiles) == expected_ps


def test_the_simulated_barrier_is_linear_between_its_published_ends() -> None:
    chip = em.load_chip("loihi-spice")
    assert sorted(chip.barrier_ps) == list(range(1, 33))
    assert chip.barrier_of(1) == 113_000 and chip.barrier_of(32) == 465_000
    for n_tiles in range(1, 33):
        exact = 113_000 + (n_tiles - 1) * 352_000 / 31
        assert abs(chip.barrier_of(n_tiles) - exact) <= 0.5


def test_a_barrier_over_no_tile_is_refused(tiny: ChipSpec) -> None:
    with pytest.raises(em.SpecError, match="barrier over 0 tiles, at least 1"):
        tiny.barrier_of(0)


def test_tiles_and_cores_are_numbered_row_by_row(tiny: ChipSpec) -> None:
    chip = tiny.replace({"mesh.width": 3, "cores.per_tile": 4, "host_port": {"x": 2, "y": 1, "side": "E"}})
    assert (chip.n_tiles, chip.n_cores, chip.n_ports) == (6, 24, 8)
    assert [chip.coordinates(tile) for tile in range(6)] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert [chip.tile_of(core) for core in (0, 3, 4, 23)] == [0, 0, 1, 5]
    assert chip.host_tile == 5


CHIP = {"width": 2, "height": 1, "link": {"hop_ps": {"ew": 5, "ns": 6}, "cycle_ps": 7}}


def test_a_chip_that_is_not_cut_is_one_chip(tiny: ChipSpec) -> None:
    assert tiny.mesh.chip is None and tiny.energy_pj.hop_chip == 0.0
    assert (tiny.n_chips, tiny.chip_size) == (1, (2, 2))
    assert [tiny.chip_of(tile) for tile in range(4)] == [0, 0, 0, 0]
    assert not border_links(tiny).any()
    assert cores_by_chip(tiny).tolist() == list(range(8))


def test_chips_of_a_board_count_from_the_south_west_row_by_row(tiny: ChipSpec) -> None:
    # chips 0 and 1 below, 2 and 3 above: tiles 0 1 | 2 3 and 4 5 | 6 7
    board = tiny.replace({"mesh.width": 4, "mesh.chip": CHIP})
    owners = [0, 0, 1, 1, 2, 2, 3, 3]
    assert (board.n_chips, board.chip_size) == (4, (2, 1))
    assert [board.chip_of(tile) for tile in range(8)] == owners
    assert chips_of(board, np.arange(8)).tolist() == owners
    crossing = {(tile, "EWNS"[side]) for tile, side in np.argwhere(border_links(board)).tolist()}
    upright = {(1, "E"), (2, "W"), (5, "E"), (6, "W")}
    assert crossing == upright | {(x, "N") for x in range(4)} | {(x + 4, "S") for x in range(4)}


def test_neighbouring_rows_of_a_side_share_a_link_with_the_first_of_them(tiny: ChipSpec) -> None:
    # chips of 3 x 2 tiles: 0 1 2 | 3 4 5, above 6 7 8 | 9 10 11; then the same again from tile 12 on
    size = {"mesh.width": 6, "mesh.height": 4}
    board = tiny.replace(size | {"mesh.chip": {**CHIP, "width": 3, "height": 2}})
    own = np.arange(24 * 4).reshape(24, 4)
    assert (shared_links(board) == own).all() and (shared_links(tiny) == np.arange(16).reshape(4, 4)).all()
    merged = shared_links(board.replace({"mesh.chip.link.merge": 2}))
    joined = {(tile, "EWNS"[side]): merged[tile, side] for tile, side in np.argwhere(merged != own).tolist()}
    assert {key: (int(first) // 4, "EWNS"[first % 4]) for key, first in joined.items()} == {
        # the upper row of a chip joins the lower one; the middle column the western one, the third is alone
        (8, "E"): (2, "E"), (9, "W"): (3, "W"), (20, "E"): (14, "E"), (21, "W"): (15, "W"),
        (7, "N"): (6, "N"), (10, "N"): (9, "N"), (13, "S"): (12, "S"), (16, "S"): (15, "S"),
    }  # fmt: skip
    assert (shared_links(board.replace({"mesh.chip.link.merge": 3}))[[7, 8], 2] == 6 * 4 + 2).all()


def test_no_more_rows_are_merged_than_a_chip_has(tiny: ChipSpec) -> None:
    board = tiny.replace({"mesh.width": 4, "mesh.chip": CHIP})
    assert board.mesh.chip is not None and board.mesh.chip.link.merge == 1
    assert board.replace({"mesh.chip.link.merge": 2}).mesh.chip.link.merge == 2
    too_many = r"mesh\.chip\.link\.merge: 3, a chip of the board has 2 x 1 tiles: at most 2, its longer side"
    with pytest.raises(em.SpecError, match=too_many):
        board.replace({"mesh.chip.link.merge": 3})
    with pytest.raises(em.SpecError, match=r"mesh\.chip\.link\.merge: 0, must be at least 1"):
        board.replace({"mesh.chip.link.merge": 0})


def test_cores_are_ordered_chip_by_chip_then_by_id(tiny: ChipSpec) -> None:
    # two cores per tile; chip 0 is the tiles 0, 1, 4, 5
    board = tiny.replace({"mesh.width": 4, "mesh.chip": CHIP | {"height": 2}})
    assert cores_by_chip(board).tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]


def test_a_mesh_is_cut_into_chips_and_joined_again_by_replace(tiny: ChipSpec) -> None:
    link = {"mesh.chip.link.hop_ps": {"ew": 5, "ns": 6}, "mesh.chip.link.cycle_ps": 7}
    board = tiny.replace({"mesh.chip.width": 2, "mesh.chip.height": 1, **link})
    assert board == tiny.replace({"mesh.chip": CHIP})
    assert board.replace({"mesh.chip.link.hop_ps.ew": 9}).mesh.chip.link.hop_ps.ew == 9
    assert board.replace({"mesh.chip": None}) == tiny
    assert ChipSpec.from_dict(json.loads(json.dumps(board.to_dict()))) == board
    assert repr(board) == "<ChipSpec 'tiny': 2 x 2 tiles on 2 chips, 2 cores each>"


def test_a_description_from_before_there_were_boards_is_one_chip(tiny: ChipSpec) -> None:
    old = tiny.to_dict()
    del old["mesh"]["chip"], old["energy_pj"]["hop_chip"]
    assert ChipSpec.from_dict(old) == tiny


def test_every_mistake_in_the_chips_of_a_board_is_told_at_once(tiny: ChipSpec) -> None:
    with pytest.raises(em.SpecError) as caught:
        tiny.replace(
            {
                "mesh.width": 8,
                "mesh.chip": {"width": 3, "height": 4, "link": {"hop_ps": {"ew": 0}, "cycle": 1}},
                "energy_pj.hop_chip": -1,
            }
        )
    text = str(caught.value)
    for words in (
        "mesh.chip.width: 3, does not divide mesh.width 8: choose from 1, 2, 4, 8",
        "mesh.chip.height: 4, does not divide mesh.height 2: choose from 1, 2",
        "mesh.chip.link.hop_ps.ew: 0, must be at least 1",
        "mesh.chip.link.hop_ps.ns: missing; add it",
        "mesh.chip.link.cycle_ps: missing; add it",
        "mesh.chip.link.cycle: unknown key; did you mean 'cycle_ps'?",
        "energy_pj.hop_chip: -1, must be at least 0",
    ):
        assert words in text, words
    missing = r"mesh\.chip\.height: missing.*\n.*mesh\.chip\.link: missing; add a group"
    with pytest.raises(em.SpecError, match=missing):
        tiny.replace({"mesh.chip.width": 2})
    with pytest.raises(em.SpecError, match=r"mesh\.chip: 3 where there should be a group with the keys wi"):
        tiny.replace({"mesh.chip": 3})


BOARDS = {"nahuku32": (32, 64, 16), "kapoho-bay": (2, 16, 4)}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_loihi_several_times(name: str) -> None:
    board, loihi = em.load_chip(name), em.load_chip("loihi")
    n_chips, width, height = BOARDS[name]
    assert (board.n_chips, board.mesh.width, board.mesh.height) == (n_chips, width, height)
    assert board.chip_size == (loihi.mesh.width, loihi.mesh.height)
    assert board.n_cores == n_chips * 128 and board.real_chip
    one = board.to_dict() | {key: loihi.to_dict()[key] for key in ("name", "description", "barrier_ps")}
    one["mesh"] |= {"width": 8, "height": 4, "chip": None}
    one["energy_pj"]["hop_chip"], one["static_power_mw"] = 0.0, loihi.static_power_mw
    assert ChipSpec.from_dict(one) == loihi


def test_a_nahuku_board_at_rest_draws_what_was_measured() -> None:
    board = em.load_chip("nahuku32")
    assert board.n_chips * board.static_power_mw == 3340  # Frady 2020
    assert em.load_chip("kapoho-bay").static_power_mw == board.static_power_mw


@pytest.mark.parametrize("name", BOARDS)
def test_a_barrier_over_more_chips_adds_the_way_of_its_message(name: str) -> None:
    board, loihi = em.load_chip(name), em.load_chip("loihi")
    per_row = board.mesh.width // 8
    link, hop = board.mesh.chip.link.hop_ps, board.mesh.hop_ps
    for n_tiles in range(1, board.n_tiles + 1):
        row, column = divmod((n_tiles - 1) // 32, per_row)
        columns = column if row == 0 else per_row - 1
        way = 2 * columns * (link.ew + 7 * hop.ew) + 2 * row * (link.ns + 3 * hop.ns)
        assert board.barrier_of(n_tiles) == loihi.barrier_of(min(n_tiles, 32)) + way, n_tiles


@pytest.mark.parametrize(("n_compartments", "ticks"), [(1024, 8), (512, 16), (131, 62), (130, 63), (1, 63)])
def test_fewer_compartments_may_delay_longer(n_compartments: int, ticks: int) -> None:
    assert em.load_chip("loihi").delay_limit(n_compartments) == ticks


def test_a_lifted_delay_limit_is_none(wide: ChipSpec) -> None:
    assert wide.delay_limit(1024) is None
    assert wide.replace({"limits.delay_ticks": 5}).delay_limit(1024) == 5
    assert wide.replace({"limits.delay_slots": 4096}).delay_limit(1024) == 4


@pytest.mark.parametrize("name", em.chips())
def test_a_chip_survives_plain_tables_and_pickling(name: str) -> None:
    chip = em.load_chip(name)
    assert ChipSpec.from_dict(chip.to_dict()) == chip
    assert ChipSpec.from_dict(json.loads(json.dumps(chip.to_dict()))) == chip
    assert ChipSpec.from_dict(msgpack.unpackb(msgpack.packb(chip.to_dict()))) == chip
    assert pickle.loads(pickle.dumps(chip)) == chip
    assert len({chip, chip.replace({})}) == 1


def test_a_chip_cannot_be_changed_in_place(tiny: ChipSpec) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tiny.mesh.width = 5  # type: ignore[misc]


def test_replace_changes_a_copy_and_nothing_else(tiny: ChipSpec) -> None:
    before = tiny.to_dict()
    chip = tiny.replace({"mesh.width": 8, "mesh.hop_ps.ew": np.int64(7), "limits": {"axons_in": None}})
    assert tiny.to_dict() == before
    before["mesh"]["width"], before["mesh"]["hop_ps"]["ew"], before["limits"]["axons_in"] = 8, 7, None
    assert chip.to_dict() == before


def test_replace_takes_the_barrier_table_whole_or_entry_by_entry(tiny: ChipSpec) -> None:
    assert tiny.barrier_ps == {1: 5, 2: 7, 4: 9}
    assert tiny.replace({"barrier_ps": {1: 3}}).barrier_ps == {1: 3}
    assert tiny.replace({"barrier_ps.2": 8, "barrier_ps.3": 1}).barrier_ps == {1: 5, 2: 8, 3: 1, 4: 9}


def test_replace_takes_a_group_of_another_chip(tiny: ChipSpec) -> None:
    loihi = em.load_chip("loihi")
    assert tiny.replace({"energy_pj": loihi.energy_pj}).energy_pj == loihi.energy_pj


def test_every_value_is_explained_with_its_unit(tiny: ChipSpec) -> None:
    units = {"_ps": "ps", "energy_pj": "pJ", "_bits": "bits", "_ticks": "ticks", "_mw": "mW"}
    parameters = tiny.parameters()
    assert len({parameter.path for parameter in parameters}) == len(parameters) >= 50
    for path, _, meaning in parameters:
        assert len(meaning) > 5, path
        for key, unit in units.items():
            if key in path.replace("latency_ps", "_ps"):
                assert unit in meaning, path


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"mesh.width": 0}, r"mesh\.width: 0, must be at least 1 \(tiles from west to east\)"),
    ({"mesh.width": 1025}, r"mesh\.width: 1025, must be at most 1024"),
    ({"mesh.height": 2.0}, r"mesh\.height: 2\.0, must be an integer"),
    ({"mesh.height": True}, r"mesh\.height: True, must be an integer"),
    ({"mesh.height": "2"}, r"mesh\.height: '2', must be an integer"),
    ({"mesh.fifo_depth": 0}, r"mesh\.fifo_depth: 0, must be at least 1"),
    ({"mesh.intake_depth": -1}, r"mesh\.intake_depth: -1, must be at least 1"),
    ({"mesh.arbiter": "roundrobin"}, r"choose from 'round_robin', 'fixed' or 'oldest'"),
    ({"mesh.routing": "zigzag"}, r"mesh\.routing: 'zigzag', choose from 'xy', 'yx', 'west_first' or 'table'"),
    (
        {"mesh.routing": "table", "mesh.width": 64, "mesh.height": 65},
        r"mesh\.routing: 'table', 64 x 65 tiles are 4160, limit 4096: choose from 'xy', 'yx', 'west_first'",
    ),
    ({"mesh.multicast": "all"}, r"mesh\.multicast: 'all', choose from 'none' or 'tree'"),
    (
        {"mesh.multicast": "tree", "mesh.routing": "yx"},
        r"mesh\.multicast: 'tree', mesh\.routing is 'yx': take mesh\.routing 'xy'",
    ),
    (
        {
            "mesh.multicast": "tree",
            "mesh.faults": {"lossy": [{"x": 0, "y": 0, "side": "E", "probability": 0.5}]},
        },
        r"mesh\.multicast: 'tree', mesh\.faults\.lossy has 1 links: take 'none', or none of them",
    ),
    ({"mesh.hop_ps.ew": 0}, r"mesh\.hop_ps\.ew: 0, must be at least 1 \(hop east or west, ps\)"),
    ({"mesh.cycle_ps": 10**9 + 1}, r"mesh\.cycle_ps: 1000000001, must be at most 1000000000"),
    ({"mesh.credit_ps": None}, r"mesh\.credit_ps: None, must be an integer"),
    ({"mesh.hop_ps": 5}, r"mesh\.hop_ps: 5 where there should be a group with the keys ew, ns"),
    ({"mesh.hop_ns": 5}, r"mesh\.hop_ns: unknown key; did you mean 'hop_ps'\? choose from width"),
    ({"mesh.widht": 5}, r"mesh\.widht: unknown key; did you mean 'width'\?"),
    ({"width": 5}, r"width: unknown key; did you mean 'mesh\.width'\?"),
    ({"colour": "red"}, r"colour: unknown key; .*choose from name, description"),
    ({"mesh.width.x": 5}, r"mesh\.width\.x: unknown key; 'width' holds a value"),
    ({"cores.per_tile": 0}, r"cores\.per_tile: 0, must be at least 1"),
    ({"host_port.x": 2}, r"host_port\.x: 2, outside the mesh of 2 x 2 tiles: 0\.\.1"),
    ({"host_port.y": -1}, r"host_port\.y: -1, must be at least 0"),
    ({"host_port.side": "E"}, r"host_port\.side: 'E', tile \(0, 0\) has a neighbour .*choose from W, S"),
    ({"host_port.side": "north"}, r"host_port\.side: 'north', choose from 'E', 'W', 'N' or 'S'"),
    (
        {"mesh": {"width": 3, "height": 3}, "host_port": {"x": 1, "y": 1}},
        r"move the port to a tile on the edge",
    ),
    ({"domain": "clock"}, r"domain: 'clock', choose from 'barrier' or 'fixed'"),
    ({"barrier_ps": None}, r"barrier_ps: null, domain 'barrier' ends a tick with it: give a table, or take"),
    ({"tick_ps": 9}, r"tick_ps: 9, domain 'barrier' ends a tick when its work is done: set it to null or"),
    ({"tick_ps": 0, "domain": "fixed"}, r"tick_ps: 0, must be at least 1 \(duration of a tick in domain"),
    ({"tick_ps": 10**12 + 1}, r"tick_ps: 1000000000001, must be at most 1000000000000"),
    (
        {"domain": "fixed", "barrier_ps": None},
        r"tick_ps: null, domain 'fixed' begins a tick every tick_ps",
    ),
    ({"domain": "fixed", "tick_ps": 9}, r"barrier_ps: given, but domain 'fixed' has no barrier: set it to n"),
    ({"cores.model": "snn"}, r"cores\.model: 'snn', choose from 'cuba' or 'truenorth'"),
    (
        {"synapse_format": None},
        r"synapse_format: null, cores\.model 'cuba' packs .*with the keys weight",
    ),
    (
        {"arithmetic.variant": "ranc"},
        r"arithmetic\.variant: 'ranc', cores\.model is 'cuba': take 'chip', or cores\.model 'truenorth'",
    ),
    (
        {"arithmetic.neuron_reset_type": 1},
        r"arithmetic\.neuron_reset_type: 1, cores\.model is 'cuba': take 0, or cores\.model 'truenorth'",
    ),
    ({"arithmetic.neuron_reset_type": True}, r"arithmetic\.neuron_reset_type: True, must be an integer"),
    ({"arithmetic.variant": "nemo"}, r"arithmetic\.variant: 'nemo', choose from 'chip' or 'ranc'"),
    ({"barrier_ps": {}}, r"barrier_ps: entries for \[\] tiles, 1 tile must have one"),
    ({"barrier_ps": {2: 5}}, r"barrier_ps: entries for \[2\] tiles"),
    ({"barrier_ps": {1: -5}}, r"barrier_ps\.1: -5, must be at least 0"),
    ({"barrier_ps": {1: 5, 0: 5}}, r"barrier_ps\.0: .*the key must be an integer"),
    ({"barrier_ps": {1: 5, "two": 5}}, r"barrier_ps\.two: 'two', the key must be an integer"),
    ({"barrier_ps": 5}, r"barrier_ps: 5, must be a table"),
    ({"barrier_ps": {1: 10**12 + 1}}, r"must be at most 1000000000000"),
    ({"limits.compartments": None}, r"limits\.compartments: None, must be an integer"),
    (
        {"limits.compartments": 65},
        r"index_bits: at most 6 bits address 64 targets, limits\.compartments is 65",
    ),
    ({"limits.axons_in": 0}, r"limits\.axons_in: 0, must be at least 1"),
    ({"limits.delay_ticks": 64}, r"limits\.delay_ticks: 64, must be at most 63"),
    ({"limits.refractory_ticks": 64}, r"limits\.refractory_ticks: 64, must be at most 63"),
    ({"synapse_format.weight_bits": []}, r"weight_bits: \[\], must have at least 1 entries"),
    ({"synapse_format.weight_bits": [8, 4]}, r"weight_bits: \[8, 4\], must be strictly ascending"),
    ({"synapse_format.weight_bits": [8, 10]}, r"weight_bits\.1: 10, must be at most 9"),
    ({"synapse_format.weight_bits": 8}, r"weight_bits: 8, must be a list"),
    ({"synapse_format.index_bits": [0, 5]}, r"index_bits\.1: 5, must be 0 or in 6\.\.12"),
    ({"synapse_format.word_bits": 0}, r"word_bits: 0, must be at least 1"),
    ({"arithmetic.overflow": "wrap"}, r"arithmetic\.overflow: 'wrap', choose from 'chip'"),
    ({"latency_ps.spike": 1.5}, r"latency_ps\.spike: 1\.5, must be an integer"),
    ({"latency_ps.spike": -1}, r"latency_ps\.spike: -1, must be at least 0"),
    ({"latency_ps.hop_ew": 1}, r"latency_ps\.hop_ew: unknown key; did you mean 'energy_pj\.hop_ew'\?"),
    ({"energy_pj.send": float("nan")}, r"energy_pj\.send: nan, must be a finite number"),
    ({"energy_pj.send": float("inf")}, r"energy_pj\.send: inf, must be "),
    ({"energy_pj.send": -0.5}, r"energy_pj\.send: -0\.5, must be at least 0"),
    ({"energy_pj.send": "1.7"}, r"energy_pj\.send: '1\.7', must be a number"),
    ({"energy_pj.send": 0.0000005}, r"energy_pj\.send: 5e-07, must not have more than 6 decimals"),
    ({"static_power_mw": 0.0001}, r"static_power_mw: 0\.0001, must not have more than 3 decimals"),
    ({"name": ""}, r"name: '', must match"),
    ({"name": "../x"}, r"name: '\.\./x', must match"),
    ({"description": ""}, r"description: '', must be at least 1 characters"),
    ({"real_chip": "no"}, r"real_chip: 'no', must be true or false"),
    (
        {"mesh.width": 1024, "mesh.height": 1024},
        r"mesh: 1024 x 1024 tiles of 2 cores are 2097152 cores, limit 1048576",
    ),
    (
        {"mesh.fifo_depth": 2**20, "mesh.height": 16},
        r"mesh\.fifo_depth: 1048576 .* FIFO slots .*limit 67108864",
    ),
    ({5: 5}, r"5 is no key: give a dotted path"),
    ({"mesh.width": 5, "mesh": {"height": 1}}, r"mesh\.width: 'mesh' is given as a whole too"),
]


@pytest.mark.parametrize(("changes", "words"), MALFORMED, ids=[str(changes)[:60] for changes, _ in MALFORMED])
def test_a_malformed_chip_is_refused_with_path_value_and_limit(
    tiny: ChipSpec, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(em.SpecError, match=words) as caught:
        tiny.replace(changes)
    assert len(caught.value.problems) == 1


def test_all_violations_are_reported_at_once_rules_over_several_keys_included(tiny: ChipSpec) -> None:
    changes = {
        "mesh.cycle_ps": 0,
        "mesh.colour": 1,
        "energy_pj.spike": -1,
        "barrier_ps": {2: 5},
        "host_port.side": "E",
        "limits.compartments": 65,
    }
    with pytest.raises(em.SpecError, match="6 problems") as caught:
        tiny.replace(changes)
    assert len(caught.value.problems) == 6
    assert all("chip 'tiny'" in problem for problem in caught.value.problems)


def test_a_rule_over_several_keys_is_silent_while_one_of_them_is_wrong_by_itself(tiny: ChipSpec) -> None:
    with pytest.raises(em.SpecError) as caught:
        tiny.replace({"mesh.width": "three", "host_port.x": 7})
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["mesh.width"]


def test_an_empty_description_is_told_everything_it_lacks() -> None:
    with pytest.raises(
        em.SpecError, match="energy_pj: missing; add a group with the keys update_inactive"
    ) as caught:
        ChipSpec.from_dict({})
    assert len(caught.value.problems) == len(ChipSpec.model_fields) - 3  # tick_ps, barrier_ps, synapse_format


@pytest.mark.parametrize("data", [None, 5, "loihi", [1, 2]])
def test_what_is_no_table_is_no_chip(data: Any) -> None:
    with pytest.raises(em.SpecError, match="where there should be a group with the keys name"):
        ChipSpec.from_dict(data)


def test_the_constructor_refuses_as_from_dict_does(tiny: ChipSpec) -> None:
    values = dict(tiny) | {"static_power_mw": -1}
    with pytest.raises(em.SpecError, match=r"static_power_mw: -1, must be at least 0"):
        ChipSpec(**values)


def test_zero_costs_are_allowed(tiny: ChipSpec) -> None:
    free = {f"latency_ps.{key}": 0 for key in type(tiny.latency_ps).model_fields}
    free |= {f"energy_pj.{key}": 0 for key in type(tiny.energy_pj).model_fields}
    chip = tiny.replace({**free, "barrier_ps": {1: 0}, "static_power_mw": 0})
    assert set(chip.latency_ps.model_dump().values()) == {0}
