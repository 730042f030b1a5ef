"""Pipeline: the passes in order, from a Network to a Program. What they are depends on the chip's cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.chip.crossbar import AnyImage, CrossbarImage
from emulator.chip.spec import ChipSpec
from emulator.compiler import dump
from emulator.compiler.allocate import allocate_slots
from emulator.compiler.bundles import population_of
from emulator.compiler.candidates import Regrouping
from emulator.compiler.check import check
from emulator.compiler.crossbar import dump as crossbar_dump
from emulator.compiler.crossbar.check import check_crossbar
from emulator.compiler.crossbar.describe import describe, rewrite_populations
from emulator.compiler.crossbar.emit import emit_crossbar_symbols, emit_crossbars
from emulator.compiler.crossbar.place import place_cores
from emulator.compiler.crossbar.profile import of_cores
from emulator.compiler.crossbar.stats import crossbar_stats
from emulator.compiler.crossbar.verify import verify_crossbars
from emulator.compiler.emit import emit_image, emit_symbols
from emulator.compiler.memory import require_for_compiling
from emulator.compiler.partition import partition
from emulator.compiler.place import place
from emulator.compiler.placing import EFFORTS
from emulator.compiler.profile import measured_spikes, not_a_record, weights_of
from emulator.compiler.quantise import quantise
from emulator.compiler.stats import stats, traffic
from emulator.compiler.synapse_lists import allocate_synapses
from emulator.compiler.verify import verify
from emulator.compiler.ways import check_ways
from emulator.errors import CompileError
from emulator.network import Network
from emulator.network.digest import MAX_SYNAPSES
from emulator.program import Program

Longs = NDArray[np.int64]
Progress = Callable[[str, int, int], None]  # called with a pass, what of it is done, and all there is to do

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
    spikes: Longs | None = None  # int64 [n_senders] of a profile; None: every sender once
    progress: Progress | None = None
    results: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.results[name]

    @property
    def weights(self) -> Longs | None:
        """int64 [n_senders], at least 1: what each sender of the network weighs; None: all the same."""
        return None if self.spikes is None else weights_of(self.spikes)

    def of_cores(self, values: Longs | None) -> Longs | None:
        """Of crossbar cores: values of the network's senders, for every neuron and input of the cores."""
        if values is None:
            return None
        return of_cores(values, self["describe"], self["rewrite"], self.network)

    @property
    def regrouping(self) -> Regrouping:
        """Another way than in order, for `partition` to ask for."""
        return Regrouping(
            self["quantise"],
            self.network,
            self.chip,
            self.seed,
            self.effort,
            self.weights,
            self.within("partition"),
        )

    def within(self, name: str) -> Callable[[int, int], None]:
        """Tells of progress inside a pass: called with what is done, and all there is to do."""
        return lambda done, total: self.tell(name, done, total)

    def tell(self, name: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(name, done, total)


@dataclass(frozen=True)
class Pass:
    """A step: `run` reads the job and makes a new thing; `text` prints that in a stable form."""

    name: str
    about: str
    run: Callable[[Job], Any]
    text: Callable[[Any], str]


Watch = Callable[[Pass, Any], None]

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
        lambda job: partition(job["quantise"], job.network, job.chip, job.mapping, job.regrouping),
        dump.partition,
    ),
    # Bins to cores of the mesh.
    Pass(
        "place",
        "bins to physical cores",
        lambda job: place(
            job["partition"],
            job["quantise"],
            job.chip,
            job.seed,
            job.effort,
            job.weights,
            job.within("place"),
        ),
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
        lambda job: place_cores(
            job["describe"], job.chip, job.seed, job.effort, job.of_cores(job.weights), job.within("place")
        ),
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
    progress: Progress | None = None,
) -> Program:
    """Maps a network onto a chip. Raises CompileError listing every violation a pass finds.

    seed: of the draws of the placement. Equal seeds give equal programs.
    mapping: population name -> int array [n], the physical core of each neuron (core id = tile id * cores
        per tile + core in tile); populations not named are placed around them. Not for crossbar cores.
    profile: the record of a run of this network, on any chip (or its Result): a sender weighs as many spikes
        as it had there, and one more, instead of one.
    effort: "fast", "default" or "best": how long to look for cores with few hops between them.
    rewrites: crossbar cores only. "weights": "auto", "exact", "cluster" or "binary"; "fan_in": "refuse" or
        "partial_sums", which comes near a network that such cores cannot hold as it is.
    progress: called now and then with (name of the pass, what of it is done, all there is to do).
    """
    return compile_watched(
        network,
        chip,
        seed=seed,
        mapping=mapping,
        profile=profile,
        effort=effort,
        rewrites=rewrites,
        progress=progress,
    )


def compile_watched(
    network: Network,
    chip: ChipSpec,
    *,
    seed: int = 0,
    mapping: Mapping[str, ArrayLike] | None = None,
    profile: object = None,
    effort: str = "default",
    rewrites: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Program:
    """As `compile`; `watch` is called with each pass that is done and its result."""
    problems = argument_problems(network, chip, seed, profile, effort) or _rewrites(chip, rewrites)
    if problems:
        raise CompileError(problems)
    require_for_compiling(network)
    spikes = None if profile is None else measured_spikes(network, profile)
    job = Job(network, chip, mapping, rewrites, int(seed), effort, spikes, progress)
    return program_of(run_all(job, passes_of(chip), watch))


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
    passes = passes_of(chip)
    names = [step.name for step in passes]
    if until is not None and until not in names:
        raise CompileError(f"pass {until!r}: choose from {', '.join(names)}")
    last = len(passes) if until is None else names.index(until) + 1
    return run_all(Job(network, chip, mapping, rewrites, seed, effort), passes[:last])


def run_all(job: Job, passes: tuple[Pass, ...], watch: Watch | None = None) -> Job:
    """Runs these passes, one after the other; their results are in the job then."""
    for step in passes:
        job.tell(step.name, 0, 1)
        job.results[step.name] = _run(step, job)
        job.tell(step.name, 1, 1)
        if watch is not None:
            watch(step, job.results[step.name])
    return job


def program_of(job: Job) -> Program:
    """What all passes came to, with its figures."""
    chip, network = job.chip, job.network
    if chip.cores.model == "truenorth":
        image = job["emit"].image
        summary = crossbar_stats(image, job["describe"], network, chip)
    else:
        image = job["emit"]
        summary = stats(image, job["quantise"], network, chip)
    n_synapses = sum(part.n_synapses for part in (*network.projections, *network.cores))
    chosen = {
        "network_digest": network.digest if n_synapses <= MAX_SYNAPSES else None,
        "seed": job.seed,
        "effort": job.effort,
        "placement": dict(job["place"].figures),
    }
    return Program(image, job["symbols"], chip, {**summary, **chosen, **_profiled(job, image)})


def _profiled(job: Job, image: AnyImage) -> dict[str, Any]:
    """Figures of the traffic that a profile measured, if there is one."""
    if job.spikes is None:
        return {}
    if isinstance(image, CrossbarImage):
        spikes, emitted = job.of_cores(job.spikes), job["emit"]
        assert spikes is not None
        n = image.n_slots
        by_slot = np.empty(n, dtype=np.int64)
        by_slot[emitted.slot_of] = spikes[:n]
        by_sender = np.concatenate([by_slot, spikes[n:]])
    else:
        n = job["quantise"].n_neurons
        by_sender = np.concatenate([job.spikes[:n][job["slots"].neuron], job.spikes[n:]])
    measured = {"n_spikes": int(job.spikes.sum()), "n_silent": int((job.spikes == 0).sum())}
    return {"profile": {**measured, **traffic(image, job.chip, by_sender)}}


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


def argument_problems(
    network: object, chip: object, seed: object, profile: object, effort: object
) -> list[str]:
    """What is wrong with the arguments of `compile`."""
    problems = []
    if not isinstance(network, Network):
        problems.append(f"network {type(network).__name__}: must be an emulator.Network")
    if not isinstance(chip, ChipSpec):
        problems.append(
            f"chip {type(chip).__name__} {chip!r}: must be a ChipSpec; emulator.load_chip(name) makes one"
        )
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        problems.append(f"seed {seed!r}: must be an integer of at least 0")
    problems += not_a_record(profile)
    if effort not in EFFORTS:
        problems.append(f"effort {effort!r}: choose from {', '.join(EFFORTS)}")
    return problems
