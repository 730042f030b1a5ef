"""The recurrent workload in plain brian2, compiled to a C++ program (`cpp_standalone`, no OpenMP).

Not an emulator of a chip (no cores, packets, counts or chip arithmetic): the same whole-number equations
in brian2's fastest mode, as a mark between the emulators and the plain C loop.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from typing import Any

import brian2
import numpy as np
from brian2.devices import device
from peer_loop import Clock, Workload, serve


class Brian2Cpp:
    """The program is generated for one number of ticks and rerun; brian2 reports its simulation time."""

    def __init__(self, workload: Workload):
        self._workload = workload
        self._n_ticks = 0
        self._folder = ""
        self.facts: dict[str, float] = {}  # seconds of the first run from nothing, compiling and all

    def run(self, n_ticks: int, clock: Clock, record: bool) -> tuple[float, int, Any]:
        """Seconds as the generated program itself measures its loop over the ticks: always wall time."""
        if n_ticks == self._n_ticks:
            device.run(directory=self._folder, with_output=False, run_args=[])
        else:
            self._compile(n_ticks)
        spikes = None
        if record:
            tick, index = np.rint(np.asarray(self._spikes.t_) * 1000), np.asarray(self._spikes.i)
            spikes = np.column_stack([tick, index])[np.lexsort((index, tick))]
        return float(device._last_run_time), int(self._spikes.num_spikes), spikes

    def _compile(self, n_ticks: int) -> None:
        """Generates, compiles and runs."""
        start = time.perf_counter()
        self.close()
        self._folder = tempfile.mkdtemp(prefix="brian2cpp-")
        if self._n_ticks:
            device.reinit()
        brian2.set_device("cpp_standalone", build_on_run=False, directory=self._folder)
        brian2.defaultclock.dt = 1 * brian2.ms
        workload, n = self._workload, len(self._workload["v0"])
        threshold = int(workload["vth_mant"]) * 64
        group = brian2.NeuronGroup(
            n,
            "v : integer\nq : integer\nbias : integer (constant)",
            threshold=f"v > {threshold}",
            reset="v = 0",
        )
        group.v, group.bias = workload["v0"], workload["bias_mant"]
        group.run_regularly("v += q + bias\nq = 0", when="groups")
        synapses = brian2.Synapses(group, group, "w : integer (constant)", on_pre="q_post += w")
        pre = np.repeat(np.arange(n, dtype=np.int32), np.diff(workload["indptr"]))
        target, weight, delay_ticks = workload["target"], workload["weight_mant"], workload["delay_ticks"]
        mixed = len(delay_ticks) > 1
        if mixed:
            # Its fastest order: synapses that become due together lie together. 2 x as fast as by target.
            order = np.argsort(pre * np.int64(64) + delay_ticks, kind="stable")
            target, weight, delay_ticks = target[order], weight[order], delay_ticks[order]
        synapses.connect(i=pre, j=target)
        synapses.w = weight.astype(np.int32) * 64
        if mixed:
            # By the schedule below its delay 0 is the next tick, our delay_ticks 1.
            synapses.delay = (delay_ticks - 1.0) * brian2.ms
        self._spikes = brian2.SpikeMonitor(group)
        network = brian2.Network(group, synapses, self._spikes)
        network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
        network.run(n_ticks * brian2.ms)
        device.build(directory=self._folder, compile=True, run=True, with_output=False)
        self._n_ticks = n_ticks
        self.facts = {"total_s": time.perf_counter() - start}

    def close(self) -> None:
        """Removes the generated program."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


if __name__ == "__main__":
    made: list[Brian2Cpp] = []

    def build(workload: Workload) -> Brian2Cpp:
        made.append(Brian2Cpp(workload))
        return made[0]

    try:
        serve(build, ("brian2", "numpy"))
    finally:
        for simulator in made:
            simulator.close()
