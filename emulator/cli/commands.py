"""The commands of `spikemesh`."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator import __version__
from emulator import report as reports
from emulator.cli.bench import bench_app
from emulator.cli.checkpoint import Checkpoint, Every, Resume, check_resume, check_run, resumed
from emulator.cli.compare import compare_reports
from emulator.cli.compile import compile_command
from emulator.cli.explain import explain_command
from emulator.cli.options import Engine, EngineOption, Json, check_target, name_pictures, raster_ticks
from emulator.cli.output import Output, RunFailed, UsageError, progress_bar
from emulator.cli.records import export_command, repeat_command
from emulator.cli.trace import trace_command
from emulator.cli.verify import verify_command
from emulator.engine import Result, load_record
from emulator.engine import run as run_program
from emulator.engine.run import MAX_THREADS
from emulator.engine.stimulus import build_drive
from emulator.errors import EmulatorError
from emulator.formats import (
    baselines,
    chip_schema,
    chips,
    load_baseline,
    load_chip,
    load_program,
    load_stimulus,
)
from emulator.program import Program

app = typer.Typer(
    name="spikemesh",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Emulates neuromorphic chips: compiles a spiking network onto a chip, runs it event by event and "
    "counts what every spike costs.",
    epilog="First steps: spikemesh bench digits --out pictures, then spikemesh chips.",
)


class By(StrEnum):
    """What the energy of a run can be broken down by."""

    event = "event"
    core = "core"
    link = "link"
    population = "population"
    tick = "tick"


assert set(By) == set(reports.BREAKDOWNS)
app.add_typer(bench_app, name="bench")
app.command("compile")(compile_command)
app.command("explain")(explain_command)
app.command("trace")(trace_command)
app.command("export")(export_command)
app.command("repeat")(repeat_command)
app.command("verify")(verify_command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spikemesh {__version__}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command("chips")
def chips_command(
    name: Annotated[str | None, typer.Argument(help="A chip that ships, or a YAML file.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of chip files.")] = False,
    only_baselines: Annotated[
        bool, typer.Option("--baselines", help="List the clocked machines that chips are held against.")
    ] = False,
    json: Json = False,
) -> None:
    """List the chips, or explain one, or a clocked baseline: every value with its unit and meaning.

    \b
    spikemesh chips
    spikemesh chips loihi
    spikemesh chips cpu-dram
    spikemesh chips my_chip.yaml --json
    """
    out = Output(json)
    if schema:
        if name is not None:
            raise UsageError(f"--schema is the same for all chips: leave out {name!r}")
        Output(True).data(chip_schema())
        return
    if only_baselines or name in baselines():
        _tell_baselines(out, name, only_baselines)
        return
    if name is None:
        listed = [load_chip(shipped) for shipped in chips()]
        out.data([reports.chip_line(chip) for chip in listed])
        out.text(reports.chips_text(listed))
        out.text("\n" + reports.baselines_text(load_baseline(shipped) for shipped in baselines()))
        return
    chip = load_chip(name)
    out.data(reports.chip_numbers(chip))
    out.text(reports.chip_text(chip))


def _tell_baselines(out: Output, name: str | None, listed: bool) -> None:
    """Lists the baselines, or explains one."""
    if listed and name is not None:
        raise UsageError(f"--baselines lists them all: leave out {name!r}")
    if name is None:
        found = [load_baseline(shipped) for shipped in baselines()]
        out.data([baseline.to_dict() for baseline in found])
        out.text(reports.baselines_text(found))
        return
    baseline = load_baseline(name)
    out.data(reports.baseline_numbers(baseline))
    out.text(reports.baseline_text(baseline))


@app.command("run")
def run_command(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Record file to write.")],
    program: Annotated[
        Path | None, typer.Argument(help="Program file, from `spikemesh compile`.", show_default=False)
    ] = None,
    ticks: Annotated[
        int | None, typer.Option(min=0, help="Ticks per sample. \\[default: those of the rasters]")
    ] = None,
    stimulus: Annotated[
        Path | None,
        typer.Option(help=".npz file: source name -> bool raster \\[ticks, n], or integers (tick, index)."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Independent samples: rasters gain an axis, events a column.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws of Poisson sources.")] = 0,
    timing: Annotated[bool, typer.Option(help="Times in picoseconds, or counts and spikes alone.")] = True,
    wire_limit: Annotated[
        bool, typer.Option("--wire-limit", help="Hold every tick against what no mesh could do better.")
    ] = False,
    engine: EngineOption = Engine.native,
    threads: Annotated[
        int, typer.Option(min=1, max=MAX_THREADS, help="Of the native engine; they change no bit.")
    ] = 1,
    checkpoint: Checkpoint = None,
    every: Every = None,
    resume: Resume = None,
    json: Json = False,
) -> None:
    """Run a program and write the record: spikes, counts, times.

    \b
    spikemesh run model.prog --ticks 1000 -o run.rec
    spikemesh run model.prog --stimulus spikes.npz --batch 360 -o run.rec
    spikemesh run model.prog --ticks 1000000 --checkpoint run.ckpt --every 1000 -o run.rec
    spikemesh run --resume run.ckpt -o run.rec
    """
    output = Output(json)
    check_target(out)
    if resume is not None:
        check_resume(context)
        result = resumed(resume, engine, threads, every)
    else:
        options = {
            "batch": batch,
            "timing": timing,
            "seed": seed,
            "trace": wire_limit,
            "threads": threads,
            "checkpoint": checkpoint,
            "every": every,
        }
        loaded = load_program(check_run(program, checkpoint, every, wire_limit))
        result = _ran(loaded, ticks, stimulus, engine, options)
    result.save(out)
    output.text(reports.result_text(result))
    limits = {"wire_limit": reports.wire_numbers(result)} if wire_limit else {}
    output.data({**reports.result_numbers(result), **limits, "record": str(out)})
    kept = resume or checkpoint
    done = "" if kept is None else f"{kept} is needed no more; "
    output.note(f"\nwrote {out}; {done}next: spikemesh report {out} -o report.html")


def _ran(
    program: Program, ticks: int | None, stimulus: Path | None, engine: Engine, options: dict[str, Any]
) -> Result:
    """Runs a program on a stimulus from a file. options: what `run` takes besides."""
    spikes = None if stimulus is None else load_stimulus(stimulus, program)
    if ticks is None:
        ticks = raster_ticks(spikes)
    # bad input shows here, so that whatever goes wrong below is the run's
    about_drive = {name: options[name] for name in ("batch", "timing", "seed", "trace")}
    build_drive(program, ticks, spikes, state=None, **about_drive)
    try:
        with progress_bar() as bar:
            step = partial(bar.step, f"{program.symbols.network}, {ticks:,} ticks")
            return run_program(program, ticks, spikes, engine=engine, progress=step, **options)
    except EmulatorError as error:
        raise RunFailed(error) from error


@app.command("report")
def report_command(
    record: Annotated[Path, typer.Argument(help="Record file, from `spikemesh run`.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="name.html: one page for a browser; else a folder for pictures."),
    ] = None,
    by: Annotated[By | None, typer.Option(help="Break the energy down further.")] = None,
    chip: Annotated[
        str | None, typer.Option(help="Take the prices of another chip: a name or a YAML file. Nothing runs.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Another record: what it costs more or less than this, and why.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what a run did and what it cost: as tables, one page for a browser, or pictures.

    \b
    spikemesh report run.rec -o report.html
    spikemesh report run.rec -o pictures
    spikemesh report run.rec --by core
    spikemesh report run.rec --by tick --json
    spikemesh report run.rec --chip loihi-spice
    spikemesh report run.rec --compare spread.rec --by population
    """
    output = Output(json)
    page = out if out is not None and out.suffix.lower() == ".html" else None
    if page is not None:
        check_target(page)
    result = load_record(record)
    if chip is not None:
        result = result.reprice(chip)
    if compare is not None:
        compare_reports(output, result, load_record(compare), by)
        return
    if page is not None:
        reports.save_page(result, page, command=f"spikemesh report {record} -o {page}")
    paths = [] if out is None or page is not None else reports.save_pictures(result, out)
    output.text(reports.result_text(result))
    if by is not None and by != "event":  # that one is there already
        output.text("\n" + reports.breakdown_text(result, by))
    output.text("\n" + reports.provenance_text(result))
    name_pictures(output, paths)
    table = by or "event"
    output.data(
        {
            **reports.result_numbers(result),
            "provenance": result.about,
            "by": table,
            "table": result.energy.table(table) if json else [],
            "pictures": [str(path) for path in paths],
            "page": None if page is None else str(page),
        }
    )
    if page is not None:
        output.note(f"\nwrote {page}; open it in a browser")
