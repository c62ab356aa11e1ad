// The panel of uploads, with a line for each file. The page sends a few files at once.

import { $, make } from "./dom.js";
import { nodes, sentences, sentencesOf } from "./problem.js";
import { onLanguage, percent, say } from "./say.js";
import { send } from "./send.js";

const AT_ONCE = 3;
const LIVE = ["waiting", "sending", "working", "busy"];
/** The files of this round: {file, state, share, image, problem, error, controller, node …}. */
let jobs = [];
let running = 0;
/** Number of new images since the last call of `done`. */
let created = 0;
let actions = {};

/** Sets up the panel. `given` has done(created), which is called when all files have ended, and open(image). */
export function setUp(given) {
  actions = given;
  $("add").onclick = () => $("add-files").click();
  $("add-files").onchange = () => {
    add([...$("add-files").files]);
    $("add-files").value = "";
  };
  $("uploads-close").onclick = () => {
    $("uploads").hidden = true;
    $("add").focus();
  };
  $("uploads-cancel").onclick = () => jobs.filter(isLive).forEach(stop);
  $("uploads-retry").onclick = () => {
    const failed = jobs.filter(({ state }) => state === "rejected" || state === "stopped");
    for (const job of failed) change(job, "waiting");
    work();
  };
  addEventListener("beforeunload", (event) => jobs.some(isLive) && event.preventDefault());
  onLanguage(() => {
    jobs.forEach(paint);
    summary();
  });
}

const isLive = ({ state }) => LIVE.includes(state);

/** Queues files for upload. */
export function add(files) {
  if (!files.length) return;
  if (!jobs.some(isLive)) {
    jobs = [];
    $("uploads-list").replaceChildren();
  }
  const fresh = files.map((file) => ({ file, state: "waiting", share: 0, why: [], ...line(file.name) }));
  jobs.push(...fresh);
  $("uploads-list").append(...fresh.map(({ node }) => node));
  for (const job of fresh) {
    job.cancel.onclick = () => stop(job);
    job.name.onclick = () => job.image && actions.open(job.image);
    paint(job);
  }
  $("uploads").hidden = false;
  work();
}

function work() {
  summary();
  while (running < AT_ONCE && jobs.some(({ state }) => state === "waiting")) worker();
}

async function worker() {
  running++;
  for (let job; (job = jobs.find(({ state }) => state === "waiting")); ) await deal(job);
  running--;
  if (running) return;
  actions.done(created);
  created = 0;
}

const isStored = ({ state }) => state === "created" || state === "known";

async function deal(job) {
  job.stop = new AbortController();
  change(job, "sending");
  try {
    const item = await send(job.file, (state, share = 0) => change(job, state, { share }), job.stop.signal);
    if (item.status === "created") created++;
    change(job, item.status, { image: item.image, problem: item.problem });
  } catch (error) {
    if (job.stop.signal.aborted) change(job, "stopped");
    else change(job, "rejected", { error });
  }
}

function stop(job) {
  if (job.state === "waiting") change(job, "stopped");
  else job.stop?.abort();
}

function change(job, state, facts = {}) {
  const was = job.state;
  Object.assign(job, { error: null, problem: null, ...facts, state });
  paint(job);
  if (was !== state) summary();
}

function line(file) {
  const name = make("button", { type: "button", className: "link", textContent: file });
  const state = make("span", { className: "state" });
  const cancel = make("button", { type: "button", className: "close", textContent: "×" });
  const progress = make("progress", { max: 1, value: 0 });
  return { name, text: state, cancel, progress, node: make("li", {}, name, state, cancel, progress) };
}

function paint(job) {
  const { state, share, node, progress, cancel } = job;
  node.className = state;
  job.name.disabled = !job.image;
  const values = { name: job.file.name };
  cancel.ariaLabel = say("upload_cancel", values);
  cancel.hidden = !isLive(job);
  progress.ariaLabel = say("upload_progress", values);
  progress.hidden = !isLive(job);
  // A bar without a value shows work of unknown length: the file has been sent and the service works on it.
  if (state === "working") progress.removeAttribute("value");
  else progress.value = share;
  const why = job.error ? sentences(job.error) : job.problem ? sentencesOf(job.problem) : null;
  const words = say(`state_${state}`, { percent: percent(share, 1) });
  job.text.replaceChildren(...(why ? [`${words}: `, ...nodes(why)] : [words]));
}

function summary() {
  const total = jobs.length;
  const live = jobs.filter(isLive).length;
  const stored = jobs.filter(isStored).length;
  $("uploads-title").textContent = live ? say("uploading", { done: total - live, total }) : say("uploads_done", { stored, total });
  $("uploads-all").max = total;
  $("uploads-all").value = total - live;
  $("uploads-all").hidden = !live;
  $("uploads-cancel").hidden = !live;
  $("uploads-retry").hidden = live > 0 || stored === total;
}
