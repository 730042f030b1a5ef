"""load_curve(): latency and accepted throughput of the mesh against offered load.

One point is one open-loop run. After a warm-up, the packets that become ready in the measurement window are
followed until the last has arrived, while injection goes on, so that the last ones meet the same traffic as
the first. A longer run starts with the packets of the shorter one, so how long injection has to go on can be
found by doubling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.engine.mesh import MeshResult, run_mesh
from emulator.errors import SimulationError
from emulator.traffic import Pattern, ideal_saturation, open_loop, pattern_of, zero_load_ps
from emulator.traffic.bounds import shortest_ps

Packets = NDArray[Any]
Progress = Callable[[int, int], None]
WARMUP_SLOTS, MEASURE_SLOTS = 3_000, 10_000
TOLERANCE = 0.02
DEFAULT_LOADS = (0.04, 0.2, 0.35, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""Offered rates that are tried if none are given, as shares of the ideal saturation; then full load."""

RESOLUTION = 1 / 128  # to which the saturation point is found, as a share of the ideal one
FIRST_TAIL = 4  # injection after the window, in zero-load latencies of the longest way
MAX_DOUBLINGS = 5
HEAD_START = 1.25  # packets of a source run first in overload, as a multiple of its share of the ideal
NOISE_SIGMAS = 4.0
LATENCIES = (
    "latency_ps",
    "source_ps",
    "network_ps",
    "zero_load_ps",
    "queueing_ps",
    "latency_p50_ps",
    "latency_p99_ps",
    "latency_max_ps",
)


@dataclass(frozen=True)
class LoadPoint:
    """One offered rate. Rates in packets per tile and slot of cycle_ps. Latencies in ps, of the packets that
    became ready in the window; None where the mesh does not keep up: they would grow with the window."""

    offered_rate: float
    injected_rate: float  # packets that became ready in the window
    accepted_rate: float  # packets that arrived in the window
    stable: bool  # what is ready arrives, and the queues do not grow
    n_packets: int  # that became ready in the window
    latency_ps: float | None  # mean, from ready to arrival; the sum of source_ps and network_ps
    source_ps: float | None  # mean wait in the source queue, before the push
    network_ps: float | None  # mean from push to arrival
    zero_load_ps: float | None  # mean of what the same ways take on an empty mesh
    queueing_ps: float | None  # latency_ps - zero_load_ps
    latency_p50_ps: float | None
    latency_p99_ps: float | None
    latency_max_ps: int | None
    n_hops: int  # links crossed in the whole run, warm-up and drain included


@dataclass(frozen=True)
class LoadCurve:
    """A pattern on a chip at several offered rates, ascending."""

    chip: str
    pattern: str
    width: int
    height: int
    cycle_ps: int  # of a slot
    warmup_slots: int
    measure_slots: int
    ideal_saturation: float  # of a mesh with perfect routers
    saturation_rate: float | None  # highest stable rate found by bisection; None: not searched for
    points: tuple[LoadPoint, ...]


@dataclass(frozen=True)
class _Setting:
    """What the points of a curve have in common."""

    chip: ChipSpec
    pattern: Pattern
    ideal: float
    warmup_slots: int
    measure_slots: int
    seed: int
    process: str
    tolerance: float
    engine: str

    @property
    def n_window(self) -> int:
        """Slots up to the end of the window."""
        return self.warmup_slots + self.measure_slots

    def packets(self, rate: float, n_slots: int) -> Packets:
        return open_loop(self.chip, self.pattern, rate, n_slots, seed=self.seed, process=self.process)

    def slots_ps(self, n_slots: int) -> int:
        return n_slots * self.chip.mesh.cycle_ps


def load_curve(
    chip: ChipSpec,
    pattern: str | Pattern,
    rates: Sequence[float] | None = None,
    *,
    warmup_slots: int = WARMUP_SLOTS,
    measure_slots: int = MEASURE_SLOTS,
    seed: int = 0,
    process: str = "bernoulli",
    tolerance: float = TOLERANCE,
    search: bool = True,
    engine: str = "native",
    progress: Progress | None = None,
) -> LoadCurve:
    """Offers `pattern` to the mesh of `chip` at each of `rates` and measures what comes of it.

    rates: packets per tile and slot of cycle_ps, 0..1; None: shares of the ideal saturation, and 1.
    tolerance: a rate is stable if the packets under way grow by less than this share of those injected.
    search: look for the saturation point too, by bisection up to the ideal one.
    progress: called with (points done, points in all).
    """
    chosen = pattern_of(chip, pattern)
    ideal = ideal_saturation(chip, chosen)
    problems = _problems(rates, warmup_slots, measure_slots, tolerance)
    if problems:
        raise SimulationError(problems)
    offered = sorted({*(share * ideal for share in DEFAULT_LOADS), 1.0} if rates is None else set(rates))
    setting = _Setting(
        chip, chosen, ideal, int(warmup_slots), int(measure_slots), seed, process, float(tolerance), engine
    )
    n_search = math.ceil(-math.log2(RESOLUTION)) if search else 0
    points: list[LoadPoint] = []

    def step(n_searched: int) -> None:
        if progress is not None:
            progress(len(points) + n_searched, len(offered) + n_search)

    step(0)
    for rate in offered:
        points.append(_point(setting, float(rate)))
        step(0)
    found = _saturation(setting, ideal, points, step) if search else None
    step(n_search)
    return LoadCurve(
        chip=chip.name,
        pattern=chosen.name,
        width=chip.mesh.width,
        height=chip.mesh.height,
        cycle_ps=chip.mesh.cycle_ps,
        warmup_slots=setting.warmup_slots,
        measure_slots=setting.measure_slots,
        ideal_saturation=ideal,
        saturation_rate=found,
        points=tuple(points),
    )


def _saturation(
    setting: _Setting, ideal: float, points: Sequence[LoadPoint], step: Callable[[int], None]
) -> float:
    """The highest rate found stable, beginning with the points there are; no rate above `ideal` can be."""
    high = min((point.offered_rate for point in points if not point.stable), default=ideal)
    if high >= ideal:
        high = ideal
        if _point(setting, ideal).stable:
            return ideal
    low = max(
        (point.offered_rate for point in points if point.stable and point.offered_rate < high), default=0.0
    )
    n_steps = 0
    while high - low > RESOLUTION * ideal:
        n_steps += 1
        step(n_steps)
        middle = (low + high) / 2
        if _point(setting, middle).stable:
            low = middle
        else:
            high = middle
    return low


def _point(setting: _Setting, rate: float) -> LoadPoint:
    """One offered rate. Injection goes on until the measured packets have arrived, or is given up on."""
    chip = setting.chip
    if rate > setting.ideal:
        return _overloaded(setting, rate)
    longest_ps = int(shortest_ps(chip, np.array([0]), np.array([chip.n_tiles - 1]))[0])
    tail = FIRST_TAIL * -(-longest_ps // chip.mesh.cycle_ps)
    for doubling in range(MAX_DOUBLINGS):
        packets = setting.packets(rate, setting.n_window + tail)
        result = run_mesh(chip, packets, engine=setting.engine)
        point, last_ps = _measured(setting, rate, packets, result)
        late_ps = last_ps - setting.slots_ps(setting.n_window + tail)
        if not point.stable or late_ps <= 0:
            return point
        tail += -(-late_ps // chip.mesh.cycle_ps) << doubling
    return _unstable(point)


def _overloaded(setting: _Setting, rate: float) -> LoadPoint:
    """More than the mesh can take: its queues grow and most packets are never pushed in the window. What is
    pushed after the window changes nothing in it, so of each source only the first packets are run."""
    chip = setting.chip
    packets = setting.packets(rate, setting.n_window)
    n_of_tile = np.bincount(packets["src"], minlength=chip.n_tiles)
    by_source = np.argsort(packets["src"], kind="stable")
    rank = np.empty(len(packets), dtype=np.int64)
    rank[by_source] = np.arange(len(packets)) - np.repeat(np.cumsum(n_of_tile) - n_of_tile, n_of_tile)
    limit = np.full(chip.n_tiles, int(HEAD_START * setting.ideal * setting.n_window) + 1)
    while True:
        kept = packets[rank < limit[packets["src"]]]
        result = run_mesh(chip, kept, engine=setting.engine)
        last_ps = np.zeros(chip.n_tiles, dtype=np.int64)
        np.maximum.at(last_ps, kept["src"], result.push_ps)
        short = (n_of_tile > limit) & (last_ps < setting.slots_ps(setting.n_window))
        if not short.any():
            return _unstable(_measured(setting, rate, kept, result, packets)[0])
        limit[short] *= 2


def _measured(
    setting: _Setting, rate: float, packets: Packets, result: MeshResult, offered: Packets | None = None
) -> tuple[LoadPoint, int]:
    """What the window shows, and when the last packet measured arrived.

    offered: all that was ready, if that is more than `packets`, which were run.
    """
    start_ps, end_ps = setting.slots_ps(setting.warmup_slots), setting.slots_ps(setting.n_window)
    ready_ps = (packets if offered is None else offered)["inject_ps"]
    n_ready = int(np.count_nonzero((ready_ps >= start_ps) & (ready_ps < end_ps)))
    n_arrived = int(np.count_nonzero((result.arrive_ps >= start_ps) & (result.arrive_ps < end_ps)))
    n_before = int(np.count_nonzero((packets["inject_ps"] < start_ps) & (result.arrive_ps >= start_ps)))
    measured = (packets["inject_ps"] >= start_ps) & (packets["inject_ps"] < end_ps)
    n_gone = int(np.count_nonzero(measured & ~result.arrived))
    measured &= result.arrived
    # packets under way fluctuate by the root of their number however well the mesh keeps up
    stable = n_ready - n_gone - n_arrived <= setting.tolerance * n_ready + NOISE_SIGMAS * math.sqrt(
        n_before + 1
    )
    n_places = setting.chip.n_tiles * setting.measure_slots
    point = LoadPoint(
        offered_rate=rate,
        injected_rate=n_ready / n_places,
        accepted_rate=n_arrived / n_places,
        stable=stable,
        n_packets=n_ready,
        **_latencies(setting.chip, packets[measured], result.push_ps[measured], result.arrive_ps[measured]),
        n_hops=int(result.link_counts.sum()),
    )
    last_ps = int(result.arrive_ps[measured].max(initial=0))
    return (point if stable else _unstable(point)), last_ps


def _latencies(
    chip: ChipSpec, packets: NDArray[Any], push_ps: NDArray[Any], arrive_ps: NDArray[Any]
) -> dict[str, Any]:
    if not len(packets):
        return dict.fromkeys(LATENCIES)
    latency_ps = arrive_ps - packets["inject_ps"]
    zero_ps = zero_load_ps(chip, packets["src"], packets["dst"])
    parts = (latency_ps, push_ps - packets["inject_ps"], arrive_ps - push_ps, zero_ps, latency_ps - zero_ps)
    values = [float(part.mean()) for part in parts]
    values += [float(value) for value in np.percentile(latency_ps, (50, 99))]
    return dict(zip(LATENCIES, [*values, int(latency_ps.max())], strict=True))


def _unstable(point: LoadPoint) -> LoadPoint:
    """The point without latencies: they say how long the window was, not how good the mesh is."""
    nothing: dict[str, Any] = dict.fromkeys(LATENCIES)
    return replace(point, stable=False, **nothing)


def _problems(
    rates: Sequence[float] | None, warmup_slots: int, measure_slots: int, tolerance: float
) -> list[str]:
    if rates is not None and (isinstance(rates, str) or not isinstance(rates, (Sequence, np.ndarray))):
        return [f"rates: {rates!r}, expected a list of numbers above 0 up to 1"]
    problems = []
    for rate in () if rates is None else rates:
        number = isinstance(rate, (int, float, np.number)) and not isinstance(rate, bool)
        if not number or not 0 < rate <= 1:
            problems.append(
                f"rates: {rate!r} is none: give numbers above 0 up to 1, packets per tile and slot"
            )
    if rates is not None and not len(rates):
        problems.append("rates: none given: give some, or leave them out")
    for name, value, least in (("warmup_slots", warmup_slots, 0), ("measure_slots", measure_slots, 1)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < least:
            problems.append(f"{name}={value!r}: must be an integer from {least} up")
    if not isinstance(tolerance, (int, float)) or not 0 < tolerance < 1:
        problems.append(f"tolerance={tolerance!r}: must be a number between 0 and 1")
    return problems
