// The selected pictures, by their ids.

import { signal } from "./events.js";
import * as results from "./results.js";

/** Tells that the selection has changed. */
export const changed = signal();

const selected = new Set();

/** Follows the results: another query clears the selection, and deleted pictures leave it. */
export function setUp() {}

export const has = (id) => selected.has(id);
export const size = () => selected.size;

/** The selected ids in the order of the results; those that the results no longer have come last. */
export const ids = () => [...selected];

/** Whether a picture is selected. */
export const isOn = () => selected.size > 0;

/** Selects the picture at an index or no longer does; with `range` all from the one that was toggled before. */
export function toggle(index, { range = false } = {}) {}

/** Selects all pictures from the one that was toggled last to an index, and no others of an earlier extension. */
export function extendTo(index) {}

/** Adds pictures to the selection. */
export function addAll(indexes) {}

/** Selects these pictures and no others. */
export function replace(indexes) {}

/** Selects all results of a list, and all loaded hits of a search. */
export function selectAll() {}

/** Selects nothing. */
export function clear() {}
