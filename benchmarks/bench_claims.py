"""Do the claims about energy hold? Per spike on chips, per neuron on clocked machines, by place of weights.

The three benches `spikemesh bench energy-vs-spikes`, `energy-vs-neurons` and `local-memory` (--quick: for
fewer ticks). No figure is a time of this machine: the same ones come out anywhere. With --record their
pictures are written beside RESULTS.md too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from figures import Figure, Options, Outcome, main_of

from emulator.bench.energy_vs_neurons import TICKS as NEURON_TICKS
from emulator.bench.energy_vs_neurons import NeuronSweep, energy_vs_neurons
from emulator.bench.energy_vs_spikes import TICKS as SPIKE_TICKS
from emulator.bench.energy_vs_spikes import SpikeSweep, energy_vs_spikes
from emulator.bench.local_memory import Computation, local_memory

LEAST_MISSING = 1e-3  # of R2
LARGEST_DEVIATION = 5.0  # per cent from proportional, over three decades
CLOSEST = "tpu-sram"  # the baseline that costs least
QUICK = 4  # times fewer ticks


def measure(options: Options) -> Outcome:
    """The figures of the three claims."""
    share = QUICK if options.quick else 1
    spikes = energy_vs_spikes(SpikeSweep(n_ticks=SPIKE_TICKS // share))
    neurons = energy_vs_neurons(NeuronSweep(n_ticks=NEURON_TICKS // share))
    memory = local_memory(Computation())
    for outcome in (spikes, neurons, memory):
        options.pictures.update({name: draw() for name, draw in outcome.pictures})
    figures = [*_of_spikes(spikes.numbers), *_of_neurons(neurons.numbers), *_of_memory(memory.numbers)]
    failures = [
        f"{outcome.numbers['bench']}: not the spikes of a dense evaluation"
        for outcome in (spikes, neurons)
        if not outcome.numbers["as_clocked"]
    ]
    return figures, failures


def _of_spikes(numbers: dict[str, Any]) -> Iterator[Figure]:
    for chip in numbers["chips"]:
        name, fit = f"energy-vs-spikes: {chip['chip']}", chip["fit"]
        spread = f"{len(chip['rows']) - 1} rates, {chip['decades']:.1f} decades of spikes"
        yield Figure(f"{name}: a spike", 1e9 * fit["slope_j_per_spike"], "nJ", spread=spread)
        yield Figure(f"{name}: 1 - R2 of the line", 1 - fit["r2"], "", at_most=LEAST_MISSING)
        deviation = 100 * fit["largest_deviation"]
        yield Figure(f"{name}: farthest from proportional", deviation, "%", at_most=LARGEST_DEVIATION)
        silent = chip["silence_transmission_aj"]
        yield Figure(f"{name}: transmission without spikes", silent, "aJ", at_most=0)


def _of_neurons(numbers: dict[str, Any]) -> Iterator[Figure]:
    for baseline in numbers["baselines"]:
        name = f"energy-vs-neurons: {baseline['baseline']}, batch 1"
        fit = baseline["fits"]["1"]
        yield Figure(f"{name}: a neuron and tick", 1e9 * fit["slope"], "nJ")
        yield Figure(f"{name}: 1 - R2 of the line", 1 - fit["r2"], "", at_most=LEAST_MISSING)
    for found in numbers["crossings"]:
        batch = "batch 1" if found["batching"] == "1" else "best batch"
        name = f"energy-vs-neurons: {found['chip']} pays below, against {found['baseline']}, {batch}"
        if found["static"] and found["baseline"] == CLOSEST:
            name += ", with static power"
            yield Figure(name, found["typical"]["activity"], "spikes per neuron and tick")
        elif not found["static"]:
            ends = " to ".join(f"{found[end]['activity']:.3g}" for end in ("low", "high"))
            spread = f"{found['typical']['verdict']}; {ends} over the ranges of the costs"
            yield Figure(name, found["typical"]["activity"], "spikes per neuron and tick", spread=spread)


def _of_memory(numbers: dict[str, Any]) -> Iterator[Figure]:
    for machine in numbers["machines"]:
        for row in machine["rows"]:
            if row["way"] in ("clocked, batch 1", "event-driven"):
                way = (
                    "clocked, batch 1" if row["way"] != "event-driven" else f"event-driven, {numbers['chip']}"
                )
                name = f"local-memory: {machine['baseline']}, {way}, weights {row['weights']}: moving them"
                spread = f"{1e9 * row['total_per_tick_j']:.3g} nJ a tick in all"
                yield Figure(name, 100 * row["weights_share"], "%", spread=spread)


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
