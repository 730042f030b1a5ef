"""Entry point: runs a command and turns whatever happens into a message and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from typing import NoReturn

from emulator.cli.commands import app
from emulator.cli.output import OutputClosed, OutputFull, RunFailed
from emulator.errors import EmulatorError
from emulator.formats.files import way_out

FAILED, BAD_INPUT, INTERRUPTED, OUTPUT_CLOSED = 1, 2, 130, 141
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DEBUG = "SPIKEMESH_DEBUG"
"""Environment variable: 1 shows the traceback of an internal error."""


def main() -> NoReturn:
    """Runs the command of `sys.argv` and exits."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without a micro sign shows a question mark
    sys.exit(_outcome())


def _outcome() -> int:
    """Exit code of the command; its message is printed."""
    try:
        app(prog_name="spikemesh")
    except SystemExit as finished:
        return _finished(finished)
    except OutputClosed:
        return _output_closed()
    except RunFailed as error:
        return _say(f"the run failed: {error}", FAILED)
    except OutputFull as full:
        return _no_room(full.error)
    except EmulatorError as error:
        return _say(str(error), BAD_INPUT)
    except MemoryError:
        return _say("out of memory: make the run or the network smaller, or use a machine with more", FAILED)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
            return _no_room(error)  # printed by the parser, such as the help
        return _internal(error)
    return 0


def _finished(finished: SystemExit) -> int:
    """The command line's own parser exits with 0, 2 or, on Ctrl-C, 130 (older releases 1)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _output_closed()
    except OSError as error:
        return _no_room(error)
    code = finished.code if isinstance(finished.code, int) else 0
    if code == INTERRUPTED:
        return _say("interrupted; files are written only when complete", INTERRUPTED)
    return code


def _output_closed(code: int = OUTPUT_CLOSED) -> int:
    """Nobody reads any more; what is left in the buffers goes nowhere instead of into a traceback at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _no_room(error: OSError) -> int:
    """What stdout goes to takes no more."""
    return _output_closed(_say(f"standard output: cannot be written: {way_out(error)}", FAILED))


def _internal(error: Exception) -> int:
    if os.environ.get(DEBUG) == "1":
        traceback.print_exc()
    else:
        name = type(error).__name__
        _say(f"internal error, please report it: {name}: {error} ({DEBUG}=1 shows where)", FAILED)
    return FAILED


def _say(message: str, code: int) -> int:
    """Prints one message on stderr and returns `code`."""
    print(f"spikemesh: {message}", file=sys.stderr, flush=True)
    return code
