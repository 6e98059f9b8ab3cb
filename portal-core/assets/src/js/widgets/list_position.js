// Position of the list of a combobox.

const GAP = 8;

/** Returns the top edge of a list: below its field, or above it if there is only room there. */
export const listTop = (field, height, viewportHeight) => {
  const isBelow = field.bottom + height + GAP < viewportHeight || field.top < height + GAP;
  return isBelow ? field.bottom : field.top - height - GAP;
};
