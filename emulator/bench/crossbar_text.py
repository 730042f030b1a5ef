"""What benches say of chips of crossbar cores: the rewrites, the clock, what was tuned on the samples."""

from __future__ import annotations

from typing import Any

from emulator.report.rewrites_text import added_text, rewrites_text
from emulator.report.units import number, percent, seconds, si

TUNED = (
    "The constants of these rewrites (OPERATING, READ_OUT, FLOOR, LEAST_DB) were tuned on the very samples of"
    " this bench:\nits accuracy is no fair test of them; expect less of a network that they have not seen."
)


def rewrites_section(numbers: dict[str, Any]) -> str:
    """The table of the rewrites, and how far to trust what came out. Empty: cores hold any weight."""
    if not numbers["rewrites"]:
        return ""
    return f"{rewrites_text(numbers['rewrites'])}\n\n{TUNED}"


def clock_facts(costs: dict[str, Any]) -> list[tuple[str, str]]:
    """Latency and overruns of a chip that goes by a clock."""
    clock = costs["clock"]
    n = clock["n_overruns"]
    overruns = f"{number(n)} ticks overran" if n else "none"
    done = f"latest work done {seconds(clock['done_max_ps'])} into a tick"
    return [
        ("latency, by the clock", seconds(costs["latency_mean_ps"])),
        ("overruns", f"{overruns} of the first {number(clock['n_timed_samples'])} samples, {done}"),
    ]


def added_facts(costs: dict[str, Any]) -> list[tuple[str, str]]:
    """Neurons that the compiler added, as their spikes are in the counts."""
    added = costs["added"]
    if added is None:
        return []
    return [("neurons added", added_text({name: n for name, n in added.items() if name != "spikes"}))]


def clock_reading(costs: dict[str, Any]) -> str:
    """What the latency and the joules come from."""
    each = costs["per_inference"]
    share = percent(each["static_j"] / each["energy_j"]) if each["energy_j"] else "0.0 %"
    latency, tick = seconds(costs["latency_mean_ps"]), seconds(costs["clock"]["tick_ps"])
    return (
        f"answered in {latency}, as the clock's ticks take {tick} each, for {si(each['energy_j'], 'J')};\n"
        f"static power of the whole chip, of which the network takes {number(costs['n_cores'])} cores, is"
        f" {share} of that."
    )
