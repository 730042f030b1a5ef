"""Networks that take exactly what a core has of one thing, or one more: to see that a chip's limits are kept
by errors, and that what fits is let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from emulator import arith
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.packing import Packing, least_list_bits, sparse_index_bits
from emulator.network import LoihiCuba, LoihiSynapse, Network, Triplets, TrueNorth
from emulator.testing.parts import parts
from emulator.testing.trials import LimitTrial

MAX_SIZE = 70_000  # neurons or inputs of a network; a limit that takes more is left out
MAX_SYNAPSES = 400_000
CORE = 0  # of the usable ones, that everything is pinned to

Built = tuple[Network, dict[str, NDArray[np.int64]]] | None
"""None: such a network cannot be described, or would break another limit."""


@dataclass(frozen=True)
class _Bench:
    """What builders know of a chip."""

    chip: ChipSpec
    usable: NDArray[np.int64]

    @property
    def home(self) -> int:
        return int(self.usable[CORE])

    def holds(self, **taken: int) -> bool:
        """Whether one core has so much of each."""
        limits = {name: getattr(self.chip.limits, name) for name in taken}
        return all(limits[name] is None or n <= limits[name] for name, n in taken.items())

    def alone(self, n: int, model: LoihiCuba | None = None) -> Built:
        """One population on one core."""
        if n > MAX_SIZE:
            return None
        network = Network("limit")
        network.add_population("p", n, model or LoihiCuba())
        return network, {"p": np.full(n, self.home)}


def _compartments(bench: _Bench, n: int, over: bool) -> Built:
    return bench.alone(n)


def _configs(bench: _Bench, n: int, over: bool) -> Built:
    fits = n <= arith.DECAY_MAX + 1 and bench.holds(compartments=n)
    return bench.alone(n, LoihiCuba(dv=np.arange(n))) if fits else None


def _thresholds(bench: _Bench, n: int, over: bool) -> Built:
    fits = n <= arith.VTH_MANT_MAX + 1 and bench.holds(compartments=n)
    return bench.alone(n, LoihiCuba(vth_mant=np.arange(n))) if fits else None


def _refractory(bench: _Bench, n: int, over: bool) -> Built:
    return bench.alone(1, LoihiCuba(refractory=n)) if n <= arith.REFRACTORY_MAX else None


def _fan_in(bench: _Bench, n_inputs: int, n: int, delay_ticks: int = 1) -> Built:
    """Each input to each of n neurons."""
    if max(n_inputs, n) > MAX_SIZE or n_inputs * n > MAX_SYNAPSES:
        return None
    network = Network("limit")
    source = network.add_source("in", n_inputs)
    target = network.add_population("p", n, LoihiCuba())
    synapse = LoihiSynapse(weight_bits=max(bits for bits in _widths(bench.chip)))
    network.connect(source, target, np.full((n_inputs, n), 254), delay_ticks=delay_ticks, synapse=synapse)
    return network, {"p": np.full(n, bench.home)}


def _widths(chip: ChipSpec) -> list[int]:
    return [bits for bits in chip.list_format.weight_bits if bits <= 8] or [8]


def _list_bits(chip: ChipSpec, n: int, delay_ticks: int = 1) -> int:
    """Memory of the list of one sender that reaches n neurons in a row."""
    packing, dense = Packing.of(chip), 0 in chip.list_format.index_bits
    bits = packing.synapse_bits(max(_widths(chip)), (delay_ticks - 1).bit_length(), dense)
    return int(packing.run_bits(n, bits))


def _axons_in(bench: _Bench, n: int, over: bool) -> Built:
    fits = bench.holds(synapse_memory_bits=n * _list_bits(bench.chip, 1))
    return _fan_in(bench, n, 1) if over or fits else None


def _memory(bench: _Bench, bits: int, over: bool) -> Built:
    """As many lists of a full core as its memory holds, or one more."""
    n = min(bench.chip.limits.compartments, 1024)
    one = _list_bits(bench.chip, n)
    n_lists = bits // one + (1 if over else 0)
    fits = n_lists >= 1 and bench.holds(axons_in=n_lists)
    return _fan_in(bench, n_lists, n) if fits else None


def _delay_ticks(bench: _Bench, ticks: int, over: bool) -> Built:
    fits = ticks <= arith.DELAY_MAX and (over or bench.holds(delay_slots=ticks))
    return _fan_in(bench, 1, 1, ticks) if fits else None


def _delay_slots(bench: _Bench, slots: int, over: bool) -> Built:
    """Many compartments, of which one is reached after the longest delay."""
    longest = min(bench.chip.limits.delay_ticks or arith.DELAY_MAX, slots)
    n = slots // longest + (1 if over and slots % longest else 0)
    if not bench.holds(compartments=n) or n > MAX_SIZE:
        return None
    network = Network("limit")
    source = network.add_source("in", 1)
    target = network.add_population("p", n, LoihiCuba())
    network.connect(source, target, Triplets([0], [0], [100]), delay_ticks=longest)
    return network, {"p": np.full(n, bench.home)}


def _axons_out(bench: _Bench, n: int, over: bool) -> Built:
    """Neurons of one core that reach others, n pairs of neuron and core."""
    senders = min(bench.chip.limits.compartments, n)
    targets = -(-n // senders)
    others = bench.usable[bench.usable != bench.home]
    memory = senders * _list_bits(bench.chip, 1)
    if targets > len(others) or not bench.holds(axons_in=senders, synapse_memory_bits=memory):
        return None
    network = Network("limit")
    pre = network.add_population("p", senders, LoihiCuba())
    post = network.add_population("q", targets, LoihiCuba())
    pairs = np.arange(n)
    weight = np.full(n, 2)
    network.connect(pre, post, Triplets(pairs // targets, pairs % targets, weight))
    return network, {"p": np.full(senders, bench.home), "q": others[:targets]}


def _all_cores(bench: _Bench, n: int, over: bool) -> Built:
    """n neurons anywhere."""
    built = bench.alone(n)
    return None if built is None else (built[0], {})


def _crossbar(bench: _Bench, n: int, n_axons: int, delay: int = 1) -> Built:
    if max(n, n_axons) > 256 or delay > 15:
        return None
    network = Network("limit")
    crossbar = np.zeros((n_axons, n), dtype=np.bool_)
    network.add_core("c", crossbar, 0, TrueNorth(s=(1, 0, 0, 0)), target_core=0, target_axon=0, delay=delay)
    return network, {}


def _same_tile(bench: _Bench, n: int, over: bool) -> Built:
    network = Network("limit")
    tile = bench.home // bench.chip.cores.per_tile
    for index in range(n):
        at = bench.chip.coordinates(tile)
        network.add_core(f"c{index}", np.zeros((1, 1), dtype=np.bool_), 0, TrueNorth(s=(1, 0, 0, 0)), at=at)
    return network, {}


Builder = Callable[[_Bench, int, bool], Built]
LIST_CORES: dict[str, Builder] = {
    "compartments": _compartments,
    "compartment_configs": _configs,
    "threshold_configs": _thresholds,
    "refractory_ticks": _refractory,
    "delay_ticks": _delay_ticks,
    "delay_slots": _delay_slots,
    "axons_in": _axons_in,
    "axons_out": _axons_out,
    "synapse_memory_bits": _memory,
    "cores": _all_cores,
}
CROSSBAR_CORES: dict[str, Builder] = {
    "compartments": lambda bench, n, over: _crossbar(bench, n, 1),
    "axons_in": lambda bench, n, over: _crossbar(bench, 1, n),
    "delay_ticks": lambda bench, n, over: _crossbar(bench, 1, 1, n),
    "cores": _same_tile,
}


def at_limit(chip: ChipSpec, limit: str, over: bool) -> LimitTrial | None:
    """A network that takes all there is of `limit`, or, `over`, one more; None if there is none."""
    bench = _Bench(chip, np.flatnonzero(usable_cores(chip)))
    amount = _amount(bench, limit)
    builders = CROSSBAR_CORES if chip.cores.model == "truenorth" else LIST_CORES
    if amount is None or limit not in builders:
        return None
    if _needs_synapses(limit) and builders is LIST_CORES and not _stores_synapses(chip):
        return None
    exact = limit in ("synapse_memory_bits", "delay_slots")  # say themselves what one more is
    built = builders[limit](bench, amount + (over and not exact), over)
    if built is None and limit == "delay_slots" and over:
        return None
    return None if built is None else LimitTrial(chip, *built, limit=limit, fits=not over)


def _needs_synapses(limit: str) -> bool:
    return limit in ("delay_ticks", "delay_slots", "axons_in", "axons_out", "synapse_memory_bits")


def _stores_synapses(chip: ChipSpec) -> bool:
    memory = chip.limits.synapse_memory_bits
    if sparse_index_bits(chip) is None or min(_widths(chip)) not in chip.list_format.weight_bits:
        return False
    return memory is None or least_list_bits(chip) <= memory


def _amount(bench: _Bench, limit: str) -> int | None:
    """What there is of it; None: lifted."""
    chip = bench.chip
    if limit != "cores":
        amount: Any = getattr(chip.limits, limit)
        return None if amount is None else int(amount)
    if chip.cores.model == "truenorth":
        tile = bench.home // chip.cores.per_tile
        return int((bench.usable // chip.cores.per_tile == tile).sum())
    return len(bench.usable) * chip.limits.compartments


@st.composite
def limit_trials(draw: st.DrawFn, chip: ChipSpec, over: bool | None = None) -> LimitTrial:
    """A network at a limit of a part of the chip; over: beyond it; None: either."""
    part = draw(parts(chip, max_side=2))
    beyond = draw(st.booleans()) if over is None else over
    names = CROSSBAR_CORES if part.cores.model == "truenorth" else LIST_CORES
    drawn = draw(st.sampled_from(tuple(names)))
    ring = [*names][[*names].index(drawn) :] + [*names][: [*names].index(drawn)]
    found = next((one for one in (at_limit(part, name, beyond) for name in ring) if one is not None), None)
    if found is not None:
        return found
    # every limit is lifted, or too large to be reached: one neuron fits
    return LimitTrial(part, *_one_neuron(part), limit="compartments", fits=True)


def _one_neuron(chip: ChipSpec) -> tuple[Network, dict[str, NDArray[np.int64]]]:
    bench = _Bench(chip, np.flatnonzero(usable_cores(chip)))
    built = _same_tile(bench, 1, False) if chip.cores.model == "truenorth" else bench.alone(1)
    assert built is not None
    return built
