"""Packets from a pattern: spread over time at an offered rate, or all at once.

A *slot* is `cycle_ps` of the mesh: the least time between two packets of one source, so that rates are in
packets per tile and slot, 0..1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator import memory
from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.traffic.patterns import Pattern, pattern_of

Ints = NDArray[np.integer[Any]]
Packets = NDArray[Any]
PACKET_DTYPE = np.dtype([("inject_ps", np.int64), ("src", np.int32), ("dst", np.int32)])
MAX_INJECT_PS = 2**60
MAX_PACKETS = 2**31 - 1  # what the mesh numbers in 32 bits
BYTES = 56  # of a packet while it is made
PROCESSES = ("bernoulli", "periodic")


def open_loop(
    chip: ChipSpec,
    pattern: str | Pattern,
    rate: float,
    n_slots: int,
    *,
    seed: int = 0,
    process: str = "bernoulli",
) -> Packets:
    """Packets [n] of PACKET_DTYPE that are ready at `rate` whether the mesh takes them or not, by instant,
    then tile.

    process: "bernoulli" draws each slot of each tile by itself; "periodic" has them 1 / rate slots apart, all
    tiles in the same slots. At rate 1 both fill every slot.
    seed: >= 0; instants and destinations draw apart, so that two patterns have the same instants.
    """
    chosen = pattern_of(chip, pattern)
    problems = _problems(chip, rate, n_slots, process)
    if problems:
        raise SimulationError(problems)
    expected = int(rate * chip.n_tiles * n_slots)
    memory.require(
        BYTES * expected + 32 * n_slots * (process == "periodic"),
        f"rate={rate}, n_slots={n_slots}: some {expected} packets",
        "ask for fewer slots",
        SimulationError,
    )
    of_instants, of_destinations = _generators(seed)
    if process == "bernoulli":
        place = _bernoulli(rate, chip.n_tiles * n_slots, of_instants)
        slot, src = np.divmod(place, chip.n_tiles)
    else:
        due = np.floor(np.arange(n_slots + 1) * rate)
        slot = np.repeat(np.flatnonzero(np.diff(due)), chip.n_tiles)
        src = np.tile(np.arange(chip.n_tiles), len(slot) // chip.n_tiles)
    return _packets(slot * chip.mesh.cycle_ps, src, chosen.destinations(src, of_destinations))


def burst(chip: ChipSpec, pattern: str | Pattern, n_packets: ArrayLike = 1, *, seed: int = 0) -> Packets:
    """Packets of PACKET_DTYPE that are all ready at instant 0, as at the start of a tick; tile by tile.

    n_packets: of every tile, or int [n_tiles] of each.
    """
    chosen = pattern_of(chip, pattern)
    of_tile = np.asarray(n_packets)
    if of_tile.dtype.kind not in "iu" or of_tile.shape not in ((), (chip.n_tiles,)):
        raise SimulationError(
            f"burst: n_packets {of_tile.dtype}{list(of_tile.shape)}, expected an integer or integers "
            f"[{chip.n_tiles}], one for each tile"
        )
    of_tile = np.broadcast_to(of_tile, chip.n_tiles)
    if of_tile.min() < 0 or of_tile.sum(dtype=np.float64) > MAX_PACKETS:
        raise SimulationError(
            f"burst: n_packets {of_tile.min()}..{of_tile.max()} of {chip.n_tiles} tiles, must not be below 0 "
            f"and sum to {MAX_PACKETS} at most"
        )
    memory.require(
        BYTES * int(of_tile.sum(dtype=np.float64)),
        f"burst of {of_tile.sum(dtype=np.float64):.0f} packets",
        "ask for fewer",
        SimulationError,
    )
    src = np.repeat(np.arange(chip.n_tiles), of_tile)
    return _packets(0, src, chosen.destinations(src, _generators(seed)[1]))


def _packets(inject_ps: Ints | int, src: Ints, dst: Ints) -> Packets:
    packets = np.empty(len(src), dtype=PACKET_DTYPE)
    packets["inject_ps"], packets["src"], packets["dst"] = inject_ps, src, dst
    return packets


def _generators(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not whole or seed < 0:
        raise SimulationError(f"seed={seed!r}: must be an integer from 0 up")
    first, second = np.random.SeedSequence(int(seed)).spawn(2)
    return np.random.default_rng(first), np.random.default_rng(second)


def _bernoulli(rate: float, n_trials: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ascending places of the successes of n_trials draws: the gaps between them are geometric."""
    if rate <= 0:
        return np.zeros(0, dtype=np.int64)
    found: list[NDArray[np.int64]] = []
    last = -1
    while last < n_trials:
        mean = (n_trials - last) * rate
        # a draw per packet, in order: how many are drawn at once does not change them
        gaps = rng.geometric(rate, int(mean + 4 * math.sqrt(mean)) + 16)
        found.append(np.minimum(gaps, n_trials + 1).cumsum() + last)
        last = int(found[-1][-1])
    places = np.concatenate(found)
    return places[places < n_trials]


def _problems(chip: ChipSpec, rate: float, n_slots: int, process: str) -> list[str]:
    problems = []
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)) or not 0 <= rate <= 1:
        problems.append(f"rate={rate!r}: must be a number in 0..1, packets per tile and slot of cycle_ps")
    whole = isinstance(n_slots, (int, np.integer)) and not isinstance(n_slots, bool)
    if not whole or n_slots < 0:
        problems.append(f"n_slots={n_slots!r}: must be an integer from 0 up")
    elif n_slots * chip.mesh.cycle_ps >= MAX_INJECT_PS:
        problems.append(
            f"n_slots={n_slots}: {n_slots * chip.mesh.cycle_ps} ps, limit {MAX_INJECT_PS}: ask for fewer"
        )
    elif not problems and rate * chip.n_tiles * n_slots > MAX_PACKETS:
        problems.append(
            f"rate={rate}, n_slots={n_slots}: some {rate * chip.n_tiles * n_slots:.0f} packets, limit "
            f"{MAX_PACKETS}: ask for fewer slots"
        )
    if process not in PROCESSES:
        problems.append(f"process {process!r}: choose from {', '.join(PROCESSES)}")
    return problems
