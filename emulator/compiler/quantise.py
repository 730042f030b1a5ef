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
from emulator.compiler.blocks import mantissas
from emulator.compiler.fidelity import (
    ALL_MANTISSAS,
    Weighed,
    effective_weights,
    exponent_codes,
    population_report,
    register_load,
)
from emulator.compiler.ir import NEURON_FIELDS, Quantised, QuantisedProjection
from emulator.compiler.quantise_lif import SOFT_RESET_NOTE, quantise_lif
from emulator.compiler.rounding import STEP, lost
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
        projections=tuple(
            _projection(w, network.projections[w.projection_id], first) for w in weighed if len(w.mantissa)
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
        rest = _given_report(register_load(population.n, inputs), bool(neurons["soft_reset"].any()))
    kind, overflow = type(population.model).__name__, chip.arithmetic.overflow
    rest |= _conventions(population, neurons, network.dt_s)
    report = population_report(population.name, kind, population.n, weighed, rest, overflow)
    return neurons, weighed, report


def _conventions(population: Population, neurons: dict[str, Ints], dt_s: float) -> dict[str, Any]:
    """How the equations of a population are read, for its report."""
    model = population.model
    reset = (
        "subtract" if neurons["soft_reset"].all() else "value" if not neurons["soft_reset"].any() else "mixed"
    )
    if not isinstance(model, LIF):
        return {"reset": reset, "integrator": None, "dt_s": None}
    never = bool(np.isinf(np.asarray(model.threshold, dtype=np.float64)).all())
    return {"reset": "never" if never else reset, "integrator": model.integrator, "dt_s": dt_s}


def _given_registers(population: Population, problems: list[str]) -> dict[str, Ints]:
    """Registers of a LoihiCuba population."""
    assert isinstance(population.model, LoihiCuba)
    owner = f"population {population.name!r}"
    neurons: dict[str, Ints] = dict(population.model.parameters(population.n, owner))
    for field, initial in (("u0", population.u0), ("v0", population.v0)):
        neurons[field] = np.zeros(population.n, np.int64) if initial is None else initial.astype(np.int64)
    neurons["refractory0"] = np.zeros(population.n, np.int64)
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
    """Mantissas of a projection as its format stores them. Few differ: each value is looked at once."""
    synapse = projection.synapse
    assert synapse is not None
    w_exp = np.asarray(synapse.w_exp).reshape(-1)[: projection.n_synapses]  # one for all, or one each
    exponents, code = exponent_codes(w_exp)
    counts = np.zeros((len(exponents), len(ALL_MANTISSAS)), dtype=np.int64)
    if projection.n_synapses:
        mantissas.count_mantissas(projection.weight, code, counts)
    n_lost = arith.lost_bits(synapse.weight_bits, synapse.sign_mode == "mixed")
    rounded = arith.quantise_mantissa(ALL_MANTISSAS, n_lost, synapse.rounding, synapse.sign_mode)
    # rounding away from zero can leave the range: 255 to the nearest even mantissa is 256
    low, high = arith.MANTISSA_RANGE[synapse.sign_mode]
    step = 1 << n_lost
    stored = np.clip(rounded, -(-low // step * step), high // step * step)
    unit = np.ldexp(float(STEP), np.array(exponents, dtype=np.int64))[:, None]
    clipped = (stored != rounded) | (np.abs(stored * unit) > arith.W_ACT_LIMIT)
    on_sum = synapse.rounding == "lava"
    wanted, acting = ALL_MANTISSAS * unit, effective_weights(stored, exponents, on_sum=on_sum)
    return Weighed(
        label=projection.label,
        projection_id=projection_id,
        mantissa=_stored(projection.weight, stored, counts),
        w_exp=exponents,
        code=code,
        weight_bits=synapse.weight_bits,
        sign_mode=synapse.sign_mode,
        acts=bool(counts[acting != 0].any()),
        n_clipped=int(counts[clipped].sum()),
        n_zeroed=int(counts[(acting == 0) & (wanted != 0)].sum()),
        signal=float((counts * wanted**2).sum()),
        noise=float((counts * lost(acting, wanted) ** 2).sum()),
        on_sum=on_sum,
    )


def _stored(given: Ints, stored: Ints, counts: Ints) -> Ints:
    """The mantissas given, themselves where all are stored as they are."""
    if not counts[:, stored != ALL_MANTISSAS].any():
        return given
    out = np.empty(len(given), dtype=np.int16)
    mantissas.quantise_mantissas(given, stored.astype(np.int16), out)
    return out


def _given_report(load: int, soft_reset: bool) -> dict[str, Any]:
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
        "notes": [SOFT_RESET_NOTE] if soft_reset else [],
    }


def _first_senders(network: Network) -> dict[str, int]:
    """Name -> first sender: the neurons, then the inputs of the sources."""
    first, total = {}, 0
    for part in (*network.populations, *network.sources):
        first[part.name] = total
        total += part.n
    return first


def _projection(weighed: Weighed, projection: Projection, first: dict[str, int]) -> QuantisedProjection:
    return QuantisedProjection(
        projection_id=weighed.projection_id,
        first_sender=first[projection.pre],
        first_target=first[projection.post],
        indptr=projection.indptr,
        target=projection.target,
        mantissa=weighed.mantissa,
        delay_ticks=projection.delay_ticks,
        w_exp=weighed.w_exp,
        code=weighed.code,
        weight_bits=weighed.weight_bits,
        sign_mode=weighed.sign_mode,
        delay_bits=(int(projection.delay_ticks.max()) - 1).bit_length(),
        on_sum=weighed.on_sum,
    )
