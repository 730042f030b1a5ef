"""What the fuzzer found, and a handful of new mutations of sound files."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import fuzz_readers


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return fuzz_readers.seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("name", fuzz_readers.READERS)
def test_a_reader_takes_a_file_or_says_what_is_wrong(
    name: str, sound: dict[str, bytes], tmp_path: Path
) -> None:
    draw = random.Random(name)
    for data in (sound[name], *fuzz_readers.corpus(name)):
        fuzz_readers.read(name, data, tmp_path)
        for _ in range(20):
            fuzz_readers.read(name, fuzz_readers.mutated(data, draw), tmp_path)


@pytest.mark.parametrize("name", ["program", "record", "network", "checkpoint", "nir", "arrays"])
def test_the_seeds_of_the_fuzzer_are_sound(name: str, sound: dict[str, bytes], tmp_path: Path) -> None:
    assert fuzz_readers.read(name, sound[name], tmp_path)
