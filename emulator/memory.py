"""Memory: how much a step may take, asked before it takes any. Who takes more than there is gets killed by
the system without a word; who asks first can say what is too large.

The limit is the least of what the machine has to spare, what the control groups of the process leave it, and
its resource limit. `SPIKEMESH_MEMORY` overrides it: a number of bytes such as 8G, or `unlimited`.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from emulator.errors import EmulatorError

VARIABLE = "SPIKEMESH_MEMORY"
UNLIMITED = sys.maxsize

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_CGROUPS = PurePosixPath("/sys/fs/cgroup")
_GROUP_FILES = (
    ("", "memory.max", "memory.current"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Folder, limit and use: of the unified hierarchy, and of the older one that has one for memory alone."""


def require(n_bytes: int, what: str, way_out: str, error: type[EmulatorError]) -> None:
    """Raises `error` if `n_bytes` are more than there are."""
    limit = available_bytes(error)
    if n_bytes > limit:
        raise error(
            f"{what}: takes {shown_bytes(n_bytes)} of memory, {shown_bytes(limit)} are available: {way_out}, "
            f"or set {VARIABLE} if you know better"
        )


def available_bytes(error: type[EmulatorError] = EmulatorError) -> int:
    """Bytes that may still be taken; UNLIMITED where nobody can tell."""
    given = os.environ.get(VARIABLE, "")
    if given:
        return _given_bytes(given, error)
    return max(0, min([UNLIMITED, *_machine(), *_groups(), *_own()]))


def shown_bytes(n_bytes: int) -> str:
    """A size for people to read."""
    size, unit = float(n_bytes), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def _given_bytes(text: str, error: type[EmulatorError]) -> int:
    if text.lower() == "unlimited":
        return UNLIMITED
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?)([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise error(f"{VARIABLE}={text!r}: expected a number of bytes such as 8G, or unlimited")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _machine() -> Iterator[int]:
    """What the system could give without swapping."""
    for line in _lines("/proc/meminfo"):
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            yield int(value.split()[0]) * 1024


def _groups() -> Iterator[int]:
    """What each control group around this process leaves it; caches that can be dropped count as free."""
    for line in _lines("/proc/self/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, limit_file, use_file = _GROUP_FILES[1 if controllers else 0]
        place = PurePosixPath(path)
        for group in (place, *place.parents):
            within = _CGROUPS / folder / group.relative_to("/")
            limit, use = _number(f"{within}/{limit_file}"), _number(f"{within}/{use_file}")
            if limit is not None and use is not None:
                yield limit - use + _dropped(f"{within}/memory.stat")


def _dropped(path: str) -> int:
    """Bytes of a control group that the system takes back when others are needed."""
    columns = (line.split() for line in _lines(path))
    return sum(int(column[1]) for column in columns if column[0] in ("inactive_file", "total_inactive_file"))


def _own() -> Iterator[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        for line in _lines("/proc/self/statm"):
            yield limit - int(line.split()[0]) * resource.getpagesize()


def _number(path: str) -> int | None:
    text = next(iter(_lines(path)), "").strip()
    return int(text) if text.isdigit() else None


def _lines(path: str) -> list[str]:
    """Lines of a file that the system shows; none where it does not."""
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.readlines()
    return []
