"""Ticks of small machines with their picoseconds computed by hand, and the twin law on busy ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.testing import first_difference

COSTS = {
    "latency_ps": {
        "update_inactive": 10,
        "update_active": 20,
        "spike": 30,
        "send": 5,
        "receive": 7,
        "synaptic_op_dense": 2,
        "synaptic_op_sparse": 3,
    },
    "mesh.inject_ps": 2,
    "mesh.eject_ps": 3,
    "mesh.hop_ps": {"ew": 11, "ns": 13},
    "mesh.cycle_ps": 1,
    "mesh.credit_ps": 1,
    "mesh.fifo_depth": 4,
    "mesh.intake_depth": 4,
    "mesh.arbiter": "round_robin",
    "barrier_ps": {1: 100, 2: 200},
}
ALWAYS = em.LoihiCuba(vth_mant=0, bias_mant=1)  # v = 1 > 0 in every tick
NEVER = em.LoihiCuba(vth_mant=131071)
UNLIMITED = {key: None for key in ("axons_in", "axons_out", "synapse_memory_bits", "compartment_configs")} | {
    "compartments": 64,
    "threshold_configs": None,
    "delay_slots": None,
    "delay_ticks": 63,
    "refractory_ticks": 63,
}


def machine(tiny: em.ChipSpec, width: int, height: int, per_tile: int = 1, **changes: Any) -> em.ChipSpec:
    size = {"mesh.width": width, "mesh.height": height, "cores.per_tile": per_tile, "limits": UNLIMITED}
    port = {"host_port": {"x": 0, "y": 0, "side": "W"}}
    return tiny.replace(
        {**COSTS, **size, **port, **{key.replace("__", "."): v for key, v in changes.items()}}
    )


def pair() -> em.Network:
    """One compartment that fires in every tick and drives one that never does."""
    net = em.Network("pair")
    net.connect(net.add_population("on", 1, ALWAYS), net.add_population("off", 1, NEVER), [[2]])
    return net


def test_nothing_of_the_mesh_is_carried_over_a_tick_end(tiny: em.ChipSpec, engine: str) -> None:
    # Push at 20 + 30 + 5 = 55, visible and granted 57, in the intake 60, service 7 + 2 until 69; soma ends at
    # 55 + 10 = 65. From tick 1 on the target has input: soma 75. The output is busy until 57 + 1000.
    chip = machine(tiny, 1, 1, mesh__cycle_ps=1000)
    result = em.run(em.compile(pair(), chip), 3, engine=engine)
    assert result.tick_ps.tolist() == [69 + 100, 75 + 100, 75 + 100]


def test_services_without_cost_happen_in_one_instant(tiny: em.ChipSpec, engine: str) -> None:
    # Both spikes are pushed at 0, granted at 2 and 2 + 9, in the intake at 5 and 14.
    net = em.Network("both")
    on = net.add_population("on", 2, ALWAYS)
    net.connect(on, net.add_population("off", 1, NEVER), [[2], [2]])
    free = {key: 0 for key in COSTS["latency_ps"]}
    chip = machine(tiny, 1, 1, latency_ps=free, mesh__cycle_ps=9)
    result = em.run(em.compile(net, chip), 2, engine=engine)
    assert result.tick_ps.tolist() == [14 + 100, 14 + 100]
    assert result.record.timing.intake_max.tolist() == [0]


def test_packet_to_another_tile_pays_hops_and_the_barrier_of_two_tiles(
    tiny: em.ChipSpec, engine: str
) -> None:
    # Push at 55, visible 57, next router 57 + 13, intake 73, service until 82.
    program = em.compile(pair(), machine(tiny, 1, 2), mapping={"on": [0], "off": [1]})
    result = em.run(program, 1, engine=engine)
    assert result.tick_ps.tolist() == [82 + 200]
    assert result.counts["hop_n"] == 1 and result.counts["packets"] == 1


def test_packet_to_another_chip_pays_the_link_and_each_chip_its_static_power(
    tiny: em.ChipSpec, engine: str
) -> None:
    # Push at 55, visible 57, over the link at 57 + 130, intake 190, service until 199.
    link = {"hop_ps": {"ew": 110, "ns": 130}, "cycle_ps": 40}
    chip = machine(tiny, 1, 2, mesh__chip={"width": 1, "height": 1, "link": link})
    chip = chip.replace({"energy_pj.hop_chip": 320, "static_power_mw": 1})
    program = em.compile(pair(), chip, mapping={"on": [0], "off": [1]})
    result = em.run(program, 1, engine=engine)
    assert result.tick_ps.tolist() == [199 + 200]
    assert (result.counts["hop_n"], result.counts["hop_chip"]) == (1, 1)
    row = next(row for row in result.energy.table("link") if row["link"] == "(0, 0) N")
    assert (row["hop_n"], row["hop_chip"]) == (1, 1)
    assert row["energy_aj"] == 2_500_000 + 320_000_000  # tiny: a hop north 2.5 pJ
    assert result.energy.static_aj == 2 * 399 * 1000  # two chips of 1 mW: 1000 aJ per ps each
    # Without the mesh's times the same is counted.
    assert em.run(program, 1, engine=engine, timing=False).counts == result.counts


def test_host_spikes_enter_at_the_port_and_host_output_leaves_there(tiny: em.ChipSpec, engine: str) -> None:
    # The port is west of tile (0, 0); the core is at (1, 0). Tick 0: pushed at 0, visible 2, at tile 1 at 13,
    # intake 16, service until 16 + 9 = 25; soma of one idle compartment 10. Tick 1: it fires at 20 + 30 + 5
    # = 55, visible 57, at tile 0 at 68, out of the port at 71.
    net = em.Network("echo")
    source = net.add_source("in", 1)
    out = net.add_population("out", 1, em.LoihiCuba(vth_mant=1), to_host=True)
    net.connect(source, out, [[2]])
    chip = machine(tiny, 2, 1)
    program = em.compile(net, chip, mapping={"out": [1]})
    result = em.run(program, 2, {"in": np.array([[0, 0]])}, engine=engine)
    assert result.spikes("out").tolist() == [[1, 0]]
    assert result.tick_ps.tolist() == [25 + 100, 71 + 100]
    counts = result.counts
    assert (counts["host_in"], counts["host_out"], counts["hop_e"], counts["hop_w"]) == (1, 1, 1, 1)
    assert counts["transmitted"] == 2


def test_a_full_intake_stalls_the_sender(tiny: em.ChipSpec, engine: str) -> None:
    # Depth 1 everywhere; free soma; each service takes 100 + 2. Packets 1 - 4 pushed as room comes:
    # 1: push 0, granted 2, in 5, served 5 - 107; its local slot is free at 3, the intake's at 6.
    # 2: push 3, visible 5, granted 6, in 9, waits in the intake until 107, served - 209.
    # 3: push 7, visible 9, granted when the intake is free again: 107 + 1 = 108, in 111, served 209 - 311.
    # 4: push 109, visible 111, granted 210, in 213, served 311 - 413.
    net = em.Network("burst")
    net.connect(net.add_population("on", 4, ALWAYS), net.add_population("off", 1, NEVER), np.full((4, 1), 2))
    costs = {key: 0 for key in COSTS["latency_ps"]} | {"receive": 100, "synaptic_op_dense": 2}
    chip = machine(tiny, 1, 1, latency_ps=costs, mesh__fifo_depth=1, mesh__intake_depth=1)
    result = em.run(em.compile(net, chip), 1, engine=engine)
    assert result.tick_ps.tolist() == [413 + 100]
    timing = result.record.timing
    assert timing.stall_ps.tolist() == [3 + 4 + 102, 0]
    assert timing.intake_max.tolist() == [1] and timing.occupancy_max[0, 4] == 1


def busy_network(rng: np.random.Generator) -> em.Network:
    """A recurrent network that is never quiet, with delays and a few read-outs."""
    net = em.Network("busy")
    source = net.add_source("in", 12)
    sizes = rng.integers(5, 30, 3)
    populations = [
        net.add_population(
            f"pop{i}",
            int(n),
            em.LoihiCuba(
                du=rng.integers(0, 4096, n),
                dv=rng.integers(0, 1000, n),
                vth_mant=rng.integers(1, 100, n),
                bias_mant=rng.integers(-10, 60, n),
                bias_exp=rng.integers(0, 7, n),
                refractory=rng.integers(1, 4, n),
            ),
            to_host=i == 0,
        )
        for i, n in enumerate(sizes)
    ]
    for pre in (source, *populations):
        for post in populations:
            n = int(rng.integers(1, 4 * post.n))
            triplets = em.Triplets(
                rng.integers(0, pre.n, n),
                rng.integers(0, post.n, n),
                rng.integers(-128, 128, n) * 2,
                rng.integers(1, 9, n),
            )
            net.connect(pre, post, triplets, synapse=em.LoihiSynapse(w_exp=int(rng.integers(-2, 4))))
    return net


@pytest.mark.parametrize("seed", range(6))
def test_twin_records_of_busy_networks_are_equal(seed: int, tiny: em.ChipSpec) -> None:
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    chip = machine(
        tiny, width, height, per_tile=int(rng.integers(1, 5)), mesh__fifo_depth=int(rng.integers(1, 4))
    )
    chip = chip.replace(
        {"mesh.intake_depth": int(rng.integers(1, 4)), "mesh.cycle_ps": int(rng.integers(1, 30))}
    )
    net = busy_network(rng)
    mapping = {part.name: rng.integers(0, chip.n_cores, part.n) for part in net.populations}
    program = em.compile(net, chip, mapping=mapping)
    stimulus = {"in": rng.random((40, 12)) < 0.3}
    reference, native = (em.run(program, 40, stimulus, engine=engine) for engine in ("reference", "native"))
    assert first_difference(reference.record, native.record) is None
    assert native.counts["packets"] > 500 and native.record.timing.stall_ps.sum() > 0


@pytest.mark.parametrize("name", ["kapoho-bay", "nahuku32"])
def test_twin_records_on_a_shipped_board_are_equal(name: str) -> None:
    board = em.load_chip(name)
    rng = np.random.default_rng(5)
    net = busy_network(rng)
    used = rng.choice(board.n_cores, 12)
    mapping = {part.name: rng.choice(used, part.n) for part in net.populations}
    program = em.compile(net, board, mapping=mapping)
    stimulus = {"in": rng.random((4, 12)) < 0.3}
    reference, native = (em.run(program, 4, stimulus, engine=engine) for engine in ("reference", "native"))
    assert first_difference(reference.record, native.record) is None
    assert native.counts["hop_chip"] > 50


def test_a_network_that_fits_one_chip_of_a_board_stays_on_it() -> None:
    board = em.load_chip("nahuku32").replace({"limits.compartments": 8})
    net = em.Network("two rows")
    net.connect(net.add_population("a", 1024, ALWAYS), "a", em.Triplets([0], [1023], [2], 1))
    program = em.compile(net, board)  # all 128 cores of a chip, so all of its four rows of tiles
    assert (program.stats["n_cores_used"], program.stats["n_chips_used"]) == (128, 1)
    assert program.stats["chip_hops"] == 0
    assert {board.chip_of(board.tile_of(core)) for core in program.image.core_id.tolist()} == {0}
