// Focus after a list is replaced because its drawer was closed.
import { $ } from "../common/helpers.js";

let pendingHash;

/** Moves the focus after the next swap: to the row that a URL fragment names, if it does. */
export const requestFocus = (hash) => {
  pendingHash = hash;
};

/** Returns `true` if the next swap moves the focus. */
export const isFocusRequested = () => pendingHash !== undefined;

/**
 * Moves the focus to the new row, otherwise to the heading.
 *
 * Keeps it on the element that opened the drawer if that has it.
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
