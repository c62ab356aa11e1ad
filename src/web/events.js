// Signals between modules.

/** Makes a signal: `on(listener)` adds a listener, and `emit(...values)` calls all listeners in the order of their adding. */
export function signal() {
  const listeners = [];
  return {
    on(listener) {
      listeners.push(listener);
    },
    emit(...values) {
      for (const listener of listeners) listener(...values);
    },
  };
}
