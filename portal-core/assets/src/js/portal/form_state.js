// Comparable state of a form.

/** Serializes the entries of a form. A file counts by its name. */
export const serializeFields = (entries) =>
  JSON.stringify([...entries].map(([name, value]) => [name, value.name ?? value]));
