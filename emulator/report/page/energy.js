// Bars of energy by event, population and core; each is a table too.

function staticRow(row) { return Boolean(row.static); }

function drawEnergy(by) {
  const withStatic = $("with-static").checked;
  const rows = page.data.costs[by].filter((row) => row.energy_aj > 0 && (withStatic || !staticRow(row)));
  const total = rows.reduce((sum, row) => sum + row.energy_aj, 0);
  if (!rows.length) {
    $(`chart-${by}`).replaceChildren(element("p", { class: "note" }, "Nothing that has a price happened."));
    return;
  }
  const labels = rows.map((row, place) => `${escaped(shortened(row.label))}${"\u200b".repeat(place)}`);  // equal names stay apart
  const shares = rows.map((row) => `  ${si(row.energy_aj * 1e-18, "J")} (${percent(row.energy_aj / total)})`);
  const traces = by === "event" ? eventTraces(rows, labels) : groupTraces(rows, labels);
  traces.push({
    type: "scatter", mode: "text", x: rows.map((row) => row.energy_aj * 1e-18), y: labels, text: shares,
    textposition: "middle right", hoverinfo: "skip", showlegend: false, cliponaxis: false,
  });
  const most = Math.max(...rows.map((row) => row.energy_aj)) * 1e-18;
  drawChart(`chart-${by}`, 76 + 29 * rows.length + (by === "event" ? 0 : 30), traces, {
    barmode: "stack", bargap: 0.35,
    xaxis: { title: { text: "energy" }, ticksuffix: "J", tickformat: "~s", range: [0, most * 1.3], fixedrange: true },
    yaxis: { autorange: "reversed", fixedrange: true, ticksuffix: "  " },
    legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, xanchor: "left", traceorder: "normal" },
    margin: { l: 10, r: 16, t: by === "event" ? 8 : 34, b: 44 },
  });
  if (by === "core" && !page.coreBars) chooseCoreByBar();
}

function eventTraces(rows, labels) {
  return [{
    type: "bar", orientation: "h", y: labels, x: rows.map((row) => row.energy_aj * 1e-18), showlegend: false,
    marker: { color: rows.map((row) => staticRow(row) ? colour("static") : colour(`group-${row.group}`)) },
    customdata: rows.map((row) => staticRow(row) ? "power at rest x duration" : `${count(row.count)} x ${si(row.price_aj * 1e-18, "J")}`),
    hovertemplate: "<b>%{y}</b><br>%{x:.3s}J = %{customdata}<extra></extra>",
  }];
}

function groupTraces(rows, labels) {
  const traces = Object.keys(page.data.groups).map((name, group) => ({
    type: "bar", orientation: "h", name, y: labels, x: rows.map((row) => row.groups_aj ? row.groups_aj[group] * 1e-18 : 0),
    marker: { color: colour(`group-${group}`) },
    hovertemplate: `<b>%{y}</b><br>${name}: %{x:.3s}J<extra></extra>`,
  }));
  if (rows.some(staticRow)) {
    traces.push({
      type: "bar", orientation: "h", name: "static power", y: labels, marker: { color: colour("static") },
      x: rows.map((row) => staticRow(row) ? row.energy_aj * 1e-18 : 0),
      hovertemplate: "<b>%{y}</b><br>power at rest x duration: %{x:.3s}J<extra></extra>",
    });
  }
  return traces.filter((trace) => trace.x.some((value) => value > 0));
}

function shortened(text) { return text.length > 32 ? `${text.slice(0, 31)}…` : text; }

/** The charts read HTML in labels; names of populations are not. */
function escaped(text) { return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); }

function shownBreakdown() { return document.querySelector('[role="tab"][aria-selected="true"]').dataset.by; }

function chooseBreakdown(tab) {
  for (const other of document.querySelectorAll('[role="tab"]')) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  drawEnergy(tab.dataset.by);
}

function setUpEnergy() {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  for (const [place, tab] of tabs.entries()) {
    tab.addEventListener("click", () => chooseBreakdown(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      next.focus();
      chooseBreakdown(next);
      event.preventDefault();
    });
  }
  $("with-static").disabled = !page.data.static_j;
  $("with-static").addEventListener("change", () => drawEnergy(shownBreakdown()));
  chooseBreakdown(tabs[0]);
}

/** A click on a core's bar explains it on the map. */
function chooseCoreByBar() {
  page.coreBars = true;
  $("chart-core").on("plotly_click", (event) => {
    const label = event.points[0].y.replaceAll("\u200b", "");
    const row = page.data.costs.core.find((one) => one.label === label);
    if (row && "core" in row) chooseCore(page.arrays["core.id"].indexOf(row.core));
  });
}
