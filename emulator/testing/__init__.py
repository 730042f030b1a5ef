"""For tests of chips, networks and engines: Hypothesis strategies and comparison of records.

Needs the extra `test`. Nobody in `emulator` imports this folder; users' tests do.
"""

from emulator.record import first_difference
from emulator.testing.crossbar_strategies import core_networks, crossbar_cases
from emulator.testing.strategies import Case, cases, chips, networks, stimuli, traffic

__all__ = [
    "Case",
    "cases",
    "chips",
    "core_networks",
    "crossbar_cases",
    "first_difference",
    "networks",
    "stimuli",
    "traffic",
]
