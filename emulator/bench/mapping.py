"""Bench: what is a mapping worth? Networks of the field, compiled in each way that there is.

Question: how many cores, packets and hops does a network take when cores are filled in neuron order and taken
row by row, when they are placed besides, and when neurons that talk to each other are kept together; and what
does finding that out take? Every program is proved to be its network. Packets and hops are those of every
neuron firing once; times are those of the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator.bench.mapping_networks import NETWORKS, network_of
from emulator.bench.mapping_text import left_out, outcome_text
from emulator.bench.metrics import connection_sparsity, footprint_bytes
from emulator.bench.outcome import CHIP, Outcome, Progress
from emulator.chip.faults import usable_cores
from emulator.compiler.compare import Way, compile_ways
from emulator.errors import CompileError
from emulator.formats import load_chip
from emulator.program import Program

MAPPED = ("lenet5", "reservoir", "ring", "sheet")


@dataclass(frozen=True)
class Task:
    """What is mapped, and how long to look."""

    networks: Sequence[str] = MAPPED
    effort: str = "default"
    seed: int = 0


def mapping(task: Task = Task(), progress: Progress | None = None, *, chip: str = CHIP) -> Outcome:
    """Compiles every network in every way. Raises CompileError naming all that is wrong with the task."""
    loaded = load_chip(chip)
    names = list(dict.fromkeys(task.networks))
    _check(names)
    rows, programs = [], {}
    for done, name in enumerate(names):
        title = NETWORKS[name].title

        def step(of_pass: str, part: int, parts: int, at: int = done, title: str = title) -> None:
            if progress is not None:
                progress(f"{title}: {of_pass}", at, len(names))

        step("making", 0, 1)
        network = network_of(NETWORKS[name].edges(), title)
        ways = compile_ways(network, loaded, seed=task.seed, effort=task.effort, progress=step)
        programs[name] = ways
        rows.append(
            {
                "network": name,
                "title": title,
                "n_neurons": network.populations[0].n,
                "n_synapses": network.projections[0].n_synapses,
                "connection_sparsity": connection_sparsity(network),
                "ways": [_way(one) for one in ways],
            }
        )
    numbers = {
        "bench": "mapping",
        "chip": loaded.name,
        "n_cores_chip": int(usable_cores(loaded).sum()),
        "effort": task.effort,
        "seed": task.seed,
        "networks": rows,
    }
    pictures = [("mapping", partial(_draw, numbers))]
    pictures += [(f"mapping-{name}", partial(_draw_maps, name, ways)) for name, ways in programs.items()]
    return Outcome(numbers, outcome_text(numbers), {}, tuple(pictures))


def _check(names: list[str]) -> None:
    known = ", ".join(f"{name} ({kind.about})" for name, kind in NETWORKS.items())
    problems = [f"network {name!r}: choose from {known}" for name in names if name not in NETWORKS]
    if not names:
        problems.append(f"networks: none given: choose from {known}")
    if problems:
        raise CompileError(problems)


def _way(way: Way) -> dict[str, Any]:
    """One way in plain numbers; what is not known of one that does not fit is None."""
    program = way.program
    stats: dict[str, Any] = {} if program is None else program.stats
    return {
        "way": way.name,
        "fits": program is not None,
        "chosen": way.chosen,
        "why_not": way.why,
        "n_cores": way.n_cores,
        **{name: stats.get(name) for name in ("packets", "local_packets", "spike_hops", "max_link")},
        "compile_s": way.seconds,
        "binding": stats.get("binding"),
        "cores_bound_by": None if program is None else _bound_by(program),
        "footprint": None if program is None else footprint_bytes(program),
        "placed_by": stats["placement"]["method"] if stats else None,
    }


def _bound_by(program: Program) -> dict[str, int]:
    """Resource -> cores in which it is the fullest."""
    return dict(Counter(program.stats["cores"]["binding"]).most_common())


def _draw(numbers: dict[str, Any]) -> bytes:
    from emulator.report.mapping_picture import draw_figures  # matplotlib only when it is needed

    return draw_figures(numbers)


def _draw_maps(name: str, ways: list[Way]) -> bytes:
    from emulator.report.mapping_picture import Panel, draw_ways

    panels = []
    for way in ways:
        cores = "" if way.n_cores is None else f" ({way.n_cores} cores)"
        title = f"{way.name}{', taken' if way.chosen else ''}{cores}"
        panels.append(Panel(title, way.program, left_out({"why_not": way.why})))
    return draw_ways(NETWORKS[name].title, panels)
