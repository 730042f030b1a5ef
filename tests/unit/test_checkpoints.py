"""Checkpoints: wherever a run is cut short, resumed it has the very record of the run that was not."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from command_line import Spikemesh
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.formats import CheckpointFile, checkpoints, container
from emulator.testing import Case, cases, first_difference
from emulator.testing.crossbar_strategies import crossbar_cases
from emulator.testing.crossbars import crossbar_chip

BASE = em.load_chip("tiny")
nightly = settings().max_examples > 1000
KILLS = 100 if nightly else 8
some = settings(max_examples=max(5, settings().max_examples // 10))


class Told(tuple[Any, ...]):
    """A tuple that a failing test does not print."""

    def __repr__(self) -> str:
        return "..."


class Stopped(Exception):
    """What a run is cut short with here."""


def demo(chip: em.ChipSpec = BASE, rate_hz: float = 300.0) -> em.Program:
    """A recurrent population with input, noise, delays and probes of chosen ticks."""
    net = em.Network("demo")
    src = net.add_source("in", 6)
    noise = net.add_source("noise", 4, em.Poisson(rate_hz=rate_hz))
    hid = net.add_population("hid", 8, em.LoihiCuba(du=1000, dv=500, vth_mant=4), to_host=True)
    draw = np.random.default_rng(1)
    for source, n in ((src, 6), (noise, 4), (hid, 8)):
        net.connect(source, hid, draw.integers(-30, 60, (n, 8)), delay_ticks=3 if source is noise else 1)
    net.probe(hid, "v", ticks=[0, 5, 17, 18, 39])
    net.probe(hid, "u", index=[2, 3])
    return em.compile(net, chip)


def rasters(n_ticks: int = 40, batch: int | None = None) -> dict[str, np.ndarray]:
    shape = (n_ticks, 6) if batch is None else (batch, n_ticks, 6)
    return {"in": np.random.default_rng(2).random(shape) < 0.2}


def saved(result: em.Result, path: Path) -> bytes:
    result.save(path)
    return path.read_bytes()


def stop_at(n_rows: int) -> Any:
    """A progress that cuts the run short when told of so many rows or more."""

    def progress(done: int, total: int) -> None:
        if done >= n_rows:
            raise Stopped

    return progress


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("timing", [True, False])
def test_a_run_cut_short_and_resumed_saves_the_same_bytes(
    tmp_path: Path, engine: str, batch: int | None, timing: bool
) -> None:
    program, stimulus, path = demo(), rasters(batch=batch), tmp_path / "x.ckpt"
    options = {"batch": batch, "timing": timing, "seed": 7}
    whole = em.run(program, 40, stimulus, engine=engine, **options)
    with pytest.raises(Stopped):
        em.run(
            program,
            40,
            stimulus,
            engine=engine,
            checkpoint=path,
            every=7,
            progress=stop_at(20 * (batch or 1)),
            **options,
        )
    rows = []
    resumed = em.resume(path, engine=engine, progress=lambda done, total: rows.append((done, total)))
    assert first_difference(resumed.record, whole.record) is None
    assert saved(resumed, tmp_path / "a") == saved(whole, tmp_path / "b")
    n_rows = 40 * (batch or 1)
    assert 14 * (batch or 1) < rows[0][0] and rows[-1] == (n_rows, n_rows)


def test_a_checkpoint_that_is_complete_gives_its_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    whole = em.run(demo(), 40, rasters(), checkpoint=path, every=40)
    rows: list[int] = []
    again = em.resume(path, progress=lambda done, total: rows.append(done))
    assert first_difference(again.record, whole.record) is None and not rows


def test_a_run_that_continues_another_is_kept_too(tmp_path: Path) -> None:
    program, path = demo(), tmp_path / "x.ckpt"
    first = em.run(program, 11, seed=3)
    whole = em.run(program, 29, state=first.state, seed=3)
    with pytest.raises(Stopped):
        em.run(program, 29, state=first.state, seed=3, checkpoint=path, every=5, progress=stop_at(7))
    assert first_difference(em.resume(path).record, whole.record) is None


def test_a_run_of_no_ticks_has_a_checkpoint(tmp_path: Path) -> None:
    whole = em.run(demo(), 0)
    kept = em.run(demo(), 0, checkpoint=tmp_path / "x.ckpt")
    for result in (kept, em.resume(tmp_path / "x.ckpt")):
        assert first_difference(result.record, whole.record) is None


@some
@given(st.data())
def test_pieces_of_any_length_on_either_engine_are_one_run(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """On faulty chips with lossy links, boards, crossbar cores, generators, delays, batches."""
    crossbars = data.draw(st.booleans())
    case: Case = data.draw(crossbar_cases(crossbar_chip()) if crossbars else cases(BASE, faulty=True))
    program = em.compile(case.network, case.chip, mapping=None if crossbars else case.mapping)
    batch = data.draw(st.sampled_from((None, 1, 2)))
    stimulus = case.stimulus
    if batch is not None:
        stimulus = {
            name: np.stack([np.roll(raster, n, axis=0) for n in range(batch)])
            for name, raster in stimulus.items()
        }
    engines = st.sampled_from(("native", "native", "native", "reference"))
    whole = em.run(program, case.n_ticks, stimulus, batch=batch, seed=case.seed)
    path = tmp_path_factory.mktemp("pieces") / "x.ckpt"
    every = data.draw(st.integers(1, max(case.n_ticks, 1)))
    try:
        kept = em.run(
            program,
            case.n_ticks,
            stimulus,
            engine=data.draw(engines),
            batch=batch,
            seed=case.seed,
            checkpoint=path,
            every=every,
            progress=stop_at(data.draw(st.integers(0, case.n_ticks + 1))),
        )
    except Stopped:
        kept = em.resume(path, engine=data.draw(engines), every=data.draw(st.integers(1, 5)))
    assert first_difference(kept.record, whole.record) is None


class Journal:
    """A file that notes what is written where."""

    def __init__(self, file: IO[bytes], writes: list[tuple[int, bytes]]):
        self.file, self.writes = file, writes

    def write(self, data: Any) -> int:
        self.writes.append((self.file.tell(), bytes(data)))
        return self.file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A checkpoint as it was begun, every write after that, and the result."""
    path = tmp_path_factory.mktemp("journal") / "x.ckpt"
    writes: list[tuple[int, bytes]] = []
    begun = []

    def opened(named: str) -> Any:
        begun.append(path.read_bytes())
        return Journal(Path(named).open("r+b"), writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "_opened", opened)
        result = em.run(demo(), 40, rasters(), checkpoint=path, every=6)
    return Told((begun[0], writes, result))


@settings(max_examples=max(30, settings().max_examples // 6))
@given(st.data())
def test_a_write_cut_short_anywhere_costs_one_piece_at_most(
    journal: Told,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    begun, writes, whole = journal
    n_writes = data.draw(st.integers(0, len(writes)))
    torn = bytearray(begun)
    for number, (position, chunk) in enumerate(writes[: n_writes + 1]):
        if number == n_writes:
            chunk = chunk[: data.draw(st.integers(0, len(chunk)))]
        torn[position : position + len(chunk)] = chunk
    path = tmp_path_factory.mktemp("torn") / "x.ckpt"
    path.write_bytes(torn)
    with CheckpointFile.take_up(path) as found:
        done = 0 if found.record is None else found.record.n_ticks
    in_slots = [position < len(begun) for position, _ in [*writes, (len(begun), b"")]]
    n_complete = sum(now and not after for now, after in pairwise(in_slots[: n_writes + 1]))
    assert done in (min(6 * n_complete, 40), min(6 * (n_complete + 1), 40))
    assert first_difference(em.resume(path).record, whole.record) is None


def test_kill_9_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    """In processes of their own, killed anywhere, until the run is through; then the next run. The record's
    file has the very bytes of that of a run that nobody killed."""
    program, stimulus = demo(rate_hz=900.0), rasters(1500)
    expected = saved(em.run(program, 1500, stimulus), tmp_path / "whole.rec")
    forked, draw = multiprocessing.get_context("fork"), random.Random(5)
    killed = runs = 0
    while killed < KILLS:
        path = tmp_path / f"{runs}.ckpt"
        runs += 1
        while True:
            task = forked.Process(target=begin_or_go_on, args=(path, program, stimulus))
            task.start()
            task.join(draw.uniform(0.002, 0.25))
            if task.is_alive():
                os.kill(task.pid or 0, signal.SIGKILL)
                task.join()
                killed += 1
                continue
            assert task.exitcode == 0
            break
        assert saved(em.resume(path), tmp_path / "resumed.rec") == expected
    assert {file.suffix for file in tmp_path.iterdir()} <= {".ckpt", ".rec", ".tmp"}


def begin_or_go_on(path: Path, program: em.Program, stimulus: dict[str, np.ndarray]) -> None:
    if path.exists():
        em.resume(path)
    else:
        em.run(program, 1500, stimulus, checkpoint=path, every=20)


def test_the_file_grows_by_what_happened_and_not_by_states(tmp_path: Path) -> None:
    net = em.Network("wide and quiet")
    net.add_population("p", 30_000, em.LoihiCuba(vth_mant=100))
    program = em.compile(net, em.load_chip("loihi"))
    sizes = []
    for n_ticks in (10, 20, 40):
        path = tmp_path / f"{n_ticks}.ckpt"
        em.run(program, n_ticks, checkpoint=path, every=1)
        sizes.append(path.stat().st_size)
    state = 30_000 * 16
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]) < state


def full_after(n_bytes: int, patch: pytest.MonkeyPatch) -> None:
    """A disk that takes so many more bytes of a checkpoint."""

    class Full(Journal):
        def write(self, data: Any) -> int:
            room = n_bytes - sum(len(chunk) for _, chunk in self.writes)
            if len(data) > room:
                super().write(bytes(data)[:room])
                self.file.flush()
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    def opened(named: str) -> Any:
        return Full(Path(named).open("r+b"), [])

    patch.setattr(checkpoints, "_opened", opened)


def test_a_full_disk_is_told_and_what_was_kept_is_sound(tmp_path: Path) -> None:
    path, whole = tmp_path / "x.ckpt", em.run(demo(), 40, rasters())
    with pytest.MonkeyPatch.context() as patch:
        full_after(20_000, patch)
        with pytest.raises(em.ImageError, match=r"disk is full.* of 40 ticks are kept in it: resume goes on"):
            em.run(demo(), 40, rasters(), checkpoint=path, every=2)
    assert first_difference(em.resume(path).record, whole.record) is None


def test_an_older_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(Stopped):
        em.run(demo(), 40, checkpoint=path, every=10, progress=stop_at(21))
    with pytest.raises(em.ImageError, match=r"a checkpoint of 20 of 40 ticks already: go on .* or choose"):
        em.run(demo(), 40, checkpoint=path)
    other = tmp_path / "other"
    other.write_text("mine")
    with pytest.raises(em.ImageError, match=r"there is such a file already: choose another name"):
        em.run(demo(), 40, checkpoint=other)
    assert other.read_text() == "mine"


def test_two_runs_cannot_go_on_with_one_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    em.run(demo(), 4, checkpoint=path)
    with CheckpointFile.take_up(path), pytest.raises(em.ImageError, match="another run is going on with it"):
        em.resume(path)


def test_a_read_only_checkpoint_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    em.run(demo(), 4, checkpoint=path)
    path.chmod(0o444)
    with pytest.raises(em.ImageError, match="read-only, make it writable"):
        em.resume(path)


def test_arguments_about_checkpoints_are_checked(tmp_path: Path) -> None:
    program, path = demo(), tmp_path / "x.ckpt"
    with pytest.raises(em.SimulationError, match="every=0: must be an integer of at least 1"):
        em.run(program, 4, checkpoint=path, every=0)
    with pytest.raises(em.SimulationError, match="every=5: of which file"):
        em.run(program, 4, every=5)
    with pytest.raises(em.SimulationError, match="a checkpoint keeps no packets"):
        em.run(program, 4, checkpoint=path, trace=True)
    assert not list(tmp_path.iterdir())
    em.run(program, 4, checkpoint=path)
    with pytest.raises(em.SimulationError, match="engine 'x'"):
        em.resume(path, engine="x")
    with pytest.raises(em.ImageError, match="folder does not exist"):
        em.run(program, 4, checkpoint=tmp_path / "none" / "x.ckpt")
    with pytest.raises(em.ImageError, match="no such file"):
        em.resume(tmp_path / "none" / "x.ckpt")


def test_a_checkpoint_is_told_from_other_files(tmp_path: Path) -> None:
    program, path = demo(), tmp_path / "x.ckpt"
    program.save(tmp_path / "demo.prog")
    with pytest.raises(em.ImageError, match="holds a program, expected a checkpoint"):
        em.resume(tmp_path / "demo.prog")
    em.run(program, 4, checkpoint=path)
    with pytest.raises(em.ImageError, match="bytes follow its end"):
        em.load_record(path)
    (tmp_path / "empty").touch()
    with pytest.raises(em.ImageError, match="it is empty"):
        em.resume(tmp_path / "empty")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Told:
    path = tmp_path_factory.mktemp("finished") / "x.ckpt"
    result = em.run(demo(), 40, rasters(), checkpoint=path, every=9)
    return Told((path.read_bytes(), result))


@settings(max_examples=max(30, settings().max_examples // 6))
@given(st.data())
def test_damage_is_told_or_costs_a_piece_and_never_changes_a_record(
    finished: Told, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole, result = finished
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.ckpt"
    path.write_bytes(
        damaged[: data.draw(st.sampled_from((len(whole), data.draw(st.integers(0, len(whole))))))]
    )
    try:
        resumed = em.resume(path)
    except em.EmulatorError as error:
        assert str(path) in str(error)
    else:
        assert first_difference(resumed.record, result.record) is None


def parts(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Position, kind and content of the containers of a checkpoint."""
    data, position = path.read_bytes(), 0
    while position < len(data):
        n_bytes = container.claimed_bytes(data[position : position + container.HEADER_BYTES])
        if n_bytes:
            frame = data[position : position + n_bytes]
            kind = frame[10:32].rstrip(b"\0").decode()
            yield position, kind, container.unpack(frame, "f", kind, checkpoints.VERSION)
        position = -(-(position + max(n_bytes, 1)) // 16) * 16


def forge(path: Path, kind: str, number: int, **changes: Any) -> None:
    """Changes a container of a checkpoint and makes its checksum right."""
    position, _, content = [part for part in parts(path) if part[1] == kind][number]
    content = {**content, **changes}
    frame = b"".join(bytes(chunk) for chunk in container.pack("f", kind, checkpoints.VERSION, content))
    data = bytearray(path.read_bytes())
    data[position : position + len(frame)] = frame
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "number", "changes", "words"),
    [
        ("piece", 0, {"first_tick": 3}, r"first_tick: 3 outside 0..0"),
        ("piece", 1, {"n_ticks": 2}, r"counts_by_tick: .* expected int64\[2, "),
        ("piece", 0, {"spikes": np.array([[99, 0]])}, r"spikes: outside the 4 rows"),
        ("piece", 0, {"probes": []}, r"probes: samples and neurons are \[\], expected"),
        ("progress", 1, {"n_ticks": 7}, r"its pieces are not those of 7 ticks"),
        ("progress", 1, {"state": {}}, r"progress.state.u: missing"),
        ("progress", 1, {"timing": None}, r"progress.timing.stall_ps: missing"),
        ("progress", 1, {"n_ticks": 100}, r"n_ticks: 100 outside 0..8"),
        ("checkpoint", 0, {"every": 0}, r"every: 0 outside 1"),
        ("checkpoint", 0, {"n_ticks": 2**31}, r"n_ticks: 2147483648 outside"),
        (
            "checkpoint",
            0,
            {"stimulus": {"in": np.zeros((1, 3), np.int32)}},
            r"stimulus.in: .* expected int32",
        ),
    ],
)
def test_a_forged_part_is_refused(
    tmp_path: Path, kind: str, number: int, changes: dict[str, Any], words: str
) -> None:
    path = tmp_path / "x.ckpt"
    em.run(demo(), 8, rasters(8), checkpoint=path, every=4)
    forge(path, kind, number, **changes)
    with pytest.raises(em.ImageError, match=words):
        em.resume(path)


def test_an_overflow_in_a_later_piece_is_told_with_its_tick(tmp_path: Path) -> None:
    net = em.Network("strict")
    net.add_population("p", 1, em.LoihiCuba(vth_mant=131071, bias_mant=4095, bias_exp=7, dv=0))
    program = em.compile(net, BASE.replace({"arithmetic.overflow": "strict"}))
    messages = []
    for options in ({}, {"checkpoint": tmp_path / "x.ckpt", "every": 3}):
        with pytest.raises(em.SimulationError) as error:
            em.run(program, 40, **options)
        messages.append(str(error.value))
    assert messages[0] == messages[1] and messages[0].startswith("tick 1")


@pytest.fixture
def spikemesh(spikemesh: Spikemesh) -> Callable[[str], tuple[int, str]]:
    """A command as one line: its exit code, and what it said on stderr."""

    def run(line: str) -> tuple[int, str]:
        finished = spikemesh(*line.split())
        return finished.code, finished.err

    return run


def test_the_command_line_keeps_a_run_and_goes_on_with_it(
    spikemesh: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    demo().save("demo.prog")
    np.savez("in.npz", **rasters())
    arguments = "run demo.prog --stimulus in.npz --seed 4"
    assert spikemesh(f"{arguments} -o whole.rec")[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        full_after(20_000, patch)
        code, said = spikemesh(f"{arguments} --checkpoint x.ckpt --every 2 -o run.rec")
    assert code == 1 and "disk is full" in said and not Path("run.rec").exists()
    code, said = spikemesh("run --resume x.ckpt -o run.rec")
    assert code == 0 and "wrote run.rec; x.ckpt is needed no more" in said
    resumed, whole = em.load_record("run.rec"), em.load_record("whole.rec")
    assert first_difference(resumed.record, whole.record) is None
    for name, events in whole.stimulus.items():
        assert (resumed.stimulus[name] == events).all()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run -o run.rec", "PROGRAM is missing: give the file of one, or --resume"),
        ("run demo.prog --ticks 3 --every 2 -o run.rec", "--every 2: of which file? Give --checkpoint"),
        (
            "run demo.prog --resume x.ckpt --seed 0 -o run.rec",
            "--resume with --seed, program: the checkpoint",
        ),
        ("run --resume x.ckpt --wire-limit -o run.rec", "--resume with --wire-limit"),
        ("run --resume demo.prog -o run.rec", "holds a program, expected a checkpoint"),
        ("run --resume none.ckpt -o run.rec", "none.ckpt: no such file"),
        (
            "run demo.prog --ticks 3 --checkpoint x.ckpt --wire-limit -o run.rec",
            "a checkpoint keeps no packets",
        ),
        ("run demo.prog --ticks 3 --checkpoint demo.prog -o run.rec", "there is such a file already"),
    ],
)
def test_usage_of_checkpoints_that_cannot_be(
    spikemesh: Callable[..., tuple[int, str]], line: str, words: str
) -> None:
    demo().save("demo.prog")
    code, said = spikemesh(line)
    assert (code, words in " ".join(said.split())) == (2, True), said
