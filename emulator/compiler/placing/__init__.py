"""Where bins go on the mesh: fewest hops of all packets, with those to another chip at their price.

`place_bins` compares placements and keeps the best; none that it keeps has more hops than the sequential one.
Costs are integers, draws are named by the seed, and the additions of the spectral coordinates have one order:
equal arguments give equal bits on any number of threads.
"""

from emulator.compiler.placing.choose import EFFORTS, Progress, Score, place_bins, quick_scores
from emulator.compiler.placing.traffic import Traffic, traffic_of_bins, traffic_of_cores

__all__ = [
    "EFFORTS",
    "Progress",
    "Score",
    "Traffic",
    "place_bins",
    "quick_scores",
    "traffic_of_bins",
    "traffic_of_cores",
]
