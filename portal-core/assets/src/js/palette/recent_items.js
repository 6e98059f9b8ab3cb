// Palette items that the user opened most recently.

const MAX_ITEMS = 5;

/** Parses the stored items; returns none if another user of this browser stored them. */
export const parseRecent = (stored, scope) => {
  try {
    const { reader, items } = JSON.parse(stored);
    return reader === scope ? items : [];
  } catch {
    // No valid items are stored.
    return [];
  }
};

/** Returns the text to store after a user has opened an item. */
export const serializeRecent = (items, item, scope) => {
  const others = items.filter(({ href }) => href !== item.href);
  return JSON.stringify({ reader: scope, items: [item, ...others].slice(0, MAX_ITEMS) });
};
