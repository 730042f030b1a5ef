"""Hypothesis strategies: whole descriptions out of nothing. Chips of any kind with limits of any size, what
is broken of them, networks for a chip that fit it or cannot, images, NIR graphs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from emulator.chip.crossbar import AnyImage
from emulator.chip.groups import Faults
from emulator.chip.spec import ChipSpec
from emulator.errors import SpecError
from emulator.formats import load_chip
from emulator.network import Network
from emulator.testing import strategies
from emulator.testing.capacity import CROSSBAR_CORES, LIST_CORES, at_limit
from emulator.testing.crossbar_strategies import core_networks
from emulator.testing.crossbars import crossbar_chip
from emulator.testing.fitting import edges, fitting_networks
from emulator.testing.subject import compiled
from emulator.testing.trials import trials

TINY = "tiny"  # of the shipped chips the one whose parts can be lifted, shrunk and multiplied
ANYWHERE = ("compartments", "axons_in", "delay_ticks", "refractory_ticks", "cores")
"""Limits that a network can be beyond wherever its neurons are: one neuron is, or all of them are."""
WITHIN = {
    "axons_in": (1, 4096),
    "axons_out": (1, 4096),
    "synapse_memory_bits": (1, 2**20),
    "delay_ticks": (1, 63),
    "delay_slots": (1, 8192),
    "compartment_configs": (1, 32),
    "threshold_configs": (1, 16),
    "refractory_ticks": (1, 63),
}


def chips(
    base: ChipSpec | None = None, max_side: int = strategies.MAX_TILES, faulty: bool = False
) -> st.SearchStrategy[ChipSpec]:
    """Chips made of `base`: meshes of 1 x 1 .. max_side x max_side tiles, any depths and times, a barrier or
    a clock, limits lifted. None: of any kind of cores, with limits of any size, from 1 on. faulty: some have
    dead parts and lossy links."""
    if base is not None:
        return strategies.chips(base, max_side, faulty)
    return _any_chips(max_side, faulty)


@st.composite
def _any_chips(draw: st.DrawFn, max_side: int, faulty: bool) -> ChipSpec:
    lists = draw(st.sampled_from((True, True, False)))
    chip = draw(strategies.chips(load_chip(TINY) if lists else crossbar_chip(), max_side, faulty))
    if lists:
        most = min(2 ** max(chip.list_format.index_bits), 1024)
        limits: dict[str, Any] = {"compartments": draw(edges(1, most))}
        limits |= {key: draw(st.one_of(edges(*ends), st.none())) for key, ends in WITHIN.items()}
    else:
        ends = {"compartments": 256, "axons_in": 256, "delay_ticks": 15}
        limits = {key: draw(edges(1, most)) for key, most in ends.items()}
    return chip.replace({"limits": limits})


@st.composite
def fault_maps(draw: st.DrawFn, chip: ChipSpec) -> Faults | None:
    """Dead links, routers and cores of a chip, and lossy links where it may have some:
    `chip.replace({"mesh.faults": faults})`. At least one core stays alive; packets without a way are dropped.
    Shrinks towards none."""
    mesh = chip.mesh
    given = draw(st.none() | strategies.faults(mesh.width, mesh.height, chip.cores.per_tile))
    if given is not None and (chip.cores.model == "truenorth" or mesh.multicast == "tree"):
        given = given | {"lossy": []}
    return None if given is None else Faults.model_validate(given)


def networks(
    chip: ChipSpec | None = None, fits: bool = True, *, max_neurons: int = 8, poisson: bool = True
) -> st.SearchStrategy[Network]:
    """Networks for a chip. fits: they compile; False: they cannot, for exactly one of the chip's limits.

    Without a chip: LoihiCuba networks for one whose limits are lifted, up to max_neurons in a population,
    with sources of all kinds; poisson: False leaves out what differs from sample to sample. Raises SpecError
    if nothing that could be built is beyond a limit of the chip.
    """
    if chip is None:
        return strategies.networks(max_neurons, poisson)
    if fits:
        return core_networks(chip) if chip.cores.model == "truenorth" else fitting_networks(chip)
    names = CROSSBAR_CORES if chip.cores.model == "truenorth" else LIST_CORES
    beyond = {}
    for name in names:
        trial = at_limit(chip, name, over=True) if name in ANYWHERE else None
        if trial is not None and (name != "compartments" or chip.n_cores == 1 or not trial.mapping):
            beyond[name] = trial.network
    if not beyond:
        raise SpecError(
            f"chip {chip.name!r}: no small network is beyond one of its limits, which are lifted or large: "
            'give it less, such as chip.replace({"mesh.width": 1, "mesh.height": 1})'
        )
    return st.sampled_from(sorted(beyond)).map(beyond.__getitem__)


def images(chip: ChipSpec | None = None) -> st.SearchStrategy[AnyImage]:
    """Images that pass every check of a chip, or of the chip `tiny`."""
    return trials(chip or load_chip(TINY)).map(lambda trial: compiled(trial).image)


@st.composite
def nir_graphs(draw: st.DrawFn, max_layers: int = 2) -> Any:
    """`nir.NIRGraph` of layers in a row, which `nir.write` writes and `from_nir` reads: weights, then spiking
    neurons. Needs the extra `nir`. Shrinks towards one neuron with a weight of 0."""
    import nir

    sizes = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, max_layers)) + 1)]
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([sizes[0]])})}
    weight = st.floats(-2, 2, width=32)
    for layer, (n_pre, n) in enumerate(pairwise(sizes)):
        matrix = np.array(draw(st.lists(weight, min_size=n * n_pre, max_size=n * n_pre))).reshape(n, n_pre)
        bias = draw(st.none() | weight)
        full = None if bias is None else np.full(n, bias)
        nodes[f"weights{layer}"] = nir.Linear(matrix) if full is None else nir.Affine(matrix, full)
        nodes[f"neurons{layer}"] = _neurons(nir, draw, n)
    nodes["output"] = nir.Output({"output": np.array([sizes[-1]])})
    names = list(nodes)
    return nir.NIRGraph(nodes=nodes, edges=list(pairwise(names)))


def _neurons(nir: Any, draw: st.DrawFn, n: int) -> Any:
    ones = np.ones(n)
    tau_s, threshold = draw(st.sampled_from((2e-3, 1e-2, 0.1))), draw(st.sampled_from((1.0, 0.5, 4.0)))
    kind = draw(st.sampled_from(("IF", "LIF", "CubaLIF")))
    if kind == "IF":
        return nir.IF(r=ones, v_threshold=threshold * ones)
    given = {"r": ones, "v_leak": 0 * ones, "v_threshold": threshold * ones}
    if kind == "LIF":
        return nir.LIF(tau=tau_s * ones, **given)
    return nir.CubaLIF(tau_syn=2e-3 * ones, tau_mem=tau_s * ones, **given)
