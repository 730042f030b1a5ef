"""What a failed test ran, found in the variables of its functions, as files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from emulator.chip.spec import ChipSpec
from emulator.errors import EmulatorError
from emulator.formats import write_atomic
from emulator.network import Network
from emulator.testing.saved import chip_yaml, save_trial
from emulator.testing.strategies import Case
from emulator.testing.trials import AnyTrial, LimitTrial, MeshTrial, Trial, size_text
from emulator.traffic import PACKET_DTYPE

Variables = dict[str, Any]
N_TICKS = 10  # of a run whose test does not say


def save_failure(error: BaseException, test_file: Path, test: str, folder: Path) -> list[str]:
    """Saves what a failed test ran below `folder`; returns what to tell, or nothing if it ran no chip.

    Hypothesis tries the smallest counterexample last, so that its values are those in the traceback.
    """
    trial: AnyTrial | ChipSpec | None = None
    for variables in _variables(error, test_file):
        trial = _trial_in(variables) or trial
    if trial is None:
        return []
    place = folder / re.sub(r"[^A-Za-z0-9_.-]+", "-", test.replace(".py::", "-")).strip("-")[-150:]
    shown = os.path.relpath(place)
    try:
        if isinstance(trial, ChipSpec):
            place.mkdir(parents=True, exist_ok=True)
            write_atomic(place / "chip.yaml", chip_yaml(trial))
            return [
                f"the chip of this test is in {shown}/chip.yaml; see it with",
                f"  {_chips_command(shown)}",
            ]
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        commands = save_trial(trial, Path(shown), law=None, engine="native", message=message)
    except (EmulatorError, OSError) as problem:
        return [f"what this test ran could not be saved: {problem}"]
    lines = [
        f"what this test ran ({size_text(trial.size)}) is in {shown}" + ("; again with" if commands else "")
    ]
    return lines + [f"  {command}" for command in commands]


def _chips_command(folder: str) -> str:
    return f"spikemesh chips {folder}/chip.yaml"


def _variables(error: BaseException, test_file: Path) -> Iterator[Variables]:
    """Variables of the functions of the test's file that the error came through, outermost first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    step = error.__traceback__
    while step is not None:
        frame: FrameType = step.tb_frame
        if Path(frame.f_code.co_filename) == test_file:
            yield frame.f_locals
        step = step.tb_next


def _trial_in(variables: Variables) -> AnyTrial | ChipSpec | None:
    """The whole of what was run, or as much as there is."""
    whole = _first(variables, (Trial, MeshTrial, LimitTrial))
    if whole is not None:
        return whole  # type: ignore[no-any-return]
    case = _first(variables, (Case,))
    if case is not None:
        return Trial(case.chip, case.network, case.mapping, case.n_ticks, case.stimulus, case.seed)
    chip, network = _first(variables, (ChipSpec,)), _first(variables, (Network,))
    if chip is None:
        return None
    if network is not None:
        return _run_in(variables, chip, network)
    for value in variables.values():
        if isinstance(value, np.ndarray) and value.dtype == PACKET_DTYPE:
            return MeshTrial(chip, value)
    return chip  # type: ignore[no-any-return]


def _first(variables: Variables, kinds: tuple[type, ...]) -> Any:
    return next((value for value in variables.values() if isinstance(value, kinds)), None)


def _run_in(variables: Variables, chip: ChipSpec, network: Network) -> Trial:
    """A run put together from a chip, a network, and the tables that fit the network's names."""
    inputs = {part.name: part.n for part in network.sources if part.generator is None}
    inputs |= {core.name: core.n_axons for core in network.cores}
    sizes = {population.name: population.n for population in network.populations}
    stimulus, mapping = {}, {}
    for value in variables.values():
        if not isinstance(value, dict) or not value:
            continue
        arrays = {name: np.asarray(array) for name, array in value.items() if name in inputs or name in sizes}
        if len(arrays) < len(value):
            continue
        if all(
            a.dtype == np.bool_ and a.ndim == 2 and a.shape[1] == inputs.get(k) for k, a in arrays.items()
        ):
            stimulus = arrays
        elif all(a.dtype.kind in "iu" and a.shape == (sizes.get(k),) for k, a in arrays.items()):
            mapping = {name: array.astype(np.int64) for name, array in arrays.items()}
    lengths = [len(raster) for raster in stimulus.values()]
    asked = variables.get("n_ticks")
    n_ticks = asked if isinstance(asked, int) else max(lengths, default=N_TICKS)
    seed = variables.get("seed")
    return Trial(chip, network, mapping, n_ticks, stimulus, seed if isinstance(seed, int) else 0)
