// Spikes, durations and energy over the ticks: one chart whose parts share their ticks. What is drawn is counted
// anew for each window, in cells as fine as the screen shows: zoomed in, each mark is one spike.

const time = { begin: 0, end: 1 };
const COLUMNS = 560, LINES = 260;  // cells along ticks; along neurons, over all bands
const OPENING = 400;  // ticks in view at first, if there are more
const LEAST = 8;
const HEAD = 6, FOOT = 52;  // pixels above and below the charts

function setUpTime() {
  const { bands, n_rows } = page.data.time;
  time.rows = bands.map((_, place) => {
    let row = 0;
    return Uint32Array.from(page.arrays[`band.${place}.row_step`], (step) => row += step);
  });
  const { n_ticks } = page.data;
  const samples = Math.max(1, Math.floor(OPENING / Math.max(1, n_ticks)));
  [time.begin, time.end] = [0, Math.min(n_rows, n_ticks > OPENING ? OPENING : samples * n_ticks)];
  const moves = { "time-earlier": [-0.5, 1], "time-later": [0.5, 1], "time-in": [0, 0.5], "time-out": [0, 2], "time-all": [0, Infinity] };
  for (const [id, [shift, factor]] of Object.entries(moves)) $(id).addEventListener("click", () => moveTime(shift, factor));
  drawTime();
  if (!n_rows) return;
  $("chart-time").on("plotly_relayout", (change) => {
    if ("xaxis.autorange" in change) lookAt(0, n_rows);
    else if ("xaxis.range[0]" in change) lookAt(change["xaxis.range[0]"] + 0.5, change["xaxis.range[1]"] + 0.5);
  });
}

function moveTime(shift, factor) {
  const length = time.end - time.begin, middle = (time.begin + time.end) / 2 + shift * length;
  const wanted = Math.min(Math.max(length * factor, LEAST), page.data.time.n_rows);
  const begin = Math.max(0, Math.min(page.data.time.n_rows - wanted, middle - wanted / 2));
  lookAt(begin, begin + wanted);
}

function lookAt(begin, end) {
  const last = page.data.time.n_rows;
  begin = Math.max(0, Math.min(Math.round(begin), last - Math.min(LEAST, last)));
  begin -= begin % grain();
  end = Math.min(last, Math.max(Math.round(end), begin + Math.min(LEAST, last)));
  if (begin === time.begin && end === time.end) return;
  [time.begin, time.end] = [begin, end];
  drawTime();
}

/** Place of the first value that is not below the wanted one. */
function firstAt(values, wanted) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low;
}

/** Ticks of a cell in which spikes were counted before; 1: each is known. */
function grain() { return Math.max(1, ...page.data.time.bands.map((band) => band.rows)); }

/** Ticks of a column: whole cells, or some columns would hold more of them than others. */
function width() { return grain() * Math.max(1, Math.ceil((time.end - time.begin) / COLUMNS / grain())); }

/** Spikes of a band in the window: in cells [lines][columns], by column, and in all. */
function countBand(place, across) {
  const band = page.data.time.bands[place], rows = time.rows[place], neurons = page.arrays[`band.${place}.neuron`];
  const counts = page.arrays[`band.${place}.count`], columns = Math.ceil((time.end - time.begin) / width());
  const cells = Array.from({ length: Math.ceil(band.n / across) }, () => new Uint32Array(columns));
  const perColumn = new Float64Array(columns);
  let total = 0;
  for (let spike = firstAt(rows, time.begin); spike < rows.length && rows[spike] < time.end; spike++) {
    const column = Math.floor((rows[spike] - time.begin) / width()), n = counts ? counts[spike] : 1;
    cells[Math.floor(neurons[spike] / across)][column] += n;
    perColumn[column] += n;
    total += n;
  }
  return { cells, perColumn, total };
}

/** Means of a series over the columns of the window; NaN where there is none. */
function means(name) {
  const values = page.arrays[name], per = page.data.time.width, columns = Math.ceil((time.end - time.begin) / width());
  return Float64Array.from({ length: columns }, (_, column) => {
    const first = Math.floor((time.begin + column * width()) / per);
    const last = Math.max(first + 1, Math.ceil(Math.min(time.end, time.begin + (column + 1) * width()) / per));
    return sumOf(values, first, Math.min(last, values.length) - first) / (Math.min(last, values.length) - first);
  });
}

function tickName(row) {
  const { n_ticks, n_samples } = page.data;
  return n_samples > 1 ? `sample ${Math.floor(row / n_ticks)}, tick ${row % n_ticks}` : `tick ${row}`;
}

function columnNames() {
  return Array.from({ length: Math.ceil((time.end - time.begin) / width()) }, (_, column) => {
    const first = time.begin + column * width(), last = Math.min(time.end, first + width()) - 1;
    return first === last ? tickName(first) : `${tickName(first)} to ${tickName(last)}`;
  });
}

/** Axis of the ticks; of several samples, where each begins. */
function timeAxis(low) {
  const { n_ticks, n_samples } = page.data;
  const axis = { range: [time.begin - 0.5, time.end - 0.5], anchor: `y${low}`, showgrid: false, zeroline: false };
  const samples = (time.end - time.begin) / n_ticks;
  if (n_samples === 1) return { ...axis, title: { text: "tick" } };
  const every = samples > 2 ? n_ticks * Math.ceil(samples / 16) : Math.max(1, Math.round((time.end - time.begin) / 16));
  const ticks = [];
  for (let row = Math.ceil(time.begin / every) * every; row < time.end; row += every) ticks.push(row);
  const named = (row) => samples > 2 ? row / n_ticks : `${Math.floor(row / n_ticks)}/${row % n_ticks}`;
  return { ...axis, tickvals: ticks, ticktext: ticks.map(named), title: { text: samples > 2 ? `sample, ${n_ticks} ticks each` : "sample/tick" } };
}

/** Lower and upper end of each part of the chart, in pixels from its top. */
function parts() {
  const { bands } = page.data.time, all = bands.reduce((sum, band) => sum + band.n, 0);
  const room = Math.min(LINES, 40 + all), sizes = bands.map((band) => Math.max(38, Math.round(room * band.n / all)));
  if (bands.length) sizes.push(90);
  if (page.data.time.timed) sizes.push(150);
  sizes.push(90);
  let top = HEAD;
  return sizes.map((size, place) => {
    if (page.data.time.timed && place === sizes.length - 2) top += 26;  // its legend
    const part = [top, top + size];
    top += size + 16;
    return part;
  });
}

function drawTime() {
  const { bands, timed, n_rows } = page.data.time;
  if (!n_rows) {
    $("chart-time").replaceChildren(element("p", { class: "note" }, "No tick was run."));
    return;
  }
  const places = parts(), height = places.at(-1)[1] + FOOT, layout = {}, traces = [];
  const names = columnNames(), x = names.map((_, column) => time.begin + column * width() + (width() - 1) / 2);
  const inner = height - HEAD - FOOT;
  const axis = (number, extra) => {
    const [top, bottom] = places[number];
    layout[`yaxis${number + 1}`] = { domain: [Math.max(0, 1 - (bottom - HEAD) / inner), 1 - (top - HEAD) / inner], fixedrange: true, anchor: "x", ...extra };
    return `y${number + 1}`;
  };
  const all = bands.reduce((sum, band) => sum + band.n, 0), across = Math.max(1, Math.ceil(all / LINES));
  const counted = bands.map((band, place) => {
    const step = Math.max(page.data.time.exact ? 1 : band.neurons, Math.min(across, Math.ceil(band.n / 38)));
    const found = countBand(place, step);
    traces.push(bandTrace(band, place, found, step, x, names, axis(place, bandAxis(band, place))));
    return found;
  });
  let next = bands.length;
  if (bands.length) traces.push(...rateTraces(counted, x, names, axis(next++, { title: { text: "spikes<br>per tick" }, rangemode: "tozero", nticks: 4 })));
  if (timed) traces.push(...durationTraces(x, names, axis(next++, { title: { text: "duration<br>of a tick" }, ticksuffix: "s", tickformat: "~s", nticks: 5 })));
  traces.push(energyTrace(x, names, axis(next, { title: { text: "dynamic<br>energy" }, ticksuffix: "J", tickformat: "~s", nticks: 4 })));
  layout.xaxis = timeAxis(next + 1);
  layout.showlegend = timed && $("chart-time").clientWidth > 560;  // else the table names the colours
  if (timed) layout.legend = { orientation: "h", y: layout[`yaxis${next}`].domain[1], yanchor: "bottom", x: 0, traceorder: "normal" };
  drawChart("chart-time", height, traces, {
    ...layout, barmode: "stack", bargap: 0, dragmode: "zoom", margin: { l: 10, r: 12, t: HEAD, b: FOOT }, shapes: borders(),
  }, { doubleClick: "reset+autosize" });
  tellTime(counted);
}

function bandAxis(band, place) {
  const name = `${escaped(band.name.length > 14 ? `${band.name.slice(0, 13)}…` : band.name)}<br>${plural(band.n, "neuron")}`;
  return { tickvals: [(band.n - 1) / 2], ticktext: [name], tickfont: { color: bandColour(place) }, range: [-0.5 - 0.02 * band.n, band.n - 0.5 + 0.02 * band.n], showgrid: false, zeroline: false };
}

function bandTrace(band, place, found, step, x, names, yaxis) {
  const said = (line, column, n) => {
    const first = line * step, last = Math.min(band.n, first + step) - 1;
    const who = first === last ? `neuron ${first}` : `neurons ${first} to ${last}`;
    return `<b>${escaped(band.name)}</b>, ${who}<br>${names[column]}: ${plural(n, "spike")}`;
  };
  const text = found.cells.map((cells, line) => Array.from(cells, (n, column) => n ? said(line, column, n) : ""));
  const own = bandColour(place), faint = mixed(own, colour("panel"), 0.45);
  return {
    type: "heatmap", x, y: found.cells.map((_, line) => line * step + (step - 1) / 2), z: found.cells.map((cells) => Array.from(cells, (n) => n || null)),
    text, hoverinfo: "text", showscale: false, colorscale: [[0, width() * step > 1 ? faint : own], [1, own]], zmin: 0, yaxis, hoverongaps: false,
    zmax: Math.max(1, ...found.cells.map((cells) => cells.reduce((most, n) => Math.max(most, n), 0))),
  };
}

function mixed(a, b, share) {
  const parsed = [a, b].map((one) => [1, 3, 5].map((at) => parseInt(one.slice(at, at + 2), 16)));
  return `rgb(${parsed[0].map((value, at) => Math.round(value * (1 - share) + parsed[1][at] * share)).join(",")})`;
}

function rateTraces(counted, x, names, yaxis) {
  return counted.map((found, place) => ({
    type: "scatter", mode: "lines", line: { shape: "hvh", width: 1.5, color: bandColour(place) }, x, yaxis, showlegend: false,
    y: Array.from(found.perColumn, (n, column) => n / Math.min(width(), time.end - time.begin - column * width())),
    text: names, hovertemplate: `<b>${escaped(page.data.time.bands[place].name)}</b>, %{text}<br>%{y:.4~g} spikes per tick<extra></extra>`,
  }));
}

/** What each tick's duration is made of, [name, meaning, colour, values in ps]. */
function durations() {
  const core = means("row.core_ps"), done = means("row.done_ps"), tick = means("row.tick_ps");
  const { clock } = page.data.time;
  return [
    ["busiest core, at least", "one core's pipeline worked", colour("group-0"), core],
    ["packets and waiting, at most", "carried by the mesh, or cores waited for them", colour("group-1"), done.map((ps, at) => ps - core[at])],
    clock
      ? ["idle until the clock", "work was done", colour("static"), tick.map((ps, at) => Math.max(0, ps - done[at]))]
      : ["barrier", "cores agreed that the tick is over", colour("static"), tick.map((ps, at) => ps - done[at])],
  ];
}

function durationTraces(x, names, yaxis) {
  return durations().map(([name, meaning, own, ps]) => ({
    type: "bar", name, x, y: Array.from(ps, (value) => value * 1e-12), marker: { color: own, line: { width: 0 } }, yaxis, text: names,
    textposition: "none", hovertemplate: `<b>%{text}</b><br>${name}: %{y:.3s}s<br>${meaning}<extra></extra>`,
  }));
}

function energyTrace(x, names, yaxis) {
  return {
    type: "bar", x, y: Array.from(means("row.dynamic_j")), marker: { color: colour("group-2"), line: { width: 0 } }, yaxis, showlegend: false, text: names,
    textposition: "none", hovertemplate: "<b>%{text}</b><br>dynamic energy of a tick: %{y:.3s}J<extra></extra>",
  };
}

/** Lines between samples, as long as they can be told apart. */
function borders() {
  const { n_ticks, n_samples } = page.data;
  if (n_samples === 1 || (time.end - time.begin) / n_ticks > 40) return [];
  const lines = [];
  for (let row = Math.ceil(time.begin / n_ticks) * n_ticks; row < time.end; row += n_ticks) {
    if (row > time.begin) lines.push({ type: "line", xref: "x", yref: "paper", x0: row - 0.5, x1: row - 0.5, y0: 0, y1: 1, line: { color: colour("static"), width: 0.7 } });
  }
  return lines;
}

function tellTime(counted) {
  const { bands, exact, n_recorded, n_rows, width: averaged } = page.data.time, n = time.end - time.begin;
  $("time-shown").textContent = `${tickName(time.begin)} to ${tickName(time.end - 1)}: ${plural(n, "tick")} of ${count(n_rows)}`;
  const notes = [];
  if (width() > 1) notes.push(`Each column is ${width()} ticks: durations and energies are means, darker cells hold more spikes. Zoom in for single ticks.`);
  if (!exact) notes.push(`More than the page has room for: spikes are counted in cells of ${bands[0].rows} ticks x ${Math.max(...bands.map((band) => band.neurons))} neurons.`);
  if (averaged > 1) notes.push(`Durations and energies are kept as means of ${averaged} ticks.`);
  if (bands.length < n_recorded) notes.push(`Shown: the first ${bands.length} of ${count(n_recorded)} populations.`);
  if (!bands.length) notes.push("No population's spikes were recorded.");
  if (!page.data.time.timed) notes.push("The run was not timed: how long its ticks took is not known.");
  $("time-note").textContent = notes.join(" ");
  const spikes = bands.map((band, place) => [named(bandColour(place), band.name), count(counted[place].total), (counted[place].total / n).toPrecision(3), `${(100 * counted[place].total / n / band.n).toPrecision(3)} %`]);
  const tables = [];
  if (bands.length) tables.push(tableOf("Spikes in view", ["population", "spikes", "per tick", "of its neurons fire in a tick"], spikes));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rows = page.data.time.timed ? durations().map(([name, meaning, own, ps]) => [named(own, `${name}: ${meaning}`), si(mean(ps) * 1e-12, "s")]) : [];
  rows.push([named(colour("group-2"), "dynamic energy"), si(mean(means("row.dynamic_j")), "J")]);
  tables.push(tableOf("A mean tick in view", ["part", "mean"], rows));
  $("time-table").replaceChildren(...tables);
}

/** A name with the colour that it has in the chart. */
function named(own, name) {
  const swatch = element("i", { class: "swatch" });
  swatch.style.background = own;
  return element("span", {}, swatch, name);
}

function tableOf(title, header, rows) {
  const cell = (text, place) => place ? element("td", { class: "number" }, text) : element("th", { scope: "row" }, text);
  return element("table", {},
    element("caption", {}, title),
    element("thead", {}, element("tr", {}, ...header.map((name, place) => element("th", place ? { scope: "col", class: "number" } : { scope: "col" }, name)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))),
  );
}
