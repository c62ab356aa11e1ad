// The search bar: words, a picture, the way of comparing.

import { $ } from "./dom.js";
import { forget, show, showFile } from "./pictures.js";
import * as route from "./route.js";
import { language, onLanguage, say, setLanguage } from "./say.js";

let report = () => {};
/** Leaves the large picture before another query is shown. */
let leaveViewer = () => {};

/** Wires the bar; `complain(word)` says what is wrong with a file, `leave()` closes the large picture. */
export function setUp(complain, leave) {
  report = complain;
  leaveViewer = leave;
  $("search").onsubmit = submit;
  // Enter that ends a conversion (Japanese input) must not search. Some browsers end the composition first and tell
  // by key code 229 only.
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  });
  $("modes").onchange = () => route.go({ mode: mode(), text: $("query").value });
  $("query").oninput = showClear;
  $("clear").onclick = () => {
    $("query").value = "";
    route.goHome();
    $("query").focus();
  };
  $("chip-clear").onclick = () => {
    route.go({ like: null, text: $("query").value }, null);
    $("query").focus();
  };
  $("home").onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    route.goHome();
  };
  $("pick").onclick = () => $("query-file").click();
  $("query-file").onchange = () => {
    byFile($("query-file").files[0]);
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
  route.go({ text: $("query").value, mode: $("modes").disabled ? route.query().mode : mode() });
}

/** Searches by a picture that the reader has; words already there stay. */
export function byFile(file) {
  if (!file) return;
  // An empty type is a type the system does not know: the service looks into the bytes.
  if (file.type && !file.type.startsWith("image/")) return report("no_picture");
  route.go({ like: null, text: "" }, file);
  leaveViewer();
}

function paste(event) {
  const file = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (!file || document.querySelector("dialog[open]:not(#viewer)")) return;
  event.preventDefault();
  byFile(file);
}

/** The key / goes to the search field, as on many sites. */
function slash(event) {
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  $("query").select();
}

/** Shows the query of the address in the bar. */
export function showQuery(query) {
  const picture = route.file();
  const source = picture ?? query.like;
  $("query").value = query.text;
  document.querySelector(`input[name=mode][value=${query.mode}]`).checked = true;
  $("modes").disabled = source !== null;
  $("chip").hidden = source === null;
  if (picture) showFile($("chip-picture"), picture);
  else if (source !== null) show($("chip-picture"), `/images/${source}/thumbnail?size=128`).catch(() => forget($("chip-picture")));
  else forget($("chip-picture"));
  showWords(query);
}

function showWords({ text }) {
  const byPicture = $("modes").disabled;
  $("query").placeholder = say(byPicture ? "query_hint_more" : "query_hint");
  for (const label of $("modes").querySelectorAll("label"))
    label.title = say(byPicture ? "mode_picture" : `mode_${label.firstElementChild.value}_tip`);
  $("language").lang = language() === "en" ? "ja" : "en";
  document.title = text ? `${text} – Mitsuke` : "見つけ Mitsuke";
  showClear();
}

function showClear() {
  $("clear").hidden = !$("query").value && $("chip").hidden;
}
