// Access to local storage, which the browser can deny.

/** Returns a stored value, or `undefined` if it is missing. */
export const readStored = (key) => {
  try {
    return localStorage[key];
  } catch {
    return undefined;
  }
};

/** Stores a value if the browser allows it. */
export const writeStored = (key, value) => {
  try {
    localStorage[key] = value;
  } catch {
    // The value is lost when the page closes.
  }
};
