// The height of the bar, which other parts of the page keep free, and its look after scrolling.

/** Sets up the measuring. */
export function setUp() {}
