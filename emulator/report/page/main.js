// Starts the page; theme and print concern all its parts.

function drawAll() {
  showStep();
  if (!window.Plotly) return;
  drawEnergy(shownBreakdown());
  drawTime();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const dark = theme === "dark";
  $("theme").setAttribute("aria-pressed", String(dark));
  $("theme").textContent = dark ? "Light" : "Dark";
  if (page.core >= 0 || document.documentElement.dataset.ready) drawAll();
}

/** Paper: light, tables open, charts as wide as the sheet. */
function setUpPrint() {
  let before = null;
  window.addEventListener("beforeprint", () => {
    const closed = [...document.querySelectorAll("details:not([open])")];
    before = { theme: document.documentElement.dataset.theme, closed };
    for (const details of closed) details.open = true;
    setTheme("light");
    for (const by of ["event", "population", "core"]) drawEnergy(by);
    for (const chart of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(chart, { width: 700 });
  });
  window.addEventListener("afterprint", () => {
    if (!before) return;
    for (const details of before.closed) details.open = false;
    for (const chart of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(chart, { width: null, autosize: true });
    setTheme(before.theme);
    before = null;
  });
}

async function start() {
  setTheme(document.documentElement.dataset.theme);
  $("theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
  try {
    await loadData();
    setUpTicks();
    setUpMap();
    setUpCores();
    setUpSteps();
    showStep();
    if (nCores()) chooseCore(page.order[0]);
    await loadLibrary();
    setUpEnergy();
    setUpTime();
    setUpPrint();
    document.documentElement.dataset.ready = "true";
  } catch (error) {
    $("trouble").hidden = false;
    $("trouble").textContent = `The charts cannot be drawn: ${error.message}. The tables below hold all numbers; a current browser draws the charts too.`;
    throw error;
  }
}

start();
