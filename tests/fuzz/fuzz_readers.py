"""Fuzzes everything that reads files: whatever the bytes, a reader returns or raises an EmulatorError.

    python tests/fuzz/fuzz_readers.py READER SECONDS [FOLDER]

With atheris installed it is guided by coverage, else inputs are mutations of the corpus. What is found new is
kept in FOLDER (build/fuzz/READER). Memory and time are bounded for each input. Files with a checksum get a
right one, so that what lies behind it is reached.
"""

from __future__ import annotations

import hashlib
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
MAX_BYTES = 2**16
MEMORY_MIB = 4096
SECONDS_EACH = 20
HEADER = struct.Struct("<8sH22sQQ16x")  # of a container: magic, version, kind, description, whole

try:
    import atheris
except ImportError:
    atheris = None

if atheris is None or __name__ != "__main__":
    import emulator as em
else:
    with atheris.instrument_imports(include=["emulator"]):
        import emulator as em

from emulator.formats import CheckpointFile, load_arrays, save_network  # noqa: E402 - instrumented
from emulator.testing.small_run import small_program  # noqa: E402

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "program": ("x.prog", em.load_program),
    "record": ("x.rec", em.load_record),
    "network": ("x.net", em.load_network),
    "checkpoint": ("x.ckpt", lambda path: CheckpointFile.take_up(path).close()),
    "chip": ("x.yaml", lambda path: em.load_chip(str(path))),
    "nir": ("x.nir", lambda path: em.from_nir(path, dt_s=1e-3)),
    "json": ("x.json", em.from_truenorth_json),
    "arrays": ("x.npz", load_arrays),
}
"""Name of a file, and what reads it."""


def seeds(folder: Path) -> dict[str, bytes]:
    """A sound file for each reader."""
    program = small_program()
    program.save(folder / "x.prog")
    raster = {"in": np.eye(3, 2, dtype=bool)}
    em.run(program, 3, raster, checkpoint=folder / "x.ckpt", every=2).save(folder / "x.rec")
    net = em.Network("net")
    src = net.add_source("in", 2, em.Regular(period_ticks=3))
    p = net.add_population("p", 2, em.LIF(tau_mem_s=1e-2))
    net.connect(src, p, np.eye(2))
    net.probe(p, "v")
    save_network(net, folder / "x.net")
    np.savez(folder / "x.npz", **raster)
    shipped = Path(em.__file__).parent / "bench" / "data" / "digits_mlp_lif.nir"
    (folder / "x.nir").write_bytes(shipped.read_bytes())
    (folder / "x.yaml").write_text(
        "inherits: tiny\nname: a\ndescription: b\nmesh: {width: 3, faults: {cores: [1]}}\n"
    )
    (folder / "x.json").write_text(
        '{"cores": [{"coordinates": [0, 0], "axons": [0], "connections": [], "neurons": []}]}'
    )
    found = {name: (folder / file).read_bytes() for name, (file, _) in READERS.items()}
    for path in folder.iterdir():
        path.unlink()
    return found


def sealed(data: bytes) -> bytes:
    """The bytes with length and checksum of their first container made right, if they begin one."""
    if len(data) < HEADER.size + 32 or not data.startswith(b"\x89SPKM"):
        return data
    magic, version, kind, n_description, n_bytes = HEADER.unpack_from(data)
    if kind.rstrip(b"\0") != b"checkpoint" or not HEADER.size + 32 <= n_bytes <= len(data):
        n_bytes = len(data)
    head = HEADER.pack(magic, version, kind, n_description, n_bytes)
    body = head + data[HEADER.size : n_bytes - 32]
    return body + hashlib.sha256(body).digest() + data[n_bytes:]


def read(name: str, data: bytes, folder: Path) -> bool:
    """Whether the reader took the bytes; anything but an EmulatorError is let through."""
    file, reader = READERS[name]
    (folder / file).write_bytes(sealed(data))
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


def corpus(name: str) -> list[bytes]:
    """Inputs of a reader that once were trouble."""
    return [path.read_bytes() for path in sorted((HERE / "corpus").glob(f"{name}-*"))]


def without_atheris(name: str, seconds: float, folder: Path, first: list[bytes]) -> None:
    """Mutations of mutations, as long as there is time."""
    draw, pool, n, end = random.Random(), list(first), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(draw.choice(pool), draw)
        (folder / "last").write_bytes(data)  # stays behind should it end this process
        began = time.monotonic()
        if read(name, data, folder) and len(pool) < 1000:
            pool.append(data)
        assert time.monotonic() - began < SECONDS_EACH, "too slow"
        n += 1
    print(f"{name}: {n} inputs, {len(pool)} kept, nothing found")


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    found = Path(sys.argv[3] if len(sys.argv) > 3 else f"build/fuzz/{name}")
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        first = [seeds(Path(scratch))[name], *corpus(name)]
        if atheris is None:
            without_atheris(name, seconds, Path(scratch), first)
            return
        for number, data in enumerate(first):
            (found / f"seed-{number}").write_bytes(data)
        limits = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={SECONDS_EACH}"]
        options = [f"-max_len={MAX_BYTES}", f"-artifact_prefix={found}/crash-", "-print_final_stats=1"]
        os.environ.setdefault("SPIKEMESH_MEMORY", "1G")
        atheris.Setup(
            [sys.argv[0], str(found), *limits, *options],
            lambda data: read(name, data, Path(scratch)) and None,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
