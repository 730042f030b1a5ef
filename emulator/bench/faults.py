"""Bench: what faults do to trained networks: digits and sounds against bit errors and against dead cores.

Bits of synaptic memory flip, as packed, with a probability each; the answers of several draws are averaged.
Of dead cores the compiler places around; then the answers stay, and the energy says what the way costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.digits import DT_S, IMAGES, NETWORK, output_counts, output_of
from emulator.bench.digits_data import read_digits
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.bench.soundloc import SOUNDS, network_of
from emulator.bench.soundloc_data import read_sounds
from emulator.chip.spec import ChipSpec
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.result import Result
from emulator.errors import CompileError, DescriptionError
from emulator.faults import inject
from emulator.formats import from_nir, load_chip
from emulator.network import Network
from emulator.program import Program
from emulator.report.tables import sections, table_text
from emulator.report.units import number, percent, si

Step = Callable[[str], None]

BIT_ERROR_RATES = (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
DEAD_SHARES = (0.0, 0.125, 0.25, 0.5, 0.75, 0.9)
N_DRAWS = 3
N_SAMPLES = 200


@dataclass(frozen=True, eq=False)
class Task:
    """A network with data, and how to read its answers."""

    name: str
    network: Network
    source: str
    raster: NDArray[np.bool_]  # [n_samples, n_ticks, n]
    label: NDArray[np.int64]  # [n_samples]
    answers: Callable[[Result], NDArray[np.int64]]

    def scored(self, program: Program, engine: str) -> dict[str, float]:
        """Share of right answers, and joules of one."""
        n_samples, n_ticks, _ = self.raster.shape
        result = run(program, n_ticks, {self.source: self.raster}, engine=engine, batch=n_samples)
        right = float((self.answers(result) == self.label).mean())
        return {"accuracy": right, "energy_j": result.energy.total_j / n_samples}


def faults(
    data: str | PathLike[str] | None = None,
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    n_samples: int | None = None,
) -> Outcome:
    """Scores both networks at every rate and number of dead cores. It takes no other data."""
    if data is not None:
        raise DescriptionError("bench faults: takes no --data: it runs the networks and data that ship")
    loaded, tasks = load_chip(chip), [_digits(n_samples), _sounds(n_samples)]
    total = len(tasks) * ((len(BIT_ERROR_RATES) - 1) * N_DRAWS + 1 + len(DEAD_SHARES))
    counter = iter(range(1, total + 1))

    def step(label: str) -> None:
        if progress is not None:
            progress(label, next(counter), total)

    numbers: dict[str, Any] = {
        "bench": "faults",
        "chip": loaded.name,
        "n_draws": N_DRAWS,
        "n_samples": {task.name: len(task.label) for task in tasks},
        "bit_errors": {task.name: list(_bit_errors(task, loaded, engine, step)) for task in tasks},
        "dead_cores": {task.name: list(_dead_cores(task, loaded, engine, step)) for task in tasks},
    }
    return Outcome(numbers, _text(numbers), {}, (("faults", partial(_draw, numbers)),))


def _bit_errors(task: Task, chip: ChipSpec, engine: str, step: Step) -> Iterable[dict[str, float]]:
    program = compile(task.network, chip)
    for rate in BIT_ERROR_RATES:
        scores = []
        for seed in range(N_DRAWS if rate else 1):
            scores.append(task.scored(inject(program, synapses=rate, seed=seed), engine))
            step(f"{task.name}, bit errors")
        mean = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        worst = min(score["accuracy"] for score in scores)
        yield {"rate": rate, **mean, "accuracy_worst": worst}


def _dead_cores(task: Task, chip: ChipSpec, engine: str, step: Step) -> Iterable[dict[str, Any]]:
    """Where the network does not fit what is left there is no score."""
    for share in DEAD_SHARES:
        n_dead = int(share * chip.n_cores)
        nothing: dict[str, float | None] = {"accuracy": None, "energy_j": None}
        try:
            program = compile(task.network, inject(chip, cores=n_dead))
        except CompileError:
            yield {"n_dead": n_dead, **nothing}
        else:
            yield {"n_dead": n_dead, **task.scored(program, engine)}
        step(f"{task.name}, dead cores")


def _digits(n_samples: int | None) -> Task:
    network = from_nir(NETWORK, dt_s=DT_S)
    output = output_of(network)
    images = read_digits(IMAGES, network.sources[0].n, output.n, n_samples or N_SAMPLES)
    n_images, n_ticks, n_inputs = images.spikes.shape
    raster = np.zeros((n_images, n_ticks + output.start_tick, n_inputs), dtype=bool)
    raster[:, :n_ticks] = images.spikes

    def answers(result: Result) -> NDArray[np.int64]:
        return np.asarray(output_counts(result, output).argmax(axis=1))

    return Task("digits", network, network.sources[0].name, raster, images.label, answers)


def _sounds(n_samples: int | None) -> Task:
    sounds = read_sounds(SOUNDS, n_samples or N_SAMPLES)

    def answers(result: Result) -> NDArray[np.int64]:
        return np.asarray(result.probe("direction", "v").sum(axis=1, dtype=np.int64).argmax(axis=1))

    network = network_of(sounds.weights, sounds.spikes.shape[1])
    return Task("soundloc", network, "ears", sounds.spikes, sounds.label, answers)


def _text(numbers: dict[str, Any]) -> str:
    parts = []
    for name, rows in numbers["bit_errors"].items():
        header = ("bit error rate", "accuracy", "worst draw", "energy")
        cells = [
            (f"{row['rate']:g}", percent(row["accuracy"]), percent(row["accuracy_worst"]), _joules(row))
            for row in rows
        ]
        parts.append(table_text(f"{name}: flipped bits of synaptic memory", header, cells))
    for name, rows in numbers["dead_cores"].items():
        columns = ("dead cores", "accuracy", "energy")
        cells_of = [
            (number(row["n_dead"]), *(("does not fit", "") if row["accuracy"] is None else _scores(row)))
            for row in rows
        ]
        parts.append(table_text(f"{name}: compiled around dead cores", columns, cells_of))
    samples = ", ".join(f"{n} of {name}" for name, n in numbers["n_samples"].items())
    told = f"Faults on chip {numbers['chip']}: {samples}; {numbers['n_draws']} draws of each bit error rate."
    return sections(told, *parts)


def _scores(row: dict[str, float]) -> tuple[str, str]:
    return percent(row["accuracy"]), _joules(row)


def _joules(row: dict[str, float]) -> str:
    return si(row["energy_j"], "J")


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.faults_picture import draw_faults  # matplotlib only when it is needed

    return draw_faults(numbers["bit_errors"], numbers["dead_cores"], numbers["chip"])
