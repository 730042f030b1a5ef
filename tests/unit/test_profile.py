"""A profile: measured spikes weigh the placement, and only those of the network that is compiled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import emulator as em
from emulator.compiler.pipeline import run_passes
from emulator.compiler.profile import MOST, measured_spikes, sender_weights, weights_of
from emulator.testing.crossbars import crossbar_chip

ROW = em.load_chip("tiny").replace({"mesh.width": 4, "mesh.height": 1, "cores.per_tile": 1})
NEVER, AT_ONCE = 1000, 0


def star(loud_fires: bool = True) -> em.Network:
    """Three neurons of `quiet`, which never fire, and one of `loud`, which always does: all to `hub`."""
    net = em.Network("star")
    hub = net.add_population("hub", 1, em.LoihiCuba(vth_mant=NEVER))
    quiet = net.add_population("quiet", 3, em.LoihiCuba(vth_mant=NEVER))
    bias = 100 if loud_fires else 0
    loud = net.add_population("loud", 1, em.LoihiCuba(vth_mant=AT_ONCE, bias_mant=bias), record_spikes=False)
    for part in (quiet, loud):
        net.connect(part, hub, weights=np.ones((part.n, 1), int), synapse=em.LoihiSynapse(w_exp=0))
    return net


PINS = {"hub": [0]}
APART = {"limits.compartments": 3}  # hub; quiet; loud: a core each


def measured(net: em.Network, n_ticks: int = 10, chip: em.ChipSpec | None = None) -> em.Result:
    return em.run(em.compile(net, chip or em.load_chip("loihi")), n_ticks)


def tile_of(program: em.Program, name: str) -> int:
    slot = int(program.symbols.part(name).address[0])
    row = int(np.searchsorted(program.image.slot_ptr, slot, side="right")) - 1
    return int(program.image.core_id[row])


def test_what_fired_in_the_profile_is_placed_nearer_than_what_has_more_synapses() -> None:
    chip = ROW.replace(APART)
    pinned = {"hub": np.array([0])}
    net = star()
    plain = em.compile(net, chip, mapping=pinned)
    weighed = em.compile(net, chip, mapping=pinned, profile=measured(net).record)
    assert (tile_of(plain, "quiet"), tile_of(plain, "loud")) == (1, 2)
    assert (tile_of(weighed, "quiet"), tile_of(weighed, "loud")) == (2, 1)
    # ten spikes of `loud`: one hop each instead of two; every sender once: 3 x 2 + 1 instead of 3 x 1 + 2
    assert (plain.stats["spike_hops"], weighed.stats["spike_hops"]) == (5, 7)
    profile = weighed.stats["profile"]
    assert (profile["packets"], profile["spike_hops"], profile["max_link"]) == (10, 10, 10)
    assert (profile["n_spikes"], profile["n_silent"]) == (10, 4)
    assert "profile" not in plain.stats
    # what was minimised: spikes and one more
    assert weighed.stats["placement"]["spike_hops"] == 11 * 1 + 3 * 2
    assert weighed.stats["placement"]["weighed"] and not plain.stats["placement"]["weighed"]


def test_the_report_tells_plain_and_profiled_traffic() -> None:
    net = star()
    text = em.compile(net, ROW.replace(APART), mapping={"hub": np.array([0])}, profile=measured(net)).report()
    assert "Traffic if every neuron and input fires once" in text
    assert "Traffic of the profile, 10 spikes; senders without one: 4" in text
    assert "a sender weighs its spikes of the profile and one more" in text


def test_a_result_and_its_record_in_memory_or_in_a_file_are_the_same_profile(tmp_path: Path) -> None:
    net = star()
    result = measured(net)
    result.save(tmp_path / "r")
    weights = [
        sender_weights(net, one).tolist()
        for one in (result, result.record, em.load_record(tmp_path / "r").record)
    ]
    # hub, quiet, loud: spikes and one more, whatever slots they had on the chip of the run
    assert weights == [[1, 1, 1, 1, 11]] * 3


def test_spikes_are_read_by_name_wherever_the_run_had_put_them() -> None:
    net = star()
    source = net.add_source("in", 2)
    net.connect(source, "hub", weights=np.ones((2, 1), int), synapse=em.LoihiSynapse(w_exp=0))
    chip = ROW.replace(APART)
    elsewhere = em.compile(net, chip, mapping={"hub": np.array([3]), "loud": np.array([0])})
    events = np.array([[0, 1], [2, 1], [2, 0]])
    record = em.run(elsewhere, 4, {"in": events}).record
    assert measured_spikes(net, record).tolist() == [0, 0, 0, 0, 4, 1, 2]


def test_inputs_that_draw_their_own_spikes_are_measured(engine: str) -> None:
    net = em.Network("drawn")
    net.add_source("noise", 3, em.Poisson(rate_hz=[0.0, 1000.0, 300.0]))
    net.add_population("a", 2, em.LoihiCuba(vth_mant=NEVER))
    net.connect("noise", "a", weights=np.ones((3, 2), int), synapse=em.LoihiSynapse(w_exp=0))
    result = em.run(em.compile(net, em.load_chip("loihi")), 50, engine=engine, seed=4, batch=2)
    found = measured_spikes(net, result)
    assert found[:4].tolist() == [0, 0, 0, 100]  # each tick of both samples
    assert 10 < found[4] < 60
    assert found.sum() == result.counts["host_in"]


def test_large_sums_are_scaled_and_nobody_weighs_nothing() -> None:
    weights = weights_of(np.array([2**50, 2**49, 0]))
    assert weights.sum() <= MOST + 3 and weights.min() == 1
    assert weights[0] == pytest.approx(2 * weights[1], rel=1e-6)


def test_a_profile_of_nothing_special_places_as_no_profile_does() -> None:
    net = star()
    record = measured(net).record
    even = replace(record, spikes_by_sender=np.full_like(record.spikes_by_sender, 7))
    chip = ROW.replace(APART)
    pinned = {"hub": np.array([0])}
    plain, weighed = (
        em.compile(net, chip, mapping=pinned),
        em.compile(net, chip, mapping=pinned, profile=even),
    )
    assert plain.image.digest == weighed.image.digest


def test_copies_and_relays_of_crossbar_cores_weigh_what_their_sender_does() -> None:
    net = em.Network("fan")
    source = net.add_source("in", 2)
    a = net.add_population("a", 2, em.TrueNorth(alpha=1))
    b = net.add_population("b", 600, em.TrueNorth(alpha=1))
    net.connect(source, a, weights=np.eye(2, dtype=int))
    net.connect(a, b, weights=np.ones((2, 600), int), delay_ticks=20)  # three cores, beyond 15 ticks: relays
    job = run_passes(net, em.load_chip("truenorth"), until="describe")
    values = np.concatenate([[10, 20], np.zeros(600, int), [3, 4]])
    spread = job.of_cores(values)
    cores = job["describe"]
    assert spread is not None
    # whatever brings a spike of neuron i of `a` to an axon weighs as much as i
    owner = np.where(job["rewrite"].origin < 0, -1, job["rewrite"].origin)
    own = spread[: len(cores.account)]
    assert set(own[owner == 0]) == {10} and set(own[owner == 1]) == {20}
    assert (owner == -1).any() and set(own[owner == -1]) <= {10, 20}
    assert spread[len(cores.account) :].tolist() == [3, 4]


def test_cores_described_directly_are_weighed_too() -> None:
    chip = crossbar_chip()
    net = em.Network("direct")
    neurons = em.TrueNorth(s=(1, 0, 0, 0), alpha=1)
    net.add_core("a", np.eye(2, dtype=bool), [0, 0], neurons, target_core=1, target_axon=[0, 1], delay=1)
    net.add_core("b", np.eye(2, dtype=bool), [0, 0], neurons)
    result = em.run(em.compile(net, chip), 5, {"a": np.array([[0, 0], [1, 0], [2, 1]])})
    assert measured_spikes(net, result).tolist() == [2, 1, 2, 1, 2, 1, 0, 0]
    program = em.compile(net, chip, profile=result)
    assert program.stats["profile"]["n_spikes"] == 9


def other(change: str) -> em.Result:
    """A run of a network that differs from `star` in a way."""
    net = em.Network("other")
    sizes = {"hub": 1, "quiet": 3, "loud": 1}
    if change == "size":
        sizes["quiet"] = 4
    if change == "missing":
        del sizes["loud"]
    if change == "more":
        sizes["late"] = 1
    for name, n in sizes.items():
        net.add_population(name, n, em.LoihiCuba(vth_mant=AT_ONCE, bias_mant=100))
    if change == "source":
        net.add_source("in", 1)
    return measured(net)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "size",
            "profile: population 'quiet' has 4 neurons, in network 'star' 3: take the record of a run of",
        ),
        ("missing", "profile: no population 'loud', which network 'star' has; the run had 'hub', 'quiet':"),
        ("more", "profile: population 'late' is not in network 'star'"),
        ("source", "profile: source 'in' is not in network 'star'"),
    ],
)
def test_a_profile_of_another_network_is_refused_by_name(change: str, words: str) -> None:
    with pytest.raises(em.CompileError, match=words):
        em.compile(star(), ROW, profile=other(change))


def test_all_that_a_profile_does_not_share_is_told_at_once() -> None:
    net = star()
    net.add_source("in", 1)
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, ROW, profile=other("size"))
    assert len(caught.value.problems) == 2


def test_a_profile_without_a_spike_or_without_names_is_refused() -> None:
    net = star(loud_fires=False)
    silent = measured(net).record
    with pytest.raises(
        em.CompileError, match="profile: no spike in 10 ticks of network 'star': drive its so"
    ):
        em.compile(net, ROW, profile=silent)
    with pytest.raises(em.CompileError, match="profile: a record without names, of an image that was run by"):
        em.compile(net, ROW, profile=replace(silent, names=()))
