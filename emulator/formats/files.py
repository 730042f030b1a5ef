"""Whole files in and out. A write is atomic: a crash leaves the old file or the new one, never half."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from emulator.errors import ImageError

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "larger than a file may be there: choose another folder, or raise `ulimit -f`",
    errno.ENOENT: "the folder does not exist: create it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another path",
    errno.EACCES: "no permission to write there: choose another folder or change its permissions",
    errno.EPERM: "no permission to write there: choose another folder or change its permissions",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


def write_atomic(path: str | PathLike[str], *chunks: bytes | memoryview) -> None:
    """Writes the chunks, one after another, as the file `path`; replaces an older one of that name.

    A temporary file in the same folder is written, flushed to the disk and renamed. The mode of the file
    that is replaced is kept, and a symbolic link goes on pointing at its target. Raises ImageError.
    """
    named = shown(path)
    target = Path(os.path.realpath(named))
    mode = _mode_of_target(target, named)
    temporary = target.parent / f".spikemesh-{secrets.token_hex(8)}.tmp"
    try:
        with explained(named, "written"), open(temporary, "xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        with explained(named, "written"):
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, target)
    finally:  # also when interrupted; after the rename there is nothing left to remove
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _sync_folder(target.parent)


def read_whole(path: str | PathLike[str], max_bytes: int) -> bytes:
    """Contents of a regular file of at most `max_bytes`. Raises ImageError."""
    named = shown(path)
    try:
        # before opening: opening a pipe would wait for whoever writes to it
        status = os.stat(named)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{named}: {_kind_of(status.st_mode)}, expected a file")
        if status.st_size > max_bytes:
            raise ImageError(f"{named}: {status.st_size} bytes, limit {max_bytes}: give a smaller file")
        with open(named, "rb") as file:
            return file.read(status.st_size)
    except FileNotFoundError:
        raise ImageError(f"{named}: no such file: check the path") from None
    except OSError as error:
        raise ImageError(f"{named}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise ImageError(f"{named}: does not fit in memory: use a machine with more") from error


def writable(path: str | PathLike[str]) -> None:
    """Raises ImageError if there is something of that name that must not be written."""
    named = shown(path)
    _mode_of_target(Path(os.path.realpath(named)), named)


def shown(path: str | PathLike[str]) -> str:
    """The path as text, for opening it and for messages. Raises ImageError for what cannot be a path."""
    try:
        named = os.fsdecode(path)
    except TypeError:
        raise ImageError(f"path {path!r}: must be a string or a path object") from None
    if not named or "\0" in named:
        raise ImageError(f"path {named!r}: must be the name of a file")
    return named


def _mode_of_target(target: Path, named: str) -> int | None:
    """Permission bits of the file to be replaced; None if there is none yet."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImageError(f"{named}: cannot be written: {way_out(error)}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{named}: cannot be written: {_kind_of(status.st_mode)}, give the name of a file")
    mode = stat.S_IMODE(status.st_mode)
    # the rename would replace a protected file all the same; to root, `access` calls everything writable
    if not mode & 0o222 or not os.access(target, os.W_OK):
        raise ImageError(f"{named}: cannot be written: read-only, make it writable or choose another name")
    return mode


def _kind_of(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


@contextlib.contextmanager
def explained(named: str, verb: str) -> Iterator[None]:
    """Turns an OSError into an ImageError with a way out."""
    try:
        yield
    except OSError as error:
        raise ImageError(f"{named}: cannot be {verb}: {way_out(error)}") from error


def way_out(error: OSError) -> str:
    """What happened, and what can be done about it."""
    known = _WAYS_OUT.get(error.errno) if error.errno is not None else None
    return known or f"{error.strerror or error}"


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable. Not every file system can: the file is whole in any case."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
