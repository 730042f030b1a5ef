"""run(): picks an engine, same arguments, same Record. Also the mesh alone, and reading results back.

Invariant: the engines see an Image, a ChipSpec and a Drive, and nothing else; names and samples of the
network are translated here, once, for both.
"""

from emulator.engine.load_curve import LoadCurve, LoadPoint, load_curve
from emulator.engine.mesh import MeshResult, run_mesh
from emulator.engine.result import Result, load_record
from emulator.engine.resume import resume
from emulator.engine.run import run

__all__ = [
    "LoadCurve",
    "LoadPoint",
    "MeshResult",
    "Result",
    "load_curve",
    "load_record",
    "resume",
    "run",
    "run_mesh",
]
