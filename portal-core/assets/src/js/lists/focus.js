// Focus placement after a list is replaced because its drawer was closed.
import { $ } from "../common/helpers.js";

let pendingHash;

/** Makes the next swap move the focus: to the row in a URL fragment, if there is one. */
export const requestFocus = (hash) => {
  pendingHash = hash;
};

/** Returns `true` if the next swap will move the focus. */
export const isFocusRequested = () => pendingHash !== undefined;

/**
 * Moves the focus to the requested row, or to the heading if there is no such row.
 *
 * If there is no row, the focus stays on an element that has it, such as the drawer's opener.
 */
export const moveFocus = () => {
  const row = pendingHash && document.getElementById(decodeURIComponent(pendingHash.slice(1)));
  pendingHash = undefined;
  const link = row && $(".pt-row-link", row);
  if (!link && document.activeElement !== document.body) return;
  const heading = $("h1");
  if (heading) heading.tabIndex = -1;
  (link || heading)?.focus();
};
