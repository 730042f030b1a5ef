"""Pass partition: sequential fill under every limit, around pinned neurons, against a plain greedy oracle."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emulator as em
from emulator.compiler.ir import Partition
from emulator.compiler.pipeline import run_passes

CHIP = em.load_chip("tiny")
FEWER = settings.default.max_examples // 3  # an example compiles, and fills once more in plain Python


@pytest.fixture(scope="module")
def tiny() -> em.ChipSpec:
    return CHIP


def bins(net: em.Network, chip: em.ChipSpec, mapping: Any = None) -> list[list[int]]:
    """Neurons of each bin; the whole pipeline must accept the outcome."""
    partition: Partition = run_passes(net, chip, mapping)["partition"]
    return [np.flatnonzero(partition.bin_of == number).tolist() for number in range(partition.n_bins)]


def line(n: int, model: em.LoihiCuba | None = None, **population: Any) -> em.Network:
    """`n` neurons, neuron i driven by input i."""
    net = em.Network()
    source = net.add_source("in", n)
    a = net.add_population("a", n, model or em.LoihiCuba(), **population)
    net.connect(source, a, 2 * np.eye(n))
    return net


def test_compartments_close_a_core(tiny: em.ChipSpec) -> None:
    assert bins(line(5), tiny.replace({"limits.compartments": 2})) == [[0, 1], [2, 3], [4]]


def test_axons_in_close_a_core(tiny: em.ChipSpec) -> None:
    assert bins(line(5), tiny.replace({"limits.axons_in": 3})) == [[0, 1, 2], [3, 4]]


def test_synapse_memory_closes_a_core(tiny: em.ChipSpec) -> None:
    assert bins(line(5), tiny.replace({"limits.synapse_memory_bits": 2 * 64 + 63})) == [[0, 1], [2, 3], [4]]


def test_a_dense_run_counts_without_its_index(tiny: em.ChipSpec) -> None:
    """64 synapses of 8 bits and a header of 10 take 9 words; with an index of 6 bits they would take 15."""
    net = em.Network()
    source = net.add_source("in", 1)
    net.connect(source, net.add_population("a", 64, em.LoihiCuba()), np.full((1, 64), 2))
    chip = tiny.replace({"limits.compartments": 64, "limits.synapse_memory_bits": 9 * 64})
    assert bins(net, chip) == [list(range(64))]
    assert bins(net, chip.replace({"limits.synapse_memory_bits": 9 * 64 - 1})) == [
        list(range(62)),  # the next smaller memory is 8 words: a header and 502 bits of weights
        [62, 63],
    ]


def test_runs_onto_neighbouring_populations_are_counted_apart(tiny: em.ChipSpec) -> None:
    """Three and four dense synapses of 14 bits are blocks of 52 and 66 bits: 3 words; 108 bits would be 2."""
    net = em.Network()
    source = net.add_source("in", 1)
    a, b = net.add_population("a", 3, em.LoihiCuba()), net.add_population("b", 4, em.LoihiCuba())
    for population in (a, b):
        net.connect(source, population, np.full((1, population.n), 2))
    chip = tiny.replace({"synapse_format.tag_bits": 6})
    assert em.compile(net, chip).stats["cores"]["synapse_memory_bits"] == [3 * 64]


def test_delay_slots_close_a_core(tiny: em.ChipSpec) -> None:
    # 2 ticks for all but neuron 2, which needs 5: 2 x 2 slots fit into 6, three of 5 do not.
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 5, em.LoihiCuba())
    net.connect(source, a, em.Triplets([0] * 5, range(5), [2] * 5, [2, 2, 5, 2, 2]))
    assert bins(net, tiny.replace({"limits.delay_slots": 6})) == [[0, 1], [2], [3, 4]]


def test_compartment_configurations_close_a_core(tiny: em.ChipSpec) -> None:
    net = line(6, em.LoihiCuba(du=[1, 1, 2, 2, 3, 1]))
    assert bins(net, tiny.replace({"limits.compartment_configs": 2})) == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize("name", ["du", "dv", "ds_offset", "refractory", "vmin", "vmax"])
def test_each_shared_parameter_makes_a_configuration_of_its_own(name: str, tiny: em.ChipSpec) -> None:
    values = {"ds_offset": [0, 1], "refractory": [1, 2], "vmin": [-1, -2]}.get(name, [5, 6])
    net = line(2, em.LoihiCuba(**{name: values}))
    assert bins(net, tiny.replace({"limits.compartment_configs": 1})) == [[0], [1]]


def test_thresholds_close_a_core(tiny: em.ChipSpec) -> None:
    net = line(5, em.LoihiCuba(vth_mant=[7, 8, 7, 9, 9]))
    assert bins(net, tiny.replace({"limits.threshold_configs": 2})) == [[0, 1, 2], [3, 4]]


def test_axons_out_to_the_host_close_a_core(tiny: em.ChipSpec) -> None:
    assert bins(line(5, to_host=True), tiny.replace({"limits.axons_out": 3})) == [[0, 1, 2], [3, 4]]


def test_axons_out_are_counted_where_the_targets_landed(tiny: em.ChipSpec) -> None:
    """Two senders onto four cores of one neuron: four entries each, not the one that was assumed first."""
    net = em.Network()
    b = net.add_population("b", 4, em.LoihiCuba(vth_mant=[1, 2, 3, 4]))
    a = net.add_population("a", 2, em.LoihiCuba(vth_mant=5))
    net.connect(a, b, np.full((2, 4), 2))
    chip = tiny.replace({"limits.threshold_configs": 1, "limits.axons_out": 8})
    assert bins(net, chip) == [[0], [1], [2], [3], [4, 5]]
    assert bins(net, chip.replace({"limits.axons_out": 7})) == [[0], [1], [2], [3], [4], [5]]


def test_targets_that_share_a_core_need_one_entry(tiny: em.ChipSpec) -> None:
    """Neuron 0 has six targets in three cores: three entries, not six."""
    net = em.Network()
    a = net.add_population("a", 2, em.LoihiCuba())
    b = net.add_population("b", 6, em.LoihiCuba())
    net.connect(a, b, [[2] * 6, [2] + [0] * 5])
    chip = tiny.replace({"limits.compartments": 3, "limits.axons_out": 3})
    assert bins(net, chip) == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_axons_out_that_no_fill_can_mend_are_refused(tiny: em.ChipSpec) -> None:
    net = em.Network()
    b = net.add_population("b", 4, em.LoihiCuba(vth_mant=[1, 2, 3, 4]))
    a = net.add_population("a", 2, em.LoihiCuba(vth_mant=5))
    net.connect(a, b, np.full((2, 4), 2))
    chip = tiny.replace({"limits.threshold_configs": 1, "limits.axons_out": 3})
    words = (
        r"population 'a' neuron 0: 4 axons out \(target cores.*\), limit 3 \(chip 'tiny'; most from "
        r"'a' -> 'b' 4; 2 neurons over it\): lower the number of cores"
    )
    with pytest.raises(em.CompileError, match=words):
        em.compile(net, chip)


def test_lifted_limits_do_not_bind(tiny: em.ChipSpec) -> None:
    lifted = dict.fromkeys(type(tiny.limits).model_fields, None) | {"compartments": 4096}
    chip = tiny.replace({"limits": lifted, "synapse_format.index_bits": [0, 12]})
    net = line(1000, em.LoihiCuba(vth_mant=np.arange(1000), du=np.arange(1000)), to_host=True)
    assert bins(net, chip) == [list(range(1000))]


def test_too_many_bins_name_what_filled_them(tiny: em.ChipSpec) -> None:
    chip = tiny.replace({"limits.axons_in": 2})
    words = (
        r"17 neurons: needs 9 cores, chip 'tiny' has 8; of these cores axons in \(distinct senders\) "
        r"ended 8; most hold 'a' 9 \(axons_in ended 8\): use a larger mesh, or lower the fan-in"
    )
    with pytest.raises(em.CompileError, match=words):
        em.compile(line(17), chip)


def test_a_neuron_with_repeated_synapses_can_overflow_the_memory_alone(tiny: em.ChipSpec) -> None:
    """Ten synapses of one pair: 10 x 14 + 10 bits in a sparse list are three words; 20 are 290 bits: five."""
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 3, em.LoihiCuba())
    net.connect(source, a, em.Triplets([0] * 30, [0] * 10 + [2] * 20, [2] * 30))
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, tiny.replace({"limits.synapse_memory_bits": 128}))
    assert len(caught.value.problems) == 1
    assert "'a' neuron 2: 320 bits of synapse memory, limit 128" in caught.value.problems[0]
    assert "most from 'in' -> 'a' 320; 2 neurons over it)" in caught.value.problems[0]


def test_pinned_neurons_stay_and_free_ones_take_fresh_cores_first(tiny: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 2, em.LoihiCuba())
    net.add_population("b", 3, em.LoihiCuba())
    job = run_passes(net, tiny.replace({"limits.compartments": 2}), {"a": [5, 0]})
    assert job["place"].core_of.tolist() == [5, 0, 1, 1, 2]


def test_free_neurons_fill_the_room_of_pinned_ones_when_no_fresh_core_is_left(tiny: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 8, em.LoihiCuba())
    net.add_population("b", 8, em.LoihiCuba())
    job = run_passes(net, tiny.replace({"limits.compartments": 2}), {"b": [7, 6, 5, 4, 3, 2, 1, 0]})
    assert job["place"].core_of.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0]


def test_the_room_of_a_pinned_core_ends_where_any_limit_does(tiny: em.ChipSpec) -> None:
    """Free neurons 0-2 bring an axon each, which pinned neuron 3 shares with neuron 0."""
    net = em.Network()
    source = net.add_source("in", 3)
    a = net.add_population("a", 3, em.LoihiCuba())
    b = net.add_population("b", 1, em.LoihiCuba())
    net.connect(source, a, 2 * np.eye(3))
    net.connect(source, b, [[2], [0], [0]])
    chip = tiny.replace({"mesh.width": 1, "mesh.height": 1, "limits.axons_in": 2})
    chip = chip.replace({"limits.compartments": 2})
    assert run_passes(net, chip, {"b": [1]})["place"].core_of.tolist() == [0, 0, 1, 1]
    assert run_passes(net, chip.replace({"limits.compartments": 4}), {"b": [1]})[
        "place"
    ].core_of.tolist() == [0, 0, 1, 1]
    with pytest.raises(em.CompileError, match="needs 4 cores, chip 'tiny' has 2"):
        em.compile(net, chip.replace({"limits.axons_in": 1}), mapping={"b": [1]})


def test_pins_that_overflow_a_core_are_refused_with_every_limit_they_break(tiny: em.ChipSpec) -> None:
    net = line(4, em.LoihiCuba(vth_mant=range(4)))
    chip = tiny.replace({"limits.axons_in": 3, "limits.threshold_configs": 3})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip, mapping={"a": [6, 6, 6, 6]})
    assert len(caught.value.problems) == 2
    text = str(caught.value)
    assert "core 6 with the 4 neurons pinned to it: 4 axons in (distinct senders), limit 3" in text
    assert "(chip 'tiny'; most from 'in' -> 'a' 4): pin some elsewhere, or lower the fan-in" in text
    assert "4 threshold configurations, limit 3 (chip 'tiny'; most from 'a' 4): pin some elsewhere" in text


def test_the_three_projections_that_bring_most_are_named_largest_first(tiny: em.ChipSpec) -> None:
    """Of 5, 20, 3, 30 and 10 senders; two projections between the same two parts count as one."""
    net = em.Network()
    a = net.add_population("a", 1, em.LoihiCuba())
    for name, n in (("p", 5), ("q", 20), ("r", 3), ("s", 30), ("t", 10)):
        net.connect(net.add_source(name, n), a, np.full((n, 1), 2))
    net.connect("q", a, np.full((20, 1), 4), synapse=em.LoihiSynapse(w_exp=1))
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, tiny.replace({"limits.synapse_memory_bits": 64}))
    axons, memory = caught.value.problems
    assert "68 axons in" in axons
    assert "most from 's' -> 'a' 30, 'q' -> 'a' 20, 't' -> 'a' 10 and 2 more)" in axons
    # a word for each list, two for those of q, which has two formats
    assert f"{88 * 64} bits" in memory
    assert f"most from 'q' -> 'a' {40 * 64}, 's' -> 'a' {30 * 64}, 't' -> 'a' {10 * 64} and 2 more)" in memory


def test_of_a_pinned_core_each_limit_names_who_takes_most(tiny: em.ChipSpec) -> None:
    """a: 3 neurons, 3 configurations, 1 threshold, 2 ticks; b: 2, 1, 2, 9 ticks, and each to the host."""
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 3, em.LoihiCuba(du=[1, 2, 3], vth_mant=1))
    b = net.add_population("b", 2, em.LoihiCuba(du=1, vth_mant=[1, 2]), to_host=True)
    net.connect(source, a, np.full((1, 3), 2), delay_ticks=2)
    net.connect(source, b, np.full((1, 2), 2), delay_ticks=9)
    limits = {"compartment_configs": 2, "threshold_configs": 1, "delay_slots": 10, "axons_out": 1}
    chip = tiny.replace({f"limits.{name}": limit for name, limit in limits.items()})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip, mapping={"a": [1] * 3, "b": [1] * 2})
    problems = [problem.split(" neurons pinned to it: ")[1] for problem in caught.value.problems]
    found = dict(problem.split(", limit ") for problem in problems)
    expected = {
        "2 axons out (target cores summed over its neurons)": "1 (chip 'tiny'; most from the host 2): pin",
        "3 compartment configurations": "2 (chip 'tiny'; most from 'a' 3, 'b' 1): pin",
        "2 threshold configurations": "1 (chip 'tiny'; most from 'b' 2, 'a' 1): pin",
        "45 delay slots (compartments x longest delay_ticks)": "10 (chip 'tiny'; most from "
        "'in' -> 'b' 9 ticks, 'in' -> 'a' 2 ticks): pin",
    }
    assert found.keys() == expected.keys()
    for name, words in expected.items():
        assert found[name].startswith(words), name


def test_axons_out_are_told_beside_what_is_found_before_targets_have_landed(tiny: em.ChipSpec) -> None:
    """Neuron 0 projects to four neurons that share no core, three of which have two senders more."""
    net = em.Network()
    source = net.add_source("in", 2)
    a = net.add_population("a", 1, em.LoihiCuba(vth_mant=5))
    b = net.add_population("b", 4, em.LoihiCuba(vth_mant=[1, 2, 3, 4]))
    net.connect(a, b, np.full((1, 4), 2))
    net.connect(source, b, [[0, 2, 2, 2]] * 2)
    limits = {"threshold_configs": 1, "axons_out": 3, "axons_in": 2}
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, tiny.replace({f"limits.{name}": limit for name, limit in limits.items()}))
    assert len(caught.value.problems) == 2
    text = str(caught.value)
    assert "'a' neuron 0: 4 axons out" in text and "(chip 'tiny'; most from 'a' -> 'b' 4): lower" in text
    assert "'b' neuron 1: 3 axons in" in text
    assert "(chip 'tiny'; most from 'in' -> 'b' 2, 'a' -> 'b' 1; 3 neurons over it): lower" in text


def test_past_twenty_pinned_cores_the_others_are_named_in_sum(tiny: em.ChipSpec) -> None:
    chip = tiny.replace({"mesh.width": 6, "limits.compartments": 1})
    net = em.Network()
    net.add_population("a", 44, em.LoihiCuba())
    chip = chip.replace({"mesh.height": 4})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip, mapping={"a": np.repeat(np.arange(22), 2)})
    assert len(caught.value.problems) == 21
    assert "core 19 with the 2 neurons pinned to it: 2 compartments, limit 1" in caught.value.problems[19]
    words = "2 more cores with neurons pinned to them: up to 2 compartments, limit 1: pin some elsewhere than"
    assert caught.value.problems[20] == f"{words} on cores 20, 21"


def test_neurons_over_a_limit_and_too_few_cores_are_told_at_once(tiny: em.ChipSpec) -> None:
    """p0-p4 have 1-5 neurons with a sender each; the 2 of `bad` have two each. No two share a core."""
    net = em.Network()
    for i in range(5):
        net.add_population(f"p{i}", i + 1, em.LoihiCuba())
        net.connect(net.add_source(f"s{i}", i + 1), f"p{i}", 2 * np.eye(i + 1))
    net.connect("s1", net.add_population("bad", 2, em.LoihiCuba()), np.full((2, 2), 2))
    chip = tiny.replace({"limits.axons_in": 1})
    with pytest.raises(em.CompileError) as caught:
        em.compile(net, chip)
    neurons, cores = caught.value.problems
    assert "'bad' neuron 0: 2 axons in (distinct senders), limit 1 (chip 'tiny'; most from 's1'" in neurons
    assert "; 2 neurons over it)" in neurons
    assert (
        "17 neurons: needs 17 cores, chip 'tiny' has 8; of these cores axons in (distinct senders)" in cores
    )
    held = "most hold 'p4' 5 (axons_in ended 5), 'p3' 4 (axons_in ended 4), 'p2' 3 (axons_in ended 3) and 3"
    assert f"{held} populations more" in cores
    with pytest.raises(em.CompileError) as caught:  # 15 cores suffice for those that fit one
        em.compile(net, chip.replace({"mesh.width": 4}))
    assert caught.value.problems == (neurons,)


def _random(seed: int, n: int) -> em.Network:
    """Up to three populations and a source with random parameters, formats, delays and repeated synapses."""
    rng = np.random.default_rng(seed)
    net = em.Network()
    net.add_source("in", int(rng.integers(1, 9)))
    for name in "abc"[: rng.integers(1, 4)]:
        size = int(rng.integers(1, n))
        vth, du = rng.integers(0, 4, size), rng.integers(0, 3, size)
        net.add_population(name, size, em.LoihiCuba(du=du, vth_mant=vth), to_host=bool(rng.integers(2)))
    parts = (*net.sources, *net.populations)
    for _ in range(int(rng.integers(0, 6))):
        pre = parts[rng.integers(len(parts))]
        post = net.populations[rng.integers(len(net.populations))]
        width = int(rng.choice([1, 3, 14]))  # neighbours, so that there are dense runs of several words
        count = int(rng.integers(1, max(2, 3 * post.n // width)))
        first = rng.integers(0, post.n, count)
        rows = np.repeat(rng.integers(0, pre.n, count), width)
        columns = np.minimum(np.repeat(first, width) + np.tile(np.arange(width), count), post.n - 1)
        synapse = em.LoihiSynapse(w_exp=int(rng.integers(2)), weight_bits=int(rng.choice([3, 7, 8])))
        delays = rng.integers(1, 4, len(rows))
        net.connect(pre, post, em.Triplets(rows, columns, np.full(len(rows), 64), delays), synapse=synapse)
    return net


class Oracle:
    """Fills cores greedily, straight from the description, one neuron and one synapse at a time."""

    def __init__(self, net: em.Network, chip: em.ChipSpec):
        self.chip, self.limits = chip, chip.limits
        self.models, self.post_of, self.synapses = [], [], defaultdict(list)
        first = {}
        for part in (*net.populations, *net.sources):
            first[part.name] = sum(
                p.n
                for p in itertools.takewhile(
                    lambda p, part=part: p is not part, (*net.populations, *net.sources)
                )
            )
        for population in net.populations:
            parameters = population.model.parameters(population.n, "")
            self.models += list(zip(parameters["du"].tolist(), parameters["vth_mant"].tolist(), strict=True))
            self.post_of += [population.name] * population.n
        for projection in net.projections:
            delay_bits = (int(projection.delay_ticks.max()) - 1).bit_length()
            synapse = projection.synapse
            form = (synapse.w_exp, synapse.weight_bits, synapse.sign_mode, delay_bits)
            for pre in range(len(projection.indptr) - 1):
                for i in range(projection.indptr[pre], projection.indptr[pre + 1]):
                    target = first[projection.post] + int(projection.target[i])
                    self.synapses[target].append(
                        (first[projection.pre] + pre, form, int(projection.delay_ticks[i]))
                    )

    def fits(self, neurons: list[int]) -> bool:
        limits = self.limits
        senders = {sender for neuron in neurons for sender, _, _ in self.synapses[neuron]}
        longest = max((delay for neuron in neurons for _, _, delay in self.synapses[neuron]), default=0)
        return (
            len(neurons) <= limits.compartments
            and len(senders) <= limits.axons_in
            and len(neurons) * longest <= limits.delay_slots
            and len({self.models[neuron][0] for neuron in neurons}) <= limits.compartment_configs
            and len({self.models[neuron][1] for neuron in neurons}) <= limits.threshold_configs
            and self.bits(neurons) <= limits.synapse_memory_bits
        )

    def bits(self, neurons: list[int]) -> int:
        runs = defaultdict(list)
        for slot, neuron in enumerate(neurons):
            for sender, form, _ in self.synapses[neuron]:
                runs[sender, form, self.post_of[neuron]].append(slot)
        total = 0
        for (_, (_, weight_bits, _, delay_bits), _), slots in runs.items():
            dense = slots == list(range(slots[0], slots[0] + len(slots)))
            width = {3: 3, 7: 8, 8: 8}[weight_bits] + delay_bits + (0 if dense else 6)
            for block in range(0, len(slots), 64):
                total += 64 * math.ceil((len(slots[block : block + 64]) * width + 10) / 64)
        return total

    def fill(self) -> list[list[int]] | None:
        """None: a neuron does not fit anywhere."""
        cores: list[list[int]] = [[]]
        for neuron in range(len(self.models)):
            if not self.fits([*cores[-1], neuron]):
                cores.append([])
            if not self.fits([neuron]):
                return None
            cores[-1].append(neuron)
        return [core for core in cores if core]


@settings(max_examples=FEWER)
@given(st.integers(0, 2**32 - 1), st.data())
def test_the_fill_is_that_of_a_plain_greedy_one(seed: int, data: st.DataObject) -> None:
    net = _random(seed, 24)
    limits = {
        "compartments": st.integers(4, 24),
        "axons_in": st.integers(6, 20),
        "synapse_memory_bits": st.integers(500, 2500),
        "delay_slots": st.integers(12, 80),
        "compartment_configs": st.sampled_from([3] * 6 + [2]),
        "threshold_configs": st.sampled_from([4] * 6 + [3]),
    }
    changes: dict[str, Any] = {f"limits.{name}": data.draw(values) for name, values in limits.items()}
    chip = CHIP.replace(changes | {"mesh.width": 8, "mesh.height": 8, "limits.axons_out": None})
    expected = Oracle(net, chip).fill()
    if expected is None or len(expected) > chip.n_cores:
        with pytest.raises(em.CompileError):
            em.compile(net, chip)
    else:
        assert bins(net, chip) == expected
        used = em.compile(net, chip, effort="fast").stats["cores"]["synapse_memory_bits"]
        assert sorted(used) == sorted(Oracle(net, chip).bits(neurons) for neurons in expected)


@settings(max_examples=FEWER)
@given(st.integers(0, 2**32 - 1), st.data())
def test_whatever_the_pins_the_outcome_keeps_every_limit_or_is_refused(
    seed: int, data: st.DataObject
) -> None:
    """`verify` recounts every limit from the image; a message of its own would begin with `internal`."""
    net = _random(seed, 16)
    chip = CHIP.replace(
        {
            "limits.compartments": data.draw(st.integers(6, 16)),
            "limits.axons_out": data.draw(st.integers(8, 40)),
            "limits.synapse_memory_bits": data.draw(st.sampled_from([1024, 4096])),
        }
    )
    rng = np.random.default_rng(seed)
    mapping = {p.name: rng.integers(0, 8, p.n) for p in net.populations if data.draw(st.booleans())}
    try:
        job = run_passes(net, chip, mapping)
    except em.CompileError as error:
        assert not any(problem.startswith("internal") for problem in error.problems), error
        return
    first = 0
    for population in net.populations:
        placed = job["place"].core_of[first : first + population.n]
        first += population.n
        assert population.name not in mapping or placed.tolist() == mapping[population.name].tolist()
