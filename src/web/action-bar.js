// The bar of what can be done with the selected pictures.

/** Sets up the bar. `given` has removed(images), called after images have been deleted, and changed(), called after texts of images have changed. */
export function setUp(given) {}
