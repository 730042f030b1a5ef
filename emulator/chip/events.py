"""What is counted. The engines count, `energy` prices; nothing else knows either list."""

from __future__ import annotations

EVENTS: tuple[str, ...] = (
    "spikes",  # a compartment fired
    "transmitted",  # a compartment or source spike that sent at least one packet
    "inject",  # packet sent by a core
    "dropped",  # packet that was sent but has no way to its target: dropped at its source
    "host_in",  # packet sent by the host port
    "hop_e",  # grant of a link between routers, by direction
    "hop_w",
    "hop_n",
    "hop_s",
    "hop_chip",  # grant of a link to another chip, counted as a hop of its direction too
    "eject",  # packet handed to a core
    "host_out",  # packet handed to the host port
    "axon_in",  # packet looked up by the target core
    "synaptic_ops_dense",  # synapse walked in a dense list
    "synaptic_ops_sparse",  # synapse walked in a sparse list
    "update_inactive",  # compartment update with nothing to do
    "update_active",  # compartment update with input or non-zero state
    "barrier",  # end of a tick
    "lost",  # packet lost by a lossy link, counted where it came from
)
"""Columns of every count table of a Record, in this order."""

EVENT_ID: dict[str, int] = {name: event_id for event_id, name in enumerate(EVENTS)}

DERIVED: dict[str, tuple[str, ...]] = {
    "packets": ("inject", "host_in"),
    "synaptic_ops": ("synaptic_ops_dense", "synaptic_ops_sparse"),
}
"""Sums shown to users beside the events; never priced."""

DIRECTIONS: tuple[str, ...] = ("E", "W", "N", "S")
"""Order of the ports and links of a router; local ports 0, 1, ... follow."""
