"""Laws of runs: what must hold whenever a network runs on a chip, whatever engine runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from emulator.chip.board import border_links
from emulator.chip.events import DIRECTIONS, EVENT_ID, EVENTS
from emulator.chip.spec import ChipSpec
from emulator.energy import AJ_PER_J
from emulator.network import LoihiCuba, Network, Triplets, TrueNorth
from emulator.program import Program
from emulator.record import Record, first_difference
from emulator.testing.subject import REFERENCE, Answer, Subject, compiled
from emulator.testing.trials import Trial

COUNTED = ("spikes", "counts_by_tick", "counts_by_core", "counts_by_group", "link_counts", "link_losses")
REGISTERS = ("u", "v", "refractory", "pending")


class LawBroken(AssertionError):
    """A counterexample; its text says what was expected and what there is."""


def require(holds: Any, text: Callable[[], str]) -> None:
    """The text is made only when it is needed."""
    if not holds:
        raise LawBroken(text())


def twin(subject: Subject, trial: Trial) -> None:
    """The record is that of the reference engine, bit for bit, counts and picoseconds included."""
    program = compiled(trial)
    ours = REFERENCE.run(program, trial)
    given = subject.run(program, trial)
    if given.result_or_none is None:
        _same_spikes(ours.spikes, given.spikes, "the reference engine", subject.name)
        return
    difference = first_difference(ours.record, given.record)
    require(difference is None, lambda: f"reference != {subject.name}: {difference}")


def timing(subject: Subject, trial: Trial) -> None:
    """Depths, arbiters and times of the mesh never change a spike or a count, nor does leaving it out."""
    changes = trial.variant.get("changes", {})
    first = subject.run(compiled(trial), trial)
    slower = compiled(trial, chip=trial.chip.replace(changes))
    second = subject.run(slower, trial)
    named = ", ".join(f"{key} = {value}" for key, value in sorted(changes.items())) or "the same mesh"
    _same_spikes(first.spikes, second.spikes, "the chip as it is", f"with {named}")
    if first.result_or_none is None:
        return
    untimed = subject.run(compiled(trial), trial, timing=False)
    _same_counts(first.record, second.record, f"with {named}")
    _same_counts(first.record, untimed.record, "with timing=False")


def conservation(subject: Subject, trial: Trial) -> None:
    """Every packet that is sent is delivered once, or counted as dropped or lost by a declared fault."""
    result = subject.run(compiled(trial), trial).result
    counts = result.counts
    sent = counts["inject"] + counts["host_in"]
    arrived = counts["eject"] + counts["host_out"]
    gone = counts["dropped"] + counts["lost"]
    if trial.chip.mesh.multicast == "none":
        require(
            sent == arrived + gone, lambda: f"{sent} packets sent, {arrived} arrived, {gone} dropped or lost"
        )
    taken_in = counts["axon_in"]
    require(counts["eject"] == taken_in, lambda: f"{counts['eject']} packets ejected, {taken_in} looked up")
    losses = int(result.record.link_losses.sum())
    require(losses == counts["lost"], lambda: f"{counts['lost']} packets lost, by links {losses}")
    if trial.chip.mesh.faults is None:
        require(gone == 0, lambda: f"{gone} packets dropped or lost on a chip without faults")


def fifos(subject: Subject, trial: Trial) -> None:
    """No FIFO ever holds more than its depth."""
    result = subject.run(compiled(trial), trial).result
    timed, mesh = result.record.timing, trial.chip.mesh
    require(timed is not None, lambda: "a run with timing has no times")
    assert timed is not None
    for name, filling, depth in (
        ("occupancy_max", timed.occupancy_max, mesh.fifo_depth),
        ("intake_max", timed.intake_max, mesh.intake_depth),
    ):
        highest = int(filling.max(initial=0))
        if highest > depth:
            raise LawBroken(f"{name} is {highest}, depth {depth}")


def drain(subject: Subject, trial: Trial) -> None:
    """With every FIFO of depth 1, a run comes to its end, and nothing is left on the way."""
    shallow = trial.chip.replace({"mesh.fifo_depth": 1, "mesh.intake_depth": 1})
    result = subject.run(compiled(trial, chip=shallow), trial).result
    counts, timed = result.counts, result.record.timing
    sent = counts["inject"] + counts["host_in"]
    ended = counts["eject"] + counts["host_out"] + counts["dropped"] + counts["lost"]
    if trial.chip.mesh.multicast == "none":
        require(sent == ended, lambda: f"{sent} packets sent, {ended} came to an end")
    require(timed is not None and len(timed.done_ps) == trial.n_ticks, lambda: "ticks without an end")


def energy(subject: Subject, trial: Trial) -> None:
    """Every breakdown of the ledger has the same total, in attojoules: counts x prices and static power x
    time, by the file of the chip. Counts by tick, core and population have the same sums; hops are links'."""
    result = subject.run(compiled(trial), trial).result
    record, ledger = result.record, result.energy
    for name in ("counts_by_core", "counts_by_group"):
        of_parts = getattr(record, name).sum(axis=0)
        of_ticks = record.counts_by_tick.sum(axis=0)
        if not np.array_equal(of_parts, of_ticks):
            raise LawBroken(f"{name} sums to {of_parts.tolist()}, counts_by_tick to {of_ticks.tolist()}")
    _hops_have_links(record, trial)
    by = ("event", "core", "link", "population", "tick")
    totals = {name: sum(row["energy_aj"] for row in ledger.table(by=name)) for name in by}
    require(len(set(totals.values())) == 1, lambda: f"totals in aJ differ: {totals}")
    require(totals["event"] == ledger.total_aj, lambda: f"{totals['event']} aJ, total_aj {ledger.total_aj}")
    expected = _priced_aj(record, trial.chip)
    require(
        ledger.total_aj == expected,
        lambda: f"{ledger.total_aj} aJ, counts x prices + static {expected} ({ledger.total_aj / AJ_PER_J} J)",
    )


def _hops_have_links(record: Record, trial: Trial) -> None:
    """Hops in each direction, and to other chips, are those of the links."""
    of_links = dict(zip(DIRECTIONS, record.link_counts.sum(axis=0).tolist(), strict=True))
    counted = dict(zip(EVENTS, record.counts_by_tick.sum(axis=0).tolist(), strict=True))
    of_ticks = {side: counted[f"hop_{side.lower()}"] for side in DIRECTIONS}
    require(of_links == of_ticks, lambda: f"links carried {of_links}, hops counted {of_ticks}")
    over = int(record.link_counts[border_links(trial.chip)].sum())
    away = counted["hop_chip"]
    require(over == away, lambda: f"links between chips carried {over}, {away} hop_chip counted")


# Said once more: a law that asked the ledger what is priced how could not see it go wrong.
_PRICED = {
    "spikes": "spike",
    "inject": "send",
    "axon_in": "receive",
    "hop_e": "hop_ew",
    "hop_w": "hop_ew",
    "hop_n": "hop_ns",
    "hop_s": "hop_ns",
    "hop_chip": "hop_chip",
    "synaptic_ops_dense": "synaptic_op_dense",
    "synaptic_ops_sparse": "synaptic_op_sparse",
    "update_inactive": "update_inactive",
    "update_active": "update_active",
}


def _priced_aj(record: Record, chip: ChipSpec) -> int:
    """What a run cost, by its counts, its duration and the file of its chip."""
    counts = record.counts_by_tick.sum(axis=0, dtype=object)
    total = Fraction(0)
    for event, key in _PRICED.items():
        total += int(counts[EVENT_ID[event]]) * _decimal(getattr(chip.energy_pj, key)) * 10**6
    n_chips = 1
    if chip.mesh.chip is not None:
        n_chips = chip.n_tiles // (chip.mesh.chip.width * chip.mesh.chip.height)
    duration_ps = 0
    if record.timing is not None:
        duration_ps = int(record.timing.tick_ps.sum(dtype=object))
    elif chip.tick_ps is not None:
        duration_ps = chip.tick_ps * record.n_rows
    total += n_chips * duration_ps * _decimal(chip.static_power_mw) * 1000
    assert total.denominator == 1, total
    return int(total)


def _decimal(cost: float) -> Fraction:
    """The number that a person wrote."""
    return Fraction(repr(float(cost)))


def silence(subject: Subject, trial: Trial) -> None:
    """No spikes, no packets; and what is not sent costs nothing."""
    quiet = Trial(
        trial.chip,
        _never_firing(trial.network),
        trial.mapping,
        trial.n_ticks,
        {name: np.zeros_like(raster) for name, raster in trial.stimulus.items()},
        trial.seed,
    )
    answer = subject.run(compiled(quiet), quiet)
    require(len(answer.spikes) == 0, lambda: f"spikes (tick, slot) {answer.spikes[:3].tolist()} of nothing")
    if answer.result_or_none is None:
        return
    counts, record = answer.result.counts, answer.record
    sent = {key: counts[key] for key in ("spikes", "packets", "synaptic_ops", "axon_in") if counts[key]}
    require(not sent, lambda: f"without a spike there were {sent}")
    require(not record.link_counts.any(), lambda: "links granted packets that nobody sent")


def split(subject: Subject, trial: Trial) -> None:
    """Running up to a tick and going on from the state is running at once."""
    cut = int(trial.variant.get("cut", 0))
    program = compiled(trial)
    whole = subject.run(program, trial)
    first = subject.run(program, trial, ticks=slice(None, cut)).result
    second = subject.run(program, trial, ticks=slice(cut, None), state=first.state)
    joined = np.concatenate([first.record.spikes, second.record.spikes + np.array([cut, 0])])
    _same_spikes(whole.spikes, joined, "at once", f"split at tick {cut}")
    tables = np.concatenate([first.record.counts_by_tick, second.record.counts_by_tick])
    require(
        np.array_equal(tables, whole.record.counts_by_tick), lambda: f"counts differ, split at tick {cut}"
    )
    for name in REGISTERS:
        one, two = getattr(whole.record.state, name), getattr(second.record.state, name)
        if not np.array_equal(one, two):
            raise LawBroken(f"state.{name}: {one.tolist()} at once, {two.tolist()} split at tick {cut}")


def sources(subject: Subject, trial: Trial) -> None:
    """Sources that make their own spikes make those of the reference engine, also where a run goes on."""
    cut, program = int(trial.variant.get("cut", 0)), compiled(trial)
    state = None
    for first, ticks in ((0, slice(None, cut)), (cut, slice(cut, None))):
        ours = REFERENCE.run(program, trial, ticks=ticks, state=state).result
        given = subject.run(program, trial, ticks=ticks, state=state).result
        difference = first_difference(ours.record, given.record)
        if difference is not None:
            raise LawBroken(f"reference != {subject.name}, from tick {first} on: {difference}")
        state = ours.state


def placement(subject: Subject, trial: Trial) -> None:
    """Where compartments are never changes a spike, in the network's words."""
    mapping = {name: np.array(cores) for name, cores in trial.variant.get("mapping", {}).items()}
    programs = (compiled(trial), compiled(trial, mapping=mapping or trial.mapping))
    answers = [subject.run(program, trial) for program in programs]
    same_rasters(trial.network, programs, answers, ("as it is", "elsewhere"))


def same_rasters(
    network: Network, programs: tuple[Program, Program], answers: Sequence[Answer], names: tuple[str, str]
) -> None:
    """Spikes of two programs of a network, in its words."""
    for population in network.populations:
        rasters = []
        for program, answer in zip(programs, answers, strict=True):
            address = program.symbols.part(population.name, "population").address
            neuron_of = {int(slot): neuron for neuron, slot in enumerate(address)}
            own = [(row, neuron_of[slot]) for row, slot in answer.spikes.tolist() if slot in neuron_of]
            rasters.append(sorted(own))
        if rasters[0] != rasters[1]:
            shown = [raster[:6] for raster in rasters]
            raise LawBroken(
                f"{population.name!r} spikes (tick, index) {shown[0]} {names[0]}, {shown[1]} {names[1]}"
            )


def threads(subject: Subject, trial: Trial) -> None:
    """Threads never change a bit."""
    program, n = compiled(trial), int(trial.variant.get("threads", 2))
    one, more = subject.run(program, trial), subject.run(program, trial, threads=n)
    difference = first_difference(one.record, more.record)
    require(difference is None, lambda: f"1 thread != {n} threads: {difference}")


def batch(subject: Subject, trial: Trial) -> None:
    """Samples that run together are those of the reference engine, and have one account."""
    program, n = compiled(trial), int(trial.variant.get("samples", 2))
    ours, given = (engine.run(program, trial, batch=n) for engine in (REFERENCE, subject))
    difference = first_difference(ours.record, given.record)
    require(difference is None, lambda: f"reference != {subject.name}, {n} samples: {difference}")


def _same_spikes(one: Any, two: Any, first: str, second: str) -> None:
    if np.array_equal(one, two):
        return
    a, b = ({tuple(spike) for spike in spikes.tolist()} for spikes in (one, two))
    if a == b:
        raise LawBroken(f"{second}: spikes are told more than once")
    tick, slot = min(a ^ b)
    which, other = (first, second) if (tick, slot) in a else (second, first)
    raise LawBroken(f"tick {tick}, slot {slot}: a spike by {which}, none by {other}")


def _same_counts(one: Record, two: Record, named: str) -> None:
    for name in COUNTED:
        a, b = getattr(one, name), getattr(two, name)
        if not np.array_equal(a, b):
            place = tuple(int(i) for i in np.argwhere(a != b)[0])
            raise LawBroken(f"{name}{list(place)} is {a[place]} on the chip as it is, {b[place]} {named}")


def _never_firing(network: Network) -> Network:
    """The same network with thresholds at their highest, without bias and initial state."""
    quiet = Network(network.name)
    for source in network.sources:
        quiet.add_source(source.name, source.n)
    for population in network.populations:
        model = LoihiCuba(vth_mant=LoihiCuba.RANGES["vth_mant"][1])
        quiet.add_population(population.name, population.n, model, to_host=population.to_host)
    for projection in network.projections:
        pre = np.repeat(np.arange(len(projection.indptr) - 1), np.diff(projection.indptr))
        triplets = Triplets(pre, projection.target, projection.weight, projection.delay_ticks)
        quiet.connect(projection.pre, projection.post, triplets, synapse=projection.synapse)
    for core in network.cores:
        quiet.add_core(
            core.name,
            core.crossbar,
            core.axon_types,
            TrueNorth(s=core.neurons.s, alpha=TrueNorth.RANGES["alpha"][1]),
            core.target_core,
            core.target_axon,
            core.delay,
            to_host=core.to_host,
            at=core.at,
        )
    return quiet
