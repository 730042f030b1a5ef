"""The rewrites in their order."""

from __future__ import annotations

from dataclasses import replace

from emulator.chip.crossbar import MAX_AXONS, MAX_DELAY, MAX_NEURONS
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.rewrite.assemble import assemble
from emulator.compiler.rewrite.choose import choose_codes
from emulator.compiler.rewrite.delays import Lateness
from emulator.compiler.rewrite.integers import weigh
from emulator.compiler.rewrite.ir import Room
from emulator.compiler.rewrite.proof import check_rewrite
from emulator.compiler.rewrite.report import report_of
from emulator.compiler.rewrite.spread import spread
from emulator.compiler.rewrite.wires import wire
from emulator.errors import CompileError
from emulator.network import Network

INT16_MAX = 2**15 - 1
VALUE_MAX = 255
MAX_ROUNDS = 16  # of moving targets to later ticks


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
    weights: how weights are written, one of `choose.WEIGHTS`.
    """
    room = room_of(chip)
    if population_account is None:
        population_account = source_account + len(network.sources)
    accounts = source_account, population_account
    lateness = Lateness([0] * len(network.populations))
    names = [population.name for population in network.populations]
    for _ in range(MAX_ROUNDS):
        weighted = weigh(network, accounts, lateness.late, (room.largest, room.delay_ticks))
        codes = choose_codes(weighted, room, weights)
        filled = spread(weighted, codes, room)
        wires = wire(weighted, filled, room)
        if not wires.missing:
            break
        problems = lateness.later(weighted, wires.missing)
        if problems:
            raise CompileError(problems)
    else:
        raise AssertionError(wires.missing)
    cores = assemble(weighted, codes, filled, wires, room, names)
    report = report_of(weighted, codes, filled, wires, lateness.late, cores.n_cores)
    cores = replace(cores, report=report)
    check_rewrite(network, cores)
    return cores


def room_of(chip: ChipSpec) -> Room:
    """What a core of the chip holds."""
    limits = chip.limits
    return Room(
        chip=chip.name,
        neurons=min(limits.compartments, MAX_NEURONS),
        axons=min(limits.axons_in or MAX_AXONS, MAX_AXONS),
        delay_ticks=min(limits.delay_ticks or MAX_DELAY, MAX_DELAY),
        largest=INT16_MAX if chip.arithmetic.variant == "ranc" else VALUE_MAX,
    )
