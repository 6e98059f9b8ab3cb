// Selection of table rows.
import { $, $$, on } from "./dom.js";
import { selectAllState } from "./selection_state.js";

/** Shows the selection of a table in its rows, its header and its toolbar. */
export const updateSelection = (table) => {
  const boxes = $$("tbody [data-select]", table);
  const selected = boxes.filter((box) => box.checked).length;
  for (const box of boxes) {
    const row = box.closest("tr");
    row.toggleAttribute("data-chosen", box.checked);
    if (box.checked) row.setAttribute("aria-selected", true);
    else if (!row.matches("[data-current]")) row.removeAttribute("aria-selected");
  }
  const all = $("[data-select-all]", table);
  if (all) Object.assign(all, selectAllState(selected, boxes.length));
  const card = table.closest(".pt-card") ?? document;
  const count = $("[data-part=count]", card);
  const matching = $("[data-select-matching]:checked", card)?.dataset.selectMatching;
  if (count) count.textContent = `${matching ?? selected} selected`;
};

on("change", ({ target }) => {
  if (target.matches?.("[data-select-matching]")) {
    return $$("table", target.closest(".pt-card") ?? document).forEach(updateSelection);
  }
  const table = target.closest?.("table");
  if (!table || !target.matches("[data-select],[data-select-all]")) return;
  if (target.matches("[data-select-all]")) {
    for (const box of $$("tbody [data-select]", table)) box.checked = target.checked;
  }
  // The user chooses rows again.
  for (const box of $$("[data-select-matching]", table.closest(".pt-card") ?? document))
    box.checked = false;
  updateSelection(table);
});

on("reset", ({ target }) => {
  if (!target.matches(".pt-bulk")) return;
  // The checkboxes change after the event.
  setTimeout(() => $$("table", target.closest(".pt-card")).forEach(updateSelection));
});

const updateAllSelections = () => $$("table:has([data-select])").forEach(updateSelection);
on("htmx:after:swap", updateAllSelections);
updateAllSelections();
