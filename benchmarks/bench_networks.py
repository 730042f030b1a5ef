"""What do networks on the emulated chips answer and cost, beside what is published?

Two trained networks on their data, `spikemesh bench digits` and `soundloc` (--quick: on a part of it), on
Loihi, with weights of fewer bits, and on TrueNorth; exclusive or by spikes on both; and TrueNorth as it was
characterised, at the published points alone (--quick: 16 cores instead of 256 stand for the chip). No figure
is a time of this machine.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures import Figure, Options, Outcome, main_of

from emulator.bench import digits, soundloc
from emulator.bench.characterisation import PUBLISHED, Sweep, characterisation
from emulator.bench.xor import xor

LEAST_DIGITS = 94.0  # per cent; the source framework: 96.1
COMOB = {"accuracy": 85.3, "error_deg": 4.4}  # notebook "Noise offsets in every iteration"
LARGEST_DEVIATION = 10.0  # per cent from the measurements of silicon
FEWER_BITS = (6, 4)
LEAST_XOR = 100.0  # per cent

NARROW = """inherits: loihi
name: loihi-{bits}-bit
description: Loihi with weights of {bits} bits at most.
real_chip: false
synapse_format: {{weight_bits: {widths}}}
"""


def measure(options: Options) -> Outcome:
    """The figures of the three."""
    n_images, n_sounds = (90, 512) if options.quick else (None, None)
    figures = [
        *_of_digits(digits(n_samples=n_images).numbers),
        *_of_soundloc(soundloc(n_samples=n_sounds).numbers),
        *_of_narrow(n_sounds),
        *_on_truenorth(n_images, n_sounds),
        *_of_xor(),
    ]
    rates, synapses = (tuple({getattr(point, key) for point in PUBLISHED}) for key in ("rate_hz", "synapses"))
    numbers = characterisation(Sweep(rates, synapses, side=4 if options.quick else 16)).numbers
    return [*figures, *_of_anchors(numbers)], []


def _of_digits(numbers: dict[str, Any]) -> Iterator[Figure]:
    spread = f"{numbers['n_images']} images; source framework {100 * numbers['accuracy_source']:.1f} %"
    yield Figure("digits: right", 100 * numbers["accuracy"], "%", at_least=LEAST_DIGITS, spread=spread)
    for run in ("packed", "spread"):
        yield from _costs(f"digits, {run}", numbers[run])


def _of_soundloc(numbers: dict[str, Any]) -> Iterator[Figure]:
    spread = f"{numbers['n_samples']} sounds; in floats {100 * numbers['reference']['accuracy']:.1f} %"
    accuracy, error = 100 * numbers["accuracy"], numbers["mean_abs_error_deg"]
    yield Figure("soundloc: right", accuracy, "%", at_least=COMOB["accuracy"], spread=spread)
    yield Figure("soundloc: mean error", error, "degrees", at_most=COMOB["error_deg"])
    reference, energy = numbers["reference"], numbers["metrics"]["energy"]
    yield Figure("soundloc: right in floats", 100 * reference["accuracy"], "%")
    yield Figure("soundloc: mean error in floats", reference["mean_abs_error_deg"], "degrees")
    yield Figure("soundloc: same answer as the source framework", 100 * numbers["agreement"], "%")
    static_uj = 1e6 * energy["static_j"] / numbers["n_samples"]
    yield Figure("soundloc: static energy of an inference", static_uj, "uJ")
    yield from _costs("soundloc", numbers)


def _of_narrow(n_sounds: int | None) -> Iterator[Figure]:
    """Weights of fewer bits, as `--chip FILE` would have them."""
    with tempfile.TemporaryDirectory() as folder:
        for bits in FEWER_BITS:
            path = Path(folder) / f"{bits}.yaml"
            path.write_text(NARROW.format(bits=bits, widths=list(range(1, bits + 1))))
            accuracy = soundloc(n_samples=n_sounds, chip=str(path)).numbers["accuracy"]
            yield Figure(f"soundloc, weights of {bits} bits: right", 100 * accuracy, "%")


def _on_truenorth(n_images: int | None, n_sounds: int | None) -> Iterator[Figure]:
    read = digits(n_samples=n_images, chip="truenorth").numbers
    heard = soundloc(n_samples=n_sounds, chip="truenorth").numbers
    for name, numbers, n_cores in (
        ("digits", read, read["packed"]["n_cores"]),
        ("soundloc", heard, heard["n_cores"]),
    ):
        yield Figure(f"{name} on truenorth: right", 100 * numbers["accuracy"], "%")
        yield Figure(f"{name} on truenorth: cores", n_cores, "")


def _of_xor() -> Iterator[Figure]:
    for chip in ("loihi", "truenorth"):
        accuracy = xor(chip=chip).numbers["accuracy"]
        yield Figure(f"xor on {chip}: right", 100 * accuracy, "%", at_least=LEAST_XOR)


def _costs(name: str, run: dict[str, Any]) -> Iterator[Figure]:
    found = run["metrics"]
    energy, latency = found["energy"], found["latency"]
    yield Figure(f"{name}: dynamic energy of an inference", 1e6 * energy["dynamic_per_inference_j"], "uJ")
    yield Figure(f"{name}: energy of an inference", 1e6 * energy["per_inference_j"], "uJ")
    yield Figure(
        f"{name}: dynamic energy of a synaptic operation", 1e12 * energy["dynamic_per_synaptic_op_j"], "pJ"
    )
    yield Figure(f"{name}: latency, half are within", latency["p50_ps"] / 1e9, "ms")
    yield Figure(f"{name}: latency, 99 % are within", latency["p99_ps"] / 1e9, "ms")
    yield Figure(f"{name}: energy times delay", 1e9 * found["edp_js"], "nJ s")
    yield Figure(
        f"{name}: synaptic operations", found["synaptic_operations"]["effective_acs"], "an inference"
    )


def _of_anchors(numbers: dict[str, Any]) -> Iterator[Figure]:
    for anchor in numbers["anchors"]:
        factor, unit = (1e3, "mW") if anchor["quantity"] == "power_w" else (1.0, "GSOPS/W")
        name = f"truenorth at {anchor['rate_hz']:g} Hz, {anchor['synapses']} synapses"
        yield Figure(
            f"{name}: {unit}",
            factor * anchor["measured"],
            unit,
            spread=f"published {factor * anchor['published']:g}",
        )
        yield Figure(
            f"{name}: {unit}, off by", 100 * abs(anchor["deviation"]), "%", at_most=LARGEST_DEVIATION
        )


if __name__ == "__main__":
    sys.exit(main_of(__doc__, measure, sys.argv[1:]))
