"""Sources that make their own spikes, in integers. Part of pass symbols."""

from __future__ import annotations

import numpy as np

from emulator.chip.generators import (
    THRESHOLD_ONE,
    Generator,
    PoissonInputs,
    RegularInputs,
    ScriptedInputs,
    generator_problems,
)
from emulator.network import Poisson, Regular, Scripted, Source


def generator_of(source: Source, dt_s: float) -> Generator | None:
    """The generator of a source as a program holds it; None for a source that the host drives."""
    if source.generator is None:
        return None
    made = _in_integers(source, source.generator, dt_s)
    problems = generator_problems(made, source.n)
    assert not problems, (source.name, problems)
    return made


def _in_integers(source: Source, given: Poisson | Regular | Scripted, dt_s: float) -> Generator:
    owner = f"source {source.name!r}"
    if isinstance(given, Poisson):
        probability = given.probabilities(source.n, dt_s, owner)
        return PoissonInputs(np.rint(probability * THRESHOLD_ONE).astype(np.int64))
    if isinstance(given, Regular):
        return RegularInputs(*given.beats(source.n, owner))
    repeat = None if given.repeat_ticks is None else int(given.repeat_ticks)
    return ScriptedInputs(given.events(source.n, owner), repeat)
