"""Arrays that nobody else can change: what frozen data may hold without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


def own(given: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`given` in one piece of this dtype: a copy, unless it is already and can no longer be written to."""
    array = np.asarray(given)
    return np.ascontiguousarray(array, dtype) if is_frozen(array) else np.array(array, dtype, order="C")


def is_frozen(array: NDArray[Any]) -> bool:
    """Whether neither the array nor any it is a view of can be written to."""
    holder: object = array
    while isinstance(holder, np.ndarray):
        if holder.flags.writeable:
            return False
        holder = holder.base
    return holder is None or memoryview(holder).readonly  # type: ignore[arg-type]
