"""Network: populations, sources, projections, cores and probes, validated as they are added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from emulator import arith, memory
from emulator.errors import DescriptionError
from emulator.network.cores import NOWHERE, Core, make_core
from emulator.network.digest import network_digest
from emulator.network.generators import Generator, check_generator
from emulator.network.models import (
    INT32,
    LIF,
    MODELS,
    LoihiCuba,
    LoihiSynapse,
    Model,
    Triplets,
    TrueNorth,
    spread_integers,
)
from emulator.network.weights import check_index, check_weights, sort_synapses, synapse_table
from emulator.philox import STREAM_BITS

Array = NDArray[Any]
MAX_NEURONS = 2**31 - 1
BYTES_PER_NEURON = 64  # of parameters, checked and spread over all of them
MAX_SOURCES = 2**STREAM_BITS


@dataclass(frozen=True, eq=False)
class Source:
    """`n` inputs whose spikes the host sends in: rasters or events given to `run`, or made by a generator."""

    name: str
    n: int
    generator: Generator | None = None


@dataclass(frozen=True, eq=False)
class Population:
    """`n` neurons of one model. Initial state in the model's units; None: 0, of TrueNorth the model's v0."""

    name: str
    n: int
    model: Model
    v0: Array | None = None  # [n]
    u0: Array | None = None  # [n]
    start_tick: int = 0  # LIF only: the tick in which the initial state is to hold
    to_host: bool = False  # every spike is also sent out at the host port
    record_spikes: bool = True


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from `pre` to `post`, compressed by pre: those of neuron i are indptr[i] .. indptr[i + 1]."""

    pre: str
    post: str
    indptr: NDArray[np.int64]  # [n_pre + 1]
    target: NDArray[np.int32]  # [n_synapses] index in `post`, ascending for each pre
    weight: Array  # [n_synapses] float32/float64 for LIF, int16 for LoihiCuba (mantissas) and TrueNorth
    delay_ticks: NDArray[np.uint8]  # [n_synapses]
    synapse: (
        LoihiSynapse | None
    )  # of mantissas, else None; its w_exp is a scalar or int8 [n_synapses] in this order

    @property
    def n_synapses(self) -> int:
        return len(self.target)

    @property
    def label(self) -> str:
        return f"projection {self.pre!r} -> {self.post!r}"


@dataclass(frozen=True, eq=False)
class Probe:
    """Reading of `variable` of a population or core; None: every neuron, every tick."""

    population: str
    variable: str  # "u" or "v"
    index: NDArray[np.int64] | None
    ticks: NDArray[np.int64] | None
    raw: bool  # the register as silicon shows it: v holds the refractory counter


Part = Source | Population | Core


class Network:
    """A network description. Parts may be referred to by name or by the object that `add_...` returned."""

    def __init__(self, name: str = "network", dt_s: float = 1e-3):
        """`dt_s`: physical length of a tick, used by models in physical units only."""
        if not isinstance(name, str) or not name:
            raise DescriptionError(f"network name {name!r}: must be a non-empty string")
        if not (isinstance(dt_s, (int, float)) and np.isfinite(dt_s) and dt_s > 0):
            raise DescriptionError(f"network {name!r}: dt_s {dt_s!r} must be a finite number above 0 s")
        self.name = name
        self.dt_s = float(dt_s)
        self._sources: list[Source] = []
        self._populations: list[Population] = []
        self._cores: list[Core] = []
        self._projections: list[Projection] = []
        self._probes: list[Probe] = []
        self._named: dict[str, Part] = {}
        self._probed: set[tuple[str, str, bool]] = set()

    sources = property(lambda self: tuple(self._sources), doc="Sources in the order of adding.")
    populations = property(lambda self: tuple(self._populations), doc="Populations in the order of adding.")
    cores = property(lambda self: tuple(self._cores), doc="Cores described directly, in the order of adding.")
    projections = property(lambda self: tuple(self._projections), doc="Projections in the order of adding.")
    probes = property(lambda self: tuple(self._probes), doc="Probes in the order of adding.")

    @property
    def digest(self) -> str:
        """BLAKE2 of everything that was added so far."""
        return network_digest(self)

    def __repr__(self) -> str:
        n_synapses = sum(projection.n_synapses for projection in self._projections)
        n_synapses += sum(core.n_synapses for core in self._cores)
        n_neurons = sum(population.n for population in self._populations)
        n_neurons += sum(core.n for core in self._cores)
        n_inputs = sum(source.n for source in self._sources)
        cores = f"{len(self._cores)} cores, " if self._cores else ""
        return (
            f"<Network {self.name!r}: {cores}{n_inputs} inputs, {n_neurons} neurons, {n_synapses} synapses>"
        )

    def add_source(self, name: str, n: int, generator: Generator | None = None) -> Source:
        """Adds `n` inputs driven by the stimulus of a run, or by a generator (Poisson, Regular, Scripted)."""
        owner = f"source {name!r}"
        problems: list[str] = []
        self._new_name(name, problems)
        n_before = len(problems)
        n = _size(n, owner, problems)
        if len(self._sources) >= MAX_SOURCES:
            problems.append(
                f"{owner}: network {self.name!r} has {MAX_SOURCES} sources already, which is the limit: "
                "give one source more inputs"
            )
        if generator is not None and len(problems) == n_before:
            try:
                check_generator(generator, n, self.dt_s, owner)
            except DescriptionError as error:
                problems += error.problems
        _raise(problems)
        source = self._named[name] = Source(name, n, generator)
        self._sources.append(source)
        return source

    def add_population(
        self,
        name: str,
        n: int,
        model: Model,
        *,
        v0: ArrayLike | None = None,
        u0: ArrayLike | None = None,
        start_tick: int = 0,
        to_host: bool = False,
        record_spikes: bool = True,
    ) -> Population:
        """Adds `n` neurons.

        v0, u0: initial state, scalar or [n], in the model's units: integers for LoihiCuba, and for
            TrueNorth, which has no u and whose v0 given here goes before the model's own.
        start_tick: LIF only; the initial state is the one before the update of this tick, and the state at
            tick 0 is chosen so that without input it becomes it. A layer that sees its first input in tick
            k starts at k.
        to_host: each spike is also a packet to the host port, as the read-out of a chip is.
        """
        owner = f"population {name!r}"
        problems: list[str] = []
        self._new_name(name, problems)
        n = _size(n, owner, problems)
        memory.require(BYTES_PER_NEURON * n, f"{owner}: {n} neurons", "add fewer", DescriptionError)
        if not isinstance(model, tuple(MODELS.values())):
            problems.append(f"{owner}: model {model!r}, choose from {', '.join(MODELS)}")
        if problems:
            raise DescriptionError(problems)
        try:
            model.parameters(n, owner)
        except DescriptionError as error:
            problems += error.problems
        if not isinstance(start_tick, int) or isinstance(start_tick, bool) or start_tick < 0:
            problems.append(f"{owner}: start_tick {start_tick!r} must be an integer of at least 0")
        elif start_tick and not isinstance(model, LIF):
            problems.append(f"{owner}: start_tick needs a model in physical units; give v0 and u0 instead")
        if isinstance(model, TrueNorth) and model.s is not None:
            problems.append(
                f"{owner}: s: the compiler chooses the weights of the types of axons, so that they make up "
                "those given to connect: leave s out, or describe cores with add_core"
            )
        if u0 is not None and isinstance(model, TrueNorth):
            problems.append(f"{owner}: u0: a TrueNorth neuron has no u; give v0")
            u0 = None
        states = {
            label: _initial_state(value, n, f"{owner}: {label}", model, problems)
            for label, value in (("v0", v0), ("u0", u0))
        }
        _raise(problems)
        population = self._named[name] = Population(
            name,
            n,
            model,
            v0=states["v0"],
            u0=states["u0"],
            start_tick=start_tick,
            to_host=bool(to_host),
            record_spikes=bool(record_spikes),
        )
        self._populations.append(population)
        return population

    def add_core(
        self,
        name: str,
        crossbar: ArrayLike,
        axon_types: ArrayLike,
        neurons: TrueNorth,
        target_core: ArrayLike = NOWHERE,
        target_axon: ArrayLike = 0,
        delay: ArrayLike = 1,
        *,
        to_host: ArrayLike = False,
        at: tuple[int, int] | None = None,
        record_spikes: bool = True,
    ) -> Core:
        """Adds a core described directly, as a chip of crossbar cores has them.

        Stimulus of its name are (tick, axon) events, integrated in that very tick; spikes and probes of its
        name are of its neurons.

        crossbar: bool [n_axons, n], or 0 and 1; at most 256 x 256.
        axon_types: 0..3, scalar or [n_axons].
        neurons: each parameter a scalar or [n], `s`, which must be given, and `b` [4] or [n, 4].
        target_core: scalar or [n]: core that a neuron's spikes go to, in the order of adding; it may be
            one that is added later; -1: none.
        target_axon, delay: scalar or [n]: axon of that core 0..255; a spike of tick t is integrated there in
            tick t + delay, 1..15.
        to_host: scalar or [n]: neurons that send to the host port instead.
        at: tile (x, y) that the core must take.
        """
        problems: list[str] = []
        self._new_name(name, problems)
        _raise(problems)
        given = {
            "axon_types": axon_types,
            "neurons": neurons,
            "target_core": target_core,
            "target_axon": target_axon,
            "delay": delay,
            "to_host": to_host,
            "at": at,
            "record_spikes": record_spikes,
        }
        core = self._named[name] = make_core(name, crossbar, given)
        self._cores.append(core)
        return core

    def connect(
        self,
        pre: Source | Population | str,
        post: Population | str,
        weights: ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix | Triplets,
        *,
        delay_ticks: int = 1,
        synapse: LoihiSynapse | None = None,
    ) -> Projection:
        """Adds synapses.

        weights: ndarray [n_pre, n_post] (a zero is no synapse), scipy.sparse (every stored entry is one),
            or Triplets. Floats for a LIF target; integer mantissas for a LoihiCuba target; integers -255..255
            for a TrueNorth target.
            Sorted by pre, then post, they are taken as they are; read-only arrays are not copied.
        delay_ticks: 1..63; a spike of tick t is integrated in tick t + delay_ticks.
        synapse: LoihiCuba target only; defaults to LoihiSynapse().
        """
        pre_part = self._part(pre, (Source, Population), "source or population")
        post_part = self._part(post, (Population,), "population")
        label = f"projection {pre_part.name!r} -> {post_part.name!r}"
        assert isinstance(pre_part, Source | Population) and isinstance(post_part, Population)
        integer = isinstance(post_part.model, LoihiCuba)
        problems: list[str] = []
        if synapse is not None and not isinstance(synapse, LoihiSynapse):
            problems.append(f"{label}: synapse {synapse!r} is not a LoihiSynapse")
        elif synapse is not None and isinstance(post_part.model, TrueNorth):
            problems.append(
                f"{label}: synapse= is for LoihiCuba targets; weights of a TrueNorth target act as given"
            )
        elif synapse is not None and not integer:
            problems.append(
                f"{label}: synapse= is for integer targets; weights of a LIF target are quantised"
            )
        _raise(problems)
        synapse = (synapse or LoihiSynapse()) if integer else None
        w_exp = None if synapse is None else synapse.w_exp
        table = synapse_table(weights, (pre_part.n, post_part.n), delay_ticks, w_exp, label, problems)
        if synapse is not None:
            problems += synapse.problems(label)
        _raise(problems)
        rows, target, weight, delay, exponent = table
        check_index(rows, pre_part.n, f"{label}: pre", problems)
        check_index(target, post_part.n, f"{label}: post", problems)
        limits = (arith.DELAY_MIN, arith.DELAY_MAX)
        delay = spread_integers(delay, len(target), f"{label}: delay_ticks", limits, problems, np.uint8)
        if isinstance(post_part.model, TrueNorth):
            limits = TrueNorth.RANGES["s"]
            weight = spread_integers(weight, len(target), f"{label}: weight", limits, problems, np.int16)
        else:
            weight = check_weights(weight, synapse, label, problems)
        if synapse is not None:
            limits = (arith.W_EXP_MIN, arith.W_EXP_MAX)
            n = len(target) if exponent.ndim else 1
            exponents = spread_integers(exponent, n, f"{label}: w_exp", limits, problems, np.int8)
        _raise(problems)
        columns = [weight, delay] if synapse is None or not exponent.ndim else [weight, delay, exponents]
        indptr, target, weight, delay, *rest = sort_synapses(rows, target, columns, pre_part.n)
        if synapse is not None:
            synapse = replace(synapse, w_exp=rest[0] if rest else int(exponents[0]))
        projection = Projection(pre_part.name, post_part.name, indptr, target, weight, delay, synapse)
        self._projections.append(projection)
        return projection

    def probe(
        self,
        population: Population | Core | str,
        variable: str,
        *,
        index: ArrayLike | None = None,
        ticks: ArrayLike | None = None,
        raw: bool = False,
    ) -> Probe:
        """Reads `variable` ("u" or "v") after each tick's update, of the neurons and ticks named.

        TrueNorth neurons have no u and no raw register.
        """
        kind = "population or core" if self._cores else "population"
        part = self._part(population, (Population, Core), kind)
        owner = f"probe of {part.name!r}"
        problems: list[str] = []
        if variable not in ("u", "v"):
            problems.append(f"{owner}: variable {variable!r}, choose from u, v")
        if raw and variable != "v":
            problems.append(f"{owner}: raw=True is for v")
        if (variable == "u" or raw) and _is_truenorth(part):
            problems.append(
                f"{owner}: a TrueNorth neuron has {'no raw register' if raw else 'no u'}; probe v"
            )
        chosen = _selection(index, part.n, f"{owner}: index", problems)
        when = _selection(ticks, None, f"{owner}: ticks", problems)
        key = (part.name, variable, bool(raw))
        if key in self._probed:
            problems.append(f"{owner}: {variable} is probed already; name all neurons and ticks in one probe")
        _raise(problems)
        probe = Probe(part.name, variable, chosen, when, bool(raw))
        self._probes.append(probe)
        self._probed.add(key)
        return probe

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the network; `load_network` reads it."""
        from emulator.formats import save_network

        save_network(self, path)

    def _new_name(self, name: str, problems: list[str]) -> str:
        if not isinstance(name, str) or not name:
            problems.append(f"name {name!r}: must be a non-empty string")
        elif name in self._named:
            problems.append(f"name {name!r} is taken in network {self.name!r}: choose another")
        return name

    def _part(self, key: object, kinds: tuple[type[Any], ...], kind: str) -> Part:
        """The part of one of these kinds that `key` names or is."""
        name = getattr(key, "name", key)
        part = self._named.get(name) if isinstance(name, str) else None
        if part is not None and isinstance(part, kinds) and (part is key or name is key):
            return part
        parts = (*self._sources, *self._populations, *self._cores)
        names = ", ".join(repr(part.name) for part in parts if isinstance(part, kinds)) or "none yet"
        raise DescriptionError(f"network {self.name!r} has no {kind} {name!r}; it has {names}")


def _raise(problems: list[str]) -> None:
    if problems:
        raise DescriptionError(problems)


def _size(n: object, owner: str, problems: list[str]) -> int:
    if isinstance(n, (int, np.integer)) and not isinstance(n, bool) and 1 <= n <= MAX_NEURONS:
        return int(n)
    problems.append(f"{owner}: size {n!r} must be an integer in 1..{MAX_NEURONS}")
    return 1


def _is_truenorth(part: Part) -> bool:
    return isinstance(part, Core) or (isinstance(part, Population) and isinstance(part.model, TrueNorth))


def _initial_state(
    value: ArrayLike | None, n: int, label: str, model: Model, problems: list[str]
) -> Array | None:
    if value is None:
        return None
    if isinstance(model, TrueNorth):
        return spread_integers(value, n, label, INT32, problems)
    if isinstance(model, LoihiCuba):
        half = 1 << (arith.STATE_BITS - 1)
        return spread_integers(value, n, label, (-half, half - 1), problems)
    try:
        array = np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)).copy()
    except (TypeError, ValueError):
        problems.append(f"{label}: expected a number or an array [{n}], got {np.shape(value)}")
        return None
    if not np.isfinite(array).all():
        problems.append(f"{label}: must be finite")
    return array


def _selection(
    chosen: ArrayLike | None, n: int | None, label: str, problems: list[str]
) -> NDArray[np.int64] | None:
    if chosen is None:
        return None
    array = np.atleast_1d(np.asarray(chosen))
    if array.dtype == np.bool_ and n is not None and array.shape == (n,):
        return np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        problems.append(f"{label}: must be a list of integers")
        return None
    if len(array) and (array.min() < 0 or (n is not None and array.max() >= n)):
        limit = f"0..{n - 1}" if n is not None else "0 and above"
        problems.append(f"{label}: {array.min()}..{array.max()} outside {limit}")
    if len(np.unique(array)) != len(array):
        problems.append(f"{label}: names an entry twice")
    return array.astype(np.int64)
