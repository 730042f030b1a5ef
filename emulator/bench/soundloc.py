"""Bench: a trained network hears from which of twelve directions a sound comes.

200 inputs, the auditory nerves of two ears, meet in 30 hidden neurons; 12 outputs never fire, their
voltages are read: the answer is the class with the largest sum over the ticks. Trained in PyTorch after a
notebook of the public COMOB project, which reports 85.3 % and 4.4 degrees.

Chip and source framework, tick by tick: an input spike of tick t is integrated in tick t + 1, a hidden
spike of tick t + 1 in tick t + 2. In the source framework, with its late test, it is the very same step
t + 2 that first sees it. So the ticks 0 .. n_ticks - 2, as many as the source framework has steps, are
read and summed. What the ears hear in the last three ticks comes too late for either.

All sounds are one batch: every sample starts from the initial state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.costs import inference_costs, run_samples
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.bench.soundloc_data import Sounds, Weights, read_sounds
from emulator.bench.soundloc_floats import FloatAnswer, in_floats
from emulator.bench.soundloc_text import outcome_text
from emulator.compiler import compile
from emulator.engine.result import Result
from emulator.formats import load_chip
from emulator.network import LIF, Network

SOUNDS = Path(__file__).parent / "data" / "soundloc.npz"
DT_S = 1e-3
"""Of the training; `alpha` in the file goes with it."""

REFRACTORY_TICKS = 3
"""The chip resets a neuron in the tick in which it fires, the source framework one step later, and holds it
at 0 for as many steps as it fired. 1..5 tried on 20,000 sounds made anew (in floats 86.7 %, answers that
agree in brackets): 84.3 % (86 %), 87.0 % (93 %), 86.4 % (94 %), 85.4 % (95 %), 83.9 % (91 %)."""

READ_OUT = 2.0
"""Threshold of the outputs as a multiple of what all inputs together can reach: they never fire."""

DRAWN = 0
"""The sound that a picture follows through the network."""

PUBLISHED = {"accuracy": 0.853, "mean_abs_error_deg": 4.4}
"""COMOB project, notebook "Noise offsets in every iteration"."""


@dataclass(frozen=True, eq=False)
class Heard:
    """What the chip said of all sounds."""

    sounds: Sounds
    network: Network
    result: Result
    timed: Result  # as `run_samples` has it
    answer: NDArray[np.int64]  # [n_samples] class with the largest sum of v, the lowest of equals
    in_floats: FloatAnswer

    @property
    def source_class(self) -> NDArray[np.int64]:
        """[n_samples] answers of the source framework, as the file has them or else computed here."""
        given = self.sounds.source_class
        return self.in_floats.answer if given is None else given


def soundloc(
    data: str | PathLike[str] | None = None,
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
    n_samples: int | None = None,
) -> Outcome:
    """Runs all sounds. `data`: other sounds, or another network, in the format of `SOUNDS`."""
    sounds = read_sounds(SOUNDS if data is None else data, n_samples)
    _, n_ticks, _ = sounds.spikes.shape
    network = network_of(sounds.weights, n_ticks)
    program = compile(network, load_chip(chip))
    step = progress and partial(progress, "soundloc")
    result, timed = run_samples(program, "ears", sounds.spikes, engine, step)
    sum_v = result.probe("direction", "v").sum(axis=1, dtype=np.int64)
    floats = in_floats(sounds.weights, sounds.spikes)
    heard = Heard(sounds, network, result, timed, sum_v.argmax(axis=1), floats)
    numbers = _numbers(heard)
    pictures = (
        ("soundloc-answers", partial(_draw_answers, heard)),
        ("soundloc-sound", partial(_draw_sound, heard, DRAWN)),
    )
    return Outcome(numbers, outcome_text(numbers), {"soundloc": result}, pictures)


def network_of(weights: Weights, n_ticks: int) -> Network:
    """The trained network in our words, its outputs probed in the ticks that count."""
    network = Network("soundloc", dt_s=DT_S)
    tau_s = -DT_S / float(np.log(weights.alpha))
    (n_inputs, n_hidden), n_classes = weights.hidden.shape, weights.output.shape[1]
    hidden = LIF(tau_mem_s=tau_s, threshold=weights.threshold, refractory_ticks=REFRACTORY_TICKS)
    reach = np.maximum(weights.output, 0).sum(axis=0).max() / (1 - weights.alpha)
    output = LIF(tau_mem_s=tau_s, threshold=READ_OUT * float(reach) + 1.0)
    network.add_source("ears", n_inputs)
    network.add_population("hidden", n_hidden, hidden)
    network.add_population("direction", n_classes, output, record_spikes=False)
    network.connect("ears", "hidden", weights.hidden)
    network.connect("hidden", "direction", weights.output)
    network.probe("direction", "v", ticks=np.arange(n_ticks - 1))
    return network


def _numbers(heard: Heard) -> dict[str, Any]:
    """Everything the text shows."""
    sounds, result, source = heard.sounds, heard.result, heard.source_class
    n_samples, n_ticks, n_inputs = sounds.spikes.shape
    hidden = len(result.spikes("hidden")) / n_samples
    return {
        "bench": "soundloc",
        "chip": result.program.chip.name,
        "n_samples": n_samples,
        "n_ticks": n_ticks,
        "n_inputs": n_inputs,
        "n_hidden": sounds.weights.hidden.shape[1],
        "n_classes": sounds.n_classes,
        **_quality(sounds, heard.answer),
        "agreement": float((heard.answer == source).mean()),
        "reference": {
            **_quality(sounds, heard.in_floats.answer),
            "equal_to_source": _share_equal(heard.in_floats.answer, sounds.source_class),
            "hidden_spikes": float(heard.in_floats.hidden.sum() / n_samples),
        },
        "published": PUBLISHED,
        "hidden_spikes": hidden,
        "input_spikes": float(sounds.spikes.sum() / n_samples),
        "confusion": _confusion(sounds, heard.answer),
        **inference_costs(heard.network, result, heard.timed),
        "sound_ps": round(n_ticks * DT_S * 1e12),
        "quantisation": result.program.stats.get("quantisation", []),
        "rewrites": result.program.stats.get("rewrites", []),
    }


def _quality(sounds: Sounds, answer: NDArray[np.int64]) -> dict[str, float]:
    return {
        "accuracy": float((answer == sounds.label).mean()),
        "mean_abs_error_deg": float(sounds.error_deg(answer).mean()),
    }


def _share_equal(answer: NDArray[np.int64], source: NDArray[np.int64] | None) -> float | None:
    """None: the file does not say what the source framework answered."""
    return None if source is None else float((answer == source).mean())


def _confusion(sounds: Sounds, answer: NDArray[np.int64]) -> list[list[int]]:
    """[n_classes][n_classes] sounds by true class and by class answered."""
    n = sounds.n_classes
    table: list[list[int]] = np.bincount(sounds.label * n + answer, minlength=n * n).reshape(n, n).tolist()
    return table


def _draw_answers(heard: Heard) -> bytes:
    from emulator.report.directions import Told, draw_directions  # matplotlib only when it is needed

    sounds = heard.sounds
    answers = {"chip": heard.answer, "source framework": heard.source_class}
    told = {name: Told(answer, sounds.error_deg(answer)) for name, answer in answers.items()}
    return draw_directions(told, sounds.label, sounds.n_classes)


def _draw_sound(heard: Heard, sample: int) -> bytes:
    from emulator.report.directions import Passage, draw_passage  # matplotlib only when it is needed

    sounds, result = heard.sounds, heard.result
    n_samples, n_ticks, n_inputs = sounds.spikes.shape
    label, answer = int(sounds.label[sample]), int(heard.answer[sample])
    spikes = result.spikes("hidden")
    passage = Passage(
        caption=f"sound {sample} of {n_samples:,}, phase difference {np.degrees(sounds.ipd[sample]):+.1f}°: "
        f"it is in class {label}, the chip answers {answer}",
        inputs=np.argwhere(sounds.spikes[sample]),
        hidden=spikes[spikes[:, 0] == sample][:, 1:],
        voltage=result.probe("direction", "v")[sample],
        n_inputs=n_inputs,
        n_hidden=sounds.weights.hidden.shape[1],
        n_ticks=n_ticks,
        answer=answer,
        label=label,
    )
    return draw_passage(passage)
