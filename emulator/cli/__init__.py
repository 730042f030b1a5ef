"""Command line `spikemesh`, also `python -m emulator`: parses arguments, calls the library, prints.

Invariants: text and results go to stdout, progress and notes to stderr; with --json stdout holds one JSON
document and nothing besides. Exit codes: 0; 1 a run failed; 2 bad usage or input; 130 interrupted; 141 the
reader of our output went away.
"""

from emulator.cli.main import main

__all__ = ["main"]
