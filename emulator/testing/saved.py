"""Counterexamples as files: a folder with chip, network, places, input, and `case.json`, which says the rest.

`save_trial` writes one that `spikemesh run` runs again and `spikemesh verify FOLDER` tries again.
"""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from emulator.chip.spec import ChipSpec
from emulator.compiler import compile as compile_network
from emulator.errors import EmulatorError, ImageError
from emulator.formats import load_arrays, load_chip, load_network, save_network, write_atomic
from emulator.formats.files import read_whole
from emulator.formats.stimuli import read_npz
from emulator.testing.trials import AnyTrial, LimitTrial, MeshTrial, Trial
from emulator.traffic import PACKET_DTYPE

CASE = "case.json"
MAX_BYTES = 2**28
COLUMNS = tuple(PACKET_DTYPE.names or ())
KINDS: dict[str, type[Trial] | type[MeshTrial] | type[LimitTrial]] = {
    "run": Trial,
    "mesh": MeshTrial,
    "limit": LimitTrial,
}


@dataclass(frozen=True, eq=False)
class Saved:
    """What a folder holds."""

    law: str | None  # None: a failed test, which is no law of ours
    engine: str
    message: str
    trial: AnyTrial
    mapper: str | None = None  # module:function; None: ours


def save_trial(
    trial: AnyTrial,
    folder: str | PathLike[str],
    *,
    law: str | None,
    engine: str,
    message: str,
    mapper: str | None = None,
) -> list[str]:
    """Writes a trial; returns the commands that show it again, the shortest first."""
    place = Path(folder)
    _make(place)
    kind = next(name for name, one in KINDS.items() if isinstance(trial, one))
    case: dict[str, Any] = {"law": law, "engine": engine, "message": message, "kind": kind}
    if mapper is not None:
        case["mapper"] = mapper
    write_atomic(place / "chip.yaml", chip_yaml(trial.chip))
    commands = [] if law is None else [f"spikemesh verify {_quoted(place)}"]
    if isinstance(trial, MeshTrial):
        columns = {name: trial.packets[name] for name in COLUMNS}
        write_atomic(place / "packets.npz", _npz(columns))
        case["seed"] = trial.seed
    else:
        save_network(trial.network, place / "network.net")
        if trial.mapping:
            write_atomic(place / "cores.npz", _npz(trial.mapping))
        if isinstance(trial, Trial):
            case |= {"seed": trial.seed, "n_ticks": trial.n_ticks, "variant": trial.variant}
            commands += _run_files(trial, place)
        else:
            case |= {"limit": trial.limit, "fits": trial.fits}
            commands.append(_compile_command(place, bool(trial.mapping)))
    write_atomic(place / CASE, json.dumps(case, indent=2).encode() + b"\n")
    return commands


def _run_files(trial: Trial, place: Path) -> list[str]:
    """The input, and, where the network compiles, its program."""
    given = f" --stimulus {_quoted(place / 'stimulus.npz')}" if trial.stimulus else ""
    if trial.stimulus:
        write_atomic(place / "stimulus.npz", _npz(trial.stimulus))
    seed = f" --seed {trial.seed}" if trial.seed else ""
    command = (
        f"spikemesh run {_quoted(place / 'case.prog')} --ticks {trial.n_ticks}{given}{seed} "
        f"-o {_quoted(place / 'case.rec')}"
    )
    try:
        program = compile_network(trial.network, trial.chip, mapping=trial.mapping or None, effort="fast")
    except EmulatorError:
        return [_compile_command(place, bool(trial.mapping)), command]
    program.save(place / "case.prog")
    return [command]


def _compile_command(place: Path, mapped: bool) -> str:
    mapping = f" --mapping {_quoted(place / 'cores.npz')}" if mapped else ""
    files = f"{_quoted(place / 'network.net')} --chip {_quoted(place / 'chip.yaml')}{mapping}"
    return f"spikemesh compile {files} -o {_quoted(place / 'case.prog')}"


def load_trial(folder: str | PathLike[str]) -> Saved:
    """Reads what `save_trial` wrote. Raises ImageError."""
    place = Path(folder)
    named = place / CASE
    try:
        case = json.loads(read_whole(named, MAX_BYTES))
        kind = KINDS[case["kind"]]
        chip = load_chip(str(place / "chip.yaml"))
        if kind is MeshTrial:
            trial: AnyTrial = MeshTrial(chip, _packets(place), int(case["seed"]))
        elif kind is LimitTrial:
            network, mapping = _network(place)
            trial = LimitTrial(chip, network, mapping, str(case["limit"]), bool(case["fits"]))
        else:
            network, mapping = _network(place)
            rest = int(case["seed"]), dict(case["variant"])
            trial = Trial(chip, network, mapping, int(case["n_ticks"]), _stimulus(place), *rest)
        mapper = str(case["mapper"]) if "mapper" in case else None
        return Saved(case["law"], str(case["engine"]), str(case["message"]), trial, mapper)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageError(
            f"{named}: not what `spikemesh verify` writes ({type(error).__name__}: {error}): let it write "
            "the folder again"
        ) from error


def chip_yaml(chip: ChipSpec) -> bytes:
    """A chip file that gives every value and inherits none."""
    return str(yaml.safe_dump(chip.to_dict(), sort_keys=False, allow_unicode=True)).encode()


def _make(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise ImageError(f"{place}: the folder cannot be made: {reason}: choose another one") from error


def _network(place: Path) -> tuple[Any, dict[str, Any]]:
    cores = place / "cores.npz"
    return load_network(place / "network.net"), load_arrays(cores) if cores.exists() else {}


def _stimulus(place: Path) -> dict[str, Any]:
    path = place / "stimulus.npz"
    return read_npz(read_whole(path, MAX_BYTES), str(path)) if path.exists() else {}


def _packets(place: Path) -> Any:
    columns = load_arrays(place / "packets.npz")
    packets = np.zeros(len(columns["src"]), dtype=PACKET_DTYPE)
    for name in COLUMNS:
        packets[name] = columns[name]
    return packets


def _npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
