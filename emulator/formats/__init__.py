"""Files in and out: the only code that opens a file.

Invariants: a write leaves the old file or the new one, never half of one; what a read returns has passed
every check that its users rely on, whoever made the file; whatever is wrong is an `EmulatorError`.
"""

from emulator.formats.arrays import load_arrays
from emulator.formats.baselines import baselines, load_baseline
from emulator.formats.checkpoints import CheckpointedRun, CheckpointFile, check_new_checkpoint
from emulator.formats.chips import chip_schema, chips, load_chip
from emulator.formats.files import write_atomic
from emulator.formats.networks import load_network, save_network
from emulator.formats.nir import from_nir
from emulator.formats.programs import load_program, save_program
from emulator.formats.records import load_record, save_result
from emulator.formats.stimuli import load_stimulus
from emulator.formats.tables import optional, save_tables
from emulator.formats.trace_events import MAX_EVENTS, Journeys, Shown, save_trace
from emulator.formats.truenorth_json import from_truenorth_json, truenorth_json_stimulus

__all__ = [
    "MAX_EVENTS",
    "CheckpointFile",
    "CheckpointedRun",
    "Journeys",
    "Shown",
    "baselines",
    "check_new_checkpoint",
    "chip_schema",
    "chips",
    "from_nir",
    "from_truenorth_json",
    "load_arrays",
    "load_baseline",
    "load_chip",
    "load_network",
    "load_program",
    "load_record",
    "load_stimulus",
    "optional",
    "save_network",
    "save_program",
    "save_result",
    "save_tables",
    "save_trace",
    "truenorth_json_stimulus",
    "write_atomic",
]
