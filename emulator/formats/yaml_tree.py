"""A YAML text as plain values that know their lines. Strict where YAML surprises, safe with hostile text.

Numbers are decimal integers and decimal floats only (no octal, no base 60), booleans are `true` and `false`,
a key may stand once in its table, aliases and foreign tags are refused. Keys are always text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from emulator.errors import SpecError

MAX_DEPTH = 16  # tables within tables

Path = tuple[str, ...]

_TAG = "tag:yaml.org,2002:"
_RESOLVERS: tuple[tuple[str, str, list[str]], ...] = (
    ("null", r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"
        r"|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$",
        list("-+.0123456789"),
    ),
)
"""Tag, what a plain scalar of it looks like, its first characters. Everything else is text."""


@dataclass(frozen=True)
class Tree:
    """Contents of a text: nested dicts with text keys, lists, plain values; and the line of each path."""

    data: Any  # None for an empty text
    lines: dict[Path, int]  # from 1; entries of lists are paths too


def parse(text: str, named: str) -> Tree:
    """Reads one document. `named` goes in front of messages. Raises SpecError with every problem of shape."""
    walker = _Walker(named)
    data = walker.value(_compose(text, named), ())
    if walker.problems:
        raise SpecError(walker.problems)
    return Tree(data, walker.lines)


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with our idea of scalars, without aliases and without unbounded depth."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's class attribute; filled once, below

    def __init__(self, text: str):
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Any, index: int) -> Any:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            # a few aliases of aliases can stand for gigabytes
            raise _refusal("aliases are not allowed: write it out", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refusal(f"nested more than {MAX_DEPTH} deep: no chip description is", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)


def _refusal(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    error = yaml.MarkedYAMLError(problem=problem)
    error.problem_mark = event.start_mark  # type: ignore[assignment] # stubs: may be libyaml's mark
    return error


def _compose(text: str, named: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            return node
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SpecError(f"{named}{line}: not readable as YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = f":{text.count(chr(10), 0, error.position) + 1}"
        raise SpecError(f"{named}{line}: not readable as YAML: a character that cannot be text") from None
    except (ValueError, OverflowError) as error:
        # PyYAML lets through what its own conversions raise, such as chr() of an escape beyond Unicode
        raise SpecError(f"{named}: not readable as YAML: {error}") from None


class _Walker:
    """Nodes to values. Collects lines and problems on the way."""

    def __init__(self, named: str):
        self.named = named
        self.lines: dict[Path, int] = {}
        self.problems: list[str] = []

    def value(self, node: yaml.Node | None, path: Path) -> Any:
        if node is None:
            return None
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._table(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._entry(part, (*path, str(i))) for i, part in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._problem(node, f"tag {node.tag!r} is not allowed: give a plain value")
        return None

    def _entry(self, node: yaml.Node, path: Path) -> Any:
        self.lines[path] = _line(node)
        return self.value(node, path)

    def _table(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, part in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or not _is_text(key_node.value):
                self._problem(key_node, "a key must be plain text")
                continue
            key = key_node.value
            below = (*path, key)
            if key in out:
                first = self.lines[below]
                self._problem(
                    key_node, f"{'.'.join(below)!r} is given twice, first in line {first}: keep one"
                )
                continue
            self.lines[below] = _line(key_node)
            out[key] = self.value(part, below)
        return out

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return int(text)  # ValueError also beyond Python's 4,300 digits
            if kind == "float":
                return float(re.sub(r"\.(?=(?:inf|nan)$)", "", text.lower()))
        except (ValueError, KeyError):
            self._problem(node, f"{text[:60]!r} is not readable as {kind}")
            return None
        if kind != "str" or not _is_text(text):
            what = f"tag {node.tag!r} is" if kind != "str" else "half of a surrogate pair is"
            self._problem(node, f"{what} not allowed: give a plain value")
            return None
        return text

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append(f"{self.named}:{_line(node)}: {text}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_text(text: str) -> bool:
    """False for a lone surrogate, which no terminal and no file can take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
