"""`spikemesh export` and `spikemesh repeat`: records as tables for analysts, and runs made again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emulator import report as reports
from emulator.cli.options import Engine, Json, check_target
from emulator.cli.output import Output, RunFailed, progress_bar
from emulator.engine import load_record
from emulator.engine.run import MAX_THREADS
from emulator.errors import EmulatorError
from emulator.record import first_difference


def export_command(
    record: Annotated[Path, typer.Argument(help="Record file, from `spikemesh run`.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write: .npz, .json, .csv, .parquet or .nir.")
    ],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="spikes, probes, event, core, link, population or tick; may be given again. \\[default: all]"
        ),
    ] = None,
    chip: Annotated[str | None, typer.Option(help="Take the prices of another chip.")] = None,
    json: Json = False,
) -> None:
    """Write a record as tables: spikes, probes, and counts and energy by everything.

    CSV and Parquet take a file for each table; .nir takes the spikes, as NIRGraphData. Parquet needs the
    extra 'parquet', .nir the extra 'nir'.

    \b
    spikemesh export run.rec -o run.npz
    spikemesh export run.rec -o run.csv
    spikemesh export run.rec --table spikes -o spikes.parquet
    """
    output = Output(json)
    check_target(out)
    result = load_record(record)
    if chip is not None:
        result = result.reprice(chip)
    paths = result.export(out, tables=table)
    output.text("\n".join(["Written", *(f"  {path}" for path in paths)]))
    output.data({"files": [str(path) for path in paths]})


def repeat_command(
    record: Annotated[Path, typer.Argument(help="Record file, from `spikemesh run`.")],
    engine: Annotated[
        Engine | None, typer.Option(help="Run it on this engine. \\[default: the one that ran it]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=MAX_THREADS, help="\\[default: as many as ran it]")
    ] = None,
    json: Json = False,
) -> None:
    """Make the run of a record again, from what the record holds, and compare bit by bit.

    Exit code 1 if anything differs.

    \b
    spikemesh repeat run.rec
    spikemesh repeat run.rec --engine reference
    """
    output = Output(json)
    result = load_record(record)
    _ = result.stimulus  # says so if it cannot be made again, before anything runs
    try:
        with progress_bar() as bar:
            step = partial(bar.step, f"{result.program.symbols.network}, {result.n_ticks:,} ticks")
            again = result.repeat(engine, threads, progress=step)
    except EmulatorError as error:
        raise RunFailed(error) from error
    difference = first_difference(result.record, replace(again.record, trace=None))
    assert again.provenance is not None
    numbers = {"record": str(record), "engine": again.provenance.engine, "difference": difference}
    output.data(numbers | {"equal": difference is None})
    if difference is not None:
        raise RunFailed(
            f"{record}: made again on the {again.provenance.engine} engine it differs: {difference}; it was "
            f"written by {reports.made_by(result)}"
        )
    output.text(f"{reports.run_line(reports.result_numbers(result))}")
    output.text(f"made again on the {again.provenance.engine} engine: equal, bit for bit")
