"""Parting: neurons into parts that send each other few packets, each within what a core can take.

Multilevel (Karypis, Aggarwal, Kumar, Shekhar 1999; Schlag et al. 2016, whose metric is our packets): neurons
that share senders are joined until few are left, those are bisected again and again, and on the way back to
single neurons moves between parts are looked for at every size. Draws are by seed: equal arguments, equal
parts.
"""

from emulator.compiler.parting.hypergraph import Hypergraph, hypergraph_of
from emulator.compiler.parting.levels import has_structure
from emulator.compiler.parting.multilevel import Effort, find_parts

__all__ = ["Effort", "Hypergraph", "find_parts", "has_structure", "hypergraph_of"]
