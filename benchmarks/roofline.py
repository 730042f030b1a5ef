"""The machine's own mark: `roofline.c`, compiled here with gcc -O3 and called in this process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from peer_loop import Clock
from workloads import WEIGHT_SHIFT, Recurrent

SOURCE = Path(__file__).resolve().parent / "roofline.c"
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC")  # no -march=native: as portable as our own wheels
MAX_COMPARTMENTS = 2**16


class Roofline:
    """The workload, ready to run. A synapse takes 4 bytes: uint16 target, int16 mantissa."""

    def __init__(self, workload: Recurrent):
        assert workload.n_compartments <= MAX_COMPARTMENTS, workload.n_compartments
        self._workload = workload
        self._target = workload.target.astype(np.uint16)
        self._function = _compile()

    def run(self, n_ticks: int, clock: Clock = time.perf_counter) -> tuple[float, Any]:
        """Seconds, and spikes int64 [n_spikes, 2] (tick, index)."""
        workload = self._workload
        n = workload.n_compartments
        v = workload.v0.astype(np.int32)
        arriving = np.zeros(n, np.int32)
        capacity = n * (2 + n_ticks // 20)  # 5 % per tick and room for one full tick
        ticks, indices = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        start = clock()
        n_spikes = self._function(
            n,
            workload.vth_mant << WEIGHT_SHIFT,
            workload.bias_mant,
            v,
            arriving,
            workload.indptr,
            self._target,
            workload.weight_mant,
            n_ticks,
            capacity,
            ticks,
            indices,
        )
        run_s = clock() - start
        assert n_spikes >= 0, f"more than {capacity} spikes"
        return run_s, np.column_stack([ticks[:n_spikes], indices[:n_spikes]]).astype(np.int64)


def _compile() -> Any:
    compiler = os.environ.get("CC", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "roofline.so"
        subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).roofline
    array = np.ctypeslib.ndpointer
    function.restype = ctypes.c_int64
    function.argtypes = [
        ctypes.c_int64,
        ctypes.c_int32,
        array(np.int16, flags="C"),
        array(np.int32, flags="C"),
        array(np.int32, flags="C"),
        array(np.int64, flags="C"),
        array(np.uint16, flags="C"),
        array(np.int16, flags="C"),
        ctypes.c_int64,
        ctypes.c_int64,
        array(np.int32, flags="C"),
        array(np.int32, flags="C"),
    ]
    return function
