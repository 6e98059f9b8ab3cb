// Indexes that wrap around at the ends of a list.

/** Wraps an index around at the ends of `count` items; returns -1 if there are no items. */
export const wrapIndex = (index, count) => (count ? (index + count) % count : -1);
