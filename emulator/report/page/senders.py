"""Who drives each core: packets and synaptic operations by the population or source that sent the spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import CrossbarImage
from emulator.chip.events import EVENT_ID
from emulator.report.page.activity import Ways, entries_of, is_lossy

if TYPE_CHECKING:
    from emulator.engine.result import Result

Longs = NDArray[np.int64]

MAX_EXPLAINED = 2000  # cores with names of populations; the dearest
MAX_NAMED = 8  # populations of one core that are named


@dataclass(frozen=True, eq=False)
class Driven:
    """Synaptic operations by sender: rows are (core, part), sorted by core, then most first."""

    core: Longs
    part: Longs  # place in `Symbols.parts`
    n_ops: Longs


def residents(result: Result) -> Driven:
    """The populations of each core: here `n_ops` is the number of their compartments in it."""
    image = result.program.image
    core = np.repeat(np.arange(image.n_cores), np.diff(image.slot_ptr))
    return _summed(core, np.asarray(image.slot_group, dtype=np.int64), np.ones(len(core), dtype=np.int64))


def spikes_of_residents(result: Result) -> dict[tuple[int, int], int]:
    """(core, part) -> recorded spikes."""
    image, slot = result.program.image, result.record.spikes[:, 1]
    core = np.searchsorted(image.slot_ptr, slot, side="right") - 1
    ones = np.ones(len(core), dtype=np.int64)
    found = _summed(core, np.asarray(image.slot_group, dtype=np.int64)[slot], ones)
    keys = zip(found.core.tolist(), found.part.tolist(), strict=True)
    return dict(zip(keys, found.n_ops.tolist(), strict=True))


def drivers(result: Result, ways: Ways) -> tuple[Driven, Longs]:
    """Operations that are known to be each part's, and the rest of each core [n_cores]: of parts whose spikes
    the record does not keep."""
    record, image = result.record, result.program.image
    columns = [EVENT_ID["synaptic_ops_dense"], EVENT_ID["synaptic_ops_sparse"]]
    every = np.asarray(record.counts_by_core[:-1, columns], dtype=np.int64).sum(axis=1)
    if isinstance(image, CrossbarImage) or is_lossy(result.program):
        none = np.zeros(0, dtype=np.int64)
        return _alone(result, ways, Driven(none, none, none), every)
    n_spikes = np.bincount(record.spikes[:, 1], minlength=image.n_slots)
    senders = np.flatnonzero(n_spikes)
    entry, place = entries_of(ways, senders)
    kept = ways.arrives[entry] & (ways.core[entry] < image.n_cores)
    entry, sender = entry[kept], senders[place[kept]]
    n_ops = (ways.n_dense[entry] + ways.n_sparse[entry]) * n_spikes[sender]
    group = np.asarray(image.slot_group, dtype=np.int64)[sender]
    known = _summed(ways.core[entry].astype(np.int64), group, n_ops)
    rest = every.copy()
    np.subtract.at(rest, known.core, known.n_ops)
    return _alone(result, ways, known, rest)


def _alone(result: Result, ways: Ways, known: Driven, rest: Longs) -> tuple[Driven, Longs]:
    """Where only one part can have caused the rest of a core, it did."""
    unknown = _unrecorded_senders(result, ways, rest)
    cores, n = np.unique(unknown.core, return_counts=True)
    single = np.zeros(len(rest), dtype=np.bool_)
    single[cores[n == 1]] = True
    told = single[unknown.core] & (rest[unknown.core] > 0)
    core = np.concatenate([known.core, unknown.core[told]])
    part = np.concatenate([known.part, unknown.part[told]])
    n_ops = np.concatenate([known.n_ops, rest[unknown.core[told]]])
    left = np.where(single, 0, rest)
    return _summed(core, part, n_ops), left


def _unrecorded_senders(result: Result, ways: Ways, rest: Longs) -> Driven:
    """Parts with axons in each core that the known operations leave out: sources, populations not recorded;
    of crossbar cores and of lossy chips all."""
    image = result.program.image
    if isinstance(image, CrossbarImage):  # operations are booked on the account of the axon
        core = np.repeat(np.arange(image.n_cores), np.diff(image.axon_ptr))
        return _summed(core, np.asarray(image.axon_group, dtype=np.int64), np.ones(len(core), dtype=np.int64))
    recorded = np.append(np.asarray(image.slot_recorded, dtype=bool), np.zeros(image.n_inputs, dtype=bool))
    senders = np.flatnonzero(~recorded | is_lossy(result.program))
    entry, place = entries_of(ways, senders)
    to_core = ways.core[entry] < image.n_cores
    group = np.append(image.slot_group, image.input_group).astype(np.int64)[senders[place[to_core]]]
    core = ways.core[entry[to_core]].astype(np.int64)
    return _summed(core, group, np.ones(len(core), dtype=np.int64))


def _summed(core: NDArray[np.integer[Any]], part: Longs, values: Longs) -> Driven:
    """One row for each (core, part), those of a core from the most to the least."""
    n_parts = int(part.max(initial=-1)) + 1 or 1
    keys, where = np.unique(core.astype(np.int64) * n_parts + part, return_inverse=True)
    total = np.zeros(len(keys), dtype=np.int64)
    np.add.at(total, where, values)
    cores, parts = np.divmod(keys, n_parts)
    order = np.lexsort((parts, -total, cores))
    return Driven(cores[order], parts[order], total[order])
