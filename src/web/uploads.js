// The panel of uploads, with a line for each file. The page sends a few files at once.

import { ApiError } from "./api.js";
import { $, make } from "./dom.js";
import { isRetryable, nodes, sentences, sentencesOf } from "./problem.js";
import { onLanguageChange, percent, say } from "./say.js";
import { send } from "./send.js";

const MAX_CONCURRENT = 3;
const ACTIVE_STATES = ["waiting", "sending", "working", "busy"];
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
  $("uploads-cancel").onclick = () => jobs.filter(isActive).forEach(cancelJob);
  $("uploads-retry").onclick = () => {
    for (const job of jobs.filter(mayWork)) setState(job, "waiting");
    startWorkers();
  };
  addEventListener("beforeunload", (event) => jobs.some(isActive) && event.preventDefault());
  onLanguageChange(() => {
    jobs.forEach(render);
    renderSummary();
  });
}

const isActive = ({ state }) => ACTIVE_STATES.includes(state);

/** Queues files for upload. */
export function add(files) {
  if (!files.length) return;
  if (!jobs.some(isActive)) {
    jobs = [];
    $("uploads-list").replaceChildren();
  }
  const added = files.map((file) => ({ file, state: "waiting", share: 0, ...listItem(file.name) }));
  jobs.push(...added);
  $("uploads-list").append(...added.map(({ node }) => node));
  for (const job of added) {
    job.cancel.onclick = () => cancelJob(job);
    job.name.onclick = () => job.image && actions.open(job.image);
    render(job);
  }
  $("uploads").hidden = false;
  startWorkers();
}

function startWorkers() {
  renderSummary();
  while (running < MAX_CONCURRENT && jobs.some(({ state }) => state === "waiting")) worker();
}

async function worker() {
  running++;
  for (let job; (job = jobs.find(({ state }) => state === "waiting")); ) await upload(job);
  running--;
  if (running) return;
  actions.done(created);
  created = 0;
}

/** Whether a file that is not stored may be when it is sent again. The service refuses a file that is no picture every time. */
const mayWork = ({ state, error, problem }) =>
  state === "stopped" || (state === "rejected" && isRetryable(error ?? new ApiError(problem.status, problem)));

const isStored = ({ state }) => state === "created" || state === "known";

async function upload(job) {
  job.controller = new AbortController();
  setState(job, "sending");
  try {
    const item = await send(job.file, (state, share = 0) => setState(job, state, { share }), job.controller.signal);
    if (item.status === "created") created++;
    setState(job, item.status, { image: item.image, problem: item.problem });
  } catch (error) {
    if (job.controller.signal.aborted) setState(job, "stopped");
    else setState(job, "rejected", { error });
  }
}

function cancelJob(job) {
  if (job.state === "waiting") setState(job, "stopped");
  else job.controller?.abort();
}

function setState(job, state, facts = {}) {
  const was = job.state;
  Object.assign(job, { error: null, problem: null, ...facts, state });
  render(job);
  if (was !== state) renderSummary();
}

function listItem(file) {
  const name = make("button", { type: "button", className: "link", textContent: file });
  const state = make("span", { className: "state" });
  const cancel = make("button", { type: "button", className: "close", textContent: "×" });
  const progress = make("progress", { max: 1, value: 0 });
  return { name, text: state, cancel, progress, node: make("li", {}, name, state, cancel, progress) };
}

function render(job) {
  const { state, share, node, progress, cancel } = job;
  node.className = state;
  job.name.disabled = !job.image;
  const values = { name: job.file.name };
  cancel.ariaLabel = say("upload_cancel", values);
  cancel.hidden = !isActive(job);
  progress.ariaLabel = say("upload_progress", values);
  progress.hidden = !isActive(job);
  // A bar without a value shows work of unknown length: the file has been sent and the service works on it.
  if (state === "working") progress.removeAttribute("value");
  else progress.value = share;
  const why = job.error ? sentences(job.error) : job.problem ? sentencesOf(job.problem) : null;
  const words = say(`state_${state}`, { percent: percent(share, 1) });
  job.text.replaceChildren(...(why ? [`${words}: `, ...nodes(why)] : [words]));
}

function renderSummary() {
  const total = jobs.length;
  const active = jobs.filter(isActive).length;
  const stored = jobs.filter(isStored).length;
  const count = (state) => jobs.filter((job) => job.state === state).length;
  const values = { stored, created: count("created"), known: count("known"), failed: total - active - stored };
  $("uploads-title").textContent = active
    ? say("uploading", { done: total - active, total })
    : say(values.failed ? "uploads_failed" : "uploads_done", values);
  $("uploads-all").max = total;
  $("uploads-all").value = total - active;
  $("uploads-all").hidden = !active;
  $("uploads-cancel").hidden = !active;
  $("uploads-retry").hidden = active > 0 || !jobs.some(mayWork);
}
