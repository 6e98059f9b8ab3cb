// List URLs.

/** Returns `true` if two URLs have the same path on the same site. */
export const isSamePage = (url, page) => url.origin + url.pathname === page.origin + page.pathname;

/**
 * Returns the query of a filter form without its empty fields.
 *
 * Empty filters are included, because they are also conditions: the field has no value.
 */
export const filterQuery = (entries) =>
  new URLSearchParams([...entries].filter(([name, value]) => value || name.startsWith("filter[")));
