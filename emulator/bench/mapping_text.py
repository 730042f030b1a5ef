"""What the mapping bench prints: a row per network and way, and what that comes to."""

from __future__ import annotations

from typing import Any

from emulator.report.result_text import counted
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import NOT_MEASURED, number, percent, si

HEADER = ("network", "way", "cores", "packets", "hops", "busiest link", "compiled in", "binds")
MEANING = (
    ("in order", "cores filled in neuron order and taken row by row, the habit of other tools"),
    ("placed", "filled likewise, each core near those that it talks to"),
    ("multilevel", "neurons that talk to each other in one core, and placed"),
)


def outcome_text(numbers: dict[str, Any]) -> str:
    """A table, what the ways are, and a sentence for each network."""
    rows = [_row(network, way) for network in numbers["networks"] for way in network["ways"]]
    return sections(
        f"Mapping of {counted(len(numbers['networks']), 'network')} onto an emulated {numbers['chip']} chip, "
        f"{number(numbers['n_cores_chip'])} cores, effort {numbers['effort']!r}.\n"
        "Packets to other cores and hops when every neuron fires once; seconds of the processor; * is what "
        "`compile` takes.",
        table_text("Ways", HEADER, rows, n_labels=2),
        facts_text("What they are", MEANING),
        "\n".join(["Reading", *(f"  {_reading(one, numbers)}" for one in numbers["networks"])]),
    )


def _row(network: dict[str, Any], way: dict[str, Any]) -> tuple[str, ...]:
    named = (network["title"], f"{way['way']}{' *' if way['chosen'] else ''}")
    if not way["fits"]:
        return (*named, number(way["n_cores"]), *[NOT_MEASURED] * 3, si(way["compile_s"], "s"), left_out(way))
    return (
        *named,
        *(number(way[name]) for name in ("n_cores", "packets", "spike_hops", "max_link")),
        si(way["compile_s"], "s"),
        _binding(way["binding"]),
    )


def left_out(way: dict[str, Any]) -> str:
    """In some words why there is no program: it does not fit, was not tried, or would gain nothing."""
    why = str(way["why_not"])
    return why.partition(":")[0] if why.startswith(("not tried", "nothing to gain")) else "does not fit"


def _binding(binding: dict[str, Any]) -> str:
    """The limit that the fullest core comes nearest to; all but that of compartments may be lifted."""
    return f"{binding['resource'].replace('_', ' ')} {100 * binding['used'] / binding['limit']:.0f} %"


def _reading(network: dict[str, Any], numbers: dict[str, Any]) -> str:
    """What the way taken saves beside filling in order."""
    size = f"{number(network['n_neurons'])} neurons, {number(network['n_synapses'])} synapses"
    named = f"{network['title']} ({size})"
    taken = next((way for way in network["ways"] if way["chosen"]), None)
    first = network["ways"][0]
    cores = f"{number(first['n_cores'])} cores, the chip has {number(numbers['n_cores_chip'])}"
    if taken is None or not taken["fits"]:
        return f"{named}: does not fit in any way; in order it would take {cores}"
    if not first["fits"]:
        instead = f"{taken['way']} takes {number(taken['n_cores'])}"
        return f"{named}: does not fit in order ({cores}); {instead}"
    if not first["spike_hops"]:
        return f"{named}: no hops in any way"
    hops = percent(taken["spike_hops"] / first["spike_hops"])
    packets = percent(taken["packets"] / first["packets"]) if first["packets"] else "none"
    return f"{named}: {taken['way']} takes {packets} of the packets and {hops} of the hops in order"
