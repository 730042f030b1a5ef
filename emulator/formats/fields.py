"""Reading a decoded content field by field: what is wrong is collected under the field's full name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import EmulatorError, ImageError

Array = NDArray[Any]


@dataclass(frozen=True)
class Fields:
    """One map of a file. A getter that finds its field wrong notes a problem and returns an empty value.

    Such values must not be used: call `stop` before anything is built from them.
    """

    table: dict[Any, Any]
    place: str  # dotted name, "" for the whole file
    problems: list[str]  # shared by all maps of a file

    def only(self, *names: str) -> None:
        """Notes fields that are none of `names`."""
        for name in self.table:
            if name not in names:
                self.problems.append(f"{self.label(name)}: unknown field, known are {', '.join(names)}")

    def text(self, name: str, *choices: str) -> str:
        """A string; one of `choices` if there are any."""
        value: str = self._of_type(name, str, "text", choices[0] if choices else "")
        if choices and value not in choices:
            self.problems.append(f"{self.label(name)}: {value!r}, choose from {', '.join(choices)}")
            return choices[0]
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._of_type(name, bool, "true or false", False))

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer in low..high."""
        value: int = self._of_type(name, int, "an integer", low)
        if not low <= value <= high:
            self.problems.append(f"{self.label(name)}: {value} outside {low}..{high}")
            return low
        return value

    def number(self, name: str) -> float:
        """A finite float."""
        value: float = self._of_type(name, float, "a float", 1.0)
        if not math.isfinite(value):
            self.problems.append(f"{self.label(name)}: {value} is not finite")
            return 1.0
        return value

    def array(self, name: str, dtype: str, *shape: int | None) -> Array:
        """An array of that dtype and shape; a length of None may be any."""
        value: Array = self._of_type(name, np.ndarray, f"an array {dtype}{_shape(shape)}", np.zeros(0))
        fits = len(value.shape) == len(shape) and all(
            expected in (None, length) for expected, length in zip(shape, value.shape, strict=True)
        )
        if value.dtype == dtype and fits:
            return value
        if isinstance(self.table.get(name), np.ndarray):
            found = f"{value.dtype}{_shape(value.shape)}"
            self.problems.append(f"{self.label(name)}: {found}, expected {dtype}{_shape(shape)}")
        return np.zeros([0] * len(shape), dtype=dtype)  # not `shape`: a false length must not take memory

    def is_none(self, name: str) -> bool:
        """Whether the field is there and None."""
        return name in self.table and self.table[name] is None

    def sub(self, name: str) -> Fields:
        """The map in a field."""
        return Fields(self._of_type(name, dict, "a map", {}), self.label(name), self.problems)

    def subs(self, name: str) -> list[Fields]:
        """The list of maps in a field."""
        return [
            Fields(item, f"{self.label(name)}[{index}]", self.problems)
            for index, item in enumerate(self._list(name, dict, "a map"))
        ]

    def arrays(self, name: str, dtype: str, ndim: int) -> list[Array]:
        """The list of arrays in a field."""
        items = self._list(name, np.ndarray, "an array")
        for index, item in enumerate(items):
            if item.dtype != dtype or item.ndim != ndim:
                found = f"{item.dtype}{_shape(item.shape)}"
                self.problems.append(f"{self.label(name)}[{index}]: {found}, expected {dtype}, {ndim} axes")
        return items

    def texts(self, name: str) -> list[str]:
        """The list of strings in a field."""
        return self._list(name, str, "text")

    def require(self, ok: bool, name: str, rule: str) -> None:
        """Notes a problem of a field unless `ok`."""
        if not ok:
            self.problems.append(f"{self.label(name)}: {rule}")

    def stop(self, named: str) -> None:
        """Raises ImageError with every problem noted so far, each prefixed with the name of the file."""
        if self.problems:
            raise ImageError([f"{named}: {problem}" for problem in self.problems])

    def label(self, name: Any) -> str:
        """Full name of a field."""
        return f"{self.place}.{name}" if self.place else str(name)

    def _of_type(self, name: str, expected: type[Any], words: str, default: Any) -> Any:
        value = self.table.get(name)
        # a bool is an int to Python, but not in a file
        if isinstance(value, expected) and not (expected is int and isinstance(value, bool)):
            return value
        found = f"{type(value).__name__}, expected {words}" if name in self.table else "missing"
        self.problems.append(f"{self.label(name)}: {found}")
        return default

    def _list(self, name: str, expected: type[Any], words: str) -> list[Any]:
        items = self._of_type(name, list, "a list", [])
        for index, item in enumerate(items):
            if not isinstance(item, expected):
                found = type(item).__name__
                self.problems.append(f"{self.label(name)}[{index}]: {found}, expected {words}")
        return [item for item in items if isinstance(item, expected)]


def prefixed(place: str, error: EmulatorError) -> ImageError:
    """An error about a content as one about the file and the place in it."""
    return ImageError([f"{place}: {problem}" for problem in error.problems])


def _shape(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("n" if length is None else str(length) for length in shape) + "]"
