"""Faults put in on purpose: of the chip, of what is loaded, of what its registers hold.

Invariants: nothing is changed, a copy is made, and what is made passes the same checks as what was given; the
seed alone decides what is hit.
"""

from emulator.faults.inject import inject
from emulator.faults.upsets import Upsets, flipped

__all__ = ["Upsets", "flipped", "inject"]
