// Items of the palette that the user opened last.

const MAX_ITEMS = 5;

/** Returns the items of a user from the stored text of the last user of this browser. */
export const parseRecent = (stored, scope) => {
  try {
    const { reader, items } = JSON.parse(stored);
    return reader === scope ? items : [];
  } catch {
    // Nothing is stored yet.
    return [];
  }
};

/** Returns the text to store after a user has opened an item. */
export const serializeRecent = (items, item, scope) => {
  const others = items.filter(({ href }) => href !== item.href);
  return JSON.stringify({ reader: scope, items: [item, ...others].slice(0, MAX_ITEMS) });
};
