"""How many hops of packets a second does the event loop of the mesh do? One thread, FIFO depth 4.

Uniform random traffic in BookSim2's timing (hop 3, cycle 1, credit 2) on 64 x 64, 32 x 32 and 8 x 8 tiles:
light load, at 5 % of the ideal saturation, and bursts, in which every tile has all its packets from the
start. A hop crosses a link; a router-hop is what BookSim2's speed is quoted in: a packet takes one more than
it crosses links. Timed is the native engine's `run_mesh`; beside it, in turns, the same with a binary heap in
place of the time wheel, whose results have to be equal. `run_mesh` as users call it is timed, too. Times are
those of the processor, which count no waiting for it where it is shared.

Whole runs: what timing costs on the network of 10,000 compartments (fan-out 100) and on digits, spread over
16 tiles, as router-hops per second of the difference between timing=True and timing=False. And a burst of
every tile of 64 x 64 to every 64th one, at FIFO depth 1. With --quick about a quarter of the packets.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import workloads
from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of
from numpy.typing import NDArray
from workloads import described

try:
    import emulator as em
    from emulator.bench.digits import DT_S, IMAGES, NETWORK, spread_mapping
    from emulator.bench.digits_data import read_digits
    from emulator.engine import native_mesh
    from emulator.engine.mesh import PACKET_DTYPE
    from emulator.record import first_difference
except ImportError as missing:
    raise SystemExit(f"{missing}: install this project first, `pip install .`") from missing

SEED = 7
LIGHT = 0.05  # of the ideal saturation, 4 / side packets per tile and cycle
BOOKSIM_HOPS_PER_S = {8: 0.48e6, 32: 0.16e6}  # router-hops, the fastest measured on a machine of this kind
BOOKSIM_TARGET = {8: 40.0, 32: 100.0}  # times as many
LIGHT_TARGET, BURST_TARGET = 15.0, 10.0  # M hops/s at 64 x 64
WHOLE_TARGET = 10.0  # M router-hops/s
STRIDE = 64  # of the receivers of the burst of all tiles to many
DRAIN_TARGET_S = 10.0  # "seconds"
TICKS = 1000
MESH = {
    "mesh.inject_ps": 2,
    "mesh.eject_ps": 3,
    "mesh.hop_ps": {"ew": 3, "ns": 3},
    "mesh.cycle_ps": 1,
    "mesh.credit_ps": 2,
    "mesh.fifo_depth": 4,
    "cores.per_tile": 1,
}


@dataclass(frozen=True, eq=False)
class Traffic:
    """Packets on a square mesh."""

    name: str
    side: int
    packets: NDArray[Any]
    fifo_depth: int = 4

    @property
    def chip(self) -> em.ChipSpec:
        size = {"mesh.width": self.side, "mesh.height": self.side}
        return em.load_chip("tiny").replace({**MESH, **size, "mesh.fifo_depth": self.fifo_depth})

    @property
    def n_hops(self) -> int:
        """Links crossed by all packets."""
        y, x = np.divmod(np.stack([self.packets["src"], self.packets["dst"]]), self.side)
        return int(np.abs(np.diff(x, axis=0)).sum() + np.abs(np.diff(y, axis=0)).sum())

    @property
    def n_router_hops(self) -> int:
        return self.n_hops + len(self.packets)


def light(side: int, n: int) -> Traffic:
    """n packets, uniform in time and space."""
    rng = np.random.default_rng(SEED)
    packets = _uniform(rng, side, n)
    cycles = n / (LIGHT * 4 / side * side**2)
    packets["inject_ps"] = np.sort(rng.integers(0, max(1, int(cycles)), n))
    return Traffic(f"{side} x {side}, light load", side, packets)


def burst(side: int, n: int) -> Traffic:
    """About n packets, the same number from every tile, all at once."""
    per_tile = max(1, n // side**2)
    packets = _uniform(np.random.default_rng(SEED), side, per_tile * side**2)
    packets["src"] = np.repeat(np.arange(side**2), per_tile)
    return Traffic(f"{side} x {side}, burst", side, packets)


def all_to_many(side: int) -> Traffic:
    """Every tile to every 64th one, at FIFO depth 1."""
    receivers = np.arange(0, side**2, STRIDE)
    packets = np.zeros(side**2 * len(receivers), dtype=PACKET_DTYPE)
    packets["src"] = np.repeat(np.arange(side**2), len(receivers))
    packets["dst"] = np.tile(receivers, side**2)
    return Traffic(f"{side} x {side}, every tile to every {STRIDE}th, depth 1", side, packets, fifo_depth=1)


def _uniform(rng: np.random.Generator, side: int, n: int) -> NDArray[Any]:
    packets = np.zeros(n, dtype=PACKET_DTYPE)
    packets["src"], packets["dst"] = rng.integers(0, side**2, (2, n))
    return packets


def measure(options: Options) -> Outcome:
    n = 50_000 if options.quick else 200_000
    figures, failures = [], []
    for side in (64, 32, 8):
        for traffic in (light(side, n), burst(side, n)):
            print(traffic.name, file=sys.stderr)
            loops, failure = _loops(traffic, options.repetitions)
            figures += loops
            failures += failure
    figures += [_drained(all_to_many(64))]
    programs = (("10k-100, delay 1", _recurrent), ("digits, 16 tiles", _digits))
    for name, prepare in programs:
        print(name, file=sys.stderr)
        figures += _whole(name, *prepare(options.quick), options.repetitions)
    return figures, failures


def _loops(traffic: Traffic, repetitions: int) -> tuple[list[Figure], list[str]]:
    """Wheel and heap in turns, and what a user sees."""
    chip, packets = traffic.chip, traffic.packets
    columns = [np.ascontiguousarray(packets[name]) for name in ("inject_ps", "src", "dst")]
    queues = (native_mesh.WHEEL, native_mesh.Queue(heap_only=True))
    (wheel, n_events), (heap, _) = (native_mesh.count_mesh(chip, *columns, queue) for queue in queues)
    same = all(np.array_equal(wheel[name], heap[name]) for name in wheel)
    calls: tuple[Callable[[], object], ...] = (
        *(lambda queue=queue: native_mesh.count_mesh(chip, *columns, queue) for queue in queues),
        lambda: em.run_mesh(chip, packets),
    )
    times = [[_seconds(call) for call in calls] for _ in range(repetitions)]
    wheel_s, heap_s, user_s = (statistics.median(column) for column in zip(*times, strict=True))
    name, n_hops, n_router_hops = traffic.name, traffic.n_hops / 1e6, traffic.n_router_hops / 1e6
    rates = [n_hops / row[0] for row in times]
    targets = {"64 x 64, light load": LIGHT_TARGET, "64 x 64, burst": BURST_TARGET}
    figures = [
        Figure(f"{name}: loop", n_hops / wheel_s, "M hops/s", at_least=targets.get(name), spread=_of(rates)),
        Figure(f"{name}: loop, router-hops", n_router_hops / wheel_s, "M/s"),
        Figure(f"{name}: run_mesh as called", n_hops / user_s, "M hops/s"),
        Figure(f"{name}: wheel : heap", heap_s / wheel_s, "x"),
        Figure(f"{name}: events per router-hop", n_events / traffic.n_router_hops, ""),
    ]
    if traffic.side in BOOKSIM_TARGET and "light" in name:
        ratio = n_router_hops * 1e6 / user_s / BOOKSIM_HOPS_PER_S[traffic.side]
        target = BOOKSIM_TARGET[traffic.side]
        figures.append(Figure(f"{name}: run_mesh : BookSim2 as quoted", ratio, "x", at_least=target))
    return figures, [] if same else [f"{name}: the heap gives other instants than the wheel"]


def _drained(traffic: Traffic) -> Figure:
    seconds = _seconds(lambda: em.run_mesh(traffic.chip, traffic.packets))
    spread = f"{len(traffic.packets)} packets, {traffic.n_hops / 1e6:.3g} M hops, 1 run"
    return Figure(traffic.name, seconds, "s", at_most=DRAIN_TARGET_S, spread=spread)


def _recurrent(quick: bool) -> tuple[Any, dict[str, Any]]:
    workload = workloads.recurrent(workloads.NETWORKS["10k-100"], workloads.DELAYS["1"])
    program = em.compile(described(workload), em.load_chip("loihi-wide"), seed=0)
    return program, {"n_ticks": TICKS // 4 if quick else TICKS}


def _digits(quick: bool) -> tuple[Any, dict[str, Any]]:
    network, chip = em.from_nir(NETWORK, dt_s=DT_S), em.load_chip("loihi")
    program = em.compile(network, chip, mapping=spread_mapping(network, chip))
    classes = next(population for population in network.populations if population.to_host)
    images = read_digits(IMAGES, network.sources[0].n, classes.n, 50 if quick else None)
    raster = {network.sources[0].name: images.spikes}
    return program, {"n_ticks": images.spikes.shape[1], "stimulus": raster, "batch": len(images.spikes)}


def _whole(name: str, program: Any, run: dict[str, Any], repetitions: int) -> list[Figure]:
    """What timing adds to a run."""
    timed, untimed = (em.run(program, timing=timing, **run) for timing in (True, False))
    if first_difference(timed.record, untimed.record) is None or not np.array_equal(
        timed.record.spikes, untimed.record.spikes
    ):
        raise ContestantError(f"{name}: timing=True and timing=False have to differ in times only")
    times = [
        [_seconds(lambda timing=timing: em.run(program, timing=timing, **run)) for timing in (True, False)]
        for _ in range(repetitions)
    ]
    timed_s, untimed_s = (statistics.median(column) for column in zip(*times, strict=True))
    n_hops = int(timed.record.link_counts.sum())
    n_router_hops = n_hops + timed.counts["packets"]
    rates = [n_router_hops / 1e6 / (with_mesh - without) for with_mesh, without in times]
    spread = _of(rates)
    rate = n_router_hops / 1e6 / (timed_s - untimed_s)
    return [
        Figure(f"{name}: timing=False", untimed_s, "s"),
        Figure(f"{name}: timing=True", timed_s, "s", spread=f"{n_hops} hops, {n_router_hops} router-hops"),
        Figure(f"{name}: router-hops : what timing adds", rate, "M/s", at_least=WHOLE_TARGET, spread=spread),
    ]


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _of(rates: list[float]) -> str:
    return f"{min(rates):.3g}..{max(rates):.3g}, {len(rates)} runs"


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
