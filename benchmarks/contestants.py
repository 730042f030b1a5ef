"""The simulators that bench_speed.py compares, behind one call: run from tick 0, tell the seconds.

Ours and the C loops run in this process, each peer in a process of its own environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, cast

import numpy as np
import peers
from peer_loop import CLOCKS
from roofline import Plain, Roofline
from workloads import DELAYS, NETWORKS, Ints, Recurrent, described

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
        """Spikes int64 [n, 2] (tick, index) of such a run, sorted; None if it is no simulator."""

    def close(self) -> None:
        """Ends what the contestant started."""


class Ours:
    """This project's native engine. Timed: the whole `run` call."""

    def __init__(self, workload: Recurrent, chip: str = "loihi-wide"):
        try:
            import emulator as em
        except ImportError as error:
            raise ContestantError(f"{error}: install this project first, `pip install .`") from error
        self._em = em
        self._workload = workload
        try:
            start = time.perf_counter()
            network = described(workload)
            built = time.perf_counter()
            self.program = em.compile(network, em.load_chip(chip), seed=0)
            compiled = time.perf_counter()
            self.result(1)  # a missing native engine shows only now
        except em.EmulatorError as error:
            raise ContestantError(f"emulator: {error}") from error
        self.facts: dict[str, Any] = {
            "versions": {"spikemesh": em.__version__},
            "build_s": built - start,
            "compile_s": compiled - built,
            "n_cores": self.program.image.n_cores,
        }

    def run(self, n_ticks: int, clock: str) -> float:
        start = CLOCKS[clock]()
        self.result(n_ticks)
        return CLOCKS[clock]() - start

    def spikes(self, n_ticks: int) -> Any:
        result = self.result(n_ticks)
        spikes = result.spikes("cells")
        counted, expected = result.counts["synaptic_ops"], self._workload.n_events(spikes[:, 1])
        assert counted == expected, f"{counted} synaptic operations counted, {expected} expected"
        return spikes

    def result(self, n_ticks: int, threads: int = 1) -> Any:
        """What em.run returns. Raises ContestantError if it refuses."""
        options = {"engine": "native", "timing": False, "threads": threads}
        try:
            return self._em.run(self.program, n_ticks=n_ticks, **options)
        except self._em.EmulatorError as error:
            raise ContestantError(f"emulator: {error}") from error

    def close(self) -> None:
        """Nothing to end."""


class PlainC:
    """`plain` of roofline.c. Timed: its one call."""

    def __init__(self, workload: Recurrent):
        start = time.perf_counter()
        self._plain = _c(lambda: Plain(workload))
        self.facts: dict[str, Any] = {"versions": {}, "build_s": time.perf_counter() - start}

    def run(self, n_ticks: int, clock: str) -> float:
        return self._plain.run(n_ticks, CLOCKS[clock])[0]

    def spikes(self, n_ticks: int) -> Any:
        return self._plain.run(n_ticks)[1]

    def close(self) -> None:
        """Nothing to end."""


class Bound:
    """`roofline` of roofline.c, a bound that simulates nothing. Timed: its one call."""

    def __init__(self, workload: Recurrent, spikes: Ints):
        start = time.perf_counter()
        self._roofline = _c(lambda: Roofline(workload, spikes))
        versions = {"kernel": self._roofline.kernel}
        self.facts: dict[str, Any] = {"versions": versions, "build_s": time.perf_counter() - start}

    def run(self, n_ticks: int, clock: str) -> float:
        return self._roofline.run(n_ticks, CLOCKS[clock])

    def spikes(self, n_ticks: int) -> Any:
        return None

    def close(self) -> None:
        """Nothing to end."""


def _c(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (OSError, subprocess.CalledProcessError) as error:
        raise ContestantError(f"roofline.c: {error}: it needs a C compiler, gcc or $CC") from error


class Peer:
    """A peer_*.py in its own process; see peer_loop.py for what is said. Its script says what is timed."""

    def __init__(self, script: str, workload_file: Path, python: Path | None = None):
        """python: of an environment that has all it needs; None: the peers' own."""
        environment = {**os.environ, **ONE_THREAD}
        environment.pop("PYTHONPATH", None)  # nothing of ours may reach the peers' environment
        self._script = script
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [str(python or peers.interpreter()), str(FOLDER / script), str(workload_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )
        self.facts: dict[str, Any] = self._answer()

    def run(self, n_ticks: int, clock: str) -> float:
        answer = self._ask(n_ticks, clock, None)
        self.facts |= answer["facts"]
        return float(answer["run_s"])

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
    """A contestant's terms: what it is given, and by which factors we are to beat it."""

    name: str
    script: str | None = None  # of a peer
    networks: tuple[str, ...] = tuple(NETWORKS)
    delays: tuple[str, ...] = tuple(DELAYS)
    max_events: int | None = None  # of a run: slow ones get fewer ticks
    ratio: Mapping[str, float] = field(default_factory=dict)  # delays -> target of the run
    total_ratio: Mapping[str, float] = field(default_factory=dict)  # network -> target of all it takes
    remark: str = ""

    def n_ticks(self, network: str, wanted: int) -> int:
        """Ticks it runs, of those wanted."""
        if self.max_events is None:
            return wanted
        shape = NETWORKS[network]
        per_tick = shape.n * shape.active * shape.fan_out
        return max(1, min(wanted, int(self.max_events / per_tick)))


SMALL = ("1k-100", "10k-100", "10k-1000")
ENTRIES = (
    Entry("emulator"),
    Entry(
        "brian2-loihi",
        "peer_brian2loihi.py",
        networks=SMALL,
        max_events=4_000_000,
        ratio={"1": 100.0, "1-16": 100.0},
    ),
    Entry(
        "sanafe",
        "peer_sanafe.py",
        networks=SMALL,
        delays=("1",),
        max_events=4_000_000,
        ratio={"1": 100.0},
        remark="its delays end at 6 ticks",
    ),
    Entry(
        "brian2-cpp",
        "peer_brian2cpp.py",
        ratio={"1": 1.5, "1-16": 2.0},
        total_ratio={"50k-1000": 5.0},
        remark="plain brian2, no chip",
    ),
    Entry("plain-c", remark="this very workload in C"),
    Entry("roofline", ratio={"1": 0.6, "1-16": 0.6}, remark="C with all sums in L1: a bound"),
)
