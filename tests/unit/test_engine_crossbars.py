"""The native engine's arrangement of crossbar cores: blocks of neurons, kinds of cores, places, accounts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import philox
from emulator.chip.crossbar import CrossbarImage
from emulator.chip.events import EVENT_ID, EVENTS
from emulator.engine import crossbars
from emulator.engine.routes import routes_of
from emulator.testing.crossbars import crossbar_chip, two_cores

S = (1, -1, 0, 0)  # weights of the four types of axons

CHIP = crossbar_chip()
HEADERS = Path(__file__).parents[2] / "emulator" / "_ext"


def image_of(net: em.Network, chip: em.ChipSpec = CHIP) -> CrossbarImage:
    image = em.compile(net, chip).image
    assert isinstance(image, CrossbarImage)
    return image


def arranged(image: CrossbarImage, chip: em.ChipSpec = CHIP, n_workers: int = 1) -> dict[str, Any]:
    shares = crossbars.core_shares(image, n_workers)
    found = crossbars.arrange(image, chip, routes_of(image, chip), shares)
    return found.arrays | found.settings


def one_core(n: int, model: em.TrueNorth, n_axons: int = 1, **more: Any) -> em.Network:
    net = em.Network("one")
    net.add_core("c", np.ones((n_axons, n), dtype=bool), 0, model, **more)
    return net


def lanes_of(found: dict[str, Any]) -> np.ndarray:
    """LANES of each block of each core."""
    table: np.ndarray = found["lanes"].view(crossbars.LANES).ravel()
    return table[found["lanes_of"]]


# ---- blocks


def test_neurons_configured_alike_share_a_block_and_those_missing_are_silent() -> None:
    found = arranged(image_of(one_core(70, em.TrueNorth(alpha=9, beta=4, leak=-3, s=[1, 2, 3, 4]))))
    assert found["lanes_of"].shape == (8,) and len(np.unique(found["lanes_of"])) == 3
    assert found["lanes_of"][0] == found["lanes_of"][1] and len(set(found["lanes_of"][3:])) == 1
    blocks = lanes_of(found)
    assert blocks["alpha"][0].tolist() == [9] * 32 and blocks["low"][1].tolist() == [-4] * 32
    assert blocks["weight"][2][:, :6].tolist() == [[kind + 1] * 6 for kind in range(4)]
    assert blocks["alpha"][2].tolist() == [9] * 6 + [2**31 - 1] * 26
    assert blocks["low"][2].tolist() == [-4] * 6 + [-(2**31) + 1] * 26
    assert not blocks["weight"][3].any() and not blocks["leak"][3].any()
    assert [hex(mask) for mask in blocks["leaks"][:4]] == ["0xffffffff", "0xffffffff", "0x3f", "0x0"]


def test_flags_of_neurons_are_bits_of_their_block() -> None:
    every = np.arange(64)
    model = em.TrueNorth(
        s=S,
        epsilon=every % 2,
        gamma=every % 3,
        kappa=every % 5 == 0,
        leak=(every % 7 == 0) * 9,
        R=7,
        alpha=every,
    )
    blocks = lanes_of(arranged(image_of(one_core(64, model))))

    def bits(chosen: np.ndarray) -> list[int]:
        return [int(sum(1 << int(i) for i in np.flatnonzero(half))) for half in chosen.reshape(2, 32)]

    assert blocks["reversal"][:2].tolist() == bits(every % 2 == 1)
    assert blocks["to_reset"][:2].tolist() == bits(every % 3 == 0)
    assert blocks["subtract"][:2].tolist() == bits(every % 3 == 1)
    assert blocks["hold"][:2].tolist() == bits(every % 5 == 0)
    assert blocks["leaks"][:2].tolist() == bits(every % 7 == 0)
    assert blocks["alpha"][1].tolist() == list(range(32, 64)) and (blocks["reset"][:2] == 7).all()


def test_a_chip_of_equal_cores_needs_one_block() -> None:
    net = em.Network("equal")
    for core in range(4):
        net.add_core(f"c{core}", np.ones((1, 256), dtype=bool), 0, em.TrueNorth(s=S, alpha=5))
    found = arranged(image_of(net))
    assert len(found["lanes"]) == crossbars.LANES.itemsize and not found["lanes_of"].any()


def test_types_of_axons_are_two_planes_of_bits() -> None:
    net = em.Network("types")
    kinds = np.arange(200) % 4
    net.add_core("c", np.ones((200, 1), dtype=bool), kinds, em.TrueNorth(s=S))
    planes = arranged(image_of(net))["types"]
    assert planes.shape == (1, 2, 4) and planes.dtype == np.uint64
    axons = np.arange(256)
    found = [
        planes[0, plane, axons >> 6] >> (axons & 63).astype(np.uint64) & np.uint64(1) for plane in (0, 1)
    ]
    assert (found[0] + 2 * found[1])[:200].tolist() == kinds.tolist()
    assert not (found[0] + found[1])[200:].any()


# ---- kinds

EXACT, STILL, ONE, STEADY, NARROW, ALIKE = 1, 2, 4, 8, 16, 32


@pytest.mark.parametrize(
    ("n", "model", "kind"),
    [
        (3, em.TrueNorth(s=S), STILL | ONE | NARROW),
        (3, em.TrueNorth(s=S, leak=[0, 1, 0]), ONE | NARROW),
        (3, em.TrueNorth(s=S, b=[0, 0, 1, 0]), EXACT | ONE),
        (3, em.TrueNorth(s=S, leak=1, c=[0, 0, 1]), EXACT | ONE),
        (3, em.TrueNorth(s=S, TM=[0, 2, 0]), EXACT | ONE),
        (256, em.TrueNorth(s=S, leak=-1), ONE | STEADY | NARROW | ALIKE),
        (255, em.TrueNorth(s=S, leak=-1), ONE | NARROW),
        (256, em.TrueNorth(s=S, leak=1, epsilon=[1] + [0] * 255), ONE | NARROW),
        (256, em.TrueNorth(s=S, leak=[0] + [1] * 255), ONE | NARROW),
        (3, em.TrueNorth(s=S, alpha=16_447, beta=16_447, R=-16_383), STILL | ONE | NARROW),
        (3, em.TrueNorth(s=S, alpha=[1, 16_448, 1]), STILL | ONE),
        (3, em.TrueNorth(s=S, beta=[1, 16_448, 1]), STILL | ONE),
        (3, em.TrueNorth(s=S, R=[0, 0, -32_767]), STILL | ONE),
    ],
)
def test_kind_of_a_core(n: int, model: em.TrueNorth, kind: int) -> None:
    assert arranged(image_of(one_core(n, model)))["kind"].tolist() == [kind]


def test_variant_ranc_is_never_counted() -> None:
    chip = CHIP.replace({"arithmetic.variant": "ranc", "arithmetic.neuron_reset_type": 1})
    found = arranged(image_of(one_core(2, em.TrueNorth(s=S)), chip), chip)
    assert found["kind"].tolist() == [EXACT | STILL | ONE] and found["at_threshold"] == 1


def test_axons_of_two_accounts_are_counted_one_by_one() -> None:
    image = image_of(two_cores())
    assert arranged(image)["kind"][0] & ONE == (len(set(image.axon_group[:2].tolist())) == 1) * ONE
    groups = image.axon_group.copy()
    groups[:] = [0, 1, 1, 1]
    kinds = arranged(image.replace(axon_group=groups))["kind"]
    assert (kinds & ONE).tolist() == [0, ONE]


def test_limits_are_those_of_the_kernel() -> None:
    """The header says from what on a potential may outgrow 16 bits."""
    text = (HEADERS / "crossbar_kernel.h").read_text()
    rows = int(re.search(r"CROSSBAR_NARROW_ROWS = (\d+)", text)[1])  # type: ignore[index]
    assert "CROSSBAR_NARROW_FAR = (1 << 15) - 1 - (CROSSBAR_NARROW_ROWS + 1) * 255" in text
    assert crossbars.NARROW_FAR == 2**15 - 1 - (rows + 1) * 255 == 16_447


# ---- places and packets


def unpacked(targets: np.ndarray) -> tuple[list[int], list[list[int]]]:
    """Way of the packet of each neuron; its hops east, west, north, south, to another chip: 12 bits each."""
    counts = targets["counts"].tolist()
    return [n >> 60 for n in counts], [[n >> 12 * side & 0xFFF for side in range(5)] for n in counts]


def test_every_core_has_256_places() -> None:
    # core b (2 neurons, 2 axons) is row 0, core a (3 neurons, 2 axons) row 1
    image = image_of(two_cores())
    assert crossbars.place_of(image, np.arange(5)).tolist() == [0, 1, 256, 257, 258]
    routes = routes_of(image, CHIP)
    assert crossbars.entry_places(image, routes).tolist()[:4] == [257, 1, 256, -1]
    targets = crossbars.targets_of(image, routes)
    # 16 * place + delay
    assert targets["where"].tolist() == [-1, 16 * 257 + 2, 16 * 1 + 15, 16 * 256 + 1, -1]
    ways, hops = unpacked(targets)
    assert ways == [0, 1, 1, 1, 2]
    # b is on tile (0, 0), as the host port, a on (1, 0): hops east, west
    assert hops == [[0] * 5, [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0] * 5, [0, 1, 0, 0, 0]]


def test_packets_without_a_way_go_nowhere() -> None:
    cut = [{"x": 0, "y": 0, "side": "E"}, {"x": 1, "y": 0, "side": "W"}, {"x": 0, "y": 0, "side": "N"}]
    cut += [{"x": 0, "y": 1, "side": "S"}]
    chip = crossbar_chip(mesh__faults={"policy": "drop", "links": cut})
    image = image_of(two_cores(), chip)
    targets = crossbars.targets_of(image, routes_of(image, chip))
    assert targets["where"].tolist() == [-1, -1, -1, 16 * 256 + 1, -1]
    assert unpacked(targets) == ([0, 3, 3, 1, 3], [[0] * 5] * 5)


def test_workers_share_the_cores_in_their_order() -> None:
    net = em.Network("many")
    for core in range(7):
        net.add_core(f"c{core}", [[1]], 0, em.TrueNorth(s=S))
    image = image_of(net)
    assert crossbars.core_shares(image, 3).tolist() == [0, 2, 4, 7]
    assert arranged(image, n_workers=3)["owner"].tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_keys_are_those_of_the_physical_cores() -> None:
    image = image_of(two_cores())
    keys = crossbars.core_keys(image, 2**63 + 1)
    assert keys.dtype == np.uint32
    assert [tuple(key) for key in keys.tolist()] == [philox.core_key(2**63 + 1, core) for core in (0, 2)]


# ---- accounts


def test_stretches_are_neurons_of_one_core_and_account() -> None:
    image = image_of(two_cores())
    groups = np.array([3, 4, 4, 4, 3])
    image = image.replace(slot_group=groups)
    stretches = crossbars.stretches_of(image)
    assert stretches.table.tolist() == [[0, 1], [1, 2], [2, 4], [4, 5]]
    assert (stretches.core.tolist(), stretches.group.tolist()) == ([0, 0, 1, 1], [3, 4, 4, 3])
    found = arranged(image)
    assert found["stretch_ptr"].tolist() == [0, 2, 4]
    assert found["stretch_mask"].tolist() == [[mask, 0, 0, 0] for mask in (0b1, 0b10, 0b11, 0b100)]


def test_synaptic_operations_are_booked_on_axons_or_on_the_only_account_of_a_core() -> None:
    image = image_of(two_cores())
    image = image.replace(axon_group=np.array([0, 1, 2, 2]))
    by_core = np.zeros((3, len(EVENTS)), dtype=np.int64)
    by_group = np.zeros((image.n_groups + 1, len(EVENTS)), dtype=np.int64)
    n_integrated = np.array([5, 7, 0, 0], dtype=np.uint32)  # of core row 0; its rows have a synapse each
    crossbars.book_integrated(image, n_integrated, np.array([0, 30]), by_core, by_group)
    column = EVENT_ID["synaptic_ops_dense"]
    assert by_core[:, column].tolist() == [12, 30, 0]
    assert by_group[:3, column].tolist() == [5, 7, 30]


def test_an_arrangement_is_kept_for_the_next_run_of_the_same_image() -> None:
    program = em.compile(two_cores(), CHIP)
    em.run(program, 1)
    kept = program.image.derived["native arrangement"]
    em.run(program, 1, seed=3)
    assert program.image.derived["native arrangement"] is kept
    em.run(program, 1, threads=2)
    assert program.image.derived["native arrangement"] is not kept
    other = replace(program, chip=CHIP.replace({"latency_ps.synaptic_op_dense": 9}))
    assert em.run(other, 1).counts == em.run(program, 1).counts
