// The filter panel, which opens and closes: beside the pictures, or over them on a narrow screen.

import { $ } from "./dom.js";
import * as facets from "./facets.js";
import { countSet, SECTIONS } from "./filter-fields.js";
import { cleanFilter, FILTER_FIELDS, isValid } from "./query.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";

const form = $("filter");
const toggle = $("filter-toggle");
/** Screens on which the panel covers the pictures. */
const narrow = matchMedia("(max-width: 60rem)");
/** Number of pictures that pass the filter, or null when nobody knows it. */
let total = null;
/** True while a choice is applied, which leaves the texts of the find fields where they are. */
let keepsTyped = false;

export function setUp() {
  toggle.onclick = () => setOpen(form.hidden);
  $("filter-close").onclick = close;
  narrow.addEventListener("change", () => showOpen(!form.hidden));
  // The form does not validate itself, because `values` reports wrong fields to every caller.
  form.noValidate = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    if (apply() && narrow.matches && event.submitter) close();
  };
  // A choice applies at once; typed text applies with Enter or the button.
  form.addEventListener("change", ({ target }) => target.matches("select, [type=checkbox], [type=radio], [type=date]") && applyChoice(target));
  form.addEventListener("keydown", press);
  $("filter-clear").onclick = () => {
    route.navigate({ filter: {}, negative: "" });
    form.querySelector("summary").focus();
  };
  facets.setUp({
    total(count) {
      total = count;
      showApply();
    },
    chosen: applyChoices,
  });
  onLanguageChange(() => showCount(route.query()));
}

function press(event) {
  // The keys of an input method are its own.
  const converting = event.isComposing || event.keyCode === 229;
  if (event.key === "Enter" && converting) event.preventDefault();
  if (event.key !== "Escape" || converting || event.defaultPrevented) return;
  const { facet } = event.target.closest("[data-facet]")?.dataset ?? {};
  if (facet && event.target.type !== "checkbox" && event.target.value) facets.clearFind(facet);
  else close();
}

function close() {
  setOpen(false);
  toggle.focus();
}

function setOpen(open) {
  showOpen(open);
  if (!open) return;
  const query = route.query();
  for (const section of SECTIONS) if (countSet(section, query)) $(`section-${section}`).open = true;
  if (narrow.matches) $("filter-close").focus();
  facets.load();
}

/** Shows or hides the panel. What it covers cannot be reached meanwhile. */
function showOpen(open) {
  form.hidden = !open;
  toggle.ariaExpanded = String(open);
  const covers = open && narrow.matches;
  for (const node of [document.querySelector("header"), $("skip"), $("pictures"), $("selection")]) node.inert = covers;
  showApply();
}

/** Applies the panel and returns whether its values are valid. */
function apply() {
  const panel = values();
  if (panel) route.navigate({ ...panel, text: $("query").value });
  return Boolean(panel);
}

/** Applies a choice. The text in the find field of its list has served to find it. */
function applyChoice(field) {
  const { facet } = field.closest("[data-facet]")?.dataset ?? {};
  if (facet) facets.clearFind(facet);
  applyChoices();
}

/** Applies what is chosen. The texts in find fields wait for the button. */
function applyChoices() {
  const panel = values({ typed: false });
  keepsTyped = true;
  if (panel) route.navigate({ ...panel, text: $("query").value });
  keepsTyped = false;
}

/**
 * Reads the panel, applied or not: {filter, negative}. Returns null and shows the field when a value is invalid. The texts
 * of the find fields count unless `typed` is false.
 */
export function values({ typed = true } = {}) {
  const { seed } = form.elements;
  seed.setCustomValidity(!seed.value || isValid("seed", seed.value) ? "" : say("seed_range"));
  if (!form.checkValidity()) {
    setOpen(true);
    for (const field of form.querySelectorAll("details :invalid")) field.closest("details").open = true;
    form.reportValidity();
    return null;
  }
  const given = new FormData(form);
  const found = typed ? facets.typed() : {};
  const filter = cleanFilter((name) => [...given.getAll(name).filter((value) => value !== ""), ...(found[name] ?? [])]);
  return { filter, negative: given.get("negative").trim() };
}

/** Shows the filter of the address in the panel. */
export function showQuery(query) {
  for (const field of form.elements) {
    if (!field.name || FILTER_FIELDS[field.name] === "texts") continue;
    const value = field.name === "negative" ? query.negative : query.filter[field.name];
    if (field.type === "checkbox") field.checked = value?.includes(field.value) ?? false;
    else field.value = value ?? "";
  }
  if (!keepsTyped) facets.clearFind();
  facets.showQuery(query);
  showCount(query);
}

function showCount(query) {
  const count = SECTIONS.reduce((sum, section) => sum + countSet(section, query), 0);
  $("filter-words").textContent = count ? say("filter_count", { count: number(count) }) : say("filter");
  toggle.classList.toggle("active", count > 0);
  // A narrow bar has room for the number only.
  toggle.dataset.count = count || "";
  $("filter-clear").disabled = count === 0;
  for (const section of SECTIONS) {
    const [name, set] = [say(`section_${section}`), countSet(section, query)];
    $(`section-${section}`).querySelector("summary").textContent = set ? say("section_count", { name, count: number(set) }) : name;
  }
  showApply();
}

/** Names the button that applies typed text; over the pictures it also leads back to them. */
function showApply() {
  if (!narrow.matches) $("filter-apply").textContent = say("filter_apply");
  else $("filter-apply").textContent = total === null ? say("filter_show") : say("filter_show_n", { count: number(total) });
}
