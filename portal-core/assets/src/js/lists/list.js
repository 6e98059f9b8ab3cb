// Lists on the page.
import { isSamePage } from "./url.js";

/** Returns the list that contains an element, if any. */
export const listOf = (element) => element?.closest?.("[data-list]");

/** Returns the list if a URL is on its page; otherwise `null`. */
export const listAt = (url, list, page = location) => (isSamePage(url, page) ? list : null);

/** Replaces a list with the list at a URL. `history` is `push` or `replace`. */
export const swapList = (list, url, history = "push") =>
  htmx.ajax("GET", url.pathname + url.search, {
    source: list,
    target: list,
    select: `#${list.id}`,
    swap: "outerMorph",
    selectOOB: "#pt-head:outerMorph",
    [history]: "true",
  });
