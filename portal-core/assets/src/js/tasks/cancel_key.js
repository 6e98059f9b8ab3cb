// The key `c` opens the confirmation for cancelling the task on the page.
import { $, areShortcutsEnabled, on } from "../common/helpers.js";

// The task list handles the same key.
const OTHER_TARGETS = "input,select,textarea,.pt-task,dialog[role=alertdialog]";

on("keydown", (event) => {
  if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!areShortcutsEnabled() || event.target.closest(OTHER_TARGETS)) return;
  $("pt-task [data-key=c]:enabled")?.click();
});
