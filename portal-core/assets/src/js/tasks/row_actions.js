// Confirmations for the buttons in a row, because the buttons are small and their actions cannot be
// undone.
import { $, confirmAction, on } from "../common/helpers.js";

const confirmCancel = (name) =>
  confirmAction({
    title: `Cancel “${name}”?`,
    text: "Work already done is kept. You can run the task again later.",
    dismiss: "Keep running",
    confirm: "Cancel task",
    attributes: { role: "alertdialog" },
  });

const confirmRunAgain = (name) =>
  confirmAction({
    title: `Run “${name}” again?`,
    text: "A new task starts with the same arguments.",
    dismiss: "Don't run",
    confirm: "Run again",
    kind: "solid",
    attributes: { role: "alertdialog" },
  });

on("submit", async (event) => {
  const form = event.target;
  const row = form.closest?.(".pt-task");
  const { when } = form.dataset;
  if (!row || !when || event.defaultPrevented) return;
  event.preventDefault();
  const name = $("[data-part=title]", row)?.textContent;
  const isConfirmed = await (when === "active" ? confirmCancel(name) : confirmRunAgain(name));
  if (!isConfirmed) return;
  // Uses `submit`, since `requestSubmit` would show the confirmation again. If the list was
  // re-rendered, the form is the one in the new row.
  const current = form.isConnected ? form : $(`#${row.id} form[data-when=${when}]`);
  current?.submit();
});
