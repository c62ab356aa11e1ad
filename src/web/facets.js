// Lists of values with their counts in the filter panel.

/** Sets up the lists. `given` has narrow(change). */
export function setUp(given) {}

/** Loads the counts for a query, while the panel is open. */
export function showQuery(query) {}
