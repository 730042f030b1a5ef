"""Network -> Program. One pass per file; `pipeline.PASSES` is the ordered list.

Invariants: a pass makes a new thing and changes none; it collects every violation, then raises once; equal
inputs and seed give equal bits. `verify` shares no code with the passes it checks.
"""

from emulator.compiler.pipeline import Pass, compile, compile_watched, passes_of
from emulator.compiler.placing import EFFORTS
from emulator.compiler.why_not import WhyNot, why_not

__all__ = ["EFFORTS", "Pass", "WhyNot", "compile", "compile_watched", "passes_of", "why_not"]
