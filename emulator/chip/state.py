"""What the registers of a compartment can hold between two ticks: dtypes, shapes, ranges."""

from __future__ import annotations

from typing import NamedTuple

from emulator import arith
from emulator.chip.crossbar import AnyImage, CrossbarImage
from emulator.chip.spec import ChipSpec

STATE_LIMIT = 1 << (arith.STATE_BITS - 1)
INPUT_LIMIT = 1 << (arith.INPUT_BITS - 1)
WIDE_LIMIT = 1 << (arith.WIDE_BITS - 1)
POTENTIAL_LIMIT = 1 << 19  # of a TrueNorth neuron
FREE_POTENTIAL_LIMIT = 1 << 51  # of one without limits: what is added in a tick leads nowhere near 1 << 52
SUM_LIMIT = 1 << 53  # 2**31 synapses of the largest weight stay below it; far from the end of int64


class Table(NamedTuple):
    """One array of a `State`, for one sample."""

    dtype: str
    shape: tuple[int, ...]
    low: int
    high: int


def state_dtype(image: AnyImage, chip: ChipSpec) -> str:
    """dtype of `State.u`, `.v` and `.pending`, and of probed values: "int32", or "int64" where a policy
    must not lose what the chip's registers do, or an exponent acts on the sum of a tick. Of a crossbar image
    it is that of `.v`."""
    if isinstance(image, CrossbarImage):
        return "int32" if chip.arithmetic.variant == "chip" else "int64"
    return "int64" if chip.arithmetic.overflow != "chip" or len(image.planes) > 1 else "int32"


def state_tables(image: AnyImage, chip: ChipSpec) -> dict[str, Table]:
    """The arrays of a `State` by name; what engines return lies within, and what they are given must."""
    if isinstance(image, CrossbarImage):
        return _crossbar_tables(image, chip)
    overflow, dtype = chip.arithmetic.overflow, state_dtype(image, chip)
    n_slots, n_sums = image.n_slots, len(image.planes) * image.n_slots
    u_limit = WIDE_LIMIT if overflow in ("lava", "unbounded") else STATE_LIMIT
    v_limit = WIDE_LIMIT if overflow == "unbounded" else STATE_LIMIT
    sum_limit = SUM_LIMIT if dtype == "int64" else INPUT_LIMIT
    return {
        "u": Table(dtype, (n_slots,), -u_limit, u_limit - 1),
        "v": Table(dtype, (n_slots,), -v_limit, v_limit - 1),
        "refractory": Table("int32", (n_slots,), 0, arith.REFRACTORY_MAX),
        "pending": Table(dtype, (image.max_delay_ticks, n_sums), -sum_limit, sum_limit - 1),
    }


def _crossbar_tables(image: CrossbarImage, chip: ChipSpec) -> dict[str, Table]:
    """Neurons have neither u nor a refractory counter; pending is 1 where a spike is due at an axon."""
    dtype = state_dtype(image, chip)
    limit = POTENTIAL_LIMIT if dtype == "int32" else FREE_POTENTIAL_LIMIT
    return {
        "u": Table(dtype, (0,), 0, 0),
        "v": Table(dtype, (image.n_slots,), -limit, limit - 1),
        "refractory": Table("int32", (0,), 0, 0),
        "pending": Table("uint8", (image.max_delay_ticks, image.n_axons), 0, 1),
    }
