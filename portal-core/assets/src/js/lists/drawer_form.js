// Forms in drawers, and confirmations for deleting the record in a drawer. This script submits them
// and shows their errors in place.
import { $, $$, on, savedStates, toast } from "../common/helpers.js";
import { requestFocus } from "./focus.js";
import { listAt, swapList } from "./list.js";

/** Selector for forms in drawers and their confirmations. */
export const DRAWER_FORMS = "dialog>form[data-guard],pt-modal~dialog>form";

on("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.method !== "post" || !form.matches(DRAWER_FORMS)) return;
  event.preventDefault();
  const dialog = form.parentNode;
  form.setAttribute("hx-sync", "drop");
  htmx.ajax("POST", submitter?.getAttribute("formaction") ?? form.getAttribute("action"), {
    source: form,
    event,
    target: dialog,
    select: `#${CSS.escape(dialog.id)} > *`,
    swap: "innerHTML",
  });
});

// Handles a response in which the server returns the form instead of saving it.
on("htmx:after:swap", ({ detail }) => {
  const dialog = detail.ctx.target?.closest?.("dialog");
  const form = dialog && $("form[data-guard]", dialog);
  if (!form) return;
  // Closing a confirmation does not lose any input.
  if ($("[name=_confirmed]", form)) savedStates.delete(form);
  else savedStates.set(form, "");
  const { activeElement } = document;
  const fallback = dialog.contains(activeElement) ? activeElement : dialog;
  ($("[aria-invalid=true]", form) ?? fallback).focus();
});

// Handles the event that `pages/htmx.rs` sends after the server has saved the form.
on("portal:done", ({ target, detail: { to, text, tone, label, href } }) => {
  const url = new URL(to, location.href);
  const dialog = target.closest("dialog");
  // If the page is the response to a form, `location` has the path of the form's action.
  const page = new URL(dialog?.dataset.back ?? location.href, location.href);
  const list = listAt(url, $("[data-list]"), page);
  for (const form of $$("form", dialog ?? target)) savedStates.delete(form);
  if (!list) return location.assign(url);
  dialog?.close();
  if (text) toast(text, tone, href, label);
  requestFocus(url.hash);
  swapList(list, url, "replace");
});
