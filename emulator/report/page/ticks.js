// What cores and links did in a step of the slider, or in the whole run.

/** Places of the events in the tables, by the order of data.cores.events. */
const SPIKES = 0, SENT = 1, RECEIVED = 2, DENSE = 3, SPARSE = 4;
const N_KNOWN = 5;

function nCores() { return page.arrays["core.id"].length; }

function allSteps() { return page.data.steps.n_steps * (1 + page.data.steps.n_shown); }

/** Step of all views' tables that the slider is at; -1: the whole run. */
function currentStep() { return page.step < 0 ? -1 : page.view * page.data.steps.n_steps + page.step; }

function setUpTicks() {
  const { arrays, data } = page;
  page.restOfEvent = data.cores.events.map((_, event) => sumOf(arrays["step.core_rest"], event * nCores(), nCores()));
  page.restOfSide = [0, 0, 0, 0];
  arrays["link.rest"].forEach((rest, place) => { page.restOfSide[arrays["link.id"][place] % 4] += rest; });
}

function sumOf(values, from, n) {
  let sum = 0;
  for (let place = from; place < from + n; place++) sum += values[place];
  return sum;
}

/** How often an event happened in a core; see tick_map.py for what is known and what is shared out. */
function eventCount(event, core, step) {
  const { arrays } = page;
  if (step < 0) return arrays["core.events"][event * nCores() + core];
  const known = event < N_KNOWN ? arrays["step.known"][(event * allSteps() + step) * nCores() + core] : 0;
  const rest = arrays["step.core_rest"][event * nCores() + core];
  return known + (rest ? rest * arrays["step.rest"][event * allSteps() + step] / page.restOfEvent[event] : 0);
}

/** Packets over a link in use. */
function linkCount(link, step) {
  const { arrays } = page;
  const n = arrays["link.id"].length, side = arrays["link.id"][link] % 4;
  if (step < 0) return page.wholeLinks[link];
  const rest = arrays["link.rest"][link];
  const shared = rest ? rest * arrays["link.step_rest"][side * allSteps() + step] / page.restOfSide[side] : 0;
  return arrays["link.known"][step * n + link] + shared;
}

function wholeLinks() {
  const { arrays, data } = page;
  const n = arrays["link.id"].length, total = Float64Array.from(arrays["link.rest"]);
  for (let step = 0; step < data.steps.n_steps; step++) {
    for (let link = 0; link < n; link++) total[link] += arrays["link.known"][step * n + link];
  }
  return total;
}

function coreEnergy(core, step) {
  return page.prices.reduce((sum, price, event) => sum + (price ? price * eventCount(event, core, step) : 0), 0);
}

/** What the map's colours can stand for. still: the same in every tick. */
const METRICS = [
  { id: "energy", label: "dynamic energy", unit: "J", value: coreEnergy },
  { id: "operations", label: "synaptic operations", unit: "", value: (core, step) => eventCount(DENSE, core, step) + eventCount(SPARSE, core, step) },
  { id: "spikes", label: "spikes fired", unit: "", value: (core, step) => eventCount(SPIKES, core, step) },
  { id: "received", label: "packets received", unit: "", value: (core, step) => eventCount(RECEIVED, core, step) },
  { id: "sent", label: "packets sent", unit: "", value: (core, step) => eventCount(SENT, core, step) },
  { id: "links", label: "packets over the tile's links", unit: "", value: (core, step) => tileLoad(tileOf(core), step) },
  { id: "utilisation", label: "utilisation", unit: "%", still: true, value: (core) => page.arrays["core.share"][core] },
  { id: "stall", label: "time its packets waited to enter the mesh", unit: "s", still: true, value: (core) => page.arrays["core.stall_ps"][core] * 1e-12 },
];

function metric() { return METRICS.find((one) => one.id === $("metric").value); }

function shownValue(one, value) { return one.unit === "%" ? percent(value) : one.unit ? si(value, one.unit) : count(value); }

function tileOf(core) { return Math.floor(page.arrays["core.id"][core] / page.data.chip.per_tile); }

function tileLoad(tile, step) {
  return (page.linksOfTile.get(tile) || []).reduce((sum, link) => sum + linkCount(link, step), 0);
}

/** Highest value over all steps of the view, so that colours mean the same in all of them. */
function highest(one) {
  const key = `${one.id}/${page.step < 0 ? "whole" : page.view}`;
  page.highest ||= new Map();
  if (!page.highest.has(key)) page.highest.set(key, overSteps(one.still, (step) => {
    let most = 0;
    for (let core = 0; core < nCores(); core++) most = Math.max(most, one.value(core, step));
    return most;
  }));
  return page.highest.get(key);
}

function highestLink() {
  const key = `link/${page.step < 0 ? "whole" : page.view}`;
  page.highest ||= new Map();
  if (!page.highest.has(key)) page.highest.set(key, overSteps(false, (step) => {
    let most = 0;
    for (let link = 0; link < page.arrays["link.id"].length; link++) most = Math.max(most, linkCount(link, step));
    return most;
  }));
  return page.highest.get(key);
}

function overSteps(still, most) {
  if (page.step < 0 || still) return most(-1);
  let found = 0;
  for (let step = 0; step < page.data.steps.n_steps; step++) found = Math.max(found, most(page.view * page.data.steps.n_steps + step));
  return found;
}
