"""Hypothesis strategies: networks that fit a given chip, wherever its limits are, by construction.

`Room` is what may be taken of a chip such that no arrangement breaks a limit: cores are filled as if each
neuron had a configuration of its own, each synapse a block of memory, and each sender reached every core.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.packing import sparse_index_bits
from emulator.network import LoihiCuba, LoihiSynapse, Network, Triplets
from emulator.testing.strategies import generators

MAX_NEURONS = 6
MAX_INPUTS = 3
MAX_SYNAPSES = 16
MOST_SYNAPSES = 54  # where everything is connected to everything: neurons and inputs to neurons
DELAY_BITS = 6  # of a synapse at most


@dataclass(frozen=True)
class Room:
    """What a network may take."""

    neurons: int  # in all
    per_core: int  # neurons on one core
    cores: int  # usable ones that may be taken
    inputs: int
    synapses: int  # in all
    delay_ticks: int
    refractory_ticks: int
    weight_bits: int
    to_host: bool


def room_of(chip: ChipSpec) -> Room:
    """The room on a chip of cores with lists of synapses."""
    limits = chip.limits

    def bound(most: int, *limit: int | None) -> int:
        return min([most, *(one for one in limit if one is not None)])

    cores = int(usable_cores(chip).sum())
    shared = (limits.compartments, limits.compartment_configs, limits.threshold_configs, limits.delay_slots)
    per_core = bound(MAX_NEURONS, *shared)
    neurons = bound(MAX_NEURONS, per_core * cores, limits.axons_in)
    if limits.axons_out is not None:  # each neuron with an entry for every core and for the host
        while neurons > 1 and neurons * (neurons + 1) > limits.axons_out:
            neurons -= 1
    to_host = limits.axons_out is None or limits.axons_out >= 2
    inputs = MAX_INPUTS if limits.axons_in is None else min(MAX_INPUTS, limits.axons_in - neurons)
    widths = [bits for bits in chip.list_format.weight_bits if bits <= 8]
    synapses = _synapses(chip) if widths else 0
    return Room(
        neurons=neurons,
        per_core=min(per_core, neurons),
        cores=cores,
        inputs=inputs,
        synapses=synapses,
        delay_ticks=bound(arith.DELAY_MAX, chip.delay_limit(min(per_core, neurons))),
        refractory_ticks=bound(arith.REFRACTORY_MAX, limits.refractory_ticks),
        weight_bits=max(widths, default=1),
        to_host=to_host,
    )


def _synapses(chip: ChipSpec) -> int:
    """Synapses of which each takes as much memory as one can, all on one core."""
    layout, memory = chip.list_format, chip.limits.synapse_memory_bits
    index_bits = sparse_index_bits(chip)
    if index_bits is None:
        return 0
    if memory is None:
        return MOST_SYNAPSES
    one = max(layout.weight_bits) + DELAY_BITS + index_bits + layout.tag_bits + layout.block_header_bits
    words = -(-one // layout.word_bits)
    return min(MOST_SYNAPSES, memory // (words * layout.word_bits))


@lru_cache(maxsize=4096)
def edges(low: int, high: int) -> st.SearchStrategy[int]:
    """low .. high, both ends often; shrinks towards low."""
    return st.one_of(st.just(low), st.integers(low, high), st.just(high))


def each(one: st.SearchStrategy[int], n: int) -> st.SearchStrategy[NDArray[np.int64]]:
    """int64 [n]; with fewer choices than an array of the library's, which shrink sooner."""
    return st.tuples(*[one] * n).map(lambda values: np.array(values, dtype=np.int64))


@st.composite
def _one_or_two(draw: st.DrawFn, one: st.SearchStrategy[int], n: int) -> Any:
    """A value for all of n neurons, or one of two for each. It takes as many choices whatever n is, so that a
    counterexample stays one with fewer neurons."""
    first = draw(one)
    mask = draw(st.integers(1, 2**MAX_NEURONS - 1)) if draw(st.booleans()) else 0
    return np.where(mask >> np.arange(n) & 1, draw(one), first) if mask else first


LIVELY = {"dv": (0, 600), "vth_mant": (0, 60), "bias_mant": (-10, 60), "bias_exp": (3, 6)}
"""Ranges in which small networks fire."""
BUSY: dict[str, Any] = {"vth_mant": 0, "bias_mant": 1, "bias_exp": 6, "refractory": 1, "vmax": arith.V_LIMIT}
"""What makes neurons fire in every tick. The other parameters are drawn all the same: a network that is not
busy takes no more choices, and is what counterexamples shrink to."""
LOUD = BUSY | {"bias_mant": 4095, "bias_exp": 7, "du": 0, "vmin": -arith.V_LIMIT}
"""What makes currents, which begin at the end of their registers, leave them."""


@st.composite
def _model(draw: st.DrawFn, n: int, room: Room) -> LoihiCuba:
    """Neurons that mostly fire; some parameters differ from neuron to neuron, some are at their ends."""
    out: dict[str, Any] = {}
    for name, (low, high) in LIVELY.items():
        one = st.integers(low, high)  # shrinks towards 0 where that is within
        out[name] = draw(_one_or_two(one, n))
    out["refractory"] = draw(edges(1, room.refractory_ticks))
    rare = draw(st.integers(0, 7))
    if rare == 7:
        ends = {name: edges(*LoihiCuba.RANGES[name]) for name in ("du", "ds_offset", "vmin", "vmax")}
        out |= draw(st.fixed_dictionaries(ends))
    elif rare == 6:
        name = draw(st.sampled_from(("dv", "vth_mant", "bias_mant", "bias_exp")))
        out[name] = draw(edges(*LoihiCuba.RANGES[name]))
    elif rare == 5:
        out |= {"soft_reset": 1, "refractory": 1}
    return LoihiCuba(**out)


@st.composite
def weights(
    draw: st.DrawFn,
    n_pre: int,
    n_post: int,
    max_synapses: int = MAX_SYNAPSES,
    max_delay_ticks: int = arith.DELAY_MAX,
    max_weight_bits: int = 8,
) -> tuple[Triplets, LoihiSynapse]:
    """Synapses between parts of these sizes, and how their mantissas act: `connect(pre, post, triplets,
    synapse=...)`. Mantissas, delays and exponents are often at the ends of their ranges. Shrinks towards no
    synapses, mantissas of 0, delays of 1."""
    mode = draw(st.sampled_from(arith.SIGN_MODES))
    low, high = arith.MANTISSA_RANGE[mode]
    n = draw(st.integers(0, min(max_synapses, 2 * n_pre * n_post)))
    mantissa = st.one_of(st.integers(low, high), st.sampled_from((0, high, low)))
    delay = edges(1, max_delay_ticks)
    triplets = Triplets(
        draw(each(st.integers(0, n_pre - 1), n)),
        draw(each(st.integers(0, n_post - 1), n)),
        draw(each(mantissa, n)),
        draw(st.one_of(delay, each(delay, n))),
    )
    synapse = LoihiSynapse(
        w_exp=draw(st.one_of(st.just(0), st.integers(0, 3), edges(arith.W_EXP_MIN, arith.W_EXP_MAX))),
        weight_bits=draw(edges(1, max_weight_bits).map(lambda bits: 1 + max_weight_bits - bits)),
        sign_mode=mode,
        rounding=draw(st.sampled_from(arith.ROUNDINGS)),
    )
    return triplets, synapse


@st.composite
def _sizes(draw: st.DrawFn, least: int, most: int, n_parts: int) -> list[int]:
    """Sizes of up to so many parts, `most` in all; each shrinks by itself, the last ones to none."""
    sizes: list[int] = []
    for number in range(n_parts):
        n = draw(st.integers(least if number == 0 else 0, most))
        if n == 0:
            break
        sizes.append(n)
        most -= n
    return sizes


@st.composite
def fitting_networks(draw: st.DrawFn, chip: ChipSpec, generated: bool = False) -> Network:
    """A network of LoihiCuba populations within the room of a chip: up to two sources, up to three
    populations, projections, probes. In some everything is connected to everything: busy ones fire in every
    tick, in loud ones the sums leave their registers.

    generated: sources may make their spikes themselves; else the stimulus drives them.
    """
    room = room_of(chip)
    network = Network("drawn")
    forced = (None, None, None, None, None, BUSY, BUSY, LOUD, LOUD)[draw(st.integers(0, 8))]
    for n in draw(_sizes(0, max(room.inputs, 0), 2)):
        generator = draw(st.none() | generators(n, network.dt_s)) if generated else None
        network.add_source(f"in{len(network.sources)}", n, generator)
    for n in draw(_sizes(1, room.neurons, 3)):
        network.add_population(
            f"pop{len(network.populations)}",
            n,
            replace(draw(_model(n, room)), **(forced or {})),
            u0=arith.V_LIMIT if forced is LOUD else None,
            to_host=room.to_host and draw(st.booleans()),
        )
    n_projections = draw(st.integers(0, 4))
    if forced is not None:
        _connect_all(draw, network, room, forced is LOUD)
    else:
        _connect(draw, network, room, n_projections)
    for population in network.populations:
        variable = draw(st.sampled_from((None, "v", "u")))
        if variable is not None:
            network.probe(population, variable)
    return network


def _connect_all(draw: st.DrawFn, network: Network, room: Room, loud: bool) -> None:
    """Everything to everything, as long as there is room: with small weights, or, loud, the largest."""
    left, mantissa, synapse = room.synapses, 2, LoihiSynapse()
    if loud:
        mode = draw(st.sampled_from(arith.SIGN_MODES))
        mantissa = draw(st.sampled_from(arith.MANTISSA_RANGE[mode]))
        synapse = LoihiSynapse(w_exp=draw(st.integers(0, 6)), sign_mode=mode)
    for pre in (*network.sources, *network.populations):
        for post in network.populations:
            if pre.n * post.n <= left:
                network.connect(pre, post, np.full((pre.n, post.n), mantissa), synapse=synapse)
                left -= pre.n * post.n


def _connect(draw: st.DrawFn, network: Network, room: Room, n_projections: int) -> None:
    """Projections until the room for synapses is taken, or nothing more is wanted."""
    parts, left = (*network.sources, *network.populations), min(room.synapses, MAX_SYNAPSES)
    for _ in range(n_projections):
        pre, post = draw(st.sampled_from(parts)), draw(st.sampled_from(network.populations))
        drawn = weights(pre.n, post.n, left, room.delay_ticks, room.weight_bits)
        triplets, synapse = draw(drawn)
        network.connect(pre, post, triplets, synapse=synapse)
        left -= len(np.asarray(triplets.pre))


@st.composite
def mappings(draw: st.DrawFn, chip: ChipSpec, network: Network) -> dict[str, NDArray[np.int64]]:
    """A core for each neuron of a `fitting_networks` one: groups of neighbours, each on a core of its own."""
    room = room_of(chip)
    usable = np.flatnonzero(usable_cores(chip)).tolist()
    n = sum(population.n for population in network.populations)
    least = -(-n // room.per_core)
    n_groups = draw(st.integers(least, max(least, min(n, len(usable), 6))))
    cores = draw(st.lists(st.sampled_from(usable), min_size=n_groups, max_size=n_groups, unique=True))
    of_neuron = np.array(cores, dtype=np.int64)[np.arange(n) * n_groups // n]
    ends = np.cumsum([population.n for population in network.populations])
    pieces = np.split(of_neuron, ends[:-1])
    return {population.name: piece for population, piece in zip(network.populations, pieces, strict=True)}
