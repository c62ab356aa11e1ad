// Helpers for elements. They insert texts as text only and never parse HTML.

export const $ = (id) => document.getElementById(id);

/** Makes an element with properties and children (nodes or texts). */
export function make(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/** Opens a modal dialog and returns a promise of its return value, which is "" when the dialog was dismissed. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}
