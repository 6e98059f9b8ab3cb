// Functions of `portal.js` for the bundles that are loaded after it, so that they do not contain
// the same code again.

/** @type {typeof import("../portal/helpers.js").helpers} */
export const {
  $,
  $$,
  areShortcutsEnabled,
  confirmAction,
  createElement,
  formatTimes,
  on,
  readStored,
  retryDelay,
  root,
  savedStates,
  toast,
  writeStored,
} = window.portal.helpers;
