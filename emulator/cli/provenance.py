"""What a machine-readable outcome says of where it comes from."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import sys
from collections.abc import Iterable
from typing import Any

import numpy
import scipy

from emulator import __version__
from emulator.formats import load_baseline, load_chip

DIGEST_BYTES = 16


def provenance(chips: Iterable[str], seed: int | None, baselines: Iterable[str] = ()) -> dict[str, Any]:
    """The command, versions, seed, and a hash of all values of each chip and baseline. seed None: nothing is
    drawn."""
    return {
        "command": shlex.join(["spikemesh", *sys.argv[1:]]),
        "versions": {
            "spikemesh": __version__,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
        },
        "seed": seed,
        "chips": {name: digest(load_chip(name).to_dict()) for name in chips},
        "baselines": {name: digest(load_baseline(name).to_dict()) for name in baselines},
    }


def digest(values: dict[str, Any]) -> str:
    """BLAKE2 of plain values."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
