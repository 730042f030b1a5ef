"""Traffic for the mesh alone: who sends to whom, when, and what no mesh can do better than.

    pattern = em.traffic.uniform(chip)
    packets = em.traffic.open_loop(chip, pattern, rate=0.2, n_slots=10_000, seed=1)
    result = em.run_mesh(chip, packets)

Invariants: everything is made at once in numpy; same arguments and seed, same packets; a longer run of the
same traffic starts with the packets of the shorter one.
"""

from emulator.traffic.bounds import (
    WireLimit,
    ideal_saturation,
    link_cycle_ps,
    link_loads,
    single_stream_rate,
    wire_limit,
    wire_loads,
    zero_load_ps,
)
from emulator.traffic.injection import PACKET_DTYPE, burst, open_loop
from emulator.traffic.patterns import (
    PATTERNS,
    Pattern,
    bit_complement,
    hotspot,
    neighbour,
    pattern_of,
    tornado,
    transpose,
    uniform,
)
from emulator.traffic.statistics import Fairness, Histogram, fairness, histogram
from emulator.traffic.ticks import TickLimits, tick_limits

__all__ = [
    "PACKET_DTYPE",
    "PATTERNS",
    "Fairness",
    "Histogram",
    "Pattern",
    "TickLimits",
    "WireLimit",
    "bit_complement",
    "burst",
    "fairness",
    "histogram",
    "hotspot",
    "ideal_saturation",
    "link_cycle_ps",
    "link_loads",
    "neighbour",
    "open_loop",
    "pattern_of",
    "single_stream_rate",
    "tick_limits",
    "tornado",
    "transpose",
    "uniform",
    "wire_limit",
    "wire_loads",
    "zero_load_ps",
]
