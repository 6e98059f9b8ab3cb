// Handles responses to requests from lists and drawers.
import { $, $$, on, savedStates, toast } from "../common/helpers.js";
import { DRAWER_FORMS } from "./drawer_form.js";
import { isFocusRequested, moveFocus } from "./focus.js";
import { listOf } from "./list.js";

// The drawers and dialogs of a list are outside its element.
const OVERLAYS = "pt-modal,pt-modal~dialog";

// Marks a form as dirty, so that its input is kept regardless of the response.
const markUnsaved = (form) => savedStates.set(form, "");

const handleEmptyResponse = (source, { raw, status }) => {
  const isForm = source.matches("form");
  if (isForm) markUnsaved(source);
  if (!raw.redirected) toast(`Request failed (error ${status}). Try again.`, "danger");
  else if (isForm) {
    toast("You are signed out. Sign in in another tab, then try again here.", "danger");
  } else location.assign(raw.url);
};

const replaceOverlays = (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const overlays = $$(OVERLAYS);
  // Toasts in a dialog stay visible when the dialog is removed.
  const toasts = overlays.flatMap((overlay) => $$(".pt-toasts>pt-toast", overlay));
  $(".pt-toasts:has(>template)")?.append(...toasts);
  for (const overlay of overlays) overlay.remove();
  for (const overlay of $$(OVERLAYS, page)) {
    $("main").append(overlay);
    htmx.process(overlay);
  }
};

on("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  const source = ctx.sourceElement;
  if (ctx.swap === "none" || !source.matches(`[data-list],${DRAWER_FORMS}`)) return;
  const hasContent = ({ type, fragment }) => type === "main" && fragment.childElementCount;
  if (!tasks.some(hasContent)) {
    event.preventDefault();
    handleEmptyResponse(source, ctx.response);
  } else if (source.matches("[data-list]")) {
    replaceOverlays(ctx.text);
  }
});

on("htmx:after:swap", ({ target }) => {
  const list = listOf(target);
  if (!list) return;
  // Browsers show the user's choice instead of the server's value until the form is reset.
  for (const form of $$("form[data-autosubmit]", list)) {
    if (!form.contains(document.activeElement)) form.reset();
  }
  if (isFocusRequested()) setTimeout(moveFocus, 50);
  else if (document.activeElement === document.body) {
    // The focused element was removed.
    $("[data-filter] :is(select,[name=_value]),[data-adds-filter]", list)?.focus();
  }
});

on("htmx:error", ({ detail: { ctx } }) => {
  const source = ctx?.sourceElement;
  if (!source?.matches("[data-list],form[data-guard]")) return;
  toast("Can't reach the server. Check your connection.", "danger");
  if (source.matches("form")) markUnsaved(source);
});
