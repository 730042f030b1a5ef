"""The command `spikemesh explain`: where a program went on its chip, what binds, what would relieve it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emulator import report as reports
from emulator.cli.options import Json, check_target, name_pictures
from emulator.cli.output import Output
from emulator.engine import load_record
from emulator.formats import load_program, write_atomic


def explain_command(
    program: Annotated[Path, typer.Argument(help="Program file, from `spikemesh compile`.")],
    profile: Annotated[
        Path | None,
        typer.Option(help="Record of a run of this network: links carry the packets of its spikes."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture to write: the mesh by population, with links.")
    ] = None,
    json: Json = False,
) -> None:
    """Say where each population went, what binds each core, what the busiest links carry, and what would
    relieve them.

    \b
    spikemesh explain model.prog
    spikemesh explain model.prog --profile run.rec --out map.png
    spikemesh explain model.prog --json
    """
    output = Output(json)
    if out is not None:
        check_target(out)
    loaded = load_program(program)
    record = None if profile is None else load_record(profile).record
    told = reports.explanation(loaded, record)
    output.text(reports.explain_text(told))
    paths = []
    if out is not None:
        write_atomic(out, reports.draw_map(loaded, record))
        paths.append(out)
    name_pictures(output, paths)
    output.data({**told, "pictures": [str(path) for path in paths]})
