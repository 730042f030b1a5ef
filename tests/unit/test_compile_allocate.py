"""Passes place, allocate and emit: where everything goes, on networks small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import emulator as em
from emulator.chip.image import Image
from emulator.compiler.pipeline import run_passes
from emulator.compiler.synapse_lists import MAX_FORMATS


@pytest.fixture(scope="module")
def chip() -> em.ChipSpec:
    return em.load_chip("tiny")


def two_cores(chip: em.ChipSpec) -> em.Program:
    """a: neurons 0-3 alternating between the cores 5 and 2; b: neurons 4, 5 on core 2; two sources."""
    net = em.Network()
    first, second = net.add_source("first", 1), net.add_source("second", 2)
    a = net.add_population("a", 4, em.LoihiCuba(du=[9, 8, 9, 8], vth_mant=[3, 2, 1, 2]), to_host=True)
    b = net.add_population("b", 2, em.LoihiCuba(du=7), record_spikes=False)
    net.connect(second, b, [[2, 4], [0, 6]])
    net.connect(first, a, [[2, 2, 2, 2]])
    net.connect(a, b, em.Triplets([0, 1], [0, 1], [8, 8]))
    net.connect(b, a, em.Triplets([1, 1], [0, 1], [8, 8]))
    net.probe(b, "v", index=[1])
    return em.compile(net, chip, mapping={"a": [5, 2, 5, 2], "b": [2, 2]})


def test_bins_take_cores_row_by_row(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_population("a", 5, em.LoihiCuba())
    program = em.compile(net, chip.replace({"limits.compartments": 1}))
    assert program.image.core_id.tolist() == [0, 1, 2, 3, 4]
    assert program.stats["cores"]["x"] == [0, 0, 1, 1, 0]
    assert program.stats["cores"]["y"] == [0, 0, 0, 0, 1]


def test_only_cores_with_a_compartment_are_in_the_image(chip: em.ChipSpec) -> None:
    image = two_cores(chip).image
    assert image.core_id.tolist() == [2, 5]
    assert image.slot_ptr.tolist() == [0, 4, 6]


def test_slots_are_in_neuron_order_within_a_core(chip: em.ChipSpec) -> None:
    symbols = two_cores(chip).symbols
    assert symbols.part("a").address.tolist() == [4, 0, 5, 1]
    assert symbols.part("b").address.tolist() == [2, 3]


def test_accounts_are_sources_then_populations(chip: em.ChipSpec) -> None:
    program = two_cores(chip)
    assert [part.name for part in program.symbols.parts] == ["first", "second", "a", "b"]
    assert program.image.input_group.tolist() == [0, 1, 1]
    assert program.image.slot_group.tolist() == [2, 2, 3, 3, 2, 2]
    assert program.image.slot_recorded.tolist() == [1, 1, 0, 0, 1, 1]
    assert [part.recorded for part in program.symbols.parts] == [False, False, True, False]
    assert program.symbols.part("second").address.tolist() == [1, 2]


def test_neurons_of_a_core_share_configurations_and_thresholds(chip: em.ChipSpec) -> None:
    image = two_cores(chip).image
    assert image.config_ptr.tolist() == [0, 2, 3]
    assert image.config_du.tolist() == [7, 8, 9]
    assert image.slot_config.tolist() == [1, 1, 0, 0, 2, 2]
    assert image.vth_ptr.tolist() == [0, 2, 4]
    assert image.vth_mant.tolist() == [2, 100, 1, 3]
    assert image.slot_vth.tolist() == [0, 0, 1, 1, 3, 2]


def test_a_core_has_one_axon_per_sender_in_sender_order_slots_before_inputs(chip: em.ChipSpec) -> None:
    image = two_cores(chip).image
    # Core 2 hears slots 0 (a1), 3 (b1), 4 (a0), inputs 0 (first), 1 and 2 (second); core 5 b1 and first.
    assert image.axon_ptr.tolist() == [0, 6, 8]
    by_axon = np.full(image.n_axons, -1)
    for sender in range(image.n_senders):
        for entry in range(image.entry_ptr[sender], image.entry_ptr[sender + 1]):
            if image.entry_core[entry] < image.n_cores:
                by_axon[image.entry_axon[entry]] = sender
    assert by_axon.tolist() == [0, 3, 4, 6, 7, 8, 3, 6]


def test_entries_are_in_core_order_with_the_host_port_last(chip: em.ChipSpec) -> None:
    image = two_cores(chip).image
    assert np.diff(image.entry_ptr).tolist() == [2, 1, 0, 1 + 1, 2, 1, 2, 1, 1]
    entries = list(zip(image.entry_core.tolist(), image.entry_axon.tolist(), strict=True))
    expected = [
        (0, 0),
        (2, 0),
        (2, 0),
        (0, 1),
        (1, 6),
        (0, 2),
        (2, 0),
        (2, 0),
        (0, 3),
        (1, 7),
        (0, 4),
        (0, 5),
    ]
    assert entries == expected


def test_lists_hold_slots_within_the_core(chip: em.ChipSpec) -> None:
    image = two_cores(chip).image
    lists = [
        list(zip(image.syn_slot[s:e].tolist(), image.syn_mant[s:e].tolist(), strict=True))
        for s, e in zip(image.syn_ptr[:-1], image.syn_ptr[1:], strict=True)
    ]
    assert lists == [
        [(3, 8)],
        [(0, 8)],
        [(2, 8)],
        [(0, 2), (1, 2)],
        [(2, 2), (3, 4)],
        [(3, 6)],
        [(0, 8)],
        [(0, 2), (1, 2)],
    ]


def test_probes_keep_the_networks_words(chip: em.ChipSpec) -> None:
    (probe,) = two_cores(chip).symbols.probes
    assert (probe.population, probe.variable, probe.raw, probe.ticks) == ("b", "v", False, None)
    assert probe.index is not None and probe.index.tolist() == [1]


def index_bits(image: Image) -> list[int]:
    return image.format_index_bits[image.syn_format].tolist()


def test_a_list_is_dense_only_where_a_run_has_no_gap_and_no_repeat(chip: em.ChipSpec) -> None:
    net = em.Network()
    source = net.add_source("in", 4)
    a = net.add_population("a", 3, em.LoihiCuba())
    net.connect(source, a, em.Triplets([0, 0, 0, 1, 1, 2, 3, 3], [0, 1, 2, 0, 2, 1, 1, 1], [2] * 8))
    assert index_bits(em.compile(net, chip).image) == [0, 0, 0, 6, 6, 0, 6, 6]


def test_runs_onto_different_populations_are_dense_or_sparse_by_themselves(chip: em.ChipSpec) -> None:
    net = em.Network()
    source = net.add_source("in", 1)
    a, b = (net.add_population(name, 3, em.LoihiCuba()) for name in "ab")
    net.connect(source, a, [[2, 2, 2]])
    net.connect(source, b, [[2, 0, 2]])
    assert index_bits(em.compile(net, chip).image) == [0, 0, 0, 6, 6]


def test_synapses_of_a_list_are_in_the_order_of_format_then_slot(chip: em.ChipSpec) -> None:
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 4, em.LoihiCuba())
    net.connect(source, a, [[2, 4, 6, 8]], synapse=em.LoihiSynapse(w_exp=[[3, -1, 3, -1]]))
    image = em.compile(net, chip).image
    assert image.syn_slot.tolist() == [1, 3, 0, 2]
    assert image.format_w_exp[image.syn_format].tolist() == [-1, -1, 3, 3]


def test_a_population_without_synapses_compiles_to_senders_that_go_nowhere(chip: em.ChipSpec) -> None:
    net = em.Network()
    net.add_source("in", 3)
    net.add_population("a", 2, em.LoihiCuba())
    image = em.compile(net, chip).image
    assert (image.n_axons, image.n_synapses, image.n_senders) == (0, 0, 5)
    assert image.entry_ptr.tolist() == [0] * 6


def test_more_formats_than_the_table_holds_are_refused() -> None:
    """16 exponents x 6 weight widths x 3 sign modes make 288."""
    chip = em.load_chip("loihi-wide")
    net = em.Network()
    source = net.add_source("in", 1)
    a = net.add_population("a", 1, em.LoihiCuba())
    for w_exp in range(-8, 8):
        for weight_bits in range(3, 9):
            for sign_mode, mantissa in (("mixed", 64), ("excitatory", 64), ("inhibitory", -64)):
                synapse = em.LoihiSynapse(w_exp, weight_bits, sign_mode)
                net.connect(source, a, [[mantissa]], synapse=synapse)
    with pytest.raises(
        em.CompileError, match=f"288 synapse formats .*limit {MAX_FORMATS}: let projections share"
    ):
        em.compile(net, chip)


def test_dense_and_sparse_formats_together_are_counted_too() -> None:
    """144 formats, each once dense and once sparse, are 288 rows."""
    chip = em.load_chip("loihi-wide")
    net = em.Network()
    source = net.add_source("in", 2)
    a = net.add_population("a", 3, em.LoihiCuba())
    for w_exp in range(-8, 8):
        for weight_bits in range(6, 9):
            for sign_mode, mantissa in (("mixed", 64), ("excitatory", 64), ("inhibitory", -64)):
                synapse = em.LoihiSynapse(w_exp, weight_bits, sign_mode)
                net.connect(source, a, em.Triplets([0, 1, 1], [0, 0, 2], [mantissa] * 3), synapse=synapse)
    with pytest.raises(em.CompileError, match="288 synapse formats"):
        em.compile(net, chip)


def crowded(seed: int) -> em.Network:
    """Projections that share formats, pairs and cores, exponents by synapse, synapses that repeat."""
    rng = np.random.default_rng(seed)
    net = em.Network()
    parts = [net.add_source("in", 9)]
    parts += [net.add_population(name, 60, em.LoihiCuba(), to_host=name == "a") for name in "ab"]
    for pre, post in ((1, 1), (1, 2), (0, 2), (1, 1), (2, 1), (1, 2)):
        n = 500
        columns = rng.integers(0, parts[pre].n, n), rng.integers(0, 60, n), 2 * rng.integers(-99, 99, n)
        w_exp = rng.integers(0, 3, n) if (pre, post) == (1, 1) else 1
        synapse = em.LoihiSynapse(w_exp, weight_bits=8)
        net.connect(parts[pre], parts[post], em.Triplets(*columns, rng.integers(1, 4, n)), synapse=synapse)
    return net


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_lists_are_those_of_a_plain_sort(seed: int, together: bool) -> None:
    """Of tuples (core, sender, format, slot), in the order of the projections where these are equal.

    together: neurons of a core follow each other, as far as they are of one population.
    """
    net = crowded(seed)
    rng = np.random.default_rng(seed)
    mapping = {name: rng.integers(0, 4, 60) for name in "ab"}
    if together:
        mapping = {name: np.sort(cores) for name, cores in mapping.items()}
    job = run_passes(net, em.load_chip("loihi-wide"), mapping)
    slots, lists = job["slots"], job["synapses"]
    core_of = np.searchsorted(slots.slot_ptr, slots.slot_of, side="right") - 1
    expected = []
    for group in job["quantise"].groups:
        for pre, post, mantissa, delay in zip(
            group.pre, group.post, group.mantissa, group.delay_ticks, strict=True
        ):
            sender = slots.slot_of[pre] if pre < 120 else pre
            slot = slots.slot_of[post] - slots.slot_ptr[core_of[post]]
            form = (group.w_exp, group.weight_bits, group.sign_mode, group.delay_bits)
            expected.append((core_of[post], sender, form, slot, mantissa, delay))
    expected.sort(key=lambda row: row[:4])
    core = np.repeat(np.arange(4), np.diff(lists.axon_ptr))
    axon = np.repeat(np.arange(len(lists.axon_sender)), np.diff(lists.syn_ptr))
    found = (core[axon], lists.axon_sender[axon], lists.syn_slot, lists.syn_mant, lists.syn_delay)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (core, sender, slot, mantissa, delay) for core, sender, _, slot, mantissa, delay in expected
    ]
    assert lists.formats[lists.syn_format, 0].tolist() == [form[0] for _, _, form, *_ in expected]
