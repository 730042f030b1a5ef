"""The mapper under test: ours, or any Python callable that puts a network onto a chip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler import compile as compile_network
from emulator.errors import SimulationError
from emulator.network import Network
from emulator.program import Program
from emulator.testing.run_laws import LawBroken

Mapper = Callable[[Network, ChipSpec], Any]
OURS = "default"


def mapped(network: Network, chip: ChipSpec, mapper: Mapper | None) -> Program:
    """The program of a mapper; None: ours.

    A mapper gets network and chip. It returns either the cores, {population: integers [n], the physical core
    of each neuron}, and we fill them, or a whole `Program`. Raises LawBroken for cores that are none, and
    whatever the mapper and the compiler say.
    """
    if mapper is None:
        return compile_network(network, chip, effort=OURS)
    returned = mapper(network, chip)
    if isinstance(returned, Program):
        if returned.chip != chip:
            raise LawBroken(f"the program is for chip {returned.chip.name!r}, asked for {chip.name!r}")
        return returned
    if not isinstance(returned, Mapping):
        raise SimulationError(
            f"the mapper returned {type(returned).__name__}, expected a Program, or cores as "
            "{population: integers [n]}"
        )
    cores = {
        population.name: _cores(returned, population.name, population.n) for population in network.populations
    }
    unknown = [name for name in returned if name not in cores]
    if unknown:
        raise LawBroken(f"cores for {unknown[0]!r}: no such population, there are {', '.join(cores)}")
    return compile_network(network, chip, mapping=cores, effort="fast")


def _cores(returned: Mapping[str, Any], name: str, n: int) -> NDArray[np.int64]:
    if name not in returned:
        raise LawBroken(f"population {name!r} is placed nowhere")
    cores = np.asarray(returned[name])
    if cores.dtype.kind not in "iu" or cores.shape != (n,):
        raise LawBroken(
            f"population {name!r}: cores {cores.dtype}{list(cores.shape)}, expected integers [{n}]"
        )
    return cores.astype(np.int64)
