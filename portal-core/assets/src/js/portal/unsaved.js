// Unsaved input: compares forms with their state when the user entered them.
import { $$, on } from "./dom.js";
import { serializeFields } from "./form_state.js";

const snapshot = (form) => serializeFields(new FormData(form));

/** Serialized fields of forms as saved or first rendered. An empty string marks a form as dirty. */
export const savedStates = new WeakMap();

on("focusin", ({ target: { form } }) => {
  if (form?.method === "post" && !savedStates.has(form)) savedStates.set(form, snapshot(form));
});

const isDirty = (form) => savedStates.has(form) && savedStates.get(form) !== snapshot(form);

/** Returns the guarded forms in a node that have unsaved input. */
export const unsavedForms = (node) => $$("form[data-guard]", node).filter(isDirty);

/** Returns `true` if a form in a node has input, guarded or not; selected rows are not input. */
export const hasInput = (node) => $$("form:not(.pt-bulk)", node).some(isDirty);

addEventListener("beforeunload", (event) => {
  if (unsavedForms(document).length) event.preventDefault();
});
