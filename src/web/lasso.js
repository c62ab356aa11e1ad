// Selecting by a rectangle that the reader draws with a mouse or a pen.

/** Sets up drawing over the pictures. */
export function setUp() {}
