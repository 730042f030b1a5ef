"""Hypothesis strategies: networks of crossbar cores described directly, and input for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from emulator.chip.crossbar import MAX_AXONS, MAX_DELAY
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.network import Network, TrueNorth
from emulator.testing.strategies import MAX_TICKS, MAX_TILES, Case, chips

MAX_CORES = 6
LONG = 40  # ticks, in which a core whose potentials outgrew 16 bits may come back to them


@dataclass(frozen=True)
class Ranges:
    """Of the parameters that are quantities; resets as the exponent of their size."""

    s: tuple[int, int]
    leak: tuple[int, int]
    alpha: tuple[int, int]
    beta: tuple[int, int]
    reset_bits: tuple[int, int]
    mask_bits: tuple[int, int]
    v0: tuple[int, int]


LIVELY = Ranges((-20, 40), (-5, 10), (1, 60), (0, 40), (0, 4), (0, 4), (-40, 60))
"""Neurons fire, and fall below their negative threshold, in most ticks."""
FAR_OF_16_BITS = Ranges(
    (-255, 255), (-255, 255), (15_000, 18_000), (15_000, 18_000), (13, 14), (0, 4), (-18_000, 18_000)
)
"""Potentials are at the end of what 16 bits hold."""
WHOLE = Ranges(
    (-255, 255), (-255, 255), (0, 2**18 - 1), (0, 2**18 - 1), (0, 18), (0, 18), (-(2**19), 2**19 - 1)
)


def _spread(shape: tuple[int, ...] | int, one: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.int64, shape, elements=one, fill=one)


def _within(limits: tuple[int, int]) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(*limits), st.sampled_from(limits))


@st.composite
def true_north(draw: st.DrawFn, n: int, drawn: bool = True) -> TrueNorth:
    """Parameters for n neurons, within the chip's ranges. drawn: some of it may be stochastic."""
    ranges = draw(st.sampled_from((LIVELY, LIVELY, FAR_OF_16_BITS, WHOLE)))
    stochastic = drawn and draw(st.sampled_from((False, False, True)))
    flag = st.integers(0, 1)

    def each(one: st.SearchStrategy[int]) -> Any:
        return draw(st.one_of(one, _spread(n, one)))

    sign = 2 * draw(_spread(n, flag)) - 1
    reset = sign * (2 ** draw(_spread(n, st.integers(*ranges.reset_bits))) - 1)
    return TrueNorth(
        s=draw(_spread((n, 4), _within(ranges.s))),
        b=draw(_spread((n, 4), flag)) if stochastic else (0, 0, 0, 0),
        leak=each(st.one_of(st.just(0), _within(ranges.leak))),
        c=each(flag) if stochastic else 0,
        epsilon=each(flag),
        alpha=each(_within(ranges.alpha)),
        beta=each(_within(ranges.beta)),
        TM=each(_within(ranges.mask_bits)) if stochastic else 0,
        R=reset,
        gamma=each(st.integers(0, 2)),
        kappa=each(flag),
        v0=each(st.one_of(st.just(0), _within(ranges.v0))),
    )


@st.composite
def _crossbar(draw: st.DrawFn, n_axons: int, n: int) -> NDArray[np.bool_]:
    """Of large ones only a density and a seed are drawn."""
    if n_axons * n <= 256:
        return draw(hnp.arrays(np.bool_, (n_axons, n), elements=st.booleans(), fill=st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return np.asarray(rng.random((n_axons, n)) < draw(st.sampled_from((0.0, 0.02, 0.5, 1.0))))


@st.composite
def core_networks(draw: st.DrawFn, chip: ChipSpec, drawn: bool = True) -> Network:
    """1 .. 6 cores that fit a chip, c0, c1, ..., mostly small ones; neurons send to any axon, several to the
    same one, to the host, or nowhere."""
    network = Network("cores")
    usable = np.flatnonzero(usable_cores(chip))
    n_cores = min(draw(st.sampled_from((1, 2, 3, 2, 3, 4, MAX_CORES))), len(usable))
    most = chip.limits.compartments, chip.limits.axons_in or MAX_AXONS
    small = [st.integers(1, min(8, limit)) for limit in most]
    sizes = [(draw(small[0]), draw(small[1])) for _ in range(n_cores)]  # neurons, axons
    if draw(st.integers(0, 9)) >= 8:  # seldom, for the reference's sake
        large = [st.one_of(st.integers(min(9, end), end), st.just(end), st.just(end)) for end in most]
        sizes[0] = draw(large[0]), draw(large[1])
    tiles = draw(st.none() | st.permutations(usable.tolist()))
    for i, (n, n_axons) in enumerate(sizes):
        goal = draw(_spread(n, st.integers(-2, n_cores - 1)))  # -2: the host
        axon = draw(_spread(n, st.integers(0, MAX_AXONS - 1)))
        tile = None if tiles is None else tiles[i] // chip.cores.per_tile
        core = network.add_core(
            f"c{i}",
            draw(_crossbar(n_axons, n)),
            draw(_spread(n_axons, st.integers(0, 3))),
            draw(true_north(n, drawn)),
            target_core=np.maximum(goal, -1),
            target_axon=axon % np.array([sizes[core][1] if core >= 0 else MAX_AXONS for core in goal]),
            delay=draw(_spread(n, st.integers(1, chip.limits.delay_ticks or MAX_DELAY))),
            to_host=goal == -2,
            at=None if tile is None else (tile % chip.mesh.width, tile // chip.mesh.width),
            record_spikes=draw(st.sampled_from((True, True, False))),
        )
        if draw(st.booleans()):
            network.probe(core, "v", ticks=draw(st.none() | st.just([0, 2])))
    return network


@st.composite
def axon_spikes(draw: st.DrawFn, network: Network, n_ticks: int) -> dict[str, NDArray[np.bool_]]:
    """A raster for the axons of each core: mostly silent, mostly firing, or a random part of large cores."""
    out = {}
    for core in network.cores:
        shape = n_ticks, core.n_axons
        raster = draw(hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.booleans()))
        if core.n_axons > 40 and draw(st.booleans()):
            rng = np.random.default_rng(draw(st.integers(0, 99)))
            raster = rng.random(shape) < draw(st.sampled_from((0.1, 0.25, 0.5)))
        out[core.name] = raster
    return out


@st.composite
def crossbar_cases(
    draw: st.DrawFn, base: ChipSpec, max_side: int = MAX_TILES, faulty: bool = False, drawn: bool = True
) -> Case:
    """A chip of crossbar cores, a network of them, and input for some ticks. drawn: False leaves out what
    depends on the core that a neuron is in."""
    chip = draw(chips(base, max_side, faulty))
    network = draw(core_networks(chip, drawn))
    large = max(core.n * core.n_axons for core in network.cores) > 64
    n_ticks = draw(st.integers(1, 4) if large else st.integers(1, MAX_TICKS))
    if not large and draw(st.integers(0, 9)) == 9:
        n_ticks = LONG
    seed = draw(st.sampled_from((0, 1, 2**64 - 1)))
    return Case(chip, network, {}, n_ticks, draw(axon_spikes(network, n_ticks)), seed)
