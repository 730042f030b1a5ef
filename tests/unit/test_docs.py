"""The pages of docs/: their files are written, their commands run, and end with the exit code they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"```(?:yaml|python)\n# file: (\S+)\n(.*?)```", re.S)
COMMAND = re.compile(r"^\$ (.*)(?:\n\[(\d+)\])?", re.M)
LONG = settings().max_examples > 1000  # the nightly profile
PROGRAMS = {"spikemesh": ["-m", "emulator"], "pytest": ["-m", "pytest", "-p", "pytest_spikemesh"]}


def test_the_commands_of_test_your_own_chip_do_what_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs/test-your-own-chip.md").read_text()
    for name, text in FILE.findall(page):
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    commands = COMMAND.findall("\n".join(re.findall(r"```console\n(.*?)```", page, re.S)))
    assert len(commands) == 6
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for command, code in commands:
        program, *args = shlex.split(command)
        if "--engine" in args and "found/twin" not in args and not LONG:
            args.append("--no-shrink")  # making it small takes as long as all else
        if "20" in args and not LONG:
            args[args.index("20")] = "4"
        done = subprocess.run(
            [sys.executable, *PROGRAMS[program], *args],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == int(code or 0), f"{command}\n{done.stdout}\n{done.stderr}"
    case = tmp_path / "found/twin"
    assert (case / "case.prog").exists() and '"law": "twin"' in (case / "case.json").read_text()
