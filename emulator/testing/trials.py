"""What a law is tried on: a run of a network, packets for the mesh alone, or a network at a limit.

Each is plain data that files hold (`saved`), so that a counterexample can be looked at and tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.network import Network
from emulator.testing.crossbar_strategies import core_networks
from emulator.testing.fitting import edges, fitting_networks, mappings
from emulator.testing.parts import parts
from emulator.testing.rasters import stimuli
from emulator.testing.strategies import traffic

MAX_TICKS = 12
MAX_PACKETS = 40
MESH_KEYS = ("fifo_depth", "intake_depth", "arbiter", "inject_ps", "eject_ps", "cycle_ps", "credit_ps")


@dataclass(frozen=True, eq=False)
class Trial:
    """A network to run on a chip, and what a law varies of it."""

    chip: ChipSpec
    network: Network
    mapping: dict[str, NDArray[np.int64]]  # population -> physical core ids [n]; empty: the compiler places
    n_ticks: int
    stimulus: dict[str, NDArray[np.bool_]]  # source or core -> raster [n_ticks, n]
    seed: int = 0
    variant: dict[str, Any] = field(default_factory=dict)  # plain values, by the law's own names

    @property
    def size(self) -> dict[str, int]:
        """What a report tells of it."""
        parts = (*self.network.populations, *self.network.cores)
        return {
            "tile": self.chip.n_tiles,
            "neuron": sum(part.n for part in parts),
            "synapse": sum(one.n_synapses for one in (*self.network.projections, *self.network.cores)),
            "tick": self.n_ticks,
            "input_spike": sum(int(raster.sum()) for raster in self.stimulus.values()),
        }


@dataclass(frozen=True, eq=False)
class MeshTrial:
    """Packets for the mesh alone."""

    chip: ChipSpec
    packets: NDArray[Any]  # PACKET_DTYPE
    seed: int = 0

    @property
    def size(self) -> dict[str, int]:
        return {"tile": self.chip.n_tiles, "packet": len(self.packets)}


@dataclass(frozen=True, eq=False)
class LimitTrial:
    """A network that takes as much of something as there is, or one more."""

    chip: ChipSpec
    network: Network
    mapping: dict[str, NDArray[np.int64]]
    limit: str  # key of ChipSpec.limits, or "cores"
    fits: bool

    @property
    def size(self) -> dict[str, int]:
        parts = (*self.network.populations, *self.network.cores)
        return {"tile": self.chip.n_tiles, "neuron": sum(part.n for part in parts)}


AnyTrial = Trial | MeshTrial | LimitTrial


def size_text(size: dict[str, int]) -> str:
    """`Trial.size` as people read it: 1 tile, 2 neurons."""
    return ", ".join(f"{n:,} {name.replace('_', ' ')}{'s' * (n != 1)}" for name, n in size.items())


@st.composite
def trials(draw: st.DrawFn, chip: ChipSpec, kind: str | None = None, generated: bool = False) -> Trial:
    """A part of a chip, a network that fits it, places for its neurons, input of a kind for some ticks.

    generated: sources may make spikes themselves, too.
    """
    part = draw(parts(chip))
    if part.cores.model == "truenorth":
        network, mapping = draw(core_networks(part)), {}
    else:
        network = draw(fitting_networks(part, generated))
        mapping = draw(mappings(part, network))
    large = any(core.n * core.n_axons > 64 for core in network.cores)
    n_ticks = draw(st.integers(1, 3 if large else MAX_TICKS))
    seed = draw(st.sampled_from((0, 1, 2**64 - 1)))
    return Trial(part, network, mapping, n_ticks, draw(stimuli(network, n_ticks, kind)), seed)


def varied(
    strategy: st.SearchStrategy[Trial], vary: Callable[[Trial], st.SearchStrategy[dict[str, Any]]]
) -> st.SearchStrategy[Trial]:
    """Trials with a variant drawn for each."""

    def add(trial: Trial) -> st.SearchStrategy[Trial]:
        return vary(trial).map(lambda variant: replace(trial, variant=variant))

    return strategy.flatmap(add)


def mesh_changes(trial: Trial) -> st.SearchStrategy[dict[str, Any]]:
    """Other depths, arbiters and times of the mesh: {"changes": dotted keys of the chip -> value}."""
    instants = st.one_of(st.integers(1, 4), st.integers(1, 5000))
    values: dict[str, st.SearchStrategy[Any]] = {
        "mesh.fifo_depth": edges(1, 8),
        "mesh.intake_depth": edges(1, 4),
        "mesh.arbiter": st.sampled_from(("round_robin", "fixed", "oldest")),
        **{f"mesh.{key}": instants for key in ("inject_ps", "eject_ps", "cycle_ps", "credit_ps")},
        "mesh.hop_ps.ew": instants,
        "mesh.hop_ps.ns": instants,
    }
    return st.fixed_dictionaries({}, optional=values).map(lambda changes: {"changes": changes})


def other_places(trial: Trial) -> st.SearchStrategy[dict[str, Any]]:
    """Another mapping of a network with lists of synapses: {"mapping": population -> cores}."""
    return mappings(trial.chip, trial.network).map(
        lambda mapping: {"mapping": {name: cores.tolist() for name, cores in mapping.items()}}
    )


def cuts(trial: Trial) -> st.SearchStrategy[dict[str, Any]]:
    """A tick to stop at and go on from."""
    return st.integers(0, trial.n_ticks).map(lambda cut: {"cut": cut})


@st.composite
def mesh_trials(draw: st.DrawFn, chip: ChipSpec, depth: int | None = None) -> MeshTrial:
    """Packets on a part of a chip; depth: of every FIFO, None: the chip's or 1."""
    part = draw(parts(chip))
    if depth is not None or draw(st.booleans()):
        part = part.replace({"mesh.fifo_depth": depth or 1})
    return MeshTrial(part, draw(traffic(part, MAX_PACKETS)), draw(st.sampled_from((0, 1, 2**64 - 1))))


@st.composite
def crowded_trials(draw: st.DrawFn, chip: ChipSpec) -> MeshTrial:
    """As many packets at once as FIFOs of depth 1 are sure to fill up with."""
    part = draw(parts(chip)).replace({"mesh.fifo_depth": 1, "mesh.intake_depth": 1})
    packets = draw(traffic(part, MAX_PACKETS))
    times = draw(st.integers(1, 4))
    crowd = np.tile(packets, times)
    crowd["inject_ps"] = 0
    return MeshTrial(part, crowd)


@st.composite
def lone_packets(draw: st.DrawFn, chip: ChipSpec) -> MeshTrial:
    """One packet between two tiles that are alive."""
    part = draw(parts(chip))
    tiles = np.unique(np.flatnonzero(usable_cores(part)) // part.cores.per_tile).tolist()
    tile = st.sampled_from(tiles)
    packets = np.zeros(1, dtype=draw(traffic(part, 0)).dtype)
    packets["src"], packets["dst"], packets["inject_ps"] = draw(tile), draw(tile), draw(st.integers(0, 99))
    return MeshTrial(part, packets)
