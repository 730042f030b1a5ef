"""The recurrent workload in brian2-loihi (Cython code generation, brian2's default)."""

from __future__ import annotations

import contextlib
import sys
import time
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brian2
import brian2_loihi as bl
import numpy as np
from peer_loop import Clock, Workload, serve

WARM_RUNS = 3


class Brian2Loihi:
    """brian2-loihi has no bias register; as I lasts one tick, `I += bias` just before the update is one."""

    def __init__(self, workload: Workload):
        # Compiled code is kept with the environment, not in the user's home.
        brian2.prefs.codegen.runtime.cython.cache_dir = str(Path(sys.prefix) / "brian2_cache")
        n = len(workload["v0"])
        group = bl.LoihiNeuronGroup(
            n, refractory=1, threshold_v_mant=int(workload["vth_mant"]), decay_v=0, decay_I=4096
        )
        group.v = workload["v0"]
        group.variables.add_array("bias", size=n, values=workload["bias_mant"].astype(np.float64))
        group.run_regularly("I += bias", when="before_groups", dt=1 * brian2.ms)
        self.facts: dict[str, float] = {}
        with _delay_per_synapse():
            synapses = bl.LoihiSynapses(group, group, sign_mode=bl.synapse_sign_mode.MIXED)
        synapses.connect(i=np.repeat(np.arange(n), np.diff(workload["indptr"])), j=workload["target"])
        synapses.w = workload["weight_mant"].astype(np.int64)
        # Its delay 0 is the next tick, our delay_ticks 1.
        synapses.delay = (workload["delay_ticks"] - 1.0) * brian2.ms
        self._spikes = bl.LoihiSpikeMonitor(group)
        self._network = bl.LoihiNetwork(group, synapses, self._spikes)
        self._network.store()
        self._timed(1, time.perf_counter)  # compiles

    def run(self, n_ticks: int, clock: Clock, record: bool) -> tuple[float, int, Any]:
        """Every run() call prepares its code anew for a constant time, which is left out of the seconds."""
        startup_s = min(self._timed(1, clock) for _ in range(WARM_RUNS))
        run_s = self._timed(n_ticks, clock) - startup_s
        spikes = None
        if record:
            tick = np.rint(np.asarray(self._spikes.t_) * 1000)
            index = np.asarray(self._spikes.i)
            spikes = np.column_stack([tick, index])[np.lexsort((index, tick))]
        return run_s, int(self._spikes.num_spikes), spikes

    def _timed(self, n_ticks: int, clock: Clock) -> float:
        self._network.restore()
        start = clock()
        self._network.run(n_ticks)
        return clock() - start


@contextlib.contextmanager
def _delay_per_synapse() -> Iterator[None]:
    """brian2-loihi sets one delay for all synapses of a group; brian2 beneath it has one for each."""
    original = brian2.Synapses.__init__

    def initialise(self: Any, *arguments: Any, delay: object = None, **named: Any) -> None:
        original(self, *arguments, **named)

    with unittest.mock.patch.object(brian2.Synapses, "__init__", initialise):
        yield


if __name__ == "__main__":
    serve(Brian2Loihi, ("brian2-loihi", "brian2", "numpy", "cython"))
