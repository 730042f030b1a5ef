"""The command `spikemesh verify`: tries the laws of the emulator on somebody's chip and engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.chip.spec import ChipSpec
from emulator.cli.options import Json
from emulator.cli.output import Output, ProgressBar, UsageError, progress_bar
from emulator.formats import load_chip

if TYPE_CHECKING:
    from emulator.testing.laws import Law
    from emulator.testing.search import Verdict
    from emulator.testing.subject import Subject

OUT = Path("found")
BROKEN = 1  # exit code
EXTRA = "hypothesis"


def verify_command(
    chip: Annotated[
        str, typer.Argument(help="A chip that ships, a YAML file, or a folder that verify has written.")
    ] = "",
    laws: Annotated[
        str | None, typer.Option(help="The laws to try: twin,energy. \\[default: all; --list shows them]")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="So many of each law.")] = 100,
    engine: Annotated[
        str | None,
        typer.Option(
            help="native, reference, or module:function of your own: (image, stimulus, chip) -> record. "
            "\\[default: native]"
        ),
    ] = None,
    mapper: Annotated[
        str | None,
        typer.Option(
            help="module:function of your own: (network, chip) -> cores of each population, or a program; "
            "tries the laws of mappers. \\[default: ours]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for counterexamples.")] = OUT,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same examples.")] = 0,
    shrink: Annotated[
        bool, typer.Option(help="Make counterexamples small; else they are shown as they were found.")
    ] = True,
    listed: Annotated[bool, typer.Option("--list", help="Show the laws and stop.")] = False,
    json: Json = False,
) -> None:
    """Look for a network that breaks a law on your chip or in your engine, and shrink it.

    \b
    spikemesh verify my_chip.yaml
    spikemesh verify loihi --laws twin,conservation --examples 1000
    spikemesh verify loihi --engine my_rtl:run
    spikemesh verify loihi --mapper my_mapper:place
    spikemesh verify found/twin            # tries a counterexample again
    """
    output = Output(json)
    kit = _kit()
    if listed:
        _show_laws(output, list(kit.LAWS.values()))
        return
    if not chip:
        raise UsageError("CHIP is missing: give a chip that ships, such as loihi, or a YAML file")
    if Path(chip).is_dir():
        if laws is not None:
            raise UsageError(f"--laws {laws}: a folder says itself which law it breaks")
        _again(output, kit, Path(chip), engine, mapper)
        return
    named = None if laws is None else [one.strip() for one in laws.split(",")]
    chosen = kit.chosen_laws(named, of_mappers=mapper is not None)
    spec, subject = load_chip(chip), _subject(kit, engine, mapper)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: a file, expected a folder for counterexamples")
    rows = _search(output, kit, _Asked(spec, subject, chosen, examples, seed, out, shrink))
    broken = [row["law"] for row in rows if row["outcome"] == "broken"]
    output.data(
        {
            "chip": spec.name,
            "engine": subject.name,
            "mapper": subject.mapper_name,
            "examples": examples,
            "seed": seed,
            "holds": not broken,
            "laws": rows,
        }
    )
    if broken:
        output.note(f"\n{_count(len(broken), 'law')} broken: {', '.join(broken)}; files are in {out}")
        raise typer.Exit(BROKEN)


@dataclass(frozen=True)
class _Asked:
    """What is to be tried."""

    chip: ChipSpec
    subject: Subject
    laws: list[Law]
    examples: int
    seed: int
    out: Path
    shrink: bool


def _kit() -> Any:
    """The test kit, which needs the extra `test`."""
    try:
        from emulator import testing
    except ModuleNotFoundError as error:
        if error.name != EXTRA:
            raise
        raise UsageError(
            "verify needs Hypothesis, which is not installed: pip install 'spikemesh[test]'"
        ) from None
    return testing


def _subject(kit: Any, engine: str | None, mapper: str | None) -> Subject:
    """What is to be tried."""
    subject: Subject = kit.load_engine(engine or "native")
    return subject if mapper is None else replace(subject, mapper=kit.load_mapper(mapper))


def _under_test(subject: Subject) -> str:
    mapper = subject.mapper_name
    return f"engine {subject.name}" + ("" if mapper is None else f", mapper {mapper}")


def _show_laws(output: Output, laws: list[Law]) -> None:
    output.data([{"law": law.name, "about": law.about} for law in laws])
    output.text("\n".join(f"{law.name:<13} {law.about}" for law in laws))


def _search(output: Output, kit: Any, asked: _Asked) -> list[dict[str, Any]]:
    """One row of the report for each law; the text of each is printed when it is known."""
    rows = []
    output.text(f"chip {asked.chip.name}, {_under_test(asked.subject)}\n")
    for number, law in enumerate(asked.laws):
        with progress_bar() as bar:
            step = partial(_show, bar, asked, number)
            how = (asked.examples, asked.seed, step, asked.shrink)
            verdict = kit.verdict_of(law, asked.chip, asked.subject, *how)
        rows.append(_row(kit, asked, law, verdict))
        output.text(_text(rows[-1]))
    return rows


def _show(bar: ProgressBar, asked: _Asked, number: int, n_tried: int) -> None:
    """How far law `number` is; examples beyond those asked for are attempts at a smaller counterexample."""
    done = number * asked.examples + min(n_tried, asked.examples)
    shrinking = f", made smaller: {n_tried} tried" if n_tried > asked.examples else ""
    bar.step(f"{asked.laws[number].name}{shrinking}", done, len(asked.laws) * asked.examples)


def _row(kit: Any, asked: _Asked, law: Law, verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "law": law.name,
        "about": law.about,
        "outcome": verdict.outcome,
        "examples": verdict.n_examples,
        "message": verdict.message,
    }
    if verdict.trial is not None:
        folder = asked.out / law.name
        assert verdict.message is not None
        tried = {"engine": asked.subject.name, "mapper": asked.subject.mapper_name}
        commands = kit.save_trial(verdict.trial, folder, law=law.name, message=verdict.message, **tried)
        row |= {"smallest": verdict.trial.size, "folder": str(folder), "commands": commands}
    return row


def _text(row: dict[str, Any]) -> str:
    tried = _count(row["examples"], "example")
    if row["outcome"] == "holds":
        return f"{row['law']:<13} holds ({tried})"
    if row["outcome"] == "not asked":
        return f"{row['law']:<13} not asked: {row['message']}"
    smallest = ", ".join(_count(n, name.replace("_", " ")) for name, n in row["smallest"].items())
    lines = [f"{row['law']:<13} BROKEN, found after {tried}", f"  {row['message']}"]
    lines += [f"  this takes {smallest}", f"  files in {row['folder']}; again with"]
    return "\n".join([*lines, *(f"    {command}" for command in row["commands"])])


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _again(output: Output, kit: Any, folder: Path, engine: str | None, mapper: str | None) -> None:
    """Tries a saved counterexample."""
    saved = kit.load_trial(folder)
    if saved.law not in kit.LAWS:
        raise UsageError(f"{folder}: of a failed test, not of a law: run it with spikemesh run")
    subject = _subject(kit, engine or saved.engine, mapper or saved.mapper)
    message = None
    try:
        kit.LAWS[saved.law].check(subject, saved.trial)
    except kit.Unanswered as error:
        raise UsageError(f"law {saved.law!r}: {error}") from None
    except Exception as error:
        message = kit.message_of(error)
    outcome = "holds" if message is None else "broken"
    output.data(
        {"law": saved.law, "engine": subject.name, "outcome": outcome, "message": message}
        | {"smallest": saved.trial.size}
    )
    shown = "holds" if message is None else f"BROKEN\n  {message}"
    output.text(f"{saved.law}, {_under_test(subject)}: {shown}")
    if message is not None:
        raise typer.Exit(BROKEN)
