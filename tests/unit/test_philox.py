"""Philox4x32-10 against the known answers of its authors, in both implementations."""

from __future__ import annotations

import numpy as np
import pytest

from emulator import philox
from emulator._ext import generator as native

# Random123 1.14 (D. E. Shaw Research), tests/kat_vectors, lines "philox4x32 10": counter, key, expected.
KNOWN_ANSWERS = [
    "00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd",
    "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1",
]


@pytest.fixture(params=KNOWN_ANSWERS)
def answer(request: pytest.FixtureRequest) -> tuple[list[int], list[int], list[int]]:
    words = [int(word, 16) for word in request.param.split()]
    return words[:4], words[4:6], words[6:]


def test_integers_give_the_published_words(answer: tuple[list[int], list[int], list[int]]) -> None:
    counter, key, expected = answer
    found = philox.philox4x32((counter[0], counter[1], counter[2], counter[3]), (key[0], key[1]))
    assert list(found) == expected


def test_arrays_give_the_published_words(answer: tuple[list[int], list[int], list[int]]) -> None:
    counter, key, expected = answer
    arrays = [np.full(3, word, dtype=np.uint64) for word in counter]
    found = philox.philox4x32((arrays[0], arrays[1], arrays[2], arrays[3]), (key[0], key[1]))
    assert [word.tolist() for word in found] == [[word] * 3 for word in expected]


def test_c_gives_the_published_words(answer: tuple[list[int], list[int], list[int]]) -> None:
    counter, key, expected = answer
    out = np.zeros(native.WORDS_AT_ONCE, dtype=np.uint32)
    native.philox_words(np.array(counter, dtype=np.uint32), np.array(key, dtype=np.uint32), out)
    assert out[:4].tolist() == expected


def test_every_part_of_a_name_has_bits_of_its_own() -> None:
    # The largest value of each part, and one less: no two of them may share a counter and key.
    parts = (2**64 - 1, 2**philox.STREAM_BITS - 1, 2**31 - 1, 2**philox.TICK_BITS - 1, 2**30 - 1)
    names = [parts, *(tuple(v - (i == part) for i, v in enumerate(parts)) for part in range(5))]
    names.append((parts[0] - 2**32, *parts[1:]))  # the high word of the seed
    names.append((*parts[:3], parts[3] - 2**32, parts[4]))  # the high bits of the tick
    drawn = [philox.draw(*name) for name in names]
    assert len(set(drawn)) == len(names)
    assert all(0 <= word < 2**32 for words in drawn for word in words)


def test_draws_of_links_share_no_counter_with_those_of_sources() -> None:
    """Same seed, same other words: a source's third word is a sample below 2**31, a link's key has bit 31."""
    first, second = philox.link_key(7, 3, 4)
    assert (first, second) == philox.philox4x32((3, 4, 2**31, 0), (7, 0))[:2]
    number, tick = 5, (9 << 32) + 6
    assert (
        philox.link_draw((first, second), number, 2, tick)
        == philox.philox4x32((5, 6, 2, 9), (first, second))[0]
    )


def test_keys_and_draws_of_links_take_arrays() -> None:
    sources, links = np.arange(4, dtype=np.uint64), np.arange(4, dtype=np.uint64) * np.uint64(1000)
    key = philox.link_key(2**64 - 1, sources, links)
    draws = philox.link_draw(key, np.arange(4, dtype=np.uint64), 1, 2)
    for i in range(4):
        assert draws[i] == philox.link_draw(philox.link_key(2**64 - 1, i, 1000 * i), i, 1, 2)


def test_draws_of_cores_share_no_counter_with_those_of_sources_and_links() -> None:
    """Same seed, same other words: a source's third word has no bit 31, a link's key 0 as the last one."""
    key = philox.core_key(7, 3)
    assert key == philox.philox4x32((3, 0, 2**31, 1), (7, 0))[:2]
    assert key != philox.link_key(7, 3, 0)
    tick, use, neuron = (9 << 32) + 6, 17, 200
    assert philox.neuron_draw(key, neuron, use, 2, tick) == philox.philox4x32((17 * 256 + 200, 6, 2, 9), key)


def test_every_neuron_use_sample_and_tick_has_a_counter_of_its_own() -> None:
    key = philox.core_key(2**64 - 1, 2**32 - 1)
    parts = (255, 16, 2**31 - 1, 2**philox.TICK_BITS - 1)
    names = [parts, *(tuple(v - (i == part) for i, v in enumerate(parts)) for part in range(4))]
    names.append((*parts[:3], parts[3] - 2**32))  # the high bits of the tick
    assert len({philox.neuron_draw(key, *name) for name in names}) == len(names)
    assert len({philox.core_key(seed, 5) for seed in (0, 1, 2**32, 2**63)}) == 4


def test_keys_and_draws_of_cores_take_arrays() -> None:
    cores = np.arange(4, dtype=np.uint64) * np.uint64(1000)
    key = philox.core_key(2**64 - 1, cores)
    words = philox.neuron_draw(key, np.arange(4, dtype=np.uint64), 3, 1, 2)
    for i in range(4):
        alone = philox.neuron_draw(philox.core_key(2**64 - 1, 1000 * i), i, 3, 1, 2)
        assert tuple(int(word[i]) for word in words) == alone
