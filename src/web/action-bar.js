// The bar of what can be done with the selected pictures.

import { copyText, promptsOf, whole } from "./copy.js";
import { $, ask, make } from "./dom.js";
import { download } from "./download.js";
import * as grid from "./grid.js";
import { removeAll } from "./many.js";
import { nodes, sentences } from "./problem.js";
import * as results from "./results.js";
import { number, onLanguageChange, say } from "./say.js";
import * as selectKeys from "./select-keys.js";
import * as selection from "./selection.js";
import * as tagMany from "./tag-many.js";

const bar = $("selection");
const ACTIONS = ["selection-tag", "selection-download", "selection-copy", "selection-remove"].map($);
let actions = {};
let work = new AbortController();
let isBusy = false;
/** Makes the text of the bar's live region, for a change of the language. */
let statusText = () => "";

/** Sets up the bar. `given` has removed(images), called after images have been deleted, and changed(), called after texts of images have changed. */
export function setUp(given) {
  actions = given;
  selection.changed.on(() => {
    if (!isBusy) tell(() => "");
    show();
  });
  results.changed.on(show);
  onLanguageChange(() => (show(), tell(statusText)));
  $("select-all").onclick = selectAll;
  $("selection-clear").onclick = selection.clear;
  $("selection-stop").onclick = () => work.abort();
  $("selection-tag").onclick = tag;
  $("selection-download").onclick = () => run(downloadAll);
  $("selection-copy").onclick = () => run(copyPrompts);
  $("selection-remove").onclick = () => run(remove);
  bar.addEventListener("keydown", moveFocus);
  selectKeys.setUp({ tag, selectAll, remove: () => run(remove) });
}

function show() {
  const hides = !selection.isOn() && !isBusy;
  if (hides && bar.contains(document.activeElement)) grid.focus(Math.max(grid.topIndex(), 0), { preventScroll: true });
  bar.hidden = hides;
  $("selection-count").textContent = say("select_n", { count: number(selection.size()) });
  $("select-all").textContent = say("select_all", { count: number(results.count()) });
  $("select-all").hidden = selection.size() >= results.count();
}

function tell(text) {
  statusText = text;
  $("selection-status").replaceChildren(text());
}

function selectAll() {
  selection.selectAll();
  if (!results.isComplete()) tell(() => say("select_loaded", { count: number(results.count()) }));
}

/** What the key of the reader may not do has no visible button. */
const isAllowed = (button) => button.checkVisibility();

function tag() {
  if (!isAllowed($("selection-tag")) || isBusy) return;
  tagMany.open(selection.ids(), (count) => tell(() => say("tag_many_done", { count: number(count) })));
}

/** Runs an action on the selected pictures, one at a time. The action returns a function that makes the text to tell, or nothing. */
async function run(action) {
  if (isBusy) return;
  work = new AbortController();
  setBusy(true);
  try {
    tell((await action(selection.ids(), work.signal)) ?? (() => ""));
  } catch (error) {
    if (!work.signal.aborted) tell(() => make("span", { className: "bad" }, ...nodes(sentences(error))));
    else tell(() => say("download_stopped"));
  } finally {
    setBusy(false);
  }
}

function setBusy(busy) {
  isBusy = busy;
  // A disabled button would lose the focus.
  for (const button of ACTIONS) button.ariaDisabled = String(busy);
  if (!busy) $("selection-stop").hidden = true;
  show();
}

async function downloadAll(ids, signal) {
  $("selection-stop").hidden = false;
  tell(() => say("loading"));
  const images = await results.loadAll(ids);
  signal.throwIfAborted();
  const progress = (part, parts) => tell(() => say("download_part", { part, parts }));
  const count = await download(images, { tell: progress, signal });
  return () => say("download_done", { count: number(count) });
}

async function copyPrompts(ids) {
  tell(() => say("loading"));
  const found = results.loadAll(ids).then(whole).then(promptsOf);
  const text = found.then(({ texts }) => (texts.length ? texts.join("\n\n") : Promise.reject(new Error("no prompt"))));
  // A browser that does not ask for the text leaves its refusal unheard.
  text.catch(() => {});
  const [worked, { texts, without }] = await Promise.all([copyText(text), found]);
  if (!texts.length) return () => say("copied_none");
  return () => (worked ? say("copied_prompts", { count: number(texts.length), without: number(without) }) : say("copy_refused"));
}

async function remove(ids, signal) {
  if (!isAllowed($("selection-remove"))) return;
  const count = ids.length;
  const [first] = count === 1 ? await results.loadAll(ids) : [];
  $("confirm-text").textContent = first ? say("confirm_remove", { name: first.file_name }) : say("confirm_remove_n", { count: number(count) });
  if ((await ask($("confirm"))) !== "yes") return;
  const progress = (part) => tell(() => say("deleting", { done: number(part), count: number(count) }));
  const { done, failed, reason } = await removeAll(ids, signal, progress);
  if (done.length) actions.removed(first ? [first] : done.map((id) => ({ image_id: id })));
  if (failed.length) return () => say("remove_failed_n", { failed: number(failed.length), count: number(count), reason });
}

/** The arrow keys move the focus along the bar. */
function moveFocus(event) {
  const buttons = [...bar.querySelectorAll("button")].filter((button) => !button.disabled && button.checkVisibility());
  const at = buttons.indexOf(document.activeElement);
  const next = { ArrowLeft: buttons[at - 1], ArrowRight: buttons[at + 1], Home: buttons[0], End: buttons.at(-1) }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
