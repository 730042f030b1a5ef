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
from emulator.cli.options import Json, check_target, listed, name_pictures
from emulator.cli.output import Output, progress_bar
from emulator.cli.provenance import provenance
from emulator.compiler import EFFORTS
from emulator.formats import write_atomic

MEASURES = {
    "mapping": "what is a mapping worth? networks of the field, compiled in each way that there is",
}
"""What each answers, in a line."""


class Effort(StrEnum):
    """How long to look for cores with few hops between them."""

    fast = "fast"
    default = "default"
    best = "best"


assert set(Effort) == set(EFFORTS)
ChipOption = Annotated[str, typer.Option(help="A chip that ships, or a YAML file.")]


def mapping_command(
    networks: Annotated[
        str | None,
        typer.Option(help=f"Of {listed(MAPPING_NETWORKS)}. \\[default: {listed(MAPPED)}]"),
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
