"""The rewrites in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emulator.chip.crossbar import MAX_AXONS, MAX_DELAY, MAX_NEURONS
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.rewrite.assemble import assemble
from emulator.compiler.rewrite.bound import SLACK, least_cores, promising, too_many_text
from emulator.compiler.rewrite.choose import WEIGHTS, Frugality, choose_codes
from emulator.compiler.rewrite.delays import Lateness
from emulator.compiler.rewrite.fan_in import check_fan_in, sum_in_parts
from emulator.compiler.rewrite.integers import weigh
from emulator.compiler.rewrite.ir import Codes, Room, TooManyCores, Weighted
from emulator.compiler.rewrite.report import report_of
from emulator.compiler.rewrite.spread import spread
from emulator.compiler.rewrite.wires import wire
from emulator.errors import CompileError
from emulator.network import Network

INT16_MAX = 2**15 - 1
VALUE_MAX = 255
FAN_INS = ("refuse", "partial_sums")
MIN_NEURONS = 6  # of a core: a row of relays has columns for the host and two rows below it
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
    in_time = [0] * len(network.populations)
    weighted = _weighed(network, room, accounts, fan_in, in_time)
    bound = least_cores(weighted, room)
    tried: list[Codes] = []
    for step in promising(weighted, room, weights) if bound.n_cores <= SLACK * room.cores else ():
        try:
            return _on_cores(network, room, accounts, Asked(weights, fan_in, step, tried), weighted)
        except TooManyCores:
            continue
    raise CompileError(too_many_text(network.name, weighted, bound, room))


def _weighed(
    network: Network, room: Room, accounts: tuple[int, int], fan_in: str, late: Sequence[int]
) -> Weighted:
    """The network with a fan-in that cores have."""
    weighted = weigh(network, accounts, late, room)
    if fan_in == "refuse":
        check_fan_in(weighted, room)
    return sum_in_parts(weighted, room, late)


def _on_cores(
    network: Network, room: Room, accounts: tuple[int, int], asked: Asked, weighted: Weighted
) -> CrossbarCores:
    """Raises TooManyCores, at once if the codes are those of the last try. weighted: nothing late."""
    lateness = Lateness([0] * len(network.populations))
    for _ in range(MAX_ROUNDS):
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
        weighted = _weighed(network, room, accounts, asked.fan_in, lateness.late)
    raise AssertionError(wires.missing)


def room_of(chip: ChipSpec) -> Room:
    """What a core of the chip holds. Raises CompileError where that is too little for rows of relays."""
    limits = chip.limits
    if limits.compartments < MIN_NEURONS:
        raise CompileError(
            f"chip {chip.name!r}: limits.compartments {limits.compartments}: populations take cores of at "
            f"least {MIN_NEURONS} neurons, as relays of one core feed those of the next: give the cores more "
            "neurons, or describe them with add_core"
        )
    return Room(
        chip=chip.name,
        cores=int(usable_cores(chip).sum()),
        neurons=min(limits.compartments, MAX_NEURONS),
        axons=min(limits.axons_in or MAX_AXONS, MAX_AXONS),
        delay_ticks=min(limits.delay_ticks or MAX_DELAY, MAX_DELAY),
        largest=INT16_MAX if chip.arithmetic.variant == "ranc" else VALUE_MAX,
    )
