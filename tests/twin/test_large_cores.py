"""What only shows in cores larger than those drawn at random: blocks of compartments, parts of the chip, rows
of 8 and 16 bits, and blocks that are skipped because nothing can change in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.events import EVENT_ID
from emulator.engine import rows
from emulator.testing import first_difference

N = 600  # compartments: two blocks of 512, the second not full
N_TICKS = 24


ALIKE = em.LoihiCuba(du=3000, dv=400, vth_mant=40)
SOFT = em.LoihiCuba(du=3000, dv=400, vth_mant=40, soft_reset=1)
# nothing of a tick is left in the next but one, and nobody fires
BRIEF = em.LoihiCuba(du=4095, dv=4095, vth_mant=131071)


def various(seed: int) -> em.LoihiCuba:
    """Every compartment another one."""
    rng = np.random.default_rng(seed)
    return em.LoihiCuba(
        du=rng.integers(0, 4096, N),
        dv=rng.integers(0, 900, N),
        vth_mant=rng.integers(1, 90, N),
        refractory=rng.integers(1, 4, N),
    )


def network(seed: int, *, step: int, delays: int, model: em.LoihiCuba = ALIKE) -> em.Network:
    """A few inputs reach a few compartments; most stay silent for long. Weights are multiples of `step`."""
    rng = np.random.default_rng(seed)
    net = em.Network("large")
    source, cells = net.add_source("in", 12), net.add_population("cells", N, model)
    for part, n, share in ((source, 12, 0.05), (cells, N, 0.01)):
        pre, post = np.nonzero(rng.random((n, N)) < share)
        mantissa = step * rng.integers(-120 // step, 240 // step + 1, len(pre))
        weights = em.Triplets(pre, post, mantissa, rng.integers(1, delays + 1, len(pre)))
        net.connect(part, cells, weights, synapse=em.LoihiSynapse(weight_bits=8))
    net.probe(cells, "v")
    net.probe(cells, "v", raw=True, ticks=[3, 7, 20])
    return net


def stimulus(seed: int) -> dict[str, np.ndarray]:
    """Spikes in the first ticks and, after a silence, in some late ones."""
    raster = np.random.default_rng(seed).random((N_TICKS, 12)) < 0.3
    raster[6:18] = False
    return {"in": raster}


def assert_equal_on_both_engines(program: em.Program, seed: int, **arguments: Any) -> em.Result:
    given = {"stimulus": stimulus(seed), "timing": False, **arguments}
    reference = em.run(program, N_TICKS, engine="reference", **given)
    for threads in (1, 2, 3):
        native = em.run(program, N_TICKS, engine="native", threads=threads, **given)
        assert first_difference(reference.record, native.record) is None, threads
    return native


@pytest.mark.parametrize("delays", [1, 9])
@pytest.mark.parametrize("step", [2, 8])
@pytest.mark.parametrize("model", [ALIKE, SOFT, various(1)], ids=["alike", "soft", "various"])
def test_blocks_of_compartments_are_those_of_the_reference(
    model: em.LoihiCuba, step: int, delays: int
) -> None:
    program = em.compile(network(1, step=step, delays=delays, model=model), em.load_chip("loihi-wide"))
    assert program.image.n_cores == 1
    result = assert_equal_on_both_engines(program, 1)
    counts = result.record.counts_by_tick
    assert counts[:, 0].sum() > 30 and result.counts["update_inactive"] > 1000


@pytest.mark.parametrize("delays", [1, 4])
@pytest.mark.parametrize(("short_piece", "target_bytes"), [(0, 2), (4, 4), (10**6, 4)])
def test_parts_of_the_chip_are_those_of_the_reference(
    short_piece: int, target_bytes: int, delays: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that hold a piece of a core, or pieces of several."""
    monkeypatch.setattr(rows, "PLACES", 256)
    monkeypatch.setattr(rows, "SHORT_PIECE", short_piece)
    chip = em.load_chip("loihi-wide").replace({"limits.compartments": 90})
    program = em.compile(network(2, step=2, delays=delays), chip)
    assert program.image.n_cores == 7
    parts = rows.parts_of(program.image, rows.shares_of(program.image, 2))
    assert parts.target_bytes == target_bytes
    assert len(parts.part_slot) > 3 or target_bytes == 4
    assert_equal_on_both_engines(program, 2)
    state = em.run(program, 5, {"in": stimulus(2)["in"][:5]}, timing=False).state
    assert state.pending.any()
    assert_equal_on_both_engines(program, 2, state=state)


@pytest.mark.parametrize("delays", [1, 4])
def test_a_volley_of_a_thousand_spikes_goes_through_all_parts(
    delays: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PLACES", 512)
    monkeypatch.setattr(rows, "SHORT_PIECE", 0)
    rng, n = np.random.default_rng(8), 1100
    net = em.Network("volley")
    source, cells = net.add_source("in", n), net.add_population("cells", N, ALIKE)
    pre, post = np.repeat(np.arange(n), 4), rng.integers(0, N, 4 * n)
    weights = em.Triplets(pre, post, rng.integers(-100, 100, 4 * n), rng.integers(1, delays + 1, 4 * n))
    net.connect(source, cells, weights, synapse=em.LoihiSynapse(weight_bits=8))
    program = em.compile(net, em.load_chip("loihi-wide"))
    assert len(rows.parts_of(program.image, rows.shares_of(program.image, 1)).part_slot) > 2
    raster = np.isin(np.arange(N_TICKS), [2, 3, 9])[:, np.newaxis] & (rng.random(n) < 0.97)
    assert_equal_on_both_engines(program, 8, stimulus={"in": raster})


def test_a_run_leaves_the_rounding_of_its_thread_as_it_was() -> None:
    """Inside it floats are rounded toward zero: there 0.1 + 0.2 is 0.3."""
    program = em.compile(network(9, step=2, delays=1), em.load_chip("loihi-wide"))
    em.run(program, 3, stimulus={"in": stimulus(9)["in"][:3]}, timing=False, threads=2)
    assert np.add(*np.array([0.1, 0.2])) == 0.30000000000000004


def test_a_sender_may_have_more_synapses_than_16_bits_count() -> None:
    net = em.Network("many")
    source, cells = net.add_source("in", 1), net.add_population("cells", 300, ALIKE)
    n = 70_000
    post, weight = np.arange(n) % 300, np.where(np.arange(n) % 7, 1, -5)
    weights = em.Triplets(np.zeros(n, dtype=np.int64), post, weight)
    net.connect(source, cells, weights, synapse=em.LoihiSynapse(weight_bits=8))
    program = em.compile(net, em.load_chip("loihi-wide"))
    assert rows.rows_of(program.image, rows.shares_of(program.image, 1)).settings["target_bytes"] == 4
    raster = np.arange(N_TICKS)[:, np.newaxis] == 2
    assert_equal_on_both_engines(program, 8, stimulus={"in": raster})


@pytest.mark.parametrize("near_bytes", [0, rows.NEAR_BYTES])
@pytest.mark.parametrize("places", [rows.PLACES, 128])
@pytest.mark.parametrize(("step", "delays"), [(2, 1), (1, 1), (2, 2)])
def test_layers_are_kept_as_spans(
    step: int, delays: int, places: int, near_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All to all, half of all, and every synapse of the last layer twice, which no span can hold."""
    monkeypatch.setattr(rows, "PLACES", places)
    monkeypatch.setattr(rows, "NEAR_BYTES", near_bytes)
    rng = np.random.default_rng(3)
    net = em.Network("layers")
    last, n_last = net.add_source("in", 12), 12
    for name, n, share, times in (("a", 70, 1.0, 1), ("b", 150, 0.5, 1), ("c", 40, 1.0, 2)):
        cells = net.add_population(name, n, ALIKE)
        pre, post = (np.tile(i, times) for i in np.nonzero(rng.random((n_last, n)) < share))
        mantissa = step * rng.integers(-120 // step, 240 // step + 1, len(pre))
        weights = em.Triplets(pre, post, mantissa, rng.integers(1, delays + 1, len(pre)))
        net.connect(last, cells, weights, synapse=em.LoihiSynapse(weight_bits=8))
        last, n_last = cells, n
    program = em.compile(net, em.load_chip("loihi-wide"))
    kept = rows.rows_of(program.image, rows.shares_of(program.image, 1))
    lists = (2 + kept.settings["weight_bytes"]) * program.image.n_synapses  # bytes
    n_bytes = kept.arrays["rows"].nbytes
    if delays == 1:
        assert n_bytes < 0.95 * lists
    elif near_bytes:  # larger than lists, but faster
        assert n_bytes > 1.05 * lists
    assert_equal_on_both_engines(program, 3)


def test_a_state_that_other_weights_have_left_is_gone_on_with() -> None:
    """Weights here are multiples of 8 * 64, the sums in the state are not."""
    program = em.compile(network(3, step=8, delays=3), em.load_chip("loihi-wide"))
    state = em.run(program, 5, {"in": stimulus(3)["in"][:5]}, timing=False).state
    odd = state.pending + 64 * np.random.default_rng(3).integers(-9, 10, state.pending.shape, dtype=np.int32)
    assert (odd % 512).any()
    assert_equal_on_both_engines(program, 3, state=replace(state, pending=odd))


def test_a_silent_compartment_wakes_when_its_state_says_so() -> None:
    """Silence is found out anew in every sample: the second starts from a state that is not silent."""
    program = em.compile(network(4, step=2, delays=2), em.load_chip("loihi-wide"))
    start = em.run(program, 1, {"in": np.zeros((2, 1, 12), dtype=bool)}, timing=False, batch=2).state
    u = start.u.copy()
    u[1, 590] = 100_000
    both = {"in": np.stack([stimulus(4)["in"] & False, stimulus(4)["in"] & False])}
    result = assert_equal_on_both_engines(program, 4, state=replace(start, u=u), stimulus=both, batch=2)
    assert set(result.spikes("cells")[:, 0]) == {1}


def test_the_time_of_a_tick_counts_only_those_that_are_active_in_it() -> None:
    chip = em.load_chip("loihi").replace({"latency_ps.update_active": 9_700_000})
    program = em.compile(network(5, step=2, delays=3, model=BRIEF), chip)
    result = assert_equal_on_both_engines(program, 5, timing=True)
    n_active = result.record.counts_by_tick[:, EVENT_ID["update_active"]]
    assert n_active[:6].max() > 100 and n_active[11:18].max() == 0 and n_active[20:].max() > 100


def test_a_refractory_time_that_only_the_state_knows_of_is_waited_for() -> None:
    program = em.compile(network(6, step=2, delays=2), em.load_chip("loihi-wide"))
    state = em.run(program, 1, timing=False).state
    refractory = np.random.default_rng(6).integers(0, 9, state.refractory.shape, dtype=np.int32)
    assert_equal_on_both_engines(program, 6, state=replace(state, refractory=refractory))


def test_a_raw_voltage_forgets_a_spike_that_left_nothing_behind() -> None:
    """It fires from its initial state; after that every register of the block is 0."""
    net = em.Network("once")
    cells = net.add_population("cells", 300, em.LoihiCuba(vth_mant=2), v0=np.eye(1, 300, 260)[0] * 999)
    net.probe(cells, "v", raw=True)
    program = em.compile(net, em.load_chip("loihi-wide"))
    for engine in ("reference", "native"):
        raw = em.run(program, 3, engine=engine, timing=False).probe("cells", "v", raw=True)
        assert raw[:, 260].tolist() == [128, 0, 0]
        assert not np.delete(raw, 260, axis=1).any()
