"""A run as text: what was counted, what it cost, how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.energy import PRICE_OF
from emulator.report.events import event_label
from emulator.report.ranges_text import ranges_text
from emulator.report.rewrites_text import added_text
from emulator.report.summary import result_numbers
from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds, si
from emulator.report.wire_text import wire_text

if TYPE_CHECKING:
    from emulator.engine.result import Result


def result_text(result: Result) -> str:
    """Activity, energy by event, energy per unit of work, timing, and the wire limit of a traced run."""
    numbers = result_numbers(result)
    return sections(
        run_line(numbers),
        facts_text("Activity", _activity(numbers)),
        energy_text(result),
        facts_text(f"Energy per unit of work, static power {_in_or_out(numbers)}", _per_unit(numbers)),
        facts_text("Time on the chip", _timing(numbers)),
        wire_text(result),
    )


def run_line(numbers: dict[str, Any]) -> str:
    """What was run where: `'digits' on loihi: 360 samples of 26 ticks, 2 cores on 1 tile`."""
    samples = f"{number(numbers['n_samples'])} samples of " if numbers["n_samples"] != 1 else ""
    priced = f", at the prices of {numbers['prices_of']}" if numbers["prices_of"] != numbers["chip"] else ""
    return (
        f"{numbers['network']!r} on {numbers['chip']}: {samples}{counted(numbers['n_ticks'], 'tick')}, "
        f"{counted(numbers['n_cores'], 'core')} on {counted(numbers['n_tiles'], 'tile')}{priced}"
    )


def counted(count: int, noun: str) -> str:
    """`1 core`, `1,024 cores`."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def energy_text(result: Result) -> str:
    """Energy of the events that have a price, dearest first, then static power and the total."""
    rows = result.energy.table("event")
    shown = sorted(
        (row for row in rows if row["event"] in PRICE_OF and row["count"]), key=lambda row: -row["energy_j"]
    )
    lines = [
        (event_label(row["event"]), number(row["count"]), si(row["energy_j"], "J"), percent(row["share"]))
        for row in shown
    ]
    ledger = result.energy
    if ledger.static_j is None:
        lines.append(("static power", "", "not timed", ""))
    else:
        share = ledger.static_j / ledger.total_j if ledger.total_j else 0.0
        lines.append(("static power", "", si(ledger.static_j, "J"), percent(share)))
    lines.append(("total", "", si(ledger.total_j, "J"), ""))
    table = table_text("Energy by event", ("event", "count", "energy", "share"), lines)
    return sections(table, ranges_text(ledger))


def _activity(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    counts = numbers["counts"]
    hops = {direction: counts[f"hop_{direction}"] for direction in "ewns"}
    directions = ", ".join(f"{direction.upper()} {number(count)}" for direction, count in hops.items())
    updates = counts["update_active"] + counts["update_inactive"]
    inject, host_in = number(counts["inject"]), number(counts["host_in"])
    active = percent(counts["update_active"] / updates if updates else 0.0)
    sent = f"{inject} from cores, {host_in} from the host{_dropped(counts)}"
    return [
        ("spikes", f"{number(counts['spikes'])}{_by_population(numbers)}{_of_added(numbers)}"),
        ("transmitted", f"{number(counts['transmitted'])} spikes sent a packet, the host's among them"),
        ("packets", f"{number(counts['packets'])}: {sent}"),
        ("packets to the host", number(counts["host_out"])),
        ("hops", f"{number(sum(hops.values()))}: {directions}{_crossings(counts)}"),
        ("synaptic operations", number(counts["synaptic_ops"])),
        ("compartment updates", f"{number(updates)}, {active} active"),
    ]


def _dropped(counts: dict[str, int]) -> str:
    dropped = f"; {number(counts['dropped'])} of them dropped for want of a way" if counts["dropped"] else ""
    return dropped + (f"; {number(counts['lost'])} of them lost by links" if counts["lost"] else "")


def _crossings(counts: dict[str, int]) -> str:
    return f"; {number(counts['hop_chip'])} of them to another chip" if counts["hop_chip"] else ""


def _by_population(numbers: dict[str, Any]) -> str:
    shown = [f"{name!r} {number(count)}" for name, count in list(numbers["spikes_by_population"].items())[:6]]
    more = len(numbers["spikes_by_population"]) - len(shown)
    if more > 0:
        shown.append(f"{more} populations more")
    return f": {', '.join(shown)}" if shown else ""


def _of_added(numbers: dict[str, Any]) -> str:
    """Of neurons that the compiler added, which fire along with those of the network."""
    added = numbers["added"]
    if added is None:
        return ""
    who = added_text({name: n for name, n in added.items() if name != "spikes"})
    if added["spikes"] is None:
        return f"; those of what the compiler added ({who}) among them"
    return f"; {number(added['spikes'])} of them of what the compiler added ({who})"


def _in_or_out(numbers: dict[str, Any]) -> str:
    return "left out" if numbers["energy"]["static_j"] is None else "included"


def _per_unit(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    energy = numbers["energy"]
    facts = [
        ("per transmitted spike", si(energy["per_transmitted_spike_j"], "J")),
        ("per packet", si(energy["per_packet_j"], "J")),
        ("per synaptic operation", si(energy["per_synaptic_op_j"], "J")),
        ("per tick", si(energy["per_tick_j"], "J")),
    ]
    if numbers["n_samples"] != 1:
        facts.append(("per sample", si(energy["per_sample_j"], "J")))
    return facts


def _ticks(numbers: dict[str, Any], time: dict[str, Any]) -> list[tuple[str, str]]:
    overruns = time["overruns"]
    if overruns is None:
        return [
            ("per tick", f"mean {seconds(time['tick_mean_ps'])}, fastest {seconds(time['tick_min_ps'])}"),
            ("slowest tick", f"{seconds(time['tick_max_ps'])}, {_place(numbers, time['slowest'])}"),
        ]
    done = f"mean {seconds(time['done_mean_ps'])}, latest {seconds(time['done_max_ps'])}"
    return [
        ("per tick", f"{seconds(time['tick_mean_ps'])} by the clock; work done: {done}"),
        ("overruns", _overruns(numbers, overruns)),
    ]


def _overruns(numbers: dict[str, Any], overruns: dict[str, Any]) -> str:
    if not overruns["n"]:
        return "none"
    of = f"{number(overruns['n'])} of {counted(numbers['n_samples'] * numbers['n_ticks'], 'tick')} overran"
    worst = f"worst by {seconds(overruns['worst_ps'])}, {_place(numbers, overruns['worst'])}"
    return f"{of}, {worst}; spikes are those of ticks long enough"


def _place(numbers: dict[str, Any], place: dict[str, int]) -> str:
    where = f"tick {place['tick']}"
    return where if numbers["n_samples"] == 1 else f"{where} of sample {place['sample']}"


def _timing(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    time = numbers["time"]
    if time is None:
        static = "left out of" if numbers["energy"]["static_j"] is None else "by the clock in"
        return [("not measured", f"the run was made without timing; static power is {static} the energy")]
    if not numbers["n_ticks"]:
        return [("total", "no tick was run")]
    facts = [("total", seconds(time["total_ps"])), *_ticks(numbers, time)]
    if numbers["n_samples"] != 1:
        mean, slowest = seconds(time["sample_mean_ps"]), seconds(time["sample_max_ps"])
        facts.append(("per sample", f"mean {mean}, slowest {slowest}"))
    stalls = f"cores {seconds(time['stall_cores_ps'])}, host port {seconds(time['stall_host_ps'])}"
    facts.append(("waiting of packets at their source", stalls))
    return facts
