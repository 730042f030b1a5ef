// The slider and its words, and why a core costs what it costs.

function setUpSteps() {
  const { steps } = page.data;
  $("sample").append(element("option", { value: "0" }, `all ${count(page.data.n_samples)} samples in sum`));
  for (let sample = 0; sample < steps.n_shown; sample++) $("sample").append(element("option", { value: sample + 1 }, `sample ${sample}`));
  $("tick").max = Math.max(0, steps.n_steps - 1);
  $("by-tick").disabled = !steps.n_steps;
  $("by-tick").addEventListener("change", () => { page.step = $("by-tick").checked ? Number($("tick").value) : -1; showStep(); });
  $("sample").addEventListener("change", () => { page.view = Number($("sample").value); showStep(); });
  $("tick").addEventListener("input", () => { page.step = Number($("tick").value); showStep(); });
  $("tick-back").addEventListener("click", () => moveStep(-1));
  $("tick-on").addEventListener("click", () => moveStep(1));
}

function moveStep(by) {
  page.step = Math.max(0, Math.min(page.data.steps.n_steps - 1, (page.step < 0 ? Number($("tick").value) : page.step + by)));
  showStep();
}

/** All that depends on the slider or the metric. */
function showStep() {
  const { steps, n_samples } = page.data, still = metric().still;
  const moving = page.step >= 0;
  $("by-tick").checked = moving;
  $("sample-label").hidden = !(moving && n_samples > 1);
  if (moving) $("tick").value = page.step;
  $("tick-shown").textContent = moving ? ticksOf(page.step) : "whole run";
  $("tick").setAttribute("aria-valuetext", $("tick-shown").textContent);
  const shared = "Of a tick the record tells what all cores did, and who fired. What spikes on the chip caused is exact for each core; "
    + "packets from the host and updates are shared out in proportion to the whole run.";
  const summed = steps.width > 1 ? ` Each step is ${steps.width} ticks.` : "";
  const few = moving && n_samples > 1 && steps.n_shown < n_samples ? ` The first ${count(steps.n_shown)} samples can be seen one by one.` : "";
  const lossy = steps.lossy ? " Links lose packets, so what arrived is shared out in proportion too." : "";
  $("map-note").textContent = moving ? (still ? "The same in every tick." : shared + summed + few + lossy) : "";
  drawLegend();
  drawMap();
  if (page.core >= 0) explain();
}

function ticksOf(step) {
  const { width } = page.data.steps, first = step * width, last = Math.min(first + width, page.data.n_ticks) - 1;
  return first === last ? `tick ${first} of 0–${page.data.n_ticks - 1}` : `ticks ${first}–${last} of 0–${page.data.n_ticks - 1}`;
}

function drawLegend() {
  const one = metric();
  const scales = [[`core: ${one.label}`, ramp("core"), shownValue(one, 0), shownValue(one, highest(one))]];
  if (page.arrays["link.id"].length && map.pitch >= WITH_LINKS) scales.push(["link: packets", ramp("link"), "0", count(highestLink())]);
  $("legend").replaceChildren(...scales.map(([name, stops, low, high]) => {
    const bar = element("div", { class: "bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    return element("div", {}, element("div", {}, name), bar, element("div", { class: "ends" }, element("span", {}, low), element("span", {}, high)));
  }));
}

const MAX_CHOICES = 300;  // cores in the list; the map has all

function setUpCores() {
  const energies = Array.from({ length: nCores() }, (_, core) => coreEnergy(core, -1));
  page.order = energies.map((_, core) => core).sort((a, b) => energies[b] - energies[a]);
  page.coresTotal = energies.reduce((sum, energy) => sum + energy, 0);
  for (const core of page.order.slice(0, MAX_CHOICES)) {
    $("core-choice").append(element("option", { value: core }, `${coreName(core)}: ${si(energies[core], "J")}`));
  }
  $("core-choice").addEventListener("change", () => chooseCore(Number($("core-choice").value)));
}

function chooseCore(core) {
  page.core = core;
  $("core-choice").value = core;
  drawMap();
  explain();
}

/** Named bars; the longest is the highest value, or `most`. */
function bars(rows, most = Math.max(...rows.map((row) => row.value), 1e-300)) {
  return element("dl", { class: "bars" }, ...rows.flatMap((row) => {
    const fill = element("i");
    fill.style.width = `${100 * row.value / most}%`;
    if (row.colour) fill.style.background = row.colour;
    const track = element("dd", { class: "track" }, fill);
    if (row.value <= 0) track.replaceChildren();
    return [element("dt", {}, row.name), track, element("dd", { class: "amount" }, row.amount)];
  }));
}

/** Energy of a core by group of events. */
function groupsOf(core, step) {
  const { events } = page.data.cores;
  return Object.entries(page.data.groups).map(([name, members], group) => {
    const places = members.map((member) => events.indexOf(member)).filter((place) => place >= 0);
    const happened = places.reduce((sum, event) => sum + eventCount(event, core, step), 0);
    return { name, colour: colour(`group-${group}`), n: happened, value: places.reduce((sum, event) => sum + page.prices[event] * eventCount(event, core, step), 0) };
  }).filter((group) => group.n > 0).sort((a, b) => b.value - a.value);
}

function explain() {
  const core = page.core, step = currentStep(), energy = coreEnergy(core, step), groups = groupsOf(core, step);
  const told = page.data.cores.explained[core];
  $("explanation").replaceChildren(
    element("h3", {}, coreName(core)),
    ...standing(core, step, energy),
    ...reason(groups, energy, told, step),
    element("h4", {}, step < 0 ? "Its energy by what happened" : `Its energy in ${ticksOf(page.step)}`),
    bars(groups.map((group) => ({ ...group, amount: `${si(group.value, "J")}, ${count(Math.round(group.n))} times` }))),
    ...(told ? [...driversOf(core, told), ...residentsOf(told)] : [element("p", { class: "note" }, "Populations are named for the dearest cores only.")]),
    element("h4", {}, "How full it is"),
    bars(page.data.cores.resources.filter((one) => one.limit !== null).map((one) => {
      const used = page.arrays[`core.used.${one.key}`][core];
      return { name: one.label, value: used / one.limit, amount: `${count(used)} of ${count(one.limit)}, ${percent(used / one.limit)}` };
    }), 1),
  );
}

function standing(core, step, energy) {
  const rank = page.order.indexOf(core), n = nCores(), total = step < 0 ? page.data.dynamic_j : null;
  const share = total ? `, ${percent(energy / total)} of the chip's dynamic energy` : "";
  const which = rank === 0 ? (n > 1 ? `: the most of ${count(n)} cores` : ": the only core in use") : `: number ${count(rank + 1)} of ${count(n)} cores`;
  const mean = page.coresTotal / n;
  const beside = step < 0 && n > 1 && mean ? ` (${(energy / mean).toFixed(2)} times the mean)` : "";
  return [element("p", {}, element("strong", {}, si(energy, "J")), step < 0 ? `${share}${which}${beside}.` : ` in ${ticksOf(page.step)}.`)];
}

/** One sentence: which event, and whose spikes. */
function reason(groups, energy, told, step) {
  if (!groups.length || !energy || step >= 0) return [];
  const first = groups[0];
  let text = `Most of it, ${percent(first.value / energy)}, went into ${first.name}`;
  const drivers = told ? told.drivers : [], all = drivers.reduce((sum, [, n]) => sum + n, 0) + (told ? told.others : 0);
  if (first.name === "synaptic operations" && drivers.length) {
    const share = drivers[0][1] / all;
    text += `: ${share > 0.9995 ? "all" : percent(share)} of these because ${partName(drivers[0][0])} ${page.data.cores.parts[drivers[0][0]]?.axons ? "were sent spikes" : "sent spikes here"}`;
  } else if (first.name === "compartment updates" && told) {
    const held = told.residents.reduce((sum, [, n]) => sum + n, 0);
    text += `: it updates ${plural(held, "compartment")} in every tick, whether spikes come or not`;
  }
  return [element("p", {}, `${text}.`)];
}

function driversOf(core, told) {
  const all = told.drivers.reduce((sum, [, n]) => sum + n, 0) + told.others;
  if (!all) return [];
  const rows = told.drivers.map(([part, n]) => ({ name: partName(part), value: n, amount: `${count(n)}, ${percent(n / all)}` }));
  if (told.others) rows.push({ name: told.drivers.length ? "others together" : "not told apart", value: told.others, amount: `${count(told.others)}, ${percent(told.others / all)}` });
  return [element("h4", {}, "Whose spikes made its synaptic operations"), bars(rows), ...leftOut(told.left_out[1])];
}

function residentsOf(told) {
  const spikes = (n) => n === null ? "spikes not recorded" : plural(n, "spike");
  return [
    element("h4", {}, "Who is computed here"),
    ...told.residents.map(([part, n, fired]) => element("p", {}, `${partName(part)}: ${plural(n, "neuron")}, ${spikes(fired)}`)),
    ...leftOut(told.left_out[0]),
  ];
}

function partName(part) {
  const known = page.data.cores.parts[part];
  if (!known) return "added by the compiler";
  // a core described directly is a source, its axons, and a population, its neurons, of one name
  return known.axons ? `the axons of core “${known.name}”` : `${known.kind} “${known.name}”`;
}

function leftOut(n) { return n ? [element("p", { class: "note" }, `and ${plural(n, "population")} more`)] : []; }
