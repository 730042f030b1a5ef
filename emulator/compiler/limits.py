"""Limits of a core as the passes ask for them, and what a user can do when one binds."""

from __future__ import annotations

from emulator.chip.spec import ChipSpec
from emulator.chip.usage import RESOURCES

WAY_OUT = {
    "compartments": "use fewer neurons or a chip with more cores",
    "axons_in": "lower the fan-in, or split it over several neurons",
    "axons_out": "lower the number of cores that a neuron projects to, or drop to_host",
    "synapse_memory_bits": "lower the fan-in, weight_bits or the longest delay",
    "delay_slots": "shorten the longest delay, or put a relay neuron in its way",
    "compartment_configs": "let neurons share du, dv, ds_offset, refractory, reset, vmin and vmax",
    "threshold_configs": "let neurons share vth_mant",
}

MEANING = {
    "compartments": "compartments",
    "axons_in": "axons in (distinct senders)",
    "axons_out": "axons out (target cores summed over its neurons)",
    "synapse_memory_bits": "bits of synapse memory",
    "delay_slots": "delay slots (compartments x longest delay_ticks)",
    "compartment_configs": "compartment configurations",
    "threshold_configs": "threshold configurations",
}


def core_limits(chip: ChipSpec) -> dict[str, int | None]:
    """RESOURCES -> what one core has; None: lifted."""
    return {name: getattr(chip.limits, name) for name in RESOURCES}


def delay_limit(chip: ChipSpec) -> int | None:
    """Longest delay_ticks of a synapse whose target has a core for itself; None: any."""
    given = [limit for limit in (chip.limits.delay_ticks, chip.limits.delay_slots) if limit is not None]
    return min(given) if given else None


def over_limit(owner: str, resource: str, value: int, limit: int, chip: ChipSpec) -> str:
    """The message of a broken per-core limit."""
    return f"{owner}: {value} {MEANING[resource]}, limit {limit} (chip {chip.name!r}): {WAY_OUT[resource]}"
