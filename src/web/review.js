// One group in the review of near-duplicates: its pictures side by side, each with a box that keeps it.

import { make } from "./dom.js";
import { keeper } from "./duplicate-groups.js";
import { bytes, date, number, say } from "./say.js";
import { drawNear, releaseAll } from "./thumbnails.js";

/**
 * Makes the item of a group and proposes which picture to keep. `given` has open(image), changed(), which is called after
 * another choice, and deleteOthers(item).
 */
export function group({ images: found, truncated }, place, given) {
  const title = make("h3");
  const others = make("button", { type: "button", className: "danger others", onclick: () => given.deleteOthers(item) });
  others.dataset.needs = "write";
  const note = make("p", { className: "soft truncated", hidden: !truncated });
  const proposed = keeper(found);
  const pictures = make("ul", {}, ...found.map((image) => picture(image, image === proposed.image ? proposed.reasons : null, given)));
  const item = make("li", { tabIndex: 0, place, changed: given.changed }, make("div", { className: "bar" }, title, others), pictures, note);
  describe(item);
  return item;
}

/** Makes the item of a picture. `reasons` says why it is proposed to be kept; null for the others. */
function picture(image, reasons, { open }) {
  const canvas = make("canvas", { role: "img" });
  const card = make("button", { type: "button", className: "card", onclick: () => open(image) }, canvas);
  const box = make("input", { type: "checkbox", checked: reasons !== null, onchange: () => choose(item.closest("#duplicates-list > li")) });
  const keep = make("label", { className: "check" }, box, make("span"));
  const choice = make("div", { className: "choice" }, keep, make("p", { className: "proposed" }));
  choice.dataset.needs = "write";
  const item = make("li", { className: "duplicate", image, reasons, box }, card, choice, make("p", { className: "name" }), make("p", { className: "facts" }));
  item.style.setProperty("--ratio", Math.min(3, Math.max(0.4, image.width / image.height)).toFixed(4));
  drawNear(canvas, image);
  return item;
}

const items = (item) => [...item.querySelectorAll(".duplicate")];

/** The pictures of a group. */
export const images = (item) => items(item).map(({ image }) => image);

/** The pictures of a group that the reader does not keep. */
export const leaving = (item) => items(item).filter(({ box }) => !box.checked).map(({ image }) => image);

/** The kept picture that takes over the texts of the others: the proposed one when it is kept. */
export function heir(item) {
  const kept = items(item).filter(({ box }) => box.checked);
  return (kept.find(({ reasons }) => reasons) ?? kept[0]).image;
}

/** Writes the texts of a group in the reader's language. */
export function describe(item) {
  const [title, others] = item.firstElementChild.children;
  title.textContent = say("duplicate_group", { number: number(item.place), count: number(images(item).length) });
  item.ariaLabel = title.textContent;
  others.textContent = say("delete_others");
  item.lastElementChild.textContent = say("duplicates_truncated");
  items(item).forEach(describePicture);
  showChoice(item);
}

function describePicture(item) {
  const { image, reasons, box } = item;
  const [card, choice, name, facts] = item.children;
  const [keep, proposed] = choice.children;
  card.title = image.file_name;
  card.firstElementChild.ariaLabel = say("duplicate_similarity", { name: image.file_name, similarity: number(image.similarity, 3) });
  keep.lastElementChild.textContent = say("keep");
  box.ariaLabel = say("keep_one", { name: image.file_name });
  proposed.hidden = !reasons;
  proposed.textContent = ["proposed", ...(reasons ?? [])].map((reason) => say(`keep_${reason}`)).join(" · ");
  name.textContent = image.file_name;
  const type = image.file_type.replace("image/", "").toUpperCase();
  const lines = [
    [`${number(image.width)} × ${number(image.height)}`, bytes(image.bytes), type],
    [say(image.generation_prompt ? "duplicate_prompt" : "duplicate_no_prompt"), say("duplicate_tags", { count: number(image.tags.length) })],
    [date(image.uploaded_at), `${say("similarity")} ${number(image.similarity, 3)}`],
  ];
  facts.replaceChildren(...lines.map((line) => make("span", {}, ...line.flatMap((part, at) => [at ? " · " : "", whole(part)]))));
}

/** Makes a part of a line that does not break. */
const whole = (textContent) => make("span", { className: "whole", textContent });

/** Takes over another choice of the reader's. */
function choose(item) {
  showChoice(item);
  item.changed();
}

/** Marks what will be deleted. The last kept picture cannot be given up, so that no group loses all its pictures. */
function showChoice(item) {
  const kept = items(item).filter(({ box }) => box.checked);
  for (const one of items(item)) {
    one.classList.toggle("leaving", !one.box.checked);
    one.box.disabled = kept.length === 1 && one.box.checked;
  }
  item.querySelector(".others").disabled = !leaving(item).length;
}

/** Removes a deleted picture. When it was the only kept one, the best of the others is kept. */
export function remove(item, id) {
  const gone = items(item).find(({ image }) => image.image_id === id);
  releaseAll(gone);
  gone.remove();
  if (leaving(item).length === images(item).length) {
    const { image: best } = keeper(images(item));
    items(item).find(({ image }) => image === best).box.checked = true;
  }
  describe(item);
}

/** The button of a group that deletes the others, when the key of the reader may delete and there are others. */
const others = (item) => [...item.querySelectorAll(".others:enabled")].find((button) => button.checkVisibility());

/** Acts on the keys of the review: arrows move between groups, digits keep or delete, and Enter deletes the others. */
export function press(event, list) {
  if (event.target.matches("input[type=number]") || event.ctrlKey || event.metaKey || event.altKey || !list.children.length) return;
  const item = event.target.closest("#duplicates-list > li");
  const digit = /^[1-9]$/.test(event.key) && item ? items(item)[Number(event.key) - 1] : null;
  if (digit && !digit.box.disabled) digit.box.click();
  else if (event.key === "ArrowDown") (item ? item.nextElementSibling : list.firstElementChild)?.focus();
  else if (event.key === "ArrowUp") item?.previousElementSibling?.focus();
  else if (event.key === "Enter" && event.target === item) others(item)?.click();
  else return;
  event.preventDefault();
}
