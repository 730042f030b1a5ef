"use strict";
// What all parts of the page use: its data, numbers as people read them, colours of the theme.

const page = { data: null, core: -1, view: 0, step: -1 };  // step -1: the whole run

function $(id) { return document.getElementById(id); }

/** The content of a compressed block of the page. */
async function unpacked(id) {
  const letters = atob($(id).textContent.trim()), packed = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) packed[place] = letters.charCodeAt(place);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function loadData() {
  const text = new TextDecoder();
  page.data = JSON.parse(text.decode(await unpacked("data")));
  const content = await unpacked("arrays");
  const types = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array, float64: Float64Array };
  page.arrays = {};
  for (const [name, entry] of Object.entries(page.data.arrays)) {
    page.arrays[name] = new types[entry.type](content, entry.at, entry.length);
  }
  page.prices = page.data.cores.events.map((event) => page.data.prices_j[event] || 0);
}

/** Plotly takes a moment: what can do without it is shown before. */
async function loadLibrary() {
  await new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpacked("library"));
  document.head.append(script);
}

/** 1.5e-6, "J" is 1.50 µJ. */
function si(value, unit) {
  if (!value) return `0 ${unit}`.trim();
  const rounded = Number(Math.abs(value).toPrecision(3));
  const power = Math.max(-6, Math.min(4, Math.floor(Math.log10(rounded) / 3 + 1e-9)));
  const scaled = rounded / 1000 ** power;
  const whole = Math.max(1, Math.floor(Math.log10(scaled) + 1e-9) + 1);
  const prefix = ["a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T"][power + 6];
  return `${value < 0 ? "-" : ""}${scaled.toFixed(Math.max(0, 3 - whole))} ${prefix}${unit}`.trim();
}

/** Counts with separators; above a million with a prefix. */
function count(value) {
  if (Math.abs(value) >= 1e6) return si(value, "");
  return (Number.isInteger(value) ? value : Number(value.toPrecision(3))).toLocaleString("en");
}

function percent(share) {
  if (!share) return "0 %";
  return share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(1)} %`;
}

function plural(n, noun) { return `${count(n)} ${noun}${n === 1 ? "" : "s"}`; }

/** element("p", { class: "note" }, "text", child) */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); }

function isDark() { return document.documentElement.dataset.theme === "dark"; }

const BAND_COLOURS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a87400", "#2f8fc4", "#7f5fb0", "#8c6d46"],
  dark: ["#56b4e9", "#ff8a3c", "#2fc79a", "#e29cc4", "#f0b73a", "#8fd0f5", "#a68be0", "#c4a27a"],
};
function bandColour(place) {
  const colours = BAND_COLOURS[isDark() ? "dark" : "light"];
  return colours[place % colours.length];
}

// From little to much, told apart with any colour vision; on a dark page much is bright.
const RAMPS = {
  core: { light: ["#fff3d6", "#fdc877", "#f58b3d", "#d1442b", "#7f1734"], dark: ["#33202a", "#7f1734", "#d1442b", "#f58b3d", "#ffe9b8"] },
  link: { light: ["#cfe2f3", "#5b9bd0", "#1f5f9e", "#0b2f5c"], dark: ["#1d3a57", "#2f78b7", "#6db6ee", "#d8efff"] },
};
function ramp(name) { return RAMPS[name][isDark() ? "dark" : "light"]; }

function onRamp(stops, share) {
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const mixed = [1, 3, 5].map((place) => {
    const [a, b] = [stops[low], stops[low + 1]].map((stop) => parseInt(stop.slice(place, place + 2), 16));
    return Math.round(a + (b - a) * (at - low));
  });
  return `rgb(${mixed.join(",")})`;
}

/** What all charts have in common. */
function chartLayout(extra) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("ink") },
    hoverlabel: { bgcolor: colour("ink"), bordercolor: colour("ink"), font: { color: colour("bg") }, align: "left" },
    margin: { l: 10, r: 16, t: 8, b: 40 },
    ...extra,
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    layout[name] = { ...axis, ...layout[name] };
    if (layout[name].title) layout[name].title.font = { size: 13, color: colour("muted") };
  }
  return layout;
}

/** Draws into an element, which is made as high as the chart: resizing changes the width alone. */
function drawChart(id, height, traces, layout, options) {
  $(id).style.height = `${height}px`;
  Plotly.react($(id), traces, chartLayout(layout), { ...CHART_OPTIONS, ...options });
}

const CHART_OPTIONS = { displayModeBar: false, responsive: true };
