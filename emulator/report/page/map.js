// The chip from above: cores as squares, links as arrows between tiles, drawn on a canvas.

const TILE = 0.62, CORES = 0.54, LANE = 0.09;  // in tiles, as in the picture of the mesh
const STEPS = [[1, 0], [-1, 0], [0, 1], [0, -1]];  // E, W, N, S
const SIDES = ["east", "west", "north", "south"];
const WITH_LINKS = 26, WITH_GAPS = 7;  // least pixels of a tile that shows them
const map = {};

function setUpMap() {
  page.linksOfTile = new Map();
  page.arrays["link.id"].forEach((id, link) => {
    const tile = Math.floor(id / 4);
    if (!page.linksOfTile.has(tile)) page.linksOfTile.set(tile, []);
    page.linksOfTile.get(tile).push(link);
  });
  page.wholeLinks = wholeLinks();
  map.rowOfCore = new Map([...page.arrays["core.id"]].map((id, row) => [id, row]));
  map.frame = frameInUse();
  const timed = "core.stall_ps" in page.arrays;
  for (const one of METRICS) {
    if ((one.id === "stall" && !timed) || (one.id === "links" && !page.arrays["link.id"].length)) continue;
    $("metric").append(element("option", { value: one.id }, one.label));
  }
  $("metric").addEventListener("change", showStep);
  const canvas = $("map");
  canvas.addEventListener("pointermove", (event) => showTip(hit(event)));
  canvas.addEventListener("pointerleave", () => showTip(null));
  canvas.addEventListener("click", (event) => {
    const found = hit(event);
    if (found && found.core >= 0) chooseCore(found.core);
  });
  canvas.addEventListener("keydown", moveByKey);
  new ResizeObserver(() => drawMap()).observe(canvas.parentElement);
}

/** Tiles drawn: a small mesh whole, else the part in use and a margin. */
function frameInUse() {
  const { width, height, per_tile, host, host_in, host_out } = page.data.chip;
  if (width * height <= 40) return { x0: 0, y0: 0, x1: width - 1, y1: height - 1 };
  const tiles = new Set([...page.arrays["core.id"]].map((id) => Math.floor(id / per_tile)));
  for (const tile of page.linksOfTile.keys()) tiles.add(tile);
  if (host_in || host_out) tiles.add(host[1] * width + host[0]);
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (const tile of tiles) {
    const x = tile % width, y = Math.floor(tile / width);
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  return { x0: Math.max(0, x0 - 1), y0: Math.max(0, y0 - 1), x1: Math.min(width - 1, x1 + 1), y1: Math.min(height - 1, y1 + 1) };
}

function measureMap() {
  const { x0, y0, x1, y1 } = map.frame;
  const room = $("map").parentElement.clientWidth, columns = x1 - x0 + 1, rows = y1 - y0 + 1;
  map.margin = 30;
  map.pitch = Math.max(1, Math.min((room - 2 * map.margin) / columns, 620 / rows, 104));
  map.width = room;
  map.height = Math.ceil(rows * map.pitch + 2 * map.margin - 4);
  map.left = Math.max(map.margin, (room - columns * map.pitch) / 2);
  map.tile = map.pitch >= WITH_LINKS ? TILE : map.pitch >= WITH_GAPS ? 0.86 : 1;
  map.cores = map.pitch >= WITH_LINKS ? CORES : map.tile;
}

/** Middle of a tile in pixels. */
function place(x, y) {
  return [map.left + (x - map.frame.x0 + 0.5) * map.pitch, map.height - map.margin - (y - map.frame.y0 + 0.5) * map.pitch];
}

/** Upper left corner and side of a core's square. */
function coreBox(id) {
  const { width, per_tile } = page.data.chip;
  const columns = Math.ceil(Math.sqrt(per_tile)), rows = Math.ceil(per_tile / columns);
  const tile = Math.floor(id / per_tile), inTile = id % per_tile;
  const [x, y] = place(tile % width, Math.floor(tile / width));
  const side = map.cores * map.pitch / Math.max(columns, rows), gap = map.pitch >= WITH_LINKS ? Math.min(2, side * 0.06) : 0;
  const left = x - columns * side / 2 + (inTile % columns) * side;
  const top = y + rows * side / 2 - (Math.floor(inTile / columns) + 1) * side;
  return [left + gap / 2, top + gap / 2, side - gap];
}

function drawMap() {
  if (!page.arrays) return;
  measureMap();
  const canvas = $("map"), sharp = window.devicePixelRatio || 1;
  canvas.width = Math.round(map.width * sharp);
  canvas.height = Math.round(map.height * sharp);
  canvas.style.aspectRatio = `${map.width} / ${map.height}`;  // on paper it is smaller than it was drawn
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  pen.clearRect(0, 0, map.width, map.height);
  drawTiles(pen);
  drawBorders(pen);
  if (map.pitch >= WITH_LINKS) drawLinks(pen);
  drawCores(pen);
  drawLabels(pen);
}

function drawTiles(pen) {
  const { x0, y0, x1, y1 } = map.frame, side = map.tile * map.pitch;
  pen.fillStyle = colour("soft");
  pen.strokeStyle = colour("line");
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const [cx, cy] = place(x, y);
      pen.fillRect(cx - side / 2, cy - side / 2, side, side);
      if (map.pitch >= WITH_LINKS) drawEmptyTile(pen, x, y);
    }
  }
}

/** Its border, and the places of its cores. */
function drawEmptyTile(pen, x, y) {
  const [cx, cy] = place(x, y), side = map.tile * map.pitch, { width, per_tile } = page.data.chip;
  pen.strokeRect(cx - side / 2, cy - side / 2, side, side);
  if (per_tile > 64) return;
  for (let core = 0; core < per_tile; core++) pen.strokeRect(...squared(coreBox((y * width + x) * per_tile + core)));
}

function squared([left, top, side]) { return [left, top, side, side]; }

/** Dashed lines between the chips of a board. */
function drawBorders(pen) {
  const { x0, y0, x1, y1 } = map.frame, { chip_width, chip_height } = page.data.chip;
  const [left, low] = place(x0 - 0.5, y0 - 0.5), [right, high] = place(x1 + 0.5, y1 + 0.5);
  pen.setLineDash([5, 4]);
  pen.strokeStyle = colour("muted");
  pen.beginPath();
  for (let x = x0 + 1; x <= x1; x++) {
    if (x % chip_width === 0) { const [at] = place(x - 0.5, y0); pen.moveTo(at, low); pen.lineTo(at, high); }
  }
  for (let y = y0 + 1; y <= y1; y++) {
    if (y % chip_height === 0) { const [, at] = place(x0, y - 0.5); pen.moveTo(left, at); pen.lineTo(right, at); }
  }
  pen.stroke();
  pen.setLineDash([]);
}

function drawCores(pen) {
  const one = metric(), step = one.still ? -1 : currentStep(), most = highest(one) || 1, stops = ramp("core");
  page.arrays["core.id"].forEach((id, core) => {
    const [left, top, side] = coreBox(id);
    pen.fillStyle = onRamp(stops, one.value(core, step) / most);
    pen.fillRect(left, top, side, side);
  });
  if (page.core < 0) return;
  const [left, top, side] = coreBox(page.arrays["core.id"][page.core]), grown = Math.max(side, 6);
  pen.lineWidth = map.pitch >= WITH_LINKS ? 3 : 2;
  pen.strokeStyle = colour("focus");
  pen.strokeRect(left - (grown - side) / 2 - 1, top - (grown - side) / 2 - 1, grown + 2, grown + 2);
  pen.lineWidth = 1;
}

function drawLinks(pen) {
  const { width } = page.data.chip, most = highestLink() || 1, step = currentStep(), stops = ramp("link");
  map.arrows = [];
  page.arrays["link.id"].forEach((id, link) => {
    const [dx, dy] = STEPS[id % 4], tile = Math.floor(id / 4), [cx, cy] = place(tile % width, Math.floor(tile / width));
    const load = linkCount(link, step), half = map.pitch * (0.010 + 0.026 * load / most), wing = half + map.pitch * 0.028;
    const from = map.pitch * (TILE / 2 + 0.02), to = map.pitch * (1 - TILE / 2 - 0.02), head = to - map.pitch * 0.1;
    // to the right of the middle line, as in traffic; y grows downwards on a canvas
    const at = (along, across) => [cx + along * dx + (across + LANE * map.pitch) * dy, cy - along * dy + (across + LANE * map.pitch) * dx];
    pen.fillStyle = load ? onRamp(stops, load / most) : colour("line");
    pen.beginPath();
    [[from, -half], [head, -half], [head, -wing], [to, 0], [head, wing], [head, half], [from, half]].forEach(([along, across], corner) => {
      const [x, y] = at(along, across);
      if (corner) pen.lineTo(x, y); else pen.moveTo(x, y);
    });
    pen.fill();
    const [mx, my] = at((from + to) / 2, 0);
    map.arrows.push({ link, x: mx, y: my });
  });
}

function drawLabels(pen) {
  const { x0, y0, x1, y1 } = map.frame, { host, host_in, host_out } = page.data.chip;
  const every = Math.max(1, Math.ceil(Math.max(x1 - x0, y1 - y0) / 16), Math.ceil(22 / map.pitch));
  pen.fillStyle = colour("muted");
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let x = x0; x <= x1; x += every) pen.fillText(x === x0 ? `x=${x}` : x, place(x, y0)[0], map.height - map.margin / 2);
  for (let y = y0; y <= y1; y += every) pen.fillText(y === y0 ? `y=${y}` : y, map.left - 16, place(x0, y)[1]);
  if (!(host_in || host_out) || host[0] < x0 || host[0] > x1 || host[1] < y0 || host[1] > y1 || map.pitch < WITH_LINKS) return;
  const [dx, dy] = STEPS["EWNS".indexOf(host[2])], [cx, cy] = place(host[0], host[1]);
  const near = map.pitch * (TILE / 2 + 0.03), far = near + map.pitch * 0.11, half = map.pitch * 0.1;
  pen.fillStyle = colour("group-2");
  pen.beginPath();
  pen.moveTo(cx + near * dx, cy - near * dy);
  pen.lineTo(cx + far * dx + half * dy, cy - far * dy + half * dx);
  pen.lineTo(cx + far * dx - half * dy, cy - far * dy - half * dx);
  pen.fill();
}

/** What is under the pointer: a core, or a tile's link. */
function hit(event) {
  const box = $("map").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  const { width, height, per_tile } = page.data.chip;
  if (map.pitch >= WITH_LINKS) {
    const near = (map.arrows || []).find((arrow) => Math.hypot(arrow.x - x, arrow.y - y) < map.pitch * 0.1);
    if (near) return { link: near.link, core: -1, x, y };
  }
  const tx = Math.floor((x - map.left) / map.pitch) + map.frame.x0, ty = Math.floor((map.height - map.margin - y) / map.pitch) + map.frame.y0;
  if (tx < 0 || ty < 0 || tx >= width || ty >= height) return null;
  const first = (ty * width + tx) * per_tile;
  for (let id = first; id < first + per_tile; id++) {
    const core = map.rowOfCore.get(id);
    if (core === undefined) continue;
    const [left, top, side] = coreBox(id);
    if (x >= left - 1 && x <= left + side + 1 && y >= top - 1 && y <= top + side + 1) return { core, x, y };
  }
  return null;
}

function tipLines(found) {
  const step = currentStep();
  if (found.link !== undefined) {
    const id = page.arrays["link.id"][found.link], tile = Math.floor(id / 4), { width } = page.data.chip;
    return [`link (${tile % width}, ${Math.floor(tile / width)}) to the ${SIDES[id % 4]}`, `${count(linkCount(found.link, step))} packets`];
  }
  const chosen = metric(), shown = METRICS.filter((one) => ["energy", "spikes", "operations", "received", "utilisation"].includes(one.id) || one === chosen);
  const links = (page.linksOfTile.get(tileOf(found.core)) || []).map((link) => `${"EWNS"[page.arrays["link.id"][link] % 4]} ${count(linkCount(link, step))}`);
  return [
    coreName(found.core),
    ...shown.map((one) => `${shownValue(one, one.value(found.core, one.still ? -1 : step))} ${one.unit === "%" ? "full" : one.label}`),
    ...(links.length ? [`links: ${links.join(", ")} packets`] : []),
  ];
}

function showTip(found) {
  const tip = $("map-tip");
  tip.hidden = !found;
  if (!found) return;
  const [title, ...lines] = tipLines(found);
  tip.replaceChildren(element("strong", {}, title), ...lines.map((line) => element("span", {}, line)));
  const beyond = found.x + 14 + tip.offsetWidth > map.width;
  tip.style.left = `${Math.max(0, beyond ? found.x - 14 - tip.offsetWidth : found.x + 14)}px`;
  tip.style.top = `${found.y + 12}px`;
}

function coreName(core) {
  const { width } = page.data.chip, tile = tileOf(core);
  return `core ${page.arrays["core.id"][core]} at (${tile % width}, ${Math.floor(tile / width)})`;
}

/** Arrow keys go to the nearest core in their direction. */
function moveByKey(event) {
  const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!direction) return;
  event.preventDefault();
  if (page.core < 0) return chooseCore(0);
  const middles = [...page.arrays["core.id"]].map((id) => { const [left, top, side] = coreBox(id); return [left + side / 2, top + side / 2]; });
  const [x, y] = middles[page.core];
  let best = -1, least = Infinity;
  middles.forEach(([cx, cy], core) => {
    const along = (cx - x) * direction[0] + (cy - y) * direction[1], across = Math.abs((cx - x) * direction[1]) + Math.abs((cy - y) * direction[0]);
    if (along > 0.1 && along + 3 * across < least) [best, least] = [core, along + 3 * across];
  });
  if (best >= 0) chooseCore(best);
}
