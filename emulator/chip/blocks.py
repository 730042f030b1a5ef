"""The compiled blocks of `chip`, imported in this one place."""

from __future__ import annotations

try:
    from emulator._ext import tables  # type: ignore[attr-defined]
except ImportError as error:  # pragma: no cover - exercised by hand
    raise ImportError(f"the blocks of the chip are not built ({error}): run `pip install .`") from error

__all__ = ["tables"]
