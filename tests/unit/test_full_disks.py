"""Full disks and folders nobody may write to: each writer says so, and leaves what was there as it was."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from command_line import Spikemesh

import emulator as em
from emulator import report
from emulator.formats import files, save_network
from emulator.testing import MeshTrial, Trial, save_trial
from emulator.testing.small_run import small_program
from emulator.traffic import burst

Writer = Callable[["Made", Path], object]
STIMULUS = {"in": np.eye(3, 2, dtype=bool)}


@dataclass(frozen=True)
class Made:
    """What there is to be written."""

    program: em.Program
    result: em.Result
    network: em.Network


@pytest.fixture(scope="module")
def made() -> Made:
    program = small_program()
    network = em.Network("n")
    network.add_population("p", 2, em.LoihiCuba())
    return Made(program, em.run(program, 3, STIMULUS, trace=True), network)


def _trial(made: Made, path: Path) -> None:
    chip = em.load_chip("tiny")
    save_trial(Trial(chip, made.network, {}, 1, {}), path, law="twin", engine="native", message="m")


def _packets(made: Made, path: Path) -> None:
    chip = em.load_chip("tiny")
    save_trial(MeshTrial(chip, burst(chip, "uniform", 1)), path, law="drain", engine="native", message="m")


WRITERS: dict[str, Writer] = {
    "program": lambda made, path: made.program.save(path / "x.prog"),
    "record": lambda made, path: made.result.save(path / "x.rec"),
    "network": lambda made, path: save_network(made.network, path / "x.net"),
    "checkpoint": lambda made, path: em.run(made.program, 3, STIMULUS, checkpoint=path / "x.ckpt"),
    "page": lambda made, path: made.result.report(path / "x.html"),
    "npz": lambda made, path: made.result.export(path / "x.npz"),
    "json": lambda made, path: made.result.export(path / "x.json"),
    "csv": lambda made, path: made.result.export(path / "x.csv"),
    "one csv": lambda made, path: made.result.export(path / "x.csv", tables=["spikes"]),
    "parquet": lambda made, path: made.result.export(path / "x.parquet"),
    "nir": lambda made, path: made.result.export(path / "x.nir"),
    "trace": lambda made, path: made.result.save_trace(path / "x.json"),
    "picture": lambda made, path: report.save_picture(path, "x", b"drawn" * 1000),
    "counterexample": _trial,
    "packets": _packets,
}
NEEDS = {"parquet": "pyarrow", "nir": "nir"}


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest) -> Writer:
    needed = NEEDS.get(request.param)
    if needed is not None:
        pytest.importorskip(needed)
    return WRITERS[request.param]


@contextmanager
def small_files(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernel takes so many bytes of any file: what writes past them is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing(patch: pytest.MonkeyPatch, name: str, code: int) -> Iterator[None]:
    """A call of the system that fails, of whatever writer."""

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    def fail_to_write(path: str, mode: str) -> IO[bytes]:
        return open(path, mode) if mode == "rb" else fail()  # type: ignore[return-value, func-returns-value]

    with patch.context() as inner:
        if name == "open":
            inner.setattr(files, "open", fail_to_write, raising=False)
        else:
            inner.setattr(os, name, fail)
        yield


TROUBLE: dict[str, tuple[Callable[[pytest.MonkeyPatch], object], str]] = {
    "no room for the bytes": (small_files, "larger than a file may be there"),
    "full when flushed": (lambda patch: failing(patch, "fsync", errno.ENOSPC), "the disk is full"),
    "quota when flushed": (lambda patch: failing(patch, "fsync", errno.EDQUOT), "quota is used up"),
    "full when renamed": (lambda patch: failing(patch, "replace", errno.ENOSPC), "the disk is full"),
    "read-only": (lambda patch: failing(patch, "open", errno.EROFS), "the file system is read-only"),
    "not allowed": (lambda patch: failing(patch, "open", errno.EACCES), "no permission"),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_writer_that_cannot_write_says_why_and_leaves_nothing(
    made: Made, writer: Writer, trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arranged, words = TROUBLE[trouble]
    with pytest.raises(em.EmulatorError, match=words) as caught, arranged(monkeypatch):  # type: ignore[attr-defined]
        writer(made, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert contents(tmp_path) == {}


def test_a_writer_that_cannot_write_leaves_the_file_that_was_there(
    made: Made, writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer(made, tmp_path)
    before = contents(tmp_path)
    for name in before:
        (tmp_path / name).write_bytes(b"older")
    with pytest.raises(em.EmulatorError), small_files(monkeypatch):
        writer(made, tmp_path)
    assert contents(tmp_path) == dict.fromkeys(before, b"older")
    if "x.ckpt" in before:  # never overwritten
        return
    writer(made, tmp_path)
    assert contents(tmp_path).keys() == before.keys() and b"older" not in contents(tmp_path).values()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only_is_told(made: Made, writer: Writer, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(em.EmulatorError, match="no permission"):
            writer(made, tmp_path)
    finally:
        tmp_path.chmod(0o755)


COMMANDS = (
    ("compile", "x.net", "--chip", "tiny", "-o", "OUT/x.prog"),
    ("compile", "x.net", "--chip", "tiny", "-o", "y.prog", "--dump-after", "place", "--dump-to", "OUT/x.txt"),
    ("run", "x.prog", "--ticks", "3", "-o", "OUT/x.rec"),
    ("run", "x.prog", "--ticks", "3", "-o", "y.rec", "--checkpoint", "OUT/x.ckpt"),
    ("report", "x.rec", "-o", "OUT/x.html"),
    ("report", "x.rec", "-o", "OUT"),
    ("export", "x.rec", "-o", "OUT/x.csv"),
    ("explain", "x.prog", "--out", "OUT/x.png"),
    ("trace", "x.prog", "--ticks", "3", "-o", "OUT/x.json"),
    ("bench", "xor", "--out", "OUT"),
    ("bench", "mesh", "--size", "2x2", "--plot", "OUT/x.png"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command))
@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "is read-only")])
def test_a_command_that_cannot_write_says_why_in_one_line(
    command: tuple[str, ...],
    code: int,
    words: str,
    made: Made,
    spikemesh: Spikemesh,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made.program.save("x.prog")
    made.result.save("x.rec")
    save_network(made.network, "x.net")
    Path("out").mkdir()
    with failing(monkeypatch, "open" if code == errno.EROFS else "fsync", code):
        exit_code, _, said = spikemesh(*(word.replace("OUT", "out") for word in command))
    last = said.strip().splitlines()[-1]
    assert exit_code in (1, 2) and words in last and "out" in last, said
    assert contents(tmp_path / "out") == {}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", [("chips", "--json"), ("--help",)])
def test_results_that_find_no_room_are_told(command: tuple[str, ...]) -> None:
    """As in `spikemesh chips > file` on a full disk."""
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "emulator", *command], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ran.returncode == 1
    assert ran.stderr == "spikemesh: standard output: cannot be written: the disk is full: " + (
        "free some space or choose another folder\n"
    )


ON_A_DISK = """
import subprocess, sys, test_full_disks as tests
from pathlib import Path
import emulator as em
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=True)
made = tests.made.__wrapped__()
(disk / "ballast").write_bytes(bytes(65536))
for name in sys.argv[2:]:
    try:
        tests.WRITERS[name](made, disk)
    except em.EmulatorError as error:
        assert "disk is full" in str(error), error
    else:
        raise SystemExit(f"{name}: nothing said")
    left = [path.name for path in disk.rglob("*") if path.is_file()]
    assert left == ["ballast"], left
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting takes root")
def test_a_real_disk_of_64_kib_gets_full(tmp_path: Path) -> None:
    """Mounted where nobody else sees it, and gone with the process."""
    names = [name for name in WRITERS if name not in NEEDS]
    here = Path(__file__).parent
    ran = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", ON_A_DISK, str(tmp_path), *names],
        env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}:{here.parents[1]}"},
        capture_output=True,
        text=True,
    )
    if "unshare" in ran.stderr or "mount:" in ran.stderr:
        pytest.skip("no mounting here")
    assert ran.returncode == 0, ran.stderr
