"""Laws of the mesh alone, and of the compiler at the limits of a chip."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from emulator.chip.channels import channels_text, topological_order
from emulator.chip.usage import limits_of, usage
from emulator.compiler import compile as compile_network
from emulator.engine import MeshResult
from emulator.errors import CompileError
from emulator.testing.run_laws import LawBroken, require
from emulator.testing.subject import REFERENCE, Subject
from emulator.testing.trials import LimitTrial, MeshTrial
from emulator.traffic import zero_load_ps


def deadlock(subject: Subject, trial: MeshTrial) -> None:
    """No links wait for each other in a circle; FIFOs of depth 1 that are full at once get empty again."""
    cycle = topological_order(trial.chip.routing)[1]
    require(
        not cycle,
        lambda: f"links wait for each other in a circle: {channels_text(cycle, trial.chip.mesh.width)}",
    )
    _all_came_to_an_end(subject.run_mesh(trial))


def mesh_drain(subject: Subject, trial: MeshTrial) -> None:
    """Any finite traffic empties the mesh, each packet arrives once, and those of a flow keep their order."""
    result = subject.run_mesh(trial)
    _all_came_to_an_end(result)
    late = result.arrived & (result.arrive_ps <= result.push_ps)
    require(not late.any(), lambda: f"packet {int(late.argmax())} arrives before it is pushed")
    packets = trial.packets
    order = np.lexsort((np.arange(len(packets)), packets["inject_ps"]))
    last: dict[tuple[int, int], int] = {}
    for place in order[result.arrived[order]].tolist():
        flow = int(packets["src"][place]), int(packets["dst"][place])
        arrive_ps = int(result.arrive_ps[place])
        if flow in last and arrive_ps <= last[flow]:
            raise LawBroken(f"flow {flow[0]} -> {flow[1]}: packet {place} is not later than one sent before")
        last[flow] = arrive_ps


def mesh_twin(subject: Subject, trial: MeshTrial) -> None:
    """Packets alone take the ways and the picoseconds that they take in the reference engine."""
    expected, found = REFERENCE.run_mesh(trial), subject.run_mesh(trial)
    for name in (field.name for field in fields(MeshResult)):
        one, two = getattr(expected, name), getattr(found, name)
        if isinstance(one, np.ndarray) and not np.array_equal(one, two):
            place = tuple(int(index) for index in np.argwhere(one != two)[0])
            raise LawBroken(
                f"{name}{list(place)}: {one[place]} by the reference engine, {two[place]} by {subject.name}"
            )


def zero_load(subject: Subject, trial: MeshTrial) -> None:
    """A packet alone takes the time of its way: injection, hops, ejection."""
    result = subject.run_mesh(trial)
    if not result.arrived.any():
        return
    taken = int(result.arrive_ps[0] - trial.packets["inject_ps"][0])
    src, dst = trial.packets["src"], trial.packets["dst"]
    expected = int(zero_load_ps(trial.chip, src, dst)[0])
    require(
        taken == expected, lambda: f"tile {src[0]} -> {dst[0]} takes {taken} ps, its way alone {expected} ps"
    )


def capacity(subject: Subject, trial: LimitTrial) -> None:
    """What is within a limit of a core compiles; what is beyond it is an error, never cut in silence."""
    try:
        program = compile_network(trial.network, trial.chip, mapping=trial.mapping or None, effort="fast")
    except CompileError as error:
        if trial.fits:
            raise LawBroken(f"{trial.limit}: takes no more than there is, but: {error}") from error
        return
    require(trial.fits, lambda: f"{trial.limit}: takes more than there is, and compiles without a word")
    taken = usage(program.image, trial.chip)
    for name, limit in limits_of(program.image, trial.chip).items():
        most = int(taken[name].max(initial=0))
        if limit is not None and most > limit:
            raise LawBroken(f"{name}: {most} in the image of a core, limit {limit}")


def _all_came_to_an_end(result: MeshResult) -> None:
    n, arrived = len(result.src), int(result.arrived.sum())
    gone = int(result.n_dropped.sum() + result.n_lost.sum())
    require(n == arrived + gone, lambda: f"{n} packets sent, {arrived} arrived, {gone} dropped or lost")
    losses = int(result.link_losses.sum())
    require(
        losses == result.n_lost.sum(), lambda: f"{losses} packets lost by links, {result.n_lost.sum()} in all"
    )
    highest, depth = int(result.occupancy_max.max(initial=0)), result.chip.mesh.fifo_depth
    require(highest <= depth, lambda: f"a FIFO of depth {depth} held {highest} packets")
