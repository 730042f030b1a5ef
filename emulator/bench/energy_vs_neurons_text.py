"""What the bench energy-vs-neurons prints: energies, crossings, what they hang on, and how to read them."""

from __future__ import annotations

from typing import Any

from emulator.bench.crossing import ASSUMED, CHIP_ERROR, UNSOURCED_ERROR
from emulator.bench.energy_vs_spikes_text import network_text
from emulator.report.tables import sections, table_text
from emulator.report.units import NOT_MEASURED, number, percent, si

BATCHING = {"1": "batch 1", "best": "best batch"}
SHOWN_ASSUMPTIONS = 6
ENDS = ("at_low", "at_high")


def outcome_text(numbers: dict[str, Any]) -> str:
    """Chips, baselines, crossings, sensitivity, reading."""
    return sections(
        _done(numbers),
        _chips_table(numbers),
        _baselines_table(numbers),
        _crossings_table(numbers),
        *(_sensitivity_table(part) for part in numbers["sensitivity"] if part["batching"] == "1"),
        _reading(numbers),
    )


def _done(numbers: dict[str, Any]) -> str:
    same = (
        "Each neuron fired in the same ticks as in a dense evaluation on this computer."
        if numbers["as_clocked"]
        else "NOT the spikes of a dense evaluation on this computer: please report this."
    )
    network = network_text(numbers["network"], numbers["n_ticks"])
    scale = numbers["node_scale"]
    scaled = (
        ""
        if scale is None
        else (
            f"\nNODE-SCALED: on-chip costs of the baselines are times {scale:g}, a guess at another process."
        )
    )
    return (
        f"Energy against neurons; the deepest network: {network}.\n{same}\n"
        "Baselines are billed for arithmetic, instructions and moved bytes, never for waiting; each weight is"
        f" read\nonce a tick for a whole batch. Chips run one sample.{scaled}"
    )


def _node(node_nm: float | None) -> str:
    return "" if node_nm is None else f" ({node_nm:g} nm)"


def _chips_table(numbers: dict[str, Any]) -> str:
    rows = []
    for chip in numbers["chips"]:
        for fit in chip["fits"]:
            these = [row for row in chip["rows"] if row["n_neurons"] == fit["n_neurons"]]
            rows.append(
                (
                    chip["chip"] + _node(chip["node_nm"]),
                    number(fit["n_neurons"]),
                    si(these[0]["dynamic_per_tick_j"], "J"),
                    si(these[-1]["dynamic_per_tick_j"], "J"),
                    si(fit["slope"], "J"),
                    f"{fit['r2']:.5f}",
                    f"{si(these[0]['static_per_tick_j'], 'J')} to {si(these[-1]['static_per_tick_j'], 'J')}",
                )
            )
    header = (
        "chip",
        "neurons",
        "no spikes",
        "most spikes",
        "per spike a neuron",
        "R2",
        "static power, not included",
    )
    return table_text("Chips: dynamic energy per tick, which follows the spikes", header, rows)


def _baselines_table(numbers: dict[str, Any]) -> str:
    rows = []
    for baseline in numbers["baselines"]:
        for row in baseline["rows"]:
            cells = []
            for batching in BATCHING:
                one = row[batching]
                cells += [f"{si(one['typical_j'], 'J')}", percent(one["weights_share"])]
            label = baseline["baseline"] + _node(baseline["node_nm"])
            rows.append((label, number(row["n_neurons"]), *cells, number(row["best"]["batch"])))
    header = (
        "baseline",
        "neurons",
        "batch 1",
        "moving weights",
        "best batch",
        "moving weights",
        "which is",
    )
    lines = "; ".join(
        f"{baseline['baseline']} R2 {baseline['fits']['1']['r2']:.6f}" for baseline in numbers["baselines"]
    )
    table = table_text("Baselines: energy per tick and sample, whatever the spikes", header, rows)
    return f"{table}\n  A line of energy against neurons, at batch 1: {lines}."


def crossing_text(found: dict[str, Any]) -> str:
    """A crossing in words."""
    if found["verdict"] == "below":
        return f"{found['activity']:.3g}"
    return "never" if found["verdict"] == "never" else "always"


def _crossings_table(numbers: dict[str, Any]) -> str:
    rows = []
    for found in numbers["crossings"]:
        ends = " to ".join(crossing_text(found[end]) for end in ("low", "high"))
        rows.append(
            (
                found["chip"],
                found["baseline"],
                BATCHING[found["batching"]],
                "with the chip's" if found["static"] else "without",
                crossing_text(found["typical"]),
                NOT_MEASURED if found["low"] == found["typical"] == found["high"] else ends,
            )
        )
    header = ("chip", "baseline", "of the baseline", "static power", "pays below", "by ranges of costs")
    title = f"Crossings of {number(numbers['network']['n_neurons'])} neurons, in spikes per neuron and tick"
    return table_text(title, header, rows, n_labels=4)


def _sensitivity_table(part: dict[str, Any]) -> str:
    """The assumptions that move the crossing most; empty: none does."""
    rows = [
        (
            f"{row['assumption']}{' *' if row['ends'] == ASSUMED else ''}",
            *map(_value, row["values"]),
            *(crossing_text(row[end]) for end in ENDS),
        )
        for row in part["rows"][:SHOWN_ASSUMPTIONS]
        if row["swing"] > 0
    ]
    if not rows:
        return ""
    header = ("assumption", "from", "to", "pays below", "to")
    title = f"What that hangs on most: {part['chip']} and {part['baseline']}, {BATCHING[part['batching']]}"
    return table_text(title, header, rows)


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _reading(numbers: dict[str, Any]) -> str:
    return (
        "Reading: a clocked machine pays for neurons and weights, spikes or not; the chip pays for spikes. It"
        "\ntakes more even without spikes: `never`; less at every activity measured: `always`. What no"
        "\nassumption moves is not listed. 0.01 spikes per neuron and tick are 10 Hz in ticks of 1 ms. Chips"
        "\nand baselines are of different processes, as told in nm. *: no range of this cost is published; it"
        f"\nis moved by {100 * CHIP_ERROR:.0f} % on a chip, by {100 * UNSOURCED_ERROR:.0f} % on a baseline. "
        "Others are moved by the ranges in their files."
    )
