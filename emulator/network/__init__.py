"""What the user says: populations, sources, projections, probes. No hardware word, except in cores that are
described directly.

Invariant: a Network that exists is valid; every check happens when a part is added, all problems of a call
reported at once.
"""

from emulator.network.cores import Core
from emulator.network.generators import Poisson, Regular, Scripted
from emulator.network.models import LIF, LoihiCuba, LoihiSynapse, Triplets, TrueNorth
from emulator.network.network import Network, Population, Probe, Projection, Source

__all__ = [
    "LIF",
    "Core",
    "LoihiCuba",
    "LoihiSynapse",
    "Network",
    "Poisson",
    "Population",
    "Probe",
    "Projection",
    "Regular",
    "Scripted",
    "Source",
    "Triplets",
    "TrueNorth",
]
