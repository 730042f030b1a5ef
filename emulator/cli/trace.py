"""The command `spikemesh trace`: runs a program and writes every packet for a trace viewer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emulator import report as reports
from emulator.cli.options import Engine, EngineOption, Json, check_target, raster_ticks
from emulator.cli.output import Output, RunFailed, progress_bar
from emulator.engine import run as run_program
from emulator.engine.stimulus import build_drive
from emulator.errors import EmulatorError
from emulator.formats import MAX_EVENTS, load_program, load_stimulus


def trace_command(
    program: Annotated[Path, typer.Argument(help="Program file, from `spikemesh compile`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Trace file to write (JSON).")],
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
    max_events: Annotated[
        int, typer.Option(min=1, help="Largest file, in events; later packets are left out.")
    ] = MAX_EVENTS,
    engine: EngineOption = Engine.native,
    json: Json = False,
) -> None:
    """Run a program, write its packets for ui.perfetto.dev, and hold each tick against the wire limit.

    A tile is a process with a track for each core and for each link.

    \b
    spikemesh trace model.prog --stimulus spikes.npz -o model.trace.json
    spikemesh trace model.prog --ticks 5 --max-events 10000 -o start.trace.json
    """
    output = Output(json)
    check_target(out)
    loaded = load_program(program)
    spikes = None if stimulus is None else load_stimulus(stimulus, loaded)
    if ticks is None:
        ticks = raster_ticks(spikes)
    build_drive(loaded, ticks, spikes, batch=batch, state=None, timing=True, seed=seed, trace=True)
    try:
        with progress_bar() as bar:
            step = partial(bar.step, f"{loaded.symbols.network}, {ticks:,} ticks")
            result = run_program(
                loaded, ticks, spikes, engine=engine, batch=batch, seed=seed, trace=True, progress=step
            )
    except EmulatorError as error:
        raise RunFailed(error) from error
    shown = result.save_trace(out, max_events)
    numbers = reports.result_numbers(result)
    output.text(reports.run_line(numbers))
    output.text(f"\n{shown.n_packets:,} of {shown.n_packets_of:,} packets in {shown.n_events:,} events")
    wire = reports.wire_text(result)
    if wire:
        output.text(f"\n{wire}")
    if shown.note:
        output.note(f"\nnote: {shown.note}")
    output.data(
        {
            **{key: numbers[key] for key in ("network", "chip", "n_samples", "n_ticks")},
            "n_packets": shown.n_packets_of,
            "n_packets_shown": shown.n_packets,
            "n_events": shown.n_events,
            "note": shown.note,
            "wire_limit": reports.wire_numbers(result),
            "trace": str(out),
        }
    )
    output.note(f"\nwrote {out}; open it at https://ui.perfetto.dev: 1 ns there is 1 ps of the chip")
