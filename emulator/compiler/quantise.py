"""Pass quantise: Network -> Quantised. Populations and projections in the chip's integers.

LoihiCuba populations are taken as given; LIF populations get a scale and are rounded (`scale`,
`quantise_lif`). Nothing is clipped or rounded without being counted in `Quantised.report`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.spec import ChipSpec
from emulator.compiler.fidelity import Weighed, population_report, register_load, weigh
from emulator.compiler.ir import NEURON_FIELDS, Quantised, SynapseGroup
from emulator.compiler.quantise_lif import quantise_lif
from emulator.compiler.rounding import STEP
from emulator.compiler.shifted import shift
from emulator.errors import CompileError
from emulator.network import LIF, LoihiCuba, Network, Population, Projection

Ints = NDArray[np.integer]
Parts = tuple[dict[str, Ints], list[Weighed], dict[str, Any]]


def quantise(network: Network, chip: ChipSpec) -> Quantised:
    """The network, which passed `check`, in integers. Raises CompileError with all that fits no register."""
    problems: list[str] = []
    afferents: dict[str, list[tuple[int, Projection]]] = {part.name: [] for part in network.populations}
    for projection_id, projection in enumerate(network.projections):
        afferents[projection.post].append((projection_id, projection))
    done = [_population(part, afferents[part.name], network, chip, problems) for part in network.populations]
    if problems:
        raise CompileError(problems)
    parts = [part for part in done if part is not None]
    assert len(parts) == len(done), "a population that fails notes a problem"
    first = _first_senders(network)
    weighed = sorted((w for _, ws, _ in parts for w in ws), key=lambda w: w.projection_id)
    n_neurons = sum(part.n for part in network.populations)
    return Quantised(
        n_neurons=n_neurons,
        n_inputs=sum(source.n for source in network.sources),
        neurons={
            field: np.concatenate([np.zeros(0, np.int64), *(neurons[field] for neurons, _, _ in parts)])
            for field in NEURON_FIELDS
        },
        to_host=np.repeat(
            np.array([part.to_host for part in network.populations], dtype=bool),
            [part.n for part in network.populations],
        ),
        groups=tuple(
            group for w in weighed for group in _groups(w, network.projections[w.projection_id], first)
        ),
        report=tuple(report for _, _, report in parts),
    )


def _population(
    population: Population,
    afferents: list[tuple[int, Projection]],
    network: Network,
    chip: ChipSpec,
    problems: list[str],
) -> Parts | None:
    if isinstance(population.model, LIF):
        shifted = shift(population, afferents, network.dt_s, problems)
        quantised = None if shifted is None else quantise_lif(shifted, chip, problems)
        if quantised is None:
            return None
        neurons, weighed, rest = quantised
    else:
        neurons = _given_registers(population, problems)
        weighed = [_given_weights(i, projection) for i, projection in afferents]
        inputs = [(projection.target, w) for (_, projection), w in zip(afferents, weighed, strict=True)]
        rest = _given_report(register_load(population.n, inputs))
    report = population_report(population.name, type(population.model).__name__, population.n, weighed, rest)
    return neurons, weighed, report


def _given_registers(population: Population, problems: list[str]) -> dict[str, Ints]:
    """Registers of a LoihiCuba population."""
    assert isinstance(population.model, LoihiCuba)
    owner = f"population {population.name!r}"
    neurons: dict[str, Ints] = dict(population.model.parameters(population.n, owner))
    for field, initial in (("u0", population.u0), ("v0", population.v0)):
        neurons[field] = np.zeros(population.n, np.int64) if initial is None else initial.astype(np.int64)
    neurons["refractory0"] = np.zeros(population.n, np.int64)
    neurons["soft_reset"] = np.zeros(population.n, np.int64)
    v0, vmin, vmax = (neurons[field] for field in ("v0", "vmin", "vmax"))
    bad = np.flatnonzero((v0 < vmin) | (v0 > vmax))
    if len(bad):
        i = bad[0]
        problems.append(
            f"{owner}: v0[{i}] = {v0[i]} outside vmin..vmax = {vmin[i]}..{vmax[i]} ({len(bad)} in all): "
            "start within the clip"
        )
    return neurons


def _given_weights(projection_id: int, projection: Projection) -> Weighed:
    """Mantissas of a projection as its format stores them."""
    synapse = projection.synapse
    assert synapse is not None
    n_lost = arith.lost_bits(synapse.weight_bits, synapse.sign_mode == "mixed")
    given = projection.weight.astype(np.int64)
    w_exp = np.broadcast_to(np.asarray(synapse.w_exp, dtype=np.int64), given.shape)
    rounded = arith.quantise_mantissa(given, n_lost, synapse.rounding)
    # rounding away from zero can leave the range: 255 to the nearest even mantissa is 256
    low, high = arith.MANTISSA_RANGE[synapse.sign_mode]
    step = 1 << n_lost
    mantissa = np.clip(rounded, -(-low // step * step), high // step * step)
    unit = np.ldexp(np.full(given.shape, float(STEP)), w_exp)
    clipped = (mantissa != rounded) | (np.abs(mantissa * unit) > arith.W_ACT_LIMIT)
    return weigh(
        projection.label,
        projection_id,
        given * unit,
        mantissa.astype(np.int16),
        w_exp,
        weight_bits=synapse.weight_bits,
        sign_mode=synapse.sign_mode,
        n_clipped=int(clipped.sum()),
    )


def _given_report(load: int) -> dict[str, Any]:
    """The keys of a LIF population's report; parameters in chip integers are exact."""
    return {
        "scale": None,
        "threshold_error": 0.0,
        "bias_error": 0.0,
        "decay_error_mem": 0.0,
        "decay_error_syn": 0.0,
        "worst_case_input": load,
        "worst_case_current": None,
        "worst_case_voltage": None,
        "start_tick": 0,
        "start_residual_lsb": 0,
        "notes": [],
    }


def _first_senders(network: Network) -> dict[str, int]:
    """Name -> first sender: the neurons, then the inputs of the sources."""
    first, total = {}, 0
    for part in (*network.populations, *network.sources):
        first[part.name] = total
        total += part.n
    return first


def _groups(weighed: Weighed, projection: Projection, first: dict[str, int]) -> list[SynapseGroup]:
    """One group per exponent; a projection is already sorted by pre, then post."""
    if not len(projection.target):
        return []
    pre = np.repeat(np.arange(len(projection.indptr) - 1, dtype=np.int32), np.diff(projection.indptr))
    pre = pre + np.int32(first[projection.pre])
    post = (projection.target + first[projection.post]).astype(np.int32)
    delay_bits = (int(projection.delay_ticks.max()) - 1).bit_length()
    groups = []
    for w_exp in np.unique(weighed.w_exp):
        of_group = weighed.w_exp == w_exp
        groups.append(
            SynapseGroup(
                projection_id=weighed.projection_id,
                w_exp=int(w_exp),
                weight_bits=weighed.weight_bits,
                sign_mode=weighed.sign_mode,
                delay_bits=delay_bits,
                on_sum=False,
                pre=pre[of_group],
                post=post[of_group],
                mantissa=weighed.mantissa[of_group],
                delay_ticks=projection.delay_ticks[of_group],
            )
        )
    return groups
