"""Frozen data borrows only what nobody can change any more."""

from __future__ import annotations

import numpy as np
import pytest

import emulator as em
from emulator.arrays import is_frozen, own


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def test_an_array_that_cannot_be_written_to_is_borrowed() -> None:
    given = frozen(np.arange(5, dtype=np.int32))
    assert own(given, np.int32) is given
    assert np.shares_memory(own(given[1:], np.int32), given)
    assert own(np.frombuffer(b"abcd", dtype=np.int32), np.int32).base is not None


@pytest.mark.parametrize("view", [lambda base: base, lambda base: base[1:], lambda base: base[:].view()])
def test_a_view_that_its_base_can_change_is_copied(view: object) -> None:
    base = np.arange(5, dtype=np.int32)
    given = view(base)  # type: ignore[operator]
    if given is not base:
        given = frozen(given)
    assert not is_frozen(given)
    kept = own(given, np.int32)
    base[:] = 9
    assert 9 not in kept


def test_memory_that_is_not_an_arrays_own_is_copied_if_it_can_be_written_to() -> None:
    memory = bytearray(8)
    kept = own(frozen(np.frombuffer(memory, dtype=np.int32)), np.int32)
    memory[0] = 1
    assert kept.tolist() == [0, 0]


def test_another_dtype_is_a_copy() -> None:
    assert own(frozen(np.arange(3)), np.int16).dtype == np.int16


def test_weights_behind_a_read_only_view_cannot_change_a_network() -> None:
    target, weight = np.array([0, 1], dtype=np.int32), np.array([4, 6], dtype=np.int16)
    net = em.Network("view")
    source, cells = net.add_source("in", 2), net.add_population("cells", 2, em.LoihiCuba())
    views = [frozen(array[:]) for array in (np.array([0, 1], dtype=np.int32), target, weight)]
    net.connect(source, cells, em.Triplets(*views))
    target[:], weight[:] = 7, 9
    assert net.projections[0].target.tolist() == [0, 1] and 9 not in net.projections[0].weight
