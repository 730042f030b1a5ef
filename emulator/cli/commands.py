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
from emulator.cli.options import Engine, EngineOption, Json, check_target, name_pictures, raster_ticks
from emulator.cli.output import Output, RunFailed, UsageError, progress_bar
from emulator.cli.trace import trace_command
from emulator.compiler import EFFORTS
from emulator.compiler import compile as compile_network
from emulator.engine import Result, load_record
from emulator.engine import run as run_program
from emulator.engine.run import MAX_THREADS
from emulator.engine.stimulus import build_drive
from emulator.errors import EmulatorError
from emulator.formats import (
    chip_schema,
    chips,
    from_nir,
    from_truenorth_json,
    load_arrays,
    load_chip,
    load_network,
    load_program,
    load_stimulus,
)
from emulator.network import Network
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
app.command("trace")(trace_command)


class Effort(StrEnum):
    """How long the compiler looks for good places."""

    fast = "fast"
    default = "default"
    best = "best"


assert set(Effort) == set(EFFORTS)


class Reset(StrEnum):
    """What a spike does to v: a NIR file does not say."""

    v_reset = "v_reset"
    subtract = "subtract"


class Integrator(StrEnum):
    """How a time constant becomes a decay per tick: a NIR file does not say."""

    forward = "forward"
    exponential = "exponential"


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
    json: Json = False,
) -> None:
    """List the chips, or explain one: every value with its unit and meaning.

    \b
    spikemesh chips
    spikemesh chips loihi
    spikemesh chips my_chip.yaml --json
    """
    out = Output(json)
    if schema:
        if name is not None:
            raise UsageError(f"--schema is the same for all chips: leave out {name!r}")
        Output(True).data(chip_schema())
        return
    if name is None:
        listed = [load_chip(shipped) for shipped in chips()]
        out.data([reports.chip_line(chip) for chip in listed])
        out.text(reports.chips_text(listed))
        return
    chip = load_chip(name)
    out.data(reports.chip_numbers(chip))
    out.text(reports.chip_text(chip))


@app.command("compile")
def compile_command(
    network: Annotated[Path, typer.Argument(help="A .nir file, a .json file of cores, or a saved network.")],
    chip: Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Program file to write.")],
    dt_s: Annotated[float | None, typer.Option(help="For .nir: length of a tick in seconds.")] = None,
    reset: Annotated[
        Reset | None, typer.Option(help="For .nir: what a spike does to v. \\[default: v_reset]")
    ] = None,
    integrator: Annotated[
        Integrator | None, typer.Option(help="For .nir: decay of a tick. \\[default: forward]")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help=".npz file: population name -> core id of each neuron, to pin them.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same program.")] = 0,
    effort: Annotated[
        Effort, typer.Option(help="How long to look for cores with few hops between them.")
    ] = Effort.default,
    json: Json = False,
) -> None:
    """Compile a network onto a chip and write the program.

    \b
    spikemesh compile model.nir --chip loihi --dt-s 1e-3 -o model.prog
    spikemesh compile saved.net --chip my_chip.yaml --mapping cores.npz -o model.prog
    """
    output = Output(json)
    check_target(out)
    described = _network(network, dt_s, reset, integrator)
    pinned = None if mapping is None else load_arrays(mapping)
    program = compile_network(described, load_chip(chip), seed=seed, mapping=pinned, effort=effort.value)
    program.save(out)
    output.text(program.report())
    output.data({**program.stats, "program": str(out)})
    output.note(f"\nwrote {out}; next: spikemesh run {out} -o run.rec")


def _network(path: Path, dt_s: float | None, reset: Reset | None, integrator: Integrator | None) -> Network:
    """Reads a .nir file with what it does not say, or a .json file of cores or a saved network, which say
    everything."""
    if path.suffix.lower() == ".nir":
        if dt_s is None:
            raise UsageError(f"{path}: a NIR file does not say how long a tick is: give e.g. --dt-s 1e-3")
        chosen = (reset or Reset.v_reset).value, (integrator or Integrator.forward).value
        return from_nir(path, dt_s=dt_s, reset=chosen[0], integrator=chosen[1])
    options = {"--dt-s": dt_s, "--reset": reset, "--integrator": integrator}
    surplus = [name for name, value in options.items() if value is not None]
    if surplus:
        raise UsageError(f"{path}: {', '.join(surplus)} for a .nir file only; a saved network says it itself")
    return from_truenorth_json(path) if path.suffix.lower() == ".json" else load_network(path)


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
    output.note(f"\nwrote {out}; {done}next: spikemesh report {out} --out pictures")


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
    out: Annotated[Path | None, typer.Option(help="Folder for pictures: spikes, energy, mesh.")] = None,
    by: Annotated[By | None, typer.Option(help="Break the energy down further.")] = None,
    json: Json = False,
) -> None:
    """Show what a run did and what it cost, as tables and pictures.

    \b
    spikemesh report run.rec --out pictures
    spikemesh report run.rec --by core
    spikemesh report run.rec --by tick --json
    """
    output = Output(json)
    result = load_record(record)
    paths = [] if out is None else reports.save_pictures(result, out)
    output.text(reports.result_text(result))
    if by is not None and by != "event":  # that one is there already
        output.text("\n" + reports.breakdown_text(result, by))
    name_pictures(output, paths)
    table = by or "event"
    output.data(
        {
            **reports.result_numbers(result),
            "by": table,
            "table": result.energy.table(table) if json else [],
            "pictures": [str(path) for path in paths],
        }
    )
