// The menu "⋯" of narrow screens, which holds the tools of the bar.

/** Sets up the menu. */
export function setUp() {}
