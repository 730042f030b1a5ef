"""How many hops does the placement save, and how long does it take?

The place pass alone, for each effort, on a mesh of 32 x 32 tiles with one core of 256 compartments each,
other limits lifted; bins are filled in order. Compared with filling cores in order, row by row: spike_hops,
every sender firing once. Seconds are of the processor; the pass has one thread. Networks, fixed seeds: a
VGG-like stack of sparse channels, a cortical sheet of 99,856 neurons, a small-world ring and a random network
of 10,000 each. With --quick no effort `best`, and a sheet of 24,964 neurons.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contestants import ContestantError
from figures import Figure, Options, Outcome, main_of

SEED = 11
SIDE, QUICK_SIDE = 316, 158
LAYERS = ((16, 32), (16, 32), (32, 16), (32, 16), (64, 8), (64, 8), (128, 4), (128, 4))  # channels, side
N_CHANNELS_IN = 8  # channels that one channel of a layer sees
MAX_SECONDS = 10.0  # of effort `default`
MAX_SHARE = 1.0  # of the hops in order


def measure(options: Options) -> Outcome:
    """Hops by those in order, and seconds, of each network and effort."""
    try:
        import emulator as em
    except ImportError as error:
        raise ContestantError(f"{error}: install this project first, `pip install .`") from error
    side = QUICK_SIDE if options.quick else SIDE
    networks: dict[str, Callable[[Any, np.random.Generator], Any]] = {
        "VGG-like": vgg_like,
        f"sheet of {side * side:,}": lambda em, rng: sheet(em, rng, side),
        "ring": ring,
        "random": scattered,
    }
    figures = []
    for name, make in networks.items():
        network = make(em, np.random.default_rng(SEED))
        for effort in ("fast", "default") if options.quick else ("fast", "default", "best"):
            figures += _figures(em, f"{name}, {effort}", network, effort, options.repetitions)
    return figures, []


def _figures(em: Any, label: str, network: Any, effort: str, repetitions: int) -> list[Figure]:
    from emulator.compiler.pipeline import PASSES, run_passes

    step = next(step for step in PASSES if step.name == "place")
    chip = em.load_chip("loihi-wide").replace(
        {"mesh.width": 32, "mesh.height": 32, "cores.per_tile": 1, "limits.compartments": 256}
    )
    job = run_passes(network, chip, until="partition", seed=SEED, effort=effort)
    seconds = []
    for _ in range(1 if effort == "best" else repetitions):
        start = time.process_time()
        found = step.run(job).figures
        seconds.append(time.process_time() - start)
    at_most = MAX_SECONDS if effort == "default" else None
    hops, in_order = found["spike_hops"], found["spike_hops_sequential"]
    cores = f"{job['partition'].n_bins} cores, {found['method']}, {hops:,} of {in_order:,}"
    busiest = found["max_link"] / found["max_link_sequential"]
    spread = f"{min(seconds):.3g}..{max(seconds):.3g} s, {len(seconds)} runs"
    return [
        Figure(f"{label}: hops : hops in order", hops / in_order, "x", at_most=MAX_SHARE, spread=cores),
        Figure(f"{label}: busiest link : that in order", busiest, "x"),
        Figure(f"{label}: pass place", statistics.median(seconds), "s", at_most=at_most, spread=spread),
    ]


def vgg_like(em: Any, rng: np.random.Generator) -> Any:
    """Convolutions of 3 x 3; each channel sees some channels of the layer before, maybe twice as wide."""
    network = em.Network("VGG-like")
    before: tuple[Any, int, int] | None = None
    for number, (channels, side) in enumerate(LAYERS):
        layer = network.add_population(f"conv{number}", channels * side * side, em.LoihiCuba())
        if before is not None:
            lower, n_lower, lower_side = before
            stride = lower_side // side
            channel, y, x = np.indices((channels, side, side)).reshape(3, -1)
            seen = rng.random((channels, n_lower)).argsort(axis=1)[:, :N_CHANNELS_IN]
            for dy, dx in np.ndindex(3, 3):
                from_y, from_x = y * stride + dy - 1, x * stride + dx - 1
                inside = (from_y >= 0) & (from_y < lower_side) & (from_x >= 0) & (from_x < lower_side)
                place = (from_y * lower_side + from_x)[inside, None]
                pre = seen[channel[inside]] * lower_side**2 + place
                post = np.broadcast_to(np.flatnonzero(inside)[:, None], pre.shape)
                _connect(em, network, lower, layer, pre.ravel(), post.ravel())
        before = layer, channels, side
    return network


def sheet(em: Any, rng: np.random.Generator, side: int) -> Any:
    """93 synapses of each neuron to others nearby, normally distributed; numbered row by row."""
    n, fan_out = side * side, 93
    network = em.Network("sheet")
    a = network.add_population("a", n, em.LoihiCuba())
    y, x = np.divmod(np.repeat(np.arange(n), fan_out), side)
    y, x = (np.rint(at + rng.normal(0, 6, len(at))).astype(np.int64) % side for at in (y, x))
    _connect(em, network, a, a, np.repeat(np.arange(n), fan_out), y * side + x)
    return network


def ring(em: Any, rng: np.random.Generator) -> Any:
    """100 synapses of each of 10,000 neurons to those next to it, a tenth of them rewired."""
    n, fan_out = 10_000, 100
    network = em.Network("ring")
    a = network.add_population("a", n, em.LoihiCuba())
    pre = np.repeat(np.arange(n), fan_out)
    post = (pre + np.tile(np.arange(1, fan_out + 1), n)) % n
    rewired = rng.random(len(post)) < 0.1
    post[rewired] = rng.integers(0, n, int(rewired.sum()))
    _connect(em, network, a, a, pre, post)
    return network


def scattered(em: Any, rng: np.random.Generator) -> Any:
    """100 synapses of each of 10,000 neurons to any others."""
    n, fan_out = 10_000, 100
    network = em.Network("random")
    a = network.add_population("a", n, em.LoihiCuba())
    _connect(em, network, a, a, np.repeat(np.arange(n), fan_out), rng.integers(0, n, n * fan_out))
    return network


def _connect(em: Any, network: Any, pre: Any, post: Any, sender: np.ndarray, target: np.ndarray) -> None:
    synapse = em.LoihiSynapse(w_exp=0, weight_bits=8)
    network.connect(pre, post, em.Triplets(sender, target, np.full(len(sender), 2), 1), synapse=synapse)


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
