"""What the page says in sentences: the summary, the key figures, and each term in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.report.page.costs import GROUPS, Row
from emulator.report.result_text import counted
from emulator.report.units import number, percent, seconds, si

if TYPE_CHECKING:
    from emulator.engine.result import Result

TERMS: dict[str, str] = {
    "tick": "one step of the network's time; each neuron may fire once in it",
    "spike": "a neuron fires; transmitted: at least one packet is sent for it",
    "compartment": "a neuron in a core, updated once a tick; the update is active if it has input or state",
    "core": "computes compartments from the synapses in its own memory",
    "tile": "a router of the mesh with its cores; (x, y), counted from the south-west",
    "packet": "a spike on its way to one core",
    "hop": "a packet moves over one link to the next tile",
    "synaptic operation": "a weight is added to a compartment's input, because a spike came",
    "dynamic energy": "what events cost: each one's count times its price in the chip file",
    "static energy": "the chip's power at rest times the run's duration",
    "barrier": "cores agree that a tick is over before the next one begins",
    "population": "pays for its neurons' updates, and for all that its spikes cause wherever they go",
    "utilisation": "of a core's limits the one that it comes nearest to",
}


def summary(result: Result, numbers: dict[str, Any], costs: dict[str, list[Row]]) -> list[str]:
    """What was run, what it took, and where it went."""
    samples = f"{number(numbers['n_samples'])} samples of " if numbers["n_samples"] != 1 else ""
    where = f"{counted(numbers['n_cores'], 'core')} on {counted(numbers['n_tiles'], 'tile')}"
    ran = (
        f"The network ran {samples}{counted(numbers['n_ticks'], 'tick')} on {where} of chip {numbers['chip']}"
    )
    return [f"{ran} and took {_total(result, numbers)}.", *_shares(result), *_dearest(costs["core"])]


def _total(result: Result, numbers: dict[str, Any]) -> str:
    energy = numbers["energy"]
    if energy["static_j"] is None:
        return f"{si(energy['total_j'], 'J')} for its events; it was not timed, so static power is left out"
    total = si(energy["total_j"], "J")
    if numbers["time"] is not None:
        total += f" in {seconds(numbers['time']['total_ps'])} of the chip's time"
    if not result.energy.total_aj:
        return total
    share = energy["dynamic_j"] / energy["total_j"]
    return f"{total}: {percent(share)} for events, {percent(1 - share)} because the chip was on"


def _shares(result: Result) -> list[str]:
    """The two groups of events that took most."""
    ledger = result.energy
    if not ledger.dynamic_aj:
        return ["No event that has a price happened."]
    taken = {
        name: sum(ledger.counts[event] * ledger.prices_aj[event] for event in events)
        for name, events in GROUPS.items()
    }
    most = sorted(taken, key=lambda name: -taken[name])[:2]
    told = [f"{percent(taken[name] / ledger.dynamic_aj)} into {name}" for name in most if taken[name]]
    return [f"Of the events' energy, {' and '.join(told).replace(' into', ' went into', 1)}."]


def _dearest(cores: list[Row]) -> list[str]:
    named = [row for row in cores if "core" in row]
    dynamic_aj = sum(row["energy_aj"] for row in cores if not row.get("static"))
    if len(named) < 2 or not dynamic_aj:
        return []
    share = percent(named[0]["energy_aj"] / dynamic_aj)
    return [
        f"The most expensive is {named[0]['label'].replace(' (', ' at (')}: {share} of the events' energy."
    ]


def key_figures(numbers: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value, and what it is."""
    energy, time, counts = numbers["energy"], numbers["time"], numbers["counts"]
    static = "dynamic and static" if energy["static_j"] is not None else "dynamic alone"
    figures = [("energy", si(energy["total_j"], "J"), static)]
    if numbers["n_samples"] != 1:
        figures.append(
            ("per sample", si(energy["per_sample_j"], "J"), f"mean of {number(numbers['n_samples'])}")
        )
    figures.append(("dynamic", si(energy["dynamic_j"], "J"), "of events alone"))
    figures.append(
        ("per spike", si(energy["per_transmitted_spike_j"], "J"), "all energy / transmitted spikes")
    )
    if time is not None and numbers["n_ticks"]:
        figures.append(
            ("mean tick", seconds(time["tick_mean_ps"]), f"slowest {seconds(time['tick_max_ps'])}")
        )
    figures.append(("spikes", number(counts["spikes"]), "of neurons on the chip"))
    figures.append(("synaptic ops", si(counts["synaptic_ops"], "").strip(), "weights added"))
    return figures
