// The dialog that changes the tags of many pictures.

/** Sets up the dialog. `given` has changed(), which is called after tags have changed. */
export function setUp(given) {}

/** Opens the dialog for images. */
export function open(ids) {}
