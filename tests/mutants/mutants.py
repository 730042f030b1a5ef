"""Bugs put into a copy of the tree, one after the other, and what `spikemesh verify` says of each.

    python tests/mutants/mutants.py [--python] [WORD ...]

Each is looked for with the law and on the chip that its line names, with as many examples as anybody gets who
asks for no number. The table has what broke, after how many examples, and how small the kit made it. A mutant
that is not found makes this fail, one that does not fit the tree any more stops it. --python: leaves out
those of the compiled blocks, which take a build each. WORD: only mutants with one of them in their file or
change.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHIPS = Path(__file__).parent / "chips"
COPIED = ("emulator", "ext", "hw_configs", "setup.py", "pyproject.toml", "README.md", "pytest_spikemesh.py")
COMPILED = (".pxd", ".pyx", ".h")
SECONDS = 900
SMALL = 3  # compartments or packets


@dataclass(frozen=True)
class Mutant:
    """A replacement of one place in a file, and where the kit is to find it."""

    file: str
    old: str
    new: str
    law: str = "twin"
    chip: str = "tiny"  # one that ships, or a file of `chips`

    @property
    def compiled(self) -> bool:
        return self.file.endswith(COMPILED)

    def __str__(self) -> str:
        return f"{self.file}: {self.old}  ->  {self.new}"


NATIVE, ROUTES, LOSSES = (f"emulator/engine/{name}.py" for name in ("native", "routes", "losses"))
ENERGY, MESH, CORE = "emulator/energy/ledger.py", "emulator/_ext/mesh.pxd", "emulator/_ext/core.pxd"
CROSSING, CROSSBAR = "emulator/_ext/crossing.pxd", "emulator/_ext/crossbar.pxd"
ALLOCATE, LISTS = "emulator/compiler/allocate.py", "emulator/compiler/synapse_lists.py"
ON_TILES = "len(np.unique(self.image.core_id // chip.cores.per_tile))"

MUTANTS = (
    Mutant(NATIVE, '"first_tick": drive.generators.first_tick', '"first_tick": 0', "sources"),
    Mutant(NATIVE, '"seed": drive.generators.seed,', '"seed": 0,', "sources"),
    Mutant(NATIVE, ON_TILES, "self.image.n_cores"),
    Mutant(NATIVE, "n_inactive = n_rows * n_slots - self.n_active", "n_inactive = n_rows * n_slots"),
    Mutant(NATIVE, '"active_ps": latency.update_active', '"active_ps": latency.update_inactive'),
    Mutant(NATIVE, '"spike_ps": latency.spike', '"spike_ps": latency.send'),
    Mutant(NATIVE, '"send_ps": latency.send', '"send_ps": latency.spike'),
    Mutant(NATIVE, '"hop_ns_ps": mesh.hop_ps.ns', '"hop_ns_ps": mesh.hop_ps.ew'),
    Mutant(NATIVE, '"intake_depth": mesh.intake_depth', '"intake_depth": mesh.intake_depth + 1'),
    Mutant(NATIVE, '"fifo_depth": mesh.fifo_depth', '"fifo_depth": mesh.fifo_depth + 1', "twin", "rough"),
    Mutant(NATIVE, '"credit_ps": mesh.credit_ps', '"credit_ps": mesh.credit_ps + 1', "twin", "rough"),
    Mutant(NATIVE, '"cycle_ps": mesh.cycle_ps', '"cycle_ps": mesh.cycle_ps + 1', "twin", "rough"),
    Mutant(NATIVE, '"inject_ps": mesh.inject_ps', '"inject_ps": mesh.eject_ps', "twin", "rough"),
    Mutant(NATIVE, '"arbiter": ARBITERS.index(mesh.arbiter)', '"arbiter": 0', "twin", "rough"),
    Mutant(NATIVE, "POLICIES.index(self.chip.arithmetic.overflow)", "0", "twin", "lava"),
    Mutant(NATIVE, '["barrier"]] = n_rows', '["barrier"]] = self.drive.n_ticks', "batch"),
    Mutant(ROUTES, "latency.receive + self.n_ops @ cost", "self.n_ops @ cost"),
    Mutant(ROUTES, "(core_in_tile + len(DIRECTIONS))", "(0 * core_in_tile + len(DIRECTIONS))"),
    Mutant(LOSSES, '["lost"]], origin, self.n_lost)', '["lost"]], receiver, self.n_lost)', "twin", "rough"),
    Mutant(LOSSES, "link_counts -= link_loads(", "link_counts -= 0 * link_loads(", "twin", "rough"),
    Mutant("emulator/engine/native_mesh.py", "mesh.credit_ps]", "mesh.cycle_ps]", "mesh_twin", "rough"),
    Mutant(ENERGY, "dynamic_aj + (self.static_aj or 0)", "dynamic_aj", "energy"),
    Mutant(ENERGY, "[0] * self.program.chip.n_chips", "[0]", "energy", "rough"),
    Mutant(ENERGY, '"hop_s": "hop_ns"', '"hop_s": "hop_ew"', "energy"),
    Mutant(ENERGY, '"synaptic_ops_sparse": "synaptic_op_sparse"', '"eject": "receive"', "energy"),
    Mutant(ENERGY, "dynamic[row] + (static[row] or 0)", "dynamic[row]", "energy"),
    Mutant(
        ALLOCATE,
        "np.searchsorted(key, np.arange(n_cores + 1) * span)",
        'np.searchsorted(key, np.arange(n_cores + 1) * span, side="right")',
        "conservation",
    ),
    Mutant(LISTS, "sparse_index_bits if kind % 2 else 0", "sparse_index_bits", "capacity", "loihi"),
    Mutant(
        "emulator/compiler/crossbar/emit.py",
        "cores.target_delay[neuron][sends]",
        "np.sort(cores.target_delay[neuron][sends])",
        "conservation",
        "truenorth",
    ),
    Mutant(
        "emulator/compiler/limits.py",
        "{name: getattr(chip.limits, name) for name in RESOURCES}",
        '{name: getattr(chip.limits, name) for name in RESOURCES} | {"axons_out": 63}',
        "capacity",
    ),
    Mutant(MESH, "fifo.ready_ps = now_ps + mesh.cycle_ps", "fifo.ready_ps = now_ps", chip="loihi"),
    Mutant(MESH, "room_ps[0] = last_ps + mesh.credit_ps", "room_ps[0] = last_ps", "twin", "rough"),
    Mutant(
        MESH,
        "output.free_ps = now_ps + hop.cycle_ps",
        "output.free_ps = now_ps + mesh.cycle_ps",
        chip="rough",
    ),
    Mutant(MESH, "if now_ps > fork.left_ps:", "if now_ps < fork.left_ps:", chip="tree"),
    Mutant(CROSSING, "gap_ps[n] = work_ps + send_ps", "gap_ps[n] = work_ps"),
    Mutant("emulator/_ext/mesh_serial.pxd", "(found.place + 1) %", "found.place %", chip="merged"),
    Mutant("emulator/_ext/sweep.pxd", "next_ps = at_ps + output.cycle_ps", "next_ps = at_ps", "mesh_twin"),
    Mutant(CORE, "is_fired = v > own_threshold", "is_fired = v >= own_threshold"),
    Mutant(CORE, "decay(v, share_v) + wrap24(u + own_bias)", "decay(v, share_v) + u + own_bias"),
    Mutant("emulator/_ext/losses.pxd", "core[0] = losses.core_of_sender[sender[i]]", "pass", chip="rough"),
    Mutant("emulator/_ext/wide.pxd", "if value > 1 << 23:", "if value >= 1 << 22:", chip="lava"),
    Mutant(CROSSBAR, "if v >= high:", "if v > high:", chip="truenorth"),
    Mutant(
        "emulator/_ext/crossbar_kernel.h",
        "return (int)((low & 1) | (high & 1) << 1);",
        "return (int)(low & 1);",
        chip="truenorth",
    ),
)


@dataclass(frozen=True)
class Found:
    """What the kit says of a mutant."""

    outcome: str
    examples: int
    smallest: dict[str, int]
    message: str

    @property
    def broken(self) -> bool:
        return self.outcome == "broken"

    @property
    def is_small(self) -> bool:
        counted = [self.smallest[key] for key in ("neuron", "packet") if key in self.smallest]
        return bool(counted) and min(counted) <= SMALL

    @property
    def size(self) -> str:
        return ", ".join(f"{n} {name.replace('_', ' ')}{'s' * (n != 1)}" for name, n in self.smallest.items())


def looked_for(mutant: Mutant, tree: Path) -> Found:
    """Changes the tree, builds it if need be, and lets the kit look."""
    path = tree / mutant.file
    sound = path.read_text(encoding="utf-8")
    assert sound.count(mutant.old) == 1, f"{mutant}: the place is there {sound.count(mutant.old)} times"
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        if mutant.compiled:
            build(tree)
        return verified(mutant, tree)
    finally:
        path.write_text(sound, encoding="utf-8")


def verified(mutant: Mutant, tree: Path) -> Found:
    """`spikemesh verify` in the tree."""
    own = CHIPS / f"{mutant.chip}.yaml"
    chip = str(own) if own.exists() else mutant.chip
    command = [
        sys.executable,
        "-m",
        "emulator",
        "verify",
        chip,
        "--laws",
        mutant.law,
        "--json",
        "-o",
        "found",
    ]
    try:
        ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Found("broken", 0, {}, f"no end within {SECONDS} s")
    if ran.returncode < 0:
        return Found("broken", 0, {}, f"ended by signal {-ran.returncode}")
    assert ran.returncode in (0, 1), f"{mutant}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
    row: dict[str, Any] = json.loads(ran.stdout)["laws"][0]
    assert row["outcome"] != "not asked", f"{mutant}: {row['message']}"
    return Found(row["outcome"], row["examples"], row.get("smallest", {}), row["message"] or "")


def build(tree: Path) -> None:
    """Builds the compiled blocks that a changed file is part of."""
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    ran = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]


def copied(tree: Path) -> None:
    """The tree as it is, its blocks built anew: quickly rather than fast, for one kind of processor."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tree / name)
    for block in (tree / "emulator" / "_ext").glob("*.so"):
        block.unlink()
    for name, old, new in (
        ("setup.py", '["-O3", "-pthread"]', '["-O1", "-pthread"]'),
        ("emulator/_ext/core.pxd", "&& !defined(SPIKEMESH_CHECKED)", "&& 0"),
    ):
        text = (tree / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name}: {old}"
        (tree / name).write_text(text.replace(old, new), encoding="utf-8")
    build(tree)


def main() -> int:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    chosen = [
        mutant
        for mutant in MUTANTS
        if not (mutant.compiled and "--python" in sys.argv)
        and (not words or any(word in str(mutant) for word in words))
    ]
    chosen.sort(key=lambda mutant: mutant.compiled)  # one build serves all those of Python
    missed = large = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copied(tree)
        for mutant in chosen:
            found = looked_for(mutant, tree)
            missed, large = missed + (not found.broken), large + (found.broken and not found.is_small)
            says = f"after {found.examples:3}, {found.size}" if found.broken else "NOT FOUND"
            print(
                f"{mutant.law:12} {mutant.chip:9} {says:72} {mutant}\n    {found.message[:150]}", flush=True
            )
    print(f"{len(chosen) - missed} of {len(chosen)} found, {large} of more than {SMALL} compartments")
    return int(missed > 0)


if __name__ == "__main__":
    os.environ.setdefault("SPIKEMESH_MEMORY", "4G")
    sys.exit(main())
