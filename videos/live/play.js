"use strict";
const at = (id) => document.getElementById(id);
const TYPING = 800; // ms in which a digit goes on with the number before it
const NOTCHES = 6; // presses of an arrow from standing to the fastest
const STILL = 0.15; // of a stick's way, that it has by itself
const view = at("view").getContext("2d");
const socket = new WebSocket(`ws://${location.host}/play`);
socket.binaryType = "arraybuffer";

let about = null; // what the session says first: labels, rates, fastest, size, number
let now = null; // what it says of the newest picture
let number = 0; // of the last order: a page goes on from the one before it
let command = [0, 0, 0];
let typed = "", typedAt = 0;
let drawing = Promise.resolve();
const times = []; // ms at which the last pictures were drawn
// For whoever measures: when orders were given and seen to be heeded, ms since 1970.
const play = window.play = { given: [], drawn: 0 };

function order(what, when = performance.now()) {
  if (socket.readyState !== WebSocket.OPEN || !about) return;
  number += 1;
  play.given.push({ number, given: performance.timeOrigin + when, acted: null, seen: null });
  if (play.given.length > 1000) play.given.shift();
  socket.send(JSON.stringify({ number, ...what }));
}

const choose = (skill, when) => { command = [0, 0, 0]; order({ skill }, when); };
const steer = (to, when) => { command = to; order({ command: to }, when); };

function digit(key, when) {
  const longer = when - typedAt < TYPING ? typed + key : key;
  typed = Number(longer) < about.labels.length ? longer : key;
  typedAt = when;
  if (Number(typed) < about.labels.length) choose(Number(typed), when);
}

function push(axis, way, when) {
  if (!about.fastest || !about.fastest[axis]) return;
  const most = about.fastest[axis];
  const to = [...command];
  to[axis] = Math.max(-most, Math.min(most, to[axis] + way * most / NOTCHES));
  if (Math.abs(to[axis]) < 1e-9) to[axis] = 0;
  steer(to, when);
}

// What is seen to the right is forward in the world, and what is seen behind is to its left.
const KEYS = {
  ArrowRight: (when) => push(0, 1, when), ArrowLeft: (when) => push(0, -1, when),
  ArrowUp: (when) => push(1, 1, when), ArrowDown: (when) => push(1, -1, when),
  a: (when) => push(2, 1, when), d: (when) => push(2, -1, when),
  " ": (when) => about.fastest && steer([0, 0, 0], when),
  r: (when) => order({ reset: true }, when),
  s: (when) => slower(when), p: (when) => pause(when), f: (when) => record(when),
  n: (when) => choose((now.skill + 1) % about.labels.length, when),
  b: (when) => choose((now.skill + about.labels.length - 1) % about.labels.length, when),
  "/": () => at("search").focus(),
};

function slower(when) {
  const moving = about.rates.filter((rate) => rate > 0);
  order({ rate: moving[(moving.indexOf(now.rate) + 1) % moving.length] }, when);
}
const pause = (when) => order({ rate: now.rate === 0 ? 1 : 0 }, when);
const record = (when) => order({ record: now.recorded === null }, when);

document.addEventListener("keydown", (event) => {
  if (!about || !now || event.ctrlKey || event.metaKey || event.altKey || event.target === at("search")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const is_digit = /^[0-9]$/.test(event.key);
  if (!act && !is_digit) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return; // it presses the button
  event.preventDefault();
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  is_digit ? digit(event.key, event.timeStamp) : act(event.timeStamp);
});
at("reset").onclick = (event) => order({ reset: true }, event.timeStamp);
at("slower").onclick = (event) => now && slower(event.timeStamp);
at("pause").onclick = (event) => now && pause(event.timeStamp);
at("record").onclick = (event) => now && record(event.timeStamp);

function search() {
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let first = null;
  for (const item of at("skills").children) {
    const text = item.textContent.toLowerCase();
    item.hidden = !words.every((word) => text.includes(word));
    if (!item.hidden && first === null) first = Number(item.dataset.skill);
  }
  return first;
}
at("search").oninput = search;
at("search").onkeydown = (event) => {
  if (event.key === "Enter") { const first = search(); if (first !== null) choose(first, event.timeStamp); }
  if (event.key === "Enter" || event.key === "Escape") event.target.blur();
};

function list() {
  for (const [skill, label] of about.labels.entries()) {
    const item = document.createElement("li"), button = document.createElement("button"), name = document.createElement("b");
    item.dataset.skill = skill;
    name.textContent = `#${String(skill).padStart(3, "0")}`;
    button.append(name, label);
    button.onclick = (event) => choose(skill, event.timeStamp);
    item.append(button);
    at("skills").append(item);
  }
  at("steered").hidden = !about.fastest;
  [at("view").width, at("view").height] = about.size;
}

const metres = (vector) => vector.slice(0, 2).map((one) => one.toFixed(1)).join(", ") + " m/s";
const write = (id, text) => { if (at(id).textContent !== text) at(id).textContent = text; };

function tell() {
  const current = document.querySelector('#skills [aria-current="true"]');
  const wanted = at("skills").children[now.skill].firstChild;
  if (current !== wanted) {
    if (current) current.removeAttribute("aria-current");
    wanted.setAttribute("aria-current", "true");
    wanted.scrollIntoView({ block: "nearest" });
  }
  write("now", `#${String(now.skill).padStart(3, "0")} ${about.labels[now.skill]}${now.fell ? " (fell)" : ""}`);
  write("speed", about.fastest ? metres(now.velocity) : "-");
  write("ordered", now.command ? metres(now.command) + (now.command[2] ? `, ${now.command[2].toFixed(1)} rad/s` : "") : "-");
  write("time", `${now.seconds.toFixed(1)} s` + (now.rate === 1 ? "" : now.rate === 0 ? ", paused" : `, ${now.rate} of true speed`));
  at("pause").setAttribute("aria-pressed", String(now.rate === 0));
  at("record").setAttribute("aria-pressed", String(now.recorded !== null));
  at("record").disabled = now.filming;
  write("said", now.recorded === null ? now.said : `Recording: ${now.recorded.toFixed(1)} s.`);
}

async function show(message) {
  const size = new DataView(message).getUint32(0, true);
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, size)));
  const picture = await createImageBitmap(new Blob([new Uint8Array(message, 4 + size)], { type: "image/jpeg" }));
  view.drawImage(picture, 0, 0);
  picture.close();
  now = told;
  socket.send("drawn");
  play.drawn += 1;
  for (const one of play.given) {
    if (one.seen === null && one.number <= now.number) {
      one.acted = now.acted;
      one.seen = performance.timeOrigin + performance.now();
    }
  }
  times.push(performance.now());
  if (times.length > 40) times.shift();
  if (play.drawn % 10 === 0) write("rate", `${Math.round(1000 * (times.length - 1) / (times.at(-1) - times[0]))} a second`);
  tell();
}

socket.onmessage = (event) => {
  if (typeof event.data === "string") { about = JSON.parse(event.data); number = about.number; list(); return; }
  drawing = drawing.then(() => show(event.data));
};
socket.onclose = () => { write("now", "The session has ended. Start it again: skills play"); };

let stick = [0, 0, 0], pressed = "";
function pad() {
  const one = navigator.getGamepads && [...navigator.getGamepads()].find(Boolean);
  if (one && about && now) {
    const when = performance.now();
    const push = [0, 1, 2].map((axis) => Math.abs(one.axes[axis] || 0) < STILL ? 0 : one.axes[axis]);
    if (about.fastest && push.some((value, axis) => Math.abs(value - stick[axis]) > 0.05)) {
      stick = push;
      steer([push[0] * about.fastest[0], -push[1] * about.fastest[1], -push[2] * about.fastest[2]], when);
    }
    const down = one.buttons.map((button) => Number(button.pressed)).join("");
    const fresh = (which) => down[which] === "1" && pressed[which] !== "1";
    if (fresh(0)) KEYS.r(when);
    if (fresh(4)) KEYS.b(when);
    if (fresh(5)) KEYS.n(when);
    pressed = down;
  }
  requestAnimationFrame(pad);
}
requestAnimationFrame(pad);
