// Notification bell: a menu with the latest notifications, and a toast for each that arrives while the page is open.
let lastNotifiedAt = 0;
customElements.define("pt-bell", class extends HTMLElement {
  static observedAttributes = ["data-at", "data-messages"];
  connectedCallback() { this.seenCount ??= +this.dataset.messages; }
  attributeChangedCallback(name, oldValue, newValue) {
    if (oldValue === null) return;
    if (name === "data-messages") {
      // Some were read.
      if (+newValue < this.seenCount) this.seenCount = +newValue;
    } else if (+newValue > Math.max(+oldValue, lastNotifiedAt)) {
      lastNotifiedAt = +newValue;
      // When the page is re-rendered, the other attributes change after this one.
      setTimeout(() => this.announce());
    }
  }
  announce() {
    const { title, text, tone, href, messages } = this.dataset;
    const more = messages - this.seenCount - 1;
    this.seenCount = +messages;
    toast(more > 0 ? `${title}, and ${more} more` : text ? `${title}: ${text}` : title, tone, href);
  }
});
let inboxClosedAt = 0;
on("click", async (event) => {
  const bell = event.target.closest("a.pt-bell");
  if (!bell || event.ctrlKey || event.metaKey || event.shiftKey || !bell.showPopover) return;
  event.preventDefault();
  // The press that closes the menu must not open it again.
  if (event.timeStamp - inboxClosedAt < 300) return;
  let menu = $("#pt-inbox");
  if (!menu) {
    menu = make("section", { id: "pt-inbox", class: "pt-menu pt-inbox", popover: "", role: "dialog", "aria-labelledby": "pt-inbox-title" });
    menu.onbeforetoggle = ({ newState, timeStamp }) => { if (newState === "closed") inboxClosedAt = timeStamp; };
    document.body.append(menu);
  }
  try {
    const response = await fetch(`${bell.href}/latest`);
    if (!response.ok || response.redirected) throw response;
    menu.innerHTML = await response.text();
    menu.source = bell;
    menu.showPopover({ source: bell });
  } catch {
    location.href = bell.href;
  }
});
// Reloads the page of an unavailable service once it responds.
customElements.define("pt-retry", class extends HTMLElement {
  connectedCallback() { this.timer = setInterval(() => this.check(), this.dataset.after * 1000); }
  disconnectedCallback() { clearInterval(this.timer); }
  async check() {
    const response = await fetch(location.href, { method: "HEAD" }).catch(() => 0);
    if (response && response.status !== 503) location.reload();
  }
});
