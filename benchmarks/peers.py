"""The peers' own Python environment: `benchmarks/.peers/`, made on first use with pinned versions.

Peers are run as separate processes and never imported by this project: their requirements contradict
ours, and so do some of their licences.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / ".peers"
STAMP = "pins.txt"

PINS = (
    "sanafe==2.2.9",
    "brian2-loihi==0.5.2",
    "brian2==2.9.0",
    "numpy==1.26.4",  # brian2 2.9 uses ndarray.ptp, which later numpy no longer has
    "cython==3.3.1",
    "sympy==1.14.0",
    "setuptools==65.5.0",
)


PARTITIONER = ("mtkahypar==1.7.post1", "numpy==1.26.4")  # in an environment of its own, inside the first


class PeersError(RuntimeError):
    """The environment could not be made."""


def interpreter(recreate: bool = False) -> Path:
    """Path of the peers' Python; makes the environment if it is missing or has other pins."""
    return _environment(FOLDER, PINS, recreate)


def partitioner() -> Path:
    """Path of a Python that has the hypergraph partitioner Mt-KaHyPar."""
    FOLDER.mkdir(exist_ok=True)
    return _environment(FOLDER / "partitioner", PARTITIONER)


def _environment(folder: Path, pins: tuple[str, ...], recreate: bool = False) -> Path:
    python = folder / "bin" / "python"
    stamp = folder / STAMP
    wanted = "\n".join(pins) + "\n"
    if recreate or not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"making {folder} ({', '.join(pins)})", file=sys.stderr)
        _call(sys.executable, "-m", "venv", "--clear", str(folder))
        _call(str(python), "-m", "pip", "install", "--quiet", *pins)
        _call(str(python), "-m", "pip", "check")
        stamp.write_text(wanted)
    return python


def _call(*command: str) -> None:
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=alone)
    if done.returncode:
        raise PeersError(
            f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout[-2000:]}\n"
            "the peers need Python 3.10 to 3.12, gcc, g++ and a package index; "
            "leave them out with `--contestants emulator roofline`"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recreate", action="store_true", help="throw the environment away and make it anew")
    arguments = parser.parse_args()
    try:
        print(interpreter(arguments.recreate))
    except PeersError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
