"""compile: its arguments, its order, the same bits for the same input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.compiler.pipeline import PASSES, run_passes


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("tiny")


def recurrent(seed: int = 7) -> em.Network:
    rng = np.random.default_rng(seed)
    net = em.Network("recurrent")
    source = net.add_source("in", 6)
    a = net.add_population("a", 30, em.LoihiCuba(vth_mant=rng.integers(1, 4, 30)), to_host=True)
    net.connect(source, a, 2 * rng.integers(0, 2, (6, 30)))
    net.connect(a, a, em.Triplets(*rng.integers(0, 30, (2, 90)), np.full(90, 4), rng.integers(1, 3, 90)))
    return net


def test_the_same_input_gives_the_same_bits(chip: em.ChipSpec) -> None:
    first, second = (em.compile(recurrent(), chip, seed=3) for _ in range(2))
    assert first.image.digest == second.image.digest
    assert first.stats == second.stats


def test_a_program_tells_the_seed_and_effort_it_was_compiled_with(chip: em.ChipSpec) -> None:
    programs = [em.compile(recurrent(), chip, seed=seed, effort=e) for seed, e in ((0, "fast"), (9, "best"))]
    assert [(program.stats["seed"], program.stats["effort"]) for program in programs] == [
        (0, "fast"),
        (9, "best"),
    ]


def test_compiling_changes_neither_network_nor_mapping(chip: em.ChipSpec) -> None:
    net, mapping = recurrent(), {"a": np.arange(30) % 8}
    before = [
        array.copy() for p in net.projections for array in (p.indptr, p.target, p.weight, p.delay_ticks)
    ]
    em.compile(net, chip, mapping=mapping)
    after = [array for p in net.projections for array in (p.indptr, p.target, p.weight, p.delay_ticks)]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))
    assert mapping["a"].tolist() == [i % 8 for i in range(30)]


def test_spikes_do_not_depend_on_where_compartments_are(engine: str, chip: em.ChipSpec) -> None:
    raster = np.random.default_rng(1).random((20, 6)) < 0.5
    mappings = (None, {"a": np.arange(30) % 8}, {"a": 7 - np.arange(30) % 7})
    programs = [em.compile(recurrent(), chip, mapping=mapping) for mapping in mappings]
    results = [em.run(program, 20, {"in": raster}, engine=engine, timing=False) for program in programs]
    spikes = [result.spikes("a") for result in results]
    assert len(spikes[0])
    assert np.array_equal(spikes[0], spikes[1]) and np.array_equal(spikes[0], spikes[2])


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"effort": "heroic"}, "effort 'heroic': choose from fast, default, best"),
    (
        {"profile": object()},
        r"profile object: must be the record of a run: result\.record of emulator\.run\(\)",
    ),
    ({"seed": -1}, "seed -1: must be an integer of at least 0"),
    ({"seed": 1.5}, r"seed 1\.5: must be an integer"),
    ({"seed": True}, "seed True: must be an integer"),
    ({"chip": "loihi"}, r"chip str 'loihi': must be a ChipSpec; emulator\.load_chip\(name\) makes one"),
    ({"network": {"a": 3}}, r"network dict: must be an emulator\.Network"),
]


@pytest.mark.parametrize(("changes", "words"), BAD_ARGUMENTS)
def test_a_wrong_argument_is_refused(changes: dict[str, Any], words: str, chip: em.ChipSpec) -> None:
    arguments: dict[str, Any] = {"network": recurrent(), "chip": chip, **changes}
    with pytest.raises(em.CompileError, match=words):
        em.compile(arguments.pop("network"), arguments.pop("chip"), **arguments)


def test_all_wrong_arguments_are_listed_at_once() -> None:
    with pytest.raises(em.CompileError) as caught:
        em.compile(None, None, seed="x", profile=1, effort="")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 5


def test_passes_run_in_the_order_of_the_list_up_to_the_one_asked_for(chip: em.ChipSpec) -> None:
    names = [step.name for step in PASSES]
    assert names == [
        "check",
        "quantise",
        "partition",
        "place",
        "slots",
        "synapses",
        "emit",
        "ways",
        "symbols",
        "verify",
    ]
    assert list(run_passes(recurrent(), chip, until="place").results) == names[:4]


def test_an_unknown_pass_is_refused_with_the_choices(chip: em.ChipSpec) -> None:
    with pytest.raises(em.CompileError, match="pass 'route': choose from check, quantise, partition"):
        run_passes(recurrent(), chip, until="route")
