"""How long do 2,048 samples of a small network take? 200 inputs, 30 hidden, 12 out, 100 ticks each.

One `run` call with batch=2048, timing=False, one thread, on `loihi`; inputs fire at random in 5 % of the
ticks. Beside it the same samples one `run` call each (of a part of them, scaled up). The results have to be
equal. With --quick 256 samples.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np
from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of

SAMPLES, QUICK_SAMPLES = 2048, 256
TICKS = 100
SIZES = (200, 30, 12)
ACTIVE = 0.05
ALONE = 32  # samples that are also run by themselves
TARGET_S = 10.0  # "seconds"
SEED = 7


def measure(options: Options) -> Outcome:
    """Seconds of a batch, and of its samples one by one."""
    try:
        import emulator as em
    except ImportError as error:
        raise ContestantError(f"{error}: install this project first, `pip install .`") from error
    rng = np.random.default_rng(SEED)
    n_samples = QUICK_SAMPLES if options.quick else SAMPLES
    program = _program(em, rng)
    rasters = rng.random((n_samples, TICKS, SIZES[0]), dtype=np.float32) < ACTIVE
    together_s, alone_s = [], []
    run: dict[str, Any] = {"n_ticks": TICKS, "engine": "native", "timing": False}
    for _ in range(options.repetitions):
        start = time.perf_counter()
        batch = em.run(program, stimulus={"in": rasters}, batch=n_samples, **run)
        together_s.append(time.perf_counter() - start)
        start = time.perf_counter()
        alone = [em.run(program, stimulus={"in": raster}, **run) for raster in rasters[:ALONE]]
        alone_s.append((time.perf_counter() - start) * n_samples / ALONE)
    spikes = batch.spikes("out")
    same = all(
        np.array_equal(spikes[spikes[:, 0] == sample, 1:], result.spikes("out"))
        for sample, result in enumerate(alone)
    )
    seconds, target = statistics.median(together_s), TARGET_S * n_samples / SAMPLES
    label = f"{n_samples} samples of {TICKS} ticks"
    figures = [
        Figure(f"{label}: one batch", seconds, "s", at_most=target, spread=_spread(together_s)),
        Figure(f"{label}: one run each", statistics.median(alone_s), "s", spread=_spread(alone_s)),
        Figure(f"{label}: one batch : one run each", statistics.median(alone_s) / seconds, "x"),
    ]
    assert len(spikes), "no spikes to compare"
    return figures, [] if same else ["a sample of the batch gives other spikes than by itself"]


def _program(em: Any, rng: np.random.Generator) -> Any:
    n_in, n_hidden, n_out = SIZES
    network = em.Network("small")
    model = em.LoihiCuba(du=1024, dv=256, vth_mant=200, bias_mant=0, bias_exp=0, refractory=1, ds_offset=1)
    source = network.add_source("in", n_in)
    hidden = network.add_population("hidden", n_hidden, model)
    out = network.add_population("out", n_out, model)
    synapse = em.LoihiSynapse(w_exp=0, weight_bits=8)
    network.connect(source, hidden, weights=2 * rng.integers(-20, 30, (n_in, n_hidden)), synapse=synapse)
    network.connect(hidden, out, weights=2 * rng.integers(-40, 60, (n_hidden, n_out)), synapse=synapse)
    return em.compile(network, em.load_chip("loihi"), seed=0)


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.3g}..{max(seconds):.3g} s, {len(seconds)} runs"


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
