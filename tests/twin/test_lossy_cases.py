"""Lossy links, with instants and draws worked out by hand or by the generator itself.

Chip: inject 2, hop 3 (both ways), eject 3, cycle 1, credit 2 ps, in a row of tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import philox
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

ALWAYS = [{"x": 1, "y": 0, "side": "E", "probability": 1.0}]  # loses all that leave tile 1 for tile 2


def row(tiny: em.ChipSpec, lossy: list[dict[str, Any]], **mesh: Any) -> em.ChipSpec:
    changes = {**MESH, "mesh.width": 4, "mesh.height": 1, "mesh.faults": {"lossy": lossy}}
    return tiny.replace({**changes, **{f"mesh.{key}": value for key, value in mesh.items()}})


def send(chip: em.ChipSpec, engine: str, packets: list[tuple[int, int, int]], seed: int = 0) -> em.MeshResult:
    return em.run_mesh(chip, np.array(packets, dtype=PACKET_DTYPE), engine=engine, seed=seed)


def test_a_lost_packet_takes_its_links_up_to_the_lossy_one(tiny: em.ChipSpec, engine: str) -> None:
    result = send(row(tiny, ALWAYS), engine, [(0, 0, 3), (0, 0, 1), (0, 2, 3)])
    assert result.arrived.tolist() == [False, True, True]
    assert result.arrive_ps.tolist() == [0, 3 + 3 + 3, 2 + 3 + 3]
    assert result.push_ps.tolist() == [0, 0, 0]
    assert result.link_counts[:, 0].tolist() == [2, 1, 1, 0]
    assert result.link_losses[:, 0].tolist() == [0, 1, 0, 0]
    assert result.n_lost.tolist() == [1, 0, 0, 0] and not result.n_dropped.any()


def test_a_lost_packet_uses_the_cycle_of_its_link(tiny: em.ChipSpec, engine: str) -> None:
    # Two lossy packets, granted at tile 1 at 2 and 2 + 9; nothing of them is ever seen beyond.
    result = send(row(tiny, ALWAYS, cycle_ps=9), engine, [(0, 1, 2), (0, 1, 3), (0, 1, 0)])
    # The FIFO's third head goes west 2 * 9 later, one cycle after the second lost one.
    assert result.arrive_ps.tolist() == [0, 0, 2 + 18 + 3 + 3]
    assert result.occupancy_max[2, 1] == 0


def test_its_slot_is_released_a_hop_after_the_grant(tiny: em.ChipSpec, engine: str) -> None:
    # Depth 1: the slot at tile 2 is taken at 2, released at 2 + 3, taken again at 2 + 3 + 2 = 7. So the local
    # FIFO of tile 1 is freed at 7 and 12, and the packets are pushed at 0, 4 and 7 + 2.
    result = send(row(tiny, ALWAYS, fifo_depth=1), engine, [(0, 1, 2)] * 3)
    assert result.push_ps.tolist() == [0, 4, 9]
    assert result.link_losses[1, 0] == 3


def test_a_slot_freed_by_a_loss_may_be_taken_before_older_ones(tiny: em.ChipSpec, engine: str) -> None:
    """Which of the first two is lost is drawn; either way the twins and the law of slots agree."""
    half = [{"x": 0, "y": 0, "side": "E", "probability": 0.5}]
    chip = row(tiny, half, fifo_depth=2, hop_ps={"ew": 40, "ns": 40}, credit_ps=7)
    packets = [(0, 0, 1)] * 12 + [(0, 0, 3)] * 12
    results = [send(chip, name, packets, seed=5) for name in ("reference", "native")]
    assert 0 < results[0].n_lost[0] < 24
    for name in ("push_ps", "arrive_ps", "occupancy_max", "stall_ps", "link_losses"):
        assert np.array_equal(getattr(results[0], name), getattr(results[1], name)), name


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_the_draw_is_named_by_seed_source_number_and_link(tiny: em.ChipSpec, engine: str, seed: int) -> None:
    lossy = [{"x": 1, "y": 0, "side": "E", "probability": 0.25}]
    # sources 0 and 1; link of tile 1 to the east: 1 * 4 + 0; the packet to tile 0 has a number too
    packets = [(0, 0, 3)] * 20 + [(0, 1, 0)] + [(0, 1, 2)] * 20
    result = send(row(tiny, lossy), engine, packets, seed)
    numbers = [(0, number) for number in range(20)] + [(1, 1 + number) for number in range(20)]
    expected = [
        philox.link_draw(philox.link_key(seed, source, 4), number, 0, 0) >= 2**30
        for source, number in numbers
    ]
    assert np.delete(result.arrived, 20).tolist() == expected and result.arrived[20]


def test_losses_change_with_the_seed_and_nothing_else(tiny: em.ChipSpec, engine: str) -> None:
    half = [{"x": 0, "y": 0, "side": "E", "probability": 0.5}]
    packets = [(0, 0, 1)] * 64
    first, again, other = (send(row(tiny, half), engine, packets, seed) for seed in (3, 3, 4))
    slow = send(row(tiny, half, cycle_ps=50, fifo_depth=1), engine, packets, 3)
    assert np.array_equal(first.arrived, again.arrived) and np.array_equal(first.arrived, slow.arrived)
    assert not np.array_equal(first.arrived, other.arrived)
    assert 16 < first.n_lost[0] < 48  # of 64 fair draws


def network() -> em.Network:
    """Three neurons on cores of their own; the first reaches the other two and the host."""
    net = em.Network("lossy")
    source = net.add_source("in", 1)
    a = net.add_population("a", 3, em.LoihiCuba(vth_mant=50, dv=4095), to_host=True)
    net.connect(source, a, em.Triplets([0], [0], [100], 1), synapse=em.LoihiSynapse())
    net.connect(a, a, em.Triplets([0, 0], [1, 2], [100, 100], [1, 2]), synapse=em.LoihiSynapse())
    return net


@pytest.mark.parametrize("timing", [True, False])
def test_a_lost_spike_delivers_no_synapse(tiny: em.ChipSpec, engine: str, timing: bool) -> None:
    # tiles 0, 1, 2 of the row; the link from 1 to 2 loses everything
    chip = row(tiny, ALWAYS).replace({"limits.delay_slots": None})
    program = em.compile(network(), chip, mapping={"a": [0, 2, 4]})
    result = em.run(program, 5, {"in": np.array([[0, 0]])}, engine=engine, timing=timing)
    # in at 0 -> neuron 0 fires at 1 -> neuron 1 at 2; neuron 2 would fire at 3
    assert result.spikes("a").tolist() == [[1, 0], [2, 1]]
    assert (result.counts["lost"], result.counts["inject"]) == (1, 4)
    assert result.record.link_losses[1, 0] == 1 and result.record.link_losses.sum() == 1
    assert result.record.link_counts[:, 0].tolist() == [2, 1, 0, 0]
    by_core = {row["core"]: row["lost"] for row in result.energy.table(by="core") if "lost" in row}
    assert by_core.get(0) == 1 and by_core.get(2) == 0


def test_a_bad_seed_of_the_mesh_is_refused(tiny: em.ChipSpec) -> None:
    for seed in (-1, 2**64, 1.5, True):
        with pytest.raises(
            em.SimulationError, match=r"seed=.*: must be an integer in 0\.\.18446744073709551615"
        ):
            em.run_mesh(tiny, np.zeros(0, dtype=PACKET_DTYPE), seed=seed)  # type: ignore[arg-type]
