"""Limits of a core as the passes ask for them, and what a user can do when one binds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emulator.chip.faults import usable_cores
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

N_CONTRIBUTORS = 3  # that a message names


def usable_text(chip: ChipSpec) -> str:
    """How many cores a chip has to offer."""
    n_usable = int(usable_cores(chip).sum())
    return f"{n_usable} ({chip.n_cores - n_usable} are dead)" if n_usable < chip.n_cores else str(n_usable)


def core_limits(chip: ChipSpec) -> dict[str, int | None]:
    """RESOURCES -> what one core has; None: lifted."""
    return {name: getattr(chip.limits, name) for name in RESOURCES}


@dataclass(frozen=True)
class Excess:
    """A limit of a core and what somebody takes beyond it."""

    owner: str
    resource: str  # of RESOURCES
    taken: int
    limit: int
    pinned: bool = False  # whether a mapping brought it about

    def message(self, chip: ChipSpec, notes: Iterable[str] = ()) -> str:
        """Owner, value, limit, what there is to know besides, a way out."""
        about = "; ".join([f"chip {chip.name!r}", *notes])
        move = "pin some elsewhere, or " if self.pinned else ""
        return (
            f"{self.owner}: {self.taken} {MEANING[self.resource]}, limit {self.limit} ({about}): "
            f"{move}{WAY_OUT[self.resource]}"
        )


def most_from(amounts: Mapping[str, int], unit: str = "") -> str:
    """The largest of what several take, as a note: `most from 'a' 40, 'b' 30`; empty if nobody takes any."""
    taken = sorted(((amount, name) for name, amount in amounts.items() if amount), key=lambda one: -one[0])
    if not taken:
        return ""
    named = ", ".join(f"{name} {amount}{unit}" for amount, name in taken[:N_CONTRIBUTORS])
    more = len(taken) - N_CONTRIBUTORS
    return f"most from {named}" + (f" and {more} more" if more > 0 else "")
