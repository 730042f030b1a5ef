"""Pipeline: the passes in order, from a Network to a Program. What they are depends on the chip's cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emulator.chip.spec import ChipSpec
from emulator.compiler import dump
from emulator.compiler.allocate import allocate_slots
from emulator.compiler.bundles import population_of
from emulator.compiler.check import check
from emulator.compiler.crossbar import dump as crossbar_dump
from emulator.compiler.crossbar.check import check_crossbar
from emulator.compiler.crossbar.describe import describe, rewrite_populations
from emulator.compiler.crossbar.emit import emit_crossbar_symbols, emit_crossbars
from emulator.compiler.crossbar.place import place_cores
from emulator.compiler.crossbar.stats import crossbar_stats
from emulator.compiler.crossbar.verify import verify_crossbars
from emulator.compiler.emit import emit_image, emit_symbols
from emulator.compiler.partition import partition
from emulator.compiler.place import place
from emulator.compiler.placing import EFFORTS
from emulator.compiler.quantise import quantise
from emulator.compiler.stats import stats
from emulator.compiler.synapse_lists import allocate_synapses
from emulator.compiler.verify import verify
from emulator.compiler.ways import check_ways
from emulator.errors import CompileError
from emulator.network import Network
from emulator.program import Program

REWRITES = ("weights", "fan_in")
COUNTED = "partition"  # the pass after which every limit of a core has been looked at


@dataclass(frozen=True, eq=False)
class Job:
    """What is compiled, and the results of the passes so far, by their names."""

    network: Network
    chip: ChipSpec
    mapping: Mapping[str, ArrayLike] | None = None
    rewrites: Mapping[str, str] | None = None
    seed: int = 0
    effort: str = "default"
    results: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.results[name]


@dataclass(frozen=True)
class Pass:
    """A step: `run` reads the job and makes a new thing; `text` prints that in a stable form."""

    name: str
    about: str
    run: Callable[[Job], Any]
    text: Callable[[Any], str]


PASSES: tuple[Pass, ...] = (
    # Refuses what leaves nothing to map; hands on broken limits that no later pass looks at.
    Pass(
        "check",
        "find what no mapping can mend",
        lambda job: check(job.network, job.chip, job.mapping),
        dump.found,
    ),
    # From here on there are only the chip's integers; formats decide what a synapse takes in memory.
    Pass(
        "quantise",
        "network in the chip's integers",
        lambda job: quantise(job.network, job.chip),
        dump.quantised,
    ),
    # Neurons to bins that keep every limit of a core; bins are not yet anywhere.
    Pass(
        "partition",
        "neurons to bins, each within a core's limits",
        lambda job: partition(job["quantise"], job.network, job.chip, job.mapping),
        dump.partition,
    ),
    # Bins to cores of the mesh.
    Pass(
        "place",
        "bins to physical cores",
        lambda job: place(job["partition"], job["quantise"], job.chip, job.seed, job.effort),
        dump.placement,
    ),
    # Places in the tables of each core: first compartments, as synapses name them by slot.
    Pass(
        "slots",
        "compartments and the values they share",
        lambda job: allocate_slots(job["quantise"], job["place"]),
        dump.slots,
    ),
    Pass(
        "synapses",
        "axons and synapse lists",
        lambda job: allocate_synapses(job["quantise"], job["slots"], population_of(job.network), job.chip),
        dump.synapses,
    ),
    # The tables as the chip takes them, and the names to read them by.
    Pass(
        "emit",
        "image of the chip",
        lambda job: emit_image(job["quantise"], job.network, job["slots"], job["synapses"]),
        dump.image,
    ),
    # Where a link or router is dead, what is placed may be cut off.
    Pass(
        "ways",
        "a way for every packet",
        lambda job: check_ways(job["emit"], job.chip),
        dump.nothing,
    ),
    Pass("symbols", "names to addresses", lambda job: emit_symbols(job.network, job["slots"]), dump.symbols),
    # Trusts none of the above: reads the image back and compares it with the quantised network.
    Pass(
        "verify",
        "prove that the image is the network",
        lambda job: verify(job["emit"], job["symbols"], job["quantise"], job.network, job.chip),
        dump.nothing,
    ),
)


CROSSBAR_PASSES: tuple[Pass, ...] = (
    # Refuses everything that no placement can mend.
    Pass(
        "check",
        "find what no placement can mend",
        lambda job: check_crossbar(job.network, job.chip, job.mapping),
        dump.nothing,
    ),
    # From here on there are only cores, filled and with their targets, but not yet anywhere.
    Pass(
        "rewrite",
        "populations as cores",
        lambda job: rewrite_populations(job.network, job.chip, job.rewrites),
        crossbar_dump.described,
    ),
    Pass(
        "describe",
        "all cores, with those described directly",
        lambda job: describe(job.network, job.chip, job["rewrite"]),
        crossbar_dump.described,
    ),
    Pass(
        "place",
        "cores to physical cores",
        lambda job: place_cores(job["describe"], job.chip, job.seed, job.effort),
        crossbar_dump.placed,
    ),
    Pass(
        "emit",
        "image of the chip",
        lambda job: emit_crossbars(job["describe"], job["place"].core_of, _n_parts(job.network)),
        crossbar_dump.emitted,
    ),
    Pass("ways", "a way for every packet", lambda job: check_ways(job["emit"].image, job.chip), dump.nothing),
    Pass(
        "symbols",
        "names to addresses",
        lambda job: emit_crossbar_symbols(job.network, job["emit"], job["describe"]),
        dump.symbols,
    ),
    # Trusts none of the above: reads the image back, core by core.
    Pass(
        "verify",
        "prove that the image is the network",
        lambda job: verify_crossbars(
            job["emit"].image, job["symbols"], job["rewrite"], job["place"].core_of, job.network, job.chip
        ),
        dump.nothing,
    ),
)


def passes_of(chip: ChipSpec) -> tuple[Pass, ...]:
    """The passes that compile for a chip."""
    return CROSSBAR_PASSES if chip.cores.model == "truenorth" else PASSES


def _n_parts(network: Network) -> int:
    return len(network.sources) + len(network.populations) + 2 * len(network.cores)


def compile(
    network: Network,
    chip: ChipSpec,
    *,
    seed: int = 0,
    mapping: Mapping[str, ArrayLike] | None = None,
    profile: object = None,
    effort: str = "default",
    rewrites: Mapping[str, str] | None = None,
) -> Program:
    """Maps a network onto a chip. Raises CompileError listing every violation a pass finds.

    seed: of the draws of the placement. Equal seeds give equal programs.
    mapping: population name -> int array [n], the physical core of each neuron (core id = tile id * cores
        per tile + core in tile); populations not named are placed around them. Not for crossbar cores.
    profile: measured spikes to weigh by; not supported by this mapper.
    effort: "fast", "default" or "best": how long to look for cores with few hops between them.
    rewrites: crossbar cores only. "weights": "auto", "exact", "cluster" or "binary"; "fan_in": "refuse" or
        "partial_sums", which comes near a network that such cores cannot hold as it is.
    """
    problems = _arguments(network, chip, seed, profile, effort) or _rewrites(chip, rewrites)
    if problems:
        raise CompileError(problems)
    job = run_passes(network, chip, mapping, rewrites=rewrites, seed=int(seed), effort=effort)
    if chip.cores.model == "truenorth":
        image = job["emit"].image
        summary = crossbar_stats(image, job["describe"], network, chip)
    else:
        image = job["emit"]
        summary = stats(image, job["quantise"], network, chip)
    chosen = {"seed": int(seed), "effort": effort, "placement": dict(job["place"].figures)}
    return Program(image, job["symbols"], chip, {**summary, **chosen})


def run_passes(
    network: Network,
    chip: ChipSpec,
    mapping: Mapping[str, ArrayLike] | None = None,
    until: str | None = None,
    rewrites: Mapping[str, str] | None = None,
    seed: int = 0,
    effort: str = "default",
) -> Job:
    """Runs the passes of the chip up to and including `until`; None: all."""
    job, passes = Job(network, chip, mapping, rewrites, seed, effort), passes_of(chip)
    for step in passes:
        job.results[step.name] = _run(step, job)
        if step.name == until:
            return job
    if until is not None:
        raise CompileError(f"pass {until!r}: choose from {', '.join(step.name for step in passes)}")
    return job


def _run(step: Pass, job: Job) -> Any:
    """The result of a pass. What `check` handed on is raised with all that goes wrong up to COUNTED."""
    found = job.results.get("check") or ()
    try:
        result = step.run(job)
    except CompileError as error:
        raise CompileError([*found, *error.problems]) from error
    if found and step.name == COUNTED:
        raise CompileError(found)
    return result


def _rewrites(chip: ChipSpec, rewrites: Mapping[str, str] | None) -> list[str]:
    if not rewrites:
        return []
    if chip.cores.model != "truenorth":
        return [
            f"rewrites of {', '.join(map(repr, rewrites))}: chip {chip.name!r} holds weights and fan-out as "
            "they are: drop rewrites=, or take a chip with cores.model 'truenorth'"
        ]
    unknown = sorted(set(rewrites) - set(REWRITES))
    return [f"rewrites[{name!r}]: choose from {', '.join(REWRITES)}" for name in unknown]


def _arguments(network: object, chip: object, seed: object, profile: object, effort: object) -> list[str]:
    problems = []
    if not isinstance(network, Network):
        problems.append(f"network {type(network).__name__}: must be an emulator.Network")
    if not isinstance(chip, ChipSpec):
        problems.append(
            f"chip {type(chip).__name__} {chip!r}: must be a ChipSpec; emulator.load_chip(name) makes one"
        )
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        problems.append(f"seed {seed!r}: must be an integer of at least 0")
    if profile is not None:
        kind = type(profile).__name__
        problems.append(f"profile {kind}: this mapper does not weigh by spikes yet: drop profile=")
    if effort not in EFFORTS:
        problems.append(f"effort {effort!r}: choose from {', '.join(EFFORTS)}")
    return problems
