"""Where a run came from, as text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from emulator.report.tables import facts_text
from emulator.report.units import number

if TYPE_CHECKING:
    from emulator.engine.result import Result

DIGITS = 16
"""Of a digest, as shown; --json has all."""


def provenance_text(result: Result) -> str:
    """Digests, seed, engine, versions and command; what is not known is said."""
    about = result.about
    digests = {key: about[f"{key}_digest"] for key in ("network", "image", "chip")}
    facts = [
        ("network", f"{about['network']!r} {_short(digests['network'])}"),
        ("image", _short(digests["image"])),
        ("chip", f"{about['chip']} {_short(digests['chip'])}"),
    ]
    if about["engine"] is None:
        return facts_text("Where it came from", [*facts, ("run", "not known")])
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    begun = "the state of an earlier run" if about["continued"] else "the initial state"
    facts += [
        ("run", f"{about['engine']} engine, {threads}, seed {about['seed']}, from {begun}"),
        ("given", f"{number(about['host_spikes'])} spikes of the host"),
        ("made by", made_by(result)),
        ("command", shlex.join(about["command"])),
    ]
    return facts_text("Where it came from", facts)


def made_by(result: Result) -> str:
    """`spikemesh 0.1.0, python 3.11.7, ...`"""
    versions = result.about["versions"] or {}
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "an unknown release"


def _short(digest: str | None) -> str:
    return "(too large for a digest)" if digest is None else digest[:DIGITS]
