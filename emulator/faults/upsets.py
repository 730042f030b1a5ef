"""Upsets: bits of registers that flip while a run goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emulator.chip.state import state_tables
from emulator.errors import SimulationError
from emulator.faults.bits import hit, is_rate, signed
from emulator.program import Program
from emulator.record import State

WHOLE_BITS = 64  # of int64: what registers of some arithmetic policies are
REGISTERS = ("u", "v", "refractory")


@dataclass(frozen=True)
class Upsets:
    """For `run(..., upsets=)`: before each of `ticks` a bit of the registers flips with probability `rate`.

    ticks: of the run, or None for all of them. registers: of REGISTERS; a chip of crossbar cores has v alone.
    Draws are named by seed and tick, counted from the first run on, as those of Poisson sources are.
    """

    rate: float
    ticks: Iterable[int] | None = None
    registers: tuple[str, ...] = ("u", "v")
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if not is_rate(self.rate):
            problems.append(f"upsets: rate={self.rate!r}, must be in 0..1, the probability of each bit")
        unknown = [name for name in self.registers if name not in REGISTERS]
        if unknown:
            problems.append(f"upsets: registers {unknown}, choose from {', '.join(REGISTERS)}")
        if self.ticks is not None:
            given = np.asarray(list(self.ticks))
            if given.size and (given.dtype.kind not in "iu" or given.ndim != 1 or given.min() < 0):
                problems.append("upsets: ticks must be integers from 0 up, or None for all")
            else:
                object.__setattr__(self, "ticks", tuple(sorted(set(given.tolist()))))
        whole = isinstance(self.seed, (int, np.integer)) and not isinstance(self.seed, bool)
        if not whole or self.seed < 0:
            problems.append(f"upsets: seed={self.seed!r}, must be an integer from 0 up")
        if problems:
            raise SimulationError(problems)

    def within(self, n_ticks: int) -> list[int]:
        """The ticks of a run that bits flip before."""
        return [tick for tick in (range(n_ticks) if self.ticks is None else self.ticks) if tick < n_ticks]


def flipped(state: State, program: Program, upsets: Upsets) -> State:
    """The state after the flips before its next tick."""
    rng = np.random.default_rng([upsets.seed, state.n_ticks])
    tables = state_tables(program.image, program.chip)
    changed: dict[str, Any] = {}
    for name in REGISTERS:
        table, array = tables[name], np.array(getattr(state, name))
        if name in upsets.registers and array.size:
            n_bits = (table.high + 1).bit_length() - (0 if table.low < 0 else 1)
            flat = array.reshape(-1)
            place, bit = np.divmod(hit(flat.size * n_bits, upsets.rate, rng), n_bits)
            touched, first = np.unique(place, return_inverse=True)
            mask = np.zeros(len(touched), dtype=np.int64)
            np.bitwise_or.at(mask, first, np.int64(1) << bit)
            code = flat[touched].astype(np.int64) ^ mask
            if n_bits < WHOLE_BITS:
                code &= (1 << n_bits) - 1
            flat[touched] = signed(code, n_bits) if table.low < 0 and n_bits < WHOLE_BITS else code
            changed[name] = array
    return dataclasses.replace(state, **changed)
