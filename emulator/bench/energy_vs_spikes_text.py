"""What the bench energy-vs-spikes prints: a table and a line for each chip, and how to read them."""

from __future__ import annotations

from typing import Any

from emulator.report.result_text import counted
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import NOT_MEASURED, number, percent, si

HEADER = ("input rate", "spikes", "synaptic ops", "hops", "transmission", "a spike", "updates", "static")


def outcome_text(numbers: dict[str, Any]) -> str:
    """Two parts for each chip, and a reading."""
    parts = [part for chip in numbers["chips"] for part in (_table(chip), _fit(chip))]
    return sections(_done(numbers), *parts, _reading(numbers))


def network_text(network: dict[str, Any], n_ticks: int) -> str:
    """Sizes of the network in words."""
    n_weights = network["depth"] * network["width"] ** 2
    dense = "" if network["density"] == 1 else f", {percent(network['density'])} of the weights"
    return (
        f"{number(network['n_inputs'])} inputs and {counted(network['depth'], 'layer')} of"
        f" {number(network['width'])} integrators, {number(n_weights)} weights{dense},"
        f" {counted(n_ticks, 'tick')}"
    )


def _done(numbers: dict[str, Any]) -> str:
    same = (
        "Each neuron fired in the same ticks as in a dense evaluation on this computer."
        if numbers["as_clocked"]
        else "NOT the spikes of a dense evaluation on this computer: please report this."
    )
    return (
        f"Energy against spikes: {network_text(numbers['network'], numbers['n_ticks'])};\n"
        f"a rate is that of an input, in ticks of 1 ms. {same}"
    )


def _table(chip: dict[str, Any]) -> str:
    rows = [
        (
            f"{row['rate_hz']:g} Hz",
            number(row["transmitted"]),
            number(row["synaptic_ops"]),
            number(row["hops"]),
            si(row["transmission_j"], "J"),
            si(row["transmission_per_spike_j"], "J"),
            si(row["update_j"], "J"),
            NOT_MEASURED if row["static_j"] is None else si(row["static_j"], "J"),
        )
        for row in chip["rows"]
    ]
    return table_text(f"On {chip['chip']}", HEADER, rows)


def _fit(chip: dict[str, Any]) -> str:
    fit = chip["fit"]
    facts = [
        ("a spike costs", f"{si(fit['slope_j_per_spike'], 'J')} (slope of the line)"),
        ("R2 of the line", f"{fit['r2']:.6f}; it meets 0 spikes at {si(fit['intercept_j'], 'J')}"),
        (
            "decades of spikes",
            f"{chip['decades']:.1f}; energy grows as spikes to the power of {fit['exponent']:.4f},"
            f" no rate is off the slope by more than {percent(fit['largest_deviation'])}",
        ),
        ("without spikes", f"transmission costs {si(chip['silence_transmission_aj'] / 1e18, 'J')}, exactly"),
    ]
    return facts_text(f"Transmission on {chip['chip']}, fitted", facts)


def _reading(numbers: dict[str, Any]) -> str:
    slopes = ", ".join(
        f"{si(chip['fit']['slope_j_per_spike'], 'J')} on {chip['chip']}" for chip in numbers["chips"]
    )
    return (
        f"Reading: a spike costs the same whether there are few or many: {slopes}. Transmission is firing,"
        "\nsending, moving, receiving and walking synapses; updates are paid per neuron and tick, static"
        "\npower by the time that the ticks take."
    )
