"""Proof of the rewrites: decodes crossbar cores and compares them with the network.

Shares no code with the rewrites. It reads the cores from the targets' side: which axons a column takes in,
who sends to these, through relays back to a neuron or input of the network, and after how many ticks. Of what
the report calls exact, each copy of a neuron must have the network's parameters, and its lines and weights;
of all else every line must be one of the network's. That copies fire alike follows by induction over ticks.
A finding is a fault of the compiler, not of the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.crossbars import CrossbarCores
from emulator.errors import CompileError
from emulator.network import Network, TrueNorth

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

TICKS = 1 << 16  # more than any delay
CHUNK = 1 << 14  # axons whose rows are unpacked at once
PARAMETERS = {
    "leak": "leak",
    "reversal": "epsilon",
    "alpha": "alpha",
    "beta": "beta",
    "mask_bits": "TM",
    "reset": "R",
    "reset_mode": "gamma",
    "saturate": "kappa",
    "v0": "v0",
    "stochastic": "stochastic",
}
"""Field of the cores -> parameter of the model."""


@dataclass(frozen=True, eq=False)
class _Lines:
    """Weights by (owner, sender * TICKS + delay), ascending, no zeros."""

    owner: Longs
    key: Longs
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, owner: Ints, key: Ints, weight: NDArray[Any]) -> _Lines:
        """Sums what has the same owner and key."""
        order = np.argsort(owner * (1 + key.max(initial=0)) + key)
        owner, key, weight = owner[order], key[order], weight[order]
        begins = np.flatnonzero(
            np.diff(owner, prepend=-1).astype(bool) | np.diff(key, prepend=-1).astype(bool)
        )
        total = np.add.reduceat(weight.astype(np.float64), begins) if len(begins) else np.zeros(0)
        acts = total != 0
        return cls(owner[begins][acts].astype(np.int64), key[begins][acts].astype(np.int64), total[acts])

    def copied(self, owners: Ints) -> _Lines:
        """Those of owners[i] become those of i."""
        first, last = np.searchsorted(self.owner, owners), np.searchsorted(self.owner, owners, side="right")
        n = last - first
        at = np.arange(int(n.sum())) + np.repeat(first - (np.cumsum(n) - n), n)
        return _Lines(np.repeat(np.arange(len(owners)), n), self.key[at], self.weight[at])


def check_rewrite(network: Network, cores: CrossbarCores) -> None:
    """Raises CompileError("internal: ...") unless `cores`, of rewrites alone, are the network."""
    problems = [*_addresses(network, cores), *_parameters(network, cores)]
    alike = _alike(cores)
    column, axon = _bits(cores, alike)
    feeds, found = _relays(cores, column, axon)
    label, unfed = _axon_labels(cores, feeds) if not found else (feeds, [])
    problems += found + unfed
    if not problems:
        problems += _lines(network, cores, alike, column, label[axon], cores.axon_type[axon])
        problems += _to_host(network, cores, label[feeds] if len(label) else feeds)
    if problems:
        raise CompileError(f"internal: {problem}" for problem in problems)


def _addresses(network: Network, cores: CrossbarCores) -> Iterator[str]:
    """Every neuron is somewhere, and its spikes are recorded once if they are to be."""
    origin = _origin(cores)
    first = _first(network)
    recorded = np.zeros(len(origin), dtype=bool)
    for population, start in zip(network.populations, first, strict=True):
        address = cores.address[population.name]
        if not np.array_equal(origin[address], start + np.arange(population.n)):
            yield f"population {population.name!r}: addresses are not those of its neurons"
        recorded[address] = population.record_spikes
    if not np.array_equal(recorded, cores.recorded):
        yield f"neuron {np.flatnonzero(recorded != cores.recorded)[0]}: recorded, or not, against the network"


def _parameters(network: Network, cores: CrossbarCores) -> Iterator[str]:
    """Copies are like the neuron at the address, that is as the network says, and none draws numbers."""
    origin = _origin(cores)
    address = np.concatenate([np.zeros(0, np.int64), *(cores.address[p.name] for p in network.populations)])
    copies = np.flatnonzero((origin >= 0) & (origin < len(address)))
    for name, values in cores.neurons.items():
        like = values[copies] == values[address[origin[copies]]]
        if name != "weight" and not like.all():
            yield f"neuron {copies[np.flatnonzero(~like)[0]]}: {name} differs from that of what it copies"
    draws = (cores.neurons["stochastic"] != 0) | (cores.neurons["mask_bits"] != 0)
    twice = np.flatnonzero(draws & (np.bincount(address, minlength=len(origin)) == 0))
    if len(twice):
        yield f"neuron {twice[0]}: a copy of a neuron that draws random numbers"
    for population in network.populations:
        if isinstance(population.model, TrueNorth):
            given = population.model.parameters(population.n, population.name)
            given["v0"] = given["v0"] if population.v0 is None else population.v0
            given["stochastic"] = (given["b"] << np.arange(N_TYPES)).sum(axis=1) + (given["c"] << N_TYPES)
            for name, of_model in PARAMETERS.items():
                held = cores.neurons[name][cores.address[population.name]]
                if not np.array_equal(held, given[of_model]):
                    yield f"population {population.name!r}: {name} is not the network's"


def _lines(
    network: Network, cores: CrossbarCores, alike: Bools, column: Ints, label: Ints, kind: Ints
) -> Iterator[str]:
    """Which senders each copy hears, after how many ticks, with what weight; column, label, kind by synapse
    of those copies that differ."""
    origin = _origin(cores)
    weight = cores.neurons["weight"][column, kind]
    mine = origin[column] >= 0
    held = _Lines.of(column[mine], label[mine], weight[mine])
    wanted, exact, split = _wanted(network, cores)
    checked = np.flatnonzero((origin >= 0) & (origin < len(split)) & ~alike)
    checked = checked[~split[origin[checked]]]
    place = np.full(len(origin), -1)
    place[checked] = np.arange(len(checked))
    inside = place[held.owner] >= 0
    ours = _Lines(place[held.owner[inside]], held.key[inside], held.weight[inside])
    theirs = wanted.copied(origin[checked])
    yield from _compare(network, ours, theirs, origin[checked], exact[origin[checked]])


def _compare(
    network: Network, ours: _Lines, theirs: _Lines, neuron: Ints, exact: NDArray[np.bool_]
) -> Iterator[str]:
    """First difference: a line of ours that the network has not, or of exact neurons any other."""
    size = 1 + max(int(ours.key.max(initial=0)), int(theirs.key.max(initial=0)))
    a, b = ours.owner * size + ours.key, theirs.owner * size + theirs.key
    at = np.searchsorted(b, a)
    unknown = np.flatnonzero(np.append(b, -1)[at] != a)
    if len(unknown):
        one = unknown[0]
        yield f"{_name(network, neuron[ours.owner[one]])}: hears {_sender(ours.key[one])} by no synapse"
        return
    strict = exact[theirs.owner]
    at = np.searchsorted(a, b)
    found = np.append(a, -1)[at] == b
    got = np.zeros(len(b))
    got[found] = ours.weight[at[found]]
    wrong = np.flatnonzero(strict & (np.abs(got - theirs.weight) > 1e-6 * np.abs(theirs.weight)))
    if len(wrong):
        one = wrong[0]
        yield (
            f"{_name(network, neuron[theirs.owner[one]])}: hears {_sender(theirs.key[one])} with weight "
            f"{got[one]:g}, expected {theirs.weight[one]:g} ({len(wrong)} in all)"
        )


def _axon_labels(cores: CrossbarCores, feeds: Ints) -> tuple[Longs, list[str]]:
    """[n_axons] who is heard after how many ticks; inputs follow the neurons, as the highest numbers."""
    origin, n_inputs, n_axons = _origin(cores), len(cores.input_account), len(cores.axon_type)
    sends = np.flatnonzero((cores.target_core >= 0) & (cores.target_core < cores.n_cores))
    by_neuron = cores.axon_ptr[cores.target_core[sends]] + cores.target_axon[sends]
    by_input = cores.axon_ptr[cores.input_core] + cores.input_axon
    n_fed = np.bincount(np.concatenate([by_neuron, by_input]), minlength=n_axons)
    if (n_fed != 1).any():
        axon = int(np.flatnonzero(n_fed != 1)[0])
        return np.zeros(0, np.int64), [f"axon {axon}: {n_fed[axon]} entries lead to it, expected 1"]
    number = np.repeat(np.arange(n_inputs), np.diff(cores.input_ptr))
    label = np.full(n_axons, -1, dtype=np.int64)
    label[by_input] = (_n_neurons(origin) + number) * TICKS + cores.input_delay
    relay = origin[sends] < 0
    delay = cores.target_delay[sends].astype(np.int64)
    label[by_neuron[~relay]] = origin[sends[~relay]] * TICKS + delay[~relay]
    while relay.any():
        known = label[feeds[sends[relay]]]
        if not (known >= 0).any():
            return label, [f"neuron {sends[relay][0]}: a relay that no neuron or input feeds"]
        done = np.flatnonzero(relay)[known >= 0]
        label[by_neuron[done]] = label[feeds[sends[done]]] + delay[done]
        relay[done] = False
    return label, []


def _relays(cores: CrossbarCores, column: Ints, axon: Ints) -> tuple[Longs, list[str]]:
    """[n_neurons] axon that a relay repeats, -1 of others. column, axon: of every synapse."""
    origin = _origin(cores)
    feeds = np.full(len(origin), -1, dtype=np.int64)
    mine = origin[column] < 0
    feeds[column[mine]] = axon[mine]
    relays = np.flatnonzero(origin < 0)
    held = cores.neurons
    weight = held["weight"][relays, cores.axon_type[feeds[relays]]]
    sound = (np.bincount(column[mine], minlength=len(origin))[relays] == 1) & (weight == 1)
    sound &= (held["alpha"][relays] == 1) & (held["saturate"][relays] == 1)
    for name in ("stochastic", "leak", "beta", "mask_bits", "reset", "reset_mode", "v0"):
        sound &= held[name][relays] == 0
    if sound.all():
        return feeds, []
    return feeds, [f"neuron {relays[np.flatnonzero(~sound)[0]]}: not a relay of one axon"]


def _alike(cores: CrossbarCores) -> Bools:
    """[n_neurons] copies that hear the very axons, with the same weights, that the one before them in their
    core hears, which is a copy of the same neuron."""
    origin, weight = _origin(cores), cores.neurons["weight"]
    core = np.repeat(np.arange(cores.n_cores), np.diff(cores.neuron_ptr))
    before = np.arange(len(origin)) - 1
    same = (origin >= 0) & (origin == origin[before]) & (weight == weight[before]).all(axis=1)
    within = np.arange(len(origin)) - cores.neuron_ptr[core]
    same &= within > 0
    for one in np.unique(core[same]).tolist():
        rows = cores.crossbar[cores.axon_ptr[one] : cores.axon_ptr[one + 1]].astype(np.uint8)
        shifted = (rows << 1) | (np.pad(rows, ((0, 0), (1, 0)))[:, :-1] >> 7)  # bit j of it: column j - 1
        differs = np.unpackbits(np.bitwise_or.reduce(rows ^ shifted, axis=0), bitorder="little")
        mine = slice(int(cores.neuron_ptr[one]), int(cores.neuron_ptr[one + 1]))
        same[mine] &= differs[: mine.stop - mine.start] == 0
    return np.asarray(same)


def _bits(cores: CrossbarCores, alike: Bools) -> tuple[Longs, Longs]:
    """(neuron, axon) of every synapse of the neurons that are not `alike`."""
    core = np.repeat(np.arange(cores.n_cores), np.diff(cores.axon_ptr))
    shown = np.ones((cores.n_cores, 8 * cores.crossbar.shape[1]), dtype=np.uint8)
    owner = np.repeat(np.arange(cores.n_cores), np.diff(cores.neuron_ptr))
    shown[owner, np.arange(len(owner)) - cores.neuron_ptr[owner]] = ~alike
    kept = np.packbits(shown, axis=1, bitorder="little")
    columns, axons = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(core), CHUNK):
        packed = cores.crossbar[start : start + CHUNK].astype(np.uint8) & kept[core[start : start + CHUNK]]
        rows = np.unpackbits(packed, axis=1, bitorder="little")
        axon, within = np.nonzero(rows)
        axons.append(start + axon)
        columns.append(cores.neuron_ptr[core[start + axon]] + within)
    return np.concatenate(columns), np.concatenate(axons)


def _wanted(network: Network, cores: CrossbarCores) -> tuple[_Lines, NDArray[np.bool_], NDArray[np.bool_]]:
    """(lines of every neuron, which are to be exact, which were split into partial sums), by the report."""
    sizes = [population.n for population in network.populations]
    first = dict(zip((p.name for p in network.populations), _first(network), strict=True))
    base = _n_neurons(_origin(cores))
    for source in network.sources:
        first[source.name] = base
        base += source.n
    rows: dict[tuple[str, str], dict[str, Any]] = {
        (row["name"], row["part"]): row for row in cores.report if row["part"] is not None
    }
    late = {
        p.name: rows.get(("latency", f"population {p.name!r}"), {}).get("latency_ticks", 0)
        for p in network.populations
    }
    owners, keys, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for projection in network.projections:
        sender = np.repeat(
            first[projection.pre] + np.arange(len(projection.indptr) - 1), np.diff(projection.indptr)
        )
        shift = late[projection.post] - late.get(projection.pre, 0)
        owners.append(first[projection.post] + projection.target)
        keys.append(sender * TICKS + projection.delay_ticks + shift)
        weights.append(projection.weight * _gain(network, projection.post, rows)[projection.target])
    parts = [f"population {p.name!r}" for p in network.populations]
    exact = [rows[("weights", part)]["exact"] and _comparable(rows, part) for part in parts]
    split = [("partial sums", part) in rows for part in parts]
    lines = _Lines.of(np.concatenate(owners), np.concatenate(keys), np.concatenate(weights))
    return lines, np.repeat(exact, sizes).astype(bool), np.repeat(split, sizes).astype(bool)


def _comparable(rows: dict[tuple[str, str], dict[str, Any]], part: str) -> bool:
    """Whether the report tells the scale of every neuron."""
    scaled = rows.get(("integers", part))
    return scaled is None or scaled["scale"][0] == scaled["scale"][1]


def _gain(network: Network, name: str, rows: dict[tuple[str, str], dict[str, Any]]) -> NDArray[np.float64]:
    """[n] what weights onto a population are multiplied with."""
    (population,) = (p for p in network.populations if p.name == name)
    row = rows.get(("integers", f"population {name!r}"))
    if row is None:
        return np.ones(population.n)
    model: Any = population.model
    given = model.parameters(population.n, name)
    return np.asarray(given["gain_mem"] * given["gain_syn"] * row["scale"][0], dtype=np.float64)


def _to_host(network: Network, cores: CrossbarCores, repeats: Ints) -> Iterator[str]:
    """One entry to the host port for each neuron that is to have one. repeats: label of a relay's axon."""
    origin = _origin(cores)
    sends = np.flatnonzero(cores.target_core == cores.n_cores)
    relayed = origin[sends] < 0
    sender = origin[sends]
    sender[relayed] = repeats[sends[relayed]] // TICKS
    wanted = np.concatenate(
        [
            np.zeros(0, np.int64),
            *(
                start + np.arange(p.n)
                for p, start in zip(network.populations, _first(network), strict=True)
                if p.to_host
            ),
        ]
    )
    if not np.array_equal(np.sort(sender), wanted):
        yield f"{len(sender)} neurons send to the host port, {len(wanted)} were to"


def _origin(cores: CrossbarCores) -> Longs:
    assert cores.origin is not None, "rewrites say what each neuron is a copy of"
    return cores.origin.astype(np.int64)


def _n_neurons(origin: Ints) -> int:
    """Neurons of the network and those that rewrites added, copies counted once."""
    return int(origin.max(initial=-1)) + 1


def _first(network: Network) -> list[int]:
    """First neuron of each population."""
    sizes = [population.n for population in network.populations]
    return [sum(sizes[:i]) for i in range(len(sizes))]


def _name(network: Network, neuron: int) -> str:
    for population, start in zip(network.populations, _first(network), strict=True):
        if start <= neuron < start + population.n:
            return f"population {population.name!r}[{neuron - start}]"
    return f"neuron {neuron} that a rewrite added"


def _sender(key: int) -> str:
    return f"sender {int(key) // TICKS} after {int(key) % TICKS} ticks"
