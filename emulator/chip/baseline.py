"""BaselineSpec: a clocked machine that a chip is held against. What it pays for an operation, an instruction
and a byte from each of its memories.

It is no ChipSpec: nothing runs on it. `emulator.clocked` counts what it does for a network. A cost is a
number, or a list [low, typical, high] where sources disagree; totals then carry the range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from emulator.chip.groups import MAX_PJ, STRICT
from emulator.chip.violation import InvalidChip, Violation, shown, violation

LOW, TYPICAL, HIGH = range(3)
"""Places in a range."""

MAX_BYTES = 2**50
PLACES = ("near", "far", "off_chip")
"""Memories, from the operation outwards."""


def _as_range(value: object) -> object:
    """A number is a range of its own; lists of files are tuples."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (value, value, value)
    return tuple(value) if isinstance(value, list) else value


def _ordered(values: tuple[float, float, float]) -> tuple[float, float, float]:
    if not values[LOW] <= values[TYPICAL] <= values[HIGH]:
        raise ValueError(f"{list(values)}, must be [low, typical, high], ascending")
    return values


_Cost = Annotated[float, Field(ge=0, le=MAX_PJ)]
Range = Annotated[tuple[_Cost, _Cost, _Cost], BeforeValidator(_as_range), AfterValidator(_ordered)]
_Width = Annotated[int, Field(ge=1, le=64)]


class Memory(BaseModel):
    """One of the memories of the machine."""

    model_config = STRICT
    capacity_bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)] | None = Field(
        description="what of it a network may take, bytes; null: no limit"
    )
    pj_per_byte: Range = Field(description="byte read or written, pJ")


class Memories(BaseModel):
    """Memories, from the operation outwards."""

    model_config = STRICT
    near: Memory = Field(
        description="beside the arithmetic: a first cache, a register file, a core's own SRAM"
    )
    far: Memory = Field(description="on the chip, away from the arithmetic")
    off_chip: Memory = Field(description="on chips of its own")


class OperationPj(BaseModel):
    """Arithmetic, pJ."""

    model_config = STRICT
    multiply: Range = Field(description="weight times activation, pJ")
    accumulate: Range = Field(description="the product added to its sum, pJ")
    update_multiply: Range = Field(description="multiplication of a neuron's update, pJ")
    update_add: Range = Field(description="addition or comparison of a neuron's update, pJ")


class Widths(BaseModel):
    """Bytes of a value."""

    model_config = STRICT
    weight: _Width = Field(description="stored weight, bytes")
    index: _Width = Field(description="index of a weight in a sparse matrix, bytes")
    activation: _Width = Field(description="output of a neuron or input, bytes")
    state: _Width = Field(description="variable of a neuron, and sum of its inputs, bytes")


class BaselineSpec(BaseModel):
    """A clocked machine. Frozen; construction raises SpecError with every violation at once."""

    model_config = STRICT
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] = Field(
        description="name of the machine: letters, digits, dot, dash, underscore"
    )
    description: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="which machine it stands for"
    )
    node_nm: Annotated[float, Field(gt=0, le=10_000)] = Field(description="process that the costs are of, nm")
    weights: Literal["near", "far", "off_chip"] = Field(description="memory that holds the weights")
    sparse: bool = Field(description="whether a matrix may be stored and walked sparse where that is smaller")
    max_batch: Annotated[int, Field(ge=1, le=2**20)] = Field(
        description="most samples that share one reading of the weights"
    )
    operations_per_instruction: Annotated[int, Field(ge=1, le=2**20)] = Field(
        description="multiply-accumulates, or operations of updates, of one instruction"
    )
    instruction_pj: Range = Field(description="fetch, decode and control of an instruction, pJ")
    operation_pj: OperationPj = Field(description="arithmetic, pJ")
    memory: Memories = Field(description="memories, from the operation outwards")
    width_bytes: Widths = Field(description="widths of values, bytes")

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[BaselineSpec]) -> BaselineSpec:
        try:
            return handler(data)
        except ValidationError as error:
            found = tuple(violation(cls, detail) for detail in error.errors(include_url=False))
            name = data.get("name") if isinstance(data, Mapping) else None
            raise InvalidChip(found, name if isinstance(name, str) else None, kind="baseline") from None

    def memory_at(self, place: str) -> Memory:
        """The memory of that place, one of PLACES."""
        found: Memory = getattr(self.memory, place)
        return found

    def replace(self, changes: Mapping[str, Any]) -> BaselineSpec:
        """A changed copy, validated again. Keys are dotted paths: `{"memory.far.pj_per_byte": 12.5}`."""
        data, found = self.to_dict(), []
        for dotted, value in changes.items():
            *above, last = str(dotted).split(".")
            group: Any = data
            for key in above:
                group = group.get(key) if isinstance(group, dict) else None
            if not isinstance(group, dict):
                found.append(
                    Violation(tuple(str(dotted).split(".")), f"{shown(value)} for a key of no group")
                )
                continue
            group[last] = list(value) if isinstance(value, tuple) else value
        if found:
            raise InvalidChip(tuple(found), self.name, kind="baseline")
        return BaselineSpec.model_validate(data)

    def scaled(self, factor: float) -> BaselineSpec:
        """The machine with all that is spent on its chip times `factor`, as on another process: a guess, as
        wires, SRAM and logic shrink at different rates. Memory off the chip stays."""
        paths = [f"operation_pj.{key}" for key in OperationPj.model_fields]
        paths += ["instruction_pj", *(f"memory.{place}.pj_per_byte" for place in PLACES[:-1])]
        return self.replace({path: [factor * cost for cost in self.cost(path)] for path in paths})

    def cost(self, path: str) -> tuple[float, float, float]:
        """The range of a dotted path."""
        value: Any = self
        for key in path.split("."):
            value = getattr(value, key)
        low, typical, high = value
        return low, typical, high

    def costs(self) -> dict[str, tuple[float, float, float]]:
        """Every range by its dotted path."""
        paths = ["instruction_pj", *(f"operation_pj.{key}" for key in OperationPj.model_fields)]
        paths += [f"memory.{place}.pj_per_byte" for place in PLACES]
        return {path: self.cost(path) for path in paths}

    def at(self, end: int) -> BaselineSpec:
        """The machine with every cost at LOW, TYPICAL or HIGH."""
        return self.replace({path: cost[end] for path, cost in self.costs().items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain text, numbers, lists and tables; `from_dict` is the inverse."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BaselineSpec:
        """The machine that a plain table describes."""
        return cls.model_validate(dict(data) if isinstance(data, Mapping) else data)

    def __repr__(self) -> str:
        return f"<BaselineSpec {self.name!r}: weights {self.weights}, {self.node_nm:g} nm>"

    __str__ = __repr__
