// Functions from `portal.js` for the bundles loaded after it, so that those bundles do not contain
// copies of the same code.

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
