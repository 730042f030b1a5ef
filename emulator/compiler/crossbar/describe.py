"""Passes rewrite and describe: what populations come to, joined with cores described directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import LEAK_STOCHASTIC, N_TYPES, ROW_BYTES
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import NEURON_FIELDS, CrossbarCores
from emulator.compiler.rewrite import rewrite
from emulator.network import Core, Network
from emulator.network.cores import NOWHERE

Ints = NDArray[np.integer]

PARAMETERS: dict[str, tuple[str, str]] = {
    "weight": ("s", "int16"),
    "leak": ("leak", "int16"),
    "reversal": ("epsilon", "uint8"),
    "alpha": ("alpha", "int32"),
    "beta": ("beta", "int32"),
    "mask_bits": ("TM", "uint8"),
    "reset": ("R", "int32"),
    "reset_mode": ("gamma", "uint8"),
    "saturate": ("kappa", "uint8"),
    "v0": ("v0", "int32"),
}
"""Field of the tables -> parameter of TrueNorth, dtype."""


def describe(network: Network, chip: ChipSpec, rewritten: CrossbarCores) -> CrossbarCores:
    """All cores of the network: those of populations, then those described directly."""
    return joined(rewritten, described(network, chip))


def rewrite_populations(
    network: Network, chip: ChipSpec, choices: Mapping[str, str] | None = None
) -> CrossbarCores:
    """Cores of the populations; inputs of the sources. Accounts as the parts of `emit_crossbar_symbols`."""
    if network.populations:
        population_account = len(network.sources) + len(network.cores)
        chosen = choices or {}
        return rewrite(
            network,
            chip,
            population_account=population_account,
            weights=chosen.get("weights", "auto"),
            fan_in=chosen.get("fan_in", "refuse"),
        )
    n_inputs = [source.n for source in network.sources]
    account = np.repeat(np.arange(len(n_inputs)), n_inputs)
    return CrossbarCores(
        neuron_ptr=np.zeros(1, dtype=np.int64),
        axon_ptr=np.zeros(1, dtype=np.int64),
        axon_type=np.zeros(0, dtype=np.uint8),
        crossbar=np.zeros((0, ROW_BYTES), dtype=np.uint8),
        neurons={name: np.zeros((0, N_TYPES) if name == "weight" else 0, np.int32) for name in NEURON_FIELDS},
        account=np.zeros(0, dtype=np.int32),
        recorded=np.zeros(0, dtype=np.bool_),
        target_core=np.zeros(0, dtype=np.int32),
        target_axon=np.zeros(0, dtype=np.int32),
        target_delay=np.zeros(0, dtype=np.uint8),
        input_ptr=np.zeros(len(account) + 1, dtype=np.int64),
        input_core=np.zeros(0, dtype=np.int32),
        input_axon=np.zeros(0, dtype=np.int32),
        input_delay=np.zeros(0, dtype=np.uint8),
        input_account=account.astype(np.int32),
        at=np.zeros(0, dtype=np.int32),
        address={},
    )


def described(network: Network, chip: ChipSpec) -> CrossbarCores:
    """Cores described directly. Each axon is a host input too, for the very tick that it is given for."""
    cores = network.cores
    n_neurons, n_axons = [core.n for core in cores], [core.n_axons for core in cores]
    neuron_ptr, axon_ptr = _pointer(n_neurons), _pointer(n_axons)

    def table(value: Callable[[Core], Any], dtype: str, pointer: Ints = neuron_ptr, width: int = 0) -> Ints:
        out = np.empty((pointer[-1], width) if width else pointer[-1], dtype=dtype)
        for core, start, end in zip(cores, pointer[:-1].tolist(), pointer[1:].tolist(), strict=True):
            out[start:end] = value(core)
        return out

    def parameter(name: str, dtype: str) -> Ints:
        return table(lambda core: getattr(core.neurons, name), dtype, width=N_TYPES * (name == "s"))

    neurons = {name: parameter(*of) for name, of in PARAMETERS.items()}
    target = table(lambda core: core.target_core, "int32")
    to_host = table(lambda core: core.to_host, "uint8") != 0
    target[to_host] = len(cores)
    to_core = (target != NOWHERE) & ~to_host
    first = len(network.sources)
    account = first + len(cores) + len(network.populations) + np.repeat(np.arange(len(cores)), n_neurons)
    return CrossbarCores(
        neuron_ptr=neuron_ptr,
        axon_ptr=axon_ptr,
        axon_type=table(lambda core: core.axon_types, "uint8", axon_ptr),
        crossbar=table(lambda core: core.rows, "uint8", axon_ptr, ROW_BYTES),
        neurons=neurons | {"stochastic": table(_stochastic, "uint8")},
        account=account.astype(np.int32),
        recorded=np.repeat(np.array([core.record_spikes for core in cores], dtype=np.bool_), n_neurons),
        target_core=target,
        target_axon=np.where(to_core, table(lambda core: core.target_axon, "int32"), 0),
        target_delay=np.where(to_core, table(lambda core: core.delay, "uint8"), 0).astype(np.uint8),
        input_ptr=np.arange(axon_ptr[-1] + 1, dtype=np.int64),
        input_core=np.repeat(np.arange(len(cores), dtype=np.int32), n_axons),
        input_axon=(np.arange(axon_ptr[-1]) - np.repeat(axon_ptr[:-1], n_axons)).astype(np.int32),
        input_delay=np.zeros(axon_ptr[-1], dtype=np.uint8),
        input_account=first + np.repeat(np.arange(len(cores), dtype=np.int32), n_axons),
        at=_physical(cores, chip),
        address={
            core.name: np.arange(start, start + core.n)
            for core, start in zip(cores, neuron_ptr[:-1].tolist(), strict=True)
        },
    )


def _pointer(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _stochastic(core: Core) -> Any:
    """Scalar or [n]: bits of `CrossbarImage.slot_stochastic`."""
    b, c = np.asarray(core.neurons.b, dtype=np.int64), np.asarray(core.neurons.c, dtype=np.int64)
    return (b << np.arange(N_TYPES)).sum(axis=-1) + c * LEAK_STOCHASTIC


def _physical(cores: Sequence[Core], chip: ChipSpec) -> Ints:
    """int32 [n_cores]: physical core of each pinned core, the live ones of a tile in order; -1: free."""
    usable = usable_cores(chip).reshape(chip.n_tiles, chip.cores.per_tile)
    out = np.full(len(cores), -1, dtype=np.int32)
    n_taken: dict[int, int] = {}
    for number, core in enumerate(cores):
        if core.at is None:
            continue
        tile = core.at[1] * chip.mesh.width + core.at[0]
        place = n_taken.get(tile, 0)
        n_taken[tile] = place + 1
        out[number] = tile * chip.cores.per_tile + np.flatnonzero(usable[tile])[place]
    return out


def joined(first: CrossbarCores, second: CrossbarCores) -> CrossbarCores:
    """The cores and inputs of both, renumbered."""
    n_cores = first.n_cores + second.n_cores

    def both(name: str) -> Any:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    def pointer(name: str) -> NDArray[np.int64]:
        ours, theirs = getattr(first, name), getattr(second, name)
        return np.asarray(np.concatenate([ours, ours[-1] + theirs[1:]]))

    def target(cores: CrossbarCores, offset: int) -> Ints:
        to_core = np.where(cores.target_core >= 0, cores.target_core + offset, NOWHERE)
        return np.where(cores.target_core == cores.n_cores, n_cores, to_core).astype(np.int32)

    alike = ("axon_type", "crossbar", "account", "recorded", "target_axon", "target_delay")
    alike_inputs = ("input_axon", "input_delay", "input_account")
    return CrossbarCores(
        neuron_ptr=pointer("neuron_ptr"),
        axon_ptr=pointer("axon_ptr"),
        input_ptr=pointer("input_ptr"),
        **{name: both(name) for name in (*alike, *alike_inputs)},
        at=both("at"),
        neurons={name: np.concatenate([first.neurons[name], second.neurons[name]]) for name in NEURON_FIELDS},
        target_core=np.concatenate([target(first, 0), target(second, first.n_cores)]),
        input_core=np.concatenate([first.input_core, second.input_core + first.n_cores]),
        address=first.address
        | {name: neurons + first.neuron_ptr[-1] for name, neurons in second.address.items()},
        report=(*first.report, *second.report),
    )
