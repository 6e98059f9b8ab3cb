// URLs of lists.

/** Returns `true` if two URLs have the same path on the same site. */
export const isSamePage = (url, page) => url.origin + url.pathname === page.origin + page.pathname;

/**
 * Returns the query of a filter form without empty fields.
 *
 * An empty filter stays, since it is a condition too: the field has no value.
 */
export const filterQuery = (entries) =>
  new URLSearchParams([...entries].filter(([name, value]) => value || name.startsWith("filter[")));
