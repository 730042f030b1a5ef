"""A chip of crossbar cores and two cores on it, for the tests of what compiles and checks them."""

from __future__ import annotations

from typing import Any

from emulator.chip.spec import ChipSpec
from emulator.formats import load_chip
from emulator.network import Network, TrueNorth

LIMITS = {
    "compartments": 256,
    "axons_in": 256,
    "delay_ticks": 15,
    **dict.fromkeys(
        (
            "axons_out",
            "synapse_memory_bits",
            "delay_slots",
            "compartment_configs",
            "threshold_configs",
            "refractory_ticks",
        )
    ),
}


def crossbar_chip(**changes: Any) -> ChipSpec:
    """`tiny`, 2 x 2 tiles of two cores, with crossbars; changes: dotted paths, a dot spelt `__`."""
    given = {
        "cores.model": "truenorth",
        "domain": "fixed",
        "tick_ps": 10**6,
        "barrier_ps": None,
        "synapse_format": None,
        "limits": LIMITS,
    }
    chip = load_chip("tiny").replace(given)
    return chip.replace({key.replace("__", "."): value for key, value in changes.items()})


def two_cores() -> Network:
    """Core a (2 axons, 3 neurons) at tile (1, 0), b (2 axons, 2 neurons) free; a source beside them.

    a 0 -> b 1 after 15 ticks, a 1 -> a 0, a 2 -> host; b 0 nowhere, b 1 -> a 1.
    """
    net = Network("two")
    net.add_source("in", 2)
    net.add_core(
        "a",
        [[1, 0, 1], [0, 1, 0]],
        [0, 1],
        TrueNorth(s=[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], alpha=[1, 2, 3], b=(1, 0, 0, 1), c=1),
        target_core=[1, 0, -1],
        target_axon=[1, 0, 0],
        delay=[15, 1, 1],
        to_host=[0, 0, 1],
        at=(1, 0),
    )
    neurons = TrueNorth(s=(1, -1, 0, 0), v0=-3, beta=7)
    net.add_core("b", [[1, 0], [0, 1]], 0, neurons, [-1, 0], 1, 2, record_spikes=False)
    net.probe("a", "v")
    return net
