"""Mt-KaHyPar on a network: parts of at most so many neurons, its default preset, one thread.

Usage: peer_mtkahypar.py NETWORK.npz MOST_NEURONS PART.npy; writes the part of each neuron, and prints JSON:
packets (its km1), n_parts, cpu_s.
"""

from __future__ import annotations

import json
import math
import sys
import time

import mtkahypar
import numpy as np


def main(path: str, most: int, part_path: str) -> None:
    network = np.load(path)
    n, indptr, target = int(network["n"]), network["indptr"], network["target"]
    # a net is a sender and its targets: km1 is then the packets to other cores
    nets = [
        [sender, *target[indptr[sender] : indptr[sender + 1]].tolist()]
        for sender in range(n)
        if indptr[sender + 1] > indptr[sender]
    ]
    n_parts = math.ceil(n / most)
    mtkahypar.set_seed(1)
    machine = mtkahypar.initialize(1)
    context = machine.context_from_preset(mtkahypar.PresetType.DEFAULT)
    context.set_partitioning_parameters(n_parts, n_parts * most / n - 1, mtkahypar.Objective.KM1)
    graph = machine.create_hypergraph(context, n, len(nets), nets)
    begun_s = time.process_time()
    found = graph.partition(context)
    cpu_s = time.process_time() - begun_s
    np.save(part_path, np.array(found.get_partition(), dtype=np.int32))
    print(json.dumps({"packets": found.km1(), "n_parts": n_parts, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
