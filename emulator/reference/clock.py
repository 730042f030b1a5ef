"""Physical time inside a tick: simpy's clock with two phases in every instant.

Phase 1 applies what was caused earlier: arrivals, credits, ends of services. Phase 2 decides: sources push,
outputs grant. Everything decided takes at least 1 ps to be felt, so the order of the calls inside a phase
cannot matter, and simpy's tie-breaking (order of insertion) is never relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import simpy

# simpy runs lower numbers first within an instant; its own timeouts have priority 1 (NORMAL).
PHASE_1 = simpy.events.NORMAL
PHASE_2 = simpy.events.EventPriority(2)


class Clock:
    """One tick's time, in ps from its start."""

    def __init__(self) -> None:
        self.env = simpy.Environment()
        self._observers: list[Callable[[], None]] = []
        self._pushers: list[Callable[[], None]] = []
        self._arbiters: dict[Hashable, Callable[[], None]] = {}
        self._deciding = False

    @property
    def now_ps(self) -> int:
        return int(self.env.now)

    def after(self, delay_ps: int, action: Callable[[], None]) -> None:
        """Runs `action` in phase 1 of the instant `delay_ps` from now."""
        self._schedule(action, PHASE_1, delay_ps)

    def observe(self, action: Callable[[], None]) -> None:
        """Runs `action` between the phases of this instant."""
        self._observers.append(action)
        self._decide()

    def push(self, action: Callable[[], None]) -> None:
        """Runs `action`, a source trying to push, in phase 2 of this instant."""
        self._pushers.append(action)
        self._decide()

    def arbitrate(self, unit: Hashable, action: Callable[[], None]) -> None:
        """Runs `action`, the arbitration of a unit, once in phase 2 of this instant, after the pushes."""
        self._arbiters[unit] = action
        self._decide()

    def run(self) -> None:
        """Runs until nothing is left to happen."""
        self.env.run()

    def _schedule(self, action: Callable[[], None], phase: simpy.events.EventPriority, delay_ps: int) -> None:
        event = self.env.event()
        event._ok, event._value = True, None  # a bare event that only carries a callback
        assert event.callbacks is not None
        event.callbacks.append(lambda _: action())
        self.env.schedule(event, phase, delay_ps)

    def _decide(self) -> None:
        if not self._deciding:
            self._deciding = True
            self._schedule(self._phase_2, PHASE_2, 0)

    def _phase_2(self) -> None:
        self._deciding = False
        for stage in (self._take(self._observers), self._take(self._pushers)):
            for action in stage:
                action()
        arbiters, self._arbiters = self._arbiters, {}
        for action in arbiters.values():
            action()

    @staticmethod
    def _take(actions: list[Callable[[], None]]) -> list[Callable[[], None]]:
        taken = actions[:]
        actions.clear()
        return taken
