"""The command `compile`: profiles, dumps of the passes, progress, and what is left when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Spikemesh

import emulator as em
from emulator.formats import save_network


@pytest.fixture(autouse=True)
def demo(tmp_path: Path) -> None:
    """demo.net: a source drives three neurons, each of which fires at once and excites one more."""
    net = em.Network("demo")
    source = net.add_source("in", 2, em.Regular(period_ticks=2))
    hidden = net.add_population("hidden", 3, em.LoihiCuba(vth_mant=2))
    out = net.add_population("out", 1, em.LoihiCuba(vth_mant=2), to_host=True)
    net.connect(source, hidden, np.full((2, 3), 100))
    net.connect(hidden, out, np.full((3, 1), 100))
    save_network(net, tmp_path / "demo.net")


COMPILE = ("compile", "demo.net", "--chip", "tiny", "-o", "demo.prog")


def test_a_record_is_taken_as_the_profile_of_the_next_mapping(spikemesh: Spikemesh) -> None:
    assert spikemesh(*COMPILE).code == 0
    assert spikemesh("run", "demo.prog", "--ticks", 6, "-o", "run.rec").code == 0
    again = spikemesh(*COMPILE, "--profile", "run.rec", "--json")
    assert again.code == 0
    record = em.load_record("run.rec").record
    assert json.loads(again.out)["profile"]["n_spikes"] == int(record.spikes_by_sender.sum()) > 0
    assert json.loads(again.out)["placement"]["weighed"]


def test_the_profile_of_another_network_is_bad_input(spikemesh: Spikemesh, tmp_path: Path) -> None:
    other = em.Network("other")
    other.add_population("alone", 1, em.LoihiCuba(vth_mant=0, bias_mant=1))
    em.run(em.compile(other, em.load_chip("tiny")), 2).save(tmp_path / "other.rec")
    outcome = spikemesh(*COMPILE, "--profile", "other.rec")
    assert outcome.code == 2 and "profile: no population 'hidden', which network 'demo' has" in outcome.err
    assert not (tmp_path / "demo.prog").exists()


def test_dumps_of_passes_are_printed_in_their_order(spikemesh: Spikemesh) -> None:
    outcome = spikemesh(*COMPILE, "--dump-after", "place", "--dump-after", "partition", "--quiet")
    assert outcome.code == 0
    assert outcome.out == (
        "# after partition\n4 neurons in 1 bins\nbin 0: 0-3, pinned_core=8, closed_by=None\n\n"
        "# after place\ncore 0: 0-3\n\n"
    )


def test_dumps_go_to_a_file_or_into_the_json(spikemesh: Spikemesh, tmp_path: Path) -> None:
    outcome = spikemesh(*COMPILE, "--dump-after", "place", "--dump-to", "dump.txt")
    assert outcome.code == 0 and "core 0: 0-3" not in outcome.out
    assert "wrote dump.txt: what place came to" in outcome.err
    assert (tmp_path / "dump.txt").read_text() == "# after place\ncore 0: 0-3\n"
    asked = json.loads(spikemesh(*COMPILE, "--dump-after", "place", "--json").out)
    assert asked["dumps"] == {"place": "core 0: 0-3\n"}


def test_what_led_to_an_error_is_dumped_before_it(spikemesh: Spikemesh, tmp_path: Path) -> None:
    net = em.Network("wide")
    pre = net.add_source("in", 65)  # limits.axons_in is 64
    post = net.add_population("a", 1, em.LoihiCuba(vth_mant=2))
    net.connect(pre, post, np.full((65, 1), 2))
    save_network(net, tmp_path / "wide.net")
    outcome = spikemesh("compile", "wide.net", "--chip", "tiny", "-o", "x", "--dump-after", "quantise")
    assert outcome.code == 2 and "65 axons in (distinct senders), limit 64" in outcome.err
    assert "# after quantise\n1 neurons, 65 inputs" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--dump-after", "plaze"),
            "--dump-after 'plaze': no such pass for chip 'tiny', choose from check (find what no mapping can",
        ),
        (("--dump-to", "x"), "--dump-to x: say which pass with --dump-after"),
        (("--dump-after", "place", "--dump-to", "no/x"), "the folder no does not exist"),
        (("--profile", "no.rec"), "no.rec: no such file"),
        (("--profile", "demo.net"), "demo.net"),
    ],
)
def test_wrong_options_are_bad_input(
    spikemesh: Spikemesh, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    outcome = spikemesh(*COMPILE, *options)
    assert outcome.code == 2 and words in outcome.err
    assert not (tmp_path / "demo.prog").exists()


def test_passes_are_told_as_they_begin_and_end_and_annealing_on_its_way() -> None:
    told: list[tuple[str, int, int]] = []
    em.compile(ring(40), CORES_OF_ONE, effort="default", progress=lambda *one: told.append(one))
    names = list(dict.fromkeys(name for name, _, _ in told))
    assert names[:3] == ["check", "quantise", "partition"] and names[-1] == "verify"
    for name in names:
        steps = [(done, total) for one, done, total in told if one == name]
        assert steps[0] == (0, 1) and steps[-1] == (1, 1)
    shares = [done / total for one, done, total in told if one == "place"]
    assert shares == sorted(shares) and len(shares) > 3


CORES_OF_ONE = em.load_chip("loihi").replace({"limits.compartments": 1})


def ring(n: int, n_more: int = 2) -> em.Network:
    """Neurons in random order along a ring, each connected to the next few: many bins to be moved about."""
    place = np.random.default_rng(0).permutation(n)
    pre = np.repeat(np.arange(n), n_more)
    post = (pre + np.tile(np.arange(1, n_more + 1), n)) % n
    net = em.Network("ring")
    a = net.add_population("a", n, em.LoihiCuba(vth_mant=2))
    net.connect(a, a, em.Triplets(place[pre], place[post], np.full(len(pre), 2), 1))
    return net


def test_ctrl_c_in_a_long_placement_leaves_no_file_and_no_traceback(tmp_path: Path) -> None:
    save_network(ring(400, 20), tmp_path / "ring.net")
    (tmp_path / "board.yaml").write_text(
        "inherits: loihi\nname: board\ndescription: cores of one\nreal_chip: false\n"
        "mesh:\n  width: 16\n  height: 16\nlimits:\n  compartments: 1\n"
    )
    assert em.load_chip(tmp_path / "board.yaml").n_cores == 1024
    before = sorted(path.name for path in tmp_path.iterdir())
    root = str(Path(em.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "FORCE_COLOR": "1", "TERM": "xterm"}
    # whoever starts the tests in the background has them ignore the signal, and so does what they start
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    # minutes of annealing: never over before the signal comes
    command: list[Any] = [sys.executable, "-m", "emulator", "compile", "ring.net", "--chip", "board.yaml"]
    process = subprocess.Popen(
        [*command, "--effort", "best", "-o", "x.prog"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
        preexec_fn=heeds,
    )
    assert process.stderr is not None
    seen = ""
    while "place" not in seen:  # the progress bar says so
        piece = process.stderr.read(1)
        assert piece, f"ended before it placed anything: {seen}"
        seen += piece
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == "" and "spikemesh: interrupted; files are written only when complete" in err
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
