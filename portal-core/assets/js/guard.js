// Unsaved changes in forms.
const snapshot = (form) =>
  JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
const clean = new WeakMap();
on("focusin", ({ target: { form } }) => {
  if (form?.method === "post" && !clean.has(form)) clean.set(form, snapshot(form));
});
const isDirty = (form) => clean.has(form) && clean.get(form) !== snapshot(form);
const hasUnsaved = (node) => $$("form[data-guard]", node).some(isDirty);
// Selected rows of a list are not unsaved input.
const hasInput = (node) => $$("form:not(.pt-bulk)", node).some(isDirty);
addEventListener("beforeunload", (event) => hasUnsaved(document) && event.preventDefault());

const confirmDiscard = (title, text, confirmLabel) =>
  new Promise((resolve) => {
    const button = (kind, label, value) =>
      make("button", { class: "pt-btn", "data-kind": kind, value }, label);
    const heading = make("h2", { id: "pt-ask" }, title);
    const dialog = make("dialog", { class: "pt-dialog", "aria-labelledby": "pt-ask" },
      make("div", { class: "pt-dialog-body" }, heading, make("p", {}, text)),
      make("form", { method: "dialog", class: "pt-dialog-foot" },
        button("outline", "Keep editing", ""), button("danger", confirmLabel, "yes")));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
