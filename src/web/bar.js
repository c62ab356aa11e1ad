// The search bar: words, pictures and the search mode.

import { $, make } from "./dom.js";
import * as filters from "./filters.js";
import { forget, forgetAll, show, showFile } from "./pictures.js";
import { MOST_PICTURES } from "./query.js";
import * as route from "./route.js";
import { language, onLanguage, say, setLanguage } from "./say.js";

let report = () => {};
/** Closes the large view before another query is shown. */
let leaveViewer = () => {};

/** Sets up the bar. `complain(word, values)` shows a note about the chosen files; `leave()` closes the large view. */
export function setUp(complain, leave) {
  report = complain;
  leaveViewer = leave;
  $("search").onsubmit = submit;
  // Enter that ends a conversion (Japanese input) must not search. Some browsers end the composition before the event,
  // and then only key code 229 shows it.
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  });
  $("modes").onchange = () => {
    const narrowed = filters.values();
    if (narrowed) route.go({ ...narrowed, mode: mode(), text: $("query").value });
    else showMode(route.query());
  };
  $("query").oninput = showClear;
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
    byFiles([...$("query-file").files]);
    $("query-file").value = "";
  };
  addEventListener("paste", paste);
  addEventListener("keydown", slash);
  $("language").onclick = () => setLanguage(language() === "en" ? "ja" : "en");
  onLanguage(() => showWords(route.query()));
}

const mode = () => new FormData($("search")).get("mode") ?? "vector";

function submit(event) {
  event.preventDefault();
  // The query includes what is typed into the filter panel, even before it is applied there.
  const narrowed = filters.values();
  if (narrowed) route.go({ ...narrowed, text: $("query").value, mode: $("modes").disabled ? route.query().mode : mode() });
}

/** Searches by the reader's own pictures, all of them together. */
export function byFiles(files) {
  // The type is empty when the system does not know it; the service looks into the bytes.
  const pictures = files.filter(({ type }) => !type || type.startsWith("image/"));
  if (!files.length) return;
  if (!pictures.length) return report("no_picture");
  route.go({ ...filters.values(), like: [], text: "" }, pictures.slice(0, MOST_PICTURES));
  leaveViewer();
  if (pictures.length > MOST_PICTURES) report("pictures_many", { most: MOST_PICTURES, count: pictures.length });
}

function paste(event) {
  const file = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (!file || document.querySelector("dialog[open]:not(#viewer)")) return;
  event.preventDefault();
  byFiles([file]);
}

/** Moves the focus to the search field when the reader types /. */
function slash(event) {
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
  forgetAll($("chips"));
  const without = (list, one) => list.filter((other) => other !== one);
  $("chips").replaceChildren(
    ...files.map((file) => chip((img) => showFile(img, file), { change: {}, files: without(files, file) })),
    ...query.like.map((id) => chip(
      (img) => show(img, `/images/${id}/thumbnail?size=128`).catch(() => forget(img)),
      { change: { like: without(query.like, id) }, files },
    )),
  );
  $("chips").hidden = !$("modes").disabled;
  showWords(query);
}

const showMode = ({ mode }) => (document.querySelector(`input[name=mode][value=${mode}]`).checked = true);

/** Makes the list item of one picture of the query, with a button that removes it. */
function chip(fill, { change, files }) {
  const img = make("img", { onerror: () => forget(img) });
  const away = () => {
    route.go({ ...filters.values(), ...change, text: $("query").value }, files);
    $("query").focus();
  };
  const button = make("button", { type: "button", textContent: "×", onclick: away });
  fill(img);
  return make("li", {}, img, button);
}

function showWords({ text }) {
  const byPicture = $("modes").disabled;
  $("query").placeholder = say(byPicture ? "query_hint_more" : "query_hint");
  for (const img of $("chips").querySelectorAll("img")) img.alt = say("query_picture");
  for (const button of $("chips").querySelectorAll("button")) button.title = button.ariaLabel = say("clear_picture");
  for (const label of $("modes").querySelectorAll("label"))
    label.title = say(byPicture ? "mode_picture" : `mode_${label.firstElementChild.value}_tip`);
  $("language").lang = language() === "en" ? "ja" : "en";
  document.title = text ? `${text} – Mitsuke` : "見つけ Mitsuke";
  showClear();
}

function showClear() {
  $("clear").hidden = !$("query").value && $("chips").hidden;
}
