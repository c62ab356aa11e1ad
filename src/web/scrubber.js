// The strip of dates at the right edge of a list, which scrolls to a month.

/** Sets up the strip. It appears when the results have dates of two months or more. */
export function setUp() {}
