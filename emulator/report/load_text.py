"""A load curve as text and as plain numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emulator.report.tables import facts_text, sections, table_text
from emulator.report.units import number, percent, seconds

if TYPE_CHECKING:
    from emulator.engine.load_curve import LoadCurve, LoadPoint

HEADER = (
    "offered",
    "of ideal",
    "accepted",
    "latency",
    "source queue",
    "network",
    "zero load",
    "queueing",
    "99 %",
)


def load_numbers(curve: LoadCurve) -> dict[str, Any]:
    """The curve as plain values; rates in packets per tile and slot, times in ps."""
    return asdict(curve)


def load_text(curve: LoadCurve) -> str:
    """Where the mesh saturates, and a row per offered rate."""
    where = f"{curve.pattern} on {curve.chip}, {curve.width} x {curve.height} tiles"
    windows = f"{number(curve.warmup_slots)} slots of warm-up, {number(curve.measure_slots)} measured"
    facts = [
        ("slot", f"{seconds(curve.cycle_ps)}, the mesh's cycle; rates are packets per tile and slot"),
        ("ideal saturation", f"{curve.ideal_saturation:.4g}, with perfect routers"),
        ("saturation", saturation_line(curve)),
    ]
    rows = [_row(point, curve.ideal_saturation) for point in curve.points]
    unstable = any(not point.stable for point in curve.points)
    note = "A rate without latencies is more than the mesh takes: its queues grow." if unstable else ""
    return sections(
        facts_text(f"{where}: {windows}", facts),
        table_text("Latency from ready to arrival, means of the packets measured", HEADER, rows),
        note,
    )


def saturation_line(curve: LoadCurve) -> str:
    """The saturation point in words."""
    if curve.saturation_rate is None:
        return "not searched for"
    share = percent(curve.saturation_rate / curve.ideal_saturation)
    return f"{curve.saturation_rate:.4g}, {share} of the ideal"


def _row(point: LoadPoint, ideal: float) -> tuple[str, ...]:
    times = (point.latency_ps, point.source_ps, point.network_ps, point.zero_load_ps, point.queueing_ps)
    return (
        f"{point.offered_rate:.4g}",
        percent(point.offered_rate / ideal),
        f"{point.accepted_rate:.4g}",
        *(seconds(time) for time in (*times, point.latency_p99_ps)),
    )
