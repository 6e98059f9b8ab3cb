// Forms: automatic submission, busy buttons, and checkbox states that HTML cannot express.
import { $$, on } from "./dom.js";
import { savedStates } from "./unsaved.js";

const usesHtmx = (form) => form.matches("[hx-get],[hx-post],[hx-put],[hx-patch],[hx-delete]");

on("change", ({ target }) => {
  if (target.form?.matches("[data-autosubmit]") && target.type !== "search") {
    target.form.requestSubmit();
  }
});

on("submit", (event) => {
  const { target: form, submitter } = event;
  savedStates.delete(form);
  if (form.method === "dialog" || usesHtmx(form)) return;
  // Waits for the other listeners, because a cancelled submission must not leave a busy button.
  setTimeout(() => event.defaultPrevented || submitter?.setAttribute("aria-busy", "true"));
});

// A page restored from the back-forward cache would still show the button as busy.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const button of $$("button[aria-busy]")) button.removeAttribute("aria-busy");
});

const showMixedBoxes = () => {
  for (const box of $$("[data-mixed]")) {
    box.indeterminate = true;
    box.removeAttribute("data-mixed");
  }
};
on("htmx:after:swap", showMixedBoxes);
showMixedBoxes();
