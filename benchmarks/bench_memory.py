"""How much memory do compiling and running take per synapse? The 50 k network, 50 M synapses.

Measured in a process of its own (Linux: resident set and its peak, /proc/self/status), in steps: the arrays
that describe the network are there; it is described and compiled; description and arrays are dropped; the
program runs 100 ticks. What a step adds is its peak less what was resident before it. Delays of 1 tick and of
1 to 16 ticks (workloads.py; with --quick the 10 k network and its 10 M synapses).
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import workloads
from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of
from results import workload_folder
from workloads import described

TICKS = 100
COMPILE_TARGET, RUN_TARGET = 16, 6  # bytes per synapse


def measure(options: Options) -> Outcome:
    """Bytes per synapse of both delay kinds."""
    name = "10k-1000" if options.quick else "50k-1000"
    figures: list[Figure] = []
    with workload_folder() as folder:
        for delays in workloads.DELAYS:
            print(f"{name}, delay {delays}: compiling and running", file=sys.stderr)
            found = _in_own_process(workloads.stored(folder, name, delays))
            label = f"{name}, delay {delays}"
            compiling, running = found["compile"], found["run"]
            figures += [
                Figure(f"{label}: arrays given", found["inputs"], "bytes per synapse"),
                Figure(f"{label}: compiling adds", compiling, "bytes per synapse", at_most=COMPILE_TARGET),
                Figure(f"{label}: the image's arrays", found["image"], "bytes per synapse"),
                Figure(f"{label}: running adds", running, "bytes per synapse", at_most=RUN_TARGET),
                Figure(f"{label}: of that stays after the run", found["kept"], "bytes per synapse"),
            ]
    return figures, []


def _in_own_process(path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--steps", str(path)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise ContestantError(f"measuring the memory ended with {done.returncode} (see above)")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _steps(path: Path) -> dict[str, float]:
    """Bytes per synapse that each step adds."""
    import emulator as em

    chip = em.load_chip("loihi-wide")
    small = workloads.recurrent(workloads.Shape(200, 20))
    run: dict[str, Any] = {"engine": "native", "timing": False}
    em.run(em.compile(described(small), chip, seed=0), n_ticks=2, **run)  # imports all there is to import
    workload = workloads.load(path)
    n_synapses, pre = workload.n_synapses, workload.pre
    given = (pre, workload.target, workload.weight_mant, workload.delay_ticks)
    inputs = sum(array.nbytes for array in given)
    before = _resident_from_now()
    network = described(workload, pre)
    program = em.compile(network, chip, seed=0)
    compiling = _peak() - before
    del network, workload, given, pre
    before = _resident_from_now()
    result = em.run(program, n_ticks=TICKS, **run)
    running = _peak() - before
    del result
    kept = _resident_from_now() - before
    image = sum(
        value.nbytes
        for value in (getattr(program.image, field.name) for field in fields(program.image))
        if isinstance(value, np.ndarray)
    )
    found = {"inputs": inputs, "compile": compiling, "image": image, "run": running, "kept": kept}
    return {name: n_bytes / n_synapses for name, n_bytes in found.items()}


def _resident_from_now() -> int:
    """Bytes resident, with all freed memory given back; the peak counts from here on."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # man 5 proc: resets VmHWM
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise AssertionError(f"no {key} in /proc/self/status")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--steps"]:
        print(json.dumps(_steps(Path(sys.argv[2]))))
    else:
        sys.exit(main_of(__doc__, measure, sys.argv[1:]))
