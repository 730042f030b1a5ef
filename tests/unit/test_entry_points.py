"""What an installation tells pytest and Hypothesis: the plug-in for tests of others, chips by their type."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Spikemesh

ROOT = Path(__file__).parents[2]


def installed(folder: Path) -> Path:
    """What an installation writes of our entry points, and nothing else of it."""
    info = folder / "spikemesh-0.1.0.dist-info"
    info.mkdir()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spikemesh\nVersion: 0.1.0\n")
    return folder


def test_hypothesis_knows_how_to_draw_a_chip_by_its_type(tmp_path: Path) -> None:
    script = (
        "from hypothesis import Phase, find, settings, strategies as st\n"
        "import emulator as em\n"
        "first = settings(phases=[Phase.generate], database=None)\n"
        "print(type(find(st.from_type(em.ChipSpec), lambda _: True, settings=first)).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, env=where(tmp_path)
    )
    assert done.stdout.strip() == "ChipSpec", done.stderr


def where(project: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{ROOT}:{installed(project)}", "HYPOTHESIS_PROFILE": ""}


Pytest = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Pytest:
    """Runs pytest on a test file in a project of its own, where spikemesh is installed."""
    places = where(tmp_path)

    def run(test: str, *args: str, ini: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}")
        (tmp_path / "test_mine.py").write_text(test)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *args]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=places)

    return run


@pytest.fixture
def forked(tmp_path: Path) -> Pytest:
    """As `project`, in a copy of this process: what it has imported need not be imported again."""
    installed(tmp_path)
    out = tmp_path / "out.txt"

    def inside(args: tuple[str, ...]) -> None:
        os.chdir(tmp_path)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(descriptor, number)
        sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115 - for as long as there is one
        sys.path.insert(0, str(tmp_path))
        sys.modules.pop("test_mine", None)
        code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *args])
        sys.stdout.flush()
        os._exit(code)

    def run(test: str, *args: str, ini: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}")
        (tmp_path / "test_mine.py").write_text(test)
        task = multiprocessing.get_context("fork").Process(target=inside, args=(args,))
        task.start()
        task.join()
        return subprocess.CompletedProcess(args, task.exitcode or 0, out.read_text(), "")

    return run


NAMES = """
import pytest, emulator as em
def test_default(chip, engine): print("default", chip.name, engine)
@pytest.mark.chips("tiny", "truenorth")
def test_marked(chip): print("marked", chip.name)
@pytest.mark.parametrize("chip", [7])
def test_own_parameter(chip): assert chip == 7
@pytest.fixture
def engine(): return "mine"
def test_own_fixture(engine): assert engine == "mine"
"""
PROFILES = """
from hypothesis import settings
def test_profiles():
    print("ci", settings.get_profile("ci").max_examples)
    print("nightly", settings.get_profile("nightly").max_examples)
"""


def test_chips_and_engines_are_fixtures_unless_a_project_has_its_own(project: Pytest) -> None:
    done = project(NAMES + PROFILES, "-s", "--strict-markers", "--chip", "tiny", "--chip", "loihi")
    assert done.returncode == 0, done.stdout
    assert "default tiny mine" in done.stdout and "default loihi mine" in done.stdout
    assert "marked tiny" in done.stdout and "marked truenorth" in done.stdout
    assert "7 passed" in done.stdout
    # where a project names a chip; where it names none, see below
    assert "ci 300" in done.stdout and "nightly 5000" in done.stdout


ENGINES = """
import emulator as em
def test_engine(chip, engine): print("ran", chip.name, getattr(engine, "name", engine))
def spikes(image, stimulus): return []
"""


def test_engines_are_both_of_ours_or_the_one_asked_for(forked: Pytest) -> None:
    both = forked(ENGINES, "-s")
    assert "ran loihi reference" in both.stdout and "ran loihi native" in both.stdout
    one = forked(ENGINES, "-s", "--engine", "test_mine:spikes", ini="spikemesh_chips = tiny")
    assert "ran tiny test_mine:spikes" in one.stdout and "1 passed" in one.stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--chip", "no.yaml", "--chip no.yaml: no.yaml: no such file"),
        ("--engine", "nobody", "--engine nobody: engine 'nobody': choose from"),
    ],
)
def test_what_does_not_exist_is_told(forked: Pytest, option: str, value: str, words: str) -> None:
    done = forked(ENGINES, option, value)
    assert done.returncode != 0 and words in done.stdout + done.stderr


def test_a_marker_without_a_name_is_told(forked: Pytest) -> None:
    done = forked("import pytest\n@pytest.mark.chips()\ndef test_x(chip): pass\n")
    assert done.returncode != 0 and 'names none: chips("loihi")' in done.stdout + done.stderr


FAILING = """
import emulator as em
from hypothesis import given, settings, strategies as st

TINY = em.load_chip("tiny")

@settings(max_examples=20, database=None)
@given(st.integers(1, 9), st.integers(1, 30))
def test_nothing_spikes(n, n_ticks):
    chip, network = TINY, em.Network("drawn")
    network.add_population("p", n, em.LoihiCuba(bias_mant=100, bias_exp=6))
    assert em.run(em.compile(network, chip), n_ticks).counts["spikes"] == 0

def test_by_hand(chip):
    network = em.Network("mine")
    network.add_source("in", 2)
    stimulus = {"in": [[True, False]] * 3}
    import numpy as np
    stimulus = {name: np.array(raster) for name, raster in stimulus.items()}
    network.add_population("p", 1, em.LoihiCuba())
    assert False

def test_chip_alone(chip): assert chip.name == "another"
def test_nothing_of_ours(): assert False
"""


def test_what_a_failed_test_ran_is_saved_and_runs_again(
    forked: Pytest, tmp_path: Path, spikemesh: Spikemesh
) -> None:
    done = forked(FAILING, "--chip", "tiny", "--found", "kept")
    assert done.returncode == 1 and "4 failed" in done.stdout
    assert "what this test ran (4 tiles, 1 neuron, 0 synapses, 2 ticks, 0 input spikes) is in" in done.stdout
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "test_mine-test_nothing_spikes",
        "test_mine-test_by_hand-tiny",
        "test_mine-test_chip_alone-tiny",
    }
    commands = [line.split() for line in done.stdout.splitlines() if line.startswith("  spikemesh")]
    assert len(commands) == 3
    for command in commands:
        assert spikemesh(*command[1:]).code == 0
    assert (tmp_path / "kept/test_mine-test_by_hand-tiny/stimulus.npz").exists()


def test_a_project_that_names_no_chip_keeps_its_profiles(project: Pytest) -> None:
    done = project(PROFILES, "-s")
    assert done.returncode == 1 and "Profile 'nightly' is not registered" in done.stdout
    assert "ci 300" not in done.stdout
