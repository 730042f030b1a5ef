"""What the digits bench prints: what was done, what came out, how to read it."""

from __future__ import annotations

from typing import Any

from emulator.bench.crossbar_text import added_facts, clock_facts, clock_reading, rewrites_section
from emulator.report.layers import layers_text
from emulator.report.result_text import counted
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds, si


def outcome_text(numbers: dict[str, Any]) -> str:
    """Three tables and a reading: the answers, both runs side by side, what spreading costs."""
    if numbers["spread"] is None:
        return _packed_text(numbers)
    return sections(
        _done(numbers),
        facts_text("What came out", _answers(numbers)),
        _runs_table(numbers),
        _spread_table(numbers),
        layers_text(numbers["layers"]),
        _reading(numbers),
    )


def _done(numbers: dict[str, Any]) -> str:
    packed, spread = numbers["packed"], numbers["spread"]
    cores, tiles = packed["n_cores"], spread["n_tiles"]
    return (
        f"{_opening(numbers)}\n"
        f"Each image takes {numbers['n_ticks']} ticks. All were run twice: packed into"
        f" {counted(cores, 'core')}, and spread over {counted(tiles, 'tile')} of the mesh."
    )


def _packed_text(numbers: dict[str, Any]) -> str:
    """Of one run, on a chip of crossbar cores."""
    packed = numbers["packed"]
    done = (
        f"{_opening(numbers)}\nEach image takes {numbers['n_ticks']} ticks, on"
        f" {counted(packed['n_cores'], 'core')}. The run that spreads the network over the mesh is left out:"
        f"\n{numbers['spread_left_out']}."
    )
    shown = [(label, show(packed)) for label, show in _ROWS if label not in _NOT_ON_CROSSBARS]
    return sections(
        done,
        facts_text("What came out", _answers(numbers)),
        facts_text("What an inference costs", [*clock_facts(packed), *shown, *added_facts(packed)]),
        layers_text(numbers["layers"]),
        rewrites_section(numbers),
        f"Reading: an image is {clock_reading(packed)}",
    )


def _opening(numbers: dict[str, Any]) -> str:
    n_images = number(numbers["n_images"])
    return (
        f"Digits: a spiking network trained in snntorch reads {n_images} handwritten digits"
        f" on an emulated {numbers['chip']} chip."
    )


def _answers(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    accuracy, source = percent(numbers["accuracy"]), percent(numbers["accuracy_source"])
    counts = percent(numbers["same_output_counts"])
    changed = "weights and leaks only come near" if numbers["rewrites"] else "weights are rounded"
    same = "equal in both runs" if numbers["same_spikes"] else "NOT equal in both runs"
    both = [] if numbers["spread"] is None else [("spikes", same)]
    return [
        ("accuracy", f"{accuracy} (source framework, in floats: {source})"),
        ("same digit as the source", f"{percent(numbers['agreement'])} of the images"),
        ("same output spike counts", f"{counts} of the images: the chip's {changed}"),
        *both,
    ]


def _runs_table(numbers: dict[str, Any]) -> str:
    """One column per run."""
    packed, spread = numbers["packed"], numbers["spread"]
    rows = [(label, show(packed), show(spread)) for label, show in _ROWS]
    header = (
        "",
        f"packed, {counted(packed['n_cores'], 'core')}",
        f"spread, {counted(spread['n_tiles'], 'tile')}",
    )
    return table_text("What an inference costs", header, rows)


def _each(name: str, unit: str = "") -> Any:
    """Shows a value of a run that is counted per inference."""
    if unit:
        return lambda run: si(run["per_inference"][name], unit)
    return lambda run: f"{run['per_inference'][name]:,.1f}"


def _peak(resource: str) -> Any:
    """Shows how much of a resource the core takes that takes most of it."""

    def show(run: dict[str, Any]) -> str:
        peak = run["utilisation"][resource]
        return f"{number(peak['used'])} of {number(peak['limit'])}"

    return show


_ROWS = (
    ("energy", _each("energy_j", "J")),
    ("  of it dynamic", _each("dynamic_j", "J")),
    ("  of it static power", _each("static_j", "J")),
    ("latency, mean", lambda run: seconds(run["latency_mean_ps"])),
    ("latency, slowest image", lambda run: seconds(run["latency_max_ps"])),
    ("energy per synaptic operation", lambda run: si(run["energy_per_synaptic_op_j"], "J")),
    ("  of it dynamic", lambda run: si(run["dynamic_per_synaptic_op_j"], "J")),
    ("energy per transmitted spike", lambda run: si(run["energy_per_transmitted_spike_j"], "J")),
    ("  of it dynamic", lambda run: si(run["dynamic_per_transmitted_spike_j"], "J")),
    ("synaptic operations", _each("synaptic_ops")),
    ("spikes", _each("spikes")),
    ("packets", _each("packets")),
    ("hops between tiles", _each("hops")),
    ("cores used", lambda run: number(run["n_cores"])),
    ("compartments, fullest core", _peak("compartments")),
    ("axons in, fullest core", _peak("axons_in")),
    ("axons out, fullest core", _peak("axons_out")),
    ("synapse memory, fullest core, bits", _peak("synapse_memory_bits")),
)


_NOT_ON_CROSSBARS = {
    "latency, mean",
    "latency, slowest image",
    "axons out, fullest core",
    "synapse memory, fullest core, bits",
}


def _spread_table(numbers: dict[str, Any]) -> str:
    """Spread against packed, per inference."""
    costs = numbers["spread_costs"]
    rows = [
        (label, _signed(costs[name]["difference"], unit), _ratio(costs[name]["ratio"]))
        for label, name, unit in (
            ("packets", "packets", ""),
            ("hops", "hops", ""),
            ("dynamic energy", "dynamic_j", "J"),
            ("static energy", "static_j", "J"),
            ("energy", "energy_j", "J"),
            ("latency", "latency_ps", "ps"),
        )
    ]
    return table_text("What the spread costs, per inference", ("", "difference", "spread : packed"), rows)


def _signed(difference: float, unit: str) -> str:
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    size = abs(difference)
    if unit == "ps":
        return f"{sign}{seconds(size)}"
    return f"{sign}{si(size, unit)}" if unit else f"{sign}{size:,.1f}"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3g} x"


def _reading(numbers: dict[str, Any]) -> str:
    """One sentence that a newcomer can take away."""
    costs = numbers["spread_costs"]
    same = "the same spikes" if numbers["same_spikes"] else "NOT the same spikes: please report this"
    latency = costs["latency_ps"]
    faster = latency["difference"] < 0
    change = (
        f"yet an image is done {seconds(abs(latency['difference']))} sooner, as its cores work side by side"
        if faster
        else f"and an image takes {seconds(latency['difference'])} longer"
    )
    static = costs["static_j"]["difference"]
    saved = f", which saves {si(-static, 'J')} of static energy" if faster and static < 0 else ""
    return (
        f"Reading: {same}; spreading costs {costs['hops']['difference']:,.0f} hops and"
        f" {si(costs['dynamic_j']['difference'], 'J')} of dynamic energy more per image,\n{change}{saved}."
    )
