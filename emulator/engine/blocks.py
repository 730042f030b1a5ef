"""The compiled blocks that the native engine is made of, or the advice how to build them."""

from __future__ import annotations

from emulator.errors import SimulationError

try:
    from emulator._ext import generator, layout, machine, mesh, routes, sweep  # type: ignore[attr-defined]
except ImportError as error:  # pragma: no cover - exercised by hand
    raise SimulationError(
        f"the native engine is not built ({error}): run `pip install .`, or ask for engine='reference'"
    ) from error

__all__ = ["generator", "layout", "machine", "mesh", "routes", "sweep"]
