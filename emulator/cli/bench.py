"""The commands of `spikemesh bench`: trained networks on data, claims about energy, traffic on the mesh
alone, maps of what rate and synapses cost, and what the compiler and the engine themselves do."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emulator import report as reports
from emulator.bench import BENCHES, CHIP, Outcome
from emulator.bench.characterisation import CROSSBAR_CHIP, RATES_HZ, SIDE, SYNAPSES, TICKS, Sweep
from emulator.bench.characterisation import characterisation as bench_characterisation
from emulator.bench.mesh import Traffic
from emulator.bench.mesh import mesh as bench_mesh
from emulator.cli.claims import CLAIMS, memory_command, neurons_command, spikes_command
from emulator.cli.measures import MEASURES, mapping_command, speed_command
from emulator.cli.options import (
    Engine,
    EngineOption,
    Json,
    check_target,
    integers,
    listed,
    name_pages,
    name_pictures,
    numbers,
)
from emulator.cli.output import Output, RunFailed, UsageError, progress_bar
from emulator.cli.provenance import provenance
from emulator.cli.workloads import WORKLOADS, attention_command, drive_command, xor_command
from emulator.engine.load_curve import MEASURE_SLOTS, WARMUP_SLOTS
from emulator.errors import SimulationError
from emulator.formats import write_atomic
from emulator.report.tables import facts_text
from emulator.traffic import PATTERNS

MESH = "latency of the mesh against load, without cores"
CHARACTERISATION = "power and efficiency of crossbar cores against firing rate and synapses"
ChipOption = Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")]


class PatternName(StrEnum):
    """Who sends to whom."""

    uniform = "uniform"
    transpose = "transpose"
    bit_complement = "bit_complement"
    tornado = "tornado"
    neighbour = "neighbour"
    hotspot = "hotspot"


assert set(PatternName) == set(PATTERNS)


def descriptions() -> dict[str, str]:
    """Every bench in a line."""
    trained = {name: bench.description for name, bench in BENCHES.items()}
    return trained | CLAIMS | WORKLOADS | MEASURES | {"characterisation": CHARACTERISATION, "mesh": MESH}


class _Benches(TyperGroup):
    """Says what there is when asked for what there is not."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            known = "; ".join(f"{name} ({description})" for name, description in descriptions().items())
            raise UsageError(f"no bench {cmd_name!r}, choose from {known}")
        return command


bench_app = typer.Typer(
    cls=_Benches,
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run a trained network on real data, put a claim about energy to the test, traffic on the mesh "
    "alone, or networks that use a chip of crossbar cores more and more, and say what comes of it. Without a "
    "name: list them.\n\n"
    "\b\nspikemesh bench digits --out pictures\nspikemesh bench energy-vs-spikes --out pictures\n"
    "spikemesh bench mesh --pattern uniform --plot\nspikemesh bench characterisation --plot maps.png",
)


@bench_app.callback()
def list_benches(context: typer.Context, json: Json = False) -> None:
    """Lists the benches when none is named."""
    if context.invoked_subcommand is not None:
        return
    output = Output(json)
    output.text(facts_text("Benches", descriptions().items()))
    output.data(descriptions())
    output.note("\nnext: spikemesh bench NAME, or -h after it for its options")


def _add(name: str) -> None:
    """A command for a bench on data."""
    bench = BENCHES[name]

    @bench_app.command(name, help=f"{bench.description[:1].upper()}{bench.description[1:]}.")
    def command(
        data: Annotated[
            Path | None, typer.Option(help="Other data in the format of the shipped file.")
        ] = None,
        chip: ChipOption = CHIP,
        samples: Annotated[
            int | None, typer.Option(min=1, help="The first so many of the data. \\[default: all]")
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Folder for an HTML page and pictures of each run.")
        ] = None,
        engine: EngineOption = Engine.native,
        json: Json = False,
    ) -> None:
        output = Output(json)
        if out is not None:
            reports.make_folder(out)
        try:
            with progress_bar() as bar:
                outcome = bench.run(data, engine, bar.step, chip=chip, n_samples=samples)
        except SimulationError as error:
            raise RunFailed(error) from error
        output.text(outcome.text)
        paths = [] if out is None else _pictures(outcome, out)
        pages = [] if out is None else _pages(outcome, out, f"spikemesh bench {name} --out {out}")
        name_pages(output, pages)
        name_pictures(output, paths)
        _data(output, outcome, paths, (chip, None), pages)
        pictures = f"spikemesh bench {name} --out pictures; " if out is None else ""
        output.note(f"\nnext: {pictures}spikemesh chips {chip} explains every cost")


for _name in BENCHES:
    _add(_name)
bench_app.command("energy-vs-spikes")(spikes_command)
bench_app.command("energy-vs-neurons")(neurons_command)
bench_app.command("local-memory")(memory_command)
bench_app.command("xor")(xor_command)
bench_app.command("attention")(attention_command)
bench_app.command("poisson-drive")(drive_command)
bench_app.command("mapping")(mapping_command)
bench_app.command("speed")(speed_command)


def _data(
    output: Output,
    outcome: Outcome,
    paths: list[Path],
    source: tuple[str, int | None],
    pages: list[Path] | None = None,
) -> None:
    """The numbers for machines, with where they come from. source: chip and seed."""
    chip, seed = source
    pictures = [str(path) for path in paths]
    files = {"pictures": pictures} | ({} if pages is None else {"pages": [str(path) for path in pages]})
    output.data({**outcome.numbers, "provenance": provenance([chip], seed), **files})


def _pictures(outcome: Outcome, folder: Path) -> list[Path]:
    """What the bench itself draws, then the pictures of each run."""
    paths = [reports.save_picture(folder, name, draw()) for name, draw in outcome.pictures]
    for run, result in outcome.results.items():
        paths += reports.save_pictures(result, folder, prefix=f"{run}-")
    return paths


def _pages(outcome: Outcome, folder: Path, command: str) -> list[Path]:
    """report.html of the first run; of others with their names."""
    paths = []
    for place, (run, result) in enumerate(outcome.results.items()):
        path = folder / (f"report-{run}.html" if place else "report.html")
        reports.save_page(result, path, command=command)
        paths.append(path)
    return paths


@bench_app.command("mesh")
def mesh_command(
    picture: Annotated[
        Path | None, typer.Argument(help="File of the picture. \\[default: mesh-PATTERN.png]")
    ] = None,
    pattern: Annotated[PatternName, typer.Option(help="Who sends to whom.")] = PatternName.uniform,
    chip: ChipOption = CHIP,
    rates: Annotated[
        str | None,
        typer.Option(
            help="Offered, in packets per tile and slot: 0.1,0.2,0.3. \\[default: up to saturation]"
        ),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Another mesh: 8x8. \\[default: the chip's]")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Slots of a FIFO. \\[default: the chip's]")] = None,
    warmup: Annotated[int, typer.Option(min=0, help="Slots before the measurement.")] = WARMUP_SLOTS,
    measure: Annotated[int, typer.Option(min=1, help="Slots of the measurement.")] = MEASURE_SLOTS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same packets.")] = 0,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the curves, and the links at saturation.")
    ] = False,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Latency and throughput of the mesh against offered load, without cores.

    \b
    spikemesh bench mesh --pattern uniform --plot
    spikemesh bench mesh --pattern tornado --size 8x8 --depth 4 --plot tornado.png
    spikemesh bench mesh --rates 0.05,0.1,0.2 --json
    """
    output = Output(json)
    target = picture or Path(f"mesh-{pattern}.png")
    if picture is not None and not plot:
        raise UsageError(f"{picture}: what is it for? To draw the curves into it add --plot")
    if plot:
        check_target(target)
    traffic = Traffic(
        pattern, numbers("--rates", rates, "0.1,0.2,0.3"), _size(size), depth, warmup, measure, seed
    )
    with progress_bar() as bar:
        outcome = bench_mesh(traffic, engine, bar.step, chip=chip)
    output.text(outcome.text)
    paths = []
    if plot:
        places = (target, target.with_stem(f"{target.stem}-links"))
        for path, (_, draw) in zip(places, outcome.pictures, strict=True):
            write_atomic(path, draw())
            paths.append(path)
    name_pictures(output, paths)
    _data(output, outcome, paths, (chip, seed))


@bench_app.command("characterisation")
def characterisation_command(
    chip: Annotated[
        str, typer.Option(help="A chip of crossbar cores that ships, or a YAML file.")
    ] = CROSSBAR_CHIP,
    rates: Annotated[
        str | None, typer.Option(help=f"Firing rates in Hz. \\[default: {listed(RATES_HZ)}]")
    ] = None,
    synapses: Annotated[
        str | None,
        typer.Option(help=f"Active synapses of a neuron, 0..256. \\[default: {listed(SYNAPSES)}]"),
    ] = None,
    side: Annotated[int, typer.Option(min=1, help="N x N cores, spread over the chip, stand for it.")] = SIDE,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of a measurement.")] = TICKS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same networks.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="File of a picture: maps of power, GSOPS and GSOPS/W.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="The same bits with any number of them.")] = 1,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Power and efficiency of crossbar cores against firing rate and synapses, beside published ones.

    \b
    spikemesh bench characterisation --plot maps.png
    spikemesh bench characterisation --rates 20,200 --synapses 128,256 --side 64 --threads 2
    """
    output = Output(json)
    if plot is not None:
        check_target(plot)
    asked = {
        "rates_hz": numbers("--rates", rates, "0,20,200"),
        "synapses": integers("--synapses", synapses, "0,128,256"),
    }
    given: dict[str, Any] = {name: values for name, values in asked.items() if values is not None}
    sweep = Sweep(**given, side=side, n_ticks=ticks, seed=seed)
    with progress_bar() as bar:
        outcome = bench_characterisation(sweep, engine, bar.step, chip=chip, threads=threads)
    output.text(outcome.text)
    paths = []
    if plot is not None:
        for _, draw in outcome.pictures:
            write_atomic(plot, draw())
            paths.append(plot)
    name_pictures(output, paths)
    _data(output, outcome, paths, (chip, seed))
    output.note(f"\nnext: spikemesh chips {chip} explains every cost")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text)
    if found is None:
        raise UsageError(f"--size {text}: expected width and height in tiles, such as 8x8")
    return int(found[1]), int(found[2])
