"""Bench: exclusive or by spikes, a pair of bits in every tick.

Question: what does the smallest computation that no single layer can do cost, and is it always right? A bit
is a spike of its input or none. Two hidden neurons see one bit each and are silenced by the other; the output
fires for either. Membranes forget within a tick, so that pairs follow each other without a pause: the answer
to the pair of tick t is the output's spike of tick t + 2. Pairs are drawn anew for each stream. Crossbar
cores have no such membranes: there the compiler makes threshold logic of the neurons, which is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.metrics import metrics
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.compiler import compile
from emulator.engine import run
from emulator.engine.result import Result
from emulator.errors import SimulationError
from emulator.formats import load_chip
from emulator.network import LIF, Network
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds, si

N_STREAMS, N_PAIRS = 64, 250
LATE = 2  # ticks from a pair to its answer
FORGETFUL = LIF(tau_mem_s=1e-7, threshold=0.5)  # with ticks of 1 ms nothing is left after one


def xor(
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    n_streams: int = N_STREAMS,
    n_pairs: int = N_PAIRS,
    seed: int = 0,
) -> Outcome:
    """Runs random pairs of bits. Raises SimulationError."""
    if n_streams < 1 or n_pairs < 1:
        raise SimulationError(f"xor of {n_streams} streams of {n_pairs} pairs: at least one of each")
    bits = np.random.default_rng(seed).random((n_streams, n_pairs, 2)) < 0.5
    raster = np.zeros((n_streams, n_pairs + LATE, 2), dtype=bool)
    raster[:, :n_pairs] = bits
    program = compile(network(), load_chip(chip))
    step = None if progress is None else lambda done, total: progress("xor", done, total)
    result = run(program, n_pairs + LATE, {"bits": raster}, engine=engine, batch=n_streams, progress=step)
    answers = result.raster("xor")[:, LATE:, 0]
    numbers = _numbers(result, bits, answers)
    return Outcome(numbers, _text(numbers), {"xor": result})


def network() -> Network:
    """Two inputs, two hidden neurons, one output."""
    net = Network("xor")
    net.add_source("bits", 2)
    net.add_population("one of them", 2, FORGETFUL)
    net.add_population("xor", 1, FORGETFUL, to_host=True)
    net.connect("bits", "one of them", np.array([[1.0, -1.0], [-1.0, 1.0]]))
    net.connect("one of them", "xor", np.array([[1.0], [1.0]]))
    return net


def _numbers(result: Result, bits: NDArray[np.bool_], answers: NDArray[np.bool_]) -> dict[str, Any]:
    expected = bits[..., 0] ^ bits[..., 1]
    n = expected.size
    energy, counts = result.energy, result.counts
    cases = []
    for a in (False, True):
        for b in (False, True):
            asked = (bits[..., 0] == a) & (bits[..., 1] == b)
            cases.append(
                {"a": int(a), "b": int(b), "n": int(asked.sum()), "fired": int(answers[asked].sum())}
            )
    return {
        "bench": "xor",
        "chip": result.program.chip.name,
        "n_pairs": n,
        "accuracy": float((answers == expected).mean()),
        "cases": cases,
        "energy_per_pair_j": energy.total_j / n,
        "dynamic_per_pair_j": energy.dynamic_j / n,
        "energy_per_transmitted_spike_j": energy.per_spike_j,
        "energy_per_synaptic_op_j": energy.per_synaptic_op_j,
        "tick_mean_ps": float(result.tick_ps.mean()),
        "counts": counts,
        "metrics": metrics(network(), result),
        "rewrites": result.program.stats.get("rewrites", []),
    }


def _text(numbers: dict[str, Any]) -> str:
    rows = [
        (f"{case['a']} xor {case['b']}", number(case["n"]), number(case["fired"]), str(case["a"] ^ case["b"]))
        for case in numbers["cases"]
    ]
    n, counts = numbers["n_pairs"], numbers["counts"]
    facts = [
        ("right", f"{percent(numbers['accuracy'])} of {number(n)} pairs"),
        ("energy of a pair", f"{si(numbers['energy_per_pair_j'], 'J')}, with static power"),
        ("  of it dynamic", si(numbers["dynamic_per_pair_j"], "J")),
        ("energy per transmitted spike", si(numbers["energy_per_transmitted_spike_j"], "J")),
        ("energy per synaptic operation", si(numbers["energy_per_synaptic_op_j"], "J")),
        ("synaptic operations of a pair", f"{counts['synaptic_ops'] / n:.3g}"),
        ("a pair each", seconds(numbers["tick_mean_ps"])),
    ]
    if numbers["rewrites"]:
        facts.append(("rewritten by the compiler", "yes: `spikemesh compile` says how"))
    return sections(
        f"Exclusive or by spikes on an emulated {numbers['chip']} chip, a pair of bits in every tick.",
        table_text("Truth table", ("pair", "shown", "fired", "should be"), rows),
        facts_text("What came out", facts),
    )
