"""The groups of keys a chip description is made of: names, ranges, units and meanings.

Every time is an integer in ps. The upper bounds keep sums of times within int64. The descriptions are what
people read in `spikemesh chips NAME`, in error texts and in the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    WrapValidator,
)

from emulator import arith
from emulator.chip.estimate import cost_schema, plain_cost, read_cost

MAX_PS = 10**9  # 1 ms: 10**9 events of the longest latency still add up within int64
MAX_BARRIER_PS = 10**12  # 1 s
MAX_TICK_PS = 10**12  # the same
MAX_SIDE = 1024  # tiles along a side of the mesh
MAX_PER_TILE = 256
MAX_DEPTH = 2**20  # slots of one FIFO
MAX_COUNT = 2**31 - 1  # what the image numbers in 32 bits
MAX_BITS = 2**40
MAX_SLOTS = 2**16  # the image numbers the compartments of a core in 16 bits
MAX_PJ = 10**9  # 1 mJ
MAX_MW = 10**9

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _whole_attojoules(value: float) -> float:
    """Prices are summed as integer attojoules; a finer one could not be summed exactly."""
    if _n_decimals(value) > 6:
        raise ValueError(f"{value!r}, must not have more than 6 decimals (1e-6 pJ = 1 aJ)")
    return value


def _whole_microwatts(value: float) -> float:
    """1 uW for 1 ps is 1 aJ."""
    if _n_decimals(value) > 3:
        raise ValueError(f"{value!r}, must not have more than 3 decimals (1e-3 mW = 1 uW)")
    return value


def _n_decimals(value: float) -> int:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    assert isinstance(exponent, int), f"{value!r} passed as finite"
    return -exponent


def _ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    if any(low >= high for low, high in pairwise(values)):
        raise ValueError(f"{list(values)}, must be strictly ascending")
    return values


def _index_width(value: int) -> int:
    if 0 < value < 6:
        raise ValueError(f"{value}, must be 0 or in 6..12")
    return value


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_table(value: object) -> object:
    """Keys of a table as integers: files and containers spell them as text."""
    if not isinstance(value, Mapping):
        return value
    return {int(k) if re.fullmatch("[1-9][0-9]{0,9}", str(k)) else k: v for k, v in value.items()}


def _has_one(table: dict[int, int]) -> dict[int, int]:
    if 1 not in table:
        raise ValueError(f"entries for {sorted(table)} tiles, 1 tile must have one")
    return table


Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Bits = Annotated[int, Field(ge=0, le=4096)]
MeshPs = Annotated[int, Field(ge=1, le=MAX_PS)]
Ps = Annotated[int, Field(ge=0, le=MAX_PS)]
_COST = (WrapValidator(read_cost), PlainSerializer(plain_cost))
Pj = Annotated[
    float,
    Field(ge=0, le=MAX_PJ),
    AfterValidator(_whole_attojoules),
    *_COST,
    WithJsonSchema(cost_schema(MAX_PJ)),
]
Mw = Annotated[
    float,
    Field(ge=0, le=MAX_MW),
    AfterValidator(_whole_microwatts),
    *_COST,
    WithJsonSchema(cost_schema(MAX_MW)),
]
TickPs = Annotated[int, Field(ge=1, le=MAX_TICK_PS)]
BarrierTable = Annotated[
    dict[Annotated[int, Field(ge=1, le=MAX_COUNT)], Annotated[int, Field(ge=0, le=MAX_BARRIER_PS)]],
    BeforeValidator(_as_table),
    AfterValidator(_has_one),
    Field(json_schema_extra={"propertyNames": {"pattern": "^[1-9][0-9]*$"}, "required": ["1"]}),
]
WeightBits = Annotated[int, Field(ge=1, le=9)]
IndexBits = Annotated[int, Field(ge=0, le=12), AfterValidator(_index_width)]
Widths = (BeforeValidator(_as_tuple), Field(min_length=1, max_length=16), AfterValidator(_ascending))


class HopPs(BaseModel):
    """Grant at a router until the packet can be granted at the next one, ps."""

    model_config = STRICT
    ew: MeshPs = Field(description="hop east or west, ps")
    ns: MeshPs = Field(description="hop north or south, ps")


class ChipLink(BaseModel):
    """A link between two chips: what of it differs from a link within a chip.

    `cycle_ps` is the link's own recovery, so it holds between two grants of an output that leads to another
    chip. The input FIFO that feeds such an output keeps the router's cycle, `mesh.cycle_ps`: its next packet
    may go elsewhere meanwhile. Depth and credit of the FIFO behind the link are those of all others.

    With `merge` n, n neighbouring rows (to the north and south: columns) of a side of a chip share one serial
    link: rows 0 .. n - 1 of the chip, n .. 2 n - 1 and so on, the last group may be smaller. Each direction
    has links of its own. The outputs of a group then grant one packet per `cycle_ps` together. The group
    arbitrates as one, once in an instant: candidates are the heads, of any input FIFO of its routers, that
    want an output of the group, may be granted, and whose FIFO on the other chip has a free slot. The mesh's
    arbiter chooses among them all by (row in the group, port): `round_robin` with one pointer per group, from
    the first port of its first row on; `fixed`: the first; `oldest`: the smallest push instant, of equal ones
    the first. A head, or a branch of it, wants one output, so a group never takes what another could grant.
    """

    model_config = STRICT
    hop_ps: HopPs = Field(description="time of a hop to another chip by axis, in place of mesh.hop_ps, ps")
    cycle_ps: MeshPs = Field(description="least time between two grants of an output to another chip, ps")
    merge: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(
        default=1,
        description="neighbouring rows (or columns) of a side of a chip that share one serial link, with one "
        "grant per cycle_ps among them; 1: each has its own",
    )


class ChipTiles(BaseModel):
    """One chip of a board. Chips are numbered as tiles are: from the south-west, row by row."""

    model_config = STRICT
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(
        description="tiles of one chip from west to east; divides mesh.width"
    )
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(
        description="tiles of one chip from south to north; divides mesh.height"
    )
    link: ChipLink = Field(description="link between tiles of two chips")


Column = Annotated[int, Field(ge=0, lt=MAX_SIDE)]


class Router(BaseModel):
    """The router of a tile."""

    model_config = STRICT
    x: Column = Field(description="column of the tile, from 0 in the west")
    y: Column = Field(description="row of the tile, from 0 in the south")

    def __str__(self) -> str:
        return f"({self.x}, {self.y})"

    __repr__ = __str__


class DirectedLink(Router):
    """The link that leaves a tile on one side."""

    side: Literal["E", "W", "N", "S"] = Field(description="side of the tile that the link leaves")

    def __str__(self) -> str:
        return f"({self.x}, {self.y}) {self.side}"

    __repr__ = __str__


class LossyLink(DirectedLink):
    """A link that loses packets now and then."""

    probability: Annotated[float, Field(ge=0, le=1)] = Field(
        description="share of the packets that it loses, in steps of 2**-32"
    )

    def __str__(self) -> str:
        return f"({self.x}, {self.y}) {self.side}"

    __repr__ = __str__


class Faults(BaseModel):
    """What of a chip is broken. A dead router takes its links and the cores of its tile with it."""

    model_config = STRICT
    policy: Literal["block", "drop"] = Field(
        default="block",
        description="packets without a way, block: what would send them is refused; drop: they are dropped "
        "at their source, and counted",
    )
    links: Annotated[tuple[DirectedLink, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="dead links, each in one direction"
    )
    routers: Annotated[tuple[Router, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="dead routers"
    )
    cores: Annotated[tuple[Annotated[int, Field(ge=0, le=MAX_COUNT)], ...], BeforeValidator(_as_tuple)] = (
        Field(default=(), description="ids of dead cores")
    )
    lossy: Annotated[tuple[LossyLink, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="links that lose packets, each in one direction"
    )


class Mesh(BaseModel):
    """Grid of routers, one per tile; x grows east, y grows north, tile id = y * width + x."""

    model_config = STRICT
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(description="tiles from west to east")
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(description="tiles from south to north")
    fifo_depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] = Field(
        description="slots of each input FIFO of a router, its cores' ports included"
    )
    intake_depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] = Field(
        description="slots of a core's intake FIFO"
    )
    arbiter: Literal["round_robin", "fixed", "oldest"] = Field(
        description="how an output chooses among the packets that wait for it"
    )
    routing: Literal["xy", "yx", "west_first", "table"] = Field(
        description="way through the mesh, xy: first along x, then along y; yx: first along y; west_first: "
        "along x first where that is west, else along y; table: by tile and destination, around what is dead"
    )
    multicast: Literal["none", "tree"] = Field(
        description="none: one packet per target core; tree: one packet per spike, copied where its ways "
        "along x, then y part"
    )
    hop_ps: HopPs = Field(description="time of a hop by axis, ps")
    inject_ps: MeshPs = Field(description="push by a core or the host until the packet can be granted, ps")
    eject_ps: MeshPs = Field(description="grant to a core until the packet is in its intake FIFO, ps")
    cycle_ps: MeshPs = Field(
        description="least time between two grants of one output (to another chip: that of chip.link) or "
        "from one input FIFO, ps"
    )
    credit_ps: MeshPs = Field(description="release of a FIFO slot until it can be taken again, ps")
    chip: ChipTiles | None = Field(
        default=None, description="how the mesh is cut into the chips of a board; null: it is one chip"
    )
    faults: Faults | None = Field(default=None, description="what is broken; null: nothing")


class Cores(BaseModel):
    """Cores of a tile; core id = tile id * per_tile + core in tile."""

    model_config = STRICT
    per_tile: Annotated[int, Field(ge=1, le=MAX_PER_TILE)] = Field(description="cores that share a router")
    model: Literal["cuba", "truenorth"] = Field(
        default="cuba",
        description="cuba: compartments with currents, axons with lists of synapses (Loihi); truenorth: "
        "neurons on a crossbar of one-bit synapses",
    )


class HostPort(BaseModel):
    """Where the host's spikes enter and leave the mesh."""

    model_config = STRICT
    x: Annotated[int, Field(ge=0, lt=MAX_SIDE)] = Field(description="column of its tile, from 0 in the west")
    y: Annotated[int, Field(ge=0, lt=MAX_SIDE)] = Field(description="row of its tile, from 0 in the south")
    side: Literal["E", "W", "N", "S"] = Field(description="side of that tile, one without a neighbour")


class Limits(BaseModel):
    """What one core holds; null: lifted, only the emulator's own number ranges bind."""

    model_config = STRICT
    compartments: Annotated[int, Field(ge=1, le=MAX_SLOTS)] = Field(description="compartments per core")
    axons_in: Count | None = Field(
        description="axon-in entries per core, one per sender with a synapse there"
    )
    axons_out: Count | None = Field(description="axon-out entries per core, one per packet of a spike")
    synapse_memory_bits: Annotated[int, Field(ge=1, le=MAX_BITS)] | None = Field(
        description="synaptic memory per core, bits"
    )
    delay_ticks: Annotated[int, Field(ge=1, le=arith.DELAY_MAX)] | None = Field(
        description="longest synaptic delay, ticks"
    )
    delay_slots: Count | None = Field(
        description="input accumulators per core: n compartments can delay by delay_slots // n ticks"
    )
    compartment_configs: Count | None = Field(
        description="sets of decays, refractory time and clips per core"
    )
    threshold_configs: Count | None = Field(description="distinct firing thresholds per core")
    refractory_ticks: Annotated[int, Field(ge=1, le=arith.REFRACTORY_MAX)] | None = Field(
        description="longest refractory time, ticks"
    )


class SynapseFormat(BaseModel):
    """How a synapse list is packed into the synaptic memory of a core."""

    model_config = STRICT
    weight_bits: Annotated[tuple[WeightBits, ...], *Widths] = Field(
        description="widths in which a weight can be stored, bits, ascending; a width between takes the next"
    )
    index_bits: Annotated[tuple[IndexBits, ...], *Widths] = Field(
        description="widths in which a target can be stored, bits, ascending; 0: dense list, no index"
    )
    block_synapses: Annotated[int, Field(ge=1, le=4096)] = Field(
        description="most synapses of a block of a list"
    )
    block_header_bits: Bits = Field(description="bits a block adds to those of its synapses")
    word_bits: Annotated[int, Field(ge=1, le=4096)] = Field(
        description="a block is rounded up to words of it, bits"
    )
    tag_bits: Annotated[int, Field(ge=0, le=9)] = Field(description="bits of a synapse's tag")


class Arithmetic(BaseModel):
    """Named policies of the integer arithmetic."""

    model_config = STRICT
    overflow: Literal["chip", "lava", "unbounded", "strict"] = Field(
        default="chip",
        description="past a register's end, chip: u and input sum wrap at 24 and 22 bits, v is clipped "
        "(truenorth: v saturates at 20 bits with each addition); lava: u wraps by one turn, v is clipped; "
        "unbounded: nothing does; strict: the run fails",
    )
    variant: Literal["chip", "ranc"] = Field(
        default="chip",
        description="of truenorth cores, chip: parameters and v as on silicon; ranc: as the simulator RANC, "
        "without limits on their values",
    )
    neuron_reset_type: Annotated[int, Field(ge=0, le=1)] = Field(
        default=0,
        description="of truenorth cores, negative side acts, 0: below -beta; 1 (only with variant ranc): at "
        "-beta too",
    )


class LatencyPs(BaseModel):
    """Time an event keeps its pipeline busy, ps."""

    model_config = STRICT
    update_inactive: Ps = Field(description="update of a compartment with nothing to do, ps")
    update_active: Ps = Field(description="update of a compartment with input or non-zero state, ps")
    spike: Ps = Field(description="a compartment fires, ps on top of its update")
    send: Ps = Field(description="packet sent, one per axon-out entry, ps")
    receive: Ps = Field(description="packet looked up by the target core, ps")
    synaptic_op_dense: Ps = Field(description="synapse walked in a dense list or a row of a crossbar, ps")
    synaptic_op_sparse: Ps = Field(description="synapse walked in a sparse list, ps")


class EnergyPj(BaseModel):
    """Price of an event, pJ: a number, or value, low and high where it is known within a range."""

    model_config = STRICT
    update_inactive: Pj = Field(description="update of a compartment with nothing to do, pJ")
    update_active: Pj = Field(description="update of a compartment with input or non-zero state, pJ")
    spike: Pj = Field(description="a compartment fires, pJ on top of its update")
    send: Pj = Field(description="packet sent, one per axon-out entry, pJ")
    receive: Pj = Field(description="packet looked up by the target core, pJ")
    synaptic_op_dense: Pj = Field(description="synapse walked in a dense list or a row of a crossbar, pJ")
    synaptic_op_sparse: Pj = Field(description="synapse walked in a sparse list, pJ")
    hop_ew: Pj = Field(description="packet moved one tile east or west, pJ")
    hop_ns: Pj = Field(description="packet moved one tile north or south, pJ")
    hop_chip: Pj = Field(default=0.0, description="packet moved to another chip, pJ on top of its hop")
