"""Reading decoded JSON: tables key by key, lists of like tables column by column. Problems are collected."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
COORDINATE = 2**31  # of a tile, and a step from one to another, are below it


@dataclass(frozen=True, eq=False)
class Place:
    """One table and where it is. A getter that finds its key wrong notes a problem and returns some value."""

    given: Any
    name: str  # dotted; "" for the whole file
    problems: list[str]

    @property
    def table(self) -> dict[str, Any]:
        return self.given if isinstance(self.given, dict) else {}

    def label(self, key: str) -> str:
        """Full name of a key."""
        return f"{self.name}.{key}" if self.name else key

    def only(self, *known: str) -> None:
        """Notes that it is no table, and keys that are not known."""
        if not isinstance(self.given, dict):
            self.problems.append(f"{self.name}: {type(self.given).__name__}, expected an object")
        unknown = (key for key in self.table if key not in known)
        rule = f"not supported, known are {', '.join(known)}"
        self.problems.extend(f"{self.label(key)}: {rule}" for key in unknown)

    def require(self, ok: bool, key: str, rule: str) -> None:
        """Notes a problem of a key unless `ok`."""
        if not ok:
            self.problems.append(f"{self.label(key)}: {rule}")

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer in low..high; true and false are 1 and 0."""
        value = self.table.get(key)
        if isinstance(value, int) and low <= value <= high:
            return int(value)
        self._wrong(key, f"an integer in {low}..{high}")
        return low

    def text(self, key: str) -> str:
        """A string."""
        value = self.table.get(key)
        if isinstance(value, str):
            return value
        self._wrong(key, "text")
        return ""

    def pair(self, key: str) -> tuple[int, int]:
        """A list of two coordinates."""
        value = self.table.get(key)
        if _are_coordinates(value):
            return value[0], value[1]
        self._wrong(key, "two integers")
        return 0, 0

    def sub(self, key: str) -> Place:
        """The table under a key."""
        if not isinstance(self.table.get(key), dict):
            self._wrong(key, "an object")
        return Place(self.table.get(key, {}), self.label(key), self.problems)

    def subs(self, key: str, *, optional: bool = False) -> list[Place]:
        """The list of tables under a key."""
        items = self._list(key, optional)
        return [Place(item, f"{self.label(key)}[{n}]", self.problems) for n, item in enumerate(items)]

    def rows(self, key: str) -> Rows:
        """The list of like tables under a key, to be read column by column."""
        return Rows(self._list(key, False), self.label(key), self.problems)

    def array(self, key: str, ndim: int) -> Ints:
        """Integers of a list, or of a list of lists of one length."""
        try:
            value = np.asarray(self.table.get(key))
        except ValueError:
            value = np.zeros(0)
        if value.ndim == ndim and value.dtype.kind in "ib":  # "u" only where one takes more than 63 bits
            return value.astype(np.int64)
        self._wrong(key, f"integers in {ndim} dimensions")
        return np.zeros([0] * ndim, dtype=np.int64)

    def _list(self, key: str, optional: bool) -> list[Any]:
        value = self.table.get(key, [] if optional else None)
        if isinstance(value, list):
            return value
        self._wrong(key, "a list")
        return []

    def _wrong(self, key: str, expected: str) -> None:
        if key not in self.table:
            self.problems.append(f"{self.label(key)}: missing, expected {expected}")
        else:
            value = self.table[key]
            found = value if isinstance(value, (int, float, str)) else type(value).__name__
            self.problems.append(f"{self.label(key)}: {found!r}, expected {expected}")


@dataclass(frozen=True)
class Rows:
    """A list of like tables; there may be a million."""

    items: list[Any]
    name: str
    problems: list[str]

    def __len__(self) -> int:
        return len(self.items)

    def only(self, *known: str) -> None:
        """Notes the first that is no table, and each key that is not known."""
        wrong = next((n for n, item in enumerate(self.items) if not isinstance(item, dict)), None)
        if wrong is not None:
            kind = type(self.items[wrong]).__name__
            self.problems.append(f"{self.name}[{wrong}]: {kind}, expected an object")
            self.items[:] = [item if isinstance(item, dict) else {} for item in self.items]
        for key in sorted(set().union(*self.items) - set(known)):
            self.problems.append(f"{self.name}: {key}: not supported, known are {', '.join(known)}")

    def integers(self, key: str, low: int, high: int, default: Sequence[int] | Ints | None = None) -> Ints:
        """[n] integers in low..high. default: of those that lack the key, one for all or for each."""
        values: Iterable[Any] = (item.get(key) for item in self.items)
        if default is not None:
            spread = np.broadcast_to(np.asarray(default, dtype=np.int64), len(self.items)).tolist()
            values = (item.get(key, other) for item, other in zip(self.items, spread, strict=True))
        found = list(values)
        good = [isinstance(value, int) and low <= value <= high for value in found]
        self._note(good, found, key, f"an integer in {low}..{high}")
        return np.array([value if ok else low for value, ok in zip(found, good, strict=True)], dtype=np.int64)

    def texts(self, key: str, known: Container[str]) -> list[str]:
        """[n] strings that are known; none if one is not."""
        found = [item.get(key) for item in self.items]
        good = [isinstance(value, str) and value in known for value in found]
        self._note(good, found, key, "one of those described")
        return found if all(good) else []

    def pairs(self, key: str) -> Ints:
        """[n, 2] coordinates."""
        found = [item.get(key) for item in self.items]
        good = [_are_coordinates(value) for value in found]
        self._note(good, found, key, "two integers")
        pairs = [value if ok else [0, 0] for value, ok in zip(found, good, strict=True)]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def lists(self, key: str, length: int, low: int, high: int) -> Ints:
        """[n, length] integers in low..high."""
        found = [item.get(key) for item in self.items]
        good = [
            isinstance(value, list)
            and len(value) == length
            and all(type(one) is int and low <= one <= high for one in value)
            for value in found
        ]
        self._note(good, found, key, f"{length} integers in {low}..{high}")
        rows = [value if ok else [0] * length for value, ok in zip(found, good, strict=True)]
        return np.array(rows, dtype=np.int64).reshape(-1, length)

    def require(self, ok: NDArray[np.bool_], key: str, rule: str) -> None:
        """Notes the first row that is not ok."""
        if not ok.all():
            first = int(np.argmin(ok))
            self.problems.append(f"{self.name}[{first}].{key}: {rule} ({int((~ok).sum())} in all)")

    def _note(self, good: Sequence[bool], found: Sequence[Any], key: str, expected: str) -> None:
        if not all(good):
            first = good.index(False)
            value = found[first]
            said = "missing" if key not in self.items[first] else repr(value)[:60]
            n = len(good) - sum(good)
            self.problems.append(f"{self.name}[{first}].{key}: {said}, expected {expected} ({n} in all)")


def _are_coordinates(value: Any) -> TypeGuard[list[int]]:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return all(type(one) is int and -COORDINATE < one < COORDINATE for one in value)
