"""The rewrites in their order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.chip.crossbar import MAX_AXONS, MAX_DELAY, MAX_NEURONS
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.rewrite.assemble import assemble
from emulator.compiler.rewrite.choose import WEIGHTS, Frugality, choose_codes, steps_of
from emulator.compiler.rewrite.delays import Lateness
from emulator.compiler.rewrite.fan_in import check_fan_in, sum_in_parts
from emulator.compiler.rewrite.integers import weigh
from emulator.compiler.rewrite.ir import Codes, Room, TooManyCores
from emulator.compiler.rewrite.report import report_of
from emulator.compiler.rewrite.spread import spread
from emulator.compiler.rewrite.wires import wire
from emulator.errors import CompileError
from emulator.network import Network

INT16_MAX = 2**15 - 1
VALUE_MAX = 255
FAN_INS = ("refuse", "partial_sums")
MAX_ROUNDS = 16  # of moving targets to later ticks


@dataclass(frozen=True)
class Asked:
    """The choices of who compiles, and how they are tried."""

    weights: str
    fan_in: str
    step: Frugality
    tried: list[Codes]  # those that took too many cores


def rewrite(
    network: Network,
    chip: ChipSpec,
    *,
    source_account: int = 0,
    population_account: int | None = None,
    weights: str = "auto",
    fan_in: str = "refuse",
) -> CrossbarCores:
    """All populations and sources of a network on crossbar cores that are not yet placed.

    source_account, population_account: account of the first source and of the first population; None: that
        after the sources.
    weights: how weights are written, see `choose_codes`.
    fan_in: beyond the axons of a core "refuse", or build it from "partial_sums", which is an approximation.
    """
    if weights not in WEIGHTS:
        raise CompileError(f"weights {weights!r}: choose from {', '.join(WEIGHTS)}")
    if fan_in not in FAN_INS:
        raise CompileError(f"fan_in {fan_in!r}: choose from {', '.join(FAN_INS)}")
    room = room_of(chip)
    if population_account is None:
        population_account = source_account + len(network.sources)
    accounts = source_account, population_account
    tried: list[Codes] = []
    for step in steps_of(weights):
        try:
            return _on_cores(network, room, accounts, Asked(weights, fan_in, step, tried))
        except TooManyCores:
            continue
    raise CompileError(
        f"network {network.name!r}: takes more than the {room.cores} cores of chip {room.chip!r}: in "
        "each core of its targets a sender needs axons, and a copy for each of them: use fewer synapses, "
        "fewer values of weights, or a larger mesh"
    )


def _on_cores(network: Network, room: Room, accounts: tuple[int, int], asked: Asked) -> CrossbarCores:
    """Raises TooManyCores, at once if the codes are those of the last try."""
    lateness = Lateness([0] * len(network.populations))
    for _ in range(MAX_ROUNDS):
        weighted = weigh(network, accounts, lateness.late, room)
        if asked.fan_in == "refuse":
            check_fan_in(weighted, room)
        weighted = sum_in_parts(weighted, room, lateness.late)
        codes = choose_codes(weighted, room, asked.weights, asked.step)
        if not any(lateness.late):
            if asked.tried and codes.same(asked.tried[-1]):
                raise TooManyCores
            asked.tried.append(codes)
        filled = spread(weighted, codes, room)
        wires = wire(weighted, filled, room)
        if not wires.missing:
            names = [population.name for population in network.populations]
            cores = assemble(weighted, codes, filled, wires, room, names)
            report = report_of(weighted, codes, filled, wires, lateness.late, cores.n_cores)
            return replace(cores, report=report)
        problems = lateness.later(weighted, wires.missing)
        if problems:
            raise CompileError(problems)
    raise AssertionError(wires.missing)


def room_of(chip: ChipSpec) -> Room:
    """What a core of the chip holds."""
    limits = chip.limits
    return Room(
        chip=chip.name,
        cores=int(usable_cores(chip).sum()),
        neurons=min(limits.compartments, MAX_NEURONS),
        axons=min(limits.axons_in or MAX_AXONS, MAX_AXONS),
        delay_ticks=min(limits.delay_ticks or MAX_DELAY, MAX_DELAY),
        largest=INT16_MAX if chip.arithmetic.variant == "ranc" else VALUE_MAX,
    )
