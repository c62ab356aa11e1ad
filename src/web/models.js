// The dialog of the models: shows their coverage, switches the current model, starts and stops backfills.

import * as api from "./api.js";
import { copyText } from "./copy.js";
import { $, make } from "./dom.js";
import { ENGLISH } from "./languages.js";
import { nodes, sentences } from "./problem.js";
import { number, onLanguageChange, percent, say } from "./say.js";

const dialog = $("models");
const REFRESH_MS = 1500;
let models = [];
let current = null;
let timer = 0;
let onSwitched = () => {};

/** Sets up the dialog. `whenSwitched()` is called after another model has become current. */
export function setUp(whenSwitched) {
  onSwitched = whenSwitched;
  $("model").onclick = () => {
    showStatus("");
    dialog.showModal();
    refresh();
  };
  $("models-close").onclick = () => dialog.close();
  // The server then finds models that were put into its folder since it started.
  $("models-refresh").onclick = () => api.refreshModels().then(refresh, showError);
  $("models-add-copy").onclick = copyCommand;
  // The handler has a block body: if it returned false, clicks inside the dialog would have no effect.
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.onclose = () => clearTimeout(timer);
  onLanguageChange(() => {
    showCurrent(current);
    render();
  });
}

/** Names the current model in the bar. */
export function showCurrent(model) {
  if (!model) return;
  current = model;
  $("model").textContent = say("model_button", { name: model.model_name });
  $("model").title = `${model.model_name} ${model.model_version}`;
}

/** Loads the models, again and again while the dialog is open, because uploads and backfills change the coverage. */
async function refresh() {
  clearTimeout(timer);
  try {
    const answer = await api.models();
    ({ models } = answer);
    $("models-broken").replaceChildren(...(answer.broken ?? []).map(({ folder, reason }) => make("p", { className: "bad", lang: ENGLISH.code, textContent: `${folder}: ${reason}` })));
    showCurrent(models.find((model) => model.is_current));
    render();
  } catch (error) {
    showError(error);
  }
  if (dialog.open) timer = setTimeout(refresh, REFRESH_MS);
}

/** The cards by model id. They are kept between refreshes, so that the focus stays in place. */
const cards = new Map();

function render() {
  for (const model of models) {
    if (!cards.has(model.model_id)) cards.set(model.model_id, card(model.model_id));
    fill(cards.get(model.model_id), model);
  }
  const nodes = models.map((model) => cards.get(model.model_id).node);
  if (nodes.some((node, index) => $("models-list").children[index] !== node)) $("models-list").replaceChildren(...nodes);
}

function card(id) {
  const button = (onclick) => make("button", { type: "button", onclick });
  const parts = {
    name: make("h3"), state: make("p", { className: "soft" }), why: make("p", { className: "bad", lang: ENGLISH.code }), coverage: make("p"),
    bar: make("progress"), backfill: make("p", { className: "soft" }), use: button(() => use(id, false)),
    start: button(() => backfill(id, api.startBackfill)), again: button(() => backfill(id, api.retryFailed)),
    stop: button(() => backfill(id, api.stopBackfill)),
  };
  const { name, state, why, coverage, bar, backfill: work, use: choose, start, again, stop } = parts;
  const actions = make("div", { className: "actions" }, choose, start, again, stop);
  actions.dataset.needs = "admin";
  const node = make("li", {}, name, state, why, coverage, bar, work, actions);
  return { node, ...parts };
}

function fill(parts, model) {
  const { embedded, total, failed = 0 } = model;
  const running = isRunning(model);
  const usable = !["missing", "broken"].includes(model.state);
  parts.node.classList.toggle("current", model.is_current);
  parts.node.ariaCurrent = model.is_current ? "true" : "false";
  parts.name.textContent = `${model.model_name} ${model.model_version}`;
  const facts = [model.is_current && say("model_current"), say("model_dimension", { count: number(model.vector_dimension) }), say(`model_${model.state}`)];
  parts.state.textContent = facts.filter(Boolean).join(" · ");
  parts.why.hidden = !model.problem;
  parts.why.textContent = model.problem ?? "";
  const counts = { embedded: number(embedded), total: number(total), failed: number(failed) };
  parts.coverage.textContent = `${say(failed ? "coverage_failed" : "coverage", counts)} (${percent(embedded, total)})`;
  Object.assign(parts.bar, { max: Math.max(total, 1), value: total ? embedded : 1, ariaLabel: parts.coverage.textContent });
  const failure = model.backfill?.state === "failed" ? model.backfill.reason : null;
  parts.backfill.hidden = !running && !failure;
  parts.backfill.textContent = running ? say(`backfill_${model.backfill.state}`, { detail: rateAndTime(model.backfill) }).trim() : (failure ?? "");
  parts.use.textContent = say("model_use");
  parts.use.hidden = model.is_current || !usable;
  parts.start.textContent = say("backfill_start");
  parts.start.hidden = running || embedded + failed >= total || !usable;
  parts.again.textContent = say("backfill_again");
  parts.again.hidden = running || !failed || embedded + failed < total || !usable;
  parts.stop.textContent = say("backfill_stop");
  parts.stop.hidden = !running;
}

const isRunning = ({ backfill }) => ["running", "waiting"].includes(backfill?.state);

/** Describes the rate and the remaining time of a backfill, or returns "" when the service does not know them. */
function rateAndTime({ per_second: rate, estimated_end: end }) {
  if (!rate || !end) return "";
  const left = Math.max(0, Math.round((new Date(end) - Date.now()) / 1000));
  const time = left < 90 ? say("seconds", { count: number(left) }) : say("minutes", { count: number(left / 60) });
  return say("backfill_rate", { rate: number(rate, rate < 10 ? 1 : 0), time });
}

const modelById = (id) => models.find((model) => model.model_id === id);

async function use(id, allowPartial) {
  showStatus(say("model_switching"));
  try {
    const model = await api.useModel(id, allowPartial);
    showCurrent(model);
    showStatus(say("model_switched", { name: model.model_name }));
    onSwitched();
    refresh();
  } catch (error) {
    if (error.problem?.code === "coverage_incomplete") offerPartial(id, error.problem);
    else showError(error);
  }
}

/** Says how many pictures a switch would hide, and lets the reader decide. */
function offerPartial(id, { embedded, total }) {
  const yes = make("button", { type: "button", textContent: say("model_partial_yes"), onclick: () => use(id, true) });
  const no = make("button", { type: "button", textContent: say("cancel"), onclick: () => (showStatus(""), $("models-close").focus()) });
  const values = { name: modelById(id).model_name, embedded: number(embedded), total: number(total) };
  showStatus(make("p", { textContent: say("model_partial", values) }), make("div", { className: "actions" }, yes, no));
  no.focus();
}

async function backfill(id, ask) {
  showStatus("");
  try {
    await ask(id);
  } catch (error) {
    showError(error);
  }
  $("models-close").focus();
  refresh();
}

/** Copies the command that adds a model. Where the browser refuses, selects it instead. */
async function copyCommand() {
  const line = $("models-add-line");
  const worked = await copyText(line.textContent);
  if (!worked) getSelection().selectAllChildren(line);
  showStatus(say(worked ? "copied" : "copy_failed"));
}

function showError(error) {
  showStatus(make("span", { className: "bad" }, ...nodes(sentences(error))));
}

function showStatus(...words) {
  $("models-status").replaceChildren(...words);
}
