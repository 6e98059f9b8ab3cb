// Single-key shortcuts, and `g` followed by the letter of a navigation link.
import { $, $$, areShortcutsEnabled } from "../common/helpers.js";
import { togglePalette } from "./dialog.js";
import { showHelp } from "./help.js";
import { assignLetters } from "./navigation_keys.js";

const SEQUENCE_TIMEOUT = 2000;

/** Returns the navigation links by their letters. */
const navigationLinks = () => assignLetters($$(".pt-side .pt-nav a"));

let sequenceTimer;

const startSequence = () => {
  sequenceTimer = setTimeout(() => {
    sequenceTimer = undefined;
  }, SEQUENCE_TIMEOUT);
};

const focusRow = (step) => {
  const rows = $$(".pt-row-link");
  rows[Math.max(0, rows.indexOf(document.activeElement) + step)]?.focus();
};

const focusSearch = (button) => {
  const field = $("main [type=search]");
  if (field) field.focus();
  else togglePalette(button);
};

const SHORTCUTS = {
  g: startSequence,
  "/": focusSearch,
  "?": () => $(".pt-sheet") || showHelp(navigationLinks()),
  j: () => focusRow(1),
  k: () => focusRow(-1),
};

/** Handles a key press outside of a field. */
export const handleShortcut = (key, searchButton) => {
  if (!areShortcutsEnabled()) return;
  if (sequenceTimer) {
    clearTimeout(sequenceTimer);
    sequenceTimer = undefined;
    navigationLinks().get(key)?.click();
    return;
  }
  SHORTCUTS[key]?.(searchButton);
};
