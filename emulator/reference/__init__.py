"""The executable specification: plain Python on simpy. Slow, obvious, right.

Invariants: same image and drive, same record as the native engine, bit for bit; no tie is ever left to
simpy's event order (see `clock`); no joule, no cost constant.
"""

from emulator.reference.machine import run
from emulator.reference.traffic import run_mesh

__all__ = ["run", "run_mesh"]
