"""Where the energy of a run goes: what is paid per spike, what for updates of neurons, what for time.

Transmission is all that a spike sets going: the neuron fires, its packets are sent, move, are received, and
walk their synapses. Updates are paid per neuron and tick. Static energy is power times emulated time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.energy import Ledger

AJ_PER_J = 10**18

TRANSMISSION: dict[str, tuple[str, ...]] = {
    "fire": ("spikes",),
    "send": ("inject",),
    "move": ("hop_e", "hop_w", "hop_n", "hop_s", "hop_chip"),
    "receive": ("axon_in",),
    "synapses": ("synaptic_ops_dense", "synaptic_ops_sparse"),
}
"""What of a spike -> the events that it is."""

UPDATES = ("update_inactive", "update_active")


def transmission_aj(ledger: Ledger) -> int:
    """Energy of everything that spikes set going; exactly 0 without any."""
    return sum(_energy_aj(ledger, events) for events in TRANSMISSION.values())


def spending(ledger: Ledger) -> dict[str, Any]:
    """The energy of a run by what it was paid for, J; static_j None where nobody knows how long it took."""
    parts = {name: _energy_aj(ledger, events) / AJ_PER_J for name, events in TRANSMISSION.items()}
    return {
        "transmission_j": transmission_aj(ledger) / AJ_PER_J,
        "transmission_parts_j": parts,
        "update_j": _energy_aj(ledger, UPDATES) / AJ_PER_J,
        "dynamic_j": ledger.dynamic_j,
        "static_j": ledger.static_j,
    }


def line_fit(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, float]:
    """Least squares y = intercept + slope * x of at least two points, and how well it holds."""
    slope, intercept = np.polyfit(x, y, 1)
    rest, spread = y - (intercept + slope * x), y - y.mean()
    r2 = 1.0 - float(rest @ rest) / float(spread @ spread) if spread.any() else 1.0
    return {"slope": float(slope), "intercept": float(intercept), "r2": r2}


def _energy_aj(ledger: Ledger, events: tuple[str, ...]) -> int:
    return sum(ledger.counts[event] * ledger.prices_aj[event] for event in events)
