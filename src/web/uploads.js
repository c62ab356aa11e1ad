// Adding pictures: a small panel with a line for each file.

import * as api from "./api.js";
import { say } from "./words.js";

const AT_ONCE = 4;
const $ = (id) => document.getElementById(id);
const waiting = [];
let total = 0, finished = 0, stored = 0, running = 0;
let whenDone = () => {};

/** Wires the panel; `done(stored)` is called when the last file has been dealt with. */
export function setUp(done) {
  whenDone = done;
  $("uploads-close").onclick = () => ($("uploads").hidden = true);
  addEventListener("beforeunload", (event) => finished < total && event.preventDefault());
}

/** Adds files to those being sent. */
export function add(files) {
  if (!files.length) return;
  if (finished === total) {
    total = finished = stored = 0;
    $("uploads-list").replaceChildren();
  }
  for (const file of files) {
    waiting.push({ file, line: line(file.name) });
    total++;
  }
  $("uploads").hidden = false;
  title();
  while (running < AT_ONCE && waiting.length) worker();
}

async function worker() {
  running++;
  while (waiting.length) {
    const { file, line } = waiting.shift();
    state(line, "running");
    try {
      const item = await api.upload(file, () => state(line, "busy"));
      if (item.status !== "rejected") stored++;
      state(line, item.status, item.problem?.detail ?? item.problem?.title);
    } catch (error) {
      const why = error instanceof api.Refused ? error.message : say("offline");
      state(line, "rejected", why);
    }
    finished++;
    title();
  }
  running--;
  if (!running) whenDone(stored);
}

function line(name) {
  const node = document.createElement("li");
  const [left, right] = [document.createElement("span"), document.createElement("span")];
  left.textContent = name;
  right.className = "state";
  node.append(left, right);
  $("uploads-list").append(node);
  state(node, "waiting");
  return node;
}

function state(line, name, why) {
  line.className = name;
  line.lastElementChild.textContent = say(`state_${name}`, { why });
}

function title() {
  const done = finished === total;
  $("uploads-title").textContent = say(done ? "uploads_done" : "uploading", { done: done ? stored : finished, total });
}
