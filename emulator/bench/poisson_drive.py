"""Bench: 5,000 Poisson trains onto one compartment and onto 1,000, beside a plain Python loop.

Question: what does it cost to drive a compartment by thousands of random trains, when sources and sums are
the engine's? 80 % of the trains excite. The loop is a first script: in each step it looks through the list of
each train for spikes of that step. A second one remembers its place in each list. Both are given the very
spikes that the engine drew, and must fire in the same ticks. They run the first ticks only: every tick takes
them as long as any other, so all take as many times longer as there are more of them. Times are those of the
processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.metrics import metrics
from emulator.bench.outcome import Outcome, Progress
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.generators import drawn_spikes
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.network import LoihiCuba, Network, Poisson
from emulator.program import Program
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, si

DRIVE_CHIP = "loihi-wide"
"""A core of Loihi takes 4,096 axons; 5,000 trains take one without that limit."""

DT_S = 1e-5
N_TICKS = 30_000  # 300 ms
N_TRAINS = 5000
EXCITING = 0.8  # share of the trains
TARGETS = (1, 1000)
RATE_HZ = 20.0
EXCITE, INHIBIT = (4, 13), (-24, -7)  # mantissas, even ones; their sums balance up to a quarter
DECAY = 4  # of v, 1/4096 per tick: 10 ms
THRESHOLD = 1300  # times 64: the mean drive passes it, so that compartments fire
LOOP_TARGET_TICKS = 2 * 10**6  # of the loop, in compartments x ticks ...
LOOP_TICKS = 2000  # ... and in ticks, at most
SCAN_TICKS = 200  # of the first script
AIM = 100.0
"""Times faster than the loop that the engine should be."""


@dataclass(frozen=True)
class Driven:
    """What one drive is to be."""

    n_targets: int
    n_trains: int
    n_ticks: int
    seed: int

    @property
    def loop_ticks(self) -> int:
        """Ticks that the loop runs."""
        return max(1, min(self.n_ticks, LOOP_TICKS, LOOP_TARGET_TICKS // self.n_targets))


def poisson_drive(
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = DRIVE_CHIP,
    n_trains: int = N_TRAINS,
    n_ticks: int = N_TICKS,
    targets: tuple[int, ...] = TARGETS,
    seed: int = 0,
) -> Outcome:
    """Drives each number of compartments and runs the loop beside it. Raises SimulationError."""
    if n_trains < 5 or n_ticks < 1 or not targets or min(targets) < 1:
        raise SimulationError(
            f"poisson-drive of {n_trains} trains, {n_ticks} ticks, {targets} compartments: at least 5 "
            "trains, a tick, and a compartment for each drive"
        )
    loaded = load_chip(chip)
    rows, results = [], {}
    for done, n_targets in enumerate(targets):
        driven = Driven(n_targets, n_trains, n_ticks, seed)
        weights = _weights(driven)
        network = _network(driven, weights)
        program = compile(network, loaded)
        started_s = time.process_time()
        run(program, n_ticks, engine=engine, seed=seed, timing=False)  # spikes alone, as the loops
        engine_s = time.process_time() - started_s
        result = run(program, n_ticks, engine=engine, seed=seed)
        results[f"poisson-drive-{n_targets}"] = result
        rows.append({**_row(driven, weights, result, engine_s), "metrics": metrics(network, result)})
        if progress:
            progress("poisson-drive", done + 1, len(targets))
    numbers = {
        "bench": "poisson-drive",
        "chip": loaded.name,
        "engine": engine,
        "n_trains": n_trains,
        "n_exciting": _n_exciting(n_trains),
        "rate_hz": RATE_HZ,
        "dt_s": DT_S,
        "n_ticks": n_ticks,
        "seed": seed,
        "aim": AIM,
        "rows": rows,
    }
    return Outcome(numbers, _text(numbers), results)


def _n_exciting(n_trains: int) -> int:
    return round(EXCITING * n_trains)


def _weights(driven: Driven) -> NDArray[np.int64]:
    """Even mantissas [n_trains, n_targets]: 8 bits with a sign have no odd ones."""
    rng = np.random.default_rng([driven.seed, driven.n_targets])
    n_exciting = _n_exciting(driven.n_trains)
    exciting = rng.integers(*EXCITE, (n_exciting, driven.n_targets))
    inhibiting = rng.integers(*INHIBIT, (driven.n_trains - n_exciting, driven.n_targets))
    return np.concatenate([exciting, inhibiting]) // 2 * 2


def _network(driven: Driven, weights: NDArray[np.int64]) -> Network:
    network = Network("poisson-drive", dt_s=DT_S)
    n_exciting = _n_exciting(driven.n_trains)
    network.add_source("excite", n_exciting, Poisson(RATE_HZ))
    network.add_source("inhibit", driven.n_trains - n_exciting, Poisson(RATE_HZ))
    # fewer trains drive as strongly: the threshold goes with them
    threshold = max(1, THRESHOLD * driven.n_trains // N_TRAINS)
    network.add_population("driven", driven.n_targets, LoihiCuba(dv=DECAY, ds_offset=1, vth_mant=threshold))
    network.connect("excite", "driven", weights[:n_exciting])
    network.connect("inhibit", "driven", weights[n_exciting:])
    return network


def _row(driven: Driven, weights: NDArray[np.int64], result: Result, engine_s: float) -> dict[str, Any]:
    """One drive: speed beside the loop, whether both fire alike, rates and costs."""
    trains = _trains(result.program, driven)
    drive = Drive(trains, weights.tolist(), int(result.program.image.arrays()["vth_mant"][0]) * 64)
    scan_s, scanned = _timed(scanning_loop, drive, min(driven.loop_ticks, SCAN_TICKS))
    place_s, fired = _timed(remembering_loop, drive, driven.loop_ticks)
    spikes = result.spikes("driven")
    own = [(tick, index) for tick, index in spikes.tolist() if tick < driven.loop_ticks]
    early = [spike for spike in own if spike[0] < SCAN_TICKS]
    seconds_on_chip = driven.n_ticks * DT_S
    counts, energy = result.counts, result.energy
    given = counts["transmitted"]
    expected = driven.n_trains * RATE_HZ * seconds_on_chip
    return {
        "n_targets": driven.n_targets,
        "engine_s": engine_s,
        "loop_s": scan_s * driven.n_ticks,
        "loop_ticks": min(driven.loop_ticks, SCAN_TICKS),
        "speedup": scan_s * driven.n_ticks / engine_s,
        "remembering_loop_s": place_s * driven.n_ticks,
        "remembering_loop_ticks": driven.loop_ticks,
        "remembering_speedup": place_s * driven.n_ticks / engine_s,
        "compared_spikes": len(fired),
        "same_spikes": fired == own and scanned == early,
        "given_spikes": given,
        "given_z": (given - expected) / float(np.sqrt(expected)),
        "rate_hz": len(spikes) / driven.n_targets / seconds_on_chip,
        "synaptic_ops": counts["synaptic_ops"],
        "energy_j": energy.total_j,
        "dynamic_j": energy.dynamic_j,
        "per_synaptic_op_j": energy.per_synaptic_op_j,
        "chip_s": None if result.record.timing is None else float(result.tick_ps.sum()) * 1e-12,
    }


@dataclass(frozen=True, eq=False)
class Drive:
    """What the loops are given: plain lists."""

    trains: list[list[float]]  # instants of the spikes of each train, s
    weights: list[list[int]]  # mantissas by train and compartment
    threshold: int

    def step(self, voltage: list[int], due: list[int], tick: int) -> list[tuple[int, int]]:
        """Updates every compartment by the input that is due; (tick, compartment) of those that fire."""
        fired = []
        for target, total in enumerate(due):
            kept = abs(voltage[target]) * (4096 - DECAY) // 4096  # toward zero
            value = (kept if voltage[target] >= 0 else -kept) + total
            if value > self.threshold:
                fired.append((tick, target))
                value = 0
            voltage[target], due[target] = value, 0
        return fired


def scanning_loop(drive: Drive, n_ticks: int) -> list[tuple[int, int]]:
    """(tick, compartment) of every spike: the loop over spike lists as it is first written.

    A spike of tick t acts in tick t + 1.
    """
    voltage, due = [0] * len(drive.weights[0]), [0] * len(drive.weights[0])
    fired = []
    for tick in range(n_ticks):
        fired += drive.step(voltage, due, tick)
        begin_s, end_s = (tick - 0.5) * DT_S, (tick + 0.5) * DT_S
        for train, spikes_s in enumerate(drive.trains):
            for spike_s in spikes_s:
                if begin_s <= spike_s < end_s:
                    for target, weight in enumerate(drive.weights[train]):
                        due[target] += 64 * weight
    return fired


def remembering_loop(drive: Drive, n_ticks: int) -> list[tuple[int, int]]:
    """The same, with the place of the next spike of each train kept."""
    voltage, due = [0] * len(drive.weights[0]), [0] * len(drive.weights[0])
    places, fired = [0] * len(drive.trains), []
    for tick in range(n_ticks):
        fired += drive.step(voltage, due, tick)
        end_s = (tick + 0.5) * DT_S
        for train, spikes_s in enumerate(drive.trains):
            if places[train] < len(spikes_s) and spikes_s[places[train]] < end_s:
                places[train] += 1
                for target, weight in enumerate(drive.weights[train]):
                    due[target] += 64 * weight
    return fired


Loop = Callable[[Drive, int], list[tuple[int, int]]]


def _timed(loop: Loop, drive: Drive, n_ticks: int) -> tuple[float, list[tuple[int, int]]]:
    """Seconds of a tick, and what fired."""
    started_s = time.process_time()
    fired = loop(drive, n_ticks)
    return (time.process_time() - started_s) / n_ticks, fired


def _trains(program: Program, driven: Driven) -> list[list[float]]:
    """The spikes of each train, as the engine draws them."""
    tick, train = drawn_spikes(program, driven.n_ticks, driven.seed).T
    order = np.argsort(train, kind="stable")
    own = np.split(tick[order] * DT_S, np.searchsorted(train[order], np.arange(1, driven.n_trains)))
    return [instants.tolist() for instants in own]


def _text(numbers: dict[str, Any]) -> str:
    trains = f"{number(numbers['n_trains'])} trains of {numbers['rate_hz']:g} Hz"
    length = si(numbers["n_ticks"] * numbers["dt_s"], "s")
    facts = [
        ("drive", f"{trains}, {number(numbers['n_exciting'])} of them exciting"),
        ("length", f"{length} in {number(numbers['n_ticks'])} ticks of {si(numbers['dt_s'], 's')}"),
        ("chip", f"{numbers['chip']}, {numbers['engine']} engine"),
    ]
    return sections(
        facts_text("Poisson drive", facts),
        table_text("Engine and loops, seconds of the processor", SPEED_HEADER, map(_speed, numbers["rows"])),
        table_text("On the chip", CHIP_HEADER, map(_costs, numbers["rows"])),
        _reading(numbers),
    )


SPEED_HEADER = ("compartments", "engine", "loop", "times", "with places kept", "times", "same spikes")
CHIP_HEADER = ("compartments", "spikes given", "rate", "synaptic ops", "energy", "dynamic", "time")


def _speed(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        number(row["n_targets"]),
        si(row["engine_s"], "s"),
        si(row["loop_s"], "s"),
        f"{row['speedup']:,.0f} x",
        si(row["remembering_loop_s"], "s"),
        f"{row['remembering_speedup']:,.0f} x",
        f"{'all' if row['same_spikes'] else 'NOT all'} of {number(row['compared_spikes'])}",
    )


def _costs(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        number(row["n_targets"]),
        f"{number(row['given_spikes'])} ({row['given_z']:+.1f} sd)",
        si(row["rate_hz"], "Hz"),
        number(row["synaptic_ops"]),
        si(row["energy_j"], "J"),
        si(row["dynamic_j"], "J"),
        si(row["chip_s"], "s"),
    )


def _reading(numbers: dict[str, Any]) -> str:
    slowest = min(row["speedup"] for row in numbers["rows"])
    verdict = "is" if slowest >= numbers["aim"] else "is NOT"
    first = numbers["rows"][0]
    ticks = f"{number(first['loop_ticks'])} and {number(first['remembering_loop_ticks'])} ticks"
    return (
        f"Reading: the engine {verdict} at least {numbers['aim']:g} times as fast as a Python loop over lists"
        f" of spikes: {slowest:,.0f} times.\nThe loops ran the first {ticks}, on the spikes that the engine "
        "drew; their times are scaled to all."
    )
