// Reloads the page of an unavailable service once the service responds.

customElements.define(
  "pt-retry",
  class extends HTMLElement {
    connectedCallback() {
      this.timer = setInterval(() => this.check(), this.dataset.after * 1000);
    }

    disconnectedCallback() {
      clearInterval(this.timer);
    }

    async check() {
      const response = await fetch(location.href, { method: "HEAD" }).catch(() => null);
      if (response && response.status !== 503) location.reload();
    }
  },
);
