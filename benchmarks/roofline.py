"""The machine's own marks: `roofline.c`, compiled here with gcc -O3 and called in this process."""

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
from workloads import WEIGHT_SHIFT, Ints, Recurrent

SOURCE = Path(__file__).resolve().parent / "roofline.c"
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC")  # no -march=native: as portable as our own wheels
KERNELS = ("one by one", "sixteen at once")
TRIAL_TICKS = 100


class Plain:
    """The exact workload as a plain C loop. A synapse takes 6 bytes, 7 with mixed delays."""

    def __init__(self, workload: Recurrent):
        self._workload = workload
        self._function = compiled().plain

    def run(self, n_ticks: int, clock: Clock = time.perf_counter) -> tuple[float, Ints]:
        """Seconds, and spikes int64 [n_spikes, 2] (tick, index)."""
        workload = self._workload
        n = workload.n_compartments
        n_rows = int(workload.delay_ticks.max()) + 1
        arriving = np.zeros((n_rows, n), np.int32)
        v = workload.v0.copy()
        capacity = n * (2 + n_ticks // 20)  # 5 % per tick and room for one full tick
        ticks, indices = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        start = clock()
        n_spikes = self._function(
            *_words(n, n_rows),
            ctypes.c_int32(workload.vth_mant << WEIGHT_SHIFT),
            *_pointers(workload.bias_mant, v, arriving, workload.indptr, workload.target),
            *_pointers(workload.weight_mant, workload.delay_ticks),
            *_words(len(workload.delay_ticks) == 1, n_ticks, capacity),
            *_pointers(ticks, indices),
        )
        run_s = clock() - start
        assert n_spikes >= 0, f"more than {capacity} spikes"
        return run_s, np.column_stack([ticks[:n_spikes], indices[:n_spikes]]).astype(np.int64)


class Roofline:
    """The bound, ready to run with the faster of its kernels. A synapse takes 4 bytes."""

    def __init__(self, workload: Recurrent, spikes: Ints):
        """spikes: int64 [n_spikes, 2] (tick, index), sorted: whose rows to stream."""
        self._workload = workload
        library = compiled()
        self._function = library.roofline
        self._target = (workload.target % library.window()).astype(np.uint16)
        self._index = spikes[:, 1].astype(np.int32)
        n_ticks = int(spikes[-1, 0]) + 1 if len(spikes) else 0
        self._tick_ptr = np.searchsorted(spikes[:, 0], np.arange(n_ticks + 1))
        trials = [
            min(self._timed(kernel, min(n_ticks, TRIAL_TICKS), time.perf_counter) for _ in range(3))
            for kernel in range(library.n_kernels())
        ]
        self._kernel = int(np.argmin(trials))
        self.kernel = KERNELS[self._kernel]

    def run(self, n_ticks: int, clock: Clock = time.perf_counter) -> float:
        """Seconds for the first n_ticks of the spikes given."""
        return self._timed(self._kernel, n_ticks, clock)

    def _timed(self, kernel: int, n_ticks: int, clock: Clock) -> float:
        workload = self._workload
        assert n_ticks < len(self._tick_ptr), (n_ticks, len(self._tick_ptr))
        n = workload.n_compartments
        u, v, counter = np.zeros(n, np.int32), workload.v0.copy(), np.zeros(n, np.uint8)
        constants = np.array([workload.vth_mant << WEIGHT_SHIFT, 0, 4096, 1], np.int32)
        start = clock()
        self._function(
            *_words(kernel, n),
            *_pointers(constants, workload.bias_mant, u, v, counter, workload.indptr, self._target),
            *_pointers(workload.weight_mant),
            *_words(n_ticks),
            *_pointers(self._tick_ptr, self._index),
        )
        return clock() - start


def compiled() -> Any:
    """The library, compiled."""
    compiler = os.environ.get("CC", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roofline.so"
        subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(path)], check=True)
        library = ctypes.CDLL(str(path))
    for function in (library.plain, library.roofline, library.n_kernels, library.window):
        function.restype = ctypes.c_int64
    return library


def _words(*values: int) -> list[Any]:
    return [ctypes.c_int64(value) for value in values]


def _pointers(*arrays: Ints) -> list[Any]:
    assert all(array.flags.c_contiguous for array in arrays)
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
