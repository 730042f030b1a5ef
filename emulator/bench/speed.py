"""Bench: how fast is the installed engine on this machine?

Question: how many ticks, synaptic events and packet hops does it do a second? Recurrent networks of which a
share of the compartments fires in every tick run from tick 0, without the mesh and with every packet carried
through it. A run is repeated until it has taken some time; shown are the median, the lowest and the highest.
Comparisons with other simulators are `benchmarks/bench_speed.py`, on the same networks.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator.bench.metrics import neurobench
from emulator.bench.outcome import Outcome, Progress
from emulator.bench.recurrent import DEFAULT_SEED, DELAYS, NETWORKS, described, recurrent
from emulator.bench.speed_text import outcome_text
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.formats.machine import machine
from emulator.network import Network
from emulator.program import Program

SPEED_CHIP = "loihi-wide"
"""Loihi's axon tables are full long before its compartments where targets are drawn at random."""

MEASURED = ("1k-100", "10k-100", "10k-1000")
TICKS = 300
LEAST_RUNS, MOST_RUNS = 3, 40
ENOUGH_S = 0.5  # of all runs of a row together, if LEAST_RUNS take less
HOPS = ("hop_e", "hop_w", "hop_n", "hop_s")


@dataclass(frozen=True)
class Measurement:
    """What is measured."""

    networks: Sequence[str] = MEASURED
    delays: str = "1"  # of DELAYS
    timings: Sequence[bool] = (False, True)  # without the mesh, with it
    n_ticks: int = TICKS
    threads: int = 1
    seed: int = DEFAULT_SEED


def speed(
    asked: Measurement = Measurement(),
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = SPEED_CHIP,
) -> Outcome:
    """Measures every network. Raises SimulationError naming all that is wrong, CompileError."""
    _check(asked)
    loaded = load_chip(chip)
    names = list(dict.fromkeys(asked.networks))
    rows: list[dict[str, Any]] = []
    for done, name in enumerate(names):
        if progress is not None:
            progress(name, done, len(names))
        begun_s = time.perf_counter()
        network = described(recurrent(NETWORKS[name], DELAYS[asked.delays], asked.seed))
        made_s = time.perf_counter()
        program = compile(network, loaded, seed=0)
        compile_s = time.perf_counter() - made_s
        facts = {"network": name, "make_s": made_s - begun_s, "compile_s": compile_s}
        for timing in dict.fromkeys(asked.timings):
            rows.append({**facts, **_row(network, program, asked, engine, timing)})
    numbers = {
        "bench": "speed",
        "chip": loaded.name,
        "engine": engine,
        "machine": machine(),
        "threads": asked.threads,
        "delays": asked.delays,
        "n_ticks": asked.n_ticks,
        "seed": asked.seed,
        "rows": rows,
    }
    return Outcome(numbers, outcome_text(numbers), {}, (("speed", partial(_draw, numbers)),))


def _check(asked: Measurement) -> None:
    known = ", ".join(NETWORKS)
    problems = [f"network {name!r}: choose from {known}" for name in asked.networks if name not in NETWORKS]
    if not asked.networks:
        problems.append(f"networks: none given: choose from {known}")
    if asked.delays not in DELAYS:
        problems.append(f"delays {asked.delays!r}: choose from {', '.join(DELAYS)} ticks")
    if not asked.timings:
        problems.append("timings: none given: give False, True or both")
    for name, value in (("ticks", asked.n_ticks), ("threads", asked.threads)):
        if value < 1:
            problems.append(f"{name} {value}: must be at least 1")
    if problems:
        raise SimulationError(problems)


def _row(network: Network, program: Program, asked: Measurement, engine: str, timing: bool) -> dict[str, Any]:
    """One network with or without the mesh. The first run is not timed: it warms caches up."""
    options: dict[str, Any] = {"engine": engine, "timing": timing, "threads": asked.threads}
    result = run(program, asked.n_ticks, **options)
    run_s: list[float] = []
    while len(run_s) < LEAST_RUNS or (sum(run_s) < ENOUGH_S and len(run_s) < MOST_RUNS):
        begun_s = time.perf_counter()
        run(program, asked.n_ticks, **options)
        run_s.append(time.perf_counter() - begun_s)
    counts = result.counts
    hops = sum(counts[name] for name in HOPS)
    return {
        "timing": timing,
        "n_neurons": program.image.n_slots,
        "n_synapses": program.image.n_synapses,
        "n_cores": program.image.n_cores,
        "run_s": run_s,
        "spikes": counts["spikes"],
        "synaptic_ops": counts["synaptic_ops"],
        "packets": counts["packets"],
        "hops": hops,
        "ticks_per_s": _rates(asked.n_ticks, run_s),
        "synaptic_events_per_s": _rates(counts["synaptic_ops"], run_s),
        # without the mesh hops are multiplied up, not made
        "packet_hops_per_s": _rates(hops, run_s) if timing else None,
        "slowdown": _slowdown(result, run_s),
        "metrics": neurobench(network, result),
    }


def _rates(count: int, run_s: list[float]) -> dict[str, float]:
    """A second: median, lowest and highest of the runs."""
    rates = [count / seconds for seconds in run_s]
    return {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}


def _slowdown(result: Result, run_s: list[float]) -> float | None:
    """Times as long as the chip takes; None without timing."""
    if result.record.timing is None:
        return None
    chip_s = float(result.tick_ps.sum()) * 1e-12
    return statistics.median(run_s) / chip_s if chip_s else None


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.speed_picture import draw_speed  # matplotlib only when it is needed

    return draw_speed(numbers)
