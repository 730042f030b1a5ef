"""Remedies: changes of a network or chip, each tried on the passes up to the one that counts cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Quantised
from emulator.compiler.limits import MEANING, core_limits
from emulator.compiler.pipeline import COUNTED, Job, passes_of, run_passes
from emulator.errors import CompileError, SpecError
from emulator.network import Network

MAX_SYNAPSES = 400_000_000  # looked at by all trials of a network together
LEAST_TRIALS = 24  # of a large network
MOST_CORES = 2**20  # of a chip that is asked for
ROOMIER = 16  # times the cores of the chip, where one remedy is not enough
PRECISION = 0.02  # of a limit that is searched for
MOST_LIMIT = 2**40
NONE: Mapping[str, Any] = {}
COUNTING = {"mesh.routing": "xy", "mesh.fifo_depth": 1, "mesh.intake_depth": 1}
"""Of a chip that cores are counted on, however many: nothing is to be routed there."""
REWRITES = (("weights", "cluster"), ("weights", "binary"), ("fan_in", "partial_sums"))


@dataclass(frozen=True)
class Remedy:
    """Something that makes a network fit."""

    change: str  # dotted key of the chip, or a word of what is compiled
    text: str


class Trials:
    """A network, a chip and their changes; each trial runs the passes until cores are counted."""

    def __init__(
        self,
        network: Network,
        chip: ChipSpec,
        mapping: Mapping[str, ArrayLike] | None,
        rewrites: Mapping[str, str] | None,
    ):
        self.network, self.chip, self.mapping, self.rewrites = network, chip, mapping, rewrites
        self.is_crossbar = chip.cores.model == "truenorth"
        self.quantised = self._quantised(chip)
        n_synapses = max(sum(projection.n_synapses for projection in network.projections), 1)
        self._left = max(MAX_SYNAPSES // n_synapses, LEAST_TRIALS)

    def _quantised(self, chip: ChipSpec) -> Quantised | None:
        """The network in the chip's integers; None where check finds too much to go on, and of crossbars."""
        if self.is_crossbar:
            return None
        try:
            job = run_passes(self.network, chip, None, until="quantise")
        except CompileError:
            return None
        found: Quantised = job["quantise"]
        return found

    def cores(self, chip: ChipSpec | None = None, quantised: Quantised | None = None, **changes: Any) -> int:
        """Cores that the network takes with the changes. Raises CompileError if it does not fit."""
        self._left -= 1
        chip = chip or self.chip
        given = {"mapping": self.mapping, "rewrites": self.rewrites, **changes}
        job = Job(self.network, chip, given["mapping"], given["rewrites"], effort="fast")
        if self.is_crossbar:
            job = run_passes(self.network, chip, given["mapping"], "place", given["rewrites"], effort="fast")
            return int(job["describe"].n_cores)
        steps = {step.name: step for step in passes_of(chip)}
        broken = steps["check"].run(job)
        if broken:
            raise CompileError(broken)
        job.results["quantise"] = quantised or steps["quantise"].run(job)
        return int(steps[COUNTED].run(job).n_bins)

    def fits(self, chip: ChipSpec | None = None, quantised: Quantised | None = None, **changes: Any) -> bool:
        """Whether it does; also False when enough has been tried."""
        if self._left <= 0:
            return False
        try:
            self.cores(chip, quantised, **changes)
        except CompileError:
            return False
        return True

    def cores_needed(self) -> tuple[int | None, tuple[str, ...]]:
        """Cores that it takes without a mapping, with as many as it likes; None, and what is in the way, if
        no number is enough."""
        n = sum(part.n for part in (*self.network.populations, *self.network.cores))
        usable = int(usable_cores(self.chip).sum())
        tried = 0
        lines: tuple[str, ...] = ()
        for factor in (1, 4, 32, 512):
            wanted = min(max(usable * factor, 64 * factor), MOST_CORES)
            chip = larger(self.chip, wanted, COUNTING)
            if chip is None or wanted == tried:
                break
            tried = wanted
            try:
                n_cores = self.cores(chip, mapping=None)
                self.quantised = self.quantised or self._quantised(chip)
                return n_cores, ()
            except CompileError as error:
                lines = error.problems
            if wanted >= max(2 * n, 64):  # a core for each neuron, and one for a relay
                break
        return None, lines


def larger(chip: ChipSpec, n_cores: int, changes: Mapping[str, Any] = NONE) -> ChipSpec | None:
    """The chip with at least so many usable cores on a mesh of about equal sides, and further changes; None:
    there is no such."""
    part = chip.mesh.chip
    wide, tall = (1, 1) if part is None else chip.chip_size
    n_dead = chip.n_cores - int(usable_cores(chip).sum())
    tiles = ceil((n_cores + n_dead) / chip.cores.per_tile)
    width, height = _sides(tiles, (chip.mesh.width, chip.mesh.height), (wide, tall))
    # the host port stays on its side
    port = {"E": {"host_port.x": width - 1}, "N": {"host_port.y": height - 1}}.get(chip.host_port.side, {})
    try:
        return chip.replace({"mesh.width": width, "mesh.height": height, **port, **changes})
    except SpecError:
        return None


def _sides(tiles: int, least: tuple[int, int], step: tuple[int, int]) -> tuple[int, int]:
    """Sides of a mesh of at least so many tiles, no shorter than they were: of the smallest, the squarest."""

    def height_of(width: int) -> int:
        return max(least[1], ceil(ceil(tiles / width) / step[1]) * step[1])

    widths = range(least[0], max(least[0], isqrt(tiles) + step[0]) + 1, step[0])
    width = min(widths, key=lambda one: (one * height_of(one), abs(one - height_of(one))))
    return width, height_of(width)


def remedies_of(trials: Trials, n_needed: int | None) -> Iterator[Remedy]:
    """What makes it fit: first what changes the description, then what changes the chip."""
    found = list(_alone(trials, n_needed))
    yield from found
    chip = larger(trials.chip, ROOMIER * trials.chip.n_cores)
    if not found and n_needed is None and chip is not None:
        roomy = Trials(trials.network, chip, None, trials.rewrites)
        for one in _alone(roomy, None):
            yield Remedy(one.change, f"{one.text}, together with a mesh of more cores")


def _alone(trials: Trials, n_needed: int | None) -> Iterator[Remedy]:
    if trials.mapping and trials.fits(mapping=None):
        yield Remedy("mapping", "without mapping=, or with other cores in it")
    if trials.is_crossbar:
        yield from _rewrites(trials)
    elif trials.quantised is not None:
        yield from _weights(trials, trials.quantised)
        yield from _delays(trials, trials.quantised)
        yield from _host(trials, trials.quantised)
    if n_needed is not None:
        yield from _mesh(trials, n_needed)
    if not trials.is_crossbar:
        yield from _limits(trials)


def _mesh(trials: Trials, n_needed: int) -> Iterator[Remedy]:
    chip = larger(trials.chip, n_needed)
    if chip is not None and chip.n_tiles > trials.chip.n_tiles and trials.fits(chip):
        size = f"{chip.mesh.width} x {chip.mesh.height} tiles"
        chips = f", {chip.n_chips} chips" if chip.n_chips > 1 else ""
        yield Remedy(
            "mesh", f"a mesh of {size} ({chip.n_cores:,} cores{chips}), of which it takes {n_needed:,}"
        )


def _rewrites(trials: Trials) -> Iterator[Remedy]:
    given = dict(trials.rewrites or {})
    for name, value in REWRITES:
        if given.get(name) != value and trials.fits(rewrites={**given, name: value}):
            near = "; the report then says how near it comes" if value != "binary" else ", weights +1 and -1"
            yield Remedy("rewrites", f"rewrites={{{name!r}: {value!r}}}{near}")


def _weights(trials: Trials, quantised: Quantised) -> Iterator[Remedy]:
    """The most bits that are few enough, of all projections alike."""
    widths = sorted(set(trials.chip.list_format.weight_bits), reverse=True)
    most = max((projection.weight_bits for projection in quantised.projections), default=0)
    for bits in (width for width in widths if width < most):
        narrow = tuple(
            replace(projection, weight_bits=min(projection.weight_bits, bits))
            for projection in quantised.projections
        )
        if trials.fits(quantised=replace(quantised, projections=narrow)):
            yield Remedy(
                "weight_bits", f"weight_bits {bits} instead of {most}: em.LoihiSynapse(weight_bits={bits})"
            )
            return


def _delays(trials: Trials, quantised: Quantised) -> Iterator[Remedy]:
    """The longest delay that fits, of all projections alike."""
    longest = max((int(p.delay_ticks.max()) for p in quantised.projections if p.n_synapses), default=1)

    def shortened(most: int) -> Quantised:
        return replace(
            quantised,
            projections=tuple(
                replace(
                    projection,
                    delay_ticks=np.minimum(projection.delay_ticks, most).astype(np.uint8),
                    delay_bits=min(projection.delay_bits, (most - 1).bit_length()),
                )
                for projection in quantised.projections
            ),
        )

    found = _largest(1, longest - 1, lambda most: trials.fits(quantised=shortened(most)))
    if found is not None:
        yield Remedy("delay_ticks", f"delays of up to {found} ticks instead of {longest}")


def _host(trials: Trials, quantised: Quantised) -> Iterator[Remedy]:
    if not quantised.to_host.any():
        return
    without = replace(quantised, to_host=np.zeros_like(quantised.to_host))
    if trials.fits(quantised=without):
        yield Remedy("to_host", "without to_host of any population")


def _limits(trials: Trials) -> Iterator[Remedy]:
    """For an architect: the least of one limit of a core with which it fits, the others as they are."""
    for name, limit in core_limits(trials.chip).items():
        if limit is None:
            continue

        def fits(value: int, key: str = f"limits.{name}") -> bool:
            try:
                return trials.fits(trials.chip.replace({key: value}))
            except SpecError:
                return False

        most = MOST_LIMIT
        if name == "compartments":  # an index of a synapse has to reach them
            most = 2 ** min(max(trials.chip.list_format.index_bits), 16)
        found = _least_above(limit, most, fits)
        if found is not None:
            yield Remedy(
                f"limits.{name}",
                f"limits.{name} {found:,} instead of {limit:,} on the chip: {MEANING[name]} of a core",
            )


def _largest(low: int, high: int, fits: Callable[[int], bool]) -> int | None:
    """Largest of low .. high that fits, if less is never worse; None: low does not."""
    if high < low or not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _least_above(limit: int, most: int, fits: Callable[[int], bool]) -> int | None:
    """About the least value above a limit that fits, if more is never worse; None: none up to `most` does."""
    tries = sorted({min(limit * factor, most) for factor in (2, 16, 1024)} - {limit})
    enough = next((value for value in tries if value > limit and fits(value)), None)
    if enough is None:
        return None
    short = limit
    while enough - short > max(1, int(short * PRECISION)):
        middle = (short + enough) // 2
        short, enough = (short, middle) if fits(middle) else (middle, enough)
    return enough
