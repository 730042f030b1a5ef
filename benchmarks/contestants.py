"""The simulators that bench_engine.py compares, behind one call: run from tick 0, tell the seconds.

Ours and the plain C loop run in this process, each peer in a process of its own environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

import numpy as np
import peers
from peer_loop import CLOCKS
from roofline import Roofline
from workloads import Recurrent

FOLDER = Path(__file__).resolve().parent
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class ContestantError(RuntimeError):
    """A contestant could not be built or died."""


class Contestant(Protocol):
    """A built network that can be run again and again."""

    facts: dict[str, Any]  # plain values for the report: versions, build_s, ...

    def run(self, n_ticks: int, clock: str) -> float:
        """Seconds for `n_ticks` from tick 0, on one of peer_loop.CLOCKS."""

    def spikes(self, n_ticks: int) -> Any:
        """Spikes int64 [n, 2] (tick, index) of such a run, sorted."""

    def close(self) -> None:
        """Ends what the contestant started."""


class Ours:
    """This project's native engine. Timed: the whole `run` call."""

    def __init__(self, workload: Recurrent, chip: str):
        try:
            import emulator as em
        except ImportError as error:
            raise ContestantError(f"{error}: install this project first, `pip install .`") from error
        try:
            self._build(em, workload, chip)
            self._result(1)  # a missing native engine shows only now
        except em.EmulatorError as error:
            raise ContestantError(f"emulator: {error}") from error

    def _build(self, em: Any, workload: Recurrent, chip: str) -> None:
        start = time.perf_counter()
        network = em.Network("recurrent")
        model = em.LoihiCuba(
            du=4095,
            dv=0,
            vth_mant=workload.vth_mant,
            bias_mant=workload.bias_mant,
            bias_exp=0,
            refractory=1,
            ds_offset=1,
        )
        cells = network.add_population("cells", workload.n_compartments, model, v0=workload.v0)
        synapses = em.Triplets(workload.pre, workload.target, workload.weight_mant, 1)
        network.connect(cells, cells, weights=synapses, synapse=em.LoihiSynapse(w_exp=0, weight_bits=8))
        built = time.perf_counter()
        self._program = em.compile(network, em.load_chip(chip), seed=0)
        compiled = time.perf_counter()
        self._run: Callable[..., Any] = em.run
        self._workload = workload
        self.facts: dict[str, Any] = {
            "versions": {"spikemesh": em.__version__},
            "build_s": built - start,
            "compile_s": compiled - built,
            "n_cores": self._program.image.n_cores,
        }

    def run(self, n_ticks: int, clock: str) -> float:
        start = CLOCKS[clock]()
        self._result(n_ticks)
        return CLOCKS[clock]() - start

    def spikes(self, n_ticks: int) -> Any:
        result = self._result(n_ticks)
        spikes = result.spikes("cells")
        counted, expected = result.counts["synaptic_ops"], self._workload.n_events(spikes[:, 1])
        assert counted == expected, f"{counted} synaptic operations counted, {expected} expected"
        return spikes

    def _result(self, n_ticks: int) -> Any:
        return self._run(self._program, n_ticks=n_ticks, engine="native", timing=False, threads=1)

    def close(self) -> None:
        """Nothing to end."""


class PlainC:
    """roofline.c. Timed: its one call."""

    def __init__(self, workload: Recurrent):
        start = time.perf_counter()
        try:
            self._roofline = Roofline(workload)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ContestantError(f"roofline.c: {error}: it needs a C compiler, gcc or $CC") from error
        self.facts: dict[str, Any] = {"versions": {}, "build_s": time.perf_counter() - start}

    def run(self, n_ticks: int, clock: str) -> float:
        return self._roofline.run(n_ticks, CLOCKS[clock])[0]

    def spikes(self, n_ticks: int) -> Any:
        return self._roofline.run(n_ticks)[1]

    def close(self) -> None:
        """Nothing to end."""


class Peer:
    """A peer_*.py in its own process; see peer_loop.py for what is said. Its script says what is timed."""

    def __init__(self, script: str, workload_file: Path):
        environment = {**os.environ, **ONE_THREAD}
        environment.pop("PYTHONPATH", None)  # nothing of ours may reach the peers' environment
        self._script = script
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [str(peers.interpreter()), str(FOLDER / script), str(workload_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )
        self.facts: dict[str, Any] = self._answer()

    def run(self, n_ticks: int, clock: str) -> float:
        return float(self._ask(n_ticks, clock, None)["run_s"])

    def spikes(self, n_ticks: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spikes.npy"
            self._ask(n_ticks, "wall", path)
            return np.load(path)

    def close(self) -> None:
        cast(IO[str], self._process.stdin).close()
        self._process.wait()
        self._log.close()

    def _ask(self, n_ticks: int, clock: str, spikes: Path | None) -> dict[str, Any]:
        path = None if spikes is None else str(spikes)
        request = json.dumps({"n_ticks": n_ticks, "clock": clock, "spikes": path})
        with contextlib.suppress(BrokenPipeError):  # it has died: `_answer` says of what
            print(request, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = cast(IO[str], self._process.stdout).readline()
        if not line:
            code = self._process.wait()
            self._log.seek(0)
            raise ContestantError(f"{self._script} ended with {code}:\n{self._log.read()[-2000:]}")
        return cast("dict[str, Any]", json.loads(line))


@dataclass(frozen=True)
class Entry:
    """A contestant's terms: how many ticks of a timed run, and by which factor we are to beat it."""

    name: str
    n_ticks: int  # slow ones get fewer, so that every run takes seconds at most
    quick_ticks: int
    script: str | None = None  # of a peer
    target_ratio: float | None = None
    remark: str = ""


ENTRIES = (
    Entry("emulator", 5000, 2000),
    Entry("brian2-loihi", 500, 200, "peer_brian2loihi.py", 50.0),
    Entry("sanafe", 400, 150, "peer_sanafe.py", 30.0),
    Entry(
        "brian2-cpp",
        2000,
        1000,
        "peer_brian2cpp.py",
        remark="plain brian2, no chip; compiles on its first run",
    ),
    Entry("roofline", 5000, 2000, remark="plain C loop"),
)


def enter(entry: Entry, workload: Recurrent, workload_file: Path, chip: str) -> Contestant:
    """Builds a contestant. Raises ContestantError or peers.PeersError."""
    print(f"building {entry.name}", file=sys.stderr)
    if entry.script:
        return Peer(entry.script, workload_file)
    return Ours(workload, chip) if entry.name == "emulator" else PlainC(workload)
