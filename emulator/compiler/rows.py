"""Rows: the synapses of all projections as the compiled blocks walk them, without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.compiler.blocks import lists
from emulator.compiler.ir import QuantisedProjection


def table_of(projections: Sequence[QuantisedProjection], numbers: Sequence[Sequence[int]]) -> Any:
    """A `lists.Table` of the projections. numbers: what each projection calls each of its exponents."""
    segments = [
        (projection.first_sender, number, place, code)
        for place, (projection, of_codes) in enumerate(zip(projections, numbers, strict=True))
        for code, number in enumerate(of_codes)
    ]
    table = lists.Table()
    for first_sender, number, place, code in sorted(segments):
        projection = projections[place]
        table.add(
            first_sender,
            projection.first_target,
            number,
            projection.indptr,
            projection.target,
            projection.code,
            code,
            projection.mantissa,
            projection.delay_ticks,
        )
    return table


def plain_table_of(projections: Sequence[QuantisedProjection]) -> Any:
    """A `lists.Table` that tells no formats apart."""
    table = lists.Table()
    for projection in sorted(projections, key=lambda projection: projection.first_sender):
        table.add(projection.first_sender, projection.first_target, 0, projection.indptr, projection.target)
    return table
