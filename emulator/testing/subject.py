"""The engine under test: one of ours, or any Python callable."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.compiler import compile as compile_network
from emulator.engine import MeshResult, Result, run_mesh
from emulator.engine import run as run_program
from emulator.engine.run import ENGINES
from emulator.engine.stimulus import build_drive
from emulator.errors import SimulationError
from emulator.program import Program
from emulator.record import Record, State
from emulator.testing.trials import MeshTrial, Trial

UserEngine = Callable[..., Any]
SHAPES = "(image, stimulus) or (image, stimulus, chip)"


class Unanswered(Exception):
    """The engine under test does not tell what a law asks for."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a run. An engine that tells spikes alone has no record."""

    spikes: NDArray[np.integer[Any]]  # [n, 2] row, slot; sorted
    result_or_none: Result | None

    @property
    def result(self) -> Result:
        if self.result_or_none is None:
            raise Unanswered("the engine returns spikes, no record")
        return self.result_or_none

    @property
    def record(self) -> Record:
        return self.result.record


@dataclasses.dataclass(frozen=True)
class Subject:
    """An engine by name ("native", "reference"), or a callable (image, stimulus[, chip]) -> Record or spikes.

    The callable gets the `Image` (or `CrossbarImage`), the `Drive` that says what to send in and for how many
    ticks, and, if it takes three arguments, the `ChipSpec`. It returns a `Record`, or only the spikes: an
    integer array [n, 2] of (tick, slot). Laws that need more than spikes are then left out.
    """

    engine: str | UserEngine = "native"
    mapper: Callable[..., Any] | None = None  # (network, chip) -> cores or Program; None: ours. See `mapper`.

    @property
    def name(self) -> str:
        if isinstance(self.engine, str):
            return self.engine
        return _name_of(self.engine)

    @property
    def mapper_name(self) -> str | None:
        """module:function of a mapper of one's own."""
        return None if self.mapper is None else _name_of(self.mapper)

    @property
    def is_ours(self) -> bool:
        return isinstance(self.engine, str)

    def run(
        self,
        program: Program,
        trial: Trial,
        *,
        ticks: slice = slice(None),
        state: State | None = None,
        timing: bool = True,
        threads: int = 1,
        batch: int | None = None,
    ) -> Answer:
        """Runs the ticks of a trial on a program of its network. batch: so many samples, each with the input
        of the trial a tick later than the one before."""
        stimulus = {name: raster[ticks] for name, raster in trial.stimulus.items()}
        if batch is not None:
            stimulus = {
                name: np.stack([np.roll(raster, sample, axis=0) for sample in range(batch)])
                for name, raster in stimulus.items()
            }
        n_ticks = len(range(trial.n_ticks)[ticks])
        if isinstance(self.engine, str):
            result = run_program(
                program,
                n_ticks,
                stimulus,
                engine=self.engine,
                timing=timing,
                threads=threads,
                state=state,
                seed=trial.seed,
                batch=batch,
            )
            return Answer(result.record.spikes, result)
        drive = build_drive(
            program, n_ticks, stimulus, batch=batch, state=state, timing=timing, seed=trial.seed
        )
        arguments = (program.image, drive, program.chip)[: _n_arguments(self.engine)]
        return _answer(self.engine(*arguments), program, self.name)

    def run_mesh(self, trial: MeshTrial) -> MeshResult:
        """Sends packets through the mesh alone, which only our engines can."""
        if not isinstance(self.engine, str):
            raise Unanswered("the engine runs images, no packets alone")
        return run_mesh(trial.chip, trial.packets, engine=self.engine, seed=trial.seed)


REFERENCE = Subject("reference")


def _name_of(function: UserEngine) -> str:
    """module:function."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{getattr(function, '__module__', '?')}:{name}"


def compiled(trial: Trial, **changes: Any) -> Program:
    """The program of a trial; changes: of its chip or mapping."""
    chip, mapping = changes.get("chip", trial.chip), changes.get("mapping", trial.mapping)
    return compile_network(trial.network, chip, mapping=mapping or None, effort="fast")


def load_engine(named: str) -> Subject:
    """The engine of a name, or of "module:function", which is looked for in the current folder, too."""
    if named in ENGINES:
        return Subject(named)
    choices = f"choose from {', '.join(ENGINES)}, or give module:function of your own"
    engine = _function("engine", named, choices)
    _n_arguments(engine)
    return Subject(engine)


def load_mapper(named: str) -> Callable[..., Any]:
    """The mapper of "module:function", which is looked for in the current folder, too."""
    mapper = _function("mapper", named, "give module:function of your own")
    signature = inspect.signature(mapper)
    try:
        signature.bind("network", "chip")
    except TypeError:
        raise SimulationError(f"mapper {named!r}: takes {signature}, expected (network, chip)") from None
    return mapper


def _function(what: str, named: str, choices: str) -> UserEngine:
    """The function of "module:function". Raises SimulationError."""
    module_name, colon, function_name = named.partition(":")
    if not (colon and module_name and function_name):
        raise SimulationError(f"{what} {named!r}: {choices}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise SimulationError(
            f"{what} {named!r}: module {module_name!r} cannot be imported ({error}): start in the folder of "
            f"{module_name.replace('.', '/')}.py, or put its folder on PYTHONPATH"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        found = [name for name, one in vars(module).items() if inspect.isfunction(one) and name[0] != "_"]
        listed = ", ".join(found) or "none"
        raise SimulationError(
            f"{what} {named!r}: {module_name!r} has no function {function_name!r}; it has {listed}"
        )
    return function  # type: ignore[no-any-return]


def _n_arguments(engine: UserEngine) -> int:
    """2 or 3: how many positional arguments a callable is given."""
    signature = inspect.signature(engine)
    for n in (3, 2):
        try:
            signature.bind(*range(n))
        except TypeError:
            continue
        return n
    raise SimulationError(f"engine {engine!r}: takes {signature}, expected {SHAPES}")


def _answer(returned: Any, program: Program, name: str) -> Answer:
    if isinstance(returned, Result):
        returned = returned.record
    if isinstance(returned, Record):
        return Answer(returned.spikes, Result(record=returned, program=program))
    spikes = np.asarray(returned)
    if spikes.size == 0:
        spikes = np.zeros((0, 2), dtype=np.int64)
    if spikes.dtype.kind not in "iu" or spikes.ndim != 2 or spikes.shape[1] != 2:
        raise SimulationError(
            f"engine {name} returned {type(returned).__name__} {spikes.dtype}{list(spikes.shape)}, expected "
            "a Record, or spikes as integers [n, 2] of (tick, slot)"
        )
    n_slots = program.image.n_slots
    if len(spikes) and not 0 <= spikes[:, 1].min() <= spikes[:, 1].max() < n_slots:
        raise SimulationError(f"engine {name} returned a spike of a slot outside 0..{n_slots - 1}")
    kept = spikes[program.image.slot_recorded[spikes[:, 1].astype(np.int64)] == 1].astype(np.int64)
    return Answer(kept[np.lexsort((kept[:, 1], kept[:, 0]))], None)
