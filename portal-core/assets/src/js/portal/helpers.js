// Functions in this bundle that later bundles use; they import them from `common/helpers.js`.

import { retryDelay } from "./backoff.js";
import { confirmAction } from "./confirm.js";
import { $, $$, createElement, on, root } from "./dom.js";
import { areShortcutsEnabled } from "./shortcuts.js";
import { readStored, writeStored } from "./storage.js";
import { formatTimes } from "./time.js";
import { toast } from "./toast.js";
import { savedStates } from "./unsaved.js";

export const helpers = {
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
};
