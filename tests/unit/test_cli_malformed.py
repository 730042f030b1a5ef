"""Every command under malformed files and options: one clear message and exit code 2, never a traceback."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import emulator as em
from emulator.cli import main as cli_main
from emulator.formats import save_network

ROUNDS = 100 if settings().max_examples > 1000 else 8  # of each command; the nightly profile has more
HOSTILE = (
    "",
    "-1",
    "0",
    "1e9",
    "nan",
    "inf",
    "99999999999999999999",
    "x",
    "1,2,",
    "a b",
    "\u00b5",
    "../..",
    "none/x",
    "/dev/null",
    "true",
    "[1]",
    "0x10",
    "1.5",
    "--",
    "'",
    "\udcff",
)
NOT_FILES = ("", ".", "none", "/dev/null", "none/none", "x" * 300, "\udcff", "text", "empty")

COMMANDS: dict[str, tuple[str, ...]] = {
    "chips": ("chips", "FILE:chip.yaml"),
    "compile": ("compile", "FILE:demo.net", "--chip", "FILE:chip.yaml", "--mapping", "FILE:cores.npz",
                "-o", "OUT"),
    "compile nir": ("compile", "FILE:demo.nir", "--chip", "tiny", "--dt-s", "VALUE:1e-3", "-o", "OUT"),
    "compile json": ("compile", "FILE:demo.json", "--chip", "truenorth", "-o", "OUT"),
    "run": ("run", "FILE:demo.prog", "--stimulus", "FILE:spikes.npz", "--ticks", "VALUE:6",
            "--seed", "VALUE:0", "--threads", "VALUE:1", "--batch", "VALUE:1", "-o", "OUT"),
    "run --resume": ("run", "--resume", "FILE:x.ckpt", "--every", "VALUE:2", "-o", "OUT"),
    "report": ("report", "FILE:run.rec", "--by", "VALUE:event"),
    "trace": ("trace", "FILE:demo.prog", "--stimulus", "FILE:spikes.npz", "--max-events", "VALUE:9",
              "-o", "OUT"),
    "bench digits": ("bench", "digits", "--data", "FILE:other.npz", "--samples", "VALUE:2",
                     "--chip", "FILE:chip.yaml"),
    "bench soundloc": ("bench", "soundloc", "--data", "FILE:other.npz", "--samples", "VALUE:2",
                       "--chip", "tiny"),
    "bench mesh": ("bench", "mesh", "--rates", "VALUE:0.1", "--size", "VALUE:2x2", "--depth", "VALUE:1",
                   "--measure", "VALUE:9", "--chip", "FILE:chip.yaml"),
    "bench characterisation": ("bench", "characterisation", "--rates", "VALUE:20", "--synapses", "VALUE:9",
                               "--side", "VALUE:1", "--ticks", "VALUE:1", "--chip", "FILE:chip.yaml"),
}  # fmt: skip
"""Command lines that are right; what is marked FILE or VALUE is made wrong, one or more at a time."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound file of each kind."""
    folder = tmp_path_factory.mktemp("inputs")
    net = em.Network("demo")
    src = net.add_source("in", 2)
    hidden = net.add_population("hidden", 3, em.LoihiCuba(vth_mant=2))
    net.connect(src, hidden, np.full((2, 3), 100))
    save_network(net, folder / "demo.net")
    program = em.compile(net, em.load_chip("tiny"))
    program.save(folder / "demo.prog")
    raster = {"in": np.eye(6, 2, dtype=bool)}
    em.run(program, 6, raster, checkpoint=folder / "x.ckpt", every=2).save(folder / "run.rec")
    np.savez(folder / "spikes.npz", **raster)
    np.savez(folder / "cores.npz", hidden=np.array([0, 2, 4]))
    np.savez(folder / "other.npz", images=np.zeros((2, 64)), labels=np.zeros(2, dtype=np.int64))
    (folder / "chip.yaml").write_text(CHIP)
    (folder / "demo.json").write_text(json.dumps(RANC))
    data = Path(em.__file__).parent / "bench" / "data"
    (folder / "demo.nir").write_bytes((data / "digits_mlp_lif.nir").read_bytes())
    return folder


RANC = {
    "packets": [[{"destination_core": [0, 0], "destination_axon": 0, "destination_tick": 0}]],
    "cores": [
        {
            "coordinates": [0, 0],
            "axons": [0, 1],
            "connections": [[1, 0]],
            "neurons": [
                {
                    "weights": [1, 2, 3, 4],
                    "leak": 0,
                    "positive_threshold": 1,
                    "negative_threshold": 0,
                    "reset_potential": 0,
                    "reset_mode": 0,
                    "current_potential": 0,
                    "destination_core_offset": [0, 0],
                    "destination_axon": 1,
                    "destination_tick": 0,
                }
            ],
        }
    ],
}
CHIP = "inherits: tiny\nname: mine\ndescription: Mine.\nreal_chip: false\nmesh: {width: 3, fifo_depth: 2}\n"


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Flipped, cut, repeated, exchanged or replaced."""
    data = bytearray(content)
    way = draw.randrange(6)
    if way == 0:
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(len(data))] ^= draw.randint(1, 255)
    elif way == 1:
        del data[draw.randrange(len(data)) :]
    elif way == 2:
        place = draw.randrange(len(data))
        data[place:place] = data[place : place + draw.randint(1, 64)] or b"\0"
    elif way == 3:
        place = draw.randrange(len(data))
        del data[place : place + draw.randint(1, 64)]
    elif way == 4:
        place = draw.randrange(len(data))
        data[place : place + 4] = draw.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"-1.0", b": [{", b"~"))
    else:
        data = bytearray(draw.randbytes(draw.randint(0, 200)))
    return bytes(data)


def malformed(command: tuple[str, ...], draw: random.Random, inputs: Path, folder: Path) -> list[str]:
    """The command line with at least one part made wrong."""
    marked = [place for place, part in enumerate(command) if part.startswith(("FILE:", "VALUE:"))]
    wrong = set(draw.sample(marked, draw.randint(1, min(2, len(marked)))))
    line = []
    for place, part in enumerate(command):
        kind, _, sound = part.partition(":")
        if part == "OUT":
            line.append("out.bin")
        elif kind == "FILE":
            line.append(a_file(inputs / sound, place in wrong, draw, folder))
        elif kind == "VALUE":
            line.append(draw.choice(HOSTILE) if place in wrong else sound)
        else:
            line.append(part)
    if draw.random() < 0.1:
        line.insert(draw.randint(1, len(line)), draw.choice(("--no-such", "-z", "extra")))
    return line


def a_file(sound: Path, wrong: bool, draw: random.Random, folder: Path) -> str:
    """A sound file, a damaged one, one of another kind under its name, or none."""
    target = folder / sound.name
    way = draw.random() if wrong else 2.0
    if way < 0.25:
        return draw.choice(NOT_FILES)
    if way < 0.45:
        other = draw.choice([path for path in sorted(sound.parent.iterdir()) if path.name != sound.name])
        target.write_bytes(other.read_bytes())
    else:
        content = sound.read_bytes()
        target.write_bytes(damaged(content, draw) if wrong else content)
    return target.name


@pytest.mark.parametrize("name", COMMANDS)
def test_malformed_input_is_told_in_one_message_with_exit_code_2(
    name: str,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello\n")
    draw = random.Random(f"malformed {name}")
    codes = []
    for line in lines(COMMANDS[name], draw, inputs, tmp_path):
        monkeypatch.setattr(sys, "argv", ["spikemesh", *line])
        with pytest.raises(SystemExit) as finished:
            cli_main()
        code, captured = int(finished.value.code or 0), capsys.readouterr()
        codes.append(code)
        said = captured.out + captured.err
        assert "Traceback" not in said and "internal error" not in said, (line, said)
        assert code in (0, 2), (line, said)
        if code == 2:
            assert not (tmp_path / "out.bin").exists(), line
            assert len(captured.err.strip()) > 10 and not captured.out, (line, said)
            if codes.count(2) == ROUNDS:
                return
    pytest.fail(f"{codes.count(2)} of {len(codes)} lines were refused, not even {ROUNDS}")


def lines(command: tuple[str, ...], draw: random.Random, inputs: Path, folder: Path) -> Iterator[list[str]]:
    """Command lines made wrong, until enough were refused; some are sound by chance."""
    for _ in range(3 * ROUNDS):
        (folder / "out.bin").unlink(missing_ok=True)
        yield malformed(command, draw, inputs, folder)
