"""The compiled blocks of the compiler, imported in this one place."""

from __future__ import annotations

try:
    from emulator._ext import cluster, fill, lists, mantissas, parts, place, proof, windows  # type: ignore[attr-defined]
except ImportError as error:  # pragma: no cover - exercised by hand
    raise ImportError(f"the compiler's blocks are not built ({error}): run `pip install .`") from error

__all__ = ["cluster", "fill", "lists", "mantissas", "parts", "place", "proof", "windows"]
