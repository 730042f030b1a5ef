"""The peers' own Python environment: `benchmarks/.peers/`, made on first use with pinned versions.

Peers are run as separate processes and never imported by this project: their requirements contradict
ours, and so do some of their licences.
"""

from __future__ import annotations

import argparse
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


class PeersError(RuntimeError):
    """The environment could not be made."""


def interpreter(recreate: bool = False) -> Path:
    """Path of the peers' Python; makes the environment if it is missing or has other pins."""
    python = FOLDER / "bin" / "python"
    stamp = FOLDER / STAMP
    wanted = "\n".join(PINS) + "\n"
    if recreate or not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"making {FOLDER} ({', '.join(PINS)})", file=sys.stderr)
        _call(sys.executable, "-m", "venv", "--clear", str(FOLDER))
        _call(str(python), "-m", "pip", "install", "--quiet", *PINS)
        _call(str(python), "-m", "pip", "check")
        stamp.write_text(wanted)
    return python


def _call(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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
