"""Each law of the kit holds of our engines, and finds the mistake that it is about when somebody makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import emulator as em
from emulator.chip.events import EVENT_ID
from emulator.engine import native
from emulator.record import Record
from emulator.testing import LAWS, Subject, chosen_laws, mesh_laws, subject, verdict_of
from emulator.testing.forced import with_routes
from emulator.testing.run_laws import LawBroken
from emulator.testing.trials import MeshTrial
from emulator.traffic import PACKET_DTYPE

EXAMPLES = max(3, settings().max_examples // 100)
LONG = settings().max_examples > 1000  # the nightly profile
FEW = 60  # within which a mistake must be found
Engine = Callable[[Any, Any, Any], Any]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["tiny", "truenorth"] if LONG else ["tiny"])
def test_a_law_holds_of_our_engine(law: str, name: str) -> None:
    verdict = verdict_of(LAWS[law], em.load_chip(name), Subject("native"), EXAMPLES)
    assert verdict.outcome == ("not asked" if (law, name) == ("placement", "truenorth") else "holds")
    assert verdict.outcome == "not asked" or verdict.n_examples == EXAMPLES


def counted(event: str, more: int) -> Engine:
    """Our engine, which counts an event wrong wherever it happened."""

    def run(image: Any, stimulus: Any, chip: Any) -> Record:
        record = native.run(image, chip, stimulus)
        table = record.counts_by_tick.copy()
        column = EVENT_ID[event]
        table[:, column] += more * (table[:, column] > 0)
        return replace(record, counts_by_tick=table)

    return run


def overfull(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    timed = record.timing
    if timed is None:
        return record
    filling = np.where(timed.occupancy_max > 0, chip.mesh.fifo_depth + 1, 0)
    return replace(record, timing=replace(timed, occupancy_max=filling))


def timed(image: Any, stimulus: Any, chip: Any) -> Record:
    """Drops all spikes where FIFOs have a depth of 1."""
    record = native.run(image, chip, stimulus)
    return replace(record, spikes=record.spikes[:0]) if chip.mesh.fifo_depth == 1 else record


def stuck(image: Any, stimulus: Any, chip: Any) -> Record:
    record = native.run(image, chip, stimulus)
    if chip.mesh.fifo_depth == 1 and record.link_counts.any():
        raise RuntimeError("no progress")
    return record


def noisy(image: Any, stimulus: Any, chip: Any) -> np.ndarray:
    return np.array([[0, 0]])


def forgetful(image: Any, stimulus: Any, chip: Any) -> Record:
    """Starts anew whatever state it is given."""
    return native.run(image, chip, replace(stimulus, state=None))


def partial(image: Any, stimulus: Any, chip: Any) -> np.ndarray:
    """Does not tell the spikes of the last core."""
    spikes = native.run(image, chip, stimulus).spikes
    return spikes[spikes[:, 1] < image.slot_ptr[-2]] if image.n_cores > 1 else spikes


def deaf(image: Any, stimulus: Any) -> np.ndarray:
    return np.zeros((0, 2), dtype=np.int64)


MISTAKES: dict[str, tuple[Engine | Callable[..., Any], str]] = {
    "twin": (deaf, "a spike by the reference engine, none by"),
    "conservation": (counted("eject", -1), "packets sent, .* arrived"),
    "fifos": (overfull, "occupancy_max is .*, depth"),
    "timing": (timed, "tick .*, slot .*: a spike by"),
    "shallow": (stuck, "no progress"),
    "energy": (counted("update_active", 1), "counts_by_core sums to"),
    "silence": (noisy, "of nothing"),
    "split": (forgetful, "split at tick|State|state"),
    "placement": (partial, "spikes .tick, index."),
}


@pytest.mark.parametrize("law", MISTAKES)
def test_a_law_finds_an_engine_that_breaks_it(law: str) -> None:
    engine, words = MISTAKES[law]
    verdict = verdict_of(LAWS[law], em.load_chip("tiny"), Subject(engine), FEW, shrink=False)
    assert verdict.outcome == "broken"
    with pytest.raises(AssertionError, match=words):
        raise LawBroken(verdict.message)
    with pytest.raises(Exception, match=words):  # what was found breaks it again
        LAWS[law].check(Subject(engine), verdict.trial)


def test_hops_that_no_link_carried_are_found() -> None:
    def unlinked(image: Any, stimulus: Any, chip: Any) -> Record:
        record = native.run(image, chip, stimulus)
        return replace(record, link_counts=np.zeros_like(record.link_counts))

    verdict = verdict_of(LAWS["energy"], em.load_chip("tiny"), Subject(unlinked), FEW, shrink=False)
    assert verdict.outcome == "broken" and verdict.message is not None
    with pytest.raises(LawBroken, match=r"links carried {'E': 0, .*}, hops counted"):
        raise LawBroken(verdict.message)


def test_border_links_that_count_as_others_are_found() -> None:
    link = {"hop_ps": {"ew": 6000, "ns": 6000}, "cycle_ps": 6000}
    board = em.load_chip("tiny").replace({"mesh.chip": {"width": 1, "height": 2, "link": link}})
    assert verdict_of(LAWS["energy"], board, Subject("native"), EXAMPLES).outcome == "holds"

    def unbilled(image: Any, stimulus: Any, chip: Any) -> Record:
        record = native.run(image, chip, stimulus)
        tables = {}
        for name in ("counts_by_tick", "counts_by_core", "counts_by_group"):
            tables[name] = getattr(record, name).copy()
            tables[name][:, EVENT_ID["hop_chip"]] = 0
        return replace(record, **tables)

    verdict = verdict_of(LAWS["energy"], board, Subject(unbilled), FEW, shrink=False)
    assert verdict.outcome == "broken" and verdict.message is not None
    with pytest.raises(LawBroken, match=r"links between chips carried \d+, 0 hop_chip counted"):
        raise LawBroken(verdict.message)


MESH_MISTAKES: dict[str, tuple[Callable[[Any], dict[str, Any]], str]] = {
    "drain": (lambda r: {"arrived": np.zeros_like(r.arrived)}, "packets sent, 0 arrived"),
    "deadlock": (lambda r: {"occupancy_max": r.occupancy_max * 9}, "a FIFO of depth 1 held 9 packets"),
    "zero_load": (lambda r: {"arrive_ps": r.arrive_ps + 1}, "its way alone"),
}


@pytest.mark.parametrize("law", MESH_MISTAKES)
def test_a_law_finds_a_mesh_that_breaks_it(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, words = MESH_MISTAKES[law]
    ran = subject.run_mesh

    def broken(*args: Any, **options: Any) -> em.MeshResult:
        result = ran(*args, **options)
        return replace(result, **change(result))

    monkeypatch.setattr(subject, "run_mesh", broken)
    verdict = verdict_of(LAWS[law], em.load_chip("tiny"), Subject("native"), FEW)
    assert verdict.outcome == "broken" and verdict.message is not None
    with pytest.raises(LawBroken, match=words):
        raise LawBroken(verdict.message)
    assert verdict.trial is not None and verdict.trial.size == {"tile": 1, "packet": 1}


def test_routes_that_go_in_a_circle_are_named(tiny: em.ChipSpec) -> None:
    around = [[4, 0, 0, 0], [2, 4, 2, 2], [3, 3, 4, 3], [1, 1, 1, 4]]
    trial = MeshTrial(with_routes(tiny, around), np.zeros(0, dtype=PACKET_DTYPE))
    with pytest.raises(LawBroken, match=r"in a circle: \(0, 0\) E -> "):
        LAWS["deadlock"].check(Subject("native"), trial)


def test_a_compiler_that_keeps_no_limit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = mesh_laws.compile_network

    def careless(network: em.Network, chip: em.ChipSpec, **options: Any) -> em.Program:
        return compiled(network, chip.replace({"limits.axons_in": None}), **options)

    monkeypatch.setattr(mesh_laws, "compile_network", careless)
    verdict = verdict_of(LAWS["capacity"], em.load_chip("tiny"), Subject("native"), FEW, shrink=False)
    assert verdict.outcome == "broken" and "axons_in: takes more than there is, and compiles" in str(
        verdict.message
    )


def test_a_compiler_that_refuses_what_fits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fearful(*_: Any, **__: Any) -> em.Program:
        raise em.CompileError("no")

    monkeypatch.setattr(mesh_laws, "compile_network", fearful)
    verdict = verdict_of(LAWS["capacity"], em.load_chip("tiny"), Subject("native"), FEW)
    assert verdict.outcome == "broken" and "takes no more than there is, but: no" in str(verdict.message)


def test_threads_that_change_a_bit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = subject.run_program

    def racy(*args: Any, threads: int, **options: Any) -> em.Result:
        result = ran(*args, threads=threads, **options)
        lost = replace(result.record, spikes=result.record.spikes[:-1])
        return replace(result, record=lost) if threads > 1 else result

    monkeypatch.setattr(subject, "run_program", racy)
    verdict = verdict_of(LAWS["threads"], em.load_chip("tiny"), Subject("native"), FEW, shrink=False)
    assert verdict.outcome == "broken" and "1 thread != " in str(verdict.message)


def test_a_counterexample_is_made_small() -> None:
    verdict = verdict_of(LAWS["twin"], em.load_chip("loihi"), Subject(deaf), FEW)
    assert verdict.trial is not None
    assert verdict.trial.size["neuron"] == verdict.trial.size["tile"] == 1
    assert verdict.trial.size["synapse"] == verdict.trial.size["input_spike"] == 0


def test_an_engine_that_answers_otherwise_each_time_is_told_as_such() -> None:
    calls = []

    def moody(image: Any, stimulus: Any) -> Any:
        calls.append(0)
        return [[0, 0]] if len(calls) == 3 else deaf(image, stimulus)

    verdict = verdict_of(LAWS["silence"], em.load_chip("tiny"), Subject(moody), FEW)
    assert verdict.outcome == "broken" and "not the same twice" in str(verdict.message)


def test_spikes_alone_answer_the_laws_of_spikes_and_no_other() -> None:
    def spikes(image: Any, stimulus: Any, chip: Any) -> np.ndarray:
        return native.run(image, chip, stimulus).spikes[::-1]  # in any order

    outcomes = {
        name: verdict_of(law, em.load_chip("tiny"), Subject(spikes), 2).outcome for name, law in LAWS.items()
    }
    assert {name for name, outcome in outcomes.items() if outcome == "holds"} == {
        "twin",
        "timing",
        "silence",
        "placement",
    }
    assert set(outcomes.values()) == {"holds", "not asked"}


def test_equal_seeds_try_equal_examples() -> None:
    seen: list[list[tuple[int, ...]]] = []
    for seed in (1, 1, 2):
        sizes: list[tuple[int, ...]] = []

        def note(image: Any, stimulus: Any, chip: Any, sizes: Any = sizes) -> Record:
            sizes.append((image.n_slots, chip.n_tiles, stimulus.n_ticks, len(stimulus.event_input)))
            return native.run(image, chip, stimulus)

        verdict_of(LAWS["fifos"], em.load_chip("tiny"), Subject(note), 8, seed)
        seen.append(sizes)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("nothing", "expected a Record, or spikes as integers"),
        (np.zeros((3, 3), dtype=int), r"int64\[3, 3\], expected a Record"),
        (np.array([[0, 10_000]]), "a spike of a slot outside 0..0"),
    ],
)
def test_an_engine_that_returns_anything_else_is_told_what_to_return(returned: Any, words: str) -> None:
    verdict = verdict_of(LAWS["twin"], em.load_chip("tiny"), Subject(lambda image, drive: returned), FEW)
    assert verdict.outcome == "broken"
    with pytest.raises(LawBroken, match=words):
        raise LawBroken(verdict.message)


def test_an_engine_must_take_two_or_three_arguments() -> None:
    verdict = verdict_of(LAWS["twin"], em.load_chip("tiny"), Subject(lambda: None), 1)
    assert "expected (image, stimulus) or (image, stimulus, chip)" in str(verdict.message)


def test_an_unknown_law_is_refused_with_those_there_are() -> None:
    with pytest.raises(em.SimulationError, match="law 'twins': choose from twin, mesh_twin, deadlock"):
        chosen_laws(["twins"])
    assert [law.name for law in chosen_laws(["energy", "twin"])] == ["twin", "energy"]


def test_every_law_says_what_it_is_about() -> None:
    assert all(law.about.endswith(".") and len(law.about) > 20 for law in LAWS.values())
