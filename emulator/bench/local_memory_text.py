"""What the bench local-memory prints: a table for each machine, and how to read them."""

from __future__ import annotations

from typing import Any

from emulator.bench.energy_vs_spikes_text import network_text
from emulator.report.tables import sections, table_text
from emulator.report.units import number, percent, si

PLACE = {"near": "in the core", "far": "far on the chip", "off_chip": "off the chip"}


def outcome_text(numbers: dict[str, Any]) -> str:
    """A table for each machine, and a reading."""
    return sections(_done(numbers), *(_table(numbers, one) for one in numbers["machines"]), _reading(numbers))


def _done(numbers: dict[str, Any]) -> str:
    per_tick = numbers["weight_bytes_moved"] / numbers["n_ticks"]
    return (
        f"Local memory: {network_text(numbers['network'], numbers['n_ticks'])}; inputs at"
        f" {numbers['rate_hz']:g} Hz in ticks of 1 ms,\n{numbers['activity']:.3g} spikes per neuron and tick."
        f" Spikes read {number(round(per_tick))} bytes of weights a tick, a dense evaluation\nall of them;"
        f" {numbers['chip']} stores them in {number(numbers['weight_bytes_stored'])} bytes."
    )


def _table(numbers: dict[str, Any], machine: dict[str, Any]) -> str:
    rows = []
    ways = list(dict.fromkeys(row["way"] for row in machine["rows"]))
    for row in sorted(machine["rows"], key=lambda row: ways.index(row["way"])):
        way = f"{row['way']} ({row['batch']})" if row["way"].endswith("best batch") else row["way"]
        rows.append(
            (
                f"{way}, {numbers['chip']}" if row["way"] == "event-driven" else way,
                PLACE[row["weights"]],
                si(row["total_per_tick_j"], "J"),
                si(row["weights_per_tick_j"], "J"),
                percent(row["weights_share"]),
            )
        )
    header = ("evaluation", "weights", "energy per tick", "of it moving weights", "share")
    title = f"By the memories of {machine['baseline']} ({machine['node_nm']:g} nm)"
    return table_text(title, header, rows, n_labels=2)


def _reading(numbers: dict[str, Any]) -> str:
    first = numbers["machines"][0]
    found = {(row["way"], row["weights"]): row for row in first["rows"]}
    away, local = found["clocked, batch 1", "off_chip"], found["event-driven", "near"]
    node = "" if numbers["node_nm"] is None else f" {numbers['chip']} is of {numbers['node_nm']:g} nm."
    apart, own = percent(away["weights_share"]), percent(local["weights_share"])
    return (
        f"Reading: with weights off the chip, {apart} of what a clocked machine spends at batch 1 moves them;"
        f"\nin the core, read when a spike comes, they take {own} of what the chip spends, its static power"
        "\nleft out. What a synaptic operation of the chip spends on its own memory is an estimate by the"
        f" machine's\nnear memory.{node}"
    )
