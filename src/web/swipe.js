// Swiping in the large view.

/** Sets up swiping. `given` has step(by) and close(). */
export function setUp(given) {}
