"""What this software itself does: `spikemesh bench mapping` and `speed`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emulator.bench.mapping import MAPPED, Task
from emulator.bench.mapping import mapping as bench_mapping
from emulator.bench.mapping_networks import NETWORKS as MAPPING_NETWORKS
from emulator.bench.outcome import CHIP, Outcome
from emulator.bench.recurrent import DEFAULT_SEED, DELAYS
from emulator.bench.recurrent import NETWORKS as SPEED_NETWORKS
from emulator.bench.speed import MEASURED, SPEED_CHIP, TICKS, Measurement
from emulator.bench.speed import speed as bench_speed
from emulator.cli.options import Effort, Engine, EngineOption, Json, check_target, listed, name_pictures
from emulator.cli.output import Output, progress_bar
from emulator.cli.provenance import provenance
from emulator.formats import write_atomic

MEASURES = {
    "mapping": "what is a mapping worth? networks of the field, compiled in each way that there is",
    "speed": "how fast is the engine on this machine? recurrent networks, with and without the mesh",
}
"""What each answers, in a line."""


class Delays(StrEnum):
    """Longest delay of the networks of `speed`."""

    one = "1"
    mixed = "1-16"


assert set(Delays) == set(DELAYS)
ChipOption = Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")]


def mapping_command(
    networks: Annotated[
        str | None,
        typer.Option(help=f"Of {', '.join(MAPPING_NETWORKS)}. \\[default: {listed(MAPPED)}]"),
    ] = None,
    chip: ChipOption = CHIP,
    effort: Annotated[Effort, typer.Option(help="How long to look.")] = Effort.default,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same programs.")] = 0,
    plot: Annotated[
        Path | None,
        typer.Option(help="File of a picture; FILE-NETWORK beside it: the chip mapped in each way."),
    ] = None,
    json: Json = False,
) -> None:
    """Cores, packets and hops of networks filled in order, placed, and mapped by who talks to whom.

    \b
    spikemesh bench mapping --plot mapping.png
    spikemesh bench mapping --networks ring,modular --chip nahuku32 --effort best --json
    """
    output = Output(json)
    if plot is not None:
        check_target(plot)
    task = Task(_names(networks) or MAPPED, effort.value, seed)
    with progress_bar() as bar:
        outcome = bench_mapping(task, bar.step, chip=chip)
    _show(output, outcome, plot, (chip, seed))
    output.note("\nnext: spikemesh explain PROGRAM says of any program what binds, and what relieves it")


def speed_command(
    networks: Annotated[
        str | None,
        typer.Option(
            help=f"Compartments and fan-out, of {', '.join(SPEED_NETWORKS)}. \\[default: {listed(MEASURED)}]"
        ),
    ] = None,
    delays: Annotated[Delays, typer.Option(help="Of synapses, in ticks, uniform.")] = Delays.one,
    timing: Annotated[
        bool | None,
        typer.Option(
            "--timing/--no-timing",
            show_default=False,
            help="Only with the mesh that carries the packets, or only without. \\[default: both]",
        ),
    ] = None,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of a run.")] = TICKS,
    threads: Annotated[int, typer.Option(min=1, help="The same bits with any number of them.")] = 1,
    chip: ChipOption = SPEED_CHIP,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same networks.")] = DEFAULT_SEED,
    plot: Annotated[Path | None, typer.Option(help="File of a picture.")] = None,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Ticks, synaptic events and packet hops a second of the engine on this machine.

    \b
    spikemesh bench speed
    spikemesh bench speed --networks 10k-1000 --no-timing --threads 2 --json
    """
    output = Output(json)
    if plot is not None:
        check_target(plot)
    timings = (False, True) if timing is None else (timing,)
    asked = Measurement(_names(networks) or MEASURED, delays.value, timings, ticks, threads, seed)
    with progress_bar() as bar:
        outcome = bench_speed(asked, engine, bar.step, chip=chip)
    _show(output, outcome, plot, (chip, seed))
    output.note("\nnext: benchmarks/bench_speed.py compares other simulators on the same networks")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _show(output: Output, outcome: Outcome, plot: Path | None, source: tuple[str, int]) -> None:
    """Text, pictures and numbers. The first picture is FILE, others FILE-NAME. source: chip and seed."""
    output.text(outcome.text)
    paths = _drawn(outcome, plot) if plot is not None else []
    name_pictures(output, paths)
    chip, seed = source
    found = {"provenance": provenance([chip], seed), "pictures": [str(path) for path in paths]}
    output.data({**outcome.numbers, **found})


def _drawn(outcome: Outcome, plot: Path) -> Sequence[Path]:
    bench = outcome.numbers["bench"]
    paths = []
    for name, draw in outcome.pictures:
        path = plot.with_stem(f"{plot.stem}{name.removeprefix(bench)}")
        write_atomic(path, draw())
        paths.append(path)
    return paths
