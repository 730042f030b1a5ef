"""Compare: one network compiled in each way that there is, whichever of them `compile` would take.

in order      cores filled in neuron order, and taken row by row: the habit of other tools
placed        filled likewise, each core near those that it talks to
multilevel    neurons that talk to each other in one core, and placed
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from emulator.chip.spec import ChipSpec
from emulator.compiler.candidates import EFFORTS
from emulator.compiler.ir import Partition, Placement
from emulator.compiler.partition import in_order, partition
from emulator.compiler.pipeline import PASSES, Job, Progress, argument_problems, program_of, run_all
from emulator.compiler.place import choose_way, place_row_by_row
from emulator.compiler.placing import traffic_of_bins
from emulator.errors import CompileError
from emulator.network import Network
from emulator.program import Program

IN_ORDER, PLACED, MULTILEVEL = WAYS = ("in order", "placed", "multilevel")
NAMES = [step.name for step in PASSES]
UNTIL_FILLING = PASSES[: NAMES.index("partition")]
FROM_SLOTS = PASSES[NAMES.index("slots") :]
POINTLESS = "nothing to gain: one core holds all, or no neurons talk to each other more than to others"
UNTRIED = "not tried: effort {!r} looks for it only where cores filled in order are too many"
PLACE = PASSES[NAMES.index("place")]


@dataclass(frozen=True, eq=False)
class Way:
    """What came of one way."""

    name: str  # of WAYS
    program: Program | None  # proved as every program is; None: `why` says it
    n_cores: int | None  # that it takes, or would take; None: nothing was filled
    seconds: float  # of the processor, from the network on
    chosen: bool  # `compile` takes it
    why: str = ""


@dataclass(frozen=True, eq=False)
class _Filled:
    """Bins of one way, or why there are none."""

    bins: Partition | None
    seconds: float
    why: str = ""


def compile_ways(
    network: Network,
    chip: ChipSpec,
    *,
    seed: int = 0,
    effort: str = "default",
    progress: Progress | None = None,
) -> list[Way]:
    """All of WAYS. Raises CompileError for what no way can mend, and for chips of crossbar cores."""
    problems = argument_problems(network, chip, seed, None, effort)
    if problems:
        raise CompileError(problems)
    if chip.cores.model == "truenorth":
        raise CompileError(
            f"chip {chip.name!r}: its cores are crossbars, whose populations are filled in one way only: "
            "compare ways on a chip of current-based cores, such as 'loihi'"
        )
    job = Job(network, chip, seed=seed, effort=effort, progress=progress)
    begun_s = time.process_time()
    run_all(job, UNTIL_FILLING)
    if job["check"]:
        raise CompileError(job["check"])
    before_s = time.process_time() - begun_s
    ordered = _fill(lambda: partition(job["quantise"], network, chip), before_s, "")
    left_out = UNTRIED.format(effort) if EFFORTS[effort] is None else POINTLESS
    grouped = _fill(lambda: _other(job), before_s, left_out)
    taken = _taken(job, ordered.bins, grouped.bins)
    ways = []
    for name in WAYS:
        filled = grouped if name == MULTILEVEL else ordered
        ways.append(_finished(job, name, filled, name == taken))
    return ways


def _fill(fill: Callable[[], Partition | None], before_s: float, left_out: str) -> _Filled:
    """left_out: why there may be no bins without an error."""
    begun_s = time.process_time()
    try:
        bins, why = fill(), left_out
    except CompileError as error:
        bins, why = None, str(error)
    return _Filled(bins, before_s + time.process_time() - begun_s, "" if bins else why)


def _other(job: Job) -> Partition | None:
    """The bins of the multilevel way; None: it was not looked for, or would gain nothing."""
    found = partition(job["quantise"], job.network, job.chip, None, job.regrouping)
    return found.other if found.method == IN_ORDER else found


def _taken(job: Job, ordered: Partition | None, grouped: Partition | None) -> str | None:
    """The way that `compile` takes; None: none fits."""
    ways = [one for one in (ordered, grouped) if one is not None]
    if not ways:
        return None
    traffic = [traffic_of_bins(one, job["quantise"]) for one in ways]
    number, _ = choose_way(ways, traffic, job.chip, job.seed)
    return PLACED if ways[number] is ordered else MULTILEVEL


def _finished(job: Job, name: str, filled: _Filled, chosen: bool) -> Way:
    """Places and emits what was filled."""
    if filled.bins is None:
        n_bins = None
        if name != MULTILEVEL:
            n_bins = in_order(job["quantise"], job.network, job.chip).partition.n_bins
        return Way(name, None, n_bins, filled.seconds, chosen, filled.why)
    begun_s = time.process_time()
    bins = replace(filled.bins, other=None)
    own = replace(job, results={**job.results, "partition": bins})
    own.results["place"] = _placed(own, name)
    try:
        program = program_of(run_all(own, FROM_SLOTS))
    except CompileError as error:
        return Way(name, None, bins.n_bins, filled.seconds, chosen, str(error))
    return Way(name, program, bins.n_bins, filled.seconds + time.process_time() - begun_s, chosen)


def _placed(job: Job, name: str) -> Placement:
    if name == IN_ORDER:
        return place_row_by_row(job["partition"], job["quantise"], job.chip)
    placement: Placement = PLACE.run(job)
    return placement
