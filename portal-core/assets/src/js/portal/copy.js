// Buttons that copy text, and buttons that wrap the lines of a code block.
import { $, createElement, on } from "./dom.js";

const COPIED_DURATION = 2000;

customElements.define(
  "pt-copy",
  class extends HTMLElement {
    connectedCallback() {
      this.onclick ??= () => this.copy();
    }

    async copy() {
      const source = $("pre", this.closest(".pt-code") ?? this);
      const text = this.getAttribute("value") ?? source?.textContent ?? "";
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        this.copySelection(text);
      }
      const label = $("[data-part=label]", this);
      this.setLabel(label, "Copied");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.setLabel(label, this.labelText), COPIED_DURATION);
    }

    // Fallback without HTTPS, which the clipboard API requires.
    copySelection(text) {
      const area = createElement("textarea", { class: "pt-sr-only", "aria-hidden": "true" });
      area.value = text;
      this.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      $("button", this)?.focus();
    }

    setLabel(label, text) {
      this.labelText ??= label?.textContent;
      if (label) label.textContent = text;
      const status = $("[role=status]", this);
      if (status) status.textContent = text === this.labelText ? "" : text;
    }
  },
);

on("click", ({ target }) => {
  const button = target.closest?.("[data-wraps]");
  if (!button) return;
  button.setAttribute("aria-pressed", button.closest(".pt-code").toggleAttribute("data-wrap"));
});
