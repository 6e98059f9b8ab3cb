// Serialization of form state, for comparisons.

/** Serializes the entries of a form. A file is serialized as its name. */
export const serializeFields = (entries) =>
  JSON.stringify([...entries].map(([name, value]) => [name, value.name ?? value]));
