"""spikemesh: an event-driven emulator of neuromorphic chips.

    import emulator as em

    net = em.Network("demo")
    ...
    program = em.compile(net, em.load_chip("loihi"))
    result = em.run(program, n_ticks=100, stimulus={"in": raster})

Public names only; what each does is told where it is defined.
"""

from emulator import clocked, traffic
from emulator.chip.baseline import BaselineSpec
from emulator.chip.spec import ChipSpec
from emulator.compiler import compile
from emulator.energy import Ledger
from emulator.engine import LoadCurve, MeshResult, Result, load_curve, load_record, resume, run, run_mesh
from emulator.errors import (
    CompileError,
    DescriptionError,
    EmulatorError,
    ImageError,
    SimulationError,
    SpecError,
)
from emulator.faults import Upsets, inject
from emulator.formats import (
    baselines,
    chip_schema,
    chips,
    from_nir,
    from_truenorth_json,
    load_baseline,
    load_chip,
    load_network,
    load_program,
    truenorth_json_stimulus,
)
from emulator.network import (
    LIF,
    LoihiCuba,
    LoihiSynapse,
    Network,
    Poisson,
    Regular,
    Scripted,
    Triplets,
    TrueNorth,
)
from emulator.program import Program

__version__ = "0.1.0"

__all__ = [
    "LIF",
    "BaselineSpec",
    "ChipSpec",
    "CompileError",
    "DescriptionError",
    "EmulatorError",
    "ImageError",
    "Ledger",
    "LoadCurve",
    "LoihiCuba",
    "LoihiSynapse",
    "MeshResult",
    "Network",
    "Poisson",
    "Program",
    "Regular",
    "Result",
    "Scripted",
    "SimulationError",
    "SpecError",
    "Triplets",
    "TrueNorth",
    "Upsets",
    "baselines",
    "chip_schema",
    "chips",
    "clocked",
    "compile",
    "from_nir",
    "from_truenorth_json",
    "inject",
    "load_baseline",
    "load_chip",
    "load_curve",
    "load_network",
    "load_program",
    "load_record",
    "resume",
    "run",
    "run_mesh",
    "traffic",
    "truenorth_json_stimulus",
]
