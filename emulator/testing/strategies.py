"""Hypothesis strategies: chips, networks, stimuli, mesh traffic. Constructive; they shrink towards one tile,
few compartments, zero weights and silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.network import LoihiCuba, LoihiSynapse, Network, Poisson, Regular, Scripted, Triplets
from emulator.traffic import PACKET_DTYPE

MAX_TILES = 4
MAX_CORES_PER_TILE = 4
MAX_TICKS = 12


@dataclass(frozen=True, eq=False)
class Case:
    """Something to run: a network, the chip for it, where its compartments go, and its input."""

    chip: ChipSpec
    network: Network
    mapping: dict[str, NDArray[np.int64]]  # population -> physical core ids [n]
    n_ticks: int
    stimulus: dict[str, NDArray[np.bool_]]  # source without a generator -> raster [n_ticks, n]
    seed: int = 0  # of the run


def _latency(least: int) -> st.SearchStrategy[int]:
    """Short times collide in one instant, long ones spread out: both matter."""
    return st.one_of(st.integers(least, 4), st.integers(least, 40), st.integers(least, 5000))


@st.composite
def _chip_tiles(draw: st.DrawFn, width: int, height: int) -> dict[str, Any]:
    """A way to cut a mesh into equal chips, with links between them, slower or faster than those within, each
    of one row or of several."""
    sizes = [
        draw(st.sampled_from([n for n in range(side, 0, -1) if side % n == 0])) for side in (width, height)
    ]
    link = {"hop_ps": {"ew": draw(_latency(1)), "ns": draw(_latency(1))}, "cycle_ps": draw(_latency(1))}
    link["merge"] = draw(st.integers(1, max(sizes)))
    return {"width": sizes[0], "height": sizes[1], "link": link}


@st.composite
def faults(draw: st.DrawFn, width: int, height: int, per_tile: int) -> dict[str, Any] | None:
    """Some links, routers and cores dead, some links lossy; what has no way is dropped, and at least one core
    is alive."""
    tiles = [(x, y) for y in range(height) for x in range(width)]
    links = [
        {"x": x, "y": y, "side": side}
        for x, y in tiles
        for side, there in zip("EWNS", (x + 1 < width, x > 0, y + 1 < height, y > 0), strict=True)
        if there
    ]
    alive = draw(st.sampled_from(tiles))
    routers = [{"x": x, "y": y} for x, y in tiles if (x, y) != alive]
    n_cores = width * height * per_tile
    kept = (alive[1] * width + alive[0]) * per_tile
    cores = [core for core in range(n_cores) if core != kept]
    probability = st.sampled_from((0.0, 0.1, 0.5, 1.0))
    return {
        "policy": "drop",
        "links": draw(_few(links)),
        "routers": draw(_few(routers, 2)),
        "cores": draw(_few(cores)),
        "lossy": [link | {"probability": draw(probability)} for link in draw(_few(links, 6))],
    }


def _few(choices: list[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    """Up to `most` of them, none twice."""
    return st.lists(st.sampled_from(choices), unique_by=str, max_size=most) if choices else st.just([])


def _domains() -> st.SearchStrategy[dict[str, Any]]:
    """A barrier, or a clock that many ticks overrun."""
    barrier = st.fixed_dictionaries({1: _latency(0), 2: _latency(0)})
    return st.one_of(
        barrier.map(lambda table: {"domain": "barrier", "tick_ps": None, "barrier_ps": table}),
        _latency(1).map(lambda tick_ps: {"domain": "fixed", "tick_ps": tick_ps, "barrier_ps": None}),
    )


@st.composite
def chips(draw: st.DrawFn, base: ChipSpec, max_side: int = MAX_TILES, faulty: bool = False) -> ChipSpec:
    """`base` with a mesh of 1 x 1 .. max_side x max_side tiles, cut into chips or not, 1 - 4 cores per tile,
    FIFO depths 1 - 8, arbitrary integer latencies, a barrier or a clock; what only bounds capacity is lifted.
    Any overflow policy but `strict`, under which a run may have no record. faulty: something may be dead.
    Of crossbar cores too: their limits stay, their variant is drawn, and no link of theirs is lossy."""
    width, height = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    per_tile = draw(st.integers(1, MAX_CORES_PER_TILE))
    side = draw(st.sampled_from(("W", "E", "N", "S")))
    edge = {"W": 0, "E": width - 1, "S": 0, "N": height - 1}[side]
    x = edge if side in "EW" else draw(st.integers(0, width - 1))
    y = edge if side in "NS" else draw(st.integers(0, height - 1))
    mesh = {
        "width": st.just(width),
        "height": st.just(height),
        "fifo_depth": st.integers(1, 8),
        "intake_depth": st.integers(1, 4),
        "arbiter": st.sampled_from(("round_robin", "fixed", "oldest")),
        "routing": st.sampled_from(("xy", "yx", "west_first", "table")),
        "hop_ps.ew": _latency(1),
        "hop_ps.ns": _latency(1),
        "inject_ps": _latency(1),
        "eject_ps": _latency(1),
        "cycle_ps": _latency(1),
        "credit_ps": _latency(1),
    }
    costs = (
        "update_inactive",
        "update_active",
        "spike",
        "send",
        "receive",
        "synaptic_op_dense",
        "synaptic_op_sparse",
    )
    changes: dict[str, Any] = {f"mesh.{key}": draw(values) for key, values in mesh.items()}
    changes |= {f"latency_ps.{key}": draw(_latency(0)) for key in costs}
    broken = draw(st.none() | faults(width, height, per_tile)) if faulty else None
    changes |= {
        "mesh.chip": draw(st.none() | _chip_tiles(width, height)),
        "energy_pj.hop_chip": draw(st.sampled_from((0, 7.5))),
        "cores.per_tile": per_tile,
        "mesh.faults": broken,
        "host_port": {"x": x, "y": y, "side": side},
        **draw(_domains()),
    }
    if base.cores.model == "truenorth":
        changes["mesh.faults"] = broken and broken | {"lossy": []}
        changes |= draw(st.sampled_from(VARIANTS))
    else:
        changes["arithmetic.overflow"] = draw(st.sampled_from(("chip", "chip", "lava", "unbounded")))
        changes["limits"] = {key: None for key in type(base.limits).model_fields} | {"compartments": 64}
    return base.replace(changes)


VARIANTS: tuple[dict[str, Any], ...] = (
    {"arithmetic.variant": "chip"},
    {"arithmetic.variant": "chip"},
    {"arithmetic.variant": "chip"},
    {"arithmetic.variant": "ranc"},
    {"arithmetic.variant": "ranc", "arithmetic.neuron_reset_type": 1},
)
"""Of the arithmetic of crossbar cores."""


LIVELY = {
    "dv": (0, 600),
    "vth_mant": (0, 120),
    "bias_mant": (-20, 60),
    "bias_exp": (3, 6),
    "refractory": (1, 3),
    "vmax": (arith.V_LIMIT, arith.V_LIMIT),
}
"""Ranges in which small networks fire; over the whole ranges most stay silent."""


def _parameter(name: str, n: int, lively: bool) -> st.SearchStrategy[Any]:
    low, high = LoihiCuba.RANGES[name]
    near = st.integers(*LIVELY[name]) if name in LIVELY else st.sampled_from((low, high))
    one = near if lively and name in LIVELY else st.one_of(near, st.integers(low, high))
    return st.one_of(one, hnp.arrays(np.int64, n, elements=one, fill=near))


@st.composite
def neuron_params(draw: st.DrawFn, n: int) -> LoihiCuba:
    """LoihiCuba parameters for n compartments: mostly such that they fire, else over their whole ranges."""
    lively = draw(st.sampled_from((True, True, True, False)))
    drawn = {name: draw(_parameter(name, n, lively)) for name in LoihiCuba.RANGES if name != "soft_reset"}
    if draw(st.sampled_from((False, False, True))):  # where it is soft there is no refractory time
        soft = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
        drawn |= {"soft_reset": soft, "refractory": np.where(soft, 1, drawn["refractory"])}
    return LoihiCuba(**drawn)


@st.composite
def _synapses(draw: st.DrawFn, n_pre: int, n_post: int) -> tuple[Triplets, LoihiSynapse]:
    mode = draw(st.sampled_from(arith.SIGN_MODES))
    low, high = arith.MANTISSA_RANGE[mode]
    n = draw(st.integers(0, 2 * n_pre * n_post))
    mantissa = st.one_of(st.sampled_from((0, high, low)), st.integers(low, high))
    delay = st.one_of(st.just(1), st.integers(1, 4), st.integers(arith.DELAY_MIN, 12))
    triplets = Triplets(
        draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_pre - 1))),
        draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_post - 1))),
        draw(hnp.arrays(np.int64, n, elements=mantissa)),
        draw(hnp.arrays(np.int64, n, elements=delay)) if draw(st.booleans()) else draw(delay),
    )
    exponent = st.one_of(st.integers(0, 3), st.integers(arith.W_EXP_MIN, arith.W_EXP_MAX))
    return triplets, LoihiSynapse(
        w_exp=draw(exponent),
        weight_bits=draw(st.sampled_from((8, 8, 6, 4, 1))),
        sign_mode=mode,
        rounding=draw(st.sampled_from(arith.ROUNDINGS)),
    )


def _register(n: int) -> st.SearchStrategy[Any]:
    half = 1 << (arith.STATE_BITS - 1)
    one = st.one_of(st.just(0), st.integers(-half, half - 1))
    return st.one_of(st.none(), hnp.arrays(np.int64, n, elements=one))


def _poisson(n: int, dt_s: float) -> st.SearchStrategy[Poisson]:
    """Of any form; tables are long enough for MAX_TICKS."""
    rate = st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0, 1)).map(lambda p: p / dt_s)
    shapes = st.sampled_from(((), (n,), (MAX_TICKS, n), (MAX_TICKS, 1)))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=rate, fill=rate)).map(Poisson)


def _regular(n: int) -> st.SearchStrategy[Regular]:
    period, phase = st.integers(1, 5), st.integers(0, 6)
    alike = st.builds(Regular, period, phase)
    each = st.builds(Regular, *(hnp.arrays(np.int64, n, elements=one) for one in (period, phase)))
    return st.one_of(alike, each)


def _scripted(n: int) -> st.SearchStrategy[Scripted]:
    def rasters(n_ticks: int) -> st.SearchStrategy[NDArray[np.bool_]]:
        return hnp.arrays(np.bool_, (n_ticks, n), elements=st.booleans())

    repeats = st.one_of(st.none(), st.integers(3, 5))
    return st.builds(Scripted, st.integers(0, 3).flatmap(rasters), repeats)


def generators(n: int, dt_s: float) -> st.SearchStrategy[Poisson | Regular | Scripted]:
    """How a source of n inputs makes its own spikes, for up to MAX_TICKS."""
    return st.one_of(_regular(n), _scripted(n), _poisson(n, dt_s))


@st.composite
def networks(draw: st.DrawFn, max_neurons: int = 8, poisson: bool = True) -> Network:
    """LoihiCuba networks: up to 3 sources, up to 3 populations, projections of any form, probes.

    poisson: False leaves out what differs from sample to sample.
    """
    network = Network("random")
    for i in range(draw(st.sampled_from((1, 2, 3, 0)))):
        n = draw(st.integers(1, 6))
        kinds = [st.none(), _regular(n), _scripted(n), *([_poisson(n, network.dt_s)] if poisson else [])]
        network.add_source(f"in{i}", n, draw(st.one_of(st.none(), *kinds)))
    for i in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, max_neurons))
        model = draw(neuron_params(n))
        network.add_population(
            f"pop{i}",
            n,
            model,
            u0=draw(_register(n)),
            v0=_within(draw(_register(n)), model),
            to_host=draw(st.booleans()),
            record_spikes=draw(st.sampled_from((True, True, False))),
        )
    parts = (*network.sources, *network.populations)
    for _ in range(draw(st.integers(0, 5))):
        pre, post = draw(st.sampled_from(parts)), draw(st.sampled_from(network.populations))
        weights, synapse = draw(_synapses(pre.n, post.n))
        network.connect(pre, post, weights, synapse=synapse)
    for population in network.populations:
        variable = draw(st.sampled_from((None, "u", "v", "raw")))
        if variable is not None:
            ticks = draw(st.none() | st.just([0, 2]))
            name = "v" if variable == "raw" else variable
            network.probe(population, name, raw=variable == "raw", ticks=ticks)
    return network


def _within(v0: Any, model: LoihiCuba) -> Any:
    """An initial v that the compartment's bounds allow."""
    return None if v0 is None else np.clip(v0, model.vmin, model.vmax)


@st.composite
def stimuli(draw: st.DrawFn, network: Network, n_ticks: int) -> dict[str, NDArray[np.bool_]]:
    """A raster for each source without a generator: mostly silent, or mostly firing."""
    return {
        source.name: draw(
            hnp.arrays(np.bool_, (n_ticks, source.n), elements=st.booleans(), fill=st.booleans())
        )
        for source in network.sources
        if source.generator is None
    }


@st.composite
def cases(
    draw: st.DrawFn, base: ChipSpec, max_side: int = MAX_TILES, poisson: bool = True, faulty: bool = False
) -> Case:
    """A chip, a network that fits it, a place for each compartment, and input for some ticks."""
    chip = draw(chips(base, max_side, faulty))
    network = draw(networks(poisson=poisson))
    n_ticks = draw(st.integers(1, MAX_TICKS))
    core = st.sampled_from(np.flatnonzero(usable_cores(chip)).tolist())
    mapping = {
        population.name: draw(hnp.arrays(np.int64, population.n, elements=core, fill=core))
        for population in network.populations
    }
    seed = draw(st.sampled_from((0, 1, 2**64 - 1)))
    return Case(chip, network, mapping, n_ticks, draw(stimuli(network, n_ticks)), seed)


@st.composite
def traffic(draw: st.DrawFn, chip: ChipSpec, max_packets: int = 40) -> NDArray[Any]:
    """Packets for run_mesh: bursts and spread-out ones."""
    n = draw(st.integers(0, max_packets))
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    tile = st.integers(0, chip.n_tiles - 1)
    instant = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 2000))
    packets["inject_ps"] = draw(hnp.arrays(np.int64, n, elements=instant))
    packets["src"] = draw(hnp.arrays(np.int32, n, elements=tile))
    packets["dst"] = draw(hnp.arrays(np.int32, n, elements=tile))
    return packets
