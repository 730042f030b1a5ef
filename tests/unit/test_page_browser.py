"""The page in a browser without a head: it draws, answers pointer and keys, and fetches nothing.

Skipped where Chromium or its driver is missing; no driver is ever downloaded.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator as em
from emulator.chip.events import EVENT_ID
from emulator.report import save_page
from emulator.report.page import timeline

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install '.[test]'")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="no Chromium with its driver: apt-get install chromium chromium-driver",
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)
PATIENCE_S = 60


@pytest.fixture(scope="module")
def result() -> em.Result:
    """Two populations on three cores, eight samples of twenty ticks; names that HTML would read."""
    net = em.Network("<b>two & two</b>")
    given = net.add_source("in", 12)
    many = net.add_population("many <i>", 24, em.LoihiCuba(du=4095, dv=400, vth_mant=20))
    few = net.add_population("few", 3, em.LoihiCuba(du=4095, dv=0, vth_mant=60), to_host=True)
    rng = np.random.default_rng(4)
    net.connect(given, many, weights=rng.integers(-10, 60, (12, 24)))
    net.connect(many, few, weights=rng.integers(0, 60, (24, 3)))
    mapping = {"many <i>": np.arange(24) % 2 * 4, "few": np.full(3, 9)}
    program = em.compile(net, em.load_chip("loihi"), mapping=mapping)
    return em.run(program, 20, {"in": rng.random((8, 20, 12)) < 0.3}, batch=8)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def loaded(result: em.Result, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("page") / "report.html"
    save_page(result, path)
    return load(browser, path)


@pytest.fixture
def page(loaded: Any) -> Any:
    """The page as it opens: whole run, light, first tab."""
    loaded.execute_script(
        "page.view = 0; page.step = -1; setTheme('light'); showStep(); moveTime(0, Infinity)"
    )
    return loaded


def load(browser: Any, path: Path) -> Any:
    browser.get(path.as_uri())
    state = """const trouble = document.getElementById("trouble");
        return document.documentElement.dataset.ready
          || (trouble && !trouble.hidden && trouble.textContent);"""
    deadline = time.monotonic() + PATIENCE_S
    while not (told := browser.execute_script(state)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert told == "true"
    return browser


def keys(page: Any, *pressed: str) -> None:
    page.switch_to.active_element.send_keys(*pressed)


def pointer(page: Any, kind: str, core: int) -> None:
    """An event of the pointer in the middle of a core."""
    page.execute_script(
        """const [left, top, side] = coreBox(page.arrays["core.id"][arguments[1]]);
        const box = $("map").getBoundingClientRect();
        const at = { clientX: box.left + left + side / 2, clientY: box.top + top + side / 2, bubbles: true };
        $("map").dispatchEvent(new PointerEvent(arguments[0], at));""",
        kind,
        core,
    )


def text(page: Any, name: str) -> str:
    return str(page.execute_script("return $(arguments[0]).textContent", name))


def test_it_opens_from_a_file_without_a_word_on_the_console(page: Any) -> None:
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert page.execute_script("return document.querySelectorAll('.js-plotly-plot').length") >= 2
    assert "<b>two & two</b> on loihi" in page.find_element("tag name", "h1").text


def test_pointing_at_a_core_shows_its_numbers(page: Any, result: em.Result) -> None:
    pointer(page, "pointermove", 2)
    shown = page.find_element("id", "map-tip")
    assert shown.is_displayed() and shown.text.startswith("core 9 at (2, 0)")
    few = int(result.spike_counts("few").sum())
    assert few and f"{few} spikes fired" in shown.text
    page.execute_script("$('map').dispatchEvent(new PointerEvent('pointerleave'))")
    assert not shown.is_displayed()


def test_a_click_explains_a_core_by_who_drives_it(page: Any, result: em.Result) -> None:
    pointer(page, "click", 2)
    told = text(page, "explanation")
    assert (
        "core 9 at (2, 0)" in told and "all of these because population “many <i>” sent spikes here" in told
    )
    assert "population “few”: 3 neurons" in told
    pointer(page, "click", 0)
    assert "source “in”" in text(page, "explanation")


def test_the_map_is_walked_with_arrow_keys(page: Any) -> None:
    page.execute_script("chooseCore(0); $('map').focus()")
    keys(page, "\ue014")  # to the right
    assert "core 4 at (1, 0)" in text(page, "explanation")
    keys(page, "\ue012")
    assert "core 0 at (0, 0)" in text(page, "explanation")


def test_the_slider_shows_a_tick_and_its_tables_add_up_to_the_record(page: Any, result: em.Result) -> None:
    page.execute_script("$('by-tick').focus()")
    keys(page, " ")
    page.execute_script("$('tick').focus()")
    keys(page, "\ue014", "\ue014", "\ue014")
    assert text(page, "tick-shown") == "tick 3 of 0\u201319"
    summed = page.execute_script(
        """const inAll = (event) => [0, 1, 2].reduce((sum, core) => sum + eventCount(event, core, 3), 0);
        return page.data.cores.events.map((_, event) => inAll(event))"""
    )
    counts = result.record.counts_by_tick.reshape(8, 20, -1)[:, 3].sum(axis=0)
    names = page.execute_script("return page.data.cores.events")
    expected = [int(counts[EVENT_ID[name]]) for name in names]
    assert summed == pytest.approx(expected) and sum(expected) > 0


def test_over_all_ticks_a_core_has_what_the_record_counts(page: Any, result: em.Result) -> None:
    spread = page.execute_script(
        """return [0, 1, 2].map((core) => page.data.cores.events.map((_, event) => {
          let sum = 0;
          for (let step = 0; step < page.data.steps.n_steps; step++) sum += eventCount(event, core, step);
          return sum; }))"""
    )
    names = page.execute_script("return page.data.cores.events")
    counted = result.record.counts_by_core[:3, [EVENT_ID[name] for name in names]]
    np.testing.assert_allclose(spread, counted)


def test_a_sample_can_be_seen_on_its_own(page: Any, result: em.Result) -> None:
    page.execute_script("page.view = 4; page.step = 7; showStep()")  # the fourth sample
    spikes = result.record.counts_by_tick[3 * 20 + 7, 0]
    assert (
        page.execute_script("return [0, 1, 2].reduce((n, c) => n + eventCount(0, c, currentStep()), 0)")
        == spikes
    )


@pytest.mark.parametrize(
    "metric", ["operations", "spikes", "received", "sent", "links", "utilisation", "stall"]
)
def test_the_map_can_be_coloured_by(page: Any, metric: str) -> None:
    before = page.execute_script("return $('map').toDataURL()")
    page.execute_script("$('metric').value = arguments[0]; showStep()", metric)
    assert page.execute_script("return $('map').toDataURL()") != before
    page.execute_script("$('metric').value = 'energy'")


def test_tabs_are_changed_with_arrow_keys_and_show_bars(page: Any, result: em.Result) -> None:
    page.execute_script("$('tab-event').click(); $('tab-event').focus()")
    keys(page, "\ue014")
    assert page.find_element("id", "panel-population").is_displayed()
    assert not page.find_element("id", "panel-event").is_displayed()
    bars = page.execute_script("return document.querySelectorAll('#chart-population .bars .point').length")
    assert bars >= 3
    drawn = page.execute_script(
        """const bars = $("chart-population").data.filter((trace) => trace.type === "bar");
        return bars.flatMap((trace) => [...trace.x]).reduce((sum, value) => sum + value, 0)"""
    )
    assert drawn == pytest.approx(result.energy.dynamic_j, rel=1e-9)


def test_a_click_on_a_bar_explains_its_core(page: Any) -> None:
    page.execute_script("$('tab-core').click(); chooseCore(0)")
    page.execute_script("$('chart-core').emit('plotly_click', { points: [{ y: 'core 9 (2, 0)\u200b' }] })")
    assert "core 9 at (2, 0)" in text(page, "explanation")


def test_zooming_in_counts_the_spikes_in_view(page: Any, result: em.Result) -> None:
    page.execute_script("lookAt(20, 40)")  # the second sample
    rows = page.execute_script(
        "return [...document.querySelectorAll('#time-table tbody tr')].map((r) => r.innerText)"
    )
    second = result.spike_counts("many <i>")[1].sum()
    assert rows[0].split("\t")[:2] == ["many <i>", str(second)]
    assert "sample 1, tick 0 to sample 1, tick 19: 20 ticks of 160" in text(page, "time-shown")
    assert page.execute_script("return $('chart-time').layout.xaxis.range") == [19.5, 39.5]


def test_buttons_move_and_zoom_the_ticks(page: Any) -> None:
    page.execute_script("lookAt(0, 40); $('time-later').focus()")
    keys(page, "\ue007")
    assert page.execute_script("return [time.begin, time.end]") == [20, 60]
    page.execute_script("$('time-in').click()")
    assert page.execute_script("return [time.begin, time.end]") == [30, 50]
    page.execute_script("$('time-all').click()")
    assert page.execute_script("return [time.begin, time.end]") == [0, 160]


def test_durations_are_the_parts_of_the_recorded_ticks(page: Any, result: em.Result) -> None:
    page.execute_script("lookAt(0, 20)")
    parts = page.execute_script("return durations().map((part) => [...part[3]])")
    np.testing.assert_allclose(np.sum(parts, axis=0), result.tick_ps[0])
    assert result.record.timing is not None
    np.testing.assert_allclose(parts[2], result.tick_ps[0] - result.record.timing.done_ps[:20])
    assert np.min(parts) >= 0


def test_the_switch_makes_it_dark(page: Any) -> None:
    light = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    page.execute_script("$('theme').focus()")
    keys(page, "\ue007")
    assert page.execute_script("return document.documentElement.dataset.theme") == "dark"
    dark = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(246, 247, 249)" and dark == "rgb(18, 22, 28)"
    assert page.execute_script("return $('chart-time').layout.font.color") == "#e8ebef"


def test_a_dark_desktop_makes_it_dark_from_the_start(browser: Any, result: em.Result, tmp_path: Path) -> None:
    save_page(result, tmp_path / "dark.html")
    preference = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", preference)
    try:
        load(browser, tmp_path / "dark.html")
        assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_spikes_counted_in_cells_give_an_even_rate(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = em.Network("even")
    net.add_population("cells", 4, em.LoihiCuba(du=4095, dv=0, vth_mant=1, bias_mant=100))
    result = em.run(em.compile(net, em.load_chip("tiny")), 2000)
    monkeypatch.setattr(timeline, "MAX_SPIKES", 100)
    monkeypatch.setattr(timeline, "CELLS", (290, 4))  # cells of 7 ticks
    assert result.counts["spikes"] == 4 * 2000
    save_page(result, tmp_path / "even.html")
    load(browser, tmp_path / "even.html")
    browser.execute_script("moveTime(0, Infinity)")
    read = "return $('chart-time').data.find((trace) => trace.type === 'scatter').y"
    assert set(browser.execute_script(read)) == {4}
    browser.execute_script("lookAt(100, 1300)")
    assert set(browser.execute_script(read)[:-1]) == {4}


@pytest.mark.parametrize("ticks", [0, 1])
def test_runs_with_next_to_nothing_in_them_open_too(browser: Any, tmp_path: Path, ticks: int) -> None:
    net = em.Network("quiet")
    net.add_population("cell", 1, em.LoihiCuba(), record_spikes=bool(ticks))
    program = em.compile(net, em.load_chip("tiny"))
    save_page(em.run(program, ticks, timing=bool(ticks)), tmp_path / "quiet.html")
    load(browser, tmp_path / "quiet.html")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
