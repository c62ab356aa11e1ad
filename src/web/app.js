// The gallery: what is searched for lives in the address; everything else follows from it.

import * as api from "./api.js";
import * as uploads from "./uploads.js";
import * as viewer from "./viewer.js";
import { number, say, translate } from "./words.js";

const PAGE = 16;
const MODES = ["vector", "keyword", "hybrid"];
const $ = (id) => document.getElementById(id);

/** The pictures on the page, in order, and how to get the next ones (null: there are none). */
let images = [];
let next = null;
/** Pictures from the reader's disk or clipboard that were queries; history.state.picture says which one is. */
const pictures = [];
/** The query that `images` answers. */
let loaded = null;
let running = new AbortController();

// ---- what to show -------------------------------------------------------------------

/** The query in the address: {text, mode, like: id or null, open: id or null}. */
function wanted() {
  const query = new URLSearchParams(location.search);
  const id = (name) => (/^\d+$/.test(query.get(name) ?? "") ? Number(query.get(name)) : null);
  const mode = MODES.includes(query.get("mode")) ? query.get("mode") : "vector";
  return { text: query.get("q") ?? "", mode, like: id("like"), open: id("image") };
}

function address({ text, mode, like, open }) {
  const query = new URLSearchParams();
  if (text) query.set("q", text);
  if (mode !== "vector") query.set("mode", mode);
  if (like !== null) query.set("like", like);
  if (open !== null) query.set("image", open);
  return query.size ? `/?${query}` : "/";
}

/** The picture that is the query now, or null. */
const picture = () => pictures[history.state?.picture] ?? null;

/** Names the query now in the address, without the picture that is open. */
const queryKey = () => `${history.state?.picture} ${address({ ...wanted(), open: null })}`;

/** Goes to another query; Back returns to this one. `file` is null (no picture), or a picture to ask with. */
function go(change, file = picture()) {
  const before = queryKey();
  if (file && !pictures.includes(file)) pictures.push(file);
  const state = file && { picture: pictures.indexOf(file) };
  const target = address({ ...wanted(), open: null, ...change });
  if (`${state?.picture} ${target}` !== before) history.pushState(state, "", target);
  scrollTo(0, 0);
  load();
}

/** Gets one page of what the address asks for. */
function fetchPage({ text, mode, like }, position, signal) {
  const source = picture() ?? like;
  if (source !== null) return api.searchImage(source, text.trim(), PAGE, position ?? 0, signal);
  if (text.trim()) return api.searchText(text, mode, PAGE, position ?? 0, signal);
  return api.newest(PAGE, position, signal);
}

/** Shows the address's query from its first page on. */
async function load() {
  const query = wanted();
  loaded = queryKey();
  showQuery(query);
  images = [];
  next = null;
  await page(query, null, () => $("grid").replaceChildren());
  if (query.open !== null) openById(query.open);
}

async function more() {
  const first = images.length;
  await page(wanted(), next);
  $("grid").children[first]?.firstElementChild.focus({ preventScroll: true });
}

async function page(query, position, before = () => {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  $("error").hidden = true;
  $("more").disabled = true;
  $("grid").ariaBusy = "true";
  const late = setTimeout(() => ($("status").textContent = say("searching")), 300);
  try {
    const answer = await fetchPage(query, position, signal);
    if (signal.aborted) return;
    clearTimeout(late);
    before();
    const found = answer.hits ?? answer.images;
    next = answer.next_offset ?? answer.next_cursor ?? null;
    $("grid").append(...found.map((image, index) => card(image, images.length + index)));
    images.push(...found);
    showAnswer(answer);
  } catch (error) {
    clearTimeout(late);
    if (signal.aborted) return;
    before();
    $("status").textContent = "";
    complain(error);
  } finally {
    if (!signal.aborted) {
      $("more").disabled = false;
      $("more").hidden = next === null;
      $("grid").ariaBusy = "false";
    }
  }
}

function showQuery({ text, mode, like }) {
  $("query").value = text;
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  const source = picture() ?? like;
  $("chip").hidden = source === null;
  $("modes").disabled = source !== null;
  if (source instanceof Blob) api.showFile($("chip-picture"), source);
  else if (source !== null) api.show($("chip-picture"), `/images/${source}/thumbnail`);
  document.title = text ? `${text} – Mitsuke` : "Mitsuke";
}

function showAnswer(answer) {
  if (answer.model) showModel(answer.model);
  if (!answer.hits) {
    $("status").textContent = say(images.length ? "newest" : "none_yet");
    return;
  }
  const values = { count: number(images.length), ms: number(answer.took_ms.total, answer.took_ms.total < 10 ? 1 : 0) };
  $("status").textContent = images.length ? say(next === null ? "hits" : "hits_more", values) : say("none");
}

function showModel(model) {
  $("model").textContent = say("model", { name: model.model_name, version: model.model_version });
}

function complain(error) {
  $("error").hidden = false;
  $("error").textContent = error instanceof api.Refused ? error.message : say("offline");
}

function card(image, index) {
  const [item, button, img] = ["li", "button", "img"].map((name) => document.createElement(name));
  // Very long or tall pictures get a cell of bounded shape and stay whole inside it.
  item.style.setProperty("--ratio", Math.min(2.6, Math.max(0.5, image.width / image.height)).toFixed(4));
  Object.assign(img, { alt: image.caption ?? image.file_name, loading: "lazy", decoding: "async", width: image.width, height: image.height });
  if (api.hasKey()) whenNear(img, () => api.show(img, `${image.links.thumbnail}?size=512`));
  else img.src = `${image.links.thumbnail}?size=512`;
  button.type = "button";
  button.className = "card";
  button.title = image.file_name;
  button.append(img);
  if (image.distance != null) {
    const distance = document.createElement("span");
    distance.className = "distance";
    distance.textContent = number(image.distance, 3);
    distance.title = say("distance");
    button.append(distance);
  }
  button.onclick = () => open(image);
  item.dataset.index = index;
  item.append(button);
  return item;
}

const nearby = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    nearby.unobserve(target);
    target.whenNear();
  }
}, { rootMargin: "400px" });

function whenNear(img, work) {
  img.whenNear = work;
  nearby.observe(img);
}

// ---- one picture ----------------------------------------------------------------------

const indexOf = (id) => images.findIndex((image) => image.image_id === id);

function open(image) {
  const index = indexOf(image.image_id);
  const address_ = address({ ...wanted(), open: image.image_id });
  if (viewer.isOpen()) history.replaceState(history.state, "", address_);
  else if (address_ !== location.pathname + location.search) history.pushState({ ...history.state, viewer: true }, "", address_);
  viewer.open(image, { first: index <= 0, last: index < 0 || (index === images.length - 1 && next === null) });
}

async function openById(id) {
  const index = indexOf(id);
  try {
    open(index >= 0 ? images[index] : await api.image(id));
  } catch (error) {
    complain(error);
    forgetOpen();
  }
}

/** The address without the open picture, as if it had never been there. */
function forgetOpen() {
  history.replaceState({ ...history.state, viewer: false }, "", address({ ...wanted(), open: null }));
}

viewer.setUp({
  async step(by) {
    const index = indexOf(wanted().open) + by;
    if (index === images.length && next !== null) await page(wanted(), next);
    if (viewer.isOpen() && images[index]) open(images[index]);
  },
  closed() {
    const { open: id } = wanted();
    if (id === null) return;
    // The reader came through the grid: take that step back. Else there is none to take.
    if (history.state?.viewer) history.back();
    else forgetOpen();
    $("grid").children[indexOf(id)]?.firstElementChild.focus();
  },
  similar(image) {
    forgetOpen();
    viewer.close();
    go({ like: image.image_id, text: "" }, null);
  },
  async removed(image) {
    try {
      await api.remove(image.image_id);
    } catch (error) {
      if (error.status !== 404) {
        viewer.close();
        return complain(error);
      }
    }
    const index = indexOf(image.image_id);
    if (index >= 0) {
      images.splice(index, 1);
      if (typeof next === "number") next--;
      $("grid").children[index].remove();
    }
    viewer.close();
    $("status").textContent = say("removed", { name: image.file_name });
  },
});

// ---- asking ------------------------------------------------------------------------------

function searchBy(file) {
  if (!file) return;
  if (viewer.isOpen()) {
    forgetOpen();
    viewer.close();
  }
  go({ like: null, text: "" }, file);
}

// Enter that ends a conversion (Japanese input) must not search.
let composing = false;
$("query").addEventListener("compositionstart", () => (composing = true));
$("query").addEventListener("compositionend", () => (composing = false));
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
});
$("search").onsubmit = (event) => {
  event.preventDefault();
  if (!composing) go({ text: $("query").value, mode: new FormData($("search")).get("mode") ?? "vector" });
};
// The × of the field fires "search" like Enter does; only the emptied field is news.
$("query").addEventListener("search", () => !composing && !$("query").value && wanted().text && go({ text: "" }));
$("modes").onchange = (event) => go({ mode: event.target.value, text: $("query").value });
$("chip-clear").onclick = () => {
  go({ like: null }, null);
  $("query").focus();
};
$("home").onclick = (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ text: "", like: null, mode: "vector" }, null);
};
$("more").onclick = more;
$("pick").onclick = () => $("query-file").click();
$("query-file").onchange = (event) => {
  searchBy(event.target.files[0]);
  event.target.value = "";
};
$("add").onclick = () => $("add-files").click();
$("add-files").onchange = (event) => {
  uploads.add([...event.target.files]);
  event.target.value = "";
};
uploads.setUp((stored) => {
  const { text, like } = wanted();
  if (stored && !text && like === null && picture() === null && !viewer.isOpen()) load();
});

addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (file) {
    event.preventDefault();
    searchBy(file);
  }
});

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !event.target.closest("input, textarea")) {
    event.preventDefault();
    $("query").select();
  }
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const item = event.target.closest?.("#grid li");
  if (by && item) (by < 0 ? item.previousElementSibling : item.nextElementSibling)?.firstElementChild.focus();
});

// Dragged files: one half of the window searches, the other adds.
let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const zone = (event) => event.target.closest?.("#drop-search, #drop-add");
addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  depth++;
  $("drop").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (carriesFiles(event) && --depth <= 0) endDrag();
});
addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  for (const node of $("drop").children) node.classList.toggle("over", node === zone(event));
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  const target = zone(event);
  endDrag();
  if (target?.id === "drop-search") searchBy(files[0]);
  else if (target) uploads.add(files);
});
function endDrag() {
  depth = 0;
  $("drop").hidden = true;
}

// One question for a key, however many requests need it.
let asking = null;
api.onKeyNeeded((used) => {
  if (used !== api.key()) return api.key();
  asking ??= new Promise((done) => {
    $("key").showModal();
    $("key").addEventListener("close", () => done($("key-value").value.trim()), { once: true });
  }).finally(() => (asking = null));
  return asking;
});

addEventListener("popstate", () => {
  const { open: id } = wanted();
  if (viewer.isOpen() && id === null) viewer.close();
  if (queryKey() !== loaded) load();
  else if (id !== null) openById(id);
});

translate(document);
api.currentModel().then(showModel, () => {});
load();
