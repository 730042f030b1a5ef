"""Generators: sources whose spikes an engine makes itself, in integers, as a program holds them.

Ticks are counted over all runs that go on from each other. `width` is the number of inputs of the source,
or 1 where they are all alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.philox import TICK_BITS

Ints = NDArray[np.integer[Any]]

THRESHOLD_ONE = 2**32
"""Threshold of an input that spikes in every tick."""

MAX_PERIOD = 2**31 - 1
MAX_TICK = 2**TICK_BITS


@dataclass(frozen=True, eq=False)
class PoissonInputs:
    """An input spikes in a tick if its 32-bit draw is below its threshold."""

    threshold: Ints  # int64 [width], or [n_ticks, width] for thresholds of each tick; 0..THRESHOLD_ONE


@dataclass(frozen=True, eq=False)
class RegularInputs:
    """An input spikes at phase, phase + period, ..."""

    period_ticks: Ints  # int64 [width] 1..MAX_PERIOD
    phase_ticks: Ints  # int64 [width] 0..MAX_PERIOD


@dataclass(frozen=True, eq=False)
class ScriptedInputs:
    """Spikes as they were told, once or over and over."""

    events: Ints  # int64 [n_events, 2] tick, index; sorted, none twice
    repeat_ticks: int | None  # length of a repetition, above every tick of the events; None: played once


Generator = PoissonInputs | RegularInputs | ScriptedInputs


def maker_of(generator: Generator) -> str:
    """Its kind in a word."""
    kinds = {PoissonInputs: "Poisson", RegularInputs: "Regular", ScriptedInputs: "Scripted"}
    return kinds[type(generator)]


def generator_problems(generator: Generator, n: int) -> list[str]:
    """What is wrong with the generator of a source with n inputs. Engines trust one with no problem."""
    if isinstance(generator, PoissonInputs):
        return list(_poisson(generator.threshold, n))
    if isinstance(generator, RegularInputs):
        return list(_regular(generator, n))
    return list(_scripted(generator, n))


def _poisson(threshold: Ints, n: int) -> Iterator[str]:
    if threshold.ndim not in (1, 2) or threshold.shape[-1] not in (1, n) or len(threshold) == 0:
        yield f"threshold: shape {list(threshold.shape)}, expected [1], [{n}], [n_ticks, 1] or [n_ticks, {n}]"
    yield from _within("threshold", threshold, 0, THRESHOLD_ONE)


def _regular(generator: RegularInputs, n: int) -> Iterator[str]:
    period, phase = generator.period_ticks, generator.phase_ticks
    if period.shape != phase.shape or period.shape not in ((1,), (n,)):
        shapes = f"{list(period.shape)} and {list(phase.shape)}"
        yield f"period_ticks and phase_ticks: shapes {shapes}, expected both [1] or both [{n}]"
    yield from _within("period_ticks", period, 1, MAX_PERIOD)
    yield from _within("phase_ticks", phase, 0, MAX_PERIOD)


def _scripted(generator: ScriptedInputs, n: int) -> Iterator[str]:
    events, repeat = generator.events, generator.repeat_ticks
    if events.ndim != 2 or events.shape[1] != 2:
        yield f"events: shape {list(events.shape)}, expected [n_events, 2]"
        return
    if repeat is not None and not 1 <= repeat <= MAX_PERIOD:
        yield f"repeat_ticks: {repeat} outside 1..{MAX_PERIOD}"
        return
    yield from _within("events: tick", events[:, 0], 0, (MAX_TICK if repeat is None else repeat) - 1)
    yield from _within("events: index", events[:, 1], 0, n - 1)
    steps = np.diff(events, axis=0)
    if not ((steps[:, 0] > 0) | ((steps[:, 0] == 0) & (steps[:, 1] > 0))).all():
        yield "events: not sorted by tick and index, or one is there twice"


def _within(name: str, values: Ints, low: int, high: int) -> Iterator[str]:
    if values.dtype != np.int64:
        yield f"{name}: {values.dtype} values, expected int64"
    elif values.size and (values.min() < low or values.max() > high):
        yield f"{name}: values {values.min()}..{values.max()}, outside {low}..{high}"
