// Unsaved input: compares forms with their state when the user first focused a field.
import { $$, on } from "./dom.js";
import { serializeFields } from "./form_state.js";

const snapshot = (form) => serializeFields(new FormData(form));

/** Serialized fields of forms before any edits. An empty string marks a form as dirty. */
export const savedStates = new WeakMap();

on("focusin", ({ target: { form } }) => {
  if (form?.method === "post" && !savedStates.has(form)) savedStates.set(form, snapshot(form));
});

const isDirty = (form) => savedStates.has(form) && savedStates.get(form) !== snapshot(form);

/** Returns the guarded forms with unsaved input in a node. */
export const unsavedForms = (node) => $$("form[data-guard]", node).filter(isDirty);

/** Returns `true` if any form in a node has unsaved input. Selected table rows do not count. */
export const hasInput = (node) => $$("form:not(.pt-bulk)", node).some(isDirty);

addEventListener("beforeunload", (event) => {
  if (unsavedForms(document).length) event.preventDefault();
});
