"""Network descriptions as files. Loading adds every part again, so a file obeys the rules of `Network`."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from emulator.errors import DescriptionError, ImageError
from emulator.formats import container
from emulator.formats.cores import add_core, core_content
from emulator.formats.fields import Fields, prefixed
from emulator.formats.files import shown
from emulator.formats.generators import network_generator, read_network_generator
from emulator.formats.models import model_content, parameter, read_model
from emulator.network import LIF, LoihiSynapse, Network, Population, Probe, Projection, Triplets

VERSION = 3

MAX_NEURONS = 2**24
"""Of one source or population in a file: the number itself takes a few bytes, checking as many neurons GB."""

_MAX_TICK = 2**31 - 1
_WEIGHT_DTYPES = ("float32", "float64", "int16")


def save_network(network: Network, path: str | PathLike[str]) -> None:
    """Writes the network; `load_network` gives an equal one. Raises ImageError."""
    large = [part for part in (*network.sources, *network.populations) if part.n > MAX_NEURONS]
    if large:
        raise ImageError(
            f"{shown(path)}: {part.name!r} has {part.n} neurons, limit of a file {MAX_NEURONS}: split it"
            for part in large
        )
    content = {
        "name": network.name,
        "dt_s": network.dt_s,
        "sources": [
            {"name": source.name, "n": source.n, "generator": network_generator(source)}
            for source in network.sources
        ],
        "populations": [_population(population) for population in network.populations],
        "cores": [core_content(core) for core in network.cores],
        "projections": [_projection(projection) for projection in network.projections],
        "probes": [_probe(probe) for probe in network.probes],
    }
    container.write(path, "network", VERSION, content)


def load_network(path: str | PathLike[str]) -> Network:
    """Reads a network. Raises ImageError naming the file and everything that is wrong with it."""
    named = shown(path)
    problems: list[str] = []
    whole = Fields(container.read(path, "network", VERSION), "", problems)
    whole.only("name", "dt_s", "sources", "populations", "cores", "projections", "probes")
    name, dt_s = whole.text("name"), whole.number("dt_s")
    parts = {key: whole.subs(key) for key in ("sources", "populations", "cores", "projections", "probes")}
    whole.stop(named)
    try:
        network = Network(name, dt_s)
    except DescriptionError as error:
        raise prefixed(named, error) from None
    for key, add in (("sources", _add_source), ("populations", _add_population), ("cores", add_core)):
        for part in parts[key]:
            _collect(network, part, add)
    whole.stop(named)  # what follows refers to these by name
    for key, add in (("projections", _add_projection), ("probes", _add_probe)):
        for part in parts[key]:
            _collect(network, part, add)
    whole.stop(named)
    return network


def _collect(network: Network, part: Fields, add: Callable[[Network, Fields], None]) -> None:
    """Adds one part; what is wrong with it is noted under its place in the file."""
    try:
        add(network, part)
    except DescriptionError as error:
        part.problems.extend(f"{part.place}: {problem}" for problem in error.problems)


def _add_source(network: Network, part: Fields) -> None:
    part.only("name", "n", "generator")
    n_before = len(part.problems)
    name, n = part.text("name"), part.integer("n", 1, MAX_NEURONS)
    generator = None if part.is_none("generator") else read_network_generator(part.sub("generator"))
    if len(part.problems) == n_before:
        network.add_source(name, n, generator)


def _population(population: Population) -> dict[str, Any]:
    return {
        "name": population.name,
        "n": population.n,
        "model": model_content(population.model),
        "v0": population.v0,
        "u0": population.u0,
        "start_tick": population.start_tick,
        "to_host": population.to_host,
        "record_spikes": population.record_spikes,
    }


def _add_population(network: Network, part: Fields) -> None:
    part.only("name", "n", "model", "v0", "u0", "start_tick", "to_host", "record_spikes")
    name, n = part.text("name"), part.integer("n", 1, MAX_NEURONS)
    n_before = len(part.problems)
    model = read_model(part.sub("model"))
    state_dtype = "float64" if isinstance(model, LIF) else "int64"
    states = {key: None if part.is_none(key) else part.array(key, state_dtype, n) for key in ("v0", "u0")}
    start_tick = part.integer("start_tick", 0, _MAX_TICK)
    to_host, record_spikes = part.flag("to_host"), part.flag("record_spikes")
    if len(part.problems) > n_before:
        return
    network.add_population(
        name, n, model, **states, start_tick=start_tick, to_host=to_host, record_spikes=record_spikes
    )


def _projection(projection: Projection) -> dict[str, Any]:
    synapse = projection.synapse
    return {
        "pre": projection.pre,
        "post": projection.post,
        "indptr": projection.indptr,
        "target": projection.target,
        "weight": projection.weight,
        "delay_ticks": projection.delay_ticks,
        "synapse": None if synapse is None else {**vars(synapse), "w_exp": parameter(synapse.w_exp)},
    }


def _add_projection(network: Network, part: Fields) -> None:
    part.only("pre", "post", "indptr", "target", "weight", "delay_ticks", "synapse")
    n_before = len(part.problems)
    pre, post = part.text("pre"), part.text("post")
    target = part.array("target", "int32", None)
    n_synapses = len(target)
    found = str(getattr(part.table.get("weight"), "dtype", ""))
    weight = part.array("weight", found if found in _WEIGHT_DTYPES else "float64", n_synapses)
    delay_ticks = part.array("delay_ticks", "uint8", n_synapses)
    synapse = None if part.is_none("synapse") else _synapse(part.sub("synapse"), n_synapses)
    indptr = part.array("indptr", "int64", None)
    # before they are unrolled: counts from a file must not decide how much memory is taken
    rising = bool((indptr[1:] >= indptr[:-1]).all())
    ordered = rising and len(indptr) > 0 and indptr[0] == 0 and indptr[-1] == n_synapses
    part.require(ordered, "indptr", f"must rise from 0 to the {n_synapses} synapses")
    if len(part.problems) > n_before:
        return
    n_pre = len(indptr) - 1
    sizes = {entry.name: entry.n for entry in (*network.sources, *network.populations)}
    n = sizes.get(pre, n_pre)  # an unknown name is for `connect` to refuse
    part.require(n == n_pre, "indptr", f"describes {n_pre} neurons, {pre!r} has {n}")
    rows = np.repeat(np.arange(n_pre, dtype=np.int32), np.diff(indptr))
    network.connect(pre, post, Triplets(rows, target, weight, delay_ticks), synapse=synapse)


def _synapse(part: Fields, n_synapses: int) -> LoihiSynapse:
    part.only("w_exp", "weight_bits", "sign_mode", "rounding")
    exponent = part.table.get("w_exp")
    if isinstance(exponent, np.ndarray):
        exponent = part.array("w_exp", "int8", n_synapses)
    else:
        exponent = part.integer("w_exp", -128, 127)
    return LoihiSynapse(
        exponent, part.integer("weight_bits", 0, 255), part.text("sign_mode"), part.text("rounding")
    )


def _probe(probe: Probe) -> dict[str, Any]:
    return {name: getattr(probe, name) for name in ("population", "variable", "index", "ticks", "raw")}


def _add_probe(network: Network, part: Fields) -> None:
    part.only("population", "variable", "index", "ticks", "raw")
    n_before = len(part.problems)
    population, variable, raw = part.text("population"), part.text("variable"), part.flag("raw")
    chosen = {
        key: None if part.is_none(key) else part.array(key, "int64", None) for key in ("index", "ticks")
    }
    if len(part.problems) == n_before:
        network.probe(population, variable, index=chosen["index"], ticks=chosen["ticks"], raw=raw)
