"""Events in words."""

from __future__ import annotations

from emulator.chip.events import EVENTS

EVENT_LABEL: dict[str, str] = {
    "spikes": "spike",
    "inject": "packet sent",
    "dropped": "packet dropped, no way",
    "axon_in": "packet received",
    "hop_e": "hop east",
    "hop_w": "hop west",
    "hop_n": "hop north",
    "hop_s": "hop south",
    "hop_chip": "hop to another chip, on top",
    "host_in": "packet from the host",
    "host_out": "packet to the host",
    "synaptic_ops_dense": "synaptic op, dense",
    "synaptic_ops_sparse": "synaptic op, sparse",
    "update_inactive": "update, inactive",
    "update_active": "update, active",
    "lost": "packet lost by a link",
}
assert set(EVENT_LABEL) <= set(EVENTS), "an event was renamed"


def event_label(event: str) -> str:
    """`hop_e` is `hop east`; what has no words of its own keeps its name."""
    return EVENT_LABEL.get(event) or event.replace("_", " ")
