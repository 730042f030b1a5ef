"""Generators in C equal those of the reference: random numbers, tables, beats, merging with the host."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import philox
from emulator._ext import generator as native
from emulator.chip.drive import KINDS, Generators
from emulator.reference.generator import draw_inputs

WORD = st.one_of(st.sampled_from((0, 1, 2**31, 2**32 - 1)), st.integers(0, 2**32 - 1))
TICK = st.one_of(st.integers(0, 12), st.sampled_from((2**32 - 1, 2**32, 2**40 - 13)))
SEED = st.sampled_from((0, 1, 2**32, 2**64 - 1))
NONE = np.zeros(0, dtype=np.int32)


Row = tuple[str, int, int, list[list[int]]]


def generators(*rows: Row, seed: int = 0, first_tick: int = 0) -> Generators:
    """Rows: kind, first input, number of inputs, table; the stream is the first input."""
    tables = [np.array(table, dtype=np.int64) for *_, table in rows]
    columns = [
        (KINDS.index(kind), first, n, first, *table.shape)
        for (kind, first, n, _), table in zip(rows, tables, strict=True)
    ]
    names = ("kind", "first_input", "n_inputs", "stream", "n_rows", "width")
    arrays = dict(zip(names, np.array(columns, dtype=np.int64).T.copy(), strict=True))
    ends = np.cumsum([0, *(table.size for table in tables)], dtype=np.int64)
    values = np.concatenate([table.ravel() for table in tables])
    return Generators(seed=seed, first_tick=first_tick, **arrays, table_ptr=ends, values=values)


def spiking(made: Generators, sample: int, tick: int, told: np.ndarray = NONE) -> list[int]:
    found = native.spiking_inputs(made.arrays(), made.seed, made.first_tick, sample, tick, told)
    return found.tolist()


@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_every_lane_of_the_block_loop_equals_python(
    counter: tuple[int, int, int, int], key: tuple[int, int]
) -> None:
    out = np.zeros(native.WORDS_AT_ONCE, dtype=np.uint32)
    native.philox_words(np.array(counter, dtype=np.uint32), np.array(key, dtype=np.uint32), out)
    for lane in range(native.WORDS_AT_ONCE // 4):
        block = (counter[0] + lane) % 2**32
        assert out[4 * lane : 4 * lane + 4].tolist() == list(philox.philox4x32((block, *counter[1:]), key))


def _table(draw: st.DrawFn, kind: str, n: int) -> list[list[int]]:
    width = draw(st.sampled_from((1, n)))
    if kind == "regular":
        period = st.one_of(st.integers(1, 5), st.sampled_from((2**31 - 1, 2**31 - 2)))
        phase = st.one_of(st.integers(0, 5), st.just(2**31 - 1))
        return [[draw(phase) for _ in range(width)], [draw(period) for _ in range(width)]]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_rows = draw(st.sampled_from((1, 12)))
    table = rng.integers(0, 2**32 + 1, (n_rows, width))
    edges = rng.choice([0, 1, 2**32 - 1, 2**32], (n_rows, width))
    return np.where(rng.random((n_rows, width)) < 0.3, edges, table).tolist()


@given(st.data())
def test_generators_in_c_equal_the_reference(data: st.DataObject) -> None:
    first, rows, gaps = 0, [], []
    for _ in range(data.draw(st.integers(1, 3))):
        gap = data.draw(st.integers(0, 3))
        gaps += list(range(first, first + gap))
        kind = data.draw(st.sampled_from(KINDS))
        n = data.draw(st.one_of(st.integers(1, 9), st.sampled_from((63, 64, 65, 130))))
        rows.append((kind, first + gap, n, _table(data.draw, kind, n)))
        first += gap + n
    gaps += [first, first + 1]
    told = np.array([i for i in gaps if data.draw(st.booleans())], dtype=np.int32)
    made = generators(*rows, seed=data.draw(SEED), first_tick=data.draw(TICK))
    sample, tick = data.draw(st.sampled_from((0, 1, 2**31 - 1))), data.draw(st.integers(0, 11))
    drawn = draw_inputs(made, sample, tick)
    assert drawn == sorted(set(drawn))
    assert spiking(made, sample, tick, told) == sorted([*drawn, *told.tolist()])


def test_a_threshold_is_compared_with_the_very_draw() -> None:
    word = int(philox.draw(7, 0, 3, 9, 1)[2])  # input 6 of a source, in tick 9 of sample 3
    for threshold, expected in ((word, []), (word + 1, [6])):
        table = [[0] * 6 + [threshold] + [0] * 2]
        made = generators(("poisson", 0, 9, table), seed=7, first_tick=4)
        assert draw_inputs(made, 3, 5) == spiking(made, 3, 5) == expected


@pytest.mark.parametrize("period", [1, 3, 2**31 - 1])
def test_beats_are_exact_wherever_a_quotient_is_nearly_whole(period: int) -> None:
    last = (2**40 - 1) // period * period
    for since in (last - period, last - 1, last, min(last + 1, 2**40 - 1)):
        made = generators(("regular", 0, 2, [[0], [period]]), first_tick=since)
        expected = [0, 1] if since % period == 0 else []
        assert draw_inputs(made, 0, 0) == spiking(made, 0, 0) == expected
