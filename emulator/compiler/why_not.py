"""Why not: what a failed compilation proves, and what would make the network fit. Remedies are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.bounds import least_cores
from emulator.compiler.limits import MEANING, usable_text
from emulator.compiler.pipeline import compile as compile_network
from emulator.compiler.remedies import Remedy, Trials, remedies_of
from emulator.errors import CompileError
from emulator.network import Network

IMPOSSIBLE, GAVE_UP, PINNED, CUT_OFF = "impossible", "gave up", "pinned", "cut off"


@dataclass(frozen=True)
class WhyNot:
    """What is known about a network that does not fit."""

    verdict: str  # IMPOSSIBLE, GAVE_UP, PINNED or CUT_OFF
    problems: tuple[str, ...]  # of the compilation
    reasons: tuple[str, ...]  # of the verdict
    n_cores: int  # usable ones of the chip
    n_needed: int | None  # cores that it takes with as many as it likes; None: it fits no number of cores
    bounds: dict[str, int]  # resource -> cores that any split takes at least
    remedies: tuple[Remedy, ...]  # each makes it fit by itself

    def data(self) -> dict[str, Any]:
        """Plain numbers, strings and lists."""
        return {
            "verdict": self.verdict,
            "problems": list(self.problems),
            "reasons": list(self.reasons),
            "n_cores": self.n_cores,
            "n_cores_needed": self.n_needed,
            "n_cores_at_least": dict(self.bounds),
            "remedies": [{"change": one.change, "text": one.text} for one in self.remedies],
        }

    def text(self) -> str:
        """For people."""
        titles = {
            IMPOSSIBLE: "Proved impossible on this chip, however it is split",
            GAVE_UP: "Not proved impossible: no split into few enough cores was found",
            PINNED: "It is the mapping that does not fit: without it the network does",
            CUT_OFF: "It fits the cores, but not what comes after them",
        }
        lines = [titles[self.verdict], *(f"  {reason}" for reason in self.reasons)]
        if self.bounds:
            listed = sorted(self.bounds.items(), key=lambda one: -one[1])
            lines += ["", f"Cores that any split takes at least (the chip has {self.n_cores:,})"]
            lines += [f"  {n:>9,}  {MEANING[name]}" for name, n in listed if n]
        lines += ["", "What makes it fit (each was tried, and is enough by itself)"]
        lines += [f"  {one.text}" for one in self.remedies] or ["  nothing of what was tried"]
        return "\n".join(lines)


def why_not(
    network: Network,
    chip: ChipSpec,
    *,
    mapping: Mapping[str, ArrayLike] | None = None,
    rewrites: Mapping[str, str] | None = None,
) -> WhyNot | None:
    """Finds why a network does not compile for a chip, and changes with which it would; None: it does.

    Raises CompileError for what is wrong with the arguments themselves.
    """
    try:
        compile_network(network, chip, mapping=mapping, rewrites=rewrites, effort="fast")
        return None
    except CompileError as error:
        problems = error.problems
    if not isinstance(network, Network) or not isinstance(chip, ChipSpec):
        raise CompileError(problems)
    trials = Trials(network, chip, mapping, rewrites)
    n_cores = int(usable_cores(chip).sum())
    n_needed, lines = trials.cores_needed()
    quantised = trials.quantised
    bounds = {} if quantised is None or n_needed is None else least_cores(quantised, network, chip)
    verdict, reasons = _verdict(problems, n_needed, lines, bounds, chip, trials)
    return WhyNot(verdict, problems, reasons, n_cores, n_needed, bounds, tuple(remedies_of(trials, n_needed)))


def _verdict(
    problems: tuple[str, ...],
    n_needed: int | None,
    lines: tuple[str, ...],
    bounds: dict[str, int],
    chip: ChipSpec,
    trials: Trials,
) -> tuple[str, tuple[str, ...]]:
    n_cores = int(usable_cores(chip).sum())
    if n_needed is None:
        return IMPOSSIBLE, tuple(f"with any number of cores: {line}" for line in lines)
    over = {name: n for name, n in bounds.items() if n > n_cores}
    if over:
        name, n = max(over.items(), key=lambda one: one[1])
        limit = getattr(chip.limits, name)
        return IMPOSSIBLE, (
            f"{MEANING[name]}, {limit:,} a core, alone take at least {n:,} cores; chip {chip.name!r} has "
            f"{usable_text(chip)}, {n - n_cores:,} too few",
        )
    if n_needed > n_cores:
        least = f", at least {max(bounds.values()):,}" if bounds else ""
        return GAVE_UP, (
            f"split as it is, the network takes {n_needed:,} cores{least}; chip {chip.name!r} has "
            f"{usable_text(chip)}",
        )
    if trials.mapping and trials.fits(mapping=None):
        return PINNED, problems
    return CUT_OFF, problems
