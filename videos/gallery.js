"use strict";
(() => {
  const MOST_PLAYERS = 12; // browsers refuse a page that holds many more video elements
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const stillOnly = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const survives = (skill) => skill.fall_seconds === null;
  const holds = (skill) => skill.occupancy_ratio > 1;

  // --- small helpers -------------------------------------------------------------------------------------------
  function make(tag, { text, ...attributes } = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text; // never HTML: labels and names come from data
    element.append(...children);
    return element;
  }
  const pair = (name, value) => make("div", {}, make("dt", { text: name }), make("dd", { text: value }));
  const number = (value, digits) => (value === null ? "–" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const percent = (share) => share === null ? "–" : `${number(100 * share, share < 0.0995 ? 1 : 0)} %`;
  const name = (skill) => String(skill.skill).padStart(3, "0");
  const fall = (skill) => (survives(skill) ? "no fall" : `falls at ${number(skill.fall_seconds, 1)} s`);
  function duration(seconds) {
    const whole = Math.round(seconds);
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }

  function pathPicture(points, label) {
    if (!points.length) return make("span");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const xs = points.map((p) => p[0]), ys = points.map((p) => -p[1]); // y grows upwards in the world
    const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1);
    const left = (Math.max(...xs) + Math.min(...xs)) / 2 - span * 0.6, top = (Math.max(...ys) + Math.min(...ys)) / 2 - span * 0.6;
    svg.setAttribute("class", "path");
    svg.setAttribute("viewBox", `${left} ${top} ${span * 1.2} ${span * 1.2}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    const line = document.createElementNS(svg.namespaceURI, "polyline");
    line.setAttribute("points", points.map((p) => `${p[0]},${-p[1]}`).join(" "));
    const start = document.createElementNS(svg.namespaceURI, "circle");
    start.setAttribute("cx", points[0][0]); start.setAttribute("cy", -points[0][1]); start.setAttribute("r", span * 0.045);
    svg.append(line, start);
    return svg;
  }

  // --- header --------------------------------------------------------------------------------------------------
  function fillHeader() {
    const set = data.dataset;
    const origin = set.made_here ? "collected on this machine by this project’s own policies, not the official set" : `the Minari set ${set.minari_id}`;
    find("origin").append(
      make("strong", { text: `${data.skills_count} skills` }),
      ` found in ${number(set.steps, 0)} steps and ${number(set.episodes, 0)} episodes of ${data.env_id}, without rewards; the data: ${origin}.`);
    for (const line of data.summary) {
      const value = make("dd", { class: "value", text: number(line.value, Number.isInteger(line.value) ? 0 : Math.abs(line.value) >= 100 ? 0 : 2) });
      if (line.unit) value.append(make("small", { text: line.unit }));
      find("summary").append(make("div", {}, make("dt", { text: line.name }), value, make("dd", { class: "why", text: line.explanation })));
    }
    const versions = Object.entries(data.versions).map(([package_, version]) => `${package_} ${version}`).join(", ");
    const facts = [["Command", data.command], ["Dataset", `${set.name} (${set.minari_id})`], ["Preset", data.preset], ["Seed", String(data.seed)],
      ["Time", `${duration(data.wall_seconds)}, data and videos not counted`], ["Versions", versions]];
    for (const [fact, value] of facts) find("facts").querySelector("dl").append(make("dt", { text: fact }), make("dd", { text: value }));
  }

  // --- cards ---------------------------------------------------------------------------------------------------
  function makeCard(skill) {
    const open = make("button", { class: "open", type: "button", "aria-label": `Skill ${name(skill)}: ${skill.label}. Open.` });
    if (skill.video) open.append(make("img", { alt: "", loading: "lazy", width: "256", height: "256" }));
    else open.append(make("span", { class: "missing", text: "no video yet" }));
    open.addEventListener("click", () => openDetail(skill));
    const title = make("h3", {}, make("span", { class: "number", text: `#${name(skill)}` }), skill.label);
    const numbers = make("dl", {},
      pair("speed", `${number(skill.speed, 1)} m/s`), pair("support", percent(skill.support)),
      pair("own class", `${number(skill.occupancy_ratio, 1)} ×`), pair("survival", percent(skill.survival)),
      pair("return", number(skill.return, 0)), pair("distance", `${number(skill.displacement, 1)} m`));
    const text = make("div", { class: "text" }, title, pathPicture(skill.path, "way of the body"), numbers);
    const card = make("article", { class: "card", "data-skill": skill.skill }, open, text);
    card.skill = skill;
    return card;
  }

  // --- players: a video exists only while its card is in sight ---------------------------------------------------
  const near = new Set(), playing = new Map();
  let paused = stillOnly;
  function stop(card) {
    const video = playing.get(card);
    if (!video) return;
    video.pause(); video.removeAttribute("src"); video.load(); video.remove(); // frees the decoder at once
    playing.delete(card);
  }
  function start(card) {
    const video = make("video", { preload: "none", tabindex: "-1", "aria-hidden": "true", poster: `skills/${name(card.skill)}.webp` });
    video.muted = video.loop = video.playsInline = true;
    video.src = `skills/${name(card.skill)}.mp4`;
    card.querySelector(".open").append(video);
    playing.set(card, video);
    video.play().catch(() => {}); // the browser may refuse to play by itself: the poster stays
  }
  function update() {
    for (const card of [...playing.keys()]) if (paused || !near.has(card)) stop(card);
    if (paused) return;
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
      target.querySelector("img").src = `skills/${name(target.skill)}.webp`;
      posters.unobserve(target);
    }
  }, { rootMargin: "160px" });

  // --- sort, search, filter: kept in the address, so that a view can be sent to someone ------------------------------
  const SORTS = {
    number: ["number", (s) => s.skill], speed: ["speed", (s) => -s.speed], displacement: ["distance", (s) => -s.displacement],
    support: ["support", (s) => -s.support], occupancy: ["own class", (s) => -s.occupancy_ratio],
    survival: ["survival", (s) => -s.survival], return: ["return", (s) => -s.return],
  };
  const cards = data.skills.map(makeCard);
  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    find("sort").value = wanted.get("sort") in SORTS ? wanted.get("sort") : "number";
    find("search").value = wanted.get("search") ?? "";
    find("survives").checked = wanted.has("survives");
    find("holds").checked = wanted.has("holds");
    arrange();
    const skill = wanted.has("skill") && data.skills.find((s) => String(s.skill) === wanted.get("skill"));
    if (skill && !find("detail").open) openDetail(skill);
    if (!skill && find("detail").open) find("detail").close();
  }
  function writeAddress(skill = null) {
    const state = new URLSearchParams();
    if (find("sort").value !== "number") state.set("sort", find("sort").value);
    if (find("search").value) state.set("search", find("search").value);
    if (find("survives").checked) state.set("survives", "1");
    if (find("holds").checked) state.set("holds", "1");
    if (skill) state.set("skill", skill.skill);
    history.replaceState(null, "", `#${state}`);
  }
  let shown = cards;
  function arrange() {
    const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const key = SORTS[find("sort").value][1];
    shown = cards.filter(({ skill }) => {
      const text = `#${name(skill)} ${skill.skill} ${skill.label} ${fall(skill)}`.toLowerCase();
      return words.every((word) => text.includes(word)) && (!find("survives").checked || survives(skill)) && (!find("holds").checked || holds(skill));
    }).sort((a, b) => key(a.skill) - key(b.skill) || a.skill.skill - b.skill.skill);
    find("cards").replaceChildren(...shown);
    find("count").textContent = `${shown.length} of ${cards.length} skills`;
    find("none").hidden = shown.length > 0;
  }
  function changed() { arrange(); writeAddress(); }

  // --- detail --------------------------------------------------------------------------------------------------
  let current = null;
  function openDetail(skill) {
    current = skill;
    find("detail-title").textContent = `#${name(skill)} ${skill.label}`;
    const media = find("detail-media");
    media.replaceChildren();
    if (skill.video) {
      const video = make("video", { controls: "", loop: "", playsinline: "", preload: "metadata", poster: `skills/${name(skill)}.webp` });
      video.muted = true;
      video.src = `skills/${name(skill)}.mp4`;
      media.append(video);
      if (!stillOnly) video.play().catch(() => {});
    } else media.append(make("p", { text: "There is no video of this skill yet; the command below makes it." }));
    const numbers = [["Speed", `${number(skill.speed, 2)} m/s`], ["Distance", `${number(skill.displacement, 1)} m from start to end`],
      ["Survival", `${percent(skill.survival)}, ${fall(skill)}`], ["Return", number(skill.return, 0)],
      ["Own class", `${percent(skill.occupancy)} of its time, ${number(skill.occupancy_ratio, 1)} × the base rate`],
      ["Support", `${percent(skill.support)} of the data`]];
    find("detail-numbers").replaceChildren(...numbers.flatMap(([key, value]) => [make("dt", { text: key }), make("dd", { text: value })]));
    find("detail-path").replaceChildren(pathPicture(skill.path, "way of the body from its start, the dot"));
    find("detail-command").textContent = `skills render ${data.run} --skill ${skill.skill} --force`;
    if (!find("detail").open) find("detail").showModal();
    writeAddress(skill);
  }
  function step(by) {
    if (!shown.length) return; // an address can open a skill that its own search hides
    const place = shown.findIndex(({ skill }) => skill === current);
    openDetail(shown[(place + by + shown.length) % shown.length].skill);
  }

  // --- begin ---------------------------------------------------------------------------------------------------
  fillHeader();
  for (const [key, [label]] of Object.entries(SORTS)) find("sort").append(make("option", { value: key, text: label }));
  if (stillOnly) { find("pause").textContent = "Play all"; find("pause").setAttribute("aria-pressed", "true"); }
  find("tools").addEventListener("submit", (event) => event.preventDefault());
  find("tools").addEventListener("input", changed);
  find("pause").addEventListener("click", () => {
    paused = !paused;
    find("pause").textContent = paused ? "Play all" : "Pause all";
    find("pause").setAttribute("aria-pressed", String(paused));
    update();
  });
  find("clear").addEventListener("click", () => {
    find("search").value = ""; find("survives").checked = find("holds").checked = false;
    changed();
  });
  find("previous").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("detail").addEventListener("close", () => { find("detail-media").replaceChildren(); writeAddress(); });
  find("detail").addEventListener("keydown", (event) => {
    if (event.target.tagName === "VIDEO") return; // arrows seek there
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  addEventListener("hashchange", readAddress);
  readAddress();
  for (const card of cards) { sight.observe(card); if (card.skill.video) posters.observe(card); }
})();
