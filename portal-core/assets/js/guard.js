// Forms that would lose something.
const snapshot = (form) =>
  JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
const clean = new WeakMap();
on("focusin", ({ target: { form } }) => {
  if (form?.method === "post" && !clean.has(form)) clean.set(form, snapshot(form));
});
const isDirty = (form) => clean.has(form) && clean.get(form) !== snapshot(form);
const dirtyIn = (node) => $$("form[data-guard]", node).some(isDirty);
// Boxes ticked in a list are not input that could be lost.
const hasInput = (node) => $$("form:not(.pt-bulk)", node).some(isDirty);
addEventListener("beforeunload", (event) => dirtyIn(document) && event.preventDefault());

const ask = (title, text, yes) =>
  new Promise((answer) => {
    const button = (kind, label, value) =>
      make("button", { class: "pt-btn", "data-kind": kind, value }, label);
    const heading = make("h2", { id: "pt-ask" }, title);
    const dialog = make("dialog", { class: "pt-dialog", "aria-labelledby": "pt-ask" },
      make("div", { class: "pt-dialog-body" }, heading, make("p", {}, text)),
      make("form", { method: "dialog", class: "pt-dialog-foot" },
        button("outline", "Keep editing", ""), button("danger", yes, "yes")));
    dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
