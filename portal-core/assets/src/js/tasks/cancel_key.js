// The key `c` opens the confirmation of the cancellation of the task that the page shows.
import { $, areShortcutsEnabled, on } from "../common/helpers.js";

// The list of tasks has this key too.
const OTHER_TARGETS = "input,select,textarea,.pt-task,dialog[role=alertdialog]";

on("keydown", (event) => {
  if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!areShortcutsEnabled() || event.target.closest(OTHER_TARGETS)) return;
  $("pt-task [data-key=c]:enabled")?.click();
});
