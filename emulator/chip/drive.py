"""Drive: what a run is asked to do with an image. Integers and slots, as the engines take it."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Drive:
    """Host spikes, probes and initial state of one run. Rows as in `Record`."""

    n_samples: int
    n_ticks: int
    event_ptr: Ints  # int64 [n_rows + 1]
    event_input: Ints  # int32 [n_events] host inputs that spike in a row, ascending, each at most once
    probes: tuple[ProbeLanes, ...] = ()
    batched: bool = False  # whether the samples are shown as an axis
    state: State | None = None  # None: the image's initial state in every sample
    timing: bool = True
