"""Generators: sources that make their own spikes in a run. Frozen parameter sets, scalars or one per input.

Ticks count from the first run on: a run with `state=` goes on where the one before it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.errors import DescriptionError
from emulator.network.models import spread_integers
from emulator.philox import TICK_BITS

Array = NDArray[Any]
MAX_PERIOD = 2**31 - 1
ROUNDING = 2.0**-33
"""Half the step in which a program keeps probabilities: rate times tick may be off by a rounding error."""


@dataclass(frozen=True, eq=False)
class Poisson:
    """Each input spikes in a tick with probability `rate_hz * dt_s`, by itself and at most once.

    rate_hz: scalar, [n], or a table [n_ticks, n] or [n_ticks, 1] with the rates of each tick; no run goes
    beyond the table. The probability is kept to 2**-32. Which spikes are drawn depends on the seed of the
    run, the place of the source among the network's sources, sample, tick and input, and on nothing else.
    """

    rate_hz: ArrayLike

    def probabilities(self, n: int, dt_s: float, owner: str) -> NDArray[np.float64]:
        """Of a spike in a tick: [1] or [n], for a table [n_ticks, 1] or [n_ticks, n].

        Raises DescriptionError.
        """
        label = f"{owner}: rate_hz"
        try:
            rate = np.asarray(self.rate_hz, dtype=np.float64)
        except (TypeError, ValueError):
            raise DescriptionError(
                f"{label}: {self.rate_hz!r} is not a number or an array of numbers"
            ) from None
        rate = rate.reshape(1) if rate.ndim == 0 else rate
        fits = rate.shape in ((1,), (n,)) if rate.ndim == 1 else rate.ndim == 2 and rate.shape[1] in (1, n)
        if not fits or len(rate) == 0:
            shapes = f"a scalar, [{n}], [n_ticks, {n}] or [n_ticks, 1]"
            raise DescriptionError(f"{label}: shape {list(np.shape(self.rate_hz))}, expected {shapes}")
        probability = np.asarray(rate * dt_s)
        with np.errstate(invalid="ignore"):
            bad = np.argwhere(~((probability >= 0) & (probability <= 1 + ROUNDING)))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise DescriptionError(
                f"{label}{list(place)} = {rate[place]:g}: in ticks of dt_s = {dt_s:g} s that is "
                f"{probability[place]:g} spikes per tick, limit 0..1, so 0..{1 / dt_s:g} Hz: lower the rate "
                f"or the network's dt_s{more}"
            )
        return np.minimum(probability, 1.0)


@dataclass(frozen=True, eq=False)
class Regular:
    """Each input spikes in tick `phase_ticks` and every `period_ticks` from then on. Scalars or [n]."""

    period_ticks: ArrayLike
    phase_ticks: ArrayLike = 0

    def beats(self, n: int, owner: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Period and phase, both [1] or both [n]. Raises DescriptionError."""
        problems: list[str] = []
        period = spread_integers(self.period_ticks, n, f"{owner}: period_ticks", (1, MAX_PERIOD), problems)
        phase = spread_integers(self.phase_ticks, n, f"{owner}: phase_ticks", (0, MAX_PERIOD), problems)
        if problems:
            raise DescriptionError(problems)
        alike = np.ndim(self.period_ticks) == np.ndim(self.phase_ticks) == 0
        return (period[:1], phase[:1]) if alike else (period, phase)


@dataclass(frozen=True, eq=False)
class Scripted:
    """Spikes told in advance, the same in every sample.

    spikes: bool raster [n_ticks, n], or int events [n_events, 2] of (tick, index); an event given twice
        counts once.
    repeat_ticks: play them again every so many ticks; None: once.
    """

    spikes: ArrayLike
    repeat_ticks: int | None = None

    def events(self, n: int, owner: str) -> NDArray[np.int64]:
        """int64 [n_events, 2]: tick, index; sorted, none twice. Raises DescriptionError."""
        problems: list[str] = []
        repeat = self.repeat_ticks
        whole = isinstance(repeat, (int, np.integer)) and not isinstance(repeat, bool)
        if repeat is not None and not (whole and 1 <= repeat <= MAX_PERIOD):
            limits = f"an integer in 1..{MAX_PERIOD}, or None to play the spikes once"
            problems.append(f"{owner}: repeat_ticks {repeat!r} must be {limits}")
            repeat = None
        events = self._table(n, owner, repeat, problems)
        if not problems:
            limit = f"repeat_ticks is {repeat}" if repeat is not None else "the longest run"
            _within(events[:, 0], repeat or 2**TICK_BITS, f"{owner}: tick", limit, problems)
            _within(events[:, 1], n, f"{owner}: index", "inputs of the source", problems)
        if problems:
            raise DescriptionError(problems)
        return np.unique(events, axis=0)

    def _table(self, n: int, owner: str, repeat: int | None, problems: list[str]) -> NDArray[np.int64]:
        """The events in any order."""
        none = np.zeros((0, 2), dtype=np.int64)
        try:
            given = np.asarray(self.spikes)
        except ValueError:
            given = np.zeros(())
        if given.dtype == np.bool_ and given.ndim == 2 and given.shape[1] == n:
            if repeat is not None and len(given) > repeat:
                problems.append(
                    f"{owner}: raster of {len(given)} ticks, repeat_ticks {repeat}: raise repeat_ticks, or "
                    "cut the raster"
                )
            return np.argwhere(given).astype(np.int64)
        if given.shape == (0,) or given.shape == (0, 2):
            return none
        fits = given.dtype.kind == "i" or (given.dtype.kind == "u" and given.max(initial=0) < 2**63)
        if fits and given.ndim == 2 and given.shape[1] == 2:
            return given.astype(np.int64)
        problems.append(
            f"{owner}: spikes {given.dtype}{list(given.shape)}; expected a bool raster [n_ticks, {n}] or int "
            "events [n_events, 2] of (tick, index)"
        )
        return none


Generator = Poisson | Regular | Scripted
GENERATORS: dict[str, type[Generator]] = {"Poisson": Poisson, "Regular": Regular, "Scripted": Scripted}


def check_generator(generator: object, n: int, dt_s: float, owner: str) -> None:
    """Raises DescriptionError with all that is wrong with the generator of a source of n inputs."""
    if isinstance(generator, Poisson):
        generator.probabilities(n, dt_s, owner)
    elif isinstance(generator, Regular):
        generator.beats(n, owner)
    elif isinstance(generator, Scripted):
        generator.events(n, owner)
    else:
        choices = ", ".join(GENERATORS)
        raise DescriptionError(f"{owner}: generator {generator!r}, choose from {choices}, or None")


def _within(values: Array, end: int, label: str, limit: str, problems: list[str]) -> None:
    bad = np.flatnonzero((values < 0) | (values >= end))
    if len(bad):
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        problems.append(f"{label} {values[bad[0]]} of event {bad[0]} outside 0..{end - 1} ({limit}){others}")
