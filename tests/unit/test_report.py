"""Reports: the run worked out by hand in `testing.small_run` must show the numbers worked out by hand here.

Energy of that run at the prices of `tiny`: 2 spikes x 3 + 2 packets sent x 4 + 3 received x 0.5 + 2 dense x
0.25 + 2 sparse x 0.5 + 1 hop north x 2.5 + 1 hop south x 2.5 + 4 inactive x 1 + 5 active x 2 = 36 pJ, and
1 mW for 65 ps = 0.065 pJ.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

import emulator as em
from emulator import report
from emulator.report import canvas
from emulator.report.energy_picture import draw_energy
from emulator.report.heat_map import draw_heat_map
from emulator.report.heat_map_large import draw_large
from emulator.report.mesh_load import MeshLoad, readable
from emulator.report.raster import Train, draw_raster
from emulator.report.tables import table_text
from emulator.report.units import compact, number, percent, scale_for, seconds, short, si
from emulator.testing.small_run import small_program, small_record


@pytest.fixture(scope="module")
def small() -> em.Result:
    program = small_program()
    return em.Result(small_record(program), program)


@pytest.fixture(scope="module")
def untimed() -> em.Result:
    program = small_program()
    return em.Result(small_record(program, timed=False), program)


def facts(text: str) -> dict[str, str]:
    """Name -> value of the lines that set two columns apart by two blanks."""
    pairs = [line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip()]
    return {name: value.strip() for name, value in pairs}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0 J"),
        (1.5e-6, "1.50 µJ"),
        (999.9996e-9, "1.00 µJ"),  # rounds up into the next prefix
        (0.00999999, "10.0 mJ"),
        (-3.2e-9, "-3.20 nJ"),
        (1e-20, "0.01 aJ"),  # below the last prefix
        (1e15, "1000 TJ"),
        (None, "-"),
    ],
)
def test_numbers_wear_the_prefix_that_leaves_three_digits(value: float | None, shown: str) -> None:
    assert si(value, "J") == shown


def test_times_counts_shares_and_axis_scales_read_as_people_write_them() -> None:
    assert seconds(2_300) == "2.30 ns"
    assert (number(12_345), number(0.12345), number(None)) == ("12,345", "0.1235", "-")
    assert (percent(0.125), percent(0.0004), percent(0.0)) == ("12.5 %", "<0.1 %", "0.0 %")
    assert scale_for(4.2e-5) == (1e6, "µ")
    assert scale_for(0.0) == (1.0, "")
    assert (compact(1_200), compact(1_600_000)) == ("1,200", "1.6 M")
    assert short("a_long_name", 6) == "a_lon…"


def test_a_table_takes_brackets_in_names_literally_and_sets_numbers_right() -> None:
    lines = table_text("T [x]", ("name", "n"), [("[red]a", "1"), ("b", "1,000")]).splitlines()
    assert [line.rstrip() for line in lines if "─" not in line] == [
        "T [x]",
        "  name         n",
        "  [red]a       1",
        "  b        1,000",
    ]


def test_the_text_of_a_run_shows_the_energy_worked_out_by_hand(small: em.Result) -> None:
    shown = facts(report.result_text(small))
    assert shown["update, active"].split("  ")[0] == "5"
    assert shown["update, active"].split() == ["5", "10.0", "pJ", "27.7", "%"]
    assert shown["packet sent"].split() == ["2", "8.00", "pJ", "22.2", "%"]
    assert shown["packet received"].split() == ["3", "1.50", "pJ", "4.2", "%"]
    assert shown["static power"].split() == ["65.0", "fJ", "0.2", "%"]
    assert shown["total"] in ("36.1 pJ", "65.0 ps")  # of energy, and of time
    assert shown["per transmitted spike"] == "9.02 pJ"  # 36.065 pJ over 4: two of neurons, two of inputs
    assert shown["per tick"].startswith(("12.0 pJ", "mean 21.7 ps, fastest 19.0 ps"))
    assert shown["slowest tick"] == "25.0 ps, tick 1"
    assert shown["spikes"] == "2: 'hidden' 1, 'out' 1"
    assert shown["packets"] == "4: 2 from cores, 2 from the host"
    assert shown["hops"] == "2: E 0, W 0, N 1, S 1"
    assert "barrier" not in shown  # free of charge: not in the table of energy


def test_the_numbers_of_a_run_are_those_worked_out_by_hand(small: em.Result) -> None:
    numbers = report.result_numbers(small)
    assert numbers["energy"]["total_j"] == pytest.approx(36.065e-12, rel=1e-12)
    assert numbers["energy"]["per_packet_j"] == pytest.approx(36.065e-12 / 4, rel=1e-12)
    assert numbers["time"]["total_ps"] == 65
    assert numbers["time"]["slowest"] == {"sample": 0, "tick": 1}
    assert (numbers["n_cores"], numbers["n_tiles"]) == (2, 2)
    assert numbers["counts"]["synaptic_ops"] == 4


def test_a_run_without_timing_says_that_static_power_is_left_out(untimed: em.Result) -> None:
    text = report.result_text(untimed)
    assert "static power" in text and "not timed" in text
    assert "Energy per unit of work, static power left out" in text
    assert "static power is left out of the energy" in text
    assert report.result_numbers(untimed)["time"] is None


def clocked(result: em.Result, tick_ps: int) -> em.Result:
    """The run on a chip whose clock ends the ticks; their work is done at 12, 18 and 14 ps."""
    program, record = result.program, result.record
    chip = program.chip.replace({"domain": "fixed", "tick_ps": tick_ps, "barrier_ps": None})
    timing = record.timing and dataclasses.replace(record.timing, tick_ps=np.full(3, tick_ps))
    return em.Result(dataclasses.replace(record, timing=timing), dataclasses.replace(program, chip=chip))


def test_ticks_that_overran_are_told_with_the_worst(small: em.Result) -> None:
    result = clocked(small, 13)
    shown = facts(report.result_text(result))
    told = "2 of 3 ticks overran, worst by 5.00 ps, tick 1; spikes are those of ticks long enough"
    assert shown["overruns"] == told
    assert "13.0 ps by the clock; work done: mean 14.7 ps, latest 18.0 ps" in report.result_text(result)
    time = report.result_numbers(result)["time"]
    assert time["overruns"] == {"n": 2, "worst_ps": 5, "worst": {"sample": 0, "tick": 1}}
    assert (time["done_max_ps"], time["total_ps"]) == (18, 39)
    assert facts(report.result_text(clocked(small, 18)))["overruns"] == "none"
    assert report.result_numbers(small)["time"]["overruns"] is None  # a barrier waits


def test_a_run_without_timing_has_the_static_power_of_its_clock(untimed: em.Result) -> None:
    text = report.result_text(clocked(untimed, 13))
    assert "Energy per unit of work, static power included" in text
    assert "static power is by the clock in the energy" in text


def test_a_traced_run_is_held_against_the_wire_limit() -> None:
    raster = np.zeros((3, 2), dtype=bool)
    raster[0] = True
    result = em.run(small_program(), 3, {"in": raster}, trace=True)
    numbers = report.wire_numbers(result)
    assert numbers is not None and numbers["n_ticks"] == 3
    # tick 0: two packets over the host port of tile 0 to core 0, cycle 1: 2 + 1 + 2 ps for source and target
    first = next(row for row in numbers["slowest"] if row["tick"] == 0)
    assert (first["makespan_ps"], first["bound_ps"], first["binding"]) == (5, 5, "injection")
    assert first["busiest_link"] is None
    # tick 1: one packet north: inject 2, hop 4, eject 2
    second = next(row for row in numbers["slowest"] if row["tick"] == 1)
    assert (second["makespan_ps"], second["bound_ps"], second["busiest_link"]) == (8, 8, "(0, 0) N")
    text = report.result_text(result)
    assert "mean 100.0 %, lowest 100.0 %, highest 100.0 %" in text and "link (0, 0) N" in text
    assert report.wire_numbers(em.run(small_program(), 3, {"in": raster})) is None
    assert report.wire_numbers(em.run(small_program(), 3, trace=True)) is None  # no packets


def test_a_run_of_no_ticks_is_reported_without_dividing_by_zero() -> None:
    result = em.run(small_program(), 0)
    assert "no tick was run" in report.result_text(result)
    assert report.result_numbers(result)["energy"]["per_tick_j"] is None


@pytest.mark.parametrize("by", list(report.BREAKDOWNS))
def test_every_breakdown_is_shown_row_by_row(small: em.Result, by: str) -> None:
    text = report.breakdown_text(small, by)
    rows = small.energy.table(by)
    assert text.startswith(f"Energy by {by}\n")
    assert len(text.splitlines()) == 3 + len(rows)  # title, header, rule


def test_the_breakdown_by_link_names_the_two_links_used(small: em.Result) -> None:
    shown = facts(report.breakdown_text(small, "link"))
    assert shown["(0, 0) N"].split() == ["1", "2.50", "pJ", "6.9", "%"]
    assert shown["(0, 1) S"].split() == ["1", "2.50", "pJ", "6.9", "%"]


def test_a_long_breakdown_shows_its_dearest_rows_and_says_so() -> None:
    net = em.Network("busy")
    net.add_population("p", 1, em.LoihiCuba(bias_mant=100, bias_exp=6, vth_mant=200))  # fires every few ticks
    result = em.run(em.compile(net, em.load_chip("tiny")), 80)
    text = report.breakdown_text(result, "tick")
    assert "the 50 dearest of 80 rows; --json gives all" in text
    firing = {int(tick) for tick in result.spikes("p")[:, 0]}
    assert 0 < len(firing) < 50
    assert firing <= {int(line.split()[0]) for line in text.splitlines()[3:-1]}


def wired(n_cores: int, chip: em.ChipSpec) -> em.Program:
    """Two inputs onto a population with one neuron in each of `n_cores` cores."""
    net = em.Network("wired")
    src = net.add_source("in", 2)
    net.add_population("p", n_cores, em.LoihiCuba())
    net.connect(src, "p", np.full((2, n_cores), 4))
    return em.compile(net, chip, mapping={"p": np.arange(n_cores)})


def test_the_text_of_a_program_shows_what_each_core_uses_of_what_limit(tiny: em.ChipSpec) -> None:
    text = report.program_text(wired(2, tiny))
    rows = {line.split()[0]: line.split() for line in text.splitlines() if " at (0, 0)" in line}
    # 1 compartment, 2 senders, no packet sent, 2 lists of 8 + 10 bits in one 64-bit word each, delay 1,
    # 1 configuration of 4 (a quarter: the most), 1 threshold of 4
    assert rows["0"][4:] == ["1", "2", "0", "128", "1", "1*", "1", "25.0", "%"]
    assert rows["1"][4:] == rows["0"][4:]
    limit = next(line.split() for line in text.splitlines() if line.strip().startswith("limit"))
    assert limit == ["limit", "16", "64", "64", "16,384", "64", "4", "4"]
    assert "cores     2 of 8" in text


def test_the_text_of_a_program_shows_quantisation_and_traffic(tiny: em.ChipSpec) -> None:
    net = em.Network("mixed")
    src = net.add_source("in", 2)
    net.add_population("exact", 2, em.LoihiCuba())
    net.add_population("rounded", 2, em.LIF(tau_mem_s=10e-3))
    net.connect(src, "exact", np.full((2, 2), 4))
    net.connect(src, "rounded", np.array([[0.1, 0.237], [0.771, 1.0]]))
    text = report.program_text(em.compile(net, tiny))
    lines = {line.split()[0]: line for line in text.split("Conventions")[0].splitlines() if line.strip()}
    assert lines["exact"].split()[1:] == ["LoihiCuba", "as", "given", "4", "0", "0", "exact"]
    assert lines["rounded"].split()[1] == "LIF" and lines["rounded"].endswith("dB")
    assert facts(text)["packets to other cores"] == "2"  # two inputs, one core


def test_many_cores_are_summed_up_by_resource(tiny: em.ChipSpec) -> None:
    text = report.program_text(wired(20, tiny.replace({"mesh.width": 4, "mesh.height": 3})))
    assert "Utilisation of 20 cores" in text
    row = next(line.split() for line in text.splitlines() if line.strip().startswith("memory bits"))
    assert row == ["memory", "bits", "16,384", "128", "128", "0.8", "%", "core", "0", "0"]
    row = next(line.split() for line in text.splitlines() if line.strip().startswith("configs"))
    assert row[-1] == "20"  # the resource that binds all of them


def test_the_fullest_of_many_cores_come_first_and_the_others_in_sum(tiny: em.ChipSpec) -> None:
    """Core i of 20 has i + 1 of its 40 compartments in use and is bound by them from the eleventh on."""
    net = em.Network("steps")
    sizes = np.arange(1, 21)
    net.add_population("p", int(sizes.sum()), em.LoihiCuba())
    limits = {"limits.compartments": 40, "synapse_format.index_bits": [0, 6]}
    chip = tiny.replace({"mesh.width": 4, "mesh.height": 3, **limits})
    program = em.compile(net, chip, mapping={"p": np.repeat(np.arange(20), sizes)})
    text = report.program_text(program).split("Utilisation of the 10 fullest cores and the others in sum")[1]
    rows = [line.split() for line in text.splitlines()[4:18]]
    assert [row[0] for row in rows[:10]] == [str(core) for core in range(19, 9, -1)]
    assert rows[0][4:] == ["20*", "0", "0", "0", "0", "1", "1", "50.0", "%"]
    # cores 0-9 are a quarter full: one configuration of four; half of 1..10 compartments is 5.5
    assert rows[10] == ["least", "of", "10", "1", "0", "0", "0", "0", "1", "1", "25.0", "%"]
    assert rows[11] == ["median", "of", "10", "5.5", "0", "0", "0", "0", "1", "1", "25.0", "%"]
    assert rows[12] == ["most", "of", "10", "10", "0", "0", "0", "0", "1", "1", "25.0", "%"]
    assert rows[13][:3] == ["limit", "40", "64"]


def test_exponents_that_the_compiler_chose_are_told_with_what_they_are_good_for(tiny: em.ChipSpec) -> None:
    """One exponent that holds 1000 is coarse for 1 and 1.5."""
    net = em.Network("spread")
    a = net.add_population("a", 3, em.LIF(tau_mem_s=10e-3, threshold=1000.0))
    net.connect(net.add_source("in", 1), a, np.array([[1000.0, 1.0, 1.5]]))
    net.connect(net.add_source("plain", 1), a, np.array([[1.0, 1.0, 1.0]]))
    program = em.compile(net, tiny)
    several, one = program.stats["quantisation"][0]["projections"]
    assert sum(several["n_per_w_exp"]) == 3 and len(several["w_exp"]) == len(several["n_per_w_exp"]) > 1
    assert one["n_per_w_exp"] == [3] and one["sqnr_db_one_exponent"] is None
    wanted = np.array([1000.0, 1.0, 1.5]) * program.stats["quantisation"][0]["scale"]
    grain = 64 * 2.0 ** max(several["w_exp"])  # weights of one sign use all 8 bits
    error = wanted - np.rint(wanted / grain) * grain
    decibel = 10 * np.log10((wanted @ wanted) / (error @ error))
    assert several["sqnr_db_one_exponent"] == pytest.approx(decibel)
    line = next(line for line in program.report().splitlines() if "w_exp chosen" in line)
    groups = ", ".join(
        f"{w_exp} ({n} weights)" for w_exp, n in zip(several["w_exp"], several["n_per_w_exp"], strict=True)
    )
    assert line.startswith(f"  a: projection 'in' -> 'a': w_exp chosen {groups}: ")
    assert line.endswith(f"instead of {several['sqnr_db_one_exponent']:.1f} dB with one exponent")
    assert "'plain' -> 'a': w_exp chosen" not in program.report()


def test_exponents_that_were_given_are_not_told_as_chosen(tiny: em.ChipSpec) -> None:
    net = em.Network("given")
    a = net.add_population("a", 2, em.LoihiCuba())
    net.connect(net.add_source("in", 1), a, [[2, 4]], synapse=em.LoihiSynapse(w_exp=np.array([0, 3])))
    program = em.compile(net, tiny)
    assert program.stats["quantisation"][0]["projections"][0]["n_per_w_exp"] == [1, 1]
    assert "w_exp chosen" not in program.report()


def test_the_text_of_a_program_for_a_board_has_a_row_per_chip_in_use() -> None:
    board = em.load_chip("kapoho-bay")
    # cores 0-31 are on the 8 tiles of chip 0's first row, 32-39 on two tiles of chip 1
    text = report.program_text(wired(40, board))
    assert "Use of the board: 2 of 2 chips" in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("chip ")]
    assert rows == [
        ["chip", "tiles", "of", "32", "cores", "of", "128", "neurons"],
        ["chip", "0", "8", "32", "32"],
        ["chip", "1", "2", "8", "8"],
    ]
    # two inputs, one packet for each core: 8 cores lie over the border
    assert facts(text)["hops to another chip"] == "16"
    assert "chip" not in report.program_text(wired(2, em.load_chip("loihi"))).split("Utilisation")[1]


def test_the_text_of_a_run_on_a_board_tells_the_hops_to_another_chip(tiny: em.ChipSpec) -> None:
    link = {"hop_ps": {"ew": 9, "ns": 9}, "cycle_ps": 9}
    board = tiny.replace({"mesh.chip": {"width": 1, "height": 2, "link": link}, "energy_pj.hop_chip": 50})
    result = em.run(wired(6, board), 2, {"in": np.ones((2, 2), dtype=bool)})
    # two inputs in each of two ticks; from tile 0 to the two cores of tile 1, tile 2 is north of tile 0
    text = report.result_text(result)
    assert "8 of them to another chip" in facts(text)["hops"]
    row = next(line.split() for line in text.splitlines() if "hop to another chip" in line)
    assert row[-5:-2] == ["8", "400", "pJ"]


def test_a_lifted_limit_never_binds() -> None:
    program = wired(2, em.load_chip("loihi-wide"))
    peaks = report.peaks(program)
    assert peaks["compartments"] == {"core": 0, "used": 1, "limit": 1024, "share": 1 / 1024}
    assert peaks["axons_in"] == {"core": 0, "used": 2, "limit": None, "share": None}
    rows = [line.split() for line in report.program_text(program).splitlines()]
    # its only limit binds
    assert ["0", "at", "(0,", "0)", "1*", "2", "0", "128", "1", "1", "1", "0.1", "%"] in rows
    lifted = "axons in, axons out, memory bits, delay slots, configs, thresholds"
    assert f"limits lifted on this chip, never binding: {lifted}" in report.program_text(program)
    assert "lifted" not in report.program_text(wired(2, em.load_chip("tiny")))


def test_a_chip_is_explained_value_by_value() -> None:
    chip = em.load_chip("loihi")
    text = report.chip_text(chip)
    for parameter in chip.parameters()[3:]:  # after name, description and real_chip
        assert parameter.path.split(".")[-1] in text
        assert parameter.meaning.split()[0] in text
    assert "no limit" in report.chip_text(em.load_chip("loihi-wide"))
    assert "35.5" in text and "600,000" in text
    assert facts(text)["chips"] == "1"
    board = report.chip_text(em.load_chip("nahuku32"))
    assert facts(board)["chips"] == "32: 8 x 4 chips of 8 x 4 tiles"
    assert "chip.link.cycle_ps" in board and "20,000" in board
    assert all(name in report.chips_text([em.load_chip(n) for n in em.chips()]) for name in em.chips())


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file, from its header."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_pictures_are_whole_png_files_of_screen_size(small: em.Result, tmp_path: Path) -> None:
    paths = report.save_pictures(small, tmp_path / "new" / "folder", prefix="a-")
    assert [path.name for path in paths] == ["a-spikes.png", "a-energy.png", "a-mesh.png"]
    assert sorted(paths[0].parent.iterdir()) == sorted(paths)  # nothing temporary is left
    for path in paths:
        width, height = png_size(path)
        assert 600 <= width <= 1500 and 250 <= height <= 1000
    again = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in report.save_pictures(small, paths[0].parent, prefix="a-")] == again


@pytest.mark.parametrize("case", ["untimed", "silent", "no ticks", "batch", "nothing recorded"])
def test_pictures_can_be_made_of_every_kind_of_run(case: str, tmp_path: Path, untimed: em.Result) -> None:
    stimulus = np.ones((4, 5, 2), dtype=bool)
    if case == "nothing recorded":
        net = em.Network("quiet")
        net.add_population("p", 2, em.LoihiCuba(), record_spikes=False)
        result = em.run(em.compile(net, em.load_chip("tiny")), 3)
    else:
        result = {
            "untimed": lambda: untimed,
            "silent": lambda: em.run(small_program(), 3),
            "no ticks": lambda: em.run(small_program(), 0),
            "batch": lambda: em.run(small_program(), 5, {"in": stimulus}, batch=4),
        }[case]()
    assert all(png_size(path) > (600, 100) for path in report.save_pictures(result, tmp_path))


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path: Path, small: em.Result) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(em.ImageError, match=r"taken: a file of that name exists, expected a folder"):
        report.save_pictures(small, tmp_path / "taken")
    with pytest.raises(em.ImageError, match="the folder cannot be made"):
        report.save_pictures(small, tmp_path / "taken" / "below")


def words(figure: object) -> str:
    """All words of a figure outside its axes."""
    return " ".join(text.get_text() for text in figure.texts)  # type: ignore[attr-defined]


def test_a_raster_says_what_it_leaves_out() -> None:
    spikes = np.zeros((0, 3), dtype=np.int64)
    trains = [Train(f"p{i}", 100, spikes) for i in range(15)]
    with canvas.style():
        shown = words(draw_raster(trains, 50, 30, "x"))
        long = words(draw_raster(trains[:1], 1, 1000, "x"))
    assert "samples 0-11 of 50, all 30 ticks, one neuron in 5" in shown  # 12 bands of 100 in 240 rows
    assert "the first 12 of 15 populations" in shown
    assert "first 400 of 1,000 ticks, all neurons" in long


def test_a_raster_draws_each_spike_once_where_it_belongs() -> None:
    spikes = np.array([[0, 1, 2], [1, 0, 0], [5, 0, 0]])  # sample 5 is beyond the run's first samples
    with canvas.style():
        figure = draw_raster([Train("p", 3, spikes)], 2, 4, "x")
    rates, band = figure.axes
    marks = [(segment[0][0], segment[:, 1].mean()) for segment in band.collections[0].get_segments()]
    assert [(float(x), round(float(y), 6)) for x, y in marks] == [(1.0, 2.0), (4.0, 0.0)]
    assert rates.patches[0].get_data().values.tolist() == [0, 1, 0, 0, 1, 0, 0, 0]


def mesh_load(side: int, core_j: dict[int, float]) -> MeshLoad:
    links = np.zeros((side * side, 4), dtype=np.int64)
    return MeshLoad(side, side, 4, 0, 0, "W", core_j, links, host_in=7, host_out=0)


def test_a_heat_map_of_a_large_mesh_shows_the_part_in_use_and_says_so() -> None:
    with canvas.style():
        figure = draw_heat_map(mesh_load(64, {4 * 65: 1e-9}), "x")  # tile (1, 1)
        whole = draw_heat_map(mesh_load(2, {0: 1e-9}), "x")
    assert "shown: tiles x 0-2, y 0-2 of 64 x 64, the rest is unused" in words(figure)
    assert "2 x 2 tiles of 4 cores" in words(whole)
    assert "host port at tile (0, 0) W: 7 packets in, 0 out" in words(whole)


def dashed(axes: Axes) -> set[tuple[tuple[float, float], ...]]:
    """Ends of the dashed lines of a picture."""
    lines = [found for found in axes.collections if isinstance(found, LineCollection)]
    return {tuple(map(tuple, segment.tolist())) for found in lines for segment in found.get_segments()}


def test_pictures_of_a_board_draw_the_borders_of_its_chips() -> None:
    load = dataclasses.replace(mesh_load(4, {1: 3e-9}), chip_size=(2, 3))  # 3 does not divide 4: none above
    expected = {((1.5, -0.5), (1.5, 3.5)), ((-0.5, 2.5), (3.5, 2.5))}
    with canvas.style():
        small, large = draw_heat_map(load, "x"), draw_large(load, "x")
        whole = draw_heat_map(mesh_load(4, {1: 3e-9}), "x")
        part = draw_heat_map(dataclasses.replace(mesh_load(64, {0: 1e-9}), chip_size=(8, 4)), "x")
    assert dashed(small.axes[0]) == expected
    assert dashed(large.axes[0]) == dashed(large.axes[1]) == expected
    assert "dashed: borders of chips" in words(small) and "dashed: borders of chips" in words(large)
    for without in (whole, part):  # one chip; a part that lies within one chip
        assert not dashed(without.axes[0]) and "dashed" not in words(without)


def test_a_heat_map_writes_the_energy_into_each_used_core() -> None:
    with canvas.style():
        figure = draw_heat_map(mesh_load(2, {1: 3e-9, 6: 1.5e-9}), "x")
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert {"3", "1.5"} <= set(labels)
    assert figure.axes[1].get_ylabel() == "dynamic energy of a core (nJ)"


def test_a_mesh_too_large_for_links_is_drawn_as_maps_of_cores_and_routers() -> None:
    load = mesh_load(64, {0: 1e-9, 4 * 64 * 64 - 1: 2e-9})  # first and last core
    load.link_packets[65, 3] = 9  # from tile (1, 1) south
    assert not readable(load) and readable(mesh_load(8, {0: 1e-9}))
    with canvas.style():
        cores, routers = (axes.images[0].get_array() for axes in draw_large(load, "x").axes[:2])
    assert cores.shape == (128, 128) and routers.shape == (64, 64)
    assert cores[0, 0] == pytest.approx(1.0) and cores[127, 127] == pytest.approx(2.0)  # nJ
    assert routers[1, 1] == 9 and np.ma.count(cores) == 2 and np.ma.count(routers) == 1


def test_energy_bars_are_sorted_and_leave_out_what_costs_nothing(small: em.Result) -> None:
    with canvas.style():
        figure = draw_energy(small.energy.table("event"), "x")
    total, bars = figure.axes
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names[:3] == ["update, active", "packet sent", "spike"]
    assert "barrier" not in names and len(names) == 9
    assert [patch.get_width() for patch in total.patches] == pytest.approx([36e-12, 0.065e-12])
    assert total.patches[1].get_hatch()  # static power


def test_matplotlib_is_not_loaded_until_a_picture_is_drawn() -> None:
    code = "import sys, emulator.report, emulator.cli; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
