"""What each rewrite did, what it cost and whether it is exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from emulator.compiler.rewrite.ir import Bools, Codes, Filled, Weighted
from emulator.compiler.rewrite.wires import NOWHERE, Wires

V_LIMIT = 2**19  # magnitude of v


def report_of(
    weighted: Weighted, codes: Codes, filled: Filled, wires: Wires, late: Sequence[int], n_cores: int
) -> tuple[dict[str, Any], ...]:
    """One dict for each rewrite and part: `name`, `part` (None: all), `exact`, what was added as
    `cores`, `axons` and `neurons`, and `notes`; others as they apply. The last one is the sum."""
    rows = [
        *(_entry(**row) for row in weighted.report),
        *_weights(weighted, codes),
        _axon_copies(filled),
        _duplicates(weighted, wires, filled),
        _relays(weighted, wires, n_cores - filled.n_cores),
        *_latency(weighted, late),
    ]
    total = {
        "name": "total",
        "part": None,
        "exact": all(row["exact"] for row in rows),
        "cores": n_cores,
        "axons": len(filled.axon_line) + len(wires.rows),
        "neurons": weighted.n_neurons + sum(row["neurons"] for row in rows),
        "latency_ticks": max(late, default=0),
        "notes": [],
    }
    return (*rows, total)


def _entry(
    name: str, part: str | None, exact: bool, notes: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    added = {"cores": 0, "axons": 0, "neurons": 0} | more
    return {"name": name, "part": part, "exact": bool(exact), **added, "notes": list(notes)}


def _weights(weighted: Weighted, codes: Codes) -> list[dict[str, Any]]:
    """By group: how its weights are written, and what that lost."""
    post = weighted.post
    acting = (codes.digits * codes.value[post]).sum(axis=1)
    n_kinds = np.count_nonzero(codes.value, axis=1)
    one_hot = np.ones(weighted.n_neurons, dtype=bool)
    one_hot[post[codes.digits.sum(axis=1) > 1]] = False
    rows = []
    for group, label in enumerate(weighted.label):
        mine = weighted.group == group
        synapses = mine[post]
        wanted, got = weighted.weight[synapses], acting[synapses]
        noise, signal = float(((got - wanted) ** 2).sum()), float((wanted**2).sum())
        held = codes.exact & one_hot & (n_kinds > 0)
        methods = {"four_values": held, "digits": codes.exact & ~one_hot, "nearest": ~codes.exact}
        notes = _saturation(weighted, codes, mine)
        rows.append(
            _entry(
                "weights",
                label,
                codes.exact[mine].all(),
                notes,
                neurons_by_method={name: int((mine & chosen).sum()) for name, chosen in methods.items()},
                sqnr_db=10 * math.log10(signal / noise) if noise and signal else None,
                largest_error=float(np.abs(got - wanted).max(initial=0.0)),
            )
        )
    return rows


def _saturation(weighted: Weighted, codes: Codes, mine: Bools) -> list[str]:
    """v stops at the ends of its register with each addition, so there its order would matter."""
    size = np.bincount(weighted.post, np.abs(weighted.weight), minlength=weighted.n_neurons)
    n = weighted.neurons
    eta = (1 << n["mask_bits"]) - 1
    start = np.maximum(np.maximum(n["alpha"], n["beta"]) + eta, np.abs(n["reset"]))
    reach = np.maximum(start, np.abs(n["v0"])) + size + np.abs(n["leak"])
    ends = mine & ((reach >= V_LIMIT) | (n["reset_mode"] == 2))
    if not ends.any():
        return []
    return [f"exact while v is not at an end of its 20 bits, which {int(ends.sum())} neurons could reach"]


def _axon_copies(filled: Filled) -> dict[str, Any]:
    """Axons beyond one for each line that a core listens to."""
    # axons are by core and line
    new = (np.diff(filled.axon_core, prepend=-1) != 0) | (np.diff(filled.axon_line, prepend=-1) != 0)
    n_lines = int(new.sum())
    return _entry("axon copies", None, True, axons=len(filled.axon_line) - n_lines)


def _duplicates(weighted: Weighted, wires: Wires, filled: Filled) -> dict[str, Any]:
    sends = int((wires.target != NOWHERE).sum())
    neuron = np.repeat(filled.place_neuron, filled.place_columns)
    silent = weighted.n_neurons - len(np.unique(neuron[wires.target != NOWHERE]))
    return _entry("duplicates", None, True, neurons=sends + silent - weighted.n_neurons)


def _relays(weighted: Weighted, wires: Wires, n_cores: int) -> dict[str, Any]:
    notes = [
        f"{weighted.owner(neuron)}: its spikes reach the host port some ticks later, by a relay"
        for neuron in sorted(wires.late_host)[:1]
    ]
    n = sum(len(row.target) for row in wires.rows)
    return _entry("relays", None, True, notes, cores=n_cores, axons=len(wires.rows), neurons=n)


def _latency(weighted: Weighted, late: Sequence[int]) -> list[dict[str, Any]]:
    """Groups that fire later than the network says; exact up to that if nothing but input moves them."""
    rest = at_rest(weighted)
    rows = []
    for group, ticks in enumerate(late):
        if ticks:
            mine = weighted.group == group
            exact = bool(rest[mine].all())
            moving = f"{int((mine & ~rest).sum())} neurons move without input and so start too early"
            row = _entry(
                "latency", weighted.label[group], exact, [] if exact else [moving], latency_ticks=ticks
            )
            rows.append(row)
    return rows


def at_rest(weighted: Weighted) -> Bools:
    """[n_neurons] those that without input stay as they start."""
    n = weighted.neurons
    omega = np.where(n["reversal"] == 1, np.sign(n["v0"]), 1)
    within = (n["v0"] < n["alpha"]) & (n["v0"] >= -n["beta"])
    at_floor = (n["saturate"] == 1) & (n["v0"] == -n["beta"]) & (omega * n["leak"] < 0)
    return np.asarray(((omega * n["leak"] == 0) & within) | at_floor)
