"""Bench: what latency and throughput the mesh of a chip has under synthetic traffic, without cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.engine import load_curve, run_mesh
from emulator.engine.load_curve import MEASURE_SLOTS, WARMUP_SLOTS
from emulator.formats import load_chip
from emulator.report.load_text import load_numbers, load_text
from emulator.traffic import open_loop


@dataclass(frozen=True)
class Traffic:
    """What is offered to the mesh, and for how long."""

    pattern: str = "uniform"
    rates: Sequence[float] | None = None  # packets per tile and slot; None: up to saturation
    size: tuple[int, int] | None = None  # width and height of the mesh; None: the chip's
    fifo_depth: int | None = None  # None: the chip's
    warmup_slots: int = WARMUP_SLOTS
    measure_slots: int = MEASURE_SLOTS
    seed: int = 0


def mesh(
    traffic: Traffic,
    engine: str = "native",
    progress: Progress | None = None,
    *,
    chip: str = CHIP,
) -> Outcome:
    """Latency and accepted throughput against offered load, with the saturation point."""
    changes: dict[str, int] = {}
    if traffic.size is not None:
        changes |= {"mesh.width": traffic.size[0], "mesh.height": traffic.size[1]}
    if traffic.fifo_depth is not None:
        changes["mesh.fifo_depth"] = traffic.fifo_depth
    loaded = load_chip(chip).replace(changes)
    curve = load_curve(
        loaded,
        traffic.pattern,
        traffic.rates,
        warmup_slots=traffic.warmup_slots,
        measure_slots=traffic.measure_slots,
        seed=traffic.seed,
        engine=engine,
        progress=progress and partial(progress, f"{traffic.pattern} traffic"),
    )

    def draw() -> bytes:
        from emulator.report.load_picture import draw_load

        return draw_load(curve)

    def draw_links() -> bytes:
        from emulator.report.traffic_picture import draw_traffic

        rate = min(curve.saturation_rate or curve.ideal_saturation, curve.ideal_saturation)
        packets = open_loop(loaded, traffic.pattern, rate, traffic.measure_slots, seed=traffic.seed)
        return draw_traffic(run_mesh(loaded, packets, engine), f"{traffic.pattern} traffic at {rate:.3g}")

    pictures = (("load", draw), ("links", draw_links))
    return Outcome(load_numbers(curve), load_text(curve), {}, pictures)
