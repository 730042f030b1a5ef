"""Crossbar cores as one batched product of numpy a tick: active axons times weights, float32, all cores."""

from __future__ import annotations

from typing import Any

import numpy as np
from peer_loop import Clock, Workload, serve

SLOTS = 16


class BatchedProduct:
    """4 bytes a crosspoint, whether there is a synapse or not."""

    def __init__(self, workload: Workload):
        self._workload = workload
        bits = np.unpackbits(workload["rows"], axis=-1, bitorder="little")  # [n_cores, axons, neurons]
        signs = np.where(workload["axon_types"] == 0, workload["weight"], -workload["weight"])
        self._weights = bits.astype(np.float32) * signs.astype(np.float32)[:, None]
        self._fan_out = bits.sum(axis=2, dtype=np.int64)
        n_axons = bits.shape[1]
        self._target = workload["target_core"].astype(np.int64) * n_axons + workload["target_axon"]
        self.facts: dict[str, float] = {}

    def run(self, n_ticks: int, clock: Clock, record: bool) -> tuple[float, int, Any]:
        given = self._workload
        leak, alpha, delay = int(given["leak"]), int(given["alpha"]), given["delay"].astype(np.int64)
        due = np.zeros((SLOTS, *self._fan_out.shape), dtype=np.uint8)
        flat = due.reshape(SLOTS, -1)
        v = given["v0"].astype(np.int32)
        n_spikes = operations = 0
        kept = []
        start = clock()
        for tick in range(n_ticks):
            active = due[tick % SLOTS].copy()
            due[tick % SLOTS] = 0
            operations += int((self._fan_out * active).sum())
            product = np.matmul(active[:, None, :].astype(np.float32), self._weights)
            v += product[:, 0, :].astype(np.int32) + leak
            fired = v >= alpha
            v = np.where(fired, v - alpha, np.where(v < -alpha, v + alpha, v))
            n_spikes += int(fired.sum())
            flat[(tick + delay[fired]) % SLOTS, self._target[fired]] = 1
            if record:
                index = np.flatnonzero(fired)
                kept.append(np.column_stack([np.full(len(index), tick), index]))
        run_s = clock() - start
        self.facts = {"synaptic_ops": operations}
        return run_s, n_spikes, np.concatenate(kept) if kept else np.zeros((0, 2), dtype=np.int64)


if __name__ == "__main__":
    serve(BatchedProduct, ("numpy",))
