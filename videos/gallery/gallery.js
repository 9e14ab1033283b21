"use strict";
(() => {
  const MOST_PLAYERS = 12; // browsers refuse a page that holds many more video elements
  const MOST_COMPARED = 4;
  const MOST_NEXT = 5; // skills that a detail names as safe to go to
  const LOOK_EVERY = 1500, MOST_SILENCE = 120; // ms between looks for new films; s without one, until the page says so
  const LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; // of a distance, nearest first
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const stillOnly = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const survives = (skill) => !skill.ended; // on its feet to the end in every rollout
  const holds = (skill) => skill.occupancy_ratio > 1;
  const heads = new Set(data.representatives);
  const single = data.mode !== "skills"; // one skill, learned once a seed: nothing to say of classes and families
  const folded = !single && Boolean(data.behaviours) && heads.size < data.skills.length; // at first one of each behaviour is shown
  const byNumber = new Map(data.skills.map((skill) => [skill.skill, skill]));

  // --- small helpers -------------------------------------------------------------------------------------------
  const make = (tag, about, ...children) => fill(document.createElement(tag), about, children);
  const draw = (tag, about, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), about, children);
  function fill(element, { text, style = {}, ...attributes } = {}, children) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value); // a served page may have no style attributes
    if (text !== undefined) element.textContent = text; // never HTML: labels and names come from data
    element.append(...children);
    return element;
  }
  const pair = (name, value, kind = "") => make("div", { class: kind }, make("dt", { text: name }), make("dd", { text: value }));
  const plain = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits || 0; // never -0
  const number = (value, digits) => (value === null || value === undefined ? "–" : plain(value, digits).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const percent = (share) => (share === null || share === undefined ? "–" : `${number(100 * share, share < 0.0995 ? 1 : 0)} %`);
  const name = (skill) => String(skill.skill).padStart(3, "0");
  const letter = (family) => (family < 26 ? "" : letter(Math.floor(family / 26) - 1)) + String.fromCharCode(65 + (family % 26));
  const kind = data.behaviours ? "behaviour" : "family"; // what the data have told, or what the skills do alike
  const kinds = data.behaviours ? "behaviours" : "families";
  const hueOf = (family) => (25 + family * 137.5) % 360;
  const became = (skill) => {
    if (data.played === false) return "not played";
    if (survives(skill)) return "stays up";
    return `${skill.ended}, after ${number(skill.ended_seconds, 1)} s on average`;
  };
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  const kin = (family) => data.skills.filter((skill) => skill.family === family).length;
  const familyName = (family) => `${letter(family)}: ${data.families[family]}`;
  const score = (skill) => number(skill.return, 0) + (skill.return_interval ? ` (${number(skill.return_interval[0], 0)} to ${number(skill.return_interval[1], 0)})` : "");
  const speed = (skill, digits) => `${number(skill.speed, digits)} m/s${skill.rollouts > 1 ? `, mean of ${skill.rollouts}` : ""}`; // a label has the shown rollout's
  const isPart = (video, skill) => video.duration < skill.seconds - 0.5; // then it shows what its label tells of
  const until = (video, skill) => Math.min(skill.begin + video.duration, skill.seconds); // the last state may be held
  const part = (video, skill) => (skill.begin ? `${number(skill.begin, 0)} to ${number(until(video, skill), 0)}` : `first ${number(video.duration, 0)}`);
  const poster = (skill) => `skills/${name(skill)}.webp`;
  const film = (skill, kind = "") => `skills/${name(skill)}${kind}.mp4`;
  const called = (skill) => `#${name(skill)} ${skill.label}`;
  function duration(seconds) {
    const whole = Math.round(seconds);
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  function niceStep(span) {
    const ten = 10 ** Math.floor(Math.log10(span));
    return [1, 2, 5, 10].map((times) => times * ten).find((step) => span / step <= 5);
  }

  function pathPicture(points, label) {
    const xs = points.map((p) => p[0]), ys = points.map((p) => -p[1]); // y grows upwards in the world
    const wide = Math.max(...xs) - Math.min(...xs), high = Math.max(...ys) - Math.min(...ys);
    const span = Math.max(wide, high, 1), across = data.planar ? Math.max(wide, 1) : span, down = data.planar ? Math.max(high, 1) : span;
    const left = (Math.max(...xs) + Math.min(...xs)) / 2, top = (Math.max(...ys) + Math.min(...ys)) / 2;
    const at = (x, y) => [50 + (84 * (x - left)) / across, 50 + (84 * (y - top)) / down];
    const begin = at(xs[0], ys[0]);
    return draw("svg", { class: "path", viewBox: "0 0 100 100", role: "img", "aria-label": label },
      draw("polyline", { points: xs.map((x, i) => at(x, ys[i]).map((v) => v.toFixed(1)).join()).join(" ") }),
      draw("circle", { cx: begin[0], cy: begin[1], r: 5 }));
  }

  // --- header --------------------------------------------------------------------------------------------------
  function fillHeader() {
    const set = data.dataset;
    const origin = set.made_here ? "made by this project’s own policies, not the official set" : `the Minari set ${set.minari_id}`;
    find("origin").append(
      make("strong", { text: single ? `One skill, ${data.skills_count} seed${data.skills_count > 1 ? "s" : ""}` : `${data.skills_count} skills` }),
      single ? ` (${data.mode}), learned from ${number(set.steps, 0)} steps and ${number(set.episodes, 0)} episodes of ${data.env_id}. ${data.expert} The data: ${origin}.`
        : ` in ${data.representatives.length} ${data.representatives.length === 1 ? kind : kinds}, found in ${number(set.steps, 0)} steps and ${number(set.episodes, 0)} episodes of ${data.env_id}, without rewards. The data: ${origin}.`);
    if (data.played === false) find("origin").append(" Nothing was played, for the data have no environment: films, labels and families are of the data’s own stretches of each class.");
    for (const line of data.summary) {
      const digits = Number.isInteger(line.value) || Math.abs(line.value) >= 100 ? 0 : 2;
      const value = make("dd", { class: "value", text: number(line.value, digits) });
      if (line.unit) value.append(make("small", { text: line.unit }));
      find("summary").append(make("div", {}, make("dt", { text: line.name }), value));
      find("meaning").querySelector("dl").append(make("dt", { text: line.name }), make("dd", { text: line.explanation }));
    }
    const versions = Object.entries(data.versions).map(([package_, version]) => `${package_} ${version}`).join(", ");
    const facts = [["Command", data.command], ["Dataset", `${set.name} (${set.minari_id})`], ["Environment", data.env_id], [single ? "Seeds" : "Skills", String(data.skills_count)],
      ["Preset", data.preset], ["Seed", String(data.seed)], ["Time", `${duration(data.wall_seconds)}, data and videos not counted`], ["Versions", versions]];
    for (const [fact, value] of facts) find("facts").querySelector("dl").append(make("dt", { text: fact }), make("dd", { text: value }));
    if (data.measures) fillMeasures(data.measures);
  }
  function fillMeasures({ columns, rows }) {
    const head = make("tr", {}, make("th", { text: "measure", scope: "col" }), ...columns.map((text) => make("th", { text, scope: "col" })));
    const body = rows.map((row) => make("tr", {}, make("th", { text: row.name, scope: "row" }), ...row.cells.map(measureCell)));
    find("evaluation").querySelector(".scroll").append(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
    find("evaluation").hidden = false;
  }
  function measureCell(cell) {
    const short = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
    if (!cell || cell.value === null) return make("td", { text: "–" });
    const shown = make("td", { text: short(cell.value) });
    if (typeof cell.low === "number" && typeof cell.high === "number") shown.append(make("small", { text: ` ${short(cell.low)} to ${short(cell.high)}` }));
    return shown;
  }

  // --- overview: a mark leads to its card ------------------------------------------------------------------------
  const marks = new Map(data.skills.map((skill) => [skill.skill, []]));
  function light(skill, on) {
    for (const mark of marks.get(skill.skill)) {
      mark.classList.toggle("lit", on);
      if (on && mark.tagName === "path") mark.parentNode.querySelector(".hit")?.before(mark);
    }
  }
  // One stop for the Tab key: arrows move from mark to mark, Enter leads to the card.
  function listbox(svg, skills, readout) {
    let active = -1;
    const show = (index) => {
      if (active >= 0) light(skills[active], false);
      active = index;
      if (active < 0) { readout.textContent = ""; svg.removeAttribute("aria-activedescendant"); return; }
      light(skills[active], true);
      readout.textContent = single ? called(skills[active]) : `${called(skills[active])}. ${capital(kind)} ${familyName(skills[active].family)}`;
      svg.setAttribute("aria-activedescendant", `${svg.id}-${skills[active].skill}`);
    };
    svg.addEventListener("pointerover", (event) => { if (event.target.dataset.skill) show(skills.indexOf(byNumber.get(+event.target.dataset.skill))); });
    svg.addEventListener("pointerleave", () => show(-1));
    svg.addEventListener("blur", () => show(-1));
    svg.addEventListener("click", (event) => { if (event.target.dataset.skill) goTo(byNumber.get(+event.target.dataset.skill)); });
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (by) { show((active + by + skills.length) % skills.length); event.preventDefault(); }
      if ((event.key === "Enter" || event.key === " ") && active >= 0) { goTo(skills[active]); event.preventDefault(); }
    });
  }
  function plot(id, label) {
    return draw("svg", { id: `${id}-plot`, viewBox: "0 0 400 300", role: "listbox", tabindex: "0", "aria-label": label });
  }
  function option(svg, skill, tag, attributes) {
    const mark = draw(tag, { id: `${svg.id}-${skill.skill}`, class: "mark", role: "option", "aria-selected": "false", "aria-label": called(skill), "data-skill": skill.skill, ...attributes });
    marks.get(skill.skill).push(mark);
    svg.append(mark);
    return mark;
  }
  function drawWays() {
    const svg = plot("ways", "Paths of all skills from a common start");
    const all = data.skills.flatMap((skill) => skill.path);
    let [left, right] = [Math.min(0, ...all.map((p) => p[0])), Math.max(0, ...all.map((p) => p[0]))];
    let [low, high] = [Math.min(0, ...all.map((p) => p[1])), Math.max(0, ...all.map((p) => p[1]))];
    let scaleX = 364 / Math.max(right - left, 1e-6), scaleY = 252 / Math.max(high - low, 1e-6);
    if (!data.planar) scaleX = scaleY = Math.min(scaleX, scaleY, 120);
    const middleX = (left + right) / 2, middleY = (low + high) / 2;
    const at = ([x, y]) => [200 + (x - middleX) * scaleX, 144 - (y - middleY) * scaleY];
    const grid = draw("g", { "aria-hidden": "true" });
    const origin = at([0, 0]);
    if (data.planar) {
      const stepY = niceStep(Math.max(high - low, 1e-6)), stepX = niceStep(Math.max(right, 1e-6));
      for (let y = Math.ceil(low / stepY) * stepY; y <= high + 1e-9; y += stepY) {
        grid.append(draw("path", { class: "grid", d: `M18 ${at([0, y])[1]}H390` }), draw("text", { class: "tick", x: 25, y: at([0, y])[1] - 3, text: `${+y.toFixed(2)} m` }));
      }
      for (let x = stepX; x <= right + 1e-9; x += stepX) grid.append(draw("text", { class: "tick", x: at([x, 0])[0], y: 294, "text-anchor": "end", text: `${+x.toFixed(2)} s` }));
    } else {
      const reach = Math.max(...data.skills.map((skill) => Math.hypot(...skill.path[skill.path.length - 1])), 0.5);
      const step = niceStep(reach);
      const angle = Math.atan2(middleY, middleX);
      for (let ring = step; ring <= reach * 1.2; ring += step) {
        grid.append(draw("circle", { class: "grid", cx: origin[0], cy: origin[1], r: ring * scaleX }));
        const place = [origin[0] + Math.cos(angle + 0.42) * ring * scaleX, origin[1] - Math.sin(angle + 0.42) * ring * scaleX];
        if (place[1] > 12 && place[1] < 296 && place[0] < 340) grid.append(draw("text", { class: "tick", x: place[0] - 3, y: place[1], "text-anchor": "end", text: `${+ring.toFixed(2)} m` }));
      }
      grid.append(draw("text", { class: "tick", x: 388, y: 18, "text-anchor": "end", text: "x →" }));
    }
    grid.append(draw("circle", { cx: origin[0], cy: origin[1], r: 3.5, fill: "currentColor" }));
    svg.append(grid);
    for (const skill of data.skills) {
      const d = `M${skill.path.map((point) => at(point).map((v) => v.toFixed(1)).join(" ")).join("L")}`;
      option(svg, skill, "path", { d, style: { "--hue": hueOf(skill.family) } });
    }
    for (const skill of data.skills) { // wide and unseen, so that a thin line can be met
      const hit = draw("path", { class: "hit", d: marks.get(skill.skill)[0].getAttribute("d"), "data-skill": skill.skill, "aria-hidden": "true" });
      svg.append(hit);
    }
    find("ways").append(svg);
    listbox(svg, data.skills, svg.closest("figure").querySelector(".readout"));
    find("ways-note").textContent = `${data.planar ? "From one start" : "Every path over the ground from one start, seen from above"}${single ? "" : `; colour is the ${kind}, as in the map`}.`;
    find("ways-title").textContent = data.planar ? "Distance over time" : "Paths";
    find("detail-way").textContent = data.planar ? "Distance over time" : "Path, from above";
  }
  function drawMap() {
    const svg = plot("map", "Map of the skills by behaviour");
    const at = ([x, y]) => [200 + 176 * x, 140 - 124 * y];
    const [across, up] = data.axes;
    svg.append(draw("g", { "aria-hidden": "true" },
      draw("path", { class: "grid", d: "M14 140H386M200 12V268" }),
      draw("text", { class: "tick", x: 388, y: 294, "text-anchor": "end", text: `more ${across} →` }),
      draw("text", { class: "tick", x: 12, y: 14, text: `↑ more ${up}` })));
    const reach = Math.max(...data.skills.map((skill) => skill.support));
    const order = [...data.skills].sort((a, b) => heads.has(a.skill) - heads.has(b.skill));
    for (const skill of order) {
      const [cx, cy] = at(skill.place);
      const mark = option(svg, skill, "circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: (3.5 + 5 * Math.sqrt(skill.support / reach)).toFixed(1), style: { "--hue": hueOf(skill.family) } });
      if (heads.has(skill.skill)) mark.classList.add("head");
    }
    for (const number of data.representatives) {
      const skill = byNumber.get(number), [x, y] = at(skill.place);
      svg.append(draw("text", { class: "letter", x: x + 9, y: y - 7, text: letter(skill.family), "aria-hidden": "true" }));
    }
    find("map").append(svg);
    listbox(svg, order, svg.closest("figure").querySelector(".readout"));
    find("map-note").textContent = `Near is alike. Colour and letter are the ${kind}, size is support, a ring its representative.`;
  }
  function distance(a, b) { return LEVELS.indexOf(data.distances[a * data.skills.length + b]) / (LEVELS.length - 1); }
  // A square for each pair of skills, the letters of their families beside them. strength: 0 to 1, of the colour, or
  // null where it is to be a warning; undefined where there is nothing to say, which stays blank.
  function drawPairs(id, label, strength, words, open) {
    const count = data.skills.length, edge = 0.06 * count, shades = 16, cells = Array.from({ length: shades }, () => []), warnings = [];
    data.order.forEach((a, row) => data.order.forEach((b, column) => {
      const value = strength(a, b);
      if (value === undefined) return;
      (value === null ? warnings : cells[Math.min(shades - 1, Math.floor(value * shades))]).push(`M${column} ${row}h1v1h-1z`);
    }));
    const svg = draw("svg", { id: `${id}-plot`, viewBox: `${-edge} ${-edge} ${count + edge} ${count + edge}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" });
    cells.forEach((d, shade) => { if (d.length) svg.append(draw("path", { class: "cell", d: d.join(""), style: { fill: `color-mix(in oklab, var(--accent) ${Math.round((100 * shade) / (shades - 1))}%, var(--media))` } })); });
    if (warnings.length) svg.append(draw("path", { class: "cell", d: warnings.join(""), style: { fill: "color-mix(in oklab, var(--warm) 70%, var(--media))" } }));
    for (let first = 0; first < count;) {
      const family = byNumber.get(data.order[first]).family;
      let last = first;
      while (last < count && byNumber.get(data.order[last]).family === family) last += 1;
      svg.append(draw("rect", { class: "bounds", x: first, y: first, width: last - first, height: last - first }));
      const middle = (first + last) / 2, text = letter(byNumber.get(data.order[first]).family);
      if (last - first >= 0.8 * edge) for (const [x, y] of [[-edge / 2, middle], [middle, -edge / 2]])
        svg.append(draw("text", { class: "edge", x, y, "font-size": 0.75 * edge, "aria-hidden": "true", text }));
      first = last;
    }
    const cursor = draw("rect", { class: "cursor", width: 1, height: 1, visibility: "hidden" });
    svg.append(cursor);
    find(id).append(svg);
    const readout = svg.closest("figure").querySelector(".readout");
    const under = (event) => {
      const box = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const [column, row] = [Math.floor(box.x), Math.floor(box.y)];
      return row >= 0 && column >= 0 && row < count && column < count ? { row, column, pair: [byNumber.get(data.order[row]), byNumber.get(data.order[column])] } : null;
    };
    svg.addEventListener("pointermove", (event) => {
      const cell = under(event);
      cursor.setAttribute("visibility", cell ? "visible" : "hidden");
      if (!cell) return;
      cursor.setAttribute("x", cell.column); cursor.setAttribute("y", cell.row);
      readout.textContent = words(...cell.pair);
    });
    svg.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); readout.textContent = ""; });
    svg.addEventListener("click", (event) => {
      const cell = under(event);
      if (!cell) return;
      const [a, b] = cell.pair;
      if (a === b) goTo(a); else open(a, b);
    });
  }
  function drawMatrix() {
    drawPairs("matrix", `Distances between all ${data.skills.length} skills, in the order of their families`, (a, b) => (1 - distance(a, b)) ** 1.4,
      (a, b) => `#${name(a)} and #${name(b)}: ${number(100 * distance(a.skill, b.skill), 0)} % of the largest distance`, (a, b) => openSide([a, b]));
  }
  // What was found when one skill gave way to another: a letter of the time, "~" not reached, "-" a fall, " " not known.
  const switched = (a, b) => data.switches.table[a * data.skills.length + b];
  const switchTime = (a, b) => (LEVELS.includes(switched(a, b)) ? (LEVELS.indexOf(switched(a, b)) / (LEVELS.length - 1)) * data.switches.seconds : null);
  // The quickest first; of each family its first ahead of the rest, another family's ahead of the skill's own: among a
  // hundred skills the quickest of all do much the same.
  function successors(skill) {
    const time = (other) => switchTime(skill.skill, other.skill), families = new Set(), firsts = [], rest = [];
    const quickest = data.skills.filter((other) => other !== skill && time(other) !== null).sort((a, b) => time(a) - time(b));
    for (const other of quickest) {
      const fresh = other.family !== skill.family && !families.has(other.family);
      families.add(other.family);
      (fresh ? firsts : rest).push(other);
    }
    return [...firsts, ...rest];
  }
  function drawSwitches() {
    find("switches").closest("figure").hidden = false;
    const strength = (a, b) => { const time = switchTime(a, b); return time !== null ? 1 - (0.7 * time) / data.switches.seconds : { "-": null, "~": 0 }[switched(a, b)]; };
    const what = (a, b) => { const time = switchTime(a, b); return time !== null ? `reached after ${number(time, 1)} s` : { "-": "somebody falls", "~": "not reached" }[switched(a, b)] ?? "falls before it can give way"; };
    drawPairs("switches", `What happens when the skill of a row gives way to that of a column, for ${data.skills.length} skills`, strength,
      (a, b) => `From #${name(a)} to #${name(b)}: ${what(a.skill, b.skill)}`, (a) => openDetail(a));
  }
  function goTo(skill) {
    const card = cards.find((one) => one.skill === skill);
    if (!shown.includes(card)) { clearFilters(); changed(); }
    for (const other of document.querySelectorAll(".card.found")) other.classList.remove("found");
    card.classList.add("found");
    card.scrollIntoView({ block: "center", behavior: stillOnly ? "auto" : "smooth" });
    card.querySelector(".open").focus({ preventScroll: true });
  }

  // --- cards ---------------------------------------------------------------------------------------------------
  const still = () => make("img", { alt: "", loading: "lazy", width: "256", height: "256" });
  function makeCard(skill) {
    const open = make("button", { class: "open", type: "button", "aria-label": `Skill ${name(skill)}: ${skill.label}. Open.` });
    open.append(skill.video ? still() : make("span", { class: "missing", text: "no video yet" }));
    open.addEventListener("click", () => openDetail(skill));
    const badge = make("span", { class: "badge" }, make("span", { class: "dot", style: { "--hue": hueOf(skill.family) } }), single ? `#${name(skill)}` : `#${name(skill)} ${letter(skill.family)}`);
    if (!single) badge.title = `${kind} ${familyName(skill.family)}${heads.has(skill.skill) ? " (this is its representative)" : ""}`;
    const pick = make("button", { class: "pick", type: "button", "aria-pressed": "false", "aria-label": `Compare skill ${name(skill)}`, text: "Compare" });
    pick.addEventListener("click", () => togglePick(skill));
    const numbers = make("dl", {},
      pair("speed", speed(skill, 1), "wide"), pair("survival", percent(skill.survival)));
    if (!single) numbers.append(pair("support", percent(skill.support)), pair("own class", `${number(skill.occupancy_ratio, 1)} ×`, "less"));
    if (typeof skill.fidelity === "number") numbers.append(pair("fidelity", percent(skill.fidelity)));
    else if (!single) numbers.append(pair("distinct", number(skill.distinctness, 1), "less"));
    numbers.append(pair("return", score(skill), "wide"));
    const text = make("div", { class: "text" }, make("h3", { text: skill.label }), pathPicture(skill.path, "its path"), numbers);
    if (heads.has(skill.skill)) text.prepend(make("p", { class: "stands", text: `Stands for ${kin(skill.family)} of ${kind} ${familyName(skill.family)}` }));
    const card = make("article", { class: "card", "data-skill": skill.skill, "aria-label": called(skill) }, open, badge, pick, text);
    card.addEventListener("pointerenter", () => light(skill, true));
    card.addEventListener("pointerleave", () => light(skill, false));
    card.skill = skill;
    return card;
  }

  // --- players: a video exists only while its card is in sight ---------------------------------------------------
  const near = new Set(), playing = new Map();
  let paused = stillOnly;
  function stop(card) {
    const video = playing.get(card);
    if (!video) return;
    release(video); video.remove();
    playing.delete(card);
  }
  function release(video) { video.pause(); video.removeAttribute("src"); video.load(); } // frees the decoder at once
  function clearFilms(place) { place.querySelectorAll("video").forEach(release); place.replaceChildren(); }
  function start(card) {
    const video = make("video", { preload: "none", tabindex: "-1", "aria-hidden": "true", poster: poster(card.skill) });
    video.muted = video.loop = video.playsInline = true;
    video.src = film(card.skill);
    video.addEventListener("loadedmetadata", () => {
      if (isPart(video, card.skill) && !card.querySelector(".extent")) card.querySelector(".open").append(make("span", { class: "extent", text: `${part(video, card.skill)} of ${number(card.skill.seconds, 0)} s` }));
    });
    card.querySelector(".open").append(video);
    playing.set(card, video);
    video.play().catch(() => {}); // the browser may refuse to play by itself: the poster stays
  }
  function update() {
    const quiet = paused || find("detail").open || find("side").open; // a dialog needs the decoders for itself
    for (const card of [...playing.keys()]) if (quiet || !near.has(card)) stop(card);
    if (quiet) return;
    for (const card of near) {
      if (playing.size >= MOST_PLAYERS) break;
      if (card.skill.video && !playing.has(card)) start(card);
    }
  }
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) near.add(target); else near.delete(target);
    }
    update();
  }, { rootMargin: "0px" });
  const posters = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      target.querySelector("img").src = poster(target.skill);
      posters.unobserve(target);
    }
  }, { rootMargin: "160px" });

  // --- sort, search, filter: kept in the address, so that a view can be sent to someone ------------------------------
  const SORTS = {
    first: [`${kind}, one of each first`, (s) => (heads.has(s.skill) ? data.representatives.indexOf(s.skill) : heads.size + s.skill)],
    number: ["number", (s) => s.skill], label: ["label", (s) => s.label], speed: ["speed", (s) => -s.speed], displacement: ["distance", (s) => -s.displacement],
    support: ["support", (s) => -s.support], occupancy: ["own class", (s) => -s.occupancy_ratio], distinctness: ["distinctness", (s) => -s.distinctness],
    family: [kind, (s) => data.order.indexOf(s.skill)], survival: ["survival", (s) => -s.survival], return: ["return", (s) => -s.return],
  };
  if (data.skills.some((s) => typeof s.fidelity === "number")) SORTS.fidelity = ["fidelity", (s) => -(s.fidelity ?? -1)];
  if (single) for (const key of ["first", "support", "occupancy", "distinctness", "family"]) delete SORTS[key];
  const USUAL = single ? "number" : "first";
  const FILTERS = { survives, holds, families: (skill) => heads.has(skill.skill) };
  const cards = data.skills.map(makeCard);
  let shown = cards;
  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    find("sort").value = wanted.get("sort") in SORTS ? wanted.get("sort") : USUAL;
    find("search").value = wanted.get("search") ?? "";
    for (const filter of Object.keys(FILTERS)) find(filter).checked = wanted.get(filter) === "1";
    if (folded && !["families", "search", "family"].some((key) => wanted.has(key))) find("families").checked = true;
    find("family").value = wanted.get("family") ?? "";
    if (find("family").selectedIndex < 0) find("family").value = "";
    arrange();
    const skill = wanted.has("skill") && byNumber.get(Number(wanted.get("skill")));
    const compared = (wanted.get("compare") ?? "").split(",").filter(Boolean).map((text) => byNumber.get(Number(text))).filter(Boolean);
    if (skill) openDetail(skill); else if (find("detail").open) find("detail").close();
    if (!skill && compared.length > 1) openSide(compared.slice(0, MOST_COMPARED)); else if (find("side").open) find("side").close();
  }
  function writeAddress(more = {}) {
    const state = new URLSearchParams();
    if (find("sort").value !== USUAL) state.set("sort", find("sort").value);
    if (find("search").value) state.set("search", find("search").value);
    if (find("family").value) state.set("family", find("family").value);
    for (const filter of Object.keys(FILTERS)) if (find(filter).checked) state.set(filter, "1");
    if (folded && !find("families").checked) state.set("families", "0");
    for (const [key, value] of Object.entries(more)) state.set(key, value);
    history.replaceState(null, "", `#${state}`);
  }
  function arrange() {
    const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const key = SORTS[find("sort").value][1];
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
    shown = cards.filter(({ skill }) => {
      const text = `#${name(skill)} ${skill.skill} ${skill.label} ${became(skill)} ${kind} ${familyName(skill.family)}`.toLowerCase();
      return (!find("family").value || find("family").value === letter(skill.family)) && words.every((word) => text.includes(word)) && Object.entries(FILTERS).every(([filter, keeps]) => !find(filter).checked || keeps(skill));
    }).sort((a, b) => compare(key(a.skill), key(b.skill)) || a.skill.skill - b.skill.skill);
    find("cards").replaceChildren(...shown);
    const kept = new Set(shown.map(({ skill }) => skill.skill));
    const asked = words.length > 0 || find("family").value || Object.keys(FILTERS).some((filter) => find(filter).checked && !(folded && filter === "families"));
    for (const [skill, its] of marks) for (const mark of its) mark.classList.toggle("dim", !kept.has(skill) && (!folded || Boolean(asked)));
    find("cards").classList.toggle("heads", find("families").checked);
    find("count").textContent = `${shown.length} of ${cards.length} ${single ? "seeds" : "skills"}`;
    find("none").hidden = shown.length > 0;
    find("rest").hidden = !(find("families").checked && heads.size < cards.length);
  }
  function changed() { arrange(); writeAddress(); }
  function unfold() { find("families").checked = false; } // who searches, searches in all
  function clearFilters() {
    find("search").value = find("family").value = "";
    for (const filter of Object.keys(FILTERS)) find(filter).checked = false;
  }

  // --- detail --------------------------------------------------------------------------------------------------
  let current = null;
  function player(source, label, options = {}) {
    const video = make("video", { controls: "", playsinline: "", preload: "metadata", "aria-label": label, ...options });
    video.muted = video.loop = true;
    video.src = source;
    if (!stillOnly) video.play().catch(() => {});
    return video;
  }
  function chart(title, unit, values, seconds) {
    const [low, high] = [Math.min(...values), Math.max(...values)], span = Math.max(high - low, 1e-6);
    const points = values.map((value, index) => `${((100 * index) / Math.max(values.length - 1, 1)).toFixed(1)},${(38 - (36 * (value - low)) / span).toFixed(1)}`).join(" ");
    const range = `${number(low / 100, 2)} to ${number(high / 100, 2)} ${unit}`;
    return make("div", {}, make("div", { class: "chart-name" }, make("span", { text: title }), make("span", { text: range }), make("span", { text: `0 to ${number(seconds, 1)} s` })),
      draw("svg", { class: "chart", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": `${title} over time, ${range}` },
        draw("path", { class: "grid", d: "M0 38H100M0 2H100" }), draw("polyline", { points })));
  }
  const FILMS = { video: { ending: "", show: showFilm }, data: { ending: "-data", show: showData }, starts: { ending: "-starts", show: showStarts } };
  function showFilms(skill, kinds) {
    for (const kind of kinds) { clearFilms(find(`detail-${kind}`)); FILMS[kind].show(skill); }
  }
  function showFilm(skill) {
    if (skill.video) {
      const video = player(film(skill), `Video of skill ${name(skill)}`, { poster: poster(skill) });
      const length = make("p");
      video.addEventListener("loadedmetadata", () => {
        const whole = number(skill.seconds, 0), shows = skill.begin ? `Seconds ${part(video, skill)} of ${whole}, what the title tells of` : `The ${part(video, skill)} s of ${whole} s`;
        length.textContent = isPart(video, skill) ? `${shows}, at true speed. The title describes all ${whole} s; the charts shade what the video shows.` : "All that was played and measured, at true speed.";
        if (isPart(video, skill)) for (const svg of find("detail-charts").querySelectorAll("svg")) svg.prepend(draw("rect", { class: "filmed", x: (100 * skill.begin) / skill.seconds, y: 0, width: (100 * (until(video, skill) - skill.begin)) / skill.seconds, height: 40 }));
      });
      find("detail-video").append(video, length);
    } else find("detail-video").append(make("p", { text: "There is no video of this skill yet; the command below makes it." }));
  }
  function showData(skill) {
    if (skill.data) {
      const origin = data.exemplars.origin === "rebuilt" ? "Poses rebuilt from observations, the way from their velocities." : "The simulator’s recorded states.";
      const inside = typeof skill.data_share === "number" ? `, ${percent(skill.data_share)} of the steps here` : "";
      find("detail-data").append(player(film(skill, "-data"), "Stretches of the dataset where the class is densest"),
        make("p", { text: single ? `Episodes of the expert. ${origin}` : `The dataset where this class is densest. A red frame and dot mark its own steps${inside}. ${origin}` }));
    } else find("detail-data").append(make("p", { text: data.exemplars.note }));
  }
  function showStarts(skill) {
    if (skill.starts) {
      const video = player(film(skill, "-starts"), "The same skill from other starts"), length = make("p");
      video.addEventListener("loadedmetadata", () => { length.textContent = `Other rollouts of the skill, up to ${number(video.duration, 0)} s of each.`; });
      find("detail-starts").append(video, length);
    } else find("detail-starts").append(make("p", { text: "There is no film of other starts." }));
  }
  function openDetail(skill) {
    current = skill;
    find("detail-title").textContent = called(skill);
    showFilms(skill, Object.keys(FILMS));
    const numbers = [["Speed", speed(skill, 2)], ["Distance", `${number(skill.displacement, 1)} m from start to end`],
      ["Survival", `${percent(skill.survival)}, ${became(skill)}`], ["Return", score(skill)],
      ["Own class", `${percent(skill.occupancy)} of its time, ${number(skill.occupancy_ratio, 1)} × the base rate`],
      ["Support", `${percent(skill.support)} of the data`], [capital(kind), `${familyName(skill.family)}; ${kin(skill.family)} skills, like #${name(byNumber.get(data.representatives[skill.family]))}`],
      ["Distinctness", `${number(skill.distinctness, 2)} to the nearest other`]];
    if (single) numbers.splice(4);
    if (typeof skill.fidelity === "number") numbers.splice(4, 0, ["Fidelity", percent(skill.fidelity)]);
    find("detail-numbers").replaceChildren(...numbers.flatMap(([key, value]) => [make("dt", { text: key }), make("dd", { text: value })]));
    find("detail-charts").replaceChildren(chart("speed", "m/s", skill.speeds, skill.seconds), chart("height", "m", skill.heights, skill.seconds));
    find("detail-path").replaceChildren(pathPicture(skill.path, "its path from the start, the dot"));
    find("detail-similar").replaceChildren(...skill.similar.map((other) => similar(byNumber.get(other))));
    find("detail-next").closest("section").hidden = !data.switches;
    if (data.switches) {
      const after = successors(skill), some = after.slice(0, MOST_NEXT);
      find("detail-next").replaceChildren(...some.map((other) => similar(other, `; there after ${number(switchTime(skill.skill, other.skill), 1)} s`)));
      find("next-note").textContent = after.length ? `${after.length} of ${data.skills.length - 1} skills${after.length > some.length ? `, here the quickest of each other ${kind}, then of all` : ""}: nobody fell, and the new behaviour was there after that time.` : "Nowhere: somebody fell, or the new behaviour did not come.";
    }
    find("detail-command").textContent = `skills render ${data.run} --skill ${skill.skill} --force`;
    find("detail-python").textContent = `skills.load(${JSON.stringify(data.run)}).policy.act(observation, skill=${skill.skill})`;
    find("detail-export").textContent = `skills export ${data.run} --skill ${skill.skill}`;
    find("detail-compare").setAttribute("aria-pressed", String(picked.includes(skill)));
    if (!find("detail").open) find("detail").showModal();
    find("detail").scrollTop = 0;
    update();
    writeAddress({ skill: skill.skill });
  }
  function similar(skill, more = "") {
    const button = make("button", { type: "button" });
    if (skill.video) button.append(make("img", { alt: "", loading: "lazy", src: poster(skill) }));
    button.append(make("span", { text: called(skill) + more }));
    button.addEventListener("click", () => { openDetail(skill); find("detail-title").closest("dialog").querySelector("#close").focus(); });
    return button;
  }
  function step(by) {
    if (!shown.length) return; // an address can open a skill that its own search hides
    const place = shown.findIndex(({ skill }) => skill === current);
    openDetail(shown[(place + by + shown.length) % shown.length].skill);
  }

  // --- compare: two to four skills in step -------------------------------------------------------------------------
  let picked = [];
  function togglePick(skill) {
    picked = picked.includes(skill) ? picked.filter((other) => other !== skill) : [...picked, skill].slice(-MOST_COMPARED);
    for (const card of cards) card.querySelector(".pick").setAttribute("aria-pressed", String(picked.includes(card.skill)));
    find("detail-compare").setAttribute("aria-pressed", String(picked.includes(current)));
    find("compare").hidden = picked.length === 0;
    find("compare").disabled = picked.length < 2;
    find("compare").textContent = picked.length < 2 ? `Compare #${picked.map(name)} with …` : `Compare ${picked.map((one) => `#${name(one)}`).join(", ")}`;
  }
  const inStep = { videos: [], time: 0, playing: true, frame: 0, before: 0 };
  function openSide(skills) {
    if (find("detail").open) find("detail").close();
    clearFilms(find("side-films"));
    find("side-title").textContent = `Compare ${skills.map((skill) => `#${name(skill)}`).join(", ")}`;
    inStep.videos = [];
    for (const skill of skills) {
      const column = make("section");
      if (skill.video) {
        const video = make("video", { playsinline: "", preload: "auto", poster: poster(skill), "aria-label": `Video of skill ${name(skill)}` });
        video.muted = true;
        video.src = film(skill);
        inStep.videos.push(video);
        column.append(video);
      } else column.append(make("p", { class: "note", text: "no video yet" }));
      column.append(make("h3", { text: called(skill) }), make("dl", {},
        pair("speed", speed(skill, 2)), pair("survival", `${percent(skill.survival)}, ${became(skill)}`), pair("return", score(skill)),
        ...(single ? [] : [pair("own class", `${number(skill.occupancy_ratio, 1)} ×`), pair("support", percent(skill.support)), pair(kind, letter(skill.family))])));
      const more = make("button", { type: "button", text: "Details" });
      more.addEventListener("click", () => { find("side").close(); openDetail(skill); });
      column.append(more);
      find("side-films").append(column);
    }
    inStep.time = 0;
    if (!find("side").open) find("side").showModal();
    update();
    setPlaying(!stillOnly);
    writeAddress({ compare: skills.map((skill) => skill.skill).join() });
    cancelAnimationFrame(inStep.frame);
    inStep.before = performance.now();
    inStep.frame = requestAnimationFrame(keepStep);
  }
  function setPlaying(on) {
    inStep.playing = on;
    find("side-play").textContent = on ? "Pause" : "Play";
    for (const video of inStep.videos) if (on) video.play().catch(() => {}); else video.pause();
  }
  const lengthOf = () => Math.max(0, ...inStep.videos.map((video) => video.duration || 0));
  // One clock for all: a video that drifts from it is set right, one that is over rests on its last frame.
  function keepStep(now) {
    if (!find("side").open) return;
    const rate = Number(find("side-rate").value), length = lengthOf();
    if (inStep.playing && length) inStep.time += (rate * (now - inStep.before)) / 1000;
    inStep.before = now;
    if (length && inStep.time > length) inStep.time = 0;
    for (const video of inStep.videos) {
      const wanted = Math.min(inStep.time, (video.duration || 0) - 0.03);
      if (video.playbackRate !== rate) video.playbackRate = rate;
      if (video.readyState > 1 && !video.seeking && Math.abs(video.currentTime - wanted) > (inStep.playing ? 0.15 : 0.02)) video.currentTime = Math.max(0, wanted);
      if (inStep.playing && video.paused && wanted < (video.duration || 0) - 0.1) video.play().catch(() => {});
    }
    find("side-time").max = length || 1;
    find("side-time").value = inStep.time;
    find("side-clock").textContent = `${number(inStep.time, 1)} s`;
    inStep.frame = requestAnimationFrame(keepStep);
  }

  // --- filling: films come while the page is open ----------------------------------------------------------------
  function lookAgain() { // a page from disk may fetch nothing, but it may take in another script
    const script = make("script", { src: `state.js?${Date.now()}` });
    for (const end of ["load", "error"]) script.addEventListener(end, () => script.remove());
    document.head.append(script);
  }
  function filmed(state) { // what that script calls
    const there = new Set(state.films);
    for (const card of cards) {
      const { skill } = card, come = Object.keys(FILMS).filter((kind) => !skill[kind] && there.has(film(skill, FILMS[kind].ending)));
      for (const kind of come) skill[kind] = true;
      if (come.includes("video")) {
        skill.begin = state.begins[film(skill)] ?? 0;
        card.querySelector(".missing").replaceWith(still());
        posters.observe(card);
      }
      if (skill === current && find("detail").open) showFilms(skill, come);
    }
    const waiting = !state.over && there.size < state.total, silence = Date.now() / 1000 - state.at;
    find("filling").hidden = !waiting;
    find("filling").textContent = `${there.size} of ${state.total} films are there. ` + (silence < MOST_SILENCE ? "The others come by themselves." : `None has come for ${duration(silence)}; if it was stopped, go on: ${data.command}`);
    if (waiting) setTimeout(lookAgain, LOOK_EVERY);
    update();
  }

  // --- begin ---------------------------------------------------------------------------------------------------
  fillHeader();
  drawWays();
  if (single) for (const id of ["map", "matrix", "holds", "families", "family"]) find(id).closest("figure, label").hidden = true;
  else { drawMap(); drawMatrix(); if (data.switches) drawSwitches(); }
  if (single) find("detail-data").previousElementSibling.textContent = "The expert";
  for (const [key, [label]] of Object.entries(SORTS)) find("sort").append(make("option", { value: key, text: label }));
  for (const [id, text] of [["kind", capital(kind)], ["kinds-note", kinds], ["kind-note", kind]]) find(id).textContent = text;
  data.families.forEach((text, family) => find("family").append(make("option", { value: letter(family), text: `${letter(family)} (${kin(family)}): ${text}` })));
  if (stillOnly) { find("pause").textContent = "Play all"; find("pause").setAttribute("aria-pressed", "true"); }
  find("tools").addEventListener("submit", (event) => event.preventDefault());
  if (folded) for (const id of ["search", "family"]) find(id).addEventListener("input", unfold); // before the form hears of it
  find("tools").addEventListener("input", changed);
  find("unfold").textContent = `Show all ${cards.length} skills`;
  find("unfold").addEventListener("click", () => { unfold(); changed(); find("cards").focus({ preventScroll: true }); });
  find("pause").addEventListener("click", () => {
    paused = !paused;
    find("pause").textContent = paused ? "Play all" : "Pause all";
    find("pause").setAttribute("aria-pressed", String(paused));
    update();
  });
  find("clear").addEventListener("click", () => { clearFilters(); changed(); });
  find("compare").addEventListener("click", () => openSide(picked));
  find("previous").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("close").addEventListener("click", () => find("detail").close());
  find("detail-compare").addEventListener("click", () => togglePick(current));
  const copies = document.querySelectorAll(".copy");
  for (const button of copies) button.addEventListener("click", () => {
    const code = button.previousElementSibling, range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges(); getSelection().addRange(range);
    navigator.clipboard?.writeText(code.textContent).then(() => { button.textContent = "Copied"; }, () => {}); // else it is selected
  });
  find("detail").addEventListener("close", () => {
    for (const kind of Object.keys(FILMS)) clearFilms(find(`detail-${kind}`));
    for (const button of copies) button.textContent = "Copy";
    writeAddress(); update();
  });
  find("detail").addEventListener("keydown", (event) => {
    if (event.target.tagName === "VIDEO") return; // arrows seek there
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  find("side-close").addEventListener("click", () => find("side").close());
  find("side").addEventListener("close", () => { clearFilms(find("side-films")); inStep.videos = []; writeAddress(); update(); });
  find("side-play").addEventListener("click", () => setPlaying(!inStep.playing));
  find("side-time").addEventListener("input", () => { inStep.time = Number(find("side-time").value); setPlaying(false); });
  addEventListener("hashchange", readAddress);
  readAddress();
  for (const card of cards) { sight.observe(card); if (card.skill.video) posters.observe(card); }
  if (data.filling) { window.skillsFilmed = filmed; lookAgain(); }
})();
