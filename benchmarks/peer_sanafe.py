"""The recurrent workload in SANA-FE, on a Loihi-like chip: 8 x 4 tiles, 4 cores each, 1024 per core."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sanafe
from peer_loop import Clock, Workload, serve

PER_CORE = 1024
WIDTH, HEIGHT, CORES_PER_TILE = 8, 4, 4
GROUP = "cells"


def architecture() -> dict[str, Any]:
    """A chip in SANA-FE's format, with one unit of each kind per core and Loihi's published costs.

    Of the description that ships with the package it leaves out the 1024 input units per core, which this
    workload does not use and which make a chip slow to build.
    """
    vertical, horizontal = (4.2e-12, 6.5e-9), (3.0e-12, 4.1e-9)  # J, s
    hops = {"north": vertical, "south": vertical, "east": horizontal, "west": horizontal}
    tile_costs = {f"energy_{side}_hop": energy for side, (energy, _) in hops.items()}
    tile_costs |= {f"latency_{side}_hop": latency for side, (_, latency) in hops.items()}

    def unit(name: str, **attributes: object) -> list[dict[str, object]]:
        return [{"name": name, "attributes": attributes}]

    core = {
        "name": f"core[0..{CORES_PER_TILE - 1}]",
        "attributes": {
            "buffer_position": "soma",
            "buffer_inside_unit": False,
            "max_neurons_supported": PER_CORE,
        },
        "axon_in": unit("axon_in", energy_message_in=0.0, latency_message_in=16e-9),
        "synapse": unit(
            "synapse", model="current_based", energy_process_spike=33.6e-12, latency_process_spike=4.7e-9
        ),
        "dendrite": unit("dendrite", model="accumulator", energy_update=0.0, latency_update=0.0),
        "soma": unit(
            "soma",
            model="leaky_integrate_fire",
            energy_access_neuron=51.2e-12,
            latency_access_neuron=6e-9,
            energy_update_neuron=21.6e-12,
            latency_update_neuron=3.7e-9,
            energy_spike_out=69.3e-12,
            latency_spike_out=30e-9,
        ),
        "axon_out": unit("axon_out", energy_message_out=111e-12, latency_message_out=5.1e-9),
    }
    tiles = {"name": f"tile[0..{WIDTH * HEIGHT - 1}]", "attributes": tile_costs, "core": [core]}
    mesh = {"topology": "mesh", "width": WIDTH, "height": HEIGHT, "link_buffer_size": 16}
    barrier = {"sync_model": "fixed", "latency_sync": 1.4e-6}
    return {"architecture": {"name": "loihi_like", "attributes": {**mesh, **barrier}, "tile": [tiles]}}


class SanaFe:
    """Compartments fill the cores in order. Run with its fastest settings for one thread."""

    def __init__(self, workload: Workload):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "arch.yaml"
            path.write_text(json.dumps(architecture()))  # JSON is YAML
            arch = sanafe.load_arch(str(path))
        self.facts: dict[str, float] = {}
        self._bias = workload["bias_mant"].astype(np.float64).tolist()
        self._v0 = workload["v0"].astype(np.float64).tolist()
        n = len(self._bias)
        network = sanafe.Network()
        group = network.create_neuron_group(GROUP, n)
        model = {
            "threshold": float(workload["vth_mant"]) * 64,
            "reset": 0.0,
            "leak_decay": 1.0,
            "force_update": True,
        }
        cores = arch.cores()
        for index, neuron in enumerate(group.neurons):
            neuron.set_attributes(
                soma_hw_name="soma", log_spikes=True, model_attributes={**model, "bias": self._bias[index]}
            )
            neuron.map_to_core(cores[index // PER_CORE])
        pre = np.repeat(np.arange(n), np.diff(workload["indptr"])).tolist()
        weight = (workload["weight_mant"].astype(np.float64) * 64).tolist()
        group.connect_neurons_sparse(
            group, {"weight": weight}, list(zip(pre, workload["target"].tolist(), strict=True))
        )
        self._chip = sanafe.SpikingChip(arch)
        self._chip.load(network)

    def run(self, n_ticks: int, clock: Clock, record: bool) -> tuple[float, int, Any]:
        """Seconds of the `sim` call."""
        self._start()
        start = clock()
        result = self._chip.sim(
            n_ticks, timing_model="simple", processing_threads=1, spike_trace=True if record else None
        )
        run_s = clock() - start
        spikes: Any = None
        if record:
            rows = [
                (tick, neuron.neuron_offset)
                for tick, fired in enumerate(result["spike_trace"])
                for neuron in fired
            ]
            spikes = sorted(rows)
        return run_s, int(result["neurons_fired"]), spikes

    def _start(self) -> None:
        """A first potential cannot be given: a step before the first adds it as the bias."""
        self._chip.reset()
        self._set_bias(self._v0)
        self._chip.sim(1, timing_model="simple", processing_threads=1)
        self._set_bias(self._bias)

    def _set_bias(self, values: list[float]) -> None:
        for neuron, value in zip(self._chip.mapped_neuron_groups[GROUP], values, strict=True):
            neuron.set_attributes(model_attributes={"bias": value})


if __name__ == "__main__":
    serve(SanaFe, ("sanafe", "numpy"))
