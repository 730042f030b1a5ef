"""Files of baselines: YAML to BaselineSpec. Those that ship are in hw_configs/baselines, apart from chips."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from emulator.chip.baseline import BaselineSpec
from emulator.chip.violation import InvalidChip, Violation, shown
from emulator.errors import SpecError
from emulator.formats import yaml_tree
from emulator.formats.descriptions import is_file_name, read_table, shipped_folder


def baselines() -> tuple[str, ...]:
    """Names of the shipped baselines, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_baseline(name_or_path: str | PathLike[str]) -> BaselineSpec:
    """The baseline of a shipped name (`baselines()`) or a YAML file. Raises SpecError with file and line."""
    path, named = _locate(name_or_path)
    tree = read_table(
        path, named, "a baseline", "describe a machine, as hw_configs/baselines/cpu-dram.yaml does"
    )
    try:
        return BaselineSpec.from_dict(tree.data)
    except InvalidChip as error:
        raise SpecError(
            f"{named}:{_line(tree, violation)}: {violation}" for violation in error.violations
        ) from None


def _folder() -> Path:
    return shipped_folder() / "baselines"


def _locate(name_or_path: str | PathLike[str]) -> tuple[Path, str]:
    """Where the file is, and how messages name it."""
    if isinstance(name_or_path, PathLike):
        return Path(name_or_path), str(Path(name_or_path))
    if not isinstance(name_or_path, str):
        raise SpecError(
            f"baseline {shown(name_or_path)}: give the name of a shipped baseline or the path of a YAML file"
        )
    if is_file_name(name_or_path):
        return Path(name_or_path), name_or_path
    path = _folder() / f"{name_or_path}.yaml"
    if not path.is_file():
        choices = ", ".join(baselines())
        raise SpecError(
            f"no baseline {shown(name_or_path)}; choose from {choices} or give the path of a YAML file"
        )
    return path, f"hw_configs/baselines/{path.name}"


def _line(tree: yaml_tree.Tree, violation: Violation) -> int:
    """Line of the value; if it is missing, of its group."""
    path = violation.path[:-1] if violation.is_missing else violation.path
    for length in range(len(path), 0, -1):
        if path[:length] in tree.lines:
            return tree.lines[path[:length]]
    return 1
