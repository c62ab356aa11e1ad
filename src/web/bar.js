// The search bar: words, pictures and the search mode.

import { $, make } from "./dom.js";
import * as filters from "./filters.js";
import { release, releaseAll, show, showFile } from "./pictures.js";
import { EMPTY, MAX_PICTURES } from "./query.js";
import * as route from "./route.js";
import { nextLanguage, onLanguageChange, say, setLanguage } from "./say.js";

/** On such a screen a keyboard covers half of the page while a field has the focus. */
const touchScreen = matchMedia("(pointer: coarse)");

let showNote = () => {};
/** Closes the large view before another query is shown. */
let closeViewer = () => {};

/** Sets up the bar. `note(word, values)` shows a note about the chosen files; `close()` closes the large view. */
export function setUp(note, close) {
  showNote = note;
  closeViewer = close;
  $("search").onsubmit = submit;
  // Enter that ends a conversion (Japanese input) must not search. Some browsers end the composition before the event,
  // and then only key code 229 shows it.
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  });
  $("modes").onchange = () => {
    const panel = filters.values();
    if (panel) route.navigate({ ...panel, mode: mode(), text: $("query").value });
    else showMode(route.query());
  };
  $("query").oninput = $("query").onchange = showClear;
  $("clear").onclick = () => {
    $("query").value = "";
    route.goHome();
    $("query").focus();
  };
  $("home").onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    route.goHome();
  };
  $("pick").onclick = () => $("query-file").click();
  $("query-file").onchange = () => {
    searchByFiles([...$("query-file").files]);
    $("query-file").value = "";
  };
  addEventListener("paste", paste);
  addEventListener("keydown", focusOnSlash);
  $("language").onclick = () => setLanguage(nextLanguage());
  onLanguageChange(() => showTexts(route.query()));
}

const mode = () => new FormData($("search")).get("mode") ?? EMPTY.mode;

function submit(event) {
  event.preventDefault();
  // The query includes what is typed into the filter panel, even before it is applied there.
  const panel = filters.values();
  if (!panel) return;
  route.navigate({ ...panel, text: $("query").value, mode: $("modes").disabled ? route.query().mode : mode() });
  if (touchScreen.matches) $("query").blur();
}

/** Searches by the reader's own pictures, all of them together. */
export function searchByFiles(files) {
  // The type is empty when the system does not know it; the service looks into the bytes.
  const pictures = files.filter(({ type }) => !type || type.startsWith("image/"));
  if (!files.length) return;
  if (!pictures.length) return showNote("no_picture");
  route.navigate({ ...filters.values(), like: [], text: "" }, pictures.slice(0, MAX_PICTURES));
  closeViewer();
  if (pictures.length > MAX_PICTURES) showNote("pictures_many", { most: MAX_PICTURES, count: pictures.length });
}

function paste(event) {
  const file = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (!file || document.querySelector("dialog[open]:not(#viewer)")) return;
  event.preventDefault();
  searchByFiles([file]);
}

/** Moves the focus to the search field when the reader types /. */
function focusOnSlash(event) {
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  $("query").select();
}

/** Shows the query of the address in the bar. */
export function showQuery(query) {
  const files = route.files();
  $("query").value = query.text;
  showMode(query);
  $("modes").disabled = files.length + query.like.length > 0;
  releaseAll($("chips"));
  const without = (list, one) => list.filter((other) => other !== one);
  $("chips").replaceChildren(
    ...files.map((file) => chip((img) => showFile(img, file), { change: {}, files: without(files, file) })),
    ...query.like.map((id) => chip(
      (img) => show(img, `images/${id}/thumbnail?size=128`).catch(() => release(img)),
      { change: { like: without(query.like, id) }, files },
    )),
  );
  $("chips").hidden = !$("modes").disabled;
  showTexts(query);
}

const showMode = ({ mode }) => (document.querySelector(`input[name=mode][value=${mode}]`).checked = true);

/** Makes the list item of one picture of the query, with a button that removes it. */
function chip(fill, { change, files }) {
  const img = make("img", { onerror: () => release(img) });
  const remove = () => {
    route.navigate({ ...filters.values(), ...change, text: $("query").value }, files);
    if (!touchScreen.matches) $("query").focus();
  };
  const button = make("button", { type: "button", textContent: "×", onclick: remove });
  fill(img);
  return make("li", {}, img, button);
}

function showTexts({ text }) {
  const byPicture = $("modes").disabled;
  $("query").placeholder = say(byPicture ? "query_hint_more" : "query_hint");
  for (const img of $("chips").querySelectorAll("img")) img.alt = say("query_picture");
  for (const button of $("chips").querySelectorAll("button")) button.title = button.ariaLabel = say("clear_picture");
  for (const label of $("modes").querySelectorAll("label"))
    label.title = say(byPicture ? "mode_picture" : `mode_${label.firstElementChild.value}_tip`);
  showNextLanguage();
  document.title = text ? `${text} – Mitsuke` : "見つけ Mitsuke";
  showClear();
}

/** Shows the language that the button changes to, in its own words. */
function showNextLanguage() {
  const next = nextLanguage();
  const { code: lang, name } = next;
  Object.assign($("language"), { lang, textContent: name, title: say("language_tip", { name }, next) });
}

function showClear() {
  $("clear").hidden = !$("query").value && $("chips").hidden;
}
