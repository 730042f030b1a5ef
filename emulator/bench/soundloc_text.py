"""What the soundloc bench prints: what was done, what came out, what it costs, how to read it."""

from __future__ import annotations

from typing import Any

from emulator.bench.crossbar_text import added_facts, clock_facts, clock_reading, rewrites_section
from emulator.report.result_text import counted
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds, si


def outcome_text(numbers: dict[str, Any]) -> str:
    """The answers beside those of floats, the cost of an inference, the weights, a reading."""
    return sections(
        _done(numbers),
        _answers_table(numbers),
        facts_text("What an inference costs", _costs(numbers)),
        _weights_table(numbers) if numbers["quantisation"] else "",
        rewrites_section(numbers),
        _reading(numbers),
    )


def _done(numbers: dict[str, Any]) -> str:
    return (
        f"Soundloc: a spiking network hears from which of {numbers['n_classes']} directions a sound comes, by"
        f" the phases at its two ears,\non an emulated {numbers['chip']} chip."
        f" {counted(numbers['n_samples'], 'sound')} of {numbers['n_ticks']} ticks, through"
        f" {numbers['n_inputs']} inputs, {numbers['n_hidden']} hidden and {numbers['n_classes']} outputs."
    )


def _answers_table(numbers: dict[str, Any]) -> str:
    floats, published = numbers["reference"], numbers["published"]
    rows = [
        ("right direction", *(percent(source["accuracy"]) for source in (numbers, floats, published))),
        (
            "mean angular error",
            *(f"{source['mean_abs_error_deg']:.2f}°" for source in (numbers, floats)),
            f"{published['mean_abs_error_deg']:.1f}°",
        ),
        (
            "same answer as the source framework",
            percent(numbers["agreement"]),
            percent(floats["equal_to_source"]),
            "-",
        ),
        ("hidden spikes per sound", number(numbers["hidden_spikes"]), number(floats["hidden_spikes"]), "-"),
    ]
    note = (
        "  The chip resets a neuron at once, the source framework a step late, so that it mostly fires twice."
    )
    return table_text("What came out", ("", "chip", "in floats", "published"), rows) + "\n" + note


def _costs(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    each = numbers["per_inference"]
    return [
        ("energy", si(each["energy_j"], "J")),
        ("  of it dynamic", si(each["dynamic_j"], "J")),
        ("  of it static power", si(each["static_j"], "J")),
        *_latency(numbers),
        ("synaptic operations", f"{each['synaptic_ops']:,.1f}"),
        ("energy per synaptic operation", si(numbers["energy_per_synaptic_op_j"], "J")),
        ("  of it dynamic", si(numbers["dynamic_per_synaptic_op_j"], "J")),
        ("input spikes", f"{numbers['input_spikes']:,.1f}"),
        (f"spikes of neurons{', copies too' if numbers['added'] else ''}", f"{each['spikes']:,.1f}"),
        ("packets", f"{each['packets']:,.1f}"),
        ("cores used", number(numbers["n_cores"])),
        *added_facts(numbers),
    ]


def _latency(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    if numbers["clock"] is not None:
        return clock_facts(numbers)
    return [
        ("latency, mean", seconds(numbers["latency_mean_ps"])),
        ("latency, 99 % are within", seconds(numbers["latency_p99_ps"])),
        ("latency, slowest sound", seconds(numbers["latency_max_ps"])),
    ]


def _weights_table(numbers: dict[str, Any]) -> str:
    """How well the chip's weights are those that were trained."""
    rows = [
        (
            part["name"],
            number(part["n_weights"]),
            ", ".join(str(projection["weight_bits"]) for projection in part["projections"]),
            number(part["n_zeroed"]),
            "exact" if part["sqnr_db"] is None else f"{part['sqnr_db']:.1f} dB",
        )
        for part in numbers["quantisation"]
    ]
    return table_text("Weights", ("into", "weights", "bits", "to zero", "signal : error"), rows)


def _reading(numbers: dict[str, Any]) -> str:
    """One sentence that a newcomer can take away."""
    if numbers["clock"] is not None:
        return f"Reading: {seconds(numbers['sound_ps'])} of sound are {clock_reading(numbers)}"
    sound, latency, each = numbers["sound_ps"], numbers["latency_mean_ps"], numbers["per_inference"]
    pace = f"{sound / latency:,.0f} times as fast as real time"
    if latency >= sound:
        pace = "slower than real time"
    share = percent(each["static_j"] / each["energy_j"]) if each["energy_j"] else "0.0 %"
    return (
        f"Reading: {seconds(sound)} of sound are answered in {seconds(latency)}, {pace}, for"
        f" {si(each['energy_j'], 'J')};\nstatic power of the whole chip, of which the network takes"
        f" {counted(numbers['n_cores'], 'core')}, is {share} of that."
    )
