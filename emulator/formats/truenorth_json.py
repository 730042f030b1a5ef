"""Core-level designs in JSON as networks: model files as IBM's simulator took them, and RANC's input files.

A model file, as public tools write and read it (pytruenorth, NeMo). `/* */` and `//` comments are skipped.

    model          coreCount, crossbarSize 256; neuronClass (or neuronclass) "NeuronGeneral", crossbarclass
                   "CrossbarBinary", networking "INTRA"; buildKey64 and useCrossbarPrototypes say nothing
    neuronTypes    list of: name; sigma0..3 and s0..3 (weight by axon type: sign and size), b0..3; lambda and
                   sigma_lambda, c_lambda, epsilon; alpha, beta, TM; gamma, kappa; VR and sigma_VR (reset
                   value sigma_VR * (2**VR - 1)); V (initial potential). Flags are true/false or 1/0
    crossbarTypes  optional list of: name; crossbar, a table of rows
    core           once for each core, or `cores`, a list: id; neurons; crossbar, a table of rows, or of the
                   name of a crossbar type. rngSeed says nothing, as the chip's generator is not public;
                   timeScaleExponent is 0
    neurons        list of: type, a name; dendrite, its column (its place, if left out); destCore, an id, -1
                   for none, OUTPUT for the host port; destAxon; delay (or destDelay) 1..15
    rows           list of an axon each: type "S0".."S3"; synapses, hexadecimal digits, highest bit first

Core i becomes core `core<i>`. Columns without a neuron never fire. What leaves for the host port is told by
the neuron that sent it; its destAxon, a pin number, and its delay are dropped. Every other key or value is
refused by name. RANC's files: `ranc_json`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import DescriptionError, ImageError
from emulator.formats.files import read_whole, shown
from emulator.formats.json_tables import Place
from emulator.formats.ranc_json import add_ranc_cores, is_ranc, ranc_stimulus
from emulator.network import Network, TrueNorth

MAX_BYTES = 2**31
SIZE = 256  # of a crossbar
OUTPUT = -32  # destCore of what leaves the chip
NEVER = 2**18 - 1  # a threshold that a neuron without input does not reach

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', re.DOTALL)
_FIXED = {
    "crossbarSize": SIZE,
    "neuronClass": "NeuronGeneral",
    "neuronclass": "NeuronGeneral",
    "crossbarclass": "CrossbarBinary",
    "networking": "INTRA",
}
_TYPE_RANGES: dict[str, tuple[int, int]] = {
    **{f"sigma{kind}": (-1, 1) for kind in range(4)},
    **{f"s{kind}": (0, 255) for kind in range(4)},
    **{f"b{kind}": (0, 1) for kind in range(4)},
    "sigma_lambda": (-1, 1),
    "lambda": (0, 255),
    "c_lambda": (0, 1),
    "epsilon": (0, 1),
    "alpha": (0, 2**18 - 1),
    "beta": (0, 2**18 - 1),
    "TM": (0, 18),
    "gamma": (0, 2),
    "kappa": (0, 1),
    "sigma_VR": (-1, 1),
    "VR": (0, 18),
    "V": (-(2**19), 2**19 - 1),
}


def from_truenorth_json(path: str | PathLike[str]) -> Network:
    """The network of a JSON file of cores. Raises ImageError naming the file and all that it cannot hold."""
    named, table = _read(path)
    network = Network(Path(named).stem)
    problems: list[str] = []
    if is_ranc(table):
        add_ranc_cores(network, table, problems)
    else:
        _Model(table, problems).add_to(network)
    if problems:
        raise ImageError(f"{named}: {problem}" for problem in problems)
    return network


def truenorth_json_stimulus(path: str | PathLike[str]) -> dict[str, NDArray[np.int64]]:
    """The packets of a RANC file as events (tick, axon) by core: stimulus for its network."""
    named, table = _read(path)
    if not is_ranc(table):
        raise ImageError(f"{named}: a model file has no packets; they are in RANC's input files")
    problems: list[str] = []
    stimulus = ranc_stimulus(table, problems)
    if problems:
        raise ImageError(f"{named}: {problem}" for problem in problems)
    return stimulus


def _read(path: str | PathLike[str]) -> tuple[str, dict[str, Any]]:
    named = shown(path)
    try:
        text = read_whole(path, MAX_BYTES).decode()
        if "/*" in text or "//" in text:
            text = _COMMENT.sub(lambda found: found[1] or " ", text)
        table = json.loads(text, object_pairs_hook=_with_cores)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{named}: not JSON: {error}") from None
    if not isinstance(table, dict):
        raise ImageError(f"{named}: holds a {type(table).__name__}, expected an object")
    return named, table


def _with_cores(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. In a model file the key `core` comes once for each core: those become a list."""
    table = dict(pairs)
    if len(table) == len(pairs):
        return table
    cores = [value for key, value in pairs if key == "core"]
    if len(table) + max(len(cores) - 1, 0) != len(pairs):
        uses = Counter(key for key, _ in pairs if key != "core")
        raise ValueError(f"the key {uses.most_common(1)[0][0]!r} comes twice in an object")
    return {**table, "core": cores}


def _by_column(column: NDArray[np.int64], values: NDArray[np.int64], other: int) -> NDArray[np.int64]:
    """[SIZE] values of the neurons by their columns, `other` where there is no neuron."""
    out = np.full(SIZE, other, dtype=np.int64)
    out[column] = values
    return out


class _Model:
    """One model file; what is wrong with it goes to `problems`."""

    def __init__(self, table: Mapping[str, Any], problems: list[str]):
        self.problems = problems
        whole = Place(table, "", problems)
        whole.only("model", "neuronTypes", "crossbarTypes", "core", "cores")
        self._header(whole.sub("model"))
        self.types = self._types(whole)
        self.crossbars = {
            place.text("name"): self._rows(place.sub("crossbar"))
            for place in whole.subs("crossbarTypes", optional=True)
        }
        given = table.get("core", table.get("cores", []))
        listed = given if isinstance(given, list) else [given]
        self.cores = [Place(core, f"core[{number}]", problems) for number, core in enumerate(listed)]

    def _header(self, model: Place) -> None:
        model.only("coreCount", *_FIXED, "buildKey64", "useCrossbarPrototypes")
        for key, value in _FIXED.items():
            given = model.table.get(key, value)
            model.require(given == value, key, f"{given!r}, supported is {value!r} alone")

    def _types(self, whole: Place) -> dict[str, dict[str, Any]]:
        types = {}
        for place in whole.subs("neuronTypes"):
            place.only("name", "class", *_TYPE_RANGES)
            kind = place.table.get("class", "NeuronGeneral")
            place.require(kind == "NeuronGeneral", "class", f"{kind!r}, supported is 'NeuronGeneral' alone")
            v = {key: place.integer(key, *limits) for key, limits in _TYPE_RANGES.items()}
            types[place.text("name")] = {
                "s": [v[f"sigma{g}"] * v[f"s{g}"] for g in range(4)],
                "b": [v[f"b{g}"] for g in range(4)],
                "leak": v["sigma_lambda"] * v["lambda"],
                "c": v["c_lambda"],
                "R": v["sigma_VR"] * (2 ** v["VR"] - 1),
                "v0": v["V"],
                **{key: v[key] for key in ("epsilon", "alpha", "beta", "TM", "gamma", "kappa")},
            }
        return types

    def _rows(self, place: Place) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Types of the axons, and the crossbar [n_axons, SIZE]."""
        place.only("rows")
        types, bits = [], []
        for row in place.subs("rows"):
            row.only("type", "synapses")
            kind = row.text("type")
            row.require(kind in ("S0", "S1", "S2", "S3"), "type", f"{kind!r}, choose from S0, S1, S2, S3")
            types.append(int(kind[1:]) if kind in ("S0", "S1", "S2", "S3") else 0)
            bits.append(self._synapses(row))
        wrong = not 1 <= len(types) <= SIZE
        place.require(not wrong, "rows", f"{len(types)} rows, expected 1..{SIZE}")
        return np.array(types, np.uint8), np.array(bits, np.bool_).reshape(-1, SIZE)

    def _synapses(self, row: Place) -> NDArray[np.uint8]:
        text = row.text("synapses")
        try:
            packed = np.frombuffer(bytes.fromhex(text), dtype=np.uint8)
        except ValueError:
            packed = np.zeros(0, dtype=np.uint8)
        row.require(len(packed) == SIZE // 8, "synapses", f"expected {SIZE // 8} bytes in hexadecimal digits")
        return np.unpackbits(packed) if len(packed) == SIZE // 8 else np.zeros(SIZE, dtype=np.uint8)

    def add_to(self, network: Network) -> None:
        """Adds every core, by its id."""
        n = len(self.cores)
        if n == 0:
            self.problems.append("core: missing; a model has at least one")
        ids = [core.integer("id", 0, max(n - 1, 0)) for core in self.cores]
        if not self.problems and sorted(ids) != list(range(n)):
            self.problems.append(f"core: ids are not 0..{n - 1}, each once")
        for number in np.argsort(ids, kind="stable").tolist():
            try:
                self._add(network, self.cores[number], ids[number])
            except DescriptionError as error:
                self.problems += error.problems

    def _add(self, network: Network, core: Place, number: int) -> None:
        n_before = len(self.problems)
        core.only("id", "rngSeed", "timeScaleExponent", "neurons", "crossbar")
        scale = core.table.get("timeScaleExponent", 0)
        core.require(scale == 0, "timeScaleExponent", f"{scale!r}, supported is 0 alone")
        kinds, crossbar = self._crossbar(core)
        neurons = core.rows("neurons")
        neurons.only("type", "dendrite", "destCore", "destAxon", "delay", "destDelay")
        column = neurons.integers("dendrite", 0, SIZE - 1, default=range(len(neurons)))
        target = neurons.integers("destCore", OUTPUT, 2**31 - 1)
        neurons.require(
            (target >= -1) | (target == OUTPUT), "destCore", f"-1 is none, {OUTPUT} the host port"
        )
        axon = neurons.integers("destAxon", -1, SIZE - 1)
        neurons.require((axon >= 0) | (target < 0), "destAxon", "-1, a target core is given")
        delay = neurons.integers("delay", 0, 15, default=neurons.integers("destDelay", 0, 15, default=[1]))
        neurons.require((delay >= 1) | (target < 0), "delay", "0, must be 1..15")
        types = neurons.texts("type", self.types)
        if len(np.unique(column)) != len(column):
            self.problems.append(f"{core.label('neurons')}: two neurons have one dendrite")
        if len(self.problems) > n_before or not types:
            return
        sends = target >= 0
        network.add_core(
            f"core{number}",
            crossbar & np.isin(np.arange(SIZE), column),
            kinds,
            self._neurons(types, column),
            target_core=_by_column(column, np.where(sends, target, -1), -1),
            target_axon=_by_column(column, np.where(sends, axon, 0), 0),
            delay=_by_column(column, np.where(sends, delay, 1), 1),
            to_host=_by_column(column, (target == OUTPUT).astype(np.int64), 0),
        )

    def _crossbar(self, core: Place) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        place = core.sub("crossbar")
        if "name" not in place.table:
            return self._rows(place)
        place.only("name")
        name = place.text("name")
        known = name in self.crossbars
        place.require(known, "name", f"{name!r} is no crossbar type")
        return self.crossbars[name] if known else (np.zeros(1, np.uint8), np.zeros((1, SIZE), np.bool_))

    def _neurons(self, types: Sequence[str], column: NDArray[np.int64]) -> TrueNorth:
        """Parameters of all columns."""
        silent = {**dict.fromkeys(TrueNorth.RANGES, 0), "s": [0] * 4, "b": [0] * 4, "alpha": NEVER}
        values = {}
        for name in TrueNorth.RANGES:
            whole = np.tile(
                np.array(silent[name], dtype=np.int64), (SIZE,) + (1,) * (name in TrueNorth.BY_TYPE)
            )
            whole[column] = [self.types[kind][name] for kind in types]
            values[name] = whole
        return TrueNorth(**values)
