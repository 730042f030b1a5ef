"""Looking for a counterexample to a law, and shrinking it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as with_seed
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import FlakyFailure

from emulator.chip.spec import ChipSpec
from emulator.errors import EmulatorError
from emulator.testing.laws import Law
from emulator.testing.run_laws import LawBroken
from emulator.testing.subject import Subject, Unanswered
from emulator.testing.trials import AnyTrial

Progress = Callable[[int], None]
EXAMPLES = 100
"""Of each law, unless somebody asks for more."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What came of looking."""

    law: str
    outcome: Literal["holds", "broken", "not asked"]
    n_examples: int  # that were tried before anything was shrunk
    message: str | None = None  # why it is broken, or not asked
    trial: AnyTrial | None = None  # the smallest counterexample


def verdict_of(
    law: Law,
    chip: ChipSpec,
    subject: Subject,
    examples: int = EXAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
    shrink: bool = True,
) -> Verdict:
    """Tries a law on so many examples. Equal seeds, equal examples.

    progress: called with the number of examples tried so far, those of shrinking included.
    shrink: False takes the first counterexample as it is, for engines that are slow.
    """
    reason = law.not_asked(chip, subject)
    if reason is not None:
        return Verdict(law.name, "not asked", 0, reason)
    search = _Search(law, subject, progress)
    try:
        with no_files():
            search.run(chip, examples, seed, shrink)
    except _Unanswered as error:
        return Verdict(law.name, "not asked", 0, str(error))
    except FlakyFailure:
        text = f"not the same twice: once {search.message}, and not when it was tried again"
        return Verdict(law.name, "broken", search.n_before, text, search.trial)
    except Exception:
        # whatever it was, it came out of `attempt`, which kept the smallest; else it is our own mistake
        if search.trial is None:
            raise
        return Verdict(law.name, "broken", search.n_before, search.message, search.trial)
    return Verdict(law.name, "holds", search.n_tried)


@contextmanager
def no_files() -> Iterator[None]:
    """Hypothesis keeps what it knows of the code in a folder of the user's; here in one that is removed."""
    with tempfile.TemporaryDirectory(prefix="spikemesh-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


class _Unanswered(KeyboardInterrupt):
    """Hypothesis lets these through at once; of other exceptions it looks for a smaller example."""


class _Search:
    """One search; remembers the last counterexample, which after shrinking is the smallest."""

    def __init__(self, law: Law, subject: Subject, progress: Progress | None):
        self.law, self.subject, self.progress = law, subject, progress
        self.n_tried = 0
        self.n_before = 0  # examples up to the first counterexample
        self.message: str | None = None
        self.trial: AnyTrial | None = None

    def run(self, chip: ChipSpec, examples: int, seed: int, shrink: bool) -> None:
        quietly = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        # a strategy made here and a function defined here: Hypothesis keeps nothing of other searches
        quietly(with_seed(seed)(given(self.law.trials(chip))(self.attempt)))()

    def attempt(self, trial: AnyTrial) -> None:
        self.n_tried += 1
        if self.progress is not None:
            self.progress(self.n_tried)
        try:
            self.law.check(self.subject, trial)
        except Unanswered as error:
            raise _Unanswered(str(error)) from error
        except Exception as error:
            self.trial, self.message = trial, message_of(error)
            self.n_before = self.n_before or self.n_tried
            raise


def message_of(error: Exception) -> str:
    """What is wrong, in one line where it is a law or an error of ours."""
    if isinstance(error, LawBroken | EmulatorError):
        return str(error)
    return f"{type(error).__name__}: {error}"
