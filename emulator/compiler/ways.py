"""Pass ways: every packet has a way through what is alive of the mesh, or may be dropped."""

from __future__ import annotations

from emulator.chip.crossbar import AnyImage
from emulator.chip.spec import ChipSpec
from emulator.chip.ways import way_problems
from emulator.errors import CompileError


def check_ways(image: AnyImage, chip: ChipSpec) -> None:
    """Raises CompileError with the cores that cannot reach each other."""
    problems = list(way_problems(image, chip))
    if problems:
        raise CompileError(problems)
