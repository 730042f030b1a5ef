"""Sources that the engine drives itself: which of their inputs spike in a tick."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.chip.drive import KINDS, Generators
from emulator.philox import draw


def draw_inputs(generators: Generators, sample: int, tick: int) -> list[int]:
    """Host inputs that spike in a tick of the run, ascending."""
    spiking: list[int] = []
    for i in range(len(generators.kind)):
        kind, first = KINDS[generators.kind[i]], int(generators.first_input[i])
        chosen = _poisson(generators, i, sample, tick) if kind == "poisson" else _regular(generators, i, tick)
        spiking += [first + index for index in chosen]
    return spiking


def _poisson(generators: Generators, i: int, sample: int, tick: int) -> Iterator[int]:
    row = tick if generators.n_rows[i] > 1 else 0
    stream, absolute = int(generators.stream[i]), generators.first_tick + tick
    for index in range(int(generators.n_inputs[i])):
        block, word = divmod(index, 4)
        if draw(generators.seed, stream, sample, absolute, block)[word] < _value(generators, i, row, index):
            yield index


def _regular(generators: Generators, i: int, tick: int) -> Iterator[int]:
    for index in range(int(generators.n_inputs[i])):
        phase, period = (_value(generators, i, row, index) for row in (0, 1))
        since = generators.first_tick + tick - phase
        if since >= 0 and since % period == 0:
            yield index


def _value(generators: Generators, i: int, row: int, index: int) -> int:
    """Entry of a generator's table."""
    width = int(generators.width[i])
    column = index if width > 1 else 0
    return int(generators.values[int(generators.table_ptr[i]) + row * width + column])
