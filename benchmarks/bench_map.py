"""How many packets does the partitioner save, beside the partitioner Mt-KaHyPar and filling in order?

Packets to other cores when every sender fires once. Cores of 1,024 compartments, other limits lifted,
on the networks of `spikemesh bench mapping`: ours is the multilevel candidate of effort `default`, Mt-KaHyPar
has its default preset, both one thread; seconds are of the processor, of partitioning alone. Then Loihi's
full limits, on a board where one chip is not enough: cores and hops of whole programs (each verified) beside
cores in order, row by row, and beside the cores that Mt-KaHyPar's parts take, made legal as ours are.
With --quick only the three smallest networks.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import peers
from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of

import emulator as em
from emulator.bench.mapping_networks import NETWORKS, Edges, network_of
from emulator.compiler.fill import Demand
from emulator.compiler.ir import Quantised
from emulator.compiler.limits import core_limits
from emulator.compiler.parting.legal import legal_bins
from emulator.compiler.partition import demand_in, in_order
from emulator.compiler.pipeline import PASSES, run_passes
from emulator.compiler.placing import traffic_of_bins
from emulator.compiler.targets import target_bins

MOST = 1024  # compartments of a core
QUICK = ("lenet5", "reservoir", "sheet")
ON_CHIP = {"lenet5": "loihi", "ring": "nahuku32", "sheet": "loihi", "modular": "nahuku32"}
ON_CHIP |= {"vgg": "nahuku32", "large-sheet": "nahuku32"}
WORST, MEAN, CPU = 1.10, 1.03, 0.25  # targets
MUCH_LOWER = ("vgg", "large-sheet")  # networks that numbering does not help
CORES, HOPS = 0.5, 0.1  # targets for these


def measure(options: Options) -> Outcome:
    """Packets and seconds by those of Mt-KaHyPar; cores and hops by those in order."""
    names = QUICK if options.quick else tuple(NETWORKS)
    figures: list[Figure] = []
    ratios = []
    for name in names:
        title = NETWORKS[name].title
        print(f"{title}: making", file=sys.stderr, flush=True)
        edges = NETWORKS[name].edges()
        ours, seconds, in_order = _ours(edges)
        theirs, part = _mtkahypar(edges)
        ratios.append(ours / theirs["packets"])
        about = f"{ours:,} of {theirs['packets']:,}; in order {in_order:,}"
        speed = f"{seconds:.3g} s of {theirs['cpu_s']:.3g} s"
        label = f"{title} ({edges[0]:,} neurons, {len(edges[1]):,} synapses)"
        figures.append(Figure(f"{label}: packets : Mt-KaHyPar", ratios[-1], "x", at_most=WORST, spread=about))
        figures.append(
            Figure(f"{label}: CPU : Mt-KaHyPar", seconds / theirs["cpu_s"], "x", at_most=CPU, spread=speed)
        )
        if name in ON_CHIP:
            figures += _on_chip(name, edges, part)
    mean = math.prod(ratios) ** (1 / len(ratios))
    figures.append(Figure("packets : Mt-KaHyPar, geometric mean", mean, "x", at_most=MEAN))
    return figures, []


def _ours(edges: Edges) -> tuple[int, float, int]:
    """Packets, seconds of the pass (filling in order too), packets in order."""
    limits = ("axons_in", "axons_out", "synapse_memory_bits", "delay_slots")
    changes = {f"limits.{name}": None for name in (*limits, "compartment_configs", "threshold_configs")}
    size = {"mesh.width": 32, "mesh.height": 32, "cores.per_tile": 1, "limits.compartments": MOST}
    chip = em.load_chip("loihi-wide").replace(changes | size)
    job = run_passes(network_of(edges), chip, until="quantise")
    step = next(step for step in PASSES if step.name == "partition")
    begun_s = time.process_time()
    found = step.run(job)
    seconds = time.process_time() - begun_s
    packets = []
    for one in (found, found.other):
        if one is not None:
            traffic = traffic_of_bins(one, job["quantise"])
            packets.append(int(traffic.packets[traffic.source < traffic.n_bins].sum()))
    return packets[-1], seconds, packets[0]


def _mtkahypar(edges: Edges) -> tuple[dict[str, Any], np.ndarray]:
    """What it says, and the part of each neuron."""
    n, pre, post = edges
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(pre, minlength=n), out=indptr[1:])
    with tempfile.TemporaryDirectory() as folder:
        path, part_path = Path(folder) / "network.npz", Path(folder) / "part.npy"
        np.savez(path, n=n, indptr=indptr, target=post.astype(np.int32))
        script = Path(__file__).with_name("peer_mtkahypar.py")
        command = [str(peers.partitioner()), str(script), str(path), str(MOST), str(part_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ContestantError(f"mtkahypar: {done.stderr[-500:]}")
        return json.loads(done.stdout.splitlines()[-1]), np.load(part_path)


def _on_chip(name: str, edges: Edges, part: np.ndarray) -> list[Figure]:
    """With all limits: cores and hops of whole programs by those in order, row by row. part: the peer's."""
    chip = em.load_chip(ON_CHIP[name])
    network = network_of(edges)
    begun_s = time.process_time()
    program = em.compile(network, chip)
    seconds = time.process_time() - begun_s
    cores, hops = program.stats["n_cores_used"], program.stats["spike_hops"]
    quantised = run_passes(network, chip, until="quantise")["quantise"]
    n_first = in_order(quantised, network, chip).partition.n_bins
    row_by_row = program.stats["placement"]["spike_hops_sequential"]
    legal = _made_legal(part, quantised, network, chip)
    label = f"{NETWORKS[name].title} on {chip.name}, all limits"
    half, tenth = (CORES, HOPS) if name in MUCH_LOWER else (1.0, 1.0)
    about = f"{hops:,} of {row_by_row:,}; compiled in {seconds:.1f} s of the processor"
    return [
        Figure(f"{label}: cores : in order", cores / n_first, "x", half, spread=f"{cores} of {n_first}"),
        Figure(
            f"{label}: cores : Mt-KaHyPar made legal",
            cores / legal,
            "x",
            1.0,
            spread=f"{cores} of {legal}",
        ),
        Figure(f"{label}: hops : in order, row by row", hops / row_by_row, "x", tenth, spread=about),
    ]


def _made_legal(part: np.ndarray, quantised: Quantised, network: em.Network, chip: em.ChipSpec) -> int:
    """Cores that the parts of a peer take under all limits, axon-out entries as these parts need them."""
    entries = target_bins(quantised, part, int(part.max()) + 1) + quantised.to_host

    def demand_of(order: np.ndarray) -> Demand:
        demand = demand_in(quantised, network, chip, order)
        return replace(demand, entries=entries[order].astype(np.int64))

    return legal_bins(part, demand_of, core_limits(chip), chip.n_cores).n_bins


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
