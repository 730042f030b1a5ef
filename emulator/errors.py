"""The exception family. A message names the object, the value, the limit and a way out."""

from __future__ import annotations

from collections.abc import Iterable


class EmulatorError(Exception):
    """Something the user can mend. Every error meant for a user derives from this one."""

    def __init__(self, problems: str | Iterable[str]):
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems:\n{listed}"


class DescriptionError(EmulatorError):
    """A network description that means nothing: shapes, ranges, names."""


class SpecError(EmulatorError):
    """A chip description that is malformed or contradicts itself."""


class CompileError(EmulatorError):
    """A network that does not fit the chip. Lists every violation."""


class ImageError(EmulatorError):
    """A file (image, record, network) that is damaged, of another version, or inconsistent."""


class SimulationError(EmulatorError):
    """A run that cannot start or go on: wrong stimulus, state of another program, missing engine."""


class RegisterOverflow(SimulationError):
    """A value left its register under overflow policy `strict`. Engines say where; `run` says it in the
    network's names."""

    def __init__(self, slot: int, row: int, register: str, value: int):
        self.slot, self.row = slot, row  # numbered through over the cores; sample * n_ticks + tick
        self.register, self.value = register, value  # of arith.REGISTER_RANGE; before any wrap or clip
        super().__init__(f"slot {slot}, row {row}: {register} = {value} leaves its register")
