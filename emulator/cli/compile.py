"""The command `spikemesh compile`: a network and a chip in, a program out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.chip.spec import ChipSpec
from emulator.cli.options import Effort, Json, check_target
from emulator.cli.output import Output, UsageError, progress_bar
from emulator.compiler import Pass, compile_watched, passes_of
from emulator.compiler import why_not as find_why_not
from emulator.engine import load_record
from emulator.errors import CompileError
from emulator.formats import (
    from_nir,
    from_truenorth_json,
    load_arrays,
    load_chip,
    load_network,
    write_atomic,
)
from emulator.network import Network


class Reset(StrEnum):
    """What a spike does to v: a NIR file does not say."""

    v_reset = "v_reset"
    subtract = "subtract"


class Integrator(StrEnum):
    """How a time constant becomes a decay per tick: a NIR file does not say."""

    forward = "forward"
    exponential = "exponential"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no report.")]


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
    profile: Annotated[
        Path | None, typer.Option(help="Record of a run of this network: its spikes weigh the mapping.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same program.")] = 0,
    effort: Annotated[
        Effort, typer.Option(help="How long to look for cores with few hops between them.")
    ] = Effort.default,
    dump_after: Annotated[
        list[str] | None,
        typer.Option(metavar="PASS", help="Print what a pass came to; may be given several times."),
    ] = None,
    dump_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the dumps there instead of on stdout.")
    ] = None,
    why_not: Annotated[
        bool,
        typer.Option(
            "--why-not", help="If it does not fit: is that proved, and what would? Remedies are tried."
        ),
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compile a network onto a chip and write the program.

    \b
    spikemesh compile model.nir --chip loihi --dt-s 1e-3 -o model.prog
    spikemesh compile saved.net --chip my_chip.yaml --mapping cores.npz -o model.prog
    spikemesh compile saved.net --chip loihi --profile run.rec --effort best -o model.prog
    spikemesh compile saved.net --chip loihi --dump-after partition -o model.prog
    spikemesh compile saved.net --chip loihi --why-not -o model.prog
    """
    output = Output(json)
    check_target(out)
    spec = load_chip(chip)
    dumps = _Dumps(spec, dump_after or [], dump_to, output)
    described = _network(network, dt_s, reset, integrator)
    options: dict[str, Any] = {
        "seed": seed,
        "mapping": None if mapping is None else load_arrays(mapping),
        "profile": None if profile is None else load_record(profile),
        "effort": effort.value,
    }
    try:
        with progress_bar(shown=not (quiet or json)) as bar:
            program = compile_watched(described, spec, **options, progress=bar.step, watch=dumps.add)
    except CompileError:
        if why_not:
            _explain(described, spec, options["mapping"], output)
        else:
            output.note("--why-not finds out what would fit")
        raise
    finally:  # what led to an error is what one wants to see
        dumps.close()
    program.save(out)
    if not quiet:
        output.text(program.report())
    output.data({**program.stats, **dumps.data(), "program": str(out)})
    output.note(f"\nwrote {out}; next: spikemesh explain {out}, or spikemesh run {out} -o run.rec")


def _explain(network: Network, chip: ChipSpec, mapping: dict[str, Any] | None, output: Output) -> None:
    """Says why the network does not fit and what would make it."""
    found = find_why_not(network, chip, mapping=mapping)
    if found is not None:
        output.text(found.text())
        output.data({"why_not": found.data()})


class _Dumps:
    """Results of the passes that were asked for, as text."""

    def __init__(self, chip: ChipSpec, names: list[str], target: Path | None, output: Output):
        known = {step.name: step.about for step in passes_of(chip)}
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        if unknown:
            listed = "; ".join(f"{name} ({about})" for name, about in known.items())
            wrong = ", ".join(map(repr, unknown))
            raise UsageError(
                f"--dump-after {wrong}: no such pass for chip {chip.name!r}, choose from {listed}"
            )
        if target is not None:
            if not names:
                raise UsageError(f"--dump-to {target}: say which pass with --dump-after")
            check_target(target)
        self._names, self._target, self._output = names, target, output
        self._texts: dict[str, str] = {}

    def add(self, step: Pass, result: Any) -> None:
        """A pass is done."""
        if step.name in self._names:
            self._texts[step.name] = step.text(result)
            if self._target is None:
                self._output.text(self._titled(step.name))

    def close(self) -> None:
        """All that there will be is here."""
        if self._target is not None and self._texts:
            write_atomic(self._target, "\n".join(map(self._titled, self._texts)).encode())
            self._output.note(f"wrote {self._target}: what {', '.join(self._texts)} came to")

    def data(self) -> dict[str, Any]:
        """For --json; nothing where nothing was asked for, or where it is in a file."""
        return {"dumps": self._texts} if self._names and self._target is None else {}

    def _titled(self, name: str) -> str:
        return f"# after {name}\n{self._texts[name]}"


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
