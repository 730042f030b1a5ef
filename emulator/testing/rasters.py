"""Hypothesis strategies: input of a network, by kind. Rasters shrink towards silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from emulator.network import Network

Raster = NDArray[np.bool_]


def _silent(n_ticks: int, n: int) -> st.SearchStrategy[Raster]:
    return st.just(np.zeros((n_ticks, n), dtype=np.bool_))


def _max_rate(n_ticks: int, n: int) -> st.SearchStrategy[Raster]:
    return st.just(np.ones((n_ticks, n), dtype=np.bool_))


def _poisson(n_ticks: int, n: int) -> st.SearchStrategy[Raster]:
    """Each input on its own, mostly seldom or mostly often."""
    return hnp.arrays(np.bool_, (n_ticks, n), elements=st.booleans(), fill=st.booleans())


@st.composite
def _burst(draw: st.DrawFn, n_ticks: int, n: int) -> Raster:
    """Every input fires in each of some ticks in a row, and never else."""
    first = draw(st.integers(0, max(n_ticks - 1, 0)))
    raster = np.zeros((n_ticks, n), dtype=np.bool_)
    raster[first : first + draw(st.integers(1, 3))] = True
    return raster


@st.composite
def _sync(draw: st.DrawFn, n_ticks: int, n: int) -> Raster:
    """All inputs at once, in few ticks."""
    raster = np.zeros((n_ticks, n), dtype=np.bool_)
    tick = st.integers(0, max(n_ticks - 1, 0))
    for one in draw(st.lists(tick, min_size=1, max_size=2)) if n_ticks else ():
        raster[one] = True
    return raster


@st.composite
def _hotspot(draw: st.DrawFn, n_ticks: int, n: int) -> Raster:
    """One input in every tick."""
    raster = np.zeros((n_ticks, n), dtype=np.bool_)
    raster[:, draw(st.integers(0, n - 1))] = True
    return raster


@st.composite
def _regular(draw: st.DrawFn, n_ticks: int, n: int) -> Raster:
    """Each input on its own beat."""
    period = draw(st.integers(1, max(n_ticks, 1)))
    phase = draw(hnp.arrays(np.int64, n, elements=st.integers(0, period - 1), fill=st.just(0)))
    return np.asarray((np.arange(n_ticks)[:, None] - phase) % period == 0)


KINDS: dict[str, Callable[[int, int], st.SearchStrategy[Raster]]] = {
    "silent": _silent,
    "sync": _sync,
    "burst": _burst,
    "hotspot": _hotspot,
    "regular": _regular,
    "poisson": _poisson,
    "max_rate": _max_rate,
}
"""What is asked for by name; the strategies shrink towards the first."""


def rasters(n_ticks: int, n: int, kind: str | None = None) -> st.SearchStrategy[Raster]:
    """bool [n_ticks, n] of one of `KINDS`; None: of any."""
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind {kind!r}: choose from {', '.join(KINDS)}")
    if kind is not None:
        return KINDS[kind](n_ticks, n)
    return st.sampled_from(tuple(KINDS)).flatmap(lambda one: KINDS[one](n_ticks, n))


@st.composite
def stimuli(
    draw: st.DrawFn, network: Network, n_ticks: int, kind: str | None = None
) -> dict[str, NDArray[np.bool_]]:
    """A raster for each source without a generator and for the axons of each core, of one of `KINDS`;
    None: each of any."""
    sizes = {source.name: source.n for source in network.sources if source.generator is None}
    sizes |= {core.name: core.n_axons for core in network.cores}
    return {name: draw(rasters(n_ticks, n, kind)) for name, n in sizes.items()}
