"""The recurrent workload in plain brian2, compiled to a C++ program (`cpp_standalone`, no OpenMP).

Not an emulator of a chip (no cores, packets, counts or chip arithmetic): the same whole-number equations
in brian2's fastest mode, as a mark between the emulators and the plain C loop.
"""

from __future__ import annotations

import shutil
import tempfile
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
        pre = np.repeat(np.arange(n), np.diff(workload["indptr"]))
        synapses.connect(i=pre, j=workload["target"])
        synapses.w = workload["weight_mant"].astype(np.int64) * 64
        self._spikes = brian2.SpikeMonitor(group)
        network = brian2.Network(group, synapses, self._spikes)
        network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
        network.run(n_ticks * brian2.ms)
        device.build(directory=self._folder, compile=True, run=True, with_output=False)
        self._n_ticks = n_ticks

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
