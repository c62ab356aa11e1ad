// The dialog that changes the tags of many pictures.

import * as api from "./api.js";
import { $, make } from "./dom.js";
import { changeAll } from "./many.js";
import { nodes, sentences } from "./problem.js";
import { splitTags } from "./query.js";
import * as results from "./results.js";
import { number, onLanguageChange, say } from "./say.js";
import * as suggest from "./suggest.js";

const dialog = $("tag-many");
const BLOCK = 100;
let actions = {};
let ids = [];
/** The tags of the pictures with the number of pictures that have each; null while they are loading. */
let counts = null;
let whenDone = () => {};
let work = new AbortController();

/** Sets up the dialog. `given` has changed(), which is called after tags have changed. */
export function setUp(given) {
  actions = given;
  $("tag-many-form").onsubmit = save;
  for (const id of ["tag-many-close", "tag-many-cancel"]) $(id).onclick = () => dialog.close();
  dialog.onclose = () => work.abort();
  suggest.attach($("tag-many-add"), { kinds: "tag", take });
  onLanguageChange(() => dialog.open && describe());
}

/** Opens the dialog for images. `done(count)` is called when the tags of all have been changed. */
export async function open(chosen, done = () => {}) {
  const { signal } = (work = new AbortController());
  [ids, counts, whenDone] = [chosen, null, done];
  $("tag-many-add").value = "";
  $("tag-many-save").disabled = false;
  tell("");
  describe();
  dialog.showModal();
  try {
    const images = await results.loadAll(ids);
    if (signal.aborted) return;
    counts = countsOf(images);
    describe();
  } catch (error) {
    if (!signal.aborted) showError(error);
  }
}

/** Counts the tags of images, the most frequent first. */
function countsOf(images) {
  const found = new Map();
  for (const tag of images.flatMap(({ tags }) => tags)) found.set(tag, (found.get(tag) ?? 0) + 1);
  return [...found].sort(([, one], [, other]) => other - one);
}

function describe() {
  const ticked = new Set(toRemove());
  $("tag-many-title").textContent = say("tag_many_title", { count: number(ids.length) });
  const row = ([tag, count]) => {
    const box = make("input", { type: "checkbox", value: tag, checked: ticked.has(tag) });
    return make("label", { className: "check" }, box, make("span", { textContent: say("tag_many_tag", { tag, count: number(count) }) }));
  };
  const note = (key) => make("p", { className: "soft", textContent: say(key) });
  $("tag-many-remove").replaceChildren(...(!counts ? [note("loading")] : counts.length ? counts.map(row) : [note("tag_many_none")]));
}

const toRemove = () => [...$("tag-many-remove").querySelectorAll("input:checked")].map(({ value }) => value);

/** Puts a suggestion in the place of the tag that is being typed. */
const take = ({ text }, { start, end }) => $("tag-many-add").setRangeText(`${text}, `, start, end, "end");

async function save(event) {
  event.preventDefault();
  const change = { add_tags: splitTags($("tag-many-add").value), remove_tags: toRemove() };
  if (!change.add_tags.length && !change.remove_tags.length) return dialog.close();
  const { signal } = work;
  $("tag-many-save").disabled = true;
  tell(say("saving"));
  const { done, failed, reason } = await changeAll(ids, change, signal);
  try {
    await showChanged(done);
  } catch (error) {
    if (!signal.aborted) showError(error);
  }
  actions.changed();
  $("tag-many-save").disabled = false;
  if (!failed.length) {
    dialog.close();
    return whenDone(done.length);
  }
  tell(make("span", { className: "bad", textContent: say("tag_many_failed", { failed: number(failed.length), count: number(ids.length), reason }) }));
}

/** Fetches those changed images again that the results hold, because the service decides which tags are alike. */
async function showChanged(done) {
  const held = done.filter((id) => results.item(results.indexOf(id)));
  for (let at = 0; at < held.length; at += BLOCK) {
    const { images } = await api.imagesByIds(held.slice(at, at + BLOCK));
    for (const image of images) results.update(image.texts_shortened ? await api.image(image.image_id) : image);
  }
}

const tell = (text) => $("tag-many-status").replaceChildren(text);
const showError = (error) => tell(make("span", { className: "bad" }, ...nodes(sentences(error))));
