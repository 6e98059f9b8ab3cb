// Indexes of a list that continues at its other end.

/** Returns an index within `count` items, or -1 without items. Before the first is the last. */
export const wrapIndex = (index, count) => (count ? (index + count) % count : -1);
