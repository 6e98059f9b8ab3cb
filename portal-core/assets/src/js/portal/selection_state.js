// State of the checkbox that selects all rows.

/** Returns the properties of the checkbox for a number of selected rows among all rows. */
export const selectAllState = (selected, total) => {
  const checked = selected > 0 && selected === total;
  return { checked, indeterminate: selected > 0 && !checked };
};
