"""run() and run_mesh(): what is refused, in which words; what results give back."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.engine.mesh import PACKET_DTYPE
from emulator.testing.small_run import small_program


@pytest.fixture(scope="module")
def program() -> em.Program:
    net = em.Network("small")
    source = net.add_source("in", 2)
    out = net.add_population("out", 3, em.LoihiCuba(vth_mant=1, dv=0))
    quiet = net.add_population("quiet", 1, em.LoihiCuba(), record_spikes=False)
    net.connect(source, out, np.full((2, 3), 2))
    net.connect(out, quiet, np.full((3, 1), 2), delay_ticks=2)
    net.probe(out, "v", index=[2, 0], ticks=[1, 3])
    return em.compile(net, em.load_chip("tiny"))


RASTER = np.zeros((4, 2), dtype=bool)


@pytest.mark.parametrize(
    ("match", "keywords"),
    [
        ("n_ticks=-1: must be an integer of at least 0", {"n_ticks": -1}),
        ("n_ticks=2.5", {"n_ticks": 2.5}),
        ("engine 'gpu': choose from native, reference", {"engine": "gpu"}),
        ("threads=0: must be an integer in 1..256", {"threads": 0}),
        ("batch=0: must be an integer of at least 1", {"batch": 0}),
        ("more than 2147483647 in all", {"n_ticks": 2**30, "batch": 4}),
        ("no source 'sound'; the network has 'in'", {"stimulus": {"sound": RASTER}}),
        ("expected a dict of source name", {"stimulus": [RASTER]}),
        (r"raster of shape \[3, 2\], expected \[4, 2\]", {"stimulus": {"in": RASTER[:3]}}),
        (r"raster of shape \[4, 2\], expected \[5, 4, 2\]", {"stimulus": {"in": RASTER}, "batch": 5}),
        ("expected a bool raster", {"stimulus": {"in": RASTER.astype(float)}}),
        ("event 1 has tick 4, outside 0..3", {"stimulus": {"in": [[0, 0], [4, 1]]}}),
        ("event 0 has index -1, outside 0..1", {"stimulus": {"in": [[0, -1]]}}),
        ("event 0 has sample 2, outside 0..1", {"stimulus": {"in": [[2, 0, 0]]}, "batch": 2}),
        ("expected the .state of a result", {"state": {"u": 0}}),
    ],
)
def test_arguments_are_checked(match: str, keywords: dict[str, Any], program: em.Program) -> None:
    arguments: dict[str, Any] = {"n_ticks": 4, "stimulus": {"in": RASTER}, **keywords}
    with pytest.raises(em.SimulationError, match=match):
        em.run(program, **arguments)


def test_only_programs_run() -> None:
    with pytest.raises(em.SimulationError, match="expected what compile"):
        em.run("demo.prog", 3)  # type: ignore[arg-type]


def test_a_run_too_large_for_memory_says_so(program: em.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise MemoryError("Unable to allocate 14.9 TiB")

    monkeypatch.setattr("emulator.engine.native.run", refuse)
    with pytest.raises(em.SimulationError, match=r"memory in a run of 2 samples of 9 ticks .*14\.9 TiB"):
        em.run(program, 9, batch=2)


def test_a_missing_native_engine_says_how_to_build_it() -> None:
    code = "import sys; sys.modules['emulator._ext.machine'] = None; import emulator.engine.native"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "SimulationError: the native engine is not built" in ended.stderr
    assert "pip install ." in ended.stderr


def test_state_of_another_program_or_batch_is_refused(program: em.Program) -> None:
    net = em.Network("other")
    net.add_population("p", 4, em.LoihiCuba())
    other = em.run(em.compile(net, em.load_chip("tiny")), 1)
    with pytest.raises(em.SimulationError, match="belongs to another program"):
        em.run(program, 1, state=other.state)
    batch = em.run(program, 1, batch=2)
    with pytest.raises(em.SimulationError, match="of 2 samples, this run has 1"):
        em.run(program, 1, state=batch.state)


@pytest.mark.parametrize(
    ("match", "name", "change"),
    [
        (r"u is int32\[1, 3\], expected int32\[1, 4\]", "u", lambda table: table[:, :3]),
        ("v is int64", "v", lambda table: table.astype(np.int64)),
        (
            "refractory has values 64..64, the register holds 0..63",
            "refractory",
            lambda table: table * 0 + 64,
        ),
        ("u has values 8388608..8388608", "u", lambda table: table * 0 + 2**23),
        ("pending has values that are no multiples of 64", "pending", lambda table: table * 0 + 65),
        ("pending is list", "pending", lambda table: table.tolist()),
        ("u is NoneType, expected int32", "u", lambda table: None),
    ],
)
def test_a_state_no_chip_can_hold_is_refused(match: str, name: str, change: Any, program: em.Program) -> None:
    state = em.run(program, 1).state
    wrong = dataclasses.replace(state, **{name: change(getattr(state, name))})
    with pytest.raises(em.SimulationError, match=match):
        em.run(program, 1, state=wrong)


def test_an_image_made_by_hand_is_checked_before_it_runs(program: em.Program) -> None:
    broken = program.image.replace(entry_axon=program.image.entry_axon + 1000)
    with pytest.raises(em.ImageError, match="outside the axons"):
        em.run(dataclasses.replace(program, image=broken), 1)


def test_results_answer_in_the_networks_words(program: em.Program, engine: str) -> None:
    # weight 2 * 64 = 128 > threshold 64: each input spike of tick t fires all three in tick t + 1.
    events = np.array([[2, 1], [0, 0], [0, 0]])  # unsorted, one twice: a source spikes once in a tick
    result = em.run(program, 4, {"in": events}, engine=engine)
    assert result.spikes("out").tolist() == [[1, 0], [1, 1], [1, 2], [3, 0], [3, 1], [3, 2]]
    assert result.spike_counts("out").tolist() == [2, 2, 2]
    assert result.raster("out").sum() == 6
    assert result.probe("out", "v").tolist() == [[0, 0], [0, 0]]  # reset in the tick of the spike
    assert result.counts["spikes"] == 6 and result.counts["host_in"] == 2
    assert result.counts["transmitted"] == 8
    with pytest.raises(em.SimulationError, match="no population 'in'; it has 'out', 'quiet'"):
        result.spikes("in")
    with pytest.raises(em.SimulationError, match="record_spikes=False"):
        result.spikes("quiet")
    with pytest.raises(em.SimulationError, match=r"no probe of 'out'\.u"):
        result.probe("out", "u")


def test_tick_ps_of_an_untimed_run_says_how_to_get_it(program: em.Program) -> None:
    with pytest.raises(em.SimulationError, match="run it with timing=True"):
        _ = em.run(program, 1, timing=False).tick_ps


def test_no_ticks_is_a_run(program: em.Program, engine: str) -> None:
    result = em.run(program, 0, engine=engine)
    assert result.counts["update_active"] == 0 and result.tick_ps.shape == (0,)


def test_progress_reports_every_row_in_the_end(program: em.Program, engine: str) -> None:
    seen: list[tuple[int, int]] = []
    em.run(program, 50, batch=3, engine=engine, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (150, 150) and [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_raw_voltage_shows_the_refractory_counter(engine: str) -> None:
    # Fires in tick 0, then held for refractory - 1 = 2 ticks: 128 * 3, 2, 1; v is 1 again in tick 3: fires.
    net = em.Network("raw")
    p = net.add_population("p", 1, em.LoihiCuba(vth_mant=0, bias_mant=1, refractory=3))
    net.probe(p, "v", raw=True)
    net.probe(p, "v")
    result = em.run(em.compile(net, em.load_chip("tiny")), 5, engine=engine)
    assert result.spikes("p")[:, 0].tolist() == [0, 3]
    assert result.probe("p", "v", raw=True)[:, 0].tolist() == [384, 256, 128, 384, 256]
    assert result.probe("p", "v")[:, 0].tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("match", "packets"),
    [
        ("expected a structured array", np.zeros((3, 3), dtype=np.int64)),
        (r"packets\[1\]: src 4 outside 0..3", np.array([(0, 0, 0), (0, 4, 0)], dtype=PACKET_DTYPE)),
        (r"packets\[0\]: dst -1 outside", np.array([(0, 0, -1)], dtype=PACKET_DTYPE)),
        (r"inject_ps -5 outside", np.array([(-5, 0, 0)], dtype=PACKET_DTYPE)),
        (
            "inject_ps is float64, expected integers",
            np.zeros(1, dtype=[("inject_ps", float), ("src", int), ("dst", int)]),
        ),
    ],
)
def test_mesh_packets_are_checked(match: str, packets: Any, tiny: em.ChipSpec) -> None:
    with pytest.raises(em.SimulationError, match=match):
        em.run_mesh(tiny, packets)


def test_a_trace_takes_timing_and_has_to_be_asked_for() -> None:
    program = small_program()
    with pytest.raises(em.SimulationError, match="trace=True with timing=False"):
        em.run(program, 1, timing=False, trace=True)
    with pytest.raises(em.SimulationError, match="kept none; run it with trace=True"):
        _ = em.run(program, 1).trace


def test_a_trace_tells_each_packet_in_its_tick(engine: str) -> None:
    # worked out in emulator/testing/small_run.py: both inputs in tick 0, hidden 0 in tick 1, out in tick 2
    raster = np.zeros((3, 2), dtype=bool)
    raster[0] = True
    trace = em.run(small_program(), 3, {"in": raster}, engine=engine, trace=True).trace
    assert trace.row.tolist() == [0, 0, 1, 2]
    assert trace.source.tolist() == [2, 2, 0, 1] and trace.target.tolist() == [0, 0, 1, 2]
    assert trace.axon.tolist()[:3] == [0, 1, 2]
    assert trace.push_ps[:2].tolist() == [0, 0] and trace.arrive_ps[3] == 14


def test_mesh_engine_is_one_of_two(tiny: em.ChipSpec) -> None:
    with pytest.raises(em.SimulationError, match="engine 'c'"):
        em.run_mesh(tiny, np.zeros(0, dtype=PACKET_DTYPE), engine="c")


def test_no_packets_is_traffic_too(tiny: em.ChipSpec, engine: str) -> None:
    result = em.run_mesh(tiny, np.zeros(0, dtype=PACKET_DTYPE), engine=engine)
    assert result.arrive_ps.shape == (0,) and not result.link_counts.any()
