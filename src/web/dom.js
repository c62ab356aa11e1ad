// Elements, in few words. Texts go in as text only: nothing here reads HTML.

export const $ = (id) => document.getElementById(id);

/** A new element with properties and children (nodes or texts). */
export function make(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/** Opens a modal dialog and gives its return value when it closes; "" when it was dismissed. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}
