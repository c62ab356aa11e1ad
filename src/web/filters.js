// The filter panel, which opens and closes.

import { $ } from "./dom.js";
import { cleanFilter, FILTER_FIELDS, isValid, splitTags } from "./query.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";

const form = $("filter");
const toggle = $("filter-toggle");

export function setUp() {
  toggle.onclick = () => setOpen(form.hidden);
  // The form does not validate itself, because `values` reports wrong fields to every caller.
  form.noValidate = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    apply();
  };
  // A choice applies at once; typed text applies with Enter or the button.
  form.addEventListener("change", (event) => event.target.matches("select, [type=checkbox], [type=radio], [type=date]") && apply());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
    if (event.key !== "Escape") return;
    setOpen(false);
    toggle.focus();
  });
  $("filter-clear").onclick = () => {
    route.navigate({ filter: {}, negative: "" });
    form.querySelector("input").focus();
  };
  onLanguageChange(() => showCount(route.query()));
}

function setOpen(open) {
  form.hidden = !open;
  toggle.ariaExpanded = String(open);
}

function apply() {
  const panel = values();
  if (panel) route.navigate({ ...panel, text: $("query").value });
}

/** Reads the panel, applied or not: {filter, negative}. Returns null and shows the field when a value is invalid. */
export function values() {
  const { seed } = form.elements;
  seed.setCustomValidity(!seed.value || isValid("seed", seed.value) ? "" : say("seed_range"));
  if (!form.checkValidity()) {
    setOpen(true);
    for (const field of form.querySelectorAll("details :invalid")) field.closest("details").open = true;
    form.reportValidity();
    return null;
  }
  const given = new FormData(form);
  const written = (name) => given.getAll(name).filter((value) => value !== "");
  const filter = cleanFilter((name) => (FILTER_FIELDS[name] === "texts" ? written(name).flatMap(splitTags) : written(name)));
  return { filter, negative: given.get("negative").trim() };
}

/** Shows the filter of the address in the panel. */
export function showQuery(query) {
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = field.name === "negative" ? query.negative : query.filter[field.name];
    if (field.type === "checkbox") field.checked = value?.includes(field.value) ?? false;
    else field.value = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  showCount(query);
}

function showCount({ filter, negative }) {
  const count = Object.keys(filter).length + (negative ? 1 : 0);
  $("filter-words").textContent = count ? say("filter_count", { count: number(count) }) : say("filter");
  toggle.classList.toggle("active", count > 0);
  $("filter-clear").disabled = count === 0;
}
