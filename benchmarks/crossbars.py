"""Contestants on crossbar cores: ours, a plain C loop, a batched product of numpy; all run from tick 0."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from contestants import ContestantError, Peer
from numpy.typing import NDArray
from peer_loop import CLOCKS

try:
    import emulator as em
    from emulator.bench.characterisation import tiles_of
    from emulator.bench.characterisation_network import WEIGHT, Characterisation, described, network_of
except ImportError as missing:
    raise SystemExit(f"{missing}: install this project first, `pip install .`") from missing

SOURCE = Path(__file__).resolve().parent / "crossbar_loop.c"
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC")
CHIP = "truenorth"
SEED = 7
SLOTS, N = 16, 256
MOST_ACTIVE = 0.3  # spikes of a neuron and tick that there is room for


def network(side: int, rate_hz: float, n_synapses: int) -> Characterisation:
    """side x side cores; ticks of 1 ms."""
    return described(side**2, rate_hz / 1000, n_synapses, SEED)


def program_of(given: Characterisation, *, record_spikes: bool) -> em.Program:
    """Ours, described core by core and compiled."""
    chip = em.load_chip(CHIP)
    tiles = tiles_of(chip, round(given.n_cores**0.5))
    return em.compile(network_of(given, tiles, record_spikes=record_spikes), chip, seed=0)


class OurCores:
    """This project's native engine with all its counts. Timed: the whole `run` call."""

    def __init__(self, given: Characterisation):
        self._given = given
        self._program = program_of(given, record_spikes=False)
        self.run(1, "wall")  # arranges the cores: kept with the program

    def run(self, n_ticks: int, clock: str) -> float:
        start = CLOCKS[clock]()
        em.run(self._program, n_ticks, timing=False)
        return CLOCKS[clock]() - start

    def answers(self, n_ticks: int) -> tuple[NDArray[np.int64], int]:
        """Spikes [n, 2] (tick, core * 256 + neuron), sorted, and synaptic operations."""
        result = em.run(program_of(self._given, record_spikes=True), n_ticks, timing=False)
        trains = []
        for core in range(self._given.n_cores):
            spikes = result.spikes(f"c{core}")
            trains.append(spikes + np.array([0, core * N]))
        return _sorted(np.concatenate(trains)), result.counts["synaptic_ops"]

    def close(self) -> None:
        """Nothing to end."""


class CrossbarLoop:
    """crossbar_loop.c. Timed: its one call."""

    def __init__(self, given: Characterisation):
        n_cores, shape = given.n_cores, given.v0.shape
        self._given = given
        bits = np.unpackbits(given.rows, axis=-1, bitorder="little")
        self._connected = np.ascontiguousarray(bits.transpose(0, 2, 1))
        self._weight = np.zeros((*shape, 4), np.int16)
        self._weight[..., :2] = WEIGHT, -WEIGHT
        self._target = (given.target_core * N + given.target_axon).astype(np.int32)
        self._n_cores = n_cores
        self._loop = _compiled().crossbar_loop

    def run(self, n_ticks: int, clock: str) -> float:
        return self._run(n_ticks, clock)[0]

    def answers(self, n_ticks: int) -> tuple[NDArray[np.int64], int]:
        _, spikes, operations = self._run(n_ticks, "wall")
        return _sorted(spikes), operations

    def close(self) -> None:
        """Nothing to end."""

    def _run(self, n_ticks: int, clock: str) -> tuple[float, NDArray[np.int64], int]:
        given = self._given
        v, due = given.v0.copy(), np.zeros((SLOTS, self._n_cores, N), np.uint8)
        capacity = round(MOST_ACTIVE * v.size * n_ticks) + v.size
        ticks, indices = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        operations = np.zeros(1, np.int64)
        arguments = [
            *_words(self._n_cores),
            *_pointers(self._connected, given.axon_types, self._weight),
            *_words(given.leak, given.alpha),
            *_pointers(v, self._target, given.delay, due),
            *_words(n_ticks, capacity),
            *_pointers(ticks, indices, operations),
        ]
        start = CLOCKS[clock]()
        n_spikes = self._loop(*arguments)
        run_s = CLOCKS[clock]() - start
        assert n_spikes >= 0, f"more than {capacity} spikes"
        spikes = np.column_stack([ticks[:n_spikes], indices[:n_spikes]]).astype(np.int64)
        return run_s, spikes, int(operations[0])


class NumpyProduct(Peer):
    """peer_numpy.py, in a process of its own so that it has one thread. Timed: its loop over the ticks."""

    def __init__(self, given: Characterisation):
        arrays = {field.name: getattr(given, field.name) for field in fields(given)}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cores.npz"
            np.savez(path, axon_types=given.axon_types, weight=WEIGHT, **arrays)
            super().__init__("peer_numpy.py", path, Path(sys.executable))

    def answers(self, n_ticks: int) -> tuple[NDArray[np.int64], int]:
        self.run(n_ticks, "wall")
        return _sorted(self.spikes(n_ticks)), int(self.facts["synaptic_ops"])


@cache
def _compiled() -> Any:
    """The library, compiled."""
    compiler = os.environ.get("CC", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crossbar_loop.so"
        try:
            subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(path)], check=True)
            library = ctypes.CDLL(str(path))
        except (OSError, subprocess.CalledProcessError) as error:
            raise ContestantError(f"{SOURCE.name}: {error}: it needs a C compiler, gcc or $CC") from error
    library.crossbar_loop.restype = ctypes.c_int64
    return library


def _sorted(spikes: NDArray[np.int64]) -> NDArray[np.int64]:
    return spikes[np.lexsort((spikes[:, 1], spikes[:, 0]))]


def _words(*values: int) -> list[Any]:
    return [ctypes.c_int64(value) for value in values]


def _pointers(*arrays: NDArray[Any]) -> list[Any]:
    assert all(array.flags.c_contiguous for array in arrays)
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
