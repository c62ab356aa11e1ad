// Selecting by touch: a long press begins a selection.

/** Sets up the long press on pictures. */
export function setUp() {}
