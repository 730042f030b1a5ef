"""How long does the compiler take for large networks, and how much memory?

Cortical sheets of `spikemesh bench mapping` on the board nahuku32 under all its limits, effort `default`,
every program proved to be its network: 99,856 neurons with 9.3 million synapses, and a million with 94
million. Each in a process of its own; seconds are of the processor, memory is the peak, the network's arrays
included. With --quick only the first.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of

CHIP = "nahuku32"
SIDE, LARGE_SIDE = 316, 1000
SECONDS = {SIDE: 60.0, LARGE_SIDE: 15 * 60.0}  # targets
GB = {SIDE: None, LARGE_SIDE: 16.0}


def measure(options: Options) -> Outcome:
    """Seconds, memory, cores and hops of each."""
    figures: list[Figure] = []
    for side in (SIDE,) if options.quick else (SIDE, LARGE_SIDE):
        print(f"sheet of {side**2:,}: compiling", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, "--compile", str(side)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise ContestantError(f"compiling ended with {done.returncode} (see above)")
        found = json.loads(done.stdout)
        label = f"sheet of {side**2:,} ({found['n_synapses']:,} synapses) on {CHIP}"
        about = f"{found['cores']:,} cores, {found['packets']:,} packets"
        hops = f"{found['hops']:,} of {found['hops_in_order']:,}"
        figures += [
            Figure(f"{label}: compiling", found["seconds"], "s", SECONDS[side], spread=about),
            Figure(f"{label}: peak memory", found["peak_gb"], "GB", GB[side]),
            Figure(f"{label}: hops : in order", found["hops"] / found["hops_in_order"], "x", spread=hops),
        ]
    return figures, []


def _compile(side: int) -> dict[str, float]:
    """Of one network, in this process."""
    import emulator as em
    from emulator.bench.mapping_networks import network_of, sheet

    network = network_of(sheet(side))
    begun_s = time.process_time()
    stats = em.compile(network, em.load_chip(CHIP)).stats
    seconds = time.process_time() - begun_s
    return {
        "n_synapses": network.projections[0].n_synapses,
        "seconds": seconds,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "cores": stats["n_cores_used"],
        "packets": stats["packets"],
        "hops": stats["spike_hops"],
        "hops_in_order": stats["placement"]["spike_hops_sequential"],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compile"]:
        print(json.dumps(_compile(int(sys.argv[2]))))
    else:
        sys.exit(main_of(__doc__, measure, sys.argv[1:]))
