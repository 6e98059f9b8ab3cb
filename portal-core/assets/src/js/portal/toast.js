// Toasts.
import { $, $$, createElement, on } from "./dom.js";
import { toastsToDismiss } from "./toast_limit.js";

const VISIBLE_DURATION = 6000;
const LEAVE_DURATION = 200;

customElements.define(
  "pt-toast",
  class extends HTMLElement {
    connectedCallback() {
      if (this.ready) return;
      this.ready = true;
      $("[data-dismiss]", this)?.addEventListener("click", () => this.dismiss());
      if (this.dataset.tone === "danger") return;
      const startTimer = () => {
        clearTimeout(this.timer);
        if (this.matches(":hover,:focus-within")) return;
        this.timer = setTimeout(() => this.dismiss(), VISIBLE_DURATION);
      };
      for (const type of ["pointerenter", "focusin", "pointerleave", "focusout"]) {
        this.addEventListener(type, () => setTimeout(startTimer));
      }
      startTimer();
    }

    dismiss() {
      clearTimeout(this.timer);
      this.dataset.leaving = "";
      setTimeout(() => this.remove(), LEAVE_DURATION);
    }
  },
);

const PAGE_REGION = ".pt-toasts:has(>template)";

// Screen readers do not announce the initial content of a region, so its first toasts are delayed.
const queueInNewRegion = (dialog, toastArguments) => {
  const attributes = { class: "pt-toasts", role: "status", "aria-atomic": "false" };
  const region = createElement("div", attributes);
  region.queue = [toastArguments];
  dialog.append(region);
  setTimeout(() => {
    const { queue } = region;
    delete region.queue;
    for (const queued of queue) toast(...queued);
  }, 100);
};

/** Shows a toast, optionally with a link. */
export const toast = (text, tone = "info", href, linkLabel) => {
  const pageRegion = $(PAGE_REGION);
  const template =
    pageRegion &&
    ($(`template[data-tone=${CSS.escape(tone)}]`, pageRegion) ?? $("template", pageRegion));
  if (!template) return;
  // Users can neither see nor reach content behind an open dialog.
  const dialog = $$("dialog:modal").at(-1);
  const region = dialog ? $(":scope>.pt-toasts", dialog) : pageRegion;
  const toastArguments = [text, tone, href, linkLabel];
  if (!region) return queueInNewRegion(dialog, toastArguments);
  if (region.queue) {
    region.queue.push(toastArguments);
    return;
  }
  const element = template.content.firstElementChild.cloneNode(true);
  const label = $("[data-part=text]", element);
  label.textContent = text;
  if (href) {
    const attributes = { class: "pt-btn", "data-kind": "outline", "data-size": "1", href };
    label.after(createElement("a", attributes, linkLabel ?? "View"));
  }
  region.append(element);
  const visible = $$("pt-toast:not([data-leaving])", region);
  for (const old of toastsToDismiss(visible)) old.dismiss();
};

// Toasts in a dialog stay visible when the dialog closes.
on(
  "close",
  ({ target }) => $(PAGE_REGION)?.append(...$$(":scope>.pt-toasts>pt-toast", target)),
  true,
);

// The server sends the header `HX-Trigger: {"portal:toast": {"text": "...", "tone": "success"}}`.
on("portal:toast", ({ detail }) => toast(detail.text, detail.tone));
