"""Drive: what a run is asked to do with an image. Integers and slots, as the engines take it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from emulator.record import State

Ints = NDArray[np.integer]

PROBE_VARIABLES = ("u", "v", "v_raw")
"""`v_raw` reads the voltage register as silicon shows it: 128 * refractory counter while refractory."""


@dataclass(frozen=True, eq=False)
class ProbeLanes:
    """One probe, resolved to slots."""

    variable: str  # of PROBE_VARIABLES
    slots: Ints  # int64 [n_probed_slots]
    ticks: Ints  # int64 [n_probed_ticks], ascending, each < n_ticks


KINDS = ("poisson", "regular")
"""Generators that an engine knows; scripted ones reach it as events."""


def _none() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Generators:
    """Sources that the engine drives itself, flat: int64 arrays [n_generators], ascending by their inputs.

    Generator i has a table of n_rows[i] x width[i] integers from values[table_ptr[i]] on; a width of 1 is
    for all its inputs. Poisson: thresholds 0..2**32, a row for each tick of the run, or one row for all of
    them. Regular: a row of phases, a row of periods.
    """

    seed: int = 0  # of the run, 64 bits
    first_tick: int = 0  # ticks that were run before: draws and beats count from the first of all
    kind: Ints = field(default_factory=_none)  # place in KINDS
    first_input: Ints = field(default_factory=_none)
    n_inputs: Ints = field(default_factory=_none)
    stream: Ints = field(default_factory=_none)  # tells the draws of sources apart, 24 bits
    n_rows: Ints = field(default_factory=_none)
    width: Ints = field(default_factory=_none)  # 1 or n_inputs
    table_ptr: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))  # [n_generators + 1]
    values: Ints = field(default_factory=_none)  # [n_values]

    def arrays(self) -> dict[str, Ints]:
        """The arrays by name."""
        names = [field.name for field in fields(self) if field.name not in ("seed", "first_tick")]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class Drive:
    """Host spikes, generators, probes and initial state of one run. Rows as in `Record`."""

    n_samples: int
    n_ticks: int
    event_ptr: Ints  # int64 [n_rows + 1]
    event_input: Ints  # int32 [n_events] host inputs that spike in a row, ascending, each at most once
    generators: Generators = field(default_factory=Generators)  # none of them has inputs with events
    probes: tuple[ProbeLanes, ...] = ()
    batched: bool = False  # whether the samples are shown as an axis
    state: State | None = None  # None: the image's initial state in every sample
    timing: bool = True
    trace: bool = False  # whether the record tells every packet; takes timing

    @property
    def n_ticks_after(self) -> int:
        """Ticks run since the initial state once this run has ended: `State.n_ticks`."""
        return self.n_ticks + (0 if self.state is None else self.state.n_ticks)
