// Progress that screen readers announce, at most once every ten percent.
import { $ } from "../common/helpers.js";

const stepOf = (bar) => Math.floor(bar.value / 10);

customElements.define(
  "pt-progress",
  class extends HTMLElement {
    connectedCallback() {
      const bar = $("progress", this);
      let announcedStep = stepOf(bar);
      this.observer = new MutationObserver(() => {
        const step = stepOf(bar);
        if (step === announcedStep) return;
        announcedStep = step;
        $("[role=status]", this).textContent = `${this.dataset.label}: ${bar.value}%`;
      });
      this.observer.observe(bar, { attributeFilter: ["value"] });
    }

    disconnectedCallback() {
      this.observer.disconnect();
    }
  },
);
