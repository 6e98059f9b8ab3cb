// Forms.
const usesHtmx = (form) => form.matches("[hx-get],[hx-post],[hx-put],[hx-patch],[hx-delete]");
on("change", ({ target }) => target.form?.matches("[data-autosubmit]") && target.type !== "search" && target.form.requestSubmit());
on("submit", (event) => {
  const { target: form, submitter } = event;
  clean.delete(form);
  if (form.method === "dialog" || usesHtmx(form)) return;
  // After the other listeners: a cancelled submit must not leave a busy button.
  setTimeout(() => event.defaultPrevented || submitter?.setAttribute("aria-busy", "true"));
});
addEventListener("pageshow", ({ persisted }) => persisted && $$("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy")));

const updateSelection = (table) => {
  const boxes = $$("tbody [data-select]", table);
  const selected = boxes.filter((box) => box.checked);
  for (const box of boxes) {
    const row = box.closest("tr");
    row.toggleAttribute("data-chosen", box.checked);
    if (box.checked) row.setAttribute("aria-selected", true);
    else if (!row.matches("[data-current]")) row.removeAttribute("aria-selected");
  }
  const all = $("[data-select-all]", table);
  if (all) {
    all.checked = selected.length > 0 && selected.length === boxes.length;
    all.indeterminate = selected.length > 0 && !all.checked;
  }
  const count = $("[data-part=count]", table.closest(".pt-card") ?? document);
  if (count) count.textContent = `${selected.length} selected`;
};
on("change", ({ target }) => {
  const table = target.closest?.("table");
  if (!table || !target.matches("[data-select],[data-select-all]")) return;
  if (target.matches("[data-select-all]"))
    $$("tbody [data-select]", table).forEach((box) => { box.checked = target.checked; });
  updateSelection(table);
});
on("reset", ({ target }) => target.matches(".pt-bulk") && setTimeout(() => $$("table", target.closest(".pt-card")).forEach(updateSelection)));

// States that HTML cannot express.
const enhanceForms = () => {
  $$("[data-mixed]").forEach((box) => { box.indeterminate = true; box.removeAttribute("data-mixed"); });
  $$("table:has([data-select])").forEach(updateSelection);
};
on("htmx:after:swap", enhanceForms);
enhanceForms();
