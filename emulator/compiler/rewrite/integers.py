"""Populations, sources and projections as one flat network of the chip's neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import LEAK_STOCHASTIC, N_TYPES
from emulator.compiler.rewrite.ir import Bools, Floats, Ints, Room, Weighted
from emulator.compiler.rewrite.lif import Scaled, scale_lif
from emulator.errors import CompileError
from emulator.network import LIF, Network
from emulator.network.models import TrueNorth
from emulator.network.network import Population

DELAYS = 1 << 16  # a line's number is sender * DELAYS + delay while lines are being found
ALL_TYPES = (1 << N_TYPES) - 1


def weigh(network: Network, first_account: tuple[int, int], late: Sequence[int], room: Room) -> Weighted:
    """The network with each population's spikes `late` ticks later than it says.

    first_account: of the sources and of the populations.
    """
    scaled, problems = _scaled(network, room.largest)
    if problems:
        raise CompileError(problems)
    sizes = [population.n for population in network.populations]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    group = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    n_inputs = [source.n for source in network.sources]
    post, key, weight = _synapses(network, scaled, first, late)
    post, key, weight, problems = _merge(post, key, weight, scaled, network, first)
    if problems:
        raise CompileError(problems)
    keys, line = np.unique(key, return_inverse=True)
    return Weighted(
        neurons={
            name: np.concatenate([part.neurons[name] for part in scaled] or [np.zeros(0, np.int64)])
            for name in _FIELDS.values()
        },
        to_host=np.repeat([p.to_host for p in network.populations], sizes).astype(bool),
        recorded=np.repeat([p.record_spikes for p in network.populations], sizes).astype(bool),
        account=(first_account[1] + group).astype(np.int32),
        input_account=np.repeat(first_account[0] + np.arange(len(n_inputs)), n_inputs).astype(np.int32),
        group=group,
        label=tuple(f"population {population.name!r}" for population in network.populations),
        first=first,
        ptr=np.searchsorted(post, np.arange(first[-1] + 1)),
        line=line.astype(np.int64),
        weight=weight,
        whole=np.repeat([part.whole for part in scaled], sizes).astype(bool),
        line_sender=keys // DELAYS,
        line_delay=keys % DELAYS,
        report=tuple(part.report for part in scaled if part.report is not None),
    )


_FIELDS = {
    "leak": "leak",
    "epsilon": "reversal",
    "alpha": "alpha",
    "beta": "beta",
    "TM": "mask_bits",
    "R": "reset",
    "gamma": "reset_mode",
    "kappa": "saturate",
    "v0": "v0",
    "b": "stochastic",
}


def _scaled(network: Network, largest: int) -> tuple[list[Scaled], list[str]]:
    """Each population's neurons in integers, and the gain of the weights onto them."""
    problems: list[str] = []
    found = []
    for population in network.populations:
        model: Any = population.model
        inputs = [p for p in network.projections if p.post == population.name]
        if isinstance(model, TrueNorth):
            found.append(_given(population, problems))
        elif isinstance(model, LIF):
            found.append(scale_lif(population, inputs, network.dt_s, largest, problems))
        else:
            problems.append(
                f"population {population.name!r}: model {type(model).__name__} is not of this chip: "
                "choose from TrueNorth, LIF"
            )
    return found, problems


def _given(population: Population, problems: list[str]) -> Scaled:
    """Parameters used as they are; the values `s` are chosen by the rewrites, from the weights."""
    model: Any = population.model
    given: dict[str, NDArray[np.int64]] = model.parameters(population.n, f"population {population.name!r}")
    out: dict[str, Ints] = {new: given[name] for name, new in _FIELDS.items() if name != "b"}
    b = given["b"].reshape(population.n, N_TYPES)
    if (b != b[:, :1]).any():
        problems.append(
            f"population {population.name!r}: b differs between types of axons, which the compiler deals out "
            "to the weights given: make all four equal, or describe the core with add_core"
        )
    out["stochastic"] = b[:, 0] * ALL_TYPES + given["c"] * LEAK_STOCHASTIC
    if population.v0 is not None:
        out["v0"] = np.asarray(population.v0, dtype=np.int64)
    return Scaled(out, np.ones(population.n), whole=True, report=None)


def _synapses(
    network: Network, scaled: Sequence[Scaled], first: Ints, late: Sequence[int]
) -> tuple[Ints, Ints, Floats]:
    """(neuron, sender and delay in one number, weight) of every synapse of every projection."""
    place = {population.name: i for i, population in enumerate(network.populations)}
    n_inputs = np.cumsum([0, *(source.n for source in network.sources)])
    inputs = {source.name: first[-1] + n_inputs[i] for i, source in enumerate(network.sources)}
    posts, keys, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for projection in network.projections:
        pre, post = place.get(projection.pre), place[projection.post]
        start = inputs[projection.pre] if pre is None else first[pre]
        rows = np.arange(start, start + len(projection.indptr) - 1, dtype=np.int64)
        sender = np.repeat(rows, np.diff(projection.indptr))
        shift = late[post] - (0 if pre is None else late[pre])
        posts.append(projection.target.astype(np.int64) + first[post])
        keys.append(sender * DELAYS + (projection.delay_ticks.astype(np.int64) + shift))
        weights.append(projection.weight * scaled[post].gain[projection.target])
    return np.concatenate(posts), np.concatenate(keys), np.concatenate(weights)


def _merge(
    post: Ints, key: Ints, weight: Floats, scaled: Sequence[Scaled], network: Network, first: Ints
) -> tuple[Ints, Ints, Floats, list[str]]:
    """By neuron and line; synapses of one line onto one neuron are one with the sum of their weights."""
    order = np.lexsort((key, post))
    post, key, weight = post[order], key[order], weight[order]
    begins = np.ones(len(post), dtype=bool)
    begins[1:] = (post[1:] != post[:-1]) | (key[1:] != key[:-1])
    starts = np.flatnonzero(begins)
    problems = _drawn_twice(post[~begins], scaled, network, first)
    sums = np.add.reduceat(weight, starts) if len(starts) else weight
    acts = sums != 0
    return post[starts][acts], key[starts][acts], sums[acts], problems


def _drawn_twice(post: Ints, scaled: Sequence[Scaled], network: Network, first: Ints) -> list[str]:
    """Stochastic synapses that share a line would need a draw each."""
    problems = []
    for i, (part, population) in enumerate(zip(scaled, network.populations, strict=True)):
        mine = post[(post >= first[i]) & (post < first[i + 1])] - first[i]
        drawn: Bools = (part.neurons["stochastic"][mine] & ALL_TYPES) != 0
        if drawn.any():
            problems.append(
                f"population {population.name!r}[{mine[drawn][0]}]: {int(drawn.sum()) + 1} stochastic "
                "synapses from one sender with one delay, limit 1: give them different delays"
            )
    return problems
