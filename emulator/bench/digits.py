"""Bench: a trained network reads 360 handwritten digits, on one core and on sixteen tiles.

Crossbar cores are placed whole: on a chip of these there is no spread run.

The network (64 inputs, 128 and 10 leaky integrate-and-fire neurons) was trained in snntorch; its spike
counts for the same images ship with it, so that our answers are held against the source framework's.
All images are one batch: every sample starts from the initial state. Each layer adds a tick on the chip,
so n_ticks = (ticks of an image) + (start_tick of the output layer), and the output's spikes of source
tick k are those of our tick k + start_tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.costs import inference_costs, run_samples
from emulator.bench.digits_data import Digits, read_digits
from emulator.bench.digits_text import outcome_text
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.chip.spec import ChipSpec
from emulator.compiler import compile
from emulator.engine.result import Result
from emulator.errors import CompileError
from emulator.formats import from_nir, load_chip
from emulator.network import Network, Population
from emulator.report.layers import layer_numbers, layers_of

FOLDER = Path(__file__).parent / "data"
NETWORK = FOLDER / "digits_mlp_lif.nir"
IMAGES = FOLDER / "digits_mlp_lif.npz"
DT_S = 1e-4
"""Of the training framework; a NIR file does not say."""

SPREAD_SIDE = 4
"""The spread run takes a square of this many tiles by as many, its corner at tile (0, 0)."""


LEFT_OUT = "the compiler places crossbar cores whole and takes no mapping of neurons to cores"
"""Why there is no spread run."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network said in one run."""

    result: Result
    timed: Result  # as `run_samples` has it
    counts: NDArray[np.int64]  # [n_images, n_classes] output spikes

    @property
    def digit(self) -> NDArray[np.int64]:
        """[n_images] class with the most spikes, the lowest of equals."""
        return np.asarray(self.counts.argmax(axis=1))


def digits(
    data: str | PathLike[str] | None = None,
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    n_samples: int | None = None,
) -> Outcome:
    """Runs the images packed and, on chips that can, spread. `data`: others in the format of `IMAGES`."""
    network = from_nir(NETWORK, dt_s=DT_S)
    output = output_of(network)
    images = read_digits(IMAGES if data is None else data, network.sources[0].n, output.n, n_samples)
    loaded = load_chip(chip)
    mappings: dict[str, dict[str, NDArray[np.int64]] | None] = {"packed": None}
    if loaded.cores.model == "cuba":
        mappings["spread"] = spread_mapping(network, loaded)
    answers = {
        name: _answer(network, loaded, mapping, images, engine, progress and partial(progress, name))
        for name, mapping in mappings.items()
    }
    numbers = _numbers(network, images, answers)
    results = {name: answer.result for name, answer in answers.items()}
    pictures = (("digits-layers", partial(_draw_layers, images, answers["packed"].result)),)
    return Outcome(numbers, outcome_text(numbers), results, pictures)


def spread_mapping(network: Network, chip: ChipSpec) -> dict[str, NDArray[np.int64]]:
    """Hidden neurons dealt out over the first core of 16 tiles, the output on the second core of tile 0.

    Raises CompileError if the chip has no such cores.
    """
    mesh = chip.mesh
    if min(mesh.width, mesh.height) < SPREAD_SIDE or chip.cores.per_tile < 2:
        raise CompileError(
            f"chip {chip.name!r}: {mesh.width} x {mesh.height} tiles of {chip.cores.per_tile} cores; digits "
            f"is spread over {SPREAD_SIDE} x {SPREAD_SIDE} tiles of at least 2: choose a larger chip"
        )
    tiles = [y * mesh.width + x for y in range(SPREAD_SIDE) for x in range(SPREAD_SIDE)]
    first_core = np.array(tiles, dtype=np.int64) * chip.cores.per_tile
    output = output_of(network)
    return {
        population.name: np.full(population.n, 1, dtype=np.int64)
        if population is output
        else np.resize(first_core, population.n)
        for population in network.populations
    }


def output_of(network: Network) -> Population:
    """The population whose spikes go to the host."""
    outputs: list[Population] = [population for population in network.populations if population.to_host]
    assert len(outputs) == 1, outputs
    return outputs[0]


def _answer(
    network: Network,
    chip: ChipSpec,
    mapping: dict[str, NDArray[np.int64]] | None,
    images: Digits,
    engine: str,
    progress: Callable[[int, int], None] | None,
) -> Answer:
    """Compiles and runs all images as one batch."""
    output = output_of(network)
    program = compile(network, chip, mapping=mapping)
    n_images, n_image_ticks, n_inputs = images.spikes.shape
    n_ticks = n_image_ticks + output.start_tick
    raster = np.zeros((n_images, n_ticks, n_inputs), dtype=bool)
    raster[:, :n_image_ticks] = images.spikes
    result, timed = run_samples(program, network.sources[0].name, raster, engine, progress)
    return Answer(result, timed, output_counts(result, output))


def output_counts(result: Result, output: Population) -> NDArray[np.int64]:
    """[n_images, n_classes] output spikes that answer the image, the chip's delay taken off."""
    sample, tick, index = result.spikes(output.name).T
    counted = tick >= output.start_tick
    counts = np.zeros((result.record.n_samples, output.n), dtype=np.int64)
    np.add.at(counts, (sample[counted], index[counted]), 1)
    return counts


def _numbers(network: Network, images: Digits, answers: dict[str, Answer]) -> dict[str, Any]:
    """Everything the text shows. The answers are the packed run's; `same_spikes` says whether both agree.
    What is of the spread run is None where there is none."""
    packed, spread = answers["packed"], answers.get("spread")
    source_digit = images.source_counts.argmax(axis=1)
    runs = {name: inference_costs(network, answer.result, answer.timed) for name, answer in answers.items()}
    return {
        "bench": "digits",
        "chip": packed.result.program.chip.name,
        "n_images": len(images.label),
        "n_ticks": packed.result.n_ticks,
        "accuracy": float((packed.digit == images.label).mean()),
        "accuracy_source": float((source_digit == images.label).mean()),
        "agreement": float((packed.digit == source_digit).mean()),
        "same_output_counts": float((packed.counts == images.source_counts).all(axis=1).mean()),
        "same_spikes": _same_spikes(packed.result, spread.result) if spread else None,
        "packed": runs["packed"],
        "spread": runs.get("spread"),
        "spread_costs": _spread_costs(runs["packed"], runs["spread"]) if spread else None,
        "spread_left_out": None if spread else LEFT_OUT,
        "layers": layer_numbers(packed.result, images.label),
        "rewrites": packed.result.program.stats.get("rewrites", []),
    }


def _draw_layers(images: Digits, result: Result) -> bytes:
    from emulator.report.layers_picture import draw_layers  # matplotlib only when it is needed

    return draw_layers(layers_of(result), images.label, "What the layers make of the digits")


def _same_spikes(packed: Result, spread: Result) -> bool:
    """Whether every spike of every population is equal; its place on the chip is not part of a spike."""
    names = [part.name for part in packed.program.symbols.populations]
    return all(np.array_equal(packed.spikes(name), spread.spikes(name)) for name in names)


def _spread_costs(packed: dict[str, Any], spread: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Spread minus packed and spread over packed, per inference; ratio None where packed is zero."""
    a, b = packed["per_inference"], spread["per_inference"]
    pairs = {name: (a[name], b[name]) for name in a}
    pairs["latency_ps"] = (packed["latency_mean_ps"], spread["latency_mean_ps"])
    return {
        name: {"difference": new - old, "ratio": new / old if old else None}
        for name, (old, new) in pairs.items()
    }
