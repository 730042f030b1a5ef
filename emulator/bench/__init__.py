"""Main jobs: trained networks on real data, from the file to the joules, one per module.

Invariant: a bench computes and describes; it neither prints nor writes files. `BENCHES` lists what the
command line offers.
"""

from emulator.bench.digits import digits
from emulator.bench.faults import faults
from emulator.bench.outcome import CHIP, Bench, Outcome
from emulator.bench.soundloc import soundloc

BENCHES: dict[str, Bench] = {
    "digits": Bench("handwritten digits, packed into one core and spread over 16 tiles", digits),
    "soundloc": Bench("the direction of a sound, from the spikes of two ears", soundloc),
    "faults": Bench("accuracy and energy of both against bit errors and dead cores", faults),
}

__all__ = ["BENCHES", "CHIP", "Bench", "Outcome", "digits", "faults", "soundloc"]
