// The order of a list.

/** Sets up the choice of the order. */
export function setUp() {}

/** Shows the order of a query. */
export function showQuery(query) {}
