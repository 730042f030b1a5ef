"""Fuzzes everything that reads files: whatever the bytes, a reader returns or raises an EmulatorError.

    python tests/fuzz/fuzz_readers.py READER SECONDS [FOLDER]
    python tests/fuzz/fuzz_readers.py --table         # CPU minutes of each reader so far
    python tests/fuzz/fuzz_readers.py --keep READER   # of FOLDER, what reaches new lines goes to the corpus

With atheris installed it is guided by coverage. Half of the mutations change the bytes, half what the bytes
mean (`trees`). What is found new is kept in FOLDER (build/fuzz/READER), what is trouble there as crash-*.
Memory and time are bounded for each input. `corpus/minutes.json` adds up the runs.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
MINUTES = CORPUS / "minutes.json"
MAX_BYTES = 2**16
MEMORY_MIB = 1024
SECONDS_EACH = 20
MAX_KEPT_BYTES = 48_000  # of a reader's corpus
SHA1_DIGITS = 40  # the name that libFuzzer gives what it keeps
INNER = "--inner"  # the process that fuzzes: atheris ends it in its own ways

try:
    import atheris
except ImportError:
    atheris = None

if atheris is None or __name__ != "__main__" or INNER not in sys.argv:
    import emulator as em
else:
    with atheris.instrument_imports(include=["emulator"]):
        import emulator as em

import trees  # noqa: E402 - the emulator first, instrumented
from seeds import seeds  # noqa: E402

from emulator.formats import (  # noqa: E402
    CheckpointFile,
    load_arrays,
    load_baseline,
    load_stimulus,
    truenorth_json_stimulus,
)
from emulator.testing.small_run import small_program  # noqa: E402

PROGRAM = small_program()


def _json(path: Path) -> None:
    em.from_truenorth_json(path)
    truenorth_json_stimulus(path)


def _arrays(path: Path) -> None:
    load_arrays(path)
    load_stimulus(path, PROGRAM)


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "program": ("x.prog", em.load_program),
    "record": ("x.rec", em.load_record),
    "network": ("x.net", em.load_network),
    "checkpoint": ("x.ckpt", lambda path: CheckpointFile.take_up(path).close()),
    "chip": ("x.yaml", lambda path: em.load_chip(str(path))),
    "baseline": ("x.yaml", lambda path: load_baseline(str(path))),
    "nir": ("x.nir", lambda path: em.from_nir(path, dt_s=1e-3)),
    "json": ("x.json", _json),
    "arrays": ("x.npz", _arrays),
}
"""Name of a file, and what reads it."""


def read(name: str, data: bytes, folder: Path) -> bool:
    """Whether the reader took the bytes; anything but an EmulatorError is let through."""
    file, reader = READERS[name]
    (folder / file).write_bytes(trees.sealed(data))
    try:
        reader(folder / file)
    except em.EmulatorError as error:
        assert str(error).strip(), "an error without words"
        return False
    return True


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Flipped, cut, moved or overwritten in a few places."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(len(out)) if out else 0
        way = draw.randrange(5)
        if way == 0 and out:
            out[place] ^= 1 << draw.randrange(8)
        elif way == 1:
            del out[place : place + draw.randint(1, 32)]
        elif way == 2:
            out[place:place] = out[place : place + draw.randint(1, 32)]
        elif way == 3:
            out[place : place + 4] = draw.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"-1\n "))
        elif out:
            out[place] = draw.randrange(256)
    return bytes(out[:MAX_BYTES])


def either(name: str, data: bytes, draw: random.Random, bytewise: Callable[[bytes], bytes]) -> bytes:
    """Mutated bytes, or mutated content."""
    other = trees.mutated(name, data, draw) if draw.random() < 0.5 else None
    return bytewise(data) if other is None or len(other) > MAX_BYTES else other


def corpus(name: str) -> list[bytes]:
    """Inputs of a reader that once were trouble, or reach what others do not."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def without_atheris(name: str, seconds: float, folder: Path, first: list[bytes]) -> None:
    """Mutations of mutations, as long as there is time."""
    draw, pool, n, end = random.Random(), list(first), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = either(name, draw.choice(pool), draw, lambda data: mutated(data, draw))
        began = time.monotonic()
        if read(name, data, folder) and len(pool) < 1000:
            pool.append(data)
        assert time.monotonic() - began < SECONDS_EACH, "too slow"
        n += 1
    print(f"stat::number_of_executed_units: {n}")


def fuzz(name: str, seconds: int, found: Path) -> None:
    """What the inner process does; the input that it is at is the file in `found`/now."""
    with tempfile.TemporaryDirectory() as scratch:
        now = found / "now"
        now.mkdir(exist_ok=True)
        first = [*seeds(Path(scratch))[name], *corpus(name)]
        if atheris is None:
            without_atheris(name, seconds, now, first)
            return
        for number, data in enumerate(first):
            (found / f"seed-{number}").write_bytes(data)
        limits = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={SECONDS_EACH}"]
        options = [f"-max_len={MAX_BYTES}", f"-artifact_prefix={found}/crash-", "-print_final_stats=1"]

        def mutate(data: bytes, max_size: int, seed: int) -> bytes:
            return either(name, data, random.Random(seed), lambda data: atheris.Mutate(data, max_size))

        atheris.Setup(
            [sys.argv[0], str(found), *limits, *options],
            lambda data: read(name, data, now) and None,
            custom_mutator=mutate,
        )
        atheris.Fuzz()


def run(name: str, seconds: int, found: Path) -> int:
    """Fuzzes in a process of its own, adds up what it took, and tells what it found."""
    before, old = _cpu_seconds(), set(found.glob("crash-*"))
    command = [sys.executable, __file__, INNER, name, str(seconds), str(found)]
    environment = {"SPIKEMESH_MEMORY": "1G", **os.environ}
    with open(found.with_suffix(".log"), "w", encoding="utf-8") as log:
        inner = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            failed = inner.wait(seconds + 60 + 2 * SECONDS_EACH)
        except subprocess.TimeoutExpired:  # in compiled code, which atheris cannot interrupt
            inner.kill()
            failed = inner.wait()
    text = found.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    count = [line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line]
    _add(name, (_cpu_seconds() - before) / 60, int(count[-1]) if count else 0)
    trouble = sorted(set(found.glob("crash-*")) - old)
    if failed and not trouble:
        trouble = [(found / "now" / READERS[name][0]).rename(found / f"crash-{time.time_ns()}")]
    if trouble:
        print(f"{name}: trouble, see {found.with_suffix('.log')} and", *trouble)
        return 1
    print(f"{name}: {count[-1]} inputs in {seconds} s, nothing found")
    return 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _add(name: str, minutes: float, n_inputs: int) -> None:
    table = json.loads(MINUTES.read_text()) if MINUTES.exists() else {}
    row = table.setdefault(name, {"cpu_minutes": 0, "inputs": 0})
    row["cpu_minutes"] = round(row["cpu_minutes"] + minutes, 2)
    row["inputs"] += n_inputs
    ordered = {key: table[key] for key in READERS if key in table}
    MINUTES.write_text(json.dumps(ordered, indent=1) + "\n")


def show_table() -> None:
    table = json.loads(MINUTES.read_text()) if MINUTES.exists() else {}
    print(f"{'reader':<12} {'CPU minutes':>12} {'inputs':>12} {'corpus':>8}")
    for name in READERS:
        row = table.get(name, {"cpu_minutes": 0, "inputs": 0})
        print(f"{name:<12} {row['cpu_minutes']:>12.1f} {row['inputs']:>12,} {len(corpus(name)):>8}")


def lines_of(name: str, data: bytes, folder: Path) -> set[tuple[str, int, int]]:
    """Steps from line to line of the emulator that reading these bytes takes."""
    steps: set[tuple[str, int, int]] = set()
    inside = str(Path(em.__file__).parent)

    def follow(frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(inside):
            return None
        last = [0]

        def line(frame: Any, event: str, _: Any) -> Any:
            steps.add((frame.f_code.co_filename, last[0], frame.f_lineno))
            last[0] = frame.f_lineno
            return line

        return line

    sys.settrace(follow)
    try:
        read(name, data, folder)
    finally:
        sys.settrace(None)
    return steps


def keep(name: str, found: Path) -> None:
    """Makes the corpus of a reader anew: the smallest inputs that take every step that any of them does."""
    with tempfile.TemporaryDirectory() as scratch:
        known: set[tuple[str, int, int]] = set()
        for data in seeds(Path(scratch))[name]:
            known |= lines_of(name, data, Path(scratch))
        stored = sorted((CORPUS / name).glob("regression-*"))
        for path in stored:
            known |= lines_of(name, path.read_bytes(), Path(scratch))
        new = {data for data in corpus(name) if data not in {path.read_bytes() for path in stored}}
        new |= {path.read_bytes() for path in found.glob("*") if len(path.name) == SHA1_DIGITS}
        for path in set((CORPUS / name).glob("*")) - set(stored):
            path.unlink()
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        n_bytes = number = 0
        for data in sorted(new, key=lambda data: (len(data), data)):
            steps = lines_of(name, data, Path(scratch)) - known
            if steps and n_bytes + len(data) <= MAX_KEPT_BYTES:
                (CORPUS / name / f"{number:03}").write_bytes(data)
                known, n_bytes, number = known | steps, n_bytes + len(data), number + 1
    print(f"{name}: {number} inputs kept of {len(new)}, {n_bytes:,} bytes")


def main() -> int:
    words = sys.argv[1:]
    if words == ["--table"]:
        show_table()
        return 0
    option = words.pop(0) if words[0].startswith("--") else ""
    name, rest = words[0], words[1:]
    seconds = 0 if option == "--keep" else int(rest.pop(0))
    found = Path(rest[0] if rest else f"build/fuzz/{name}")
    found.mkdir(parents=True, exist_ok=True)
    if option == INNER:
        fuzz(name, seconds, found)
        return 0
    if option == "--keep":
        keep(name, found)
        return 0
    return run(name, seconds, found)


if __name__ == "__main__":
    sys.exit(main())
