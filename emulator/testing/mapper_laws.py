"""Laws of mappers: what must hold of whoever puts a network onto a chip."""

from __future__ import annotations

from emulator.chip.check import check_image
from emulator.chip.image import Image
from emulator.chip.usage import limits_of, usage
from emulator.chip.ways import way_problems
from emulator.compiler.pipeline import run_passes
from emulator.compiler.verify import verify
from emulator.errors import CompileError, ImageError
from emulator.program import Program
from emulator.testing.mapper import mapped
from emulator.testing.run_laws import LawBroken, same_rasters
from emulator.testing.subject import Subject, compiled
from emulator.testing.trials import Trial


def legal(subject: Subject, trial: Trial) -> None:
    """What fits a chip is put onto cores that are alive, with no more of anything than a core has."""
    try:
        program = mapped(trial.network, trial.chip, subject.mapper)
    except CompileError as error:
        raise LawBroken(f"the network fits, but: {error}") from error
    try:
        check_image(program.image, trial.chip)
    except ImageError as error:
        raise LawBroken(str(error)) from error
    cut_off = list(way_problems(program.image, trial.chip))
    if cut_off:
        raise LawBroken("; ".join(cut_off))
    taken = usage(program.image, trial.chip)
    for name, limit in limits_of(program.image, trial.chip).items():
        most = int(taken[name].max(initial=0))
        if limit is not None and most > limit:
            raise LawBroken(f"{name}: {most} in the image of a core, limit {limit}")


def faithful(subject: Subject, trial: Trial) -> None:
    """The image is the network: every neuron once, every synapse once, with its weight and delay."""
    program = _mapped(subject, trial)
    assert isinstance(program.image, Image), type(program.image)
    quantised = run_passes(trial.network, trial.chip, until="quantise")["quantise"]
    try:
        verify(program.image, program.symbols, quantised, trial.network, trial.chip)
    except CompileError as error:
        raise LawBroken("; ".join(one.removeprefix("internal: ") for one in error.problems)) from error


def same_spikes(subject: Subject, trial: Trial) -> None:
    """Wherever a mapper puts neurons, they spike as they do on the cores of somebody else."""
    programs = (compiled(trial), _mapped(subject, trial))
    answers = [subject.run(program, trial) for program in programs]
    same_rasters(trial.network, programs, answers, ("on cores drawn at random", "as mapped"))


def _mapped(subject: Subject, trial: Trial) -> Program:
    """What `legal` has to say is left to it."""
    try:
        return mapped(trial.network, trial.chip, subject.mapper)
    except CompileError as error:
        raise LawBroken(f"nothing is mapped: {error}") from error
