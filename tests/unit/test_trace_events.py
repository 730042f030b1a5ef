"""Traces for viewers: the Trace Event Format, what is cut, and what stands where."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator import traffic as tr
from emulator.formats import trace_events
from emulator.testing.small_run import TICK_PS, small_program

PHASES = {"M", "X", "b", "e"}


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file, each held against the format's definition of its phase."""
    whole = json.loads(path.read_text())
    assert set(whole) == {"displayTimeUnit", "otherData", "traceEvents"} and whole["displayTimeUnit"] == "ns"
    begun: dict[tuple[int, str, str, str], float] = {}
    busy: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in whole["traceEvents"]:
        assert event["ph"] in PHASES and isinstance(event["name"], str)
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name", "process_sort_index")
            assert list(event["args"]) == ["sort_index" if "sort" in event["name"] else "name"]
            continue
        assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] > 0
            busy.setdefault((event["pid"], event["tid"]), []).append(
                (event["ts"], event["ts"] + event["dur"])
            )
            continue
        key = (event["pid"], event["cat"], event["name"], event["id2"]["local"])
        if event["ph"] == "b":
            assert key not in begun
            begun[key] = event["ts"]
        else:
            assert event["ts"] > begun.pop(key)
    assert not begun, "packets that never end"
    for slices in busy.values():  # slices of a thread may nest but must not overlap
        slices.sort()
        assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(slices))
    return whole["traceEvents"]


def run(engine: str) -> em.Result:
    raster = np.zeros((3, 2), dtype=bool)
    raster[0] = True
    return em.run(small_program(), 3, {"in": raster}, engine=engine, trace=True)


def ps(value: float) -> int:
    return round(value * 1000)


def test_a_run_is_written_with_its_ticks_and_packets_at_their_instants(engine: str, tmp_path: Path) -> None:
    result = run(engine)
    shown = result.save_trace(tmp_path / "t.json")
    events = read(tmp_path / "t.json")
    ticks = [event for event in events if event["name"].startswith("tick ")]
    assert [(ps(event["ts"]), ps(event["dur"])) for event in ticks] == [
        (0, TICK_PS[0]),
        (TICK_PS[0], TICK_PS[1]),
        (TICK_PS[0] + TICK_PS[1], TICK_PS[2]),
    ]
    begins = [event for event in events if event["ph"] == "b"]
    assert [event["name"] for event in begins] == ["packets of the host"] * 2 + [
        "packets of core 0",
        "packets of core 5",
    ]
    assert [event["args"]["to"] for event in begins] == ["core 0", "core 0", "core 5", "the host"]
    ends = {event["id2"]["local"]: ps(event["ts"]) for event in events if event["ph"] == "e"}
    assert ends["0x3"] == TICK_PS[0] + TICK_PS[1] + 14
    assert (shown.n_packets, shown.n_packets_of) == (4, 4)
    assert shown.has_links and not shown.note
    names = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    expected = {"ticks"} | ({"link N", "link S", "to core 0", "to core 5", "to the host"})
    assert names == expected
    processes = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert {"tile 0 (0, 0)", "tile 2 (0, 1)"} <= processes


def test_grants_stand_on_the_track_of_their_link(tmp_path: Path) -> None:
    chip = em.load_chip("tiny").replace({"mesh.width": 3, "mesh.height": 1})
    packets = np.array([(10, 0, 2)], dtype=tr.PACKET_DTYPE)
    em.run_mesh(chip, packets, engine="reference", trace=True).save_trace(tmp_path / "t.json")
    events = read(tmp_path / "t.json")
    grants = [
        (event["pid"] - 2, ps(event["ts"]), ps(event["dur"])) for event in events if event["name"] == "grant"
    ]
    # inject 2, hop 3, cycle 1
    assert grants == [(0, 12, 1), (1, 15, 1), (2, 18, 1)]


def test_many_packets_are_cut_to_the_earliest_and_the_file_says_so(tmp_path: Path) -> None:
    chip = em.load_chip("tiny")
    packets = tr.open_loop(chip, "uniform", 0.5, 500, seed=4)
    result = em.run_mesh(chip, packets)
    shown = result.save_trace(tmp_path / "t.json", max_events=301)
    events = read(tmp_path / "t.json")
    begins = [ps(event["ts"]) for event in events if event["ph"] == "b"]
    assert len(begins) == shown.n_packets == 150 and shown.n_events == 300
    assert max(begins) == shown.until_ps <= np.sort(result.push_ps)[150]
    assert f"the first 150 of {len(packets)} packets" in shown.note.replace(",", "")
    about = json.loads((tmp_path / "t.json").read_text())["otherData"]
    assert about["note"] == shown.note and "1 ps" in about["scale"]


def test_more_events_than_are_made_at_once_are_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_events, "BATCH", 7)
    packets = tr.burst(em.load_chip("tiny"), "uniform", 5, seed=4)
    shown = em.run_mesh(em.load_chip("tiny"), packets).save_trace(tmp_path / "t.json")
    assert len([event for event in read(tmp_path / "t.json") if event["ph"] == "b"]) == shown.n_packets == 20


def test_instants_are_exact_however_late(tmp_path: Path) -> None:
    late = 2**53 + 1  # more than a float holds
    packets = np.array([(late, 0, 0)], dtype=tr.PACKET_DTYPE)
    em.run_mesh(em.load_chip("tiny"), packets).save_trace(tmp_path / "t.json")
    text = (tmp_path / "t.json").read_text()
    assert f'"ts":{late // 1000}.{late % 1000:03d}' in text
    read(tmp_path / "t.json")


def test_a_run_without_packets_is_a_trace_too(tmp_path: Path, engine: str) -> None:
    result = em.run(small_program(), 2, engine=engine, trace=True)
    assert result.save_trace(tmp_path / "t.json").n_packets == 0
    assert sum(event["ph"] == "X" for event in read(tmp_path / "t.json")) == 2


def test_links_between_chips_are_taken_for_their_own_cycle(tmp_path: Path) -> None:
    part = {"width": 1, "height": 2, "link": {"hop_ps": {"ew": 9, "ns": 9}, "cycle_ps": 50}}
    chip = em.load_chip("tiny").replace({"mesh.chip": part})
    packets = np.array([(0, 0, 3)] * 3, dtype=tr.PACKET_DTYPE)
    em.run_mesh(chip, packets, engine="reference", trace=True).save_trace(tmp_path / "t.json")
    longest = {ps(event["dur"]) for event in read(tmp_path / "t.json") if event["name"] == "grant"}
    assert longest == {1, 50}


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limit: Any) -> None:
    result = em.run_mesh(em.load_chip("tiny"), np.zeros(0, dtype=tr.PACKET_DTYPE))
    with pytest.raises(em.ImageError, match="must be an integer from 1"):
        result.save_trace(tmp_path / "t.json", max_events=limit)
    assert not list(tmp_path.iterdir())
