"""Tables of a run as files that analysts read: NPZ, JSON, CSV, Parquet.

A table is its columns by name: numpy arrays, or lists of numbers, text and None of one length. NPZ and JSON
hold all tables in one file, CSV and Parquet a table each. What is missing is null in Parquet and JSON, empty
in CSV; NPZ, which knows no null, has NaN (the column is then float64) or empty text.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import EmulatorError, ImageError
from emulator.formats.files import shown, write_atomic

Column = NDArray[Any] | Sequence[Any]
Table = Mapping[str, Column]
INT64 = range(-(2**63), 2**63)


def save_tables(
    path: str | PathLike[str], tables: Mapping[str, Table], about: Mapping[str, Any]
) -> list[Path]:
    """Writes tables in the format that the ending of `path` names; returns the files written.

    CSV and Parquet: a table each, `run.csv` is `run.spikes.csv` for the table `spikes`; a single table goes
    into `path` itself. about: plain values, kept in JSON, NPZ (as JSON text) and the metadata of Parquet.
    Raises ImageError, and EmulatorError for a missing extra.
    """
    target = Path(shown(path))
    ending = target.suffix.lower()
    if ending not in WRITERS:
        raise ImageError(
            f"{target}: no format for the ending {ending!r}: choose from {', '.join(WRITERS)}, .nir"
        )
    # all of them made before the first is written: what cannot be made leaves no file
    made = WRITERS[ending](tables, about)
    written = []
    for name, content in made.items():
        place = target if name is None or len(made) == 1 else target.with_suffix(f".{name}{target.suffix}")
        write_atomic(place, content)
        written.append(place)
    return written


def _npz(tables: Mapping[str, Table], about: Mapping[str, Any]) -> dict[str | None, bytes]:
    """Arrays `table.column`, and `about` as JSON text."""
    arrays: dict[str, Any] = {
        f"{table}.{name}": _as_array(column)
        for table, columns in tables.items()
        for name, column in columns.items()
    }
    out = io.BytesIO()
    np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)
    return {None: out.getvalue()}


def _json(tables: Mapping[str, Table], about: Mapping[str, Any]) -> dict[str | None, bytes]:
    """One object: `about`, and `tables` by name, each its columns as lists."""
    listed = {
        table: {name: _as_list(column) for name, column in columns.items()}
        for table, columns in tables.items()
    }
    return {None: json.dumps({"about": about, "tables": listed}, allow_nan=False).encode()}


def _csv(tables: Mapping[str, Table], about: Mapping[str, Any]) -> dict[str | None, bytes]:
    """RFC 4180, a header line first."""
    made: dict[str | None, bytes] = {}
    for table, columns in tables.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*(_as_list(column) for column in columns.values()), strict=True))
        made[table] = out.getvalue().encode()
    return made


def _parquet(tables: Mapping[str, Table], about: Mapping[str, Any]) -> dict[str | None, bytes]:
    """Typed columns; `about` is in the metadata of the schema under `spikemesh`."""
    arrow = optional("pyarrow", "parquet", "Parquet files")
    parquet = optional("pyarrow.parquet", "parquet", "Parquet files")
    made: dict[str | None, bytes] = {}
    for table, columns in tables.items():
        arrays = {name: _arrow(arrow, column) for name, column in columns.items()}
        metadata = {"spikemesh": json.dumps(about)}
        sink = arrow.BufferOutputStream()
        parquet.write_table(arrow.table(arrays).replace_schema_metadata(metadata), sink)
        made[table] = sink.getvalue().to_pybytes()
    return made


def _arrow(arrow: Any, column: Column) -> Any:
    """A column of what it holds; one that holds nothing but None is of integers."""
    if isinstance(column, np.ndarray):
        return arrow.array(column)
    values = _alike(column)
    return arrow.array(values, type=arrow.int64() if all(value is None for value in values) else None)


def _as_array(column: Column) -> NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    values = _alike(column)
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else value for value in values])
    if any(value is None for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(values, dtype=None if values else np.int64)


def _as_list(column: Column) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _alike(column: Sequence[Any]) -> list[Any]:
    """Values of one type: text where any is text, floats where an integer takes more than 64 bits."""
    if any(isinstance(value, str) for value in column):
        return [None if value is None else str(value) for value in column]
    if any(isinstance(value, int) and value not in INT64 for value in column):
        return [None if value is None else float(value) for value in column]
    return list(column)


def optional(module: str, extra: str, what: str) -> Any:
    """A library that is not always there, or the error that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EmulatorError(f"{what} need the extra {extra!r}: pip install 'spikemesh[{extra}]'") from error


WRITERS: dict[str, Callable[[Mapping[str, Table], Mapping[str, Any]], dict[str | None, bytes]]] = {
    ".npz": _npz,
    ".csv": _csv,
    ".json": _json,
    ".parquet": _parquet,
}
"""Ending -> what makes the contents of the files, by table; None: one file for all."""
