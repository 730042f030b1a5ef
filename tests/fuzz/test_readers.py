"""What the fuzzer found, the corpus, and a handful of new mutations of sound files."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import fuzz_readers
import trees

MUTATIONS = 20  # of each kind


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    return fuzz_readers.seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("name", fuzz_readers.READERS)
def test_a_reader_takes_a_file_or_says_what_is_wrong(
    name: str, sound: dict[str, list[bytes]], tmp_path: Path
) -> None:
    draw = random.Random(name)
    for _ in range(MUTATIONS):
        data = draw.choice(sound[name])
        fuzz_readers.read(name, fuzz_readers.mutated(data, draw), tmp_path)
        other = trees.mutated(name, data, draw)
        if other is not None:
            fuzz_readers.read(name, other, tmp_path)


@pytest.mark.parametrize("name", fuzz_readers.READERS)
def test_a_reader_takes_the_corpus_or_says_what_is_wrong(name: str, tmp_path: Path) -> None:
    for data in fuzz_readers.corpus(name):
        fuzz_readers.read(name, data, tmp_path)


@pytest.mark.parametrize("name", ["program", "record", "network", "checkpoint", "baseline", "nir", "chip"])
def test_the_seeds_of_the_fuzzer_are_sound(name: str, sound: dict[str, list[bytes]], tmp_path: Path) -> None:
    taken = [fuzz_readers.read(name, data, tmp_path) for data in sound[name]]
    assert sum(taken) >= len(taken) - 2  # chips have two parts that others inherit


@pytest.mark.parametrize("name", fuzz_readers.READERS)
def test_mutations_of_what_a_file_means_reach_the_reader(
    name: str, sound: dict[str, list[bytes]], tmp_path: Path
) -> None:
    """Some are taken, some are refused: neither a frame that is always wrong nor changes that say nothing."""
    draw, taken = random.Random(name), []
    while len(set(taken)) < 2 and len(taken) < 500:
        data = trees.mutated(name, draw.choice(sound[name]), draw)
        if data is not None:
            taken.append(fuzz_readers.read(name, data, tmp_path))
    assert set(taken) == {True, False}


def test_the_corpus_is_small_and_its_table_is_of_readers_there_are() -> None:
    sizes = [path.stat().st_size for path in fuzz_readers.CORPUS.rglob("*") if path.is_file()]
    assert sum(sizes) < 500_000
    table = json.loads(fuzz_readers.MINUTES.read_text())
    assert set(table) <= set(fuzz_readers.READERS)
    assert all(row["cpu_minutes"] > 0 and row["inputs"] > 0 for row in table.values())
