"""Memory is asked for before it is taken; what does not fit is refused with its size and a way out."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import emulator as em
from emulator import memory
from emulator.engine import memory as run_memory
from emulator.engine.memory import run_bytes
from emulator.errors import EmulatorError


@pytest.fixture(scope="module")
def program(tiny: em.ChipSpec) -> em.Program:
    net = em.Network("small")
    src = net.add_source("in", 2)
    p = net.add_population("p", 10, em.LoihiCuba(vth_mant=1))
    net.connect(src, p, np.full((2, 10), 100))
    net.probe(p, "v")
    net.probe(p, "u", index=[1, 2], ticks=[0, 5])
    return em.compile(net, tiny)


def test_the_estimate_of_a_run_is_the_size_of_its_tables(program: em.Program) -> None:
    record = em.run(program, 50, batch=3).record
    told = run_bytes(program, 50, 3, timing=True)
    assert record.timing is not None
    assert told["times of each tick"] == record.timing.done_ps.nbytes + record.timing.tick_ps.nbytes
    assert told["counts of each tick"] == record.counts_by_tick.nbytes + 8 * 150
    assert told["probes"] == sum(probe.nbytes for probe in record.probes) + 2 * 16 * 50
    state = record.state
    held = (state.u, state.v, state.refractory, state.pending)
    assert told["states of the samples"] == sum(array.nbytes for array in held)
    assert run_bytes(program, 50, 3, timing=False)["times of each tick"] == 0


def test_a_run_beyond_memory_is_refused_before_it_begins(program: em.Program) -> None:
    words = r"a run of 2000000000 ticks \(most of it: counts .*GiB\): takes .* are available: split the run"
    with pytest.raises(em.SimulationError, match=words):
        em.run(program, 2_000_000_000)
    with pytest.raises(em.SimulationError, match=r"2000000000 samples of 1 ticks"):
        em.run(program, 1, batch=2_000_000_000)


def test_the_limit_can_be_set(program: em.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "2K")
    with pytest.raises(em.SimulationError, match=r"2\.0 KiB are available: .* or set SPIKEMESH_MEMORY"):
        em.run(program, 50)
    monkeypatch.setenv(memory.VARIABLE, "1.5GiB")
    assert memory.available_bytes() == 3 * 2**29
    monkeypatch.setenv(memory.VARIABLE, "unlimited")
    assert memory.available_bytes() == memory.UNLIMITED
    assert em.run(program, 50).n_ticks == 50
    for wrong in ("much", "-1", "1e9", "8X"):
        monkeypatch.setenv(memory.VARIABLE, wrong)
        with pytest.raises(em.SimulationError, match=r"expected a number of bytes such as 8G, or unlimited"):
            em.run(program, 50)


def test_a_network_beyond_memory_is_refused(tiny: em.ChipSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "8G")
    net = em.Network("vast")
    with pytest.raises(em.DescriptionError, match=r"population 'p': 2147483647 neurons: takes 128\.0 GiB"):
        net.add_population("p", 2**31 - 1, em.LIF(tau_mem_s=1e-2))
    net.add_source("in", 2**31 - 1)
    net.add_population("p", 1, em.LIF(tau_mem_s=1e-2))
    with pytest.raises(em.CompileError, match=r"network 'vast': compiling 1 neurons, 2147483647 inputs.*100"):
        em.compile(net, tiny)


def test_packets_beyond_memory_are_refused(tiny: em.ChipSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "1M")
    with pytest.raises(em.SimulationError, match=r"some 40000 packets: takes 2\.1 MiB .* fewer slots"):
        em.traffic.open_loop(tiny, "uniform", 0.1, 100_000)
    with pytest.raises(em.SimulationError, match=r"burst of 400000 packets: takes .* ask for fewer"):
        em.traffic.burst(tiny, "uniform", 100_000)


def test_a_run_whose_spikes_use_up_the_memory_is_stopped(
    program: em.Program, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_memory, "LOOK_S", 0.0)
    left = iter([2**40, *[2**40] * 3, *[2**20] * 1000])
    monkeypatch.setattr(memory, "available_bytes", lambda error: next(left))
    with pytest.raises(em.SimulationError, match=r"out of memory after \d+ of 100000 .* 1\.0 MiB are"):
        em.run(program, 100_000, engine=engine, timing=False)


def files(shown: dict[str, str]) -> Callable[[str], list[str]]:
    return lambda path: shown.get(path, "").splitlines(keepends=True)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    7 kB\n"}, 7 * 1024),
        (
            {  # a group within one that is narrower
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/memory.max": "max\n",
                "/sys/fs/cgroup/a/b/memory.current": "10\n",
                "/sys/fs/cgroup/a/memory.max": "1000\n",
                "/sys/fs/cgroup/a/memory.current": "400\n",
                "/sys/fs/cgroup/a/memory.stat": "anon 300\ninactive_file 50\n",
            },
            650,
        ),
        (
            {  # the older hierarchy
                "/proc/self/cgroup": "9:cpu:/x\n4:memory:/x\n",
                "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "500\n",
                "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "100\n",
            },
            400,
        ),
        ({}, memory.UNLIMITED),
    ],
)
def test_the_limit_is_the_least_that_the_system_shows(
    monkeypatch: pytest.MonkeyPatch, shown: dict[str, str], expected: int
) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "_lines", files(shown))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert memory.available_bytes() == expected


def test_sizes_are_readable() -> None:
    shown = [memory.shown_bytes(n) for n in (17, 2048, 3 * 2**29, 5 * 2**50)]
    assert shown == ["17 bytes", "2.0 KiB", "1.5 GiB", "5120.0 TiB"]


def test_what_is_required_says_how_much_of_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "17")
    with pytest.raises(EmulatorError, match=r"x: takes 2\.0 KiB of memory, 17 bytes are available: go"):
        memory.require(2048, "x", "go", EmulatorError)


def test_a_process_with_a_limit_is_told_and_not_killed(tmp_path: Path, program: em.Program) -> None:
    program.save(tmp_path / "p")
    script = textwrap.dedent("""
        import resource, sys, emulator as em
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        try: em.run(em.load_program(sys.argv[1]), 30_000_000)
        except em.SimulationError as error: print(error)
    """)
    command = [sys.executable, "-c", script, str(tmp_path / "p")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "a run of 30000000 ticks" in said and "are available" in said
