// Responses to the requests of lists and drawers.
import { $, $$, on, savedStates, toast } from "../common/helpers.js";
import { DRAWER_FORMS } from "./drawer_form.js";
import { isFocusRequested, moveFocus } from "./focus.js";
import { listOf } from "./list.js";

// Drawers and dialogs of a list are outside of it.
const OVERLAYS = "pt-modal,pt-modal~dialog";

// Marks a form as dirty, so that it keeps its input, whatever the server responds.
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
  // Toasts of a dialog stay when it is removed.
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
  // Browsers keep a user's choice over the value from the server until the form is reset.
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
