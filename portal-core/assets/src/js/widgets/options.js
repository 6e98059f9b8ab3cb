// Combobox items.

/** Returns the items whose label or hint contains a text. */
export const filterItems = (items, query) => {
  const needle = query.toLowerCase();
  return items.filter(({ label, hint }) => `${label} ${hint ?? ""}`.toLowerCase().includes(needle));
};

/** Returns `true` if no item has this label, so that a new one can be created. */
export const isNewLabel = (items, label) =>
  label !== "" && !items.some((item) => item.label.toLowerCase() === label.toLowerCase());

/** Returns the text that screen readers announce for a number of matches. */
export const matchesText = (count) => (count === 1 ? "1 match" : `${count} matches`);
