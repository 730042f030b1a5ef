"""Deadlock, which only routes that are forced on a chip can bring about, is found and told in the same words.

Mesh of 2 x 2 tiles; every packet goes around: 0 -> 1 -> 3 -> 2 -> 0.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emulator as em
from emulator.engine.mesh import PACKET_DTYPE
from emulator.testing import traffic
from emulator.testing.forced import with_routes

AROUND = [[4, 0, 0, 0], [2, 4, 2, 2], [3, 3, 4, 3], [1, 1, 1, 4]]
CIRCLE = (
    r"tile \(0, 0\) port N -> tile \(1, 0\) port W -> tile \(1, 1\) port S -> tile \(0, 1\) port E -> "
    r"tile \(0, 0\) port N \(chip 'tiny'\)"
)


def ring(tiny: em.ChipSpec, **mesh: int) -> em.ChipSpec:
    return with_routes(tiny.replace({f"mesh.{key}": value for key, value in mesh.items()}), AROUND)


def burst(per_tile: int, links: int) -> np.ndarray:
    """From every tile at once, `links` links around the ring."""
    order = [0, 1, 3, 2]
    flows = [(0, order[i], order[(i + links) % 4]) for i in range(4) for _ in range(per_tile)]
    return np.array(flows, dtype=PACKET_DTYPE)


def test_a_full_ring_is_a_deadlock_and_its_circle_is_named(tiny: em.ChipSpec, engine: str) -> None:
    # Depth 1: the first of each tile fills the next tile's FIFO and wants to go on, the second is pushed.
    with pytest.raises(em.SimulationError, match="deadlock: 8 packets cannot move; .*: " + CIRCLE):
        em.run_mesh(ring(tiny, fifo_depth=1), burst(3, 2), engine=engine)


def test_the_same_packets_by_a_routing_without_circles_arrive(tiny: em.ChipSpec, engine: str) -> None:
    chip = tiny.replace({"mesh.fifo_depth": 1})
    assert (em.run_mesh(chip, burst(3, 2), engine=engine).arrive_ps > 0).all()


def test_a_ring_with_room_left_is_none(tiny: em.ChipSpec, engine: str) -> None:
    assert (em.run_mesh(ring(tiny, fifo_depth=4), burst(2, 2), engine=engine).arrive_ps > 0).all()


def test_a_deadlock_in_a_run_names_the_tick(tiny: em.ChipSpec, engine: str) -> None:
    # Core 2 t is the first of tile t; each neuron fires in the first tick and reaches the opposite tile.
    chip = ring(tiny, fifo_depth=1)
    network = em.Network("around")
    everyone = network.add_population("a", 24, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=1))
    opposite = np.zeros((24, 24))
    for index in range(24):
        opposite[index, (index + 12) % 24] = 1
    network.connect(everyone, everyone, opposite, synapse=em.LoihiSynapse())
    cores = np.repeat([0, 2, 6, 4], 6)
    program = em.compile(network, chip, mapping={"a": cores})
    with pytest.raises(em.SimulationError, match="sample 0, tick 0: deadlock: .*: " + CIRCLE):
        em.run(program, 2, engine=engine)
    # two links around the ring, east from tiles 0, north from 1, west from 3, south from 2
    counts = em.run(program, 1, engine=engine, timing=False).counts
    assert [counts[f"hop_{side}"] for side in "ewns"] == [12, 12, 12, 12]


@given(st.data())
def test_twin_deadlocks_have_the_same_words(data: st.DataObject) -> None:
    chip = ring(em.load_chip("tiny"), fifo_depth=data.draw(st.integers(1, 2)))
    packets = data.draw(traffic(chip))
    ends = []
    for engine in ("reference", "native"):
        try:
            ends.append(em.run_mesh(chip, packets, engine=engine).arrive_ps.tolist())
        except em.SimulationError as error:
            ends.append(error.problems)
    assert ends[0] == ends[1]
