"""Profile: spikes that a run measured, which a mapping is weighed by.

A sender weighs its spikes and one more: what was silent in the run still goes near what it is connected to,
and a short run, which tells little, changes little. Measured spikes are read by the names of the network, so
the run may have been on any chip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emulator.errors import CompileError
from emulator.network import Network
from emulator.record import Named, Record

Longs = NDArray[np.int64]
Sizes = dict[tuple[str, str], int]  # (kind, name) of a part -> neurons or inputs

MOST = 2**30
"""Sum of the weights: placement multiplies it with distances and 24-bit factors."""


def sender_weights(network: Network, profile: object) -> Longs:
    """int64 [n_senders], at least 1: what every sender of the network weighs. Errors as `measured_spikes`."""
    return weights_of(measured_spikes(network, profile))


def weights_of(spikes: Longs) -> Longs:
    """int64 [n_senders]: spikes and one more, all scaled down alike where their sum would be above MOST."""
    weights = spikes + 1
    total = float(weights.sum(dtype=np.float64))
    return weights if total <= MOST else np.maximum((weights * (MOST / total)).astype(np.int64), 1)


def measured_spikes(network: Network, profile: object) -> Longs:
    """int64 [n_senders]: spikes of each neuron, then of each input, as passes number them: populations, then
    neurons of cores described directly; sources, then axons of those cores.

    profile: a Record, or a Result. Raises CompileError with all that it does not share with the network.
    """
    record = getattr(profile, "record", profile)
    if not isinstance(record, Record):
        raise CompileError(not_a_record(profile))
    expected = _sizes(network)
    found = {(one.kind, one.name): one for one in record.names}
    problems = list(_mismatches(expected, found, network)) or list(_silence(record, network))
    if problems:
        raise CompileError(problems)
    n_slots = record.state.v.shape[1]
    first = {"population": 0, "source": n_slots}
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate(
        [none, *(record.spikes_by_sender[first[part[0]] + found[part].address] for part in expected)]
    )


def not_a_record(profile: object) -> list[str]:
    """What is wrong with the kind of a profile; nothing of None, which is no profile."""
    if profile is None or isinstance(getattr(profile, "record", profile), Record):
        return []
    return [
        f"profile {type(profile).__name__}: must be the record of a run: result.record of emulator.run(), or "
        "what emulator.load_record() returns"
    ]


def _sizes(network: Network) -> Sizes:
    """Parts in the order of their senders."""
    neurons = {("population", part.name): part.n for part in (*network.populations, *network.cores)}
    sources = {("source", source.name): source.n for source in network.sources}
    return {**neurons, **sources, **{("source", core.name): core.n_axons for core in network.cores}}


def _mismatches(expected: Sizes, found: dict[tuple[str, str], Named], network: Network) -> Iterator[str]:
    if not found:
        yield (
            "profile: a record without names, of an image that was run by itself: take the record of "
            "emulator.run() or of a file"
        )
        return
    for (kind, name), n in expected.items():
        if (kind, name) not in found:
            listed = ", ".join(repr(one.name) for one in found.values() if one.kind == kind) or "none"
            yield (
                f"profile: no {kind} {name!r}, which network {network.name!r} has; the run had {listed}: "
                "take the record of a run of this network"
            )
        elif len(found[kind, name].address) != n:
            yield (
                f"profile: {kind} {name!r} has {len(found[kind, name].address)} "
                f"{'neurons' if kind == 'population' else 'inputs'}, in network {network.name!r} {n}: take "
                "the record of a run of this network"
            )
    for kind, name in found.keys() - expected.keys():
        yield f"profile: {kind} {name!r} is not in network {network.name!r}: take the record of a run of this"


def _silence(record: Record, network: Network) -> Iterator[str]:
    if not record.spikes_by_sender.any():
        yield (
            f"profile: no spike in {record.n_rows} ticks of network {network.name!r}: drive its sources, or "
            "run it for longer"
        )
