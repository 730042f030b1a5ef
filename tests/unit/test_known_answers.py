"""Energy by hand, and published tables reproduced by networks that run: prices are slopes of measurements.

The numbers of the tables are written here from their sources, not read from chip files: Davies et al. 2018,
"Loihi: a neuromorphic manycore processor with on-chip learning", table 2 (chip `loihi-spice`), and the public
constants of SANA-FE, fitted to Nahuku boards (chip `loihi`). Joules are exact: all in attojoules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em

PJ = 10**6  # aJ
TABLES = {  # pJ
    "loihi-spice": {
        "hop_ew": 3.0,
        "hop_ns": 4.0,
        "synapse": (23.6, 23.6),  # of a dense list, of a sparse one
        "inactive": 52.0,
        "active": 81.0,
        "spike": 0.0,  # contained in the active update
        "packet": 1.7,  # within-tile spike energy
    },
    "loihi": {
        "hop_ew": 3.0,
        "hop_ns": 4.2,
        "synapse": (35.5, 33.6),
        "inactive": 51.2,
        "active": 51.2 + 21.6,  # access, and update
        "spike": 69.3,
        "packet": 111.0,
    },
}
CHIPS = pytest.mark.parametrize("chip", TABLES)
N_TICKS = 6
EVERY_TICK = {"vth_mant": 10, "bias_mant": 1000, "refractory": 1}  # the bias alone is above 10 * 64
NEVER = {"vth_mant": 100_000, "bias_mant": 1}  # active in every tick, fires in none


def aj(pj: float) -> int:
    return round(pj * PJ)


def measured(
    network: em.Network, chip: str, cores: dict[str, int], engine: str
) -> tuple[dict[str, int], int]:
    """Counts and dynamic energy in aJ of N_TICKS ticks, each population on a core."""
    sizes = {population.name: population.n for population in network.populations}
    mapping = {name: np.full(sizes[name], core) for name, core in cores.items()}
    program = em.compile(network, em.load_chip(chip), mapping=mapping)
    result = em.run(program, N_TICKS, engine=engine)
    return result.counts, result.energy.dynamic_aj


def sender(**of_targets: Any) -> em.Network:
    """One neuron that fires in every tick, and targets that never do."""
    network = em.Network("micro")
    network.add_population("sender", 1, em.LoihiCuba(**EVERY_TICK))
    for name, n in of_targets.items():
        network.add_population(name, n, em.LoihiCuba(**NEVER))
    return network


def test_two_tiles_and_three_spikes_cost_what_a_hand_adds_up(engine: str) -> None:
    # Chip tiny as 2 tiles, (0, 0) and (1, 0), of 2 cores. in -> a (tile 0) -> b (tile 1) -> c (tile 0, other
    # core) -> host, whose port is at tile 0. One input spike in tick 0; a fires in tick 1, b in 2, c in 3.
    #
    # Ticks     0: the host's packet reaches a: host_in, eject, axon_in, 1 synapse. Nobody has anything to do.
    #           1: a is active and fires: packet, hop east, eject, axon_in, synapse at b. b and c inactive.
    #           2: a is active (its current of tick 1 decays now), b fires: hop west, .. at c. c inactive.
    #           3: b is active, c fires: a packet to the host, no hop. a is inactive: it did not get anything.
    # inactive  3 + 2 + 1 + 1 = 7 at 1 pJ        =  7
    # active    0 + 1 + 2 + 2 = 5 at 2 pJ        = 10
    # spikes    3 at 3 pJ                        =  9
    # packets   3 of cores at 4 pJ               = 12   (the host's are free)
    # axon_in   3 at 0.5 pJ                      =  1.5
    # synapses  3 in dense lists at 0.25 pJ      =  0.75
    # hops      1 east, 1 west at 1.5 pJ         =  3
    #                                              43.25 pJ
    # Time      0: host packet injected 2, ejected 2, served 2 + 1                     =  7 ps, and the
    #           1: update 3, spike 2, send 1, injected 2, hop 3, ejected 2, served 3   = 16    barrier of
    #           2: the same westwards                                                  = 16    2 tiles,
    #           3: update 3, spike 2, send 1, injected 2, ejected 2 to the host        = 10    7 ps, each
    # static    1 mW for 7 + 16 + 16 + 10 + 4 * 7 = 77 ps: 77 fJ
    chip = em.load_chip("tiny").replace({"mesh.height": 1})
    network = em.Network("line")
    network.add_source("in", 1)
    for name in "abc":
        network.add_population(name, 1, em.LoihiCuba(vth_mant=50), to_host=name == "c")
    for pre, post in (("in", "a"), ("a", "b"), ("b", "c")):
        network.connect(pre, post, [[64]])
    mapping = {"a": np.array([0]), "b": np.array([2]), "c": np.array([1])}
    result = em.run(em.compile(network, chip, mapping=mapping), 4, {"in": np.array([[0, 0]])}, engine=engine)
    assert [result.spikes(name).tolist() for name in "abc"] == [[[1, 0]], [[2, 0]], [[3, 0]]]
    assert {event: n for event, n in result.counts.items() if n} == {
        "spikes": 3,
        "transmitted": 4,
        "inject": 3,
        "host_in": 1,
        "hop_e": 1,
        "hop_w": 1,
        "eject": 3,
        "host_out": 1,
        "axon_in": 3,
        "synaptic_ops_dense": 3,
        "update_inactive": 7,
        "update_active": 5,
        "barrier": 4,
        "packets": 4,
        "synaptic_ops": 3,
    }
    assert result.energy.dynamic_aj == 43_250_000
    assert result.tick_ps.tolist() == [14, 23, 23, 17]
    assert result.energy.static_aj == 77_000
    assert result.energy.total_j == 43.327e-12


@CHIPS
@pytest.mark.parametrize(("axis", "step", "distances"), [("hop_ew", 1, (0, 1, 7)), ("hop_ns", 8, (0, 1, 3))])
def test_the_slope_of_energy_against_hops_is_the_published_hop(
    chip: str, axis: str, step: int, distances: tuple[int, ...], engine: str
) -> None:
    # 8 x 4 tiles of four cores: from tile 0 eastwards tile by tile, northwards 8 tiles at a time
    energies = []
    for hops in distances:
        network = sender(target=1)
        network.connect("sender", "target", [[2]])
        counts, energy = measured(network, chip, {"sender": 0, "target": 4 * step * hops + 1}, engine)
        assert counts["hop_e"] + counts["hop_n"] == N_TICKS * hops
        energies.append(energy)
    price = aj(TABLES[chip][axis])  # type: ignore[arg-type]
    assert np.diff(energies).tolist() == [N_TICKS * hops * price for hops in np.diff(distances).tolist()]


@CHIPS
@pytest.mark.parametrize("sparse", [False, True])
def test_the_slope_of_energy_against_synapses_is_the_published_operation(
    chip: str, sparse: bool, engine: str
) -> None:
    # every neuron of the target is active whatever comes in, so that nothing but the walk of its list changes
    energies = []
    fan_outs = (16, 24, 40)
    for n in fan_outs:
        weights = np.zeros((1, 128), dtype=int)
        weights[0, np.arange(n) * (3 if sparse else 1)] = 2
        network = sender(target=128)
        network.connect("sender", "target", weights)
        counts, energy = measured(network, chip, {"sender": 0, "target": 1}, engine)
        walked = (0, N_TICKS * n) if sparse else (N_TICKS * n, 0)
        assert (counts["synaptic_ops_dense"], counts["synaptic_ops_sparse"]) == walked
        energies.append(energy)
    price = aj(TABLES[chip]["synapse"][sparse])  # type: ignore[index]
    assert np.diff(energies).tolist() == [N_TICKS * more * price for more in np.diff(fan_outs).tolist()]


@CHIPS
@pytest.mark.parametrize(("kind", "bias"), [("inactive", 0), ("active", 1)])
def test_the_slope_of_energy_against_neurons_is_the_published_update(
    chip: str, kind: str, bias: int, engine: str
) -> None:
    energies = []
    for n in (1, 5, 12):
        network = em.Network("resting")
        network.add_population("resting", n, em.LoihiCuba(vth_mant=100_000, bias_mant=bias))
        counts, energy = measured(network, chip, {"resting": 0}, engine)
        assert counts[f"update_{kind}"] == N_TICKS * n
        energies.append(energy)
    price = aj(TABLES[chip][kind])  # type: ignore[arg-type]
    assert np.diff(energies).tolist() == [N_TICKS * 4 * price, N_TICKS * 7 * price]


@CHIPS
def test_the_slope_of_energy_against_firing_is_the_published_spike(chip: str, engine: str) -> None:
    energies = []
    for n_firing in (0, 3, 8):
        thresholds = np.where(np.arange(10) < n_firing, 10, 100_000)
        network = em.Network("firing")
        network.add_population("firing", 10, em.LoihiCuba(vth_mant=thresholds, bias_mant=1000))
        counts, energy = measured(network, chip, {"firing": 0}, engine)
        assert counts["spikes"] == N_TICKS * n_firing and counts["packets"] == 0
        energies.append(energy)
    price = aj(TABLES[chip]["spike"])  # type: ignore[arg-type]
    assert np.diff(energies).tolist() == [N_TICKS * 3 * price, N_TICKS * 5 * price]


@CHIPS
def test_the_slope_of_energy_against_packets_is_the_published_send(chip: str, engine: str) -> None:
    # to 0..3 more cores of the same tile: each a packet without a hop, and one synapse in a dense list
    energies = []
    for n_targets in range(4):
        network = sender(one=1, two=1, three=1)
        for name in ("one", "two", "three")[:n_targets]:
            network.connect("sender", name, [[2]])
        cores = {"sender": 0, "one": 1, "two": 2, "three": 3}
        counts, energy = measured(network, chip, cores, engine)
        assert counts["packets"] == counts["synaptic_ops_dense"] == N_TICKS * n_targets
        assert counts["hop_e"] + counts["hop_w"] + counts["hop_n"] + counts["hop_s"] == 0
        energies.append(energy)
    table = TABLES[chip]
    assert np.diff(energies).tolist() == [N_TICKS * (aj(table["packet"]) + aj(table["synapse"][0]))] * 3  # type: ignore[arg-type, index]


def test_no_spike_costs_exactly_nothing_to_transmit(engine: str) -> None:
    network = sender(target=4)
    network.connect("sender", "target", np.full((1, 4), 2))
    silent = em.Network("silent")
    silent.add_population("sender", 1, em.LoihiCuba(**NEVER))
    silent.add_population("target", 4, em.LoihiCuba(**NEVER))
    silent.connect("sender", "target", np.full((1, 4), 2))
    for given, expected in ((network, True), (silent, False)):
        program = em.compile(given, em.load_chip("loihi"))
        ledger = em.run(program, N_TICKS, engine=engine).energy
        rows = {row["event"]: row["energy_aj"] for row in ledger.table("event")}
        transmission = sum(
            rows[event] for event in rows if event and not event.startswith(("update", "static"))
        )
        assert (transmission > 0) is expected
        assert ledger.dynamic_aj == transmission + rows["update_inactive"] + rows["update_active"]
        if not expected:
            assert transmission == 0
