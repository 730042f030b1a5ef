"""The commands of `spikemesh bench` for small workloads of the field: xor, attention, poisson-drive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emulator import report as reports
from emulator.bench.attention import COUNT_TICKS, N_UNITS, attention
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.bench.poisson_drive import DRIVE_CHIP, N_TICKS, N_TRAINS, poisson_drive
from emulator.bench.xor import N_PAIRS, N_STREAMS, xor
from emulator.cli.options import Engine, EngineOption, Json, name_pictures
from emulator.cli.output import Output, progress_bar
from emulator.cli.provenance import provenance

WORKLOADS = {
    "xor": "exclusive or by spikes, a pair of bits in every tick",
    "attention": "an attention model of strong recurrence, as rates and as spikes",
    "poisson-drive": "thousands of Poisson trains onto one compartment and onto many, beside a Python loop",
}
"""What each answers, in a line."""

ChipOption = Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for pictures.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Same seed, same spikes.")]


def xor_command(
    streams: Annotated[int, typer.Option(min=1, help="Independent streams of pairs.")] = N_STREAMS,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of bits in a stream.")] = N_PAIRS,
    chip: ChipOption = CHIP,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Exclusive or by spikes: is it always right, and what does a pair of bits cost?

    \b
    spikemesh bench xor
    spikemesh bench xor --pairs 1000 --out pictures
    """
    _bench(
        partial(xor, chip=chip, n_streams=streams, n_pairs=pairs, seed=seed), engine, (out, json, chip, seed)
    )


def attention_command(
    units: Annotated[int, typer.Option(min=2, help="Units at x in -2 .. 2.")] = N_UNITS,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks in which spikes are counted.")] = COUNT_TICKS,
    chip: ChipOption = CHIP,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Attention with strong recurrence: has the rate model a solution, and do spikes come to it?

    \b
    spikemesh bench attention --out pictures
    spikemesh bench attention --units 128 --json
    """
    _bench(
        partial(attention, chip=chip, n_units=units, count_ticks=ticks, seed=seed),
        engine,
        (out, json, chip, seed),
    )


def drive_command(
    trains: Annotated[int, typer.Option(min=5, help="Poisson trains, four fifths exciting.")] = N_TRAINS,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of 10 us.")] = N_TICKS,
    chip: ChipOption = DRIVE_CHIP,
    seed: SeedOption = 0,
    out: OutOption = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Poisson trains onto one compartment and onto 1,000: how much faster than a Python loop?

    \b
    spikemesh bench poisson-drive
    spikemesh bench poisson-drive --trains 1000 --json
    """
    _bench(
        partial(poisson_drive, chip=chip, n_trains=trains, n_ticks=ticks, seed=seed),
        engine,
        (out, json, chip, seed),
    )


def _bench(
    run: Callable[[str, Progress], Outcome],
    engine: str,
    asked: tuple[Path | None, bool, str, int],
) -> None:
    """Runs a workload and shows what came of it. asked: folder, JSON or text, chip, seed."""
    out, json, chip, seed = asked
    output = Output(json)
    if out is not None:
        reports.make_folder(out)
    with progress_bar() as bar:
        outcome = run(engine, bar.step)
    output.text(outcome.text)
    paths = []
    if out is not None:
        paths = [reports.save_picture(out, name, draw()) for name, draw in outcome.pictures]
        for name, result in outcome.results.items():
            paths += reports.save_pictures(result, out, prefix=f"{name}-")
    name_pictures(output, paths)
    found = {"provenance": provenance([chip], seed), "pictures": [str(path) for path in paths]}
    output.data({**outcome.numbers, **found})
    output.note(f"\nnext: spikemesh chips {chip} explains every cost")
