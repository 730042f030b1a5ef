"""What the characterisation bench prints: what was done, a row per point, and the published points."""

from __future__ import annotations

from typing import Any

from emulator.report.result_text import counted
from emulator.report.tables import sections, table_text
from emulator.report.units import NOT_MEASURED, PS_PER_S, number, percent, seconds, si

HEADER = ("rate", "synapses", "rate measured", "hops a spike", "synaptic ops", "power", "GSOPS", "GSOPS/W")
QUANTITIES = {"power_w": "power", "gsops_per_w": "GSOPS/W"}


def outcome_text(numbers: dict[str, Any]) -> str:
    """Two tables and a reading."""
    return sections(
        _done(numbers),
        table_text("Power and efficiency of the whole chip", HEADER, map(_row, numbers["rows"])),
        _anchors(numbers),
        _reading(numbers),
    )


def _done(numbers: dict[str, Any]) -> str:
    emulated, whole = numbers["n_cores"], numbers["n_cores_chip"]
    share = "" if emulated == whole else f", spread over the chip for all {number(whole)}"
    time_ps = numbers["n_ticks"] * numbers["tick_ps"]
    return (
        f"Characterisation: {counted(len(numbers['rows']), 'network')} on an emulated {numbers['chip']} chip,"
        f" {counted(emulated, 'core')}{share}.\n"
        f"Each was measured for {counted(numbers['n_ticks'], 'tick')} ({seconds(time_ps)}), counts priced "
        "by the chip file."
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    hops = row["hops"] / row["spikes"] if row["spikes"] else None
    return (
        f"{row['rate_hz']:g} Hz",
        number(row["synapses"]),
        f"{row['measured_hz']:.1f} Hz",
        NOT_MEASURED if hops is None else f"{hops:.1f}",
        number(row["synaptic_ops"]),
        quantity_text("power_w", row["power_w"]),
        f"{row['gsops']:.3g}",
        quantity_text("gsops_per_w", row["gsops_per_w"]),
    )


def quantity_text(quantity: str, value: float | None) -> str:
    """A power or an efficiency in words."""
    if value is None:
        return NOT_MEASURED
    return si(value, "W") if quantity == "power_w" else f"{value:.3g}"


def _anchors(numbers: dict[str, Any]) -> str:
    rows = []
    for anchor in numbers["anchors"]:
        quantity, deviation = anchor["quantity"], anchor["deviation"]
        sign = "+" if deviation is not None and deviation > 0 else "-" if deviation else ""
        rows.append(
            (
                f"{QUANTITIES[quantity]} at {anchor['rate_hz']:g} Hz, {anchor['synapses']} synapses",
                quantity_text(quantity, anchor["published"]),
                quantity_text(quantity, anchor["measured"]),
                NOT_MEASURED if deviation is None else f"{sign}{percent(abs(deviation))}",
            )
        )
    header = ("", "published", "here", "off by")
    return table_text("Measurements of silicon (Merolla et al. 2014, Akopyan et al. 2015)", header, rows)


def _reading(numbers: dict[str, Any]) -> str:
    per_s = PS_PER_S / numbers["tick_ps"]
    lines = [
        "Reading: a GSOPS is 10^9 synaptic operations a second; a spike does one per synapse of its axon."
        f"\nA second has {number(per_s)} ticks."
    ]
    if any(anchor["measured"] is None for anchor in numbers["anchors"]):
        lines.append(
            "A published point that is not measured here is not among the rates and synapses of this sweep."
        )
    return "\n".join(lines)
