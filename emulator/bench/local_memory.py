"""Bench: which share of the energy moves weights, when they are off the chip, far on it, or in the core?

The same network three times on each machine: clocked at batch 1, clocked at the batch that costs least, and
event-driven on a chip, each with its weights in memory off the chip, in SRAM on the chip away from the
arithmetic, and beside it. What a chip pays for a synaptic operation contains reading its own memory; how much
of it that is, is estimated by the baseline's price of a byte from a memory near by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from emulator.bench.energy_vs_neurons import BASELINES, NODE_NM
from emulator.bench.energy_vs_spikes import TICK_S, run_layers
from emulator.bench.layers import STANDARD, Layers, compiled, network_of, raster_of
from emulator.bench.local_memory_text import outcome_text
from emulator.bench.metrics import footprint_bytes, metrics
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.bench.spending import spending
from emulator.chip.baseline import PLACES, TYPICAL, BaselineSpec
from emulator.clocked import J_PER_PJ, best_bill, bill
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_baseline, load_chip

RATE_HZ = 20.0
TICKS = 1000
ROW_BYTES = 32  # of a crossbar, read whole for a spike


@dataclass(frozen=True)
class Computation:
    """What is computed."""

    rate_hz: float = RATE_HZ  # of each input
    n_ticks: int = TICKS
    layers: Layers = STANDARD


def local_memory(
    given: Computation = Computation(),
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    baselines: Sequence[str] = BASELINES,
) -> Outcome:
    """Runs the network on the chip and bills it on the baselines. Raises SimulationError naming all that is
    wrong."""
    loaded, machines = load_chip(chip), [load_baseline(name) for name in baselines]
    _check(given, machines)
    if progress is not None:
        progress(f"{loaded.name}, {given.rate_hz:g} Hz", 0, 1)
    raster = raster_of(given.layers, given.rate_hz * TICK_S, given.n_ticks)
    result = run_layers(compiled(given.layers, loaded), raster, engine)
    network = network_of(given.layers, loaded.cores.model)
    moved = weight_bytes(result)
    spent, transmitted = spending(result.energy), result.counts["transmitted"]
    numbers = {
        "bench": "local-memory",
        "chip": loaded.name,
        "node_nm": NODE_NM.get(loaded.name),
        "n_ticks": given.n_ticks,
        "rate_hz": given.rate_hz,
        "seed": given.layers.seed,
        "network": {
            **asdict(given.layers),
            "n_neurons": given.layers.n_neurons,
            "n_inputs": given.layers.width,
        },
        "activity": transmitted / (given.layers.n_senders * given.n_ticks),
        "weight_bytes_moved": moved,
        "weight_bytes_stored": footprint_bytes(result.program),
        "machines": [_machine_numbers(given, machine, spent, moved) for machine in machines],
        "metrics": metrics(network, result),
    }
    return Outcome(numbers, outcome_text(numbers), {}, (("local-memory", partial(_draw, numbers)),))


def weight_bytes(result: Result) -> float:
    """Bytes of weights, with their indices, that spikes read from the memories of the cores."""
    program, counts = result.program, result.counts
    if program.chip.cores.model == "truenorth":
        return float(counts["axon_in"] * ROW_BYTES)
    n_synapses = len(program.image.syn_slot)  # type: ignore[union-attr]
    return counts["synaptic_ops"] * footprint_bytes(program) / max(n_synapses, 1)


def _check(given: Computation, machines: list[BaselineSpec]) -> None:
    problems = []
    if not 0 < given.rate_hz <= 1 / TICK_S:
        problems.append(f"rate: {given.rate_hz:g} Hz is none: give more than 0, up to {1 / TICK_S:g} Hz")
    if not (isinstance(given.n_ticks, int) and given.n_ticks >= 1):
        problems.append(f"ticks {given.n_ticks!r}: must be an integer from 1 up")
    if not machines:
        problems.append(f"baselines: none given: give some, as {', '.join(BASELINES)}")
    if problems:
        raise SimulationError(problems)


def _machine_numbers(
    given: Computation, machine: BaselineSpec, spent: dict[str, Any], moved: float
) -> dict[str, Any]:
    """Energy per tick by where the weights are: [clocked at batch 1, at the best batch, event-driven]."""
    network, rows = network_of(given.layers, "cuba"), []
    near_j = _moving_j(machine, "near", moved) / given.n_ticks
    chip_j = spent["dynamic_j"] / given.n_ticks
    for place in PLACES:
        # as many near memories as it takes: a core's own is beside its own arithmetic
        held = machine.replace({"weights": place, f"memory.{place}.capacity_bytes": None})
        for name, found in (
            ("clocked, batch 1", bill(network, held)),
            ("clocked, best batch", best_bill(network, held)),
        ):
            cost = found.typical
            rows.append(_row(name, place, cost.total_j, cost.weights_j) | {"batch": found.batch})
        weights_j = _moving_j(machine, place, moved) / given.n_ticks
        rows.append(_row("event-driven", place, chip_j - near_j + weights_j, weights_j) | {"batch": 1})
    return {"baseline": machine.name, "node_nm": machine.node_nm, "rows": rows}


def _moving_j(machine: BaselineSpec, place: str, n_bytes: float) -> float:
    return n_bytes * machine.memory_at(place).pj_per_byte[TYPICAL] * J_PER_PJ


def _row(way: str, place: str, total_j: float, weights_j: float) -> dict[str, Any]:
    share = weights_j / total_j if total_j else 0.0
    return {
        "way": way,
        "weights": place,
        "total_per_tick_j": total_j,
        "weights_per_tick_j": weights_j,
        "weights_share": share,
    }


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.claim_pictures import draw_memory  # matplotlib only when it is needed

    return draw_memory(numbers)
