"""Records as files: saving and loading is the identity, and a forged record is refused."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.chip.events import EVENT_ID, EVENTS
from emulator.engine import Result
from emulator.engine import load_record as load_result
from emulator.errors import EmulatorError, ImageError
from emulator.formats import container, load_program, load_record, save_program, save_result
from emulator.formats.programs import VERSION as PROGRAM_VERSION
from emulator.formats.records import VERSION
from emulator.program import Program
from emulator.record import Record, first_difference
from emulator.testing.small_run import small_program, small_record

Content = dict[str, Any]
NONE = np.zeros(0, dtype=np.int64)


@pytest.fixture(scope="module")
def program() -> Program:
    return small_program()


@pytest.fixture(scope="module")
def content(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Content:
    path = tmp_path_factory.mktemp("content") / "r"
    save_result(Result(small_record(program), program), path)
    return container.read(path, "record", VERSION)


def put(path: str, value: Any) -> Callable[[Content], None]:
    """Sets a place of a content, named like `timing.tick_ps`."""

    def change(content: Content) -> None:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = content
        for key in keys:
            place = place[key]
        place[last] = value

    return change


def at(path: str, index: Any, value: int) -> Callable[[Content], None]:
    """Sets one value of an array."""

    def change(content: Content) -> None:
        place: Any = content
        *keys, last = path.split(".")
        for key in keys:
            place = place[key]
        place[last] = place[last].copy()
        place[last][index] = value

    return change


def forged(path: Path, content: Content, *changes: Callable[[Content], None]) -> Path:
    """A record file with changed contents and a right checksum."""
    content = copy.deepcopy(content)
    for change in changes:
        change(content)
    container.write(path, "record", VERSION, content)
    return path


@pytest.mark.parametrize("timed", [True, False])
def test_a_record_comes_back_as_it_was(tmp_path: Path, program: Program, timed: bool) -> None:
    record = small_record(program, timed=timed)
    Result(record, program).save(tmp_path / "r")
    found = load_result(tmp_path / "r")
    assert first_difference(record, found.record) is None
    assert found.program.image.digest == program.image.digest
    assert found.program.chip == program.chip
    assert found.spikes("hidden").tolist() == [[1, 0]]


def test_a_batch_without_ticks_comes_back_as_it_was(tmp_path: Path, program: Program) -> None:
    one = small_record(program)
    assert one.timing is not None
    none: dict[str, Any] = {
        "n_samples": 2,
        "n_ticks": 0,
        "batched": True,
        "spikes": one.spikes[:0],
        "probes": tuple(np.zeros((2, 0, 1), dtype=np.int32) for _ in one.probes),
        "counts_by_tick": one.counts_by_tick[:0],
        "counts_by_core": one.counts_by_core * 0,
        "counts_by_group": one.counts_by_group * 0,
        "link_counts": one.link_counts * 0,
        "spikes_by_sender": one.spikes_by_sender * 0,
        "timing": dataclasses.replace(one.timing, done_ps=NONE, tick_ps=NONE),
    }
    fields = ("u", "v", "refractory", "pending")
    twice = {name: np.concatenate([getattr(one.state, name)] * 2) for name in fields}
    record = dataclasses.replace(one, **none, state=dataclasses.replace(one.state, **twice))
    save_result(Result(record, program), tmp_path / "r")
    assert first_difference(record, load_record(tmp_path / "r")[0]) is None


def test_a_program_is_not_taken_for_a_record(tmp_path: Path, program: Program) -> None:
    save_program(program, tmp_path / "p")
    with pytest.raises(ImageError, match="holds a program, expected a record: read it with load_program"):
        load_record(tmp_path / "p")
    save_result(Result(small_record(program), program), tmp_path / "r")
    with pytest.raises(ImageError, match="holds a record, expected a program: read it with load_record"):
        load_program(tmp_path / "r")


def hop_between_chips(content: Content) -> None:
    """The same hop north in all tables, on a chip that has no neighbour."""
    for name in ("counts_by_tick", "counts_by_core", "counts_by_group"):
        content[name][-1, EVENT_ID["hop_chip"]] += 1


N_EVENTS = len(EVENTS)
SPIKES, HOP_N = EVENT_ID["spikes"], EVENT_ID["hop_n"]
I32, I64 = np.int32, np.int64
FORGERIES = [
    (put("n_ticks", 4), rf"counts_by_tick: int64\[3, {N_EVENTS}\], expected int64\[4, {N_EVENTS}\]"),
    (
        put("n_ticks", 2**31 - 1),
        rf"counts_by_tick: int64\[3, {N_EVENTS}\], expected int64\[2147483647, {N_EVENTS}\]",
    ),
    (put("n_ticks", 2**40), "n_ticks: 1099511627776 outside"),
    (put("n_samples", 0), "n_samples: 0 outside"),
    (put("n_samples", 3), "batched: false, but there are 3 samples"),
    (put("batched", 0), "batched: int, expected true or false"),
    (put("events", ["spikes"]), "events: expected spikes, transmitted"),
    (put("events", ["spikes", 1]), r"events\[1\]: int, expected text"),
    (put("extra", 0), "extra: unknown field"),
    (put("spikes", np.array([1, 0])), r"spikes: int64\[2\], expected int64\[n, 2\]"),
    (put("spikes", np.array([[2, 2], [1, 0]])), "spikes: not sorted by row and slot"),
    (put("spikes", np.array([[1, 0], [1, 0]])), "or a spike is there twice"),
    (put("spikes", np.array([[1, 0], [3, 2]])), "spikes: outside the 3 rows and 3 slots"),
    (put("spikes", np.array([[1, 0], [2, 3]])), "spikes: outside the 3 rows and 3 slots"),
    (put("spikes", np.array([[1, -1], [2, 2]])), "spikes: holds a negative number"),
    (put("spikes", np.array([[0, 0], [1, 0]])), "more spikes in a tick than were counted"),
    (at("counts_by_tick", (0, SPIKES), -1), "counts_by_tick: holds a negative number"),
    (
        at("counts_by_tick", (0, SPIKES), 7),
        "spikes: 9 in counts_by_tick, 2 in counts_by_core, 2 in counts_by_group",
    ),
    (at("counts_by_core", (0, SPIKES), 2**62), "counts_by_core: a count above"),
    (
        at("counts_by_group", (0, HOP_N), 1),
        "hop_n: 1 in counts_by_tick, 1 in counts_by_core, 2 in counts_by_group",
    ),
    (
        put("counts_by_core", np.zeros((2, N_EVENTS), I64)),
        rf"counts_by_core: int64\[2, {N_EVENTS}\], expected int64\[3, {N_EVENTS}\]",
    ),
    (
        put("counts_by_group", np.zeros((4, N_EVENTS))),
        rf"counts_by_group: float64\[4, {N_EVENTS}\], expected int64",
    ),
    (
        at("link_counts", (0, 0), 1),
        r"link_counts: \[1, 0, 1, 1\] grants by direction, counted were \[0, 0, 1, 1\]",
    ),
    (
        at("link_losses", (0, 0), 1),
        "link_losses: 1 packets, no link more than it granted, must be the 0 counted as lost",
    ),
    (at("spikes_by_sender", 2, -1), "spikes_by_sender: holds a negative number"),
    (at("spikes_by_sender", 2, 5), "spikes_by_sender: differs from the spikes of the slots, or from their"),
    (put("spikes_by_sender", np.array([0, 1, 1, 1, 1])), "spikes_by_sender: differs from the spikes of the"),
    (put("spikes_by_sender", np.zeros(3, I64)), r"spikes_by_sender: int64\[3\], expected int64\[5\]"),
    (hop_between_chips, "link_counts: 0 grants of links between chips, counted were 1 such hops"),
    (put("link_counts", np.zeros((4, 3), I64)), r"link_counts: int64\[4, 3\], expected int64\[4, 4\]"),
    (put("probes", []), r"probes: shapes \[\], the program and its run make \[\(1, 3, 1\), \(1, 2, 1\)\]"),
    (put("probes.0", np.zeros((1, 3, 2), I32)), r"probes: shapes \[\(1, 3, 2\)"),
    (put("probes.0", np.zeros((1, 3, 1), I64)), r"probes\[0\]: int64\[1, 3, 1\], expected int32, 3 axes"),
    (put("probes.0", 3), r"probes\[0\]: int, expected an array"),
    (at("timing.tick_ps", 0, -1), "timing.tick_ps: holds a negative number"),
    (put("timing.tick_ps", np.zeros(2, I64)), r"timing.tick_ps: int64\[2\], expected int64\[3\]"),
    (put("timing.stall_ps", np.zeros(2, I64)), r"timing.stall_ps: int64\[2\], expected int64\[3\]"),
    (at("timing.occupancy_max", (0, 0), 3), "timing.occupancy_max: 3 packets in a FIFO of depth 2"),
    (at("timing.intake_max", 0, 3), "timing.intake_max: 3 packets in a FIFO of depth 2"),
    (put("timing", {}), "timing.tick_ps: missing"),
    (put("timing.done_ps", np.zeros(2, I64)), r"timing.done_ps: int64\[2\], expected int64\[3\]"),
    (at("timing.done_ps", 1, 26), "timing.done_ps: later than the end of its tick"),
    (put("timing", False), "timing: bool, expected a map"),
    (put("state", None), "state: NoneType, expected a map"),
    (put("state.image_digest", "0" * 64), "state.image_digest: belongs to another image"),
    (at("state.u", (0, 0), 2**23), "state.u: a value lies outside -8388608..8388607"),
    (at("state.v", (0, 0), -(2**31)), "state.v: a value lies outside"),
    (at("state.refractory", (0, 0), 64), "state.refractory: a value lies outside 0..63"),
    (at("state.pending", (0, 0, 0), 2**21), "state.pending: a value lies outside -2097152..2097151"),
    (put("state.pending", np.zeros((1, 2, 3), I32)), r"pending: int32\[1, 2, 3\], expected int32\[1, 1, 3\]"),
    (put("state.u", np.zeros((1, 3), I64)), r"state.u: int64\[1, 3\], expected int32\[1, 3\]"),
    (put("program.image.n_groups", 6), "program.image: n_groups = 6"),
    (at("program.image.syn_slot", 0, 9), r"program.image: syn_slot\[0\] = 9"),
    (put("program", None), "program: NoneType, expected a map"),
]


@pytest.mark.parametrize(("change", "words"), FORGERIES, ids=range(len(FORGERIES)))
def test_a_forged_record_is_refused(
    tmp_path: Path, content: Content, change: Callable[[Content], None], words: str
) -> None:
    path = forged(tmp_path / "r", content, change)
    with pytest.raises(ImageError, match=words) as caught:
        load_record(path)
    assert all(str(path) in problem for problem in caught.value.problems)


def test_a_spike_of_a_slot_that_is_not_recorded_is_refused(tmp_path: Path, content: Content) -> None:
    changes = (at("program.image.slot_recorded", 2, 0), put("program.symbols.parts.2.recorded", False))
    digest = load_program_digest(tmp_path, content, changes)
    with pytest.raises(ImageError, match="spikes: a slot spikes that is not recorded"):
        load_record(forged(tmp_path / "r", content, *changes, put("state.image_digest", digest)))


def test_the_clock_of_the_chip_ends_every_tick(tmp_path: Path, program: Program) -> None:
    chip = program.chip.replace({"domain": "fixed", "tick_ps": 15, "barrier_ps": None})
    record = small_record(program)
    assert record.timing is not None
    ticks = dataclasses.replace(record.timing, tick_ps=np.full(3, 15))
    clocked = Result(dataclasses.replace(record, timing=ticks), dataclasses.replace(program, chip=chip))
    clocked.save(tmp_path / "r")
    found = load_result(tmp_path / "r")
    assert first_difference(found.record, clocked.record) is None
    assert found.overruns.tolist() == [[1, 18]]
    late = container.read(tmp_path / "r", "record", VERSION)
    change = at("timing.tick_ps", 2, 16)
    with pytest.raises(ImageError, match=r"timing\.tick_ps: a tick of the chip takes 15 ps"):
        load_record(forged(tmp_path / "r", late, change))


def load_program_digest(tmp_path: Path, content: Content, changes: Any) -> str:
    """Digest of the image of a content after changes."""
    content = copy.deepcopy(content)
    for change in changes:
        change(content)
    container.write(tmp_path / "p", "program", PROGRAM_VERSION, content["program"])
    return load_program(tmp_path / "p").image.digest


def leaves(value: Any, path: str = "") -> list[str]:
    """Paths of all places of a content."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in items:
        found += leaves(item, f"{path}.{key}" if path else str(key))
    return found


STRANGE = (
    None,
    True,
    -1,
    2**63,
    0.5,
    "x",
    [],
    {},
    [[]],
    np.zeros(0),
    np.array([-1]),
    np.zeros((1, 1, 1), I32),
)


@settings(max_examples=150)
@given(st.data())
def test_a_content_with_anything_anywhere_never_does_worse_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: Content, data: st.DataObject
) -> None:
    paths = [path for path in leaves(content) if not path.startswith("program.")]
    change = put(data.draw(st.sampled_from(paths)), data.draw(st.sampled_from(STRANGE)))
    path = forged(tmp_path_factory.getbasetemp() / "strange", content, change)
    try:
        record, *_ = load_record(path)
    except EmulatorError as error:
        assert isinstance(error, ImageError)
    else:
        assert isinstance(record, Record)
