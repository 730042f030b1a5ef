"""inject(): a copy of a chip or a program with faults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.faults.bits import is_rate
from emulator.faults.memory import flipped_synapses
from emulator.program import Program

Amount = float | int | Sequence[Any] | None
"""How much of a kind breaks: a float is the probability of each, an int how many, a list which."""

SIDES = {"E": (1, 0), "W": (-1, 0), "N": (0, 1), "S": (0, -1)}


@overload
def inject(
    target: ChipSpec,
    *,
    cores: Amount = None,
    routers: Amount = None,
    links: Amount = None,
    lossy: Amount = None,
    loss: float = 0.01,
    policy: str | None = None,
    seed: int = 0,
) -> ChipSpec: ...
@overload
def inject(target: Program, *, synapses: float = 0.0, seed: int = 0) -> Program: ...
def inject(
    target: ChipSpec | Program,
    *,
    cores: Amount = None,
    routers: Amount = None,
    links: Amount = None,
    lossy: Amount = None,
    loss: float = 0.01,
    policy: str | None = None,
    synapses: float | None = None,
    seed: int = 0,
) -> ChipSpec | Program:
    """A copy with faults besides those that are there.

    Of a chip: `cores`, `routers` and `links` (each in one direction) die, `lossy` links lose a packet with
    probability `loss`. Give a float for the probability that each breaks, an int for how many do, or a list
    as in `mesh.faults` of chip files. policy: "block" or "drop", as there. `compile` places around what is
    dead.
    Of a program: `synapses` is the probability that a bit of synaptic memory flips. Bits are those that the
    format of a synapse stores of its weight, or those of the crossbar.
    seed: same seed, same faults. Each kind draws for itself.

    For registers while a run goes on see `Upsets`. Raises SimulationError, and SpecError where a chip with
    these faults cannot be.
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0
    if not whole:
        raise SimulationError(f"seed={seed!r}: must be an integer from 0 up")
    of_chip = {"cores": cores, "routers": routers, "links": links, "lossy": lossy}
    if isinstance(target, Program):
        surplus = [name for name, amount in of_chip.items() if amount is not None]
        if surplus:
            raise SimulationError(f"{', '.join(surplus)}: of a chip; inject into it and compile for that one")
        return flipped_synapses(target, 0.0 if synapses is None else synapses, int(seed))
    if not isinstance(target, ChipSpec):
        raise SimulationError(f"inject: {type(target).__name__} given, expected a chip or a program")
    if synapses is not None:
        raise SimulationError("synapses: of a program; compile for the chip and inject into that")
    return _broken(target, of_chip, loss, policy, int(seed))


def _broken(
    chip: ChipSpec, amounts: dict[str, Amount], loss: float, policy: str | None, seed: int
) -> ChipSpec:
    there = chip.to_dict()["mesh"]["faults"] or {"policy": "block"}
    everything = _everything(chip)
    if not is_rate(loss):
        raise SimulationError(f"loss={loss!r}: must be a number in 0..1, the probability of each packet")
    faults: dict[str, Any] = {"policy": policy or there["policy"]}
    for number, (kind, amount) in enumerate(amounts.items()):
        old = list(there.get(kind, ()))
        free = [part for part in everything[kind] if part not in [_place(kind, fault) for fault in old]]
        hit = _chosen(kind, amount, free, np.random.default_rng([seed, number]))
        if kind == "lossy":
            hit = [{"probability": float(loss), **part} for part in hit]
        faults[kind] = old + hit
    return chip.replace({"mesh.faults": faults})


def _everything(chip: ChipSpec) -> dict[str, list[Any]]:
    """What of each kind there is to break, in order."""
    width, height = chip.mesh.width, chip.mesh.height
    tiles = [(x, y) for y in range(height) for x in range(width)]
    links = [
        {"x": x, "y": y, "side": side}
        for x, y in tiles
        for side, (dx, dy) in SIDES.items()
        if 0 <= x + dx < width and 0 <= y + dy < height
    ]
    routers = [{"x": x, "y": y} for x, y in tiles]
    return {"cores": list(range(chip.n_cores)), "routers": routers, "links": links, "lossy": links}


def _place(kind: str, fault: Any) -> Any:
    """A fault without how bad it is."""
    return {key: fault[key] for key in ("x", "y", "side")} if kind == "lossy" else fault


def _chosen(kind: str, amount: Amount, free: list[Any], rng: np.random.Generator) -> list[Any]:
    """Which of the parts that are free of faults get one."""
    if amount is None:
        return []
    if isinstance(amount, (int, np.integer)) and not isinstance(amount, bool):
        if not 0 <= amount <= len(free):
            raise SimulationError(f"{kind}={amount}: there are {len(free)} without a fault: ask for fewer")
        return [free[place] for place in np.sort(rng.permutation(len(free))[:amount])]
    if isinstance(amount, (float, np.floating)):
        if not is_rate(amount):
            raise SimulationError(f"{kind}={amount}: must be a probability in 0..1, a number or a list")
        return [free[place] for place in np.flatnonzero(rng.random(len(free)) < amount)]
    if isinstance(amount, Iterable) and not isinstance(amount, (str, bytes, dict)):
        return [part.item() if isinstance(part, np.generic) else part for part in amount]
    raise SimulationError(f"{kind}={amount!r}: give a probability in 0..1, how many, or a list")
