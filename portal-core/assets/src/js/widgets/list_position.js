// Position of a combobox list.

const GAP = 8;

/** Returns the top edge of a list: below its field, or above it if only that side has room. */
export const listTop = (field, height, viewportHeight) => {
  const isBelow = field.bottom + height + GAP < viewportHeight || field.top < height + GAP;
  return isBelow ? field.bottom : field.top - height - GAP;
};
