"""Bugs put into a copy of the tree, one after the other, and the law that finds each.

    python tests/mutants/mutants.py [--compiled] [WORD]

A mutant that no test finds makes this fail. --compiled: those of the compiled blocks too, each built anew.
WORD: only mutants with it in their file or change.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = (
    "emulator",
    "pytest_spikemesh.py",
    "ext",
    "tests",
    "hw_configs",
    "setup.py",
    "pyproject.toml",
    "README.md",
)
LAWS = "tests/twin/test_laws.py"
SECONDS = 1200


@dataclass(frozen=True)
class Mutant:
    """A replacement of one place in a file."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...] = (LAWS,)
    chosen: str = "twin"  # of the tests, as pytest's -k

    @property
    def compiled(self) -> bool:
        return self.file.endswith((".pxd", ".pyx"))


NATIVE, ROUTES, ENERGY = "emulator/engine/native.py", "emulator/engine/routes.py", "emulator/energy/ledger.py"
LOSSES, MESH = "emulator/engine/losses.py", "emulator/_ext/mesh.pxd"
BY_HAND = ("tests/unit/test_energy.py",)
ON_TILES = "len(np.unique(self.image.core_id // chip.cores.per_tile))"

MUTANTS = (
    Mutant(NATIVE, '"first_tick": drive.generators.first_tick', '"first_tick": 0', chosen="split"),
    Mutant(NATIVE, '"seed": drive.generators.seed,', '"seed": 0,'),
    Mutant(NATIVE, ON_TILES, "self.image.n_cores"),
    Mutant(NATIVE, "n_inactive = n_rows * n_slots - self.n_active", "n_inactive = n_rows * n_slots"),
    Mutant(NATIVE, '"active_ps": latency.update_active', '"active_ps": latency.update_inactive'),
    Mutant(NATIVE, '"spike_ps": latency.spike', '"spike_ps": latency.send'),
    Mutant(NATIVE, '"send_ps": latency.send', '"send_ps": latency.spike'),
    Mutant(NATIVE, '"hop_ns_ps": mesh.hop_ps.ns', '"hop_ns_ps": mesh.hop_ps.ew'),
    Mutant(NATIVE, '"intake_depth": mesh.intake_depth', '"intake_depth": mesh.intake_depth + 1'),
    Mutant(NATIVE, '"fifo_depth": mesh.fifo_depth', '"fifo_depth": mesh.fifo_depth + 1'),
    Mutant(NATIVE, '"credit_ps": mesh.credit_ps', '"credit_ps": mesh.credit_ps + 1'),
    Mutant(NATIVE, '"cycle_ps": mesh.cycle_ps', '"cycle_ps": mesh.cycle_ps + 1'),
    Mutant(NATIVE, '"inject_ps": mesh.inject_ps', '"inject_ps": mesh.eject_ps'),
    Mutant(NATIVE, '"arbiter": ARBITERS.index(mesh.arbiter)', '"arbiter": 0'),
    Mutant(NATIVE, "POLICIES.index(self.chip.arithmetic.overflow)", "0"),
    Mutant(NATIVE, '["barrier"]] = n_rows', '["barrier"]] = self.drive.n_ticks', chosen="batch"),
    Mutant(ROUTES, "latency.receive + self.n_ops @ cost", "self.n_ops @ cost"),
    Mutant(ROUTES, "(core_in_tile + len(DIRECTIONS))", "(0 * core_in_tile + len(DIRECTIONS))"),
    Mutant(LOSSES, '["lost"]], origin, self.n_lost)', '["lost"]], receiver, self.n_lost)'),
    Mutant(LOSSES, "link_counts -= link_loads(", "link_counts -= 0 * link_loads("),
    Mutant(ENERGY, "dynamic_aj + (self.static_aj or 0)", "dynamic_aj", BY_HAND, "test"),
    Mutant(ENERGY, "[0] * self.program.chip.n_chips", "[0]", BY_HAND, "test"),
    Mutant(
        ENERGY, "self.program.chip.n_chips * self.static_power_uw", "self.static_power_uw", BY_HAND, "test"
    ),
    Mutant(
        "emulator/compiler/allocate.py",
        "np.searchsorted(key, np.arange(n_cores + 1) * span)",
        'np.searchsorted(key, np.arange(n_cores + 1) * span, side="right")',
    ),
    Mutant(MESH, "fifo.ready_ps = now_ps + mesh.cycle_ps", "fifo.ready_ps = now_ps"),
    Mutant(MESH, "room_ps[0] = last_ps + mesh.credit_ps", "room_ps[0] = last_ps"),
    Mutant(MESH, "output.free_ps = now_ps + hop.cycle_ps", "output.free_ps = now_ps + mesh.cycle_ps"),
)


def found_by(mutant: Mutant, tree: Path) -> str:
    """The test that fails on the mutant; empty: none does."""
    path = tree / mutant.file
    sound = path.read_text(encoding="utf-8")
    assert sound.count(mutant.old) == 1, (
        f"{mutant.file}: {mutant.old!r} is there {sound.count(mutant.old)} times"
    )
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        if mutant.compiled:
            build(tree)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests]
        ran = subprocess.run(
            [*command, "-k", mutant.chosen], cwd=tree, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return "no end within the time"
    finally:
        path.write_text(sound, encoding="utf-8")
    failed = re.search(r"^(?:FAILED|ERROR) \S+?::(\w+)", ran.stdout, re.MULTILINE)
    assert ran.returncode in (0, 1), ran.stdout[-2000:] + ran.stderr[-2000:]
    return failed[1] if failed else ""


def find_only(conftest: Path) -> None:
    """Leaves the number of examples as it is, and leaves out making a failing one smaller."""
    text = conftest.read_text(encoding="utf-8")
    old = 'settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))'
    assert text.count(old) == 1, conftest
    phases = "phases=[Phase.explicit, Phase.generate]"
    new = f"""from hypothesis import Phase
settings.register_profile("mutants", settings.get_profile("ci"), {phases})
settings.load_profile("mutants")"""
    conftest.write_text(text.replace(old, new), encoding="utf-8")


def build(tree: Path) -> None:
    """Builds the compiled blocks that a changed file is part of."""
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    chosen = [
        mutant
        for mutant in MUTANTS
        if ("--compiled" in sys.argv or not mutant.compiled)
        and all(word in f"{mutant.file} {mutant.old} {mutant.new}" for word in words)
    ]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, tree / name)
        find_only(tree / "tests" / "conftest.py")
        for mutant in chosen:
            law = found_by(mutant, tree)
            survivors += not law
            print(f"{law or 'NOT FOUND':70} {mutant.file}: {mutant.old}  ->  {mutant.new}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} found")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    main()
