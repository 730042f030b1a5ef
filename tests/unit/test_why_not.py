"""Why a network does not fit: what is proved, what was not found, and remedies that really are some."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import emulator as em
from emulator.compiler import why_not
from emulator.compiler.bounds import least_cores
from emulator.compiler.pipeline import run_passes
from emulator.compiler.remedies import larger
from emulator.compiler.why_not import CUT_OFF, GAVE_UP, IMPOSSIBLE, PINNED, WhyNot
from emulator.formats import save_network
from emulator.testing import Case, cases

TINY = em.load_chip("tiny")
ONE_CORE = TINY.replace({"mesh.width": 1, "mesh.height": 1, "cores.per_tile": 1})
TRUENORTH = em.load_chip("truenorth")
FEWER = settings(max_examples=max(8, settings.default.max_examples // 10))


def dense(n_pre: int, n_post: int, delay_ticks: int = 1, weight: int = 2) -> em.Network:
    """A source onto a population, every input onto every neuron."""
    net = em.Network("dense")
    source = net.add_source("in", n_pre)
    a = net.add_population("a", n_post, em.LoihiCuba(vth_mant=2))
    net.connect(source, a, np.full((n_pre, n_post), weight), delay_ticks=delay_ticks)
    return net


def alone(n: int, **options: Any) -> em.Network:
    net = em.Network("alone")
    net.add_population("a", n, em.LoihiCuba(vth_mant=2), **options)
    return net


def found(net: em.Network, chip: em.ChipSpec, **options: Any) -> WhyNot:
    outcome = why_not(net, chip, **options)
    assert outcome is not None
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip, **options)
    assert outcome.problems == caught.value.problems
    return outcome


def change_of(outcome: WhyNot, change: str) -> str:
    (text,) = (one.text for one in outcome.remedies if one.change == change)
    return text


def test_what_fits_has_no_reason_not_to() -> None:
    assert why_not(alone(3), TINY) is None


def test_a_neuron_with_more_senders_than_axons_is_proved_impossible() -> None:
    outcome = found(dense(65, 1), TINY)
    assert outcome.verdict == IMPOSSIBLE and outcome.n_needed is None
    assert "with any number of cores: population 'a' neuron 0: 65 axons in" in outcome.reasons[0]
    assert change_of(outcome, "limits.axons_in").startswith("limits.axons_in 65 instead of 64 on the chip")
    em.compile(dense(65, 1), TINY.replace({"limits.axons_in": 65}))


def test_more_neurons_than_compartments_are_proved_impossible_with_the_number() -> None:
    outcome = found(alone(200), TINY)
    assert outcome.verdict == IMPOSSIBLE and outcome.bounds["compartments"] == 13 and outcome.n_needed == 13
    assert outcome.reasons == (
        "compartments, 16 a core, alone take at least 13 cores; chip 'tiny' has 8, 5 too few",
    )
    size = re.match(
        r"a mesh of (\d+) x (\d+) tiles \(\d+ cores\), of which it takes 13", change_of(outcome, "mesh")
    )
    assert size is not None
    em.compile(alone(200), TINY.replace({"mesh.width": int(size[1]), "mesh.height": int(size[2])}))
    em.compile(alone(200), TINY.replace({"limits.compartments": 25}))
    assert change_of(outcome, "limits.compartments").startswith("limits.compartments 25 instead of 16")


def test_a_split_that_was_not_found_is_not_called_impossible() -> None:
    # each neuron has 20 senders of its own: three fill a core's 64 axons, but 320 axons in all fill only five
    net = em.Network("apart")
    source = net.add_source("in", 320)
    a = net.add_population("a", 16, em.LoihiCuba(vth_mant=2))
    net.connect(source, a, em.Triplets(np.arange(320), np.arange(320) // 20, np.full(320, 2), 1))
    chip = TINY.replace({"mesh.width": 1, "mesh.height": 1, "cores.per_tile": 5})
    outcome = found(net, chip)
    assert outcome.verdict == GAVE_UP and outcome.n_needed == 6 and outcome.bounds["axons_in"] == 5
    assert outcome.reasons == ("split as it is, the network takes 6 cores, at least 5; chip 'tiny' has 5",)
    assert "Not proved impossible: no split into few enough cores was found" in outcome.text()
    assert change_of(outcome, "limits.axons_in").startswith("limits.axons_in 80 instead of 64")


def test_weights_of_fewer_bits_are_told_with_their_number() -> None:
    net = dense(32, 16, weight=200)
    chip = ONE_CORE.replace({"limits.synapse_memory_bits": 4096})
    outcome = found(net, chip)
    bits = int(change_of(outcome, "weight_bits").split()[1])
    narrow = em.Network("narrow")
    source = narrow.add_source("in", 32)
    a = narrow.add_population("a", 16, em.LoihiCuba(vth_mant=2))
    narrow.connect(source, a, np.full((32, 16), 2), synapse=em.LoihiSynapse(w_exp=0, weight_bits=bits))
    em.compile(narrow, chip)
    wider = next(width for width in sorted(chip.list_format.weight_bits) if width > bits)
    more = em.Network("more")
    source = more.add_source("in", 32)
    a = more.add_population("a", 16, em.LoihiCuba(vth_mant=2))
    more.connect(source, a, np.full((32, 16), 2), synapse=em.LoihiSynapse(w_exp=0, weight_bits=wider))
    with pytest.raises(em.CompileError):
        em.compile(more, chip)


def test_shorter_delays_are_told_with_the_longest_that_fits() -> None:
    outcome = found(dense(2, 16, delay_ticks=9), ONE_CORE)
    assert change_of(outcome, "delay_ticks") == "delays of up to 4 ticks instead of 9"
    em.compile(dense(2, 16, delay_ticks=4), ONE_CORE)
    with pytest.raises(em.CompileError):
        em.compile(dense(2, 16, delay_ticks=5), ONE_CORE)


def test_a_host_that_takes_the_axons_out_is_told() -> None:
    chip = ONE_CORE.replace({"limits.axons_out": 8})
    outcome = found(alone(9, to_host=True), chip)
    assert change_of(outcome, "to_host") == "without to_host of any population"
    em.compile(alone(9), chip)


def test_a_mapping_that_does_not_fit_is_told_from_a_network_that_does_not() -> None:
    outcome = found(alone(20), TINY, mapping={"a": np.zeros(20, dtype=int)})
    assert outcome.verdict == PINNED and outcome.remedies[0].change == "mapping"
    assert "It is the mapping that does not fit" in outcome.text()


def test_what_fits_its_cores_but_is_cut_off_is_told() -> None:
    dead = [{"x": 1, "y": 0, "side": side} for side in "WEN"[:1]] + [{"x": 0, "y": 0, "side": "E"}]
    faults = {"links": dead, "policy": "block"}
    chip = TINY.replace({"mesh.height": 1, "mesh.faults": faults})
    net = dense(2, 40)
    outcome = found(net, chip)
    assert outcome.verdict == CUT_OFF and outcome.reasons == outcome.problems


def test_where_one_change_is_not_enough_two_are_tried() -> None:
    net = dense(65, 40)
    outcome = found(net, ONE_CORE.replace({"limits.axons_in": 64}))
    assert outcome.verdict == IMPOSSIBLE
    together = [one for one in outcome.remedies if one.text.endswith("together with a mesh of more cores")]
    assert [one.change for one in together] == ["limits.axons_in"]


def test_fan_in_of_crossbars_is_proved_impossible_and_partial_sums_are_tried() -> None:
    net = em.Network("fan")
    source = net.add_source("in", 300)
    p = net.add_population("p", 4, em.TrueNorth(alpha=3))
    net.connect(source, p, np.ones((300, 4), int))
    outcome = found(net, TRUENORTH)
    assert outcome.verdict == IMPOSSIBLE and "300 axons in" in outcome.reasons[0]
    assert "rewrites={'fan_in': 'partial_sums'}" in change_of(outcome, "rewrites")
    em.compile(net, TRUENORTH, rewrites={"fan_in": "partial_sums"})


def test_too_few_crossbars_are_told_with_a_mesh_that_is_enough() -> None:
    net = em.Network("many")
    source = net.add_source("in", 30)
    p = net.add_population("p", 1000, em.TrueNorth(alpha=3))
    net.connect(source, p, np.ones((30, 1000), int))
    outcome = found(net, TRUENORTH.replace({"mesh.width": 1, "mesh.height": 3}))
    assert (outcome.verdict, outcome.n_cores, outcome.n_needed) == (GAVE_UP, 3, 4)
    assert change_of(outcome, "mesh") == "a mesh of 1 x 4 tiles (4 cores), of which it takes 4"


def test_a_larger_chip_keeps_whole_chips_of_a_board_and_the_side_of_the_host_port() -> None:
    board = em.load_chip("kapoho-bay")
    more = larger(board, board.n_cores + 1)
    assert more is not None and more.n_chips > board.n_chips and more.chip_size == board.chip_size
    east = TINY.replace({"host_port.x": 1, "host_port.side": "E"})
    more = larger(east, 30)
    assert more is not None and more.host_port.x == more.mesh.width - 1 and more.n_cores >= 30
    assert larger(TINY, 2**30) is None


@FEWER
@given(cases(TINY))
def test_no_network_that_fits_is_below_its_bounds(case: Case) -> None:
    job = run_passes(case.network, case.chip, case.mapping, until="partition")
    bounds = least_cores(job["quantise"], case.network, case.chip)
    assert all(n <= job["partition"].n_bins for n in bounds.values()), bounds


def test_wrong_arguments_are_no_question_of_fitting() -> None:
    with pytest.raises(em.CompileError, match=r"network NoneType: must be an emulator\.Network"):
        why_not(None, TINY)  # type: ignore[arg-type]


def test_the_command_explains_on_stdout_and_fails_as_it_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from emulator.cli import main as cli_main

    save_network(alone(200), tmp_path / "alone.net")
    monkeypatch.chdir(tmp_path)
    command = ["spikemesh", "compile", "alone.net", "--chip", "tiny", "-o", "x"]

    def run(*more: str) -> Any:
        monkeypatch.setattr("sys.argv", [*command, *more])
        with pytest.raises(SystemExit) as finished:
            cli_main()
        assert finished.value.code == 2 and not (tmp_path / "x").exists()
        return capsys.readouterr()

    assert "--why-not finds out what would fit" in run().err
    outcome = run("--why-not")
    assert "Proved impossible on this chip" in outcome.out and "200 neurons, limit 128" in outcome.err
    told = json.loads(run("--why-not", "--json").out)["why_not"]
    assert told["verdict"] == "impossible" and told["n_cores_at_least"]["compartments"] == 13
    assert {one["change"] for one in told["remedies"]} == {"mesh", "limits.compartments"}
