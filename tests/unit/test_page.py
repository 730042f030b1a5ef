"""The page without a browser: whole, self-contained, bounded, its numbers those of the ledger."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.errors import ImageError
from emulator.report import save_page
from emulator.report.page import SCRIPTS, page, timeline
from emulator.report.page.bundle import Arrays
from emulator.report.page.content import Content, content
from emulator.report.page.costs import costs
from emulator.report.page.facts import energy_tables
from emulator.testing.small_run import small_program, small_record

VOID = {"meta", "input", "br", "link", "img"}


@pytest.fixture(scope="module")
def small() -> em.Result:
    program = small_program()
    return em.Result(small_record(program), program)


@pytest.fixture(scope="module")
def shown(small: em.Result) -> str:
    return page(small, command="spikemesh report small.rec -o small.html")


class Outline(HTMLParser):
    """Elements with their attributes; fails where one is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)


def block(text: str, name: str) -> bytes:
    found = re.search(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]+)</script>', text)
    assert found is not None
    return gzip.decompress(base64.b64decode(found[1]))


def data_of(text: str) -> dict[str, Any]:
    return dict(json.loads(block(text, "data")))


def arrays_of(text: str) -> dict[str, np.ndarray]:
    content = block(text, "arrays")
    return {
        name: np.frombuffer(content, entry["type"], entry["length"], entry["at"]).reshape(entry["shape"])
        for name, entry in data_of(text)["arrays"].items()
    }


def test_every_element_is_closed_and_every_id_is_its_own(shown: str) -> None:
    outline = Outline(shown)
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.elements:
        for name in ("for", "aria-controls", "aria-labelledby"):
            assert attributes.get(name) is None or attributes[name] in ids
        target = attributes.get("href")
        assert target is None or target[1:] in ids


def test_nothing_is_fetched(shown: str) -> None:
    for tag, attributes in Outline(shown).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed")
        assert "src" not in attributes and "srcset" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in shown and "@import" not in shown and "http://" not in shown
    assert re.findall(r"https?://[^\s\"'<)]+", shown) == []
    policy = next(a["content"] for _, a in Outline(shown).elements if a.get("http-equiv"))
    assert policy is not None and "default-src 'none'" in policy and "connect-src" not in policy


def test_what_the_scripts_ask_for_by_id_is_there(shown: str) -> None:
    ids = {attributes.get("id") for _, attributes in Outline(shown).elements}
    asked = set(re.findall(r'\$\("([a-z-]+)"\)', shown))
    assert len(asked) > 20 and asked <= ids


def test_the_library_is_that_of_the_plotly_package(shown: str) -> None:
    assert b"plotly.js v" in block(shown, "library")[:300]


def test_same_run_same_page(small: em.Result) -> None:
    assert page(small) == page(small)


def test_the_summary_says_what_it_took_in_plain_words(shown: str) -> None:
    words = " ".join("".join(Outline(shown).words).split())
    # of 36 pJ: 4 inactive x 1 + 5 active x 2 = 14; 2 sent x 4 + 3 received x 0.5 = 9.5; core 0 has 19
    assert (
        "The network ran 3 ticks on 2 cores on 2 tiles of chip tiny and took 36.1 pJ in 65.0 ps of the "
        "chip's time: 99.8 % for events, 0.2 % because the chip was on. Of the events' energy, 38.9 % went "
        "into compartment updates and 26.4 % into packets sent, received. The most expensive is core 0 at "
        "(0, 0): 52.8 % of the events' energy."
    ) in words


def test_breakdowns_add_up_to_the_ledger_to_the_last_attojoule(small: em.Result, shown: str) -> None:
    listed = data_of(shown)["costs"]
    for rows in listed.values():
        assert sum(row["energy_aj"] for row in rows) == small.energy.total_aj
    for by in ("population", "core"):
        for row in listed[by]:
            assert row.get("static") or sum(row["groups_aj"]) == row["energy_aj"]
    # 2 inactive x 1 + 4 active x 2 + 1 spike x 3 + 1 sent x 4 + 2 received x 0.5 + 2 dense x 0.25 + 1 sparse
    # x 0.5 = 19 pJ
    assert {row["label"]: row["energy_aj"] for row in listed["core"]}["core 0 (0, 0)"] == 19_000_000


def test_rows_beyond_the_cap_are_one_row_with_their_sum(
    small: em.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.report.page.costs.MAX_ROWS", {"population": 1, "core": 1})
    listed = costs(small)
    assert [row["label"] for row in listed["population"]][1] == "2 populations more"
    assert [row["label"] for row in listed["core"]][1] == "1 core more"
    for rows in listed.values():
        assert sum(row["energy_aj"] for row in rows) == small.energy.total_aj


def test_pictures_have_tables_of_the_same_numbers(small: em.Result, shown: str) -> None:
    words = Outline(shown).words
    for table in energy_tables(costs(small)).values():
        assert table.title in words
        for row in table.rows:
            assert len(row) == len(table.header) and row[0] in words


def test_tables_of_cores_and_links_are_the_records(small: em.Result, shown: str) -> None:
    arrays, record = arrays_of(shown), small.record
    assert arrays["core.id"].tolist() == [0, 5]
    assert arrays["core.events"][0].tolist() == [1, 1]
    known = arrays["step.known"].sum(axis=1) + arrays["step.core_rest"][:5]
    np.testing.assert_array_equal(known, arrays["core.events"][:5])
    assert arrays["link.id"].tolist() == [2, 11]
    assert record.timing is not None
    assert arrays["row.tick_ps"].tolist() == record.timing.tick_ps.tolist()
    assert arrays["row.done_ps"].tolist() == record.timing.done_ps.tolist()
    np.testing.assert_allclose(
        arrays["row.dynamic_j"], [row["dynamic_aj"] * 1e-18 for row in small.energy.table("tick")], rtol=1e-6
    )
    assert np.cumsum(arrays["band.0.row_step"]).tolist() == [1] and arrays["band.1.neuron"].tolist() == [0]


def test_a_core_is_explained_by_who_is_there_and_who_sends(shown: str) -> None:
    told = data_of(shown)["cores"]
    assert [part["name"] for part in told["parts"]] == ["in", "hidden", "out"]
    assert told["explained"]["0"] == {
        "residents": [[1, 2, 1]],
        "drivers": [[0, 3]],
        "others": 0,
        "left_out": [0, 0],
    }


def test_provenance_names_image_chip_version_and_command(small: em.Result, shown: str) -> None:
    words = Outline(shown).words
    assert f"BLAKE2 {small.program.image.digest}" in words
    assert "spikemesh report small.rec -o small.html" in words and em.__version__ in words


def named(name: str) -> em.Result:
    net = em.Network(name)
    net.add_population(name, 2, em.LoihiCuba())
    return em.run(em.compile(net, em.load_chip("tiny")), 2, timing=False)


def test_names_cannot_break_out_of_the_page() -> None:
    name = "</script><img src=x onerror=alert(1)>{{ 1 }}"
    text = page(named(name))
    assert not any(tag == "img" for tag, _ in Outline(text).elements)
    assert name not in text and data_of(text)["network"] == name


def test_without_timing_it_says_that_static_power_is_left_out() -> None:
    words = "".join(Outline(page(named("untimed"))).words)
    assert "it was not timed, so static power is left out" in words
    assert "static power (not timed: left out)" in words


def test_many_spikes_are_counted_in_cells_and_none_is_lost(
    tiny: em.ChipSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = em.Network("many spikes")
    net.add_population("cells", 9, em.LoihiCuba(du=4095, dv=0, vth_mant=1, bias_mant=100))
    result = em.run(em.compile(net, tiny), 50)
    exact = content(result, None)
    monkeypatch.setattr(timeline, "MAX_SPIKES", 10)
    monkeypatch.setattr(timeline, "CELLS", (7, 2))
    monkeypatch.setattr(timeline, "MAX_ROWS", 20)
    coarse = content(result, None)
    n_spikes = result.counts["spikes"]
    assert n_spikes > 100 and exact.data["time"]["exact"] and not coarse.data["time"]["exact"]
    told = coarse.data["time"]["bands"][0]
    assert (told["rows"], told["neurons"], told["n_spikes"]) == (8, 5, n_spikes)
    kept = unpacked(coarse)
    assert kept["band.0.count"].sum() == n_spikes and len(kept["band.0.count"]) <= 7 * 2
    assert coarse.data["time"]["width"] == 3
    np.testing.assert_allclose(np.repeat(kept["row.tick_ps"], 3)[:50].sum(), result.tick_ps.sum(), rtol=0.05)


def unpacked(found: Content) -> dict[str, np.ndarray]:
    return {
        name: np.frombuffer(found.arrays.content(), entry["type"], entry["length"], entry["at"])
        for name, entry in found.arrays.index().items()
    }


def test_more_populations_than_bands_are_said(tiny: em.ChipSpec) -> None:
    net = em.Network("many populations")
    for number in range(timeline.MAX_BANDS + 3):
        net.add_population(f"p{number}", 1, em.LoihiCuba())
    told = content(em.run(em.compile(net, tiny), 1), None).data["time"]
    assert len(told["bands"]) == timeline.MAX_BANDS and told["n_recorded"] == timeline.MAX_BANDS + 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 255], "uint8"),
        ([256], "uint16"),
        ([2**16], "uint32"),
        ([2**32], "float64"),
        ([-1], "float64"),
        ([0.5], "float32"),
    ],
)
def test_arrays_are_kept_in_the_smallest_type_that_holds_them(values: list[float], kind: str) -> None:
    arrays = Arrays()
    arrays.add("first", np.arange(3))
    arrays.add("second", np.array(values))
    entry = arrays.index()["second"]
    assert (entry["type"], entry["at"]) == (kind, 8)
    assert np.frombuffer(arrays.content(), kind, entry["length"], 8).tolist() == values


def test_a_page_replaces_an_older_one_as_a_whole(small: em.Result, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    small.report(target)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [target]


def test_a_page_that_cannot_be_written_says_why(small: em.Result, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="the folder does not exist: create it first"):
        save_page(small, tmp_path / "missing" / "report.html")


def test_all_scripts_are_in_the_page_and_in_the_package(shown: str) -> None:
    folder = Path(em.__file__).parent / "report" / "page"
    assert sorted(path.name for path in folder.glob("*.js")) == sorted(SCRIPTS)
    for name in SCRIPTS:
        assert (folder / name).read_text(encoding="utf-8").strip() in shown
