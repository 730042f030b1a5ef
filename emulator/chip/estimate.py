"""Costs that are known within a range: `{value: 4.2, low: 4.0, high: 4.5}` where a file may give a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

Bound = Literal["value", "low", "high"]
BOUNDS: tuple[Bound, ...] = ("value", "low", "high")


class Estimate(float):
    """The value of a cost, with the ends of the range that it is known to lie in.

    To whoever wants one number it is the value; estimates are equal where their ranges are too.
    """

    __slots__ = ("high", "low")
    low: float
    high: float

    def __new__(cls, value: float, low: float, high: float) -> Estimate:
        estimate = super().__new__(cls, value)
        estimate.low, estimate.high = low, high
        return estimate

    @property
    def value(self) -> float:
        return float(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Estimate):
            return self.to_dict() == other.to_dict()
        return float.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = float.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimate, (float(self), self.low, self.high)

    def __repr__(self) -> str:
        return f"{float(self)!r} ({self.low!r} .. {self.high!r})"

    __str__ = __repr__

    def to_dict(self) -> dict[str, float]:
        """As a file has it."""
        return {"value": float(self), "low": self.low, "high": self.high}


def bounded(cost: float, bound: Bound) -> float:
    """That end of the range; of a plain number the number."""
    return getattr(cost, bound) if isinstance(cost, Estimate) else float(cost)


def read_cost(given: Any, check: Callable[[Any], float]) -> float:
    """A number, or an Estimate where a table is given. check: raises for a number that is no cost."""
    if isinstance(given, Estimate):
        given = given.to_dict()
    if not isinstance(given, Mapping):
        return check(given)
    keys = ", ".join(BOUNDS)
    if set(given) != set(BOUNDS):
        listed = ", ".join(str(key) for key in given) or "nothing"
        raise ValueError(f"a range with {listed}, must have {keys} and nothing else")
    value, low, high = (float(check(given[key])) for key in BOUNDS)
    if not low <= value <= high:
        raise ValueError(f"value {value:g} outside low {low:g} .. high {high:g}: put it between them")
    return Estimate(value, low, high)


def plain_cost(cost: float) -> float | dict[str, float]:
    """As a file has it."""
    return cost.to_dict() if isinstance(cost, Estimate) else cost


def cost_schema(limit: float) -> dict[str, Any]:
    """JSON Schema of a cost from 0 to `limit`."""
    number = {"type": "number", "minimum": 0, "maximum": limit}
    table = {
        "type": "object",
        "properties": {bound: number for bound in BOUNDS},
        "required": list(BOUNDS),
        "additionalProperties": False,
    }
    return {"anyOf": [number, table]}
