"""ChipSpec: what exists. Mesh, cores, limits, formats, latencies and prices of a chip, validated.

A description that is accepted can be run: ranges are those of `groups`, what joins several keys is in
`rules`, and every violation is reported at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from emulator.chip.faults import grid_of
from emulator.chip.grid import Grid
from emulator.chip.groups import (
    STRICT,
    Arithmetic,
    BarrierTable,
    Cores,
    EnergyPj,
    HostPort,
    LatencyPs,
    Limits,
    Mesh,
    Mw,
    SynapseFormat,
    TickPs,
)
from emulator.chip.routing import Routing, make_routing
from emulator.chip.rules import broken_rules
from emulator.chip.violation import InvalidChip, Path, Violation, group_of, shown, violation
from emulator.errors import SpecError


class Parameter(NamedTuple):
    """One value of a chip, for people to read."""

    path: str  # dotted
    value: Any  # None: a limit that is lifted, a group that is not given
    meaning: str  # with the unit


class ChipSpec(BaseModel):
    """A chip, or a board of several equal ones with one mesh over all.

    Frozen; construction raises SpecError with every violation at once.
    """

    model_config = STRICT
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] = Field(
        description="name of the chip: letters, digits, dot, dash, underscore"
    )
    description: Annotated[str, Field(min_length=1, max_length=4000)] = Field(description="what chip this is")
    real_chip: bool = Field(description="whether silicon with these limits exists")
    mesh: Mesh = Field(description="grid of routers")
    cores: Cores = Field(description="cores of a tile")
    host_port: HostPort = Field(description="where the host's spikes enter and leave")
    domain: Literal["barrier", "fixed"] = Field(
        description="when a tick ends, barrier: all cores done, mesh empty, barrier passed; fixed: tick_ps "
        "after it began, and work that is not done by then is an overrun"
    )
    tick_ps: TickPs | None = Field(
        default=None, description="duration of a tick in domain fixed, ps; null in domain barrier"
    )
    barrier_ps: BarrierTable | None = Field(
        default=None,
        description="barrier by number of tiles with a compartment, ps; the largest entry not above counts; "
        "null in domain fixed",
    )
    limits: Limits = Field(description="what one core holds")
    synapse_format: SynapseFormat | None = Field(
        default=None, description="packing of synaptic memory; null for truenorth cores, which have crossbars"
    )
    arithmetic: Arithmetic = Field(description="policies of the integer arithmetic")
    latency_ps: LatencyPs = Field(description="time of events, ps")
    energy_pj: EnergyPj = Field(description="price of events, pJ")
    static_power_mw: Mw = Field(description="power of one chip at rest, mW; a board has it once per chip")
    _given_routes: bytes | None = PrivateAttr(default=None)  # see `make_routing`

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[ChipSpec]) -> ChipSpec:
        found: list[Violation] = []
        try:
            chip = handler(data)
        except ValidationError as error:
            found += (violation(cls, detail) for detail in error.errors(include_url=False))
        else:
            data = dict(chip)
        found += broken_rules(data, {finding.path for finding in found})
        if found:
            name = data.get("name") if isinstance(data, Mapping) else None
            raise InvalidChip(tuple(found), name if isinstance(name, str) else None)
        return chip

    @property
    def n_tiles(self) -> int:
        return self.mesh.width * self.mesh.height

    @property
    def n_cores(self) -> int:
        return self.n_tiles * self.cores.per_tile

    @property
    def chip_size(self) -> tuple[int, int]:
        """Width and height of one chip, in tiles."""
        part = self.mesh.chip
        return (part.width, part.height) if part else (self.mesh.width, self.mesh.height)

    @property
    def n_chips(self) -> int:
        """Chips of the board; 1 unless the mesh is cut into several."""
        width, height = self.chip_size
        return self.n_tiles // (width * height)

    @property
    def n_ports(self) -> int:
        """Ports of a router: E, W, N, S and one per core of its tile."""
        return 4 + self.cores.per_tile

    @property
    def grid(self) -> Grid:
        """Tiles and links of the mesh."""
        return grid_of(self.mesh.width, self.mesh.height, self.mesh.faults)

    @property
    def routing(self) -> Routing:
        """The ways through the mesh."""
        return make_routing(self.mesh.routing, self.grid, self._given_routes)

    @property
    def list_format(self) -> SynapseFormat:
        """Packing of synapse lists. Not for chips of crossbar cores, which have none."""
        assert self.synapse_format is not None, f"chip {self.name!r}: cores of model {self.cores.model!r}"
        return self.synapse_format

    @property
    def host_tile(self) -> int:
        """Tile id of the host port."""
        return self.host_port.y * self.mesh.width + self.host_port.x

    def coordinates(self, tile: int) -> tuple[int, int]:
        """(x, y) of a tile id."""
        y, x = divmod(tile, self.mesh.width)
        return x, y

    def tile_of(self, core_id: int) -> int:
        """Tile id of a physical core id."""
        return core_id // self.cores.per_tile

    def chip_of(self, tile: int) -> int:
        """Number of the chip that holds a tile: chips count from the south-west, row by row."""
        x, y = self.coordinates(tile)
        width, height = self.chip_size
        return y // height * (self.mesh.width // width) + x // width

    def barrier_of(self, n_tiles: int) -> int:
        """Barrier in ps when `n_tiles` >= 1 tiles hold a compartment; 0 in domain fixed, which has none."""
        if n_tiles < 1:
            raise SpecError(
                f"chip {self.name!r}: barrier over {n_tiles} tiles, at least 1 must hold a compartment"
            )
        if self.barrier_ps is None:
            return 0
        return self.barrier_ps[max(entry for entry in self.barrier_ps if entry <= n_tiles)]

    def delay_limit(self, n_compartments: int) -> int | None:
        """Longest delay in ticks of a core with `n_compartments` >= 1; None: lifted."""
        bounds = [self.limits.delay_ticks]
        if self.limits.delay_slots is not None:
            bounds.append(self.limits.delay_slots // n_compartments)
        return min((bound for bound in bounds if bound is not None), default=None)

    def replace(self, changes: Mapping[str, Any]) -> ChipSpec:
        """A changed copy, validated again. Keys are dotted paths: `{"mesh.hop_ps.ew": 4100}`.

        The value of a group is a table of changes to it; `barrier_ps` is replaced whole, or entry by
        entry with `"barrier_ps.4"`.
        """
        data = self.to_dict()
        nested, found = _nested(changes, data)
        try:
            chip = ChipSpec.model_validate(merged(data, nested))
        except InvalidChip as error:
            found += error.violations
        if found:
            raise InvalidChip(tuple(found), self.name)
        return chip

    def to_dict(self) -> dict[str, Any]:
        """Plain text, numbers, lists and tables with text keys; `from_dict` is the inverse."""
        data = self.model_dump(mode="python")
        if self.barrier_ps is not None:
            data["barrier_ps"] = {str(n_tiles): ps for n_tiles, ps in self.barrier_ps.items()}
        for group in (data["synapse_format"], data["mesh"]["faults"]):
            if group is not None:
                group.update({key: list(value) for key, value in group.items() if isinstance(value, tuple)})
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ChipSpec:
        """The chip a plain table describes."""
        return cls.model_validate(dict(data) if isinstance(data, Mapping) else data)

    @property
    def digest(self) -> str:
        """BLAKE2 of every value: two chips with the same digest do and cost the same."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.blake2b(text.encode() + (self._given_routes or b""), digest_size=32).hexdigest()

    def parameters(self) -> tuple[Parameter, ...]:
        """Every value with its path and meaning, in declaration order."""
        return tuple(_parameters(self, ()))

    def __repr__(self) -> str:
        chips = f" on {self.n_chips} chips" if self.n_chips > 1 else ""
        return (
            f"<ChipSpec {self.name!r}: {self.mesh.width} x {self.mesh.height} tiles{chips}, "
            f"{self.cores.per_tile} cores each>"
        )

    __str__ = __repr__

    def __hash__(self) -> int:
        # pydantic would hash the barrier table, which is a dict; equal chips have equal names
        return hash(self.name)


def _parameters(group: BaseModel, above: Path) -> Iterator[Parameter]:
    """The values of a group and of those in it; a group that is not given is one value, None."""
    for key, field in type(group).model_fields.items():
        value = getattr(group, key)
        if isinstance(value, BaseModel):
            yield from _parameters(value, (*above, key))
        else:
            yield Parameter(".".join((*above, key)), value, field.description or "")


def merged(
    parent: Mapping[str, Any], child: Mapping[str, Any], model: type[BaseModel] = ChipSpec
) -> dict[str, Any]:
    """`parent` with the values of `child` over it, group by group; lists and tables are replaced whole."""
    out = dict(parent)
    for key, value in child.items():
        group = group_of(model, key)
        below = out.get(key)
        if group and isinstance(value, Mapping) and isinstance(below, Mapping):
            value = merged(below, value, group)
        out[key] = value
    return out


def _nested(changes: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
    """Dotted changes as a tree. A branch starts from what `data` holds: tables keep their other entries."""
    tree: dict[str, Any] = {}
    found: list[Violation] = []
    for dotted, value in changes.items():
        if not isinstance(dotted, str):
            found.append(Violation((), f"{shown(dotted)} is no key: give a dotted path such as 'mesh.width'"))
            continue
        path = tuple(dotted.split("."))
        whole = next((".".join(path[:n]) for n in range(1, len(path)) if ".".join(path[:n]) in changes), None)
        if whole is not None:
            found.append(Violation(path, f"{whole!r} is given as a whole too: give one of the two"))
            continue
        branch: Any = tree
        existing: Any = data
        for key in path[:-1]:
            existing = existing.get(key, {})
            if existing is None:
                existing = {}  # a group or table that may be null, and is
            if not isinstance(existing, Mapping):
                found.append(
                    Violation(path, f"unknown key; {key!r} holds a value and has no keys of its own")
                )
                break
            if branch.get(key) is None:
                branch[key] = dict(existing)
            branch = branch[key]
        else:
            branch[path[-1]] = _plain(value)
    return tree, found


def _plain(value: Any) -> Any:
    """Numbers of numpy and groups of another chip as what a file would hold."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
